"""NaN at the end of the sequences of an array is padding, for every estimator and every method; elsewhere it is refused
with the advice what to do.
"""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from textbook import SINGLE, single

from tsrnn import (
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.inspection import hidden_states

ALL = [
    RNNRegressor,
    RNNClassifier,
    RNNSequenceRegressor,
    RNNSequenceClassifier,
    RNNSeq2SeqRegressor,
    RNNSeq2SeqClassifier,
]
OF_STEPS = [RNNSequenceRegressor, RNNSequenceClassifier]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 3, "batch_size": 4, "random_state": 0}
RNG = np.random.default_rng(0)
LENGTHS = [3, 7, 1, 5, 7, 2, 6, 4]
LISTED = [RNG.normal(size=(length, 2)) for length in LENGTHS]


def padded(parts, n_steps=7):
    out = np.full((len(parts), n_steps, *parts[0].shape[1:]), np.nan)
    for row, part in zip(out, parts):
        row[: len(part)] = part
    return out


PADDED = padded(LISTED)


def targets(Estimator):
    """In the form that goes with lists, and in the one that goes with padded arrays."""
    sums = [x[:, 0].cumsum() for x in LISTED]
    if Estimator is RNNRegressor:
        return np.array([part[-1] for part in sums]), np.array([part[-1] for part in sums])
    if Estimator is RNNClassifier:
        labels = np.array(["up" if part[-1] > 0 else "down" for part in sums])
        return labels, labels
    if Estimator is RNNSequenceClassifier:
        labels = [np.where(part > 0, "up", "down").astype(object) for part in sums]
        filled = np.full((len(labels), 7), None, dtype=object)
        for row, part in zip(filled, labels):
            row[: len(part)] = part
        return labels, filled
    if Estimator is RNNSeq2SeqClassifier:
        words = ["".join(np.where(part > 0, "u", "d")) for part in sums]
        return words, words
    return sums, padded(sums)


def flat(found):
    """Entries of all sequences, without padding."""
    if isinstance(found, np.ndarray) and found.ndim > 1 and found.shape[1] == 7:
        return np.concatenate([row[:length] for row, length in zip(found, LENGTHS)])
    return (
        np.concatenate(found)
        if isinstance(found, list) and not isinstance(found[0], str)
        else np.asarray(found)
    )


METHODS = ["predict", "predict_proba", "predict_log_proba"]


@pytest.mark.parametrize("Estimator", ALL)
def test_padding_is_not_there(Estimator):
    """Fitted on the array, weights and every method's results are to the bit those of the list."""
    y, y_padded = targets(Estimator)
    one = Estimator(**single(Estimator) | SMALL).fit(LISTED, y)
    other = Estimator(**single(Estimator) | SMALL).fit(PADDED, y_padded)
    for name, weight in one.weights_.items():
        assert_array_equal(weight, other.weights_[name])
    more = {"n_steps": LENGTHS} if Estimator is RNNSeq2SeqRegressor else {}
    for method in METHODS:
        if hasattr(one, method):
            assert_array_equal(
                flat(getattr(one, method)(LISTED, **more)),
                flat(getattr(other, method)(PADDED, **more)),
            )
    assert one.score(LISTED, y) == other.score(PADDED, y_padded)
    assert other.score(PADDED, y) == other.score(PADDED, y_padded)
    one.partial_fit(LISTED, y)
    other.partial_fit(PADDED, y_padded)
    assert_array_equal(one.weights_["bias_ho" if "bias_ho" in one.weights_ else "decoder.bias_ho"],
                       other.weights_["bias_ho" if "bias_ho" in one.weights_ else "decoder.bias_ho"])  # fmt: skip


@pytest.mark.parametrize("Estimator", OF_STEPS)
def test_predictions_of_steps_have_the_form_of_X(Estimator):
    y, y_padded = targets(Estimator)
    model = Estimator(**single(Estimator) | SMALL).fit(PADDED, y_padded)
    found = model.predict(PADDED)
    assert found.shape == (8, 7)
    there = np.arange(7) < np.array(LENGTHS)[:, None]
    assert_array_equal(found == found, there)  # NaN, and nothing else, where X has NaN
    assert_array_equal(np.concatenate(model.predict(LISTED)), found[there])
    found, state = model.predict_with_state(PADDED)
    assert_array_equal(state, model.predict_with_state(LISTED)[1])
    if hasattr(model, "predict_proba"):
        assert model.predict_proba(PADDED).shape == (8, 7, 2)
    weight = [np.linspace(0, 1, length) for length in LENGTHS]
    assert model.score(PADDED, y_padded, sample_weight=padded(weight)) == model.score(
        LISTED, y, sample_weight=weight
    )


