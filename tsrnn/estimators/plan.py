"""What `fit` was given and what training needs, made of it."""

from typing import NamedTuple

import numpy as np

from tsrnn.backends.devices import backend_of
from tsrnn.estimators.fitted import Fitted, Inputs
from tsrnn.estimators.scaling import Scaling
from tsrnn.estimators.targets import check_some
from tsrnn.networks.passes import WorkspacePool
from tsrnn.training.config import TrainingConfig


def keep_weighted(rows, series):
    """The rows that have a weight, of which there must be one."""
    kept = np.flatnonzero(rows.has_weight())
    check_some(kept, series)
    return rows.select(kept)


def typed(targets, weights, dtype):
    """Targets, and weights of their shape, as the network takes them."""
    weights = np.broadcast_to(weights, targets.shape)
    return np.ascontiguousarray(targets, dtype=dtype), np.ascontiguousarray(weights, dtype=dtype)


def workspaces_of(fitted, describe_target):
    """Memory on the device that `fit` was told."""
    backend = backend_of(fitted.settings["device"], describe_target, fitted.settings["precision"])
    return WorkspacePool(fitted.network.dtype, backend)


class Known(NamedTuple):
    """The forms of X and y that others have to have too."""

    inputs: Inputs
    targets: object


class Given(NamedTuple):
    """What `fit` was given: X, y, what is said of each sequence, and classes that y need not have."""

    X: object
    y: object
    metadata: dict
    classes: object = None


class Learnable(NamedTuple):
    """What every network of a fit learns from: rows, scaled, those held out, and how."""

    settings: dict
    rows: object
    held_out: object
    inputs: Inputs
    targets: object
    recipe: TrainingConfig
    loss_parameters: tuple  # for targets that are not scaled
    scaling: Scaling | None
    seed: int


class Plan(NamedTuple):
    """What training needs: rows, those held out, how, random numbers, and what it begins from and moves."""

    rows: object
    whole: object  # the same rows before they were arranged for training
    held_out: object
    recipe: TrainingConfig
    rng: np.random.Generator
    fitted: Fitted
