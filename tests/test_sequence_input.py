"""What cannot be right at a target for every time step is refused in one sentence, and nothing is lost by it."""

import numpy as np
import pandas as pd
import pytest
from test_bad_input import refusal, state, with_entry

from tsrnn import RNNRegressor, RNNSequenceClassifier, RNNSequenceRegressor

SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 2, "random_state": 0}
GOOD = np.random.default_rng(0).normal(size=(6, 5, 2))
ROWS, Y, NAMES = (
    GOOD.reshape(30, 2),
    GOOD.reshape(30, 2)[:, 0],
    np.repeat([f"store {i}" for i in range(6)], 5),
)
WORDS = np.where(Y > 0, "top", "low")
LISTS, LISTED = list(GOOD), list(GOOD[:, :, 0])
INDEX = pd.MultiIndex.from_arrays([NAMES, np.tile(pd.date_range("2024-01-01", periods=5), 6)])
FRAME = pd.DataFrame(ROWS, columns=["u", "v"], index=INDEX)
SWAPPED = FRAME.iloc[[*range(7), 8, 7, *range(9, 30)]]
MIXED = np.r_[NAMES[:25], NAMES[:5]]
Regressor, Classifier = RNNSequenceRegressor, RNNSequenceClassifier

BAD_FITS = {
    "1-D": (Regressor, Y, Y, {}, r"X must be \(n_timesteps, n_features\), .*; got shape \(30,\)"),
    "4-D": (
        Regressor,
        GOOD[None],
        Y,
        {},
        r"X must be \(n_timesteps, n_features\), .*; got shape \(1, 6, 5, 2\)",
    ),
    "None": (Regressor, None, Y, {}, r"X must be .*; got shape \(\)"),
    "no rows": (Regressor, ROWS[:0], Y[:0], {}, r"0 sample\(s\)"),
    "no columns": (Regressor, ROWS[:, :0], Y, {}, r"0 feature\(s\)"),
    "NaN": (
        Regressor,
        with_entry(ROWS, (13, 1), np.nan),
        Y,
        {},
        r"NaN: sequence 0 has it at time step 13",
    ),
    "NaN in a series": (
        Regressor,
        with_entry(ROWS, (13, 1), np.nan),
        Y,
        {"series": NAMES},
        r"X contains NaN: sequence 'store 2' has it at time step 3",
    ),
    "infinity in a list": (
        Regressor,
        [*LISTS[:4], with_entry(LISTS[4], (2, 0), np.inf), LISTS[5]],
        LISTED,
        {},
        r"X contains infinity in float32: sequence 4 has it at time step 2",
    ),
    "text": (Regressor, ROWS.astype(str), Y, {}, r"X must hold real numbers; got <U"),
    "objects of text": (
        Regressor,
        np.array([["a", "b"]] * 30, dtype=object),
        Y,
        {},
        r"X must hold numbers; got object values: .*'a'",
    ),
    "text in a frame": (
        Regressor,
        FRAME.assign(w="a"),
        Y,
        {},
        # pandas before 3 has texts as objects, which are tried as numbers
        r"columns of X must be numbers; got .* in column 'w'|column 'w' of X must hold numbers; got object values",
    ),
    "short y": (
        Regressor,
        ROWS,
        Y[:29],
        {},
        r"y must have one entry for each of the 30 time steps of X; got 29",
    ),
    "scalar y": (Regressor, ROWS, 1.0, {}, r"y must have one entry for each time step; got 1\.0"),
    "scalar y of a block": (
        Regressor,
        GOOD,
        1.0,
        {},
        r"y must have one entry for each time step; got 1\.0",
    ),
    "no y": (Regressor, ROWS, None, {}, r"requires y to be passed"),
    "3-D y": (
        Regressor,
        ROWS,
        Y[:, None, None],
        {},
        r"y must be \(n_timesteps,\) or \(n_timesteps, n_outputs\); got shape \(30, 1, 1\)",
    ),
    "infinite y": (
        Regressor,
        ROWS,
        with_entry(Y, 7, np.inf),
        {"series": NAMES},
        r"y contains infinity in float32: the target of time step 2 of sequence 'store 1' must be finite; got inf",
    ),
    "large y": (
        Regressor,
        ROWS,
        with_entry(Y, 7, 1e30),
        {},
        r"the target of time step 7 of sequence 0 must be at most 1\.8e\+19",
    ),
    "y of text": (Regressor, ROWS, WORDS, {}, r"y must hold real numbers; got <U3 values"),
    "y unlabelled": (
        Regressor,
        ROWS,
        Y * np.nan,
        {},
        r"y must have a target for at least one time step; got NaN only",
    ),
    "labels unlabelled": (
        Classifier,
        ROWS,
        [None] * 30,
        {},
        r"y must have a label for at least one time step; got none",
    ),
    "short list": (
        Regressor,
        LISTS,
        LISTED[:5],
        {},
        r"y must have one part for each of the 6 sequences; got 5",
    ),
    "short part": (
        Regressor,
        LISTS,
        [*LISTED[:3], LISTED[3][:4], *LISTED[4:]],
        {},
        r"y of sequence 3 must have one entry for each of its 5 time steps; got 4",
    ),
    "one target a sequence": (
        Regressor,
        LISTS,
        GOOD[:, 0, 0],
        {},
        r"y of sequence 0 must have one entry for each of its 5 time steps; got one number",
    ),
    "parts of other outputs": (
        Regressor,
        LISTS,
        [*LISTED[:5], GOOD[5]],
        {},
        r"y must have one shape a time step; got \(\) and, for sequence 5, \(2,\)",
    ),
    "ragged outputs": (
        Regressor,
        LISTS,
        [[[1], [1, 2], [1], [1], [1]]] * 6,
        {},
        r"y must have one shape a time step",
    ),
    "short block": (
        Regressor,
        GOOD,
        GOOD[:, :4, 0],
        {},
        r"y of sequence 0 must have .* its 5 time steps; got 4",
    ),
    "one class": (
        Classifier,
        ROWS,
        ["a"] * 30,
        {},
        r"y must hold at least two classes; got one class, 'a'",
    ),
    "measurements": (Classifier, ROWS, Y, {}, r"labels of y must be classes; got numbers like"),
    "two kinds": (
        Classifier,
        LISTS,
        [np.array([1, 0, 1, 0, 1])] * 3 + [np.array(list("ababa"))] * 3,
        {},
        r"labels of y must be all strings or all numbers; got both",
    ),
    "label of another kind": (
        Classifier,
        ROWS,
        [None, {}, *WORDS[2:]],
        {"series": NAMES},
        r"the label of time step 1 of sequence 'store 0' must be a string, a number or a bool; got dict",
    ),
    "short series": (
        Regressor,
        ROWS,
        Y,
        {"series": NAMES[:29]},
        r"series must be one label for each of the 30 rows",
    ),
    "2-D series": (
        Regressor,
        ROWS,
        Y,
        {"series": NAMES[:, None]},
        r"series must be one label .*; got shape \(30, 1\)",
    ),
    "one label": (
        Regressor,
        ROWS,
        Y,
        {"series": "a"},
        r"series must be one label for each .*; got shape \(\)",
    ),
    "apart": (
        Regressor,
        ROWS,
        Y,
        {"series": MIXED},
        r"rows of a series must stand together in X; those of 'store 0' go on in row 25 after rows of another",
    ),
    "numbers apart": (
        Regressor,
        ROWS,
        Y,
        {"series": [1, 2, 1] * 10},
        r"those of 1 go on in row 2 after",
    ),
    "missing label": (
        Regressor,
        ROWS,
        Y,
        {"series": [*NAMES[:29], None]},
        r"series must not hold missing labels; got one for row 29 of X",
    ),
    "series of a block": (
        Regressor,
        GOOD,
        GOOD[:, :, 0],
        {"series": NAMES},
        r"series must be None for three-dim",
    ),
    "apart in a frame": (
        Regressor,
        FRAME.iloc[[*range(5, 10), *range(5), *range(10, 30), *range(5, 10)]],
        np.r_[Y, Y[:5]],
        {},
        r"those of 'store 1' go on in row 30 after rows of another",
    ),
    "missing in the index": (
        Regressor,
        FRAME.rename({"store 2": None}, level=0),
        Y,
        {},
        r"the first level of the index of X must not hold missing labels; got one for row 10 of X",
    ),
    "time runs back": (
        Regressor,
        SWAPPED,
        Y,
        {},
        r"times of a series must run forward in X; those of sequence 'store 1' go from 2024-01-04 .* to 2024-01-03 ",
    ),
    "time runs back in one series": (
        Regressor,
        pd.DataFrame(ROWS, pd.date_range("2024-01-01", periods=30)[::-1]),
        Y,
        {},
        r"times of a series must run forward in X; those of sequence 0 go from 2024-01-30 .* to 2024-01-29 ",
    ),
    "another series begins unsaid": (
        Regressor,
        FRAME.droplevel(0),
        Y,
        {},
        r"those of sequence 0 go from 2024-01-05 .* to 2024-01-01 .*, and `series` says where another one begins",
    ),
    "three levels": (
        Regressor,
        pd.concat({"north": FRAME}),
        Y,
        {},
        r"the index of X must be \(series, time\), or time, without `series`; got 3 levels",
    ),
    "y in another order": (
        Regressor,
        FRAME,
        pd.Series(Y, INDEX).iloc[::-1],
        {},
        r"the index of y must be that of X, row by row; got \('store 5', .* beside \('store 0', .* in row 0",
    ),
    "weights in another order": (
        Regressor,
        FRAME,
        Y,
        {"sample_weight": pd.Series(1.0, INDEX[[1, 0, *range(2, 30)]])},
        r"the index of sample_weight must be that of X",
    ),
    "a set": (
        Regressor,
        ROWS,
        set(Y),
        {},
        r"y must be a list, an array or a frame; got a set",
    ),
    "times without order": (
        Regressor,
        FRAME.set_axis(pd.MultiIndex.from_arrays([NAMES, [0, "a", 1, 2, 3] * 6])),
        Y,
        {},
        r"time labels of X must have an order",
    ),
    "negative weight": (
        Regressor,
        ROWS,
        Y,
        {"series": NAMES, "sample_weight": with_entry(np.ones(30), 11, -1)},
        r"sample_weight must not be negative; got -1 for time step 1 of sequence 'store 2'",
    ),
    "short weight": (
        Regressor,
        ROWS,
        Y,
        {"sample_weight": np.ones(29)},
        r"sample_weight must have one entry for each of the 30 time steps; got shape \(29,\)",
    ),
    "weights of sequences": (
        Regressor,
        LISTS,
        LISTED,
        {"sample_weight": np.ones(6)},
        r"sample_weight of sequence 0 must have one entry for each of its 5 time steps; got one number",
    ),
    "no weight": (
        Regressor,
        ROWS,
        Y,
        {"sample_weight": 0 * Y},
        r"weights must be positive for at least one time step",
    ),
}


