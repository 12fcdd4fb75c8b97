"""A target at every time step: what the two estimators share."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.data.labels import check_row_by_row, index_of
from tsrnn.data.series import (
    by_name,
    check_form,
    from_list,
    from_objects,
    inside,
    is_panel_frame,
    is_ragged,
    lengths_without_padding,
    numbers,
    truncate_series,
    with_numbers,
    without_mask,
)
from tsrnn.data.steps import Steps
from tsrnn.estimators.base import BaseRecurrent, training
from tsrnn.estimators.reading import form_of
from tsrnn.estimators.states import first_states, last_states
from tsrnn.estimators.timesteps import Blocks, TimeSteps, check_times, parts, runs
from tsrnn.estimators.watched import Watched
from tsrnn.networks.passes import predict
from tsrnn.types import LabelsLike, NumbersLike, SequencesLike, TargetsLike
from tsrnn.validation import BOOLEAN, POSITIVE_INT, OneOf

# What is predicted in one go: of a series so many steps, after which its state is handed on, and of all series so many.
PIECE = 1024
TOGETHER = 2**17
# those of a frame that say when its rows are
TIMES = (pd.MultiIndex, pd.DatetimeIndex, pd.PeriodIndex)


@dataclass(kw_only=True, eq=False, repr=False)
class BaseSequence(BaseRecurrent):
    """Rows of X are time steps."""

    window: int | None = None
    standardize: bool = True

    _every_step = True
    _before = {"standardize": False}  # of files that lack it
    _constraints = BaseRecurrent._constraints | {
        "window": [POSITIVE_INT, OneOf(None)],
        "standardize": [BOOLEAN],
    }

    def _check_parameters(self):
        super()._check_parameters()
        if self.window and self.bptt_steps:
            raise ValueError(
                f"window of {type(self).__name__} must be None with bptt_steps, which cuts series into pieces of "
                f"another kind; got {self.window!r}."
            )

    # Reading

    def _read(self, X, dtype, known=None, series=None, empty=False):
        """As of all; `empty` says that there may be no time steps."""
        labels = None
        nest = None
        reader = copy(self) if known is None else self
        least = 0 if empty else 1
        # what does not fit into the precision becomes infinite, and is refused so
        with np.errstate(over="ignore"):
            if is_ragged(X):
                found = from_list(
                    by_name(X, known and known.names),
                    dtype,
                    empty=known.n_features if empty else None,
                )
                values = found.values
                lengths = found.lengths
                labels = found.labels
                nest = parts
            else:
                X = X.to_frame() if is_panel_frame(X) and X.ndim == 1 else X
                X = without_mask(X) if hasattr(X, "shape") else np.asarray(X)
                check_form(
                    X, "(n_timesteps, n_features)", "one series of one feature is X.reshape(-1, 1)"
                )
                if hasattr(X, "iloc"):
                    X = with_numbers(X)
                elif getattr(getattr(X, "dtype", None), "kind", "f") == "O":
                    X = numbers(X, "X") if X.ndim == 2 else from_objects(X)
                if len(X.shape) == 2:
                    options = {
                        "dtype": "numeric",
                        "ensure_all_finite": False,
                        "ensure_min_samples": least,
                    }
                    array = validate_data(reader, X, reset=known is None, **options)
                    labels, lengths = self._series_of(X, series)
                else:
                    options = {
                        "dtype": "numeric",
                        "ensure_all_finite": False,
                        "ensure_min_samples": least,
                    }
                    array = check_array(X, allow_nd=True, estimator=self, **options)
                    lengths = lengths_without_padding(array)
                    nest = Blocks(array.shape[1])
                    array = (
                        array[inside(lengths, nest.n_steps)]
                        if (lengths < nest.n_steps).any()
                        else array
                    )
                array = numbers(array, "X") if array.dtype == object else array
                n_steps = array.size // max(1, array.shape[-1])
                # read-only ones would be another type for the compiler
                values = np.require(array.reshape(n_steps, array.shape[-1]), dtype, ["C", "W"])
        if nest and series is not None:
            raise ValueError(
                "series must be None for three-dimensional arrays and lists, whose items are the series; got labels."
            )
        steps = TimeSteps.end_to_end(values, lengths, labels)
        if nest is None and isinstance(getattr(X, "index", None), TIMES):
            check_times(X.index, steps)
        steps = replace(steps, nest=nest, index=None if nest else index_of(X))
        return steps, form_of(reader, X, steps, nest is None, known, empty)

    def _series_of(self, X, series):
        """Labels and lengths of the series whose steps are the rows of a table."""
        if series is not None:
            check_row_by_row(index_of(series), index_of(X), "series")
            return runs(series, len(X))
        if is_panel_frame(X):
            return runs(X.index.get_level_values(0), len(X), "the first level of the index of X")
        levels = getattr(getattr(X, "index", None), "nlevels", 1)
        if levels > 2:
            raise ValueError(
                f"the index of X must be (series, time), or time, without `series`; got {levels} levels."
            )
        return None, np.array([len(X)])

    # Training

    @training
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        series: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
        *,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        sample_weight_val: NumbersLike | None = None,
        series_val: LabelsLike | None = None,
    ) -> Self:
        """Train from the start, or with `warm_start` from where the last `fit` ended.

        Parameters
        ----------
        X : array-like of shape (n_timesteps, n_features), or sequences
            Rows are time steps in order. A data frame whose two-level index is (series, time) says so where a series
            ends; (n_sequences, n_timesteps, n_features) arrays and lists of (n_timesteps_i, n_features) or
            (n_timesteps_i,) arrays do as well.
        y : array-like
            One target, or row of targets, for each time step: (n_timesteps,) or (n_timesteps, n_outputs); for sequences
            nested as X is. NaN (None, NA) is a step without a target.
        series : array-like of shape (n_timesteps,), optional
            Label of the series that each row of a table belongs to; the rows of a series stand together. Without it,
            and without a two-level index, all rows are one series.
        sample_weight : array-like, optional
            Weight of each time step in the loss; nested as X is.
        X_val, y_val, sample_weight_val, series_val : optional
            Sequences that `early_stopping` watches, with their targets and weights, instead of a part held out; in the
            forms of X, y, series and sample_weight.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y, series or sample_weight is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite.

        Notes
        -----
        An exception of any kind leaves the estimator as it was before.
        """
        watched = Watched(X_val, y_val, {"sample_weight": sample_weight_val, "series": series_val})
        return self._fit(X, y, watched, series=series, sample_weight=sample_weight)

    @training
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        series: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
    ) -> Self:
        """Train for one epoch from where the weights and the optimiser stand. Parameters as in `fit`."""
        return self._fit_epoch(X, y, series=series, sample_weight=sample_weight)

    def _recipe(self, targets, settings):
        # pieces of a series are rows already
        return replace(super()._recipe(targets, settings), bptt_steps=None)

    def _rows(self, steps, targets, weights, settings):
        starts, lengths = truncate_series(
            steps.starts, steps.lengths, settings["max_length"], settings["truncate"]
        )
        return Steps.whole(steps.values, starts, lengths, targets, weights)

    def _hold_out(self, rows, targets):
        if len(rows) > 1:
            seen, unseen = self._split(len(rows), None)
            return rows.select(seen), rows.select(unseen)
        known = np.flatnonzero(rows.weights.any(axis=1))
        if len(known) < 2:
            raise ValueError(
                "early_stopping needs at least two time steps with a target, one to hold out; got 1."
            )
        first = known[-min(len(known) - 1, max(1, round(self.validation_fraction * len(known))))]
        later = np.arange(len(rows.weights)) >= first
        return replace(rows, lengths=np.array([first])), replace(
            rows, weights=rows.weights * later[:, None]
        )

    def _one_of_equal(self, rows, recipe):
        return rows  # pieces of them go on from each other

    def _rows_for_epoch(self, rows, fitted, rng):
        if self.window:
            windows = rows.pieces(self.window)
            return windows.select(np.flatnonzero(windows.has_weight()))
        return (
            rows.pieces(self.bptt_steps, fitted.network.zero_states(len(rows)))
            if self.bptt_steps
            else rows
        )

    # Prediction

    def _run(self, X, series, initial_state):
        """Time steps, the network's outputs for each, and the states after the last of each series."""
        check_is_fitted(self)
        network = self._fitted.network
        steps = self._read_fitted(X, series=series, empty=True)
        none = np.empty((len(steps.values), 0), network.dtype)
        rows = Steps.whole(steps.values, steps.starts, steps.lengths, none, none)
        if len(network.directions) == 1:
            rows = rows.pieces(PIECE, first_states(initial_state, steps, network))
            rows = replace(rows, fresh=np.zeros(len(rows), bool))
        elif initial_state is not None:
            raise ValueError(
                "initial_state must be None with bidirectional=True, which reads from both ends; got one."
            )
        else:
            there = np.flatnonzero(steps.lengths)
            rows = Steps.whole(steps.values, steps.starts[there], steps.lengths[there], none, none)
        if len(rows) == 0:
            return steps, np.empty((0, network.n_outputs), network.dtype), rows.carried
        workspaces = self._workspaces()
        n_bytes = network.numbers_of_step(workspaces.backend) * network.dtype.itemsize
        n_threads = self._n_threads(steps)
        passes = rows.passes(min(TOGETHER, workspaces.backend.MOST_BYTES // n_bytes))
        outputs = predict(network, self._fitted.theta, rows, n_threads, passes, workspaces)
        return steps, outputs, rows.carried

    def predict(
        self, X: SequencesLike, series: LabelsLike | None = None, initial_state: Any = None
    ) -> TargetsLike:
        """Predict the target of every time step.

        Parameters
        ----------
        X, series
            As in `fit`, in any form that `fit` takes; a state is carried through each series from its first step on. X
            may have no rows, and sequences no time steps.
        initial_state : dict of label to array, or array-like of shape (n_series, n_layers, n_states, hidden_size), \
                optional
            States to go on from, as `predict_with_state` returns them: of series with labels a dict, in which a series
            that is missing begins from zero; of others an array in the order of X. All begin from zero if None.

        Returns
        -------
        y : ndarray of shape (n_timesteps,) or (n_timesteps, n_outputs)
            As `y` in `fit`; nested as X is if that is three-dimensional or a list.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If X, series or initial_state is not what it must be.
        """
        steps, outputs, _ = self._run(X, series, initial_state)
        return steps.nested(self._fitted.targets.decoded(outputs))

    def predict_with_state(
        self, X: SequencesLike, series: LabelsLike | None = None, initial_state: Any = None
    ) -> Any:
        """Predict the target of every time step, and return the states to go on from.

        A series in pieces, each begun from the state after the last one, gives exactly what it gives as a whole.

        Parameters
        ----------
        X, series, initial_state
            As in `predict`.

        Returns
        -------
        y : ndarray or list of ndarrays
            As in `predict`.
        state : dict of label to ndarray of shape (n_layers, n_states, hidden_size), or ndarray of shape (n_series, \
                n_layers, n_states, hidden_size)
            After the last step of each series. Where series have labels (by the index of a frame, or by `series`) a
            dict: its series are those of X and all others of `initial_state`, whose states stay as they were. Otherwise
            an array in the order of X. An LSTM has two states, h and c, the other cells one.

        Raises
        ------
        ValueError
            As in `predict`; and for a bidirectional network, whose states also depend on what is still to come.
        """
        check_is_fitted(self)
        network = self._fitted.network
        if len(network.directions) == 2:
            raise ValueError(
                "predict_with_state needs bidirectional=False, since a network that reads a series from both ends has "
                "no state to continue from; got True."
            )
        steps, outputs, states = self._run(X, series, initial_state)
        states = last_states(states[..., : network.hidden_size], steps, initial_state)
        return steps.nested(self._fitted.targets.decoded(outputs)), states
