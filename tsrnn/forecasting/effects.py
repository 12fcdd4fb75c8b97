"""The linear effect of covariates on the level of series, the same for a whole panel."""

import numpy as np

from tsrnn.forecasting.importance import lag_of, spread

STILL = 1e-12  # share of a covariate's squares below which its differences are rounding errors


def effects_of(z, known, future, season_length):
    """Slopes b (n,) of a regression of differences over a season m, on a panel of adjusted series:

        z_t - z_{t-m} = a + b (f_t - f_{t-m}) + error

    Each series counts in units of its seasonal naive error; with errors of such a size, the penalty of 1 on b is a
    normal distribution of unit variance before the data are seen (Hoerl & Kennard 1970). A covariate that is the same a
    season before, such as the day of the week with a season of 7, has no differences to tell its effect: it is 0.
    """
    n = future[0].shape[1]
    gram = np.diag([0.0] + [1.0] * n)
    moments = np.zeros(n + 1)
    moved, squares = np.zeros(n), np.zeros(n)
    for y, mask, f, unit in zip(z, known, future, spread(z, season_length)):
        lag = lag_of(y, season_length)
        both = mask[lag:] & mask[:-lag]
        of_f = (f[lag : len(y)] - f[: len(y) - lag])[both]
        of_z = (y[lag:] - y[:-lag])[both]
        moved += (of_f**2).sum(axis=0)
        squares += (f[: len(y)] ** 2).sum(axis=0)
        steps = np.insert(of_f, 0, 1, axis=1) / unit
        gram += steps.T @ steps
        moments += steps.T @ (of_z / unit)
    slopes = np.linalg.lstsq(gram, moments, rcond=None)[0][1:]
    return np.where(moved > STILL * squares, slopes, 0.0)
