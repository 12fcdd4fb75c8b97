"""What cannot be right is refused in one sentence: what it must be, what it was; and nothing is lost by it."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from textbook import SINGLE, listed

from tsrnn import (
    RNNClassifier,
    RNNRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    from_channels_first,
)

BOTH = [RNNRegressor, RNNClassifier]
ALL = [*BOTH, RNNSequenceRegressor, RNNSequenceClassifier]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 2, "random_state": 0}
GOOD = np.random.default_rng(0).normal(size=(6, 5, 2))
NUMBERS = GOOD[:, -1, 0]
LABELS = np.array(["low", "top"])[[0, 1, 0, 1, 0, 1]]


def target(Estimator):
    if Estimator is RNNSequenceRegressor:
        return GOOD[:, :, 0]
    if Estimator is RNNSequenceClassifier:
        return np.where(GOOD[:, :, 0] > 0, "top", "low")
    return LABELS if Estimator is RNNClassifier else NUMBERS


def refusal(call, *arguments, **keywords):
    """The sentence with which a call is refused."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call(*arguments, **keywords)
    sentence = str(caught.value)
    assert "\n" not in sentence and ". " not in sentence and sentence.endswith("."), sentence
    assert "np." not in sentence and "array(" not in sentence, sentence
    return sentence


def state(model):
    """All that a model has learned, in a form that can be compared."""
    return {
        "weights": [
            {name: weight.tolist() for name, weight in one.items()}
            for one in listed(model.weights_)
        ],
        "curves": (
            model.loss_curve_,
            model.validation_loss_curve_,
            model.grad_norm_curve_.tolist(),
            model.n_iter_,
        ),
        "features": (model.n_features_in_, list(getattr(model, "feature_names_in_", []))),
        "classes": getattr(model, "classes_", np.empty(0)).tolist(),
        "predictions": model.predict(GOOD).tolist(),
    }


def refused_fit(Estimator, X, y, sample_weight=None, **parameters):
    """The sentence, the same for a new model and a fitted one; the new one stays new, the fitted one keeps its fit."""
    sentence = refusal(Estimator(**SMALL | parameters).fit, X, y, sample_weight=sample_weight)
    new, old = Estimator(**SMALL), Estimator(**SMALL).fit(GOOD, target(Estimator))
    before = state(old)
    for model in (new, old):
        assert (
            refusal(model.set_params(**parameters).fit, X, y, sample_weight=sample_weight)
            == sentence
        )
        model.set_params(
            **{name: SMALL.get(name, getattr(Estimator(), name)) for name in parameters}
        )
    with pytest.raises(NotFittedError):
        new.predict(GOOD)
    assert [name for name in vars(new) if name.endswith("_")] == []
    assert state(old) == before
    return sentence


def with_entry(array, position, value):
    out = np.array(array, dtype=float)
    out[position] = value
    return out


def frame_of(X, labels=None):
    pairs = [
        (label, t)
        for label, x in zip(labels or range(len(X)), X, strict=True)
        for t in range(len(x))
    ]
    return pd.DataFrame(
        np.concatenate(X), index=pd.MultiIndex.from_tuples(pairs), columns=["u", "v"]
    )


LISTS = list(GOOD)
STORES = [f"store {i}" for i in range(6)]
FRAME = frame_of(GOOD, STORES)
FORM = (
    r"^X must be \(n_sequences, n_timesteps\), .*, n_features\) or a list of sequences; got shape "
)

LONG = pd.DataFrame(
    {
        "unique_id": list("aaabbb"),
        "ds": [*pd.date_range("2020", periods=3)] * 2,
        "y": np.arange(6.0),
    }
)
HINT = r"a row must be one sequence, and a long frame .*\(series, time\), .*X\.set_index\(\['unique_id', 'ds'\]\)"

