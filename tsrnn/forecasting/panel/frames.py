"""The one door for frames: long, wide or a single series in, the same form out; what cannot be forecast is named."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from numbers import Real

import numpy as np
import pandas as pd

from tsrnn.forecasting.panel.dtypes import as_came, type_of_times
from tsrnn.forecasting.panel.forms import NUMBERS, as_it_is, as_long, keys_of
from tsrnn.forecasting.panel.ragged import Ragged, starts_of
from tsrnn.forecasting.panel.steps import ahead, filled, since_epoch, step_of
from tsrnn.forecasting.panel.times import (
    advice_on_repeats,
    as_times,
    check_freq,
    check_grid,
    infer_freq,
    label_repr,
    like_those_of_fit,
)

LABELS = "string", "categorical", "mixed-integer"


@dataclass(frozen=True)
class Panel:
    """Series end to end, sorted by label: number i is `values[starts[i] : starts[i + 1]]`."""

    values: np.ndarray  # float64; a missing value is the one before it
    known: np.ndarray  # of bool
    times: pd.Index
    starts: np.ndarray  # (n_series + 1,)
    ids: pd.Index
    freq: str | int
    restore: Callable  # long frame of forecasts -> the form of the input
    columns: tuple  # names of id, time and target
    # a row for each value: numbers as float64, labels as strings
    covariates: pd.DataFrame | None = None

    @property
    def series(self):
        return Ragged(self.values, self.starts)

    @property
    def last(self):
        """The last time of each series."""
        return self.times[self.starts[1:] - 1]

    @property
    def clock(self):
        """The number of the step after the end of each series, on a clock that all panels share."""
        return 1 + np.asarray(since_epoch(self.last, step_of(self.freq)))

    def before(self, n, least=2):
        """The panel without the last `n` values of each series, of which `least` must be left, and those last values
        as a panel.
        """
        series = self.series
        left = series.left
        long = series.lengths >= n + least
        rows = series.repeat(long)
        return self._select(rows & (left > n), long), self._select(rows & (left <= n), long)

    def _select(self, rows, series):
        lengths = (
            np.add.reduceat(rows, self.starts[:-1])[series] if series.any() else np.zeros(0, int)
        )
        parts = {name: getattr(self, name)[rows] for name in ("values", "known", "times")}
        if self.covariates is not None:
            parts["covariates"] = self.covariates[rows]
        return replace(self, **parts, starts=starts_of(lengths), ids=self.ids[series])

    def to_long(self):
        """A long frame, missing values missing."""
        id_col, time_col, target_col = self.columns
        values = np.where(self.known, self.values, np.nan)
        labels = self.ids.repeat(np.diff(self.starts))
        frame = pd.DataFrame({id_col: labels, time_col: self.times, target_col: values})
        return (
            frame if self.covariates is None else frame.join(self.covariates.reset_index(drop=True))
        )

    def ahead(self, h):
        """Series and times of the `h` steps after the end of every series, a long frame."""
        id_col, time_col, _ = self.columns
        times = ahead(self.times, self.starts, step_of(self.freq), h)
        return pd.DataFrame({id_col: self.ids.repeat(h), time_col: times})


def to_panel(
    df, freq=None, columns=("unique_id", "ds", "y"), fill_gaps=False, covariates=(), known=None
):
    """Read a panel in any of its forms.

    Parameters
    ----------
    df : DataFrame or Series
        Long: those `columns`; others are ignored. Wide: a numeric column for each series,
        time as index. Series: time as index. A two-level index is (series, time). Rows in any order; values may be
        missing, and where the first ones are, the series begins later.
    freq : str, int or None
        Pandas alias or integer; None infers it.
    columns : tuple of str
        Names of the columns of a long frame that hold the label of the series, the time and the target.
    fill_gaps : bool
        Whether times that are missing count as missing values, with a warning, or are refused. They have the covariates
        of the time before.
    covariates : sequence of str
        Further columns to keep, of numbers or labels, without missing values.
    known : Index or None
        Times of another panel, whose kind and time zone these must have or get.

    Returns
    -------
    Panel

    Raises
    ------
    TypeError, ValueError
        One sentence that says what must be, what was got, and which series.
    """
    id_col, time_col, target_col = columns
    frame, freq, restore = read(df, freq, columns, covariates, known)
    frame = drop_leading_missing(
        sorted_by_time(frame, id_col, time_col), id_col, time_col, target_col
    )
    starts, ids = series_in(frame[id_col])
    freq = (
        infer_freq(frame[time_col], starts, ids)
        if freq is None
        else check_freq(frame[time_col], freq)
    )
    found = check_grid(frame[time_col], starts, ids, freq, gaps=fill_gaps)
    if fill_gaps:
        frame, starts = without_gaps(frame, starts, freq, found, columns, list(covariates))
    values = frame[target_col].to_numpy()
    known = ~np.isnan(values)
    values = values[np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))]
    rest = frame[list(covariates)] if covariates else None
    return Panel(
        values,
        known,
        pd.Index(frame[time_col]),
        starts,
        pd.Index(ids),
        freq,
        restore,
        tuple(columns),
        rest,
    )


def read(df, freq, columns, covariates=(), known=None):
    """A long frame with times as they are counted and numbers as float64, its frequency if known, and the way back."""
    id_col, time_col, target_col = columns
    frame, restore = as_long(df, id_col, time_col, target_col, covariates)
    frame, freq, restore = with_times(
        frame.reset_index(drop=True), freq, id_col, time_col, restore, known
    )
    if known is not None:
        frame[time_col] = like_those_of_fit(frame[time_col], known)
    frame[target_col] = as_numbers(frame, id_col, target_col)
    return with_covariates(frame, id_col, time_col, covariates), freq, restore


def rows_of(X, id_col, time_col):
    """The label and the time of each row of a panel in any form, in two columns of these names; each row of a wide
    frame is a time of all its series.
    """
    labels, times = keys_of(X, id_col, time_col)
    rows = pd.DataFrame({id_col: pd.Series(labels), time_col: pd.Series(times)})
    rows, _, _ = with_times(rows, None, id_col, time_col, as_it_is)
    return rows


def with_times(frame, freq, id_col, time_col, restore, known=None):
    if frame[id_col].isna().any():
        raise ValueError(
            f"column {id_col!r} must name a series in every row; got {frame[id_col].isna().sum()} missing."
        )
    if frame[time_col].isna().any():
        culprit = frame[id_col][frame[time_col].isna()].iloc[0]
        raise ValueError(
            f"column {time_col!r} must hold a time in every row; series {label_repr(culprit)} lacks one."
        )
    check_labels(frame[id_col])
    came = type_of_times(frame[time_col])
    restore = restore if came is None else partial(as_came, restore, came)
    frame[time_col], freq, restore = as_times(frame[time_col], freq, restore, known)
    return frame, freq, restore


def check_labels(labels):
    """Labels are hashed, sorted and kept in an index, where a tuple would be several."""
    if labels.dtype != object:
        return
    odd = labels.map(lambda label: isinstance(label, (tuple, list, dict, set, np.ndarray)))
    if odd.any():
        kind = type(labels[odd].iloc[0]).__name__
        raise ValueError(
            f"column {labels.name!r} must hold labels such as strings or numbers; got a {kind}."
        )


def to_frame(panel, forecasts, h, name="RNNForecaster"):
    """Forecasts (n_series, h), or a dict of such by column name, in the form of the panel's input."""
    columns = forecasts if isinstance(forecasts, dict) else {name: forecasts}
    values = pd.DataFrame({column: np.ravel(values) for column, values in columns.items()})
    return panel.restore(panel.ahead(h).join(values))


