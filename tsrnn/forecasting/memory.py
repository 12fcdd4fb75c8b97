"""Work that cannot fit into memory is refused before it begins."""

import os

import numpy as np

LEAST = 2**34  # bytes that are allowed wherever it runs
GATES = 4  # of a cell, at most
COPIES = 6  # of weights: gradient, moments, the best so far
SINGLE = 4
DOUBLE = 8  # bytes of a number


def most_bytes():
    """The memory of this machine, where the system tells it."""
    try:
        return max(LEAST, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return LEAST


def check_memory(n_bytes, what):
    """Raise a MemoryError that says what takes so much."""
    if n_bytes > most_bytes():
        raise MemoryError(
            f"{what} need about {n_bytes / 1e9:,.0f} GB of memory; this machine has {most_bytes() / 1e9:,.0f} GB: take "
            "smaller ones."
        )


def bytes_of_fit(parameters, plans, lengths, n_blocks):
    """Lower bound of what a fit takes, in Python's numbers, which have no end."""
    h = parameters.h
    units = parameters.hidden_size
    n = len(lengths)
    window = max(plan.window for plan in plans)
    steps = min(plan.window // plan.segment for plan in plans)
    weights = GATES * units * (units + 1) + (units + window) * h * n_blocks
    rows = min(parameters.batch_size, max(int(np.sum(lengths)), 256))
    batch = rows * (window + steps * units + h * n_blocks)
    panel = int(np.sum(lengths)) + n * (window + h)
    return SINGLE * (weights * (parameters.n_networks + COPIES) + batch + panel)
