"""The trial: which plans to keep, those that forecast windows of the past best, of which the last was held out."""

from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.forecasts import check_finite, member_forecasts
from tsrnn.forecasting.held_out import error, with_older
from tsrnn.forecasting.plan import Plan, in_other_units
from tsrnn.forecasting.series_weights import weights_of

N_KEPT = 4
N_WINDOWS = 4
MOST = 500  # series of the windows before the held-out one
SHORT = 4  # of the updates of a plan, the first round has one in so many
ENOUGH = 50  # updates that tell something of a plan
PLAN = [field.name for field in fields(Plan)]
TOLERANCE = 1.05  # times the lowest error; what is worse is not kept


class Trial(NamedTuple):
    """What a trial found."""

    plans: list  # the best first
    members: list  # a network of each
    table: pd.DataFrame | None = None


class Rounds(NamedTuple):
    """Successive halving (Jamieson & Talwalkar 2016): all plans for a few updates, then the better half of them, the
    best of which are varied: tried in other units too.
    """

    plans: list
    steps: list  # updates of each round
    variants: dict  # of each plan, if it comes to be among the best
    n_varied: int

    @classmethod
    def of(cls, plans, n_varied, n_steps, setting):
        few = n_steps // SHORT
        once = len(plans) <= N_KEPT or few < ENOUGH
        variants = {plan: list(in_other_units(plan, setting)) for plan in plans}
        return cls(plans, [n_steps] if once else [few, n_steps], variants, n_varied)

    @property
    def n_better(self):
        """Plans of the last round."""
        if len(self.steps) == 1:
            return len(self.plans)
        return max(N_KEPT, -(-len(self.plans) // 2))

    @property
    def sizes(self):
        """Networks and updates of each round."""
        n_others = min(self.n_varied, self.n_better) * len(self.variants[self.plans[0]])
        before = [(len(self.plans), n_steps) for n_steps in self.steps[:-1]]
        return [*before, (self.n_better + n_others, self.steps[-1])]

    def last(self, plans):
        """Plans of the last round, of plans from best to worst."""
        others = [other for plan in plans[: self.n_varied] for other in self.variants[plan]]
        return plans[: self.n_better] + others


def run_trial(held, adjusted, rounds, train):
    """Try plans on held-out values, and on the windows before, which networks have seen: less is luck.

    Parameters
    ----------
    held : HeldOut
    adjusted : Adjusted
        The history before the held-out values.
    rounds : Rounds
    train : callable
        (adjusted, plans, n_steps) -> members, and whether training was interrupted.

    Returns
    -------
    Trial
        Of an interrupted training, its networks alone.
    """
    windows = list(windows_of(held, adjusted))
    tables = []
    plans = rounds.plans
    for number, n_steps in enumerate(rounds.steps, start=1):
        if number == len(rounds.steps):
            plans = rounds.last(plans)
        members, interrupted = train(adjusted, plans, n_steps)
        if interrupted:
            return Trial(plans, members)
        scores = np.mean([window.errors(members) for window in windows], axis=0)
        kept = best(scores)
        tables.append(table_of_round(plans, scores, n_steps, kept))
        plans = [plans[i] for i in scores.argsort(kind="stable")]
    return Trial(plans[: len(kept)], [members[i] for i in kept], table_of(tables))


class Window(NamedTuple):
    """Values of the past, and what lies before them."""

    adjusted: Adjusted
    truth: np.ndarray
    weights: np.ndarray

    def errors(self, members):
        """Of the forecast of each network."""
        with np.errstate(over="ignore", invalid="ignore"):
            forecasts = member_forecasts(self.adjusted, members)
        check_finite(forecasts, self.adjusted.setting)
        return [error(self.truth, forecast[0], self.weights) for forecast in forecasts]


def windows_of(held, adjusted):
    """The held-out values, and those of a few windows before."""
    yield Window(adjusted, held.truth, weights_of(adjusted))
    _, *older = with_older(held.some(MOST), N_WINDOWS, adjusted.setting.h)
    for window in older:
        before = Adjusted(window.history, adjusted.setting)
        yield Window(before, window.truth, weights_of(before))


def distinct(plans, adjusted):
    """Plans without those that differ in a seasonal index alone where that is zero in all series."""
    apart, alike = (adjusted.scale(taken).adjustment for taken in (True, False))
    if any(season.any() for season in apart.seasons[len(alike.seasons) :]):
        return plans
    return list(dict.fromkeys(replace(plan, deseasonalize=False) for plan in plans))


def table_of_round(plans, scores, n_steps, kept):
    table = pd.DataFrame(plans).assign(error=scores, n_updates=n_steps, kept=False)
    table.loc[kept, "kept"] = True
    return table


def table_of(tables):
    """A row for each plan, of the last round that it was in."""
    *before, last = tables
    gone = []
    for table in before:
        again = table[PLAN].apply(tuple, axis=1).isin(last[PLAN].apply(tuple, axis=1))
        gone.append(table[~again].assign(kept=False).sort_values("error", kind="stable"))
    return pd.concat([last, *gone], ignore_index=True)


def best(errors):
    """Numbers of the plans with the lowest errors, best first."""
    return [
        i
        for i in np.argsort(errors, kind="stable")[:N_KEPT]
        if errors[i] <= TOLERANCE * min(errors)
    ]
