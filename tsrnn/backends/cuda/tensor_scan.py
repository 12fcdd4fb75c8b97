"""The recurrence on tensor cores, for many rows: a block takes one or two left tiles of them through their steps.

Factors k of a product may come in any order, so they are numbered such that the numbers of a tile of sums stand where
those of a left tile do: what a lane has made of a step's sums, it alone stores as factors of the next step, four side
by side. Weights are read from memory at every step, tile by tile in the order of the lanes, and serve all left tiles of
the block, which stand side by side. Arguments are those of `scan`'s kernels.
"""

from functools import cache

import numba
import numpy as np
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda import tensor
from tsrnn.backends.cuda.launching import (
    ALIGNMENT,
    SHARED_BYTES,
    SIMULATED,
    compiled,
    launch,
    launch_over,
    scratch,
)
from tsrnn.backends.cuda.load_tuple import load_tuple, zeros

ROWS = 16  # of a left tile
FEWEST_ROWS = 2048  # of a batch: half a large GPU's multiprocessors have a block then
FEWEST_ROWS_OF_TWO = 2 * ROWS * (1 if SIMULATED else 132)  # all of them have one of two left tiles
FEWEST_UNITS = 64
MOST_WARPS = 2 if SIMULATED else 8


def fits(H, numbers_per_row, B, dtype):
    """Whether tensor cores are there and worth it, and shared memory holds the factors of a block."""
    large = dtype == np.float32 and B >= FEWEST_ROWS and H >= FEWEST_UNITS
    return large and 4 * ROWS * numbers_per_row <= SHARED_BYTES and tensor.available()


def left_tiles(numbers_per_row, B):
    """Of a block: two halve what is read of the weights, where there are rows for that and room."""
    return 2 if B >= FEWEST_ROWS_OF_TWO and 2 * 4 * ROWS * numbers_per_row <= SHARED_BYTES else 1


