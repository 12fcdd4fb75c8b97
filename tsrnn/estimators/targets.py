"""Targets of sequences: matched by label where they have labels, checked, and named in errors."""

import numpy as np
from sklearn.utils import check_array


def align(y, series):
    """`y` in the order of the series, where it is a pandas object indexed by the series' labels; otherwise as it is."""
    index = getattr(y, "index", None)
    if series.labels is None or index is None or not index.is_unique or set(index) != set(series.labels):
        return y
    return y.loc[list(series.labels)]


def check_length(y, series):
    if len(y) != len(series):
        raise ValueError(f"y must have one entry for each of the {len(series)} sequences of X; got {len(y)}.")
    return y


def numeric_targets(y, series):
    """Finite numbers, (n_sequences,) or (n_sequences, n_outputs)."""
    y = check_length(
        check_array(y, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_all_finite=False, input_name="y"),
        series,
    )
    if y.ndim > 2:
        raise ValueError(f"y must be (n_sequences,) or (n_sequences, n_outputs); got shape {y.shape}.")
    bad = ~np.isfinite(y).reshape(len(y), -1).all(axis=1)
    if bad.any():
        i = int(bad.argmax())
        what = "NaN" if np.isnan(y[i]).any() else "infinity"
        raise ValueError(f"Input y contains {what}: the target of {series.name(i)} must be finite; got {y[i]}.")
    return y
