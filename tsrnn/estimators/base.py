"""What the estimators share: parameters, sequences in, training, weights out."""

from dataclasses import dataclass, replace

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.backends.devices import DEVICES, PRECISIONS, backend_of
from tsrnn.batching import Sequences
from tsrnn.estimators.targets import check_weight
from tsrnn.network import Network
from tsrnn.propagation import Rooms, predict
from tsrnn.rules.updates import UPDATES
from tsrnn.series import (
    by_name,
    check_columns,
    check_finite,
    check_form,
    check_scale,
    cut,
    from_array,
    from_frame,
    from_list,
    from_objects,
    is_panel_frame,
    is_ragged,
    names_of,
    without_mask,
)
from tsrnn.training import History, Recipe, train
from tsrnn.validation import (
    BOOLEAN,
    N_JOBS,
    POSITIVE_INT,
    RANDOM_STATE,
    Integral,
    Interval,
    OneOf,
    Real,
    check_parameters,
)

LONG = (
    ": a row must be one sequence, and a long frame must have the index (series, time), as after "
    "X.set_index(['unique_id', 'ds'])"
)


def with_weight(rows, series):
    """The rows that have a weight, of which there must be one."""
    kept = np.flatnonzero(rows.with_weight())
    if len(kept) == 0:
        raise ValueError(f"the weights must be positive for at least one {series.noun}; got zeros only.")
    return rows.select(kept)


try:  # scikit-learn 1.9 and newer
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # pragma: no cover

    class CallbackSupportMixin:
        pass

    def with_callbacks(method):
        return method


