"""A target at every time step: forms of X, states that are carried and reset, labels that are missing, company."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from textbook import TEXTBOOK

from tsrnn import RNNSequenceClassifier, RNNSequenceRegressor
from tsrnn.estimators import sequence

BOTH = [RNNSequenceRegressor, RNNSequenceClassifier]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 4, "batch_size": 2, "random_state": 0}
SMALL |= TEXTBOOK
EXACT = SMALL | {"dtype": "float64"}
BRISK = {"cell": "gru", "max_iter": 100, "learning_rate_init": 0.02}
ORDER = "rows are time steps in order, and what is predicted for one depends on those before it"
LENGTHS = [12, 3, 7, 1, 9, 12]
NAMES = ["b", "a", "d", "c", "f", "e"]  # in no order


def sequences(seed=0):
    """Ragged sequences and a sum over their last three steps."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in LENGTHS]
    return X, [np.convolve(x[:, 0], [1.0, 0.8, 0.6])[: len(x)] for x in X]


def targets(Estimator, y):
    return (
        y if Estimator is RNNSequenceRegressor else [np.where(part > 0, "up", "down") for part in y]
    )


def table(Estimator):
    """The same as rows of a table, and the label of each."""
    X, y = sequences()
    return np.concatenate(X), np.concatenate(targets(Estimator, y)), np.repeat(NAMES, LENGTHS)


def frame(X, labels):
    times = np.concatenate([pd.date_range("2024-01-01", periods=length) for length in LENGTHS])
    return pd.DataFrame(
        X,
        columns=["u", "v"],
        index=pd.MultiIndex.from_arrays([labels, times], names=["series", "t"]),
    )


def assert_same_weights(one, other):
    for name, weight in one.weights_.items():
        assert_array_equal(weight, other.weights_[name], err_msg=name)


def outputs(model, X, **where):
    """Numbers that tell two models apart: predictions, or probabilities."""
    return (model.predict if isinstance(model, RNNSequenceRegressor) else model.predict_proba)(
        X, **where
    )


def contradicting(estimator):
    return {
        "check_methods_sample_order_invariance": ORDER,
        "check_methods_subset_invariance": ORDER,
        "check_sample_weight_equivalence_on_dense_data": "a repeated row is one more step, and changes later ones",
    }


@parametrize_with_checks(
    [Estimator(**BRISK) for Estimator in BOTH], expected_failed_checks=contradicting
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([Estimator() for Estimator in BOTH], expected_failed_checks=contradicting)
def test_scikit_learn_check_as_they_come(estimator, check):
    check(estimator)


# Forms


@pytest.mark.parametrize("Estimator", BOTH)
def test_all_forms_are_one(Estimator):
    """A list, a table with labels, a frame with an index: the same weights and predictions, each in its own form."""
    X, y = sequences()
    y = targets(Estimator, y)
    nested = Estimator(**SMALL).fit(X, y)
    expected = nested.predict(X)
    assert [part.shape for part in expected] == [(length,) for length in LENGTHS]
    rows, flat, labels = table(Estimator)
    for kind in (np.array, list, pd.Series, pd.Categorical):
        model = Estimator(**SMALL).fit(rows, flat, series=kind(labels))
        assert_same_weights(model, nested)
        assert_array_equal(model.predict(rows, series=kind(labels)), np.concatenate(expected))
    framed = Estimator(**SMALL).fit(frame(rows, labels), flat)
    assert_same_weights(framed, nested)
    assert_array_equal(framed.predict(frame(rows, labels)), np.concatenate(expected))
    assert list(framed.feature_names_in_) == ["u", "v"]
    score = nested.score(X, y)
    assert (
        framed.score(frame(rows, labels), flat) == model.score(rows, flat, series=labels) == score
    )
    metric = r2_score if Estimator is RNNSequenceRegressor else accuracy_score
    assert score == pytest.approx(metric(flat, np.concatenate(expected)), rel=1e-12)


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_block_is_a_list_of_equal_lengths(Estimator):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 8, 2))
    y = (
        X[:, :, 0] + X[:, :, 1]
        if Estimator is RNNSequenceRegressor
        else (X[:, :, 0] > 0).astype(int)
    )
    model, other = Estimator(**SMALL).fit(X, y), Estimator(**SMALL).fit(list(X), list(y))
    assert_same_weights(model, other)
    assert model.predict(X).shape == (5, 8)
    assert_array_equal(model.predict(X), np.stack(other.predict(X)))
    assert model.score(X, y) == other.score(list(X), y.tolist())
    assert_same_weights(Estimator(**SMALL).fit(X.tolist(), pd.DataFrame(y)), model)


