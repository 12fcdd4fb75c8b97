"""What the estimators promise: forms of X, lengths, outputs, weights, training, and manners; mostly to the last bit."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from textbook import TEXTBOOK_WHOLE, textbook

from tsrnn import (
    DivergenceError,
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    from_channels_first,
)
from tsrnn.backends import cpu
from tsrnn.data.series import from_array

BOTH = [RNNRegressor, RNNClassifier]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 4, "batch_size": 8, "random_state": 0}
SMALL |= TEXTBOOK_WHOLE
ONE_BATCH = SMALL | {"batch_size": 1000}


def regressor(**changes):
    return RNNRegressor(**SMALL | changes)


def classifier(**changes):
    return RNNClassifier(**SMALL | changes)


def sequences(n=20, length=6, n_features=2, seed=0):
    """Whole numbers, so that every type of number holds them exactly; the target is a number of the last step."""
    X = np.random.default_rng(seed).integers(-3, 4, size=(n, length, n_features))
    return X, X[:, -1, 0] / 3


def ragged(n=20, n_features=2, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, n_features)) for length in rng.integers(1, 12, size=n)]
    return X, np.array([x[-1, 0] for x in X])


def frame_of(X, labels=None):
    labels = range(len(X)) if labels is None else labels
    pairs = [(label, step) for label, x in zip(labels, X, strict=True) for step in range(len(x))]
    index = pd.MultiIndex.from_tuples(pairs, names=["store", "week"])
    return pd.DataFrame(np.concatenate(X), index=index, columns=list("uvwxyz")[: np.shape(X[0])[1]])


def by_time(frame):
    """The rows of all series mixed, the latest first; in a rectangle the series still appear in the same order."""
    return frame.iloc[np.argsort(-frame.index.get_level_values(1).to_numpy(), kind="stable")]


def backwards_in_time(frame):
    """One series after the other, each from its end."""
    return pd.concat([part[::-1] for _, part in frame.groupby(level=0, sort=False)])


def read_only(X):
    X = np.array(X)
    X.flags.writeable = False
    return X


def objects(X):
    out = np.empty(len(X), dtype=object)
    out[:] = [np.asarray(x) for x in X]
    return out


def assert_same_model(one, other):
    for name, weight in one.weights_.items():
        assert_array_equal(weight, other.weights_[name], err_msg=name)
    assert_array_equal(one.loss_curve_, other.loss_curve_)
    assert_array_equal(one.grad_norm_curve_, other.grad_norm_curve_)


def differ(one, other):
    return any((weight != other.weights_[name]).any() for name, weight in one.weights_.items())


# Forms of X

FORMS = {
    "float64": lambda X: X.astype(np.float64),
    "float32": lambda X: X.astype(np.float32),
    "int8": lambda X: X.astype(np.int8),
    "F order": lambda X: np.asfortranarray(X.astype(np.float32)),
    "read-only": lambda X: read_only(X.astype(np.float32)),
    "every second": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "array of objects": lambda X: X.astype(object),
    "list of arrays": list,
    "tuple of arrays": tuple,
    "list of read-only F arrays": lambda X: [read_only(np.asfortranarray(x)) for x in X],
    "nested lists": lambda X: X.tolist(),
    "list of lists and arrays": lambda X: [X[0].tolist(), *X[1:]],
    "object array of arrays": objects,
    "list of arrays of objects": lambda X: [x.astype(object) for x in X],
    "masked array without a mask": np.ma.array,
    "list of frames": lambda X: [pd.DataFrame(x) for x in X],
    "list of frames of nullable numbers": lambda X: [pd.DataFrame(x).astype("Int64") for x in X],
    "list of frames, columns in other orders": lambda X: [
        pd.DataFrame(x)[[0, 1] if i % 3 == 0 else [1, 0]] for i, x in enumerate(X)
    ],
    "list of a frame and arrays": lambda X: [pd.DataFrame(X[0], columns=["v", "u"]), *X[1:]],
    "frame": frame_of,
    "frame of nullable numbers": lambda X: frame_of(X).astype("Int64"),
    "frame, times backwards": lambda X: backwards_in_time(frame_of(X)),
    "frame, by time": lambda X: by_time(frame_of(X)),
    "frame of names and dates": lambda X: frame_of(
        X, labels=[f"store {-i}" for i in range(len(X))]
    ).rename(index=lambda week: pd.Timestamp("2020-01-01") + pd.Timedelta(days=week), level=1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("Estimator", BOTH)
def test_forms_of_many_features(Estimator, form):
    X, y = sequences()
    y = y if Estimator is RNNRegressor else y > 0
    expected = Estimator(**SMALL).fit(X, y)
    model = Estimator(**SMALL).fit(FORMS[form](X), y)
    assert_same_model(model, expected)
    assert_array_equal(model.predict(X), expected.predict(FORMS[form](X)))
    assert model.n_features_in_ == 2


ONE_FEATURE = {
    "3-D array": lambda X: X[:, :, None],
    "nested lists": lambda X: X.tolist(),
    "list of 1-D arrays": list,
    "list of lists and arrays": lambda X: [X[0].tolist(), *X[1:]],
    "list of one-column arrays": lambda X: list(X[:, :, None]),
    "list of Series": lambda X: [pd.Series(x, index=range(5, 5 + len(x))) for x in X],
    "plain frame": pd.DataFrame,
    "F order": np.asfortranarray,
    "frame": lambda X: frame_of(X[:, :, None]),
    "Series": lambda X: frame_of(X[:, :, None])["u"],
}


@pytest.mark.parametrize("form", ONE_FEATURE)
def test_forms_of_one_feature(form):
    X, y = sequences(n_features=1)
    X = X[:, :, 0]
    expected = regressor().fit(X, y)
    model = regressor().fit(ONE_FEATURE[form](X), y)
    assert_same_model(model, expected)
    assert_array_equal(model.predict(ONE_FEATURE[form](X)), expected.predict(X))


RAGGED_FORMS = {
    "nested lists": lambda X: [x.tolist() for x in X],
    "object array": objects,
    "frame": frame_of,
    "frame, times backwards": lambda X: backwards_in_time(frame_of(X)),
}


@pytest.mark.parametrize("form", RAGGED_FORMS)
def test_forms_of_ragged_sequences(form):
    X, y = ragged()
    expected = regressor().fit(X, y)
    model = regressor().fit(RAGGED_FORMS[form](X), y)
    assert_same_model(model, expected)
    assert_array_equal(model.predict(X), expected.predict(RAGGED_FORMS[form](X)))


def test_rows_of_a_frame_may_come_in_any_order():
    """In one batch even the order of the sequences is of no account, to the last bit."""
    X, y = ragged()
    names = [f"store {i}" for i in range(len(X))]
    frame, y = frame_of(X, names), pd.Series(y, index=names)
    expected = regressor(**ONE_BATCH).fit(frame, y)
    mixed = frame.sample(frac=1, random_state=0)
    model = regressor(**ONE_BATCH).fit(mixed, y)
    assert_same_model(model, expected)
    in_order_of_appearance = mixed.index.get_level_values("store").unique()
    assert list(in_order_of_appearance) != names
    predictions = pd.Series(expected.predict(frame), index=names)
    assert_array_equal(model.predict(mixed), predictions[in_order_of_appearance])


def test_targets_and_weights_of_a_frame_are_matched_by_label():
    X, y = ragged()
    names = [f"store {i}" for i in range(len(X))]
    weight = np.linspace(0.5, 2, len(X))
    expected = regressor().fit(X, y, sample_weight=weight)
    table = pd.DataFrame({"y": y, "weight": weight}, index=names).sample(frac=1, random_state=0)
    assert list(table.index) != names
    model = regressor().fit(frame_of(X, names), table["y"], sample_weight=table["weight"])
    assert_same_model(model, expected)


def test_targets_in_many_columns_are_matched_by_label():
    X, y = ragged()
    labels = list(range(100, 100 + len(X)))
    table = pd.DataFrame({"y": y, "z": -y}, index=labels)
    model = regressor().fit(frame_of(X, labels), table.iloc[::-1])
    assert_same_model(model, regressor().fit(X, np.c_[y, -y]))


@pytest.mark.parametrize(
    "form", [list, np.asarray, pd.Series, lambda y: pd.Series(y, index=range(1000, 1000 + len(y)))]
)
def test_targets_without_the_labels_of_a_frame_are_taken_in_its_order(form):
    X, y = ragged()
    names = [f"store {i}" for i in range(len(X))]
    assert_same_model(regressor().fit(frame_of(X, names), form(y)), regressor().fit(X, y))


def test_labels_of_classes_are_matched_by_label_too():
    X, y = ragged()
    names = [f"store {i}" for i in range(len(X))]
    labels = pd.Series(np.where(y > 0, "up", "down"), index=names)
    model = classifier().fit(frame_of(X, names), labels.iloc[::-1])
    assert_same_model(model, classifier().fit(X, labels.to_numpy()))


def test_from_channels_first_turns_arrays_and_lists():
    X, _ = sequences()
    turned = np.swapaxes(X, 1, 2)
    assert_array_equal(from_channels_first(turned), X)
    for x, expected in zip(
        from_channels_first([x[:, : 2 + i % 3] for i, x in enumerate(turned)]), X, strict=True
    ):
        assert_array_equal(x, expected[: len(x)])


def test_features_are_those_of_the_last_fit():
    X, y = ragged()
    model = regressor().fit(frame_of(X), y)
    assert list(model.feature_names_in_) == ["u", "v"]
    assert model.n_features_in_ == 2
    model.fit(ragged(n_features=3)[0], y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3
    model.fit(np.zeros((20, 7)), y)  # the columns of a table, as everywhere in scikit-learn
    assert model.n_features_in_ == 7
    model.fit(np.zeros((20, 7, 1)), y)
    assert model.n_features_in_ == 1


def test_frames_in_a_list_are_matched_by_name():
    X, y = ragged()
    frames = [pd.DataFrame(x, columns=["u", "v"]) for x in X]
    turned = [frame[["v", "u"]] for frame in frames]
    model = regressor().fit([frames[0], *turned[1:]], y)
    assert_same_model(model, regressor().fit(X, y))
    assert list(model.feature_names_in_) == ["u", "v"]
    expected = model.predict(X)
    for form in (frames, turned, frame_of(X)):
        assert_array_equal(model.predict(form), expected)
    assert_array_equal(regressor().fit(frame_of(X), y).predict(turned), expected)
    assert list(regressor().fit(turned, y).feature_names_in_) == ["v", "u"]
    for form in ([pd.DataFrame(x) for x in X], [*frames[:-1], X[-1]]):
        assert not hasattr(model.fit(form, y), "feature_names_in_")


# Lengths


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sequence_alone_predicts_as_among_longer_ones(cell, bidirectional):
    X, y = ragged(60)
    model = regressor(cell=cell, bidirectional=bidirectional).fit(X, y)
    together = model.predict(X)
    assert_array_equal(np.concatenate([model.predict([x]) for x in X]), together)
    assert_array_equal(model.predict(X[::-1]), together[::-1])
    assert len(set(together)) == len(X)


def test_more_sequences_than_one_forward_pass_takes():
    X, y = ragged(1500)
    model = regressor(max_iter=1, batch_size=200).fit(X, y)
    together = model.predict(X)
    assert_array_equal(
        np.concatenate([model.predict(X[i : i + 400]) for i in range(0, 1500, 400)]), together
    )


@pytest.mark.parametrize("truncate", ["end", "start"])
def test_max_length_is_the_same_as_cutting_by_hand(truncate):
    """`truncate` names the end that is cut off."""
    X, y = ragged()
    cut = [x[:4] if truncate == "end" else x[-4:] for x in X]
    assert any(len(x) > 4 for x in X) and any(len(x) < 4 for x in X)
    expected = regressor().fit(cut, y)
    model = regressor(max_length=4, truncate=truncate).fit(X, y)
    assert_same_model(model, expected)
    assert_array_equal(model.predict(X), expected.predict(cut))
    assert differ(model, regressor().fit(X, y))


@pytest.mark.parametrize("truncate", ["end", "start"])
def test_max_length_between_very_different_lengths(truncate):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 1)) for length in (12, 450, 450, 12)]
    cut = [x[:200] if truncate == "end" else x[-200:] for x in X]
    assert [len(x) for x in cut] == [12, 200, 200, 12]
    model = regressor(max_length=200, truncate=truncate).fit(X, [0, 1, 2, 3])
    expected = regressor().fit(cut, [0, 1, 2, 3])
    assert_same_model(model, expected)
    assert_array_equal(model.predict(X), expected.predict(cut))


def test_a_model_of_short_sequences_predicts_long_ones():
    X, y = sequences(length=5)
    long, _ = sequences(length=50)
    assert_array_equal(
        regressor().fit(X, y).predict(long), regressor().fit(list(X), y).predict(list(long))
    )


# Outputs


def states(model, X):
    """The last state of a plain network, by its definition."""
    w = {name: weight.astype(np.float64) for name, weight in model.weights_.items()}
    out = []
    for x in X:
        h = np.zeros(model.hidden_size)
        for step in x:
            h = np.tanh(
                w["weight_ih_l0"] @ step + w["bias_ih_l0"] + w["weight_hh_l0"] @ h + w["bias_hh_l0"]
            )
        out.append(w["weight_ho"] @ h + w["bias_ho"])
    return np.array(out)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regression_is_linear_in_the_last_state(dtype):
    X, y = ragged()
    model = regressor(cell="rnn", dtype=dtype).fit(X, np.c_[y, -y, y * y])
    tolerance = {"float32": 1e-5, "float64": 1e-12}[dtype]
    assert_allclose(model.predict(X), states(model, X), atol=tolerance)
    assert model.predict(X).dtype == np.float64


def test_two_classes_are_a_sigmoid():
    X, y = ragged()
    model = classifier(cell="rnn", dtype="float64").fit(X, y > 0)
    p = 1 / (1 + np.exp(-states(model, X)[:, 0]))
    assert_allclose(model.predict_proba(X), np.c_[1 - p, p], atol=1e-12)
    assert_array_equal(model.predict(X), p > 0.5)


def test_more_classes_are_a_softmax():
    X, y = ragged(30)
    labels = np.digitize(y, [-0.5, 0.5])
    model = classifier(cell="rnn", dtype="float64", max_iter=30).fit(X, labels)
    e = np.exp(states(model, X))
    p = e / e.sum(axis=1, keepdims=True)
    assert p.shape == (30, 3)
    assert_allclose(model.predict_proba(X), p, atol=1e-12)
    assert_allclose(model.predict_log_proba(X), np.log(p), atol=1e-12)
    assert_array_equal(model.predict(X), p.argmax(axis=1))
    assert len(set(model.predict(X))) > 1


def test_log_probabilities_stay_finite_where_probabilities_do_not():
    X, y = ragged()
    model = classifier().fit(X, y > 0)
    model.set_weights(
        {
            name: weight * (1e5 if name == "weight_ho" else 1)
            for name, weight in model.weights_.items()
        }
    )
    assert (model.predict_proba(X) == 0).any()
    assert np.isfinite(model.predict_log_proba(X)).all()


def test_every_output_is_learned():
    X, _ = ragged(60, seed=1)
    y = np.array([[x[-1, 0], -x[-1, 1], x[-1].sum()] for x in X])
    model = regressor(hidden_size=16, max_iter=300, learning_rate_init=0.01).fit(X, y)
    residual = ((model.predict(X) - y) ** 2).mean(axis=0) / y.var(axis=0)
    assert (residual < 0.1).all(), residual


def test_predictions_have_the_shape_of_the_targets():
    X, y = ragged()
    assert regressor().fit(X, y).predict(X).shape == (20,)
    assert regressor().fit(X, y[:, None]).predict(X).shape == (20, 1)
    assert regressor().fit(X, np.c_[y, y]).predict(X).shape == (20, 2)
    assert_array_equal(
        regressor().fit(X, y).predict(X), regressor().fit(X, y[:, None]).predict(X)[:, 0]
    )


LABELS = {
    "str": (["low", "mid", "top"], np.array),
    "int": ([-7, 2, 90], np.array),
    "float": ([-1.0, 0.0, 1.0], np.array),
    "list": (["low", "mid", "top"], lambda y: [str(label) for label in y]),
    "object": (["low", "mid", "top"], lambda y: np.array(y, dtype=object)),
    "Series of str": (["low", "mid", "top"], pd.Series),
    "Series of categories": (["low", "mid", "top"], lambda y: pd.Series(y, dtype="category")),
    "Series of Int64": ([1, 2, 3], lambda y: pd.Series(y, dtype="Int64")),
    "Series of string": (["low", "mid", "top"], lambda y: pd.Series(y, dtype="string")),
    "Series of whole categories": ([1, 2, 3], lambda y: pd.Series(y, dtype="category")),
    "whole objects": ([1, 2, 3], lambda y: y.astype(object)),
    "column of whole objects": ([1, 2, 3], lambda y: pd.Series(y, dtype=object)),
}


@pytest.mark.parametrize("kind", LABELS)
def test_any_labels_name_the_same_three_classes(kind):
    X, y = ragged()
    codes = np.digitize(y, [-0.5, 0.5])
    names, form = LABELS[kind]
    model = classifier().fit(X, form(np.array(names)[codes]))
    expected = classifier().fit(X, codes)
    assert model.classes_.tolist() == names
    assert model.classes_.dtype.kind == np.array(names).dtype.kind
    assert_same_model(model, expected)
    assert_array_equal(model.predict(X), np.array(names)[expected.predict(X)])
    assert model.score(X, form(np.array(names)[codes])) == expected.score(X, codes)
    parts = classifier().partial_fit(X, form(np.array(names)[codes]), classes=form(np.array(names)))
    assert parts.classes_.tolist() == names and parts.classes_.dtype == model.classes_.dtype


@pytest.mark.parametrize(
    "form",
    [
        lambda y: y.astype(object),
        lambda y: pd.Series(y, dtype=object),
        lambda y: pd.Series(y, dtype="boolean"),
        lambda y: pd.Series(y, dtype="category"),
    ],
)
def test_bools_stay_bools(form):
    X, y = ragged()
    model = classifier(class_weight={True: 2}).fit(X, form(y > 0))
    assert model.classes_.dtype == bool
    assert_same_model(model, classifier(class_weight={True: 2}).fit(X, y > 0))
    assert model.score(X, form(y > 0)) == model.score(X, y > 0)


@pytest.mark.parametrize("names", [[False, True], ["no", "yes"], [0, 1], [-1, 1]])
def test_any_labels_name_the_same_two_classes(names):
    X, y = ragged()
    model = classifier().fit(X, np.array(names)[(y > 0).astype(int)])
    assert model.classes_.tolist() == names
    assert_same_model(model, classifier().fit(X, y > 0))
    assert set(model.predict(X).tolist()) <= set(names)


# Weights of sequences and classes


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_whole_weight_is_as_many_repetitions_and_zero_is_none(Estimator):
    X, y = ragged()
    y = y if Estimator is RNNRegressor else np.digitize(y, [-0.5, 0.5])
    weight = np.arange(len(X)) % 4
    repeated = np.repeat(np.arange(len(X)), weight)
    model = Estimator(**ONE_BATCH).fit(X, y, sample_weight=weight)
    expected = Estimator(**ONE_BATCH).fit([X[i] for i in repeated], y[repeated])
    assert_same_model(model, expected)
    assert differ(model, Estimator(**ONE_BATCH).fit(X, y))


def test_weights_are_relative():
    X, y = ragged()
    weight = np.random.default_rng(0).uniform(size=len(X))
    one, other = (regressor().fit(X, y, sample_weight=scale * weight) for scale in (1, 1024))
    assert_same_model(one, other)


def test_sequences_without_weight_take_no_part_in_early_stopping():
    X, y = ragged()
    weight = (np.arange(len(X)) < 10).astype(float)
    model = regressor(early_stopping=True).fit(X, y, sample_weight=weight)
    assert_same_model(model, regressor(early_stopping=True).fit(X[:10], y[:10]))


def test_class_weight_is_a_sample_weight():
    X, y = ragged()
    labels = np.where(y > 0.3, "rare", "common")
    by_class = classifier(class_weight={"rare": 3}).fit(X, labels)
    by_sample = classifier().fit(X, labels, sample_weight=np.where(labels == "rare", 3, 1))
    assert_same_model(by_class, by_sample)
    twice = classifier(class_weight={"rare": 3}).fit(
        X, labels, sample_weight=np.where(labels == "rare", 1, 2)
    )
    assert_same_model(
        twice, classifier().fit(X, labels, sample_weight=np.where(labels == "rare", 3, 2))
    )


def test_balanced_weights_are_inverse_to_the_counts():
    X, y = ragged()
    labels = np.digitize(y, [0.3, 1])
    counts = np.bincount(labels)
    assert len(set(counts)) == 3
    model = classifier(class_weight="balanced").fit(X, labels)
    assert_same_model(
        model, classifier(class_weight=dict(enumerate(20 / (3 * counts)))).fit(X, labels)
    )


# Training


def test_early_stopping_puts_back_the_best_weights():
    X, y = ragged(40)
    settings = {
        "early_stopping": True,
        "learning_rate_init": 0.1,
        "n_iter_no_change": 5,
        "max_iter": 60,
    }
    model = regressor(**settings).fit(X, y)
    best = int(np.argmin(model.validation_loss_curve_))
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert best < model.n_iter_ - 1
    shorter = regressor(**settings | {"max_iter": best + 1}).fit(X, y)
    assert_array_equal(model.predict(X), shorter.predict(X))
    longer = regressor(**settings | {"max_iter": best + 2}).fit(X, y)
    assert_array_equal(model.predict(X), longer.predict(X))


def test_early_stopping_holds_out_a_share_of_every_class():
    """So small a class that chance would miss it is held out in proportion."""
    X, _ = ragged(40)
    labels = np.arange(40) < 4
    model = classifier(early_stopping=True, validation_fraction=0.5)
    seen, unseen = model._split(40, labels.astype(int))
    assert (labels[seen].sum(), labels[unseen].sum()) == (2, 2)
    assert sorted([*seen, *unseen]) == list(range(40))
    assert len(model.fit(X, labels).validation_loss_curve_) == 4


def test_training_stops_where_progress_does():
    """More than `n_iter_no_change` epochs in a row without progress end it."""
    X, y = ragged()
    assert regressor(max_iter=50, tol=1e6, n_iter_no_change=3).fit(X, y).n_iter_ == 5
    assert regressor(max_iter=50, tol=0, n_iter_no_change=50).fit(X, y).n_iter_ == 50


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_warm_start_goes_on_where_fit_ended(solver):
    """Without shuffling, four epochs and three are seven: weights, optimiser and curves."""
    X, y = ragged()
    settings = {"shuffle": False, "solver": solver, "tol": 0}
    model = regressor(**settings, warm_start=True).fit(X, y).set_params(max_iter=3).fit(X, y)
    assert_same_model(model, regressor(**settings, max_iter=7).fit(X, y))
    assert model.n_iter_ == 7
    assert len(model.grad_norm_curve_) == 7 * 3


def test_without_warm_start_fit_starts_again():
    X, y = ragged()
    model = regressor().fit(X, -y).fit(X, y)
    assert_same_model(model, regressor().fit(X, y))


def test_warm_start_takes_another_solver():
    X, y = ragged()
    model = regressor(warm_start=True, solver="sgd").fit(X, y)
    before = model.weights_
    model.set_params(solver="adam", max_iter=1, learning_rate_init=0.01, batch_size=20).fit(X, y)
    steps = np.concatenate(
        [(weight - before[name]).ravel() for name, weight in model.weights_.items()]
    )
    # Adam's first step is the learning rate
    assert_allclose(np.abs(steps[steps != 0]), 0.01, rtol=1e-2)


@pytest.mark.parametrize(
    "change", [{"hidden_size": 5}, {"cell": "rnn"}, {"n_layers": 2}, {"dtype": "float64"}]
)
def test_warm_start_keeps_the_form_of_the_network(change):
    X, y = ragged()
    model = regressor(warm_start=True).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="must go on with the form"):
        model.set_params(**change).fit(X, y)
    with pytest.raises(ValueError, match="must go on with the form"):
        model.set_params(
            **{name: SMALL.get(name, getattr(RNNRegressor(), name)) for name in change}
        ).fit(X, np.c_[y, y])
    assert_array_equal(model.predict(X), before)


def test_partial_fit_is_one_epoch():
    X, y = ragged()
    model = regressor(shuffle=False, max_iter=50)
    for n in (1, 2, 3):
        assert model.partial_fit(X, y) is model
        assert model.n_iter_ == n
    assert_same_model(model, regressor(shuffle=False, max_iter=3).fit(X, y))


def test_partial_fit_knows_classes_it_has_not_met():
    X, y = ragged()
    labels = np.digitize(y, [-0.5, 0.5])
    model = classifier(shuffle=False)
    for group in (0, 1, 2):
        rows = np.flatnonzero(labels == group)
        model.partial_fit([X[i] for i in rows], labels[rows], classes=[2, 0, 1])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (20, 3)
    assert model.n_iter_ == 3


def test_partial_fit_takes_sample_weight():
    X, y = ragged()
    weight = np.arange(len(X), dtype=float)
    model = classifier(max_iter=1).partial_fit(X, y > 0, sample_weight=weight)
    assert_same_model(model, classifier(max_iter=1).fit(X, y > 0, sample_weight=weight))


def test_divergence_is_an_error_that_has_the_curves_and_leaves_the_estimator_as_it_was():
    X, y = ragged()
    model = regressor(solver="sgd", learning_rate_init=1e15, clip_norm=None, max_iter=50)
    with pytest.raises(
        DivergenceError, match=r"epoch \d.*learning_rate_init \(it was 1e\+15\)"
    ) as caught:
        model.fit(X, y)
    assert len(caught.value.loss_curve) < 50
    assert np.isfinite(caught.value.grad_norm_curve).all()
    assert all(np.isfinite(weight).all() for weight in caught.value.weights.values())
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.set_params(**SMALL, solver="adam", clip_norm=1.0, learning_rate_init=0.005)
    assert_same_model(model.fit(X, y), regressor().fit(X, y))


def test_seeds():
    X, y = ragged()
    assert_same_model(regressor().fit(X, y), regressor().fit(X, y))
    assert differ(regressor().fit(X, y), regressor(random_state=1).fit(X, y))
    assert differ(regressor(random_state=None).fit(X, y), regressor(random_state=None).fit(X, y))
    one, other = (np.random.RandomState(0) for _ in range(2))
    first = regressor(random_state=one).fit(X, y)
    assert_same_model(first, regressor(random_state=other).fit(X, y))
    assert differ(first, regressor(random_state=one).fit(X, y))  # the generator has moved on


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_threads_change_no_bit(cell, monkeypatch):
    """Enough work that threads take part, rows of different lengths, several batches."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 3)) for length in rng.integers(5, 30, size=300)]
    y = np.array([x.mean() for x in X])
    settings = {
        "cell": cell,
        "hidden_size": 64,
        "batch_size": 200,
        "max_iter": 2,
        "n_layers": 2,
        "dropout": 0.2,
    }
    one = regressor(**settings).fit(X, y)
    calls, pool = [], cpu.pool
    monkeypatch.setattr(cpu, "pool", lambda: calls.append(1) or pool())
    many = regressor(**settings, n_jobs=3).fit(X, y)
    assert calls
    assert_same_model(one, many)
    assert_array_equal(one.predict(X), many.predict(X))


