"""The recurrence with its weights in registers, where they fit: they are read once, not at every step.

Four threads side by side share the sums of four pairs of a row and a unit, each over a quarter of the factors; then
they exchange what they have, until each owns the sum of one pair. Where a unit has one gate the pairs are four units of
a row, otherwise four rows of a unit. Outputs and slopes stand in shared memory, a row after the other, its quarters
four numbers further apart, so that the four read from different banks. Arguments are those of `scan`'s kernels.
"""

import threading
from functools import cache

import numba
import numpy as np
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda.launching import ALIGNMENT, BUSY, SHARED_BYTES, SIMULATED, compiled, launch
from tsrnn.backends.cuda.load_tuple import load_tuple

REGISTERS = 65536  # of a multiprocessor and of a thread
MOST_REGISTERS = 255
OTHERS = 100  # registers of a thread for all but weights
MOST_ROWS = 4 if SIMULATED else 16
GAP = 4

if SIMULATED:
    sent = {}

    def exchange(value, mask):
        """What the thread whose number differs in the bits of `mask` gives."""
        thread = threading.current_thread()
        sent[thread.thread_id] = value
        thread.syncthreads()
        received = sent[thread.thread_id ^ mask]
        thread.syncthreads()
        return received

else:

    @register_jitable
    def exchange(value, mask):
        return cuda.shfl_xor_sync(0xFFFFFFFF, value, mask)


@register_jitable
def share_out(sums, half, lane, n, own):
    """own (n,) = over four lanes the sum of sums[lane * n : lane * n + n], of four times n numbers in each."""
    high = lane // 2 == 1
    odd = lane % 2 == 1
    for i in range(2 * n):
        kept, given = (sums[2 * n + i], sums[i]) if high else (sums[i], sums[2 * n + i])
        half[i] = kept + exchange(given, 2)
    for i in range(n):
        kept, given = (half[n + i], half[i]) if odd else (half[i], half[n + i])
        own[i] = kept + exchange(given, 1)


# A loop is unrolled, and what it indexes stays in registers, only while it is short: so these are called on four parts.


@register_jitable
def take_weights(w, w_hh, first, column, H, begin, end, units, G):
    for k in range(begin, end):
        for u in range(units):
            for g in range(G):
                w[(k * units + u) * G + g] = w_hh[first + k, g * H + column + u]


@register_jitable
def add_products(sums, w, shared, place, row_size, begin, end, side, units, G):
    """sums[m, u, g] += w[k, u, g] times number k of row m, the first of which begins at `place`."""
    for k in range(begin, end):
        for m in range(side):
            for u in range(units):
                for g in range(G):
                    sums[(m * units + u) * G + g] += (
                        w[(k * units + u) * G + g] * shared[place + m * row_size + k]
                    )


def units_of_thread(cell):
    return 4 if cell.n_gates == 1 else 1


