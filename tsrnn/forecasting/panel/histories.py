"""What forecasts start from: a panel as numbers, series end to end."""

from typing import NamedTuple

import numpy as np

from tsrnn.data.batch import places_of_runs
from tsrnn.forecasting.panel.ragged import Ragged, starts_of


class Histories(NamedTuple):
    """Series up to their ends, and what is known beside them."""

    series: Ragged
    known: np.ndarray | None = None  # which values are; None where all are
    past: np.ndarray | None = None  # (n_values, n): covariates up to the end of each series
    # rows of covariates known for as many steps beyond the end of each series
    future: Ragged | None = None
    static: np.ndarray | None = None  # (n_series, n)
    # the number of the step after the end of each series, on a clock that all share
    clock: np.ndarray | None = None

    @property
    def mask(self):
        return np.ones(len(self.series.values), bool) if self.known is None else self.known

    @property
    def n_ahead(self):
        """Steps beyond the ends of which covariates are known."""
        return (
            0
            if self.future is None or not len(self.series)
            else int((self.future.lengths - self.series.lengths)[0])
        )

    def before(self, n, least):
        """Without the last `n` values, for series that have `least` before them; and which these are."""
        long = np.flatnonzero(self.series.lengths >= n + least)
        return self.first(self.series.lengths[long] - n, long), long

    def up_to_known(self):
        """Each series up to its last known value."""
        last = np.maximum.reduceat(
            np.where(self.mask, self.series.ages, 0), self.series.starts[:-1]
        )
        return self.first(last + 1, np.arange(len(self.series)))

    def select(self, chosen):
        """The chosen series."""
        return self.first(self.series.lengths[chosen], chosen)

    def first(self, lengths, chosen):
        """The first so many values of the chosen series; what is known of the others stays known."""
        rows = places_of_runs(self.series.starts[:-1][chosen], lengths)
        future = self.future
        if future is not None:
            cut = self.series.lengths[chosen] - lengths
            future = future.first(lengths + self.n_ahead + (cut.min() if len(cut) else 0), chosen)
        return Histories(
            Ragged(self.series.values[rows], starts_of(lengths)),
            None if self.known is None else self.known[rows],
            None if self.past is None else self.past[rows],
            future,
            None if self.static is None else self.static[chosen],
            None
            if self.clock is None
            else self.clock[chosen] - (self.series.lengths[chosen] - lengths),
        )

    def followed_by(self, ahead):
        """Forecasts (n_series, h) taken for values; covariates of the past stay as they were last."""
        known = self.known
        past = self.past
        if known is not None:
            known = self.series.with_values(known).followed_by(np.ones(ahead.shape, bool)).values
        if past is not None:
            past = self.series.with_values(past)
            past = past.followed_by(np.repeat(past.last[:, None], ahead.shape[1], axis=1)).values
        clock = None if self.clock is None else self.clock + ahead.shape[1]
        return self._replace(
            series=self.series.followed_by(ahead), known=known, past=past, clock=clock
        )


def concatenate(several):
    """Histories of several panels as one."""
    return Histories(
        end_to_end([histories.series for histories in several]),
        np.concatenate([histories.mask for histories in several]),
        all_of([histories.past for histories in several]),
        None
        if several[0].future is None
        else end_to_end([histories.future for histories in several]),
        all_of([histories.static for histories in several]),
        all_of([histories.clock for histories in several]),
    )


def end_to_end(several):
    """Ragged arrays as one."""
    lengths = np.concatenate([ragged.lengths for ragged in several])
    return Ragged(np.concatenate([ragged.values for ragged in several]), starts_of(lengths))


def all_of(arrays):
    return None if arrays[0] is None else np.concatenate(arrays)
