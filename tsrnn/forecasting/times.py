"""Times of series: read, their frequency, and what is missing between them."""

import warnings
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd

from tsrnn.forecasting.dtypes import time_columns

RUN = 10  # times that tell a frequency: less than two weeks of business days look like days


def called(label):
    """A series' label as errors show it."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def as_times(times, freq, restore):
    """Timestamps or int64, their frequency if it is known, and the way back; periods go back to periods."""
    if isinstance(times.dtype, pd.ArrowDtype):
        times = pd.Series(times.to_numpy(), name=times.name)
    kind = pd.api.types.infer_dtype(times)
    if times.dtype == object and kind in ("integer", "period"):
        times = times.astype("Int64") if kind == "integer" else times.infer_objects()
    if isinstance(times.dtype, pd.PeriodDtype):
        alias = str(times.dtype).removeprefix("period[").removesuffix("]")
        return times.dt.to_timestamp(), of_periods(times.dtype, alias, freq), partial(with_periods, restore, alias)
    if pd.api.types.is_integer_dtype(times):
        return as_integers(times), freq, restore
    if pd.api.types.is_datetime64_any_dtype(times):
        return times, freq, restore
    if kind not in ("string", "datetime", "datetime64", "date"):
        got = times.dtype if times.dtype != object else kind
        raise ValueError(f"column {times.name!r} must hold timestamps or integers; got {got}.")
    try:
        parsed = pd.to_datetime(times, errors="coerce")
    except ValueError as error:
        raise ValueError(
            f"times of column {times.name!r} must have one time zone; got several: pandas.to_datetime(..., utc=True) "
            "converts them."
        ) from error
    if parsed.isna().any():
        raise ValueError(
            f"column {times.name!r} must hold timestamps or integers; got {times[parsed.isna()].iloc[0]!r}."
        )
    return parsed, freq, restore


def like_those_of_fit(times, known, of=""):
    """The same instants in the time zone of `known`; its calendar is what was learnt. Other kinds are refused."""
    mine, other = zone_of(known.dtype), zone_of(times.dtype)
    if (known.dtype.kind == "i") != (times.dtype.kind == "i"):
        kinds = ("integers", "timestamps") if known.dtype.kind == "i" else ("timestamps", "integers")
        raise ValueError(f"times{of} must be {kinds[0]} as in fit; got {kinds[1]}.")
    if mine is None and other is not None:
        raise ValueError(f"times{of} must have no time zone, as those of fit; got {other}: tz_localize(None) drops it.")
    if mine is not None and other is None:
        raise ValueError(
            f"times{of} must have a time zone, as those of fit have {mine}; got none: tz_localize adds it."
        )
    return times if mine == other else times.dt.tz_convert(mine)


def zone_of(dtype):
    return getattr(dtype, "tz", None)


def as_integers(times):
    """Steps are counted, so a number that spells a date is refused: the day after 20200131 is not 20200132."""
    times = times.astype(np.int64)
    if times.between(19000101, 21001231).all():
        dates = pd.to_datetime(times.astype(str), format="%Y%m%d", errors="coerce")
        if dates.notna().all():
            raise ValueError(
                f"column {times.name!r} must hold timestamps or a count of steps; got dates as integers such as "
                f"{times.iloc[0]}: pandas.to_datetime(..., format='%Y%m%d') converts them."
            )
    if spells_periods(times):
        raise ValueError(
            f"column {times.name!r} must hold timestamps or a count of steps; got years with their months, weeks or "
            f"quarters as integers such as {times.iloc[0]}: pandas.PeriodIndex or to_datetime converts them."
        )
    return times


def spells_periods(times):
    """Whether all are like 202001, a year and its month or week, or 20201, a year and its quarter; more than one year
    of them, or months.
    """
    for digits, most in ((100, 53), (10, 4)):
        years, parts = times // digits, times % digits
        if years.between(1900, 2100).all() and parts.between(1, most).all():
            months = digits == 100 and parts.max() <= 12 and parts.nunique() >= 6  # fewer may be the end of a count
            return years.nunique() > 1 or months
    return False


def with_periods(restore, freq, out):
    out = out.copy()
    for column in time_columns(out):
        out[column] = pd.PeriodIndex(out[column], freq=freq)
    return restore(out)


def of_periods(dtype, alias, freq):
    """The frequency of the timestamps at which such periods begin; `freq` may name the periods, as in 'M' or 'Q'."""
    if freq is not None and not (isinstance(freq, str) and f"{alias}-".startswith(f"{freq}-")):
        return freq
    begins = pd.PeriodIndex.from_ordinals(np.arange(0, RUN * dtype.freq.n, dtype.freq.n), freq=dtype.freq)
    return pd.DatetimeIndex(begins.to_timestamp(), freq="infer").freqstr


def infer_freq(times, starts, ids):
    """The frequency of the longest series; where it has gaps, that of most runs between them."""
    longest = int(np.diff(starts).argmax())
    mine = times.iloc[starts[longest] : starts[longest + 1]]
    if times.dtype.kind == "i":
        return int(np.diff(mine.to_numpy()).min())
    index = pd.DatetimeIndex(mine)
    freq = freq_of(index)
    for length in (RUN, RUN // 2):
        runs = [index[start : start + length] for start in range(0, len(index) - length + 1, length // 2)]
        found = Counter(filter(None, map(freq_of, runs[:200] if freq is None else [])))
        freq = found.most_common(1)[0][0] if found else freq
    if freq is None:
        raise ValueError(
            f"freq must be given, such as 'D' or 'MS'; the {len(mine)} times of series {called(ids[longest])} do not "
            "tell it."
        )
    return freq


def freq_of(index):
    return pd.DatetimeIndex(index, freq="infer").freqstr if len(index) > 2 else None


def check_freq(times, freq):
    """`freq` as an alias, an int, or an offset that no alias tells whole, if it can be the frequency of such times."""
    integers = times.dtype.kind == "i"
    if isinstance(freq, (pd.offsets.BaseOffset, timedelta)) and not integers:
        return alias_or_offset(pd.tseries.frequencies.to_offset(freq))
    if integers != isinstance(freq, (int, np.integer)) or isinstance(freq, bool) or (integers and freq < 1):
        kind = "an int of at least 1 for integer times" if integers else "a pandas alias such as 'D' for timestamps"
        raise ValueError(f"freq must be {kind}; got {freq!r}.")
    if integers:
        return int(freq)
    try:
        pd.tseries.frequencies.to_offset(freq)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"freq must be a pandas alias such as 'D', 'MS' (month starts) or 'ME' (month ends); got {freq!r}."
        ) from error
    return freq


def alias_or_offset(offset):
    """The alias of an offset; the offset itself, with its holidays and parts, where the alias means another."""
    try:
        again = pd.tseries.frequencies.to_offset(offset.freqstr)
    except ValueError:  # no alias at all
        return offset
    return offset.freqstr if again == offset else offset


@contextmanager
def quiet():
    """Without pandas' warning that it adds some offsets one by one, which nobody can help."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        yield