@pytest.mark.parametrize("case", BAD_FITS)
def test_fits_that_cannot_be_right(case):
    """One sentence, the same for a new model and a fitted one, which keeps what it has learned."""
    Estimator, X, y, given, expected = BAD_FITS[case]
    new, old = (
        Estimator(**SMALL),
        Estimator(**SMALL).fit(GOOD, (GOOD[:, :, 0] > 0) if Estimator is Classifier else LISTED),
    )
    before = state(old)
    with pytest.raises((ValueError, TypeError), match=expected):
        new.fit(X, y, **given)
    assert refusal(new.fit, X, y, **given) == refusal(old.fit, X, y, **given)
    assert [name for name in vars(new) if name.endswith("_")] == []
    assert state(old) == before


def fitted(Estimator=Regressor, **options):
    return Estimator(**SMALL | options).fit(
        ROWS, WORDS if Estimator is Classifier else Y, series=NAMES
    )


@pytest.mark.parametrize(
    ("X", "given", "expected"),
    [
        (
            ROWS[:, :1],
            {},
            r"X has 1 features, but RNNSequenceRegressor is expecting 2 features as input",
        ),
        (
            GOOD[:, :, :1],
            {},
            r"X has 1 features a time step, but RNNSequenceRegressor is expecting 2 features",
        ),
        ([GOOD[0], GOOD[1][:, :1]], {}, r"every sequence must have 2 features; sequence 1 has 1"),
        (with_entry(ROWS, (3, 0), np.nan), {}, r"X contains NaN: sequence 0 has it at time step 3"),
        (
            ROWS,
            {"series": NAMES[:5]},
            r"series must be one label for each of the 30 rows of X; got shape \(5,\)",
        ),
        (ROWS, {"series": MIXED}, r"those of 'store 0' go on in row 25 after rows of another"),
        (
            ROWS,
            {"initial_state": np.zeros((1, 4))},
            r"initial_state must be numbers of shape \(1, 1, 1, 4\) \(n_series",
        ),
        (
            GOOD,
            {"initial_state": np.zeros((1, 1, 1, 4))},
            r"shape \(6, 1, 1, 4\) .*; got float64 of shape \(1, 1, 1, 4\)",
        ),
        (
            ROWS,
            {"initial_state": "zero"},
            r"initial_state must be numbers of shape .*; got <U4 of shape \(\)",
        ),
        (
            ROWS,
            {"initial_state": np.full((1, 1, 1, 4), np.nan)},
            r"initial_state must be finite in float32; got NaN",
        ),
        (
            ROWS,
            {"initial_state": np.full((1, 1, 1, 4), 1e200)},
            r"initial_state must be finite in float32; got NaN or inf",
        ),
    ],
)
def test_predictions_that_cannot_be_asked(X, given, expected):
    model = fitted()
    before = model.predict(ROWS)
    for call in (model.predict, model.predict_with_state):
        with pytest.raises(ValueError, match=expected):
            call(X, **given)
        refusal(call, X, **given)
    np.testing.assert_array_equal(model.predict(ROWS), before)


