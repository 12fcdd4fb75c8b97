"""Forecasts of the past: of windows at the end of a panel, from what lies before each."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.histories import joined


def backtest(forecaster, panel, n_windows, step_size, every, level):
    """A long frame of forecasts beside what came; the forecaster is trained before the first of `every` windows."""
    frames, h = [], forecaster.h
    for first in range(0, n_windows, every):
        windows = range(first, min(first + every, n_windows))
        pairs = [panel.before(h + (n_windows - 1 - k) * step_size) for k in windows]
        if not len(pairs[0][0].ids):
            raise ValueError(
                f"n_windows={n_windows}, step_size={step_size} and h={h} must leave two values of a series before the "
                f"first window; the longest has {np.diff(panel.starts).max()}."
            )
        forecaster._fit(pairs[0][0])
        frames += forecast_the_past(forecaster, pairs, level)
    order = [*panel.columns[:2], "cutoff", panel.columns[2]]
    out = pd.concat(frames, ignore_index=True)
    return out[order + [name for name in out.columns if name not in [*order, *forecaster._roles.columns]]]


def forecast_the_past(forecaster, pairs, level):
    """A frame for each (history, rest) of a panel, all forecast in one pass."""
    h, ahead = forecaster.h, [first_of(rest, forecaster.h) for _, rest in pairs]
    levels = forecaster._levels(level, h)
    histories = joined([forecaster._histories(history, frame) for (history, _), frame in zip(pairs, ahead)])
    columns, at = forecaster._columns(histories, levels, h), 0
    for (history, _), frame in zip(pairs, ahead):
        n = len(history.ids)
        values = {name: values[at : at + n].ravel() for name, values in columns.items()}
        yield frame.assign(cutoff=np.repeat(history.last, h), **values)
        at += n


def first_of(panel, h):
    """The first `h` values of every series, a long frame."""
    place = np.arange(len(panel.values)) - np.repeat(panel.starts[:-1], np.diff(panel.starts))
    return panel.to_long()[place < h]
