"""Fit: plans are tried on held-out values, the networks trained on all, and what they learnt becomes one record."""

import warnings
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.calibration import expected_errors
from tsrnn.forecasting.ensemble import TrainingJob, epochs, train_members
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.forecasts import check_finite, member_forecasts, theta_forecast
from tsrnn.forecasting.intervals import residuals
from tsrnn.forecasting.memory import bytes_of_fit, check_memory
from tsrnn.forecasting.panel.covariates import Roles, codes_of, future_numbers, histories_of
from tsrnn.forecasting.plan import Wanted, plans_for, steps_for
from tsrnn.forecasting.quantiles import USUAL, blend, in_order, median
from tsrnn.forecasting.reading import check_panel
from tsrnn.forecasting.series_weights import series_weights
from tsrnn.forecasting.setting import Setting
from tsrnn.forecasting.trial import (
    best,
    distinct,
    error,
    hold_out,
    rounds_of,
    table_of,
    theta_share_of,
)
from tsrnn.progress import Progress
from tsrnn.validation import plain

TRIAL_STEPS = 300  # updates of a network that tries a plan
CELLS = "gru", "lstm"  # of networks in turn
LARGE = "h", "hidden_size", "window", "batch_size", "n_networks"  # what memory depends on
LEARNT = "typical", "effects"  # what the data tell of a setting
# by warm_start
KEPT = ("h", "hidden_size", "decoder", "season_length", "log", "scale", "difference", "quantiles")


def fit(parameters, panel, last=None):
    """Train on a panel.

    Parameters
    ----------
    parameters : RNNForecaster
        Read here, and never later.
    panel : Panel
    last : Fitted, optional
        The fit to go on from.

    Returns
    -------
    Fitted
    """
    parameters = read_parameters(parameters)
    roles = Roles.of(parameters, panel.columns)
    setting = setting_of(parameters)
    if roles.calendar and panel.times.dtype.kind == "i":
        raise ValueError(
            f"calendar must be None for times that are integers; got {roles.calendar}."
        )
    if last is not None:
        check_goes_on(last, roles, setting)
    codes = codes_of(panel.covariates, roles) if last is None else last.codes
    check_panel(panel, roles, codes, setting)
    lengths = np.diff(panel.starts)
    plans = plans_of(parameters, lengths) if last is None else last.plans
    n_bytes = bytes_of_fit(parameters, plans, lengths, setting.n_blocks)
    check_memory(n_bytes, ", ".join(f"{name}={getattr(parameters, name)}" for name in LARGE))
    histories = histories_of(panel, roles, codes)
    max_steps = steps_for(lengths) if parameters.max_steps == "auto" else parameters.max_steps
    rng = check_random_state(parameters.random_state)
    if last is None:
        learnt = begin(parameters, histories, plans, setting, max_steps, rng)
    else:
        learnt = go_on(last, histories, setting, max_steps, rng, parameters.verbose)
    first = None if panel.covariates is None else panel.covariates.head(1)
    names = future_numbers(first, panel.times[:1], roles, codes)
    return Fitted(
        panel=panel,
        roles=roles,
        codes=codes,
        fill_gaps=bool(parameters.fill_gaps),
        effect_names=tuple(names),
        **learnt,
    )


def read_parameters(forecaster):
    """The parameters of now, numbers of numpy as those of Python, former names as those of today."""
    found = SimpleNamespace(
        **{name: plain(value) for name, value in forecaster.get_params(deep=False).items()}
    )
    if found.level != "deprecated":
        warnings.warn(
            f"level={found.level!r} of RNNForecaster is now level_window={found.level!r}; the former name will be "
            "removed in version 0.4.",
            FutureWarning,
            stacklevel=5,
        )
        found.level_window = found.level
    return found


def setting_of(parameters):
    """What the networks share, without what the data tell."""
    values = {
        field.name: getattr(parameters, field.name)
        for field in fields(Setting)
        if field.name not in LEARNT
    }
    return Setting(**values | {"quantiles": quantiles_of(parameters)})


def quantiles_of(parameters):
    """Those that networks forecast; of sums of forecasts there are none."""
    if parameters.quantiles is None:
        return ()
    if parameters.quantiles == "auto":
        sums = parameters.difference or parameters.decoder != "direct"
        return () if sums else USUAL
    return in_order(parameters.quantiles)


def check_goes_on(last, roles, setting):
    """With warm_start=True the form of the networks and what they see must stay."""
    if roles != last.roles:
        raise ValueError(
            f"with warm_start=True, covariates and calendar must stay those of the last fit, {[*last.roles]}; got "
            f"{[*roles]}."
        )
    was = tuple(getattr(last.setting, name) for name in KEPT)
    now = tuple(getattr(setting, name) for name in KEPT)
    if was != now:
        names = f"{', '.join(KEPT[:-1])} and {KEPT[-1]}"
        raise ValueError(
            f"with warm_start=True, {names} must stay those of the last fit, {was}; got {now}."
        )


