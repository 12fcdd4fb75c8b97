"""Rows that share one array of values: a row is where it starts and how many steps it has, and is copied when a batch
needs it.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.backends import cpu


class Batch(NamedTuple):
    """Rows sorted by length, longest first."""

    x: np.ndarray  # (T, B, F)
    lengths: np.ndarray  # (B,)
    context: np.ndarray  # (B, n_context)
    targets: np.ndarray  # (B, n_outputs)
    weights: np.ndarray  # (B, n_outputs); zero where there is no target


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

    def weights_of(self, chosen):
        return self.weights[chosen]

    def batch(self, chosen, room):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths, dtype = self.lengths[chosen], self.values.dtype
        x = room.take("x", (int(lengths[0]), len(chosen), self.n_features))
        cpu.gather(self.values, self.starts[chosen], lengths, np.zeros(len(chosen), dtype), x)
        return Batch(x, lengths, np.empty((len(chosen), 0), dtype), self.targets[chosen], self.weights[chosen])

    def epoch(self, rng, batch_size, shuffle):
        """Every row once, in batches; shuffled, and where lengths differ, batches of similar length."""
        rows = rng.permutation(len(self)) if shuffle else np.arange(len(self))
        if shuffle and len(rows) > batch_size and (self.lengths != self.lengths[0]).any():
            pool = 20 * batch_size  # large enough for similar lengths, small enough that batches differ between epochs
            pools = [rows[i : i + pool] for i in range(0, len(rows), pool)]
            rows = np.concatenate([part[np.argsort(-self.lengths[part], kind="stable")] for part in pools])
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        if shuffle:
            rng.shuffle(batches)
        return batches

    def merged(self):
        """Equal rows as one of their summed weight, in an order that depends on their values alone.

        The gradient of a whole set does not depend on the order of its rows; in floating point only this makes it so,
        to the last bit, and makes an integer weight the same as repeated rows.
        """
        found = {}
        for i, (start, length) in enumerate(zip(self.starts, self.lengths, strict=True)):
            known = (self.weights[i] != 0).tobytes()
            key = self.values[start : start + length * self.n_features].tobytes(), self.targets[i].tobytes(), known
            found.setdefault(key, []).append(i)
        groups = [found[key] for key in sorted(found)]
        weights = np.stack([self.weights[group].sum(axis=0) for group in groups])
        return replace(self.select(np.array([group[0] for group in groups])), weights=weights)
