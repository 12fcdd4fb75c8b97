"""An estimator over several seeds."""

import time

import numpy as np


def measure(make, train, test, seeds):
    """Scores on the test part of the estimator that `make` gives for each seed, and the median seconds of a fit."""
    scores = []
    seconds = []
    for seed in range(seeds):
        model = make(seed)
        begin = time.perf_counter()
        model.fit(*train)
        seconds.append(time.perf_counter() - begin)
        scores.append(model.score(*test))
    return scores, float(np.median(seconds))


def described(scores):
    """Their mean, and the least and most of them."""
    return f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"
