"""What recurs each season: the index that a series tells by itself, and the events that a panel tells together.

A phase is a step of a season. That of a series counts from the first step after its end, that of a panel on a clock
that all its series share.
"""

import numpy as np
import pandas as pd

from tsrnn.forecasting.panel.ragged import medians, sums

USUAL = 3.0  # times the median size of a phase's deviation; what is less is no event
NEIGHBOURS = 6.5  # part of a season on both sides of a value that its level is the median of
N_LAST = 4  # seasons, at the end of each series, that events are looked for in


def events_of(z, clock, period):
    """Events (period,) that ragged adjusted series share, by the phases of their clock, from as little as one season.

    Each value deviates from its local level, a running median. A phase deviates by the median over series of their mean
    deviations there. It is an event as far as that is beyond three times the usual size of such deviations: what all
    series do in one year alone, such as its weather, is of the usual size.
    """
    own, seen = own_deviations(z, clock, period)
    found = np.zeros(period)
    there = seen.any(axis=0)
    for phase in np.flatnonzero(there):
        found[phase] = np.median(own[seen[:, phase], phase])
    usual = np.median(np.abs(found[there])) if there.any() else 0.0
    return shrunk(found, USUAL * usual)


def index_of_events(events, z, clock):
    """The events (n_series, period) by the phases of each series: of those that it has seen, as much as is beyond the
    usual size of its own deviations, in the same direction.
    """
    period = len(events)
    own, seen = own_deviations(z, clock, period)
    usual = medians(np.abs(own[seen]), seen.sum(axis=1))[:, None]
    shown = np.divide(shrunk(own, usual), own, out=np.zeros_like(own), where=own != 0)
    index = events * np.where(seen, shown * (own * events > 0), 1)
    phases = (clock[:, None] + np.arange(period)) % period
    return np.take_along_axis(index, phases, axis=1)


def shrunk(x, size):
    """The nonnegative garrote (Breiman 1995): x (1 - size^2 / x^2), 0 within the size."""
    ratio = np.divide(size, x, out=np.ones_like(x), where=np.abs(x) > size)
    return x * (1 - ratio**2)


def own_deviations(z, clock, period):
    """The mean deviation (n_series, period) from the local level at each phase of the clock, and where it is known."""
    z = z.ends(N_LAST * period)
    rest = z.values - local_levels(z, max(int(period / NEIGHBOURS), 1))
    phases = (z.repeat(clock) - z.left) % period
    cells = z.repeat(np.arange(len(z)) * period) + phases
    counts = np.bincount(cells, minlength=len(z) * period).reshape(-1, period)
    total = np.bincount(cells, rest, len(z) * period).reshape(-1, period)
    return total / np.maximum(counts, 1), counts > 0


def local_levels(z, n_beside):
    """The median of each value of ragged series and so many on each side of it."""
    room = z.starts[:-1] + n_beside * np.arange(len(z))
    apart = np.full(len(z.values) + n_beside * len(z), np.nan)  # so that no window reaches two
    places = z.repeat(room) + z.ages
    apart[places] = z.values
    rolling = pd.Series(apart).rolling(2 * n_beside + 1, center=True, min_periods=1)
    return rolling.median().to_numpy()[places]


def seasonal_index(z, period):
    """Mean (n_series, period) of each phase of ragged z less its trend, the centred moving average over a season, as in
    the classical decomposition, shrunk by the share of its variance that is noise; zeros for less than two seasons and
    a value.
    """
    found = np.zeros((len(z), period))
    long = np.flatnonzero(z.lengths > 2 * period)
    if period < 2 or not len(long):
        return found
    z = z.first(z.lengths[long], long)
    weights = np.ones(period) if period % 2 else np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    left = z.left
    begins = np.flatnonzero(left >= len(weights))  # of averages that lie within a series
    trend = np.convolve(z.values, weights / period, mode="valid")[begins]
    first = len(weights) // 2
    rest = z.values[begins + first] - trend
    n_rest = z.lengths - len(weights) + 1
    cells = np.repeat(np.arange(len(z)) * period, n_rest) + (first - left[begins]) % period
    counts = np.bincount(cells, minlength=len(z) * period).reshape(-1, period)
    index = np.bincount(cells, rest, len(z) * period).reshape(-1, period) / counts
    squares = sums((rest - index.reshape(-1)[cells]) ** 2, n_rest)
    noise = squares / np.maximum(n_rest - period, 1) * (1 / counts).mean(axis=1)
    index -= index.mean(axis=1, keepdims=True)
    total = (index**2).mean(axis=1)
    found[long] = index * np.maximum(1 - noise / np.where(total > 0, total, np.inf), 0)[:, None]
    return found
