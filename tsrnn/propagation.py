"""Rows through the network and back, cut into chunks that threads take all the way."""

import contextlib

import numpy as np

from tsrnn.backends import cpu
from tsrnn.network import Room

SLICE = 1024  # rows of one forward pass: enough to keep every thread busy, little enough memory


class Rooms:
    """A `Room` for each thread that works at the same time, handed round, and one for what they share."""

    def __init__(self, dtype):
        self.dtype, self.free, self.shared = dtype, [], Room(dtype)

    @contextlib.contextmanager
    def one(self):
        room = self.free.pop() if self.free else Room(self.dtype)
        try:
            yield room
        finally:
            self.free.append(room)


def cut(network, lengths):
    """Positions of rows in chunks, longest first, dealt round so that each chunk has about as many steps."""
    order = np.argsort(-lengths, kind="stable")
    n_chunks = cpu.count_chunks(len(lengths), network.work(int(lengths.sum())))
    return [order[chunk::n_chunks] for chunk in range(n_chunks)]


def slices(rows):
    order = np.argsort(-rows.lengths, kind="stable")
    return [order[first : first + SLICE] for first in range(0, len(order), SLICE)]


def predict(network, theta, rows, n_jobs, passes=None):
    """The network's outputs for all rows, or steps, (..., n_outputs), without dropout; states are carried on.

    `passes` are groups of rows that go through together, one group after the other.
    """
    packed, rooms, lengths = network.packing()(theta), Rooms(network.dtype), rows.lengths
    out = np.empty((rows.n_places, network.n_outputs), network.dtype)
    for part in slices(rows) if passes is None else passes:
        chunks = cut(network, lengths[part])

        def work(chunk, part=part, chunks=chunks):
            with rooms.one() as room:
                chosen = part[chunks[chunk]]
                batch = rows.batch(chosen, room)
                outputs, traces = network.forward(packed, batch, room)
                out[rows.places(chosen)] = outputs[:, : network.n_outputs]
                if batch.initial is not None:
                    rows.carry(chosen, network.last_states(traces, batch.lengths, room))

        cpu.each(work, len(chunks), n_jobs)
    return out


def total_weight(loss, weights):
    """What a loss is divided by: all weights, or with softmax those of the rows."""
    return float(weights[:, 0].sum() if loss.softmax else weights.sum())


def gradient(network, theta, rows, chosen, total, loss, parameter, rooms, n_jobs=1, seed=None, bptt_steps=None):
    """The loss of the chosen rows over `total`, and its gradient in chunks' parts (n_chunks, n_parameters).

    `seed` switches dropout on.
    """
    packed, chunks = network.packing(training=True)(theta), cut(network, rows.lengths[chosen])
    grads = rooms.shared.take("grads", (len(chunks), network.layout.size))

    def work(chunk):
        with rooms.one() as room:
            noise = None if seed is None else seed + chunk * network.n_layers
            mine = chosen[chunks[chunk]]
            batch = rows.batch(mine, room)
            outputs, traces = network.forward(packed, batch, room, noise, keep=True)
            slopes = room.take("slopes", outputs.shape)
            value = cpu.loss(loss, outputs, batch.targets, batch.weights, parameter, total, slopes)
            network.backward(packed, batch, traces, slopes, grads[chunk], room, noise, bptt_steps)
            if batch.initial is not None:
                rows.carry(mine, network.last_states(traces, batch.lengths, room))
            return value

    return sum(cpu.each(work, len(chunks), n_jobs)), grads
