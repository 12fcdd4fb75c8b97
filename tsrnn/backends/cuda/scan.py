"""The recurrence in time, forward and backward, for any cell: a block takes a few rows through all of their steps.

Arrays are those of the CPU's scan. A thread owns units, so that the weights it loads serve all rows of its block, whose
outputs, or slopes, stand in shared memory, those of one unit side by side. Past the end of a row nothing is read or
written.
"""

from functools import cache

import numba
import numpy as np
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda.launching import ALIGNMENT, SIMULATED, compiled, launch, scratch
from tsrnn.backends.cuda.products import multiply, weight_slopes

MOST_THREADS = 16 if SIMULATED else 256
SHARED_BYTES = 48 * 1024  # what every GPU gives a block
FEW_INPUTS = 32  # up to so many are multiplied inside the scan, more before it in one product
MOST_ROWS = 2 if SIMULATED else 8
WAITING_ROWS = 264  # rows that keep a large GPU busy with a block each; from then on blocks take more


@cache
def picking(n):
    """A function that gives n numbers of flat memory, `step` apart, as a tuple: what a rule takes."""
    if n == 1:
        return register_jitable(lambda array, at, step: (array[at],))
    rest = picking(n - 1)
    return register_jitable(lambda array, at, step: (array[at],) + rest(array, at + step, step))  # noqa: RUF005


def n_threads(H):
    return min(H, MOST_THREADS)


def rows_of_block(B, bytes_per_row, what):
    """Rows that a block takes: few while there are few, and no more than its shared memory holds."""
    n = MOST_ROWS
    while n > 1 and (n * bytes_per_row > SHARED_BYTES or B < n * WAITING_ROWS):
        n //= 2 if n > 2 else n
    if n * bytes_per_row > SHARED_BYTES:
        raise ValueError(f"hidden_size must be small enough for the GPU's shared memory; got {what}.")
    return n
