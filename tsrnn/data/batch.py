"""Rows that share one array of values: a row is where it starts and how many steps it has, and is copied when a batch
needs it.
"""

from typing import NamedTuple

import numpy as np

FEW = 64  # rows of a batch that are drawn whatever their lengths are


class Batch(NamedTuple):
    """Rows sorted by length, longest first. Targets, weights and context have a row for each row, or for each step in
    the order of `steps_of`.
    """

    x: np.ndarray  # (T, B, F)
    lengths: np.ndarray  # (B,)
    device_lengths: object  # the same, as kernels take them
    context: np.ndarray  # (..., n_context)
    targets: np.ndarray  # (..., n_outputs)
    weights: np.ndarray  # (..., n_outputs); zero where there is no target
    initial: np.ndarray | None = None  # (layers and directions, n_states, B, H); None for zeros

    @property
    def form(self):
        """Batches of the same form launch the same kernels on arrays of the same shapes."""
        return self.x.shape, self.targets.shape


def longest_first(lengths):
    return (-lengths).argsort(kind="stable")


def places_of_runs(firsts, lengths):
    """Places of runs, end to end: of each from its first one on, so many."""
    starts = np.cumsum(lengths) - lengths
    return np.repeat(firsts - starts, lengths) + np.arange(np.sum(lengths, dtype=np.int64))


def steps_of(lengths):
    """Step and row of each step, step by step over the rows that still run; `lengths` sorted, longest first."""
    return np.nonzero(np.arange(lengths[0])[:, None] < lengths)


def gather(values, starts, device_lengths, x, workspace):
    """The rows of a batch into `x`."""
    put = workspace.backend.put
    level = np.zeros(len(starts), x.dtype)
    workspace.backend.gather(
        values, put(starts, workspace, "starts"), device_lengths, put(level, workspace, "level"), x
    )


def targets_and_weights(rows, places, workspace):
    backend = workspace.backend
    places = workspace.backend.put(places, workspace, "places")
    for name in ("targets", "weights"):
        yield backend.take_rows(workspace.on_device(getattr(rows, name)), places, workspace, name)


def epoch_of(lengths, rng, batch_size, shuffle):
    """Every row once, in batches; shuffled, and where lengths differ, large batches of similar length.

    A few rows of similar length would not tell what goes with the length.
    """
    rows = rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))
    if shuffle and len(rows) > batch_size > FEW and (lengths != lengths[0]).any():
        # large enough for similar lengths, small enough that batches differ between epochs
        pool = 20 * batch_size
        pools = [rows[i : i + pool] for i in range(0, len(rows), pool)]
        rows = np.concatenate([part[longest_first(lengths[part])] for part in pools])
    batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    if shuffle:
        rng.shuffle(batches)
    return batches


def equal(keys):
    """Positions of equal keys, group by group, sorted by key."""
    found = {}
    for i, key in enumerate(keys):
        found.setdefault(key, []).append(i)
    return [found[key] for key in sorted(found)]
