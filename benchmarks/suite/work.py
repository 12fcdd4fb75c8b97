"""What several benchmarks measure; it needs no more than the library does."""

import numpy as np

from tsrnn.backends import cpu
from tsrnn.batching import Sequences
from tsrnn.network import Network
from tsrnn.propagation import Rooms, gradient, predict
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES

# A new process fits for the first time.
FIRST_FIT = """
import numpy as np
from tsrnn import RNNRegressor
X = np.random.default_rng(0).normal(size=(500, 24))
RNNRegressor(cell="{cell}", max_iter=3, random_state=0).fit(X, X[:, 0]).predict(X)
"""


class Work:
    """A network, a batch and everything a training step needs, through the library's own verbs, on one device.

    Its numbers are float32's in every `dtype`, so that results of two precisions can be compared.
    """

    def __init__(self, cell, B, T, F, H, n_jobs=1, lengths=None, seed=0, backend=cpu, dtype=np.float32):
        def numbers(array):
            return array.astype(np.float32).astype(dtype)

        rng, self.backend, self.n_jobs, self.n = np.random.default_rng(seed), backend, n_jobs, 0
        self.network, self.rooms = Network(cell, F, H, 1, dtype=dtype), Rooms(dtype, backend)
        self.theta = backend.to_device(numbers(self.network.initial(rng)))
        self.lengths = np.full(B, T) if lengths is None else lengths
        self.X, self.y = numbers(rng.normal(size=(B, T, F))), numbers(rng.normal(size=(B, 1)))
        self.rows = Sequences(self.X.ravel(), F, np.arange(B) * T * F, self.lengths, self.y, np.ones((B, 1), dtype))
        self.chosen, self.update, size = np.arange(B), UPDATES["adam"], self.network.layout.size
        self.grad, self.moments = backend.zeros((1, size), dtype), backend.zeros((2, size), dtype)
        self.decay = backend.to_device(self.network.decay()[None])

    def forward(self):
        predict(self.network, self.theta, self.rows, self.n_jobs)

    def gradient(self):
        settings = float(len(self.chosen)), LOSSES["squared"], 0.0, self.rooms, self.n_jobs
        return gradient(self.network, self.theta, self.rows, self.chosen, *settings)

    def loss_and_gradient(self):
        """As numpy's."""
        value, grads = self.gradient()
        return self.backend.read_numbers([value])[0], self.backend.to_host(grads).sum(axis=0)

    def step(self):
        _, grads = self.gradient()
        theta, self.n = self.theta.reshape(1, self.theta.size), self.n + 1
        _, norm = self.backend.combine(grads, theta, self.decay, 0.0, np.inf, self.grad)
        c = self.update.coefficients(self.n, 1e-3, 0.9)
        self.backend.move(self.update, theta, self.grad, self.moments, self.decay, c, np.inf, norm, 1.0, 0.0)

    def kernels(self):
        """A function that runs the recurrence forward and back, weight gradients included, and nothing else."""
        network, backend, dtype = self.network, self.backend, self.network.dtype
        (B, T, _), cell, H = self.X.shape, network.cell, network.width
        packed = network.packing(training=True, backend=backend)(self.theta)
        x = backend.to_device(np.ascontiguousarray(self.X.swapaxes(0, 1)))
        lengths, states = backend.to_device(self.lengths), backend.zeros((cell.n_states, T + 1, B, H), dtype)
        saved, dstates = (backend.zeros(s, dtype) for s in ((T, B, cell.n_saved, H), (cell.n_states, B, H)))
        none, grad = backend.zeros((0, B, H), dtype), self.grad.reshape(self.grad.size)
        forward = [packed[f"{name}_l0"] for name in ("weight_ih", "weight_hh", "bias")]
        back = [packed[f"{name}_l0_t"] for name in ("weight_ih", "weight_hh")]

        def run():
            backend.forward(cell, x, lengths, *forward, states, saved)
            backend.backward(cell, x, lengths, T, *back, states, saved, none, dstates, none, grad, 0)

        return run
