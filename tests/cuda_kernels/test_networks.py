"""Gradients of whole networks and estimators on the simulated GPU, against those on the CPU and finite differences."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from textbook import SINGLE

from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceRegressor,
)
from tsrnn.backends import cuda
from tsrnn.backends.cuda import products, resident, tensor, tf32
from tsrnn.backends.devices import backend_of
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.exceptions import DivergenceError
from tsrnn.networks.network import POOLINGS, Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

LENGTHS = np.array([2, 3, 1])


def sequences(dtype=np.float64):
    rng, starts = np.random.default_rng(0), 2 * (LENGTHS.cumsum() - LENGTHS)
    values, targets, weights = (
        rng.normal(size=2 * LENGTHS.sum()),
        rng.normal(size=(3, 1)),
        rng.uniform(size=(3, 1)),
    )
    values, targets, weights = (part.astype(dtype) for part in (values, targets, weights))
    return Sequences(values, 2, starts, LENGTHS, targets, weights)


def steps(network):
    rng, n = np.random.default_rng(0), LENGTHS.sum()
    states = rng.normal(size=(3, len(network.ends), network.cell.n_states, network.width))
    states[..., network.hidden_size :] = 0
    values, targets = rng.normal(size=(n, 2)), rng.normal(size=(n, 1))
    rows = Steps.whole(values, LENGTHS.cumsum() - LENGTHS, LENGTHS, targets, np.ones((n, 1)))
    return replace(rows, fresh=np.zeros(3, bool), carried=states)


def value_and_gradient(network, theta, rows, backend, workspaces=None, **options):
    workspaces = workspaces or WorkspacePool(network.dtype, backend)
    settings = (
        np.arange(len(rows)),
        Objective(LOSSES["squared"], 0.0, 2.0),
        GradientOptions(workspaces, **options),
    )
    value, grads = gradient(network, backend.to_device(theta), rows, *settings)
    return float(np.sum(backend.to_host(value))), backend.to_host(grads).sum(axis=0)


def check_gradient(network, rows, tolerance=1e-13, **options):
    theta = network.initial(np.random.default_rng(0))
    one, other = (
        value_and_gradient(network, theta, rows(), backend_of(d), **options)
        for d in ("cpu", "cuda")
    )
    assert one[0] == pytest.approx(other[0], rel=tolerance)
    np.testing.assert_allclose(other[1], one[1], atol=tolerance)


@pytest.mark.parametrize("cell", CELLS)
def test_gradient(cell):
    check_gradient(Network(cell, 2, 5, 1, dtype=np.float64), sequences)


@pytest.mark.parametrize(
    ("cell", "hidden_size", "bptt_steps"), [("rnn", 20, None), ("gru", 5, 2), ("lstm", 5, None)]
)
def test_gradient_with_weights_in_registers(cell, hidden_size, bptt_steps):
    network = Network(cell, 2, hidden_size, 1)
    assert resident.fits(network.cell, network.width, network.dtype)
    check_gradient(network, lambda: sequences(np.float32), 1e-5, bptt_steps=bptt_steps)


def test_gradient_in_single_precision():
    network = Network("rnn", 2, 5, 1)
    assert not resident.fits(network.cell, network.width, network.dtype)
    check_gradient(network, lambda: sequences(np.float32), 1e-5)


def test_gradient_of_the_last_steps():
    check_gradient(Network("lstm", 2, 5, 1, dtype=np.float64), sequences, bptt_steps=2)


def test_gradient_through_layers_directions_and_dropout():
    network = Network("gru", 2, 5, 1, 2, bidirectional=True, dropout=0.4, dtype=np.float64)
    check_gradient(network, sequences, seed=3)


def test_gradient_at_every_step_and_states_carried_on():
    network = Network("lstm", 2, 5, 1, every_step=True, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    on_cpu, on_gpu = steps(network), steps(network)
    one = value_and_gradient(network, theta, on_cpu, backend_of("cpu"))
    workspaces = WorkspacePool(network.dtype, cuda)
    other = value_and_gradient(network, theta, on_gpu, cuda, workspaces)
    np.testing.assert_allclose(other[1], one[1], atol=1e-13)
    outputs = predict(network, theta, on_gpu, 1, workspaces=workspaces)
    np.testing.assert_allclose(outputs, predict(network, theta, on_cpu, 1), atol=1e-14)
    np.testing.assert_allclose(on_gpu.carried, on_cpu.carried, atol=1e-14)


def test_gradient_at_every_step_in_both_directions():
    def rows():
        return replace(steps(Network("rnn", 2, 5, 1, 1, True)), carried=None)

    check_gradient(Network("rnn", 2, 5, 1, 1, True, every_step=True, dtype=np.float64), rows)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_gradient_of_what_pools_all_steps(pooling):
    check_gradient(Network("gru", 2, 5, 1, 1, True, pooling=pooling, dtype=np.float64), sequences)


def test_gradient_is_the_slope():
    network, rows = Network("rnn", 2, 4, 1, dtype=np.float64), sequences()
    theta, rng = network.initial(np.random.default_rng(0)), np.random.default_rng(1)
    direction = network.from_weights(
        {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
    )
    _, grad = value_and_gradient(network, theta, rows, cuda)
    above, below = (
        value_and_gradient(network, theta + s * direction, rows, cuda)[0] for s in (1e-5, -1e-5)
    )
    assert grad @ direction == pytest.approx((above - below) / 2e-5, rel=1e-6)


def test_twice_the_same_bits_whatever_the_memory_held():
    network, rows, workspaces = (
        Network("gru", 2, 5, 1, dtype=np.float64),
        sequences(),
        WorkspacePool(np.float64, cuda),
    )
    theta = network.initial(np.random.default_rng(0))
    one = value_and_gradient(network, theta, rows, cuda, workspaces)
    held = (workspace.arrays for workspace in [*workspaces.free, workspaces.shared])
    for array in (array for arrays in [cuda.memory.arrays, *held] for array in arrays.values()):
        if array.dtype == np.float64:
            cuda.fill(array, np.nan)
    other = value_and_gradient(network, theta, rows, cuda, workspaces)
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1], other[1])


QUICK = {"hidden_size": 3, "random_state": 0, "dtype": "float64"}


def data():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 1)) for length in (3, 1, 2, 2)]
    return X, np.array([x.sum() for x in X])


def test_regressor():
    X, y = data()
    options = QUICK | {
        "max_iter": 2,
        "batch_size": 3,
        "alpha": 0.01,
        "early_stopping": True,
        "cell": "rnn",
    }
    one, other = (
        RNNRegressor(**SINGLE | options, device=device).fit(X, y) for device in ("cpu", "cuda")
    )
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weight, atol=1e-12)
    for curve in ("loss_curve_", "validation_loss_curve_", "grad_norm_curve_"):
        np.testing.assert_allclose(getattr(other, curve), getattr(one, curve), rtol=1e-11)
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-12)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_of_outputs(bidirectional):
    X, y = data()
    options = QUICK | {
        "max_iter": 2,
        "batch_size": 3,
        "cell": "gru",
        "output_dropout": 0.5,
        "bidirectional": bidirectional,
    }
    one, other = (
        RNNRegressor(**SINGLE | options, device=device).fit(X, y) for device in ("cpu", "cuda")
    )
    without = RNNRegressor(**SINGLE | options | {"output_dropout": 0.0}).fit(X, y)
    assert np.abs(one.predict(X) - without.predict(X)).max() > 1e-4
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weight, atol=1e-12)
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-12)


def test_classifier():
    X, _ = data()
    options = QUICK | {"max_iter": 1, "cell": "rnn"}
    one, other = (
        RNNClassifier(**SINGLE | options, device=d).fit(X, ["a", "b", "c", "a"])
        for d in ("cpu", "cuda")
    )
    np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), atol=1e-12)


def test_sequence_regressor():
    X, y = np.random.default_rng(0).normal(size=(2, 6, 1))
    options = QUICK | {"max_iter": 1, "cell": "gru", "bptt_steps": 4}
    one, other = (
        RNNSequenceRegressor(**options, device=device).fit(X, y[:, 0]) for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(other.predict(X), one.predict(X), atol=1e-12)


def test_seq2seq_regressor():
    """Of two steps one is fed what was said, and the gradient goes through both networks."""
    X, _ = data()
    options = QUICK | {
        "max_iter": 1,
        "cell": "rnn",
        "bidirectional": True,
        "teacher_forcing": 0.5,
        "batch_size": 2,
    }
    y = [x[:2, 0] for x in X]
    one, other = (
        RNNSeq2SeqRegressor(**options, device=device).fit(X, y) for device in ("cpu", "cuda")
    )
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weight, atol=1e-12)
    for found, expected in zip(
        other.predict(X, n_steps=[2, 1, 3, 2]), one.predict(X, n_steps=[2, 1, 3, 2])
    ):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_seq2seq_classifier():
    X, _ = data()
    options = QUICK | {"max_iter": 1, "cell": "rnn", "beam_width": 2, "max_output_length": 2}
    one, other = (
        RNNSeq2SeqClassifier(**options, device=d).fit(X, ["a", "ab", "b", "a"])
        for d in ("cpu", "cuda")
    )
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weight, atol=1e-12)
    assert other.predict(X) == one.predict(X)


def test_precision(monkeypatch):
    """Factors are rounded where products are large; what else it may be is refused."""
    X, y = np.random.default_rng(0).normal(size=(2, 17, 1)).astype("f4")
    options = QUICK | {"dtype": "float32", "max_iter": 1, "cell": "rnn"}
    exact = RNNRegressor(**SINGLE | options).fit(X, y[:, 0]).predict(X)
    monkeypatch.setattr(products, "LARGE", 0)
    errors = []
    for precision in ("fp32", "tf32"):
        found = (
            RNNRegressor(**SINGLE | options, device="cuda", precision=precision)
            .fit(X, y[:, 0])
            .predict(X)
        )
        errors.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert errors[0] < 3e-5 < errors[1] < 1e-2
    assert backend_of("cuda", precision="tf32") is tf32 and backend_of("cuda") is cuda
    with pytest.raises(
        ValueError,
        match="must be 'fp32' with dtype='float64', whose products are not rounded; got 'tf",
    ):
        RNNRegressor(device="cuda", precision="tf32", dtype="float64").fit(X, y[:, 0])
    with pytest.raises(
        ValueError, match=r"^precision of tsrnn must be 'fp32' on the CPU, .*; got 'tf32'"
    ):
        backend_of("cpu", precision="tf32")
    monkeypatch.setattr(tensor, "available", lambda: False)
    with pytest.raises(
        ValueError, match=r"compute capability below 8\.0, which has no TF32; got 'tf32'"
    ):
        backend_of("cuda", precision="tf32")


def test_forecaster():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"a": rng.normal(size=14), "b": rng.normal(size=14)}).add(5)
    df.iloc[3, 0] = np.nan
    options = {
        "window": 4,
        "segment": 2,
        "level_window": 1,
        "deseasonalize": False,
        "log": False,
        "shares": {},
    }
    options |= {
        "h": 2,
        "cell": "rnn",
        "hidden_size": 3,
        "n_networks": 1,
        "max_steps": 1,
        "batch_size": 4,
    }
    one, other = (
        RNNForecaster(**options, random_state=0, device=d).fit(df).predict()
        for d in ("cpu", "cuda")
    )
    np.testing.assert_allclose(other, one, rtol=1e-4)


def test_a_forecaster_has_one_thread_on_a_gpu(monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from tsrnn.training import side_by_side

    asked = []
    monkeypatch.setattr(
        side_by_side, "ThreadPoolExecutor", lambda n: asked.append(n) or ThreadPoolExecutor(n)
    )
    settings = {
        "h": 1,
        "hidden_size": 4,
        "max_steps": 1,
        "batch_size": 2,
        "random_state": 0,
        "n_jobs": 3,
    }
    series = pd.DataFrame({"unique_id": "a", "ds": np.arange(12), "y": np.arange(12.0) % 4})
    for device, n in {"cuda": 1, "cpu": 3}.items():
        RNNForecaster(**settings, n_networks=3, device=device).fit(series)
        assert set(asked) == {n}
        asked.clear()


def test_auto_takes_the_cpu_where_a_launch_fails(monkeypatch):
    from tsrnn.backends import cpu, devices
    from tsrnn.backends.cuda import launching

    def launch(*arguments):
        raise RuntimeError("\nGPU compute capability 7.0 is not supported\n(requires >=7.5)")

    monkeypatch.setattr(launching, "launch_now", launch)
    reason = launching.why_refused()
    assert reason == "GPU compute capability 7.0 is not supported"
    monkeypatch.setattr(launching, "launch_now", lambda *arguments: np.a_name_that_is_gone)
    assert re.fullmatch(
        r"numba-cuda [\d.]+ does not work with numba [\d.]+ and numpy [\d.]+: .*gone'",
        launching.why_refused(),
    )
    monkeypatch.setattr(devices, "why_no_gpu", lambda: reason)
    assert devices.backend_of("auto") is cpu
    with pytest.raises(
        ValueError, match=r"^device of tsrnn must be 'cpu' or 'auto' .*; got 'cuda', and GPU comp"
    ):
        devices.backend_of("cuda")
    monkeypatch.undo()
    assert launching.why_refused() is None


def test_divergence():
    X, y = data()
    diverging = {
        "cell": "rnn",
        "activation": "relu",
        "solver": "sgd",
        "clip_norm": None,
        "learning_rate_init": 1e200,
    }
    model = RNNRegressor(**SINGLE | QUICK | diverging, batch_size=2, device="cuda", max_iter=3)
    with pytest.raises(DivergenceError, match="epoch 1: loss") as caught:
        model.fit(X, y)
    assert all(np.isfinite(part).all() for part in caught.value.weights.values())


def test_auto_never_takes_the_simulator(simulated):
    assert backend_of("auto") is backend_of("cpu") is not backend_of("cuda")
