"""What is left open is chosen so that a network learns: scales, segments, enough updates, several networks."""

from _thread import interrupt_main

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from textbook import SINGLE

from tsrnn import (
    InterruptedFitWarning,
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.backends import cpu
from tsrnn.data.augmentation import AUGMENTATIONS, Steps, shift, varied, warp
from tsrnn.data.sequences import Sequences
from tsrnn.data.series import Series
from tsrnn.estimators.budget import budgeted
from tsrnn.estimators.fitted import Inputs
from tsrnn.estimators.plan import Given
from tsrnn.estimators.scaling import Scaling
from tsrnn.estimators.trial import OF_NUMBERS, Choice, choices_for, for_network
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

SMALL = {"hidden_size": 4, "max_iter": 3, "random_state": 0} | SINGLE
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
    scaling = Scaling.of(data, Inputs(2, 2), loss)
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
    data = Sequences(values, 2, data.starts, data.lengths, data.targets, data.weights)
    scaling = Scaling.of(data, Inputs(2, 2), "squared")
    assert scaling.x_mean[1] == 1e6 and scaling.x_scale[1] == 1


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_sequences_and_targets_in_any_unit(unit, shift):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 20))
    y = X[:, -1]
    there = unit * (X + shift), unit * (y + shift)
    model = RNNRegressor(**SINGLE, random_state=0).fit(*there)
    assert model.score(*there) > 0.99
    labels = RNNClassifier(**SINGLE, random_state=0).fit(there[0], y > 0)
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


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_sequences_from_sequences_in_any_unit(known, bidirectional, tmp_path):
    """Folded weights say what those for scaled sequences say, fed back what was said."""
    rng = np.random.default_rng(0)
    X = [100 + 20 * rng.normal(size=n) for n in rng.integers(3, 6, size=60)]
    y = [300 + 50 * np.cumsum([x.mean() - 100] * 3) for x in X]
    more = {"decoder_inputs": [1000.0 * np.arange(3)[:, None]] * 60} if known else {}
    options = {"hidden_size": 8, "max_iter": 5, "random_state": 0, "bidirectional": bidirectional}
    model = RNNSeq2SeqRegressor(**options, dtype="float64").fit(X, y, **more)
    fitted = model._fitted
    unfolded = fitted.scaling.unfolded(fitted.network, fitted.theta, fitted.loss)
    assert_allclose(unfolded, fitted.inner, rtol=1e-9, atol=1e-12)
    assert fitted.scaling.y_mean[0] == pytest.approx(np.concatenate(y).mean())
    series = model._read_fitted(X)
    written = Series.end_to_end(np.zeros((180, 1)), np.full(60, 3))
    given = Series.end_to_end(np.tile(np.arange(3), 60)[:, None] * 1e3, np.full(60, 3))
    steps = model._steps(written, 0, given if known else None)
    rows = model._pairs(series, steps, np.ones(60), fitted.settings)
    plain = predict(fitted.network, fitted.theta, rows, 1)
    scaled = predict(fitted.network, fitted.inner, fitted.scaling.rows(rows), 1)
    assert_allclose(plain, scaled * fitted.scaling.y_scale + fitted.scaling.y_mean, rtol=1e-9)
    assert_allclose(plain.reshape(60, 3), model.predict(X, n_steps=3, **more), rtol=1e-12)
    better = RNNSeq2SeqRegressor(random_state=0, max_iter=100).fit(X, y, **more)
    assert better.score(X, y, **more) > 0.9
    better.save(tmp_path / "pairs")
    assert_array_equal(
        RNNSeq2SeqRegressor.load(tmp_path / "pairs").predict(X, **more),
        better.predict(X, **more),
    )


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


def segments(settings, lengths):
    """Of all choices for estimators that leave the rest open."""
    settings = RNNRegressor(**settings).get_params()
    return {choice.segment for choice in choices_for(OF_NUMBERS, settings, np.array(lengths))}


def test_long_sequences_have_a_few_dozen_steps():
    assert segments({}, [70, 75, 400]) == {3, 2}
    assert segments({"bptt_steps": 9}, [70, 75, 400]) == {1}
    assert segments({"segment": 7}, [70, 75, 400]) == {7}
    assert segments({}, [20, 30, 400]) == {1}


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