BAD_X = {
    "empty list": ([], r"X must hold at least one sequence; got 0"),
    "no sequences": (np.empty((0, 5, 2)), r"0 sample\(s\)"),
    "no rows": (np.empty((0, 5)), r"0 sample\(s\)"),
    "no steps": (np.empty((6, 0, 2)), r"X must hold .* at least one time step; got 0"),
    "no features": (np.empty((6, 5, 0)), r"X must have at least one feature a time step; got 0"),
    "no columns": (FRAME[[]], r"X must have at least one feature a time step; got 0"),
    "lists without features": (
        [np.ones((2, 0))] * 6,
        r"X must have at least one feature a time step; got 0",
    ),
    "empty frame": (FRAME.iloc[:0], r"X must hold at least one sequence"),
    "sequence of length 0": (
        [*LISTS[:3], GOOD[3][:0], *LISTS[4:]],
        r"sequence 3 must have at least one time step; got 0",
    ),
    "nested list of length 0": (
        [[1.0], [], [2.0, 3.0]],
        r"sequence 1 must have at least one time step; got 0",
    ),
    "other features": (
        [*LISTS[:4], GOOD[4][:, :1], LISTS[5]],
        r"must have 2 features; sequence 4 has 1",
    ),
    "other features, nested": (
        [[[1, 2], [3, 4]], [[5], [6]]],
        r"must have 2 features; sequence 1 has 1",
    ),
    "ragged steps": (
        [[[1, 2], [3]], [[1, 2]]],
        r"steps of sequence 0 must have one number of features",
    ),
    "numbers, not sequences": (
        [1.0, 2.0, 3.0],
        r"sequence 0 must be \(n_timesteps,\) or .*; got shape \(\)",
    ),
    "too deep list": ([*LISTS[:5], GOOD[:2]], r"sequence 5 must be .*; got shape \(2, 5, 2\)"),
    "1-D": (np.ones(6), FORM + r"\(6,\)"),
    "4-D": (np.ones((6, 5, 2, 1)), FORM + r"\(6, 5, 2, 1\)"),
    "scalar": (3.0, FORM + r"\(\)"),
    "None": (None, FORM + r"\(\)"),
    "text": ("sequences", FORM + r"\(\)"),
    "dict": ({"u": [1.0]}, FORM + r"\(\)"),
    "generator": ((x for x in GOOD), FORM + r"\(\)"),
    "Series": (pd.Series(np.ones(6)), FORM + r"\(6,\)"),
    "NaN": (
        with_entry(GOOD, (2, 3, 1), np.nan),
        r"X contains NaN: sequence 2 has it at time step 3",
    ),
    "infinity": (
        with_entry(GOOD, (5, 0, 0), -np.inf),
        r"X contains infinity in float32: sequence 5 .* time step 0",
    ),
    "NaN in a table": (
        with_entry(GOOD[:, :, 0], (1, 4), np.nan),
        r"X contains NaN: sequence 1 has it at time step 4",
    ),
    "NaN in a list": (
        [*LISTS[:5], with_entry(GOOD[5], (2, 0), np.nan)],
        r"X contains NaN: sequence 5 .* time step 2",
    ),
    "NaN in a frame": (
        FRAME.where(np.arange(60).reshape(30, 2) != 35),
        r"X contains NaN: sequence 'store 3' .* time step 2",
    ),
    "missing in a frame": (
        FRAME.astype("Float64").where(GOOD[1, 1, 0] != FRAME),
        r"NaN: sequence 'store 1' .* step 1",
    ),
    "too large": (
        with_entry(GOOD, (4, 1, 0), 1e39),
        r"X contains infinity in float32: sequence 4 .* time step 1",
    ),
    "strings": (GOOD.astype(str), r"X must hold real numbers; got <U\d+ values"),
    "strings in a table": (np.array([["a", "b"]] * 6), r"X must hold real numbers; got <U1 values"),
    "strings in a list": (
        [*LISTS[:5], np.array(["a", "b"])],
        r"sequence 5 must hold numbers; got <U1 values",
    ),
    "objects in a list": (
        [*LISTS[:5], np.array([None, {}])],
        r"sequence 5 must hold numbers; got object values",
    ),
    "objects of text in a list": (
        [*LISTS[:5], np.array([[1.0, "a"]], dtype=object)],
        r"sequence 5 must hold numbers; got object values: could not convert string to float: 'a'",
    ),
    "objects of text in a table": (
        np.array([[1.0, 2.0]] * 4 + [["a", "b"]] * 2, dtype=object),
        r"sequence 4 must hold numbers; got object values: could not convert string to float: 'a'",
    ),
    "objects of text": (
        np.array([[[1.0]]] * 4 + [[["a"]]] * 2, dtype=object),
        r"sequence 4 must hold numbers; got object values: could not convert string to float: 'a'",
    ),
    "objects that are no numbers": (
        np.array([[1.0], [{}]] * 3, dtype=object),
        r"sequence 1 must hold numbers; got object values: .* a real number, not 'dict'",
    ),
    "whole numbers without end": (
        [[1, 2], [1, 10**400]] * 3,
        r"sequence 1 must hold numbers; got object values: int too",
    ),
    "objects of ragged lists": (
        np.array([[[1, 2], [3]]] * 6 + [None], dtype=object)[:6],
        r"steps of sequence 0 must have one number of features; got several",
    ),
    "missing among objects": (
        np.array([[1, 2], [3, pd.NA]] * 3, dtype=object),
        r"X contains NaN: sequence 1 .* step 1",
    ),
    "masked": (
        np.ma.masked_equal(GOOD, GOOD[2, 3, 1]),
        r"X contains NaN: sequence 2 has it at time step 3",
    ),
    "masked in a table": (
        np.ma.masked_equal(np.arange(30).reshape(6, 5), 19),
        r"X contains NaN: sequence 3 has it at time step 4",
    ),
    "masked in a list": (
        [*LISTS[:5], np.ma.masked_equal(GOOD[5], GOOD[5, 2, 0])],
        r"X contains NaN: sequence 5 has it at time step 2",
    ),
    "frames of other columns in a list": (
        [pd.DataFrame(x, columns=["u", "w" if i == 4 else "v"]) for i, x in enumerate(GOOD)],
        r"columns of sequence 4 must be \['u', 'v'\], in any order; got \['u', 'w'\]",
    ),
    "frames of repeated columns in a list": (
        [pd.DataFrame(x, columns=["u", "u" if i == 4 else "v"]) for i, x in enumerate(GOOD)],
        r"columns of sequence 4 must be \['u', 'v'\], in any order; got \['u', 'u'\]",
    ),
    "frames of more columns in a list": (
        [pd.DataFrame(x).assign(**{"w": 0} if i == 4 else {}) for i, x in enumerate(GOOD)],
        r"columns of sequence 4 must be \[0, 1\], in any order; got \[0, 1, 'w'\]",
    ),
    "long frame": (
        LONG,  # of text, which is of objects on pandas before 3
        r"(must be numbers; got str in column|'unique_id' of X must hold numbers; got object) .*: "
        + HINT,
    ),
    "long frame of numbers": (
        LONG.drop(columns="unique_id"),
        r"numbers; got datetime64.* in column 'ds': " + HINT,
    ),
    "long frame of objects": (
        LONG.astype({"unique_id": object}),
        r"column 'unique_id' of X must hold numbers; got object values: .* 'a': " + HINT,
    ),
    "long frame of categories": (
        LONG.astype({"unique_id": "category"}),
        r"got category in column 'unique_id': " + HINT,
    ),
    "complex": (GOOD * 1j, r"X must hold real numbers; got complex128"),
    "dates": (GOOD.astype("M8[D]"), r"X must hold real numbers; got datetime64"),
    "twice the same step": (
        pd.concat([FRAME, FRAME.iloc[7:8]]),
        r"unique in \(series, time\); got \('store 1', 2\) twice",
    ),
    "text in a frame": (
        FRAME.assign(w=pd.Series("a", index=FRAME.index, dtype="string")),
        r"columns of X must be numbers; got str.* in column 'w'",
    ),
    "objects of text in a frame": (
        FRAME.assign(w=np.array(["a"] * 30, dtype=object)).astype({"w": object}),
        r"column 'w' of X must hold numbers; got object values",
    ),
    "dates in a frame": (
        FRAME.assign(w=pd.Timestamp(0)),
        r"columns of X must be numbers; got datetime64.* in column 'w'",
    ),
    "missing series": (
        frame_of(GOOD, [*STORES[:5], None]),
        r"index of X must not hold missing labels",
    ),
    "missing time": (
        FRAME.rename({3: np.nan}, level=1),
        r"index of X must not hold missing labels",
    ),
    "times without order": (
        FRAME.rename({3: "late"}, level=1),
        r"time labels of X must have an order",
    ),
}


