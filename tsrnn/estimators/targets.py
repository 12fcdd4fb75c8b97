"""Targets and weights of sequences or of their time steps: checked, and named in errors."""

from dataclasses import replace
from itertools import chain
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from tsrnn.data.labels import check_dense
from tsrnn.data.series import (
    Series,
    check_finite,
    from_list,
    from_objects,
    inside,
    is_ragged,
    largest_square,
    lengths_without_padding,
    may_hold_objects,
    numbers,
)

# What a table is, where there are fewer targets than rows.
ROWS = (
    ": each row of a table is a sequence; for ragged ones pass a list of arrays, or a frame with the index (series, "
    "time), which a transformer keeps after set_output(transform='pandas')"
)
WIDE = 30  # binary digits by which weights may differ from 1


def check_real(array, name, series):
    check_dense(array, name)
    try:
        array = np.asarray(array)
    except ValueError as error:  # of numpy: entries that do not make a rectangle
        raise ValueError(f"entries of {name} must have one shape; got several.") from error
    kind = array.dtype
    if array.ndim == 0:
        raise TypeError(
            f"{name} must have one entry for each {series.target_unit}; got {array.item()!r}."
        )
    if kind.kind not in "biufO":
        note = ": Complex data not supported" if kind.kind == "c" else ""
        raise ValueError(f"{name} must hold real numbers; got {kind} values{note}.")


def check_length(y, series, name="y"):
    if getattr(y, "ndim", 1) == 0:
        raise TypeError(f"{name} must have one entry for each {series.target_unit}; got {y}.")
    if len(y) != series.n_targets:
        n = f"{series.n_targets} {series.target_unit}s"
        hint = ROWS if series.table else ""
        raise ValueError(
            f"{name} must have one entry for each of the {n} of X; got {len(y)}{hint}."
        )
    return y


def n_dimensions(entries):
    """As numpy counts; 1 where entries differ in theirs."""
    try:
        return np.ndim(entries)
    except ValueError:  # of numpy: not a rectangle
        return 1


def of_their_type(labels, name, what="y"):
    """Labels in an array of bools, numbers or strings, also where pandas or an array of objects holds them; errors call
    number i `name(i)`, and all of them `what`.
    """
    labels = (
        labels
        if hasattr(labels, "__len__") and n_dimensions(labels) == 1
        else column_or_1d(labels, warn=True)
    )
    kind = getattr(labels, "dtype", None)
    if isinstance(kind, np.dtype) and kind.kind in "biufU":
        return np.asarray(labels)
    labels = list(labels)
    for i, label in enumerate(labels):
        if pd.api.types.is_scalar(label) and pd.isna(label):
            raise ValueError(
                f"Input {what} contains NaN: {name(i)} must not be missing; got {label}."
            )
        if not isinstance(label, (str, Real, np.bool_)):
            raise ValueError(
                f"{name(i)} must be a string, a number or a bool; got {type(label).__name__}."
            )
    if len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError(f"labels of {what} must be all strings or all numbers; got both.")
    return np.array(labels)


def check_classes(labels, name):
    """Raise a sentence for labels that are numbers rather than classes; `name(i)` as in `of_their_type`."""
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        i = int(np.isfinite(labels).argmin())
        what = "NaN" if np.isnan(labels[i]) else "infinity"
        raise ValueError(f"Input y contains {what}: {name(i)} must be finite; got {labels[i]}.")
    if type_of_target(labels, input_name="y").startswith("continuous"):
        raise ValueError(
            f"labels of y must be classes; got numbers like {labels[0]:g}: Unknown label type: continuous."
        )
    check_classification_targets(labels)


def known_classes(labels, given, fitted):
    """All classes, sorted: those fitted before, those given, or those met."""
    if given is not None and np.ndim(given) != 1:
        raise ValueError(f"classes must be a list of labels; got {given!r}.")
    given = (
        None
        if given is None
        else unique_labels(of_their_type(given, lambda i: f"entry {i} of classes"))
    )
    if fitted is None:
        return unique_labels(labels) if given is None else given
    if given is not None and not np.array_equal(given, fitted):
        raise ValueError(
            f"classes must be those of the first call, {fitted.tolist()}; got {given.tolist()}."
        )
    return fitted


