"""Objects in place of numbers: numbers are read, missing ones are missing, and all else is refused in one sentence."""

import datetime
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from textbook import single

from tsrnn import (
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)

N, T, F = 4, 5, 2
PLACE = 2, 3, 1  # inside, where nothing is padding
MISSING = [
    None,
    pd.NA,
    pd.NaT,
    np.datetime64("NaT"),
    float("nan"),
    Decimal("NaN"),
    np.float32("nan"),
]
NUMBERS = [Decimal("1.5"), Fraction(3, 2), np.float16(1.5), 1.5]
OTHERS = [
    "one",
    datetime.date(2024, 1, 1),
    pd.Timestamp("2024"),
    datetime.timedelta(1),
    1j,
    {1},
    [1, 2],
    {},
    10**400,
    len,
    np.zeros(2),
    pd.Period("2024", "Y"),
]


def number(i):
    return float(i % 2)


def of_sequences(X):
    return [number(i) for i in range(N)]


def of_steps(X):
    """Targets in the form of X."""
    if isinstance(X, list):
        return [[number(t) for t in range(len(x))] for x in X]
    if isinstance(X, np.ndarray) and X.ndim == 3:
        return np.arange(N * T).reshape(N, T) % 2
    if isinstance(X.index, pd.MultiIndex) if hasattr(X, "index") else False:
        return pd.Series(np.arange(len(X)) % 2, X.index)
    return [number(i) for i in range(len(X))]


def of_pairs(X):
    return [[[number(t)] for t in range(3)] for _ in range(N)]


def of_words(X):
    return ["abc"] * N


KINDS = {
    RNNRegressor: of_sequences,
    RNNClassifier: of_sequences,
    RNNSequenceRegressor: of_steps,
    RNNSequenceClassifier: of_steps,
    RNNSeq2SeqRegressor: of_pairs,
    RNNSeq2SeqClassifier: of_words,
}


def with_value(value):
    X = np.empty((N, T, F), object)
    X[:] = np.random.default_rng(0).normal(size=(N, T, F))
    X[PLACE] = 0.0
    X[PLACE[:2]][PLACE[2] : PLACE[2] + 1].fill(value) if np.ndim(value) == 0 else None
    if np.ndim(value):
        X[PLACE[:2]][PLACE[2]] = value
    return X


def frame(X):
    index = pd.MultiIndex.from_product([list("abcd"), range(T)], names=["series", "time"])
    return pd.DataFrame(
        {f"x{k}": pd.Series(list(X[:, :, k].ravel()), index, dtype=object) for k in range(F)}
    )


def frames(X):
    return [one.droplevel(0) for _, one in frame(X).groupby(level=0)]


FORMS = {
    "three dimensions": lambda X: X,
    "list of arrays": list,
    "list of lists": lambda X: [x.tolist() for x in X],
    "two-level index": frame,
    "list of frames": frames,
    "table": lambda X: np.array(X[:, :, 1]),
    "table with columns": lambda X: pd.DataFrame(np.array(X[:, :, 1])),
    "series with a two-level index": lambda X: frame(X)["x1"],
}


def fitted(Estimator, X):
    return Estimator(**single(Estimator), max_iter=1, hidden_size=2, random_state=0, tol=0).fit(
        X, KINDS[Estimator](X)
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("Estimator", KINDS)
def test_objects_are_numbers_missing_or_refused(Estimator, form):
    expected = fitted(Estimator, FORMS[form](with_value(1.5))).weights_
    for value in NUMBERS:
        weights = fitted(Estimator, FORMS[form](with_value(value))).weights_
        assert all(np.array_equal(weights[name], expected[name]) for name in expected), value
    for value in MISSING:
        with pytest.raises(ValueError, match=r"Input X contains NaN: .*impute"):
            fitted(Estimator, FORMS[form](with_value(value)))
    for value in OTHERS:
        with pytest.raises(
            (ValueError, TypeError), match=r"must (hold (real )?numbers|have one number)"
        ) as caught:
            fitted(Estimator, FORMS[form](with_value(value)))
        assert re.fullmatch(r"[^\n]+\.", str(caught.value)), value


def weighted(Estimator, form, weight):
    X = FORMS[form](with_value(1.5))
    return Estimator(**single(Estimator), max_iter=1, hidden_size=2, random_state=0, tol=0).fit(
        X, KINDS[Estimator](X), sample_weight=weight
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", KINDS)
def test_objects_as_weights(Estimator):
    def weights(value):
        out = np.ones(N, object)
        out[1:2].fill(value)
        return out

    form = "table" if KINDS[Estimator] is of_steps else "list of arrays"
    expected = weighted(Estimator, form, weights(1.5).astype(float)).weights_
    for value in NUMBERS:
        for given in (weights(value), list(weights(value))):
            found = weighted(Estimator, form, given).weights_
            assert all(np.array_equal(found[name], expected[name]) for name in expected), value
    for value in MISSING:
        with pytest.raises(ValueError, match="sample_weight contains NaN"):
            weighted(Estimator, form, weights(value))
    for value in (one for one in OTHERS if np.ndim(one) == 0):
        with pytest.raises(
            (ValueError, TypeError), match=r"sample_weight must hold (real )?numbers"
        ):
            weighted(Estimator, form, weights(value))


@pytest.mark.parametrize("label", [{1}, [1], {}, (1, [2]), np.zeros(2)], ids=repr)
def test_labels_that_cannot_be_looked_up(label):
    labels = np.array(["a", "a", "b", None], dtype=object)
    labels[3] = label
    with pytest.raises(
        TypeError,
        match=r"series must hold labels such as strings or numbers; got a .* for row 3 of X",
    ):
        RNNSequenceRegressor(max_iter=1).fit(np.zeros((4, 2)), np.zeros(4), series=labels)