def test_many_outputs_in_every_form():
    X, y = sequences()
    y = [np.c_[part, -part, x[:, 1]] for x, part in zip(X, y)]
    model = RNNSequenceRegressor(**SMALL).fit(X, y)
    assert [part.shape for part in model.predict(X)] == [(length, 3) for length in LENGTHS]
    rows, _, labels = table(RNNSequenceRegressor)
    flat = model.predict(rows, series=labels)
    assert flat.shape == (len(rows), 3) and flat.dtype == np.float64
    assert model.score(X, y) == pytest.approx(r2_score(np.concatenate(y), flat), rel=1e-9)
    assert model.predict(np.ones((2, 5, 2))).shape == (2, 5, 3)


def test_probabilities_of_every_step():
    X, y = sequences()
    labels = [np.digitize(part, [-0.7, 0.7]) for part in y]
    model = RNNSequenceClassifier(**SMALL).fit(X, labels)
    p = model.predict_proba(X)
    assert [part.shape for part in p] == [(length, 3) for length in LENGTHS]
    for part, log, predicted in zip(p, model.predict_log_proba(X), model.predict(X)):
        assert_allclose(part.sum(axis=1), 1)
        assert_allclose(np.exp(log), part)
        assert_array_equal(model.classes_[part.argmax(axis=1)], predicted)


def test_rows_without_labels_are_one_series():
    rows, y, _ = table(RNNSequenceRegressor)
    model = RNNSequenceRegressor(**SMALL).fit(rows, y)
    assert_same_weights(model, RNNSequenceRegressor(**SMALL).fit([rows], [y]))
    assert_same_weights(
        model, RNNSequenceRegressor(**SMALL).fit(pd.DataFrame(rows), pd.Series(y)[::1])
    )


def test_a_column_of_a_panel_is_one_feature():
    rows, y, labels = table(RNNSequenceRegressor)
    column = frame(rows, labels)["u"]
    model = RNNSequenceRegressor(**SMALL).fit(column, y)
    assert_same_weights(model, RNNSequenceRegressor(**SMALL).fit(rows[:, :1], y, series=labels))
    assert list(model.feature_names_in_) == ["u"]


