"""The forms a panel comes in, each as a long frame, and the way back for forecasts.

The way back takes a long frame of forecasts, columns id, time and one or more of forecasts.
"""

import contextlib
from functools import partial

import numpy as np
import pandas as pd
from utilsforecast.compat import pl_DataFrame  # pyright: ignore[reportPrivateImportUsage]

from tsrnn.extras import require
from tsrnn.forecasting.panel.dtypes import CUTOFF, as_polars, polars_types

UNNAMED = "series"  # label of a Series without a name
# as pandas infers them
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean")


def as_long(df, id_col, time_col, target_col, covariates=()):
    """A long frame of the three columns and some more, and the way back."""
    names = id_col, time_col, target_col
    if isinstance(df, pl_DataFrame):
        require("pyarrow", "a polars frame")  # which turns it into one of pandas
        frame, _ = as_long(df.to_pandas(), id_col, time_col, target_col, covariates)
        return frame, partial(to_typed_polars, polars_types(df, [id_col, time_col]))
    if not isinstance(df, (pd.DataFrame, pd.Series)):
        raise TypeError(
            f"the data must be a pandas or polars DataFrame or a pandas Series; got {type(df).__name__}."
        )
    if len(set(names)) < 3:
        raise ValueError(
            f"id_col, time_col and target_col must be three columns; got {list(names)}."
        )
    if len(df) == 0:
        raise ValueError("the data must hold at least one series; got 0 rows.")
    if df.ndim == 2 and df.columns.nlevels > 1:
        raise ValueError(f"columns of the frame must have one level; got {df.columns.nlevels}.")
    if df.index.nlevels > 2 and not set(names) <= set(getattr(df, "columns", ())):
        raise ValueError(
            f"the index must have two levels, series and time; got {df.index.nlevels}: make one label of those before "
            "the time."
        )
    if df.index.nlevels == 2 and (df.ndim == 1 or target_col in df.columns):
        return from_two_levels(df, id_col, time_col, target_col, covariates)
    if df.ndim == 1:
        check_columns(covariates, [])
        label = (
            UNNAMED if df.name is None else str(df.name) if isinstance(df.name, tuple) else df.name
        )
        restore = partial(to_series, df.name, df.index.name)
        return three(label, df.index, df.array, names), with_freq(restore, df.index)
    missing = [column for column in names if column not in df.columns]
    if missing and set(missing) <= set(df.index.names):
        df = df.reset_index()
        missing = []
    check_columns(covariates, [] if missing else df.columns)
    if missing:
        return from_wide(df, names, missing)
    wanted = [*names, *covariates]
    twice = df.columns[df.columns.duplicated()].intersection(wanted)
    if len(twice):
        raise ValueError(f"columns of a long frame must be unique; got {twice[0]!r} twice.")
    return df[wanted].copy(), as_it_is


def keys_of(X, id_col, time_col):
    """The label of a series and the time of each row; all rows of a Series or a wide frame have one label."""
    if isinstance(X, pl_DataFrame):
        X = X.select([name for name in (id_col, time_col) if name in X.columns]).to_pandas()
    if not isinstance(X, (pd.DataFrame, pd.Series)):
        raise TypeError(
            f"X must be a pandas or polars DataFrame or a pandas Series; got {type(X).__name__}."
        )
    columns = set() if X.ndim == 1 else set(X.columns)
    given = {id_col, time_col} & columns
    if len(given) < 2 and not given and X.index.nlevels == 2:
        return X.index.get_level_values(0).array, X.index.get_level_values(1).array
    if len(given) < 2 and {id_col, time_col} <= columns | set(X.index.names):
        X = X.reset_index()
        given = {id_col, time_col}
    if len(given) == 2:
        return X[id_col].array, X[time_col].array
    if given or not (holds_times(X.index) or holds_counts(X.index)):
        raise ValueError(f"X must have the columns {[id_col, time_col]}; got {list(columns)}.")
    return np.zeros(len(X), int), X.index.array