def test_labels_that_are_numbers_need_no_missing_value_where_X_is_padding():
    labels = [(x[:, 0] > 0).astype(int) for x in LISTED]
    filled = np.zeros((8, 7), dtype=int)
    for row, part in zip(filled, labels):
        row[: len(part)] = part
    one = RNNSequenceClassifier(**SMALL).fit(LISTED, labels)
    other = RNNSequenceClassifier(**SMALL).fit(PADDED, filled)
    assert_array_equal(one.weights_["weight_ho"], other.weights_["weight_ho"])
    assert other.classes_.dtype.kind == "i"


@pytest.mark.parametrize("kind", [np.float32, "masked", object])
def test_padding_of_other_kinds(kind):
    y, _ = targets(RNNRegressor)
    X = np.ma.masked_invalid(PADDED) if kind == "masked" else PADDED.astype(kind)
    expected = (
        RNNRegressor(**SINGLE | SMALL)
        .fit([x.astype(np.float32) for x in LISTED], y)
        .predict(LISTED)
    )
    assert_array_equal(RNNRegressor(**SINGLE | SMALL).fit(X, y).predict(X), expected)


def test_inspection_sees_no_padding():
    model = RNNRegressor(**SINGLE | SMALL).fit(PADDED, targets(RNNRegressor)[0])
    assert [len(states) for states in hidden_states(model, PADDED)] == LENGTHS


def test_known_inputs_of_a_decoder_may_be_padded():
    y, y_padded = targets(RNNSeq2SeqRegressor)
    known = [np.arange(length, dtype=float) for length in LENGTHS]
    one = RNNSeq2SeqRegressor(**SMALL).fit(LISTED, y, decoder_inputs=known)
    other = RNNSeq2SeqRegressor(**SMALL).fit(PADDED, y_padded, decoder_inputs=padded(known))
    assert_array_equal(flat(one.predict(LISTED, decoder_inputs=known)),
                       flat(other.predict(PADDED, decoder_inputs=padded(known))))  # fmt: skip


def with_nan(place):
    X = PADDED.copy()
    X[place] = np.nan
    return X


ADVICE = "PerStep(SimpleImputer())"
REFUSED = {
    "inside": (with_nan((1, 3)), "sequence 1 has it at time step 3"),
    "at the start": (with_nan((3, 0)), "sequence 3 has it at time step 0"),
    "in one feature at the end": (with_nan((4, 6, 0)), "sequence 4 has it at time step 6"),
    "a table": (PADDED[:, :, 0], "sequence 0 has it at time step 3"),
    "a list": ([*LISTED[:7], padded(LISTED)[7]], "sequence 7 has it at time step 4"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("Estimator", ALL)
def test_nan_that_is_no_padding_is_refused_with_advice(Estimator, case):
    X, where = REFUSED[case]
    y = targets(Estimator)[0]
    model = Estimator(**single(Estimator) | SMALL).fit(LISTED, y)
    if case == "a table" and Estimator in OF_STEPS:
        pytest.skip("the rows of a table are time steps there")
    for call in (
        lambda: Estimator(**single(Estimator) | SMALL).fit(X, y),
        lambda: model.predict(X),
        lambda: model.score(X, y),
    ):
        with pytest.raises(ValueError, match=r"^Input X contains NaN: ") as caught:
            call()
        assert where in str(caught.value) and ADVICE in str(caught.value)


@pytest.mark.parametrize("Estimator", ALL)
def test_a_sequence_of_padding_alone_is_refused(Estimator):
    y_padded = targets(Estimator)[1]
    with pytest.raises(
        ValueError, match=r"^sequence 2 must have at least one time step; got padding, NaN, alone"
    ):
        Estimator(**single(Estimator) | SMALL).fit(with_nan(2), y_padded)


def test_a_target_of_padding_alone_is_refused():
    y = padded(targets(RNNSeq2SeqRegressor)[0])
    y[2] = np.nan
    with pytest.raises(
        ValueError, match=r"^y of sequence 2 must have at least one step; got padding, NaN, alone"
    ):
        RNNSeq2SeqRegressor(**SMALL).fit(PADDED, y)


def test_sliding_windows_over_one_array_are_still_targets_of_their_own():
    """Targets that share memory are copied before anything is written."""
    values = np.arange(12.0)
    windows = np.lib.stride_tricks.sliding_window_view(values, 4)
    model = RNNSeq2SeqRegressor(**SMALL, dtype="float64").fit(
        windows[:-4, :, None] * 1.0, windows[4:]
    )
    same = RNNSeq2SeqRegressor(**SMALL, dtype="float64").fit(
        windows[:-4, :, None] * 1.0, windows[4:].copy()
    )
    assert_array_equal(values, np.arange(12.0))
    assert_array_equal(model.weights_["decoder.bias_ho"], same.weights_["decoder.bias_ho"])
