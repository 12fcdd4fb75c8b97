"""A panel on the scales that networks, Theta and intervals work on, each made once."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from tsrnn.data.batch import places_of_runs
from tsrnn.forecasting.adjustment import Adjustment, Units
from tsrnn.forecasting.effects import effects_of
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.seasons import events_of, index_of_events, seasonal_index
from tsrnn.forecasting.series_weights import naive_errors, typical_of


class Scale(NamedTuple):
    """An adjustment, and the series adjusted."""

    adjustment: Adjustment
    z: Ragged


class Adjusted:
    """Histories, and what the settings of a forecaster make of them: a scale is made when it is first asked for."""

    def __init__(self, histories, setting, plain=None):
        self.histories = histories
        self.setting = setting
        self._plain = plain
        self._scales = {}

    @property
    def series(self):
        return self.histories.series

    @property
    def plain(self):
        """The scale without a season or covariates, in the unit that "auto" takes; errors are measured on it."""
        if self._plain is None:
            adjustment = Adjustment.of(self.series, 1, Units(self.setting.log))
            self._plain = Scale(adjustment, adjustment.forward(self.series))
        return self._plain

    def scale(self, deseasonalize, log="auto", scale="auto"):
        """The scale of networks whose plan takes the seasonal index out, or does not; "auto" is as the setting is."""
        key = (
            deseasonalize,
            self.setting.log if log == "auto" else log,
            self.setting.scale if scale == "auto" else scale,
        )
        if key not in self._scales:
            self._scales[key] = self._scale(*key)
        return self._scales[key]

    def _scale(self, deseasonalize, log, scale):
        setting = self.setting
        apart = deseasonalize or setting.has_events or setting.effects is not None
        if not apart and scale == "auto" and log == setting.log:
            return self.plain
        covariates = effects_at(self.histories, setting.effects)
        units = Units(log, scale, setting.typical)
        adjustment = Adjustment.of(self.series, setting.season_length, units, covariates)
        clock = self.histories.clock
        indices = [
            partial(index_of_events, events, clock=clock)
            for events in setting.events
            if events.any()
        ]
        if deseasonalize:
            indices += [
                partial(seasonal_index, period=period)
                for period in setting.season_lengths
                if self.series.longest > 2 * period
            ]
        adjustment = adjustment.without(indices, self.series)
        return Scale(adjustment, adjustment.forward(self.series))

    def with_typical(self):
        """With the naive error that is typical of these series."""
        typical = typical_of(naive_errors(self.plain.z, self.setting.season_length))
        return Adjusted(self.histories, replace(self.setting, typical=typical), self._plain)

    def with_effects(self):
        """With the effects of covariates known in the future, as these series tell them."""
        histories = self.histories
        if histories.future is None:
            return self
        setting = replace(self.setting, effects=None)
        without = Adjusted(histories, setting, self._plain)
        z = without.scale(deseasonalize=False).z
        effects = effects_of(
            z, histories.mask, histories.future, histories.clock, setting.season_length
        )
        return Adjusted(histories, replace(setting, effects=effects), without._plain)

    def with_events(self):
        """With the events of each season that these series share."""
        if self.histories.clock is None or self.setting.season_length > self.series.longest:
            return self
        z = self.scale(deseasonalize=False).z
        clock = self.histories.clock
        found = tuple(events_of(z, clock, period) for period in self.setting.season_lengths)
        if not any(events.any() for events in found):
            return self
        return Adjusted(self.histories, replace(self.setting, events=found), self._plain)

    def followed_by(self, ahead):
        """With forecasts (n_series, h) taken for values."""
        return Adjusted(self.histories.followed_by(ahead), self.setting)

    def windows(self, plan, sees_gaps, n_behind=None):
        """Rows that end where each series does, with `n_behind` values behind to go forward, or one look ahead."""
        z = self.scale(*plan.scaling).z
        seen = differences(z) if self.setting.difference else z
        histories = self.histories._replace(
            series=seen, known=self.histories.mask if sees_gaps else None
        )
        Rows, n_ahead = self.setting.rows_of(plan)
        return Rows.at_ends(histories, plan, n_ahead, n_behind)

    def forecasts(self, plan, blocks):
        """What networks say (n_blocks, n_series, h), as forecasts on the scale of the series."""
        adjustment, z = self.scale(*plan.scaling)
        if self.setting.difference:
            blocks = z.last[:, None] + blocks.cumsum(axis=2)
        found = np.stack([adjustment.inverse(block) for block in blocks])
        # in other units too, series without negative values have no negative forecasts
        return np.where(self.plain.adjustment.logs[:, None], np.maximum(found, 0), found)


def effects_at(histories, slopes):
    """The effect of covariates at each value, and (n_series, steps) at those to come."""
    if slopes is None:
        return None, None
    series = histories.series
    future = histories.future
    effect = future.values @ slopes
    ahead = future.starts[1:, None] - histories.n_ahead + np.arange(histories.n_ahead)
    return effect[places_of_runs(future.starts[:-1], series.lengths)], effect[ahead]


def differences(z):
    """Of each series from value to value; 0 for the first."""
    steps = np.diff(z.values, prepend=0)
    steps[z.starts[:-1]] = 0
    return z.with_values(steps)
