"""Errors that intervals are made of: on the last values, held out from the networks of the trial, and before them.

One window may be harder than those to come, or easier: the windows before it count as much. The final networks have
seen them all in training, which flatters; those of the trial have not seen the last one, but learnt less. What is
expected of the final networks on values to come lies between (Efron 1983):

    error = 0.368 seen + 0.632 unseen
"""

import numpy as np

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.forecasts import ensemble_forecast
from tsrnn.forecasting.held_out import with_older
from tsrnn.forecasting.intervals import concatenate, residuals

N_OLDER = 3  # windows before the last
MOST = 2000  # series whose older windows are looked at
UNSEEN = 0.632  # share of values that a bootstrap sample draws


def expected_errors(errors, held, members, setting, shares):
    """`Errors` on held-out values, and those of the final networks on the windows before, all scaled to what is
    expected of values to come.
    """
    seen = []
    for window in with_older(held.some(MOST), 1 + N_OLDER, setting.h):
        adjusted = Adjusted(window.history, setting)
        forecasts = ensemble_forecast(adjusted, members, shares)
        seen.append(residuals(adjusted, window.truth, forecasts))
    some = errors.adjusted[0, held.places(MOST)]
    of_seen = np.nansum(np.abs(seen[0].adjusted[0]))
    of_unseen = np.nansum(np.abs(some))
    if not (of_seen and of_unseen):  # nothing is known, or there is no error
        return errors
    expected = (1 - UNSEEN) * of_seen + UNSEEN * of_unseen
    return concatenate(
        [
            errors.scaled(expected / of_unseen),
            *(part.scaled(expected / of_seen) for part in seen[1:]),
        ]
    )
