"""The forms a panel comes in, each as a long frame, and the way back for forecasts.

The way back takes a long frame of forecasts, columns id, time and one or more of forecasts.
"""

from functools import partial

import pandas as pd
from utilsforecast.compat import pl_DataFrame

from tsrnn.extras import require

UNNAMED = "series"  # label of a Series without a name


def as_long(df, id_col, time_col, target_col, covariates=()):
    """A long frame of the three columns and some more, and the way back."""
    names = id_col, time_col, target_col
    if isinstance(df, pl_DataFrame):
        require("pyarrow", "a polars frame")  # which turns it into one of pandas
        frame, _ = as_long(df.to_pandas(), *names, covariates)
        return frame, to_polars
    if not isinstance(df, (pd.DataFrame, pd.Series)):
        raise TypeError(f"the data must be a pandas or polars DataFrame or a pandas Series; got {type(df).__name__}.")
    if len(set(names)) < 3:
        raise ValueError(f"id_col, time_col and target_col must be three columns; got {list(names)}.")
    if len(df) == 0:
        raise ValueError("the data must hold at least one series; got 0 rows.")
    if df.index.nlevels == 2 and (df.ndim == 1 or target_col in df.columns):
        return from_two_levels(df, *names, covariates)
    if df.ndim == 1:
        check_columns(covariates, [])
        label = UNNAMED if df.name is None else df.name
        return three(label, df.index, df.array, names), partial(to_series, df.name, df.index.name)
    missing = [column for column in names if column not in df.columns]
    if missing and set(missing) <= set(df.index.names):
        df, missing = df.reset_index(), []
    check_columns(covariates, [] if missing else df.columns)
    if missing:
        return from_wide(df, names, missing)
    wanted = [*names, *covariates]
    twice = df.columns[df.columns.duplicated()].intersection(wanted)
    if len(twice):
        raise ValueError(f"columns of a long frame must be unique; got {twice[0]!r} twice.")
    return df[wanted].copy(), as_it_is


def check_columns(covariates, columns):
    lacking = [column for column in covariates if column not in columns]
    if lacking:
        raise ValueError(f"covariates must be columns of a long frame; {lacking} not among {list(columns)}.")


def three(labels, times, values, names):
    return pd.DataFrame(dict(zip(names, (labels, times, values))))


def from_two_levels(df, id_col, time_col, target_col, covariates):
    """Index (series, time)."""
    check_columns(covariates, [] if df.ndim == 1 else df.columns)
    series = df if df.ndim == 1 else df[target_col]
    labels, times = (df.index.get_level_values(level) for level in (0, 1))
    frame = three(labels, times, series.array, (id_col, time_col, target_col))
    for column in covariates:
        frame[column] = df[column].array
    return frame, partial(to_two_levels, list(df.index.names), df.ndim == 1, series.name)


def from_wide(df, names, missing):
    """A column for each series, time as index."""
    id_col, time_col, _ = names
    stamps = isinstance(df.index, (pd.DatetimeIndex, pd.PeriodIndex))
    wide = (stamps and {id_col, time_col} <= set(missing)) or (df.index.dtype.kind == "i" and len(missing) == 3)
    if df.columns.nlevels > 1:
        raise ValueError(f"columns of the frame must have one level; got {df.columns.nlevels}.")
    if not wide or not all(pd.api.types.is_numeric_dtype(kind) for kind in df.dtypes):
        raise ValueError(f"a long frame must have the columns {list(names)}; {missing} not among {list(df.columns)}.")
    if not df.columns.is_unique:
        raise ValueError(
            f"columns of a wide frame must be unique; got {df.columns[df.columns.duplicated()][0]!r} twice."
        )
    frame = pd.concat([three(name, df.index, column.array, names) for name, column in df.items()])
    return frame, partial(to_wide, df.columns, df.index.name)


def as_it_is(out):
    return out


def to_polars(out):
    return require("polars", "a polars frame").from_pandas(out)


def to_two_levels(index_names, single, name, out):
    out = out.set_index(list(out.columns[:2])).rename_axis(index_names)
    return out.iloc[:, 0].rename(name) if single and out.shape[1] == 1 else out


def to_series(name, index_name, out):
    labels = list(out.iloc[:, 0].unique())
    if len(labels) > 1:
        raise ValueError(f"a Series must hold one series; got {labels}: fit a long frame to forecast several.")
    out = out.set_index(out.columns[1]).iloc[:, 1:].rename_axis(index_name)
    return out.iloc[:, 0].rename(name) if out.shape[1] == 1 else out


def to_wide(columns, index_name, out):
    """A column for each series; with more than one column of forecasts, under the name of each."""
    names = list(out.columns[2:])
    wide = out.pivot(index=out.columns[1], columns=out.columns[0], values=names).rename_axis(index=index_name)
    columns = columns.append(wide[names[0]].columns.difference(columns)).rename(columns.name)
    if len(names) == 1:
        return wide[names[0]][list(columns)].rename_axis(columns=columns.name)
    return wide[[(name, column) for name in names for column in columns]]
