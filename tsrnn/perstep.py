"""Transformers of scikit-learn, which know rows and columns, over the time steps of sequences."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from tsrnn.data.labels import check_entries
from tsrnn.data.series import (
    Series,
    by_name,
    check_form,
    inside,
    is_panel_frame,
    is_ragged,
    labels_of,
    lengths_without_padding,
    order_of,
    without_mask,
)
from tsrnn.extras import require
from tsrnn.types import SequencesLike, TargetsLike

UNCHECKED = {"dtype": None, "ensure_all_finite": False}  # the transformer looks at the numbers


class PerStep(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Apply a transformer of scikit-learn to the time steps of sequences.

    All time steps of all sequences are the rows of one table, which `transformer` is fitted on: `StandardScaler` learns
    one mean for each feature, over all steps of all sequences. The sequences come back in the form they had.

    Parameters
    ----------
    transformer : transformer
        Any that keeps the number of rows; its parameters are `transformer__...`.

    Attributes
    ----------
    transformer_ : transformer
        Fitted on the time steps.
    n_features_in_ : int
        Features of a time step; for 2-D arrays their number of columns, as everywhere in scikit-learn.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names, where X had them.

    Notes
    -----
    | X | a row of the transformer's table is | what comes back |
    |---|---|---|
    | list of (n_timesteps_i, n_features) or (n_timesteps_i,) arrays | a time step | list of arrays |
    | list of frames, as of `as_sequences` | a row | list of frames, index kept |
    | frame with a (series, time) index | a row | frame, index kept |
    | (n_sequences, n_timesteps, n_features) array | a time step | 3-D array |
    | (n_sequences, n_timesteps) array | a time step of one feature | 2-D array; 3-D if there are several features now |

    Steps at the end of a sequence of a 3-D array that are NaN in all features are padding: no transformer sees them,
    and they come back as NaN. NaN elsewhere is passed on, for instance to `SimpleImputer`.

    `set_output` decides about 2-D arrays alone; sequences keep their form.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tsrnn import PerStep, RNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [100 + 20 * rng.normal(size=(length, 1)) for length in rng.integers(5, 15, size=200)]
    >>> y = np.array([(sequence[-3:].mean() - 100) / 20 for sequence in X])
    >>> network = RNNRegressor(cell="gru", hidden_size=16, random_state=0)
    >>> model = make_pipeline(PerStep(StandardScaler()), network).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def __init__(self, transformer):
        self.transformer = transformer

    def fit(self, X: SequencesLike, y: TargetsLike = None, **fit_params) -> Self:
        """Fit the transformer on all time steps.

        Parameters
        ----------
        X : sequences
            Any form that the estimators take.
        y : array-like, optional
            Handed on where it has one entry for each sequence, which all its time steps get, or for each time step.
        **fit_params
            Of the transformer's `fit`, for instance `sample_weight`; what has one entry for each sequence is repeated
            for its steps.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the transformer takes no sample_weight, or y is no list, array or frame.
        ValueError
            If X is not what it must be, or the transformer refuses the time steps.
        """
        steps, transformer, given = self._prepared(X, y, fit_params)
        self._keep(steps, transformer.fit(steps.table, **given))
        return self

    def fit_transform(self, X: SequencesLike, y: TargetsLike = None, **fit_params) -> SequencesLike:
        """Fit the transformer on all time steps and transform them; parameters as in `fit`."""
        steps, transformer, given = self._prepared(X, y, fit_params)
        if not hasattr(transformer, "fit_transform"):
            transformer.fit(steps.table, **given)
            out = transformer.transform(steps.table)
        else:
            out = transformer.fit_transform(steps.table, **given)
        self._keep(steps, transformer)
        return self._restored(out, steps, X)

    def transform(self, X: SequencesLike) -> SequencesLike:
        """Transform every time step.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes; sequences may have no time steps.

        Returns
        -------
        sequences in the form of X

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If X is not what it must be, or the transformer does not keep the number of rows.
        """
        check_is_fitted(self)
        steps = self._further_steps(X)
        if len(steps.owners) == 0:
            return self._restored(np.empty((0, len(self._names(steps.columns)))), steps, X)
        return self._restored(self.transformer_.transform(steps.table), steps, X)

    def inverse_transform(self, X: SequencesLike) -> SequencesLike:
        """Undo `transform`, by the transformer's `inverse_transform`; parameters and result as there."""
        check_is_fitted(self)
        steps = flattened(X)
        out = dense(self.transformer_.inverse_transform(steps.table))
        check_rows(out, steps, self.transformer_)
        names = getattr(self.transformer_, "feature_names_in_", range(out.shape[1]))
        found = steps.restore(out, list(names))
        single = (
            self._flat and isinstance(found, np.ndarray) and found.ndim == 3 and found.shape[2] == 1
        )
        return found[:, :, 0] if single else found

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the features of a time step, those of the transformer; of 2-D arrays the columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the features of X.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = self.transformer_.get_feature_names_out(None if self._flat else input_features)
        if not self._flat or len(names) != 1:
            return names
        own = getattr(self, "feature_names_in_", None)
        if input_features is None:
            return (
                own
                if own is not None
                else np.array([f"x{i}" for i in range(self.n_features_in_)], dtype=object)
            )
        input_features = np.asarray(input_features, dtype=object)
        if own is not None and not np.array_equal(own, input_features):
            raise ValueError("input_features is not equal to feature_names_in_.")
        if len(input_features) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(input_features)}."
            )
        return input_features

    def set_output(self, *, transform: str | None = None) -> Self:
        """Container of transformed 2-D arrays; lists, frames and 3-D arrays keep their form.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            None changes nothing.

        Returns
        -------
        self
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}  # where `clone` looks for it
        return self

    def get_metadata_routing(self) -> Any:
        """What scikit-learn's metadata routing hands on to the transformer's `fit`.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        fits = (
            MethodMapping()
            .add(caller="fit", callee="fit")
            .add(caller="fit_transform", callee="fit")
        )
        return MetadataRouter(owner=self).add(transformer=self.transformer, method_mapping=fits)

    def _prepared(self, X, y, fit_params):
        """The time steps, a new transformer, and what its `fit` is given besides them."""
        check_entries(y)
        transformer = clone(self.transformer)
        steps = self._first_steps(X)
        if fit_params.get("sample_weight") is not None and not has_fit_parameter(
            transformer, "sample_weight"
        ):
            raise TypeError(
                f"sample_weight must be None for PerStep({type(transformer).__name__}()), whose fit takes none; got "
                "some."
            )
        given = {
            name: steps.of_rows(value, name) if is_long(value) else value
            for name, value in fit_params.items()
        }
        if y is not None and (get_tags(transformer).target_tags.required or steps.fits(y)):
            given["y"] = steps.of_rows(y, "y")
        return steps, transformer, given

    def _keep(self, steps, transformer):
        self.transformer_ = transformer
        self._flat = steps.flat
        if not steps.flat:  # of a table scikit-learn has noted it
            self.n_features_in_ = steps.table.shape[1]
            vars(self).pop("feature_names_in_", None)
            if steps.columns is not None and all(isinstance(name, str) for name in steps.columns):
                self.feature_names_in_ = np.asarray(steps.columns, dtype=object)

    def _first_steps(self, X):
        """Of the data of `fit`, whose form scikit-learn notes of a table."""
        return flattened(validate_data(self, X, **UNCHECKED) if is_table(X) else X, None)

    def _further_steps(self, X):
        """Of data that must have the form of those of `fit`."""
        if is_table(X) and self._flat:
            X = validate_data(self, X, reset=False, **UNCHECKED)
        return flattened(X, None if self._flat else getattr(self, "feature_names_in_", None))

    def _names(self, columns):
        if hasattr(self.transformer_, "get_feature_names_out"):
            return list(self.transformer_.get_feature_names_out())
        return list(range(self.transformer_.n_features_in_)) if columns is None else list(columns)

    def _restored(self, out, steps, X):
        out = dense(out)
        check_rows(out, steps, self.transformer_)
        names = list(out.columns) if hasattr(out, "columns") else None
        if names is None:
            named = hasattr(self.transformer_, "get_feature_names_out")
            as_before = steps.columns is not None and len(steps.columns) == out.shape[1]
            names = (
                self._names(None)
                if named
                else list(steps.columns)
                if as_before
                else list(range(out.shape[1]))
            )
        found = steps.restore(out, names)
        return self._contained(found, X) if steps.flat and found.ndim == 2 else found

    def _contained(self, array, X):
        """A transformed 2-D array in the container that was asked for."""
        kind = getattr(self, "_sklearn_output_config", {}).get(
            "transform", get_config()["transform_output"]
        )
        if kind == "pandas":
            return pd.DataFrame(
                array, columns=self.get_feature_names_out(), index=getattr(X, "index", None)
            )
        if kind == "polars":
            polars = require("polars", "a polars frame")
            return polars.DataFrame(array, schema=list(self.get_feature_names_out()), orient="row")
        return array

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.input_tags = inner.input_tags
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = False
        tags.target_tags = inner.target_tags
        tags.transformer_tags = inner.transformer_tags
        tags.requires_fit = inner.requires_fit
        return tags


