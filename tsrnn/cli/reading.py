"""A frame of three columns from the bytes of a csv or parquet file: labels as written, times, numbers."""

import csv
import io
import re
import warnings
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.cli.content import PARQUET, as_text, decompressed, is_standard_input, read_whole
from tsrnn.extras import require
from tsrnn.forecasting.panel.spelling import CLOCKS, DATES, parsed_as, timestamps

SEPARATORS = ",;\t|"
MISSING = {
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "#NA",
    "<NA>",
    "NaN",
    "nan",
    "NAN",
    "-nan",
    "NULL",
    "null",
    "None",
    "none",
}
INTEGER = r"[+-]?\d{1,18}"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?"
SUFFIXES = r"(\.(csv|tsv|txt|parquet|pq|gz|bz2|xz|zst))+$"
QUARTERS = "%Y-Q%q", "%YQ%q"
OPTIONS = "--id-col, --time-col, --target-col"


class Columns(NamedTuple):
    id_col: str
    time_col: str
    target_col: str


class Data(NamedTuple):
    """What the command forecasts from."""

    frame: pd.DataFrame
    columns: Columns
    single: bool  # one series, whose label is not in the file
    decimals: int | None  # most decimals of a value in the file; None if it holds binary numbers
    time_format: str | None  # how the file writes times, if there is one way


def read(options):
    """The data that the options of the command name."""
    source = options.data
    content = decompressed(read_whole(source), source)
    suffix = Path(source).suffix.lower()
    if content.startswith(PARQUET) or (
        suffix in (".parquet", ".pq") and not is_standard_input(source)
    ):
        return from_parquet(content, options)
    return from_csv(as_text(content, source), options)


def from_parquet(content, options):
    pyarrow = require("pyarrow", "a parquet file")
    try:
        frame = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"{options.data!r} must be a whole parquet file; {one_line(error)}"
        ) from None
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()
    columns, single = choose(options, [str(name) for name in frame.columns])
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)[list(columns)[single:]]
    time_col = columns.time_col
    if options.time_format or options.utc:
        times = frame[time_col]
        frame[time_col] = as_times(
            times.astype(str).astype(object).where(times.notna(), ""), options
        )
    return complete(frame, columns, single, options, decimals=None, time_format=None)


def from_csv(text, options):
    names, separator, body = header_of(text, options.data)
    columns, single = choose(options, names)
    wanted = columns[single:]
    texts = rows_of(body, separator, names, wanted, options.data)
    frame = pd.DataFrame(dict(zip(wanted, texts)), dtype=object)
    if not single:
        labels = frame[columns.id_col]
        frame[columns.id_col] = labels.where(labels != "", None)
    texts = frame[columns.time_col]
    if options.time_col is None or options.target_col is None:
        check_header(columns, texts.iloc[0], options.data)
    times = as_times(texts, options)
    frame[columns.time_col] = times
    numbers, decimals = as_numbers(frame[columns.target_col], separator, options.decimal)
    frame[columns.target_col] = numbers
    return complete(frame, columns, single, options, decimals, format_of(texts, times, options))


def rows_of(body, separator, names, wanted, source):
    """Columns of texts; a row that is longer or shorter than the header is refused, not bent."""
    places = [names.index(name) for name in wanted]
    columns = [[] for _ in wanted]
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            if not any(row):
                continue
            if len(row) < len(names) or any(row[len(names) :]):
                raise ValueError(
                    f"rows of {source!r} must have {len(names)} fields, as its header; line {reader.line_num} below it "
                    f"has {len(row)}: numbers with a decimal comma need another separator or quotes."
                )
            for column, place in zip(columns, places):
                column.append(row[place])
    except csv.Error as error:
        raise ValueError(
            f"{source!r} must be a csv file with a header; {one_line(error)}"
        ) from None
    if not columns[0]:
        raise ValueError(f"{source!r} must hold rows below its header; got none.")
    return columns


def header_of(text, source):
    """Names of the columns, the separator, and the text below the header."""
    lines = io.StringIO(text, newline=None)
    line = next((line for line in lines if line.strip()), "")
    stated = re.fullmatch(r'"?sep=(.)"?', line.strip())  # Excel's own way to say it
    if stated:
        line = next((line for line in lines if line.strip()), "")
    unquoted = re.sub(r'"[^"]*"', "", line)
    separator = stated[1] if stated else max(SEPARATORS, key=unquoted.count)
    if not line.strip():
        raise ValueError(f"{source!r} must be a csv file with a header; got an empty file.")
    if separator not in line:
        raise ValueError(
            f"{source!r} must be a csv file with a header, columns separated by , ; | or tab; got one column, "
            f"{shortened(line.strip())!r}."
        )
    if line.count('"') % 2:
        raise ValueError(
            f"the header of {source!r} must stand on one line; got {shortened(line.strip())!r}."
        )
    names = next(csv.reader([line.rstrip("\r\n")], delimiter=separator, skipinitialspace=True))
    return [name.strip() for name in names], separator, lines.read()


