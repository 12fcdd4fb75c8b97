"""Series on a scale where they are alike, and back: logarithms or units of the series, without its own season."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.panel.ragged import sums
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
    at the step, and the seasonal index of its phase.

    Phase 0 is the first step after the end of a series.
    """

    logs: np.ndarray  # (n_series,) of bool
    shift: np.ndarray  # (n_series,)
    season: np.ndarray  # (n_series, season_length)
    least: np.ndarray  # (n_series,), what `plain` takes for values whose logarithm there is not
    unit: np.ndarray  # (n_series,)
    # (n_series,), what all values of a series have in common: networks compute in float32
    middle: np.ndarray
    effects: np.ndarray | None = None  # of covariates, at each step of each series
    ahead: np.ndarray | None = None  # (n_series, steps), at those to come

    @classmethod
    def of(cls, series, season_length, units, deseasonalize, effects=None, ahead=None):
        """From ragged `series`, in `Units`."""
        log, scale, typical = units
        least = series.least()
        size = series.with_values(np.abs(series.values)).means()
        size[size < np.finfo(float).tiny] = 1  # zeros, and numbers that hardly differ from them
        logs = (least >= 0) if log == "auto" else np.full(len(series), log)
        shift = np.where(
            logs, np.where(least > 0, 0, SHIFT * size - np.minimum(least, 0)), size if scale else 1
        )
        told = deseasonalize and series.lengths.max(initial=0) > 2 * season_length
        season = np.zeros((len(series), season_length if told else 1))
        unit = np.ones(len(series))
        middle = np.zeros(len(series))
        adjustment = cls(logs, shift, season, LEAST * (least + shift), unit, middle, effects, ahead)
        middle[:] = adjustment.forward(series).means()
        z = adjustment.forward(series)
        if scale is True:
            unit[:] = naive_scale(z, season_length, typical)
        elif scale == "auto":
            naive = naive_errors(z, season_length)
            unit[:] = np.where((naive > ROUNDING) & (naive < QUIET), naive / USUAL, 1)
        if told:
            season[:] = seasonal_index(adjustment.forward(series), season_length)
        return adjustment

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
        period = self.season.shape[1]
        if period > 1:
            z = (
                z
                - self.season.reshape(-1)[
                    series.repeat(np.arange(len(series)) * period) + -series.left % period
                ]
            )
        return series.with_values(z if self.effects is None else z - self.effects)

    def plain(self, y):
        """Values (n_series, h) after the end of the series, adjusted."""
        logs, shift, least, unit, middle = (
            part[:, None] for part in (self.logs, self.shift, self.least, self.unit, self.middle)
        )
        positive = np.where(y + shift <= 0, least, y + shift)  # what is unknown stays so
        z = np.where(logs, np.log(np.where(logs, positive, 1)), y / np.where(logs, 1, shift))
        return (z - middle) / unit - self.season[:, np.arange(y.shape[1]) % self.season.shape[1]]

    def inverse(self, z):
        """Forecasts (n_series, h) on the scale of the series."""
        h = z.shape[1]
        z = z + self.season[:, np.arange(h) % self.season.shape[1]]
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
USUAL = 0.05
ROUNDING = 1e-10
LEAST = 1e-3  # times the least value of the series
SHIFT = 0.05  # added before the logarithm, in units of the series' mean, where the series has zeros


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
