"""Codecs of pandas' arrays, indices, Series and frames, each with its type."""

import numpy as np
import pandas as pd

from tsrnn.extras import require
from tsrnn.files.arrays import encode_items
from tsrnn.files.errors import DamagedError
from tsrnn.files.moments import offset_of, unit_of, zone_or_none
from tsrnn.files.trees import Codec

MASKED = {
    dtype.name: dtype
    for dtype in [
        pd.BooleanDtype(),
        *(getattr(pd, f"{sign}Int{bits}Dtype")() for sign in ("", "U") for bits in (8, 16, 32, 64)),
        *(getattr(pd, f"Float{bits}Dtype")() for bits in (32, 64)),
    ]
}


# Columns: one array of any type


def encode_stamps(array, writer):
    zone = getattr(array, "tz", None)
    return {
        "at": writer.node(array.asi8, "at"),
        "unit": array.unit,
        "zone": writer.node(zone, "zone"),
    }


def decode_stamps(payload, reader):
    stamps = pd.DatetimeIndex(
        numbers(payload["at"], np.int64, reader).view(f"M8[{unit_of(payload['unit'])}]")
    )
    zone = zone_or_none(payload["zone"], reader)
    return (stamps if zone is None else stamps.tz_localize("UTC").tz_convert(zone)).array


def encode_durations(array, writer):
    return {"at": writer.node(array.asi8, "at"), "unit": array.unit}


def decode_durations(payload, reader):
    return pd.TimedeltaIndex(
        numbers(payload["at"], np.int64, reader).view(f"m8[{unit_of(payload['unit'])}]")
    ).array


def encode_periods(array, writer):
    return {"at": writer.node(array.asi8, "at"), "freq": writer.node(array.freq, "freq")}


def decode_periods(payload, reader):
    freq = offset_of(payload["freq"], reader)
    return pd.PeriodIndex.from_ordinals(numbers(payload["at"], np.int64, reader), freq=freq).array


def encode_categories(array, writer):
    parts = {"codes": array.codes, "categories": array.categories, "ordered": array.ordered}
    return writer.fields(parts)


def decode_categories(payload, reader):
    parts = reader.fields(payload, ["codes", "categories", "ordered"])
    return pd.Categorical.from_codes(
        parts["codes"], parts["categories"], ordered=bool(parts["ordered"])
    )


def encode_intervals(array, writer):
    return writer.fields({"left": array.left, "right": array.right, "closed": array.closed})


def decode_intervals(payload, reader):
    parts = reader.fields(payload, ["left", "right", "closed"])
    return pd.arrays.IntervalArray.from_arrays(
        parts["left"], parts["right"], closed=parts["closed"]
    )


def encode_interval(interval, writer):
    return writer.fields(
        {"left": interval.left, "right": interval.right, "closed": interval.closed}
    )


def decode_interval(payload, reader):
    return pd.Interval(**reader.fields(payload, ["left", "right", "closed"]))


def encode_masked(array, writer):
    missing = np.asarray(array.isna())
    kept = array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=array.dtype.numpy_dtype.type(0))
    return {
        "kind": array.dtype.name,
        "values": writer.node(kept, "values"),
        "missing": writer.node(missing, "missing"),
    }


def decode_masked(payload, reader):
    dtype = MASKED[payload["kind"]]
    values = numbers(payload["values"], dtype.numpy_dtype, reader)
    missing = numbers(payload["missing"], bool, reader)
    return type(pd.array([], dtype=dtype))(values, missing)  # pyright: ignore[reportCallIssue]


def encode_strings(array, writer):
    dtype = array.dtype
    missing = "NA" if dtype.na_value is pd.NA else "nan"
    items = [None if pd.isna(item) else item for item in array]
    return {"storage": dtype.storage, "missing": missing, "items": encode_items(items, writer)}


