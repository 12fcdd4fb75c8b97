"""Rows that share one array of values: a row is where it starts and how many steps it has, and is copied when a batch
needs it.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.backends import cpu


class Batch(NamedTuple):
    """Rows sorted by length, longest first. Targets, weights and context have a row for each row, or for each step in
    the order of `steps_of`.
    """

    x: np.ndarray  # (T, B, F)
    lengths: np.ndarray  # (B,)
    context: np.ndarray  # (..., n_context)
    targets: np.ndarray  # (..., n_outputs)
    weights: np.ndarray  # (..., n_outputs); zero where there is no target
    initial: np.ndarray | None = None  # (layers and directions, n_states, B, H); None for zeros


def steps_of(lengths):
    """Step and row of each step, step by step over the rows that still run; `lengths` sorted, longest first."""
    return np.nonzero(np.arange(lengths[0])[:, None] < lengths)


def epoch_of(lengths, rng, batch_size, shuffle):
    """Every row once, in batches; shuffled, and where lengths differ, batches of similar length."""
    rows = rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))
    if shuffle and len(rows) > batch_size and (lengths != lengths[0]).any():
        pool = 20 * batch_size  # large enough for similar lengths, small enough that batches differ between epochs
        pools = [rows[i : i + pool] for i in range(0, len(rows), pool)]
        rows = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in pools])
    batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    if shuffle:
        rng.shuffle(batches)
    return batches


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

    def with_weight(self):
        return self.weights.any(axis=1)

    def weights_of(self, chosen):
        return self.weights[chosen]

    def batch(self, chosen, room):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths, dtype = self.lengths[chosen], self.values.dtype
        x = room.take("x", (int(lengths[0]), len(chosen), self.n_features))
        cpu.gather(self.values, self.starts[chosen], lengths, np.zeros(len(chosen), dtype), x)
        return Batch(x, lengths, np.empty((len(chosen), 0), dtype), self.targets[chosen], self.weights[chosen])

    def places(self, chosen):
        """Where the outputs of the chosen rows belong among those of all."""
        return chosen

    @property
    def n_places(self):
        return len(self)

    def n_batches(self, batch_size):
        return -(-len(self) // batch_size)

    def epoch(self, rng, batch_size, shuffle):
        return epoch_of(self.lengths, rng, batch_size, shuffle)

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


@dataclass(frozen=True)
class Steps:
    """Row i is a piece of a series, `lengths[i]` steps from step `starts[i]` on, with a target at every step.

    `values`, `targets` and `weights` have a row for each step. With `carried`, row i goes on from the state its series
    has there, unless it is `fresh`, and leaves its own.
    """

    values: np.ndarray  # (n_steps, n_features)
    starts: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray  # (n_steps, n_outputs)
    weights: np.ndarray  # (n_steps, n_outputs)
    series: np.ndarray  # of each row
    fresh: np.ndarray  # of each row
    carried: np.ndarray | None = None  # (n_series, layers and directions, n_states, H)

    @classmethod
    def whole(cls, values, starts, lengths, targets, weights, carried=None):
        """A row for each series; `carried` are the states they begin with."""
        rows = np.arange(len(starts))
        return cls(values, starts, lengths, targets, weights, rows, np.full(len(rows), carried is None), carried)

    def cut(self, length, carried=None):
        """Every row in pieces of `length` steps, the last one shorter; `carried` is where states are handed on, without
        which every piece begins from zero.
        """
        counts = -(-self.lengths // length)
        first = np.repeat(counts.cumsum() - counts, counts)
        number = np.arange(len(first)) - first
        lengths = np.minimum(np.repeat(self.lengths, counts) - number * length, length)
        starts = np.repeat(self.starts, counts) + number * length
        series = np.repeat(self.series, counts)
        return replace(self, starts=starts, lengths=lengths, series=series, fresh=number == 0, carried=carried)

    def __len__(self):
        return len(self.starts)

    def with_weight(self):
        before = np.concatenate([[0], self.weights.any(axis=1).cumsum()])
        return before[self.starts + self.lengths] > before[self.starts]

    def select(self, rows):
        """These of whole series, and no steps but theirs."""
        lengths = self.lengths[rows]
        starts = lengths.cumsum() - lengths
        steps = np.repeat(self.starts[rows] - starts, lengths) + np.arange(lengths.sum())
        return Steps.whole(self.values[steps], starts, lengths, self.targets[steps], self.weights[steps])

    def passes(self, n_steps):
        """Every row once, in groups of about so many steps at most; pieces of a series one after the other."""
        return self.epoch(None, max(1, n_steps // int(self.lengths.max())), False)

    def places(self, chosen):
        step, row = steps_of(self.lengths[chosen])
        return self.starts[chosen][row] + step

    @property
    def n_places(self):
        return len(self.values)

    def weights_of(self, chosen):
        order = chosen[np.argsort(-self.lengths[chosen], kind="stable")]
        return self.weights[self.places(order)]

    def batch(self, chosen, room):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths, F, dtype = self.lengths[chosen], self.values.shape[1], self.values.dtype
        x, places = room.take("x", (int(lengths[0]), len(chosen), F)), self.places(chosen)
        cpu.gather(self.values.reshape(-1), self.starts[chosen] * F, lengths, np.zeros(len(chosen), dtype), x)
        initial = None
        if self.carried is not None:
            states = np.where(self.fresh[chosen][:, None, None, None], 0, self.carried[self.series[chosen]])
            initial = np.moveaxis(states, 0, 2)
        context = np.empty((len(places), 0), dtype)
        return Batch(x, lengths, context, self.targets[places], self.weights[places], initial)

    def carry(self, chosen, last):
        """Keep the states after the last step of the chosen rows for the next pieces of their series."""
        self.carried[self.series[chosen]] = np.moveaxis(last, 2, 0)

    def n_batches(self, batch_size):
        """Of an epoch, or with carried states about so many: rows of unlike length make more."""
        return len(self.epoch(None, batch_size, False))

    def epoch(self, rng, batch_size, shuffle):
        """Every row once, in batches; where states are carried, series of a batch advance together, piece by piece."""
        if self.carried is None:
            return epoch_of(self.lengths, rng, batch_size, shuffle)
        series, first, counts = np.unique(self.series, return_index=True, return_counts=True)
        lengths = np.bincount(self.series, self.lengths)[series].astype(int)
        return [
            first[group[counts[group] > number]] + number
            for group in epoch_of(lengths, rng, batch_size, shuffle)
            for number in range(counts[group].max())
        ]
