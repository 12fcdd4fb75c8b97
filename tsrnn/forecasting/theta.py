"""The Theta method (Assimakopoulos & Nikolopoulos 2000), as exponential smoothing with half the trend as drift (Hyndman
& Billah 2003), of all series of a panel at once. It errs elsewhere than the networks: their mean errs less.
"""

import numpy as np

PERSISTENCE = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])[:, None]


def theta(z, h):
    """Forecasts (n_series, h) of a list of 1-D arrays without a season."""
    drift = np.array([slope(one) for one in z]) / 2
    return levels(z, drift)[:, None] + drift[:, None] * np.arange(1, h + 1)


def slope(z):
    """Of the least-squares line."""
    t = np.arange(len(z)) - (len(z) - 1) / 2
    return t @ z / max(t @ t, 1)


def levels(z, drift):
    """Last smoothed level of each series, by the persistence whose forecasts one step ahead had the least squares."""
    lengths = np.array([len(one) for one in z])
    n_steps = lengths.max()
    ages = np.arange(n_steps)[:, None] - (n_steps - lengths)  # negative before a series begins
    values = np.zeros(ages.shape)
    for column, one in zip(values.T, z):
        column[n_steps - len(one) :] = one
    level = np.zeros((len(PERSISTENCE), len(z)))
    squares = np.zeros_like(level)
    for value, age in zip(values, ages):
        ahead = level + drift
        missed = np.where(age > 0, value - ahead, 0)
        squares += missed**2
        level = np.where(age > 0, ahead + PERSISTENCE * missed, value)
    return level[squares.argmin(axis=0), np.arange(len(z))]
