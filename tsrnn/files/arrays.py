"""Codecs of numpy's arrays and scalars, of every type that is data, and of many strings."""

import base64
import math
import re

import numpy as np

from tsrnn.files.errors import DamagedError
from tsrnn.files.trees import Codec

NATIVE = {
    np.dtype(name)
    for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}
KINDS = "biufcmMSU"  # no objects, which are addresses, and no records
SPELLING = re.compile(r"[<>|=][biufcmMSU]\d{1,9}(\[\d{0,4}[a-zA-Z]{1,2}\])?")
LARGEST_CHARACTER = 0x10FFFF
MANY = 32  # strings that are kept as an array of bytes


def dtype_of(text):
    """The dtype that a file names."""
    if not isinstance(text, str) or not SPELLING.fullmatch(text):
        raise DamagedError(f"an array of type {text!r:.40}")
    dtype = np.dtype(text)
    if dtype.itemsize == 0:
        raise DamagedError("an array whose elements have no size")
    return dtype


def check_elements(array):
    """Raise for bytes that are no value of the array's type."""
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise DamagedError("an array of bools that holds other numbers")
    if array.dtype.kind == "U" and array.size:
        codes = array.reshape(-1).view(array.dtype.str[0] + "u4")
        if codes.max() > LARGEST_CHARACTER:
            raise DamagedError("an array of strings that holds other numbers")
    return array


def shape_of(shape):
    if (
        not isinstance(shape, list)
        or len(shape) > 32
        or any(type(n) is not int or n < 0 for n in shape)
    ):
        raise DamagedError(f"an array of shape {shape!r:.40}")
    return tuple(shape)


def encode_array(array, writer):
    if array.dtype == object:
        return {
            "shape": list(array.shape),
            "items": encode_items(array.reshape(-1).tolist(), writer),
        }
    if array.dtype in NATIVE:
        return writer.keep(np.ascontiguousarray(array).reshape(array.shape))
    if array.dtype.kind not in KINDS:
        raise ValueError(
            f"arrays must be of numbers, strings or times to be saved; got {array.dtype}."
        )
    if array.dtype.itemsize == 0:  # empty strings only
        array = array.astype(f"{array.dtype.kind}1")
    raw = np.frombuffer(array.tobytes(), np.uint8)
    return {"raw": writer.keep(raw), "dtype": array.dtype.str, "shape": list(array.shape)}


def decode_array(payload, reader):
    if isinstance(payload, str):
        return check_elements(reader.take(payload))
    if not isinstance(payload, dict):
        raise DamagedError(f"an array that is a {type(payload).__name__}")
    return decode_objects(payload, reader) if "items" in payload else decode_raw(payload, reader)


def decode_raw(payload, reader):
    raw = reader.take(payload["raw"])
    dtype = dtype_of(payload["dtype"])
    shape = shape_of(payload["shape"])
    if raw.dtype != np.uint8 or raw.ndim != 1 or raw.size != math.prod(shape) * dtype.itemsize:
        raise DamagedError(f"{raw.size} bytes for an array of shape {shape} of {dtype}")
    return check_elements(raw.view(dtype).reshape(shape))


def decode_objects(payload, reader):
    items = reader.value(payload["items"])
    shape = shape_of(payload["shape"])
    if not isinstance(items, list) or len(items) != math.prod(shape):
        raise DamagedError(f"an array of shape {shape} with another number of elements")
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(shape)


def encode_items(items, writer):
    """A list, which may be long: of strings only, it is one array of bytes."""
    if len(items) > MANY and all(type(item) is str for item in items):
        parts = [item.encode("utf-8", "surrogatepass") for item in items]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        with writer.within("text"):
            text = writer.keep(np.frombuffer(b"".join(parts), np.uint8))
        with writer.within("ends"):
            return {"texts": [text, writer.keep(ends)]}
    return writer.nodes(items)


def decode_texts(payload, reader):
    text, ends = (reader.take(name) for name in payload)
    starts = np.append(0, ends[:-1])
    if text.dtype != np.uint8 or ends.dtype != np.int64 or text.ndim != 1 or ends.ndim != 1:
        raise DamagedError("strings of another type than bytes")
    if not len(ends) or (ends < starts).any() or ends[0] < 0 or ends[-1] != len(text):
        raise DamagedError("strings that do not stand end to end")
    whole = text.tobytes()
    bounds = zip(starts.tolist(), ends.tolist())
    return [whole[start:end].decode("utf-8", "surrogatepass") for start, end in bounds]


def encode_scalar(value, writer):
    if value.dtype.kind not in KINDS:
        raise ValueError(
            f"numpy scalars must be numbers, strings or times to be saved; got {value.dtype}."
        )
    if value.dtype.itemsize == 0:
        return [value.dtype.str, ""]
    return [value.dtype.str, base64.b64encode(value.tobytes()).decode()]


def decode_scalar(payload, reader):
    spelled, text = payload
    raw = base64.b64decode(text, validate=True)
    if spelled in ("<U0", ">U0", "|S0") and not raw:  # the empty string
        return np.dtype(spelled).type()
    dtype = dtype_of(spelled)
    if len(raw) != dtype.itemsize:
        raise DamagedError(f"{len(raw)} bytes for a number of {dtype}")
    return check_elements(np.frombuffer(raw, dtype))[0]


CODECS = [
    Codec("array", np.ndarray, encode_array, decode_array),
    Codec("texts", None, None, decode_texts),  # written as a part of others
    Codec("scalar", np.generic, encode_scalar, decode_scalar, family=True),
    Codec(
        "dtype",
        np.dtype,
        lambda dtype, writer: dtype.str,
        lambda text, reader: dtype_of(text),
        family=True,
    ),
]
