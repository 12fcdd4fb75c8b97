"""The six network estimators, each with data that it can learn, for the tests that walk all of them."""

import numpy as np
from textbook import single

from tsrnn import (
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)

ESTIMATORS = [
    RNNRegressor,
    RNNClassifier,
    RNNSequenceRegressor,
    RNNSequenceClassifier,
    RNNSeq2SeqRegressor,
    RNNSeq2SeqClassifier,
]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 3, "batch_size": 8, "random_state": 0}


def lists(n=20, seed=0):
    """Ragged sequences of two features."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 2)) for length in rng.integers(2, 9, size=n)]


def target(Estimator, X):
    """Targets of the form that the estimator takes, made of the first feature."""
    if Estimator is RNNRegressor:
        return np.array([x[-1, 0] for x in X])
    if Estimator is RNNClassifier:
        return np.where([x[-1, 0] > 0 for x in X], "up", "down")
    if Estimator is RNNSequenceRegressor:
        return [x[:, 0] for x in X]
    if Estimator is RNNSequenceClassifier:
        return [np.where(x[:, 0] > 0, "up", "down") for x in X]
    if Estimator is RNNSeq2SeqRegressor:
        return np.array([[x[0, 0], x[-1, 0]] for x in X])
    return ["".join(np.where(x[:, 0] > 0, "a", "b")) for x in X]


def fitted(Estimator, **settings):
    X = lists()
    return Estimator(**single(Estimator) | SMALL | settings).fit(X, target(Estimator, X))
