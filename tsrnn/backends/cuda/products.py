"""Matrix products: a block makes a tile of the result, a thread sixteen numbers of it in registers.

Matrices that change are flat, so many numbers a row apart; factors wait in shared memory, a few rows at a time. Large
products of float32 are made by tensor cores.
"""

from functools import cache
from typing import NamedTuple

import numba
import numpy as np
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda import tensor
from tsrnn.backends.cuda.launching import (
    ALIGNMENT,
    BUSY,
    SIMULATED,
    THREADS,
    compiled,
    launch,
    launch_over,
    scratch,
)

SIDE = 4 if SIMULATED else 16  # threads of a block in either direction
WARPS = (1, 1) if SIMULATED else (4, 2)  # of a block, which makes so many tiles of 16 x 32 numbers
DEPTH = 8 if SIMULATED else 16  # factors of each row and column that wait
FEWEST_PAIRS = 5 if SIMULATED else 256  # of a step and a row that a block of slopes adds up
ADDERS = 2 if SIMULATED else 16  # threads that add up parts of the same number
BESIDE = THREADS // ADDERS  # numbers whose parts a block adds up
LARGE = 2**24  # multiplications from which on tensor cores are worth it
WIDE = 16  # rows and columns of a matrix of weights that it must have for that


class Tile(NamedTuple):
    """How the threads of a block share the tile of the result that they make together."""

    rows: int
    columns: int
    gap: int  # between the rows of factors that wait, so that lanes read from different banks
    threads: int
    size: int  # numbers of the result that a thread makes
    stage: object  # what happens to a factor before it waits
    add: object  # sums += left[k, :rows] (outer) right[k, :columns] for all k that wait, from two places on
    row: object  # of number i of a thread
    column: object


def a_thread(n):
    """Rows, or columns, of the result that a thread makes, where there are `n` in all."""
    return 1 if n <= SIDE else 4


@cache
def simple_tile(m, n):
    """A thread makes m neighbouring rows of n neighbouring columns."""
    rows = SIDE * m
    columns = SIDE * n

    @register_jitable
    def add(sums, left, right, left_at, right_at, thread):
        row = thread // SIDE * m
        column = thread % SIDE * n
        for k in range(DEPTH):
            for i in range(m):
                for j in range(n):
                    sums[i * n + j] += (
                        left[left_at + k * rows + row + i]
                        * right[right_at + k * columns + column + j]
                    )

    row = register_jitable(lambda thread, i: thread // SIDE * m + i // n)
    column = register_jitable(lambda thread, i: thread % SIDE * n + i % n)
    return Tile(rows, columns, 0, SIDE * SIDE, m * n, tensor.as_it_is, add, row, column)


@cache
def tensor_tile(precision):
    """A warp makes 16 rows of 32 columns."""
    down, across = WARPS
    left_step = 16 * down + 8
    right_step = 32 * across + 8
    stage, add_tiles = tensor.ROUNDINGS[precision]

    @register_jitable
    def add(sums, left, right, left_at, right_at, thread):
        lane = thread % 32
        warp = thread // 32
        for k in range(0, DEPTH, 8):
            at = left_at + (k + lane % 4) * left_step + warp // across * 16 + lane // 4
            below = at + 4 * left_step
            a0 = left[at]
            a1 = left[at + 8]
            a2 = left[below]
            a3 = left[below + 8]
            for j in range(4):
                at = right_at + (k + lane % 4) * right_step + warp % across * 32 + j * 8 + lane // 4
                add_tiles(sums, j * 4, a0, a1, a2, a3, right[at], right[at + 4 * right_step])

    row = register_jitable(
        lambda thread, i: thread // 32 // across * 16 + thread % 32 // 4 + i % 4 // 2 * 8
    )
    column = register_jitable(
        lambda thread, i: thread // 32 % across * 32 + i // 4 * 8 + thread % 4 * 2 + i % 2
    )
    return Tile(16 * down, 32 * across, 8, 32 * down * across, 16, stage, add, row, column)


def tile_for(precision, dtype, n_rows, K, N, m, n):
    """What makes a product of `n_rows` rows with a matrix (K, N), or that matrix from as many rows."""
    worth_it = n_rows * K * N >= LARGE and min(K, N) >= WIDE
    if worth_it and dtype == np.float32 and tensor.available():
        return tensor_tile(precision)
    return simple_tile(m, n)


@cache
def make_product(dtype, tile):
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)
    rows, columns, gap, n_threads, size, stage, add, row_of, column_of = tile
    left_step = rows + gap
    right_step = columns + gap
    n_left = rows * DEPTH
    n_right = columns * DEPTH
    left_size = left_step * DEPTH
    right_size = right_step * DEPTH

    def product(A, step_a, W, bias, out, step_out, n_rows):
        """out[i, :n_columns] = bias + A[i, :depth] @ W; an empty bias is zero."""
        left = cuda.shared.array(left_size, dtype, ALIGNMENT)
        right = cuda.shared.array(right_size, dtype, ALIGNMENT)
        sums = cuda.local.array(size, dtype)
        depth, n_columns = W.shape
        thread = cuda.threadIdx.x
        first = cuda.blockIdx.x * rows
        beside = cuda.blockIdx.y * columns
        for i in range(size):
            sums[i] = zero
        for k in range(0, depth, DEPTH):
            for i in range(thread, n_left, n_threads):
                r = i // DEPTH
                c = i % DEPTH
                inside = first + r < n_rows and k + c < depth
                left[c * left_step + r] = stage(A[(first + r) * step_a + k + c]) if inside else zero
            for i in range(thread, n_right, n_threads):
                r = i // columns
                c = i % columns
                inside = k + r < depth and beside + c < n_columns
                right[r * right_step + c] = stage(W[k + r, beside + c]) if inside else zero
            cuda.syncthreads()
            add(sums, left, right, 0, 0, thread)
            cuda.syncthreads()
        for i in range(size):
            r = first + row_of(thread, i)
            c = beside + column_of(thread, i)
            if r < n_rows and c < n_columns:
                out[r * step_out + c] = (bias[c] if bias.shape[0] > 0 else zero) + sums[i]

    return compiled(product, n_threads)