@pytest.mark.parametrize("case", BAD_X)
@pytest.mark.parametrize("Estimator", BOTH)
def test_sequences_that_cannot_be_right(Estimator, case):
    X, expected = BAD_X[case]
    y = target(Estimator)[: len(X) if isinstance(X, list) and len(X) else 6]
    with pytest.raises((ValueError, TypeError)) as caught:
        Estimator(**SMALL).fit(X, y)
    assert caught.match(expected)
    sentence = refused_fit(Estimator, X, y)
    assert sentence == str(caught.value)


@pytest.mark.parametrize("case", BAD_X)
def test_the_same_sentences_at_predict(case):
    X, expected = BAD_X[case]
    model = RNNClassifier(**SMALL).fit(GOOD, LABELS)
    with pytest.raises((ValueError, TypeError)) as caught:
        model.predict(X)
    assert caught.match(expected)
    assert_array_equal(model.predict(GOOD), RNNClassifier(**SMALL).fit(GOOD, LABELS).predict(GOOD))


@pytest.mark.parametrize(
    ("dtype", "limit", "large"),
    [("float32", r"1\.8e\+19", 2e19), ("float64", r"1\.3e\+154", 2e154)],
)
@pytest.mark.parametrize("Estimator", BOTH)
def test_values_whose_squares_are_not_finite(Estimator, dtype, limit, large):
    """No learning rate helps them; a fitted model reads them all the same."""
    X = with_entry(GOOD, (4, 1, 0), -large)
    sentence = refused_fit(Estimator, X, target(Estimator), dtype=dtype)
    assert re.match(
        rf"values of X must be at most {limit}, .* {dtype}; sequence 4 has 2e.* at time step 1:",
        sentence,
    )
    assert "scale the series, for instance with StandardScaler" in sentence
    model = Estimator(**SMALL, dtype=dtype).fit(GOOD, target(Estimator))
    assert refusal(model.partial_fit, X, target(Estimator)) == sentence
    assert len(model.predict(X)) == 6
    assert np.isfinite(
        Estimator(**SMALL, dtype=dtype).fit(X / 1e10, target(Estimator)).loss_curve_
    ).all()


