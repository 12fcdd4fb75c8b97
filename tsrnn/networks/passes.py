"""Rows through the network and back, cut into chunks that threads take all the way."""

import contextlib
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from tsrnn.backends import cpu
from tsrnn.contracts import Model, Rows
from tsrnn.data.batch import longest_first
from tsrnn.networks.network import BackwardOptions, DropoutKey, NetworkGradients
from tsrnn.networks.workspace import Workspace


class WorkspacePool:
    """A `Workspace` for each thread that works at the same time, handed round, and one for what they share."""

    def __init__(self, dtype, backend=cpu):
        self.dtype = dtype
        self.backend = backend
        self.free = []
        self.shared = Workspace(dtype, backend)

    @contextlib.contextmanager
    def one(self):
        workspace = (
            self.free.pop()
            if self.free
            else Workspace(self.dtype, self.backend, self.shared.residents)
        )
        try:
            yield workspace
        finally:
            self.free.append(workspace)


def split_chunks(network, lengths, backend):
    """Positions of rows in chunks, longest first, dealt round so that each chunk has about as many steps."""
    order = longest_first(lengths)
    n_steps = int(np.add.reduce(lengths))
    n_chunks = backend.count_chunks(len(lengths), network.n_multiplications(n_steps))
    return [order[chunk::n_chunks] for chunk in range(n_chunks)]


def slices(network, rows, backend=cpu, beside=0):
    """Groups of rows that go through together, as many as there is memory for; `beside` bytes of a row that the
    network does not see.
    """
    n = len(rows.lengths)
    if n == 1:  # no question, and answers of one row are waited for
        return [np.arange(1)]
    n_bytes = network.numbers_of_row(rows, backend) * network.dtype.itemsize + beside
    most = min(backend.MOST_ROWS, max(1, backend.MOST_BYTES // n_bytes))
    order = np.arange(n) if n <= most else longest_first(rows.lengths)
    return [order[first : first + most] for first in range(0, len(order), most)]


def in_chunks(forward_chunk, network, lengths, n_jobs, passes, workspaces):
    """Call `forward_chunk(chosen, workspace)` for chunks of the rows of each pass, sorted by length, longest first."""
    for part in passes:
        chunks = split_chunks(network, lengths[part], workspaces.backend)

        def turn(chunk, part=part, chunks=chunks):
            with workspaces.one() as workspace:
                forward_chunk(part[chunks[chunk]], workspace)

        workspaces.backend.each(turn, len(chunks), n_jobs)


def predict(network: Model, theta, rows: Rows, n_jobs, passes=None, workspaces=None):
    """The network's outputs for all rows, or steps, (..., n_outputs), without dropout; states are carried on.

    `passes` are groups of rows that go through together, one group after the other; `workspaces` say on which device,
    the CPU without them.
    """
    workspaces = workspaces or WorkspacePool(network.dtype)
    backend = workspaces.backend
    packed = network.packing(backend=backend)(backend.to_device(theta))
    out = np.empty((rows.n_places, network.n_outputs), network.dtype)

    def forward_chunk(chosen, workspace):
        batch = rows.batch(chosen, workspace)
        outputs, traces = network.forward(packed, batch, workspace)
        out[rows.places(chosen)] = backend.to_host(outputs)[:, : network.n_outputs]
        if batch.initial is not None:
            rows.carry(
                chosen, network.last_states(traces, batch.device_lengths, workspace), workspace
            )

    passes = slices(network, rows, backend) if passes is None else passes
    in_chunks(forward_chunk, network, rows.lengths, n_jobs, passes, workspaces)
    if rows.carried is not None:
        backend.to_host(workspaces.shared.on_device(rows.carried), rows.carried)
    return out


def total_weight(loss, weights):
    """What a loss is divided by: all weights, or with softmax those of the rows."""
    return float(weights[:, 0].sum() if loss.softmax else weights.sum())


def step_scalars(network, total, seed, workspaces):
    """What `gradient` has besides its rows, on the device."""
    put = workspaces.backend.device_scalars
    workspace = workspaces.shared
    total = put(total, network.dtype, workspace, "total")
    return total, None if seed is None else put(seed, np.uint64, workspace, "seed")


def stage(network, rows, chosen, total, workspaces, seed):
    """Send ahead what `gradient` with the same arguments needs for one chunk; the form of the batch is returned."""
    step_scalars(network, total, seed, workspaces)
    with workspaces.one() as workspace:
        return rows.batch(chosen[longest_first(rows.lengths[chosen])], workspace).form


class Objective(NamedTuple):
    """What is lowered: a loss with its parameters, summed over rows and divided by their total weight."""

    loss: Any
    parameters: Any
    total: float


class GradientOptions(NamedTuple):
    """Where and how a gradient is computed; a `seed` switches dropout on."""

    workspaces: WorkspacePool
    n_jobs: int = 1
    seed: int | None = None
    bptt_steps: int | None = None


def gradient(
    network: Model, theta, rows: Rows, chosen, objective: Objective, options: GradientOptions
):
    """The loss of the chosen rows, and its gradient in chunks' parts (n_chunks, n_parameters).

    `theta` is on the device of the workspaces.
    """
    workspaces = options.workspaces
    backend = workspaces.backend
    packed = network.packing(training=True, backend=backend)(theta)
    chunks = split_chunks(network, rows.lengths[chosen], backend)
    grads = workspaces.shared.array("grads", (len(chunks), network.layout.size))
    total, seed = step_scalars(network, objective.total, options.seed, workspaces)

    def gradient_chunk(chunk):
        with workspaces.one() as workspace:
            noise = None if seed is None else DropoutKey(seed, chunk * network.n_layers)
            indices = chosen[chunks[chunk]]
            batch = rows.batch(indices, workspace)
            outputs, traces = network.forward(packed, batch, workspace, noise, keep=True)
            d_outputs = workspace.array("d_outputs", outputs.shape)
            loss, parameters, _ = objective
            value = backend.loss(
                loss, outputs, batch.targets, batch.weights, parameters, total, d_outputs
            )
            back = BackwardOptions(noise, options.bptt_steps)
            network.backward(
                packed, batch, traces, NetworkGradients(d_outputs, grads[chunk]), workspace, back
            )
            if batch.initial is not None:
                rows.carry(
                    indices, network.last_states(traces, batch.device_lengths, workspace), workspace
                )
            return value

    return reduce(add, backend.each(gradient_chunk, len(chunks), options.n_jobs)), grads
