"""How kernels are compiled: one decorator, the same promises everywhere."""

from numba import njit

# What the compiler may assume; not that there is no NaN, and not that sums may be reordered: vectors say their own order.
PROMISES = {"contract", "nsz", "arcp"}


def compiled(function):
    """`njit` that releases the GIL, keeps NumPy's division and remembers the machine code on disk where a disk can be written.

    The default error model raises on division by zero, and a raise in a loop stops its vectorisation.
    """
    options = {"nogil": True, "fastmath": PROMISES, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba's "no locator available": nowhere to write. Without a cache the first call is slower, that is all.
        return njit(**options)(function)