def test_a_target_that_is_not_squared_may_be_larger():
    y = with_entry(NUMBERS, 2, 1e20)
    assert np.isfinite(RNNRegressor(**SMALL, loss="absolute").fit(GOOD, y).loss_curve_).all()


ONE = pd.Series(NUMBERS, index=STORES)

BAD_Y = {
    "None": (RNNRegressor, None, r"requires y to be passed"),
    "short": (
        RNNRegressor,
        NUMBERS[:5],
        r"y must have one entry for each of the 6 sequences of X; got 5",
    ),
    "long": (
        RNNRegressor,
        [*NUMBERS, 1],
        r"y must have one entry for each of the 6 sequences of X; got 7",
    ),
    "NaN": (
        RNNRegressor,
        with_entry(NUMBERS, 4, np.nan),
        r"y contains NaN: the target of sequence 4 must be finite; got nan",
    ),
    "infinity": (
        RNNRegressor,
        with_entry(NUMBERS, 2, np.inf),
        r"y contains infinity.* sequence 2 must be finite; got inf",
    ),
    "too large": (
        RNNRegressor,
        with_entry(NUMBERS, 2, 1e39),
        r"infinity in float32: the target of sequence 2 .*; got 1e\+39",
    ),
    "NaN in columns": (
        RNNRegressor,
        np.c_[NUMBERS, with_entry(NUMBERS, 3, np.nan)],
        r"target of sequence 3 must be finite",
    ),
    "masked": (
        RNNRegressor,
        np.ma.masked_equal(NUMBERS, NUMBERS[3]),
        r"y contains NaN: the target of sequence 3 must be finite; got nan",
    ),
    "too large to be squared": (
        RNNRegressor,
        with_entry(NUMBERS, 2, -1e20),
        r"the target of sequence 2 must be at most 1\.8e\+19, .* in float32; got 1e\+20: scale y",
    ),
    "objects of text": (
        RNNRegressor,
        np.array([1.0, 2.0, 3.0, "a", 5.0, 6.0], dtype=object),
        r"the target of sequence 3 must hold numbers; got object values: .* 'a'",
    ),
    "Series of text": (
        RNNRegressor,
        pd.Series(LABELS),
        r"the target of sequence 0 must hold numbers; got object values",
    ),
    "ragged objects": (
        RNNRegressor,
        np.array([1.0, [2.0], 3.0, 4.0, 5.0, 6.0], dtype=object),
        r"the target of sequence 1 must hold numbers; got object values",
    ),
    "strings": (RNNRegressor, LABELS, r"y must hold real numbers; got <U3 values"),
    "complex": (RNNRegressor, NUMBERS * 1j, r"y must hold real numbers; got complex128"),
    "3-D": (
        RNNRegressor,
        NUMBERS[:, None, None],
        r"y must be \(n_sequences,\) or \(n_sequences, n_outputs\); got shape \(6, 1, 1\)",
    ),
    "scalar": (RNNRegressor, 1.0, r"y must have one entry for each sequence; got 1\.0"),
    "no labels": (RNNClassifier, None, r"requires y to be passed"),
    "few labels": (
        RNNClassifier,
        LABELS[:5],
        r"y must have one entry for each of the 6 sequences of X; got 5",
    ),
    "one class": (
        RNNClassifier,
        ["low"] * 6,
        r"y must hold at least two classes; got one class, 'low'",
    ),
    "one whole number": (
        RNNClassifier,
        np.ones(6, dtype=int),
        r"y must hold at least two classes; got one class, 1",
    ),
    "measurements": (RNNClassifier, NUMBERS, r"labels of y must be classes; got numbers like"),
    "NaN label": (
        RNNClassifier,
        [0, 1, 0, np.nan, 1, 0],
        r"y contains NaN: the label of sequence 3 must not be missing; got nan",
    ),
    "infinite label": (
        RNNClassifier,
        [0, 1, 0, 1, np.inf, 0],
        r"y contains infinity: the label of sequence 4",
    ),
    "missing label": (
        RNNClassifier,
        ["low", None, "top"] * 2,
        r"y contains NaN: the label of sequence 1 must not be missing; got None",
    ),
    "NaN among strings": (
        RNNClassifier,
        ["low", "top", float("nan")] * 2,
        r"the label of sequence 2 must not be missing; got nan",
    ),
    "masked label": (
        RNNClassifier,
        np.ma.array([0, 1] * 3, mask=[0, 0, 0, 0, 1, 0]),
        r"the label of sequence 4 must not be missing",
    ),
    "missing boolean": (
        RNNClassifier,
        pd.Series([True, False, None] * 2, dtype="boolean"),
        r"the label of sequence 2 must not be missing; got <NA>",
    ),
    "missing Int64": (
        RNNClassifier,
        pd.Series([1, None, 2] * 2, dtype="Int64"),
        r"the label of sequence 1 must not be missing; got <NA>",
    ),
    "missing string": (
        RNNClassifier,
        pd.Series(["low", None, "top"] * 2, dtype="string"),
        r"the label of sequence 1 must not be missing; got <NA>",
    ),
    "missing category": (
        RNNClassifier,
        pd.Series(["low", None, "top"] * 2, dtype="category"),
        r"the label of sequence 1 must not be missing; got nan",
    ),
    "labels that are no labels": (
        RNNClassifier,
        np.array([0, 1, 0, {}, 1, 0], dtype=object),
        r"the label of sequence 3 must be a string, a number or a bool; got dict",
    ),
    "dates as labels": (
        RNNClassifier,
        np.array([0, 1] * 3, dtype="M8[ns]"),
        r"the label of sequence 0 must be a string, a number or a bool; got datetime64",
    ),
    "two kinds in a list": (RNNClassifier, [1, "a"] * 3, r"all strings or all numbers; got both"),
    "two kinds": (
        RNNClassifier,
        np.array([1, "a"] * 3, dtype=object),
        r"all strings or all numbers; got both",
    ),
    "two columns": (
        RNNClassifier,
        np.c_[LABELS, LABELS],
        r"y should be a 1d array, got an array of shape \(6, 2\)",
    ),
}


