"""The one reader of every frame that reaches a forecaster: what `fit` checks, all later methods check."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.panel.covariates import Roles, check_kinds, check_labels, check_static
from tsrnn.forecasting.panel.forms import UNNAMED
from tsrnn.forecasting.panel.frames import read, to_panel
from tsrnn.forecasting.panel.times import label_repr

NAME = "RNNForecaster"  # column of the forecasts, and beginning of those of intervals and paths
DEFAULTS = {"id_col": "unique_id", "time_col": "ds", "target_col": "y"}
OF_FUTURE = "for covariates of the future use predict(X_df=...)"
LARGEST = 1e300  # so that sums and differences of values are finite
LARGEST_UNSCALED = 1e18  # so that squares are in single precision


def column_names(id_col, time_col, target_col):
    """Names of the columns of a long frame; None is the usual one, as where a pipeline passes y=None."""
    names = []
    for (role, usual), name in zip(DEFAULTS.items(), (id_col, time_col, target_col)):
        if not pd.api.types.is_hashable(name):
            raise TypeError(
                f"{role} must be the name of a column; got a {type(name).__name__}: the target is a column of df, as "
                "in target_col='y'."
            )
        names.append(usual if name is None else name)
    return tuple(names)


def check_names(columns, roles, taken=()):
    """No column may be called as those of forecasts are."""
    named = dict(zip(columns, DEFAULTS)) | dict.fromkeys(roles.columns, "a covariate")
    for name, role in named.items():
        if name in (NAME, *taken) or (isinstance(name, str) and name.startswith(f"{NAME}-")):
            raise ValueError(
                f"{role} must not be called {name!r}, as a column of the forecasts is: rename it."
            )


def read_panel(parameters, df, columns, taken=()):
    """A panel as a forecaster with these parameters wants it."""
    roles = Roles.of(parameters, columns)
    check_names(columns, roles, taken)
    check_target(df, columns, "target_col names it")
    return to_panel(df, parameters.freq, columns, parameters.fill_gaps, roles.columns)


def read_again(fitted, df):
    """Another panel, read and checked as that of `fit` was."""
    check_target(df, fitted.panel.columns, OF_FUTURE)
    panel = to_panel(
        df,
        fitted.panel.freq,
        fitted.panel.columns,
        fill_gaps=fitted.fill_gaps,
        covariates=fitted.roles.columns,
        known=fitted.panel.times,
    )
    check_panel(panel, fitted.roles, fitted.codes, fitted.setting)
    return panel


def read_newer(fitted, df, covariates):
    """A long frame of values that came, with the labels of the series of `fit`."""
    check_target(df, fitted.panel.columns, OF_FUTURE)
    df = labelled(df, fitted.panel.ids)
    frame, _, _ = read(
        df, fitted.panel.freq, fitted.panel.columns, covariates=covariates, known=fitted.panel.times
    )
    check_labels(frame[fitted.panel.columns[0]], fitted.panel.ids)
    return frame


def labelled(df, ids):
    """A Series without a name, or of a `fit` without a name, is the one series there is."""
    if not isinstance(df, pd.Series) or df.index.nlevels > 1:
        return df
    if len(ids) == 1 and (df.name is None or ids[0] == UNNAMED):
        df = df.copy(deep=False)
        df.name = ids[0]
    if df.name is None:
        raise ValueError(
            f"a Series must be named as the series it goes on, such as {label_repr(ids[0])}; got no name."
        )
    return df


def check_target(df, columns, advice):
    """A long frame must have values; one without is often one of the future."""
    id_col, time_col, target_col = columns
    names = [*getattr(df, "columns", []), *getattr(getattr(df, "index", None), "names", [])]
    if (
        target_col not in names
        and id_col in names
        and time_col in names
        and getattr(df, "ndim", 2) == 2
    ):
        raise ValueError(
            f"df must have a column {target_col!r}, the values; got {list(df.columns)}: {advice}."
        )


def check_panel(panel, roles, codes, setting):
    """Raise a sentence for what a forecaster with these roles of columns cannot use."""
    check_log(panel, setting)
    check_sizes(panel, setting)
    check_kinds(panel.covariates, roles, codes)
    check_static(panel, roles.static)


def check_log(panel, setting):
    least = panel.series.least()
    if setting.log is True and least.min() < 0:
        i = int(least.argmin())
        raise ValueError(
            f"log=True needs values that are not negative; series {label_repr(panel.ids[i])} has {least[i]:g}."
        )


def check_sizes(panel, setting):
    """Values of which sums, and of what networks see squares, are finite."""
    series = panel.series
    logs = (setting.log is True) | ((setting.log == "auto") & (series.least() >= 0))
    unscaled = (setting.scale is False) & ~logs
    large = np.abs(series.values) > series.repeat(np.where(unscaled, LARGEST_UNSCALED, LARGEST))
    if large.any():
        i = int(np.searchsorted(series.starts, large.argmax(), side="right")) - 1
        limit = LARGEST_UNSCALED if unscaled[i] else LARGEST
        advice = (
            "scale='auto' takes each series in its own unit"
            if unscaled[i]
            else "take them in a larger unit"
        )
        largest = series[i][np.abs(series[i]).argmax()]
        raise ValueError(
            f"values must be at most {limit:g} in size; series {label_repr(panel.ids[i])} has {largest:g}: {advice}."
        )
