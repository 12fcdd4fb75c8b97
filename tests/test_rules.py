"""Rules in plain Python against the definitions and against finite differences; functions against more digits."""

import naive
import numpy as np
import pytest

from tsrnn.backends.compiling import compiled
from tsrnn.backends.cpu.simd import load, n_lanes, store_rows
from tsrnn.rules.cells import CELLS
from tsrnn.rules.functions import exp, sigmoid, tanh
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.noise import uniform
from tsrnn.rules.updates import UPDATES


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda cell: cell.name)
def test_forward_is_the_definition(cell):
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, q = rng.normal(size=(2, cell.n_gates))
        old = rng.normal(size=cell.n_states)
        new, _ = cell.forward(tuple(a), tuple(q), tuple(old))
        expected = naive.CELLS[cell.name][0](a, q, [old[s : s + 1] for s in range(cell.n_states)])
        np.testing.assert_allclose(new, np.ravel(expected), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda cell: cell.name)
def test_backward_is_the_slope_of_forward(cell):
    rng = np.random.default_rng(1)
    for _ in range(10):
        a, q = rng.normal(size=(2, cell.n_gates))
        old, ds = rng.normal(size=(2, cell.n_states))

        def value(a, q, old, ds=ds):
            return np.dot(cell.forward(tuple(a), tuple(q), tuple(old))[0], ds)

        _, saved = cell.forward(tuple(a), tuple(q), tuple(old))
        for array, slope in zip((a, q, old), cell.backward(saved, tuple(old), tuple(ds))):
            for i in range(len(array)):
                step = np.zeros(len(array))
                step[i] = 1e-6
                above, below = (
                    value(*(x + s * step if x is array else x for x in (a, q, old)))
                    for s in (1, -1)
                )
                assert (above - below) / 2e-6 == pytest.approx(slope[i], abs=1e-8)


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda cell: cell.name)
def test_gates_said_to_be_together_have_one_slope(cell):
    """Kernels hand such gates the sum of a and q, and take da for both."""
    a, q = np.random.default_rng(2).normal(size=(2, cell.n_gates))
    old = ds = tuple(np.ones(cell.n_states))
    _, saved = cell.forward(tuple(a), tuple(q), old)
    da, dq, _ = cell.backward(saved, old, ds)
    assert da[: cell.n_summed_gates] == dq[: cell.n_summed_gates]
    moved = (*(a + q)[: cell.n_summed_gates], *a[cell.n_summed_gates :])
    rest = (*[0.0] * cell.n_summed_gates, *q[cell.n_summed_gates :])
    np.testing.assert_allclose(
        cell.forward(moved, rest, old)[0], cell.forward(tuple(a), tuple(q), old)[0], rtol=1e-14
    )


@pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES.values() if not loss.softmax], ids=lambda loss: loss.name
)
@pytest.mark.parametrize("parameter", [np.float64(0.3), np.float64(1.7)])
def test_losses(loss, parameter):
    if "quantile" in loss.parameters and parameter > 1:
        pytest.skip("a quantile is at most 1")
    rng = np.random.default_rng(0)
    for y, t in rng.normal(scale=3, size=(50, 2)):
        t = float(t > 0) if loss.most == 1 else max(t, loss.least)
        value, slope = loss.rule(y, t, (parameter, 1.0))
        assert value == pytest.approx(naive.LOSSES[loss.name](y, t, (parameter, 1.0)), rel=1e-12)
        above, below = (loss.rule(y + s * 1e-6, t, (parameter, 1.0))[0] for s in (1, -1))
        assert (above - below) / 2e-6 == pytest.approx(slope, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("update", UPDATES.values(), ids=lambda update: update.name)
def test_updates(update):
    rng = np.random.default_rng(0)
    theta = expected = 0.7
    moments, memory = (0.0,) * update.n_moments, {}
    for step, g in enumerate(rng.normal(size=20), start=1):
        theta, moments = update.rule(theta, g, moments, update.coefficients(step, 0.05, 0.8))
        expected = naive.UPDATES[update.name](expected, g, memory, step, 0.05, 0.8)
        assert theta == pytest.approx(expected, rel=1e-9)


@compiled
def on_vectors(x, out):
    for j in range(0, x.shape[1], n_lanes(x)):
        v = load(x, 0, j)
        store_rows(out, (tanh(v), sigmoid(v), exp(v)), 0, j, 1, 0)


@compiled
def on_scalars(x, out):
    for j in range(x.shape[1]):
        out[0, j], out[1, j], out[2, j] = tanh(x[0, j]), sigmoid(x[0, j]), exp(x[0, j])


@pytest.mark.parametrize("kernel", [on_vectors, on_scalars])
@pytest.mark.parametrize(("dtype", "top"), [("f4", 86.0), ("f8", 700.0)])
def test_functions_keep_the_precision_they_are_given(kernel, dtype, top):
    rng = np.random.default_rng(0)
    near = rng.normal(size=40_000) * np.exp(rng.normal(-3, 4, size=40_000))
    x = np.concatenate([near.clip(-top, top), np.linspace(-top, top, 40_000)]).astype(dtype)[None]
    out, exact = np.empty((3, x.size), dtype), x[0].astype(np.longdouble)
    kernel(x, out)
    for got, expected in zip(out, (np.tanh(exact), 1 / (1 + np.exp(-exact)), np.exp(exact))):
        off = np.abs(got - expected)
        if dtype == "f4":
            assert ((off <= 3e-7) | (off <= 4 * np.spacing(np.abs(expected.astype("f4"))))).all()
        else:
            assert (off <= 1e-15 * np.abs(expected)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_in_plain_python(dtype):
    for x in (-3.0, -0.1, 0.0, 1e-4, 2.0):
        x = dtype(x)
        assert tanh(x).dtype == sigmoid(x).dtype == exp(x).dtype == dtype
        bound = 3e-7 if dtype == np.float32 else 1e-15
        assert abs(tanh(x) - np.tanh(x)) <= bound
        assert abs(sigmoid(x) - naive.sigmoid(x)) <= bound
        assert abs(exp(x) / np.exp(x) - 1) <= bound


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_functions_at_the_edges(dtype):
    x = np.full((1, 16), 5.0, dtype)  # a whole vector of any machine
    x[0, :7] = np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30
    out = np.empty((3, 16), dtype)
    on_vectors(x, out)
    assert np.isnan(out[:, 0]).all()  # a NaN stays seen, otherwise training would not notice it
    np.testing.assert_allclose(out[0, 1:7], [1, -1, 0, 0, 1, -1], rtol=3e-7)
    np.testing.assert_allclose(out[1, 1:7], [1, 0, 0.5, 0.5, 1, 0], atol=3e-7)


@pytest.mark.filterwarnings("ignore:overflow")  # of whole numbers, on purpose
def test_noise_is_uniform_and_depends_on_seed_and_place():
    draws = np.array([[uniform(np.uint64(s), np.uint64(i)) for i in range(2000)] for s in (1, 2)])
    assert draws.min() >= 0 and draws.max() < 1
    np.testing.assert_allclose(draws.mean(axis=1), 0.5, atol=0.03)
    np.testing.assert_allclose(draws.var(axis=1), 1 / 12, atol=0.01)
    assert abs(np.corrcoef(draws)[0, 1]) < 0.1
    assert abs(np.corrcoef(draws[0, 1:], draws[0, :-1])[0, 1]) < 0.1