@dataclass(frozen=True)
class FlatSteps:
    """The time steps of sequences as the rows of a table, and the way back."""

    table: object  # array or frame (n_rows, n_features)
    owners: np.ndarray  # number of the sequence of each row
    series: Series  # without values
    restore: (
        Callable  # from a table of as many rows, and the names of its columns, to the form of X
    )
    columns: list | None = None  # names of the features
    flat: bool = False  # X was a table, of which a row is a sequence

    def fits(self, entries):
        """Whether there is one entry for each sequence or for each row."""
        if is_ragged(entries) and np.ndim(entries[0]):
            return [
                len(part) if np.ndim(part) else 0 for part in entries
            ] == self.series.lengths.tolist()
        entries = entries if hasattr(entries, "__len__") else np.asarray(entries)
        return getattr(entries, "ndim", 1) > 0 and len(entries) in (
            len(self.series),
            len(self.owners),
        )

    def of_rows(self, entries, name):
        """One entry for each row, from one for each sequence or for each row, flat or nested."""
        entries = self.series.aligned(entries, name)
        if is_ragged(entries) and np.ndim(entries[0]):
            entries = np.concatenate([np.asarray(part) for part in entries])
        entries = np.asarray(entries)
        if len(entries) == len(self.series):
            return entries[self.owners]
        if len(entries) != len(self.owners):
            raise ValueError(
                f"{name} must have one entry for each of the {len(self.series)} sequences, or for each of the "
                f"{len(self.owners)} time steps; got {len(entries)}."
            )
        return entries


