"""How far forecasts may be off: conformal intervals and sample paths, from errors on windows of the past.

The errors stand on the adjusted scale, in units of each series' naive error, where series are alike. The interval of a
level P holds the share of those values that it names: [lo - r, hi + r], r the ceil((n + 1) P)-th smallest of the n
distances max(lo - y, y - hi), negative inside. Both ends are the point forecast (Vovk, Gammerman & Shafer 2005; Lei et
al. 2018), or quantiles that networks forecast (Romano, Patterson & Candes 2019), which are moved half as far: a few
windows of the past share their luck, and what networks have learnt from all of them is worth as much.

One radius for both sides is steady, as the few windows of the past share their good and bad luck. But where errors are
skew, as of sales that stop for a day, it is far too long on one side, and on a logarithmic scale an error is a factor,
which near zero is no measure of one elsewhere. So neither end is further from the forecast than errors to its own side
have been, in naive errors and in units of the size of the series: than a bound that few of them exceed, an eighth of
1 - P.
"""

import math
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.panel.ragged import medians, sums
from tsrnn.forecasting.quantiles import at
from tsrnn.forecasting.series_weights import lifted, naive_distances

FEW = 5  # errors beyond the end of an interval: with fewer at a step, errors of all steps are taken together
OWN = 10  # errors of a step from which its own size counts as much as that of all steps
FAR = 10.0  # times the median difference: what is larger is an outlier, which is no usual error
TRUST = 0.5  # of the way that errors would move the ends that networks forecast
RARE = 0.125  # share of the errors outside an interval that may be beyond the bound of one side


class Errors(NamedTuple):
    """Errors of forecasts of windows of the past, NaN where the truth is not known."""

    adjusted: np.ndarray  # (1 + n_quantiles, n, h), in units of each series' naive error
    plain: np.ndarray | None = None  # (n, h) of the point forecast, in units of each series' size

    @property
    def h(self):
        return self.adjusted.shape[2]

    @property
    def any_known(self):
        return bool((~np.isnan(self.adjusted[0])).any())

    def scaled(self, factor):
        """With the point's errors `factor` times as large; those of quantiles are moved as far."""
        moved = self.adjusted + (factor - 1) * self.adjusted[0]
        return Errors(moved, None if self.plain is None else factor * self.plain)


def concatenate(several):
    """Errors of several windows as one."""
    adjusted = np.concatenate([errors.adjusted for errors in several], axis=1)
    return Errors(adjusted, np.concatenate([errors.plain for errors in several]))


def usual_errors(z, season_length):
    """The mean error of the seasonal naive forecast of each adjusted series, but for outliers."""
    distances, counts = naive_distances(z, season_length)
    far = FAR * medians(distances, counts)
    far = np.where(far > 0, far, np.inf)
    return sums(np.minimum(distances, np.repeat(far, counts)), counts) / np.maximum(counts, 1)


def unit_of(adjusted):
    """The adjustment without a season, and the unit (n_series, 1) of errors on its scale."""
    adjustment, z = adjusted.plain
    usual = usual_errors(z, adjusted.setting.season_length)
    return adjustment, lifted(usual, adjusted.setting.typical)[:, None]


def size_of(series, n_last):
    """Mean size (n_series, 1) of the values of each series: of all, or of the last ones where they are larger."""
    sizes = series.with_values(np.abs(series.values))
    return np.maximum(sizes.means(), sizes.ends(n_last).means())[:, None]


def gap_above_zero(series):
    """Half the least positive value of series of zeros and positive ones, such as counts, where no quantile lies
    between; 0 of others.
    """
    positive = series.with_values(np.where(series.values > 0, series.values, np.inf)).least()
    return np.where((series.least() == 0) & np.isfinite(positive), positive / 2, 0)


def n_recent(setting, h):
    """Values at the end of a series that tell its size of now."""
    return max(setting.season_length, h)


def residuals(adjusted, truth, forecasts):
    """Errors of forecasts (1 + n_quantiles, n_series, h) of held-out values."""
    adjustment, unit = unit_of(adjusted)
    size = size_of(adjusted.series, n_recent(adjusted.setting, truth.shape[1]))
    units = np.stack(
        [(adjustment.plain(truth) - adjustment.plain(part)) / unit for part in forecasts]
    )
    with np.errstate(invalid="ignore"):
        plain = np.where(size > 0, (truth - forecasts[0]) / np.where(size > 0, size, 1), 0 * truth)
    return Errors(units, plain)


