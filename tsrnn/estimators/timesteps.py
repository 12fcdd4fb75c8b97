"""Rows that are time steps: which series each belongs to, and what belongs to each, flat or nested as X is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsrnn.data.labels import check_dense, check_row_by_row, index_of
from tsrnn.data.series import Series, inside, labels_of, may_hold_objects, without_mask
from tsrnn.estimators.targets import check_same_labels


@dataclass(frozen=True)
class TimeSteps(Series):
    """Series end to end whose steps have a target each, or none: NaN."""

    # from entries end to end and the lengths of series to the caller's form, unless flat
    nest: Callable | None = None
    index: pd.Index | None = None  # of a frame of rows

    target_unit = "time step"
    all_targets_required = False

    @property
    def n_targets(self):
        return len(self.values)

    def describe_target(self, i):
        number, step = self.first_with(i)
        return f"time step {step} of {self.name(number)}"

    def aligned(self, entries, name):
        """Targets or weights, nested as X was, end to end."""
        check_dense(entries, name)
        entries = without_mask(entries if hasattr(entries, "__len__") else np.asarray(entries))
        if self.nest is None or getattr(entries, "ndim", 1) == 0:
            check_row_by_row(index_of(entries), self.index, name)
            return entries
        entries = entries.to_numpy() if hasattr(entries, "to_numpy") else entries
        if len(entries) != len(self):
            raise ValueError(
                f"{name} must have one part for each of the {len(self)} sequences; got {len(entries)}."
            )
        check_same_labels(
            None if isinstance(entries, np.ndarray) else labels_of(entries), self, name
        )
        try:
            parts = [
                self._without_padding(np.asarray(without_mask(part)), i)
                for i, part in enumerate(entries)
            ]
        except ValueError as error:  # of numpy: steps that do not make a rectangle
            raise ValueError(f"{name} must have one shape a time step; got several.") from error
        for i, (part, length) in enumerate(zip(parts, self.lengths)):
            if part.ndim == 0 or len(part) != length:
                got = "one number" if part.ndim == 0 else len(part)
                raise ValueError(
                    f"{name} of {self.name(i)} must have one entry for each of its {length} time steps; got {got}."
                )
            if part.shape[1:] != parts[0].shape[1:]:
                raise ValueError(
                    f"{name} must have one shape a time step; got {parts[0].shape[1:]} and, for {self.name(i)}, "
                    f"{part.shape[1:]}."
                )
        kinds = {part.dtype.kind for part in parts}
        return np.concatenate(parts, dtype=object if "U" in kinds and len(kinds) > 1 else None)

    def _without_padding(self, part, i):
        """The entries of series i at its own steps, where X was an array with padding and they have some for all."""
        padded = isinstance(self.nest, Blocks) and part.ndim and len(part) == self.nest.n_steps
        return part[: self.lengths[i]] if padded else part

    def nested(self, flat):
        """What belongs to the steps, end to end, in the form X had."""
        return flat if self.nest is None else self.nest(flat, self.lengths)


@dataclass(frozen=True)
class Blocks:
    """The form of an array (n_sequences, n_steps, ...); after the steps of a shorter sequence comes NaN, as in X."""

    n_steps: int

    def __call__(self, flat, lengths):
        shape = len(lengths), self.n_steps, *flat.shape[1:]
        if (lengths == self.n_steps).all():
            return flat.reshape(shape)
        out = np.full(shape, np.nan, flat.dtype if flat.dtype.kind == "f" else object)
        out[inside(lengths, self.n_steps)] = flat
        return out


def parts(flat, lengths):
    return np.split(flat, lengths.cumsum()[:-1]) if len(lengths) else []


def runs(labels, n, name="series"):
    """Labels of series and how many steps each has, from the label of each of n steps in order."""
    if np.ndim(labels) != 1 or len(labels) != n:
        raise ValueError(
            f"{name} must be one label for each of the {n} rows of X; got shape {np.shape(labels)}."
        )
    if n == 0:
        return [], np.zeros(0, np.int64)
    check_labels(labels, name)
    codes, names = pd.factorize(
        labels if hasattr(labels, "take") else np.array(labels, dtype=object)
    )
    names = pd.Index(names).to_list()
    if (codes < 0).any():
        raise ValueError(
            f"{name} must not hold missing labels; got one for row {int((codes < 0).argmax())} of X."
        )
    first = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
    apart = codes[first] != np.arange(len(first))
    if apart.any():
        row = first[int(apart.argmax())]
        raise ValueError(
            f"the rows of a series must stand together in X; those of {names[codes[row]]!r} "
            f"go on in row {row} after rows of another."
        )
    return names, np.diff(first, append=n)


def check_labels(labels, name):
    """Raise a sentence for the first label that cannot be looked up."""
    if may_hold_objects(labels):
        for row, label in enumerate(labels):
            try:
                hash(label)
            except TypeError as error:
                kind = type(label).__name__
                raise TypeError(
                    f"{name} must hold labels such as strings or numbers; got a {kind} for row {row} of X."
                ) from error


def check_times(index, steps):
    """Raise a sentence for the first series whose times, the last level of the index, do not run forward."""
    times = index.get_level_values(-1)
    ends = steps.lengths.cumsum()
    try:
        later = np.asarray(times[1:] > times[:-1])
    except TypeError as error:
        raise TypeError(f"time labels of X must have an order; got {error}.") from error
    later[ends[:-1] - 1] = True
    if not later.all():
        row = int(later.argmin())
        number = int(np.searchsorted(ends, row, side="right"))
        raise ValueError(
            f"times of a series must run forward in X; those of {steps.name(number)} go from {times[row]} to "
            f"{times[row + 1]}: X.sort_index() puts them in order, and `series` says where another one begins."
        )
