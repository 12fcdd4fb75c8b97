"""How far forecasts may be off: conformal intervals and sample paths, from errors on windows of the past.

The errors stand on the adjusted scale, in units of each series' naive error, where series are alike. The interval of a
level holds the share of those values that it names: [lo - r, hi + r], r the ceil((n + 1) level / 100)-th smallest
of the n distances max(lo - y, y - hi), negative inside. Both ends are the point forecast (Vovk, Gammerman & Shafer
2005; Lei et al. 2018), or quantiles that networks forecast (Romano, Patterson & Candes 2019).
"""

import math

import numpy as np

from tsrnn.forecasting.adjustment import Adjustment
from tsrnn.forecasting.importance import spread
from tsrnn.forecasting.quantiles import levels_of

FEW = 20  # series below which the errors of all steps are taken together


def scale_of(series, season_length, log):
    """The adjustment without a season, and the unit (n_series, 1) of errors."""
    adjustment = Adjustment.of(series, 1, log, False)
    return adjustment, spread(adjustment.forward(series), season_length)[:, None]


def residuals(history, truth, forecasts, season_length, log):
    """Errors (1 + n_quantiles, n_series, h) of forecasts of held-out values; NaN where the truth is not known."""
    adjustment, unit = scale_of(history, season_length, log)
    return np.stack([(adjustment.plain(truth) - adjustment.plain(part)) / unit for part in forecasts])


def radius(distances, level):
    """For every step what `level` percent of the distances (n, h) do not exceed."""
    if len(distances) < FEW:
        distances = np.repeat(distances.reshape(-1, 1), distances.shape[1], axis=1)

    def of_step(column):
        known = np.sort(column[~np.isnan(column)])
        return known[min(math.ceil((len(known) + 1) * level / 100), len(known)) - 1] if len(known) else np.nan

    return np.array([of_step(column) for column in distances.T])


def bands(errors, series, forecasts, levels, quantiles, season_length, log):
    """Lower and upper ends (n_series, h) of the intervals, by ending of the column's name, widest outside."""
    adjustment, unit = scale_of(series, season_length, log)
    z, levels, lows, highs = [adjustment.plain(part) for part in forecasts], sorted(levels), [], []
    for level in levels:
        low, high = levels_of(quantiles)[level] if quantiles else (0, 0)
        beyond = radius(np.maximum(-errors[low], errors[high]), level) * unit
        lows.insert(0, z[low] - beyond)
        highs.append(z[high] + beyond)
    names = [*(f"lo-{level:g}" for level in reversed(levels)), *(f"hi-{level:g}" for level in levels)]
    return {name: adjustment.inverse(end) for name, end in zip(names, np.sort([*lows, *highs], axis=0))}


def paths(errors, series, forecasts, n_paths, season_length, log, rng):
    """Futures (n_paths, n_series, h): the forecast plus the errors of a whole window of the past, drawn at random."""
    adjustment, unit = scale_of(series, season_length, log)
    whole, z = errors[0][~np.isnan(errors[0]).any(axis=1)], adjustment.plain(forecasts[0])
    drawn = rng.integers(len(whole), size=(n_paths, len(series)))
    return np.stack([adjustment.inverse(z + whole[rows] * unit) for rows in drawn])
