"""Which kernels a GPU would be asked for, and with which types: training and prediction run with launches written down
instead of done, on arrays of numpy's in place of the device's.
"""

import numpy as np
from numba.core.typing.typeof import typeof

from tsrnn.backends import cuda
from tsrnn.backends.cuda import (
    elementwise,
    launching,
    packing,
    precision,
    products,
    resident,
    scan,
    tensor,
    tensor_scan,
    tf32,
)
from tsrnn.data.pairs import Pairs
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.networks.workspace import Workspace
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES


def kernels_of(work, monkeypatch, tensor_cores=False):
    """{(kernel, types): threads of a block} of all that `work` launches on a GPU with or without tensor cores."""
    found = {}

    def launch(kernel, blocks, threads, *args, shared=0):
        found[kernel, tuple(map(typeof, args))] = threads

    def launch_over(kernel, n, *args, launch=launch):
        launch(kernel, 1, launching.THREADS, *args)

    stand_ins = {
        "launch": launch,
        "launch_now": launch,
        "launch_over": launch_over,
        "allocate": np.zeros,
    }
    stand_ins |= {
        "to_device": np.asarray,
        "put": lambda array, workspace, name: array,
        "device_scalars": lambda values, dtype, workspace, name: np.array(values, dtype, ndmin=1),
        "to_host": lambda array, out=None: array,
    }
    for module in (
        cuda,
        elementwise,
        launching,
        packing,
        precision,
        products,
        resident,
        scan,
        tensor_scan,
    ):
        for name, stand_in in stand_ins.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr(packing.cuda, "to_device", np.asarray)
    monkeypatch.setattr(tensor, "available", lambda: tensor_cores)
    launching.memory.__init__()
    work()
    return found


def one_fit(
    cell, dtype, n_rows, n_features, H=64, n_layers=1, bidirectional=False, loss="squared", solver="adam", backend=cuda,
):  # fmt: skip
    """The kernels of an update and a prediction."""
    dtype, T = np.dtype(dtype), 3
    values, ones = np.zeros(n_rows * T * n_features, dtype), np.ones((n_rows, 2), dtype)
    starts, lengths = np.arange(n_rows) * T * n_features, np.full(n_rows, T)
    rows = Sequences(values, n_features, starts, lengths, ones, ones)
    network = Network(
        cell, n_features, H, 2, n_layers, bidirectional, dropout=0.5 * (n_layers > 1), dtype=dtype
    )
    update(network, rows, LOSSES[loss], UPDATES[solver], backend)
    predict(
        network,
        network.initial(np.random.default_rng(0)),
        rows,
        1,
        workspaces=WorkspacePool(dtype, backend),
    )


def update(network, rows, loss, update, backend=cuda):
    size, dtype = network.layout.size, network.dtype
    theta, seed = np.zeros(size, dtype), 1 if network.dropout else None
    objective = Objective(loss, 0.0, 1.0)
    options = GradientOptions(WorkspacePool(dtype, backend), seed=seed)
    value, grads = gradient(network, theta, rows, np.arange(len(rows)), objective, options)
    flat, grad, moments = (
        theta.reshape(1, size),
        np.zeros((1, size), dtype),
        np.zeros((update.n_moments, size), dtype),
    )
    _, norm = cuda.reduce_gradients(grads, flat, network.decay()[None], 0.0, 1.0, grad)
    c = np.array((*update.coefficients(1, 0.1, 0.9), 0.0), dtype)
    cuda.record_update(cuda.new_log(1, dtype), np.array([0]), value, norm)
    cuda.apply_update(update, flat, grad, moments, network.decay()[None], c, 1.0, norm, 1.0)


def everything(dtype):
    for cell in CELLS:
        for n_features in (2, 2 * scan.FEW_INPUTS):
            for n_rows in (1, 8 * launching.BUSY):
                one_fit(cell, dtype, n_rows, n_features, H=192)
            for H in (32, 64, 80, 128):  # those with weights in registers, where they fit
                one_fit(cell, dtype, 1, n_features, H)
    one_fit("gru", dtype, 4, 2, n_layers=2, bidirectional=True)
    for loss in LOSSES:
        one_fit("rnn", dtype, 4, 2, loss=loss)
    for solver in UPDATES:
        one_fit("rnn", dtype, 4, 2, solver=solver)
    steps(dtype)
    pairs(dtype)
    cuda.set_columns(np.zeros((2, 3), dtype), np.zeros((2, 16), dtype), 8)


def pairs(dtype):
    lengths, none, ones = np.array([3, 3]), np.empty((2, 0), dtype), np.ones((6, 1), dtype)
    source = Sequences(np.zeros(12, dtype), 2, np.array([0, 6]), lengths, none, none)
    rows = Pairs(
        source, Steps.whole(ones, np.array([0, 3]), lengths, ones, ones), np.zeros(6, bool)
    )
    update(
        EncoderDecoder("lstm", 2, 16, 1, bidirectional=True, dtype=dtype),
        rows,
        LOSSES["squared"],
        UPDATES["adam"],
    )


def on_tensor_cores():
    for backend in (cuda, tf32):
        for cell in CELLS:
            for H in (64, 128):
                # one left tile, two
                for n_rows in (tensor_scan.FEWEST_ROWS, tensor_scan.FEWEST_ROWS_OF_TWO):
                    one_fit(cell, "f4", n_rows, 8, H, n_layers=2, backend=backend)


def steps(dtype):
    values, ones = np.zeros((6, 2), dtype), np.ones((6, 1), dtype)
    network = Network("lstm", 2, 16, 1, every_step=True, dtype=dtype)
    rows = Steps.whole(values, np.array([0, 3]), np.array([3, 3]), ones, ones).pieces(
        3, network.zero_states(2)
    )
    update(network, rows, LOSSES["squared"], UPDATES["adam"])
    cuda.trailing_mean(
        np.zeros(4, dtype), np.array([4]), 2, Workspace(np.dtype(dtype), cuda), "level"
    )
