"""Rows that share one array of values: a row is where it starts and how many steps it has, and is copied when a batch
needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


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


def steps_of(lengths):
    """Step and row of each step, step by step over the rows that still run; `lengths` sorted, longest first."""
    return np.nonzero(np.arange(lengths[0])[:, None] < lengths)


def gather(values, starts, device_lengths, x, room):
    """The rows of a batch into `x`."""
    put = room.backend.put
    level = np.zeros(len(starts), x.dtype)
    room.backend.gather(values, put(starts, room, "starts"), device_lengths, put(level, room, "level"), x)


def targets_and_weights(rows, places, room):
    backend = room.backend
    places = room.backend.put(places, room, "places")
    for name in ("targets", "weights"):
        yield backend.take_rows(room.resident(getattr(rows, name)), places, room, name)


def epoch_of(lengths, rng, batch_size, shuffle):
    """Every row once, in batches; shuffled, and where lengths differ, batches of similar length."""
    rows = rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))
    if shuffle and len(rows) > batch_size and (lengths != lengths[0]).any():
        pool = 20 * batch_size  # large enough for similar lengths, small enough that batches differ between epochs
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
    carried = None

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

    def targets_of(self, chosen):
        return self.targets[chosen]

    def outputs_of(self, chosen):
        """Where the outputs of the chosen rows stand, in the order of `targets_of`."""
        return chosen

    def batch(self, chosen, room):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths = self.lengths[chosen]
        backend = room.backend
        device_lengths = backend.put(lengths, room, "lengths")
        x = room.take("x", (backend.rounded(int(lengths[0])), len(chosen), self.n_features))
        gather(room.resident(self.values), self.starts[chosen], device_lengths, x, room)
        targets, weights = targets_and_weights(self, chosen, room)
        return Batch(x, lengths, device_lengths, np.empty((len(chosen), 0), x.dtype), targets, weights)

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
        groups = equal((*self.key(i), (self.weights[i] != 0).tobytes()) for i in range(len(self)))
        weights = np.stack([self.weights[group].sum(axis=0) for group in groups])
        return replace(self.select(np.array([group[0] for group in groups])), weights=weights)

    def key(self, i):
        """Bytes of row i, the same for equal rows."""
        start = self.starts[i]
        length = self.lengths[i]
        return self.values[start : start + length * self.n_features].tobytes(), self.targets[i].tobytes()


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
    def whole(cls, values, starts, lengths, targets, weights):
        """A row for each series."""
        rows = np.arange(len(starts))
        return cls(values, starts, lengths, targets, weights, rows, np.ones(len(rows), bool))

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

    def steps(self, rows):
        """Where their steps stand, row by row."""
        lengths = self.lengths[rows]
        return np.repeat(self.starts[rows] - lengths.cumsum() + lengths, lengths) + np.arange(lengths.sum())

    def select(self, rows):
        """These rows, each from now on a series of its own, and no steps but theirs."""
        lengths = self.lengths[rows]
        steps = self.steps(rows)
        starts = lengths.cumsum() - lengths
        return Steps.whole(self.values[steps], starts, lengths, self.targets[steps], self.weights[steps])

    def passes(self, n_steps):
        """Every row once, in groups of about so many steps at most; pieces of a series one after the other."""
        return self.epoch(None, max(1, n_steps // int(self.lengths.max())), shuffle=False)

    def places(self, chosen):
        step, row = steps_of(self.lengths[chosen])
        return self.starts[chosen][row] + step

    @property
    def n_places(self):
        return len(self.values)

    def weights_of(self, chosen):
        return self.weights[self.steps(chosen)]

    def targets_of(self, chosen):
        return self.targets[self.steps(chosen)]

    def outputs_of(self, chosen):
        """As of `Sequences`."""
        return self.steps(chosen)

    def batch(self, chosen, room):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths = self.lengths[chosen]
        F = self.values.shape[1]
        device_lengths = room.backend.put(lengths, room, "lengths")
        x = room.take("x", (int(lengths[0]), len(chosen), F))
        places = self.places(chosen)
        gather(room.resident(self.values).reshape(-1), self.starts[chosen] * F, device_lengths, x, room)
        initial = None
        if self.carried is not None:
            _, n_ends, S, H = self.carried.shape
            initial = room.take("initial", (n_ends, S, len(chosen), H))
            fresh = room.backend.put(self.fresh[chosen], room, "fresh")
            room.backend.take_states(room.resident(self.carried), self.series_of(chosen, room), fresh, initial)
        context = np.empty((len(places), 0), x.dtype)
        targets, weights = targets_and_weights(self, places, room)
        return Batch(x, lengths, device_lengths, context, targets, weights, initial)

    def series_of(self, chosen, room):
        return room.backend.put(self.series[chosen], room, "series")

    def carry(self, chosen, last, room):
        """Keep the states after the last step of the chosen rows for the next pieces of their series, on the device."""
        room.backend.keep_states(last, self.series_of(chosen, room), room.resident(self.carried))

    def n_batches(self, batch_size):
        """Of an epoch, or with carried states about so many: rows of unlike length make more."""
        return len(self.epoch(None, batch_size, shuffle=False))

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


class PairBatch(NamedTuple):
    """Sources and targets, each sorted by their own lengths, longest first."""

    source: Batch
    target: Batch
    order: object  # (B,), on the device: the row of `target` that each row of `source` belongs to
    forced: np.ndarray  # of each step of `target`: its input is as given, not what the decoder said before
    initial: None = None  # the source says where the decoder begins

    @property
    def targets(self):
        return self.target.targets

    @property
    def weights(self):
        return self.target.weights

    @property
    def form(self):
        """As of `Batch`; None where the decoder goes on from what it said, over the rows that still run at a step."""
        return (*self.source.form, *self.target.form) if self.forced.all() else None


@dataclass
class Pairs:
    """Row i is a sequence to read and a sequence to write; values of `target` are the decoder's inputs.

    `forced` says which of those inputs are as given, `shares` how many of them in each epoch to come (scheduled
    sampling, Bengio et al. 2015).
    """

    source: Sequences
    target: Steps
    forced: np.ndarray  # (n_steps,)
    shares: Iterator | None = None  # None where there is no training
    carried = None

    def __len__(self):
        return len(self.source)

    @property
    def lengths(self):
        return self.target.lengths

    @property
    def targets(self):
        return self.target.targets

    @property
    def weights(self):
        return self.target.weights

    @property
    def n_places(self):
        return self.target.n_places

    def places(self, chosen):
        return self.target.places(chosen)

    def weights_of(self, chosen):
        return self.target.weights_of(chosen)

    def targets_of(self, chosen):
        return self.target.targets_of(chosen)

    def outputs_of(self, chosen):
        """As of `Sequences`."""
        return self.target.outputs_of(chosen)

    def with_weight(self):
        return self.target.with_weight()

    def select(self, rows):
        forced = self.forced[self.target.steps(rows)]
        return replace(self, source=self.source.select(rows), target=self.target.select(rows), forced=forced)

    def merged(self):
        """As of `Sequences`."""

        def part(name, i):
            start = self.target.starts[i]
            return getattr(self.target, name)[start : start + self.lengths[i]]

        groups = equal(
            (*self.source.key(i), part("values", i).tobytes(), part("targets", i).tobytes()) for i in range(len(self))
        )
        rows = self.select(np.array([group[0] for group in groups]))
        weights = np.concatenate([sum(part("weights", i) for i in group) for group in groups])
        return replace(rows, target=replace(rows.target, weights=weights))

    def batch(self, chosen, room):
        """Copies of the chosen rows, whose targets must be sorted by length, longest first."""
        order = longest_first(self.source.lengths[chosen])
        source = self.source.batch(chosen[order], room.part("source"))
        target = self.target.batch(chosen, room.part("target"))
        return PairBatch(source, target, room.backend.put(order, room, "order"), self.forced[self.places(chosen)])

    def n_batches(self, batch_size):
        return self.source.n_batches(batch_size)

    def epoch(self, rng, batch_size, shuffle):
        """Every row once, in batches of similar length; which inputs are as given is drawn anew."""
        self.forced = rng.random(self.n_places) < next(self.shares)
        return epoch_of(self.source.lengths + self.lengths, rng, batch_size, shuffle)
