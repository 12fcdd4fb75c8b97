"""Numbers of memory as the tuples that rules take: a kernel cannot make one of a length that is computed."""

from functools import cache

from numba.extending import register_jitable


@cache
def load_tuple(n):
    """A function that gives n numbers of flat memory, `step` apart, as a tuple."""
    if n == 1:
        return register_jitable(lambda array, at, step: (array[at],))
    rest = load_tuple(n - 1)
    return register_jitable(lambda array, at, step: (array[at],) + rest(array, at + step, step))  # noqa: RUF005


@cache
def zeros(n):
    """A function that gives its argument n times."""
    if n == 0:
        return register_jitable(lambda zero: ())
    rest = zeros(n - 1)
    return register_jitable(lambda zero: (zero,) + rest(zero))  # noqa: RUF005