# Weights of the network

SHAPES = {
    "rnn": {"weight_ih_l0": (5, 2), "weight_hh_l0": (5, 5), "bias_ih_l0": (5,), "bias_hh_l0": (5,)},
    "gru": {
        "weight_ih_l0": (15, 2),
        "weight_hh_l0": (15, 5),
        "bias_ih_l0": (15,),
        "bias_hh_l0": (15,),
    },
    "lstm": {
        "weight_ih_l0": (20, 2),
        "weight_hh_l0": (20, 5),
        "bias_ih_l0": (20,),
        "bias_hh_l0": (20,),
    },
}


@pytest.mark.parametrize("cell", SHAPES)
def test_weights_have_torchs_names_and_shapes(cell):
    X, y = ragged()
    shapes = {
        name: weight.shape
        for name, weight in regressor(cell=cell, hidden_size=5).fit(X, y).weights_.items()
    }
    assert shapes == SHAPES[cell] | {"weight_ho": (1, 5), "bias_ho": (1,)}


def test_weights_of_layers_and_directions():
    X, y = ragged()
    model = regressor(cell="rnn", hidden_size=5, n_layers=2, bidirectional=True).fit(
        X, np.c_[y, y, y]
    )
    shapes = {name: weight.shape for name, weight in model.weights_.items()}
    expected = {}
    for layer, n_inputs in ((0, 2), (1, 10)):
        for direction in ("", "_reverse"):
            end = f"_l{layer}{direction}"
            expected |= {f"weight_ih{end}": (5, n_inputs), f"weight_hh{end}": (5, 5)}
            expected |= {f"bias_ih{end}": (5,), f"bias_hh{end}": (5,)}
    assert shapes == expected | {"weight_ho": (3, 10), "bias_ho": (3,)}


