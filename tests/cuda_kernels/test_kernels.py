"""Single verbs of the GPU against numpy, the definitions, and the CPU's."""

import ast
import inspect
from pathlib import Path

import naive
import numpy as np
import pytest

import tsrnn
from tsrnn.backends import cpu, cuda
from tsrnn.backends.cuda import launching, products, resident, scan, scans, tf32
from tsrnn.backends.layers import LayerCache, LayerWeights
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES

FILES = sorted(Path(tsrnn.__file__).parent.rglob("*.py"))


def put(array):
    return cuda.to_device(np.ascontiguousarray(array))


def norm_of(parts):
    return np.sqrt(cuda.to_host(parts).sum())


def called_on_backends():
    """Names x of all expressions `backend.x` and `room.backend.x` in the package."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                owner = getattr(node.value, "id", None) or getattr(node.value, "attr", None)
                if owner == "backend":
                    yield node.attr


VERBS = sorted(set(called_on_backends()) - {"__name__"})


def test_many_verbs_are_called():
    assert len(VERBS) > 20


@pytest.mark.parametrize("gpu", [cuda, tf32], ids=["fp32", "tf32"])
@pytest.mark.parametrize("name", VERBS)
def test_both_backends_have_the_same_verbs(name, gpu):
    one, other = getattr(cpu, name), getattr(gpu, name)
    if callable(one):
        one, other = (inspect.signature(part) for part in (one, other))
        assert list(one.parameters.values()) == list(other.parameters.values())


@pytest.mark.parametrize(("n_rows", "depth", "n_columns"), [(1, 1, 1), (17, 9, 33), (20, 16, 2)])
def test_product(n_rows, depth, n_columns):
    A, W, bias = (
        np.random.default_rng(0).normal(size=s)
        for s in ((n_rows, depth), (depth, n_columns), n_columns)
    )
    out = put(np.full((n_rows, n_columns + 3), np.nan))
    products.multiply(
        "fp32", put(A).reshape(-1), depth, put(W), put(bias), out.reshape(-1), n_columns + 3, n_rows
    )
    np.testing.assert_allclose(cuda.to_host(out)[:, :n_columns], A @ W + bias, atol=1e-13)
    assert np.isnan(cuda.to_host(out)[:, n_columns:]).all()


@pytest.mark.parametrize(
    ("lengths", "bptt_steps", "n_parts"),
    [
        ([7, 5, 5, 3, 1, 1, 1], 10, 2),
        ([7, 5, 5, 3, 1, 1, 1], 2, 5),
        ([6, 5, 5], 1, 2),
        ([40], 30, 2),
    ],
)
def test_slopes_of_weights_look_at_nothing_past_the_end(lengths, bptt_steps, n_parts, monkeypatch):
    """Groups of pairs, whose borders fall inside steps, dealt to several blocks, which take several; always alike."""
    monkeypatch.setattr(products, "BUSY", 4 * n_parts)  # there are four tiles
    lengths, T, K, N, apart = np.array(lengths), lengths[0], 19, 18, 2
    rng, B = np.random.default_rng(0), len(lengths)
    A, D = rng.normal(size=(T, B, K)), rng.normal(size=(T, B, N + apart))
    seen = np.arange(T)[:, None]
    seen = (seen < lengths) & (seen >= lengths - bptt_steps)
    A[~seen] = D[~seen] = np.nan
    grad, again = (put(np.full(5 + (K + 1) * N + 5, np.nan)) for _ in range(2))
    arguments = put(D).reshape(-1), N + apart, N, put(lengths), bptt_steps, T
    for out in (grad, again):
        products.weight_slopes("fp32", [(put(A), K, 16, apart)], *arguments, out, 5)
    np.testing.assert_array_equal(cuda.to_host(grad), cuda.to_host(again))
    columns = np.r_[:16, 16 + apart : N + apart]
    rows = np.hstack([A[seen], np.ones((seen.sum(), 1))])
    grad = cuda.to_host(grad)
    np.testing.assert_allclose(
        grad[5:-5].reshape(K + 1, N), rows.T @ D[seen][:, columns], atol=1e-13
    )
    assert np.isnan(grad[:5]).all() and np.isnan(grad[-5:]).all()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("projected", [False, True])
def test_forward_is_the_definition(cell, dtype, projected, monkeypatch):
    """Ragged rows, states that begin anywhere, memory full of NaN; in single precision with weights in registers."""
    monkeypatch.setattr(scans, "FEW_INPUTS", 0 if projected else 3)
    rng, lengths, F, cell = np.random.default_rng(0), np.array([4, 3, 1]), 3, CELLS[cell]
    H = 32 if cell.n_gates == 1 and dtype == np.float32 else 16
    assert resident.fits(cell, H, np.dtype(dtype)) == (dtype == np.float32)
    T, B, N = 4, len(lengths), cell.n_gates * H
    x, w_ih, w_hh = (rng.normal(size=s).astype(dtype) for s in ((T, B, F), (F, N), (H, N)))
    bias, first = (rng.normal(size=s).astype(dtype) for s in ((2, N), (cell.n_states, B, H)))
    w_hh *= 0.3
    x[np.arange(T)[:, None] >= lengths] = np.nan
    states = put(np.full((cell.n_states, T + 1, B, H), np.nan, dtype))
    saved = put(np.full((T, B, cell.n_saved, H), np.nan, dtype))
    cuda.set_first(states, put(first))
    weights = LayerWeights(put(w_ih), put(w_hh), put(bias))
    cuda.forward(cell, put(lengths), weights, LayerCache(put(x), states, saved))
    found, saved = cuda.to_host(states), cuda.to_host(saved)
    for b, length in enumerate(lengths):
        weights = (part.astype(float) for part in (w_ih.T, w_hh.T, *bias))
        expected = naive.run(
            cell.name, x[:length, b].astype(float), *weights, list(first[:, b].astype(float))
        )
        tolerance = 1e-13 if dtype == np.float64 else 3e-6
        np.testing.assert_allclose(
            found[:, 1 : length + 1, b].swapaxes(0, 1), expected, atol=tolerance
        )
        assert np.isnan(found[:, length + 1 :, b]).all() and np.isnan(saved[length:, b]).all()


@pytest.mark.parametrize(
    ("loss", "parameter"), [*((loss, 0.3) for loss in LOSSES), ("pinball", (0.5, 0.1, 0.9))]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss(loss, parameter, dtype):
    rng = np.random.default_rng(0)
    outputs, weights = (
        rng.normal(size=(7, 16)).astype(dtype),
        rng.uniform(0, 2, size=(7, 3)).astype(dtype),
    )
    targets = np.eye(3, dtype=dtype)[rng.integers(3, size=7)]
    weights[2], targets[2] = 0, np.nan
    slopes, slopes_gpu = np.empty_like(outputs), put(np.full_like(outputs, np.nan))
    total = put(np.array([2.5], dtype))
    gpu = cuda.loss(
        LOSSES[loss], put(outputs), put(targets), put(weights), parameter, total, slopes_gpu
    )
    value = cpu.loss(LOSSES[loss], outputs, targets, weights, parameter, 2.5, slopes)
    assert cuda.to_host(gpu).sum() == pytest.approx(
        value, rel=1e-6 if dtype == np.float32 else 1e-14
    )
    np.testing.assert_allclose(
        cuda.to_host(slopes_gpu), slopes, atol=1e-6 if dtype == np.float32 else 1e-15
    )


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize(("limit", "clip_norm"), [(np.inf, None), (0.5, 0.7)])
def test_update(update, limit, clip_norm):
    update, rng, size = UPDATES[update], np.random.default_rng(0), 16
    theta, decay = rng.normal(size=(1, size)), rng.integers(0, 2, size=(1, size)).astype(float)
    grads, moments = rng.normal(size=(2, size)), rng.uniform(size=(update.n_moments, size))
    c, grad = (*update.coefficients(3, 0.1, 0.9), 0.05), np.empty((1, size))
    on_gpu = [put(part) for part in (theta, grad, moments, decay)]
    raw, cut = cuda.reduce_gradients(put(grads), on_gpu[0], on_gpu[3], 0.1, limit, on_gpu[1])
    cuda.apply_update(update, *on_gpu, put(np.array(c)), limit, cut, clip_norm)
    norm, clipped = cpu.reduce_gradients(grads, theta, decay, 0.1, limit, grad)
    assert [norm_of(raw), norm_of(cut)] == pytest.approx([norm, clipped], rel=1e-14)
    cpu.apply_update(update, theta, grad, moments, decay, c, limit, clipped, clip_norm)
    for one, other in zip(on_gpu, (theta, grad, moments, decay)):
        np.testing.assert_allclose(cuda.to_host(one), other, rtol=1e-13)


@pytest.mark.parametrize("n_directions", [1, 2])
def test_states_side_by_side_and_back(n_directions):
    rng, order, (L, S, H) = np.random.default_rng(0), np.array([2, 0, 1]), (2, 2, 4)
    last, wide = rng.normal(size=(L * n_directions, S, 3, H)), (L, S, 3, 3 * n_directions + 1)
    first, first_gpu = np.zeros(wide), put(np.zeros(wide))
    cpu.join_directions(last, order, 3, first)
    cuda.join_directions(put(last), put(order), 3, first_gpu)
    np.testing.assert_array_equal(first_gpu, first)
    np.testing.assert_array_equal(first[1, 0, order[2], :3], last[n_directions, 0, 2, :3])
    back, back_gpu = np.zeros_like(last), put(np.zeros_like(last))
    cpu.split_directions(first, order, 3, back)
    cuda.split_directions(first_gpu, put(order), 3, back_gpu)
    last[..., 3] = 0
    np.testing.assert_array_equal(back, last)
    np.testing.assert_array_equal(back_gpu, last)


@pytest.mark.parametrize("one_hot", [False, True])
def test_what_was_said_is_fed_back_unless_forced(one_hot):
    said = np.random.default_rng(0).normal(size=(5, 16))
    said[0, 1] = said[0, 2] = 9
    forced, x = np.array([False, True, False]), np.full((3, 4), 7.0)
    on_gpu = put(x)
    cpu.feed_back(said, 3, one_hot, forced, x)
    cuda.feed_back(put(said), 3, one_hot, put(forced), on_gpu)
    np.testing.assert_array_equal(on_gpu, x)
    np.testing.assert_array_equal(x[0], [0, 1, 0, 7] if one_hot else [*said[0, :3], 7])
    np.testing.assert_array_equal(x[1], 7)


def test_an_update_whose_gradient_is_not_finite_does_not_happen():
    theta, moments, decay = (put(np.ones((1, 16))) for _ in range(3))
    grad = put(np.full((1, 16), np.nan))
    _, norm = cuda.reduce_gradients(grad, theta, decay, 0.0, np.inf, grad)
    c = put(np.array([0.1, 0.9, 0.0, 0.0, 0.0]))
    cuda.apply_update(UPDATES["sgd"], theta, grad, moments, decay, c, np.inf, norm, 1.0)
    assert np.isnan(norm_of(norm))
    assert (cuda.to_host(theta) == 1).all() and (cuda.to_host(moments) == 1).all()


def test_what_an_update_found_is_noted():
    log, log_cpu = (backend.new_log(3, np.float64) for backend in (cuda, cpu))
    cuda.record_update(
        log, put(np.array([1])), put(np.array([1.0, 2.0])), put(np.array([9.0, 16.0]))
    )
    cpu.record_update(log_cpu, 1, 3.0, 5.0)
    np.testing.assert_array_equal(cuda.to_host(log), log_cpu)
    np.testing.assert_array_equal(log_cpu, [[0, 3, 0], [0, 5, 0]])


def test_noise_is_that_of_the_cpu():
    x, rate = np.ones(50, np.float32), 0.4
    out, expected = put(np.empty_like(x)), np.empty_like(x)
    cuda.apply_dropout(put(x), put(np.array([5], np.uint64)), 2, rate, out)
    cpu.apply_dropout(x, 5, 2, rate, expected)
    np.testing.assert_array_equal(cuda.to_host(out), expected)


def test_no_memory_left(monkeypatch):
    """One sentence with the bytes and what to lower."""
    problem = "[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY"

    def device_array(*arguments):
        raise RuntimeError(problem)

    monkeypatch.setattr(launching, "DriverError", RuntimeError)
    monkeypatch.setattr(launching.cuda, "device_array", device_array)
    with pytest.raises(
        MemoryError, match=r"the GPU must have 1,024 more bytes free .*: lower batch_size"
    ):
        cuda.zeros((2, 128), np.float32)
    problem = "[700] CUDA_ERROR_ILLEGAL_ADDRESS"
    with pytest.raises(RuntimeError, match="ILLEGAL"):
        cuda.zeros((2, 128), np.float32)


def test_a_state_too_large_for_shared_memory():
    with pytest.raises(ValueError, match="hidden_size must be so small"):
        scan.rows_of_block(4, 10**6, np.dtype(np.float32))


def test_nan_stays_in_a_limited_gradient():
    grads = put(np.array([[np.nan] + [1.0] * 15]))
    theta, grad, zero = put(np.ones((1, 16))), put(np.zeros((1, 16))), put(np.zeros((1, 16)))
    squares, limited = cuda.reduce_gradients(grads, theta, zero, 0.0, 0.1, grad)
    assert np.isnan(norm_of(squares)) and np.isnan(norm_of(limited))
    update, c = UPDATES["sgd"], put(np.array([0.5, 0, 0, 0, 0]))
    cuda.apply_update(update, theta, grad, put(np.zeros((1, 16))), zero, c, 0.1, limited, None)
    assert (cuda.to_host(theta) == 1).all()


def test_launches_wait_for_each_other():
    """A kernel that a thread finds on disk is bound at its first launch, which numba does not guard."""
    import threading
    import time

    running, most = [], []

    class Kernel:
        def __getitem__(self, configuration):
            def launch():
                running.append(1)
                most.append(len(running))
                time.sleep(0.01)
                running.pop()

            return launch

    threads = [
        threading.Thread(target=launching.launch_now, args=(Kernel(), 1, 1)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
