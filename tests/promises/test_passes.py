"""A prediction holds a bounded number of bytes however long its rows are, and what is bounded changes no bit."""

import tracemalloc

import numpy as np
import pytest

from tsrnn import (
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.backends import cpu
from tsrnn.inspection import saliency

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(n, 2)) for n in RNG.integers(3, 30, size=40)]
SETTINGS = {
    "cell": "gru",
    "hidden_size": 12,
    "n_layers": 2,
    "bidirectional": True,
    "max_iter": 1,
    "random_state": 0,
}
TARGETS = {
    RNNRegressor: [x.sum() for x in X],
    RNNClassifier: [x.sum() > 0 for x in X],
    RNNSequenceRegressor: [x[:, 0] for x in X],
    RNNSequenceClassifier: [x[:, 0] > 0 for x in X],
    RNNSeq2SeqRegressor: [x[:2, 0] for x in X],
    RNNSeq2SeqClassifier: ["ab" if x.sum() > 0 else "ba" for x in X],
}


def flat(said):
    return [np.asarray(part).tolist() for part in said]


def fitted(kind):
    settings = SETTINGS | ({"bidirectional": False} if kind is RNNSequenceRegressor else {})
    return kind(**settings).fit(X, TARGETS[kind])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", TARGETS)
def test_smaller_passes_give_the_same_bits(kind, monkeypatch):
    model = fitted(kind)
    expected = (
        flat(model.predict(X)),
        flat(saliency(model, X)) if kind in (RNNRegressor, RNNClassifier) else None,
    )
    for most in (1, 20_000, 200_000):
        monkeypatch.setattr(cpu, "MOST_BYTES", most)
        found = (
            flat(model.predict(X)),
            flat(saliency(model, X)) if kind in (RNNRegressor, RNNClassifier) else None,
        )
        assert found == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", [RNNRegressor, RNNSequenceRegressor, RNNSeq2SeqRegressor, RNNSeq2SeqClassifier]
)
def test_bytes_are_bounded_and_not_rows(kind, monkeypatch):
    """What all rows would hold at once is many times the bound."""
    model = fitted(kind)
    n_rows, n_steps = 400, 300
    long = [np.zeros((n_steps, 2))] * n_rows
    options = {"n_steps": 2} if kind is RNNSeq2SeqRegressor else {}
    monkeypatch.setattr(cpu, "MOST_BYTES", 2**20)
    tracemalloc.start()
    try:
        model.predict(long, **options)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    held = n_rows * n_steps * 16 * 4 * 2  # states of the lower layer, both directions
    inputs = n_rows * n_steps * 2 * 8
    assert held > 14 * 2**20
    assert most < 4 * 2**20 + 4 * inputs < held
