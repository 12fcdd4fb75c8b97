"""Series of unequal length, end to end in one array, and what is asked of each of them without a loop over series."""

from dataclasses import dataclass

import numpy as np

from tsrnn.data.batch import places_of_runs


@dataclass(frozen=True)
class Ragged:
    """Series i is `values[starts[i] : starts[i + 1]]`: numbers, or rows of numbers."""

    values: np.ndarray
    starts: np.ndarray  # (n_series + 1,)

    @classmethod
    def of(cls, arrays):
        """Of a list of arrays, at least one."""
        return cls(np.concatenate(arrays), starts_of([len(array) for array in arrays]))

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"series must be one of {len(self)}; got number {i}.")
        return self.values[self.starts[i] : self.starts[i + 1]]

    @property
    def lengths(self):
        return np.diff(self.starts)

    @property
    def longest(self):
        return int(self.lengths.max(initial=0))

    @property
    def ages(self):
        """The place of each value in its series."""
        return ages_of(self.starts)

    @property
    def left(self):
        """How many values each series has from each value on."""
        return self.repeat(self.starts[1:]) - np.arange(len(self.values))

    @property
    def last(self):
        return self.values[self.starts[1:] - 1]

    def with_values(self, values):
        return Ragged(values, self.starts)

    def repeat(self, numbers):
        """A number of each series at each of its values."""
        return np.repeat(numbers, self.lengths)

    def first(self, lengths, chosen=slice(None)):
        """The first so many values of the chosen series."""
        return Ragged(
            self.values[places_of_runs(self.starts[:-1][chosen], lengths)], starts_of(lengths)
        )

    def ends(self, n):
        """The last `n` values of each series, or all it has."""
        lengths = np.minimum(self.lengths, min(n, self.longest))
        return Ragged(
            self.values[places_of_runs(self.starts[1:] - lengths, lengths)], starts_of(lengths)
        )

    def followed_by(self, ahead):
        """With further values (n_series, n, ...) after the end of each series."""
        n = ahead.shape[1]
        starts = starts_of(self.lengths + n)
        values = np.empty((starts[-1], *self.values.shape[1:]), self.values.dtype)
        values[places_of_runs(starts[:-1], self.lengths)] = self.values
        values[starts[1:, None] - n + np.arange(n)] = ahead
        return Ragged(values, starts)

    def sums(self):
        return sums(self.values, self.lengths)

    def means(self):
        return self.sums() / self.lengths

    def least(self):
        """The least value of each series; none may be empty."""
        return np.minimum.reduceat(self.values, self.starts[:-1]) if len(self) else np.empty(0)


def starts_of(lengths):
    """Where each series starts, and the end of the last."""
    return np.append(0, np.cumsum(lengths, dtype=np.int64))


def series_of(starts):
    """The number of the series that each value belongs to."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def ages_of(starts):
    """The place of each value in its series."""
    return np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))


def sums(values, lengths):
    """The sum of each run of values; 0 of an empty one."""
    found = np.zeros(len(lengths))
    some = lengths > 0
    if some.any():
        found[some] = np.add.reduceat(values, (np.cumsum(lengths) - lengths)[some])
    return found


def medians(values, lengths):
    """The median of each run of values; 0 of an empty one. Runs of one length are a table."""
    found = np.zeros(len(lengths))
    firsts = np.cumsum(lengths) - lengths
    for n in np.unique(lengths[lengths > 0]):
        runs = np.flatnonzero(lengths == n)
        found[runs] = np.median(values[firsts[runs, None] + np.arange(n)], axis=1)
    return found
