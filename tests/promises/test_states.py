"""States belong to series: by label where there are labels, by place where there are none; chunks may be empty."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tsrnn import RNNSequenceClassifier, RNNSequenceRegressor, as_sequences

BOTH = [RNNSequenceRegressor, RNNSequenceClassifier]
SMALL = {"hidden_size": 4, "max_iter": 2, "random_state": 0}
NAMES = ["c", "a", "d", "b"]
T, F = 12, 2
BLOCK = np.random.default_rng(0).normal(size=(4, T, F))


def frame(names=NAMES, first=0, last=T):
    index = pd.MultiIndex.from_product([names, range(first, last)])
    return pd.DataFrame(
        np.concatenate([BLOCK[NAMES.index(name), first:last] for name in names]), index, ["u", "v"]
    )


def rows(names, first, last):
    X = frame(names, first, last)
    return X.to_numpy(), {"series": X.index.get_level_values(0)}


# Ways to say which series a row belongs to: (X, further arguments) of some series and steps.
WAYS = {
    "frame": lambda *chosen: (frame(*chosen), {}),
    "series=": rows,
    "list of frames": lambda *chosen: (as_sequences(frame(*chosen)), {}),
}


def fitted(Estimator, cell="lstm", **options):
    y = BLOCK[:, :, 0] if Estimator is RNNSequenceRegressor else BLOCK[:, :, 0] > 0
    return Estimator(cell=cell, **SMALL | options).fit(frame(), y.reshape(-1))


def of_steps(found):
    return np.concatenate(found) if isinstance(found, list) else found


def outputs(model, X, **given):
    """What every method of predictions says."""
    methods = ("predict", "predict_proba", "predict_log_proba")
    return [of_steps(getattr(model, name)(X, **given)) for name in methods if hasattr(model, name)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_series_in_any_order_and_company_go_on_where_they_were(Estimator, cell, way):
    model, make = fitted(Estimator, cell), WAYS[way]
    whole = {name: outputs(model, frame([name])) for name in NAMES}
    X, given = make(["c", "a", "d"], 0, 5)
    _, state = model.predict_with_state(X, **given)
    assert list(state) == ["c", "a", "d"]
    assert all(one.shape == (1, 2 if cell == "lstm" else 1, 4) for one in state.values())
    X, given = make(["b", "d", "c"], 5, 9)  # a newcomer, another order, one is missing
    found = outputs(model, X, initial_state=state, **given)
    y, later = model.predict_with_state(X, initial_state=state, **given)
    assert_array_equal(of_steps(y), found[0])
    new = model.predict(frame(["b"], 5, 9))
    assert_array_equal(found[0][:4], new)
    for k, both in enumerate(zip(whole["d"], whole["c"])):
        assert_array_equal(found[k][4:8], both[0][5:9])
        assert_array_equal(found[k][8:], both[1][5:9])
    assert set(later) == set(NAMES)
    assert_array_equal(later["a"], state["a"])  # who was not there stays where it was
    X, given = make(["a"], 5, T)
    assert_array_equal(of_steps(model.predict(X, initial_state=later, **given)), whole["a"][0][5:])
    pickled = pickle.loads(pickle.dumps(later))
    assert_array_equal(
        of_steps(model.predict(X, initial_state=pickled, **given)), whole["a"][0][5:]
    )


@pytest.mark.parametrize("Estimator", BOTH)
def test_states_without_labels_are_an_array_in_order(Estimator):
    model = fitted(Estimator)
    for X, later in ((BLOCK[:, :5], BLOCK[:, 5:]), (list(BLOCK[:, :5]), list(BLOCK[:, 5:]))):
        _, state = model.predict_with_state(X)
        assert state.shape == (4, 1, 2, 4)
        assert_array_equal(of_steps(list(model.predict(later, initial_state=state))),
                           np.concatenate(list(model.predict(BLOCK)[:, 5:])))  # fmt: skip
        with pytest.raises(
            ValueError, match=r"initial_state must be numbers of shape \(4, 1, 2, 4\)"
        ):
            model.predict(later, initial_state=state[:3])
        with pytest.raises(
            ValueError, match="initial_state must be an array where series have no labels"
        ):
            model.predict(later, initial_state=dict(zip(NAMES, state)))


def test_states_by_place_of_series_with_labels_are_announced_to_go():
    model = fitted(RNNSequenceRegressor)
    _, state = model.predict_with_state(frame(NAMES, 0, 5))
    by_place = np.stack([state[name] for name in NAMES])
    later = frame(NAMES, 5)
    with pytest.warns(
        FutureWarning, match="matched by place and will be refused: give a dict of label"
    ) as caught:
        found = model.predict(later, initial_state=by_place)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(found, model.predict(later, initial_state=state))


BAD_STATES = {
    "shape": (
        {"a": np.zeros((1, 4))},
        r"initial_state\['a'\] must be numbers of shape \(1, 2, 4\)",
    ),
    "text": ({"a": "zero"}, r"initial_state\['a'\] must be numbers of shape"),
    "NaN": ({"a": np.full((1, 2, 4), np.nan)}, "initial_state must be finite in float32; got NaN"),
    "too large": ({"a": np.full((1, 2, 4), 1e300)}, "initial_state must be finite in float32"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_states_that_cannot_be_right(case):
    state, expected = BAD_STATES[case]
    model = fitted(RNNSequenceRegressor)
    for call in (model.predict, model.predict_with_state):
        with pytest.raises(ValueError, match=expected):
            call(frame(), initial_state=state)


def test_labels_of_another_type_are_no_newcomers():
    model = fitted(RNNSequenceRegressor)
    numbered = frame().rename(dict(zip(NAMES, range(4))), level=0)
    _, state = model.predict_with_state(numbered)
    as_text = frame().rename(dict(zip(NAMES, "0123")), level=0)
    with pytest.raises(
        ValueError,
        match="labels of initial_state must be of the type of those of X; got 0 of type int",
    ):
        model.predict(as_text, initial_state=state)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("Estimator", BOTH)
def test_chunks_without_steps(Estimator, bidirectional):
    """Empty predictions in the form of X, from every method, and states as they were."""
    model = fitted(Estimator, bidirectional=bidirectional)
    methods = [
        name for name in ("predict", "predict_proba", "predict_log_proba") if hasattr(model, name)
    ]
    tails = {"predict": (), "predict_proba": (2,), "predict_log_proba": (2,)}
    for name in methods:
        call, tail = getattr(model, name), tails[name]
        assert call(frame().iloc[:0]).shape == (0, *tail)
        assert call(frame().to_numpy()[:0]).shape == (0, *tail)
        assert call(frame().to_numpy()[:0], series=[]).shape == (0, *tail)
        assert call(BLOCK[:, :0]).shape == (4, 0, *tail)
        assert call(BLOCK[:0]).shape == (0, T, *tail)
        assert call([]) == []
        found = call([BLOCK[0], BLOCK[1][:0], [], BLOCK[2]])
        assert [len(part) for part in found] == [T, 0, 0, T]
        assert_array_equal(found[3], call([BLOCK[2]])[0])
        assert call([BLOCK[1][:0]])[0].shape == (0, *tail)


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_chunk_without_steps_leaves_the_state(Estimator):
    model = fitted(Estimator)
    _, state = model.predict_with_state(frame(NAMES, 0, 5))
    y, same = model.predict_with_state(frame().iloc[:0], initial_state=state)
    assert len(y) == 0 and list(same) == NAMES
    assert all(np.array_equal(same[name], state[name]) for name in NAMES)
    _, states = model.predict_with_state(list(BLOCK[:, :5]))
    y, after = model.predict_with_state(
        [BLOCK[0, :0], BLOCK[1, 5:], BLOCK[2, :0], []], initial_state=states
    )
    assert [len(part) for part in y] == [0, 7, 0, 0]
    assert_array_equal(after[[0, 2, 3]], states[[0, 2, 3]])
    assert_array_equal(after[1], model.predict_with_state(BLOCK[1:2])[1][0])
    one = model.predict_with_state(BLOCK[0])[1]
    assert_array_equal(model.predict_with_state(BLOCK[0][:0], initial_state=one)[1], one)


@pytest.mark.parametrize("Estimator", BOTH)
def test_fits_and_scores_of_nothing_are_refused(Estimator):
    model = fitted(Estimator)
    for X, y in (
        (frame().iloc[:0], []),
        ([BLOCK[0][:0]], [[]]),
        (BLOCK[:, :0], BLOCK[:, :0, 0]),
        ([], []),
    ):
        for call in (model.fit, model.partial_fit, Estimator(**SMALL).fit, model.score):
            with pytest.raises(ValueError):
                call(X, y)
    np.testing.assert_array_equal(model.predict(frame()), fitted(Estimator).predict(frame()))