@pytest.mark.parametrize("case", BAD_Y)
def test_targets_that_cannot_be_right(case):
    Estimator, y, expected = BAD_Y[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        Estimator(**SMALL).fit(GOOD, y)
    assert caught.match(expected)
    assert refused_fit(Estimator, GOOD, y) == str(caught.value)


@pytest.mark.parametrize("Estimator", BOTH)
def test_targets_of_other_series(Estimator):
    """Nearly the right labels are a mistake, not an order."""
    y = pd.Series(target(Estimator), index=[*STORES[:5], "store 7"])
    assert "index of y must hold every label of X; got none for sequence 'store 5'" in refused_fit(
        Estimator, FRAME, y
    )
    weight = pd.Series(1.0, index=[*STORES[:5], "store 7"])
    sentence = refused_fit(Estimator, FRAME, target(Estimator), sample_weight=weight)
    assert (
        "index of sample_weight must hold every label of X; got none for sequence 'store 5'"
        in sentence
    )


BAD_WEIGHTS = {
    "negative": (
        with_entry(np.ones(6), 3, -2.5),
        r"sample_weight must not be negative; got -2\.5 for sequence 3",
    ),
    "short": (
        np.ones(5),
        r"sample_weight must have one entry for each of the 6 sequences; got shape \(5,\)",
    ),
    "2-D": (
        np.ones((6, 1)),
        r"sample_weight must have one entry for each of the 6 sequences; got shape \(6, 1\)",
    ),
    "NaN": (with_entry(np.ones(6), 3, np.nan), r"sample_weight contains NaN"),
    "infinity": (with_entry(np.ones(6), 3, np.inf), r"sample_weight contains infinity"),
    "strings": (["a"] * 6, r"sample_weight must hold real numbers; got <U1 values"),
    "zeros": (np.zeros(6), r"weights must be positive for at least one sequence; got zeros"),
    "scalar": (2.0, r"sample_weight must have one entry for each sequence; got 2\.0"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
@pytest.mark.parametrize("Estimator", BOTH)
def test_weights_that_cannot_be_right(Estimator, case):
    weight, expected = BAD_WEIGHTS[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        Estimator(**SMALL).fit(GOOD, target(Estimator), sample_weight=weight)
    assert caught.match(expected)
    assert refused_fit(Estimator, GOOD, target(Estimator), sample_weight=weight) == str(
        caught.value
    )


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (
            {"low": -1},
            r"class_weight of RNNClassifier must be numbers in \[0, inf\); got -1 for class 'low'",
        ),
        (
            {"low": "x"},
            r"class_weight of RNNClassifier must be numbers in \[0, inf\); got 'x' for class 'low'",
        ),
        (
            {"low": np.nan},
            r"class_weight of RNNClassifier must be numbers in \[0, inf\); got nan for class 'low'",
        ),
        (
            {"high": 1},
            r"class_weight of RNNClassifier must have keys among the classes \['low', 'top'\]; got 'high'",
        ),
        ({"low": 0, "top": 0}, r"weights must be positive for at least one sequence; got zeros"),
    ],
)
def test_class_weights_that_cannot_be_right(weights, expected):
    with pytest.raises(ValueError, match=expected):
        RNNClassifier(**SMALL, class_weight=weights).fit(GOOD, LABELS)
    refused_fit(RNNClassifier, GOOD, LABELS, class_weight=weights)


def test_one_sequence_cannot_be_trained_on_and_held_out():
    sentence = refused_fit(RNNRegressor, GOOD[:1], NUMBERS[:1], early_stopping=True)
    assert "early_stopping needs at least two sequences" in sentence and "got 1" in sentence


# Parameters: for each, what is just outside, of another kind, or unknown

BAD_VALUES = {
    "cell": ["LSTM", "transformer", None, 0],
    "hidden_size": [0, -3, 2.5, True, "32", None, [32]],
    "n_layers": [0, 1.5, None],
    "bidirectional": ["yes", 1, None],
    "dropout": [-0.1, 1.0, 1, np.nan, "0", None],
    "output_dropout": [-0.1, 1.0, 1, np.nan, "0", None],
    "activation": ["sigmoid", None],
    "max_length": [0, -1, 2.0, "all"],
    "truncate": ["middle", None, True],
    "bptt_steps": [0, -1, 3.0],
    "solver": ["lbfgs", "Adam", None],
    "learning_rate_init": [0, 0.0, -0.1, np.inf, np.nan, None, "auto"],
    "learning_rate": ["adaptive", 0.01, None],
    "momentum": [-0.1, 1.0, np.nan, None],
    "alpha": [-1e-9, np.inf, np.nan, None],
    "clip_norm": [0, -1, np.nan, "1"],
    "clip_value": [0, -1, np.nan, "1"],
    "batch_size": [0, -1, 2.5, "all", None],
    "max_iter": [0, -1, 10.0, None],
    "tol": [-1e-9, np.nan, None],
    "early_stopping": [1, "yes", None],
    "validation_fraction": [0, 0.0, 1.0, 1, np.nan, None],
    "n_iter_no_change": [0, -1, 1.5, np.inf, None],
    "shuffle": [0, "yes", None],
    "warm_start": [1, None],
    "random_state": [-1, 0.5, "seed", np.random.default_rng(0)],
    "n_jobs": [0, 1.5, "all"],
    "device": ["gpu", "cuda:0", None],
    "precision": ["bf16", "TF32", None],
    "dtype": ["float16", np.float32, float, None],
    "verbose": [-1, 1.5, "yes", None],
    "loss": ["squared_error", "mse", None],
    "huber_delta": [0, -1.0, np.inf, None],
    "quantile": [0, 1, 0.0, 1.0, None],
    "tweedie_power": [1, 2, 0.0, 3, None],
    "class_weight": ["auto", 2.0, [1, 2]],
    "window": [0, -1, 3.0, "all"],
    "segment": [0, -1, 3.0, "all", None],
    "pooling": ["sum", None, 1],
    "n_networks": [0, 1.5, "auto", None],
    "standardize": [1, "yes", None],
    "augment": ["turn", (), ("shift", "turn"), 1, False],
}


@pytest.mark.parametrize("Estimator", ALL)
def test_every_parameter_has_a_row_in_both_tables(Estimator):
    names = set(Estimator().get_params())
    assert set(Estimator._constraints) == names
    assert names <= set(BAD_VALUES)


@pytest.mark.parametrize(
    ("Estimator", "name"),
    [(Estimator, name) for Estimator in ALL for name in sorted(Estimator._constraints)],
)
def test_values_that_a_parameter_cannot_have(Estimator, name):
    model = Estimator(**SMALL).fit(GOOD, target(Estimator))
    before = state(model)
    for value in BAD_VALUES[name]:
        model.set_params(**{name: value})
        for call in (model.fit, model.partial_fit):
            with pytest.raises(ValueError) as caught:
                call(GOOD, target(Estimator))
            sentence = str(caught.value)
            assert sentence.startswith(f"{name} of {Estimator.__name__} must be "), sentence
            assert sentence.endswith(f"; got {value!r}."), sentence
    model.set_params(**{name: SMALL.get(name, getattr(Estimator(), name))})
    assert state(model) == before


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"cell": "gru", "activation": "relu"},
            r"activation of RNNRegressor must be 'tanh' for cell='gru'.*; got 'relu'",
        ),
        (
            {"cell": "lstm", "activation": "relu"},
            r"activation of RNNRegressor must be 'tanh' for cell='lstm'.*; got 'relu'",
        ),
        (
            {"n_layers": 1, "dropout": 0.5},
            r"dropout of RNNRegressor must be 0 with n_layers=1.*; got 0\.5",
        ),
        (
            {"bptt_steps": 3, "bidirectional": True},
            r"bptt_steps of RNNRegressor must be None with bidirectional.*; got 3",
        ),
    ],
)
def test_parameters_that_contradict_each_other(parameters, expected):
    with pytest.raises(ValueError, match=expected):
        RNNRegressor(**SMALL | parameters).fit(GOOD, NUMBERS)
    refused_fit(RNNRegressor, GOOD, NUMBERS, **parameters)


