"""Times as texts and as integers: those that spell dates, and those that read in more than one way."""

import re
import warnings
from itertools import product

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

YEAR = r"(?<![\d:])(?<!:\d\d\.)\d{4}(?!\d)|^\d{8}(?!\d)|^\d{12}$|^\d{14}$"
DAY_AND_MONTH = r"(?<![\d:.])(\d{1,2})[-/. ]{1,2}(\d{1,2})[-/. ]{1,2}\d{4}(?!\d)"
ISO = r"^\d{4}-\d"
ZONE = r":\d{2}(?:[.,]\d+)?\s*(?:Z|UTC|[+-]\d{2}(?::?\d{2})?)$"
WEEK = r"\d{4}-?W\d{2}"
# How times are written that pandas does not read by itself, or in more than one way.
DATES = [
    f"%d{s}{m}{s}{y}" for s, (m, y) in product("/.- ", product(("%m", "%b", "%B"), ("%Y", "%y")))
]
DATES += [f"{m}{s}{y}" for s, (m, y) in product("/.- ", product(("%m", "%b", "%B"), ("%Y", "%y")))]
DATES += ["%Y/%m", "%YM%m", "%Y:%m", "%G-W%V-%u", "%GW%V%u", "%Y.%m.%d", "%Y %m %d"]
CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I %p"]
# by number of digits
SPELLINGS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second
FEW = 6  # months or weeks of one year, of which fewer may be the end of a count


def timestamps(times):
    """Timestamps of texts or of Python's dates and times, each in the only way that it reads."""
    # Python takes both hours of a clock put back for equal
    if pd.api.types.infer_dtype(times) != "string":
        parsed = parsed_as(times)
        check_all_read(times.to_numpy(dtype=object), parsed, times.name)
        return parsed
    codes, values = pd.factorize(times)
    parsed = of_texts(pd.Series(values, name=times.name, dtype=values.dtype))
    check_all_read(values, parsed, times.name)
    return pd.Series(pd.DatetimeIndex(parsed).take(codes), index=times.index, name=times.name)


def of_texts(texts):
    texts = texts.astype(str).str.strip()
    check_digits(texts)
    check_zones(texts)
    parsed = parsed_as(texts, dayfirst=day_comes_first(texts))
    if parsed.isna().any():
        iso = parsed_as(texts, format="ISO8601")
        parsed = parsed if iso.isna().any() else iso
    short = parsed.notna() & ~texts.str.contains(YEAR)
    if short.any():
        text = texts[short].iloc[0]
        raise ValueError(
            f"column {texts.name!r} must hold times with a year of four digits; got {text!r}{advice_on(text)}."
        )
    return parsed


