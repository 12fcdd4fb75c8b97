"""Labels and times as they came: types that are lost where a long frame of pandas is made and worked on."""

import numpy as np
import pandas as pd

from tsrnn.extras import require

CUTOFF = "cutoff"  # a column of times, beside that of a long frame

# Types of polars by the name they have in a file, those with arguments apart.
PLAIN = (
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
    *("Float32", "Float64", "Boolean", "String", "Categorical", "Date"),
)


def time_columns(out):
    return [out.columns[1], *([CUTOFF] if CUTOFF in out.columns[2:] else [])]


def type_of_times(times):
    """What the type of pandas' times is called here, or None where it is not lost: dates of Python, types of pyarrow,
    short integers, units of a second.
    """
    if times.dtype == object:
        return "date" if pd.api.types.infer_dtype(times) == "date" else None
    if isinstance(times.dtype, pd.ArrowDtype):
        return None if pd.api.types.is_string_dtype(times.dtype) else str(times.dtype)
    if pd.api.types.is_datetime64_any_dtype(times):
        return times.dt.unit
    return (
        str(times.dtype)
        if pd.api.types.is_integer_dtype(times) and times.dtype != np.int64
        else None
    )


def as_came(restore, name, out):
    """The way back with times of the type called `name`."""
    out = out.copy()
    for column in time_columns(out):
        out[column] = of_type(out[column], name)
    return restore(out)


def of_type(times, name):
    if name == "date":
        return times.dt.date.astype(object)
    if name in ("s", "ms", "us", "ns"):
        return times.dt.as_unit(name)
    try:
        return times.astype(name)
    except OverflowError:  # the steps ahead are more than so short integers hold
        return times


def polars_types(frame, columns):
    """[[column, name of its type in polars, arguments], ...]."""
    schema = frame.schema
    return [[column, *described(schema[column])] for column in columns if column in schema]


def described(dtype):
    name = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    if name == "Datetime":
        return [name, [dtype.time_unit]]
    if name == "Enum":
        return [name, [list(dtype.categories)]]
    return [name if name in PLAIN else "", []]


def as_polars(frame, types):
    """A frame of polars whose columns have these types."""
    pl = require("polars", "a polars frame")
    for column, name, arguments in types:
        values = pl.col(column)
        if name == "Datetime":
            frame = frame.with_columns(values.dt.cast_time_unit(*arguments))
        elif name == "Enum":
            frame = frame.with_columns(values.cast(pl.String).cast(pl.Enum(*arguments)))
        elif name in PLAIN:
            frame = frame.with_columns(values.cast(getattr(pl, name), strict=False))
    return frame
