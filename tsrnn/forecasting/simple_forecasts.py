"""Forecasts that a series makes of itself. They err elsewhere than networks, so that a mean of both errs less.

Theta and the damped trend go on from the last smoothed level of a series without its season, whose index comes back
after; the seasonal naive forecast is the season before, or the last value of a series that has none.
"""

from itertools import product

import numpy as np

from tsrnn.backends.cpu.smoothing import smooth

PERSISTENCE = 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0
THETA = np.array([(a, 0.0, 1.0) for a in PERSISTENCE])
DAMPED = np.array([*product((0.1, 0.3, 0.5, 0.7, 0.9), (0.05, 0.2, 0.5), (0.8, 0.9, 0.95))])


def theta(adjusted):
    """Forecasts (n_series, h) of the Theta method."""
    return seasonally_adjusted(theta_method, adjusted)


def damped_trend(adjusted):
    """Forecasts (n_series, h) of Holt's method with a damped trend."""
    return seasonally_adjusted(damped_holt, adjusted)


def seasonal_naive(adjusted):
    """Forecasts (n_series, h): the last season again and again."""
    series = adjusted.series
    season = min(
        adjusted.setting.season_length, series.longest
    )  # which may be too large for an array
    lags = np.minimum(season, series.lengths)[:, None]
    ahead = np.arange(adjusted.setting.h)[None]
    return series.values[series.starts[1:, None] - lags + ahead % lags]


SIMPLE = {"theta": theta, "damped_trend": damped_trend, "seasonal_naive": seasonal_naive}


def seasonally_adjusted(method, adjusted):
    """What a method for series without a season makes of those that may have one."""
    adjustment, z = adjusted.scale(deseasonalize=adjusted.setting.season_length > 1)
    return adjustment.inverse(method(z, adjusted.setting.h))


def theta_method(z, h):
    """Exponential smoothing with half the trend as drift (Assimakopoulos & Nikolopoulos 2000; Hyndman & Billah
    2003).
    """
    drift = trends(z) / 2
    level, trend, _ = smoothed(z, drift, THETA)
    return level + trend * np.arange(1, h + 1)


def damped_holt(z, h):
    """Holt's method, whose trend fades (Gardner & McKenzie 1985)."""
    level, trend, damping = smoothed(z, np.zeros(len(z)), DAMPED)
    return level + trend * (damping ** np.arange(1, h + 1)).cumsum(axis=1)


def smoothed(z, first_trends, settings):
    """Last level, trend and damping of each series, as columns."""
    ends = np.empty((len(z), 3))
    smooth(z.values, z.starts, first_trends, settings, ends)
    return np.split(ends, 3, axis=1)


def trends(z):
    """Of the least-squares line of each series."""
    t = z.with_values(z.ages - z.repeat((z.lengths - 1) / 2))
    squares = z.with_values(t.values**2).sums()
    return z.with_values(t.values * z.values).sums() / np.maximum(squares, 1)
