"""Whether training has come to an end that is worth having; a warning where it has not."""

import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning

from tsrnn.backends import cpu
from tsrnn.networks.passes import predict, total_weight
from tsrnn.rules.losses import LOSSES, is_of_classes

NOTICEABLE = 0.01  # a fall of the loss, in units of the loss of the best constant prediction
NOTICEABLE_AT_REST = 0.05  # the same where the rate falls to zero, as the loss does with it
HARDLY = 0.2  # better than that constant by no more than this, where targets are not scaled
SCALED = 0.1, 10  # where the largest of scaled targets lies
NOTHING = 1e-4  # as little as this, in units of the loss of predicting zero, where every target is the same
CHUNK = 2**16  # rows whose loss is computed at a time


def check_convergence(name, rows, recipe, fitted, n_before, workspaces):
    """Warn if the estimator `name`, trained on `rows`, is no better than a constant, or has stopped too early.

    `n_before` epochs belong to fits before this one.
    """
    history = fitted.history
    training = np.array(history.loss_curve[n_before:])
    monitored = (
        np.array(history.validation_loss_curve[-len(training) :])
        if recipe.early_stopping
        else training
    )
    kept = int(monitored.argmin()) if recipe.early_stopping else -1
    constant = loss_of_constant(rows, recipe)
    unit = constant or NOTHING * loss_of_zero(rows, recipe)
    if unit < (NOTHING if is_of_classes(recipe.loss) else np.finfo(float).tiny):
        return  # there is nothing to learn
    bound = unit * (1 - HARDLY * is_unscaled(rows, recipe))
    sentence = ended_too_early(name, monitored, recipe, unit)
    if not training[kept] < bound:  # that of an epoch, in whose course the weights have moved on
        reached = loss_of_network(rows, recipe, fitted, workspaces)
        if not reached < bound:
            scaled = fitted.settings.get("standardize") is not False
            sentence = no_better(name, reached, constant, recipe, scaled)
    if sentence:
        warnings.warn(sentence, ConvergenceWarning, stacklevel=level_of_caller())


def level_of_caller():
    """Where the first call from outside stands, as a `stacklevel` of the function that asks."""
    inside = str(Path(__file__).parents[1]), str(Path(sklearn.__file__).parent)
    frame = sys._getframe(1)
    level = 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame = frame.f_back
        level = level + 1
    return level


def no_better(name, reached, constant, recipe, scaled):
    word = "hardly" if reached < constant else "no"
    score = f", R2 {1 - reached / constant:.2g}" if recipe.loss == "squared" and constant else ""
    what = "X" if is_of_classes(recipe.loss) else "y, for instance with TransformedTargetRegressor"
    advice = f"scale {what}" if scaled else "leave standardize=True"
    return (
        f"{name} is {word} better than always predicting {words_for(recipe)} (training loss {reached:.4g} against "
        f"{constant:.4g}{score}): {advice}, or use a smaller batch_size, a larger learning_rate_init or more "
        "max_iter."
    )


def ended_too_early(name, curve, recipe, unit):
    """A sentence if the loss, of each epoch, was still falling noticeably when training ended."""
    n = len(curve)
    what = "validation loss" if recipe.early_stopping else "training loss"
    if n < 2:
        return None
    if n == recipe.max_iter:
        part = min(n // 2, max(n // 10, 5))
        before = curve[-2 * part : -part].mean()
        after = curve[-part:].mean()
        reason = f"max_iter={recipe.max_iter} epochs"
        advice = "use more max_iter, a larger learning_rate_init or a smaller batch_size"
    else:  # no epoch of the last ones counted as progress
        last = min(recipe.n_iter_no_change + 1, n - 1)
        before = curve[:-last].min()
        after = curve[-last:].min()
        reason = f"{n} epochs for lack of progress by tol={recipe.tol:g}"
        advice = "use a smaller tol, or scale y"
    least = NOTICEABLE_AT_REST if recipe.learning_rate == "cosine" else NOTICEABLE
    if not before - after > least * unit:
        return None
    return (
        f"{name} stopped before it had learnt all it can, its {what} still falling from {before:.4g} to {after:.4g}, "
        f"after {reason}: {advice}."
    )


def is_unscaled(rows, recipe):
    """Whether targets are numbers so large or so small that a network may need long to reach them."""
    low, high = SCALED
    return not (is_of_classes(recipe.loss) or low <= np.abs(rows.targets).max() <= high)


def targets_and_weights(rows):
    chosen = np.arange(len(rows))
    return rows.targets_of(chosen), rows.weights_of(chosen)


def loss_of_constant(rows, recipe):
    """The loss of the constant that suits it best."""
    targets, weights = targets_and_weights(rows)
    return mean_loss(
        np.broadcast_to(best_constant(targets, weights, recipe), targets.shape),
        targets,
        weights,
        recipe,
    )


def loss_of_zero(rows, recipe):
    targets, weights = targets_and_weights(rows)
    return mean_loss(np.broadcast_to(0.0, targets.shape), targets, weights, recipe)


def loss_of_network(rows, recipe, fitted, workspaces):
    targets, weights = targets_and_weights(rows)
    outputs = predict(fitted.network, fitted.theta, rows, recipe.n_jobs, workspaces=workspaces)
    return mean_loss(outputs[rows.outputs_of(np.arange(len(rows)))], targets, weights, recipe)


def mean_loss(outputs, targets, weights, recipe):
    loss = LOSSES[recipe.loss]
    total = total_weight(loss, weights)
    found = 0.0
    for first in range(0, len(targets), CHUNK):
        part = slice(first, first + CHUNK)
        given = np.array(outputs[part], dtype=targets.dtype, order="C")
        found += cpu.loss(
            loss,
            given,
            targets[part],
            weights[part],
            recipe.loss_parameters,
            total,
            np.empty_like(given),
        )
    return found


def best_constant(targets, weights, recipe):
    """The outputs that have the smallest loss for all targets, for Huber's losses about."""
    loss = LOSSES[recipe.loss]
    if loss.quantile is not None:
        return quantiles(targets, weights, loss.quantile(recipe.loss_parameters[0]))
    total = np.maximum(weights.sum(axis=0, dtype=float), np.finfo(float).tiny)
    means = np.einsum("ij,ij->j", targets, weights, dtype=float) / total
    tiny = np.finfo(np.float32).eps
    return loss.link.output(means.clip(loss.least + tiny, loss.most - tiny))


def words_for(recipe):
    """What `best_constant` is called."""
    loss = LOSSES[recipe.loss]
    share = None if loss.quantile is None else loss.quantile(recipe.loss_parameters[0])
    if share is None:
        return "the frequencies of the classes" if is_of_classes(recipe.loss) else "the mean"
    return "the median" if share == 0.5 else f"the {share:g} quantile"


def quantiles(values, weights, share):
    """Of each column the smallest value up to which at least a `share` of all weights lies."""
    found = []
    for column, weight in zip(values.T, weights.T):
        order = column.argsort()
        reached = weight[order].cumsum(dtype=float)
        found.append(
            column[order[np.searchsorted(reached, share * reached[-1]).clip(max=len(order) - 1)]]
        )
    return np.array(found, dtype=float)
