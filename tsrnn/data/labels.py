"""Labels that targets and weights bring along: they say what belongs together, before any position does."""

from numbers import Number

import numpy as np
import pandas as pd


def index_of(entries):
    """The pandas index of something, or None."""
    index = getattr(entries, "index", None)
    return index if isinstance(index, pd.Index) else None


def check_dense(entries, name):
    """Raise a sentence for a sparse matrix."""
    if hasattr(entries, "toarray"):
        kind = type(entries).__name__
        raise TypeError(
            f"{name} must be a list, an array or a frame; got a {kind}: {name}.toarray() is one."
        )


def check_entries(y):
    """Raise a sentence for targets that have no order, or are one text."""
    if isinstance(y, (str, bytes, dict, set, frozenset)):
        raise TypeError(f"y must be a list, an array or a frame; got a {type(y).__name__}.")


def from_zero(index):
    """Whether it is the index that pandas makes when given none."""
    return np.array_equal(index, np.arange(len(index)))


def counts(index, labels=()):
    """Whether an index counts rows, all or some of them in order, and no label is a number that it could mean."""
    if from_zero(index):
        return True
    if not pd.api.types.is_integer_dtype(index.dtype) or any(
        isinstance(label, Number) for label in labels
    ):
        return False
    return index.is_monotonic_increasing and index.is_unique


def in_order_of(labels, entries, name, describe_target):
    """Entries that have an index, in the order of `labels`, which `owner(i)` names; as they are where the index only
    counts. Of an index of several levels the first one is meant.
    """
    index = index_of(entries)
    if index is None or labels is None:
        return entries
    index = index.get_level_values(0)
    held = pd.Index(labels).isin(index)
    if held.all() and index.is_unique and len(index) == len(labels):
        return entries.iloc[index.get_indexer_for(labels)]
    if from_zero(index) or (not held.any() and counts(index, labels)):
        return entries
    if not held.any():
        raise ValueError(
            f"the index of {name} must hold the labels of X, such as {labels[0]!r}; got {index[:1].to_list()[0]!r}, "
            f"which is none of them: give {name} the labels of X, or pass {name}.to_numpy() if it is in their order."
        )
    if not held.all():
        raise ValueError(
            f"the index of {name} must hold every label of X; got none for {describe_target(int(held.argmin()))}."
        )
    if not index.is_unique:
        twice = index[index.duplicated()].to_list()[0]
        raise ValueError(
            f"the index of {name} must hold every label of X once; got {twice!r} several times."
        )
    raise ValueError(
        f"the index of {name} must hold the labels of X alone; got {len(index)} entries for {len(labels)} labels."
    )


def check_row_by_row(index, own, name):
    """Raise a sentence for an index of rows that is not that of X, `own`, row by row; one of them may have the times
    alone. An index that only counts says nothing.
    """
    if index is None or own is None or len(index) != len(own) or counts(index) or counts(own):
        return
    one, other = (
        (index, own)
        if index.nlevels == own.nlevels
        else (part.get_level_values(-1) for part in (index, own))
    )
    differ = np.asarray(one != other)
    if differ.any():
        row = int(differ.argmax())
        raise ValueError(
            f"the index of {name} must be that of X, row by row; got {one[row]} beside {other[row]} in row {row}: give "
            f"{name} the index of X, or pass {name}.to_numpy() if its rows stand in that order."
        )
