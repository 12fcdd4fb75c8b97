"""What to keep: the plans that forecast the last, held-out values of the panel best, and Theta unless it harms."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.quantiles import blend

N_KEPT = 4
SHORT = 4  # of the updates of a plan, the first round has one in so many
ENOUGH = 50  # updates that tell something of a plan
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


def distinct(plans, adjusted):
    """Plans without those that differ in a seasonal index alone where that is zero in all series."""
    if adjusted.scale(deseasonalize=True).adjustment.season.any():
        return plans
    return list(dict.fromkeys(replace(plan, deseasonalize=False) for plan in plans))


def rounds_of(n_plans, n_steps):
    """Plans and updates of each round, successive halving (Jamieson & Talwalkar 2016): all for a few updates, then the
    better half of them.
    """
    few = n_steps // SHORT
    if n_plans <= N_KEPT or few < ENOUGH:
        return [(n_plans, n_steps)]
    return [(n_plans, few), (max(N_KEPT, -(-n_plans // 2)), n_steps)]


def table_of(tables):
    """A row for each plan, of the last round that it was in."""
    *before, last = tables
    gone = [
        table.assign(kept=False).sort_values("error", kind="stable")[len(last) :]
        for table in before
    ]
    return pd.concat([last, *gone], ignore_index=True)


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
