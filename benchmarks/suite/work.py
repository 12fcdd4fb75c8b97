"""What several benchmarks measure; it needs no more than the library does."""

import numpy as np

from tsrnn.backends.layers import LayerCache, LayerGradients, LayerWeights
from tsrnn.data.sequences import Sequences
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, gradient, predict
from tsrnn.rules.losses import LOSSES
from tsrnn.training.config import TrainingConfig
from tsrnn.training.state import TrainingState

# One network of one direction, value by value, and nothing scaled or annealed: as much work as torch's modules do.
PLAIN = {
    "n_networks": 1,
    "n_layers": 1,
    "bidirectional": False,
    "segment": 1,
    "pooling": "last",
    "augment": None,
    "standardize": False,
    "learning_rate": "constant",
    "alpha": 0.0,
}

# A new process fits for the first time.
FIRST_FIT = """
import numpy as np
from tsrnn import RNNRegressor
X = np.random.default_rng(0).normal(size=(500, 24))
PLAIN = dict(n_networks=1, n_layers=1, bidirectional=False, segment=1, pooling="last", augment=None)
RNNRegressor(cell="{cell}", max_iter=3, random_state=0, **PLAIN).fit(X, X[:, 0]).predict(X)
"""


LOG = 1000  # updates after which what they found is dropped


class Work:
    """A network, a batch and everything a training step needs, through the library's own training, on one device.

    Its numbers are float32's in every `dtype`, so that results of two precisions can be compared.
    """

    def __init__(
        self,
        cell,
        B,
        T,
        F,
        H,
        n_jobs=1,
        lengths=None,
        seed=0,
        device="cpu",
        precision="fp32",
        dtype=np.float32,
    ):
        def numbers(array):
            return array.astype(np.float32).astype(dtype)

        rng, self.n_jobs, self.n = np.random.default_rng(seed), n_jobs, 0
        self.network, self.chosen = Network(cell, F, H, 1, dtype=dtype), np.arange(B)
        theta, self.lengths = (
            numbers(self.network.initial(rng)),
            np.full(B, T) if lengths is None else lengths,
        )
        self.X, self.y = numbers(rng.normal(size=(B, T, F))), numbers(rng.normal(size=(B, 1)))
        self.rows = Sequences(
            self.X.ravel(), F, np.arange(B) * T * F, self.lengths, self.y, np.ones((B, 1), dtype)
        )
        recipe = TrainingConfig("squared", n_jobs=n_jobs, device=device, precision=precision)
        self.learner = TrainingState(
            self.network, theta, np.zeros((2, theta.size), dtype), self.rows, recipe
        )
        self.learner.begin(LOG)
        self.backend, self.workspaces, self.theta = (
            self.learner.backend,
            self.learner.workspaces,
            self.learner.theta,
        )

    def forward(self):
        predict(self.network, self.theta, self.rows, self.n_jobs)

    def gradient(self):
        settings = (
            Objective(LOSSES["squared"], 0.0, float(len(self.chosen))),
            GradientOptions(self.workspaces, self.n_jobs),
        )
        return gradient(self.network, self.theta, self.rows, self.chosen, *settings)

    def loss_and_gradient(self):
        """As numpy's."""
        value, grads = self.gradient()
        return float(np.sum(self.backend.to_host(value))), self.backend.to_host(grads).sum(axis=0)

    def step(self):
        self.n += 1
        self.learner.update(self.chosen, self.n, 1e-3, None)
        if self.n % LOG == 0:
            self.learner.collect_log()

    def kernels(self):
        """A function that runs the recurrence forward and back, weight gradients included, and nothing else."""
        network, backend, dtype = self.network, self.backend, self.network.dtype
        (B, T, _), cell, H = self.X.shape, network.cell, network.width
        packed = network.packing(training=True, backend=backend)(self.theta)
        x = backend.to_device(np.ascontiguousarray(self.X.swapaxes(0, 1)))
        lengths, states = (
            backend.to_device(self.lengths),
            backend.zeros((cell.n_states, T + 1, B, H), dtype),
        )
        saved, dstates = (
            backend.zeros(s, dtype) for s in ((T, B, cell.n_saved, H), (cell.n_states, B, H))
        )
        none, grad = backend.zeros((0, B, H), dtype), backend.zeros(self.theta.shape, dtype)
        weights = LayerWeights(packed["weight_ih_l0"], packed["weight_hh_l0"], packed["bias_l0"])
        transposed = LayerWeights(packed["weight_ih_l0_t"], packed["weight_hh_l0_t"])
        cache = LayerCache(x, states, saved)
        gradients = LayerGradients(none, dstates, none, grad, 0)

        def run():
            backend.forward(cell, lengths, weights, cache)
            backend.backward(cell, lengths, T, transposed, cache, gradients)

        return run
