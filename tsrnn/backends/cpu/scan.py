"""The recurrence in time, forward and backward, for any cell: loops over blocks of rows that know no mathematics.

Arrays are time-major. `x` (T, B, F) inputs, `states` (S, T + 1, B, H) with the initial states at time 0, `saved`
(T, B, V, H) what the backward rule needs. Rows are sorted by length, longest first, so the rows that still run at a
step are the first ones of a block; past the end of a row nothing is read or written: the last state of row b is
states[:, lengths[b], b]. Weights come in panels (see `packing`).

Inside, every array is seen as a matrix made before the loops: a view made in a loop costs as much as the work on a row.
"""

from functools import cache

import numpy as np
from numba.extending import register_jitable

from tsrnn.backends.compiling import compiled
from tsrnn.backends.cpu.packing import units_of
from tsrnn.backends.cpu.simd import (
    BITS,
    load,
    load_rows,
    n_lanes,
    of_any_layout,
    store,
    store_rows,
    tile_width,
)
from tsrnn.backends.cpu.tiles import (
    add_gates,
    add_product,
    load_tile,
    repeat,
    store_sums,
    store_tile,
)
from tsrnn.rules.naming import distinct

BLOCK = 48  # rows that go through time together: their gates stay in the cache
DEPTH = 3 * BLOCK  # rows collected before they are multiplied into the weight gradients
ODD = 16  # numbers that keep rows from lying a power of two apart, where they would share the same few lines of a cache


MOST = 12 if BITS == 512 else 6  # rows of a tile: as many as leave a register for each factor


def make_tile_update(n):
    @register_jitable
    @distinct(f"update_{n}")
    def update(C, c, column, start, s, step, A, a, width, n_p, V, v, q, n_q, w):
        tile = load_tile(start, s, column, n, step)
        for p in range(n_p):
            tile = add_product(tile, A, p * DEPTH + a, V, v + p * width, 0, width)
        for p in range(n_q):
            tile = add_product(tile, A, (q + p) * DEPTH + a, V, w + p * width, 0, width)
        store_tile(C, c, column, tile)

    return update


FEW = MOST // 3  # each size of a tile costs seconds of compilation
update_most, update_few, update_1 = map(make_tile_update, (MOST, FEW, 1))

# No tuples of arguments below: unpacking one that holds arrays counts their references, at every call.


# Kernels call `product` themselves, not through each other's helpers: numba compiles it once more for those.


@register_jitable
def product(C, c, column, start, s, step, A, a, rows, width, n_p, V, v, q, n_q, w):
    """C[c : c + rows] = start + A @ V, one tile's width of columns, where the rows of A, from `a` on, stand in panels
    of `width` columns, DEPTH rows apart: the first `n_p` of them times V[v:], and `n_q` from panel `q` on times V[w:].

    `step` 0 starts every row from the same one, a bias; A comes `of_any_layout`.
    """
    i = 0
    while rows - i >= MOST:
        update_most(
            C, c + i, column, start, s + step * i, step, A, a + i, width, n_p, V, v, q, n_q, w
        )
        i += MOST
    while rows - i >= FEW:
        update_few(
            C, c + i, column, start, s + step * i, step, A, a + i, width, n_p, V, v, q, n_q, w
        )
        i += FEW
    while i < rows:
        update_1(C, c + i, column, start, s + step * i, step, A, a + i, width, n_p, V, v, q, n_q, w)
        i += 1


@register_jitable
def add_sum(c, A, depth):
    """c[0] += the sum of the first rows of A."""
    for column in range(0, c.shape[1], n_lanes(c)):
        total = load(c, 0, column)
        for r in range(depth):
            total = total + load(A, r, column)
        store(c, 0, column, total)


def kept(function):
    """`function` under its name in this module.

    A kernel that closes over a function is found in the cache of machine code if that function has a name in its
    module: otherwise the function goes into the key by value, and the intrinsics in it are new in every process.
    """
    return globals().setdefault(function.__name__, function)


