"""Errors that intervals are made of: on the last values, held out from the networks of the trial, and before them.

One window may be harder than those to come, or easier: the windows before it count as much. The final networks have
seen them all in training, which flatters; those of the trial have not seen the last one, but learnt less. What is
expected of the final networks on values to come lies between (Efron 1983):

    error = 0.368 seen + 0.632 unseen
"""

import numpy as np

from tsrnn.forecasting.ensemble import outlook
from tsrnn.forecasting.intervals import residuals
from tsrnn.forecasting.trial import Held, hold_out

N_OLDER = 3  # windows before the last
MOST = 2000  # series whose older windows are looked at
UNSEEN = 0.632  # share of values that a bootstrap sample draws


def expected_errors(errors, held, members, setting, share):
    """Errors (1 + n_quantiles, n, h) on held-out values, and those of the final networks on the windows before, all
    scaled to what is expected of values to come, which moves the errors of quantiles as far as those of the point.
    """
    some = np.arange(0, len(held.truth), -(-len(held.truth) // MOST))
    unseen, held, seen = errors[0, some], Held(held.history.select(some), held.truth[some]), []
    while len(seen) <= N_OLDER and held.history.series:
        forecasts = outlook(held.history, members, setting, share)
        seen.append(residuals(held.history.series, held.truth, forecasts, setting.season_length, setting.log))
        held = hold_out(held.history, setting.h)
    sizes = np.nansum(np.abs(seen[0][0])), np.nansum(np.abs(unseen))
    if not all(sizes):  # nothing is known, or there is no error
        return errors
    expected = (1 - UNSEEN) * sizes[0] + UNSEEN * sizes[1]
    scales = expected / sizes[1], *[expected / sizes[0]] * (len(seen) - 1)
    return np.concatenate([part + (c - 1) * part[0] for part, c in zip([errors, *seen[1:]], scales)], axis=1)