@pytest.mark.parametrize("Estimator", BOTH)
def test_weights_go_out_and_in(Estimator):
    X, y = ragged()
    y = y if Estimator is RNNRegressor else y > 0
    settings = SMALL | {"n_layers": 2, "bidirectional": True}
    model = Estimator(**settings).fit(X, y)
    other = Estimator(**settings | {"random_state": 1}).fit(X, y)
    assert differ(model, other)
    weights = {name: weight.tolist() for name, weight in model.weights_.items()}
    assert other.set_weights(weights) is other
    for name, weight in model.weights_.items():
        assert_array_equal(other.weights_[name], weight)
    output = "predict" if Estimator is RNNRegressor else "predict_proba"
    assert_array_equal(getattr(other, output)(X), getattr(model, output)(X))


def test_weights_are_copies():
    X, y = ragged()
    model = regressor().fit(X, y)
    before = model.predict(X)
    weights = model.weights_
    model.set_weights(weights)
    for weight in weights.values():
        weight[:] = 0
    assert_array_equal(model.predict(X), before)


# Manners


def test_fit_and_predict_leave_what_they_are_given_alone():
    X, y = ragged()
    weight = np.ones(len(X))
    kept = [x.copy() for x in X], y.copy(), weight.copy()
    model = regressor().fit(X, y, sample_weight=weight)
    model.predict(X)
    for x, before in zip(X, kept[0], strict=True):
        assert_array_equal(x, before)
    assert_array_equal(y, kept[1])
    assert_array_equal(weight, kept[2])
    assert model.get_params() == regressor().get_params()


