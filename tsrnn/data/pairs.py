"""Rows of two sequences, one to read and one to write."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.data.batch import Batch, epoch_of, equal, longest_first
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps


class PairBatch(NamedTuple):
    """Sources and targets, each sorted by their own lengths, longest first."""

    source: Batch
    target: Batch
    order: object  # (B,), on the device: the row of `target` that each row of `source` belongs to
    # of each step of `target`: its input is as given, not what the decoder said before
    forced: np.ndarray
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

    def has_weight(self):
        return self.target.has_weight()

    def weighted_steps(self, n_features):
        """As of `Sequences`, of what is read."""
        weights = self.weights[self.target.starts]
        return replace(self.source, weights=weights).weighted_steps(n_features)

    def select(self, rows):
        forced = self.forced[self.target.steps(rows)]
        return replace(
            self, source=self.source.select(rows), target=self.target.select(rows), forced=forced
        )

    def in_segments(self, size):
        """As of `Sequences`, of what is read."""
        return replace(self, source=self.source.in_segments(size))

    def merged(self):
        """As of `Sequences`."""

        def part(name, i):
            start = self.target.starts[i]
            return getattr(self.target, name)[start : start + self.lengths[i]]

        groups = equal(
            (*self.source.key(i), part("values", i).tobytes(), part("targets", i).tobytes())
            for i in range(len(self))
        )
        rows = self.select(np.array([group[0] for group in groups]))
        weights = np.concatenate([sum(part("weights", i) for i in group) for group in groups])
        return replace(rows, target=replace(rows.target, weights=weights))

    def batch(self, chosen, workspace):
        """Copies of the chosen rows, whose targets must be sorted by length, longest first."""
        order = longest_first(self.source.lengths[chosen])
        source = self.source.batch(chosen[order], workspace.part("source"))
        target = self.target.batch(chosen, workspace.part("target"))
        return PairBatch(
            source,
            target,
            workspace.backend.put(order, workspace, "order"),
            self.forced[self.places(chosen)],
        )

    def n_batches(self, batch_size):
        return self.source.n_batches(batch_size)

    def epoch(self, rng, batch_size, shuffle):
        """Every row once, in batches as of `epoch_of`; which inputs are as given is drawn anew."""
        self.forced = rng.random(self.n_places) < next(self.shares)
        return epoch_of(self.source.lengths + self.lengths, rng, batch_size, shuffle)