@cache
def make_sorting(precision):
    stage = tensor.ROUNDINGS[precision].stage
    zero = np.float32(0)

    @compiled
    def sort(W, K, out):
        """Tile (k, n) of W (K, N), padded with zeros: number (n * depth + k) * 64 on."""
        depth = (W.shape[0] + 7) // 8
        for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
            lane = i % 32
            second = i // 32 % 2
            tile = i // 64
            k = tile % depth * 8 + lane % 4 * 2 + second
            out[i] = stage(W[k, tile // depth * 8 + lane // 4]) if k < K else zero

    return sort


def in_tiles(precision, W, name):
    """W (K, N) as right tiles, end to end."""
    K, N = W.shape
    n = -(-K // 8) * 8 * N
    out = scratch(name, n, W.dtype)[:n]
    launch_over(make_sorting(precision), n, W, K, out)
    return out


def unrolled(n, work):
    """work(0, ...), ..., work(n - 1, ...): a loop that is left as one cannot look into registers."""
    if n == 1:
        return register_jitable(lambda *args: work(0, *args))
    before = unrolled(n - 1, work)

    @register_jitable
    def all_of_it(*args):
        before(*args)
        work(n - 1, *args)

    return all_of_it


@cache
def make_adding(precision, G, together, shift, m):
    """For a tile of units of each of G gates: sums += left tiles from `place` on, m for each k, @ right tiles of W.

    Sums of gates from `together` on are `shift` gates further.
    """
    add_tiles = tensor.ROUNDINGS[precision].add

    @register_jitable
    def add(sums, first, shared, place, depth, W, tile, apart, lane):
        """To sums from `first` on; `tile` of the first gate, that of the next one `apart` further."""
        for k in range(depth):
            for g in range(G):
                right = ((tile + g * apart) * depth + k) * 64 + lane
                s = g if g < together else g + shift
                b0 = W[right]
                b1 = W[right + 32]
                for j in range(m):
                    at = (place // 4 + (k * m + j) * 32 + lane) * 4
                    a0 = shared[at]
                    a1 = shared[at + 1]
                    a2 = shared[at + 2]
                    a3 = shared[at + 3]
                    add_tiles(sums, first + (s * m + j) * 4, a0, a1, a2, a3, b0, b1)

    return add


@cache
def make_forward(cell, H, precision, m):
    """For blocks of m left tiles."""
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.forward
    apart = G - together  # numbers of a lane for each tile of units
    tiles = H // 8
    rows = ROWS * m
    each = 4 * m
    n_sums = each * (2 * G - together)
    n_old = each * S
    n_warps = min(tiles, MOST_WARPS)
    zero = np.float32(0)
    stage = tensor.ROUNDINGS[precision].stage
    gates = load_tuple(G)
    picked = load_tuple(S)
    no_q = zeros(together)
    last_q = load_tuple(max(apart, 1))
    add_inputs = make_adding(precision, G, G, 0, m)
    add_states = make_adding(precision, G, together, apart, m)

    @register_jitable
    def input_of(i):
        """Row and column that stand at number i of the left tiles."""
        return i // 128 % m * 16 + i // 16 % 8 + i % 2 * 8, i // (
            128 * m
        ) * 8 + i // 4 % 4 * 2 + i % 4 // 2

    @register_jitable
    def finish(i, sums, old, shared, place, t, row, unit, runs, states, saved):
        """Number i of the lane's: the rule, and what comes of it."""
        a = gates(sums, i, each)
        q = no_q(zero)
        if apart > 0:
            q = q + last_q(sums, each * G + i, each)
        new, kept = rule(a, q, picked(old, i, each))
        shared[place + i // 4 * 128 + i // 2 % 2 + i % 2 * 2] = stage(new[0])
        if runs:
            for s in range(S):
                states[s, (t + 1) % states.shape[1], row, unit + i % 2] = new[s]
            for v in range(V):
                saved[min(t, saved.shape[0] - 1), row, v, unit + i % 2] = kept[v]

    @register_jitable
    def finish_tile(j, sums, old, shared, place, t, first, unit, lengths, states, saved):
        """Those of left tile j, two rows and two units; `first` row of the lane."""
        B = lengths.shape[0]
        upper = min(first + j * 16, B - 1)
        lower = min(first + j * 16 + 8, B - 1)
        upper_runs = first + j * 16 < B and t < lengths[upper]
        lower_runs = first + j * 16 + 8 < B and t < lengths[lower]
        finish(j * 4, sums, old, shared, place, t, upper, unit, upper_runs, states, saved)
        finish(j * 4 + 1, sums, old, shared, place, t, upper, unit, upper_runs, states, saved)
        finish(j * 4 + 2, sums, old, shared, place, t, lower, unit, lower_runs, states, saved)
        finish(j * 4 + 3, sums, old, shared, place, t, lower, unit, lower_runs, states, saved)

    def forward(x, lengths, w_ih, w_hh, bias, states, saved):
        shared = cuda.shared.array(0, numba.float32, ALIGNMENT)
        sums = cuda.local.array(n_sums, numba.float32)
        old = cuda.local.array(n_old, numba.float32)
        _, B, F = x.shape
        n_inputs = (F + 7) // 8 * 8 * rows
        low = cuda.blockIdx.x * rows
        thread = cuda.threadIdx.x
        n_threads = cuda.blockDim.x
        lane = cuda.threadIdx.x % 32
        warp = cuda.threadIdx.x // 32
        first = low + lane // 4
        # Outputs before the step and after it, inputs of this step and the next, as left tiles.
        now = 0
        then = rows * H
        seen = 2 * rows * H
        seen_then = 2 * rows * H + n_inputs
        for n in range(warp, tiles, n_warps):
            for i in range(each):
                row = min(first + i // 2 * 8, B - 1)
                place = now + n * 8 * rows + lane * 4
                value = states[0, 0, row, n * 8 + lane % 4 * 2 + i % 2]
                shared[place + i // 4 * 128 + i // 2 % 2 + i % 2 * 2] = stage(value)
        for i in range(thread, n_inputs, n_threads):
            r, f = input_of(i)
            shared[seen + i] = stage(x[0, min(low + r, B - 1), f]) if f < F else zero
            shared[seen_then + i] = zero
        cuda.syncthreads()
        # Of the inputs of the next step the first that is this thread's is long under way.
        ahead_row, ahead_f = input_of(thread)
        ahead_row = min(low + ahead_row, B - 1)
        for t in range(lengths[low]):
            following = min(t + 1, lengths[low] - 1)
            ahead = zero
            if thread < n_inputs and ahead_f < F:
                ahead = x[following, ahead_row, ahead_f]
            for n in range(warp, tiles, n_warps):
                unit = n * 8 + lane % 4 * 2
                for s in range(S):  # asked for before the products, needed after them
                    for i in range(each):
                        row = min(first + i // 2 * 8, B - 1)
                        old[s * each + i] = states[s, t % states.shape[1], row, unit + i % 2]
                for g in range(G):
                    for i in range(each):
                        sums[g * each + i] = bias[0, g * H + unit + i % 2]
                        if g < together:
                            sums[g * each + i] += bias[1, g * H + unit + i % 2]
                        else:
                            sums[(g + apart) * each + i] = bias[1, g * H + unit + i % 2]
                add_inputs(sums, 0, shared, seen, (F + 7) // 8, w_ih, n, tiles, lane)
                add_states(sums, 0, shared, now, tiles, w_hh, n, tiles, lane)
                place = then + n * 8 * rows + lane * 4
                finish_tile(0, sums, old, shared, place, t, first, unit, lengths, states, saved)
                if m == 2:
                    finish_tile(1, sums, old, shared, place, t, first, unit, lengths, states, saved)
            for i in range(thread, n_inputs, n_threads):
                r, f = input_of(i)
                if f < F:
                    shared[seen_then + i] = stage(
                        ahead if i == thread else x[following, min(low + r, B - 1), f]
                    )
            now, then, seen, seen_then = then, now, seen_then, seen
            cuda.syncthreads()

    return compiled(forward, 32 * n_warps)


def numbers_forward(cache):
    """Of a row in shared memory."""
    return 2 * (cache.states.shape[3] + -(-cache.x.shape[2] // 8) * 8)


def suits_forward(cell, cache):
    B, H = cache.states.shape[2:]
    return fits(H, numbers_forward(cache), B, cache.x.dtype)


def forward(precision, cell, lengths, weights, cache):
    x, states, saved = cache
    B, H = states.shape[2:]
    numbers = numbers_forward(cache)
    m = left_tiles(numbers, B)
    rows = ROWS * m
    w_ih = in_tiles(precision, weights.input, "tiles of w_ih")
    w_hh = in_tiles(precision, weights.recurrent, "tiles of w_hh")
    arrays = x, lengths, w_ih, w_hh, weights.bias, states, saved
    kernel = make_forward(cell, H, precision, m)
    launch(kernel, -(-B // rows), 32 * min(H // 8, MOST_WARPS), *arrays, shared=4 * rows * numbers)


@cache
def make_backward(cell, H, precision, m):
    """For blocks of m left tiles. Slopes of the states stay in registers of the lane that has them as sums."""
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.backward
    apart = G - together  # numbers of a lane for each tile of units
    tiles = H // 8
    rows = ROWS * m
    each = 4 * m
    n_warps = min(tiles, MOST_WARPS)
    stage = tensor.ROUNDINGS[precision].stage
    per_warp = -(-tiles // n_warps)
    step = H * rows
    zero = np.float32(0)
    n_slopes = per_warp * S * each
    n_old = 4 * S
    n_kept = 4 * V
    picked = load_tuple(S)
    all_saved = load_tuple(V)
    add_slopes = make_adding(precision, 1, 1, 0, m)

    @register_jitable
    def finish(i, slopes, mine, old, kept, shared, place, t, row, unit, runs, doutputs, D):
        """Number i of the lane's four: the rule, and what comes of it."""
        factor = place + i // 2 + i % 2 * 2
        mine = mine + i
        if runs:
            if doutputs.shape[0] > 0:
                slopes[mine] += doutputs[t, row, unit + i % 2]
            of_new = picked(slopes, mine, each)
            of_a, of_q, of_old = rule(all_saved(kept, i, 4), picked(old, i, 4), of_new)
            for g in range(G):
                D[t, row, g, unit + i % 2] = of_a[g]
                shared[factor + g * step] = stage(of_q[g])
            for g in range(together, G):
                D[t, row, g + apart, unit + i % 2] = of_q[g]
            for s in range(S):
                slopes[mine + s * each] = of_old[s]
        else:
            for g in range(G):
                shared[factor + g * step] = zero

    @register_jitable
    def step_tile(
        p,
        slopes,
        old,
        kept,
        shared,
        t,
        first,
        warp,
        lane,
        lengths,
        bptt_steps,
        states,
        saved,
        doutputs,
        D,
    ):
        """Left tile p % m of the warp's tile p // m of units; `first` row of the lane."""
        B = lengths.shape[0]
        j = p % m
        n = warp + p // m * n_warps
        if n < tiles:
            unit = n * 8 + lane % 4 * 2
            place = (n * m + j) * 128 + lane * 4
            mine = p // m * S * each + j * 4
            upper = first + j * 16
            lower = first + j * 16 + 8
            upper_runs = upper < B and t < lengths[upper] and lengths[upper] <= t + bptt_steps
            lower_runs = lower < B and t < lengths[lower] and lengths[lower] <= t + bptt_steps
            upper = min(upper, B - 1)
            lower = min(lower, B - 1)
            for i in range(4):
                row = lower if i // 2 else upper
                for s in range(S):
                    old[s * 4 + i] = states[s, t, row, unit + i % 2]
                for v in range(V):
                    kept[v * 4 + i] = saved[t, row, v, unit + i % 2]
            finish(
                0, slopes, mine, old, kept, shared, place, t, upper, unit, upper_runs, doutputs, D
            )
            finish(
                1, slopes, mine, old, kept, shared, place, t, upper, unit, upper_runs, doutputs, D
            )
            finish(
                2, slopes, mine, old, kept, shared, place, t, lower, unit, lower_runs, doutputs, D
            )
            finish(
                3, slopes, mine, old, kept, shared, place, t, lower, unit, lower_runs, doutputs, D
            )

    @register_jitable
    def load_tile(q, slopes, dstates, first, warp, lane):
        B = dstates.shape[1]
        n = warp + q * n_warps
        if n < tiles:
            for s in range(S):
                for i in range(each):
                    row = min(first + i // 2 * 8, B - 1)
                    unit = n * 8 + lane % 4 * 2 + i % 2
                    slopes[(q * S + s) * each + i] = dstates[s, row, unit]

    @register_jitable
    def multiply_tile(q, slopes, shared, w_hh_t, warp, lane):
        n = warp + q * n_warps
        if n < tiles:
            add_slopes(slopes, q * S * each, shared, 0, G * tiles, w_hh_t, n, 0, lane)

    @register_jitable
    def store_tile(q, slopes, dstates, first, warp, lane):
        B = dstates.shape[1]
        n = warp + q * n_warps
        if n < tiles:
            for s in range(S):
                for i in range(each):
                    row = first + i // 2 * 8
                    unit = n * 8 + lane % 4 * 2 + i % 2
                    if row < B:
                        dstates[s, row, unit] = slopes[(q * S + s) * each + i]

    step_all = unrolled(per_warp * m, step_tile)
    load_all = unrolled(per_warp, load_tile)
    multiply_all = unrolled(per_warp, multiply_tile)
    store_all = unrolled(per_warp, store_tile)

    def backward(lengths, bptt_steps, w_hh_t, states, saved, doutputs, dstates, D):
        # slopes of what states add to gates, as left tiles
        shared = cuda.shared.array(0, numba.float32, ALIGNMENT)
        slopes = cuda.local.array(n_slopes, numba.float32)
        old = cuda.local.array(n_old, numba.float32)
        kept = cuda.local.array(n_kept, numba.float32)
        B = lengths.shape[0]
        low = cuda.blockIdx.x * rows
        lane = cuda.threadIdx.x % 32
        warp = cuda.threadIdx.x // 32
        first = low + lane // 4
        begin = max(lengths[min(low + rows, B) - 1] - bptt_steps, 0)
        load_all(slopes, dstates, first, warp, lane)
        for t in range(lengths[low] - 1, begin - 1, -1):
            step_all(
                slopes,
                old,
                kept,
                shared,
                t,
                first,
                warp,
                lane,
                lengths,
                bptt_steps,
                states,
                saved,
                doutputs,
                D,
            )
            cuda.syncthreads()
            multiply_all(slopes, shared, w_hh_t, warp, lane)
            cuda.syncthreads()
        store_all(slopes, dstates, first, warp, lane)

    return compiled(backward, 32 * n_warps)


def suits_backward(cell, states):
    B, H = states.shape[2:]
    return fits(H, cell.n_gates * H, B, states.dtype)


def backward(precision, cell, lengths, bptt_steps, w_hh_t, cache, gradients, D):
    """Into `D`, see `scan.make_backward`, and the gradients of the states."""
    B, H = cache.states.shape[2:]
    numbers = cell.n_gates * H
    m = left_tiles(numbers, B)
    rows = ROWS * m
    tiles = in_tiles(precision, w_hh_t, "tiles of w_hh_t")
    arrays = (
        lengths,
        bptt_steps,
        tiles,
        cache.states,
        cache.saved,
        gradients.outputs,
        gradients.states,
        D,
    )
    kernel = make_backward(cell, H, precision, m)
    launch(kernel, -(-B // rows), 32 * min(H // 8, MOST_WARPS), *arrays, shared=4 * rows * numbers)
