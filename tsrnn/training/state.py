"""Updates of a parameter vector, one after the other: gradient, clipping, the optimiser's rule."""

import math

import numpy as np

from tsrnn.backends.devices import backend_of
from tsrnn.contracts import Model, Rows
from tsrnn.networks.passes import WorkspacePool, bring, gradient, total_weight
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
        self.weights = []
        self.loss = LOSSES[recipe.loss]
        self.rule = UPDATES[recipe.solver]
        self.backend = backend_of(recipe.device, precision=recipe.precision)
        self.rooms = WorkspacePool(network.dtype, self.backend)
        self.theta = self.backend.to_device(theta)
        self.moments = self.backend.to_device(moments)
        self.decay = self.backend.to_device(network.decay()[None])
        self.grad = self.backend.zeros((1, theta.size), network.dtype)
        self.limit = math.inf if recipe.clip_value is None else float(recipe.clip_value)
        self.alpha, self.shrink = (0.0, recipe.alpha) if self.rule.decoupled else (float(recipe.alpha), 0.0)

    def begin(self, n):
        """Allocate a log of the next `n` updates."""
        if self.log is None or self.log.shape[1] < n:
            self.log = self.backend.new_log(n, self.network.dtype)
            self.learn = self.backend.repeated(self._bring, self._update)

    def update(self, chosen, number, rate, seed):
        """Make the `number`-th update; return whether the chosen rows had a target.

        Rows without a target still run forward, since later rows may continue from their state. `seed` is of dropout.
        """
        weight = total_weight(self.loss, self.rows.weights_of(chosen))
        c = self.rule.coefficients(number, rate, self.recipe.momentum)
        self.learn(chosen, weight, seed, (*c, rate * self.shrink))
        if weight:
            self.weights.append(weight)
        return weight > 0

    def _numbers(self, c):
        """What changes from update to update, besides the batch, on the device."""
        put = self.backend.numbers
        room = self.rooms.shared
        return put(c, self.network.dtype, room, "coefficients"), put(len(self.weights), np.int64, room, "place")

    def _bring(self, chosen, weight, seed, c):
        self._numbers(c)
        form = bring(self.network, self.rows, chosen, weight, self.rooms, seed)
        return form and (*form, weight > 0)

    def _update(self, chosen, weight, seed, c):
        backend = self.backend
        recipe = self.recipe
        theta = self.theta.reshape(1, self.theta.size)
        value, grads = gradient(
            self.network,
            self.theta,
            self.rows,
            chosen,
            total=weight,
            loss=self.loss,
            parameters=recipe.loss_parameters,
            rooms=self.rooms,
            n_jobs=recipe.n_jobs,
            seed=seed,
            bptt_steps=recipe.bptt_steps,
        )
        if weight:
            norm, clipped = backend.combine(grads, theta, self.decay, self.alpha, self.limit, self.grad)
            if not backend.is_finite(value, norm):
                raise NotFinite(value, norm)
            c, place = self._numbers(c)
            backend.note(self.log, place, value, norm)
            backend.move(
                self.rule, theta, self.grad, self.moments, self.decay, c, self.limit, clipped, recipe.clip_norm
            )

    def read(self):
        """Losses, norms and weights of the updates since this was last called."""
        weights = self.weights
        self.weights = []
        if not weights:
            return [], [], []
        losses, norms = self.backend.to_host(self.log)[:, : len(weights)].tolist()
        return losses, norms, weights
