"""Forecasts in blocks (1 + n_quantiles, n_series, h): the point forecast, then each quantile, from low to high."""

import numpy as np

from tsrnn.validation import Interval, Real

SHARE = Interval(Real, 0, 1, "neither")


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


def levels_of(quantiles):
    """{level in percent: numbers of the blocks that are the ends of its interval}."""
    n = len(quantiles)
    return {round(100 * (1 - 2 * q), 8): (1 + i, n - i) for i, q in enumerate(quantiles[: n // 2])}


def median(forecasts):
    """Over networks, block by block; the quantiles of a step are sorted, which brings them closer to the true ones
    where they cross (Chernozhukov, Fernandez-Val & Galichon 2010).
    """
    blocks = np.median(forecasts, axis=0)
    blocks[1:].sort(axis=0)
    return blocks


def blend(blocks, other, share):
    """Another forecast (n_series, h) mixed into the point forecast; quantiles keep their distance from it."""
    point = (1 - share) * blocks[0] + share * other
    return np.stack([point, *(blocks[1:] + (point - blocks[0]))])
