"""The linear effect of covariates on the level of series, the same for a whole panel."""

import numpy as np

from tsrnn.forecasting.importance import lag_of, spread


def effects_of(z, known, future, season_length):
    """Slopes b (n,) of a regression of differences over a season m, on a panel of adjusted series:

        z_t - z_{t-m} = a + b (f_t - f_{t-m}) + error

    Each series counts in units of its seasonal naive error; with errors of such a size, the penalty of 1 on b is a
    normal distribution of unit variance before the data are seen (Hoerl & Kennard 1970).
    """
    n = future[0].shape[1]
    gram, moments = np.diag([0.0] + [1.0] * n), np.zeros(n + 1)
    for y, mask, f, unit in zip(z, known, future, spread(z, season_length)):
        lag = lag_of(y, season_length)
        both = mask[lag:] & mask[:-lag]
        steps = np.insert(f[lag : len(y)] - f[: len(y) - lag], 0, 1, axis=1)[both] / unit
        gram += steps.T @ steps
        moments += steps.T @ ((y[lag:] - y[:-lag])[both] / unit)
    return np.linalg.lstsq(gram, moments)[0][1:]