def conformal_radius(distances, level):
    """For every step what `level` percent of the distances (n, h) do not exceed."""
    known = ~np.isnan(distances)
    counts = known.sum(axis=0)
    if not counts.any():
        return np.full(distances.shape[1], np.nan)
    if (counts >= FEW / (1 - level / 100)).all():
        return np.array(
            [quantile(column[some], level) for column, some in zip(distances.T, known.T)]
        )
    sizes = step_sizes(distances, counts)
    return sizes * quantile((distances / sizes)[known], level)


def step_sizes(distances, counts):
    """The mean size of the errors of each step, drawn to that of all steps the more, the fewer they are."""
    sums = np.nansum(np.abs(distances), axis=0)
    overall = sums.sum() / counts.sum() or 1.0
    return (sums + OWN * overall) / (counts + OWN)


def quantile(distances, level):
    """The conformal one: the ceil((n + 1) level / 100)-th smallest, or the largest."""
    rank = math.ceil(round((len(distances) + 1) * level / 100, 9))
    place = min(rank, len(distances)) - 1
    return np.partition(distances, place)[place]


def bands(errors, adjusted, forecasts, levels):
    """Lower and upper ends (n_series, h) of the intervals, by ending of the column's name, widest outside.

    They hold the point forecast, and those of a higher level hold those of a lower.
    """
    adjustment, unit = unit_of(adjusted)
    quantiles = adjusted.setting.quantiles
    point = forecasts[0]
    h = point.shape[1]
    size = size_of(adjusted.series, n_recent(adjusted.setting, errors.h))
    z = np.stack([adjustment.plain(part) for part in forecasts])
    none_below = gap_above_zero(adjusted.series)[:, None]
    lows = [point]
    highs = [point]
    for level in sorted(levels):
        tail = (100 - level) / 200
        low = at(tail, quantiles)
        high = at(1 - tail, quantiles)
        below = -np.tensordot(low, errors.adjusted, 1)
        above = np.tensordot(high, errors.adjusted, 1)
        rare = 100 - RARE * (100 - level)
        both = conformal_radius(np.maximum(below, above), level) * (TRUST if quantiles else 1)
        down, up = (np.minimum(both, conformal_radius(d, rare)) for d in (below, above))
        z_lo = np.tensordot(low, z, 1) - down[:h] * unit
        z_hi = np.tensordot(high, z, 1) + up[:h] * unit
        if quantiles:  # of which networks may think what no error has shown
            z_lo = np.maximum(z_lo, z[0] - conformal_radius(-errors.adjusted[0], rare)[:h] * unit)
            z_hi = np.minimum(z_hi, z[0] + conformal_radius(errors.adjusted[0], rare)[:h] * unit)
        lo = adjustment.inverse(z_lo)
        hi = adjustment.inverse(z_hi)
        if errors.plain is not None:
            lo = np.maximum(
                lo, point - np.maximum(conformal_radius(-errors.plain, rare), 0)[:h] * size
            )
            hi = np.minimum(
                hi, point + np.maximum(conformal_radius(errors.plain, rare), 0)[:h] * size
            )
        lo = np.where((none_below > 0) & (lo < none_below), 0, lo)
        lows.append(np.minimum(lo, lows[-1]))
        highs.append(np.maximum(hi, highs[-1]))
    names = [
        *(f"lo-{level:g}" for level in sorted(levels)[::-1]),
        *(f"hi-{level:g}" for level in sorted(levels)),
    ]
    return dict(zip(names, [*lows[:0:-1], *highs[1:]]))


def paths(errors, adjusted, forecasts, n_paths, rng):
    """Futures (n_paths, n_series, h): the forecast plus the errors of a whole window of the past, drawn at random."""
    adjustment, unit = unit_of(adjusted)
    point = forecasts[0]
    z = adjustment.plain(point)
    size = size_of(adjusted.series, n_recent(adjusted.setting, errors.h))
    windows = without_holes(errors.adjusted[0], rng)
    drawn = rng.integers(len(windows), size=(n_paths, len(point)))
    least, most = (
        (-np.inf, np.inf)
        if errors.plain is None
        else (np.nanmin(errors.plain), np.nanmax(errors.plain))
    )
    low = point + min(least, 0) * size
    high = point + max(most, 0) * size
    return np.stack(
        [np.clip(adjustment.inverse(z + windows[rows] * unit), low, high) for rows in drawn]
    )


def without_holes(errors, rng):
    """Windows (n, h) of errors: the whole ones, or where there is none, all, an unknown error drawn from those of other
    windows at its step, or from all.
    """
    known = ~np.isnan(errors)
    whole = known.all(axis=1)
    if whole.any():
        return errors[whole]
    windows = errors[known.any(axis=1)].copy()
    for step in range(windows.shape[1]):
        holes = np.isnan(windows[:, step])
        there = errors[known[:, step], step]
        windows[holes, step] = rng.choice(
            there if len(there) else errors[known], size=int(holes.sum())
        )
    return windows
