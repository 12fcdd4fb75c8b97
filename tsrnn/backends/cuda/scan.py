"""The recurrence in time, forward and backward, for any cell: a block takes a few rows through all of their steps.

Arrays are those of the CPU's scan, weights plain matrices. A thread owns units, so that the weights it loads serve all
rows of its block, whose outputs and slopes stand in shared memory, those of one unit side by side. Past the end of a
row nothing is read or written.
"""

from functools import cache

import numba
from numba import cuda

from tsrnn.backends.cuda.launching import ALIGNMENT, BUSY, SHARED_BYTES, SIMULATED, compiled, launch
from tsrnn.backends.cuda.load_tuple import load_tuple, zeros

MOST_THREADS = 16 if SIMULATED else 256
MOST_ROWS = 2 if SIMULATED else 8  # of a block


def rows_of_block(B, numbers_per_row, dtype):
    """A power of two: no more rows than shared memory holds, and few where there are not enough for all blocks."""
    n = 1
    most = SHARED_BYTES // (numbers_per_row * dtype.itemsize)
    if most == 0:
        raise ValueError(
            f"hidden_size must be so small that a row's {numbers_per_row} numbers fit into {SHARED_BYTES} bytes of the "
            f"GPU's shared memory; got {numbers_per_row * dtype.itemsize} bytes."
        )
    while n < MOST_ROWS and 2 * n <= most and 2 * n * BUSY <= B:
        n *= 2
    return n


