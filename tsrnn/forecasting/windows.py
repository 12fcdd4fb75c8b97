"""Windows of a panel: what the network sees of a series up to a cut, and what comes after."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.backends import cpu
from tsrnn.batching import Batch


@dataclass(frozen=True)
class Windows:
    """Rows: of a series the `window` values before a cut, in steps of `segment` values, and the `h` values after it.

    All are less the level at the cut, the mean of the last `level` values. `values` holds the series end to end, each
    with `window` values of padding in front, so that a window before a short history reads its padding, and room for
    `h` behind. Row r is the cut before `values[stops[r]]`; `ends[r]` is where its series ends. An epoch draws `n_draws`
    rows, every series equally often.

    Covariates lie beside the values. At every step the network sees those of the past, those of the future at the step
    itself and `h` values later, so that the last `h` values bring those of the horizon, and those of the series.
    """

    values: np.ndarray  # flat
    starts: np.ndarray  # of each series' first value after its padding
    window: int
    segment: int
    level: int
    h: int
    stops: np.ndarray
    ends: np.ndarray
    importance: np.ndarray  # of each row
    known: np.ndarray | None = None  # 1 where a value is known; if given, the network sees it beside the values
    past: np.ndarray | None = None  # (len(values), n)
    future: np.ndarray | None = None  # (len(values), n)
    static: np.ndarray | None = None  # (n_series, n)
    n_draws: int = 0
    first_rows: np.ndarray | None = None  # of each series; one more at the end

    @classmethod
    def at_ends(
        cls, series, window, segment, level, h, known=None, past=None, future=None, static=None, dtype=np.float32
    ):
        """One row for each of a list of 1-D arrays, cut at its end: where forecasts start. `known` (list of bool
        arrays) says which values are; covariates as in `Histories`.
        """
        n_values = np.array([len(y) for y in series])
        starts = np.cumsum(n_values + window + h) - n_values - h
        ends = starts + n_values

        def end_to_end(parts):
            if parts is None:
                return None
            flat = np.zeros((len(n_values) * (window + h) + n_values.sum(), *parts[0].shape[1:]), dtype)
            for part, start, n in zip(parts, starts, n_values):
                flat[start : start + len(part[: n + h])] = part[: n + h]
            return flat

        values = end_to_end(series)
        for y, start in zip(series, starts):
            values[start - window : start] = y[: max(level, 1)].mean()
        beside = (end_to_end(parts) for parts in (known, past, future))
        static = None if static is None else static.astype(dtype)
        return cls(values, starts, window, segment, level, h, ends, ends, np.ones(len(ends)), *beside, static)

    @property
    def n_inputs(self):
        widths = [0 if table is None else table.shape[1] for table in (self.past, self.future, self.static)]
        of_a_value = 1 + (self.known is not None) + widths[0] + 2 * widths[1]
        return self.segment * of_a_value + widths[2]

    def for_training(self, n_draws, importance=None):
        """Every cut with the whole window before it, or the last one, up to the last value: of a horizon that reaches
        beyond the end only the known values count, so that the latest values teach too.

        `importance` (n_series,) is how much the errors of a series count.
        """
        n_values = self.ends - self.starts
        first = np.clip(np.minimum(self.window, n_values - self.h), 1, n_values - 1)
        last = np.maximum(n_values - 1, first)
        counts = last - first + 1
        first_rows = np.concatenate([[0], np.cumsum(counts)])
        stops = np.repeat(self.starts + first - first_rows[:-1], counts) + np.arange(first_rows[-1])
        importance = np.repeat(np.ones(len(counts)) if importance is None else importance, counts)
        ends = np.repeat(self.ends, counts)
        return replace(self, stops=stops, ends=ends, importance=importance, n_draws=n_draws, first_rows=first_rows)

    def __len__(self):
        return self.n_draws or len(self.stops)

    @property
    def lengths(self):
        return np.full(len(self.stops), self.window // self.segment)

    def places(self, chosen):
        return chosen

    @property
    def n_places(self):
        return len(self.stops)

    def n_batches(self, batch_size):
        return -(-self.n_draws // batch_size)

    def epoch(self, rng, batch_size, shuffle):
        counts = np.diff(self.first_rows)
        for _ in range(self.n_batches(batch_size)):
            series = rng.integers(len(counts), size=batch_size)
            yield self.first_rows[series] + rng.integers(counts[series])

    def weights_of(self, chosen):
        known = np.arange(self.h) < (self.ends[chosen] - self.stops[chosen])[:, None]
        if self.known is not None:
            known = known * self.known[self.stops[chosen][:, None] + np.arange(self.h)]
        return (known * self.importance[chosen][:, None]).astype(self.values.dtype)

    def levels(self, chosen):
        return self.values[self.stops[chosen][:, None] - 1 - np.arange(self.level)].mean(
            axis=1, dtype=self.values.dtype
        )

    def batch(self, chosen, room):
        B, T, stops, level = len(chosen), self.window // self.segment, self.stops[chosen], self.levels(chosen)
        x, context = room.take("x", (T, B, self.segment)), room.take("context", (1, B, self.window))
        targets, once = room.take("targets", (1, B, self.h)), np.ones(B, np.int64)
        cpu.gather(self.values, stops - self.window, np.full(B, T), level, x)
        cpu.gather(self.values, stops - self.window, once, level, context)
        cpu.gather(self.values, stops, once, level, targets)
        beside = [(self.known, 0), (self.past, 0), (self.future, 0), (self.future, self.h)]
        inputs = [x, *(self._gathered(table, stops + later) for table, later in beside if table is not None)]
        if self.static is not None:
            series = np.searchsorted(self.starts, stops, side="right") - 1
            inputs.append(np.broadcast_to(self.static[series], (T, B, self.static.shape[1])))
        x = np.concatenate(inputs, axis=2) if len(inputs) > 1 else x
        return Batch(x, np.full(B, T), context[0], targets[0], self.weights_of(chosen))

    def _gathered(self, table, stops):
        """What stands beside the values of the window before each of `stops`."""
        B, T, F = len(stops), self.window // self.segment, table.size // len(table)
        out = np.empty((T, B, self.segment * F), table.dtype)
        starts, none = (stops - self.window) * F, np.zeros(B, table.dtype)
        cpu.gather(table.reshape(-1), starts, np.full(B, T), none, out)
        return out
