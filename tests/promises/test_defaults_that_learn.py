"""What is left open is chosen so that a network learns: scales, segments, enough updates, several networks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tsrnn import RNNClassifier, RNNRegressor, RNNSequenceClassifier, RNNSequenceRegressor
from tsrnn.backends import cpu
from tsrnn.data.sequences import Sequences
from tsrnn.estimators.budget import budgeted
from tsrnn.estimators.scaling import Scaling
from tsrnn.inspection import hidden_states, memory_length, saliency
from tsrnn.networks.network import Network
from tsrnn.networks.passes import (
    GradientOptions,
    Objective,
    WorkspacePool,
    gradient,
    predict,
)
from tsrnn.rules.losses import LOSSES
from tsrnn.training.config import TrainingConfig

SMALL = {"hidden_size": 4, "max_iter": 3, "random_state": 0}
LENGTHS = np.array([5, 3, 7, 1])


def rows(dtype=np.float64, n_outputs=2):
    rng = np.random.default_rng(0)
    starts = LENGTHS.cumsum() - LENGTHS
    values = rng.normal(3, 2, size=LENGTHS.sum() * 2).astype(dtype)
    targets = rng.normal(50, 9, size=(4, n_outputs)).astype(dtype)
    return Sequences(values, 2, starts * 2, LENGTHS, targets, np.ones_like(targets))


def ragged(n=30, low=60, high=90, n_features=1):
    rng = np.random.default_rng(1)
    X = [rng.normal(size=(length, n_features)) for length in rng.integers(low, high, size=n)]
    return X, np.array([x[-5:, 0].mean() for x in X])


# Scales


@pytest.mark.parametrize("loss", ["squared", "huber", "tweedie", "softmax_log_loss"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_scales_become_part_of_the_weights(loss, bidirectional, size):
    data = rows()
    data = Sequences(data.values, 2, data.starts, data.lengths, abs(data.targets), data.weights)
    scaling = Scaling.of(data, 2, loss)
    network = Network("gru", 2 * size, 5, 2, 2, bidirectional, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    scaled = predict(network, theta, scaling.rows(data).in_segments(size), 1)
    folded = scaling.folded(network, theta, loss)
    plain = predict(network, folded, data.in_segments(size), 1)
    if loss == "tweedie":
        expected = scaled + np.log(scaling.y_scale)
    elif scaling.y_mean is None:
        expected = scaled
    else:
        expected = scaled * scaling.y_scale + scaling.y_mean
    assert_allclose(plain, expected, rtol=1e-12)
    assert_allclose(scaling.unfolded(network, folded, loss), theta, rtol=1e-12, atol=1e-14)


def test_a_feature_that_stays_the_same_is_only_centred():
    data = rows()
    values = data.values.copy()
    values[1::2] = 1e6
    scaling = Scaling.of(
        Sequences(values, 2, data.starts, data.lengths, data.targets, data.weights), 2, "squared"
    )
    assert scaling.x_mean[1] == 1e6 and scaling.x_scale[1] == 1


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_sequences_and_targets_in_any_unit(unit, shift):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 20))
    y = X[:, -1]
    there = unit * (X + shift), unit * (y + shift)
    model = RNNRegressor(random_state=0).fit(*there)
    assert model.score(*there) > 0.99
    labels = RNNClassifier(random_state=0).fit(there[0], y > 0)
    assert labels.score(there[0], y > 0) == 1


@pytest.mark.parametrize("Estimator", [RNNSequenceRegressor, RNNSequenceClassifier])
def test_steps_in_any_unit(Estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 15, 1))
    y = X[:, :, 0] + np.roll(X[:, :, 0], 1, axis=1) * (np.arange(15) > 0)
    y = y > 0 if Estimator is RNNSequenceClassifier else 500 + 30 * y
    model = Estimator(random_state=0).fit(100 + 20 * X, y)
    assert model.score(100 + 20 * X, y) > 0.95
    off = Estimator(random_state=0, standardize=False).fit(100 + 20 * X, y)
    assert off.score(100 + 20 * X, y) < model.score(100 + 20 * X, y)


def test_weights_are_for_sequences_as_they_are():
    X, y = ragged()
    X = [40 + 7 * x for x in X]
    model = RNNRegressor(**SMALL).fit(X, 9 * y)
    again = RNNRegressor(**SMALL, standardize=False).fit(X, 9 * y).set_weights(model.weights_)
    assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "options", [{}, {"loss": "huber", "huber_delta": 30.0}, {"loss": "tweedie"}]
)
def test_training_goes_on_where_it_stood(options, tmp_path):
    X, y = ragged()
    y = 100 + 20 * abs(y)
    settings = SMALL | {"learning_rate": "constant", "shuffle": False, "batch_size": 64} | options
    whole = RNNRegressor(**settings | {"max_iter": 6}).fit(X, y)
    parts = RNNRegressor(**settings, warm_start=True).fit(X, y)
    parts.save(tmp_path / "half")
    again = RNNRegressor.load(tmp_path / "half")
    for model in (parts, again):
        assert_array_equal(model.fit(X, y).predict(X), whole.predict(X))


# Segments


def test_a_segment_is_values_side_by_side():
    data = rows()
    table = data.values.reshape(-1, 2)
    found = data.in_segments(3)
    assert found.n_features == 6 and found.lengths.tolist() == [2, 1, 3, 1]
    for row, (start, length) in enumerate(zip(data.starts // 2, data.lengths)):
        x = table[start : start + length]
        x = np.concatenate([np.repeat(x[:1], -length % 3, axis=0), x]).reshape(-1, 6)
        begin = found.starts[row] // 6
        assert_array_equal(found.values.reshape(-1, 6)[begin : begin + len(x)], x)


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
@pytest.mark.parametrize("segment", ["auto", 1, 4, 1000])
def test_a_sequence_alone_is_as_among_others(Estimator, segment):
    X, y = ragged()
    y = y > 0 if Estimator is RNNClassifier else y
    model = Estimator(**SMALL, segment=segment).fit(X, y)
    answer = model.predict_proba if Estimator is RNNClassifier else model.predict
    together = answer(X)
    assert_array_equal(together, np.concatenate([answer([x]) for x in X]))
    padded = np.full((len(X), 95, 1), np.nan)
    for row, x in zip(padded, X):
        row[: len(x)] = x
    assert_array_equal(answer(padded), together)


def test_long_sequences_have_a_few_dozen_steps():
    X, y = ragged()
    assert RNNRegressor(**SMALL).fit(X, y)._fitted.settings["segment"] == 3
    assert RNNRegressor(**SMALL, bptt_steps=9).fit(X, y)._fitted.settings["segment"] == 1
    assert RNNRegressor(**SMALL, max_length=40).fit(X, y)._fitted.settings["segment"] == 1
    short = [x[-20:] for x in X]
    assert RNNRegressor(**SMALL).fit(short, y)._fitted.settings["segment"] == 1


@pytest.mark.parametrize("truncate", ["start", "end"])
def test_slopes_of_values_that_stand_side_by_side(truncate):
    X, y = ragged(6)
    model = RNNRegressor(**SMALL, dtype="float64", segment=4, max_length=70, truncate=truncate)
    model.fit(X, y)
    for x, found in zip(X, saliency(model, X)):
        for step in (0, 1, len(x) // 2, len(x) - 1):
            pushed = [x + s * (np.arange(len(x)) == step)[:, None] for s in (1e-6, -1e-6)]
            above, below = model.predict(pushed)
            assert found[step, 0] == pytest.approx(abs(above - below) / 2e-6, rel=1e-5, abs=1e-9)
    assert memory_length(model, X, y, fraction=1e-9) % 4 == 0
    assert len(hidden_states(model, X)[0]) == -(-min(len(X[0]), 70) // 4)


# Pooling


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_gradient_of_the_mean_of_all_steps(bidirectional, n_layers):
    data = rows()
    network = Network("lstm", 2, 5, 2, n_layers, bidirectional, pooling="mean", dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    options = GradientOptions(WorkspacePool(np.float64))

    def value_and_gradient(theta):
        value, grads = gradient(
            network, theta, data, np.arange(4), Objective(LOSSES["squared"], 0.0, 8.0), options
        )
        return value, grads.sum(axis=0)

    _, grad = value_and_gradient(theta)
    direction = np.random.default_rng(1).normal(size=theta.size) * (theta != 0)
    above, below = (value_and_gradient(theta + s * direction)[0] for s in (1e-6, -1e-6))
    assert grad @ direction == pytest.approx((above - below) / 2e-6, rel=1e-7)


# Budgets


def test_few_sequences_get_as_many_updates_as_many_do():
    for n, size, epochs in (
        (24, 8, 200),
        (105, 8, 43),
        (300, 16, 32),
        (2000, 32, 20),
        (9000, 64, 20),
    ):
        data = Sequences(
            np.zeros(n), 1, np.arange(n), np.ones(n, int), np.zeros((n, 1)), np.ones((n, 1))
        )
        auto = {
            "alpha": "auto",
            "batch_size": "auto",
            "max_iter": "auto",
            "n_iter_no_change": "auto",
        }
        found = budgeted(TrainingConfig("squared", learning_rate="auto", **auto), data)
        assert (found.batch_size, found.max_iter) == (size, epochs)
        n_batches = -(-n // size)
        assert found.max_iter * n_batches >= 600 and found.n_iter_no_change * n_batches >= 200
        assert (
            found.alpha == min(0.01, 1 / n)
            and found.n_iter_no_change >= 10
            and found.learning_rate == "cosine"
        )


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_a_weight_is_a_number_of_repetitions(Estimator):
    X, y = ragged(12)
    y = y > 0 if Estimator is RNNClassifier else y
    weight = np.arange(12) % 3
    order = np.repeat(np.arange(12), weight)
    one = Estimator(**SMALL).fit(X, y, sample_weight=weight)
    other = Estimator(**SMALL).fit([X[i] for i in order], y[order])
    for name, part in one.weights_.items():
        assert_array_equal(part, other.weights_[name])


# Several networks


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_several_networks_are_averaged(Estimator, tmp_path):
    X, y = ragged()
    if Estimator is RNNClassifier:
        y = np.array(["low", "middle", "high"])[np.digitize(y, [-0.2, 0.2])]
    answer = "predict_proba" if Estimator is RNNClassifier else "predict"
    alone = Estimator(**SMALL).fit(X, y)
    model = Estimator(**SMALL, n_networks=3).fit(X, y)
    assert len(model.weights_) == 3
    for name, part in alone.weights_.items():
        assert_array_equal(part, model.weights_[0][name])
    found = []
    for member in (model._fitted, *model._fitted.others):
        one = Estimator(**SMALL, **{n: member.settings[n] for n in ("segment", "pooling")})
        found.append(
            getattr(one.fit(X, y).set_weights(member.network.to_weights(member.theta)), answer)(X)
        )
    assert_allclose(getattr(model, answer)(X), np.mean(found, axis=0), rtol=1e-6)
    assert {one.settings["pooling"] for one in model._fitted.others} == {"mean", "last"}
    model.save(tmp_path / "several")
    again = Estimator.load(tmp_path / "several")
    assert_array_equal(getattr(again, answer)(X), getattr(model, answer)(X))
    assert_array_equal(
        getattr(again.partial_fit(X, y), answer)(X), getattr(model.partial_fit(X, y), answer)(X)
    )
    model.set_weights([{name: 0 * part for name, part in one.items()} for one in model.weights_])
    assert np.ptp(getattr(model, answer)(X), axis=0).max() == 0


def test_two_classes_of_several_networks():
    X, y = ragged()
    model = RNNClassifier(**SMALL, n_networks=2).fit(X, y > 0)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)


def test_several_networks_go_on_only_together():
    X, y = ragged()
    model = RNNRegressor(**SMALL, n_networks=2).fit(X, y)
    with pytest.raises(
        ValueError, match="must go on with the 2 networks it was fitted with; got n_networks=3"
    ):
        model.set_params(n_networks=3).partial_fit(X, y)
    with pytest.raises(ValueError, match="weights must be a list of 2 mappings"):
        model.set_weights(model.weights_[0])
    before = model.predict(X)
    with pytest.raises(ValueError, match="y must"):
        model.set_params(n_networks=2).fit(X, y[:-1])
    assert_array_equal(model.predict(X), before)


@pytest.mark.filterwarnings("ignore::tsrnn.InterruptedFitWarning")
def test_weights_of_an_interrupted_fit_can_be_set(monkeypatch):
    """Ctrl-C in the first of two networks: the second is not begun."""
    X, y = ragged()
    model = RNNRegressor(**SMALL, n_networks=2)
    calls = []
    update = cpu.apply_update

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        update(*arguments)

    monkeypatch.setattr(cpu, "apply_update", interrupted)
    model.fit(X, y)
    assert len(model.weights_) == 1
    before = model.predict(X)
    assert_array_equal(model.set_weights(model.weights_).predict(X), before)
