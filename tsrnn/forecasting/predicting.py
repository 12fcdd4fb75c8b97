"""What a fitted forecaster answers, from the record of its fit and the data at hand."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tsrnn.forecasting.covariates import ahead_of, histories_of
from tsrnn.forecasting.ensemble import far_outlook
from tsrnn.forecasting.forms import as_it_is
from tsrnn.forecasting.frames import read, to_frame, to_panel
from tsrnn.forecasting.importance import spread
from tsrnn.forecasting.intervals import bands, paths
from tsrnn.forecasting.quantiles import levels_of
from tsrnn.forecasting.reading import check_panel
from tsrnn.validation import POSITIVE_INT, Interval, Real

NAME = "RNNForecaster"  # column of the forecasts


def panel_of(fitted, df):
    """The panel of `fit`, or another one, read and checked as that was."""
    if df is None:
        return fitted.panel
    panel = to_panel(df, fitted.panel.freq, *fitted.panel.columns, fitted.fill_gaps, fitted.roles.columns)
    check_panel(panel, fitted.roles, fitted.codes, fitted.setting.log)
    return panel


def predict(fitted, panel, h, levels, X_df):
    """A frame in the form of the panel's input: forecasts and intervals."""
    histories = starts_of(fitted, panel, X_df, h)
    return to_frame(panel, columns_of(fitted, histories, levels, h), h)


def simulate(fitted, panel, n_paths, h, X_df, rng):
    """Possible futures, in the form of the panel's input; a shorter one is the beginning of a longer one."""
    check_errors(fitted)
    histories = starts_of(fitted, panel, X_df, h)
    forecasts = outlook_of(fitted, histories, fitted.setting.h)
    futures = paths(fitted.errors, histories.series, forecasts, n_paths, setting=fitted.setting, rng=rng)
    return to_frame(panel, {f"{NAME}-path-{i}": future[:, :h] for i, future in enumerate(futures)}, h)


def updated(fitted, df):
    """The record with newer values."""
    panel = fitted.panel
    frame, _, restore = read(df, panel.freq, *panel.columns, fitted.roles.columns)
    both = panel_of(fitted, pd.concat([panel.to_long(), frame], ignore_index=True))
    return replace(fitted, panel=replace(both, restore=restore))


def score(fitted, df):
    """Minus the mean absolute error of forecasts of the values that came, in units of each series' naive error."""
    h = fitted.setting.h
    frame, _, _ = read(df, fitted.panel.freq, *fitted.panel.columns)
    id_col, time_col, target_col = fitted.panel.columns
    panel = replace(fitted.panel, restore=as_it_is)
    X_df = df if fitted.roles.future else None
    histories = starts_of(fitted, panel, X_df, h, "df")
    forecasts = to_frame(panel, outlook_of(fitted, histories, h)[0], h)
    both = frame.merge(forecasts, on=[id_col, time_col])
    if both.empty:
        raise ValueError("the data of score must hold times that follow those of fit; got none.")
    naive = dict(zip(panel.ids, spread(panel.series(), fitted.setting.season_length)))
    return -float(((both[target_col] - both[NAME]).abs() / both[id_col].map(naive).astype(float)).mean())


def starts_of(fitted, panel, X_df, h, name="X_df"):
    """What forecasts of `h` steps start from: the panel as numbers, with what is known ahead."""
    n_steps = fitted.setting.n_seen(fitted.plans, h)
    ahead = ahead_of(panel, X_df, fitted.roles, h, n_steps, name)
    return histories_of(panel, fitted.roles, fitted.codes, ahead)


def outlook_of(fitted, histories, h):
    """Forecasts (1 + n_quantiles, n_series, h)."""
    return far_outlook(histories, fitted.members, fitted.setting, fitted.theta_share, h)


def columns_of(fitted, histories, levels, h):
    """Columns of forecasts and intervals (n_series, h), of a short horizon the beginning of those of a long one."""
    forecasts = outlook_of(fitted, histories, max(h, fitted.setting.h))
    columns = {NAME: forecasts[0]}
    if levels:
        ends = bands(fitted.errors, histories.series, forecasts, levels, setting=fitted.setting)
        columns |= {f"{NAME}-{end}": values for end, values in ends.items()}
    return {name: values[:, :h] for name, values in columns.items()}


def read_horizon(h, fitted):
    if h is not None and not POSITIVE_INT.accepts(h):
        raise ValueError(f"h must be {POSITIVE_INT}; got {h!r}.")
    return fitted.setting.h if h is None else int(h)


def read_levels(level, quantiles):
    """Levels as a list, checked."""
    levels = [] if level is None else [level] if np.ndim(level) == 0 else list(level)
    for one in levels:
        if not Interval(Real, 0, 100, "neither").accepts(one):
            raise ValueError(f"level must be numbers between 0 and 100; got {one!r}.")
        if quantiles and one not in levels_of(quantiles):
            bound = ", ".join(f"{known:g}" for known in levels_of(quantiles))
            raise ValueError(f"level must be of those that quantiles bound, {bound}; got {one!r}.")
    return levels


def check_levels(fitted, levels, h):
    """Intervals need errors of each step, on held-out values."""
    if levels:
        check_trained(h, fitted, "level")
        check_errors(fitted)


def check_trained(h, fitted, name):
    """Errors are known of the trained horizon."""
    if h > fitted.setting.h:
        raise ValueError(f"{name} must go with at most the trained horizon, h={fitted.setting.h}; got h={h}.")


def check_errors(fitted):
    if fitted.errors is None or not fitted.errors.any_known:
        raise ValueError(
            f"level must be None for such short series: intervals need one with h + 3 = {fitted.setting.h + 3} values, "
            "and a fit that was not interrupted."
        )
