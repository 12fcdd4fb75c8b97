"""The trial: which plans to keep, those that forecast the last, held-out values of the panel best, and how much of the
forecast is that of simple methods.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.forecasts import check_finite, member_forecasts
from tsrnn.forecasting.held_out import error, with_older
from tsrnn.forecasting.intervals import Errors, residuals
from tsrnn.forecasting.quantiles import blend, median
from tsrnn.forecasting.series_weights import series_weights
from tsrnn.forecasting.shares import Window, mixed, shares_for
from tsrnn.forecasting.simple_forecasts import SIMPLE

N_KEPT = 4
SHORT = 4  # of the updates of a plan, the first round has one in so many
ENOUGH = 50  # updates that tell something of a plan
TOLERANCE = 1.1  # times the lowest error; what is worse is not kept
N_WINDOWS = 4  # held out, that shares are chosen on
MOST = 2000  # series of them


class Trial(NamedTuple):
    """What a trial found."""

    plans: list  # the best first
    members: list  # a network of each
    shares: dict  # of simple methods
    table: pd.DataFrame | None = None
    errors: Errors | None = None  # on the held-out values


def run_trial(held, adjusted, plans, rounds, train, shares=None):
    """Try plans on held-out values.

    Parameters
    ----------
    held : HeldOut
    adjusted : Adjusted
        The history before them.
    plans : list of Plan
    rounds : list of (int, int)
        Of `rounds_of`.
    train : callable
        (adjusted, plans, n_steps) -> members; with fewer than plans, training was interrupted.
    shares : dict, optional
        Of simple methods, where they are told.

    Returns
    -------
    Trial
        Of an interrupted training, its networks alone.
    """
    weights = weights_of(adjusted)
    tables = []
    for n, n_steps in rounds:
        members, interrupted = train(adjusted, plans[:n], n_steps)
        if interrupted:
            return Trial(plans, members, shares or {})
        with np.errstate(over="ignore", invalid="ignore"):
            forecasts = member_forecasts(adjusted, members)
        check_finite(forecasts, adjusted.setting)
        scores = np.array([error(held.truth, forecast[0], weights) for forecast in forecasts])
        kept = best(scores)
        tables.append(table_of_round(plans[:n], scores, n_steps, kept))
        plans = [plans[i] for i in scores.argsort(kind="stable")]
    members = [members[i] for i in kept]
    blocks = median([forecasts[i] for i in kept])
    simple = simple_forecasts(adjusted, SIMPLE if shares is None else shares)
    if shares is None:
        last = Window(held.truth, blocks[0], simple, weights)
        shares = shares_for([last, *older_windows(held, adjusted.setting, members)])
    blocks = blend(blocks, mixed(blocks[0], simple, shares))
    errors = residuals(adjusted, held.truth, blocks)
    return Trial(plans[: len(kept)], members, shares, table_of(tables), errors)


def weights_of(adjusted):
    return series_weights(adjusted.scale(deseasonalize=False).z, adjusted.setting.season_length)


def simple_forecasts(adjusted, names):
    return {name: SIMPLE[name](adjusted) for name in names}


def older_windows(held, setting, members):
    """Windows before the held-out one, which the networks have seen."""
    first, *older = with_older(held.some(MOST), N_WINDOWS, setting.h)
    del first
    for held in older:
        adjusted = Adjusted(held.history, setting)
        forecasts = median(member_forecasts(adjusted, members))
        simple = simple_forecasts(adjusted, SIMPLE)
        yield Window(held.truth, forecasts[0], simple, weights_of(adjusted))


def distinct(plans, adjusted):
    """Plans without those that differ in a seasonal index alone where that is zero in all series."""
    apart, alike = (adjusted.scale(taken).adjustment for taken in (True, False))
    if any(season.any() for season in apart.seasons[len(alike.seasons) :]):
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


def table_of_round(plans, scores, n_steps, kept):
    table = pd.DataFrame(plans).assign(error=scores, n_updates=n_steps, kept=False)
    table.loc[kept, "kept"] = True
    return table


def table_of(tables):
    """A row for each plan, of the last round that it was in."""
    *before, last = tables
    gone = [
        table.assign(kept=False).sort_values("error", kind="stable")[len(last) :]
        for table in before
    ]
    return pd.concat([last, *gone], ignore_index=True)


def best(errors):
    """Numbers of the plans with the lowest errors, best first."""
    return [
        i
        for i in np.argsort(errors, kind="stable")[:N_KEPT]
        if errors[i] <= TOLERANCE * min(errors)
    ]
