"""Rows that are pieces of series, with a target at every step."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.data.batch import Batch, epoch_of, gather, places_of_runs, steps_of, targets_and_weights


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

    def pieces(self, length, carried=None):
        """Every row in pieces of `length` steps, the last one shorter; `carried` is where states are handed on, without
        which every piece begins from zero.
        """
        counts = -(-self.lengths // length)
        first = np.repeat(counts.cumsum() - counts, counts)
        number = np.arange(len(first)) - first
        lengths = np.minimum(np.repeat(self.lengths, counts) - number * length, length)
        starts = np.repeat(self.starts, counts) + number * length
        series = np.repeat(self.series, counts)
        return replace(
            self, starts=starts, lengths=lengths, series=series, fresh=number == 0, carried=carried
        )

    def __len__(self):
        return len(self.starts)

    def weighted_steps(self, n_features):
        """As of `Sequences`; all steps of a row that has a target count alike."""
        steps = self.steps(np.flatnonzero(self.has_weight()))
        return self.values[steps], np.ones(len(steps), self.weights.dtype)

    def has_weight(self):
        before = np.concatenate([[0], self.weights.any(axis=1).cumsum()])
        return before[self.starts + self.lengths] > before[self.starts]

    def steps(self, rows):
        """Where their steps stand, row by row."""
        return places_of_runs(self.starts[rows], self.lengths[rows])

    def select(self, rows):
        """These rows, each from now on a series of its own, and no steps but theirs."""
        lengths = self.lengths[rows]
        steps = self.steps(rows)
        starts = lengths.cumsum() - lengths
        return Steps.whole(
            self.values[steps], starts, lengths, self.targets[steps], self.weights[steps]
        )

    def passes(self, n_steps):
        """Group the rows, with at most about `n_steps` steps in a group, and the pieces of a series in their order."""
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

    def batch(self, chosen, workspace):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths = self.lengths[chosen]
        F = self.values.shape[1]
        device_lengths = workspace.backend.put(lengths, workspace, "lengths")
        x = workspace.array("x", (int(lengths[0]), len(chosen), F))
        places = self.places(chosen)
        gather(
            workspace.on_device(self.values).reshape(-1),
            self.starts[chosen] * F,
            device_lengths,
            x,
            workspace,
        )
        initial = None
        if self.carried is not None:
            _, n_ends, S, H = self.carried.shape
            initial = workspace.array("initial", (n_ends, S, len(chosen), H))
            fresh = workspace.backend.put(self.fresh[chosen], workspace, "fresh")
            workspace.backend.take_states(
                workspace.on_device(self.carried), self.series_of(chosen, workspace), fresh, initial
            )
        context = np.empty((len(places), 0), x.dtype)
        targets, weights = targets_and_weights(self, places, workspace)
        return Batch(x, lengths, device_lengths, context, targets, weights, initial)

    def series_of(self, chosen, workspace):
        return workspace.backend.put(self.series[chosen], workspace, "series")

    def carry(self, chosen, last, workspace):
        """Keep the states after the last step of the chosen rows for the next pieces of their series, on the device."""
        workspace.backend.keep_states(
            last, self.series_of(chosen, workspace), workspace.on_device(self.carried)
        )

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