def make_step(cell, n):
    """One step of `n` rows and one group of units: sums in registers, then the rule while they are in the cache."""
    G, S, V, together, rule, U = *cell[1:5], cell.forward, units_of(cell)
    n_started = U * (2 * G - together)
    shift = G - together

    @register_jitable
    @distinct(f"step_{cell.name}_{n}")
    def step(
        scratch,
        bias,
        p,
        inputs,
        at,
        F,
        v_ih,
        outputs,
        now,
        then,
        H,
        v_hh,
        state_step,
        kept,
        keep,
        lanes,
    ):
        sums = repeat(bias, p, n, n_started)
        for k in range(F):
            sums = add_gates(sums, inputs, at, k, v_ih, p * F + k, n, U, G, together, 0)
        for k in range(H):
            sums = add_gates(sums, outputs, now, k, v_hh, p * H + k, n, U, G, together, shift)
        store_sums(scratch, sums, G, together)
        for i in range(n):
            for u in range(U):
                j = (p * U + u) * lanes
                a = load_rows(scratch, G, i * U + u, 0, 0, lanes)
                q = load_rows(scratch, G, i * U + u, G * lanes, 0, lanes)
                new, saved = rule(a, q, load_rows(outputs, S, now + i, j, state_step, 0))
                store_rows(outputs, new, then + i, j, state_step, 0)
                store_rows(kept, saved, (keep + i) * V, j, 1, 0)

    return kept(step)


@cache
def make_forward(cell):
    G = cell.n_gates
    S = cell.n_states
    U = units_of(cell)
    n_sums = 2 * cell.n_gates - cell.n_summed_gates
    most = (24 if BITS == 512 else 12) // (U * n_sums)
    step_most = make_step(cell, most)
    step_2 = make_step(cell, 2)
    step_1 = make_step(cell, 1)

    @compiled
    @distinct(f"forward_{cell.name}")
    def forward(x, lengths, w_ih, w_hh, bias, states, saved):
        T, B, F = x.shape
        n_slots = states.shape[1]
        H = states.shape[3]
        kept_steps = saved.shape[0]
        lanes = n_lanes(x)
        scratch = np.zeros((most * U, 2 * G * lanes), x.dtype)
        inputs = x.reshape(T * B, F)
        outputs = states.reshape(S * n_slots * B, H)
        kept = saved.reshape(-1, H)
        v_ih = w_ih.reshape(-1, U * G * lanes)
        v_hh = w_hh.reshape(-1, U * G * lanes)
        apart = n_slots * B
        for low in range(0, B, BLOCK):
            n = min(BLOCK, B - low)
            for t in range(lengths[low]):
                while lengths[low + n - 1] <= t:
                    n -= 1
                at = t * B + low
                keep = min(t, kept_steps - 1) * B + low
                now = t % n_slots * B + low
                then = (t + 1) % n_slots * B + low
                for p in range(bias.shape[0]):
                    r = 0
                    while n - r >= most:
                        step_most(
                            scratch, bias, p, inputs, at + r, F, v_ih,
                            outputs, now + r, then + r, H, v_hh, apart, kept, keep + r, lanes,
                        )  # fmt: skip
                        r += most
                    while n - r >= 2:
                        step_2(
                            scratch, bias, p, inputs, at + r, F, v_ih,
                            outputs, now + r, then + r, H, v_hh, apart, kept, keep + r, lanes,
                        )  # fmt: skip
                        r += 2
                    if n - r == 1:
                        step_1(
                            scratch, bias, p, inputs, at + r, F, v_ih,
                            outputs, now + r, then + r, H, v_hh, apart, kept, keep + r, lanes,
                        )  # fmt: skip

    return forward


