"""What is not needed at the same time is never there at the same time: peaks of memory, as numpy asks for it."""

import tracemalloc

import numpy as np
import pytest
from textbook import SINGLE

from tsrnn import RNNRegressor, RNNSequenceRegressor

MB = 2**20


def peak(call):
    """The most that `call` has of numpy's and Python's memory at a time beyond what was there before, in MB."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        call()
        return (tracemalloc.get_traced_memory()[1] - before) / MB
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def long_series():
    X = np.random.default_rng(0).normal(size=(100_000, 1))
    return X, X[:, 0]


def stepwise(**options):
    model = RNNSequenceRegressor(cell="rnn", hidden_size=128, max_iter=1, random_state=0, **options)
    X = np.random.default_rng(1).normal(size=(300, 1))
    return model.fit(X, X[:, 0])  # compiled


def states(n):
    """All states of the hidden layer over so many steps, in MB."""
    return n * 128 * 4 / MB


def test_a_gradient_of_pieces_keeps_the_states_of_a_piece(long_series):
    model, (X, y) = stepwise(bptt_steps=500), long_series
    assert peak(lambda: model.fit(X, y)) < states(len(X)) / 4
    short = X[:20_000], y[:20_000]
    # the whole, which would be seen here
    assert peak(lambda: stepwise().fit(*short)) > states(20_000)


def test_a_prediction_keeps_no_states_but_the_last(long_series):
    model, (X, _) = stepwise(), long_series
    assert peak(lambda: model.predict_with_state(X)) < states(len(X)) / 4


def test_a_million_windows_are_never_copied():
    """Windows of 336 steps that slide over a million values; of each the network reads the last four."""
    values = np.random.default_rng(0).normal(size=1_000_336).astype(np.float32)
    X, y = np.lib.stride_tricks.sliding_window_view(values, 336)[:1_000_000], values[336:]
    settings = {
        "max_length": 4,
        "truncate": "start",
        "batch_size": 50_000,
        "max_iter": 1,
        "random_state": 0,
    }
    model = RNNRegressor(cell="rnn", hidden_size=8, **SINGLE, segment=1, **settings).fit(
        X[:100], y[:100]
    )
    copied = len(X) * 336 * 4 / MB
    assert peak(lambda: model.fit(X, y)) < copied / 8
    assert peak(lambda: model.predict(X)) < copied / 8
