"""Codecs of times: Python's, pandas' scalars, time zones and offsets, which are frequencies."""

import datetime as dt
import zoneinfo

import numpy as np
import pandas as pd
from dateutil import tz as dateutil_tz
from dateutil.relativedelta import weekday

from tsrnn.files.errors import DamagedError
from tsrnn.files.trees import Codec

OFFSETS = {
    kind.__name__: kind
    for kind in (getattr(pd.offsets, name) for name in pd.offsets.__all__)
    if issubclass(kind, pd.offsets.BaseOffset)
}
UNITS = "s", "ms", "us", "ns"


# Time zones: by their names in the IANA database, or a fixed distance from UTC


def encode_zone(zone, writer):
    if isinstance(zone, dt.timezone):
        return {"fixed": zone.utcoffset(None).total_seconds()}
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return {"zoneinfo": zone.key}
    if isinstance(zone, dateutil_tz.tzutc):
        return {"dateutil": "UTC"}
    if getattr(zone, "zone", None):  # of pytz
        return {"pytz": zone.zone}
    name = str(getattr(zone, "_filename", "")).rpartition("zoneinfo/")[2]  # of dateutil
    if name in zoneinfo.available_timezones():
        return {"dateutil": name}
    if zone.utcoffset(None) is not None:  # of another library, the same at all times
        return {"fixed": zone.utcoffset(None).total_seconds()}
    raise ValueError(
        f"time zones must have a name, such as 'Europe/Berlin', to be saved; got {zone!r}."
    )


def decode_zone(payload, reader):
    [(library, name)] = payload.items()
    if library == "fixed":
        return dt.timezone(dt.timedelta(seconds=name))
    if name not in zoneinfo.available_timezones():
        raise DamagedError(f"the unknown time zone {name!r:.60}")
    if library == "zoneinfo":
        return zoneinfo.ZoneInfo(name)
    if library == "dateutil":
        return dateutil_tz.UTC if name == "UTC" else dateutil_tz.gettz(name)
    try:
        import pytz
    except ModuleNotFoundError:  # the same times without it
        return zoneinfo.ZoneInfo(name)
    return pytz.timezone(name)


def zone_or_none(node, reader):
    """A time zone, or None."""
    zone = reader.value(node)
    if zone is not None and not isinstance(zone, dt.tzinfo):
        raise DamagedError(f"a time zone that is a {type(zone).__name__}")
    return zone


# Moments


def encode_timestamp(value, writer):
    return [
        value.as_unit(value.unit).asm8.view("i8").item(),
        value.unit,
        writer.node(value.tzinfo, "zone"),
    ]


def decode_timestamp(payload, reader):
    number, unit, zone = payload
    stamp = pd.Timestamp(np.int64(number).view(f"M8[{unit_of(unit)}]"))
    zone = zone_or_none(zone, reader)
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def encode_timedelta(value, writer):
    return [value.asm8.view("i8").item(), value.unit]


def decode_timedelta(payload, reader):
    number, unit = payload
    return pd.Timedelta(np.int64(number).view(f"m8[{unit_of(unit)}]"))


def unit_of(unit):
    """A unit of time, one of those that pandas has."""
    if unit not in UNITS:
        raise DamagedError(f"times in the unit {unit!r:.20}")
    return unit


def encode_datetime(value, writer):
    return [value.replace(tzinfo=None).isoformat(), value.fold, writer.node(value.tzinfo, "zone")]


def decode_datetime(payload, reader):
    text, fold, zone = payload
    return dt.datetime.fromisoformat(text).replace(fold=fold, tzinfo=zone_or_none(zone, reader))


def encode_time(value, writer):
    return [value.replace(tzinfo=None).isoformat(), value.fold, writer.node(value.tzinfo, "zone")]


def decode_time(payload, reader):
    text, fold, zone = payload
    return dt.time.fromisoformat(text).replace(fold=fold, tzinfo=zone_or_none(zone, reader))


def encode_period(value, writer):
    return [value.ordinal, writer.node(value.freq, "freq")]


def decode_period(payload, reader):
    ordinal, freq = payload
    return pd.Period(ordinal=ordinal, freq=offset_of(freq, reader))


# Offsets


def encode_offset(offset, writer):
    """An offset by the arguments that make it."""
    arguments = dict(offset.kwds)
    if "calendar" in arguments and is_of(
        arguments["calendar"], arguments["weekmask"], arguments["holidays"]
    ):
        del arguments["calendar"]  # made of the other two, and not given
    name = type(offset).__name__
    if OFFSETS.get(name) is not type(offset):
        raise ValueError(f"freq must be one of pandas' own offsets to be saved; got {offset!r}.")
    return [name, offset.n, bool(offset.normalize), writer.fields(arguments)]


def is_of(calendar, weekmask, holidays):
    """Whether a calendar of business days is that of a week and some holidays."""
    made = np.busdaycalendar(weekmask, np.array(holidays or [], "M8[D]"))
    return np.array_equal(made.weekmask, calendar.weekmask) and np.array_equal(
        made.holidays, calendar.holidays
    )


def encode_calendar(calendar, writer):
    week = "".join(str(int(day)) for day in calendar.weekmask)
    return [week, [str(day) for day in calendar.holidays]]


def decode_calendar(payload, reader):
    week, holidays = payload
    return np.busdaycalendar(week, np.array(holidays, "M8[D]"))


def decode_offset(payload, reader):
    name, n, normalize, arguments = payload
    arguments = {str(key): reader.value(node) for key, node in arguments.items()}
    kind = OFFSETS[name]
    if not normalize and issubclass(kind, pd.offsets.Tick):  # some of them do not know the word
        return kind(n, **arguments)
    return kind(n, normalize=normalize, **arguments)


def offset_of(node, reader):
    """An offset, or None."""
    offset = reader.value(node)
    if offset is not None and not isinstance(offset, pd.offsets.BaseOffset):
        raise DamagedError(f"an offset that is a {type(offset).__name__}")
    return offset


MISSING = {"NaT": pd.NaT, "NA": pd.NA}

CODECS = [
    Codec("zone", dt.tzinfo, encode_zone, decode_zone, family=True),
    Codec("timestamp", pd.Timestamp, encode_timestamp, decode_timestamp),
    Codec("timedelta", pd.Timedelta, encode_timedelta, decode_timedelta),
    Codec("period", pd.Period, encode_period, decode_period),
    Codec("missing", type(pd.NaT), lambda value, writer: "NaT", lambda text, reader: MISSING[text]),
    Codec("missing", type(pd.NA), lambda value, writer: "NA", lambda text, reader: MISSING[text]),
    Codec("datetime", dt.datetime, encode_datetime, decode_datetime),
    Codec("time", dt.time, encode_time, decode_time),
    Codec(
        "date",
        dt.date,
        lambda value, writer: value.isoformat(),
        lambda text, reader: dt.date.fromisoformat(text),
    ),
    Codec(
        "duration",
        dt.timedelta,
        lambda value, writer: [value.days, value.seconds, value.microseconds],
        lambda parts, reader: dt.timedelta(*parts),
    ),
    Codec(
        "weekday",
        weekday,
        lambda value, writer: [value.weekday, value.n],
        lambda parts, reader: weekday(*parts),
    ),
    Codec("calendar", np.busdaycalendar, encode_calendar, decode_calendar),
    Codec("offset", pd.offsets.BaseOffset, encode_offset, decode_offset, family=True),
]
