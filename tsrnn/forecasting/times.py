"""Times of series: read, their frequency, and what is missing between them."""

from collections import Counter
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd

from tsrnn.forecasting.dtypes import time_columns
from tsrnn.forecasting.steps import DAYS_OF_WEEK, ahead, goes_on, is_length, places, quiet, renamed, step_of, width_of

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
        with quiet():
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
    with quiet():
        for column in time_columns(out):
            out[column] = pd.PeriodIndex(out[column], freq=freq)
        return restore(out)


def of_periods(dtype, alias, freq):
    """The frequency of the timestamps at which such periods begin; `freq` may name the periods, as in 'M' or 'Q'."""
    if freq is not None and not names_periods(freq, dtype, alias):
        return freq
    begins = pd.PeriodIndex.from_ordinals(np.arange(0, RUN * dtype.freq.n, dtype.freq.n), freq=dtype.freq)
    return pd.DatetimeIndex(begins.to_timestamp(), freq="infer").freqstr


def names_periods(freq, dtype, alias):
    """Whether `freq` is that of periods, as 'M', 'ME' or MonthEnd() is that of months."""
    if isinstance(freq, str):
        return f"{renamed(alias)}-".startswith(f"{renamed(freq)}-")
    return isinstance(freq, pd.offsets.BaseOffset) and freq == dtype.freq


def infer_freq(times, starts, ids):
    """The frequency of the longest series; where it has gaps, that of most runs between them."""
    longest = int(np.diff(starts).argmax())
    mine = times.iloc[starts[longest] : starts[longest + 1]]
    if times.dtype.kind == "i":
        return int(np.diff(mine.to_numpy()).min())
    index = pd.DatetimeIndex(mine)
    likeliest = None
    for freq in filter(None, guesses(index)):
        if (places(index, [0, len(index)], step_of(freq)) >= 0).all():
            return freq
        likeliest = likeliest or freq
    if likeliest is None:
        raise ValueError(
            f"freq must be given, such as 'D' or 'MS'; the {len(mine)} times of series {called(ids[longest])} do not "
            "tell it."
        )
    return likeliest


def guesses(index):
    """Frequencies that times may have, the likeliest first."""
    yield freq_of(index)
    yield from last_week(index)
    for length in (RUN, RUN // 2):
        runs = [index[start : start + length] for start in range(0, len(index) - length + 1, length // 2)]
        counts = Counter(filter(None, map(freq_of, runs[:200])))
        yield from (freq for freq, _ in counts.most_common(3))
    yield same_day(index)
    if index.tz is not None:
        yield clock_freq(index.tz_localize(None).normalize())  # of days whose midnight is left out


def freq_of(index):
    """The frequency of times without gaps, by what the clock shows or else by lengths of time; None for others."""
    if len(index) < 3:
        return None
    shown = clock_freq(index.tz_localize(None))
    if index.tz is None or (shown is not None and not is_length(step_of(shown))):
        return shown
    lasting = clock_freq(index.tz_convert(None))
    if lasting is None or width_of(step_of(lasting)) is None:
        return None
    if is_length(step_of(lasting)):
        return lasting
    hours = width_of(step_of(lasting)) // pd.Timedelta(hours=1)
    return f"{hours}h"  # days of 24 hours, not those of the calendar


def clock_freq(clock):
    return pd.DatetimeIndex(clock, freq="infer").freqstr if clock.is_monotonic_increasing and clock.is_unique else None


def last_week(index):
    """The last Monday of every month, and the like."""
    if len(index) > 2 and index.day_of_week.nunique() == 1 and (index.days_in_month - index.day < 7).all():
        yield f"LWOM-{DAYS_OF_WEEK[index[0].day_of_week]}"


def same_day(index):
    """Months between times that are all on one day of the month, or on the last of months that have no such day."""
    days = np.asarray(index.day)
    if len(index) < 3 or (days != np.minimum(days.max(), np.asarray(index.days_in_month))).any():
        return None
    months = np.diff(np.asarray(12 * index.year + index.month))
    return pd.DateOffset(months=int(months.min())) if months.min() > 0 else None


def check_freq(times, freq):
    """`freq` as an alias, an int, or an offset that no alias tells whole, if it can be the frequency of such times."""
    integers = times.dtype.kind == "i"
    whole = isinstance(freq, (int, np.integer)) and not isinstance(freq, bool)
    if integers:
        if not whole or freq < 1:
            raise ValueError(f"freq must be an int of at least 1 for integer times; got {freq!r}.")
        return int(freq)
    if not isinstance(freq, (str, pd.offsets.BaseOffset, timedelta)):
        raise ValueError(f"freq must be a pandas alias such as 'D' for timestamps; got {freq!r}.")
    try:
        step = step_of(freq)
        forward = goes_on(step)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"freq must be a pandas alias such as 'D', 'MS' (month starts) or 'ME' (month ends); got {freq!r}."
        ) from error
    if not forward:
        raise ValueError(f"freq must lead to later times; got {freq!r}.")
    return freq if isinstance(freq, str) else alias_or_offset(step)


def alias_or_offset(offset):
    """The alias of an offset; the offset itself, with its holidays and parts, where the alias means another."""
    try:
        again = step_of(offset.freqstr)
    except ValueError:  # no alias at all
        return offset
    return offset.freqstr if again == offset else offset


def check_grid(times, starts, ids, freq, gaps=False):
    """Every series must have a row for each step of `freq` between its first and its last time; with `gaps` some.

    Returns the place of each time, in steps after the first of its series.
    """
    step, index = step_of(freq), pd.Index(times)
    found = places(index, starts, step)
    off = found < 0
    if off.any():
        row = int(off.argmax())
        raise ValueError(
            f"freq={freq!r} must fit the times; series {called(ids[series_at(starts, row)])} has {index[row]}, which "
            f"does not."
        )
    expected = np.arange(len(found)) - np.repeat(starts[:-1], np.diff(starts))
    late = found != expected
    if late.any() and not gaps:
        i = series_at(starts, int(late.argmax()))
        rows = slice(starts[i], starts[i + 1])
        n_lacking = found[rows][-1] + 1 - len(found[rows])
        row = int(late.argmax())
        before = index[starts[i] : row]
        lacking = ahead(before, [0, len(before)], step, 1)[0]
        raise ValueError(
            f"times must have no gaps; series {called(ids[i])} lacks {n_lacking} of them, the first {lacking}: "
            "fill_gaps=True takes missing times as missing values."
        )
    return found


def series_at(starts, row):
    return int(np.searchsorted(starts, row, side="right")) - 1
