"""What the parts of a fitted estimator have to do with each other: what its predictions rely on without looking.

Every record that `fit` makes passes these checks; one that a file spells has to, before anything is computed from it.
"""

import numpy as np
import pandas as pd

from tsrnn.estimators.auto import AUTO
from tsrnn.estimators.fitted import Classes, Inputs, LabelSequences, Numbers, NumberSequences
from tsrnn.estimators.scaling import Scaling
from tsrnn.files.errors import DamagedError
from tsrnn.files.records import (
    check_array,
    check_count,
    check_curve,
    check_finite,
    check_flag,
    check_kind,
)
from tsrnn.networks.architecture import form_of
from tsrnn.rules.updates import UPDATES
from tsrnn.training.config import History

LONGEST = 10**6  # steps or labels of a prediction
LARGEST = 10**7  # labels that a beam search follows for one sequence
MOST_EPOCHS = 10**8
MOST = 2**62


def check_fitted(fitted, estimator):
    """Raise a ValueError if a record cannot be; `estimator` has the settings of its fit as parameters."""
    check_settings(fitted.settings, estimator)
    check_inputs(fitted.inputs, fitted.network, fitted.settings.get("segment", 1))
    check_targets(fitted.targets, estimator)
    check_network(fitted, estimator)
    check_scaling(fitted)
    check_history(fitted)
    check_others(fitted)
    check_kind(fitted.trial, pd.DataFrame | type(None), "trial")


def check_others(fitted):
    """Further networks, as many at most as the settings say, of the same targets and features."""
    if len(fitted.others) >= fitted.settings.get("n_networks", 1) and fitted.others:
        raise DamagedError(f"{1 + len(fitted.others)} networks, more than the settings say")
    for one in fitted.others:
        same = one.inputs.n_features == fitted.inputs.n_features and one.loss == fitted.loss
        outputs = one.network.n_outputs == fitted.network.n_outputs
        if one.others or not (same and outputs and type(one.targets) is type(fitted.targets)):
            raise DamagedError("networks of several kinds of sequences or targets")


def check_settings(settings, estimator):
    """Settings as a user may set them, and not too large to compute with."""
    constraints = type(estimator)._constraints
    for name, value in settings.items():
        if name in constraints and not any(choice.accepts(value) for choice in constraints[name]):
            raise DamagedError(f"{name}={value!r:.60}, which no estimator takes")
    if "teacher_forcing" in settings and settings["max_iter"] != AUTO:
        check_count(settings["max_iter"], "max_iter", 1, MOST_EPOCHS)
    if settings.get("max_output_length") is not None:
        check_count(settings["max_output_length"], "max_output_length", 1, LONGEST)


def check_scaling(fitted):
    """Means and scales of the features and targets, and weights for them."""
    if fitted.scaling is None:
        if fitted.inner is not None:
            raise DamagedError("weights for scales that are not told")
        return
    scaling = fitted.scaling
    check_kind(scaling, Scaling, "scaling")
    n_outputs = fitted.network.n_outputs
    parts = [("x_mean", fitted.inputs.n_features), ("x_scale", fitted.inputs.n_features)]
    if scaling.y_mean is not None or scaling.y_scale is not None:
        parts += [("y_mean", n_outputs), ("y_scale", n_outputs)]
    if scaling.known_mean is not None or scaling.known_scale is not None:
        n_known = getattr(fitted.targets, "n_known", 0)
        parts += [("known_mean", n_known), ("known_scale", n_known)]
    elif isinstance(fitted.targets, NumberSequences):
        raise DamagedError("no scale of the known inputs")
    for name, n in parts:
        check_array(getattr(scaling, name), name, np.float64, (n,))
        check_finite(getattr(scaling, name), name)
        if name.endswith("scale") and not (getattr(scaling, name) > 0).all():
            raise DamagedError(f"{name} that is not positive")
    if fitted.inner is None:
        raise DamagedError("no weights for its scales")