def multiply(precision, A, step_a, W, bias, out, step_out, n_rows):
    tile = tile_for(precision, W.dtype, n_rows, *W.shape, 4, a_thread(W.shape[1]))
    blocks = -(-n_rows // tile.rows), -(-W.shape[1] // tile.columns)
    launch(
        make_product(W.dtype, tile), blocks, tile.threads, A, step_a, W, bias, out, step_out, n_rows
    )


@cache
def make_slopes(dtype, tile):
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)
    rows, columns, gap, n_threads, size, stage, add, row_of, column_of = tile
    left_step = rows + gap
    right_step = columns + gap
    left_size = left_step * DEPTH
    right_size = right_step * DEPTH
    left_both = 2 * left_size
    right_both = 2 * right_size
    side = n_threads // DEPTH  # threads that fetch numbers of the same pair
    n_left = rows // side
    n_right = columns // side

    @register_jitable
    def fetch(left, right, A, K, D, step_d, N, edge, shift, pair, runs, row, column):
        """This thread's numbers of a pair. Beyond the last column it is that one again: of its sums nothing is kept."""
        if runs:
            for j in range(n_left):
                left[j] = A[np.uint64(pair * K + min(row + j * side, K - 1))]
            for j in range(n_right):
                c = min(column + j * side, N - 1)
                right[j] = D[np.uint64(pair * step_d + (c if c < edge else c + shift))]
        else:
            for j in range(n_left):
                left[j] = zero
            for j in range(n_right):
                right[j] = zero

    def slopes(A, K, D, step_d, N, edge, shift, lengths, bptt_steps, parts, at):
        """parts[z, at:] = A.T @ D over the z-th share of pairs, (K, N), and below it the column sums of D.

        A (T, B, K) and D (T, B, step_d) are flat, and number t B + b of a step and a row is a pair. Of row b only steps
        lengths[b] - bptt_steps to lengths[b] count, and nothing else is looked at. Neighbouring pairs form groups, and
        blocks take them in turn. Column j of the result from `edge` on is column j + shift of D.
        """
        # of this group, and of the next or the one before
        left = cuda.shared.array(left_both, dtype, ALIGNMENT)
        right = cuda.shared.array(right_both, dtype, ALIGNMENT)
        sums = cuda.local.array(size, dtype)
        bias = cuda.local.array(n_right, dtype)
        left_ahead = cuda.local.array(n_left, dtype)
        right_ahead = cuda.local.array(n_right, dtype)
        thread = cuda.threadIdx.x
        first = cuda.blockIdx.x * rows
        beside = cuda.blockIdx.y * columns
        k = thread // side
        lane = thread % side
        for i in range(size):
            sums[i] = zero
        for j in range(n_right):
            bias[j] = zero
        B = lengths.shape[0]
        begin = max(lengths[B - 1] - bptt_steps, 0) * B
        n_groups = (lengths[0] * B - begin + DEPTH - 1) // DEPTH
        # Step and row are carried along: a division takes as long as many products.
        pair = begin + cuda.blockIdx.z * DEPTH + k
        stride = cuda.gridDim.z * DEPTH
        t = pair // B
        b = pair % B
        later = stride // B
        further = stride % B
        runs = t < lengths[b] and lengths[b] <= t + bptt_steps
        factors = A, K, D, step_d, N, edge, shift
        fetch(left_ahead, right_ahead, *factors, pair, runs, first + lane, beside + lane)
        turn = 0
        for _ in range(cuda.blockIdx.z, n_groups, cuda.gridDim.z):
            for j in range(n_left):
                left[turn * left_size + k * left_step + lane + j * side] = stage(left_ahead[j])
            for j in range(n_right):
                right[turn * right_size + k * right_step + lane + j * side] = stage(right_ahead[j])
                bias[j] += right_ahead[j]
            any_runs = cuda.syncthreads_or(np.int32(runs))
            pair = pair + stride
            t = t + later
            b = b + further
            if b >= B:
                t = t + 1
                b = b - B
            runs = t < lengths[b] and lengths[b] <= t + bptt_steps
            # Long under way while this group is multiplied.
            fetch(left_ahead, right_ahead, *factors, pair, runs, first + lane, beside + lane)
            if any_runs:
                add(sums, left, right, turn * left_size, turn * right_size, thread)
            turn = (turn + 1) & 1
        cuda.syncthreads()
        for j in range(n_right):
            right[k * columns + lane + j * side] = bias[j]
        cuda.syncthreads()
        for i in range(size):
            r = first + row_of(thread, i)
            c = beside + column_of(thread, i)
            if r < K and c < N:
                parts[cuda.blockIdx.z, at + r * N + c] = sums[i]
        for c in range(thread, columns, n_threads):
            if first == 0 and beside + c < N:
                total = right[c]
                for i in range(1, DEPTH):
                    total += right[i * columns + c]
                parts[cuda.blockIdx.z, at + K * N + beside + c] = total

    return compiled(slopes, n_threads)


