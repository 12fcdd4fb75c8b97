"""Times of series: read, their frequency, and what is missing between them."""

from collections import Counter
from datetime import timedelta
from functools import partial

import numpy as np
import pandas as pd

from tsrnn.forecasting.panel.dtypes import time_columns
from tsrnn.forecasting.panel.ragged import ages_of
from tsrnn.forecasting.panel.spelling import check_count, timestamps, unix_unit
from tsrnn.forecasting.panel.steps import (
    DAYS_OF_WEEK,
    ahead,
    goes_on,
    is_length,
    places,
    quiet,
    renamed,
    step_of,
    width_of,
)

RUN = 10  # times that tell a frequency: less than two weeks of business days look like days


def label_repr(label):
    """A series' label as errors show it."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def as_times(times, freq, restore, known=None):
    """Timestamps or int64, their frequency if it is known, and the way back; periods go back to periods. `known` are
    times that they go on from.
    """
    if isinstance(times.dtype, pd.ArrowDtype):
        times = pd.Series(times.to_numpy(), name=times.name)
    if isinstance(times.dtype, pd.CategoricalDtype):
        times = times.astype(times.cat.categories.dtype)
    kind = pd.api.types.infer_dtype(times)
    if kind == "period":
        times = times.infer_objects()
    if isinstance(times.dtype, pd.PeriodDtype):
        alias = str(times.dtype).removeprefix("period[").removesuffix("]")
        with quiet():
            return (
                times.dt.to_timestamp(),
                of_periods(times.dtype, alias, freq),
                partial(with_periods, restore, alias),
            )
    if kind == "integer":
        return as_integers(times, known), freq, restore
    if pd.api.types.is_datetime64_any_dtype(times):
        return times, freq, restore
    if kind not in ("string", "datetime", "datetime64", "date"):
        got = times.dtype if times.dtype != object else kind
        advice = ": astype('int64') makes them integers" if is_whole(times) else ""
        raise ValueError(
            f"column {times.name!r} must hold timestamps or integers; got {got}{advice}."
        )
    return timestamps(times), freq, restore


def is_whole(times):
    """Whether all are whole numbers, of floats or decimals."""
    numbers = pd.to_numeric(times, errors="coerce")
    return numbers.dtype.kind == "f" and bool((numbers % 1 == 0).all())


def like_those_of_fit(times, known, of=""):
    """The same instants in the time zone of `known`; its calendar is what was learnt. Other kinds are refused."""
    mine = zone_of(known.dtype)
    other = zone_of(times.dtype)
    if (known.dtype.kind == "i") != (times.dtype.kind == "i"):
        kinds = (
            ("integers", "timestamps") if known.dtype.kind == "i" else ("timestamps", "integers")
        )
        raise ValueError(f"times{of} must be {kinds[0]} as in fit; got {kinds[1]}.")
    if mine is None and other is not None:
        raise ValueError(
            f"times{of} must have no time zone, as those of fit; got {other}: tz_localize(None) drops it."
        )
    if mine is not None and other is None:
        raise ValueError(
            f"times{of} must have a time zone, as those of fit have {mine}; got none: tz_localize adds it."
        )
    return times if mine == other else times.dt.tz_convert(mine)


def zone_of(dtype):
    return getattr(dtype, "tz", None)


def as_integers(times, known):
    if max(int(times.max()), -int(times.min())) > np.iinfo(np.int64).max:
        raise ValueError(
            f"column {times.name!r} must hold integers of at most 64 bits; got larger ones."
        )
    times = times.astype(np.int64)
    if known is None or known.dtype.kind != "i":  # what goes on from a count is one
        check_count(times)
    return times


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
    begins = pd.PeriodIndex.from_ordinals(
        np.arange(0, RUN * dtype.freq.n, dtype.freq.n), freq=dtype.freq
    )
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
            f"freq must be given, such as 'D' or 'MS'; the {len(mine)} times of series {label_repr(ids[longest])} "
            "do not tell it."
        )
    return likeliest


def guesses(index):
    """Frequencies that times may have, the likeliest first."""
    yield freq_of(index)
    yield from last_week(index)
    for length in (RUN, RUN // 2):
        runs = [
            index[start : start + length]
            for start in range(0, len(index) - length + 1, length // 2)
        ]
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
    return (
        pd.DatetimeIndex(clock, freq="infer").freqstr
        if clock.is_monotonic_increasing and clock.is_unique
        else None
    )


def last_week(index):
    """The last Monday of every month, and the like."""
    if (
        len(index) > 2
        and index.day_of_week.nunique() == 1
        and (index.days_in_month - index.day < 7).all()
    ):
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
    step = step_of(freq)
    index = pd.Index(times)
    found = places(index, starts, step)
    off = found < 0
    if off.any():
        row = int(off.argmax())
        raise ValueError(
            f"freq={freq!r} must fit the times; series {label_repr(ids[series_at(starts, row)])} has {index[row]}, "
            f"which does not{advice_on(index)}."
        )
    expected = ages_of(starts)
    late = found != expected
    if late.any() and not gaps:
        i = series_at(starts, int(late.argmax()))
        rows = slice(starts[i], starts[i + 1])
        n_lacking = found[rows][-1] + 1 - len(found[rows])
        row = int(late.argmax())
        before = index[starts[i] : row]
        lacking = ahead(before, [0, len(before)], step, 1)[0]
        raise ValueError(
            f"times must have no gaps; series {label_repr(ids[i])} lacks {n_lacking} of them, the first {lacking}: "
            f"fill_gaps=True takes missing times as missing values{advice_on(index, lacking)}."
        )
    return found


def advice_on(index, time=None):
    """What else may be the matter with times that do not follow each other."""
    unit = unix_unit(index)
    if unit is not None:
        start = "; if" if time is not None else ": if"
        return f"{start} they count from 1970, pandas.to_datetime(..., unit='{unit}') makes timestamps of them"
    if time is not None and index.dtype.kind == "M" and index.tz is None and clocks_change(time):
        return "; if clocks were put forward, tz_localize tells the zone"
    return ""


def advice_on_repeats(time):
    """What a time that comes twice may be."""
    if isinstance(time, pd.Timestamp) and time.tz is None and clocks_change(time):
        return ": if clocks were put back, tz_localize(..., ambiguous='infer') tells the two apart"
    return ""


def clocks_change(time):
    """Whether clocks may be changed then: on a Sunday, early."""
    return time.day_of_week == 6 and time.hour <= 3 and time != time.normalize()


def series_at(starts, row):
    return int(np.searchsorted(starts, row, side="right")) - 1
