"""The recurrence in time, forward and backward, for any cell: loops over blocks of rows that know no mathematics.

Arrays are time-major. `x` (T, B, F) inputs, `states` (S, T + 1, B, H) with the initial states at time 0, `saved` (T,
B, V, H) what the backward
rule needs. Rows are sorted by length, longest first, so the rows that still run at a step are the first ones of a
block; past the end of a row
nothing is read or written: the last state of row b is states[:, lengths[b], b]. Weights come in panels (see `pack`).
"""

from functools import cache

import numpy as np
from numba.extending import register_jitable

from tsrnn.backends.compiling import compiled
from tsrnn.backends.simd import add_product, load, load_rows, load_tile, store, store_rows, store_tile, tile_width

BLOCK = 48  # rows that go through time together: their gates stay in the cache
DEPTH = 2 * BLOCK  # rows collected before they are multiplied into the weight gradients


def make_tile_update(n):
    @register_jitable
    def update(C, c, column, start, s, step, A, r, W, w_column, depth):
        tile = load_tile(start, s, column, n, step)
        store_tile(C, c, column, add_product(tile, A, r, W, w_column, depth))

    return update


update_6, update_4, update_2, update_1 = map(make_tile_update, (6, 4, 2, 1))


@register_jitable
def product(C, c, column, start, s, step, A, r, W, w_column, depth, rows):
    """C[c : c + rows] = start + A[r : r + rows] @ W for one tile's width of columns; `step` 0 starts every row from
    the same one.
    """
    i = 0
    while rows - i >= 6:
        update_6(C, c + i, column, start, s + step * i, step, A, r + i, W, w_column, depth)
        i += 6
    if rows - i >= 4:
        update_4(C, c + i, column, start, s + step * i, step, A, r + i, W, w_column, depth)
        i += 4
    if rows - i >= 2:
        update_2(C, c + i, column, start, s + step * i, step, A, r + i, W, w_column, depth)
        i += 2
    if rows - i >= 1:
        update_1(C, c + i, column, start, s + step * i, step, A, r + i, W, w_column, depth)


@register_jitable
def add_transposed_product(C, A, B, depth):
    """C += A[:depth].T @ B[:depth]: a weight gradient from collected rows."""
    transposed, width = A.T, tile_width(C)
    for column in range(0, C.shape[1], width):
        product(C, 0, column, C, 0, 1, transposed, 0, B, column, depth, C.shape[0])


