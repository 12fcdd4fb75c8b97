"""How kernels are compiled: one decorator, the same promises everywhere."""

from numba import njit

# What the compiler may assume. Not that there is no NaN, and not that sums may be reordered.
PROMISES = {"contract", "nsz", "arcp"}


def compiled(function):
    """`njit` that releases the GIL, divides as NumPy does, and keeps its machine code on disk where there is one.

    The default error model raises on division by zero, and a raise in a loop stops its vectorisation.
    """
    options = {"nogil": True, "fastmath": PROMISES, "error_model": "numpy"}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba's "no locator available": nowhere to write, so only the first call is slower
        return njit(**options)(function)
