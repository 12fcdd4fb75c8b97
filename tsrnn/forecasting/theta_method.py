"""The Theta method (Assimakopoulos & Nikolopoulos 2000), as exponential smoothing with half the trend as drift (Hyndman
& Billah 2003), of all series of a panel at once. It errs elsewhere than the networks: their mean errs less.
"""

import numpy as np

PERSISTENCE = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])[:, None]


def theta_method(z, h):
    """Forecasts (n_series, h) of ragged series without a season."""
    drift = trends(z) / 2
    return levels(z, drift)[:, None] + drift[:, None] * np.arange(1, h + 1)


def trends(z):
    """Of the least-squares line of each series."""
    t = z.with_values(z.ages - z.repeat((z.lengths - 1) / 2))
    squares = z.with_values(t.values**2).sums()
    return z.with_values(t.values * z.values).sums() / np.maximum(squares, 1)


def levels(z, drift):
    """Last smoothed level of each series, by the persistence whose forecasts one step ahead had the least squares."""
    lengths = z.lengths
    n_steps = lengths.max()
    ages = np.arange(n_steps)[:, None] - (n_steps - lengths)  # negative before a series begins
    values = np.zeros(ages.shape)
    values[n_steps - z.left, z.repeat(np.arange(len(z)))] = z.values
    level = np.zeros((len(PERSISTENCE), len(z)))
    squares = np.zeros_like(level)
    for value, age in zip(values, ages):
        ahead = level + drift
        missed = np.where(age > 0, value - ahead, 0)
        squares += missed**2
        level = np.where(age > 0, ahead + PERSISTENCE * missed, value)
    return level[squares.argmin(axis=0), np.arange(len(z))]
