"""Forecasts as a picture: small multiples of history, forecast and, where it is known, the truth."""

import numpy as np

from tsrnn.extras import require
from tsrnn.forecasting.ensemble import EPOCH

HISTORY, FORECAST, TRUTH = "#4d4d4d", "#d55e00", "#0072b2"  # told apart without colour vision (Okabe & Ito 2008)


def plot_forecasts(
    history,
    forecasts,
    truth=None,
    ids=None,
    max_series=6,
    tail=None,
    name="RNNForecaster",
    id_col="unique_id",
    time_col="ds",
    target_col="y",
):
    """Draw the end of some series, their forecasts with intervals and, where it is known, what came.

    Parameters
    ----------
    history, forecasts : DataFrame
        Long frames, `forecasts` as `RNNForecaster.predict` returns it.
    truth : DataFrame, optional
        Long frame of the values to compare with.
    ids : list, optional
        Series to draw; by default `max_series` spread over the panel.
    max_series : int, default=6
        Most series that are drawn.
    tail : int, optional
        Values of history shown; by default four horizons, at least 36.
    name : str, default="RNNForecaster"
        Column of the forecasts.
    id_col, time_col, target_col : str
        Columns of the frames.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        Without matplotlib; `pip install "tsrnn[plot]"` brings it.
    """
    Figure = require("matplotlib.figure", "a plot").Figure
    if ids is None:
        labels = forecasts[id_col].unique()
        ids = labels[np.unique(np.linspace(0, len(labels) - 1, max_series).round().astype(int))]
    ids = list(ids)[:max_series]
    n_columns = 1 if len(ids) == 1 else 2 if len(ids) <= 4 else 3
    n_rows = -(-len(ids) // n_columns)
    figure = Figure(figsize=(7.2 if n_columns == 1 else 4.2 * n_columns, 2.6 * n_rows + 0.6), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    for panel in panels.flat[len(ids) :]:
        panel.set_visible(False)
    for panel, label in zip(panels.flat, ids):
        ahead = forecasts[forecasts[id_col] == label]
        past = history[history[id_col] == label].sort_values(time_col).tail(tail or max(36, 4 * len(ahead)))
        # The forecast starts at the last known value, so that the eye does not have to jump.
        times = [past[time_col].iloc[-1], *ahead[time_col]]
        panel.plot(past[time_col], past[target_col], color=HISTORY, linewidth=1.2, label="history")
        if truth is not None:
            came = truth[truth[id_col] == label]
            line = [past[target_col].iloc[-1], *came[target_col]]
            panel.plot([times[0], *came[time_col]], line, color=TRUTH, linewidth=1.4, label="truth")
        for level in levels_of(forecasts, name):
            ends = ([past[target_col].iloc[-1], *ahead[f"{name}-{end}-{level}"]] for end in ("lo", "hi"))
            shade = 0.12 + 0.1 * (100 - float(level)) / 20  # narrower, darker
            panel.fill_between(times, *ends, color=FORECAST, alpha=min(shade, 0.4), linewidth=0, label=f"{level} %")
        line = [past[target_col].iloc[-1], *ahead[name]]
        panel.plot(times, line, color=FORECAST, linewidth=1.8, label="forecast")
        panel.axvline(times[0], color="#bbbbbb", linewidth=0.8, zorder=0)
        panel.set_title(str(label), loc="left", fontsize=10)
        decorate(panel, dates=past[time_col].dtype.kind == "M")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels), frameon=False, fontsize=9)
    return figure


def levels_of(forecasts, name):
    """Levels of the intervals in a frame, as its columns write them, the widest first."""
    begin = f"{name}-lo-"
    found = [column.removeprefix(begin) for column in forecasts.columns if str(column).startswith(begin)]
    return sorted(found, key=float, reverse=True)


def plot_training(forecaster):
    """What a fitted forecaster did: the course of training, and the trial of its plans.

    Parameters
    ----------
    forecaster : RNNForecaster

    Returns
    -------
    matplotlib.figure.Figure
    """
    Figure = require("matplotlib.figure", "a plot").Figure
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    course, trial = figure.subplots(1, 2)
    for curve in forecaster.loss_curves_:
        course.plot(EPOCH * np.arange(1, len(curve) + 1), curve, color=FORECAST, alpha=0.5, linewidth=1)
    course.set(yscale="log", xlabel="updates", title="mean absolute error while training, a line for each network")
    table = forecaster.trial_
    if table is None:
        trial.text(0.5, 0.5, "no trial", ha="center", transform=trial.transAxes)
    else:
        table = table.iloc[::-1]
        index = np.where(table["deseasonalize"], ", index", "")
        words = "window " + table["window"].astype(str) + ", level " + table["level"].astype(str) + index
        trial.barh(words, table["error"], color=[FORECAST if kept else "#cccccc" for kept in table["kept"]], height=0.7)
        trial.set(title="error on the held-out values, a bar for each plan; coloured: kept")
    for panel in (course, trial):
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8, length=3)
        panel.title.set(fontsize=9)
    return figure


def decorate(panel, dates):
    """No ornaments: a light grid, two sides of the frame, few ticks."""
    dates_of = require("matplotlib.dates", "a plot")
    MaxNLocator = require("matplotlib.ticker", "a plot").MaxNLocator
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#eeeeee", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8, length=3)
    panel.margins(x=0.02)
    panel.yaxis.set_major_locator(MaxNLocator(4))
    if dates:
        locator = dates_of.AutoDateLocator(minticks=3, maxticks=6)
        panel.xaxis.set_major_locator(locator)
        panel.xaxis.set_major_formatter(dates_of.ConciseDateFormatter(locator))
    else:
        panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
