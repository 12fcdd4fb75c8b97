"""What `fit` learnt, in one record: every question after `fit` is answered from it alone, never from parameters."""

from dataclasses import dataclass

import pandas as pd

from tsrnn.forecasting.intervals import Errors
from tsrnn.forecasting.panel.covariates import Roles
from tsrnn.forecasting.panel.frames import Panel
from tsrnn.forecasting.setting import Setting


@dataclass(frozen=True)
class Fitted:
    """The data, the networks and the settings of a fit."""

    panel: Panel
    roles: Roles
    codes: dict  # how each covariate becomes numbers
    setting: Setting
    members: list
    plans: list  # that members use, the best in the trial first
    trial: pd.DataFrame | None
    errors: Errors | None  # of forecasts of past windows
    shares: dict  # of simple methods in the forecast
    fill_gaps: bool
    effect_names: tuple = ()

    @property
    def attributes(self):
        """The forecaster's public attributes, copies that a user may change."""
        effects = self.setting.effects
        return {
            "freq_": self.panel.freq,
            "quantiles_": self.setting.quantiles,
            "plans_": list(self.plans),
            "trial_": None if self.trial is None else self.trial.copy(),
            "shares_": dict(self.shares),
            "effects_": None
            if effects is None
            else pd.Series(effects.copy(), list(self.effect_names), name="effect"),
            "loss_curves_": [list(member.loss_curve) for member in self.members],
        }