def check_header(columns, time, source):
    """Refuse names that are a time, as that of the first row, and a number: the file lacks a header."""
    kinds = re.compile(NUMBER).fullmatch, pd.tseries.api.guess_datetime_format
    if re.fullmatch(NUMBER, columns.target_col) and any(
        kind(columns.time_col) and kind(time) for kind in kinds
    ):
        raise ValueError(
            f"{source!r} must have a header; its first line holds {columns.time_col!r} and {columns.target_col!r}: "
            "write names above it, or say that these are names with --time-col and --target-col."
        )


def choose(options, names):
    """Columns of series, time and target, and whether the file lacks the first, as one with a single series may.

    What was not named is one of only two columns, or has its usual name.
    """
    time_col = options.time_col
    target_col = options.target_col
    if len(names) == 2 and not {"ds", "y"} <= set(names):
        time_col = time_col or next((name for name in names if name != target_col), None)
        target_col = target_col or next(
            (name for name in reversed(names) if name != time_col), None
        )
    columns = Columns(options.id_col or "unique_id", time_col or "ds", target_col or "y")
    if len(set(columns)) < 3:
        raise ValueError(f"{OPTIONS} must be three columns; got {', '.join(columns)}.")
    single = options.id_col is None and "unique_id" not in names
    for name in columns[single:]:
        if name not in names:
            raise ValueError(
                f"no column {name!r}; the columns are {listed(names)}: name them with {OPTIONS}."
            )
        if names.count(name) > 1:
            raise ValueError(
                f"names of columns must be unique; got {name!r} {names.count(name)} times."
            )
    return columns, single


def complete(frame, columns, single, options, decimals, time_format):
    """With a label for a single series, whose times must then be unique."""
    if single:
        repeated = frame[columns.time_col].duplicated() & frame[columns.time_col].notna()
        if repeated.any():
            raise ValueError(
                f"times of one series must not repeat; got {frame[columns.time_col][repeated].iloc[0]} twice: "
                "with several series, --id-col names the column that tells them apart."
            )
        frame.insert(0, columns.id_col, label_of(options.data))
    return Data(frame, columns, single, decimals, time_format)


def label_of(source):
    """What a single series is called: the name of its file."""
    name = "" if is_standard_input(source) else Path(source).name
    return re.sub(SUFFIXES, "", name, flags=re.IGNORECASE) or "series"


def as_times(texts, options):
    """Integers, floats, timestamps in UTC, or the texts as they are, for the forecaster to read."""
    known = ~texts.isin(MISSING)
    texts = texts.where(known, None)
    if options.time_format:
        times = pd.to_datetime(texts, format=options.time_format, utc=options.utc, errors="coerce")
        unread = times.isna() & known
        if unread.any():
            raise ValueError(
                f"column {texts.name!r} must hold times as --time-format {options.time_format!r} says; got "
                f"{texts[unread].iloc[0]!r}."
            )
        return times
    strings = texts[known].astype(str)
    if len(strings) and strings.str.fullmatch(INTEGER).all():
        if options.utc:
            raise ValueError(f"--utc needs timestamps; column {texts.name!r} holds integers.")
        return pd.to_numeric(texts).astype("Int64" if not known.all() else np.int64)
    if len(strings) and strings.str.fullmatch(NUMBER).all():
        return pd.to_numeric(texts)  # no times, as the forecaster will say
    if not options.utc:
        return texts
    times = pd.to_datetime(texts, utc=True, errors="coerce")
    return texts if (times.isna() & known).any() else times


def format_of(texts, times, options):
    """How the file writes its times, if one format gives all of them again."""
    if pd.api.types.is_numeric_dtype(times) or options.utc:
        return None
    texts = pd.Series(texts[~texts.isin(MISSING)].unique(), name=texts.name).str.strip()
    if not len(texts):
        return None
    stamps = (
        plain(timestamps(texts))
        if options.time_format is None
        else read_as(texts, options.time_format)
    )
    for form in formats(texts[0], options):
        first = gives_again(form, stamps[:1], texts[:1])  # which most formats do not
        if first and gives_again(form, stamps, texts) and (read_as(texts, form) == stamps).all():
            return form
    return None