# States: reset between series, carried inside them


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("n_layers", [1, 2])
def test_a_series_alone_is_a_series_among_others(cell, n_layers):
    X, y = sequences()
    model = RNNSequenceRegressor(**EXACT | {"cell": cell, "n_layers": n_layers}).fit(X, y)
    together = model.predict(X)
    for x, part in zip(X, together):
        assert_array_equal(model.predict(x), part)
    # one series is another thing
    assert not np.array_equal(model.predict(np.concatenate(X)), np.concatenate(together))
    rows = np.concatenate(X)
    shuffled = model.predict([rows[:12], X[0][::-1].copy()])[0]
    assert_array_equal(shuffled, together[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("cell", "n_states"), [("rnn", 1), ("gru", 1), ("lstm", 2)])
def test_pieces_with_the_state_handed_on_are_the_whole(cell, n_states, dtype, monkeypatch):
    X, y = sequences()
    settings = SMALL | {"cell": cell, "n_layers": 2, "hidden_size": 20, "dtype": dtype}
    model = RNNSequenceRegressor(**settings).fit(X, y)
    block = np.random.default_rng(1).normal(size=(3, 40, 2))
    whole = model.predict(block)
    for size in (1, 7, 39):
        state, found = None, []
        for first in range(0, 40, size):
            part, state = model.predict_with_state(
                block[:, first : first + size], initial_state=state
            )
            found.append(part)
        assert_array_equal(np.concatenate(found, axis=1), whole)
        assert state.shape == (3, 2, n_states, 20) and state.dtype == dtype
        assert_array_equal(state, model.predict_with_state(block)[1])
    assert_array_equal(
        model.predict(block[1:, 39:], initial_state=state[1:] * 0), model.predict(block[1:, 39:])
    )
    monkeypatch.setattr(sequence, "PIECE", 6)  # what is cut inside, to keep little in memory
    monkeypatch.setattr(sequence, "TOGETHER", 11)
    assert_array_equal(model.predict(block), whole)
    assert_array_equal(
        np.concatenate(model.predict(X)), np.concatenate([model.predict([x])[0] for x in X])
    )


def test_the_state_is_that_of_the_definition():
    import naive

    X, y = sequences()
    model = RNNSequenceRegressor(**EXACT | {"cell": "lstm"}).fit(X, y)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    _, states = model.predict_with_state(X)
    for x, state in zip(X, states):
        assert_allclose(
            state[0],
            naive.run("lstm", x, *(model.weights_[name] for name in names))[-1],
            atol=1e-14,
        )


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_classifier_hands_states_on_too(Estimator):
    rows, y, labels = table(Estimator)
    model = Estimator(**EXACT).fit(rows, y, series=labels)
    _, state = model.predict_with_state(rows[:5])
    assert_array_equal(
        outputs(model, rows[5:12], initial_state=state), outputs(model, rows[:12])[5:]
    )
    predicted, _ = model.predict_with_state(rows, series=labels)
    assert_array_equal(predicted, model.predict(rows, series=labels))


def test_memory_does_not_grow_with_the_series(monkeypatch):
    """No array of states is longer than a piece."""
    rng, longest = np.random.default_rng(0), []
    model = RNNSequenceRegressor(**SMALL, window=20).fit(
        rng.normal(size=(100, 2)), rng.normal(size=100)
    )
    forward = type(model._fitted.network).forward

    def watched(self, packed, batch, workspace, *rest, **options):
        longest.append(batch.x.shape[0])
        return forward(self, packed, batch, workspace, *rest, **options)

    monkeypatch.setattr(type(model._fitted.network), "forward", watched)
    model.predict(rng.normal(size=(5000, 2)))
    assert max(longest) == sequence.PIECE and len(longest) == 5


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_truncated_at_the_length_or_beyond_is_full(cell):
    X, y = sequences()
    full = RNNSequenceRegressor(**EXACT | {"cell": cell}).fit(X, y)
    for steps in (12, 13, 1000):
        assert_same_weights(
            RNNSequenceRegressor(**EXACT | {"cell": cell}, bptt_steps=steps).fit(X, y), full
        )
        assert_same_weights(
            RNNSequenceRegressor(**EXACT | {"cell": cell}, window=steps).fit(X, y), full
        )
    other = RNNSequenceRegressor(**EXACT | {"cell": cell}, bptt_steps=11).fit(X, y)
    assert not np.array_equal(other.weights_["weight_ho"], full.weights_["weight_ho"])


def test_pieces_carry_the_state_and_windows_do_not():
    """The target is what was seen eight steps ago, pieces have four: only a state that is carried knows it."""
    rng = np.random.default_rng(0)
    sign = rng.choice([-1.0, 1.0], size=80)
    X = np.zeros((80, 12, 1))
    X[:, 0, 0] = sign
    y = np.full((80, 12), np.nan)
    y[:, 8:] = sign[:, None]
    settings = {
        "cell": "rnn",
        "hidden_size": 8,
        "max_iter": 40,
        "batch_size": 20,
        "random_state": 0,
    }
    settings["learning_rate_init"] = 0.02
    carried = RNNSequenceRegressor(**settings, bptt_steps=4).fit(X, y)
    apart = RNNSequenceRegressor(**settings, window=4).fit(X, y)
    assert carried.loss_curve_[-1] < 0.5 < 0.9 < apart.loss_curve_[-1]


def test_an_update_for_each_piece():
    X, y = np.zeros((1, 20, 1)), np.ones((1, 20))
    for settings, n_updates in (
        ({}, 4),
        ({"bptt_steps": 5}, 16),
        ({"window": 5, "batch_size": 1}, 16),
    ):
        assert len(RNNSequenceRegressor(**SMALL | settings).fit(X, y).grad_norm_curve_) == n_updates


def test_windows_are_sequences_of_their_own():
    X, y = sequences()
    pieces = [
        [part[i : i + 5] for part in parts for i in range(0, len(part), 5)] for parts in (X, y)
    ]
    pieces[1][1][:] = np.nan  # a view: one whole window without a target
    assert np.isnan(y[0][5:10]).all()
    model = RNNSequenceRegressor(**EXACT, window=5).fit(X, y)
    assert_same_weights(model, RNNSequenceRegressor(**EXACT).fit(*pieces))


@pytest.mark.parametrize(
    ("truncate", "seen"), [("end", slice(None, 4)), ("start", slice(-4, None))]
)
def test_max_length_cuts_what_is_trained_on(truncate, seen):
    X, y = sequences()
    model = RNNSequenceRegressor(**EXACT, max_length=4, truncate=truncate).fit(X, y)
    assert_same_weights(
        model, RNNSequenceRegressor(**EXACT).fit([x[seen] for x in X], [part[seen] for part in y])
    )
    assert [len(part) for part in model.predict(X)] == LENGTHS


def test_a_bidirectional_network_knows_what_comes():
    """The next value: nothing for a causal network, everything for one that reads from both ends."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 15, 1))
    y = np.roll(X[:, :, 0], -1, axis=1)
    y[:, -1] = np.nan
    settings = {"cell": "gru", "hidden_size": 8, "max_iter": 40, "batch_size": 8, "random_state": 0}
    settings["learning_rate_init"] = 0.01
    causal = RNNSequenceRegressor(**settings).fit(X, y)
    both = RNNSequenceRegressor(**settings, bidirectional=True).fit(X, y)
    assert causal.score(X, y) < 0.2 < 0.9 < both.score(X, y)
    changed = X.copy()
    changed[:, 10:] = 0
    assert_array_equal(causal.predict(changed)[:, :10], causal.predict(X)[:, :10])
    assert not np.isclose(both.predict(changed)[:, 9], both.predict(X)[:, 9]).all()


# Steps without a target, and weights


def test_steps_without_a_target_count_nothing():
    X, y = sequences()
    y[0][4], y[2][:] = np.nan, np.nan
    holes = RNNSequenceRegressor(**EXACT).fit(X, y)
    rng = np.random.default_rng(0)
    filled = [np.where(np.isnan(part), rng.normal(size=len(part)), part) for part in y]
    weights = [(~np.isnan(part)).astype(float) for part in y]
    assert_same_weights(holes, RNNSequenceRegressor(**EXACT).fit(X, filled, sample_weight=weights))
    without = [[part for i, part in enumerate(parts) if i != 2] for parts in (X, y)]
    assert_same_weights(holes, RNNSequenceRegressor(**EXACT).fit(*without))
    assert not np.isnan(np.concatenate(holes.predict(X))).any()


def test_loss_is_the_mean_over_known_targets():
    X, y = sequences()
    y = [np.c_[part, part + 1] for part in y]
    y[0][3:, 1], y[4][2, 0] = np.nan, np.nan
    start = RNNSequenceRegressor(
        **EXACT | {"max_iter": 1, "batch_size": 100, "learning_rate_init": 1e-300}
    ).fit(X, y)
    errors = np.concatenate(y) - np.concatenate(start.predict(X))
    assert start.loss_curve_[0] == pytest.approx(np.nanmean(errors**2), rel=1e-12)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_label_may_be_missing(missing):
    rows, y, labels = table(RNNSequenceClassifier)
    holes = y.astype(object)
    holes[::3] = missing
    weight = np.where(np.arange(len(y)) % 3, 1.0, 0.0)
    expected = RNNSequenceClassifier(**EXACT).fit(rows, y, series=labels, sample_weight=weight)
    for given in (holes, list(holes), pd.Series(holes), pd.Series(holes, dtype="category")):
        model = RNNSequenceClassifier(**EXACT).fit(rows, given, series=labels)
        assert_same_weights(model, expected)
        assert model.classes_.tolist() == ["down", "up"]
        known = np.arange(len(y)) % 3 > 0
        right = model.predict(rows, series=labels)[known] == y[known]
        assert model.score(rows, given, series=labels) == pytest.approx(right.mean())


def test_numbers_as_labels_may_be_missing():
    rows, y, labels = table(RNNSequenceClassifier)
    codes = np.where(np.arange(len(y)) % 3, (y == "up") * 1.0, np.nan)
    whole = pd.Series(codes).astype("Int64")
    model = RNNSequenceClassifier(**EXACT).fit(rows, codes, series=labels)
    assert_same_weights(model, RNNSequenceClassifier(**EXACT).fit(rows, whole, series=labels))
    assert model.classes_.tolist() == [0, 1]


def test_scores_leave_out_steps_without_a_target():
    X, y = sequences()
    y = [np.c_[part, part**2] for part in y]
    y[0][3:, 1], y[4][2, 0] = np.nan, np.nan
    model = RNNSequenceRegressor(**SMALL).fit(X, y)
    flat, predicted = np.concatenate(y), np.concatenate(model.predict(X))
    weight = np.random.default_rng(0).uniform(size=len(flat))
    expected = [
        r2_score(flat[known, j], predicted[known, j], sample_weight=weight[known])
        for j, known in enumerate(~np.isnan(flat.T))
    ]
    nested = np.split(weight, np.cumsum(LENGTHS)[:-1])
    assert model.score(X, y, sample_weight=nested) == pytest.approx(np.mean(expected), rel=1e-9)


@pytest.mark.parametrize("Estimator", BOTH)
def test_weights_of_steps_scale_their_share(Estimator):
    """Twice the weight of all changes nothing, of some it does; zero is the same as no label."""
    rows, y, labels = table(Estimator)
    weight = np.random.default_rng(0).uniform(size=len(y))
    one, two, other = (
        Estimator(**EXACT).fit(rows, y, series=labels, sample_weight=w)
        for w in (weight, 2 * weight, weight**2)
    )
    for name, part in one.weights_.items():
        assert_allclose(part, two.weights_[name], atol=1e-12)
    assert not np.allclose(one.weights_["weight_ho"], other.weights_["weight_ho"])


def test_class_weight_is_a_weight_of_steps():
    rows, y, labels = table(RNNSequenceClassifier)
    weight = np.where(y == "up", 3.0, 1.0)
    given = RNNSequenceClassifier(**EXACT, class_weight={"up": 3.0}).fit(rows, y, series=labels)
    assert_same_weights(
        given, RNNSequenceClassifier(**EXACT).fit(rows, y, series=labels, sample_weight=weight)
    )
    share = {label: len(y) / (2 * (y == label).sum()) for label in ("up", "down")}
    balanced = RNNSequenceClassifier(**EXACT, class_weight="balanced").fit(rows, y, series=labels)
    expected = RNNSequenceClassifier(**EXACT, class_weight=share).fit(rows, y, series=labels)
    assert_same_weights(balanced, expected)


# Training


@pytest.mark.parametrize("options", [{}, {"bptt_steps": 3}, {"window": 3}])
@pytest.mark.parametrize("Estimator", BOTH)
def test_early_stopping_holds_out_series(Estimator, options):
    rows, y, labels = table(Estimator)
    model = Estimator(**EXACT | {"max_iter": 3}, early_stopping=True, **options).fit(
        rows, y, series=labels
    )
    assert len(model.validation_loss_curve_) == 3
    changes = []  # of the series that is held out, and of no other, the last labels are not trained on
    for name in NAMES:
        last = np.flatnonzero(labels == name)[-1]
        other = y.copy()
        other[last] = (
            y[last] + 1
            if Estimator is RNNSequenceRegressor
            else {"up": "down", "down": "up"}[y[last]]
        )
        refit = Estimator(**EXACT | {"max_iter": 3}, early_stopping=True, **options).fit(
            rows, other, series=labels
        )
        changes.append(refit.loss_curve_ != model.loss_curve_)
    assert sum(changes) == len(NAMES) - 1


def test_early_stopping_holds_out_the_last_part_of_a_single_series():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = X[:, 0] + rng.normal(size=50)
    y[45:] = np.nan
    settings = EXACT | {"max_iter": 5, "early_stopping": True, "validation_fraction": 0.2}
    model = RNNSequenceRegressor(**settings).fit(X, y)
    assert_array_equal(
        model.loss_curve_,
        RNNSequenceRegressor(**EXACT | {"max_iter": 5}).fit(X[:36], y[:36]).loss_curve_,
    )
    at_last = np.nanmean((model.predict(X) - y)[36:] ** 2)  # the state comes from the part before
    assert min(model.validation_loss_curve_) == pytest.approx(at_last, rel=1e-12)


@pytest.mark.parametrize("Estimator", BOTH)
def test_fit_goes_on(Estimator):
    X, y = sequences()
    y = targets(Estimator, y)
    settings = EXACT | {"shuffle": False, "batch_size": 10}
    long = Estimator(**settings | {"max_iter": 6}).fit(X, y)
    warm = Estimator(**settings | {"max_iter": 3}, warm_start=True).fit(X, y)
    assert_same_weights(pickle.loads(pickle.dumps(warm)).fit(X, y), long)
    part = Estimator(**settings)
    for _ in range(6):
        part.partial_fit(X, y)
    assert_same_weights(part, long)
    assert part.n_iter_ == 6


def test_labels_may_come_later():
    X, y = sequences()
    labels = [np.digitize(part, [-0.7, 0.7]) for part in y]
    model = RNNSequenceClassifier(**SMALL).partial_fit(X[:1], labels[:1], classes=[0, 1, 2])
    for x, part in zip(X, labels):
        model.partial_fit([x], [part])
    assert model.classes_.tolist() == [0, 1, 2] and model.n_iter_ == 7


@pytest.mark.parametrize("options", [{}, {"bptt_steps": 8}, {"window": 8}])
def test_threads_change_no_bit(options):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(150, 24, 2)), rng.normal(size=(150, 24))
    settings = SMALL | {"hidden_size": 96, "batch_size": 150, "max_iter": 1} | options
    one, two = (RNNSequenceRegressor(**settings, n_jobs=n).fit(X, y) for n in (1, 2))
    assert_same_weights(one, two)
    assert_array_equal(one.predict(X), two.predict(X))


# Company: pipelines and searches, with and without metadata routing


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("routing", [False, True])
def test_pipeline(Estimator, routing):
    rows, y, labels = table(Estimator)
    scaled = StandardScaler().fit_transform(rows)
    alone = Estimator(**SMALL).fit(scaled, y, series=labels)
    last = Estimator(**SMALL)
    name = type(last).__name__.lower()
    with config_context(enable_metadata_routing=routing):
        if routing:
            last.set_fit_request(series=True).set_predict_request(series=True).set_score_request(
                series=True
            )
        pipeline = make_pipeline(StandardScaler(), last)
        pipeline.fit(rows, y, **{"series" if routing else f"{name}__series": labels})
        assert_array_equal(
            pipeline.predict(rows, series=labels), alone.predict(scaled, series=labels)
        )
        if routing:
            assert pipeline.score(rows, y, series=labels) == alone.score(scaled, y, series=labels)
        else:  # one series, as nobody says otherwise
            assert pipeline.score(rows, y) == alone.score(scaled, y)


@pytest.mark.parametrize("routing", [False, True])
def test_frames_keep_their_index_through_transformers(routing):
    rows, y, labels = table(RNNSequenceRegressor)
    X = frame(rows, labels).assign(day=lambda df: df.index.get_level_values("t").day_of_week)
    columns = ColumnTransformer(
        [
            ("number", StandardScaler(), ["u", "v"]),
            ("day", OneHotEncoder(sparse_output=False), ["day"]),
        ]
    )
    with config_context(enable_metadata_routing=routing):
        pipeline = (
            make_pipeline(columns, RNNSequenceRegressor(**SMALL))
            .set_output(transform="pandas")
            .fit(X, y)
        )
        ready = clone(columns).set_output(transform="pandas").fit_transform(X)
        alone = RNNSequenceRegressor(**SMALL).fit(ready.to_numpy(), y, series=labels)
        assert_array_equal(pipeline.predict(X), alone.predict(ready.to_numpy(), series=labels))
        assert list(pipeline[-1].feature_names_in_) == list(ready.columns)


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("routing", [False, True])
def test_grid_search_over_time(Estimator, routing):
    rows, y, _ = table(Estimator)
    folds, grid = TimeSeriesSplit(3), {"hidden_size": [2, 4]}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(Estimator(**SMALL), grid, cv=folds).fit(rows, y)
    expected = [
        np.mean(
            [
                Estimator(**SMALL | {"hidden_size": h}).fit(rows[a], y[a]).score(rows[b], y[b])
                for a, b in folds.split(rows)
            ]
        )
        for h in (2, 4)
    ]
    assert_allclose(search.cv_results_["mean_test_score"], expected, rtol=1e-12)


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("form", ["series", "frame"])
def test_grid_search_over_series(Estimator, form):
    """With routing labels reach fit and score; without, the index of a frame does the same."""
    rows, y, labels = table(Estimator)
    folds, grid = GroupKFold(2), {"hidden_size": [2, 4]}
    if form == "series":
        with config_context(enable_metadata_routing=True):
            model = Estimator(**SMALL).set_fit_request(series=True).set_score_request(series=True)
            search = GridSearchCV(model, grid, cv=folds).fit(rows, y, groups=labels, series=labels)
    else:
        search = GridSearchCV(Estimator(**SMALL), grid, cv=folds).fit(
            frame(rows, labels), y, groups=labels
        )
    expected = [
        np.mean(
            [
                Estimator(**SMALL | {"hidden_size": h})
                .fit(rows[a], y[a], series=labels[a])
                .score(rows[b], y[b], series=labels[b])
                for a, b in folds.split(rows, groups=labels)
            ]
        )
        for h in (2, 4)
    ]
    assert_allclose(search.cv_results_["mean_test_score"], expected, rtol=1e-12)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("form", ["series", "frame"])
def test_cross_val_predict_over_series(form, routing):
    """scikit-learn hands labels to fit and not to predict: the index of a frame reaches both."""
    rows, y, labels = table(RNNSequenceRegressor)
    folds, expected = GroupKFold(3), np.empty(len(y))
    for a, b in folds.split(rows, groups=labels):
        model = RNNSequenceRegressor(**SMALL).fit(rows[a], y[a], series=labels[a])
        expected[b] = model.predict(rows[b], series=labels[b] if form == "frame" else None)
    with config_context(enable_metadata_routing=routing):
        model, given = RNNSequenceRegressor(**SMALL), {"series": labels} if form == "series" else {}
        if routing:
            model.set_fit_request(series=True)
        groups = {"groups": labels}
        options = {"params": given | groups} if routing else {"params": given} | groups
        found = cross_val_predict(
            model, rows if form == "series" else frame(rows, labels), y, cv=folds, **options
        )
    assert_array_equal(found, expected)


def test_requests_name_what_methods_take():
    with config_context(enable_metadata_routing=True):
        requests = (
            RNNSequenceClassifier()
            .set_partial_fit_request(classes=True, series=True)
            .get_metadata_routing()
        )
    assert requests.partial_fit.requests == {"classes": True, "series": True, "sample_weight": None}
    assert set(requests.score.requests) == {"series", "sample_weight"}
    validation = {"X_val", "y_val", "sample_weight_val", "series_val"}
    assert set(requests.fit.requests) == {"series", "sample_weight"} | validation
    assert (
        set(requests.predict.requests)
        == set(requests.predict_proba.requests)
        == {"series", "initial_state"}
    )


@pytest.mark.parametrize("Estimator", BOTH)
def test_tags_and_copies(Estimator):
    rows, y, labels = table(Estimator)
    model = Estimator(**SMALL).fit(rows, y, series=labels)
    assert get_tags(model).input_tags.three_d_array and get_tags(model).target_tags.required
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict(rows), model.predict(rows))
    assert clone(model).get_params() == model.get_params()
