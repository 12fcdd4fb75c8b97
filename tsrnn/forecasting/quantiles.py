"""Forecasts in blocks (1 + n_quantiles, n_series, h): the point forecast, then each quantile, from low to high."""

import numpy as np
from scipy.special import ndtri

from tsrnn.validation import Interval, Real

SHARE = Interval(Real, 0, 1, "neither")
# what networks forecast unless they are told: the deciles, and the ends of the interval of 95 %
USUAL = 0.025, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 0.975


def in_order(quantiles):
    """The quantiles that networks forecast beside the median: from low to high, checked."""
    for q in quantiles:
        if not SHARE.accepts(q):
            raise ValueError(f"quantiles must be numbers between 0 and 1; got {q!r}.")
    ordered = tuple(sorted({round(float(q), 10) for q in quantiles} - {0.5}))
    for q in ordered:
        if round(1 - q, 10) not in ordered:
            raise ValueError(
                f"quantiles must hold 1 - q with every q; got {q:g} without {1 - q:g}."
            )
    if not ordered:
        raise ValueError(
            f"quantiles must hold a pair besides 0.5, the median that is always forecast; got {list(quantiles)}."
        )
    return ordered


def at(q, quantiles):
    """Weights (1 + n_quantiles,) of the blocks whose sum is the quantile `q`.

    Between two quantiles it is linear in the score of a normal distribution, beyond the last in proportion to the
    distance of that from the median.
    """
    weights = np.zeros(1 + len(quantiles))
    if not quantiles:
        weights[0] = 1
        return weights
    known = np.array([0.5, *quantiles])
    order = known.argsort()
    scores = ndtri(known[order])
    score = ndtri(q)
    if scores[0] <= score <= scores[-1]:
        right = int(np.clip(np.searchsorted(scores, score), 1, len(scores) - 1))
        share = (score - scores[right - 1]) / (scores[right] - scores[right - 1])
        weights[order[[right - 1, right]]] = 1 - share, share
    else:
        end = 0 if score < scores[0] else -1
        weights[order[end]] = score / scores[end]
        weights[0] = 1 - score / scores[end]
    return weights


def median(forecasts):
    """Over networks, block by block; the quantiles of a step are sorted, which brings them closer to the true ones
    where they cross (Chernozhukov, Fernandez-Val & Galichon 2010).
    """
    blocks = np.median(forecasts, axis=0)
    blocks[1:].sort(axis=0)
    return blocks


def blend(blocks, point):
    """Another point forecast (n_series, h) for that of the networks, whose quantiles keep their distance from it."""
    return np.stack([point, *(blocks[1:] + (point - blocks[0]))])
