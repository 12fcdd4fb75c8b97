"""A fitted network goes over sequences once more, and keeps what it remembers."""

from copy import copy
from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.targets import align
from tsrnn.network import Room

ROWS = 64  # sequences of one pass: all their states are kept


def read(estimator, X, y=None):
    """Lengths of the sequences in X, and the rows that the network sees of them; without `y` they have no targets."""
    if not isinstance(estimator, BaseRecurrent):
        raise TypeError(
            f"estimator must be a recurrent network, such as an RNNRegressor; got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)
    series = estimator._read(X, reset=False)
    targets = np.empty((len(series), 0))
    if y is not None:
        # a copy, since reading targets as in `fit` notes their form
        targets, _, _ = copy(estimator)._encode(align(y, series), series, None, reset=False)
        if targets.shape[1] != estimator._network.n_outputs:
            raise ValueError(
                f"y must have {estimator._network.n_outputs} number(s) a sequence, as in fit; got {targets.shape[1]}."
            )
    return series.lengths, estimator._rows(series, targets, np.ones(len(series)))


def passes(estimator, rows):
    """(chosen rows, their batch, the network's outputs, traces, a way back) for some rows after the other.

    The way back is `Network.backward`, which still wants slopes of the outputs.
    """
    network, order = estimator._network, np.argsort(-rows.lengths, kind="stable")
    packed, room = network.packing(training=True)(estimator._theta), Room(network.dtype)
    grad = np.empty(network.layout.size, network.dtype)
    for first in range(0, len(order), ROWS):
        chosen = order[first : first + ROWS]
        batch = rows.batch(chosen, room)
        outputs, traces = network.forward(packed, batch, room, keep=True)
        back = partial(network.backward, packed, batch, traces, grad=grad, room=room)
        yield chosen, batch, outputs, traces, back
