"""What a frequency means: the grid of times it makes. All arithmetic with frequencies is here.

Steps shorter than a day are lengths of time. Days, and what is longer, are steps of the calendar: in a time zone a
daily value stays at its hour where clocks are changed. Both are counted on a clock without changes, that of UTC or that
of the zone.
"""

import re
import warnings
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from tsrnn.forecasting.memory import DOUBLE, check_memory
from tsrnn.forecasting.panel.ragged import ages_of, series_of, starts_of

DAY = pd.Timedelta(days=1)
# Aliases that pandas has given up.
OLD = {
    "A": "YE",
    "Y": "YE",
    "AS": "YS",
    "Q": "QE",
    "M": "ME",
    "H": "h",
    "T": "min",
    "S": "s",
    "L": "ms",
    "U": "us",
}
OLD |= {
    "N": "ns",
    "BA": "BYE",
    "BY": "BYE",
    "BAS": "BYS",
    "BQ": "BQE",
    "BM": "BME",
    "CBM": "CBME",
    "SM": "SME",
}
OLD |= {"BH": "bh", "CBH": "cbh"}
DAYS_OF_WEEK = "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"
# of a DateOffset
LENGTHS = {"hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}
EPOCH = pd.Timestamp("1970-01-05")  # a Monday
MANY = 400  # steps, whose mean width is that of the calendar
TOO_FAR = pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta, OverflowError


@contextmanager
def quiet():
    """Without pandas' warnings about aliases, and offsets that it adds one by one: nobody can help them."""
    with warnings.catch_warnings():
        for kind in (pd.errors.PerformanceWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        yield


def renamed(alias):
    """An alias as pandas knows it today, such as '15min' for '15T'."""
    parts = re.fullmatch(r"([-+]?\d*)([A-Za-z]+)(-\w+)?", alias.strip())
    if parts is None or parts[2] not in OLD:
        return alias
    return f"{parts[1]}{OLD[parts[2]]}{parts[3] or ''}"


def step_of(freq):
    """What `freq` means: an int, or an offset."""
    if isinstance(freq, (int, np.integer)):
        return int(freq)
    if isinstance(freq, timedelta) and not pd.Timedelta(freq) % DAY:
        return pd.offsets.Day(pd.Timedelta(freq) // DAY)
    # older pandas cannot read it
    if isinstance(freq, str) and freq.startswith("LWOM-") and freq[5:] in DAYS_OF_WEEK:
        return pd.offsets.LastWeekOfMonth(weekday=DAYS_OF_WEEK.index(freq[5:]))
    with quiet():
        step = pd.tseries.frequencies.to_offset(renamed(freq) if isinstance(freq, str) else freq)
    if type(step) is pd.DateOffset and not step.normalize:
        return simpler(step)
    if isinstance(step, pd.offsets.Week) and step.weekday is None and not step.normalize:
        return pd.offsets.Day(7 * step.n)
    return step


def simpler(step):
    """A DateOffset of days or of lengths of time as an offset of its own kind."""
    parts = step.kwds
    if set(parts) <= {"days", "weeks"}:
        return pd.offsets.Day(
            step.n * (parts.get("days", 0) + 7 * parts.get("weeks", 0) if parts else 1)
        )
    if set(parts) <= LENGTHS:
        return pd.tseries.frequencies.to_offset(step.n * pd.Timedelta(**parts))
    return step


def is_length(step):
    return isinstance(step, pd.offsets.Tick) and not isinstance(step, pd.offsets.Day)


def width_of(step):
    """The length of one step, where all have the same."""
    if isinstance(step, int):
        return step
    if isinstance(step, pd.offsets.Day):
        return step.n * DAY
    if isinstance(step, pd.offsets.Week) and not step.normalize:
        return 7 * step.n * DAY
    return pd.Timedelta(step) if is_length(step) else None


def months_of(step):
    """Months of a DateOffset of months and years, which keeps the day; None for other steps."""
    if (
        type(step) is pd.DateOffset
        and step.kwds
        and set(step.kwds) <= {"months", "years"}
        and not step.normalize
    ):
        return step.n * (step.kwds.get("months", 0) + 12 * step.kwds.get("years", 0))
    return None


def goes_on(step):
    """Whether a step leads to a later time."""
    if isinstance(step, int):
        return step > 0
    if months_of(step) is not None:
        return months_of(step) > 0
    with quiet():
        return pd.Timestamp("2000-01-31") + step > pd.Timestamp("2000-01-31")


def clock_of(times, step):
    """Times without a zone, on which steps are counted."""
    if getattr(times, "tz", None) is None:
        return times
    return times.tz_convert(None) if is_length(step) else times.tz_localize(None)


def on_zone(clock, step, zone):
    """The way back. An hour that clocks leave out is the next one, an hour that comes twice is the first of the two."""
    if zone is None:
        return clock
    if is_length(step):
        return clock.tz_localize("UTC").tz_convert(zone)
    return clock.tz_localize(zone, ambiguous=np.ones(len(clock), bool), nonexistent="shift_forward")


def days_of(clock, starts):
    """The day of the month of every series: of those on the 31st, shorter months have the last."""
    return np.maximum.reduceat(np.asarray(clock.day), starts[:-1])


def later(origins, step, places, days):
    """Times of a clock so many steps after others, where steps have one length or are months."""
    if isinstance(step, int):
        if len(places) and int(origins.max()) + step * int(places.max()) > np.iinfo(np.int64).max:
            raise OverflowError
        return pd.Index(origins.to_numpy() + step * places)
    months = months_of(step)
    if months is not None:
        return months_later(origins, months * places, days)
    width = width_of(step)
    if len(places):
        origins.max() + width * int(places.max())  # raises where sums of arrays go round
    with suppress(ValueError):  # of a step that is finer than the times
        width = width.as_unit(origins.unit, round_ok=False)
    return origins + pd.TimedeltaIndex(width.to_timedelta64() * places)


def months_later(origins, months, days):
    months = origins.to_numpy().astype("M8[M]") + months
    dates = months.astype("M8[D]")
    lengths = ((months + 1).astype("M8[D]") - dates).astype(np.int64)
    dates = dates + (np.minimum(days, lengths) - 1)
    return pd.DatetimeIndex(dates.astype("M8[s]")).as_unit(origins.unit) + (
        origins - origins.normalize()
    )


def counted(clock, origins, step):
    """How many whole steps of one length, or of months, lie between times of a clock."""
    if isinstance(step, int):
        return (clock.to_numpy() - origins.to_numpy()) // step
    months = months_of(step)
    if months is not None:
        return (clock.to_numpy().astype("M8[M]") - origins.to_numpy().astype("M8[M]")).astype(
            np.int64
        ) // months
    return np.asarray((clock - origins) // width_of(step), np.int64)


def since_epoch(index, step):
    """The number of each time, in steps since a day that is the same for all panels."""
    if isinstance(step, int):
        return index.to_numpy() // step
    clock = clock_of(index, step)
    if width_of(step) is not None or months_of(step) is not None:
        return counted(clock, pd.DatetimeIndex([EPOCH]).repeat(len(clock)), step)
    if type(step) is pd.offsets.BusinessDay and step.n == 1:
        return np.busday_count(EPOCH.to_numpy().astype("M8[D]"), clock.to_numpy().astype("M8[D]"))
    with quiet():
        mean_width = (EPOCH + MANY * step - EPOCH) / MANY
    return np.rint((clock - EPOCH) / mean_width).astype(np.int64)


def following(clock, step):
    """One step after each time of a clock."""
    codes, times = clock.factorize()
    with quiet():
        return (pd.DatetimeIndex(times) + step).take(codes)


def grid(first, last, step):
    """All steps of a calendar between two times of a clock."""
    with quiet():
        return pd.date_range(first, last, freq=step).as_unit(first.unit)


def places(index, starts, step):
    """How many steps each time of sorted series is after the first of its series; -1 where it is not on the grid."""
    clock = clock_of(index, step)
    zone = getattr(index, "tz", None)
    starts = np.asarray(starts)
    if width_of(step) is None and months_of(step) is None:
        return places_of_calendar(clock, starts, step, zone)
    series = series_of(starts)
    origins = clock[starts[:-1]]
    days = None if months_of(step) is None else days_of(clock, starts)[series]
    found = counted(clock, origins.take(series), step)
    again = clock_of(on_zone(later(origins.take(series), step, found, days), step, zone), step)
    fits = np.asarray(again == clock)
    if isinstance(step, pd.offsets.Week):
        fits &= np.asarray(origins.day_of_week == step.weekday)[series]
    return np.where(fits, found, -1)


def places_of_calendar(clock, starts, step, zone):
    """Steps that no arithmetic tells are taken one after the other; where some do not follow, on a grid."""
    follows = np.insert(following(clock[:-1], step) == clock[1:], 0, values=False)
    follows[starts[:-1]] = [step.is_on_offset(first) for first in clock[starts[:-1]]]
    found = ages_of(starts)
    for i in np.unique(series_of(starts)[~follows]):
        rows = slice(starts[i], starts[i + 1])
        mine = clock[rows]
        shown = clock_of(on_zone(grid(mine[0], mine[-1], step), step, zone), step)
        found[rows] = pd.Index(shown.unique()).get_indexer(mine)
    return found


def ahead(index, starts, step, h):
    """The `h` times after the end of every series, series by series."""
    clock = clock_of(index, step)
    zone = getattr(index, "tz", None)
    starts = np.asarray(starts)
    n = len(starts) - 1
    lengths = np.diff(starts)
    try:
        if width_of(step) is None and months_of(step) is None:
            return on_zone(ahead_of_calendar(clock[starts[1:] - 1], step, h), step, zone)
        days = None if months_of(step) is None else days_of(clock, starts).repeat(h)
        steps = (lengths[:, None] + np.arange(h)).ravel()
        return on_zone(later(clock[starts[:-1]].repeat(h), step, steps, days), step, zone)
    except TOO_FAR as error:
        raise ValueError(
            f"h={h} steps after {max(index[starts[1:] - 1])} must be times that can be counted; got later ones, for "
            f"{n} series: take fewer steps."
        ) from error


def ahead_of_calendar(last, step, h):
    columns = []
    for _ in range(h):
        before = last
        last = following(last, step)
        if (last <= before).any():  # it went round
            raise OverflowError
        columns.append(last)
    places = np.arange(h * len(last)).reshape(h, -1).T.ravel()
    return columns[0].append(columns[1:]).take(places)


def filled(index, starts, step, found):
    """Every step between the first and the last time of each series: the times, and the row of each, -1 where there is
    none. `found` are the places of the times.
    """
    starts = np.asarray(starts)
    counts = found[starts[1:] - 1] + 1
    check_memory(
        4 * DOUBLE * int(sum(map(int, counts))), "the steps between the first and the last times"
    )
    begins = starts_of(counts)
    rows = np.full(begins[-1], -1)
    rows[begins[series_of(starts)] + found] = np.arange(len(index))
    clock = clock_of(index, step)
    zone = getattr(index, "tz", None)
    if width_of(step) is None and months_of(step) is None:
        grids = [grid(clock[a], clock[b - 1], step) for a, b in pairwise(starts)]
        times = grids[0].append(grids[1:])
    else:
        days = None if months_of(step) is None else days_of(clock, starts).repeat(counts)
        within = np.arange(begins[-1]) - begins[:-1].repeat(counts)
        times = later(clock[starts[:-1]].repeat(counts), step, within, days)
    times = on_zone(times, step, zone)
    return times.where(rows < 0, index.take(rows)), rows
