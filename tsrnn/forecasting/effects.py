"""The linear effect of covariates on the level of series, the same for a whole panel."""

import numpy as np

from tsrnn.forecasting.series_weights import lagged, naive_scale

STILL = 1e-12  # share of a covariate's squares below which its differences are rounding errors


def effects_of(z, known, future, season_length):
    """Slopes b (n,) of a regression of differences over a season m, on a panel of ragged adjusted
    series:

        z_t - z_{t-m} = a + b (f_t - f_{t-m}) + error

    Each series counts in units of its seasonal naive error; with errors of such a size, the penalty of 1 on b is a
    normal distribution of unit variance before the data are seen (Hoerl & Kennard 1970). A covariate that is the same a
    season before, such as the day of the week with a season of 7, has no differences to tell its effect: it is 0.
    """
    later, earlier, _ = lagged(z, season_length)
    both = known[later] & known[earlier]
    later = later[both]
    earlier = earlier[both]
    f = future.first(z.lengths).values
    of_f = f[later] - f[earlier]
    unit = z.repeat(naive_scale(z, season_length))[later]
    steps = np.insert(of_f, 0, 1, axis=1) / unit[:, None]
    penalty = np.diag([0.0] + [1.0] * f.shape[1])
    moments = steps.T @ ((z.values[later] - z.values[earlier]) / unit)
    slopes = np.linalg.lstsq(steps.T @ steps + penalty, moments, rcond=None)[0][1:]
    moved = (of_f**2).sum(axis=0)
    return np.where(moved > STILL * (f**2).sum(axis=0), slopes, 0.0)
