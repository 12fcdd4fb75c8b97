"""What `asv run` measures: kernels, training steps, whole fits and predictions, a new process, memory, signatures."""

import numpy as np

from tsrnn import RNNRegressor
from tsrnn.backends import cpu
from tsrnn.backends.cpu import elementwise, packing, scan
from tsrnn.backends.layers import LayerCache, LayerWeights
from tsrnn.data.sequences import Sequences
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

from .work import FIRST_FIT, PLAIN, Work


class Step:
    """Forward pass and gradient of one batch, through the library's own verbs."""

    params = (
        ["rnn", "gru", "lstm"],
        [(32, 24, 32), (128, 48, 64), (256, 96, 128)],
        [1, 2],
        [False, True],
    )
    param_names = ("cell", "rows, steps, hidden", "threads", "ragged")

    def setup(self, cell, size, n_jobs, ragged):
        (B, T, H), rng = size, np.random.default_rng(0)
        self.work = Work(
            cell, B, T, 1, H, n_jobs, rng.integers(1, T + 1, size=B) if ragged else None
        )
        self.work.gradient()  # compiled before the clock starts
        self.work.forward()

    def time_forward(self, cell, size, n_jobs, ragged):
        self.work.forward()

    def time_gradient(self, cell, size, n_jobs, ragged):
        self.work.gradient()


class Estimator:
    """What a user waits for."""

    params = (["rnn", "gru", "lstm"], [16, 64])
    param_names = ("cell", "hidden_size")

    def setup(self, cell, hidden_size):
        self.X = np.random.default_rng(0).normal(size=(2000, 96)).astype("f4")
        self.y = self.X[:, -3:].sum(axis=1)
        self.model = RNNRegressor(
            cell=cell, hidden_size=hidden_size, max_iter=1, random_state=0, **PLAIN
        ).fit(self.X, self.y)

    def time_fit_one_epoch(self, cell, hidden_size):
        self.model.fit(self.X, self.y)

    def time_predict_one_sequence(self, cell, hidden_size):
        self.model.predict(self.X[:1])

    def time_predict_all(self, cell, hidden_size):
        self.model.predict(self.X)


FIT = FIRST_FIT.format(cell="lstm")


class NewProcess:
    """What a newcomer waits for; each sample is a new interpreter."""

    timeout = 300
    number, repeat = 1, 3

    def timeraw_import(self):
        return "import tsrnn"

    def timeraw_first_fit_warm_cache(self):
        return FIT

    def timeraw_first_fit_empty_cache(self):
        return "import os, tempfile\nos.environ['NUMBA_CACHE_DIR'] = tempfile.mkdtemp()\n" + FIT


class Windows:
    """A million windows of 336 steps cut from two million values: they are never copied out."""

    timeout = 600

    def peakmem_million_windows(self):
        values = np.random.default_rng(0).normal(size=2_000_000).astype("f4")
        starts = np.arange(1_000_000)
        y = values[starts + 400][:, None]
        rows = Sequences(values, 1, starts, np.full(len(starts), 336), y, np.ones_like(y))
        network, workspaces = Network("rnn", 1, 16, 1), WorkspacePool(np.float32)
        theta = network.initial(np.random.default_rng(0))
        for chosen in rows.epoch(np.random.default_rng(0), 1024, shuffle=True)[:20]:
            gradient(
                network,
                theta,
                rows,
                chosen,
                Objective(LOSSES["squared"], 0.0, 1024.0),
                GradientOptions(workspaces),
            )


class Kernels:
    """Figures about the machine code itself."""

    params = (["rnn", "gru", "lstm"],)
    param_names = ("cell",)

    def setup(self, cell):
        X = np.random.default_rng(0).normal(size=(100, 20))
        RNNRegressor(cell=cell, max_iter=1, **PLAIN).fit(X, X[:, 0]).predict(X)

    def track_signatures(self, cell):
        """Compiled versions of the most compiled kernel; more than one means that arrays are not normalised."""
        kernels = [
            scan.make_forward(CELLS[cell]),
            scan.make_backward(CELLS[cell]),
            elementwise.gather,
            packing.take,
        ]
        return max(len(kernel.signatures) for kernel in kernels)

    def track_gflops(self, cell):
        """Rate of the forward scan at 48 rows, 128 units."""
        import timeit

        rng, network = np.random.default_rng(0), Network(cell, 8, 128, 1)
        (T, B, F, H), cell = (48, 48, 8, 128), network.cell
        packed = network.packing()(network.initial(rng))
        states, saved = (
            np.zeros((cell.n_states, T + 1, B, H), "f4"),
            np.empty((1, B, cell.n_saved, H), "f4"),
        )
        weights = LayerWeights(packed["weight_ih_l0"], packed["weight_hh_l0"], packed["bias_l0"])
        cache = LayerCache(rng.normal(size=(T, B, F)).astype("f4"), states, saved)
        cpu.forward(cell, np.full(B, T), weights, cache)
        seconds = min(
            timeit.repeat(
                lambda: cpu.forward(cell, np.full(B, T), weights, cache), number=1, repeat=20
            )
        )
        return 2 * T * B * cell.n_gates * H * (H + F) / seconds / 1e9

    track_gflops.unit = "GFLOP/s"
