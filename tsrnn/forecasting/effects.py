"""The linear effect of covariates on the level of series, the same for a whole panel."""

import numpy as np

from tsrnn.forecasting.seasons import shrunk
from tsrnn.forecasting.series_weights import lagged, naive_scale

STILL = 1e-12  # share of a covariate's squares below which its differences are rounding errors
TOLD = 2.0  # standard errors; a slope within them cannot be told from none


def effects_of(z, known, future, clock, season_length):
    """Slopes b (n,) of a regression of differences over a season m, on a panel of ragged adjusted
    series:

        z_t - z_{t-m} = a + b (f_t - f_{t-m}) + error

    Each series counts in units of its seasonal naive error; with errors of such a size, the penalty of 1 on b is a
    normal distribution of unit variance before the data are seen (Hoerl & Kennard 1970). Series may err together, so
    that the standard errors of b take the steps of the panel's `clock` for what is independent (Liang & Zeger 1986),
    and a slope counts as far as it is beyond two of them (the nonnegative garrote, Breiman 1995): what hardly moves
    from season to season tells little of its effect. A covariate that is the same a season before, such as the day of
    the week with a season of 7, tells nothing.
    """
    later, earlier, _ = lagged(z, season_length)
    both = known[later] & known[earlier]
    later = later[both]
    earlier = earlier[both]
    f = future.first(z.lengths).values
    of_f = f[later] - f[earlier]
    unit = z.repeat(naive_scale(z, season_length))[later]
    steps = np.insert(of_f, 0, 1, axis=1) / unit[:, None]
    rises = (z.values[later] - z.values[earlier]) / unit
    penalty = np.diag([0.0] + [1.0] * f.shape[1])
    inverse = np.linalg.pinv(steps.T @ steps + penalty)
    slopes = inverse @ (steps.T @ rises)
    scores = steps * (rises - steps @ slopes)[:, None]
    together = sums_by(scores, (z.repeat(clock) - z.left)[later])
    errors = np.sqrt(((together @ inverse) ** 2).sum(axis=0))[1:]
    moved = (of_f**2).sum(axis=0)
    return np.where(moved > STILL * (f**2).sum(axis=0), shrunk(slopes[1:], TOLD * errors), 0.0)


def sums_by(rows, labels):
    """The sums of the rows of each label."""
    _, group = np.unique(labels, return_inverse=True)
    sums = np.zeros((group.max(initial=-1) + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    return sums
