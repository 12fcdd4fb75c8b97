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
    ahead = ahead_of(panel, X_df, fitted.roles, h)
    return to_frame(panel, columns_of(fitted, starts_of(fitted, panel, ahead), levels, h), h)


def simulate(fitted, panel, n_paths, h, X_df, rng):
    """Possible futures, in the form of the panel's input."""
    check_errors(fitted)
    histories = starts_of(fitted, panel, ahead_of(panel, X_df, fitted.roles, h))
    forecasts = outlook_of(fitted, histories, h)
    setting = fitted.setting
    futures = paths(fitted.errors, histories.series, forecasts, n_paths, setting.season_length, setting.log, rng)
    return to_frame(panel, {f"{NAME}-path-{i}": future for i, future in enumerate(futures)}, h)


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
    histories = starts_of(fitted, panel, ahead_of(panel, X_df, fitted.roles, h, "df"))
    forecasts = to_frame(panel, outlook_of(fitted, histories, h)[0], h)
    both = frame.merge(forecasts, on=[id_col, time_col])
    if both.empty:
        raise ValueError("the data of score must hold times that follow those of fit; got none.")
    naive = dict(zip(panel.ids, spread(panel.series(), fitted.setting.season_length)))
    return -float(((both[target_col] - both[NAME]).abs() / both[id_col].map(naive).astype(float)).mean())


def starts_of(fitted, panel, ahead):
    """What forecasts start from: the panel as numbers, with what is known ahead."""
    return histories_of(panel, fitted.roles, fitted.codes, ahead)


def outlook_of(fitted, histories, h):
    """Forecasts (1 + n_quantiles, n_series, h)."""
    return far_outlook(histories, fitted.members, fitted.setting, fitted.theta_share, h)


def columns_of(fitted, histories, levels, h):
    """Columns of forecasts (n_series, h) and intervals."""
    forecasts = outlook_of(fitted, histories, h)
    columns = {NAME: forecasts[0]}
    if levels:
        setting = fitted.setting
        scale = setting.quantiles, setting.season_length, setting.log
        ends = bands(fitted.errors[:, :, :h], histories.series, forecasts, levels, *scale)
        columns |= {f"{NAME}-{end}": values for end, values in ends.items()}
    return columns


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
    if levels and h > fitted.setting.h:
        raise ValueError(f"level must go with at most the trained horizon, h={fitted.setting.h}; got h={h}.")
    if levels:
        check_errors(fitted)


def check_errors(fitted):
    if fitted.errors is None or np.isnan(fitted.errors).all():
        raise ValueError(
            f"level must be None for such short series: intervals need one with h + 3 = {fitted.setting.h + 3} values, "
            "and a fit that was not interrupted."
        )
