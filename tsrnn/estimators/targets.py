"""Targets and weights of sequences or of their time steps: checked, and named in errors."""

from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_array, column_or_1d

from tsrnn.series import largest_square, numbers


def check_real(array, name, series):
    array = np.asarray(array)
    kind = array.dtype
    if array.ndim == 0:
        raise TypeError(f"{name} must have one entry for each {series.noun}; got {array.item()!r}.")
    if kind.kind not in "biufO":
        note = ": Complex data not supported" if kind.kind == "c" else ""
        raise ValueError(f"{name} must hold real numbers; got {kind} values{note}.")


def check_length(y, series):
    if len(y) != series.n_owners:
        raise ValueError(f"y must have one entry for each of the {series.n_owners} {series.noun}s of X; got {len(y)}.")
    return y


def of_their_type(labels, name):
    """Labels in an array of bools, numbers or strings, also where pandas or an array of objects holds them; `name(i)`
    is what errors call number i.
    """
    labels = labels if hasattr(labels, "__len__") and np.ndim(labels) == 1 else column_or_1d(labels, warn=True)
    kind = getattr(labels, "dtype", None)
    if isinstance(kind, np.dtype) and kind.kind in "biufU":
        return np.asarray(labels)
    labels = list(labels)
    for i, label in enumerate(labels):
        if pd.api.types.is_scalar(label) and pd.isna(label):
            raise ValueError(f"Input y contains NaN: {name(i)} must not be missing; got {label}.")
        if not isinstance(label, (str, Real, np.bool_)):
            raise ValueError(f"{name(i)} must be a string, a number or a bool; got {type(label).__name__}.")
    if len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError("labels of y must be all strings or all numbers; got both.")
    return np.array(labels)


def check_squares(y, series):
    """Raise a sentence that names the first target so large that its square is not finite."""
    dtype = series.values.dtype
    large = (np.abs(y) > largest_square(dtype)).any(axis=1)
    if large.any():
        i = int(large.argmax())
        raise ValueError(
            f"the target of {series.owner(i)} must be at most {largest_square(dtype):.2g}, so that its square is "
            f"finite in {dtype}; got {np.abs(y[i]).max():.2g}: scale y, for instance with TransformedTargetRegressor."
        )


def numeric_targets(y, series):
    """Numbers, (n_owners,) or (n_owners, n_outputs); NaN is a missing one where `series` need not have all."""
    check_real(y, "y", series)
    y = check_length(y, series)
    if getattr(getattr(y, "dtype", None), "kind", "O") == "O" and np.asarray(y).dtype == object:
        rows = np.array_split(np.asarray(y), len(y))
        y = np.concatenate([numbers(row, f"the target of {series.owner(i)}") for i, row in enumerate(rows)])
    y = check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_all_finite=False, input_name="y")
    if y.ndim > 2:
        n = f"n_{series.noun.replace(' ', '')}s"
        raise ValueError(f"y must be ({n},) or ({n}, n_outputs); got shape {y.shape}.")
    dtype = series.values.dtype
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(y.astype(dtype)) & (series.needs_all | ~np.isnan(y))
    bad = bad.reshape(len(y), -1).any(axis=1)
    if bad.any():
        i = int(bad.argmax())
        what = "NaN" if series.needs_all and np.isnan(y[i]).any() else f"infinity in {dtype}"
        raise ValueError(f"Input y contains {what}: the target of {series.owner(i)} must be finite; got {y[i]}.")
    return y


def labelled(y, series):
    """Which entries have a label, as positions, and these labels in an array of bools, numbers or strings."""
    y, known = check_length(y if np.ndim(y) else column_or_1d(y), series), np.arange(len(y))
    if not series.needs_all:
        y = column_or_1d(y, warn=True) if np.ndim(y) != 1 else y if hasattr(y, "take") else np.array(y, dtype=object)
        known = np.flatnonzero(~pd.isna(y))
        y = y.take(known)
    return known, of_their_type(y, lambda i: f"the label of {series.owner(known[i])}")


def check_weight(sample_weight, series):
    """One number, not negative, for each that has a target."""
    if sample_weight is None:
        return np.ones(series.n_owners)
    sample_weight = series.aligned(sample_weight, "sample_weight")
    check_real(sample_weight, "sample_weight", series)
    weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weight.shape != (series.n_owners,):
        raise ValueError(
            f"sample_weight must have one entry for each of the {series.n_owners} {series.noun}s; "
            f"got shape {weight.shape}."
        )
    if (weight < 0).any():
        i = int(weight.argmin())
        raise ValueError(f"sample_weight must not be negative; got {weight[i]:g} for {series.owner(i)}.")
    return weight
