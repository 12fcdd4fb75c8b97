"""How much the errors of a series count: half as they are, half relative to the error of its naive forecast."""

import numpy as np

MOST = 20.0  # series that hardly move shall not outweigh all others


def importance(series, season_length):
    """Weights (n_series,) of mean one, from a list of adjusted series: half the same for all, half the inverse of the
    mean error of the seasonal naive forecast, which is what the mean absolute scaled error divides by.
    """
    naive = np.array([naive_error(z, season_length) for z in series])
    typical = np.median(naive)
    ratio = np.minimum(typical / np.maximum(naive, typical / MOST), MOST) if typical > 0 else np.ones(len(series))
    weights = 1 + ratio
    return weights / weights.mean()


def naive_error(z, season_length):
    lag = season_length if len(z) > season_length + 1 else 1
    return np.abs(z[lag:] - z[:-lag]).mean() if len(z) > lag else 0.0
