"""Weights as the kernels read them: in panels, contiguous pieces of a few columns, all taken in one call.

A plain panel holds one tile's width of columns of a matrix, or of its transpose, zero past the last one; panels are
as many as for columns padded to `PADDING`. For the
forward scan a panel holds of every row all gates of the first vector of units, then of the next; biases are where the
sums of such a group start (see `tiles.add_gates`).
"""

from functools import cached_property

import numpy as np

from tsrnn.backends.compiling import compiled
from tsrnn.backends.cpu.simd import BITS, n_lanes, tile_width
from tsrnn.backends.padding import PADDING
from tsrnn.backends.parameters import check_parameters

NOWHERE = -1


@compiled
def take(theta, places, targets, sources, out):
    """out = theta[places], zero where that is nowhere; then out[targets] += theta[sources]."""
    for i in range(len(places)):
        out[i] = theta[places[i]] if places[i] >= 0 else 0
    for i in range(len(targets)):
        out[targets[i]] += theta[sources[i]]


def units_of(cell):
    """Vectors of units whose sums are made together: as many as fill the registers, with enough rows beside them."""
    return 2 if cell.n_gates == 1 and BITS < 512 else 1


class Packing:
    """Where each weight goes; a call copies a parameter vector there and returns the panels by name."""

    def __init__(self, cell, dtype, n_parameters):
        self.cell, self.dtype, self.n_parameters = cell, dtype, n_parameters
        self.jobs, self.added, self.size = {}, [], 0
        like = np.empty((1, 1), dtype)
        self.tile, self.lanes = tile_width(like), n_lanes(like)

    def plain(self, name, begin, K, N):
        self._add(name, self._panels(begin + np.arange(K * N).reshape(K, N)))

    def transposed(self, name, begin, K, N):
        self._add(name, self._panels(begin + np.arange(K * N).reshape(K, N).T))

    def gates(self, name, begin, K, N):
        G = self.cell.n_gates
        U = units_of(self.cell)
        places = begin + np.arange(K * N).reshape(K, G, -1, U, self.lanes)
        self._add(name, places.transpose(2, 0, 3, 1, 4).reshape(-1, K, U * G * self.lanes))

    def biases(self, name, begin_ih, begin_hh, N):
        G = self.cell.n_gates
        U = units_of(self.cell)
        together = self.cell.n_summed_gates
        a, q = (
            begin + np.arange(N).reshape(G, -1, U, self.lanes) for begin in (begin_ih, begin_hh)
        )
        alone = q[together:]
        starts = np.concatenate([a, alone])
        plus = np.concatenate([q[:together], np.full_like(starts[together:], NOWHERE)])
        starts, plus = (
            part.transpose(1, 2, 0, 3).reshape(-1, U * len(part) * self.lanes)
            for part in (starts, plus)
        )
        targets = np.flatnonzero(plus != NOWHERE)
        self.added.append((self.size + targets, plus.ravel()[targets]))
        self._add(name, starts)

    def _panels(self, places):
        padding = -places.shape[1] % PADDING
        padded = np.pad(places, ((0, 0), (0, padding)), constant_values=NOWHERE)
        return padded.reshape(len(places), -1, self.tile).swapaxes(0, 1)

    def _add(self, name, places):
        self.jobs[name] = places
        self.size += places.size

    @cached_property
    def lists(self):
        """What `take` needs."""
        places = np.concatenate([job.ravel() for job in self.jobs.values()])
        return [part.astype(np.int32) for part in (places, *np.concatenate(self.added, axis=1))]

    @cached_property
    def record(self):
        """Names and shapes of what lies end to end."""
        return np.dtype([(name, self.dtype, job.shape) for name, job in self.jobs.items()])

    def __call__(self, theta):
        check_parameters(theta, self.n_parameters, self.dtype)
        out = np.empty(self.size, self.dtype)
        take(theta, *self.lists, out)
        return out.view(self.record).reshape(())
