"""What the parts of a fitted forecaster have to do with each other: what its predictions rely on without looking.

Every record that `fit` makes passes these checks; one that a file spells has to, before anything is computed from it.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from tsrnn.files.errors import DamagedError
from tsrnn.files.records import (
    check_array,
    check_count,
    check_curve,
    check_finite,
    check_flag,
    check_kind,
    check_number,
)
from tsrnn.forecasting.decoders import DECODERS
from tsrnn.forecasting.fitted import Fitted
from tsrnn.forecasting.intervals import Errors
from tsrnn.forecasting.panel.covariates import CALENDAR_PARTS, encoded, future_numbers
from tsrnn.forecasting.panel.frames import to_frame
from tsrnn.forecasting.panel.ragged import ages_of
from tsrnn.forecasting.panel.steps import places, step_of
from tsrnn.forecasting.panel.times import check_freq
from tsrnn.forecasting.quantiles import in_order
from tsrnn.forecasting.reading import check_panel
from tsrnn.forecasting.shares import shares_of
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.rules.cells import offered_cells

LONGEST = 10**6  # steps of a horizon, a window or a season
LARGEST = 2 * 10**9  # values that the windows of all series take in memory


def check_fitted(fitted, constraints):
    """Raise a ValueError if a record of a fitted forecaster cannot be; `constraints` are those of its parameters."""
    check_kind(fitted, Fitted, "what is fitted")
    check_setting(fitted.setting, constraints)
    check_series(fitted.panel)
    check_columns(fitted)
    check_forecasts(fitted)
    check_networks(fitted)
    check_errors(fitted)


def check_setting(setting, constraints):
    """Settings as a user may set them, and not too large to compute with."""
    for name, value in vars(setting).items():
        choices = constraints.get(name)
        if choices and name != "quantiles" and not any(choice.accepts(value) for choice in choices):
            raise DamagedError(f"{name}={value!r:.60}, which no forecaster takes")
    check_count(setting.h, "h", 1, LONGEST)
    check_count(setting.season_length, "season_length", 1, LONGEST)
    check_seasons(setting)
    if setting.typical is not None:
        check_number(setting.typical, "typical", 0, np.finfo(float).max)
    check_kind(setting.quantiles, tuple, "quantiles")
    if setting.quantiles and in_order(list(setting.quantiles)) != setting.quantiles:
        raise DamagedError(f"quantiles={setting.quantiles!r:.60} without order")
    if setting.quantiles and (setting.decoder != "direct" or setting.difference):
        raise DamagedError("quantiles of sums")


def check_seasons(setting):
    """Seasons from the shortest, and of each its events, if there are any."""
    check_kind(setting.other_seasons, tuple, "other_seasons")
    for length in setting.other_seasons:
        check_count(length, "a season", 2, LONGEST)
    lengths = setting.season_lengths
    if any(shorter >= longer for shorter, longer in pairwise(lengths)):
        raise DamagedError(f"seasons {lengths!r:.60} without order")
    check_kind(setting.events, tuple, "events")
    if setting.events and len(setting.events) != len(lengths):
        raise DamagedError("events of other seasons than there are")
    for events, length in zip(setting.events, lengths):
        check_array(events, "events", np.float64, (length,))
        check_finite(events, "events")


def check_series(panel):
    """Series end to end, each of at least two values, their times without gaps."""
    n = len(panel.values) if isinstance(panel.values, np.ndarray) else 0
    check_array(panel.values, "values", np.float64, (n,))
    check_array(panel.known, "known", bool, (n,))
    check_array(panel.starts, "starts", np.int64, (None,))
    check_finite(panel.values, "values")
    starts = panel.starts
    if (
        len(starts) < 2
        or starts[0] != 0
        or starts[-1] != n
        or any(end - start < 2 for start, end in pairwise(starts))
    ):
        raise DamagedError("series that do not stand end to end, each of two values or more")
    if not panel.known[starts[:-1]].all():
        raise DamagedError("a series that begins with a missing value")
    check_kind(panel.ids, pd.Index, "labels")
    if len(panel.ids) != len(starts) - 1 or not panel.ids.is_unique or panel.ids.hasnans:
        raise DamagedError(
            f"{len(panel.ids)} labels of {len(starts) - 1} series, or one twice, or none"
        )
    check_times(panel)


def check_times(panel):
    times = panel.times
    check_kind(times, pd.Index, "times")
    if not (times.dtype == np.int64 or isinstance(times, pd.DatetimeIndex)):
        raise DamagedError(f"times of type {times.dtype}")
    if len(times) != len(panel.values) or times.hasnans:
        raise DamagedError(
            f"{len(times)} times of {len(panel.values)} values, or one that is missing"
        )
    freq = check_freq(pd.Series(times), panel.freq)
    if (places(times, panel.starts, step_of(freq)) != ages_of(panel.starts)).any():
        raise DamagedError(f"times that do not follow each other by freq={freq!r:.40}")


def check_columns(fitted):
    """Names, covariates and what turns them into numbers."""
    panel = fitted.panel
    roles = fitted.roles
    check_kind(panel.columns, tuple, "columns")
    for names in roles:
        check_kind(names, list, "names of covariates")
    names = [*panel.columns, *roles.columns]
    if len(panel.columns) != 3 or len(set(names)) != len(names):
        raise DamagedError(f"columns {names!r:.60}, where each must have one role")
    if len(set(roles.calendar)) != len(roles.calendar) or not set(roles.calendar) <= set(
        CALENDAR_PARTS
    ):
        raise DamagedError(f"calendar={roles.calendar!r:.60}")
    if roles.calendar and not isinstance(panel.times, pd.DatetimeIndex):
        raise DamagedError("a calendar of times that are integers")
    check_kind(fitted.codes, dict, "codes")
    if list(fitted.codes) != roles.columns:
        raise DamagedError("codes of other columns than those of the covariates")
    for code in fitted.codes.values():
        check_code(code)
    check_covariates(panel, roles)
    check_panel(panel, roles, fitted.codes, fitted.setting)
    check_flag(fitted.fill_gaps, "fill_gaps")


def check_code(code):
    """Numbers have a mean and a scale, labels are listed in order."""
    check_kind(code, dict, "a code")
    if set(code) == {"labels"}:
        check_kind(code["labels"], list, "labels of a covariate")
        for label in code["labels"]:
            check_kind(label, str, "a label of a covariate")
        if sorted(set(code["labels"])) != code["labels"] or not code["labels"]:
            raise DamagedError("labels of a covariate without order")
    elif set(code) == {"mean", "scale"}:
        check_number(code["mean"], "mean", -np.finfo(float).max, np.finfo(float).max)
        check_number(code["scale"], "scale", np.nextafter(0, 1), np.finfo(float).max)
    else:
        raise DamagedError("a code that is neither of numbers nor of labels")


def check_covariates(panel, roles):
    """A row for each value, without missing ones."""
    if not roles.columns:
        if panel.covariates is not None:
            raise DamagedError("covariates without a role")
        return
    check_kind(panel.covariates, pd.DataFrame, "covariates")
    frame = panel.covariates
    if list(frame.columns) != roles.columns or len(frame) != len(panel.values):
        raise DamagedError("covariates of other columns or rows than there must be")
    for i in range(frame.shape[1]):
        values = frame.iloc[:, i].to_numpy()
        if values.dtype == np.float64:
            check_finite(values, "covariates")
        elif values.dtype != object or not all(type(value) is str for value in values):
            raise DamagedError(f"covariates of type {values.dtype}")


def check_forecasts(fitted):
    """The way back to the form of the input, by going it once."""
    n_series = len(fitted.panel.ids)
    try:
        to_frame(fitted.panel, np.zeros((n_series, 1)), 1)
    except ImportError:  # a library of frames that is missing here
        raise
    except Exception as error:  # whatever a wrong way ends in
        raise DamagedError(f"forecasts that have no form: {type(error).__name__}") from error


def check_networks(fitted):
    """Every network answers the windows of its plan, with the covariates at hand."""
    check_kind(fitted.members, list, "networks")
    check_kind(fitted.plans, list, "plans")
    widths = widths_of(fitted)
    if not fitted.members:
        raise DamagedError("no network")
    for member in fitted.members:
        check_plan(member.plan, fitted)
        check_flag(member.sees_gaps, "sees_gaps")
        check_curve(member.loss_curve, "loss_curve")
        check_form(member, fitted.setting, widths)
    used = {member.plan for member in fitted.members}
    if set(fitted.plans) != used or len(fitted.plans) != len(used):
        raise DamagedError("plans that no network uses, or lacks")


def check_plan(plan, fitted):
    check_count(plan.window, "window", 1, LONGEST)
    check_count(plan.segment, "segment", 1, plan.window)
    check_count(plan.level, "level", 1, plan.window)
    check_flag(plan.deseasonalize, "deseasonalize")
    for name in ("log", "scale"):
        if getattr(plan, name) != "auto":
            check_flag(getattr(plan, name), name)
    if plan.window % plan.segment:
        raise DamagedError(f"window={plan.window}, which is no multiple of segment={plan.segment}")
    n_values = len(fitted.panel.values) + len(fitted.panel.ids) * int(
        plan.window + fitted.setting.h
    )
    if n_values > LARGEST:
        raise DamagedError(f"windows of {n_values} values in all, more than {LARGEST}")


def widths_of(fitted):
    """How many numbers past, future and static covariates are at a step."""
    panel = fitted.panel
    roles = fitted.roles
    codes = fitted.codes
    row = None if panel.covariates is None else panel.covariates.head(1)
    past = encoded(row, roles.past, codes)
    static = encoded(row, roles.static, codes)
    names = tuple(future_numbers(row, panel.times[:1], roles, codes))
    check_effects(fitted, names)
    return (
        0 if past is None else past.shape[1],
        len(names),
        0 if static is None else static.shape[1],
    )


def check_effects(fitted, names):
    """A slope for each number that is known in the future."""
    effects = fitted.setting.effects
    if (effects is None) != (not names) or fitted.effect_names != names:
        raise DamagedError("effects of other numbers than those of the covariates")
    if effects is not None:
        check_array(effects, "effects", np.float64, (len(names),))
        check_finite(effects, "effects")


def check_form(member, setting, widths):
    """The network that `Windows.beginning` makes for such windows."""
    n_past, n_future, n_static = widths
    plan = member.plan
    network = member.network
    n_blocks = 1 + len(setting.quantiles)
    _, n_ahead = DECODERS[setting.decoder](setting.h, min(plan.segment, setting.h))
    found = {
        "cell": network.cell.name,
        "n_inputs": network.n_inputs,
        "hidden_size": network.hidden_size,
    }
    wanted = {
        "cell": network.cell.name
        if network.cell.name in offered_cells()
        else "one of those offered",
        "n_inputs": plan.segment * (1 + bool(member.sees_gaps) + n_past + 2 * n_future) + n_static,
        "hidden_size": setting.hidden_size,
    }
    found |= {
        "dtype": network.dtype.name,
        "dropout": network.dropout,
        "n_outputs": network.n_outputs,
    }
    wanted |= {"dtype": "float32", "dropout": 0}
    if setting.decoder == "encoder-decoder":
        check_kind(network, EncoderDecoder, "a network")
        step = min(plan.segment, setting.h)
        found |= {
            "n_known": network.n_known,
            "one_hot": network.one_hot,
            "layers": len(network.encoder.ends),
        }
        wanted |= {
            "n_outputs": step * n_blocks,
            "n_known": step * n_future,
            "one_hot": False,
            "layers": 1,
        }
    else:
        check_kind(network, Network, "a network")
        found |= {
            "n_context": network.n_context,
            "every_step": network.every_step,
            "pooling": network.pooling,
            "layers": len(network.ends),
        }
        wanted |= {
            "n_outputs": n_ahead * n_blocks,
            "n_context": plan.window,
            "every_step": False,
            "pooling": "last",
            "layers": 1,
        }
    for name, value in wanted.items():
        if found[name] != value:
            raise DamagedError(
                f"a network of {name}={found[name]!r:.40}, where its plan needs {value!r:.40}"
            )


def check_errors(fitted):
    """Errors of past windows, of which some may be missing, and what is told of the trial."""
    if fitted.errors is not None:
        check_kind(fitted.errors, Errors, "errors")
        adjusted, plain = fitted.errors
        check_known(adjusted, "errors", (1 + len(fitted.setting.quantiles), None, fitted.setting.h))
        if plain is not None:
            check_known(plain, "plain errors", adjusted.shape[1:])
    check_kind(fitted.shares, dict, "shares")
    for name, share in fitted.shares.items():
        check_number(share, f"share of {name:.20}", 0, 1)
    if shares_of(fitted.shares) != fitted.shares:
        raise DamagedError("shares of nothing")
    if fitted.trial is not None:
        check_kind(fitted.trial, pd.DataFrame, "trial")
        columns = ["window", "segment", "level", "deseasonalize", "error", "kept"]
        newer = "log", "scale", "n_updates"  # which all plans had alike before
        if [name for name in fitted.trial.columns if name not in newer] != columns:
            raise DamagedError("a trial of other columns than there must be")


def check_known(errors, name, shape):
    """Errors of that shape; NaN is one that is not known."""
    check_array(errors, name, np.float64, shape)
    if np.isinf(errors).any() or not errors.size:
        raise DamagedError(f"{name} that are not finite, or none")