def codes_of(labels, classes, what, name):
    """The place of each label among the sorted classes; `name(i)` is where errors say that label i is."""
    known = np.isin(labels, classes)
    if not known.all():
        i = int(known.argmin())
        raise ValueError(
            f"{what} must be among the classes {classes.tolist()}; got {labels[i : i + 1].tolist()[0]!r} for {name(i)}."
        )
    return np.searchsorted(classes, labels)


def check_squares(y, series):
    """Raise a sentence that names the first target so large that its square is not finite."""
    dtype = series.values.dtype
    large = (np.abs(y) > largest_square(dtype)).any(axis=1)
    if large.any():
        i = int(large.argmax())
        raise ValueError(
            f"the target of {series.describe_target(i)} must be at most {largest_square(dtype):.2g}, so that its "
            f"square is finite in {dtype}; got {np.abs(y[i]).max():.2g}: scale y, for instance "
            "with TransformedTargetRegressor."
        )


def check_least(targets, loss, series):
    """Raise a sentence that names the first target below those that a loss takes."""
    low = (targets < loss.least).any(axis=1)
    if low.any():
        i = int(low.argmax())
        raise ValueError(
            f"the target of {series.describe_target(i)} must be at least {loss.least:g} with loss={loss.name!r}; got "
            f"{targets[i].min():g}."
        )


def numeric_targets(y, series):
    """Numbers, (n_owners,) or (n_owners, n_outputs); NaN is a missing one where `series` need not have all."""
    check_real(y, "y", series)
    y = check_length(y, series)
    if may_hold_objects(y) and np.asarray(y).dtype == object:
        rows = np.array_split(np.asarray(y), len(y))
        y = np.concatenate(
            [
                numbers(row, f"the target of {series.describe_target(i)}")
                for i, row in enumerate(rows)
            ]
        )
    y = check_array(
        y, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_all_finite=False, input_name="y"
    )
    if y.ndim > 2:
        n = f"n_{series.target_unit.replace(' ', '')}s"
        raise ValueError(f"y must be ({n},) or ({n}, n_outputs); got shape {y.shape}.")
    dtype = series.values.dtype
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(y.astype(dtype)) & (series.all_targets_required | ~np.isnan(y))
    bad = bad.reshape(len(y), -1).any(axis=1)
    if bad.any():
        i = int(bad.argmax())
        what = (
            "NaN"
            if series.all_targets_required and np.isnan(y[i]).any()
            else f"infinity in {dtype}"
        )
        raise ValueError(
            f"Input y contains {what}: the target of {series.describe_target(i)} must be finite; got {y[i]}."
        )
    return y


def labelled(y, series):
    """Which entries have a label, as positions, and these labels in an array of bools, numbers or strings."""
    y = check_length(y if n_dimensions(y) else column_or_1d(y), series)
    known = np.arange(len(y))
    if not series.all_targets_required:
        if n_dimensions(y) != 1:
            y = column_or_1d(y, warn=True)
        elif not hasattr(y, "take"):
            y = np.array(y, dtype=object)
        known = np.flatnonzero(~pd.isna(y))
        y = y.take(known)
    return known, of_their_type(y, lambda i: f"the label of {series.describe_target(known[i])}")


def check_weight(sample_weight, series):
    """One number, not negative, for each that has a target."""
    if sample_weight is None:
        return np.ones(series.n_targets)
    sample_weight = series.aligned(sample_weight, "sample_weight")
    check_real(sample_weight, "sample_weight", series)
    if may_hold_objects(sample_weight):
        sample_weight = numbers(np.asarray(sample_weight, dtype=object), "sample_weight")
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (series.n_targets,):
        raise ValueError(
            f"sample_weight must have one entry for each of the {series.n_targets} {series.target_unit}s; "
            f"got shape {weight.shape}."
        )
    if (weight < 0).any():
        i = int(weight.argmin())
        raise ValueError(
            f"sample_weight must not be negative; got {weight[i]:g} for {series.describe_target(i)}."
        )
    if len(weight):
        check_some(np.flatnonzero(weight), series)
    return in_range(weight)