def series_in(labels):
    """Where each series of a sorted column of labels begins, and the labels."""
    codes, ids = pd.factorize(labels)
    return starts_of(np.bincount(codes)), ids


def drop_leading_missing(frame, id_col, time_col, target_col):
    """Rows from each series' first known value on; every series must have two."""
    known = frame[target_col].notna().to_numpy()
    codes, ids = pd.factorize(frame[id_col])
    counts = np.bincount(codes, known)
    if (counts < 2).any():
        i = int((counts < 2).argmax())
        got = "one" if counts[i] else "none"
        raise ValueError(
            f"every series must have at least two values; series {label_repr(ids[i])} has {got}."
        )
    place = np.arange(len(frame))
    _, first = np.unique(codes[known], return_index=True)
    later = place >= place[known][first][codes]
    return frame if later.all() else frame[later].reset_index(drop=True)


def without_gaps(frame, starts, freq, found, names, covariates):
    """Every step between a series' first and last time, those that were missing without a value, and where each series
    begins. `found` are the places of the times, in steps.
    """
    id_col, time_col, _ = names
    counts = found[starts[1:] - 1] + 1
    n = int(counts.sum()) - len(frame)
    if not n:
        return frame, starts
    n_series = int((counts > np.diff(starts)).sum())
    warnings.warn(
        f"{n} missing {'time' if n == 1 else 'times'} in {n_series} series {'was' if n == 1 else 'were'} filled with "
        f"{'a missing value' if n == 1 else 'missing values'}.",
        stacklevel=5,
    )
    times, rows = filled(pd.Index(frame[time_col]), starts, step_of(freq), found)
    labels = frame[id_col].iloc[starts[:-1]].repeat(counts)
    frame = frame.reindex(rows).reset_index(drop=True)
    frame[id_col] = labels.reset_index(drop=True)
    frame[time_col] = times
    if covariates:
        frame[covariates] = frame[covariates].ffill()  # the first row of a series has them
    return frame, starts_of(counts)