@cache
def make_forward(cell, dtype, rows, projected):
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.forward
    apart = G - together
    n_sums = 2 * G - together
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)
    size = n_sums * rows
    all_gates = load_tuple(G)
    all_states = load_tuple(S)
    no_q = zeros(together)
    last_q = load_tuple(max(apart, 1))

    def forward(x, projections, lengths, w_ih, w_hh, bias, states, saved):
        """`projections` (T, B, G H) are what the input adds to every gate, where it is `projected`."""
        shared = cuda.shared.array(0, dtype, ALIGNMENT)
        sums = cuda.local.array(size, dtype)
        _, B, F = x.shape
        n_slots = states.shape[1]
        H = states.shape[3]
        kept_steps = saved.shape[0]
        thread = cuda.threadIdx.x
        n_threads = cuda.blockDim.x
        low = cuda.blockIdx.x * rows
        # States before the step, after it, inputs of this step and the next, sums of each thread.
        now = 0
        then = S * H * rows
        step = H * rows
        seen = 2 * S * H * rows
        seen_then = seen + F * rows
        mine = seen + thread + (0 if projected else 2 * F * rows)
        for r in range(rows):
            if low + r < B:
                for j in range(thread, H, n_threads):
                    for s in range(S):
                        shared[now + s * step + j * rows + r] = states[s, 0, low + r, j]
                if not projected:
                    for f in range(thread, F, n_threads):
                        shared[seen + f * rows + r] = x[0, low + r, f]
        cuda.syncthreads()
        for t in range(lengths[low]):
            ahead = zero  # of the inputs of the next step, which are long under way
            if (
                not projected
                and thread < F * rows
                and low + thread % rows < B
                and t + 1 < lengths[low]
            ):
                ahead = x[t + 1, low + thread % rows, thread // rows]
            for j in range(thread, H, n_threads):
                for g in range(G):
                    for r in range(rows):
                        sums[g * rows + r] = bias[0, g * H + j]
                        if projected:
                            sums[g * rows + r] = projections[t, min(low + r, B - 1), g * H + j]
                        if g < together:
                            sums[g * rows + r] += bias[1, g * H + j]
                        else:
                            sums[(g + apart) * rows + r] = bias[1, g * H + j]
                if not projected:
                    for k in range(F):
                        for g in range(G):
                            w = w_ih[k, g * H + j]
                            for r in range(rows):
                                sums[g * rows + r] += w * shared[seen + k * rows + r]
                for k in range(0, H, 4):
                    for i in range(4):
                        for g in range(G):
                            w = w_hh[k + i, g * H + j]
                            s = g if g < together else g + apart
                            for r in range(rows):
                                sums[s * rows + r] += w * shared[now + (k + i) * rows + r]
                for i in range(size):  # a loop that is not unrolled cannot look into registers
                    shared[mine + i * n_threads] = sums[i]
                for r in range(rows):
                    if low + r < B and t < lengths[low + r]:
                        first = mine + r * n_threads
                        at = j * rows + r
                        a = all_gates(shared, first, rows * n_threads)
                        q = no_q(zero)
                        if apart > 0:
                            q = q + last_q(shared, first + G * rows * n_threads, rows * n_threads)
                        new, kept = rule(a, q, all_states(shared, now + at, step))
                        for s in range(S):
                            shared[then + s * step + at] = new[s]
                            states[s, (t + 1) % n_slots, low + r, j] = new[s]
                        for v in range(V):
                            saved[min(t, kept_steps - 1), low + r, v, j] = kept[v]
            if not projected:
                for i in range(thread, F * rows, n_threads):
                    if low + i % rows < B and t + 1 < lengths[low]:
                        shared[seen_then + i] = (
                            ahead if i == thread else x[t + 1, low + i % rows, i // rows]
                        )
            now, then, seen, seen_then = then, now, seen_then, seen
            cuda.syncthreads()

    return compiled(forward, MOST_THREADS)


def forward(cell, lengths, projections, weights, cache):
    """`projections` are what the input adds to every gate, or None where the kernel multiplies it itself."""
    x, states, saved = cache
    _, B, F = x.shape
    H = states.shape[3]
    projected = projections is not None
    n_threads = min(H, MOST_THREADS)
    n_sums = 2 * cell.n_gates - cell.n_summed_gates
    numbers = 2 * cell.n_states * H + n_sums * n_threads + (0 if projected else 2 * F)
    rows = rows_of_block(B, numbers, x.dtype)
    kernel = make_forward(cell, x.dtype, rows, projected)
    arrays = x, projections if projected else x, lengths, *weights, states, saved
    launch(kernel, -(-B // rows), n_threads, *arrays, shared=rows * numbers * x.dtype.itemsize)


@cache
def make_backward(cell, dtype, rows):
    G = cell.n_gates
    S = cell.n_states
    V = cell.n_saved
    together = cell.n_summed_gates
    rule = cell.backward
    apart = G - together
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)
    all_states = load_tuple(S)
    all_saved = load_tuple(V)

    def backward(lengths, bptt_steps, w_hh_t, states, saved, doutputs, dstates, D):
        """`D` (T, B, gates, H) receives the slopes of what the input adds to every gate, then, of gates where they
        differ, of what the state adds.
        """
        shared = cuda.shared.array(0, dtype, ALIGNMENT)
        old = cuda.local.array(S, dtype)
        kept = cuda.local.array(V, dtype)
        sums = cuda.local.array(rows, dtype)
        B = states.shape[2]
        H = states.shape[3]
        thread = cuda.threadIdx.x
        n_threads = cuda.blockDim.x
        low = cuda.blockIdx.x * rows
        step = H * rows  # slopes of the states, then of what they add to the gates
        dq = S * H * rows
        for j in range(thread, H, n_threads):
            for r in range(rows):
                for s in range(S):
                    shared[s * step + j * rows + r] = dstates[s, min(low + r, B - 1), j]
        begin = max(lengths[min(low + rows, B) - 1] - bptt_steps, 0)
        for t in range(lengths[low] - 1, begin - 1, -1):
            for j in range(thread, H, n_threads):
                for r in range(rows):
                    row = low + r
                    at = j * rows + r
                    if row < B and t < lengths[row] and lengths[row] <= t + bptt_steps:
                        if doutputs.shape[0] > 0:
                            shared[at] += doutputs[t, row, j]
                        for s in range(S):
                            old[s] = states[s, t, row, j]
                        for v in range(V):
                            kept[v] = saved[t, row, v, j]
                        slopes = all_states(shared, at, step)
                        of_a, of_q, of_old = rule(
                            all_saved(kept, 0, 1), all_states(old, 0, 1), slopes
                        )
                        for g in range(G):
                            D[t, row, g, j] = of_a[g]
                            shared[dq + g * step + at] = of_q[g]
                        for g in range(together, G):
                            D[t, row, g + apart, j] = of_q[g]
                        for s in range(S):
                            shared[s * step + at] = of_old[s]
                    else:
                        for g in range(G):
                            shared[dq + g * step + at] = zero
            cuda.syncthreads()
            for j in range(thread, H, n_threads):
                for r in range(rows):
                    sums[r] = zero
                for k in range(0, G * H, 4):
                    for i in range(4):
                        w = w_hh_t[k + i, j]
                        for r in range(rows):
                            sums[r] += w * shared[dq + (k + i) * rows + r]
                for r in range(rows):
                    shared[j * rows + r] += sums[r]
            cuda.syncthreads()
        for j in range(thread, H, n_threads):
            for r in range(rows):
                if low + r < B:
                    for s in range(S):
                        dstates[s, low + r, j] = shared[s * step + j * rows + r]

    return compiled(backward, MOST_THREADS)


def backward(cell, lengths, bptt_steps, w_hh_t, cache, gradients, D):
    """Into `D`, see `make_backward`, and the gradients of the states."""
    B, H = cache.states.shape[2:]
    numbers = (cell.n_states + cell.n_gates) * H
    rows = rows_of_block(B, numbers, D.dtype)
    kernel = make_backward(cell, D.dtype, rows)
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
    launch(
        kernel,
        -(-B // rows),
        min(H, MOST_THREADS),
        *arrays,
        shared=rows * numbers * D.dtype.itemsize,
    )
