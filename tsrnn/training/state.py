"""Updates of a parameter vector, one after the other: gradient, clipping, the optimiser's rule."""

import math

import numpy as np

from tsrnn.backends.devices import backend_of
from tsrnn.contracts import Model, Rows
from tsrnn.networks.passes import (
    GradientOptions,
    Objective,
    WorkspacePool,
    gradient,
    stage,
    total_weight,
)
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES


class NotFinite(Exception):
    """A loss and a norm, of which one is not finite."""


class TrainingState:
    """The state of training on a device: parameters, moments of the optimiser, a log of losses and gradient norms."""

    def __init__(self, network: Model, theta, moments, rows: Rows, recipe):
        self.network = network
        self.rows = rows
        self.recipe = recipe
        self.log = None
        self.update_weights = []
        self.loss = LOSSES[recipe.loss]
        self.rule = UPDATES[recipe.solver]
        self.backend = backend_of(recipe.device, precision=recipe.precision)
        self.workspaces = WorkspacePool(network.dtype, self.backend)
        self.theta = self.backend.to_device(theta)
        self.moments = self.backend.to_device(moments)
        self.decay = self.backend.to_device(network.decay()[None])
        self.grad = self.backend.zeros((1, theta.size), network.dtype)
        self.clip_value = math.inf if recipe.clip_value is None else float(recipe.clip_value)
        self.alpha, self.decoupled_decay = (
            (0.0, recipe.alpha) if self.rule.decoupled else (float(recipe.alpha), 0.0)
        )

    def begin(self, n):
        """Allocate a log of the next `n` updates."""
        if self.log is None or self.log.shape[1] < n:
            self.log = self.backend.new_log(n, self.network.dtype)
            self.learn = self.backend.repeated(self._stage, self._update)

    def update(self, chosen, number, rate, seed):
        """Make the `number`-th update; return whether the chosen rows had a target.

        Rows without a target still run forward, since later rows may continue from their state. `seed` is of dropout.
        """
        weight = total_weight(self.loss, self.rows.weights_of(chosen))
        c = self.rule.coefficients(number, rate, self.recipe.momentum)
        self.learn(chosen, weight, seed, (*c, rate * self.decoupled_decay))
        if weight:
            self.update_weights.append(weight)
        return weight > 0

    def _step_scalars(self, c):
        """What changes from update to update, besides the batch, on the device."""
        put = self.backend.device_scalars
        workspace = self.workspaces.shared
        return put(c, self.network.dtype, workspace, "coefficients"), put(
            len(self.update_weights), np.int64, workspace, "place"
        )

    def _stage(self, chosen, weight, seed, c):
        self._step_scalars(c)
        form = stage(self.network, self.rows, chosen, weight, self.workspaces, seed)
        return form and (*form, weight > 0)

    def _update(self, chosen, weight, seed, c):
        backend = self.backend
        recipe = self.recipe
        theta = self.theta.reshape(1, self.theta.size)
        objective = Objective(self.loss, recipe.loss_parameters, weight)
        options = GradientOptions(self.workspaces, recipe.n_jobs, seed, recipe.bptt_steps)
        value, grads = gradient(self.network, self.theta, self.rows, chosen, objective, options)
        if weight:
            norm, clipped = backend.reduce_gradients(
                grads, theta, self.decay, self.alpha, self.clip_value, self.grad
            )
            if not backend.is_finite(value, norm):
                raise NotFinite(value, norm)
            c, place = self._step_scalars(c)
            backend.record_update(self.log, place, value, norm)
            backend.apply_update(
                self.rule,
                theta,
                self.grad,
                self.moments,
                self.decay,
                c,
                self.clip_value,
                clipped,
                recipe.clip_norm,
            )

    def collect_log(self):
        """Losses, norms and weights of the updates since this was last called."""
        weights = self.update_weights
        self.update_weights = []
        if not weights:
            return [], [], []
        losses, norms = self.backend.to_host(self.log)[:, : len(weights)].tolist()
        return losses, norms, weights
