"""Fit: plans are tried on held-out values, the networks trained on all, and what they learnt becomes one record."""

import warnings
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
from sklearn.utils import check_random_state

from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.calibration import calibrate
from tsrnn.forecasting.effort import EFFORTS
from tsrnn.forecasting.ensemble import TrainingJob, epochs, train_members
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.held_out import hold_out_known
from tsrnn.forecasting.memory import bytes_of_fit, check_memory
from tsrnn.forecasting.panel.covariates import Roles, codes_of, future_numbers, histories_of
from tsrnn.forecasting.plan import Wanted, plans_for, steps_for
from tsrnn.forecasting.quantiles import USUAL, in_order
from tsrnn.forecasting.reading import check_panel
from tsrnn.forecasting.setting import Setting
from tsrnn.forecasting.shares import shares_before, shares_of
from tsrnn.forecasting.trial import Rounds, Trial, distinct, run_trial
from tsrnn.progress import Progress
from tsrnn.validation import POSITIVE_INT, plain

TRIAL_STEPS = 150  # updates of a network that tries a plan, with the usual effort
CELLS = "gru", "lstm"  # of networks in turn
LARGE = "h", "hidden_size", "window", "batch_size", "n_networks"  # what memory depends on
LEARNT = "typical", "effects", "events"  # what the data tell of a setting
# by warm_start
KEPT = (
    "h",
    "hidden_size",
    "decoder",
    "season_length",
    "other_seasons",
    "log",
    "scale",
    "difference",
    "quantiles",
)


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
    max_steps = parameters.max_steps
    if max_steps == "auto":
        max_steps = round(steps_for(lengths) * parameters.effort.steps)
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
    if found.theta_share != "deprecated":
        shares = renamed(found.theta_share)
        warnings.warn(
            f"theta_share={found.theta_share!r} of RNNForecaster is now shares={shares!r}; the former name will "
            "be removed in version 0.4.",
            FutureWarning,
            stacklevel=5,
        )
        found.shares = shares
    found.season_length, found.other_seasons = seasons_of(found.season_length)
    found.shares = None if found.shares == "auto" else shares_of(found.shares)
    found.effort = EFFORTS[found.effort]
    if found.n_networks == "auto":
        found.n_networks = found.effort.n_networks
    return found


def seasons_of(season_length):
    """The longest season, and the others from the shortest."""
    told = [season_length] if isinstance(season_length, int) else [*season_length]
    for one in told:
        if not POSITIVE_INT.accepts(one):
            raise ValueError(
                f"season_length must be {POSITIVE_INT}, or a list of such; got {one!r}."
            )
    if not told:
        raise ValueError("season_length must be an int or a list of ints; got an empty list.")
    lengths = sorted({int(one) for one in told})
    return lengths[-1], tuple(length for length in lengths[:-1] if length > 1)


def renamed(theta_share):
    """The shares that a former `theta_share` means."""
    return "auto" if theta_share == "auto" else shares_before(theta_share)


def setting_of(parameters):
    """What the networks share, without what the data tell."""
    values = {
        field.name: getattr(parameters, field.name)
        for field in fields(Setting)
        if field.name not in LEARNT
    }
    values |= {"quantiles": quantiles_of(parameters)}
    return Setting(**values)


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
    season_lengths = (*parameters.other_seasons, parameters.season_length)
    plans = plans_for(lengths, parameters.h, season_lengths, keep)
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
    sees_gaps = histories.known is not None
    held = hold_out_known(histories, parameters.h)
    n_epochs = parameters.n_networks * epochs(max_steps)
    if not len(held.truth):
        progress = Progress(n_epochs, parameters.verbose)
        everything = learn_seen(everything, parameters)
        jobs = jobs_for(plans, parameters, rng)
        members = train_members(everything, sees_gaps, jobs, max_steps, progress)
        warn_of_interrupt(progress)
        return learnt_of(members, everything.setting, Trial(plans, []), shares=parameters.shares)
    tried = learn_seen(Adjusted(held.history, setting), parameters)
    rounds = rounds_for(plans, tried, parameters, max_steps)
    n_epochs += sum(n * epochs(n_steps) for n, n_steps in rounds.sizes)
    progress = Progress(n_epochs, parameters.verbose)
    cell = "gru" if parameters.cell == "auto" else parameters.cell
    seed = rng.randint(2**31)

    def train(adjusted, plans, n_steps):
        jobs = [TrainingJob(plan, cell, seed) for plan in plans]
        members = train_members(adjusted, sees_gaps, jobs, n_steps, progress, label="plan")
        return members, progress.interrupted

    trial = run_trial(held, tried, rounds, train)
    of_trial = tried.setting
    if progress.interrupted:
        warn_of_interrupt(progress)
        return learnt_of(trial.members, of_trial, trial, shares=parameters.shares)
    del tried  # its scales take memory
    everything = learn_seen(everything, parameters)
    jobs = jobs_for(trial.plans, parameters, rng)
    members = train_members(everything, sees_gaps, jobs, max_steps, progress)
    warn_of_interrupt(progress)
    settings = of_trial, everything.setting
    shares, errors = calibrate(held, trial.members, members, settings, parameters.shares)
    return learnt_of(members, everything.setting, trial, errors, shares)


def rounds_for(plans, tried, parameters, max_steps):
    """The rounds of the trial, with the effort that is asked for."""
    effort = parameters.effort
    if parameters.deseasonalize == "auto":
        plans = distinct(plans, tried)
    n_steps = min(max_steps, max(round(TRIAL_STEPS * effort.steps), 1))
    return Rounds.of(plans[: effort.n_plans], effort.n_varied, n_steps, tried.setting)


def warn_of_interrupt(progress):
    """Tell the caller of `RNNForecaster.fit` what Ctrl-C has left."""
    if progress.interrupted:
        warnings.warn(progress.interrupted, InterruptedFitWarning, stacklevel=6)


def learn_seen(adjusted, parameters):
    """With the effects and events that the series tell."""
    adjusted = adjusted.with_effects()
    return adjusted if parameters.deseasonalize is False else adjusted.with_events()


def jobs_for(plans, parameters, rng):
    """Plans in turn; in the next round each has another cell."""
    cells = CELLS if parameters.cell == "auto" else [parameters.cell]
    seeds = rng.randint(2**31, size=parameters.n_networks)
    rounds = [divmod(i, len(plans)) for i in range(parameters.n_networks)]
    return [
        TrainingJob(plans[i], cells[(i + k) % len(cells)], seed)
        for (k, i), seed in zip(rounds, seeds)
    ]


def learnt_of(members, setting, trial, errors=None, shares=None):
    used = {member.plan for member in members}
    return {
        "setting": setting,
        "members": members,
        "plans": [plan for plan in trial.plans if plan in used],
        "trial": trial.table,
        "errors": errors,
        "shares": shares or {},
    }


def go_on(last, histories, setting, max_steps, rng, verbose):
    """The networks of the last fit, trained further on these series, with what belongs to them."""
    seeds = rng.randint(2**31, size=len(last.members))
    jobs = [
        TrainingJob(m.plan, m.network.cell.name, seed, start=m)
        for m, seed in zip(last.members, seeds)
    ]
    progress = Progress(len(jobs) * epochs(max_steps), verbose)
    setting = replace(setting, **{name: getattr(last.setting, name) for name in LEARNT})
    sees_gaps = last.members[0].sees_gaps
    members = train_members(Adjusted(histories, setting), sees_gaps, jobs, max_steps, progress)
    warn_of_interrupt(progress)
    trial = Trial(last.plans, [], last.trial)
    return learnt_of(members, setting, trial, last.errors, last.shares)
