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
    """A network, a batch and everything a training step needs, through the library's own verbs."""

    def __init__(self, cell, B, T, F, H, n_jobs=1, lengths=None, seed=0):
        rng = np.random.default_rng(seed)
        self.network, self.n_jobs = Network(cell, F, H, 1), n_jobs
        self.theta, self.rooms, self.n = self.network.initial(rng), Rooms(np.float32), 0
        self.lengths = np.full(B, T) if lengths is None else lengths
        self.X = rng.normal(size=(B, T, F)).astype("f4")
        y, weights = rng.normal(size=(B, 1)).astype("f4"), np.ones((B, 1), "f4")
        self.rows = Sequences(self.X.ravel(), F, np.arange(B) * T * F, self.lengths, y, weights)
        self.chosen, self.update = np.arange(B), UPDATES["adam"]
        self.moments = np.zeros((2, self.network.layout.size), "f4")
        self.grad, self.decay = np.empty((1, self.network.layout.size), "f4"), self.network.decay()[None]

    def forward(self):
        predict(self.network, self.theta, self.rows, self.n_jobs)

    def gradient(self):
        settings = float(len(self.chosen)), LOSSES["squared"], 0.0, self.rooms, self.n_jobs
        return gradient(self.network, self.theta, self.rows, self.chosen, *settings)

    def step(self):
        _, grads = self.gradient()
        _, norm = cpu.combine(grads, self.theta[None], self.decay, 0.0, np.inf, self.grad)
        self.n += 1
        c = self.update.coefficients(self.n, 1e-3, 0.9)
        cpu.move(self.update, self.theta[None], self.grad, self.moments, self.decay, c, np.inf, norm, 1.0, 0.0)
