"""Windows of a panel: what the network sees of a series up to a cut, and what comes after."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.backends import cpu
from tsrnn.backends.placing import copy_columns
from tsrnn.data.batch import Batch, places_of_runs
from tsrnn.networks.network import Network


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
    series_weights: np.ndarray  # of each row
    # 1 where a value is known; if given, the network sees it beside the values
    known: np.ndarray | None = None
    past: np.ndarray | None = None  # flat, as many for each value
    future: np.ndarray | None = None  # flat, as many for each value
    static: np.ndarray | None = None  # (n_series, n)
    n_draws: int = 0
    first_rows: np.ndarray | None = None  # of each series; one more at the end
    carried = None

    @classmethod
    def at_ends(cls, histories, plan, h, n_behind=None, dtype=np.float32):
        """One row for each series, cut at its end: where forecasts start. Rows can go `forward` by
        `n_behind` values, `h` unless given. Of `histories` without `known` the network sees no gaps.
        """
        series = histories.series
        window = plan.window
        n_behind = h if n_behind is None else n_behind
        lengths = series.lengths
        starts = np.cumsum(lengths + window + n_behind) - lengths - n_behind
        n_values = len(series.values) + len(lengths) * (window + n_behind)

        def laid(ragged):
            if ragged is None:
                return None
            long = np.minimum(ragged.lengths, lengths + n_behind)
            table = np.zeros((n_values, *ragged.values.shape[1:]), dtype)
            table[places_of_runs(starts, long)] = ragged.first(long).values
            return table

        def beside(table):
            return None if table is None else laid(series.with_values(table)).reshape(-1)

        values = laid(series)
        values[starts[:, None] - window + np.arange(window)] = first_levels(series, plan.level)[
            :, None
        ]
        return cls(
            values,
            starts,
            window,
            plan.segment,
            plan.level,
            h,
            stops=starts + lengths,
            ends=starts + lengths,
            series_weights=np.ones(len(lengths)),
            known=beside(histories.known),
            past=beside(histories.past),
            future=None if histories.future is None else laid(histories.future).reshape(-1),
            static=None if histories.static is None else histories.static.astype(dtype),
        )

    def forward(self, ahead):
        """The rows a few values later: forecasts (n_series, n) are written behind the ends and taken for known values;
        covariates of the past stay as they were last.
        """
        behind = self.ends[:, None] + np.arange(ahead.shape[1])
        self.values[behind] = ahead
        if self.known is not None:
            self.known[behind] = 1
        if self.past is not None:
            past = self.past.reshape(len(self.values), -1)
            past[behind] = past[self.ends - 1][:, None]
        return replace(self, stops=self.stops + ahead.shape[1], ends=self.ends + ahead.shape[1])

    @property
    def n_inputs(self):
        tables = (self.values, self.known, self.past, self.future, self.future)
        of_a_value = sum(table.size for table in tables if table is not None) // len(self.values)
        return self.segment * of_a_value + (0 if self.static is None else self.static.shape[1])

    def new_network(self, cell, hidden_size, rng, n_blocks):
        """A network for these rows that gives their `h` values `n_blocks` times, and its weights at first: its linear
        way starts from "as the level is".
        """
        network = Network(
            cell, self.n_inputs, hidden_size, self.h * n_blocks, n_context=self.window
        )
        theta = network.initial(rng)
        network.layout.view(theta)["weight_ho"][network.width :] = 0
        return network, theta

    def for_training(self, n_draws, series_weights=None, into_padding=False):
        """Every cut with the whole window before it, or the last one, or `into_padding` with a third of the series, up
        to the last value: of a horizon that reaches beyond the end only the known values count, so that the latest
        values teach too.

        `importance` (n_series,) is how much the errors of a series count.
        """
        n_values = self.ends - self.starts
        before = np.minimum(self.window, n_values - self.h)
        if into_padding:
            before = np.minimum(before, n_values // 3)
        first = np.clip(before, 1, n_values - 1)
        last = np.maximum(n_values - 1, first)
        counts = last - first + 1
        first_rows = np.concatenate([[0], np.cumsum(counts)])
        stops = np.repeat(self.starts + first - first_rows[:-1], counts) + np.arange(first_rows[-1])
        series_weights = np.repeat(
            np.ones(len(counts)) if series_weights is None else series_weights, counts
        )
        ends = np.repeat(self.ends, counts)
        return replace(
            self,
            stops=stops,
            ends=ends,
            series_weights=series_weights,
            n_draws=n_draws,
            first_rows=first_rows,
        )

    def __len__(self):
        return self.n_draws or len(self.stops)

    @property
    def lengths(self):
        return np.broadcast_to(self.window // self.segment, len(self.stops))

    def places(self, chosen):
        return chosen

    @property
    def n_places(self):
        return len(self.stops)

    def n_batches(self, batch_size):
        return -(-self.n_draws // batch_size)

    def epoch(self, rng, batch_size, shuffle):
        counts = np.diff(self.first_rows)  # pyright: ignore[reportCallIssue]
        for _ in range(self.n_batches(batch_size)):
            series = rng.integers(len(counts), size=batch_size)
            yield self.first_rows[series] + rng.integers(counts[series])

    def weights_of(self, chosen):
        known = np.arange(self.h) < (self.ends[chosen] - self.stops[chosen])[:, None]
        if self.known is not None:
            known = known * self.known[self.stops[chosen][:, None] + np.arange(self.h)]
        return (known * self.series_weights[chosen][:, None]).astype(self.values.dtype)

    def levels(self, chosen):
        return cpu.trailing_mean(self.values, self.stops[chosen], self.level, None, None)

    def batch(self, chosen, workspace):
        backend = workspace.backend
        values = workspace.on_device(self.values)
        stops = self.stops[chosen]
        seen, level = self.read(chosen, workspace)
        context = workspace.array("context", (1, len(chosen), self.window))
        targets = workspace.array("targets", (1, len(chosen), self.h))
        once = backend.put(np.ones(len(chosen), np.int64), workspace, "once")
        backend.gather(
            values, backend.put(stops - self.window, workspace, "begins"), once, level, context
        )
        backend.gather(values, backend.put(stops, workspace, "ends"), once, level, targets)
        weights = backend.put(self.weights_of(chosen), workspace, "weights")
        return seen._replace(context=context[0], targets=targets[0], weights=weights)

    def read(self, chosen, workspace):
        """What the network reads of the chosen rows, a batch without targets, and their levels on the device."""
        backend = workspace.backend
        values = workspace.on_device(self.values)
        stops = self.stops[chosen]
        lengths = np.full(len(chosen), self.window // self.segment)
        steps = backend.put(lengths, workspace, "lengths")
        level = backend.trailing_mean(
            values, backend.put(stops, workspace, "ends"), self.level, workspace, "level"
        )
        x = workspace.array("x", (lengths[0], len(chosen), self.segment))
        backend.gather(
            values, backend.put(stops - self.window, workspace, "begins"), steps, level, x
        )
        if self.n_inputs > self.segment:
            both = workspace.array("both", (*x.shape[:2], self.n_inputs))
            column = 0
            for part in (x, *self._beside(chosen, workspace, steps)):
                copy_columns(backend, part, both, steps, to=column)
                column += part.shape[2]
            x = both
        none = np.empty((len(chosen), 0), self.values.dtype)
        return Batch(x, lengths, steps, none, none, none), level

    def _beside(self, chosen, workspace, steps):
        """What the network sees beside the values: (T, B, ...) of each kind."""
        B = len(chosen)
        T = self.window // self.segment
        begins = self.stops[chosen] - self.window
        zero = workspace.backend.put(np.zeros(B, self.values.dtype), workspace, "zero")
        tables = {"known": (self.known, 0), "past": (self.past, 0), "future": (self.future, 0)}
        for name, (table, later) in (tables | {"later": (self.future, self.h)}).items():
            if table is not None:
                F = table.size // len(self.values)
                part = workspace.array(name, (T, B, self.segment * F))
                first = workspace.backend.put((begins + later) * F, workspace, f"begins of {name}")
                workspace.backend.gather(workspace.on_device(table), first, steps, zero, part)
                yield part
        if self.static is not None:
            series = np.searchsorted(self.starts, self.stops[chosen], side="right") - 1
            rows = np.repeat(self.static[series][None], T, axis=0)
            yield workspace.backend.put(rows, workspace, "static")


def first_levels(series, level):
    """The mean of the first `level` values of each series, at least of one."""
    return series.first(np.minimum(series.lengths, max(level, 1))).means()