def test_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = ragged()
    regressor(early_stopping=True).fit(X, y).predict(X)
    classifier().fit(X, y > 0).predict_proba(X)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("Estimator", BOTH)
def test_silence_is_the_default(Estimator, capfd):
    X, y = ragged()
    model = Estimator(**SMALL).fit(X, y > 0)
    model.partial_fit(X, y > 0)
    model.predict(X)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_is_one_line_that_is_written_over(early_stopping, monkeypatch, capfd):
    """On a terminal; in a log there is a line for every ten per cent."""
    X, y = ragged()
    for watched in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda watched=watched: watched)
        model = regressor(verbose=1, early_stopping=early_stopping).fit(X, y)
        out, err = capfd.readouterr()
        assert out == ""
        assert err.count("\n") == (1 if watched else 4) and err.endswith("\n")
        shown = err.rstrip("\n").removeprefix("\r").split("\r" if watched else "\n")
        assert [line.split()[1] for line in shown] == ["1/4", "2/4", "3/4", "4/4"]
        assert f"loss {model.loss_curve_[-1]:.5g}" in shown[-1]
        assert ("validation" in shown[-1]) == early_stopping


@pytest.mark.parametrize("form", ["flat", "channels", "float64", "every third"])
def test_sliding_windows_are_read_without_a_copy(form):
    values = (
        np.random.default_rng(0).normal(size=(400, 2)).astype("f8" if form == "float64" else "f4")
    )
    windows = np.lib.stride_tricks.sliding_window_view(values, 30, axis=0).swapaxes(1, 2)
    windows = {"flat": windows[:, :, 0].copy(), "every third": windows[::3]}.get(form, windows)
    if form == "flat":
        windows = np.lib.stride_tricks.sliding_window_view(values[:, 0].copy(), 30)
    series, copied = from_array(windows, np.float32), from_array(windows.copy(), np.float32)
    assert len(series.values) <= 400 < len(copied.values)
    for i in (0, 7, len(series) - 1):
        one, other = (
            part.values[part.starts[i] : part.starts[i] + part.lengths[i]]
            for part in (series, copied)
        )
        np.testing.assert_array_equal(one, other)
    y, options = (
        windows[:, 0].sum(axis=-1) if windows.ndim == 3 else windows[:, 0],
        dict(max_iter=2, random_state=0),
    )
    one, other = (RNNRegressor(**options).fit(X, y).predict(X) for X in (windows, windows.copy()))
    np.testing.assert_array_equal(one, other)


def test_the_first_window_with_a_missing_value_is_named():
    values = np.arange(50.0)
    values[20] = np.nan
    with pytest.raises(ValueError, match="sequence 11 has it at time step 9"):
        RNNRegressor().fit(np.lib.stride_tricks.sliding_window_view(values, 10), np.arange(41))


@pytest.mark.parametrize("model", [RNNRegressor, RNNClassifier, RNNSeq2SeqClassifier])
def test_targets_and_weights_are_scored_by_their_labels(model):
    rng = np.random.default_rng(0)
    X, names = (
        [rng.normal(size=(length, 1)) for length in (3, 1, 2, 4, 2)],
        [f"s{i}" for i in range(5)],
    )
    y = pd.Series([0.1, 0.3, 0.7, 0.9, 0.2] if model is RNNRegressor else list("abbac"), names)
    weight, frame = pd.Series([1.0, 2.0, 0.5, 1.0, 3.0], names), frame_of(X, names)
    options = textbook(model) | {"hidden_size": 16, "max_iter": 300, "learning_rate_init": 0.02}
    fitted = model(**options, random_state=0).fit(frame, y)
    assert fitted.score(frame, y[::-1], weight[::-1]) == fitted.score(frame, y, weight) > 0.9