@register_jitable
def add_sum(c, A, depth):
    """c[0] += the sum of the first rows of A."""
    for column in range(0, c.shape[1], tile_width(c) // 2):
        total = load(c, 0, column)
        for r in range(depth):
            total = total + load(A, r, column)
        store(c, 0, column, total)


@register_jitable
def copy_row(target, r, source, s):
    for column in range(source.shape[1]):
        target[r, column] = source[s, column]


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
    G, S, gates_add, rule = cell.n_gates, cell.n_states, cell.gates_add, cell.forward

    @compiled
    def forward(x, lengths, w_ih, w_hh, b_ih, b_hh, states, saved):
        B, F, H = x.shape[1], x.shape[2], states.shape[3]
        width, N = tile_width(x), G * H
        a_gates, q_gates = np.empty((BLOCK, G, H), x.dtype), np.empty((BLOCK, G, H), x.dtype)
        a, q = a_gates.reshape(BLOCK, N), q_gates.reshape(BLOCK, N)
        bias_a, bias_q, bias_gates = b_ih.reshape(1, N), b_hh.reshape(1, N), b_hh.reshape(G, H)
        for low in range(0, B, BLOCK):
            n = min(BLOCK, B - low)
            for t in range(lengths[low]):
                while lengths[low + n - 1] <= t:
                    n -= 1
                inputs, outputs, kept = x[t], states[0, t], saved[min(t, saved.shape[0] - 1)]
                for p in range(w_hh.shape[0]):
                    column = p * width
                    product(a, 0, column, bias_a, 0, 0, inputs, low, w_ih[p], 0, F, n)
                    if gates_add:
                        product(a, 0, column, a, 0, 1, outputs, low, w_hh[p], 0, H, n)
                    else:
                        product(q, 0, column, bias_q, 0, 0, outputs, low, w_hh[p], 0, H, n)
                for r in range(n):
                    q_row, a_row, row = bias_gates if gates_add else q_gates[r], a_gates[r], low + r
                    old, new, kept_row = states[:, t, row], states[:, t + 1, row], kept[row]
                    for j in range(0, H, width // 2):
                        values, keep = rule(load_rows(a_row, G, j), load_rows(q_row, G, j), load_rows(old, S, j))
                        store_rows(new, values, j)
                        store_rows(kept_row, keep, j)

    return forward


@cache
def make_backward(cell):
    G, S, V, gates_add, rule = cell.n_gates, cell.n_states, cell.n_saved, cell.gates_add, cell.backward

    @register_jitable
    def collect(grad, at, inputs, outputs, da, dq, depth):
        """Add the collected rows to the slopes of w_ih, w_hh, b_ih and b_hh, which begin at `at`."""
        F, H, N = inputs.shape[1], outputs.shape[1], da.shape[1]
        end = at + F * N
        add_transposed_product(grad[at:end].reshape(F, N), inputs, da, depth)
        add_transposed_product(grad[end : end + H * N].reshape(H, N), outputs, dq, depth)
        end += H * N
        add_sum(grad[end : end + N].reshape(1, N), da, depth)
        add_sum(grad[end + N : end + 2 * N].reshape(1, N), dq, depth)

    @compiled
    def backward(x, lengths, bptt_steps, w_ih_t, w_hh_t, states, saved, doutputs, dstates, dx, grad, at):
        """`doutputs` slopes of every output, or empty; `dstates` (S, B, H) slopes of the last states in, of the first out.

        `grad` receives the slopes of w_ih, w_hh, b_ih and b_hh from offset `at` on; `dx`, unless empty, those of x.
        """
        B, F, H = x.shape[1], x.shape[2], states.shape[3]
        width, N = tile_width(x), G * H
        da_gates = np.empty((DEPTH, G, H), x.dtype)
        dq_gates = da_gates if gates_add else np.empty((DEPTH, G, H), x.dtype)
        da, dq = da_gates.reshape(DEPTH, N), dq_gates.reshape(DEPTH, N)
        inputs, outputs = np.empty((DEPTH, F), x.dtype), np.empty((DEPTH, H), x.dtype)
        ds, zero = np.empty((BLOCK, S, H), x.dtype), np.zeros((1, F + width), x.dtype)
        dh, filled = ds.reshape(BLOCK, S * H), 0
        grad[at : at + (F + H + 2) * N] = 0
        for low in range(0, B, BLOCK):
            rows = min(BLOCK, B - low)
            for r in range(rows):
                ds[r] = dstates[:, low + r]
            begin, n = 0, 0  # rows begin..n of the block run at this step
            for t in range(lengths[low] - 1, -1, -1):
                while n < rows and lengths[low + n] > t:
                    n += 1
                while begin < n and lengths[low + begin] > t + bptt_steps:
                    begin += 1
                if begin == n:
                    continue
                if filled + n - begin > DEPTH:
                    collect(grad, at, inputs, outputs, da, dq, filled)
                    filled = 0
                for r in range(begin, n):
                    row, slot = low + r, filled + r - begin
                    copy_row(inputs, slot, x[t], row)
                    copy_row(outputs, slot, states[0, t], row)
                    if doutputs.shape[0] > 0:
                        for j in range(0, H, width // 2):
                            store(dh, r, j, load(dh, r, j) + load(doutputs[t], row, j))
                    ds_row, old, kept = ds[r], states[:, t, row], saved[t, row]
                    for j in range(0, H, width // 2):
                        kept_j, old_j, ds_j = load_rows(kept, V, j), load_rows(old, S, j), load_rows(ds_row, S, j)
                        slopes_a, slopes_q, slopes_old = rule(kept_j, old_j, ds_j)
                        store_rows(da_gates[slot], slopes_a, j)
                        if not gates_add:
                            store_rows(dq_gates[slot], slopes_q, j)
                        store_rows(ds_row, slopes_old, j)
                for p in range(w_hh_t.shape[0]):
                    product(dh, begin, p * width, dh, begin, 1, dq, filled, w_hh_t[p], 0, N, n - begin)
                if dx.shape[0] > 0:
                    for p in range(w_ih_t.shape[0]):
                        product(dx[t], low + begin, p * width, zero, 0, 0, da, filled, w_ih_t[p], 0, N, n - begin)
                filled += n - begin
            for r in range(rows):
                dstates[:, low + r] = ds[r]
        collect(grad, at, inputs, outputs, da, dq, filled)

    return backward