def check_inputs(inputs, network, segment):
    check_kind(inputs, Inputs, "inputs")
    check_count(inputs.n_features, "n_features", 1, MOST)
    check_count(inputs.n_columns, "n_columns", 1, MOST)
    check_flag(inputs.flat, "flat")
    if inputs.n_features * segment != network.n_inputs:
        raise DamagedError(
            f"inputs of {inputs.n_features} features for a network of {network.n_inputs}"
        )
    if inputs.names is not None:
        check_array(inputs.names, "names", inputs.names.dtype, (inputs.n_columns,))
    if inputs.symbols is not None:
        check_sorted(inputs.symbols, "symbols")
        if len(inputs.symbols) != inputs.n_features or inputs.symbols.dtype.kind != "U":
            raise DamagedError("symbols of another number or type than that of the features")


def check_sorted(labels, name):
    """Labels of one dimension, each once, in order."""
    check_array(labels, name, labels.dtype, (None,))
    if (
        labels.dtype.kind not in "biufU"
        or not len(labels)
        or not np.array_equal(np.unique(labels), labels)
    ):
        raise DamagedError(f"{name} without order, or of type {labels.dtype}")


def check_targets(targets, estimator):
    """The form of targets that such an estimator has."""
    if type(targets) is not estimator._targets:
        raise DamagedError(f"targets of the form {type(targets).__name__}")
    CHECKS[type(targets)](targets, estimator)


def check_numbers(targets, estimator):
    check_kind(targets.loss, str, "a name of a loss")
    if targets.loss != estimator.loss:
        raise DamagedError(
            f"targets of the loss {targets.loss!r:.40}, which is not that of the settings"
        )
    check_flag(targets.many_outputs, "many_outputs")


def check_number_sequences(targets, estimator):
    check_numbers(targets, estimator)
    check_flag(targets.listed, "listed")
    check_count(targets.n_known, "n_known", 0, MOST)
    if targets.n_steps is not None:
        check_count(targets.n_steps, "n_steps", 1, LONGEST)


def check_classes(targets, estimator):
    check_sorted(targets.classes, "classes")
    if len(targets.classes) < 2:
        raise DamagedError("one class")


def check_label_sequences(targets, estimator):
    check_sorted(targets.classes, "classes")
    check_flag(targets.strings, "strings")
    check_count(targets.longest, "longest", 1, LONGEST)
    check_count(targets.n_known, "n_known", 0, 0)
    length = estimator.max_output_length or targets.longest
    check_count(estimator.beam_width * length, "labels followed", 1, LARGEST)


CHECKS = {
    Numbers: check_numbers,
    NumberSequences: check_number_sequences,
    Classes: check_classes,
    LabelSequences: check_label_sequences,
}


def n_outputs_of(targets, network):
    """Numbers that the network gives for such targets."""
    if isinstance(targets, Numbers):
        return network.n_outputs if targets.many_outputs else 1
    if isinstance(targets, LabelSequences):
        return len(targets.classes) + 1  # and the end
    return 1 if targets.binary else len(targets.classes)


def check_network(fitted, estimator):
    """The network that `fit` makes for such settings, inputs and targets."""
    network = fitted.network
    form = fitted.form
    found = form_of(network)
    wanted = form._asdict() | {"n_outputs": n_outputs_of(fitted.targets, network)}
    for name, value in wanted.items():
        if found[name] != value:
            raise DamagedError(
                f"a network of {name}={found[name]!r:.40}, where there must be {value!r:.40}"
            )
    if form_of(estimator._make_network(form, fitted.targets, fitted.settings)) != found:
        raise DamagedError("a network of another kind than that of the estimator")
    loss, parameters = estimator._loss(fitted.targets)
    if (loss, (parameters,)) != (fitted.loss, fitted.loss_parameters):
        raise DamagedError(f"the loss {fitted.loss!r:.40}, which is not that of the settings")


def check_history(fitted):
    """Curves of training, and a state of the optimiser that it can go on from."""
    history = fitted.history
    check_kind(history, History, "history")
    for name in ("loss_curve", "validation_loss_curve", "grad_norm_curve"):
        check_curve(getattr(history, name), name)
    check_count(history.n_updates, "n_updates", 0, MOST)
    update = UPDATES[fitted.settings["solver"]]
    if fitted.solver != update.rule.__name__:
        raise DamagedError(f"the state of {fitted.solver!r:.40}, which is not the solver")
    if history.moments is not None and len(history.moments) != update.n_moments:
        raise DamagedError(
            f"{len(history.moments)} moments of a solver that has {update.n_moments}"
        )