# After fit


@pytest.mark.parametrize("Estimator", ALL)
def test_before_fit_there_is_nothing_to_ask(Estimator):
    model = Estimator()
    calls = [lambda: model.predict(GOOD), lambda: model.weights_, lambda: model.set_weights({})]
    if Estimator in (RNNClassifier, RNNSequenceClassifier):
        calls += [lambda: model.predict_proba(GOOD), lambda: model.predict_log_proba(GOOD)]
    if Estimator in (RNNSequenceRegressor, RNNSequenceClassifier):
        calls += [
            lambda: model.predict_with_state(GOOD),
            lambda: model.score(GOOD, target(Estimator)),
        ]
    for call in calls:
        with pytest.raises(
            NotFittedError, match=f"This {Estimator.__name__} instance is not fitted yet"
        ):
            call()
    assert not hasattr(model, "classes_") and not hasattr(model, "loss_curve_")


@pytest.mark.parametrize(
    ("X", "other", "expected"),
    [
        (
            GOOD,
            GOOD[:, :, :1],
            r"X has 1 features a time step, but RNNRegressor is expecting 2 features",
        ),
        (
            GOOD,
            GOOD[:, :, 0],
            r"X has 1 features a time step, but RNNRegressor is expecting 2 features",
        ),
        (
            GOOD,
            [np.ones((3, 4))],
            r"X has 4 features a time step, but RNNRegressor is expecting 2 features",
        ),
        (
            GOOD[:, :, 0],
            GOOD,
            r"X has 2 features a time step, but RNNRegressor is expecting 1 features",
        ),
        (
            GOOD[:, :, 0],
            GOOD[:, :3, 0],
            r"X has 3 features, but RNNRegressor is expecting 5 features",
        ),
        (
            FRAME,
            FRAME.rename(columns={"v": "w"}),
            r"columns of X must be those of fit, \['u', 'v'\]; got \['u', 'w'\]",
        ),
        (
            FRAME,
            FRAME[["v", "u"]],
            r"columns of X must be those of fit, \['u', 'v'\]; got \['v', 'u'\]",
        ),
        (FRAME, FRAME[["u"]], r"columns of X must be those of fit, \['u', 'v'\]; got \['u'\]"),
        (FRAME[["u"]], FRAME["v"], r"columns of X must be those of fit, \['u'\]; got \['v'\]"),
    ],
)
def test_other_features_at_predict(X, other, expected):
    model = RNNRegressor(**SMALL).fit(X, NUMBERS)
    before = model.predict(X)
    with pytest.raises(ValueError, match=expected):
        model.predict(other)
    refusal(model.predict, other)
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("columns", "got"),
    [(["u", "w"], r"\['u', 'w'\]"), ([0, 1], r"\[0, 1\]"), (["u", "v", "w"], r"\['u', 'v', 'w'\]")],
)
def test_frames_of_other_columns_at_predict(columns, got):
    frames = [pd.DataFrame(x, columns=["u", "v"]) for x in GOOD]
    model = RNNRegressor(**SMALL).fit(frames, NUMBERS)
    other = [*frames[:2], pd.DataFrame(np.ones((4, len(columns))), columns=columns)]
    for call in (model.predict, lambda X: model.partial_fit(X, NUMBERS[:3])):
        assert re.match(
            rf"columns of sequence 2 must be \['u', 'v'\], in any order; got {got}",
            refusal(call, other),
        )


