"""Rows that share one array of values, with a target each."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.data.batch import Batch, epoch_of, equal, gather, places_of_runs, targets_and_weights


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
            self,
            **{
                name: getattr(self, name)[rows]
                for name in ("starts", "lengths", "targets", "weights")
            },
        )

    def in_segments(self, size):
        """`size` steps side by side make one; where a row is no multiple of that long, its first step is repeated in
        front.
        """
        if size == 1:  # the usual case where an answer is waited for
            return self
        F = self.n_features
        lengths = -(-self.lengths // size)
        if (lengths * size == self.lengths).all():
            return replace(self, n_features=F * size, lengths=lengths)
        all_steps = lengths * size
        begins = all_steps.cumsum() - all_steps
        row = np.repeat(np.arange(len(self)), all_steps)
        step = np.arange(len(row)) - (begins + all_steps - self.lengths)[row]
        places = self.starts[row] // F + np.maximum(step, 0)
        values = self.values.reshape(-1, F)[places].reshape(-1)
        parts = {"values": values, "n_features": F * size, "starts": begins * F}
        return replace(self, **parts, lengths=lengths)

    def weighted_steps(self, n_features):
        """Every time step of every row (n_steps, n_features), and the weight of its row."""
        n = self.n_features // n_features
        counts = self.lengths * n
        first = self.starts // n_features
        places = places_of_runs(first, counts)
        weights = np.repeat(self.weights.max(axis=1), counts)
        return self.values.reshape(-1, n_features)[places], weights

    def has_weight(self):
        return self.weights.any(axis=1)

    def weights_of(self, chosen):
        return self.weights[chosen]

    def targets_of(self, chosen):
        return self.targets[chosen]

    def outputs_of(self, chosen):
        """Where the outputs of the chosen rows stand, in the order of `targets_of`."""
        return chosen

    def batch(self, chosen, workspace):
        """Copies of the chosen rows, which must be sorted by length, longest first."""
        lengths = self.lengths[chosen]
        backend = workspace.backend
        device_lengths = backend.put(lengths, workspace, "lengths")
        x = workspace.array(
            "x", (backend.padded_steps(int(lengths[0])), len(chosen), self.n_features)
        )
        gather(workspace.on_device(self.values), self.starts[chosen], device_lengths, x, workspace)
        targets, weights = targets_and_weights(self, chosen, workspace)
        return Batch(
            x, lengths, device_lengths, np.empty((len(chosen), 0), x.dtype), targets, weights
        )

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
        return self.values[start : start + length * self.n_features].tobytes(), self.targets[
            i
        ].tobytes()