def test_what_names_the_rows_may_be_of_any_kind():
    """Series one below the other with the same times, said by `series`; frames and columns of polars."""
    model, stacked = Regressor(**SMALL).fit(FRAME, Y), FRAME.droplevel(0)
    expected = fitted().predict(ROWS, series=NAMES)
    for found in (model.predict(FRAME), model.predict(stacked, series=pd.Categorical(NAMES))):
        np.testing.assert_array_equal(found, expected)
    polars = pytest.importorskip("polars")
    frame, names, y = (
        polars.DataFrame(ROWS),
        polars.Series(list(NAMES)),
        polars.Series([None, *Y[1:]]),
    )
    model = Regressor(**SMALL).fit(frame, y, series=names)
    same = Regressor(**SMALL).fit(ROWS, with_entry(Y, 0, np.nan), series=NAMES)
    np.testing.assert_array_equal(
        model.predict(frame, series=names), same.predict(ROWS, series=NAMES)
    )


def test_a_bidirectional_network_has_no_state_to_go_on_from():
    model = fitted(bidirectional=True)
    assert "predict_with_state needs bidirectional=False" in refusal(model.predict_with_state, ROWS)
    sentence = refusal(model.predict, ROWS, initial_state=np.zeros((1, 1, 1, 4)))
    assert sentence.startswith("initial_state must be None with bidirectional=True")