def following(index, starts, step):
    """Which times are one step after the one before, or the first of a series on the grid of such steps."""
    with quiet():
        follows = np.append(False, index[:-1] + step == index[1:])
    follows[starts[:-1]] = True if isinstance(step, int) else [step.is_on_offset(first) for first in index[starts[:-1]]]
    return follows


def check_grid(times, starts, ids, freq, gaps=False):
    """Every series must have a row for each step of `freq` between its first and its last time; with `gaps` some."""
    step = pd.tseries.frequencies.to_offset(freq) if isinstance(freq, str) else freq
    index = pd.Index(times)
    follows = following(index, starts, step)
    irregular = np.unique(np.searchsorted(starts, np.flatnonzero(~follows), side="right") - 1)
    for series in irregular:
        mine = index[starts[series] : starts[series + 1]]
        grid = steps_between(mine[0], mine[-1], step)
        off = mine.difference(grid)
        if len(off):
            raise ValueError(
                f"freq={freq!r} must fit the times; series {called(ids[series])} has {off[0]}, which does not."
            )
        if not gaps:
            lacking = grid.difference(mine)
            raise ValueError(
                f"times must have no gaps; series {called(ids[series])} lacks {len(lacking)} of them, the first "
                f"{lacking[0]}: fill_gaps=True takes missing times as missing values."
            )


def steps_between(first, last, step):
    if isinstance(step, int):
        return pd.Index(range(first, last + 1, step))
    return pd.date_range(first, last, freq=step)
