"""The recurrence in time, forward and backward, for any cell: loops over blocks of rows that know no mathematics.

Arrays are time-major. `x` (T, B, F) inputs, `states` (S, T + 1, B, H) with the initial states at time 0, `saved`
(T, B, V, H) what the backward rule needs. Rows are sorted by length, longest first, so the rows that still run at a
step are the first ones of a block; past the end of a row nothing is read or written: the last state of row b is
states[:, lengths[b], b]. Weights come in panels (see `pack`).

Inside, every array is seen as a matrix made before the loops: a view made in a loop costs as much as the work on a row.
"""

from functools import cache

import numpy as np
from numba.extending import register_jitable

from tsrnn.backends.compiling import compiled
from tsrnn.backends.simd import (
    BITS,
    add_product,
    load,
    load_rows,
    load_tile,
    n_lanes,
    store,
    store_rows,
    store_tile,
    tile_width,
)

BLOCK = 48  # rows that go through time together: their gates stay in the cache
DEPTH = 3 * BLOCK  # rows collected before they are multiplied into the weight gradients
ODD = 16  # numbers that keep rows from lying a power of two apart, where they would share the same few lines of a cache


def make_tile_update(n):
    @register_jitable
    def update(C, c, column, start, s, step, A, r, depth_a, V, v, B, b, depth_b, W, w):
        tile = load_tile(start, s, column, n, step)
        tile = add_product(tile, A, r, V, v, 0, depth_a)
        store_tile(C, c, column, add_product(tile, B, b, W, w, 0, depth_b))

    return update


MOST = 12 if BITS == 512 else 6  # rows of a tile: as many as leave a register for each factor
update_most, update_4, update_2, update_1 = map(make_tile_update, (MOST, 4, 2, 1))


@register_jitable
def two_products(C, c, column, start, s, step, A, r, depth_a, V, v, B, b, depth_b, W, w, rows):
    """C[c : c + rows] = start + A[r : r + rows] @ V[v:] + B[b : b + rows] @ W[w:], one tile's width of columns.

    `depth_a`, `depth_b` rows of V and W count. `step` 0 starts every row from the same one, a bias.
    """
    i = 0
    while rows - i >= MOST:
        update_most(C, c + i, column, start, s + step * i, step, A, r + i, depth_a, V, v, B, b + i, depth_b, W, w)
        i += MOST
    while rows - i >= 4:
        update_4(C, c + i, column, start, s + step * i, step, A, r + i, depth_a, V, v, B, b + i, depth_b, W, w)
        i += 4
    if rows - i >= 2:
        update_2(C, c + i, column, start, s + step * i, step, A, r + i, depth_a, V, v, B, b + i, depth_b, W, w)
        i += 2
    if rows - i >= 1:
        update_1(C, c + i, column, start, s + step * i, step, A, r + i, depth_a, V, v, B, b + i, depth_b, W, w)


@register_jitable
def product(C, c, column, start, s, step, A, r, depth, V, v, rows):
    """C[c : c + rows] = start + A[r : r + rows] @ V[v : v + depth], one tile's width of columns."""
    two_products(C, c, column, start, s, step, A, r, depth, V, v, A, r, 0, V, v, rows)


@register_jitable
def add_transposed_product(C, A, B, depth):
    """C += A[:depth].T @ B[:depth]: a weight gradient from collected rows."""
    transposed, width, lanes = A.T, tile_width(C), n_lanes(C)
    panel = np.empty((depth, width), C.dtype)  # of B: contiguous, it stays in the first cache for all rows of C
    for column in range(0, C.shape[1], width):
        for k in range(depth):
            for j in range(0, width, lanes):
                store(panel, k, j, load(B, k, column + j))
        product(C, 0, column, C, 0, 1, transposed, 0, depth, panel, 0, C.shape[0])


@register_jitable
def add_sum(c, A, depth):
    """c[0] += the sum of the first rows of A."""
    for column in range(0, c.shape[1], n_lanes(c)):
        total = load(c, 0, column)
        for r in range(depth):
            total = total + load(A, r, column)
        store(c, 0, column, total)


@compiled
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


