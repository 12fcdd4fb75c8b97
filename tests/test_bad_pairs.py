"""What cannot be right about sequences into sequences is refused in one sentence, and nothing is lost by it."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from test_bad_input import refusal

from tsrnn import RNNSeq2SeqClassifier, RNNSeq2SeqRegressor

SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 2, "random_state": 0}
RNG = np.random.default_rng(0)
X = list(RNG.normal(size=(4, 5, 2)))
Y = [np.arange(n, dtype=float) for n in (2, 3, 1, 4)]
KNOWN = [np.ones((n, 2)) for n in (2, 3, 1, 4)]
WORDS, LABELS = ["ab", "a", "bb", "ba"], ["xy", "x", "yyx", "y"]


def changed(items, i, item):
    return [*items[:i], item, *items[i + 1 :]]


BAD_NUMBERS = {
    "no target": (
        changed(Y, 2, []),
        {},
        r"y of sequence 2 must have at least one time step; got 0",
    ),
    "no steps": (np.empty((4, 0)), {}, r"y must be .* both at least 1, .*; got shape \(4, 0\)"),
    "too few": (Y[:3], {}, r"y must have one entry for each of the 4 sequences of X; got 3"),
    "a number each": (
        np.arange(4.0),
        {},
        r"y must be \(n_sequences, n_steps\) or .*; got shape \(4,\)",
    ),
    "one number": (3.0, {}, r"y must have one entry for each sequence; got 3"),
    "NaN": (
        changed(Y, 1, [0, np.nan, 1]),
        {},
        r"Input y contains NaN: sequence 1 has it at time step 1",
    ),
    "infinity": (
        changed(Y, 1, [0, 1, np.inf]),
        {},
        r"Input y contains infinity in float32: sequence 1 .* time step 2",
    ),
    "too large": (
        changed(Y, 3, [1e30] * 4),
        {},
        r"values of y must be at most .*; sequence 3 has 1e\+30",
    ),
    "other outputs": (
        changed(Y, 3, np.ones((4, 2))),
        {},
        r"every y of sequence must have 1 features?; .* 3 has 2",
    ),
    "text": (changed(Y, 0, ["a", "b"]), {}, r"y of sequence 0 must hold numbers; got <U1"),
    "other steps": (
        Y,
        {"decoder_inputs": changed(KNOWN, 1, np.ones((2, 2)))},
        r"decoder_inputs of sequence 1 must have as many steps as its target, 3; got 2",
    ),
    "too few inputs": (
        Y,
        {"decoder_inputs": KNOWN[:3]},
        r"decoder_inputs must have one entry for each of the 4",
    ),
    "no inputs": (
        Y,
        {"decoder_inputs": changed(KNOWN, 1, np.ones((0, 2)))},
        r"decoder_inputs of sequence 1 must have at least one time step; got 0",
    ),
    "NaN inputs": (
        Y,
        {"decoder_inputs": [np.nan * z for z in KNOWN]},
        r"Input decoder_inputs contains NaN: sequence 0",
    ),
    "no weight": (
        Y,
        {"sample_weight": np.zeros(4)},
        r"weights must be positive for at least one sequence",
    ),
}

BAD_LABELS = {
    "empty target": (
        WORDS,
        changed(LABELS, 1, ""),
        r"the target of sequence 1 must have at least one symbol; got 0",
    ),
    "empty source": (
        changed(WORDS, 2, ""),
        LABELS,
        r"sequence 2 must have at least one symbol; got 0",
    ),
    "too few": (
        WORDS,
        LABELS[:3],
        r"y must have one entry for each of the 4 sequences of X; got 3",
    ),
    "one string": (WORDS, "xyxy", r"y must be a list, an array or a frame; got a str"),
    "a set": (WORDS, set(LABELS), r"y must be a list, an array or a frame; got a set"),
    "labels alone": (
        WORDS,
        [1, 2, 3, 4],
        r"the target of sequence 0 must be a string or a sequence of labels; got int",
    ),
    "missing": (
        WORDS,
        changed(LABELS, 1, None),
        r"the target of sequence 1 must be .*; got NoneType",
    ),
    "missing label": (
        WORDS,
        [["x", None]] * 4,
        r"each label of the target of sequence 0 must not be missing; got None",
    ),
    "numbers": (WORDS, [[0.5, 1.5]] * 4, r"labels of y must be classes; got numbers like 0\.5"),
    "both": (WORDS, [["x"], [1]] * 2, r"labels of y must be all strings or all numbers; got both"),
    "both in X": (
        [["x", 1]] * 4,
        LABELS,
        r"labels of X must be all strings or all numbers; got both",
    ),
    "too deep": (
        WORDS,
        [np.ones((2, 2), int)] * 4,
        r"the target of sequence 0 must be .*; got ndarray",
    ),
    "deeper lists": (
        WORDS,
        [[["x"]]] * 4,
        r"each label of the target of sequence 0 must be .*; got list",
    ),
}


def unharmed(Estimator, good, fit):
    """The sentence of a refused `fit`, by a new model that stays new and a fitted one that keeps its fit."""
    new, old = Estimator(**SMALL), Estimator(**SMALL).fit(*good)
    before = {name: weight.copy() for name, weight in old.weights_.items()}
    sentence = refusal(fit, new)
    assert refusal(fit, old) == sentence
    assert [name for name in vars(new) if name.endswith("_")] == []
    for name, weight in old.weights_.items():
        assert_array_equal(weight, before[name])
    return sentence


@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers(case):
    y, given, expected = BAD_NUMBERS[case]
    assert re.search(
        expected, unharmed(RNNSeq2SeqRegressor, (X, Y), lambda model: model.fit(X, y, **given))
    )


@pytest.mark.parametrize("case", BAD_LABELS)
def test_bad_labels(case):
    sources, y, expected = BAD_LABELS[case]
    assert re.search(
        expected,
        unharmed(RNNSeq2SeqClassifier, (WORDS, LABELS), lambda model: model.fit(sources, y)),
    )


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (
            "beam_width",
            0,
            r"beam_width of RNNSeq2SeqClassifier must be an int in \[1, inf\); got 0",
        ),
        ("beam_width", 2.0, r"beam_width .* must be an int"),
        (
            "max_output_length",
            0,
            r"max_output_length .* must be an int in \[1, inf\) or None; got 0",
        ),
        ("teacher_forcing", 1.5, r"teacher_forcing .* a number in \[0, 1\] or a pair .*; got 1\.5"),
        ("teacher_forcing", (1.0,), r"teacher_forcing .* or a pair .*; got \(1\.0,\)"),
        ("teacher_forcing", (1.0, -0.1), r"teacher_forcing .* or a pair"),
        (
            "class_weight",
            "auto",
            r"class_weight .* must be 'balanced' or None or a dict .*; got 'auto'",
        ),
        (
            "class_weight",
            {"x": -1},
            r"class_weight .* must be numbers in \[0, inf\); got -1 for class 'x'",
        ),
        ("class_weight", {"z": 1}, r"class_weight .* keys among the classes \['x', 'y'\]; got 'z'"),
        ("device", "gpu", r"device .* must be one of 'cpu', 'cuda', 'auto'"),
    ],
)
def test_bad_parameters(parameter, value, expected):
    def fit(model):
        model.set_params(**{parameter: value}).fit(WORDS, LABELS)

    assert re.search(expected, unharmed(RNNSeq2SeqClassifier, (WORDS, LABELS), fit))


def test_bad_calls_of_a_fitted_regressor():
    model = RNNSeq2SeqRegressor(**SMALL).fit(X, Y, decoder_inputs=KNOWN)
    assert "decoder_inputs must have 2 features a step, as in fit; got 0." in refusal(
        model.predict, X, n_steps=2
    )
    assert "got 1." in refusal(model.predict, X, decoder_inputs=np.ones((4, 3, 1)))
    sentence = refusal(model.predict, X, n_steps=3, decoder_inputs=KNOWN)
    assert (
        "decoder_inputs of sequence 0 must have as many steps as its target, 3; got 2." in sentence
    )
    assert "X must hold sequences of numbers, as in fit; got symbols." in refusal(
        model.predict, ["ab"]
    )
    model.fit(X, Y)
    assert "got 2." in refusal(model.predict, X, decoder_inputs=KNOWN)
    assert "n_steps must be given, since the targets of fit had several lengths" in refusal(
        model.predict, X
    )
    assert "n_steps must be at least 1; got 0 for sequence 1." in refusal(
        model.predict, X, n_steps=[1, 0, 2, 3]
    )
    for steps in (2.0, [1, 2, 3], "2", [[1, 2], 3, 4, 5], True):
        assert "n_steps must be an int, or one for each of the 4" in refusal(
            model.predict, X, n_steps=steps
        )
    assert "y must have one entry for each of the 4" in refusal(model.score, X, Y[:2])
    assert "y must have 1 outputs, as in fit; got 2." in refusal(
        model.score, X, [np.c_[y, y] for y in Y]
    )


def test_bad_calls_of_a_fitted_classifier():
    model = RNNSeq2SeqClassifier(**SMALL).fit(WORDS, LABELS)
    sentence = refusal(model.predict, ["ab", "ac"])
    assert "symbols of X must be among the classes ['a', 'b']; got 'c' for sequence 1." in sentence
    assert "X must hold sequences of symbols, as in fit; got numbers." in refusal(model.predict, X)
    assert "y must have one entry for each of the 4" in refusal(model.score, WORDS, LABELS[:2])
    assert "of the 4 sequences; got shape (2,)" in refusal(
        model.score, WORDS, LABELS, sample_weight=[1, 2]
    )
    sentence = refusal(model.score, WORDS, LABELS, sample_weight=np.zeros(4))
    assert sentence == "the weights must be positive for at least one sequence; got zeros only."
    sentence = refusal(RNNSeq2SeqClassifier(**SMALL).partial_fit, WORDS, LABELS, classes="xy")
    assert sentence == "classes must be a list of labels; got 'xy'."
    assert "must have at least one symbol" in refusal(model.predict, pd.Series(["a", ""]))


@pytest.mark.parametrize("Estimator", [RNNSeq2SeqRegressor, RNNSeq2SeqClassifier])
def test_nothing_is_predicted_before_fit(Estimator):
    for call in (Estimator().predict, lambda X: Estimator().score(X, LABELS)):
        with pytest.raises(NotFittedError):
            call(WORDS)
