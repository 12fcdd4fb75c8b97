"""No fit that has not learnt ends without a word, and none that has is accused."""

import warnings

import numpy as np
import pytest
from network_cases import ESTIMATORS, SMALL, lists, target
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from textbook import TEXTBOOK_WHOLE, single, textbook

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

REGRESSORS = [RNNRegressor, RNNSequenceRegressor, RNNSeq2SeqRegressor]
CLASSIFIERS = [RNNClassifier, RNNSequenceClassifier, RNNSeq2SeqClassifier]
GOOD = {
    "cell": "gru",
    "hidden_size": 16,
    "batch_size": 16,
    "learning_rate_init": 0.01,
    "random_state": 0,
}
ADVICE = r": leave standardize=True, or use a smaller batch_size, a larger "
NO_BETTER = r"^{} is no better than always predicting {} \(training loss \S+ against \S+\): scale "
UNIT = {
    "as it is": (0, 1),
    "far": (100, 20),
    "large": (0, 100),
    "small": (0, 0.01),
    "all the same": (100, 0),
}


def said(model, *arguments, **keywords):
    """Sentences of the convergence warnings of a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*arguments, **keywords)
    sentences = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert all("\n" not in text and ". " not in text and text.endswith(".") for text in sentences)
    return sentences


def last_value(n):
    X = np.random.default_rng(0).normal(size=(n, 20))
    return X, X[:, -1]


def scaled(y, shift, factor):
    """Targets, of any form, in another unit."""
    return [shift + factor * part for part in y] if isinstance(y, list) else shift + factor * y


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("unit", UNIT)
def test_targets_in_any_unit_are_learnt_or_named(unit, early_stopping):
    """By default: sixty sequences, of which the last value is the target."""
    shift, factor = UNIT[unit]
    X, value = last_value(60)
    y = shift + factor * value
    model = RNNRegressor(random_state=0, early_stopping=early_stopping)
    sentences = said(model, X, y)
    if factor:
        assert sentences == [] and model.score(X, y) > (0.9 if early_stopping else 0.99)
        return
    np.testing.assert_allclose(model.predict(X), y, rtol=0.01)


@pytest.mark.parametrize("unit", ["far", "large", "small"])
def test_targets_as_they_are_are_learnt_or_named(unit):
    """Without scaling inside, and what the sentence advises."""
    shift, factor = UNIT[unit]
    X, value = last_value(60)
    y = shift + factor * value
    model = RNNRegressor(**TEXTBOOK_WHOLE, max_iter=50, random_state=0)
    (sentence,) = said(model, X, y)
    assert "leave standardize=True" in sentence or "stopped before" in sentence
    cured = TransformedTargetRegressor(RNNRegressor(random_state=0), transformer=StandardScaler())
    assert said(cured, X, y) == [] and cured.score(X, y) > 0.99


def test_the_numbers_in_the_sentence_are_true():
    X, value = last_value(60)
    y = 100 + 20 * value
    model = RNNRegressor(**TEXTBOOK_WHOLE, max_iter=50, random_state=0)
    (sentence,) = said(model, X, y)
    reached, constant = np.mean((model.predict(X) - y) ** 2), y.var()
    assert sentence == (
        f"RNNRegressor is no better than always predicting the mean (training loss {reached:.4g} against "
        f"{constant:.4g}, R2 {model.score(X, y):.2g}){ADVICE}learning_rate_init or more max_iter."
    )


@pytest.mark.parametrize(
    ("loss", "words"), [("absolute", "the median"), ("huber", "the median"), ("pinball", "the 0.9")]
)
@pytest.mark.parametrize("Estimator", REGRESSORS)
def test_every_loss_has_its_constant(Estimator, loss, words):
    X = lists(30)
    y = scaled(target(Estimator, X), 100, 1)
    settings = textbook(Estimator) | SMALL
    (sentence,) = said(Estimator(**settings, loss=loss, quantile=0.9), X, y)
    assert sentence.startswith(f"{Estimator.__name__} is no better than always predicting {words}")
    values = np.concatenate([np.ravel(part) for part in y])
    share = 0.9 if loss == "pinball" else 0.5
    constant = np.sort(values)[int(np.ceil(share * len(values))) - 1]
    e = values - constant
    pinball = np.maximum(0.9 * e, -0.1 * e)
    huber = np.where(abs(e) < 1, e**2 / 2, abs(e) - 0.5)
    expected = {"absolute": abs(e), "huber": huber, "pinball": pinball}[loss].mean()
    assert float(sentence.split(" against ")[1].split(")")[0]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("Estimator", CLASSIFIERS)
def test_classes_have_their_frequencies(Estimator):
    """A rate so small that nothing is learnt, and one class much more frequent than the other."""
    X = lists(30)
    y = target(Estimator, [x + 1 for x in X])
    (sentence,) = said(Estimator(**SMALL | {"max_iter": 2}, learning_rate_init=1e-9), X, y)
    name = Estimator.__name__
    assert sentence.startswith(
        f"{name} is no better than always predicting the frequencies of the classes"
    )
    assert "scale X, or use" in sentence
    labels = np.concatenate(
        [[*part, "end"] if name == "RNNSeq2SeqClassifier" else np.ravel(part) for part in y]
    )
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    entropy = -(shares * np.log(shares)).sum()
    assert float(sentence.split(" against ")[1].split(")")[0]) == pytest.approx(entropy, rel=1e-3)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_count(Estimator):
    """Targets of weight zero belong to no constant."""
    X = lists(30)
    y = target(Estimator, X)
    weight = np.arange(30) % 2
    given = (
        [np.full(len(x), w) for x, w in zip(X, weight)]
        if "Sequence" in Estimator.__name__
        else weight
    )
    chosen = np.flatnonzero(weight)
    some = [X[i] for i in chosen], [y[i] for i in chosen] if isinstance(y, list) else y[chosen]
    settings = SMALL | {"learning_rate_init": 1e-9}
    assert said(Estimator(**settings), X, y, sample_weight=given) == said(
        Estimator(**settings), *some
    )


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_loss_that_still_falls_is_named_and_one_that_rests_is_not(Estimator, early_stopping):
    X = lists(150)
    y = target(Estimator, X)
    settings = GOOD | {"early_stopping": early_stopping}
    (sentence,) = said(Estimator(**settings, max_iter=6), X, y)
    which = "validation" if early_stopping else "training"
    assert sentence.startswith(
        f"{Estimator.__name__} stopped before it had learnt all it can, its {which} loss still "
    )
    assert sentence.endswith(
        "after max_iter=6 epochs: use more max_iter, a larger learning_rate_init or a smaller batch_size."
    )
    assert said(Estimator(**settings, max_iter=150, tol=1e-4), X, y) == []


@pytest.mark.parametrize("Estimator", REGRESSORS)
def test_a_tol_too_coarse_for_the_targets_is_named(Estimator):
    X = lists(150)
    y = scaled(target(Estimator, X), 0, 0.01)
    (sentence,) = said(Estimator(**textbook(Estimator) | GOOD), X, y)
    assert (
        "epochs for lack of progress by tol=0.0001: use a smaller tol, or scale y." in sentence
        or ADVICE in sentence
    )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_what_is_ended_on_purpose_is_not_accused(Estimator, monkeypatch):
    X = lists()
    y = target(Estimator, X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            Estimator(**SMALL).partial_fit(X, y)
    calls, move = [], cpu.apply_update

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        move(*arguments)

    monkeypatch.setattr(cpu, "apply_update", interrupted)
    with pytest.warns(InterruptedFitWarning) as caught:
        Estimator(**SMALL | single(Estimator)).fit(X, y)
    assert len(caught) == 1


def test_noise_in_its_own_unit_is_not_accused():
    """There is nothing to learn, and early stopping ends soon: a little better than the mean is all there is."""
    X, _ = last_value(200)
    y = X[:, 0] * 0.5 + np.random.default_rng(1).normal(size=200)
    assert said(RNNRegressor(random_state=0, early_stopping=True), X, y) == []


def test_a_warning_made_an_error_leaves_the_estimator_as_it_was():
    X, value = last_value(60)
    model = RNNRegressor(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            model.fit(X, 100 + 20 * value)
    assert not [name for name in vars(model) if name.endswith("_")]


def test_the_line_of_the_caller_is_shown():
    X, value = last_value(60)
    with pytest.warns(ConvergenceWarning) as caught:
        RNNRegressor(**SMALL).fit(X, 100 + 20 * value)
    assert caught[0].filename == __file__
