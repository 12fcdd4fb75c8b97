"""How much the errors of a series count: half as they are, half relative to the error of its naive forecast."""

import numpy as np

MOST = 20.0  # series that hardly move shall not outweigh all others


def spread(series, season_length):
    """The mean error of the seasonal naive forecast of each of a list of adjusted series, which is what the mean
    absolute scaled error divides by; at least a part of the typical one.
    """
    naive = np.array([naive_error(z, season_length) for z in series])
    typical = np.median(naive)
    return np.maximum(naive, typical / MOST) if typical > 0 else np.where(naive > 0, naive, 1)


def importance(series, season_length):
    """Weights (n_series,) of mean one: half the same for all, half the inverse of `spread`."""
    naive = spread(series, season_length)
    weights = 1 + np.median(naive) / naive
    return weights / weights.mean()


def lag_of(z, season_length):
    """A season, or a step where the series is shorter."""
    return season_length if len(z) > season_length + 1 else 1


def naive_error(z, season_length):
    lag = lag_of(z, season_length)
    return np.abs(z[lag:] - z[:-lag]).mean() if len(z) > lag else 0.0