@cache
def make_forward(cell):
    G, S, V, together, rule = cell.n_gates, cell.n_states, cell.n_saved, cell.n_together, cell.forward

    @compiled
    def forward(x, lengths, w_ih, w_hh, b_ih, b_hh, states, saved):
        T, B, F = x.shape
        H, kept_steps = states.shape[3], saved.shape[0]
        width, lanes, N = tile_width(x), n_lanes(x), G * H
        a, q = np.empty((BLOCK, N), x.dtype), np.empty((BLOCK, N), x.dtype)
        bias_a, bias_q, q[:] = b_ih.reshape(1, N), b_hh.reshape(1, N), b_hh
        inputs, outputs, kept = x.reshape(T * B, F), states.reshape(S * (T + 1) * B, H), saved.reshape(-1, H)
        v_ih, v_hh, state_step = w_ih.reshape(-1, width), w_hh.reshape(-1, width), (T + 1) * B
        for low in range(0, B, BLOCK):
            n = min(BLOCK, B - low)
            for t in range(lengths[low]):
                while lengths[low + n - 1] <= t:
                    n -= 1
                at = t * B + low
                for p in range(N // width):
                    i, h = p * F, p * H
                    if p * width < together * H:
                        two_products(a, 0, p * width, bias_a, 0, 0, inputs, at, F, v_ih, i, outputs, at, H, v_hh, h, n)
                    else:
                        product(a, 0, p * width, bias_a, 0, 0, inputs, at, F, v_ih, i, n)
                        product(q, 0, p * width, bias_q, 0, 0, outputs, at, H, v_hh, h, n)
                for r in range(n):
                    q_row, saved_row = r if together < G else 0, (min(t, kept_steps - 1) * B + low + r) * V
                    for j in range(0, H, lanes):
                        a_j, q_j = load_rows(a, G, r, j, 0, H), load_rows(q, G, q_row, j, 0, H)
                        new, keep = rule(a_j, q_j, load_rows(outputs, S, at + r, j, state_step, 0))
                        store_rows(outputs, new, at + B + r, j, state_step, 0)
                        store_rows(kept, keep, saved_row, j, 1, 0)

    return forward


@cache
def make_backward(cell):
    G, S, V, rule = cell.n_gates, cell.n_states, cell.n_saved, cell.backward
    alike = cell.n_together == G  # da and dq are the same numbers

    @register_jitable
    def collect(grad, at, x_rows, h, da, dq, depth):
        """Add the collected rows to the slopes of w_ih, w_hh, b_ih and b_hh, which begin at `at`."""
        F, H, N = x_rows.shape[1], h.shape[1], da.shape[1]
        end = at + F * N
        add_transposed_product(grad[at:end].reshape(F, N), x_rows, da, depth)
        add_transposed_product(grad[end : end + H * N].reshape(H, N), h, dq, depth)
        end += H * N
        add_sum(grad[end : end + N].reshape(1, N), da, depth)
        add_sum(grad[end + N : end + 2 * N].reshape(1, N), dq, depth)

    @compiled
    def backward(x, lengths, bptt_steps, w_ih_t, w_hh_t, states, saved, doutputs, dstates, dx, grad, at):
        """`doutputs` those of every output, or empty; `dstates` (S, B, H) of the last states in, of the first out.

        `grad` receives the slopes of w_ih, w_hh, b_ih and b_hh from offset `at` on; `dx`, unless empty, those of x.
        """
        T, B, F = x.shape
        H, width, lanes, N = states.shape[3], tile_width(x), n_lanes(x), G * states.shape[3]
        da_rows = np.empty((DEPTH, N + ODD), x.dtype)
        dq_rows = da_rows if alike else np.empty((DEPTH, N + ODD), x.dtype)
        h_rows, x_rows = np.empty((DEPTH, H + ODD), x.dtype), np.empty((DEPTH, F), x.dtype)
        da, dq, h = da_rows[:, :N], dq_rows[:, :N], h_rows[:, :H]
        ds, zero = np.empty((BLOCK, S * H), x.dtype), np.zeros((1, F + width), x.dtype)
        inputs, outputs, kept = x.reshape(T * B, F), states.reshape(S * (T + 1) * B, H), saved.reshape(-1, H)
        v_ih, v_hh, state_step = w_ih_t.reshape(-1, width), w_hh_t.reshape(-1, width), (T + 1) * B
        dout, d_inputs, filled = doutputs.reshape(-1, H), dx.reshape(-1, dx.shape[2]), 0
        grad[at : at + (F + H + 2) * N] = 0
        for low in range(0, B, BLOCK):
            rows = min(BLOCK, B - low)
            for r in range(rows):
                for s in range(S):
                    ds[r, s * H : (s + 1) * H] = dstates[s, low + r]
            begin, n = 0, 0  # rows begin..n of the block run at this step
            for t in range(lengths[low] - 1, -1, -1):
                while n < rows and lengths[low + n] > t:
                    n += 1
                while begin < n and lengths[low + begin] > t + bptt_steps:
                    begin += 1
                if begin == n:
                    continue
                if filled + n - begin > DEPTH:
                    collect(grad, at, x_rows, h, da, dq, filled)
                    filled = 0
                for r in range(begin, n):
                    row, slot = t * B + low + r, filled + r - begin
                    for f in range(F):
                        x_rows[slot, f] = inputs[row, f]
                    for j in range(0, H, lanes):
                        store(h, slot, j, load(outputs, row, j))
                        if dout.shape[0] > 0:
                            store(ds, r, j, load(ds, r, j) + load(dout, row, j))
                        kept_j, old_j = (
                            load_rows(kept, V, row * V, j, 1, 0),
                            load_rows(outputs, S, row, j, state_step, 0),
                        )
                        slopes_a, slopes_q, slopes_old = rule(kept_j, old_j, load_rows(ds, S, r, j, 0, H))
                        store_rows(da, slopes_a, slot, j, 0, H)
                        if not alike:
                            store_rows(dq, slopes_q, slot, j, 0, H)
                        store_rows(ds, slopes_old, r, j, 0, H)
                for column in range(0, H, width):
                    product(ds, begin, column, ds, begin, 1, dq, filled, N, v_hh, column // width * N, n - begin)
                if d_inputs.shape[0] > 0:
                    first = t * B + low + begin
                    for column in range(0, d_inputs.shape[1], width):
                        v = column // width * N
                        product(d_inputs, first, column, zero, 0, 0, da, filled, N, v_ih, v, n - begin)
                filled += n - begin
            for r in range(rows):
                for s in range(S):
                    dstates[s, low + r] = ds[r, s * H : (s + 1) * H]
        collect(grad, at, x_rows, h, da, dq, filled)

    return backward