@dataclass(kw_only=True, eq=False, repr=False)
class BaseRecurrent(CallbackSupportMixin, BaseEstimator):
    """Parameters and behaviour common to all estimators; a dataclass, so `__init__` stores and does nothing else."""

    cell: str = "lstm"
    hidden_size: int = 32
    n_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    activation: str = "tanh"
    max_length: int | None = None
    truncate: str = "end"
    bptt_steps: int | None = None
    solver: str = "adam"
    learning_rate_init: float = 0.005
    learning_rate: str = "constant"
    momentum: float = 0.9
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    batch_size: int = 64
    max_iter: int = 200
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    shuffle: bool = True
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None
    device: str = "cpu"
    precision: str = "fp32"
    dtype: str = "float32"
    verbose: int = 0

    _constraints = {
        "cell": [OneOf("rnn", "gru", "lstm")],
        "hidden_size": [POSITIVE_INT],
        "n_layers": [POSITIVE_INT],
        "bidirectional": [BOOLEAN],
        "dropout": [Interval(Real, 0, 1)],
        "activation": [OneOf("tanh", "relu")],
        "max_length": [POSITIVE_INT, OneOf(None)],
        "truncate": [OneOf("end", "start")],
        "bptt_steps": [POSITIVE_INT, OneOf(None)],
        "solver": [OneOf(*UPDATES)],
        "learning_rate_init": [Interval(Real, 0, closed="neither")],
        "learning_rate": [OneOf("constant", "cosine", "plateau")],
        "momentum": [Interval(Real, 0, 1)],
        "alpha": [Interval(Real, 0)],
        "clip_norm": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "clip_value": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "batch_size": [POSITIVE_INT],
        "max_iter": [POSITIVE_INT],
        "tol": [Interval(Real, 0)],
        "early_stopping": [BOOLEAN],
        "validation_fraction": [Interval(Real, 0, 1, "neither")],
        "n_iter_no_change": [POSITIVE_INT],
        "shuffle": [BOOLEAN],
        "warm_start": [BOOLEAN],
        "random_state": RANDOM_STATE,
        "n_jobs": N_JOBS,
        "device": [OneOf(*DEVICES)],
        "precision": [OneOf(*PRECISIONS)],
        "dtype": [OneOf("float32", "float64")],
        "verbose": [Interval(Integral, 0), BOOLEAN],
    }

    _every_step = False  # whether the head answers at every step, or after the last one

    # Checks

    def _check_parameters(self):
        check_parameters(self, self._constraints)
        name = type(self).__name__
        if self.activation == "relu" and self.cell != "rnn":
            raise ValueError(
                f"activation of {name} must be 'tanh' for cell={self.cell!r}, whose gates fix it; got 'relu'."
            )
        if self.dropout and self.n_layers == 1:
            raise ValueError(
                f"dropout of {name} must be 0 with n_layers=1, since it acts between layers; got {self.dropout!r}."
            )
        if self.bptt_steps and self.bidirectional:
            raise ValueError(
                f"bptt_steps of {name} must be None with bidirectional=True, whose passes end at both ends; "
                f"got {self.bptt_steps!r}."
            )
        if self.precision != "fp32" and self.dtype == "float64":
            raise ValueError(
                f"precision of {name} must be 'fp32' with dtype='float64', whose products are not rounded; "
                f"got {self.precision!r}."
            )
        self._backend()

    def _read(self, X, reset):
        """Sequences of any accepted form as `Series`; `reset` remembers their features, otherwise they are compared
        with those of `fit`.
        """
        dtype, flat = self._precision(reset), False
        with np.errstate(over="ignore"):  # what does not fit into the precision becomes infinite, and is refused so
            if not reset and self._is_plain(X):
                series = from_array(X, dtype)
            elif is_panel_frame(X):
                if not reset:
                    self._check_names(X)
                series = from_frame(X, dtype)
            elif is_ragged(X):
                X = by_name(X, None if reset or self._flat_input else getattr(self, "feature_names_in_", None))
                series = from_list(X, dtype)
            else:
                X = np.asarray(X) if isinstance(X, (list, tuple)) else without_mask(X)
                check_form(X)
                if hasattr(X, "iloc"):
                    check_columns(X, LONG)
                elif (X if hasattr(X, "dtype") else np.asarray(X)).dtype == object:
                    X = from_objects(np.asarray(X))
                flat = getattr(X, "ndim", 2) == 2
                if flat and (reset or self._flat_input):
                    X = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite=False)
                else:
                    X = check_array(X, dtype="numeric", ensure_all_finite=False, allow_nd=True, estimator=self)
                series = from_array(X, dtype)
        return self._checked(series, X, reset, flat)

    def _precision(self, reset):
        return np.dtype(self.dtype) if reset else self._network.dtype

    def _checked(self, series, X, reset, flat):
        """`series`, made of X, if they can be right; of `flat` X scikit-learn has noted the features already."""
        if len(series.values) == 0:
            raise ValueError("X must hold at least one sequence of at least one time step; got 0 sample(s).")
        n_features = series.values.shape[1]
        if n_features == 0:
            raise ValueError("X must have at least one feature a time step; got 0 feature(s).")
        check_finite(series)
        if reset:
            self._n_channels, self._flat_input = n_features, flat
            if not flat:
                self.n_features_in_, names = n_features, names_of(X)
                vars(self).pop("feature_names_in_", None)
                if names is not None:
                    self.feature_names_in_ = names
        elif n_features != self._n_channels:
            raise ValueError(
                f"X has {n_features} features a time step, but {type(self).__name__} is expecting "
                f"{self._n_channels} features as input."
            )
        return series

    def _is_plain(self, X):
        """Whether scikit-learn's checks, which take longer than the network, could find nothing in this X."""
        known = self._flat_input and not hasattr(self, "feature_names_in_") and type(X) is np.ndarray
        return known and X.dtype.kind == "f" and X.ndim == 2 and len(X) > 0 and X.shape[1] == self.n_features_in_

    def _check_names(self, frame):
        names = list(names_of(frame))
        if hasattr(self, "feature_names_in_") and names != list(self.feature_names_in_):
            raise ValueError(f"columns of X must be those of fit, {list(self.feature_names_in_)}; got {names}.")

    # Training

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Train from the start, or with `warm_start` from where the last `fit` ended.

        Parameters
        ----------
        X : sequences
            (n_sequences, n_timesteps, n_features) or (n_sequences, n_timesteps) array; list of (n_timesteps_i,
            n_features) or (n_timesteps_i,) arrays; data frame whose two-level index is (series, time), its series in
            the order in which they first appear.
        y : array-like of shape (n_sequences,) or (n_sequences, n_outputs)
            One target, or row of targets, for each sequence. A pandas object whose index holds the series' labels is
            matched by label.
        sample_weight : array-like of shape (n_sequences,), optional
            Weight of each sequence in the loss; an integer weight is the same as repeating the sequence. Matched by
            label as `y` is.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or sample_weight is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite; the best weights so far are kept.
        """
        return self._fit(X, y, sample_weight=sample_weight)

    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch from where the weights and the optimiser stand. Parameters as in `fit`."""
        return self._fit_epoch(X, y, sample_weight=sample_weight)

    def _fit(self, X, y, **metadata):
        self._check_parameters()
        return self._fit_from(X, y, self.warm_start and hasattr(self, "_network"), {}, None, metadata)

    def _fit_epoch(self, X, y, classes=None, **metadata):
        self._check_parameters()
        one_epoch = {"max_iter": 1, "early_stopping": False}
        return self._fit_from(X, y, hasattr(self, "_network"), one_epoch, classes, metadata)

    def _fit_from(self, X, y, go_on, changes, classes, metadata):
        """Train from the start, or go on, with some changes of the recipe."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        if isinstance(y, (str, bytes, dict, set, frozenset)):
            raise TypeError(f"y must be a list, an array or a frame; got a {type(y).__name__}.")
        before = dict(vars(self))
        try:
            plan = self._plan(X, y, go_on, changes, classes, metadata)
        except Exception:  # a refused fit leaves the last one as it was
            vars(self).clear()
            vars(self).update(before)
            raise
        given = {name: value for name, value in metadata.items() if value is not None}
        return self._train(*plan, {"X": X, "y": y, "metadata": given or None})

    def _plan(self, X, y, go_on, changes, classes, metadata):
        """Check everything, and make what training needs: rows, held-out rows, recipe, random numbers, network."""
        rows = self._examples(X, y, classes, reset=not go_on, **metadata)
        recipe, held_out = replace(self._recipe(), **changes), None
        if recipe.early_stopping:
            rows, held_out = self._hold_out(rows)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        cell = "rnn_relu" if self.activation == "relu" else self.cell
        shape = cell, self._n_channels, self.hidden_size, rows.targets.shape[1], self.n_layers, self.bidirectional
        network = self._make_network(*shape)
        form, solver = (*shape, self.dtype), UPDATES[recipe.solver].rule.__name__
        if not go_on:
            self._theta, self._history = network.initial(rng), History()
        elif form != self._form:
            raise ValueError(
                f"{type(self).__name__} must go on with the form it was fitted with (cell, n_features, hidden_size, "
                f"n_outputs, n_layers, bidirectional, dtype), {self._form}; got {form}."
            )
        elif solver != self._solver:  # another solver's moments mean something else
            self._history = replace(self._history, n_updates=0, moments=None)
        self._network, self._form, self._solver = network, form, solver
        return self._arranged(rows, recipe.batch_size), held_out, recipe, rng

    def _make_network(self, *shape):
        return Network(*shape, dropout=self.dropout, every_step=self._every_step, dtype=self.dtype)

    def _examples(self, X, y, classes, reset, sample_weight, **where):
        """Rows with their targets and weights, those that have a weight; `where` says more of X."""
        series = self._read(X, reset, **where)
        check_scale(series)
        weights = check_weight(sample_weight, series)
        targets, factors = self._encode(series.aligned(y, "y"), series, classes, reset)
        return with_weight(self._rows(series, *self._typed(targets, weights[:, None] * factors)), series)

    def _typed(self, targets, weights):
        dtype = np.dtype(self.dtype)
        weights = np.broadcast_to(weights, targets.shape)
        return np.ascontiguousarray(targets, dtype=dtype), np.ascontiguousarray(weights, dtype=dtype)

    def _hold_out(self, rows):
        seen, unseen = self._split(len(rows), self._strata(rows.targets))
        return rows.select(seen), rows.select(unseen)

    def _strata(self, targets):
        """Classes to hold out in proportion, if rows have one each."""
        return None

    def _arranged(self, rows, batch_size):
        """Rows as an epoch wants them."""
        return rows.merged() if len(rows) <= batch_size else rows

    def _split(self, n, labels):
        """Rows to train on and rows to watch, classes in proportion where there are enough of each."""
        seed = check_random_state(self.random_state).randint(2**31)
        n_held_out = max(1, round(self.validation_fraction * n))
        if n - n_held_out < 1:
            raise ValueError(f"early_stopping needs at least two sequences, one to hold out; got {n}.")
        stratify = (
            labels
            if labels is not None
            and np.unique(labels, return_counts=True)[1].min() > 1
            and len(set(labels)) <= min(n_held_out, n - n_held_out)
            else None
        )
        return train_test_split(np.arange(n), test_size=n_held_out, random_state=seed, stratify=stratify)

    def _recipe(self):
        loss, parameter = self._loss()
        shared = {name: getattr(self, name) for name in Recipe.__dataclass_fields__ if name in self._constraints}
        own = {"loss": loss, "parameter": parameter, "n_jobs": effective_n_jobs(self.n_jobs)}
        return Recipe(**shared | own | {"verbose": int(self.verbose)})

    def _rows(self, series, targets, weights):
        starts, lengths = cut(series.starts, series.lengths, self.max_length, self.truncate)
        n_features = series.values.shape[1]
        return Sequences(series.values.ravel(), n_features, starts * n_features, lengths, targets, weights)

    def _train(self, rows, held_out, recipe, rng, shown):
        """Move the weights from where they stand; `shown` is what callbacks may see."""
        supported = hasattr(self, "_init_callback_context")
        context = self._init_callback_context(max_subtasks=recipe.max_iter) if supported else None
        if context:
            context.call_on_fit_task_begin(estimator=self, **shown)

        def on_epoch(epoch):
            if not context:
                return False
            task = context.subcontext(task_name="epoch")
            return task.call_on_fit_task_end(
                estimator=self, **shown, reconstruction_attributes=lambda: {"_theta": self._theta.copy()}
            )

        try:
            train(self._network, self._theta, rows, recipe, rng, held_out, self._history, on_epoch)
        finally:
            self.loss_curve_ = list(self._history.loss_curve)
            self.validation_loss_curve_ = list(self._history.validation_loss_curve)
            self.grad_norm_curve_ = np.array(self._history.grad_norm_curve)
            self.n_iter_ = len(self.loss_curve_)
        if context:
            context.call_on_fit_task_end(estimator=self, **shown, reconstruction_attributes={})
        return self

    # Weights

    @property
    def weights_(self):
        """Dict of arrays with the names, shapes and gate order of torch's recurrent layers, and the head's
        `weight_ho`, `bias_ho`.
        """
        check_is_fitted(self)
        return self._network.to_weights(self._theta)

    def set_weights(self, weights):
        """Replace the fitted weights.

        Parameters
        ----------
        weights : mapping of str to array-like
            Names and shapes as in `weights_`; anything that `numpy.asarray` takes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a name is missing or unknown, a shape differs, or a number is not finite.
        """
        check_is_fitted(self)
        names = list(self._network.layout.shapes)
        if set(weights) != set(names):
            raise ValueError(f"weights must have exactly the names {names}; got {sorted(weights)}.")
        for name in names:
            if np.shape(weights[name]) != self._network.shape_of(name):
                raise ValueError(
                    f"{name} must have shape {self._network.shape_of(name)}; got {np.shape(weights[name])}."
                )
            if not np.isfinite(weights[name]).all():
                raise ValueError(f"{name} must be finite; got NaN or infinity.")
        self._theta = self._network.from_weights(weights)
        return self

    # Prediction

    def _outputs(self, X):
        """The network's outputs for every sequence, (n_sequences, n_outputs)."""
        series = self._read_fitted(X)
        none = np.empty((len(series), 0), self._network.dtype)
        return self._outputs_of(self._rows(series, none, none), series)

    def _read_fitted(self, X):
        if not hasattr(self, "_network"):  # scikit-learn's check takes its time
            check_is_fitted(self)
        return self._read(X, reset=False)

    def _aligned(self, X, y, sample_weight):
        """Targets and weights in the order of the sequences, whatever that of their labels."""
        if not any(hasattr(part, "loc") for part in (y, sample_weight)):
            return y, sample_weight  # without labels, so X need not be read for them
        series = self._read_fitted(X)
        weights = None if sample_weight is None else series.aligned(sample_weight, "sample_weight")
        return series.aligned(y, "y"), weights

    def _outputs_of(self, rows, series):
        """The network's outputs for rows made of series."""
        return predict(self._network, self._theta, rows, self._n_threads(series), rooms=self._rooms())

    def _rooms(self):
        return Rooms(self._network.dtype, self._backend())

    def _backend(self):
        return backend_of(self.device, type(self).__name__, self.precision)

    def _n_threads(self, series):
        return effective_n_jobs(self.n_jobs) if len(series) > 1 else 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