def gives_again(form, stamps, texts):
    return (written_as(stamps, form) == texts).all()


def plain(times):
    """Times as the clock shows them."""
    return times.dt.tz_localize(None)


def formats(text, options):
    """Formats that a text may be written in; an offset from UTC stands for itself."""
    if options.time_format:
        return [options.time_format]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of texts that do not have the day first
        guesses = [
            pd.tseries.api.guess_datetime_format(text, dayfirst=first) for first in (False, True)
        ]
    fraction = re.search(r"(?<=\.)\d+", text)
    offset = re.search(r"(Z|[+-]\d\d(:?\d\d)?)$", text)
    guesses = [form.replace("%z", offset[0] if offset else "") for form in guesses if form]
    guesses += [form.replace("%f", fraction[0]) for form in guesses if fraction]
    return [*guesses, *(QUARTERS if "Q" in text else []), *map("".join, product(DATES, CLOCKS))]


def read_as(texts, form):
    """Timestamps without a zone, NaT for texts that are not written so."""
    if "%q" in form:
        return parsed_as(texts)
    return plain(pd.to_datetime(texts, format=form, errors="coerce"))


def written_as(times, form):
    """Texts of timestamps; %q is the quarter, which only periods know."""
    return times.dt.to_period("Q").dt.strftime(form) if "%q" in form else times.dt.strftime(form)


def as_numbers(texts, separator, decimal):
    """Numbers and the most decimals among them; or the texts, if one is no number, for the forecaster to name."""
    texts = texts.str.strip()
    known = ~texts.isin(MISSING)
    mark = decimal or decimal_mark(texts[known], separator)
    other = "." if mark == "," else ","
    numeric = texts.str.fullmatch(number(mark, other))
    if not numeric[known].all():
        return texts.where(known, None), 0
    plain = texts.str.replace(other, "", regex=False).str.replace(mark, ".", regex=False)[known]
    numbers = pd.Series(np.nan, texts.index)
    # as Python reads them: the nearest double
    numbers[known] = plain.to_numpy(object).astype(np.float64)
    return numbers, decimals_of(plain)


def number(mark, other):
    """The pattern of a number with a decimal mark; the other one may group its thousands."""
    whole = rf"(\d+|\d{{1,3}}({re.escape(other)}\d{{3}})+)"
    part = rf"{re.escape(mark)}\d"
    return rf"[+-]?({whole}({part}*)?|{part}+)([eE][+-]?\d+)?|[+-]?[iI]nf(inity)?"


def decimal_mark(texts, separator):
    """A comma if the values can only be read with a decimal comma, otherwise a point."""
    commas = texts[texts.str.fullmatch(r"[+-]?[\d.]*,[\d.,]*([eE][+-]?\d+)?")]
    if not len(commas):
        check_points(texts, separator)
        return "."
    comma = texts.str.fullmatch(number(",", ".")).all()
    point = texts.str.fullmatch(number(".", ",")).all()
    if separator == "," or comma == point:
        raise ValueError(
            f"column {texts.name!r} must hold numbers; got {commas.iloc[0]!r}: --decimal , or --decimal . says what "
            "its comma is."
        )
    return "," if comma else "."


def check_points(texts, separator):
    """Refuse 980, 1.020 and the like beside separators of places where a point may group thousands."""
    grouped = texts.str.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
    below = texts.str.fullmatch(r"[+-]?\d{1,3}")
    if separator != "," and grouped.any() and below.any() and (grouped | below).all():
        raise ValueError(
            f"column {texts.name!r} must hold numbers that read in one way; got {texts[grouped].iloc[0]!r}, whose "
            "point may group thousands: --decimal , or --decimal . says what it is."
        )


def decimals_of(texts):
    """The most decimals that a number is written with."""
    parts = texts.str.extract(r"^[^.eE]*\.?(?P<decimals>\d*)(?:[eE](?P<exponent>[+-]?\d{1,3}))?$")
    exponents = pd.to_numeric(parts["exponent"]).fillna(0)
    most = (parts["decimals"].str.len() - exponents).max()
    return int(max(most, 0)) if most == most else 0


def listed(names, most=8):
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(shortened, names[:most])) + rest


def shortened(text, most=60):
    return text if len(text) <= most else text[:most] + "..."


def one_line(error):
    return " ".join(str(error).split()).rstrip(".") + "."