def check_columns(covariates, columns):
    lacking = [column for column in covariates if column not in columns]
    if lacking:
        raise ValueError(
            f"covariates must be columns of a long frame; {lacking} not among {list(columns)}."
        )


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
    timed = holds_times(df.index) and {id_col, time_col} <= set(missing)
    counted = holds_counts(df.index) and len(missing) == 3
    numbers = all(holds_numbers(column) for _, column in df.items())
    if not numbers or not (timed or counted):
        texts = numbers and len(missing) == 3 and pd.api.types.infer_dtype(df.index) == "string"
        advice = (
            ": for a wide frame, df.set_index(pandas.to_datetime(df.index)) makes times of texts"
            if texts
            else ""
        )
        raise ValueError(
            f"a long frame must have the columns {list(names)}; {missing} not among {list(df.columns)}{advice}."
        )
    if not df.columns.is_unique:
        raise ValueError(
            f"columns of a wide frame must be unique; got {df.columns[df.columns.duplicated()][0]!r} twice."
        )
    frame = pd.concat([three(name, df.index, column.array, names) for name, column in df.items()])
    return frame, with_freq(partial(to_wide, df.columns, df.index.name), df.index)


def holds_times(index):
    """Whether an index is one of timestamps, periods, or Python's dates and times, which databases give as objects."""
    index = getattr(index, "categories", index)
    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        return True
    return pd.api.types.infer_dtype(index) in ("date", "datetime", "datetime64", "period")


def holds_counts(index):
    index = getattr(index, "categories", index)
    return index.dtype.kind == "i" or pd.api.types.infer_dtype(index) == "integer"


def holds_numbers(column):
    """Whether a column of a wide frame may be a series; databases give numbers as objects, others as categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return holds_numbers(column.dtype.categories)
    return pd.api.types.is_numeric_dtype(column) or (
        column.dtype == object
        and pd.api.types.infer_dtype(column, skipna=True) in (*NUMBERS, "empty")
    )


def with_freq(restore, index):
    """The way back to an index with a frequency, if there was one."""
    freq = getattr(index, "freq", None)
    return (
        restore
        if freq is None or not isinstance(index, pd.DatetimeIndex)
        else partial(to_index_freq, restore, freq)
    )


def as_it_is(out):
    return out


def to_polars(out):
    return require("polars", "a polars frame").from_pandas(out)


def to_typed_polars(types, out):
    """A polars frame with types of labels and times as they came."""
    types = [
        *types,
        *([CUTOFF, *kind] for column, *kind in types if column == out.columns[1] and CUTOFF in out),
    ]
    return as_polars(to_polars(out), types)


def to_index_freq(restore, freq, out):
    restored = restore(out)
    with contextlib.suppress(ValueError):  # other steps than those of the index were asked for
        restored.index = pd.DatetimeIndex(restored.index, freq=freq)
    return restored


def long_way(restore):
    """The way back of a frame that stays long, as it has more than one row for a series and a time: names of the index
    and of the columns, and types, as they came.
    """
    if not isinstance(restore, partial):
        return restore
    if restore.func is to_index_freq:
        return long_way(restore.args[0])
    if restore.func in SHAPES:
        return partial(to_named, SHAPES[restore.func](*restore.args))
    inner = [long_way(argument) if callable(argument) else argument for argument in restore.args]
    return partial(restore.func, *inner)


def to_named(names, out):
    """The first two columns under other names, where these are given and free."""
    new = {
        old: name
        for old, name in zip(out.columns, names)
        if name is not None and name not in out.columns[2:]
    }
    return out.rename(columns=new)


def to_two_levels(index_names, single, name, out):
    out = out.set_index(list(out.columns[:2])).rename_axis(index_names)
    return out.iloc[:, 0].rename(name) if single and out.shape[1] == 1 else out


def to_series(name, index_name, out):
    labels = list(out.iloc[:, 0].unique())
    if len(labels) > 1:
        raise ValueError(
            f"a Series must hold one series; got {labels}: fit a long frame to forecast several."
        )
    out = out.set_index(out.columns[1]).iloc[:, 1:].rename_axis(index_name)
    return out.iloc[:, 0].rename(name) if out.shape[1] == 1 else out


def to_wide(columns, index_name, out):
    """A column for each series; with more than one column of forecasts, under the name of each."""
    names = list(out.columns[2:])
    wide = out.pivot(index=out.columns[1], columns=out.columns[0], values=names).rename_axis(
        index=index_name
    )
    columns = columns.append(wide[names[0]].columns.difference(columns)).rename(columns.name)
    if len(names) == 1:
        return wide[names[0]][list(columns)].rename_axis(columns=columns.name)
    return wide[[(name, column) for name in names for column in columns]]


# What forms of other shapes call labels and times.
SHAPES = {
    to_two_levels: lambda index_names, single, name: index_names,
    to_series: lambda name, index_name: [None, index_name],
    to_wide: lambda columns, index_name: [columns.name, index_name],
}
