"""Updates that are recorded and replayed: launches with the arguments they had then, in the simulator as on a GPU."""

import numpy as np
import pandas as pd
import pytest
from textbook import SINGLE

from tsrnn import RNNForecaster, RNNRegressor, RNNSeq2SeqRegressor, RNNSequenceRegressor
from tsrnn.backends import cuda
from tsrnn.backends.cuda import graphs
from tsrnn.networks.workspace import Workspace

QUICK = {"hidden_size": 3, "random_state": 0, "dtype": "float64", "cell": "rnn", "batch_size": 2}


@pytest.fixture
def recorded(monkeypatch):
    """How often each recording is replayed."""
    found, record = [], graphs.record

    def counting(work):
        recording, number = record(work), len(found)
        found.append(0)
        replay = recording.replay

        def counted():
            found[number] += 1
            replay()

        recording.replay = counted
        return recording

    monkeypatch.setattr(graphs, "record", counting)
    return found


def both(model, X, y, **options):
    return [model(**QUICK | options, device=device).fit(X, y) for device in ("cpu", "cuda")]


def check(one, other):
    for name, weight in one.weights_.items():
        np.testing.assert_allclose(other.weights_[name], weight, atol=1e-11)
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(other.grad_norm_curve_, one.grad_norm_curve_, rtol=1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": "cosine", "solver": "adamw", "alpha": 0.1},
        {"n_layers": 2, "dropout": 0.4, "clip_norm": 0.1},
    ],
)
def test_replays_are_updates_of_their_own(options, recorded):
    """Batches, rates, seeds of dropout and where losses are noted change from one to the next."""
    X = np.random.default_rng(0).normal(size=(4, 2, 1))
    check(*both(RNNRegressor, X, X.sum(axis=(1, 2)), max_iter=3, **SINGLE | options))
    assert recorded == [5]  # of six


def test_each_form_has_a_graph(recorded):
    """Of five rows the last is alone."""
    X = np.random.default_rng(0).normal(size=(5, 2, 1))
    check(*both(RNNRegressor, X, X[:, 0, 0], **SINGLE, max_iter=2))
    assert recorded == [3, 1] or recorded == [1, 3]


def test_ragged_rows(recorded):
    """Rows of a batch are sorted by length; the sum of lengths is no part of a form."""
    X = [np.random.default_rng(n).normal(size=(n, 1)) for n in (1, 3, 2, 3)]
    options = {"max_iter": 4, "batch_size": 4, "shuffle": False}
    check(*both(RNNRegressor, X, np.arange(4.0), **SINGLE | options))
    assert recorded == [3]


def test_states_are_carried_on(recorded):
    X, y = np.random.default_rng(0).normal(size=(2, 2, 6, 1))
    check(*both(RNNSequenceRegressor, X, y[:, :, 0], max_iter=1, bptt_steps=2))
    assert sum(recorded) > 0


@pytest.mark.parametrize(("teacher_forcing", "n_recorded"), [(1.0, 1), (0.0, 0)])
def test_pairs(teacher_forcing, n_recorded, recorded):
    """A decoder that goes on from what it said is not recorded."""
    X = np.random.default_rng(0).normal(size=(4, 2, 1))
    check(*both(RNNSeq2SeqRegressor, X, X[:, :, 0], max_iter=2, teacher_forcing=teacher_forcing))
    assert len(recorded) == n_recorded


@pytest.mark.parametrize("decoder", ["direct", "encoder-decoder"])
def test_forecaster(decoder, recorded):
    rng, h = np.random.default_rng(0), 2
    panel = pd.DataFrame(
        {"ds": np.arange(14), "y": rng.normal(size=14).cumsum(), "promo": rng.normal(size=14)}
    )
    panel.insert(0, "unique_id", "a")
    past, future = panel[:12], panel[12:]
    options = {"hidden_size": 3, "max_steps": 4, "batch_size": 2, "cell": "rnn", "n_networks": 1}
    options |= {"decoder": decoder, "future_covariates": ["promo"], "n_jobs": 1, "random_state": 0}
    one, other = (
        RNNForecaster(h=h, **options, device=device).fit(past) for device in ("cpu", "cuda")
    )
    assert sum(recorded) >= 3
    forecasts = (
        model.predict(X_df=future.drop(columns="y"))["RNNForecaster"] for model in (one, other)
    )
    np.testing.assert_allclose(*forecasts, atol=1e-4)


def test_a_parcel_keeps_its_places_until_it_grows():
    parcel, workspace = graphs.Parcel(), Workspace(np.float32)

    def send(**arrays):
        parcel.open, parcel.arrays = True, {}
        for name, array in arrays.items():
            assert parcel.put(array, (workspace, name)) is array
        parcel.open = False
        return parcel.send()

    one, other, fewer = np.arange(3), np.array([True]), np.arange(7, 9)
    assert not send(one=one, other=other)
    there = parcel.put(one, (workspace, "one"))
    assert send(one=fewer, other=other)
    np.testing.assert_array_equal(cuda.to_host(there)[:2], fewer)
    np.testing.assert_array_equal(cuda.to_host(parcel.put(fewer, (workspace, "one"))), fewer)
    assert cuda.to_host(parcel.put(other, (workspace, "other"))).tolist() == [True]
    assert parcel.put(one, (workspace, "another")) is None
    assert not send(one=np.arange(30), other=other)
    np.testing.assert_array_equal(
        cuda.to_host(parcel.put(np.arange(30), (workspace, "one"))), np.arange(30)
    )


def test_graphs_of_a_smaller_parcel_are_dropped():
    """They would read what is no longer sent."""
    workspace, out, seen = Workspace(np.float64, cuda), cuda.zeros(8, np.float64), []

    def stage(values):
        cuda.put(values, workspace, "values")
        return (values.shape,)

    def update(values):
        seen.append(values.size)
        cuda.fill(out[: values.size], cuda.put(values, workspace, "values"))

    repeated = graphs.Repeated(stage, update)
    for values in [np.arange(2.0)] * 3 + [np.arange(8.0)] + [np.full(2, 5.0)] * 3:
        repeated(values)
        np.testing.assert_array_equal(cuda.to_host(out)[: values.size], values)
    assert seen == [2, 2, 8, 2, 2]  # launched and recorded, but not when replayed


def test_steps_are_rounded_to_eighths():
    assert [cuda.padded_steps(n) for n in (1, 15, 16, 17, 31, 33, 100, 129)] == [
        1,
        15,
        16,
        18,
        32,
        36,
        104,
        144,
    ]
