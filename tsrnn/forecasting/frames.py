"""The one door for frames: long, wide or a single series in, the same form out; what cannot be forecast is named."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from utilsforecast.processing import time_ranges


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
    """Read a long frame, a wide frame or a series.

    Parameters
    ----------
    df : DataFrame or Series
        Long: columns `id_col`, `time_col`, `target_col`; others are ignored. Wide: a numeric column for each series,
        time as index; a series may begin later, after missing values. Series: time as index. Rows in any order.
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
    if frame.empty:
        raise ValueError("the data must hold at least one series; got 0 rows.")
    if frame[id_col].isna().any():
        raise ValueError(
            f"column {id_col!r} must name a series in every row; got {frame[id_col].isna().sum()} missing."
        )
    frame[time_col], restore = as_times(frame[time_col], restore)
    if frame[time_col].isna().any():
        culprit = frame[id_col][frame[time_col].isna()].iloc[0]
        raise ValueError(f"column {time_col!r} must hold a time in every row; series {called(culprit)} lacks one.")
    frame = frame.sort_values([id_col, time_col], kind="stable", ignore_index=True)
    repeated = frame.duplicated([id_col, time_col])
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise ValueError(
            f"times must not repeat within a series; series {called(row[id_col])} has {row[time_col]} twice."
        )
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


def called(label):
    """A series' label as errors show it."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def as_long(df, id_col, time_col, target_col):
    """A long frame of three columns, and the way back for forecasts."""
    if isinstance(df, pd.Series):
        label = "series" if df.name is None else df.name
        frame = pd.DataFrame({id_col: label, time_col: df.index, target_col: df.to_numpy()})
        return frame, partial(as_series, df.name, df.index.name)
    if not isinstance(df, pd.DataFrame):
        raise TypeError(f"the data must be a pandas DataFrame or Series; got {type(df).__name__}.")
    wanted = [id_col, time_col, target_col]
    missing = [column for column in wanted if column not in df.columns]
    if not missing:
        return df[wanted].copy(), as_it_is
    time_index = isinstance(df.index, (pd.DatetimeIndex, pd.PeriodIndex, pd.RangeIndex)) or df.index.dtype.kind == "i"
    numbers = all(pd.api.types.is_numeric_dtype(kind) for kind in df.dtypes)
    if len(missing) < 3 or not time_index or not numbers:
        raise ValueError(f"a long frame must have the columns {wanted}; {missing} not among {list(df.columns)}.")
    if not df.columns.is_unique:
        raise ValueError(
            f"columns of a wide frame must be unique; got {df.columns[df.columns.duplicated()][0]!r} twice."
        )
    parts = {name: column.loc[column.first_valid_index() :] for name, column in df.sort_index().items()}
    empty = [name for name, column in df.items() if column.notna().sum() == 0]
    if empty:
        raise ValueError(f"every series must have at least two values; series {called(empty[0])} has none.")
    frame = pd.concat(
        [
            pd.DataFrame({id_col: name, time_col: part.index, target_col: part.to_numpy()})
            for name, part in parts.items()
        ]
    )
    return frame, partial(as_wide, df.columns, df.index.name)


# Long frames of forecasts (columns id, time, forecast) in the form of the input


def as_it_is(out):
    return out


def as_series(name, index_name, out):
    return out.set_index(out.columns[1])[out.columns[-1]].rename(name).rename_axis(index_name)


def as_wide(columns, index_name, out):
    wide = out.pivot(index=out.columns[1], columns=out.columns[0], values=out.columns[-1])
    return wide[list(columns)].rename_axis(index=index_name, columns=columns.name)


def with_periods(restore, freq, out):
    return restore(out.assign(**{out.columns[1]: pd.PeriodIndex(out[out.columns[1]], freq=freq)}))


def as_times(times, restore):
    """Timestamps or integers; periods go back to periods in what `restore` returns."""
    if isinstance(times.dtype, pd.PeriodDtype):
        return times.dt.to_timestamp(), partial(with_periods, restore, times.dtype.freq)
    if pd.api.types.is_integer_dtype(times) or pd.api.types.is_datetime64_any_dtype(times):
        return times, restore
    if pd.api.types.is_numeric_dtype(times):
        raise ValueError(f"column {times.name!r} must hold timestamps or integers; got {times.dtype}.")
    parsed = pd.to_datetime(times, errors="coerce")
    unread = parsed.isna() & times.notna()
    if unread.any():
        raise ValueError(f"column {times.name!r} must hold timestamps or integers; got {times[unread].iloc[0]!r}.")
    return parsed, restore


def as_numbers(frame, id_col, target_col):
    """The target as finite float64."""
    target = frame[target_col]
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_complex_dtype(target):
        raise ValueError(f"column {target_col!r} must hold numbers; got {target.dtype}.")
    values = target.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        culprit = frame[id_col].to_numpy()[bad.argmax()]
        count = int(bad[(frame[id_col] == culprit).to_numpy()].sum())
        what = "missing" if np.isnan(values[bad.argmax()]) else "infinite"
        raise ValueError(f"column {target_col!r} must be finite; series {called(culprit)} has {count} values {what}.")
    return values


def infer_freq(times, starts, ids):
    """The frequency of the longest series."""
    longest = int(np.diff(starts).argmax())
    mine = times.iloc[starts[longest] : starts[longest + 1]]
    if times.dtype.kind == "i":
        return int(np.diff(mine.to_numpy()).min())
    freq = pd.DatetimeIndex(mine, freq="infer").freqstr if len(mine) > 2 else None
    if freq is None:
        name = called(ids[longest])
        raise ValueError(
            f"freq must be given, such as 'D' or 'MS'; the {len(mine)} times of series {name} do not tell it."
        )
    return freq


def check_freq(times, freq):
    """`freq` as it came, if it can be the frequency of such times."""
    integers = times.dtype.kind == "i"
    if integers != isinstance(freq, (int, np.integer)) or isinstance(freq, bool) or (integers and freq < 1):
        kind = "an int of at least 1 for integer times" if integers else "a pandas alias such as 'D' for timestamps"
        raise ValueError(f"freq must be {kind}; got {freq!r}.")
    if not integers:
        try:
            pd.tseries.frequencies.to_offset(freq)
        except ValueError as error:
            raise ValueError(f"freq must be a pandas alias such as 'D'; got {freq!r}.") from error
    return freq


def check_grid(times, starts, ids, freq):
    """Every series must have a row for each step of `freq` between its first and its last time."""
    step = pd.tseries.frequencies.to_offset(freq) if isinstance(freq, str) else freq
    index = pd.Index(times)
    follows = np.append(False, index[:-1] + step == index[1:])
    follows[starts[:-1]] = True if isinstance(step, int) else [step.is_on_offset(first) for first in index[starts[:-1]]]
    if follows.all():
        return
    series = int(np.searchsorted(starts, (~follows).argmax(), side="right")) - 1
    mine = index[starts[series] : starts[series + 1]]
    grid = range(mine[0], mine[-1] + 1, freq) if isinstance(step, int) else pd.date_range(mine[0], mine[-1], freq=freq)
    name, grid = called(ids[series]), pd.Index(grid)
    off = mine.difference(grid)
    if len(off):
        raise ValueError(f"freq={freq!r} must fit the times; series {name} has {off[0]}, which does not.")
    lacking = grid.difference(mine)
    raise ValueError(
        f"times must have no gaps; series {name} lacks {len(lacking)} of them, the first {lacking[0]}: fill them, for "
        f"example with utilsforecast.preprocessing.fill_gaps, and give them values."
    )