def plans_of(parameters, lengths):
    keep = Wanted(
        parameters.window, parameters.segment, parameters.level_window, parameters.deseasonalize
    )
    plans = plans_for(lengths, parameters.h, parameters.season_length, keep)
    for plan in plans:
        if plan.window % plan.segment or plan.level > plan.window:
            raise ValueError(
                f"window must be a multiple of segment and at least level_window; got window={plan.window}, "
                f"segment={plan.segment} and level_window={plan.level}."
            )
    return plans


def begin(parameters, histories, plans, setting, max_steps, rng):
    """A trial of each plan on the series without their last `h` values, and new networks for the best."""
    everything = Adjusted(histories, setting).with_typical()
    setting = everything.setting
    held = held_out(histories, parameters.h)
    trial = errors = None
    share = 0.0 if parameters.theta_share == "auto" else float(parameters.theta_share)
    trial_steps = min(max_steps, TRIAL_STEPS)
    tried = None
    if len(held.truth):
        tried = Adjusted(held.history, setting).with_effects()
        plans = distinct(plans, tried) if parameters.deseasonalize == "auto" else plans
    rounds = rounds_of(len(plans), trial_steps) if tried else []
    progress = Progress(
        sum(n * epochs(n_steps) for n, n_steps in rounds)
        + parameters.n_networks * epochs(max_steps),
        parameters.verbose,
    )
    sees_gaps = histories.known is not None
    if tried:
        cell = "gru" if parameters.cell == "auto" else parameters.cell
        seed = rng.randint(2**31)
        weights = series_weights(tried.scale(deseasonalize=False).z, setting.season_length)
        tables = []
        for n, n_steps in rounds:
            jobs = [TrainingJob(plan, cell, seed) for plan in plans[:n]]
            members = train_members(
                tried, sees_gaps, jobs, n_steps, progress=progress, label="plan"
            )
            if progress.interrupted:
                return learnt_of(
                    members, tried.setting, plans, trial=None, errors=None, share=share
                )
            with np.errstate(over="ignore", invalid="ignore"):
                forecasts = member_forecasts(tried, members)
            check_finite(forecasts, setting)
            scores = np.array([error(held.truth, forecast[0], weights) for forecast in forecasts])
            kept = best(scores)
            table = pd.DataFrame(plans[:n]).assign(error=scores, n_updates=n_steps, kept=False)
            table.loc[kept, "kept"] = True
            tables.append(table)
            plans = [plans[i] for i in scores.argsort(kind="stable")]
        trial = table_of(tables)
        forecasts = [forecasts[i] for i in kept]
        plans = plans[: len(kept)]
        together = median(forecasts)
        other = theta_forecast(tried)
        if parameters.theta_share == "auto":
            share = theta_share_of(held.truth, together, other, weights)
        together = blend(together, other, share)
        errors = residuals(tried, held.truth, together)
        del tried  # its scales take memory
    everything = everything.with_effects()
    jobs = jobs_for(plans, parameters, rng)
    members = train_members(everything, sees_gaps, jobs, max_steps, progress=progress)
    if errors is not None:
        errors = expected_errors(errors, held, members, everything.setting, share)
    return learnt_of(members, everything.setting, plans, trial=trial, errors=errors, share=share)


def held_out(histories, h):
    """The last values; where they are missing in all series, as in rows of the future, the last known ones."""
    held = hold_out(histories, h)
    return hold_out(histories.up_to_known(), h) if np.isnan(held.truth).all() else held


def jobs_for(plans, parameters, rng):
    """Plans in turn; in the next round each has another cell."""
    cells = CELLS if parameters.cell == "auto" else [parameters.cell]
    seeds = rng.randint(2**31, size=parameters.n_networks)
    rounds = [divmod(i, len(plans)) for i in range(parameters.n_networks)]
    return [
        TrainingJob(plans[i], cells[(i + k) % len(cells)], seed)
        for (k, i), seed in zip(rounds, seeds)
    ]


def learnt_of(members, setting, plans, trial, errors, share):
    used = {member.plan for member in members}
    return {
        "setting": setting,
        "members": members,
        "plans": [plan for plan in plans if plan in used],
        "trial": trial,
        "errors": errors,
        "theta_share": share,
    }


def go_on(last, histories, setting, max_steps, rng, verbose):
    """The networks of the last fit, trained further on these series, with what belongs to them."""
    seeds = rng.randint(2**31, size=len(last.members))
    jobs = [
        TrainingJob(m.plan, m.network.cell.name, seed, start=m)
        for m, seed in zip(last.members, seeds)
    ]
    progress = Progress(len(jobs) * epochs(max_steps), verbose)
    setting = replace(setting, typical=last.setting.typical, effects=last.setting.effects)
    sees_gaps = last.members[0].sees_gaps
    members = train_members(
        Adjusted(histories, setting), sees_gaps, jobs, max_steps, progress=progress
    )
    return learnt_of(
        members, setting, last.plans, trial=last.trial, errors=last.errors, share=last.theta_share
    )
