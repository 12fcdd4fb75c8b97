"""How much the errors of a series count: half as they are, half relative to the error of its naive forecast."""

import numpy as np

MOST = 20.0  # series that hardly move shall not outweigh all others


def spread(series, season_length, typical=None):
    """The mean error of the seasonal naive forecast of each of a list of adjusted series, which is what the mean
    absolute scaled error divides by; at least a part of the `typical` one, that of these series unless it is given.
    """
    return lifted(naive_errors(series, season_length), typical)


def naive_errors(series, season_length):
    """The mean error (n_series,) of the seasonal naive forecast of each of a list of adjusted series."""
    return np.array([naive_error(z, season_length) for z in series])


def typical_of(naive):
    """The median of the naive errors of series that move; 0 where none does."""
    moving = naive[naive > 0]
    return float(np.median(moving)) if len(moving) else 0.0


def lifted(naive, typical=None):
    """Naive errors, none below a part of the typical one, so that a series that does not move has a unit too."""
    naive = np.where(naive < np.finfo(float).tiny, 0, naive)
    least = (typical_of(naive) if typical is None else typical) / MOST
    return np.maximum(naive, least) if least > 0 else np.where(naive > 0, naive, 1)


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