def fits(cell, H, dtype):
    """Whether a thread's share of the weights fits into its registers, and blocks are whole warps."""
    units = units_of_thread(cell)
    threads = 4 * H // units
    weights = H * units * cell.n_gates // 4
    if dtype != np.float32 or threads % 32 or threads > 1024:
        return False
    return weights + OTHERS <= min(MOST_REGISTERS, REGISTERS // (-(-threads // 128) * 128))


def rows_of_block(cell, B, numbers_per_row):
    """As in `scan`, a multiple of the rows whose sums are made together; 0 if shared memory holds too few."""
    n = 4 // units_of_thread(cell)
    most = SHARED_BYTES // (4 * numbers_per_row)
    while 2 * n <= min(most, MOST_ROWS) and 2 * n * BUSY <= B:
        n *= 2
    return n if n <= most else 0


@cache
def make_forward(cell, H, projected):
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    rule = cell.forward
    units = units_of_thread(cell)
    quarter = H // 4
    side = 4 // units
    row_size = H + 4 * GAP
    n_weights = quarter * units * G
    n_sums = 4 * G
    n_half = 2 * G
    zero = np.float32(0)
    gates = load_tuple(G)
    picked = load_tuple(S)
    one = quarter // 4
    two = quarter // 2
    three = quarter * 3 // 4

    def forward(rows, x, projections, lengths, w_ih, w_hh, bias, states, saved):
        shared = cuda.shared.array(0, numba.float32, ALIGNMENT)
        w = cuda.local.array(n_weights, numba.float32)
        sums = cuda.local.array(n_sums, numba.float32)
        half = cuda.local.array(n_half, numba.float32)
        a = cuda.local.array(G, numba.float32)
        q = cuda.local.array(G, numba.float32)
        old = cuda.local.array(S, numba.float32)
        _, B, F = x.shape
        n_slots = states.shape[1]
        kept_steps = saved.shape[0]
        thread = cuda.threadIdx.x
        n_threads = cuda.blockDim.x
        low = cuda.blockIdx.x * rows
        lane = thread % 4
        base = thread // 4 * units
        unit, own = (base + lane, 0) if units == 4 else (base, lane)
        at = unit // quarter * (quarter + GAP) + unit % quarter
        take_weights(w, w_hh, lane * quarter, base, H, 0, one, units, G)
        take_weights(w, w_hh, lane * quarter, base, H, one, two, units, G)
        take_weights(w, w_hh, lane * quarter, base, H, two, three, units, G)
        take_weights(w, w_hh, lane * quarter, base, H, three, quarter, units, G)
        # Outputs before the step, after it, other states, inputs of this step and the next.
        now = 0
        then = rows * row_size
        others = 2 * rows * row_size
        seen = others + (S - 1) * rows * H
        seen_then = seen + F * rows
        for r in range(own, rows, side):
            row = min(low + r, B - 1)
            shared[now + r * row_size + at] = states[0, 0, row, unit]
            for s in range(1, S):
                shared[others + ((s - 1) * rows + r) * H + unit] = states[s, 0, row, unit]
        if not projected:
            for i in range(thread, F * rows, n_threads):
                shared[seen + i] = x[0, min(low + i % rows, B - 1), i // rows]
        cuda.syncthreads()
        for t in range(lengths[low]):
            following = min(t + 1, lengths[low] - 1)
            ahead = zero  # of the inputs of the next step, which are long under way
            if not projected and thread < F * rows:
                ahead = x[following, min(low + thread % rows, B - 1), thread // rows]
            for first in range(0, rows, side):
                r = first + own
                row = min(low + r, B - 1)
                for g in range(G):
                    a[g] = projections[t, row, g * H + unit] if projected else bias[0, g * H + unit]
                for i in range(n_sums):
                    sums[i] = zero
                place = now + first * row_size + lane * (quarter + GAP)
                add_products(sums, w, shared, place, row_size, 0, one, side, units, G)
                add_products(sums, w, shared, place, row_size, one, two, side, units, G)
                add_products(sums, w, shared, place, row_size, two, three, side, units, G)
                add_products(sums, w, shared, place, row_size, three, quarter, side, units, G)
                share_out(sums, half, lane, G, q)
                if not projected:
                    for f in range(F):
                        for g in range(G):
                            a[g] += w_ih[f, g * H + unit] * shared[seen + f * rows + r]
                for g in range(G):
                    q[g] += bias[1, g * H + unit]
                old[0] = shared[now + r * row_size + at]
                for s in range(1, S):
                    old[s] = shared[others + ((s - 1) * rows + r) * H + unit]
                new, kept = rule(gates(a, 0, 1), gates(q, 0, 1), picked(old, 0, 1))
                shared[then + r * row_size + at] = new[0]
                for s in range(1, S):
                    shared[others + ((s - 1) * rows + r) * H + unit] = new[s]
                if low + r < B and t < lengths[row]:
                    for s in range(S):
                        states[s, (t + 1) % n_slots, row, unit] = new[s]
                    for v in range(V):
                        saved[min(t, kept_steps - 1), row, v, unit] = kept[v]
            if not projected:
                for i in range(thread, F * rows, n_threads):
                    row = min(low + i % rows, B - 1)
                    shared[seen_then + i] = ahead if i == thread else x[following, row, i // rows]
            now, then, seen, seen_then = then, now, seen_then, seen
            cuda.syncthreads()

    return compiled(forward, 4 * H // units)


def rows_forward(cell, cache, projected):
    """Of a block, and the numbers of a row in shared memory."""
    B, H = cache.states.shape[2:]
    inputs = 0 if projected else 2 * cache.x.shape[2]
    numbers = 2 * (H + 4 * GAP) + (cell.n_states - 1) * H + inputs
    return rows_of_block(cell, B, numbers), numbers


def suits_forward(cell, cache, projected):
    rows, _ = rows_forward(cell, cache, projected)
    return fits(cell, cache.states.shape[3], cache.x.dtype) and rows > 0


def forward(cell, lengths, projections, weights, cache):
    """See `scan.forward`."""
    x, states, saved = cache
    B, H = states.shape[2:]
    projected = projections is not None
    rows, numbers = rows_forward(cell, cache, projected)
    arrays = x, projections if projected else x, lengths, *weights, states, saved
    threads = 4 * H // units_of_thread(cell)
    launch(
        make_forward(cell, H, projected),
        -(-B // rows),
        threads,
        rows,
        *arrays,
        shared=4 * rows * numbers,
    )


@cache
def make_backward(cell, H):
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.backward
    units = units_of_thread(cell)
    quarter = H * cell.n_gates // 4
    apart = cell.n_gates - cell.n_summed_gates
    side = 4 // units
    row_size = H * G + 4 * GAP
    n_weights = quarter * units
    zero = np.float32(0)
    picked = load_tuple(S)
    all_saved = load_tuple(V)
    one = quarter // 4
    two = quarter // 2
    three = quarter * 3 // 4

    def backward(rows, lengths, bptt_steps, w_hh_t, states, saved, doutputs, dstates, D):
        shared = cuda.shared.array(0, numba.float32, ALIGNMENT)
        w = cuda.local.array(n_weights, numba.float32)
        sums = cuda.local.array(4, numba.float32)
        half = cuda.local.array(2, numba.float32)
        total = cuda.local.array(1, numba.float32)
        old = cuda.local.array(S, numba.float32)
        kept = cuda.local.array(V, numba.float32)
        slopes = cuda.local.array(S, numba.float32)
        B = states.shape[2]
        thread = cuda.threadIdx.x
        n_threads = cuda.blockDim.x
        low = cuda.blockIdx.x * rows
        lane = thread % 4
        base = thread // 4 * units
        unit, own = (base + lane, 0) if units == 4 else (base, lane)
        take_weights(w, w_hh_t, lane * quarter, base, H, 0, one, units, 1)
        take_weights(w, w_hh_t, lane * quarter, base, H, one, two, units, 1)
        take_weights(w, w_hh_t, lane * quarter, base, H, two, three, units, 1)
        take_weights(w, w_hh_t, lane * quarter, base, H, three, quarter, units, 1)
        # Slopes of what the state adds to the gates at the step after, those of this step, slopes of the states.
        after = 0
        now = rows * row_size
        mine = 2 * rows * row_size
        for i in range(thread, 2 * rows * row_size, n_threads):
            shared[i] = zero
        for r in range(own, rows, side):
            for s in range(S):
                shared[mine + (s * rows + r) * H + unit] = dstates[s, min(low + r, B - 1), unit]
        begin = max(lengths[min(low + rows, B) - 1] - bptt_steps, 0)
        cuda.syncthreads()
        for t in range(lengths[low] - 1, begin - 2, -1):
            for first in range(0, rows, side):
                r = first + own
                row = min(low + r, B - 1)
                runs = (
                    low + r < B
                    and begin <= t
                    and t < lengths[row]
                    and lengths[row] <= t + bptt_steps
                )
                dout = zero
                for s in range(S):
                    old[s] = zero
                for v in range(V):
                    kept[v] = zero
                if runs:  # asked for before the sums, needed after them
                    for s in range(S):
                        old[s] = states[s, t, row, unit]
                    for v in range(V):
                        kept[v] = saved[t, row, v, unit]
                    if doutputs.shape[0] > 0:
                        dout = doutputs[t, row, unit]
                for i in range(4):
                    sums[i] = zero
                place = after + first * row_size + lane * (quarter + GAP)
                add_products(sums, w, shared, place, row_size, 0, one, side, units, 1)
                add_products(sums, w, shared, place, row_size, one, two, side, units, 1)
                add_products(sums, w, shared, place, row_size, two, three, side, units, 1)
                add_products(sums, w, shared, place, row_size, three, quarter, side, units, 1)
                share_out(sums, half, lane, 1, total)
                for s in range(S):
                    slopes[s] = shared[mine + (s * rows + r) * H + unit]
                slopes[0] += total[0] + dout
                of_a, of_q, of_old = rule(
                    all_saved(kept, 0, 1), picked(old, 0, 1), picked(slopes, 0, 1)
                )
                for g in range(G):
                    n = g * H + unit
                    at = now + r * row_size + n // quarter * (quarter + GAP) + n % quarter
                    shared[at] = of_q[g] if runs else zero
                for s in range(S):
                    shared[mine + (s * rows + r) * H + unit] = of_old[s] if runs else slopes[s]
                if runs:
                    for g in range(G):
                        D[t, row, g, unit] = of_a[g]
                    for g in range(together, G):
                        D[t, row, g + apart, unit] = of_q[g]
            after, now = now, after
            cuda.syncthreads()
        for r in range(own, rows, side):
            if low + r < B:
                for s in range(S):
                    dstates[s, low + r, unit] = shared[mine + (s * rows + r) * H + unit]

    return compiled(backward, 4 * H // units)


def rows_backward(cell, states):
    """Of a block, and the numbers of a row in shared memory."""
    B, H = states.shape[2:]
    numbers = 2 * (cell.n_gates * H + 4 * GAP) + cell.n_states * H
    return rows_of_block(cell, B, numbers), numbers


def suits_backward(cell, states):
    rows, _ = rows_backward(cell, states)
    return fits(cell, states.shape[3], states.dtype) and rows > 0


def backward(cell, lengths, bptt_steps, w_hh_t, cache, gradients, D):
    """See `scan.backward`."""
    B, H = cache.states.shape[2:]
    rows, numbers = rows_backward(cell, cache.states)
    arrays = (
        lengths,
        bptt_steps,
        w_hh_t,
        cache.states,
        cache.saved,
        gradients.outputs,
        gradients.states,
        D,
    )
    threads = 4 * H // units_of_thread(cell)
    launch(make_backward(cell, H), -(-B // rows), threads, rows, *arrays, shared=4 * rows * numbers)
