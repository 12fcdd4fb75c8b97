"""What a fitted forecaster answers, from the record of its fit and the data at hand."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.forecasts import check_finite, forecast_any_horizon
from tsrnn.forecasting.intervals import bands, paths
from tsrnn.forecasting.memory import DOUBLE, check_memory
from tsrnn.forecasting.panel.covariates import ahead_of, check_kinds, histories_of
from tsrnn.forecasting.panel.frames import sorted_by_time, to_frame
from tsrnn.forecasting.panel.times import label_repr
from tsrnn.forecasting.quantiles import SHARE
from tsrnn.forecasting.reading import NAME, read_again, read_newer
from tsrnn.forecasting.series_weights import naive_scale
from tsrnn.validation import POSITIVE_INT, Interval, Real, plain

MOST_PARTS = 1000  # horizons that are forecast one from the other


class Asked(NamedTuple):
    """Intervals and quantiles that are asked for beside the forecast."""

    levels: list
    quantiles: list

    @property
    def all_levels(self):
        """Those of the quantiles too, the median apart."""
        return sorted({*self.levels, *(level_of(q) for q in self.quantiles)} - {0.0})


def predict(fitted, panel, h, asked, X_df):
    """A frame in the form of the panel's input: forecasts, intervals and quantiles."""
    adjusted = adjusted_of(fitted, panel, X_df, h)
    return to_frame(panel, columns_of(fitted, adjusted, asked, h), h)


def simulate(fitted, panel, n_paths, h, X_df, rng):
    """Possible futures, in the form of the panel's input; a shorter one is the beginning of a longer one."""
    check_memory(
        DOUBLE * n_paths * len(panel.ids) * fitted.setting.h,
        f"n_paths={n_paths} of {len(panel.ids)} series",
    )
    check_errors(fitted)
    adjusted = adjusted_of(fitted, panel, X_df, h)
    forecasts = forecasts_of(fitted, adjusted, fitted.setting.h)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is said in a sentence
        futures = paths(fitted.errors, adjusted, forecasts, n_paths, rng=rng)
    check_finite(futures, fitted.setting)
    return to_frame(
        panel, {f"{NAME}-path-{i}": future[:, :h] for i, future in enumerate(futures)}, h
    )


def updated(fitted, df):
    """The record with newer values, in the form of those of `fit`."""
    panel = fitted.panel
    frame = read_newer(fitted, df, fitted.roles.columns)
    check_kinds(frame, fitted.roles, fitted.codes)
    check_newer(panel, frame)
    both = read_again(fitted, pd.concat([panel.to_long(), frame], ignore_index=True))
    both = replace(both, restore=panel.restore)
    to_frame(both, np.zeros((len(both.ids), 1)), 1)  # the form must hold all series
    return replace(fitted, panel=both)


def check_newer(panel, frame):
    """What is older than the values of `fit` is none of what came after them."""
    id_col, time_col, _ = panel.columns
    firsts = frame[id_col].map(dict(zip(panel.ids, panel.times[panel.starts[:-1]])))
    older = frame[time_col] < firsts
    if older.any():
        row = frame[older].iloc[0]
        raise ValueError(
            f"times of newer values must follow those known; series {label_repr(row[id_col])} has {row[time_col]}, "
            f"before its first, {firsts[older].iloc[0]}: fit takes older values."
        )


def score(fitted, df):
    """Minus the mean absolute error of forecasts of the values that came, in units of each series' naive error."""
    panel = fitted.panel
    h = fitted.setting.h
    frame = sorted_by_time(read_newer(fitted, df, fitted.roles.future), *panel.columns[:2])
    rows = rows_of(panel, frame, h)
    if fitted.roles.future and not fitted.fill_gaps:
        check_gaps(panel, rows)
    X_df = frame if fitted.roles.future else None
    forecasts = forecasts_of(fitted, adjusted_of(fitted, panel, X_df, h, n_told=0, name="df"), h)[0]
    truth = np.where(rows >= 0, frame[panel.columns[2]].to_numpy()[rows], np.nan)
    if np.isnan(truth).all():
        raise ValueError(
            "the data of score must hold times that follow those of fit; got none with a value."
        )
    naive = naive_scale(panel.series, fitted.setting.season_length)
    return -float(np.nanmean(np.abs(truth - forecasts) / naive[:, None]))


def rows_of(panel, frame, h):
    """Rows (n_series, h) of a frame that hold the steps after the end of every series; -1 where it has none."""
    keys = list(panel.columns[:2])
    if not frame[keys[0]].isin(panel.ids).any():
        raise ValueError(
            f"the data of score must hold series of fit, such as {label_repr(panel.ids[0])}; got "
            f"{label_repr(frame[keys[0]].iloc[0])}."
        )
    found = pd.MultiIndex.from_frame(frame[keys]).get_indexer(
        pd.MultiIndex.from_frame(panel.ahead(h))
    )
    if (found < 0).all():
        raise ValueError("the data of score must hold times that follow those of fit; got none.")
    return found.reshape(-1, h)