def test_labels_that_fit_did_not_know():
    model = fitted(Classifier)
    other = np.where(np.arange(30) == 12, "mid", WORDS)
    expected = "labels of y must be among the classes ['low', 'top']; got 'mid' for time step 2 of sequence 'store 2'."
    assert refusal(model.score, ROWS, other, series=NAMES) == expected
    assert refusal(model.partial_fit, ROWS, other, series=NAMES) == expected
    holes = np.where(np.arange(30) < 10, None, other)
    assert refusal(model.score, ROWS, holes, series=NAMES) == expected


def test_scores_of_nothing():
    assert refusal(fitted(Classifier).score, ROWS, [None] * 30) == (
        "y must have a label for at least one time step; got none."
    )
    model = Regressor(**SMALL).fit(ROWS, np.c_[Y, Y])
    sentence = "y must have a target of each output for at least one time step; got NaN only."
    assert refusal(model.score, ROWS, np.c_[Y, Y * np.nan]) == sentence
    assert refusal(model.score, ROWS, Y) == "y must have 2 outputs, as in fit; got 1."
    assert "y must have one entry for each of the 30 time steps of X; got 29" in refusal(
        model.score, ROWS, Y[:29]
    )


def test_one_step_cannot_be_trained_on_and_held_out():
    model = Regressor(**SMALL, early_stopping=True)
    y = np.where(np.arange(30) == 4, Y, np.nan)
    assert "early_stopping needs at least two time steps with a target" in refusal(
        model.fit, ROWS, y
    )


def test_windows_and_carried_pieces_exclude_each_other():
    sentence = refusal(Regressor(**SMALL, window=3, bptt_steps=3).fit, ROWS, Y)
    assert (
        sentence.startswith("window of RNNSequenceRegressor must be None with bptt_steps")
        and "got 3" in sentence
    )


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan])
def test_what_is_missing_in_a_column_of_objects_is_named(missing):
    index = pd.MultiIndex.from_product([["a", "b"], range(3)])
    values = pd.Series([1.0, 2, 3, 4, missing, 6], index, dtype=object)
    with pytest.raises(ValueError, match="NaN: sequence 'b' has it at time step 1"):
        RNNRegressor(max_iter=1).fit(pd.DataFrame({"x": values, "z": 1.0}), [0.0, 1.0])


def test_a_label_that_is_a_list_is_named():
    with pytest.raises(ValueError, match="must be a string, a number or a bool; got list"):
        RNNSequenceClassifier(max_iter=1).fit(np.ones((3, 2)), [0, [1], 0])
