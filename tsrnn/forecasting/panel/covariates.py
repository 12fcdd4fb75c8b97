"""Covariates: what is known beside the values, as numbers of about one."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from utilsforecast.compat import pl_DataFrame  # pyright: ignore[reportPrivateImportUsage]

from tsrnn.extras import require
from tsrnn.forecasting.panel.frames import with_covariates, with_times
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import series_of
from tsrnn.forecasting.panel.times import label_repr, like_those_of_fit

# Parts of the date: their name in pandas and their period.
CALENDAR_PARTS = {
    "minute": ("minute", 60),
    "hour": ("hour", 24),
    "dayofweek": ("day_of_week", 7),
    "day": ("day", 31),
    "dayofyear": ("day_of_year", 366),
    "month": ("month", 12),
    "quarter": ("quarter", 4),
}
WAVES = 3  # of a part of the date, if its period has so many; a week has no more


class Roles(NamedTuple):
    """Names of columns known up to the end of a series, of those known beyond it, of those that are the same in all its
    rows, and of parts of the date.
    """

    past: list
    future: list
    static: list
    calendar: list

    @classmethod
    def of(cls, forecaster, columns):
        """As the parameters of a forecaster say; `columns` are those of series, time and target."""
        names = [f"{kind}_covariates" for kind in ("past", "future", "static")]
        roles = cls(*(list(getattr(forecaster, name) or ()) for name in [*names, "calendar"]))
        taken = dict(zip(columns, ("id_col", "time_col", "target_col")))
        for name, own in zip(names, roles):
            for column in own:
                if column in taken:
                    raise ValueError(
                        f"{name} must be columns without another role; {column!r} is in {taken[column]}."
                    )
                taken[column] = name
        for part in roles.calendar:
            if part not in CALENDAR_PARTS or roles.calendar.count(part) > 1:
                raise ValueError(
                    f"calendar must be different ones of {', '.join(map(repr, CALENDAR_PARTS))}; got {part!r}."
                )
        return roles

    @property
    def columns(self):
        return [*self.past, *self.future, *self.static]


def codes_of(frame, roles):
    """How each column becomes numbers: by mean and scale, or by its labels, of which each is a number."""
    return {column: code_of(frame[column]) for column in roles.columns}


def code_of(values):
    if values.dtype.kind == "f":
        return {"mean": float(values.mean()), "scale": float(values.std(ddof=0)) or 1.0}
    return {"labels": sorted(values.unique())}


def histories_of(panel, roles, codes, ahead=None):
    """A panel, and its covariates as numbers. `ahead` is a long frame of the steps after the end of every series with
    the columns known there.
    """
    series = panel.series
    table = panel.covariates
    future = future_of(table, panel.times, roles, codes)
    if future is not None:
        future = series.with_values(future)
        if ahead is not None:
            after = future_of(ahead, ahead[panel.columns[1]], roles, codes)
            future = future.followed_by(after.reshape(len(series), -1, after.shape[1]))
    return Histories(
        series=series,
        known=None if panel.known.all() else panel.known,
        past=encoded(table, roles.past, codes),
        future=future,
        static=encoded(table.iloc[panel.starts[:-1]], roles.static, codes)
        if roles.static
        else None,
        clock=panel.clock,
    )


def ahead_of(panel, X_df, roles, h, n_steps, name="X_df"):
    """A long frame of the `n_steps` steps after the end of every series with what is known there.

    The frame `X_df` must have the first `h` of them; of later ones, those that it lacks stay as the step before. None
    if nothing is known ahead.
    """
    if not roles.future:
        if X_df is not None:
            raise ValueError(
                f"{name} must be None without future_covariates; got a {type(X_df).__name__}."
            )
        return panel.ahead(n_steps) if roles.calendar else None
    frame = as_ahead(X_df, panel, roles.future, name)
    wanted = panel.ahead(n_steps)
    id_col, time_col, _ = panel.columns
    keys = [id_col, time_col]
    twice = frame.duplicated(keys)
    if twice.any():
        row = frame[twice].iloc[0]
        raise ValueError(
            f"times of {name} must not repeat within a series; series {label_repr(row[id_col])} "
            f"has {row[time_col]} twice."
        )
    rows = (
        pd.MultiIndex.from_frame(frame[keys])
        .get_indexer(pd.MultiIndex.from_frame(wanted))
        .reshape(-1, n_steps)
    )
    first = rows[:, :h] < 0
    if first.any():
        i = int(first.any(axis=1).argmax())
        lacking = wanted[time_col].iloc[i * n_steps + np.flatnonzero(first[i])]
        raise ValueError(
            f"{name} must have a row for each of the {h} steps to forecast; series {label_repr(panel.ids[i])} lacks "
            f"{len(lacking)} of them, the first {lacking.iloc[0]}."
        )
    incomplete = frame[roles.future].isna().any(axis=1).to_numpy()
    rows[:, h:][incomplete[rows[:, h:]]] = -1
    known = taken_from(frame, panel, carried(rows), roles.future, f" of {name}")
    return wanted.join(known)


def carried(rows):
    """Row numbers (n_series, n_steps), a missing one (-1) as that of the step before."""
    last = np.maximum.accumulate(np.where(rows >= 0, np.arange(rows.shape[1]), 0), axis=1)
    return np.take_along_axis(rows, last, axis=1)


def taken_from(frame, panel, rows, columns, of):
    """Columns of a frame at these rows (n_series, n_steps); -1 stands for the last one of the history."""
    used = np.unique(rows[rows >= 0])
    here = frame.iloc[used].reset_index(drop=True)
    if len(used):
        id_col, time_col, _ = panel.columns
        here = with_covariates(here, id_col, time_col, columns, of)
    places = np.searchsorted(used, rows)
    if (rows < 0).any():
        here = pd.concat(
            [here[columns], panel.covariates[columns].iloc[panel.starts[1:] - 1]], ignore_index=True
        )
        places = np.where(rows < 0, len(used) + np.arange(len(rows))[:, None], places)
    return here[columns].iloc[places.ravel()].reset_index(drop=True)


def as_ahead(X_df, panel, columns, name):
    """A long frame with times as those of the panel."""
    id_col, time_col, _ = panel.columns
    if isinstance(X_df, pl_DataFrame):
        require("pyarrow", "a polars frame")  # which turns it into one of pandas
        X_df = X_df.to_pandas()
    if not isinstance(X_df, pd.DataFrame):
        raise TypeError(
            f"{name} must be a DataFrame with the future of {columns}; got {type(X_df).__name__}."
        )
    if X_df.index.nlevels == 2:
        X_df = X_df.rename_axis([id_col, time_col]).reset_index()
    wanted = [id_col, time_col, *columns]
    lacking = [column for column in wanted if column not in X_df.columns]
    if lacking:
        raise ValueError(
            f"{name} must have the columns {wanted}; {lacking} not among {list(X_df.columns)}."
        )
    frame, _, _ = with_times(
        X_df[wanted].reset_index(drop=True), panel.freq, id_col, time_col, None, panel.times
    )
    frame[time_col] = like_those_of_fit(frame[time_col], panel.times, f" of {name}")
    check_labels(frame[id_col], panel.ids, f" of {name}")
    return frame


def check_labels(labels, known, of=""):
    """Text and numbers are never the same label."""
    mine = known[0]
    other = labels.iloc[0] if len(labels) else known[0]
    if isinstance(mine, str) != isinstance(other, str):
        raise ValueError(
            f"series{of} must be called as in fit, such as {label_repr(mine)}; got {label_repr(other)}."
        )


def check_kinds(frame, roles, codes):
    """Columns must hold numbers or labels as in fit."""
    for column in roles.columns:
        check_kind(column, frame[column].to_numpy(), codes[column])


def check_kind(column, values, code):
    if ("labels" in code) == (values.dtype.kind == "f"):
        wanted = "labels" if "labels" in code else "numbers"
        raise ValueError(
            f"column {column!r} must hold {wanted} as in fit; got {label_repr(values[0])}."
        )


def check_static(panel, columns):
    """Every row of a series must have the same."""
    for column in columns:
        values = panel.covariates[column].to_numpy()
        series = series_of(panel.starts)
        other = values != values[panel.starts[:-1]][series]
        if other.any():
            i = series[other.argmax()]
            raise ValueError(
                f"static column {column!r} must be the same in all rows of a series; series "
                f"{label_repr(panel.ids[i])} has {label_repr(values[panel.starts[i]])} and "
                f"{label_repr(values[other.argmax()])}."
            )


def future_of(frame, times, roles, codes):
    """Numbers of what is known beyond the end of series, at the rows of a frame; None if nothing is."""
    return stacked(future_numbers(frame, times, roles, codes))


def future_numbers(frame, times, roles, codes):
    """The same by name."""
    return named(frame, roles.future, codes) | fourier_terms(times, roles.calendar)


def encoded(frame, columns, codes):
    return stacked(named(frame, columns, codes))


def stacked(numbers):
    return np.column_stack(list(numbers.values())) if numbers else None


def named(frame, columns, codes):
    """Numbers of some columns by name; a label that `codes` lack is zero everywhere."""
    numbers = {}
    for column in columns:
        values = frame[column].to_numpy()
        code = codes[column]
        check_kind(column, values, code)
        if "labels" in code:
            numbers |= {
                f"{column}={label}": (values == label).astype(float) for label in code["labels"]
            }
        else:
            numbers[column] = (values - code["mean"]) / code["scale"]
    return numbers


def fourier_terms(times, parts):
    """Cosines and sines of parts of the date, by name."""
    numbers = {}
    for part in parts:
        name, period = CALENDAR_PARTS[part]
        place = getattr(pd.DatetimeIndex(times), name).to_numpy()
        for k in range(1, min(WAVES, period // 2) + 1):
            numbers[f"{part}-cos-{k}"] = np.cos(2 * np.pi * k * place / period)
            if 2 * k < period:
                numbers[f"{part}-sin-{k}"] = np.sin(2 * np.pi * k * place / period)
    return numbers
