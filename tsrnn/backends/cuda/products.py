"""Matrix products: a block makes a tile of the result, a thread a few rows and columns of it in registers.

Matrices that change are flat, so many numbers a row apart; factors wait in shared memory, a few rows at a time.
"""

from functools import cache

import numba
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda.launching import ALIGNMENT, BUSY, SIMULATED, compiled, launch, launch_over, scratch

SIDE = 4 if SIMULATED else 16  # threads of a block in either direction
DEPTH = 4 if SIMULATED else 16  # factors of each row and column that wait
FEWEST_ROWS = 2 if SIMULATED else 64  # that a block of slopes adds up


def a_thread(n):
    """Rows, or columns, of the result that a thread makes, where there are `n` in all."""
    return 1 if n <= SIDE else 4


@register_jitable
def add_outer_products(sums, left, right, row, column, m, n, rows, columns):
    """sums (m, n) += left[k, row : row + m] (outer) right[k, column : column + n] for all k that wait."""
    for k in range(DEPTH):
        for i in range(m):
            for j in range(n):
                sums[i * n + j] += left[k * rows + row + i] * right[k * columns + column + j]


@cache
def make_product(dtype, m, n):
    zero, dtype = dtype.type(0), numba.from_dtype(dtype)
    rows, columns, size, n_left, n_right = SIDE * m, SIDE * n, m * n, SIDE * m * DEPTH, SIDE * n * DEPTH

    def product(A, step_a, W, bias, out, step_out, n_rows):
        """out[i, :n_columns] = bias + A[i, :depth] @ W; an empty bias is zero."""
        left = cuda.shared.array(n_left, dtype, ALIGNMENT)
        right = cuda.shared.array(n_right, dtype, ALIGNMENT)
        sums = cuda.local.array(size, dtype)
        depth, n_columns = W.shape
        thread, first, beside = cuda.threadIdx.x, cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        row, column = thread // SIDE * m, thread % SIDE * n
        for i in range(size):
            sums[i] = zero
        for k in range(0, depth, DEPTH):
            for i in range(thread, n_left, SIDE * SIDE):
                r, c = i // DEPTH, i % DEPTH
                inside = first + r < n_rows and k + c < depth
                left[c * rows + r] = A[(first + r) * step_a + k + c] if inside else zero
            for i in range(thread, n_right, SIDE * SIDE):
                r, c = i // columns, i % columns
                inside = k + r < depth and beside + c < n_columns
                right[i] = W[k + r, beside + c] if inside else zero
            cuda.syncthreads()
            add_outer_products(sums, left, right, row, column, m, n, rows, columns)
            cuda.syncthreads()
        for i in range(m):
            for j in range(n):
                r, c = first + row + i, beside + column + j
                if r < n_rows and c < n_columns:
                    out[r * step_out + c] = (bias[c] if bias.shape[0] > 0 else zero) + sums[i * n + j]

    return compiled(product, SIDE * SIDE)


def multiply(A, step_a, W, bias, out, step_out, n_rows):
    n, n_columns = a_thread(W.shape[1]), W.shape[1]
    blocks = -(-n_rows // (4 * SIDE)), -(-n_columns // (n * SIDE))
    launch(make_product(W.dtype, 4, n), blocks, SIDE * SIDE, A, step_a, W, bias, out, step_out, n_rows)


@cache
def make_slopes(dtype, m):
    n, zero, dtype = 4, dtype.type(0), numba.from_dtype(dtype)
    rows, columns, size, n_left, n_right = SIDE * m, SIDE * n, m * n, SIDE * m * DEPTH, SIDE * n * DEPTH

    def slopes(A, K, D, step_d, N, edge, shift, T, lengths, bptt_steps, parts, at):
        """parts[z, at:] = A.T @ D over the z-th share of rows, (K, N), and below it the column sums of D.

        A (T, B, K) and D (T, B, step_d) are flat; of row b only steps lengths[b] - bptt_steps to lengths[b] count, and
        nothing else is looked at. Column j of the result from `edge` on is column j + shift of D.
        """
        left = cuda.shared.array(n_left, dtype, ALIGNMENT)
        right = cuda.shared.array(n_right, dtype, ALIGNMENT)
        sums = cuda.local.array(size, dtype)
        bias = cuda.local.array(n, dtype)
        thread, first, beside = cuda.threadIdx.x, cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        row, column = thread // SIDE * m, thread % SIDE * n
        for i in range(size):
            sums[i] = zero
        for j in range(n):
            bias[j] = zero
        B = lengths.shape[0]
        share = (B + cuda.gridDim.z - 1) // cuda.gridDim.z
        low = cuda.blockIdx.z * share
        high = min(B, low + share)
        for t in range(lengths[low] if low < B else 0):
            for b in range(low, high, DEPTH):
                if lengths[b] <= t:
                    break
                for i in range(thread, n_left, SIDE * SIDE):
                    r, c = b + i // rows, first + i % rows
                    inside = r < high and c < K and t < lengths[r] and lengths[r] <= t + bptt_steps
                    left[i] = A[(t * B + r) * K + c] if inside else zero
                for i in range(thread, n_right, SIDE * SIDE):
                    r, c = b + i // columns, beside + i % columns
                    inside = r < high and c < N and t < lengths[r] and lengths[r] <= t + bptt_steps
                    right[i] = D[(t * B + r) * step_d + (c if c < edge else c + shift)] if inside else zero
                cuda.syncthreads()
                add_outer_products(sums, left, right, row, column, m, n, rows, columns)
                if first + row == 0:
                    for k in range(DEPTH):
                        for j in range(n):
                            bias[j] += right[k * columns + column + j]
                cuda.syncthreads()
        for j in range(n):
            c = beside + column + j
            if c < N:
                for i in range(m):
                    if first + row + i < K:
                        parts[cuda.blockIdx.z, at + (first + row + i) * N + c] = sums[i * n + j]
                if first + row == 0:
                    parts[cuda.blockIdx.z, at + K * N + c] = bias[j]

    return compiled(slopes, SIDE * SIDE)


@compiled
def add_parts(parts, grad, at):
    """grad[at:] = the sum of the parts, in their order."""
    for i in range(cuda.grid(1), parts.shape[1], cuda.gridsize(1)):
        total = parts[0, i]
        for part in range(1, parts.shape[0]):
            total += parts[part, i]
        grad[at + i] = total


def weight_slopes(factors, D, step_d, N, lengths, bptt_steps, T, grad, at):
    """Into `grad`, one after the other, the slopes of a matrix and a bias for each of `factors` (A, K, edge, shift)."""
    tiles = sum(-(-K // (a_thread(K) * SIDE)) * -(-N // (4 * SIDE)) for _, K, _, _ in factors)
    n_parts = max(1, min(BUSY // tiles, len(lengths) // FEWEST_ROWS))
    size = sum((K + 1) * N for _, K, _, _ in factors)
    parts, begin = scratch("parts", n_parts * size, grad.dtype)[: n_parts * size].reshape(n_parts, size), 0
    for A, K, edge, shift in factors:
        m = a_thread(K)
        blocks = -(-K // (m * SIDE)), -(-N // (4 * SIDE)), n_parts
        shape = K, D, step_d, N, edge, shift, T, lengths, bptt_steps
        launch(make_slopes(grad.dtype, m), blocks, SIDE * SIDE, A.reshape(-1), *shape, parts, begin)
        begin += (K + 1) * N
    launch_over(add_parts, size, parts, grad, at)
