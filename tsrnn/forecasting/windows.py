"""Windows of a panel: what the network sees of a series up to a cut, and what comes after."""

from dataclasses import dataclass

import numpy as np

from tsrnn.backends import cpu
from tsrnn.batching import Batch


@dataclass(frozen=True)
class Windows:
    """Rows (series, cut): the `window` values before the cut, in steps of `segment` values, and the `h` values after
    it, all less their level.

    `values` holds the series end to end, each with `window` values of padding in front, so that a window before a
    short history reads its padding.
    """

    values: np.ndarray  # flat
    starts: np.ndarray  # of each series' first real value in `values`
    lengths: np.ndarray  # real values of each series
    window: int
    segment: int
    level: int  # the level is the mean of that many last values before the cut
    h: int
    first_cut: np.ndarray  # earliest cut of each series that is trained on
    n_rows: int  # drawn for an epoch

    @classmethod
    def of(cls, series, window, segment, level, h, n_rows, dtype=np.float32):
        """From a list of 1-D arrays."""
        lengths = np.array([len(y) for y in series])
        padding = [np.full(window, y[: min(len(y), max(level, 1))].mean()) for y in series]
        values = np.concatenate(
            [part for pair in zip(padding, series, strict=True) for part in pair] + [np.zeros(h)]
        ).astype(dtype)
        starts = np.concatenate([[0], np.cumsum(lengths + window)])[:-1] + window
        first_cut = np.clip(np.minimum(window, lengths - h), 1, np.maximum(lengths - 1, 1))
        return cls(values, starts, lengths, window, segment, level, h, first_cut, n_rows)

    def __len__(self):
        return self.n_rows

    def epoch(self, rng, batch_size, shuffle):
        """Batches of random (series, cut), every series equally often."""
        last_cut = np.maximum(self.lengths - self.h, self.first_cut)
        for _ in range(-(-self.n_rows // batch_size)):
            series = rng.integers(len(self.lengths), size=batch_size)
            yield np.stack([series, rng.integers(self.first_cut[series], last_cut[series] + 1)], axis=1)

    def ends(self):
        """The row of each series whose cut is its end: where forecasts start."""
        return np.stack([np.arange(len(self.lengths)), self.lengths], axis=1)

    def levels(self, rows):
        stop = self.starts[rows[:, 0]] + rows[:, 1]
        return self.values[stop[:, None] - 1 - np.arange(self.level)].mean(axis=1, dtype=self.values.dtype)

    def batch(self, rows, room):
        B, T = len(rows), self.window // self.segment
        stop, level, ones = self.starts[rows[:, 0]] + rows[:, 1], self.levels(rows), np.ones(B, np.int64)
        x = room.take("x", (T, B, self.segment))
        context = room.take("context", (1, B, self.window))
        targets = room.take("targets", (1, B, self.h))
        cpu.gather(self.values, stop - self.window, np.full(B, T), level, x)
        cpu.gather(self.values, stop - self.window, ones, level, context)
        cpu.gather(self.values, np.minimum(stop, len(self.values) - self.h), ones, level, targets)
        known = np.arange(self.h) < (self.lengths[rows[:, 0]] - rows[:, 1])[:, None]
        return Batch(x, np.full(B, T), context[0], targets[0], known.astype(self.values.dtype), np.arange(B))