@cache
def make_backward(cell):
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.backward
    alone = G - together  # gates whose da and dq differ

    @compiled
    @distinct(f"backward_{cell.name}")
    def backward(
        x, lengths, bptt_steps, w_ih_t, w_hh_t, states, saved, doutputs, dstates, dx, grad, at
    ):
        """`doutputs` those of every output, or empty; `dstates` (S, B, H) of the last states in, of the first out.

        `grad` receives the slopes of w_ih, b_ih, w_hh and b_hh from offset `at` on; `dx`, unless empty, those of x.
        """
        T, B, F = x.shape
        H = states.shape[3]
        width = tile_width(x)
        lanes = n_lanes(x)
        N = G * states.shape[3]
        # A row collected is [x, 1, h, 1] in `seen`; its da, then dq where that differs, stand in panels in D.
        seen = np.empty((DEPTH, F + H + 2 + ODD), x.dtype)
        D = np.empty(((G + alone) * H // width * DEPTH, width), x.dtype)
        seen[:, F], seen[:, F + 1 + H], gate = 1, 1, H // width * DEPTH
        shared = together * H // width
        extra = alone * H // width
        collected = of_any_layout(seen.T)
        panels = of_any_layout(D)
        ds = np.empty((BLOCK, S * H), x.dtype)
        zero = np.zeros((1, F + width), x.dtype)
        inputs = x.reshape(T * B, F)
        outputs = states.reshape(S * (T + 1) * B, H)
        kept = saved.reshape(-1, H)
        v_ih = w_ih_t.reshape(-1, width)
        v_hh = w_hh_t.reshape(-1, width)
        state_step = (T + 1) * B
        dout = doutputs.reshape(-1, H)
        d_inputs = dx.reshape(-1, dx.shape[2])
        last = dstates.reshape(S * B, H)
        C = grad[at : at + (F + H + 2) * N].reshape(F + H + 2, N)
        C[:], filled = 0, 0
        for low in range(0, B, BLOCK):
            rows = min(BLOCK, B - low)
            for r in range(rows):
                for j in range(0, H, lanes):
                    store_rows(ds, load_rows(last, S, low + r, j, B, 0), r, j, 0, H)
            begin = 0  # rows begin..n of the block run at this step
            n = 0
            for t in range(lengths[low] - 1, -1, -1):
                while n < rows and lengths[low + n] > t:
                    n += 1
                while begin < n and lengths[low + begin] > t + bptt_steps:
                    begin += 1
                for r in range(begin, n):
                    row = t * B + low + r
                    slot = filled + r - begin
                    for f in range(F):
                        seen[slot, f] = inputs[row, f]
                    for j in range(0, H, lanes):
                        store(seen, slot, F + 1 + j, load(outputs, row, j))
                        if dout.shape[0] > 0:
                            store(ds, r, j, load(ds, r, j) + load(dout, row, j))
                        kept_j = load_rows(kept, V, row * V, j, 1, 0)
                        old_j = load_rows(outputs, S, row, j, state_step, 0)
                        slopes_a, slopes_q, slopes_old = rule(
                            kept_j, old_j, load_rows(ds, S, r, j, 0, H)
                        )
                        place = j // width * DEPTH + slot
                        store_rows(D, slopes_a, place, j % width, gate, 0)
                        if alone:
                            store_rows(D, slopes_q[together:], G * gate + place, j % width, gate, 0)
                        store_rows(ds, slopes_old, r, j, 0, H)
                for column in range(0, H, width):
                    v = column // width * N
                    product(
                        ds, begin, column, ds, begin, 1, panels, filled, n - begin,
                        width, shared, v_hh, v, shared + extra, extra, v + together * H,
                    )  # fmt: skip
                if d_inputs.shape[0] > 0:
                    first = t * B + low + begin
                    for column in range(0, d_inputs.shape[1], width):
                        product(
                            d_inputs, first, column, zero, 0, 0, panels, filled, n - begin,
                            width, shared + extra, v_ih, column // width * N, 0, 0, 0,
                        )  # fmt: skip
                filled += n - begin
                if filled > DEPTH - BLOCK or (t == 0 and low + BLOCK >= B):
                    # Add them to the slopes C of w_ih, b_ih, w_hh and b_hh: those of [x, 1, h, 1].
                    for p in range(shared + extra):
                        n_rows = F + H + 2 if p < shared else F + 1
                        column = p * width
                        product(
                            C, 0, column, C, 0, 1, collected, 0, n_rows, filled, 1, D, p * DEPTH, 0, 0, 0,
                        )  # fmt: skip
                    for p in range(shared, shared + extra):
                        first = (p + extra) * DEPTH
                        product(
                            C, F + 1, p * width, C, F + 1, 1, collected, F + 1, H + 1, filled, 1, D, first, 0, 0, 0,
                        )  # fmt: skip
                    filled = 0
            for r in range(rows):
                for j in range(0, H, lanes):
                    store_rows(last, load_rows(ds, S, r, j, 0, H), low + r, j, B, 0)

    return backward