@pytest.mark.parametrize("symbolic", [False, True])
def test_encoders_read_segments_as_if_they_were_steps(symbolic):
    rng = np.random.default_rng(0)
    lengths = 2 * rng.integers(1, 5, size=30)
    if symbolic:
        X = ["".join(rng.choice(list("ab"), n)) for n in lengths]
        tables = [np.array([[c == "a", c == "b"] for c in x], float) for x in X]
        y = [x[:2] for x in X]
        Estimator = RNNSeq2SeqClassifier
        options = {}
    else:
        X = tables = [rng.normal(size=(n, 3)) for n in lengths]
        y = [x[:2, 0] for x in X]
        Estimator = RNNSeq2SeqRegressor
        options = {"standardize": False}
    options |= {"hidden_size": 4, "max_iter": 3, "random_state": 0, "bidirectional": True}
    inside = Estimator(segment=2, **options).fit(X, y)
    outside = Estimator(**options).fit([x.reshape(len(x) // 2, -1) for x in tables], y)
    assert_array_equal(inside._fitted.theta, outside._fitted.theta)
    pairs = zip(inside.predict(X), outside.predict([x.reshape(len(x) // 2, -1) for x in tables]))
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert inside.score(X, y) == outside.score([x.reshape(len(x) // 2, -1) for x in tables], y)


def test_encoders_read_long_sequences_in_a_few_dozen_steps(tmp_path):
    rng = np.random.default_rng(0)
    X = [np.cumsum(rng.normal(size=n)) for n in rng.integers(300, 500, size=20)]
    y = [x[-3:] for x in X]
    model = RNNSeq2SeqRegressor(max_iter=2, random_state=0, warm_start=True).fit(X, y)
    n_values = model._fitted.settings["segment"]
    assert n_values == -(-int(np.median([len(x) for x in X])) // 64)
    model.save(tmp_path / "long")
    assert_array_equal(RNNSeq2SeqRegressor.load(tmp_path / "long").predict(X), model.predict(X))
    assert model.fit(X[:3], y[:3])._fitted.settings["segment"] == n_values


# Pooling


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("pooling", ["mean", "max", "attention"])
def test_gradient_of_what_pools_all_steps(pooling, bidirectional, n_layers):
    data = rows()
    network = Network("lstm", 2, 5, 2, n_layers, bidirectional, pooling=pooling, dtype=np.float64)
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
    assert grad @ direction == pytest.approx((above - below) / 2e-6, rel=1e-6)


def largest(states, weights):
    return states.max(axis=0)


def mean(states, weights):
    return states.mean(axis=0)


def last(states, weights):
    return np.concatenate([states[-1, :4], states[0, 4:]])


def attended(states, weights):
    scores = (states @ weights["weight_attention"].T)[:, 0]
    return np.exp(scores) @ states / np.exp(scores).sum()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [("last", last), ("mean", mean), ("max", largest), ("attention", attended)],
)
def test_what_the_head_sees(pooling, pooled, bidirectional):
    X, y = ragged(8)
    options = {"pooling": pooling, "bidirectional": bidirectional, "segment": 2}
    model = RNNRegressor(**SMALL | options, dtype="float64").fit(X, y)
    weights = model.weights_
    for states, found in zip(hidden_states(model, X), model.predict(X)):
        seen = pooled(states, weights)
        assert found == pytest.approx((weights["weight_ho"] @ seen + weights["bias_ho"])[0])


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
        found = budgeted(TrainingConfig("squared", learning_rate="auto", **auto), data, 600)
        assert (found.batch_size, found.max_iter) == (size, epochs)
        n_batches = -(-n // size)
        assert found.max_iter * n_batches >= 600 and found.n_iter_no_change * n_batches >= 200
        assert (
            found.alpha == min(0.05, 3 / n)
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
    X, y = ragged(60)
    if Estimator is RNNClassifier:
        y = np.array(["low", "middle", "high"])[np.digitize(y, [-0.2, 0.2])]
    answer = "predict_proba" if Estimator is RNNClassifier else "predict"
    few = {"hidden_size": 4, "max_iter": 3, "random_state": 0}
    model = Estimator(**few, n_networks=3).fit(X, y)
    assert len(model.weights_) == 3
    found = []
    for member in model._fitted.members:
        choice = {name: member.settings[name] for name in Choice._fields}
        one = Estimator(**few, **choice, n_networks=1)
        one.fit(X, y).set_weights(member.network.to_weights(member.theta))
        found.append(getattr(one, answer)(X))
    assert_allclose(getattr(model, answer)(X), np.mean(found, axis=0), rtol=1e-6)
    model.save(tmp_path / "several")
    again = Estimator.load(tmp_path / "several")
    assert_array_equal(getattr(again, answer)(X), getattr(model, answer)(X))
    assert_frame_equal(again.trial_, model.trial_)
    assert_array_equal(
        getattr(again.partial_fit(X, y), answer)(X), getattr(model.partial_fit(X, y), answer)(X)
    )
    model.set_weights([{name: 0 * part for name, part in one.items()} for one in model.weights_])
    assert np.ptp(getattr(model, answer)(X), axis=0).max() == 0


def test_two_classes_of_several_networks():
    X, y = ragged()
    model = RNNClassifier(**SMALL | {"n_networks": 2}).fit(X, y > 0)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1)


def test_several_networks_go_on_only_together():
    X, y = ragged()
    model = RNNRegressor(**SMALL | {"n_networks": 2}).fit(X, y)
    with pytest.raises(ValueError, match="n_networks of RNNRegressor must be at least 2"):
        model.set_params(n_networks=1).partial_fit(X, y)
    with pytest.raises(ValueError, match="pooling of RNNRegressor must stay 'last'"):
        model.set_params(n_networks=2, pooling="max").partial_fit(X, y)
    model.set_params(pooling="last")
    with pytest.raises(ValueError, match="standardize of RNNRegressor must stay True"):
        model.set_params(standardize=False).partial_fit(X, y)
    model.set_params(standardize=True)
    for wrong in (model.weights_[0], None, model.weights_[:1]):
        with pytest.raises(ValueError, match="weights must be a list of 2 mappings"):
            model.set_weights(wrong)
    before = model.predict(X)
    with pytest.raises(ValueError, match="y must"):
        model.set_params(n_networks=2).fit(X, y[:-1])
    assert_array_equal(model.predict(X), before)


@pytest.fixture
def interrupted(monkeypatch):
    """A function of a model: fits it, and Ctrl-C comes after so many updates of all networks."""

    def fit(model, n_updates):
        calls = []
        update = cpu.apply_update

        def with_ctrl_c(*arguments):
            calls.append(1)
            if len(calls) == n_updates:
                interrupt_main()
            update(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(cpu, "apply_update", with_ctrl_c)
            model.set_params(max_iter=10**5, n_iter_no_change=10**5)
            with pytest.warns(InterruptedFitWarning, match="networks had learnt is kept"):
                model.fit(*ragged())
        return model

    return fit


def test_weights_of_an_interrupted_fit_can_be_set(interrupted):
    """Ctrl-C in the first of two networks: the second is not begun."""
    X, _ = ragged()
    model = RNNRegressor(**SMALL | {"n_networks": 2, "n_jobs": 1, "segment": 3})
    assert len(interrupted(model, 5).weights_) == 1
    before = model.predict(X)
    assert_array_equal(model.set_weights(model.weights_).predict(X), before)


def test_ctrl_c_ends_all_networks(interrupted):
    """Those that had begun are kept, each with the best of its weights."""
    X, _ = ragged()
    model = interrupted(RNNRegressor(**SMALL | {"n_networks": 3, "n_jobs": 2}), 300)
    assert len(model.weights_) == 2 and model.n_iter_ > 1
    assert np.isfinite(model.predict(X)).all()


def test_training_goes_on_after_ctrl_c(interrupted):
    """The networks that had not begun begin."""
    X, y = ragged()
    model = interrupted(RNNRegressor(**SMALL | {"n_networks": 3, "n_jobs": 1}), 5)
    assert len(model.weights_) == 1
    model.partial_fit(X, y)
    assert len(model.weights_) == 3
    assert [len(one.history.loss_curve) for one in model._fitted.members][1:] == [1, 1]
    assert model.set_params(warm_start=True, max_iter=2).fit(X, y).predict(X).shape == y.shape


def test_the_best_weights_are_kept_where_training_is_stopped_from_outside():
    """As by Ctrl-C in another thread: those after the epoch of the lowest loss."""
    X, y = ragged()
    model = RNNRegressor(**SMALL | {"max_iter": 50, "learning_rate_init": 0.3, "batch_size": 4})
    learnable = model._learnable(None, Given(X, y, {"sample_weight": None}), {})
    choice = choices_for(model._ways, learnable.settings, learnable.rows.lengths)[0]
    plan = model._plan(None, for_network(learnable, choice))
    updates = iter(range(12 * 8 + 3))
    states = []

    def ends(epoch):
        states.append(plan.fitted.theta.copy())
        return False

    def stop():
        return next(updates, None) is None

    model._train(plan, {"X": X, "y": y, "metadata": None}, ends, stop)
    curve = plan.fitted.history.loss_curve
    assert plan.fitted.history.cut_short and len(states) == len(curve) > np.argmin(curve) + 1
    assert_array_equal(plan.fitted.theta, states[np.argmin(curve)])


# The trial


def test_a_trial_keeps_what_suits():
    """The last of many values is seen by the last state, and lost in the mean of all."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 60))
    model = RNNRegressor(random_state=0, max_iter=40).fit(X, X[:, -1])
    trial = model.trial_.sort_values("loss")
    assert trial["kept"].iloc[0] and trial["pooling"].iloc[0] == "last"
    assert set(trial.loc[trial["kept"], "pooling"]) == {"last"}
    used = {one.settings["pooling"] for one in model._fitted.members}
    assert used == {"last"}


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_what_is_set_is_used(Estimator):
    X, y = ragged(60)
    y = y > 0 if Estimator is RNNClassifier else y
    chosen = {"cell": "lstm", "segment": 5, "pooling": "last", "augment": ("jitter", "warp")}
    model = Estimator(hidden_size=4, max_iter=3, random_state=0, **chosen).fit(X, y)
    for member in model._fitted.members:
        assert {name: member.settings[name] for name in chosen} == chosen
    assert len(model.trial_) == 2 and set(model.trial_["n_layers"]) == {1, 2}
    one = Estimator(hidden_size=4, max_iter=3, random_state=0, **chosen, n_layers=1).fit(X, y)
    assert one.trial_ is None
    dropped = Estimator(**SMALL | {"dropout": 0.2, "n_layers": "auto"}).fit(X, y)
    assert set(dropped.trial_["n_layers"]) == {2}


def test_few_sequences_have_no_trial():
    X, y = ragged(59)
    model = RNNRegressor(hidden_size=4, max_iter=3, random_state=0).fit(X, y)
    assert model.trial_ is None and len(model.weights_) == 4


def test_the_same_int_gives_the_same_bits_on_any_number_of_threads():
    X, y = ragged(60)
    few = {"hidden_size": 4, "max_iter": 5, "random_state": 0}
    found = [RNNRegressor(**few, n_jobs=n).fit(X, y).predict(X) for n in (1, 2, None)]
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


# Augmentation


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("size", [1, 4])
def test_variants_keep_form_and_targets(name, size):
    X, y = ragged(20, n_features=2)
    lengths = np.array([len(x) for x in X])
    values = np.concatenate(X)
    starts = (lengths.cumsum() - lengths) * 2
    targets = y[:, None]
    rows = Sequences(values.ravel(), 2, starts, lengths, targets, np.ones_like(targets))
    rows = rows.in_segments(size)
    found = varied(rows, (name,), 2, np.random.default_rng(0))
    assert len(found) == 20 and found.n_variants == 8
    assert found.n_batches(8) == 3
    for i in range(len(found.starts)):
        n = rows.lengths[i % 20] * rows.n_features
        start = rows.starts[i % 20]
        plain = rows.values[start : start + n].reshape(-1, 2)
        variant = found.values[found.starts[i] : found.starts[i] + n].reshape(-1, 2)
        assert found.lengths[i] == rows.lengths[i % 20]
        assert found.targets[i] == rows.targets[i % 20]
        assert np.isfinite(variant).all()
        if i < 20:
            assert_array_equal(variant, plain)
            continue
        assert (variant != plain).any() or name == "shift"  # by nothing
        if name in ("shift", "crop", "warp"):  # values between those that there are
            assert (variant.min(axis=0) >= plain.min(axis=0) - 1e-12).all()
            assert (variant.max(axis=0) <= plain.max(axis=0) + 1e-12).all()
        if name == "scale":
            assert abs(np.corrcoef(variant.T, plain.T)[[0, 1], [2, 3]] - 1).max() < 1e-6
        if name == "jitter":
            assert 0.05 < (variant - plain).std() < 0.2


def test_a_shift_moves_values_and_repeats_the_end():
    lengths = np.array([60, 100])
    row = np.repeat([0, 1], lengths)
    number = np.concatenate([np.arange(60), np.arange(100)])
    values = number[:, None].astype(float)
    found = shift(Steps(values, lengths, row, number), np.random.default_rng(3))[:, 0]
    for i in (0, 1):
        by = found[row == i][50] - 50
        assert_array_equal(found[row == i], np.clip(np.arange(lengths[i]) + by, 0, lengths[i] - 1))
        assert abs(by) <= 0.05 * lengths[i] and by == round(by)


def test_a_warp_keeps_both_ends_and_the_order():
    lengths = np.array([60, 1, 7])
    row = np.repeat([0, 1, 2], lengths)
    number = np.concatenate([np.arange(n) for n in lengths])
    steps = Steps(number[:, None].astype(float), lengths, row, number)
    found = warp(steps, np.random.default_rng(0))[:, 0]
    for i, n in enumerate(lengths):
        assert_allclose(found[row == i][[0, -1]], [0, n - 1], atol=1e-9)
        assert (np.diff(found[row == i]) > 0).all()


def test_an_epoch_sees_one_variant_of_each():
    X, y = ragged(20)
    lengths = np.array([len(x) for x in X])
    starts = lengths.cumsum() - lengths
    targets = y[:, None]
    rows = Sequences(np.concatenate(X).ravel(), 1, starts, lengths, targets, np.ones_like(targets))
    found = varied(rows, ("shift",), 1, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    epochs = [np.concatenate(found.epoch(rng, 8, True)) for _ in range(2)]
    for seen in epochs:
        assert sorted(seen % 20) == list(range(20))
    assert set(epochs[0]) != set(epochs[1])
