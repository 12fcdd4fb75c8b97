"""What forecasts start from: a panel as numbers, series by series."""

from typing import NamedTuple

import numpy as np


class Histories(NamedTuple):
    """Series up to their ends, and what is known beside them."""

    series: list  # of 1-D arrays
    known: list | None = None  # which values are; None where all are
    past: list | None = None  # (n_values, n) of each series: covariates up to its end
    future: list | None = None  # (n_values + steps, n): covariates known for so many steps beyond
    static: np.ndarray | None = None  # (n_series, n)

    @property
    def masks(self):
        return [np.ones(len(y), bool) for y in self.series] if self.known is None else self.known

    def before(self, n, least):
        """Without the last `n` values, for series that have `least` before them; and which these are."""
        long = [i for i, y in enumerate(self.series) if len(y) >= n + least]
        series, known, past, future, static = self.select(long)

        def without(parts):
            return None if parts is None else [part[:-n] for part in parts]

        return Histories(without(series), without(known), without(past), future, static), long

    def up_to_known(self):
        """Each series up to its last known value."""
        behind = [int(mask[::-1].argmax()) for mask in self.masks]

        def without(parts):
            return None if parts is None else [part[: len(part) - n] for part, n in zip(parts, behind)]

        return Histories(*(without(parts) for parts in self[:4]), self.static)

    def select(self, chosen):
        """The chosen series."""
        lists = (None if parts is None else [parts[i] for i in chosen] for parts in self[:4])
        return Histories(*lists, None if self.static is None else self.static[chosen])

    def followed_by(self, ahead):
        """Forecasts (n_series, h) taken for values; covariates of the past stay as they were last."""
        h, known, past = ahead.shape[1], self.known, self.past
        if known is not None:
            known = [np.append(mask, np.ones(h, bool)) for mask in known]
        if past is not None:
            past = [np.concatenate([part, np.repeat(part[-1:], h, axis=0)]) for part in past]
        series = [np.append(y, values) for y, values in zip(self.series, ahead)]
        return self._replace(series=series, known=known, past=past)


def joined(several):
    """Histories of several panels as one."""

    def all_of(lists):
        return None if lists[0] is None else [part for parts in lists for part in parts]

    masks, static = [histories.masks for histories in several], [histories.static for histories in several]
    return Histories(
        all_of([histories.series for histories in several]),
        all_of(masks),
        all_of([histories.past for histories in several]),
        all_of([histories.future for histories in several]),
        None if static[0] is None else np.concatenate(static),
    )