def check_gaps(panel, rows):
    """Covariates must be known up to the last step that is scored."""
    later = np.maximum.accumulate(rows[:, ::-1] >= 0, axis=1)[:, ::-1]
    gaps = later & (rows < 0)
    if gaps.any():
        i, step = np.argwhere(gaps)[0]
        time = panel.ahead(rows.shape[1])[panel.columns[1]].iloc[i * rows.shape[1] + step]
        raise ValueError(
            f"df must have a row for each step up to the last; series {label_repr(panel.ids[i])} lacks {time}: "
            "fill_gaps=True takes missing times as missing values."
        )


def adjusted_of(fitted, panel, X_df, h, n_told=None, name="X_df"):
    """What forecasts of `h` steps start from: the panel as numbers, with what is known ahead, of which the frame must
    tell all steps, or so many.
    """
    n_steps = fitted.setting.n_seen(fitted.plans, h)
    ahead = ahead_of(
        panel, X_df, fitted.roles, h if n_told is None else n_told, n_steps=n_steps, name=name
    )
    return Adjusted(histories_of(panel, fitted.roles, fitted.codes, ahead), fitted.setting)


def forecasts_of(fitted, adjusted, h):
    """Forecasts (1 + n_quantiles, n_series, h)."""
    return forecast_any_horizon(adjusted, fitted.members, fitted.shares, h)


def columns_of(fitted, adjusted, asked, h):
    """Columns of forecasts, intervals and quantiles (n_series, h), of a short horizon the beginning of those of a long
    one.
    """
    forecasts = forecasts_of(fitted, adjusted, max(h, fitted.setting.h))
    columns = {NAME: forecasts[0]}
    ends = {}
    if asked.all_levels:
        with np.errstate(over="ignore", invalid="ignore"):
            ends = bands(fitted.errors, adjusted, forecasts, asked.all_levels)
        check_finite(list(ends.values()), fitted.setting)
    wanted = {f"{side}-{level:g}" for side in ("lo", "hi") for level in asked.levels}
    columns |= {f"{NAME}-{end}": values for end, values in ends.items() if end in wanted}
    for q in asked.quantiles:
        side = "lo" if q < 0.5 else "hi"
        end = forecasts[0] if q == 0.5 else ends[f"{side}-{level_of(q):g}"]
        columns[f"{NAME}-q-{round(100 * q, 8):g}"] = end
    return {name: values[:, :h] for name, values in columns.items()}


def level_of(q):
    """The interval that ends at a quantile, in percent."""
    return round(100 * abs(1 - 2 * q), 8)


def read_horizon(h, fitted):
    if h is not None and not POSITIVE_INT.accepts(h):
        raise ValueError(f"h must be {POSITIVE_INT}; got {h!r}.")
    if h is None:
        return fitted.setting.h
    most = MOST_PARTS * fitted.setting.h
    if h > most:
        raise ValueError(
            f"h must be at most {most}, {MOST_PARTS} times the trained horizon; got {h}: train for a longer one."
        )
    return int(h)


def listed(values, name, most):
    """Numbers between 0 and `most`, or one, as a list."""
    found = [plain(one) for one in ([values] if np.ndim(values) == 0 else values)]
    if not found:
        raise ValueError(
            f"{name} must be None, a number or a list of numbers between 0 and {most}; got an empty list."
        )
    return found


def read_levels(level):
    """Levels as a list, checked."""
    if level is None:
        return []
    levels = listed(level, "level", 100)
    for one in levels:
        check_level(one)
    written = [f"{one:g}" for one in levels]
    twice = [one for one in written if written.count(one) > 1]
    if twice:
        raise ValueError(
            f"level must hold numbers that are written in different ways; got {twice[0]} twice."
        )
    return levels


def read_quantiles(quantiles):
    """Quantiles as a list, checked."""
    if quantiles is None:
        return []
    found = listed(quantiles, "quantiles", 1)
    for q in found:
        if not SHARE.accepts(q):
            hint = f": {q / 100:g} is that of {q:g} percent" if is_percent(q) else ""
            raise ValueError(f"quantiles must be numbers between 0 and 1; got {q!r}{hint}.")
    if len({round(q, 10) for q in found}) < len(found):
        raise ValueError(f"quantiles must differ; got {found}.")
    return found


def is_percent(q):
    return Interval(Real, 1, 100, "neither").accepts(q)


def check_level(level):
    if not Interval(Real, 0, 100, "neither").accepts(level):
        raise ValueError(f"level must be numbers between 0 and 100; got {level!r}.")
    if level < 1:
        raise ValueError(f"level is in percent: {100 * level:g}, not {level:g}.")


def check_asked(fitted, asked, h):
    """Intervals need errors of each step, on held-out values."""
    if asked.all_levels:
        check_trained(h, fitted, "level" if asked.levels else "quantiles")
        check_errors(fitted)


def check_trained(h, fitted, name):
    """Errors are known of the trained horizon."""
    if h > fitted.setting.h:
        raise ValueError(
            f"{name} is available up to the trained horizon, h={fitted.setting.h}; got h={h}."
        )


def check_errors(fitted):
    """Errors of forecasts of the past must be known."""
    if fitted.errors is None:
        raise ValueError(
            f"intervals and paths need errors of the past: fit must have a series of at least h + 3 = "
            f"{fitted.setting.h + 3} values, and must not be interrupted in its trial."
        )
    if not fitted.errors.any_known:
        raise ValueError(
            "intervals and paths need errors of the past: some of the values held out must be known."
        )