def parsed_as(values, **options):
    """Timestamps, NaT where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ways to read texts, which are told apart here
            parsed = pd.to_datetime(values, errors="coerce", **options)
    except ValueError as error:
        raise ValueError(several_zones(values.name)) from error
    if parsed.dtype == object:  # so older pandas tells
        raise ValueError(several_zones(values.name))
    return parsed


def several_zones(name):
    advice = "pandas.to_datetime(..., utc=True) converts them"
    return f"times of column {name!r} must have one time zone; got several: {advice}."


def day_comes_first(texts):
    """Whether texts such as 13/01/2024 have the day first; those of which none tells are refused."""
    parts = texts.str.extract(DAY_AND_MONTH)
    iso = texts.str.contains(ISO)
    if iso.any() and parts[0].notna().any():
        one = texts[iso].iloc[0]
        other = texts[parts[0].notna()].iloc[0]
        raise ValueError(
            f"column {texts.name!r} must hold times that are written in one way; got {one!r} and {other!r}."
        )
    parts = parts.dropna().astype(int)
    first = parts[0] > 12
    second = parts[1] > 12
    if first.any() and second.any():
        one = texts[parts.index[first][0]]
        other = texts[parts.index[second][0]]
        raise ValueError(
            f"column {texts.name!r} must hold times that are written in one way; got {one!r} and {other!r}, where the "
            "day comes first and second."
        )
    if not first.any() and not second.any() and (parts[0] != parts[1]).any():
        text = texts[parts.index[parts[0] != parts[1]][0]]
        raise ValueError(
            f"column {texts.name!r} must hold times that read in one way; got {text!r}, where the day may come first "
            f"or second{advice_on(text)}."
        )
    return bool(first.any())


def advice_on(text):
    """How pandas reads a text, the day first where that is open; nothing where no format is found."""
    if re.fullmatch(WEEK, text):
        spelled = "%G-W%V-%u" if "-" in text else "%GW%V-%u"
        return f": pandas.to_datetime(times + '-1', format={spelled!r}) converts them"
    for spelled in (
        guess_datetime_format(text, dayfirst=True),
        *map("".join, product(DATES, CLOCKS)),
    ):
        if spelled and pd.notna(pd.to_datetime(text, format=spelled, errors="coerce")):
            return f": pandas.to_datetime(..., format={spelled!r}) converts them"
    return ""


def check_zones(texts):
    """All texts have a zone, or none."""
    zoned = texts.str.contains(ZONE)
    if zoned.any() and not zoned.all():
        raise ValueError(
            f"column {texts.name!r} must hold times that are written in one way; got {texts[zoned].iloc[0]!r} and "
            f"{texts[~zoned].iloc[0]!r}, with a zone and without."
        )


def check_digits(texts):
    """Numbers that are texts are no dates."""
    number = texts.str.fullmatch(r"[-+]?\d+(\.0*)?")
    if number.all() and not texts.str.contains(YEAR).all():
        advice = (
            "pandas.to_datetime(..., format='%Y%m') converts"
            if (texts.str.len() == 6).all()
            else "astype(int) makes"
        )
        raise ValueError(
            f"column {texts.name!r} must hold timestamps or integers; got the text {texts.iloc[0]!r:.40}: {advice} them"
            f"{'' if 'convert' in advice else ' integers'}."
        )


def check_all_read(values, parsed, name):
    """Raise for the first value that is no time, or not written as the others are."""
    wrong = parsed.isna().to_numpy()
    if not wrong.any():
        return
    value = values[wrong.argmax()]
    alone = parsed_as(pd.Series([value], name=name))
    if wrong.all() or alone.isna().all():
        advice = advice_on(value.strip()) if isinstance(value, str) else ""
        raise ValueError(
            f"column {name!r} must hold timestamps or integers; got {value!r}{advice}."
        )
    if not isinstance(value, str):
        raise ValueError(several_zones(name))
    other = values[(~wrong).argmax()]
    raise ValueError(
        f"column {name!r} must hold times that are written in one way; got {other!r} and {value!r}."
    )


# Integers


def check_count(times):
    """Steps are counted, so a number that spells a date is refused: the day after 20200131 is not 20200132."""
    spelled = date_format(times)
    if spelled:
        raise ValueError(
            f"column {times.name!r} must hold timestamps or a count of steps; got dates as integers such as "
            f"{times.iloc[0]}: pandas.to_datetime(..., format='{spelled}') converts them."
        )
    if spells_periods(times):
        raise ValueError(
            f"column {times.name!r} must hold timestamps or a count of steps; got years with their months, weeks or "
            f"quarters as integers such as {times.iloc[0]}: pandas.PeriodIndex or to_datetime converts them."
        )


def date_format(times):
    """The format of integers that are all dates, or None."""
    digits = len(str(times.iloc[0]))
    if digits in SPELLINGS and in_years(times // 10 ** (digits - 4)):
        return SPELLINGS[digits] if are_dates(times, SPELLINGS[digits]) else None
    if digits == 6 and times.between(10**5, 10**6 - 1).all() and are_dates(times, "%y%m%d"):
        return "%y%m%d" if (times // 100).nunique() > 1 or times.nunique() >= 20 else None
    if (
        digits == 7
        and in_years(times // 1000)
        and (times // 1000).nunique() > 1
        and are_dates(times, "%Y%j")
    ):
        return "%Y%j"
    return None


def in_years(years):
    return years.between(1900, 2100).all()


def are_dates(times, spelled):
    return pd.to_datetime(times.astype(str), format=spelled, errors="coerce").notna().all()


def spells_periods(times):
    """Whether all are like 202001, a year and its month or week, or 20201, a year and its quarter; in one year only
    where they look like its months or weeks.
    """
    for digits, most in ((100, 53), (10, 4)):
        years = times // digits
        parts = times % digits
        if in_years(years) and parts.between(1, most).all():
            many = digits == 100 and parts.nunique() >= FEW
            likely = parts.max() <= 12 or parts.min() == 1 or parts.max() >= 52
            return years.nunique() > 1 or (many and likely)
    return False


def unix_unit(index):
    """The unit of integers that may be times since 1970, or None."""
    if index.dtype.kind != "i":
        return None
    seconds = np.array([index.min(), index.max()], float)
    year = 365.25 * 24 * 3600
    for unit, parts in UNITS.items():
        if (20 * year < seconds / parts).all() and (seconds / parts < 130 * year).all():
            return unit
    return None
