"""What held-out windows tell: the shares of simple methods, and the errors that intervals are made of.

The last window is held out from the networks of the trial. Windows before it, which they have seen, count as much, as
one window may be harder than those to come, or easier. The final networks have seen all, which flatters; those of the
trial have learnt less. So shares are chosen by the errors of both, and what errors are expected of the final networks
on values to come lies between (Efron 1983):

    error = 0.368 seen + 0.632 unseen
"""

from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.forecasts import median_forecasts
from tsrnn.forecasting.held_out import with_older
from tsrnn.forecasting.intervals import concatenate, residuals
from tsrnn.forecasting.quantiles import blend
from tsrnn.forecasting.series_weights import weights_of
from tsrnn.forecasting.shares import Window, mixed, shares_for
from tsrnn.forecasting.simple_forecasts import SIMPLE

N_WINDOWS = 4
MOST = 2000  # series that are looked at
UNSEEN = 0.632  # share of values that a bootstrap sample draws


class Forecasts(NamedTuple):
    """Of a window of the past: blocks (1 + n_quantiles, n_series, h) of networks, and what simple methods say."""

    adjusted: Adjusted
    truth: np.ndarray
    trial: np.ndarray
    final: np.ndarray
    simple: dict

    def errors(self, blocks, shares):
        """Of networks mixed with simple methods."""
        point = mixed(blocks[0], self.simple, shares)
        return residuals(self.adjusted, self.truth, blend(blocks, point))


def calibrate(held, trial, members, settings, shares=None):
    """Forecast held-out windows with the networks of the trial and with the final ones.

    Parameters
    ----------
    held : HeldOut
        The last window.
    trial, members : list of Member
    settings : (Setting, Setting)
        Of the trial, and of the final networks.
    shares : dict, optional
        Of simple methods, where they are told.

    Returns
    -------
    dict, Errors
        Shares, and errors as they are expected of values to come.
    """
    windows = list(forecasts_of_the_past(held, trial, members, settings, shares))
    if shares is None:
        judged = [
            Window(w.truth, (w.trial[0], w.final[0]), w.simple, weights_of(w.adjusted))
            for w in windows
        ]
        shares = shares_for(judged)
    return shares, expected_errors(windows, shares)


def forecasts_of_the_past(held, trial, members, settings, shares):
    names = SIMPLE if shares is None else shares
    for window in with_older(held.some(MOST), N_WINDOWS, settings[0].h):
        of_trial, of_final = (Adjusted(window.history, setting) for setting in settings)
        yield Forecasts(
            of_trial,
            window.truth,
            median_forecasts(of_trial, trial),
            median_forecasts(of_final, members),
            {name: SIMPLE[name](of_final) for name in names},
        )


def expected_errors(windows, shares):
    """`Errors` on the last window and those before, all scaled to what is expected of values to come."""
    unseen = windows[0].errors(windows[0].trial, shares)
    seen = [window.errors(window.final, shares) for window in windows]
    of_unseen = np.nansum(np.abs(unseen.adjusted[0]))
    of_seen = np.nansum(np.abs(seen[0].adjusted[0]))
    if not (of_seen and of_unseen):  # nothing is known, or there is no error
        return unseen
    expected = (1 - UNSEEN) * of_seen + UNSEEN * of_unseen
    return concatenate(
        [
            unseen.scaled(expected / of_unseen),
            *(part.scaled(expected / of_seen) for part in seen[1:]),
        ]
    )
