"""Forecasts of the past: of windows at the end of a panel, from what lies before each."""

import warnings

import numpy as np
import pandas as pd

from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.panel.forms import long_way
from tsrnn.forecasting.panel.histories import concatenate
from tsrnn.forecasting.predicting import adjusted_of, check_asked, columns_of


def backtest(fit, panel, h, n_windows, step_size, every, asked):
    """A long frame of forecasts beside what came; `fit` trains on a panel before the first of `every` windows."""
    frames = []
    for first in range(0, n_windows, every):
        windows = range(first, min(first + every, n_windows))
        pairs = [panel.before(h + (n_windows - 1 - k) * step_size) for k in windows]
        if not len(pairs[0][0].ids):
            raise ValueError(
                f"n_windows={n_windows}, step_size={step_size} and h={h} must leave two values of a series before the "
                f"first window; the longest has {np.diff(panel.starts).max()}."
            )
        fitted = wholly(fit, pairs[0][0])
        check_asked(fitted, asked, h)
        frames += forecast_the_past(fitted, pairs, asked)
    order = [*panel.columns[:2], "cutoff", panel.columns[2]]
    out = pd.concat(frames, ignore_index=True)
    out = out[order + [name for name in out.columns if name not in [*order, *fitted.roles.columns]]]
    return long_way(panel.restore)(out)


def wholly(fit, panel):
    """A fit that Ctrl-C ends, as it does the windows after it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", InterruptedFitWarning)
        try:
            return fit(panel)
        except InterruptedFitWarning:
            raise KeyboardInterrupt from None


def forecast_the_past(fitted, pairs, asked):
    """A frame for each (history, rest) of a panel, all forecast in one pass."""
    h = fitted.setting.h
    at = 0
    told = [rest.to_long() if fitted.roles.future else None for _, rest in pairs]
    starts = [
        adjusted_of(fitted, past, X_df, h, name="df").histories
        for (past, _), X_df in zip(pairs, told)
    ]
    columns = columns_of(fitted, Adjusted(concatenate(starts), fitted.setting), asked, h)
    for history, rest in pairs:
        n = len(history.ids)
        frame = first_of(rest, h)
        values = {name: values[at : at + n].ravel() for name, values in columns.items()}
        yield frame.assign(cutoff=np.repeat(history.last, h), **values)
        at += n


def first_of(panel, h):
    """The first `h` values of every series, a long frame."""
    return panel.to_long()[panel.series.ages < h]
