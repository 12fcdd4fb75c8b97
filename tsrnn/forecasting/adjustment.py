"""Series on a scale where they are alike, and back: logarithms or units of the series, without its own season."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.series_weights import naive_errors, naive_scale


class Units(NamedTuple):
    """`log` "auto" takes the logarithm of series without negative values. `scale` "auto" takes others in units of their
    mean size, True all in units of their naive error, at least a part of the `typical` one, False none in any.
    """

    log: bool | str
    scale: bool | str = "auto"
    typical: float | None = None


@dataclass(frozen=True)
class Adjustment:
    """z = log(y + shift) where `logs`, y / shift elsewhere; less `middle`, over `unit`, less the effect of covariates
    at the step, and the index of its phase in each season.

    Phase 0 is the first step after the end of a series.
    """

    logs: np.ndarray  # (n_series,) of bool
    shift: np.ndarray  # (n_series,)
    seasons: tuple  # of (n_series, season_length), from the shortest
    least: np.ndarray  # (n_series,), what `plain` takes for values whose logarithm there is not
    unit: np.ndarray  # (n_series,)
    # (n_series,), what all values of a series have in common: networks compute in float32
    middle: np.ndarray
    effects: np.ndarray | None = None  # of covariates, at each step of each series
    ahead: np.ndarray | None = None  # (n_series, steps), at those to come

    @classmethod
    def of(cls, series, season_length, units, covariates=(None, None)):
        """From ragged `series`, in `Units`. `covariates` are their effects on values, and on those to come."""
        log, scale, typical = units
        least = series.least()
        size = series.with_values(np.abs(series.values)).means()
        size[size < np.finfo(float).tiny] = 1  # zeros, and numbers that hardly differ from them
        logs = (least >= 0) if log == "auto" else np.full(len(series), log)
        shift = np.where(
            logs, np.where(least > 0, 0, SHIFT * size - np.minimum(least, 0)), size if scale else 1
        )
        unit = np.ones(len(series))
        middle = np.zeros(len(series))
        new = cls(logs, shift, (), LEAST * (least + shift), unit, middle, *covariates)
        middle[:] = new.forward(series).means()
        z = new.forward(series)
        if scale is True:
            unit[:] = naive_scale(z, season_length, typical)
        elif scale == "auto":
            naive = naive_errors(z, season_length)
            unit[:] = np.where((naive > ROUNDING) & (naive < QUIET), naive / LIVELY, 1)
        return new

    def without(self, indices, series):
        """Without further seasons, each by a function that gives the index of adjusted series."""
        adjustment = self
        for index in indices:
            found = index(adjustment.forward(series))
            adjustment = replace(adjustment, seasons=(*adjustment.seasons, found))
        return adjustment

    def season_at(self, series):
        """The index at each value of ragged series."""
        rows = series.repeat(np.arange(len(series)))
        return sum(season[rows, -series.left % season.shape[1]] for season in self.seasons)

    def season_ahead(self, h):
        """The index (n_series, h) at the steps after the end."""
        return sum(season[:, np.arange(h) % season.shape[1]] for season in self.seasons)

    def forward(self, series):
        """The adjusted series, ragged."""
        shift = series.repeat(self.shift)
        if self.logs.all():
            z = np.log(series.values + shift)
        else:
            logs = series.repeat(self.logs)
            logarithms = np.log(np.where(logs, series.values + shift, 1))
            z = np.where(logs, logarithms, series.values / np.where(logs, 1, shift))
        z = z - series.repeat(self.middle)
        if (self.unit != 1).any():
            z = z / series.repeat(self.unit)
        if self.seasons:
            z = z - self.season_at(series)
        return series.with_values(z if self.effects is None else z - self.effects)

    def plain(self, y):
        """Values (n_series, h) after the end of the series, adjusted."""
        logs, shift, least, unit, middle = (
            part[:, None] for part in (self.logs, self.shift, self.least, self.unit, self.middle)
        )
        positive = np.where(y + shift <= 0, least, y + shift)  # what is unknown stays so
        z = np.where(logs, np.log(np.where(logs, positive, 1)), y / np.where(logs, 1, shift))
        return (z - middle) / unit - self.season_ahead(y.shape[1])

    def inverse(self, z):
        """Forecasts (n_series, h) on the scale of the series."""
        h = z.shape[1]
        z = z + self.season_ahead(h)
        if self.effects is not None:
            known = self.ahead[:, :h]  # of a last part that will be cut, not all
            z[:, : known.shape[1]] += known
        z = z * self.unit[:, None] + self.middle[:, None]
        logs = self.logs[:, None]
        shift = self.shift[:, None]
        return np.where(logs, np.maximum(np.exp(np.where(logs, z, 0)) - shift, 0), z * shift)


# Naive errors on the scale of logarithms: of a series whose level is far above its movement, as networks are good at,
# and of one that does not move but for rounding
QUIET = 2e-4
LIVELY = 0.05
ROUNDING = 1e-10
LEAST = 1e-3  # times the least value of the series
SHIFT = 0.05  # added before the logarithm, in units of the series' mean, where the series has zeros