def test_other_features_when_going_on():
    model = RNNRegressor(**SMALL).fit(GOOD, NUMBERS)
    before = state(model)
    assert "expecting 2 features" in refusal(model.partial_fit, GOOD[:, :, :1], NUMBERS)
    assert "expecting 2 features" in refusal(
        model.set_params(warm_start=True).fit, GOOD[:, :, :1], NUMBERS
    )
    assert "must go on with the form" in refusal(model.partial_fit, GOOD, np.c_[NUMBERS, NUMBERS])
    assert state(model) == before


def test_labels_that_partial_fit_does_not_know():
    model = RNNClassifier(**SMALL).partial_fit(GOOD, LABELS)
    before = state(model)
    other = np.where(np.arange(6) == 2, "mid", LABELS)
    sentence = refusal(model.partial_fit, GOOD, other)
    assert (
        "labels of y must be among the classes ['low', 'top']; got 'mid' for sequence 2" in sentence
    )
    assert refusal(model.set_params(warm_start=True).fit, GOOD, other) == sentence
    sentence = refusal(model.partial_fit, GOOD, LABELS, classes=["low", "mid", "top"])
    assert (
        "classes must be those of the first call, ['low', 'top']; got ['low', 'mid', 'top']"
        in sentence
    )
    assert state(model) == before
    sentence = refusal(RNNClassifier(**SMALL).partial_fit, GOOD, LABELS, classes=["high", "low"])
    assert (
        "labels of y must be among the classes ['high', 'low']; got 'top' for sequence 1"
        in sentence
    )
    sentence = refusal(RNNClassifier(**SMALL).partial_fit, GOOD, LABELS, classes=["low", None])
    assert "entry 1 of classes must not be missing; got None" in sentence


def test_weights_of_another_network():
    model = RNNRegressor(**SMALL, **SINGLE).fit(GOOD, NUMBERS)
    before, weights = state(model), model.weights_
    assert "weights must have exactly the names ['weight_ih_l0'," in refusal(
        model.set_weights, {"weight_ih_l0": 1}
    )
    assert "got [" in refusal(model.set_weights, weights | {"more": 1})
    short = weights | {"weight_hh_l0": weights["weight_hh_l0"][:-1]}
    assert "weight_hh_l0 must have shape (12, 4); got (11, 4)" in refusal(model.set_weights, short)
    missing = weights | {"bias_ho": [np.nan]}
    assert "bias_ho must be finite; got NaN" in refusal(model.set_weights, missing)
    assert state(model) == before


def test_channels_of_what_is_no_array_of_sequences():
    with pytest.raises(
        ValueError, match=r"X must be \(n_sequences, n_channels, n_timesteps\); got shape \(3, 2\)"
    ):
        from_channels_first(np.ones((3, 2)))