def decode_strings(payload, reader):
    items = reader.value(payload["items"])
    if any(item is not None and type(item) is not str for item in items):
        raise DamagedError("an array of strings that holds something else")
    return pd.array(items, dtype=string_dtype(payload["storage"], payload["missing"]))


def string_dtype(storage, missing):
    """The type of strings of a file, or the nearest one that this machine has."""
    if storage == "pyarrow" and not has_pyarrow():
        storage = "python"
    if missing == "NA":
        return pd.StringDtype(storage)
    try:
        return pd.StringDtype(storage, na_value=np.nan)
    except TypeError:  # pandas before 2.3, where text without a type of its own is an object
        return np.dtype(object)


def has_pyarrow():
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


def encode_arrow(array, writer):
    return {
        "type": arrow_name(array.dtype.pyarrow_dtype),
        "items": encode_items(arrow_items(array), writer),
    }


def arrow_items(array):
    return [None if item is pd.NA or item is pd.NaT else item for item in array]


def arrow_name(kind):
    """A type of pyarrow: its name, or its name and what belongs to it."""
    pa = require("pyarrow", "a column of pyarrow")
    if pa.types.is_timestamp(kind):
        return ["timestamp", kind.unit, kind.tz]
    if pa.types.is_decimal(kind):
        return ["decimal", kind.bit_width, kind.precision, kind.scale]
    if pa.types.is_dictionary(kind):
        return [
            "dictionary",
            arrow_name(kind.index_type),
            arrow_name(kind.value_type),
            kind.ordered,
        ]
    return (
        str(kind).removesuffix("[day]").removesuffix("[ms]")
        if pa.types.is_date(kind)
        else str(kind)
    )


def arrow_type(name):
    """The type of such a name."""
    pa = require("pyarrow", "this file, with a column of pyarrow,")
    if isinstance(name, str):
        return pa.type_for_alias(name)
    kind, *rest = name
    if kind == "timestamp":
        return pa.timestamp(rest[0], tz=rest[1])
    if kind == "decimal":
        return getattr(pa, f"decimal{int(rest[0])}")(*rest[1:])
    if kind == "dictionary":
        return pa.dictionary(arrow_type(rest[0]), arrow_type(rest[1]), ordered=rest[2])
    raise DamagedError(f"a type of pyarrow called {kind!r:.40}")


def decode_arrow(payload, reader):
    return pd.array(
        reader.value(payload["items"]), dtype=pd.ArrowDtype(arrow_type(payload["type"]))
    )


EXTENSIONS = {
    "masked": (lambda dtype: dtype.name in MASKED, encode_masked, decode_masked),
    "strings": (lambda dtype: isinstance(dtype, pd.StringDtype), encode_strings, decode_strings),
    "arrow": (lambda dtype: isinstance(dtype, pd.ArrowDtype), encode_arrow, decode_arrow),
}


def encode_extension(array, writer):
    """By its dtype, since the classes differ between versions of pandas."""
    for name, (fits, encode, _) in EXTENSIONS.items():
        if fits(array.dtype):
            return [name, encode(array, writer)]
    raise ValueError(
        f"columns and labels of type {array.dtype} cannot be saved at {writer.where()}: convert them."
    )


def decode_extension(payload, reader):
    name, content = payload
    return EXTENSIONS[name][2](content, reader)


def numbers(node, dtype, reader):
    """An array of one dimension of that type."""
    array = reader.value(node)
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != dtype:
        raise DamagedError(f"something else where there must be an array of {np.dtype(dtype)}")
    return array


# Indices, Series, frames


def column_of(thing):
    """The values of an index or a Series: an array of numpy's or of pandas'."""
    return (
        thing.to_numpy()
        if isinstance(thing.dtype, np.dtype) and thing.dtype.kind not in "mM"
        else thing.array
    )


def encode_index(index, writer):
    freq = (
        getattr(index, "freq", None)
        if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex))
        else None
    )
    return writer.fields({"values": column_of(index), "name": index.name, "freq": freq})


