"""Series on a scale where they are alike, and back: logarithms or units of the series, without its own season."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.forecasting.importance import spread


@dataclass(frozen=True)
class Adjustment:
    """z = log(y + shift) where `logs`, y / shift elsewhere; over `unit`, less the effect of covariates at the step, and
    the seasonal index of its phase.

    Phase 0 is the first step after the end of a series.
    """

    logs: np.ndarray  # (n_series,) of bool
    shift: np.ndarray  # (n_series,)
    season: np.ndarray  # (n_series, season_length)
    least: np.ndarray  # (n_series,), what `plain` takes for values whose logarithm there is not
    unit: np.ndarray  # (n_series,)
    effects: list | None = None  # of covariates, at each step of each series and those to come
    ahead: np.ndarray | None = None  # (n_series, steps), those to come

    @classmethod
    def of(cls, series, season_length, log, deseasonalize, effects=None, scale="auto", typical=None):
        """From a list of 1-D arrays. `log` "auto" takes the logarithm of series without negative values; `scale` "auto"
        takes others in units of their mean size, True all in units of their naive error, at least a part of the
        `typical` one, False none in any.
        """
        least, size = np.array([y.min() for y in series]), np.array([np.abs(y).mean() for y in series])
        size[size < np.finfo(float).tiny] = 1  # zeros, and numbers that hardly differ from them
        logs = (least >= 0) if log == "auto" else np.full(len(series), log)
        shift = np.where(logs, np.where(least > 0, 0, SHIFT * size - np.minimum(least, 0)), size if scale else 1)
        told = deseasonalize and max(map(len, series), default=0) > 2 * season_length
        season = np.zeros((len(series), season_length if told else 1))
        ahead = None if effects is None else np.array([effect[len(y) :] for y, effect in zip(series, effects)])
        adjustment = cls(logs, shift, season, LEAST * (least + shift), np.ones(len(series)), effects, ahead)
        if scale is True:
            adjustment = replace(adjustment, unit=spread(adjustment.forward(series), season_length, typical))
        if told:
            season[:] = [seasonal_index(z, season_length) for z in adjustment.forward(series)]
        return adjustment

    def forward(self, series):
        """The adjusted series, a list of 1-D arrays."""
        period = self.season.shape[1]
        adjusted = [
            (np.log(y + shift) if log else y / shift) / unit - index[np.arange(-len(y), 0) % period]
            for y, log, shift, unit, index in zip(series, self.logs, self.shift, self.unit, self.season)
        ]
        if self.effects is None:
            return adjusted
        return [z - effect[: len(z)] for z, effect in zip(adjusted, self.effects)]

    def plain(self, y):
        """Values (n_series, h) after the end of the series, adjusted."""
        logs, shift, least, unit = (part[:, None] for part in (self.logs, self.shift, self.least, self.unit))
        positive = np.where(y + shift <= 0, least, y + shift)  # what is unknown stays so
        z = np.where(logs, np.log(np.where(logs, positive, 1)), y / np.where(logs, 1, shift)) / unit
        return z - self.season[:, np.arange(y.shape[1]) % self.season.shape[1]]

    def inverse(self, z):
        """Forecasts (n_series, h) on the scale of the series."""
        h = z.shape[1]
        z = z + self.season[:, np.arange(h) % self.season.shape[1]]
        if self.effects is not None:
            known = self.ahead[:, :h]  # of a last part that will be cut, not all
            z[:, : known.shape[1]] += known
        z, logs, shift = z * self.unit[:, None], self.logs[:, None], self.shift[:, None]
        return np.where(logs, np.maximum(np.exp(np.where(logs, z, 0)) - shift, 0), z * shift)


LEAST = 1e-3  # times the least value of the series
SHIFT = 0.05  # added before the logarithm, in units of the series' mean, where the series has zeros


def seasonal_index(z, period):
    """Mean of each phase of z less its trend, the centred moving average over a season, as in the classical
    decomposition, shrunk by the share of its variance that is noise; zeros for less than two seasons and a value.
    """
    if period < 2 or len(z) <= 2 * period:
        return np.zeros(period)
    weights = np.ones(period) if period % 2 else np.concatenate([[0.5], np.ones(period - 1), [0.5]])
    trend = np.convolve(z, weights / period, mode="valid")
    first = len(weights) // 2
    phases = np.arange(first - len(z), first - len(z) + len(trend)) % period
    rest, counts = z[first : first + len(trend)] - trend, np.bincount(phases, minlength=period)
    index = np.bincount(phases, rest, period) / counts
    noise = ((rest - index[phases]) ** 2).sum() / max(len(rest) - period, 1) * (1 / counts).mean()
    index -= index.mean()
    total = (index**2).mean()
    return index * max(1 - noise / total, 0) if total > 0 else index
