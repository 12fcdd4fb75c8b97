"""Values held out from the end of a panel, and how far forecasts of them are off."""

from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.panel.histories import Histories

LEAST = 3  # values before the held-out ones


class HeldOut(NamedTuple):
    """A panel without its last values, and those values; what is too short for it is left out."""

    history: Histories
    truth: np.ndarray  # (n_series, h), NaN where unknown

    def places(self, most):
        """Of at most so many series, evenly from first to last."""
        return np.arange(0, len(self.truth), max(-(-len(self.truth) // most), 1))

    def some(self, most):
        """The same of at most so many series."""
        chosen = self.places(most)
        return HeldOut(self.history.select(chosen), self.truth[chosen])


def hold_out(histories, h):
    history, long = histories.before(h, LEAST)
    last = histories.series.starts[1:][long][:, None] - np.arange(h, 0, -1)
    truth = np.where(histories.mask[last], histories.series.values[last], np.nan)
    return HeldOut(history, truth)


def hold_out_known(histories, h):
    """The last values; where they are missing in all series, as in rows of the future, the last known ones."""
    held = hold_out(histories, h)
    return hold_out(histories.up_to_known(), h) if np.isnan(held.truth).all() else held


def with_older(held, n, h):
    """So many held-out windows, as far as series reach: one, the one before it, and so on."""
    while n and len(held.truth):
        yield held
        held = hold_out(held.history, h)
        n -= 1


def error(truth, forecasts, weights):
    """Weighted mean over series of the absolute error relative to truth and forecast, or to twice the truth where that
    has negative values: relative to itself, a forecast about zero is always wrong.
    """
    known = ~np.isnan(truth)
    relative_to = np.where((truth < 0).any(axis=1, keepdims=True), truth, forecasts)
    size = np.nansum(np.abs(truth) + np.abs(relative_to) * known, axis=1)
    return float(
        weights @ (np.nansum(np.abs(truth - forecasts), axis=1) / np.where(size > 0, size, 1))
    )
