"""The training loop: batches, gradient, clipping, update, schedule, early stopping, history. It knows no estimator."""

import math
import warnings
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from tsrnn.backends import cpu
from tsrnn.contracts import Model, Rows
from tsrnn.exceptions import DivergenceError, InterruptedFitWarning
from tsrnn.networks.passes import predict, total_weight
from tsrnn.progress import Line
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES
from tsrnn.training.config import History
from tsrnn.training.state import NotFinite, TrainingState


class Plateau:
    """Counts epochs without an improvement by `tol`; what scikit-learn's multilayer perceptron does."""

    def __init__(self, tol, patience):
        self.tol = tol
        self.patience = patience
        self.best = math.inf
        self.count = 0

    def reached(self, loss):
        self.count = self.count + 1 if loss > self.best - self.tol else 0
        self.best = min(self.best, loss)
        return self.count > self.patience


def mean_loss(network, theta, rows, recipe, workspaces):
    """The weighted mean loss of all rows, without dropout."""
    loss = LOSSES[recipe.loss]
    outputs = predict(network, theta, rows, recipe.n_jobs, workspaces=workspaces)
    total = total_weight(loss, rows.weights)
    d_outputs = np.empty_like(outputs)
    return cpu.loss(
        loss, outputs, rows.targets, rows.weights, recipe.loss_parameters, total, d_outputs
    )


def rate_at(recipe, step, n_steps):
    """Cosine: from the initial rate to zero over all updates (Loshchilov & Hutter 2017)."""
    return recipe.learning_rate_init * (
        0.5 + 0.5 * math.cos(math.pi * min(step / n_steps, 1))
        if recipe.learning_rate == "cosine"
        else 1
    )


class Watch(NamedTuple):
    """Who looks on while a network is trained, and may end it."""

    history: History | None = None  # that training goes on with
    validation: Any = None  # rows whose loss early stopping looks at
    on_epoch: Callable = lambda epoch: False  # called after each epoch; True stops
    stop: Callable = lambda: False  # asked before each update


def train(network: Model, theta, rows: Rows, recipe, rng, watch=None):
    """Move `theta`, in place, to lower the loss of `rows`.

    With rows for validation and early stopping it ends where their loss was lowest. Ctrl-C ends training early with the
    best weights so far and a warning; a loss or gradient that is not finite raises `DivergenceError`, which has them.
    `watch` is a `Watch`.

    On the GPU the work of an epoch is launched without waiting, and its losses and norms are read at its end.
    """
    history, validation, on_epoch, stop = watch or Watch()
    history = history or History()
    history.cut_short = False
    if history.moments is None:
        history.moments = np.zeros(
            (UPDATES[recipe.solver].n_moments, network.layout.size), network.dtype
        )
    state = TrainingState(network, theta, history.moments, rows, recipe)
    plateau = Plateau(recipe.tol, recipe.n_iter_no_change)
    factor = 1.0
    best = theta.copy()
    stopped = False
    step = 0
    n_steps = recipe.max_steps or recipe.max_iter * rows.n_batches(recipe.batch_size)
    line = Line() if recipe.verbose else None
    try:
        for epoch in range(recipe.max_iter):
            left = recipe.max_steps and recipe.max_steps - step
            batches = list(islice(rows.epoch(rng, recipe.batch_size, recipe.shuffle), left))
            state.begin(len(batches))
            before = history.n_updates
            for chosen in batches:
                if stop():
                    break
                rate = factor * rate_at(recipe, step, n_steps)
                seed = int(rng.integers(2**62)) if network.draws_noise else None
                learned = state.update(chosen, history.n_updates + 1, rate, seed)
                step = step + learned
                history.n_updates = history.n_updates + learned
            history.cut_short = stopped = stop()
            if stopped and history.n_updates == before:
                break
            state.backend.to_host(state.theta, theta)
            history.loss_curve.append(mean_of_epoch(state, theta, history))
            monitored = history.loss_curve[-1]
            if validation is not None:
                monitored = mean_loss(network, theta, validation, recipe, state.workspaces)
                history.validation_loss_curve.append(monitored)
                if not math.isfinite(monitored):
                    raise NotFinite(
                        monitored,
                        history.grad_norm_curve[-1] if history.grad_norm_curve else math.nan,
                    )
            if line:
                line.show(described(epoch, recipe, history), (epoch + 1) / recipe.max_iter)
            improved = monitored < plateau.best
            if improved:
                best[:] = theta
            history.cut_short = bool(on_epoch(epoch) or stopped)
            ended = history.cut_short
            if plateau.reached(monitored):
                ended = (
                    ended
                    or recipe.learning_rate != "plateau"
                    or factor * recipe.learning_rate_init < 1e-6
                )
                factor = factor / 5
                plateau.count = 0
            if ended:
                break
    except NotFinite as found:
        history.grad_norm_curve += state.collect_log()[1]
        theta[:] = best
        loss, norm = found.args
        raise diverged(recipe, epoch, loss, norm, network.to_weights(best), history) from None
    except KeyboardInterrupt:
        theta[:] = best
        history.cut_short = True
        message = f"fit was interrupted after {len(history.loss_curve)} epochs; the best weights so far are kept."
        warnings.warn(message, InterruptedFitWarning, stacklevel=2)
    finally:
        if line:
            line.end()
        history.grad_norm_curve += state.collect_log()[1]
        state.backend.to_host(state.moments, history.moments)
    if recipe.early_stopping or stopped:
        theta[:] = best
    return history


def mean_of_epoch(state, theta, history):
    """The weighted mean loss of an epoch's updates, whose norms go into the history."""
    total = 0.0
    weight_of_all = 0.0
    loss = math.nan
    norm = math.nan  # unless a target was drawn
    for loss, norm, weight in zip(*state.collect_log(), strict=True):
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise NotFinite(loss, norm)
        history.grad_norm_curve.append(norm)
        total = total + weight * loss
        weight_of_all = weight_of_all + weight
    # the last update is followed by no gradient that would show it
    if not np.isfinite(theta).all():
        raise NotFinite(loss, norm)
    return total / weight_of_all if weight_of_all else math.nan


def diverged(recipe, epoch, value, norm, weights, history):
    error = DivergenceError(
        f"training diverged in epoch {epoch + 1}: loss {value:.4g}, gradient norm {norm:.4g} before clipping, both and "
        f"the weights must be finite; try a lower learning_rate_init (it was {recipe.learning_rate_init:g}) or a "
        f"smaller clip_norm (it was {recipe.clip_norm})."
    )
    error.weights = weights
    error.loss_curve = list(history.loss_curve)
    error.grad_norm_curve = np.array(history.grad_norm_curve)
    return error


def described(epoch, recipe, history):
    losses = f"loss {history.loss_curve[-1]:.5g}"
    if history.validation_loss_curve:
        losses += f"  validation {history.validation_loss_curve[-1]:.5g}"
    return f"epoch {epoch + 1}/{recipe.max_iter}  {losses}  gradient norm {history.grad_norm_curve[-1]:.3g}"
