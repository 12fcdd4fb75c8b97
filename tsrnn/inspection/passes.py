"""A fitted network goes over sequences once more, and keeps what it remembers."""

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from tsrnn.backends import cpu
from tsrnn.data.batch import longest_first
from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.sequence import BaseSequence
from tsrnn.networks.network import BackwardOptions, Network, NetworkGradients
from tsrnn.networks.workspace import Workspace

ROWS = 64  # sequences of one pass: all their states are kept


def read(estimator, X, y=None, series=None):
    """Sequences in X, and the rows that the network sees of them; without `y` they have no targets."""
    check_inspectable(estimator)
    if series is not None and not isinstance(estimator, BaseSequence):
        raise ValueError(
            f"series must be None for {type(estimator).__name__}, whose rows are sequences; got labels."
        )
    fitted = estimator._fitted
    network = estimator._fitted.network
    where = {} if series is None else {"series": series}
    sequences = estimator._read_fitted(X, **where)
    targets = weights = np.empty((sequences.n_targets, 0))
    if y is not None:
        y = sequences.aligned(y, "y")
        targets, factors, _ = estimator._encode(y, sequences, fitted.settings, fitted.targets, None)
        if targets.shape[1] != network.n_outputs:
            raise ValueError(
                f"y must have {network.n_outputs} outputs, as in fit; got {targets.shape[1]}."
            )
        weights = np.broadcast_to(factors > 0, targets.shape)
    targets = np.ascontiguousarray(targets, dtype=network.dtype)
    weights = np.ascontiguousarray(weights, dtype=network.dtype)
    rows = estimator._rows(sequences, targets, weights, fitted.settings)
    return sequences, estimator._in_steps(rows, fitted.settings)


def networks(estimator: Any) -> list:
    """Estimators of one network each, of which a fitted estimator averages the predictions.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier or another estimator of this library
        Fitted.

    Returns
    -------
    estimators : list
        One with a single network, and where there is one, a copy of `estimator`. `gradient_flow`, `memory_length`
        and `hidden_states` of an estimator with several networks are those of the first.

    Examples
    --------
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.datasets import make_adding_problem
    >>> from tsrnn.inspection import memory_length, networks
    >>> X, y = make_adding_problem(n_sequences=64, n_steps=20, random_state=0)
    >>> model = RNNRegressor(n_networks=2, max_iter=5, random_state=0).fit(X, y)
    >>> [memory_length(one, X, y) > 0 for one in networks(model)]
    [True, True]
    """
    check_inspectable(estimator)
    found = []
    for member in estimator._fitted.members:
        one = copy(estimator)
        settings = member.settings | ({"n_networks": 1} if "n_networks" in member.settings else {})
        one._keep(replace(member, others=(), settings=settings))
        found.append(one)
    return found


def check_inspectable(estimator):
    """Raise unless an estimator is fitted and of a kind that can be looked into."""
    if isinstance(estimator, BaseRecurrent):
        check_is_fitted(estimator)
    if not isinstance(estimator, BaseRecurrent) or not isinstance(
        estimator._fitted.network, Network
    ):
        raise TypeError(
            f"estimator must be one recurrent network, such as an RNNRegressor; got {type(estimator).__name__}."
        )


def passes(estimator, rows):
    """(chosen rows, their batch, the network's outputs, traces, a way back) for some rows after the other.

    The way back wants the gradient of the outputs; it fills `dx`, and `scan` takes each layer back.
    """
    network = estimator._fitted.network
    order = longest_first(rows.lengths)
    packed = network.packing(training=True)(estimator._fitted.theta)
    workspace = Workspace(network.dtype)
    grad = np.empty(network.layout.size, network.dtype)
    n_bytes = (
        network.numbers_of_step(keep=True)
        * network.dtype.itemsize
        * int(np.max(rows.lengths, initial=1))
    )
    n_rows = min(ROWS, max(1, cpu.MOST_BYTES // n_bytes))
    for first in range(0, len(order), n_rows):
        chosen = order[first : first + n_rows]
        batch = rows.batch(chosen, workspace)
        outputs, traces = network.forward(packed, batch, workspace, keep=True)

        def back(d_outputs, dx=None, scan=None, batch=batch, traces=traces):
            gradients = NetworkGradients(d_outputs, grad, dx)
            network.backward(
                packed, batch, traces, gradients, workspace, BackwardOptions(scan=scan)
            )

        yield chosen, batch, outputs, traces, back
