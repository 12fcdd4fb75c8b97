"""Codecs of records: dataclasses and named tuples, each under its own name, field by field."""

from dataclasses import MISSING, fields, is_dataclass
from numbers import Integral, Real

import numpy as np

from tsrnn.files.errors import DamagedError
from tsrnn.files.trees import Codec


def record(kind, check=None):
    """The codec of a record; `check` raises a ValueError for one that cannot be.

    A field with a default may be absent from a file: one that an older version, which did not know it, wrote.
    """
    needed, optional = names_of(kind)

    def encode(value, writer):
        return writer.fields({name: getattr(value, name) for name in [*needed, *optional]})

    def decode(payload, reader):
        found = kind(**reader.fields(payload, needed, optional))
        if check is not None:
            check(found)
        return found

    return Codec(kind.__name__, kind, encode, decode)


def names_of(kind):
    """Names of fields, those without a default and those with one."""
    if is_dataclass(kind):
        defaults = {
            f.name
            for f in fields(kind)
            if f.default is not MISSING or f.default_factory is not MISSING
        }
        names = [f.name for f in fields(kind)]
    else:
        defaults = set(kind._field_defaults)
        names = kind._fields
    return [name for name in names if name not in defaults], [
        name for name in names if name in defaults
    ]


# Checks that the records of several estimators share


def check_kind(value, kind, name):
    """Raise unless `value` is of that type, or one of those types."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(one.__name__ for one in kinds)
        raise DamagedError(f"{name} that is no {wanted} but a {type(value).__name__}")


def check_count(value, name, low, high):
    """Raise unless `value` is an int of that range."""
    if (
        not isinstance(value, Integral)
        or isinstance(value, (bool, np.bool_))
        or not low <= value <= high
    ):
        raise DamagedError(f"{name}={value!r:.40}, where there must be an int from {low} to {high}")


def check_number(value, name, low, high):
    """Raise unless `value` is a number of that range."""
    if (
        not isinstance(value, Real)
        or isinstance(value, (bool, np.bool_))
        or not low <= value <= high
    ):
        raise DamagedError(
            f"{name}={value!r:.40}, where there must be a number from {low} to {high}"
        )


def check_flag(value, name):
    """Raise unless `value` is True or False."""
    check_kind(value, (bool, np.bool_), name)


def check_array(value, name, dtype, shape):
    """Raise unless `value` is an array of that type and shape; None in the shape is any length."""
    check_kind(value, np.ndarray, name)
    fits = value.ndim == len(shape) and all(
        want in (None, n) for n, want in zip(value.shape, shape)
    )
    if value.dtype != dtype or not fits:
        raise DamagedError(
            f"{name} of type {value.dtype} and shape {value.shape}, where there must be {np.dtype(dtype)} and "
            f"{tuple('any' if n is None else n for n in shape)}"
        )


def check_finite(value, name):
    """Raise unless all numbers of an array are finite."""
    if not np.isfinite(value).all():
        raise DamagedError(f"{name} that are not finite")


def check_curve(curve, name):
    """Raise unless `curve` is a list of numbers."""
    check_kind(curve, list, name)
    for value in curve:
        check_kind(value, Real, f"a value of {name}")
