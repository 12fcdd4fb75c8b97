"""Forecasts as a picture: small multiples of history, forecast and, where it is known, the truth."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tsrnn.extras import require
from tsrnn.forecasting.ensemble import EPOCH
from tsrnn.forecasting.panel.frames import read
from tsrnn.types import FrameLike

HISTORY = "#4d4d4d"
FORECAST = "#d55e00"
TRUTH = "#0072b2"  # told apart without colour vision (Okabe & Ito 2008)


def plot_forecasts(
    history: FrameLike,
    forecasts: FrameLike | None,
    truth: FrameLike | None = None,
    ids: list | None = None,
    max_series: int = 6,
    tail: int | None = None,
    name: str = "RNNForecaster",
    id_col: str = "unique_id",
    time_col: str = "ds",
    target_col: str = "y",
) -> Any:
    """Draw the end of some series, their forecasts with intervals and, where it is known, what came.

    The vertical axis shows history, forecast and truth; an interval that is more than as high again on either side
    runs out of the picture.

    Parameters
    ----------
    history : DataFrame or Series
        In any form that `RNNForecaster.fit` takes.
    forecasts : DataFrame or Series
        As `RNNForecaster.predict` returns it for such a form.
    truth : DataFrame or Series, optional
        Values to compare with, in any of these forms.
    ids : list, optional
        Series to draw; by default `max_series` spread over the panel.
    max_series : int, default=6
        Most series that are drawn unless `ids` names them.
    tail : int, optional
        Values of history shown; by default four horizons, at least 36.
    name : str, default="RNNForecaster"
        Column of the forecasts.
    id_col, time_col, target_col : str
        Columns of long frames.

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it; `savefig` writes it to a file. It does not belong to pyplot, so that no window opens.

    Raises
    ------
    ImportError
        Without matplotlib; `pip install "tsrnn[plot]"` brings it.
    ValueError, TypeError
        If a frame is not what it must be, or has no series of `ids`.

    Examples
    --------
    >>> from tsrnn import RNNForecaster, plot_forecasts
    >>> from tsrnn.datasets import load_airline
    >>> y = load_airline()
    >>> forecaster = RNNForecaster(h=12, season_length=12, max_steps=60, random_state=0).fit(y[:-12])
    >>> figure = plot_forecasts(y[:-12], forecaster.predict(level=80), truth=y[-12:])
    >>> figure.savefig("forecast.png")  # doctest: +SKIP
    """
    require("matplotlib", "a plot")
    from tsrnn.pictures import Picture

    names = id_col, time_col
    past = in_time(history, id_col, time_col, target_col)
    ahead = read_forecasts(forecasts, name, names, past[id_col].iloc[0])
    came = None if truth is None else in_time(truth, id_col, time_col, target_col)
    for what, frame in (("history", past), ("truth", came)):
        if frame is not None and kind_of(frame[time_col]) != kind_of(ahead[time_col]):
            raise ValueError(
                f"times of {what} and forecasts must be of one kind; got {frame[time_col].dtype} and "
                f"{ahead[time_col].dtype}."
            )
    ids = chosen(ahead[id_col].unique(), ids, max_series)
    n_columns = 1 if len(ids) == 1 else 2 if len(ids) <= 4 else 3
    n_rows = -(-len(ids) // n_columns)
    figure = Picture(
        figsize=(7.2 if n_columns == 1 else 4.2 * n_columns, 2.6 * n_rows + 0.6),
        layout="constrained",
    )
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    for panel in panels.flat[len(ids) :]:
        panel.set(visible=False)
    for panel, label in zip(panels.flat, ids):
        mine = partial(of_series, id_col=id_col, label=label)
        draw(panel, mine(past), mine(ahead), mine(came), (time_col, target_col, name), tail)
        panel.set_title(str(label), loc="left", fontsize=10)
        decorate(panel, ahead[time_col])
    for panel in panels[:, 0]:
        panel.set_ylabel(str(target_col), fontsize=9)
    parts = {}
    for panel in panels.flat:
        parts |= dict(zip(*reversed(panel.get_legend_handles_labels())))
    figure.legend(
        parts.values(),
        parts,
        loc="outside upper right",
        ncols=len(parts),
        frameon=False,
        fontsize=9,
    )
    return figure


def in_time(df, id_col, time_col, target_col):
    """A long frame, the times of every series in their order."""
    frame = read(df, None, (id_col, time_col, target_col))[0]
    return frame.sort_values(time_col, kind="stable")  # pyright: ignore[reportCallIssue]


def of_series(frame, id_col, label):
    """The rows of one series."""
    return None if frame is None else frame[frame[id_col] == label]


def read_forecasts(forecasts, name, names, label):
    """A long frame from any form in which `predict` answers; `label` is that of a single series."""
    # wide, with intervals
    if isinstance(forecasts, pd.DataFrame) and forecasts.columns.nlevels == 2:
        labels = forecasts.columns.get_level_values(1).unique()
        forecasts = pd.concat({label: forecasts.xs(label, axis=1, level=1) for label in labels})
    elif is_one_series(forecasts, name, names):  # with intervals
        forecasts = pd.concat({label: forecasts})
    intervals = [
        f"{name}-{end}-{level}" for level in levels_of(forecasts, name) for end in ("lo", "hi")
    ]
    id_col, time_col = names
    frame = read(forecasts, None, (id_col, time_col, name), intervals)[0]
    repeated = frame.duplicated(list(names))
    if repeated.any():
        raise ValueError(
            f"forecasts must have one row for each series and time; got {frame[names[1]][repeated].iloc[0]} twice: of "
            "a cross-validation, take the rows of one cutoff."
        )
    return frame.sort_values(names[1], kind="stable")  # pyright: ignore[reportCallIssue]


def kind_of(times):
    """What decides whether times can be compared."""
    return times.dtype.kind == "i", getattr(times.dtype, "tz", None) is None


def is_one_series(forecasts, name, names):
    """Whether time is the index and the columns are those of forecasts."""
    if not isinstance(forecasts, pd.DataFrame) or forecasts.index.nlevels > 1:
        return False
    return name in forecasts.columns and set(names).isdisjoint(forecasts.columns)


def chosen(labels, ids, max_series):
    """Labels of the series to draw."""
    if ids is None:
        if not isinstance(max_series, (int, np.integer)) or max_series < 1:
            raise ValueError(f"max_series must be an int of at least 1; got {max_series!r}.")
        return list(
            labels[np.unique(np.linspace(0, len(labels) - 1, max_series).round().astype(int))]
        )
    ids = [ids] if isinstance(ids, str) or np.ndim(ids) == 0 else list(ids)
    unknown = [label for label in ids if label not in set(labels)]
    if unknown or not ids:
        got = repr(unknown[0]) if unknown else "none"
        raise ValueError(f"ids must be labels of series in forecasts; got {got}.")
    return ids


def draw(panel, past, ahead, came, columns, tail):
    """One series: its last values, the forecast with intervals, the truth."""
    time_col, target_col, name = columns
    past = past[past[time_col] < ahead[time_col].iloc[0]].tail(tail or max(36, 4 * len(ahead)))
    known = past[past[target_col].notna()]
    last = known.tail(1)  # the forecast starts there, so that the eye does not have to jump
    times = [*last[time_col], *ahead[time_col]]
    panel.plot(past[time_col], past[target_col], color=HISTORY, linewidth=1.2, label="history")
    if came is not None:
        values = [*last[target_col], *came[target_col]]
        panel.plot(
            [*last[time_col], *came[time_col]], values, color=TRUTH, linewidth=1.4, label="truth"
        )
    panel.plot(
        times, [*last[target_col], *ahead[name]], color=FORECAST, linewidth=1.8, label="forecast"
    )
    shown = pd.concat(
        [past[target_col], ahead[name]] + ([] if came is None else [came[target_col]])
    )
    low = shown.min()
    high = shown.max()
    height = (high - low) or abs(high) or 1.0
    for level in levels_of(ahead, name):
        lo, hi = (ahead[f"{name}-{end}-{level}"] for end in ("lo", "hi"))
        shade = 0.12 + 0.1 * (100 - float(level)) / 20  # narrower, darker
        panel.fill_between(
            times,
            [*last[target_col], *lo],
            [*last[target_col], *hi],
            color=FORECAST,
            alpha=min(shade, 0.4),
            linewidth=0,
            label=f"{level}% interval",
        )
        low = min(low, max(lo.min(), shown.min() - height))
        high = max(high, min(hi.max(), shown.max() + height))
    panel.set_ylim(low - 0.05 * (high - low or height), high + 0.05 * (high - low or height))
    if len(last):
        panel.axvline(times[0], color="#bbbbbb", linewidth=0.8, zorder=0)


def levels_of(forecasts, name):
    """Levels of the intervals in a frame, as its columns write them, the widest first."""
    begin = f"{name}-lo-"
    columns = map(str, getattr(forecasts, "columns", ()))
    found = [column.removeprefix(begin) for column in columns if column.startswith(begin)]
    return sorted(found, key=float, reverse=True)


def plot_training(forecaster):
    """What a fitted forecaster did: the course of training, and the trial of its plans.

    Parameters
    ----------
    forecaster : RNNForecaster

    Returns
    -------
    matplotlib.figure.Figure
        A notebook shows it; `savefig` writes it to a file.
    """
    require("matplotlib", "a plot")
    from tsrnn.pictures import Picture

    figure = Picture(figsize=(11, 4.2), layout="constrained")
    progress, trial = figure.subplots(1, 2)
    loss = "pinball loss" if forecaster.quantiles_ else "mean absolute error"
    draw_course(progress, forecaster.loss_curves_, f"{loss}, adjusted scale")
    if forecaster.trial_ is None:
        trial.text(
            0.5,
            0.5,
            "no trial: every setting was given",
            ha="center",
            transform=trial.transAxes,
            fontsize=9,
        )
        trial.set_axis_off()
    else:
        draw_trial(trial, forecaster.trial_.iloc[::-1])
    for panel in (progress, trial):
        panel.spines[["top", "right"]].set(visible=False)
        panel.tick_params(which="both", labelsize=8, length=3)
        panel.title.set(fontsize=9)
        panel.xaxis.label.set(fontsize=9)
        panel.yaxis.label.set(fontsize=9)
    return figure


def draw_course(panel, curves, label):
    from tsrnn.pictures import plain_log, ticker

    for curve in curves:
        panel.plot(
            EPOCH * np.arange(1, len(curve) + 1), curve, color=FORECAST, alpha=0.5, linewidth=1
        )
    panel.set(yscale="log", xlabel="updates", ylabel=label)
    panel.set_title("training, a line for each network")
    panel.xaxis.set_major_locator(ticker.MaxNLocator(6, integer=True))
    plain_log(panel.yaxis, panel.get_ylim())


def draw_trial(panel, table):
    index = np.where(table["deseasonalize"], ", seasonal index", "")
    units = ""
    if "log" in table:  # not of files of before
        told = table[["log", "scale"]].astype(str)
        units = np.where(told["log"] == "False", ", no logarithm", "")
        units = units + np.where(told["scale"] == "True", ", naive errors", "")
    words = "window " + table["window"].astype(str) + ", level " + table["level"].astype(str)
    words = words + index + units
    places = np.arange(len(table))
    panel.barh(
        places,
        table["error"],
        color=[FORECAST if kept else "#cccccc" for kept in table["kept"]],
        height=0.7,
    )
    panel.set_yticks(places, words)
    panel.set_ylim(
        len(table) / 2 - max(len(table), 6) / 2 - 0.5, len(table) / 2 + max(len(table), 6) / 2 - 0.5
    )
    panel.set_title("trial, a bar for each plan; coloured: kept")
    panel.set_xlabel("weighted error on the held-out values, relative to truth and forecast")


def decorate(panel, times):
    """No ornaments: a light grid, two sides of the frame, few ticks."""
    ticker = require("matplotlib.ticker", "a plot")
    panel.spines[["top", "right"]].set(visible=False)
    panel.grid(axis="y", color="#eeeeee", linewidth=0.8)
    panel.set(axisbelow=True)
    panel.tick_params(labelsize=8, length=3)
    panel.margins(x=0.02)
    panel.yaxis.set_major_locator(ticker.MaxNLocator(4))
    if pd.api.types.is_datetime64_any_dtype(times):
        of_dates(panel.xaxis, times.dt.tz)
    else:
        panel.xaxis.set_major_locator(ticker.MaxNLocator(5, integer=True))


def of_dates(axis, zone):
    """Ticks at dates as the zone of the data counts them, days with their month."""
    dates = require("matplotlib.dates", "a plot")
    locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=6)
    formatter = dates.ConciseDateFormatter(
        locator,
        tz=zone,
        formats=["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
        zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
        offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
    )
    axis.set_major_locator(locator)
    axis.set_major_formatter(formatter)