@compiled
def add_few_parts(parts, grad, at):
    """grad[at:] = the sum of the parts, in their order."""
    for i in range(cuda.grid(1), parts.shape[1], cuda.gridsize(1)):
        total = parts[0, i]
        for part in range(1, parts.shape[0]):
            total += parts[part, i]
        grad[at + i] = total


@cache
def make_adding_up(dtype):
    dtype = numba.from_dtype(dtype)

    @compiled
    def add_parts(parts, grad, at):
        """grad[at:] = the sum of the parts, always in the same order: first that of every ADDERS-th part."""
        stage = cuda.shared.array(THREADS, dtype)
        n_parts, size = parts.shape
        share = cuda.threadIdx.x // BESIDE
        i = cuda.blockIdx.x * BESIDE + cuda.threadIdx.x % BESIDE
        total = dtype(0)
        if i < size:
            for part in range(share, n_parts, ADDERS):
                total += parts[part, i]
        stage[cuda.threadIdx.x] = total
        cuda.syncthreads()
        if share == 0 and i < size:
            for other in range(1, ADDERS):
                total += stage[other * BESIDE + cuda.threadIdx.x]
            grad[at + i] = total

    return add_parts


def weight_slopes(precision, factors, D, step_d, N, lengths, bptt_steps, T, grad, at):
    """Into `grad`, one after the other, the slopes of a matrix and a bias for each of `factors` (A, K, edge, shift)."""
    pairs = T * len(lengths)
    tiles = [tile_for(precision, grad.dtype, pairs, K, N, a_thread(K), 4) for _, K, _, _ in factors]
    blocks = [
        (-(-K // tile.rows), -(-N // tile.columns)) for tile, (_, K, _, _) in zip(tiles, factors)
    ]
    # No more blocks than run at once: each has the same to do, and a few left over would double the time.
    n_parts = max(
        1, min(BUSY // max(down * across for down, across in blocks), pairs // FEWEST_PAIRS)
    )
    size = sum((K + 1) * N for _, K, _, _ in factors)
    parts = scratch("parts", n_parts * size, grad.dtype)[: n_parts * size].reshape(n_parts, size)
    begin = 0
    for (A, K, edge, shift), tile, grid in zip(factors, tiles, blocks):
        shape = K, D, step_d, N, edge, shift, lengths, bptt_steps
        kernel = make_slopes(grad.dtype, tile)
        launch(kernel, (*grid, n_parts), tile.threads, A.reshape(-1), *shape, parts, begin)
        begin += (K + 1) * N
    if n_parts <= ADDERS:
        launch_over(add_few_parts, size, parts, grad, at)
    else:
        launch(make_adding_up(grad.dtype), -(-size // BESIDE), THREADS, parts, grad, at)