def decode_index(payload, reader):
    parts = reader.fields(payload, ["values", "name", "freq"])
    values = parts["values"]
    if not isinstance(values, (np.ndarray, pd.api.extensions.ExtensionArray)):
        raise DamagedError(f"an index of a {type(values).__name__}")
    dtype = {"dtype": values.dtype} if isinstance(values, np.ndarray) else {}
    index = pd.Index(values, name=parts["name"], **dtype)
    return index if parts["freq"] is None else type(index)(index, freq=parts["freq"])  # pyright: ignore[reportCallIssue]


def encode_range(index, writer):
    return [index.start, index.stop, index.step, writer.node(index.name, "name")]


def decode_range(payload, reader):
    start, stop, step, name = payload
    if (
        any(type(bound) is not int for bound in (start, stop, step))
        or len(range(start, stop, step)) > reader.size
    ):
        raise DamagedError("a range longer than the file")
    return pd.RangeIndex(start, stop, step, name=reader.value(name))


def encode_levels(index, writer):
    parts = {"levels": list(index.levels), "codes": [np.asarray(codes) for codes in index.codes]}
    return writer.fields(parts | {"names": list(index.names)})


def decode_levels(payload, reader):
    parts = reader.fields(payload, ["levels", "codes", "names"])
    return pd.MultiIndex(levels=parts["levels"], codes=parts["codes"], names=parts["names"])


def encode_series(series, writer):
    return writer.fields({"values": column_of(series), "index": series.index, "name": series.name})


def decode_series(payload, reader):
    parts = reader.fields(payload, ["values", "index", "name"])
    check_lengths(parts["index"], [parts["values"]])
    dtype = {"dtype": parts["values"].dtype} if isinstance(parts["values"], np.ndarray) else {}
    return pd.Series(parts["values"], index=parts["index"], name=parts["name"], **dtype)


def encode_frame(frame, writer):
    columns = [column_of(frame.iloc[:, i]) for i in range(frame.shape[1])]
    return writer.fields({"columns": frame.columns, "index": frame.index, "values": columns})


def decode_frame(payload, reader):
    parts = reader.fields(payload, ["columns", "index", "values"])
    check_lengths(parts["index"], parts["values"])
    columns = [
        pd.Series(values, index=parts["index"], dtype=values.dtype) for values in parts["values"]
    ]
    frame = pd.DataFrame(dict(enumerate(columns)), index=parts["index"])
    if not isinstance(parts["columns"], pd.Index) or len(parts["columns"]) != len(columns):
        raise DamagedError("a frame with another number of names than of columns")
    frame.columns = parts["columns"]
    return frame


def check_lengths(index, columns):
    if not isinstance(index, pd.Index) or any(len(values) != len(index) for values in columns):
        raise DamagedError("columns of another length than their index")


CODECS = [
    Codec("stamps", pd.arrays.DatetimeArray, encode_stamps, decode_stamps),
    Codec("durations", pd.arrays.TimedeltaArray, encode_durations, decode_durations),
    Codec("periods", pd.arrays.PeriodArray, encode_periods, decode_periods),
    Codec("categories", pd.Categorical, encode_categories, decode_categories),
    Codec("intervals", pd.arrays.IntervalArray, encode_intervals, decode_intervals),
    Codec("interval", pd.Interval, encode_interval, decode_interval),
    Codec(
        "extension",
        pd.api.extensions.ExtensionArray,
        encode_extension,
        decode_extension,
        family=True,
    ),
    Codec("range", pd.RangeIndex, encode_range, decode_range),
    Codec("levels", pd.MultiIndex, encode_levels, decode_levels),
    Codec("index", pd.Index, encode_index, decode_index, family=True),
    Codec("series", pd.Series, encode_series, decode_series),
    Codec("frame", pd.DataFrame, encode_frame, decode_frame),
]
