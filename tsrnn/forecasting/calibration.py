"""Errors that intervals are made of: on the last values, held out from the networks of the trial, and before them.

One window may be harder than those to come, or easier. The windows before it have been seen in training; how much that
flatters shows on the last one, which the final networks have seen and those of the trial have not.
"""

import numpy as np

from tsrnn.forecasting.ensemble import outlook
from tsrnn.forecasting.intervals import residuals
from tsrnn.forecasting.trial import Held, hold_out

N_OLDER = 3  # windows before the last
MOST = 2000  # series whose older windows are looked at


def with_older(errors, held, members, setting, share):
    """Errors (1 + n_quantiles, n, h) on held-out values, and those of the final networks on the windows before, in
    units of a series' naive error: E + (f - 1) E_0, f the ratio of unseen to seen errors E_0 of the point forecast.
    """
    some = np.arange(0, len(held.truth), -(-len(held.truth) // MOST))
    unseen, held, seen = errors[0, some], Held(held.history.select(some), held.truth[some]), []
    while len(seen) <= N_OLDER and held.history.series:
        forecasts = outlook(held.history, members, setting, share)
        seen.append(residuals(held.history.series, held.truth, forecasts, setting.season_length, setting.log))
        held = hold_out(held.history, setting.h)
    last, *older = seen
    known, size = ~np.isnan(unseen), np.nansum(np.abs(last[0]))
    flattery = np.abs(unseen[known]).sum() / size if size else 1.0
    return np.concatenate([errors, *(part + (flattery - 1) * part[0] for part in older)], axis=1)
