"""Rows through the network and back, cut into chunks that threads take all the way."""

import contextlib
from functools import reduce
from operator import add

import numpy as np

from tsrnn.backends import cpu
from tsrnn.contracts import Model, Rows
from tsrnn.data.batch import longest_first
from tsrnn.networks.network import DropoutKey
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
        room = self.free.pop() if self.free else Workspace(self.dtype, self.backend, self.shared.residents)
        try:
            yield room
        finally:
            self.free.append(room)


def cut(network, lengths, backend):
    """Positions of rows in chunks, longest first, dealt round so that each chunk has about as many steps."""
    order = longest_first(lengths)
    n_steps = int(np.add.reduce(lengths))
    n_chunks = backend.count_chunks(len(lengths), network.work(n_steps))
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


def in_chunks(work, network, lengths, n_jobs, passes, rooms):
    """Call `work(chosen, room)` for chunks of the rows of each pass, sorted by length, longest first."""
    for part in passes:
        chunks = cut(network, lengths[part], rooms.backend)

        def turn(chunk, part=part, chunks=chunks):
            with rooms.one() as room:
                work(part[chunks[chunk]], room)

        rooms.backend.each(turn, len(chunks), n_jobs)


def predict(network: Model, theta, rows: Rows, n_jobs, passes=None, rooms=None):
    """The network's outputs for all rows, or steps, (..., n_outputs), without dropout; states are carried on.

    `passes` are groups of rows that go through together, one group after the other; `rooms` say on which device, the
    CPU without them.
    """
    rooms = rooms or WorkspacePool(network.dtype)
    backend = rooms.backend
    packed = network.packing(backend=backend)(backend.to_device(theta))
    out = np.empty((rows.n_places, network.n_outputs), network.dtype)

    def work(chosen, room):
        batch = rows.batch(chosen, room)
        outputs, traces = network.forward(packed, batch, room)
        out[rows.places(chosen)] = backend.to_host(outputs)[:, : network.n_outputs]
        if batch.initial is not None:
            rows.carry(chosen, network.last_states(traces, batch.device_lengths, room), room)

    in_chunks(work, network, rows.lengths, n_jobs, slices(network, rows, backend) if passes is None else passes, rooms)
    if rows.carried is not None:
        backend.to_host(rooms.shared.resident(rows.carried), rows.carried)
    return out


def total_weight(loss, weights):
    """What a loss is divided by: all weights, or with softmax those of the rows."""
    return float(weights[:, 0].sum() if loss.softmax else weights.sum())


def numbers(network, total, seed, rooms):
    """What `gradient` has besides its rows, on the device."""
    put = rooms.backend.numbers
    room = rooms.shared
    return put(total, network.dtype, room, "total"), None if seed is None else put(seed, np.uint64, room, "seed")


def bring(network, rows, chosen, total, rooms, seed):
    """Send ahead what `gradient` with the same arguments needs for one chunk; the form of the batch is returned."""
    numbers(network, total, seed, rooms)
    with rooms.one() as room:
        return rows.batch(chosen[longest_first(rows.lengths[chosen])], room).form


def gradient(
    network: Model, theta, rows: Rows, chosen, total, loss, parameters, rooms, n_jobs=1, seed=None, bptt_steps=None
):
    """The loss of the chosen rows over `total`, and its gradient in chunks' parts (n_chunks, n_parameters).

    `theta` is on the device of `rooms`; `seed` switches dropout on.
    """
    backend = rooms.backend
    packed = network.packing(training=True, backend=backend)(theta)
    chunks = cut(network, rows.lengths[chosen], backend)
    grads = rooms.shared.take("grads", (len(chunks), network.layout.size))
    total, seed = numbers(network, total, seed, rooms)

    def work(chunk):
        with rooms.one() as room:
            noise = None if seed is None else DropoutKey(seed, chunk * network.n_layers)
            mine = chosen[chunks[chunk]]
            batch = rows.batch(mine, room)
            outputs, traces = network.forward(packed, batch, room, noise, keep=True)
            slopes = room.take("slopes", outputs.shape)
            value = backend.loss(loss, outputs, batch.targets, batch.weights, parameters, total, slopes)
            network.backward(packed, batch, traces, slopes, grads[chunk], room, noise, bptt_steps)
            if batch.initial is not None:
                rows.carry(mine, network.last_states(traces, batch.device_lengths, room), room)
            return value

    return reduce(add, backend.each(work, len(chunks), n_jobs)), grads
