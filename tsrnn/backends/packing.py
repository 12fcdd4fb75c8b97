"""Weights as the kernels read them: in panels, contiguous pieces of a few columns, all filled in one call.

A plain panel holds one tile's width of columns of a matrix, or of its transpose, zero past the last one. For the
forward scan a panel holds of every row all gates of the first vector of units, then of the next; biases are where the
sums of such a group start (see `tiles.add_gates`).
"""

from functools import cached_property

import numpy as np
from numba.extending import register_jitable

from tsrnn.backends.compiling import compiled
from tsrnn.backends.simd import BITS, load, n_lanes, store, tile_width

PLAIN, TRANSPOSED, GATES, BIASES = range(4)


def units_of(cell):
    """Vectors of units whose sums are made together: as many as fill the registers, with enough rows beside them."""
    return 2 if cell.n_gates == 1 and BITS < 512 else 1


class Packing:
    """Where each weight goes; a call copies a parameter vector there and returns the panels by name."""

    def __init__(self, cell, dtype):
        self.cell, self.dtype, self.jobs, self.parts, self.size = cell, dtype, [], {}, 0
        like = np.empty((1, 1), dtype)
        self.tile, self.lanes = tile_width(like), n_lanes(like)

    def plain(self, name, begin, K, N):
        self._add(name, PLAIN, begin, K, N, (-(-N // self.tile), K, self.tile))

    def transposed(self, name, begin, K, N):
        self._add(name, TRANSPOSED, begin, K, N, (-(-K // self.tile), N, self.tile))

    def gates(self, name, begin, K, N):
        width = units_of(self.cell) * self.cell.n_gates * self.lanes
        self._add(name, GATES, begin, K, N, (N // width, K, width))

    def biases(self, name, begin_ih, begin_hh, N):
        n_sums, width = 2 * self.cell.n_gates - self.cell.n_together, units_of(self.cell) * self.lanes
        self._add(name, BIASES, begin_ih, begin_hh, N, (N // self.cell.n_gates // width, width * n_sums))

    def _add(self, name, kind, begin, K, N, shape):
        end = self.size + int(np.prod(shape))
        n_rows = shape[1] if len(shape) == 3 else 1
        self.jobs.append((kind, begin, K, N, self.size, end, n_rows, shape[-1]))
        self.parts[name], self.size = (self.size, end, shape), end

    @cached_property
    def table(self):
        return np.array(self.jobs)

    def __call__(self, theta):
        out = np.empty(self.size, self.dtype)
        fill(theta, self.table, self.cell.n_gates, self.cell.n_together, out)
        return {name: out[begin:end].reshape(shape) for name, (begin, end, shape) in self.parts.items()}


@compiled
def fill(theta, jobs, n_gates, n_together, out):
    for job in range(jobs.shape[0]):
        kind, begin, K, N, to, end, n_rows, width = jobs[job]
        panels = out[to:end].reshape((end - to) // (n_rows * width), n_rows, width)
        if kind == BIASES:
            pack_biases(theta[begin : begin + N], theta[K : K + N], n_gates, n_together, panels[:, 0])
        elif kind == GATES:
            pack_gates(theta[begin : begin + K * N].reshape(K, N), n_gates, panels)
        else:
            pack(theta[begin : begin + K * N].reshape(K, N), kind == TRANSPOSED, panels)


@register_jitable
def pack(w, transposed, panels):
    """panels[p] = the p-th tile's width of columns of w, or of its transpose, contiguous; zero past the last column."""
    n_columns, width = w.shape[0] if transposed else w.shape[1], panels.shape[2]
    for p in range(panels.shape[0]):
        for k in range(panels.shape[1]):
            for j in range(width):
                column = p * width + j
                if column >= n_columns:
                    panels[p, k, j] = 0
                elif transposed:
                    panels[p, k, j] = w[column, k]
                else:
                    panels[p, k, j] = w[k, column]


@register_jitable
def pack_gates(w, n_gates, panels):
    """panels[p] = the weights of the p-th group of units: of every row all gates of the first vector of units, then of
    the next.
    """
    H, lanes, K, width = w.shape[1] // n_gates, n_lanes(w), w.shape[0], panels.shape[2]
    rows, n_units = panels.reshape(-1, width), width // (n_gates * lanes)
    for p in range(panels.shape[0]):
        for u in range(n_units):
            for g in range(n_gates):
                for k in range(K):
                    store(rows, p * K + k, (u * n_gates + g) * lanes, load(w, k, g * H + (p * n_units + u) * lanes))


@register_jitable
def pack_biases(b_ih, b_hh, n_gates, n_together, panels):
    """panels[p] = where the sums of the p-th group of units start (see `tiles.add_gates`)."""
    H, lanes, n_sums = len(b_ih) // n_gates, n_lanes(b_ih), 2 * n_gates - n_together
    n_units, a, q = panels.shape[1] // (n_sums * lanes), b_ih.reshape(1, -1), b_hh.reshape(1, -1)
    for p in range(panels.shape[0]):
        for u in range(n_units):
            unit = (p * n_units + u) * lanes
            for g in range(n_gates):
                start = load(a, 0, g * H + unit)
                if g < n_together:
                    start = start + load(q, 0, g * H + unit)
                else:
                    at = u * n_sums + n_gates + g - n_together
                    store(panels, p, at * lanes, load(q, 0, g * H + unit))
                store(panels, p, (u * n_sums + g) * lanes, start)
