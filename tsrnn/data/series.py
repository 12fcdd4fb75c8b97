"""Many series end to end: values and where each begins. To it from arrays, lists and frames."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import as_strided

from tsrnn.data.labels import check_dense, in_order_of
from tsrnn.types import FrameLike, SequencesLike


@dataclass(frozen=True)
class Series:
    """Number i is `values[starts[i] : starts[i] + lengths[i]]`; windows may overlap."""

    values: np.ndarray  # (n_steps, n_features), C order
    starts: np.ndarray
    lengths: np.ndarray
    # what errors call a series; its position where there is nothing better
    labels: list | None = None
    table: bool = False  # each was a row

    # What targets belong to: here a series, and each must have one.
    target_unit = "sequence"
    all_targets_required = True

    @classmethod
    def end_to_end(cls, values, lengths, labels=None):
        lengths = np.asarray(lengths, dtype=np.int64)
        return cls(values, lengths.cumsum() - lengths, lengths, labels)

    def __len__(self):
        return len(self.starts)

    def first_with(self, row):
        """Number of the first series that has this row of values, and its step."""
        i = int(np.searchsorted(self.starts + self.lengths, row, side="right"))
        return i, row - self.starts[i]

    def name(self, i):
        return f"sequence {i if self.labels is None else self.labels[i]!r}"

    @property
    def n_targets(self):
        return len(self)

    def describe_target(self, i):
        return self.name(int(i))

    def aligned(self, entries, name):
        """Targets or weights in the order of the series, by the labels that both may have."""
        check_dense(entries, name)
        entries = without_mask(entries if hasattr(entries, "__len__") else np.asarray(entries))
        return in_order_of(self.labels, entries, name, self.name)


def is_panel_frame(X):
    """A frame, or for one feature a pandas Series, whose two-level index is (series, time)."""
    return getattr(getattr(X, "index", None), "nlevels", 1) == 2


def is_ragged(X):
    """A list of sequences, each with a length of its own; nested lists of numbers that fill a rectangle are an array,
    as for scikit-learn.
    """
    if isinstance(X, np.ndarray):
        first = X[0] if X.dtype == object and X.ndim == 1 and len(X) > 0 else None
        return isinstance(first, (list, tuple)) or getattr(first, "ndim", 0) > 0
    if not isinstance(X, (list, tuple)):
        return False
    if len(X) == 0 or not all(isinstance(item, (list, tuple)) for item in X):
        return True
    try:
        return np.asarray(X).ndim == 1
    except ValueError:  # of numpy: not a rectangle
        return True


def check_form(
    X, flat="(n_sequences, n_timesteps)", hint="one sequence of one feature is X.reshape(1, -1)"
):
    """Raise a sentence for what is neither an array of two, which are `flat`, or three dimensions nor numbers."""
    shape = X.shape if hasattr(X, "shape") else np.asarray(X).shape
    kind = getattr(X, "dtype", None)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"X must be {flat}, (n_sequences, n_timesteps, n_features) or a list of sequences; "
            f"got shape {shape}: Reshape your data, {hint}."
        )
    if getattr(kind, "kind", "f") not in "biufO":
        note = ": Complex data not supported" if kind.kind == "c" else ""
        raise ValueError(f"X must hold real numbers; got {kind} values{note}.")


def without_mask(X):
    """Of a masked array its values, NaN where one is masked: it counts as missing."""
    if isinstance(X, np.ma.MaskedArray) and X.dtype.names is None and np.ma.is_masked(X):
        return X.astype(object).filled(np.nan)
    return X


def numbers(objects, name, hint=""):
    """Objects as float64, where they are numbers or missing."""
    try:
        return np.where(pd.isna(objects), np.nan, objects).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f"{name} must hold numbers; got object values: {str(error).rstrip('.')}{hint}."
        ) from error


def may_hold_objects(values):
    """Whether entries may be of any type: those of an array of objects, or of a list."""
    return getattr(getattr(values, "dtype", None), "kind", "O") == "O"


NESTED = (
    ": sequences in the cells of a frame are a frame with the index (series, time) after "
    "sktime.datatypes.convert_to(X, 'pd-multiindex'), or a list of arrays"
)


def with_numbers(frame, hint=""):
    """The frame, its columns of objects as float64.

    Raise a sentence for a column that does not hold numbers, or has the name of another one.
    """
    twice = getattr(frame.columns, "duplicated", lambda: np.zeros(0, bool))()
    if twice.any():
        raise ValueError(
            f"columns of X must have unique names; got {frame.columns[twice].to_list()[0]!r} twice."
        )
    found = {}
    for name, column in frame.items():
        if column.dtype == object:
            nested = len(column) and isinstance(
                column.iloc[0], (pd.Series, np.ndarray, list, tuple)
            )
            found[name] = numbers(column, f"column {name!r} of X", NESTED if nested else hint)
        elif column.dtype.kind not in "biuf":
            raise ValueError(
                f"columns of X must be numbers; got {column.dtype} in column {name!r}{hint}."
            )
    frame = frame.copy(deep=False) if found else frame
    for name, column in found.items():
        frame[name] = column
    return frame


def from_objects(array):
    """An array of objects, sequence by sequence, as numbers."""
    return np.array([numbers(x, f"sequence {i}") for i, x in enumerate(array)]).reshape(array.shape)


def order_of(frame):
    """Of a frame with a (series, time) index: the order of its rows in which series follow one another as they first
    appear, time sorted within each; how many rows each has; their labels.
    """
    series = frame.index.get_level_values(0)
    times = frame.index.get_level_values(1)
    codes, labels = series.factorize()
    if (codes < 0).any() or times.hasnans:
        raise ValueError("the (series, time) index of X must not hold missing labels; got some.")
    repeated = frame.index.duplicated()
    if repeated.any():
        raise ValueError(
            f"rows of X must be unique in (series, time); got {frame.index[repeated].to_list()[0]} twice."
        )
    try:
        order = np.lexsort((times.argsort().argsort(), codes))
    except TypeError as error:
        raise TypeError(f"time labels of X must have an order; got {error}.") from error
    return order, np.bincount(codes), labels.to_list()


def from_frame(frame, dtype):
    """Of a frame with a (series, time) index: series in order of first appearance, time sorted within each."""
    frame = frame.to_frame() if frame.ndim == 1 else frame
    order, lengths, labels = order_of(frame)
    values = with_numbers(frame).to_numpy(dtype=dtype, na_value=np.nan)
    return Series.end_to_end(np.ascontiguousarray(values[order]), lengths, labels)


def as_sequences(frame: FrameLike) -> FrameLike:
    """A list of frames, one for each series of a frame with a (series, time) index.

    Searches and cross-validation of scikit-learn count, split and shuffle the entries of a list: with one target for
    each series they need a list, not the rows of a frame. Each frame keeps its index, so `fit` and `score` still match
    a pandas `y` by label.

    Parameters
    ----------
    frame : DataFrame or Series
        Its two-level index is (series, time).

    Returns
    -------
    list of DataFrame or Series
        Series in the order in which they first appear, time sorted within each.

    Raises
    ------
    TypeError, ValueError
        If the frame has no such index, a row is repeated, a label is missing or times have no order.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import as_sequences
    >>> index = pd.MultiIndex.from_tuples([("b", 0), ("b", 1), ("a", 0)], names=["machine", "cycle"])
    >>> [len(part) for part in as_sequences(pd.DataFrame({"heat": [1.0, 2.0, 3.0]}, index=index))]
    [2, 1]
    """
    if not (is_panel_frame(frame) and hasattr(frame, "iloc")):
        raise TypeError(
            "frame must be a pandas frame whose two-level index is (series, time), as after "
            f"X.set_index(['unique_id', 'ds']); got {type(frame).__name__}."
        )
    order, lengths, _ = order_of(frame)
    ends = lengths.cumsum()
    frame = frame.iloc[order]
    return [frame.iloc[end - length : end] for end, length in zip(ends, lengths)]


def names_of(X):
    """Names of the features: of a frame with a (series, time) index, or of frames in a list that are all of strings."""
    if is_panel_frame(X):
        return np.asarray(X.columns if X.ndim == 2 else [X.name], dtype=object)
    named = is_ragged(X) and all(hasattr(item, "columns") for item in X)
    names = list(X[0].columns) if named else []
    return (
        np.asarray(names, dtype=object)
        if names and all(isinstance(name, str) for name in names)
        else None
    )


def by_name(items, order=None):
    """Items with the columns of frames among them in one order: the one given, or that of the first frame."""
    out = []
    for i, item in enumerate(items):
        if hasattr(item, "columns"):
            names = list(item.columns)
            order = names if order is None else list(order)
            if names != order:
                if set(names) != set(order) or len(set(names)) < max(len(names), len(order)):
                    raise ValueError(
                        f"columns of sequence {i} must be {order}, in any order; got {names}."
                    )
                item = item[order]
        out.append(item)
    return out


def labels_of(arrays):
    """Labels of frames in a list, each with one series of a (series, time) index; None unless all have one, and another
    each.
    """
    if not len(arrays) or not all(is_panel_frame(item) for item in arrays):
        return None
    labels = []
    for i, item in enumerate(arrays):
        if len(item) == 0:
            raise ValueError(
                f"a frame with a (series, time) index must have a row, which names its series; sequence {i} has none: "
                "leave it out of the list."
            )
        codes = item.index.codes[0]
        if (codes != codes[0]).any():
            several = item.index.get_level_values(0).unique().to_list()
            raise ValueError(
                f"a frame in a list must hold one series; got {several[0]!r} and {several[1]!r} in sequence {i}: "
                "as_sequences makes a list of a frame with many."
            )
        labels.append(item.index[0][0])
    return labels if len(set(labels)) == len(labels) else None


def from_list(arrays, dtype, what="sequence", empty=None):
    """Of a list of (n_timesteps,) or (n_timesteps, n_features) arrays; errors call number i `what` i.

    `empty` is how many features a sequence without steps has; None refuses such a sequence.
    """
    if len(arrays) == 0 and empty is not None:
        return Series.end_to_end(np.empty((0, empty), dtype), [])
    if len(arrays) == 0:
        raise ValueError("X must hold at least one sequence; got 0 sample(s).")
    parts = []
    for i, item in enumerate(arrays):
        try:
            part = np.asarray(without_mask(item))
        except ValueError as error:  # of numpy: steps that do not make a rectangle
            raise ValueError(
                f"steps of {what} {i} must have one number of features; got several."
            ) from error
        part = numbers(part, f"{what} {i}") if part.dtype == object else part
        if part.dtype.kind not in "biuf":
            raise ValueError(f"{what} {i} must hold numbers; got {part.dtype} values.")
        if part.ndim not in (1, 2):
            raise ValueError(
                f"{what} {i} must be (n_timesteps,) or (n_timesteps, n_features); got shape {part.shape}."
            )
        if len(part) == 0 and empty is None:
            raise ValueError(f"{what} {i} must have at least one time step; got 0.")
        part = part.reshape(
            len(part), empty if part.shape == (0,) else -1 if len(part) else part.shape[1]
        )  # pyright: ignore[reportCallIssue]
        if parts and part.shape[1] != parts[0].shape[1]:
            raise ValueError(
                f"every {what} must have {parts[0].shape[1]} features; {what} {i} has {part.shape[1]}."
            )
        parts.append(part)
    return Series.end_to_end(
        np.concatenate(parts, dtype=dtype), list(map(len, parts)), labels_of(arrays)
    )


def lengths_without_padding(array):
    """Steps of each sequence of an (n_sequences, n_timesteps, n_features) array: those at its end that are NaN in all
    features are padding.
    """
    n, length, _ = array.shape
    lengths = np.full(n, length)
    if array.size and array.dtype.kind in "fO" and pd.isna(array[:, -1]).all(axis=1).any():
        there = ~pd.isna(array).all(axis=2)
        lengths = there.any(axis=1) * (length - there[:, ::-1].argmax(axis=1))
    return lengths


def inside(lengths, n_steps):
    """Where the steps of sequences stand in an array of (n_sequences, n_steps, ...); the rest is padding."""
    return np.arange(n_steps) < lengths[:, None]


def from_array(array, dtype):
    """Of an (n_sequences, n_timesteps) or (n_sequences, n_timesteps, n_features) array; of the latter, NaN may be
    padding.
    """
    n, length = array.shape[:2]
    is_table = array.ndim == 2
    if array.ndim == 3:
        lengths = lengths_without_padding(array)
        if (lengths < length).any():
            return Series.end_to_end(array[inside(lengths, length)].astype(dtype), lengths)
    n_features = array.shape[2] if array.ndim == 3 else 1
    number = array.itemsize
    row = n_features * number
    apart, *inner = array.strides
    if (
        row
        and inner == [row, number][: array.ndim - 1]
        and 0 <= apart < length * row
        and apart % row == 0
    ):
        # windows that slide over one array: it is what is converted, not they
        shift = apart // row
        array = as_strided(
            array, ((n - 1) * shift + length, n_features), (row, number), writeable=False
        )
    else:
        shift = length
        array = array.reshape(n * length, n_features)
    # read-only ones would be another type for the compiler
    values = np.require(array, dtype, ["C", "W"])
    return Series(values, np.arange(n) * shift, np.full(n, length), table=is_table)


# What to do about NaN in X.
IMPUTE = (
    ": impute it, for instance with PerStep(SimpleImputer()), since NaN is padding only in all features at the "
    "end of a sequence of a three-dimensional array"
)


def check_finite(series, name="X"):
    """Raise a sentence that names the first series with NaN or infinity; `name` is what holds them."""
    bad = ~np.isfinite(series.values).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        i, step = series.first_with(row)
        is_nan = np.isnan(series.values[row]).any()
        what = "NaN" if is_nan else f"infinity in {series.values.dtype}"
        advice = IMPUTE if is_nan and name == "X" else ""
        raise ValueError(
            f"Input {name} contains {what}: {series.name(i)} has it at time step {step}; values must be finite{advice}."
        )


def largest_square(dtype):
    """The largest number whose square is finite."""
    return np.sqrt(np.finfo(dtype).max)


def check_scale(series, name="X"):
    """Raise a sentence that names the first series with a value too large for training, which squares it."""
    dtype = series.values.dtype
    large = (np.abs(series.values) > largest_square(dtype)).any(axis=1)
    if large.any():
        row = int(large.argmax())
        i, step = series.first_with(row)
        raise ValueError(
            f"values of {name} must be at most {largest_square(dtype):.2g}, so that their squares are finite in "
            f"{dtype}; {series.name(i)} has {np.abs(series.values[row]).max():.2g} at time step {step}: scale the "
            "series, for instance with StandardScaler."
        )


def truncate_series(starts, lengths, max_length, truncate):
    """First step and length of each row when it is cut to `max_length` steps: at its end, or at its start so that the
    last ones stay.
    """
    longest = int(lengths.max(initial=0))  # max_length itself may be too large for an array
    kept = lengths if max_length is None else np.minimum(lengths, min(max_length, longest))
    return starts + (lengths - kept if truncate == "start" else 0), kept


def from_channels_first(X: SequencesLike) -> SequencesLike:
    """Sequences in the order (n_sequences, n_channels, n_timesteps), as in sktime and aeon, in the order of this
    library.

    Parameters
    ----------
    X : ndarray of shape (n_sequences, n_channels, n_timesteps) or list of ndarrays of shape (n_channels, n_timesteps_i)

    Returns
    -------
    ndarray of shape (n_sequences, n_timesteps, n_channels) or list of ndarrays of shape (n_timesteps_i, n_channels)

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import from_channels_first
    >>> from_channels_first(np.zeros((10, 2, 30))).shape
    (10, 30, 2)
    """
    if isinstance(X, (list, tuple)):
        return [np.asarray(x).T for x in X]
    X = np.asarray(X)
    if X.ndim != 3:
        raise ValueError(f"X must be (n_sequences, n_channels, n_timesteps); got shape {X.shape}.")
    return np.swapaxes(X, 1, 2)
