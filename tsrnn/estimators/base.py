"""What the estimators share: parameters, sequences in, training, weights out."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsrnn.data.labels import check_entries
from tsrnn.data.sequences import Sequences
from tsrnn.data.series import (
    check_scale,
    truncate_series,
)
from tsrnn.estimators.auto import AUTO
from tsrnn.estimators.budget import budgeted, most_merged
from tsrnn.estimators.convergence import check_convergence
from tsrnn.estimators.fitted import Fitted, Form, reweighted
from tsrnn.estimators.going_on import check_goes_on, going_on
from tsrnn.estimators.keywords import says_what_it_takes
from tsrnn.estimators.parameters import Parameters
from tsrnn.estimators.plan import Given, Known, Learnable, Plan, keep_weighted, typed, workspaces_of
from tsrnn.estimators.reading import read_sequences
from tsrnn.estimators.resolution import warn_if_coarse
from tsrnn.estimators.scaling import Scaling
from tsrnn.estimators.splitting import labels_of, split
from tsrnn.estimators.storage import load, save
from tsrnn.estimators.targets import check_weight
from tsrnn.estimators.watched import Watched
from tsrnn.exceptions import DivergenceError
from tsrnn.networks.network import Network
from tsrnn.networks.passes import predict
from tsrnn.rules.updates import UPDATES
from tsrnn.training.config import History, TrainingConfig
from tsrnn.training.loop import Watch, train
from tsrnn.types import FilePath, NumbersLike, SequencesLike, TargetsLike

try:  # scikit-learn 1.9 and newer
    from sklearn.callback import CallbackSupportMixin, with_callbacks  # pyright: ignore[reportAssignmentType]
except ImportError:  # pragma: no cover

    class CallbackSupportMixin:
        pass

    def with_callbacks(method):
        return method


def training(method):
    """What all methods that train have in common."""
    return with_callbacks(says_what_it_takes(method))


@dataclass(kw_only=True, eq=False, repr=False)
class BaseRecurrent(CallbackSupportMixin, Parameters):
    """Behaviour common to all estimators."""

    _n_updates = 600  # of a network at least, where the budget is left open
    _every_step = False  # whether the head answers at every step, or after the last one
    _targets = None  # type of the form of targets

    def _read(self, X, dtype, known=None):
        """Sequences of any accepted form as `Series`, and the form of X, which must be the `known` one if given."""
        return read_sequences(self, X, dtype, known)

    # Training

    @training
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        *,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        sample_weight_val: NumbersLike | None = None,
    ) -> Self:
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
            Weight of each sequence in the loss; an integer weight is the same as repeating the sequence, for up to 512
            sequences to the bit. Matched by label as `y` is.
        X_val, y_val, sample_weight_val : optional
            Sequences that `early_stopping` watches, with their targets and weights, instead of a part held out; in the
            forms of X, y and sample_weight.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or sample_weight is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite.

        Notes
        -----
        An exception of any kind leaves the estimator as it was before.
        """
        watched = Watched(X_val, y_val, {"sample_weight": sample_weight_val})
        return self._fit(X, y, watched, sample_weight=sample_weight)

    @training
    def partial_fit(
        self, X: SequencesLike, y: TargetsLike, sample_weight: NumbersLike | None = None
    ) -> Self:
        """Train for one epoch from where the weights and the optimiser stand. Parameters as in `fit`.

        With `standardize` the first call tells the scales of features and targets.
        """
        return self._fit_epoch(X, y, sample_weight=sample_weight)

    def _fit(self, X, y, watched, **metadata):
        self._check_parameters()
        watched.check(self)
        last = getattr(self, "_fitted", None) if self.warm_start else None
        return self._fit_from(last, Given(X, y, metadata), watched=watched)

    def _fit_epoch(self, X, y, classes=None, **metadata):
        self._check_parameters()
        one_epoch = {"max_iter": 1, "early_stopping": False}
        if self.learning_rate == AUTO:
            one_epoch["learning_rate"] = "constant"
        return self._fit_from(
            getattr(self, "_fitted", None), Given(X, y, metadata, classes), changes=one_epoch
        )

    def _fit_from(self, last, given, changes=None, watched=None):
        """Train from the start, or go on from what was learnt `last`, with some changes of the recipe.

        Nothing of the estimator changes before the end.
        """
        if given.y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )
        check_entries(given.y)
        learnable = self._learnable(last, given, changes or {}, watched)
        metadata = {name: value for name, value in given.metadata.items() if value is not None}
        shown = {"X": given.X, "y": given.y, "metadata": metadata or None}
        self._keep(self._learn(last, learnable, shown, changes is None))
        return self

    def _learn(self, last, learnable, shown, whole):
        """Train a network; `shown` is what callbacks may see, and after a `whole` fit there may be warnings."""
        plan = self._plan(last, learnable)
        self._train(plan, shown)
        if whole:
            self._warn(plan, last)
        return plan.fitted.finished()

    def _warn(self, plan, last):
        """Say whether training has come to an end that is worth having."""
        if not plan.fitted.history.cut_short:
            name = type(self).__name__
            n_before = len(last.history.loss_curve) if last else 0
            workspaces = workspaces_of(plan.fitted, name)
            check_convergence(name, plan.whole, plan.recipe, plan.fitted, n_before, workspaces)

    def _learnable(self, last, given, changes, watched=None):
        """Check everything, and read X and y once."""
        settings = self._settings()
        if last is not None:
            check_goes_on(type(self).__name__, settings, last)
        rows, inputs, targets = self._examples(given, settings, last)
        recipe = replace(self._recipe(targets, settings), **changes)
        held_out = None
        if watched is not None and watched.X is not None:
            held_out = self._watched_rows(
                watched, settings, Known(inputs, targets), rows.targets.shape[1]
            )
        elif recipe.early_stopping:
            rows, held_out = self._hold_out(rows, targets)
        seed = check_random_state(self.random_state).randint(2**31)
        rows = self._one_of_equal(rows, recipe)
        if last is None and settings["dtype"] == "float32":
            warn_if_coarse(rows, inputs, recipe.loss)
        scaling = self._scaling(rows, inputs, recipe.loss, settings, last)
        loss_parameters = recipe.loss_parameters
        if scaling is not None:
            rows = scaling.rows(rows)
            held_out = None if held_out is None else scaling.rows(held_out)
            parameters = scaling.loss_parameters(recipe.loss, loss_parameters)
            recipe = replace(recipe, loss_parameters=parameters)
        return Learnable(
            settings, rows, held_out, inputs, targets, recipe, loss_parameters, scaling, seed
        )

    def _plan(self, last, learnable):
        """Make what training needs: a network, and rows as it takes them."""
        settings = learnable.settings
        rng = np.random.default_rng(learnable.seed)
        rows = self._in_steps(learnable.rows, settings)
        held_out = learnable.held_out
        held_out = None if held_out is None else self._in_steps(held_out, settings)
        form = Form.of(settings, learnable.inputs.n_features, rows.targets.shape[1])
        solver = UPDATES[learnable.recipe.solver].rule.__name__
        network = self._make_network(form, learnable.targets, settings)
        theta, history = (
            (network.initial(rng), History())
            if last is None
            else going_on(type(self).__name__, last, form, solver)
        )
        known = (
            learnable.inputs,
            learnable.targets,
            learnable.recipe.loss,
            learnable.loss_parameters,
        )
        fitted = Fitted(settings, network, theta, history, *known, solver, learnable.scaling)
        arranged = self._rows_for_epoch(rows, fitted, rng)
        recipe = budgeted(learnable.recipe, arranged, self._n_updates)
        arranged = self._scheduled(arranged, recipe)
        return Plan(
            rows=arranged, whole=rows, held_out=held_out, recipe=recipe, rng=rng, fitted=fitted
        )

    def _watched_rows(self, watched, settings, known, n_outputs):
        """Rows of the validation data, which must be of the form of X and y, `known`."""
        try:
            rows, _, _ = self._examples(
                Given(watched.X, watched.y, watched.others), settings, known
            )
        except (ValueError, TypeError) as error:
            raise type(error)(
                f"X_val and y_val must be right as X and y must; of them: {error}"
            ) from error
        if rows.targets.shape[1] != n_outputs:
            raise ValueError(
                f"y_val must have {n_outputs} outputs, as y; got {rows.targets.shape[1]}."
            )
        return rows

    def _make_network(self, form, targets, settings):
        noise = {name: settings[name] for name in ("dropout", "output_dropout")}
        return Network(**form._asdict(), **noise, every_step=self._every_step)

    def _examples(self, given, settings, last):
        """Rows with their targets and weights, those that have a weight, and the forms of X and y."""
        where = dict(given.metadata)  # what says more of X
        sample_weight = where.pop("sample_weight")
        series, inputs = self._read(
            given.X, np.dtype(settings["dtype"]), last and last.inputs, **where
        )
        check_scale(series)
        weights = check_weight(sample_weight, series)
        y = series.aligned(given.y, "y")
        targets, factors, form = self._encode(
            y, series, settings, last and last.targets, given.classes
        )
        rows = self._rows(
            series, *typed(targets, weights[:, None] * factors, series.values.dtype), settings
        )
        return keep_weighted(rows, series), inputs, form

    def _hold_out(self, rows, targets):
        seen, unseen = self._split(len(rows), labels_of(rows, targets))
        return rows.select(seen), rows.select(unseen)

    def _scaling(self, rows, inputs, loss, settings, last):
        """How inputs and targets are scaled while training; None where they are taken as they are."""
        if last is not None:
            return last.scaling
        if not settings.get("standardize"):
            return None
        return Scaling.of(rows, inputs, loss)

    def _one_of_equal(self, rows, recipe):
        """Equal rows made one, so that an integer weight is the same as repeated rows."""
        return rows.merged() if len(rows) <= most_merged(recipe) else rows

    def _in_steps(self, rows, settings):
        """Rows whose steps are those of the network."""
        return rows

    def _rows_for_epoch(self, rows, fitted, rng):
        """Rows as an epoch wants them."""
        return rows

    def _scheduled(self, rows, recipe):
        """Rows that know what changes from epoch to epoch."""
        return rows

    def _split(self, n, labels):
        """Rows to train on and rows to watch."""
        seed = check_random_state(self.random_state).randint(2**31)
        return split(n, labels, self.validation_fraction, seed)

    def _recipe(self, targets, settings):
        loss, parameters = self._loss(targets)
        shared = {
            name: settings[name]
            for name in TrainingConfig.__dataclass_fields__
            if name in self._constraints
        }
        own = {
            "loss": loss,
            "loss_parameters": (parameters,),
            "n_jobs": effective_n_jobs(self.n_jobs),
        }
        return TrainingConfig(**shared | own | {"verbose": int(self.verbose)})

    def _rows(self, series, targets, weights, settings):
        starts, lengths = truncate_series(
            series.starts, series.lengths, settings["max_length"], settings["truncate"]
        )
        n_features = series.values.shape[1]
        return Sequences(
            series.values.ravel(), n_features, starts * n_features, lengths, targets, weights
        )

    def _train(self, plan, shown, ends=lambda epoch: False, stop=lambda: False):
        """Move the weights from where they stand; `shown` is what callbacks may see, `ends` is asked after each epoch,
        and `stop` before each update.
        """
        fitted = plan.fitted
        supported = hasattr(self, "_init_callback_context")
        context = (
            self._init_callback_context(max_subtasks=plan.recipe.max_iter) if supported else None
        )
        if context:
            context.call_on_fit_task_begin(estimator=self, **shown)

        def so_far():
            known = replace(fitted, theta=fitted.theta.copy()).finished()
            return {"_fitted": known} | known.attributes()

        def on_epoch(epoch):
            ended = ends(epoch)
            if not context:
                return ended
            task = context.subcontext(task_name="epoch")
            return (
                task.call_on_fit_task_end(estimator=self, **shown, reconstruction_attributes=so_far)
                or ended
            )

        watch = Watch(fitted.history, plan.held_out, on_epoch, stop)
        try:
            train(fitted.network, fitted.theta, plan.rows, plan.recipe, plan.rng, watch)
        except DivergenceError as error:
            best = fitted.network.from_weights(error.weights)
            error.weights = fitted.network.to_weights(replace(fitted, theta=best).finished().theta)
            raise
        if context:
            context.call_on_fit_task_end(estimator=self, **shown, reconstruction_attributes=so_far)

    def _keep(self, fitted):
        """Take on what was learnt, in one step."""
        last = getattr(self, "_fitted", None)
        gone = last.attributes() if last else {}
        others = {name: value for name, value in vars(self).items() if name not in gone}
        self.__dict__ = others | {"_fitted": fitted} | fitted.attributes()

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_fitted")

    # Weights

    @property
    def weights_(self) -> Any:
        """Dict of arrays with the names, shapes and gate order of torch's recurrent layers, and the head's
        `weight_ho`, `bias_ho`; with several networks a list of such dicts.
        """
        check_is_fitted(self)
        return self._weights()

    def _weights(self):
        return self._fitted.network.to_weights(self._fitted.theta)

    def set_weights(self, weights: Any) -> Self:
        """Replace the fitted weights.

        Parameters
        ----------
        weights : mapping of str to array-like, or with several networks a list of such
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
        self._fitted = self._reweighted(weights)
        return self

    def _reweighted(self, weights):
        """What was fitted, with other weights."""
        return reweighted(self._fitted, weights)

    # Files

    def save(self, path: FilePath) -> None:
        """Write the fitted estimator to a file that holds data only: nothing in it is executed by `load`.

        The file is either written whole or not at all. It is in safetensors' format; `pip install "tsrnn[save]"`.

        Parameters
        ----------
        path : path-like
            A file there is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        check_is_fitted(self)
        save(self, path)

    @classmethod
    def load(cls, path: FilePath, device: str | None = None) -> Self:
        """Read an estimator that `save` wrote; it predicts the same bits, and can be trained further.

        Parameters
        ----------
        path : path-like
        device : {"cpu", "cuda", "auto"}, optional
            Where it predicts; if not given, where it was fitted, or on the CPU, with a warning, where that device is
            missing.

        Returns
        -------
        estimator

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged, of another estimator, or of a newer version.
        """
        return load(cls, path, device)

    # Prediction

    def _outputs(self, X):
        """The network's outputs for every sequence, (n_sequences, n_outputs)."""
        return self._outputs_for(self._read_fitted(X))

    def _outputs_for(self, series, fitted=None):
        fitted = fitted or self._fitted
        none = np.empty((len(series), 0), series.values.dtype)
        rows = self._rows(series, none, none, fitted.settings)
        return self._outputs_of(self._in_steps(rows, fitted.settings), series, fitted)

    def _read_fitted(self, X, **where):
        if not hasattr(self, "_fitted"):  # scikit-learn's check takes its time
            check_is_fitted(self)
        return self._read(X, self._fitted.network.dtype, self._fitted.inputs, **where)[0]

    def _outputs_of(self, rows, series, fitted=None):
        """The network's outputs for rows made of series; `fitted` is that of `fit` if not given."""
        fitted = fitted or self._fitted
        return predict(
            fitted.network,
            fitted.theta,
            rows,
            self._n_threads(series),
            workspaces=self._workspaces(),
        )

    def _workspaces(self):
        return workspaces_of(self._fitted, type(self).__name__)

    def _n_threads(self, series):
        return effective_n_jobs(self._fitted.settings["n_jobs"]) if len(series) > 1 else 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
