"""The one reader of every frame that reaches a forecaster: what `fit` checks, all later methods check."""

import numpy as np

from tsrnn.forecasting.covariates import check_kinds, check_static
from tsrnn.forecasting.times import called


def check_panel(panel, roles, codes, log):
    """Raise a sentence for what a forecaster with these roles of columns cannot use."""
    check_log(panel, log)
    check_kinds(panel.covariates, roles, codes)
    check_static(panel, roles.static)


def check_log(panel, log):
    least = np.array([y.min() for y in panel.series()])
    if log is True and least.min() < 0:
        i = int(least.argmin())
        raise ValueError(
            f"log=True needs values that are not negative; series {called(panel.ids[i])} has {least[i]:g}."
        )
