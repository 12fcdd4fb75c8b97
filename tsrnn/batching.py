"""Rows that share one array of values: a row is where it starts and how many steps it has, and is copied when a batch
needs it.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.backends import cpu


class Batch(NamedTuple):
    """Rows sorted by length, longest first; `order` says which rows of the call they are."""

    x: np.ndarray  # (T, B, F)
    lengths: np.ndarray  # (B,)
    context: np.ndarray  # (B, n_context)
    targets: np.ndarray  # (B, n_outputs)
    weights: np.ndarray  # (B, n_outputs); zero where there is no target
    order: np.ndarray


@dataclass(frozen=True)
class Sequences:
    """Row i has `lengths[i]` steps of `n_features` numbers from `values[starts[i]]` on, less `offsets[i]`, and one
    target a column.
    """

    values: np.ndarray  # flat
    n_features: int
    starts: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray  # (n_rows, n_outputs)
    weights: np.ndarray  # (n_rows, n_outputs)

    def __len__(self):
        return len(self.starts)

    def select(self, rows):
        return replace(
            self, **{name: getattr(self, name)[rows] for name in ("starts", "lengths", "targets", "weights")}
        )

    def batch(self, rows, room):
        order = np.argsort(-self.lengths[rows], kind="stable")
        rows = rows[order]
        lengths = self.lengths[rows]
        x = room.take("x", (int(lengths[0]), len(rows), self.n_features))
        cpu.gather(self.values, self.starts[rows], lengths, np.zeros(len(rows), self.values.dtype), x)
        return Batch(
            x, lengths, np.empty((len(rows), 0), self.values.dtype), self.targets[rows], self.weights[rows], order
        )

    def epoch(self, rng, batch_size, shuffle):
        """Every row once, in batches; shuffled, and where lengths differ, batches of similar length."""
        rows = rng.permutation(len(self)) if shuffle else np.arange(len(self))
        if shuffle and len(rows) > batch_size and (self.lengths != self.lengths[0]).any():
            pool = (
                20 * batch_size
            )  # large enough for similar lengths, small enough that batches differ from epoch to epoch
            pools = [rows[i : i + pool] for i in range(0, len(rows), pool)]
            rows = np.concatenate([part[np.argsort(-self.lengths[part], kind="stable")] for part in pools])
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        if shuffle:
            rng.shuffle(batches)
        return batches

    def merged(self):
        """Equal rows as one of their summed weight, in an order that depends on their values alone.

        The gradient of a whole set does not depend on the order of its rows; in floating point only this makes it so,
        to the last bit, and makes
        an integer weight the same as repeated rows.
        """
        found = {}
        for i, (start, length) in enumerate(zip(self.starts, self.lengths, strict=True)):
            known = (self.weights[i] != 0).tobytes()
            key = self.values[start : start + length * self.n_features].tobytes(), self.targets[i].tobytes(), known
            found.setdefault(key, []).append(i)
        groups = [found[key] for key in sorted(found)]
        weights = np.stack([self.weights[group].sum(axis=0) for group in groups])
        return replace(self.select(np.array([group[0] for group in groups])), weights=weights)