def sorted_by_time(frame, id_col, time_col):
    """Rows in the order of series and time, none of them twice."""
    try:
        frame = frame.sort_values([id_col, time_col], kind="stable", ignore_index=True)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in frame[id_col]})
        raise ValueError(
            f"column {id_col!r} must hold labels of one type; got {' and '.join(kinds)}."
        ) from error
    repeated = frame.duplicated([id_col, time_col])
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise ValueError(
            f"times must not repeat within a series; series {label_repr(row[id_col])} has {row[time_col]} twice"
            f"{advice_on_repeats(row[time_col])}."
        )
    return frame


def as_numbers(frame, id_col, target_col):
    """The target as float64, NaN where it is missing."""
    target = frame[target_col]
    labels = frame[id_col].to_numpy()
    if pd.api.types.is_numeric_dtype(target) and not pd.api.types.is_complex_dtype(target):
        values = target.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        values = numbers_of(target, labels)
    infinite = np.isinf(values)
    if infinite.any():
        culprit = labels[infinite.argmax()]
        count = int((infinite & (labels == culprit)).sum())
        raise ValueError(
            f"values must be finite; series {label_repr(culprit)} has {count} values infinite."
        )
    return values


def numbers_of(objects, labels):
    """Objects, or categories, as float64: numbers of Python and numpy, decimals, and what is missing."""
    objects = objects.astype(object)
    wrong = (
        objects.map(lambda value: not isinstance(value, (Real, Decimal, np.bool_)))
        & objects.notna()
    )
    if wrong.any():
        # rather than a number in quotes
        unread = pd.to_numeric(objects.astype(object), errors="coerce").isna() & wrong
        i = int((unread if unread.any() else wrong).to_numpy().argmax())
        raise ValueError(
            f"column {objects.name!r} must hold numbers; series {label_repr(labels[i])} has "
            f"{shortened(objects.iloc[i])}."
        )
    most = float(np.finfo(float).max)  # of Python, which compares it with any integer
    endless = objects.map(lambda value: isinstance(value, int) and abs(value) > most)
    if endless.any():
        i = int(endless.to_numpy().argmax())
        raise ValueError(
            f"column {objects.name!r} must hold numbers up to {most:.2g}; series {label_repr(labels[i])} has "
            f"{shortened(objects.iloc[i])}."
        )
    return objects.map(float, na_action="ignore").to_numpy(np.float64, na_value=np.nan)


def shortened(value, most=60):
    """A value as errors show it, the beginning of a long one."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def with_covariates(frame, id_col, time_col, covariates, of=""):
    """Covariates that are numbers as float64, others as strings; none may be missing."""

    def refuse(column, wrong, must, got):
        row = frame[wrong].iloc[0]
        raise ValueError(
            f"column {column!r}{of} must {must}; series {label_repr(row[id_col])} {got(row[column])} "
            f"at {row[time_col]}."
        )

    for column in covariates:
        values = frame[column]
        if values.isna().any():
            refuse(column, values.isna(), "have a value in every row", lambda value: "lacks one")
        kind = pd.api.types.infer_dtype(values)
        if kind in NUMBERS:
            values = pd.Series(
                numbers_of(values, frame[id_col].to_numpy()) if values.dtype == object else values
            )
            values = values.astype(np.float64)
            if np.isinf(values).any():
                refuse(column, np.isinf(values), "be finite", lambda value: f"has {value}")
        elif kind in LABELS:
            values = values.astype(str).astype(object)
        else:
            raise ValueError(f"column {column!r}{of} must hold numbers or labels; got {kind}.")
        frame[column] = values
    return frame