def is_table(X):
    if is_ragged(X) or is_panel_frame(X):
        return False
    return len(X.shape if hasattr(X, "shape") else np.asarray(X).shape) == 2


def is_long(value):
    return (
        hasattr(value, "__len__") and not isinstance(value, (str, bytes, dict)) and len(value) > 1
    )


def flattened(X, columns=None):
    """The time steps of sequences of any form; `columns` is the order of those of frames in a list."""
    if is_panel_frame(X):
        return of_frame(X.to_frame() if X.ndim == 1 else X)
    if is_ragged(X):
        return of_list(X, columns)
    X = np.asarray(without_mask(X))
    if X.ndim not in (2, 3):
        check_form(X)
    n, n_steps = X.shape[:2]
    if X.ndim == 2:
        lengths = np.full(n, n_steps)
        restore = partial(to_table, shape=X.shape)
        return steps_of(X.reshape(-1, 1), lengths, restore, flat=True)
    lengths = lengths_without_padding(X)
    restore = partial(to_blocks, lengths=lengths, n_steps=n_steps)
    return steps_of(X[inside(lengths, n_steps)], lengths, restore)


def steps_of(table, lengths, restore, labels=None, columns=None, flat=False):
    series = Series.end_to_end(np.empty((len(table), 0)), lengths, labels)
    return FlatSteps(
        table, np.repeat(np.arange(len(series)), series.lengths), series, restore, columns, flat
    )


