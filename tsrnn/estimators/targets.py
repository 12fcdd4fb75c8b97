"""Targets of sequences: matched by label where they have labels, checked, and named in errors."""

import numpy as np
from sklearn.utils import check_array


def align(y, series, name="y"):
    """`y` in the order of the series, where it is a pandas object indexed by the series' labels.

    Otherwise as it is: other objects, an index of other things, and the index that pandas makes when given none.
    """
    index = getattr(y, "index", None)
    if series.labels is None or not hasattr(index, "is_unique") or getattr(index, "nlevels", 1) > 1:
        return y
    known = index.isin(series.labels)
    if index.is_unique and known.all() and len(index) == len(series):
        return y.loc[series.labels]
    if known.any() and not np.array_equal(index, np.arange(len(index))):
        held = set(index)
        missing = [i for i, label in enumerate(series.labels) if label not in held]
        if missing:
            raise ValueError(f"the index of {name} must hold every label of X; got none for {series.name(missing[0])}.")
    return y


def check_real(array, name):
    array = np.asarray(array)
    kind = array.dtype
    if array.ndim == 0:
        raise TypeError(f"{name} must have one entry for each sequence; got {array.item()!r}.")
    if kind.kind not in "biufO":
        note = ": Complex data not supported" if kind.kind == "c" else ""
        raise ValueError(f"{name} must hold real numbers; got {kind} values{note}.")


def check_length(y, series):
    if len(y) != len(series):
        raise ValueError(f"y must have one entry for each of the {len(series)} sequences of X; got {len(y)}.")
    return y


def numeric_targets(y, series):
    """Finite numbers, (n_sequences,) or (n_sequences, n_outputs)."""
    check_real(y, "y")
    y = check_length(
        check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_all_finite=False, input_name="y"),
        series,
    )
    if y.ndim > 2:
        raise ValueError(f"y must be (n_sequences,) or (n_sequences, n_outputs); got shape {y.shape}.")
    dtype = series.values.dtype
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(y.astype(dtype)).reshape(len(y), -1).all(axis=1)
    if bad.any():
        i = int(bad.argmax())
        what = "NaN" if np.isnan(y[i]).any() else f"infinity in {dtype}"
        raise ValueError(f"Input y contains {what}: the target of {series.name(i)} must be finite; got {y[i]}.")
    return y