def check_some(weighted, series):
    """Raise a sentence where nothing has a weight."""
    if not len(weighted):
        raise ValueError(
            f"the weights must be positive for at least one {series.target_unit}; got zeros only."
        )


def in_range(weight):
    """Weights that a power of two brings near 1 where they are so large or small that sums, or single precision, would
    lose them; their proportions alone count.
    """
    array = np.asarray(weight) if weight is not None else np.empty(0)
    if array.dtype.kind not in "iuf" or array.size == 0 or not np.isfinite(array).all():
        return weight
    exponent = int(np.frexp(np.abs(array).max())[1])
    return weight if abs(exponent) <= WIDE else np.ldexp(weight, -exponent)  # pyright: ignore[reportCallIssue]


def numbers_at_steps(values, series, name, dtype):
    """As `Series`, numbers at every step of something that each of the series has, for instance a target; in an array,
    NaN at the end is padding.
    """
    values = check_length(series.aligned(values, name), series, name)
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    if is_ragged(values):
        out = from_list(list(values), dtype, f"{name} of sequence")
    else:
        array = np.asarray(values)
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise ValueError(
                f"{name} must be (n_sequences, n_steps) or (n_sequences, n_steps, n_outputs), both at least 1, or a "
                f"list of arrays; got shape {array.shape}."
            )
        check_real(array, name, series)
        array = from_objects(array) if array.dtype == object else array
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused so
            array = array.reshape(*array.shape[:2], -1)
            lengths = lengths_without_padding(array)
            out = Series.end_to_end(array[inside(lengths, array.shape[1])].astype(dtype), lengths)
        if not out.lengths.all():
            i = int(out.lengths.argmin())
            raise ValueError(
                f"{name} of {series.name(i)} must have at least one step; got padding, NaN, alone."
            )
    check_same_labels(out.labels, series, name)
    out = replace(out, labels=series.labels)
    check_finite(out, name)
    return out


def check_same_labels(labels, series, name):
    """Raise a sentence for frames in a list that name series of their own, and not those of X in their order."""
    if labels is None or series.labels is None or labels == series.labels:
        return
    i = next(i for i, pair in enumerate(zip(labels, series.labels)) if pair[0] != pair[1])
    raise ValueError(
        f"{name} must hold the series of X in the same order; got {labels[i]!r} beside {series.labels[i]!r} in place "
        f"{i}."
    )


def is_symbolic(sequences):
    """Whether they are strings, or sequences of strings."""
    # of a library of frames
    column = hasattr(sequences, "to_numpy") and len(getattr(sequences, "shape", ())) == 1
    if (
        not (column or isinstance(sequences, (list, tuple, np.ndarray)))
        or getattr(sequences, "ndim", 1) == 0
    ):
        return False
    first = next(iter(sequences), None)
    if isinstance(first, (list, tuple, np.ndarray)) and getattr(first, "ndim", 1) > 0:
        first = next(iter(first), None)
    return isinstance(first, str)


def labels_at_steps(sequences, name, what="y"):
    """Labels of all sequences end to end, and how many each has; a string is a sequence of characters. Errors call
    number i `name(i)`, and all of them `what`.
    """
    items = list(sequences.to_numpy() if hasattr(sequences, "to_numpy") else sequences)
    for i, item in enumerate(items):
        nested = (
            isinstance(item, (list, tuple, np.ndarray, pd.Series)) and getattr(item, "ndim", 1) == 1
        )
        if not (nested or isinstance(item, str)):
            raise ValueError(
                f"{name(i)} must be a string or a sequence of labels; got {type(item).__name__}."
            )
        if len(item) == 0:
            raise ValueError(f"{name(i)} must have at least one symbol; got 0.")
    lengths = np.array(list(map(len, items)), dtype=np.int64)
    labels = np.fromiter(chain.from_iterable(items), object)
    return of_their_type(
        labels, lambda i: f"each label of {name(owner_of(i, lengths))}", what
    ), lengths


def owner_of(i, lengths):
    """Number of the sequence that has label i."""
    return int(np.searchsorted(lengths.cumsum(), i, side="right"))
