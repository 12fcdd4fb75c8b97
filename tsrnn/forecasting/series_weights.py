"""How much the errors of a series count: half as they are, half relative to the error of its naive forecast."""

import numpy as np

from tsrnn.forecasting.panel.ragged import sums

MOST = 20.0  # series that hardly move shall not outweigh all others


def naive_scale(z, season_length, typical=None):
    """The mean error of the seasonal naive forecast of each adjusted series, which is what the mean absolute scaled
    error divides by; at least a part of the `typical` one, that of these series unless it is given.
    """
    return lifted(naive_errors(z, season_length), typical)


def naive_errors(z, season_length):
    """The mean error (n_series,) of the seasonal naive forecast of each adjusted series; 0 of a single value."""
    distances, counts = naive_distances(z, season_length)
    return sums(distances, counts) / np.maximum(counts, 1)


def naive_distances(z, season_length):
    """Errors of the seasonal naive forecast of adjusted series, end to end, and how many each series has."""
    later, earlier, counts = lagged(z, season_length)
    return np.abs(z.values[later] - z.values[earlier]), counts


def lagged(z, season_length):
    """Places of values and of those a season before them, and how many of such pairs each series has."""
    lags = lags_of(z, season_length)
    lag = z.repeat(lags)
    later = np.flatnonzero(z.ages >= lag)
    return later, later - lag[later], np.maximum(z.lengths - lags, 0)


def lags_of(z, season_length):
    """A season, or a step where the series is shorter."""
    season = min(season_length, z.longest)  # which may be too large for an array
    return np.where(z.lengths > season_length + 1, season, 1)


def typical_of(naive):
    """The median of the naive errors of series that move; 0 where none does."""
    moving = naive[naive > 0]
    return float(np.median(moving)) if len(moving) else 0.0


def lifted(naive, typical=None):
    """Naive errors, none below a part of the typical one, so that a series that does not move has a unit too."""
    naive = np.where(naive < np.finfo(float).tiny, 0, naive)
    least = (typical_of(naive) if typical is None else typical) / MOST
    return np.maximum(naive, least) if least > 0 else np.where(naive > 0, naive, 1)


def series_weights(z, season_length):
    """Weights (n_series,) of mean one: half the same for all, half the inverse of `spread`."""
    naive = naive_scale(z, season_length)
    weights = 1 + np.median(naive) / naive
    return weights / weights.mean()


def weights_of(adjusted):
    """Weights of the series of a panel, on the scale without a season."""
    return series_weights(adjusted.scale(deseasonalize=False).z, adjusted.setting.season_length)
