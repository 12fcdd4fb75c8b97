"""Products on tensor cores, in the simulator lane by lane: in three products as exact as float32, in one as TF32."""

import naive
import numba.cuda
import numpy as np
import pytest

from tsrnn.backends import cpu, cuda
from tsrnn.backends.cuda import products, tensor, tensor_scan, tf32
from tsrnn.backends.layers import LayerCache, LayerGradients, LayerWeights
from tsrnn.data.sequences import Sequences
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

TOLERANCES = {"fp32": (0, 2e-6), "tf32": (2e-5, 5e-3)}  # relative errors between


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Tensor cores also where it is not worth it."""
    monkeypatch.setattr(products, "LARGE", 0)
    monkeypatch.setattr(products, "WIDE", 1)
    monkeypatch.setattr(tensor_scan, "FEWEST_ROWS", 1)
    monkeypatch.setattr(tensor_scan, "FEWEST_ROWS_OF_TWO", 2 * tensor_scan.ROWS)
    monkeypatch.setattr(tensor_scan, "FEWEST_UNITS", 1)


def put(array):
    return cuda.to_device(np.ascontiguousarray(array))


def check(found, expected, precision):
    least, most = TOLERANCES[precision]
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert least <= error < most


@numba.cuda.jit
def cut_and_rounded(numbers, cut, nearest):
    for i in range(numbers.size):
        cut[i] = tensor.truncate_mantissa(numbers[i])
        nearest[i] = tensor.rounded(numbers[i])


def test_digits_that_tf32_has_not():
    step = 2.0**-10
    numbers = np.float32([1 + 0.4 * step, 1 + 0.5 * step, -1 - 0.6 * step, np.inf, np.nan])
    cut, nearest = put(np.empty_like(numbers)), put(np.empty_like(numbers))
    cut_and_rounded[1, 1](put(numbers), cut, nearest)
    np.testing.assert_array_equal(cuda.to_host(cut), np.float32([1, 1, -1, np.inf, np.nan]))
    np.testing.assert_array_equal(
        cuda.to_host(nearest), np.float32([1, 1 + step, -1 - step, np.inf, np.nan])
    )


@pytest.mark.parametrize("precision", TOLERANCES)
@pytest.mark.parametrize(("n_rows", "depth", "n_columns"), [(17, 9, 33), (1, 16, 2)])
def test_product(precision, n_rows, depth, n_columns):
    shapes = (n_rows, depth), (depth, n_columns), n_columns
    A, W, bias = (np.random.default_rng(0).normal(size=s).astype("f4") for s in shapes)
    out = put(np.full((n_rows, n_columns + 3), np.nan, "f4"))
    assert products.tile_for(
        precision, W.dtype, n_rows, depth, n_columns, 4, 4
    ) is products.tensor_tile(precision)
    arguments = put(A).reshape(-1), depth, put(W), put(bias), out.reshape(-1), n_columns + 3, n_rows
    products.multiply(precision, *arguments)
    found = cuda.to_host(out)
    check(found[:, :n_columns], A.astype(float) @ W + bias, precision)
    assert np.isnan(found[:, n_columns:]).all()


@pytest.mark.parametrize("precision", TOLERANCES)
def test_slopes_of_weights_look_at_nothing_past_the_end(precision, monkeypatch):
    """Groups of pairs, whose borders fall inside steps, dealt to several blocks."""
    monkeypatch.setattr(products, "BUSY", 8)  # for four tiles: two blocks each
    lengths, T, K, N, apart, bptt_steps = np.array([7, 5, 5, 3, 1, 1, 1]), 7, 19, 34, 2, 2
    rng, B = np.random.default_rng(0), len(lengths)
    A, D = (rng.normal(size=(T, B, n)).astype("f4") for n in (K, N + apart))
    seen = np.arange(T)[:, None]
    seen = (seen < lengths) & (seen >= lengths - bptt_steps)
    A[~seen] = D[~seen] = np.nan
    grad = put(np.full((K + 1) * N + 5, np.nan, "f4"))
    factors = [(put(A), K, 16, apart)]
    products.weight_slopes(
        precision, factors, put(D).reshape(-1), N + apart, N, put(lengths), bptt_steps, T, grad, 0
    )
    columns, grad = np.r_[:16, 16 + apart : N + apart], cuda.to_host(grad)
    rows = np.hstack([A[seen], np.ones((seen.sum(), 1))])
    check(grad[:-5].reshape(K + 1, N), rows.T @ D[seen][:, columns].astype(float), precision)
    assert np.isnan(grad[-5:]).all()


FEW = np.array([3, 2, *[1] * 9])
# a block of two left tiles, and one with rows in the first half of one
MANY = np.array([3, *[2] * 17, *[1] * 17])


@pytest.mark.parametrize(
    ("cell", "backend", "lengths"),
    [
        ("rnn", tf32, FEW),
        ("rnn_relu", cuda, FEW),
        ("gru", tf32, FEW),
        ("lstm", cuda, FEW),
        ("rnn", tf32, MANY),
        ("gru", cuda, MANY),
        ("lstm", tf32, MANY),
    ],
)
def test_forward_is_the_definition(cell, backend, lengths):
    """Ragged rows, states that begin anywhere, memory full of NaN."""
    precision = "fp32" if backend is cuda else "tf32"
    rng, F, cell, H = np.random.default_rng(0), 9, CELLS[cell], 16
    T, B, N = 3, len(lengths), cell.n_gates * H
    x, w_ih, w_hh = (rng.normal(size=s).astype("f4") for s in ((T, B, F), (F, N), (H, N)))
    bias, first = (rng.normal(size=s).astype("f4") for s in ((2, N), (cell.n_states, B, H)))
    w_hh *= 0.3
    x[np.arange(T)[:, None] >= lengths] = np.nan
    states = put(np.full((cell.n_states, T + 1, B, H), np.nan, "f4"))
    saved = put(np.full((T, B, cell.n_saved, H), np.nan, "f4"))
    assert tensor_scan.fits(H, 2 * (H + 16), B, x.dtype)
    assert tensor_scan.left_tiles(2 * (H + 16), B) == 1 + (lengths is MANY)
    backend.set_first(states, put(first))
    weights = LayerWeights(put(w_ih), put(w_hh), put(bias))
    backend.forward(cell, put(lengths), weights, LayerCache(put(x), states, saved))
    found, saved = backend.to_host(states), backend.to_host(saved)
    for b in {0, 1, 10, B // 2, B - 4, B - 1}:
        length, weights = lengths[b], (part.astype(float) for part in (w_ih.T, w_hh.T, *bias))
        expected = naive.run(
            cell.name, x[:length, b].astype(float), *weights, list(first[:, b].astype(float))
        )
        check(found[:, 1 : length + 1, b].swapaxes(0, 1), expected, precision)
    past = np.arange(1, T + 1)[:, None] > lengths
    assert (
        np.isnan(found[:, 1:].swapaxes(0, 1).swapaxes(1, 2)[past]).all()
        and np.isnan(saved[past]).all()
    )


def backpropagated(cell, lengths, bptt_steps, w_hh_t, states, saved, doutputs, dstates, D):
    """What `tensor_scan.backward` writes into the last two, in float64."""
    H, slopes = w_hh_t.shape[1], list(dstates)
    for t in reversed(range(len(saved))):
        runs = (t < lengths) & (lengths <= t + bptt_steps)
        of_new = [slopes[0] + (doutputs[t] if len(doutputs) else 0), *slopes[1:]]
        da, dq, dold = cell.backward(tuple(saved[t].swapaxes(0, 1)), tuple(states[:, t]), of_new)
        D[t, runs] = np.stack([*da, *dq[cell.n_summed_gates :]], axis=1)[runs]
        back = [
            sum(d @ w for d, w in zip(dq, w_hh_t.reshape(-1, H, H))),
            *[0] * (cell.n_states - 1),
        ]
        slopes = [np.where(runs[:, None], d + b, s) for d, b, s in zip(dold, back, slopes)]
    dstates[:] = slopes


@pytest.mark.parametrize(
    ("cell", "precision", "lengths", "bptt_steps"),
    [
        ("lstm", "fp32", FEW, 3),
        ("rnn", "fp32", MANY, 1),
        ("gru", "fp32", MANY, 2),
        ("lstm", "tf32", MANY, 3),
    ],
)
def test_backward_is_the_chain_rule(cell, precision, lengths, bptt_steps):
    """Ragged rows, of which the last steps run, several tiles of units for a warp; memory full of NaN."""
    rng, cell, T, B, H = np.random.default_rng(0), CELLS[cell], 3, len(lengths), 32
    G, S, V = cell.n_gates, cell.n_states, cell.n_saved
    shapes = (G * H, H), (S, T + 1, B, H), (T, B, V, H), (T * (bptt_steps > 1), B, H), (S, B, H)
    w_hh_t, states, saved, doutputs, dstates = (
        rng.uniform(-1, 1, size=s).astype("f4") for s in shapes
    )
    steps = np.arange(T)[:, None]
    seen = (steps < lengths) & (steps >= lengths - bptt_steps)
    states[:, :-1][:, ~seen] = saved[~seen] = np.nan
    if len(doutputs):
        doutputs[~seen] = np.nan
    D = np.full((T, B, 2 * G - cell.n_summed_gates, H), np.nan, "f4")
    assert tensor_scan.left_tiles(G * H, B) == 1 + (lengths is MANY)
    arrays = w_hh_t, states, saved, doutputs, dstates, D
    found = [put(array) for array in arrays]
    cache = LayerCache(None, *found[1:3])
    gradients = LayerGradients(*found[3:5], None, None, 0)
    assert tensor_scan.suits_backward(cell, cache.states)
    tensor_scan.backward(
        precision, cell, put(lengths), bptt_steps, found[0], cache, gradients, found[5]
    )
    expected = [array.astype(float) for array in arrays]
    backpropagated(cell, lengths, bptt_steps, *expected)
    check(cuda.to_host(found[-2]), expected[-2], precision)
    check(cuda.to_host(found[-1])[seen], expected[-1][seen], precision)
    assert np.isnan(cuda.to_host(found[-1])[~seen]).all()


@pytest.mark.parametrize(
    ("cell", "backend", "bptt_steps"), [("gru", cuda, 2), ("lstm", tf32, None)]
)
def test_gradient(cell, backend, bptt_steps):
    lengths, precision = np.array([3, 1, 2]), "fp32" if backend is cuda else "tf32"
    network = Network(cell, 2, 13, 1)
    rng, starts = np.random.default_rng(0), 2 * (lengths.cumsum() - lengths)
    values, targets, weights = (
        rng.normal(size=2 * lengths.sum()),
        rng.normal(size=(3, 1)),
        rng.uniform(size=(3, 1)),
    )
    numbers = (part.astype("f4") for part in (targets, weights))
    rows, theta = Sequences(values.astype("f4"), 2, starts, lengths, *numbers), network.initial(rng)

    def found(backend):
        settings = (
            Objective(LOSSES["squared"], 0.0, 2.0),
            GradientOptions(WorkspacePool(network.dtype, backend), bptt_steps=bptt_steps),
        )
        value, grads = gradient(network, backend.to_device(theta), rows, np.arange(3), *settings)
        return backend.to_host(grads).sum(axis=0), float(np.sum(backend.to_host(value)))

    (one, value), (other, expected) = found(backend), found(cpu)
    check(one, other, precision)
    assert value == pytest.approx(expected, rel=TOLERANCES[precision][1])
