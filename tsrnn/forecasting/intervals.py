"""How far forecasts may be off: split-conformal intervals and sample paths, from errors on held-out values.

The errors stand on the adjusted scale, in units of each series' naive error, where series are alike. The interval of a
level holds the share of errors that it names; with n errors it is the ceil((n + 1) level / 100)-th smallest absolute
one (Vovk, Gammerman & Shafer 2005; Lei et al. 2018).
"""

import math

import numpy as np

from tsrnn.forecasting.adjustment import Adjustment
from tsrnn.forecasting.importance import spread

FEW = 20  # series below which the errors of all steps are taken together


def scale_of(series, season_length, log):
    """The adjustment without a season, and the unit (n_series, 1) of errors."""
    adjustment = Adjustment.of(series, 1, log, False)
    return adjustment, spread(adjustment.forward(series), season_length)[:, None]


def residuals(history, truth, forecasts, season_length, log):
    """Errors (n_series, h) of forecasts of held-out values; NaN where the truth is not known."""
    adjustment, unit = scale_of(history, season_length, log)
    return (adjustment.plain(truth) - adjustment.plain(forecasts)) / unit


def radius(errors, level):
    """For every step what `level` percent of the errors (n, h) do not exceed."""
    if len(errors) < FEW:
        errors = np.repeat(errors.reshape(-1, 1), errors.shape[1], axis=1)

    def of_step(column):
        known = np.sort(np.abs(column[~np.isnan(column)]))
        return known[min(math.ceil((len(known) + 1) * level / 100), len(known)) - 1] if len(known) else np.nan

    return np.array([of_step(column) for column in errors.T])


def bands(errors, series, forecasts, levels, season_length, log):
    """Lower and upper ends (n_series, h) of the intervals, by ending of the column's name."""
    adjustment, unit = scale_of(series, season_length, log)
    z, ends = adjustment.plain(forecasts), {}
    for level in sorted(levels, reverse=True):
        ends[f"lo-{level:g}"] = adjustment.inverse(z - radius(errors, level) * unit)
    for level in sorted(levels):
        ends[f"hi-{level:g}"] = adjustment.inverse(z + radius(errors, level) * unit)
    return ends


def paths(errors, series, forecasts, n_paths, season_length, log, rng):
    """Futures (n_paths, n_series, h): the forecast plus the errors of a whole held-out window, drawn at random."""
    adjustment, unit = scale_of(series, season_length, log)
    whole, z = errors[~np.isnan(errors).any(axis=1)], adjustment.plain(forecasts)
    drawn = rng.integers(len(whole), size=(n_paths, len(series)))
    return np.stack([adjustment.inverse(z + whole[rows] * unit) for rows in drawn])