def of_frame(frame):
    order, lengths, labels = order_of(frame)
    steps = steps_of(
        frame, lengths, partial(to_frame, index=frame.index), labels, list(frame.columns)
    )
    owners = np.empty_like(steps.owners)
    owners[order] = steps.owners  # rows of a frame need not stand in the order of its series
    return FlatSteps(frame, owners, steps.series, steps.restore, steps.columns)


def of_list(items, columns):
    if len(items) == 0:
        raise ValueError("X must hold at least one sequence; got 0 sample(s).")
    if all(hasattr(item, "iloc") for item in items):
        frames = by_name([item.to_frame() if item.ndim == 1 else item for item in items], columns)
        index = [frame.index for frame in frames]
        restore = partial(to_frames, indexes=index)
        table = pd.concat(frames, ignore_index=True)
        return steps_of(
            table, list(map(len, frames)), restore, labels_of(items), list(frames[0].columns)
        )
    arrays = [as_steps(item, i) for i, item in enumerate(items)]
    n_features = next((array.shape[1] for array in arrays if len(array)), arrays[0].shape[1])
    for i, array in enumerate(arrays):
        if len(array) and array.shape[1] != n_features:
            raise ValueError(
                f"every sequence must have {n_features} features; sequence {i} has {array.shape[1]}."
            )
    table = np.concatenate([array.reshape(len(array), n_features) for array in arrays])
    lengths = np.array(list(map(len, arrays)))
    return steps_of(
        table, lengths, partial(to_arrays, lengths=lengths, dimensions=[np.ndim(x) for x in items])
    )


def as_steps(item, i):
    """An array (n_timesteps, n_features) of one sequence."""
    try:
        array = np.asarray(without_mask(item))
    except ValueError as error:  # of numpy: steps that do not make a rectangle
        raise ValueError(
            f"steps of sequence {i} must have one number of features; got several."
        ) from error
    if array.ndim not in (1, 2):
        raise ValueError(
            f"sequence {i} must be (n_timesteps,) or (n_timesteps, n_features); got shape {array.shape}."
        )
    return array.reshape(-1, 1) if array.ndim == 1 else array


def to_frame(out, names, index):
    if hasattr(out, "iloc"):
        return out.set_axis(index, axis=0)
    return pd.DataFrame(np.asarray(out), index=index, columns=names)


def to_frames(out, names, indexes):
    ends = np.cumsum(list(map(len, indexes)))
    frame = out if hasattr(out, "iloc") else pd.DataFrame(np.asarray(out), columns=names)
    return [
        frame.iloc[end - len(index) : end].set_axis(index, axis=0)
        for index, end in zip(indexes, ends)
    ]


def to_arrays(out, names, lengths, dimensions):
    parts = np.split(np.asarray(out), lengths.cumsum()[:-1])
    return [
        part[:, 0] if n == 1 and part.shape[1] == 1 else part for part, n in zip(parts, dimensions)
    ]


def to_blocks(out, names, lengths, n_steps):
    out = np.asarray(out)
    shape = len(lengths), n_steps, out.shape[1]
    if (lengths == n_steps).all():
        return out.reshape(shape)
    blocks = np.full(
        shape, np.nan, out.dtype if out.dtype.kind == "f" else np.result_type(out.dtype, np.float64)
    )
    blocks[inside(lengths, n_steps)] = out
    return blocks


def to_table(out, names, shape):
    out = np.asarray(out)
    return out.reshape(shape) if out.shape[1] == 1 else out.reshape((*shape, out.shape[1]))


def dense(out):
    return out.toarray() if issparse(out) else out


def check_rows(out, steps, transformer):
    if np.ndim(out) != 2 or len(out) != len(steps.owners):
        raise ValueError(
            f"the transformer of PerStep must keep the number of rows; got {np.shape(out)} of "
            f"{type(transformer).__name__} for {len(steps.owners)} time steps."
        )
