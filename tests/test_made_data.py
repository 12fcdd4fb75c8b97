"""The made tasks are what their papers define, sequence by sequence."""

import numpy as np
import pytest

from tsrnn.datasets import make_adding_problem, make_copy_memory, make_temporal_order

MAKERS = [make_adding_problem, make_copy_memory, make_temporal_order]


@pytest.mark.parametrize("n_steps", [2, 5, 10, 101])
def test_adding_problem(n_steps):
    X, y = make_adding_problem(400, n_steps, random_state=0)
    assert X.shape == (400, n_steps, 2) and y.shape == (400,)
    assert (X[..., 0] >= 0).all() and (X[..., 0] < 1).all()
    places = []
    for x, target in zip(X, y):
        first, second = np.flatnonzero(x[:, 1])
        assert first < n_steps // 2 <= second and x[first, 1] == x[second, 1] == 1
        assert target == x[first, 0] + x[second, 0]
        places.append((first, second))
    for found, expected in zip(
        np.transpose(places), (range(n_steps // 2), range(n_steps // 2, n_steps))
    ):
        assert set(found) == set(expected)  # each step of a half


def test_errors_of_those_who_guess():
    _, y = make_adding_problem(200_000, 4, random_state=0)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, rel=0.01)


@pytest.mark.parametrize(("n_steps", "n_symbols", "n_copied"), [(1, 8, 10), (20, 3, 4), (7, 1, 1)])
def test_copy_memory(n_steps, n_symbols, n_copied):
    X, y = make_copy_memory(50, n_steps, n_symbols=n_symbols, n_copied=n_copied, random_state=0)
    assert X.shape == (50, n_steps + 2 * n_copied, n_symbols + 2) and y.shape == X.shape[:2]
    assert set(np.unique(X)) == {0, 1} and (X.sum(axis=2) == 1).all()
    blank, delimiter = n_symbols, n_symbols + 1
    for read, written in zip(X.argmax(axis=2).tolist(), y.tolist()):
        symbols = read[:n_copied]
        assert read == symbols + [blank] * (n_steps - 1) + [delimiter] + [blank] * n_copied
        assert written == [blank] * (n_steps + n_copied) + symbols
    assert set(np.unique(y[:, -n_copied:])) == set(range(n_symbols))


@pytest.mark.parametrize("n_steps", [10, 25, 100])
def test_temporal_order(n_steps):
    X, y = make_temporal_order(400, n_steps, random_state=0)
    assert X.shape == (400, n_steps, 8) and (X.sum(axis=2) == 1).all()
    for symbols, label in zip(X.argmax(axis=2), y):
        text = "".join("EBabcdXY"[symbol] for symbol in symbols)
        assert text[0] == "E" and text[-1] == "B" and set(text[1:-1]) <= set("abcdXY")
        assert "".join(symbol for symbol in text if symbol in "XY") == label
        first, second = (i for i, symbol in enumerate(text) if symbol in "XY")
        assert n_steps <= 10 * first < 2 * n_steps and 5 * n_steps <= 10 * second < 6 * n_steps
    labels, counts = np.unique(y, return_counts=True)
    assert labels.tolist() == ["XX", "XY", "YX", "YY"] and counts.min() > 70


@pytest.mark.parametrize("make", MAKERS)
def test_random_state(make):
    one, same, other = (
        make(5, 20, random_state=0),
        make(5, 20, random_state=np.random.RandomState(0)),
        make(5, 20),
    )
    for first, second in zip(one, same):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize(
    ("make", "size", "value", "wanted"),
    [
        (make_adding_problem, "n_sequences", 0, r"\[1, inf\)"),
        (make_adding_problem, "n_steps", 1, r"\[2, inf\)"),
        (make_temporal_order, "n_steps", 9, r"\[10, inf\)"),
        (make_temporal_order, "n_steps", 20.0, r"\[10, inf\)"),
        (make_copy_memory, "n_copied", 0, r"\[1, inf\)"),
        (make_copy_memory, "n_symbols", True, r"\[1, inf\)"),
    ],
)
def test_sizes_that_cannot_be(make, size, value, wanted):
    sentence = rf"^{size} of {make.__name__} must be an int in {wanted}; got {value}\.$"
    with pytest.raises(ValueError, match=sentence):
        make(**{size: value})
