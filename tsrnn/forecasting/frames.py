"""The one door for frames: long, wide or a single series in, the same form out; what cannot be forecast is named."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd
from utilsforecast.processing import time_ranges

from tsrnn.forecasting.forms import as_long
from tsrnn.forecasting.times import as_times, called, check_freq, check_grid, infer_freq


@dataclass(frozen=True)
class Panel:
    """Series end to end, sorted by label: number i is `values[starts[i] : starts[i + 1]]`."""

    values: np.ndarray  # float64
    starts: np.ndarray  # (n_series + 1,)
    ids: pd.Index
    last: pd.Index  # the last time stamp of each series
    freq: str | int
    restore: Callable  # long frame of forecasts -> the form of the input
    columns: tuple  # names of id, time and target

    def series(self):
        return np.split(self.values, self.starts[1:-1])


def to_panel(df, freq=None, id_col="unique_id", time_col="ds", target_col="y"):
    """Read a panel in any of its forms.

    Parameters
    ----------
    df : DataFrame or Series
        Long: columns `id_col`, `time_col`, `target_col`; others are ignored. Wide: a numeric column for each series,
        time as index; a series may begin later, after missing values. Series: time as index. A two-level index is
        (series, time). Rows in any order.
    freq : str, int or None
        Pandas alias or integer; None infers it.
    id_col, time_col, target_col : str
        Columns of a long frame.

    Returns
    -------
    Panel

    Raises
    ------
    TypeError, ValueError
        One sentence that says what must be, what was got, and which series.
    """
    frame, restore = as_long(df, id_col, time_col, target_col)
    frame = frame.reset_index(drop=True)
    if frame[id_col].isna().any():
        raise ValueError(
            f"column {id_col!r} must name a series in every row; got {frame[id_col].isna().sum()} missing."
        )
    if frame[time_col].isna().any():
        culprit = frame[id_col][frame[time_col].isna()].iloc[0]
        raise ValueError(f"column {time_col!r} must hold a time in every row; series {called(culprit)} lacks one.")
    frame[time_col], freq, restore = as_times(frame[time_col], freq, restore)
    frame = sorted_by_time(frame, id_col, time_col)
    values = as_numbers(frame, id_col, target_col)
    codes, ids = pd.factorize(frame[id_col])
    starts = np.append(0, np.bincount(codes).cumsum())
    short = np.diff(starts) < 2
    if short.any():
        raise ValueError(f"every series must have at least two values; series {called(ids[short.argmax()])} has one.")
    times = frame[time_col]
    freq = infer_freq(times, starts, ids) if freq is None else check_freq(times, freq)
    check_grid(times, starts, ids, freq)
    last = pd.Index(times.iloc[starts[1:] - 1])
    return Panel(values, starts, pd.Index(ids), last, freq, restore, (id_col, time_col, target_col))


def to_frame(panel, forecasts, h, name="RNNForecaster"):
    """Forecasts (n_series, h), or a dict of such by column name, in the form of the panel's input."""
    id_col, time_col, _ = panel.columns
    step = pd.tseries.frequencies.to_offset(panel.freq) if isinstance(panel.freq, str) else panel.freq
    columns = forecasts if isinstance(forecasts, dict) else {name: forecasts}
    times = time_ranges(panel.last + step, panel.freq, h)
    frame = pd.DataFrame(
        {id_col: panel.ids.repeat(h), time_col: times.to_numpy() if times.dtype.kind == "i" else times}
    )
    return panel.restore(frame.assign(**{column: np.ravel(values) for column, values in columns.items()}))


def sorted_by_time(frame, id_col, time_col):
    """Rows in the order of series and time, none of them twice."""
    try:
        frame = frame.sort_values([id_col, time_col], kind="stable", ignore_index=True)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in frame[id_col]})
        raise ValueError(f"column {id_col!r} must hold labels of one type; got {' and '.join(kinds)}.") from error
    repeated = frame.duplicated([id_col, time_col])
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise ValueError(
            f"times must not repeat within a series; series {called(row[id_col])} has {row[time_col]} twice."
        )
    return frame


def as_numbers(frame, id_col, target_col):
    """The target as finite float64."""
    target, labels = frame[target_col], frame[id_col].to_numpy()
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_complex_dtype(target):
        numbers = pd.to_numeric(target.astype(object), errors="coerce")
        unread = numbers.isna() & target.notna()
        wrong = unread if unread.any() else target.map(lambda value: not isinstance(value, Real))
        if wrong.any():
            i = int(wrong.to_numpy().argmax())
            raise ValueError(f"column {target_col!r} must hold numbers; series {called(labels[i])} has {target[i]!r}.")
        target = numbers
    values = target.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        culprit = labels[bad.argmax()]
        count = int((bad & (labels == culprit)).sum())
        what = "missing" if np.isnan(values[bad.argmax()]) else "infinite"
        raise ValueError(f"values must be finite; series {called(culprit)} has {count} values {what}.")
    return values
