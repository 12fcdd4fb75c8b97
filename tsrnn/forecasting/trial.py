"""What to keep: the plans that forecast the last, held-out values of the panel best, and Theta unless it harms."""

from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.quantiles import blend

N_KEPT = 4
# of Theta's forecast, unless it harms; a share fitted to the held-out values did less well
SHARE = 0.3
HARM = 1.02  # times the error without it; less is noise, and a mean of unlike forecasts errs less than most of them
TOLERANCE = 1.1  # times the lowest error; what is worse is not kept
LEAST = 3  # values before the held-out ones


class HeldOut(NamedTuple):
    """A panel without its last values, and those values; what is too short for it is left out."""

    history: Histories
    truth: np.ndarray  # (n_series, h), NaN where unknown


def hold_out(histories, h):
    history, long = histories.before(h, LEAST)
    last = histories.series.starts[1:][long][:, None] - np.arange(h, 0, -1)
    truth = np.where(histories.mask[last], histories.series.values[last], np.nan)
    return HeldOut(history, truth)


def error(truth, forecasts, weights):
    """Weighted mean over series of the absolute error relative to truth and forecast."""
    size = np.nansum(np.abs(truth) + np.abs(forecasts) * ~np.isnan(truth), axis=1)
    return float(
        weights @ (np.nansum(np.abs(truth - forecasts), axis=1) / np.where(size > 0, size, 1))
    )


def best(errors):
    """Numbers of the plans with the lowest errors, best first."""
    return [
        i
        for i in np.argsort(errors, kind="stable")[:N_KEPT]
        if errors[i] <= TOLERANCE * min(errors)
    ]


def theta_share_of(truth, networks, other, weights):
    """How much of another forecast to take."""
    harms = error(truth, blend(networks, other, SHARE)[0], weights) > HARM * error(
        truth, networks[0], weights
    )
    return 0.0 if harms else SHARE
