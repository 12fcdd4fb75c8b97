"""Any panel, any settings, any order of calls: a result, or one sentence, and what was fitted stays as it was."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
from conftest import PROFILE
from hypothesis import given
from hypothesis import strategies as st
from outcomes import Refused, count, one_sentence

from tsrnn import PanelTimeSeriesSplit, RNNForecaster

QUICK = {
    "window": 4,
    "segment": 1,
    "level_window": 1,
    "deseasonalize": False,
    "n_networks": 1,
    "max_steps": 2,
    "hidden_size": 4,
    "random_state": 0,
    "n_jobs": 1,
    "batch_size": 4,
}
LAST_FRIDAYS = pd.offsets.LastWeekOfMonth(weekday=4)
FREQUENCIES = ["D", "h", "MS", "ME", "W", "B", "QS", "YS", "15min", "2D", LAST_FRIDAYS, "WOM-2TUE"]
ODD_VALUES = [
    np.nan,
    np.inf,
    -np.inf,
    None,
    pd.NA,
    "text",
    "3.5",
    10**400,
    Decimal("2.5"),
    True,
    1j,
    1e308,
    -1e308,
    5e-324,
]
ODD_TIMES = [
    None,
    pd.NaT,
    "2024-13-45",
    "01/02/2024",
    202001,
    20200131,
    1.5,
    -1,
    10**30,
    "now",
    datetime.date(2024, 1, 1),
]
ODD_LABELS = [None, np.nan, 1, 1.5, "", "a", True, ("a", 1), b"x", pd.Timestamp("2024")]
ODD_NAMES = [
    "RNNForecaster",
    "cutoff",
    "index",
    "level_0",
    0,
    ("a", "b"),
    "",
    "unique_id",
    "y",
    "RNNForecaster-lo-80",
]


def pick(draw, options):
    return options[draw(st.integers(0, len(options) - 1))]


def clock(draw):
    """A function from a number of steps to times of one kind."""
    freq = pick(draw, FREQUENCIES)
    begin = pick(draw, ["2024-01-01", "2024-03-28", "1999-12-25", "2024-10-25"])
    zone = pick(draw, [None, None, None, None, "UTC", "Europe/Berlin", "America/New_York"])
    unit = pick(draw, ["ns", "s"])
    kind = pick(draw, ["stamps"] * 6 + ["integers", "integers", "text", "periods", "dates"])
    text = pick(draw, ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M", "%d/%m/%Y", "%Y%m%d", "%m-%y"])
    distance = pick(draw, [1, 1, 5])

    def times(n):
        if kind == "integers":
            return np.arange(n) * distance
        stamps = pd.date_range(begin, periods=n, freq=freq, tz=zone).as_unit(unit)
        if kind == "text":
            return stamps.strftime(text)
        if kind == "dates":
            return stamps.date
        if kind == "periods" and zone is None and freq in ("D", "h"):
            return stamps.to_period(freq)
        return stamps

    return times


@st.composite
def panels(draw):
    """A long frame of a few series, with covariates, and what may be wrong with it."""
    parts, times = [], clock(draw)
    for label in pick(draw, [["a"], ["a", "b"], [3, 1, 2], ["x", "y", "z"]]):
        n = draw(st.sampled_from([1, 2, 6, 12, 20, 30, 30, 40]))
        size = pick(draw, [1.0, 1.0, 1.0, 0.0, 1e9, 1e-9])
        values = size * np.random.default_rng(draw(st.integers(0, 99))).normal(
            5, pick(draw, [1, 1, 5, 0]), n
        )
        columns = {
            "unique_id": label,
            "ds": times(n),
            "y": values,
            "promo": np.arange(n) % 2,
            "kind": pick(draw, ["p", "q"]),
        }
        parts.append(pd.DataFrame(columns))
    df = pd.concat(parts, ignore_index=True)
    for _ in range(pick(draw, [0, 0, 0, 1, 1, 2, 3])):
        df = pick(draw, CHANGES)(draw, df)
    return df


def place(draw, df):
    return draw(st.integers(0, max(len(df) - 1, 0)))


def odd(column, options):
    def change(draw, df):
        if column not in df or not len(df):
            return df
        values = df[column].astype(object)
        values.iloc[place(draw, df)] = pick(draw, options)
        return df.assign(**{column: values})

    return change


def without_rows(draw, df):
    return df.drop(index=[df.index[place(draw, df)]]) if len(df) else df


def renamed(draw, df):
    return df.rename(columns={pick(draw, list(df.columns)): pick(draw, ODD_NAMES)})


def of_another_type(draw, df):
    column, kind = (
        pick(draw, list(df.columns)),
        pick(draw, ["str", "category", "object", "float32", "Int64", "bool", "string[pyarrow]"]),
    )
    try:
        return df.astype({column: kind})
    except (
        Exception
    ):  # of pandas: not every column can be of every type, and that is no concern of this test
        return df


CHANGES = [
    odd("y", ODD_VALUES),
    odd("ds", ODD_TIMES),
    odd("unique_id", ODD_LABELS),
    odd("promo", ODD_VALUES),
    odd("kind", ODD_LABELS),
    without_rows,
    without_rows,
    renamed,
    of_another_type,
    lambda draw, df: df.sample(frac=1, random_state=0),
    lambda draw, df: pd.concat([df, df.tail(1)]),
    lambda draw, df: df.head(0),
    lambda draw, df: df.iloc[:, ::-1],
    lambda draw, df: df.drop(columns=pick(draw, list(df.columns))),
    lambda draw, df: (
        df.assign(y=df["y"].where(np.arange(len(df)) % 3 > 0)) if list(df).count("y") == 1 else df
    ),
    lambda draw, df: df.set_index(list(df.columns[:1])),
]


def in_form(draw, df):
    """The frame in one of its forms, or in none that is known."""
    form = pick(
        draw, ["long"] * 6 + ["wide", "series", "two levels", "polars", "pyarrow", "list", "none"]
    )
    try:
        if form == "wide":
            return df.pivot(index="ds", columns="unique_id", values="y")
        if form == "series":
            return df[df["unique_id"] == df["unique_id"].iloc[0]].set_index("ds")["y"]
        if form == "two levels":
            return df.set_index(["unique_id", "ds"])[pick(draw, [["y"], ["y", "promo", "kind"]])]
        if form == "polars":
            return pl.from_pandas(df)
        if form == "pyarrow":
            return df.convert_dtypes(dtype_backend="pyarrow")
    except Exception:  # of pandas or polars: this frame has no such form
        return df
    return {"list": df.to_numpy().tolist(), "none": None}.get(form, df)


@st.composite
def settings_of(draw):
    options = {
        "h": [1, 2, 5, 40],
        "freq": [
            None,
            None,
            None,
            "D",
            "MS",
            1,
            2,
            "nonsense",
            pd.offsets.Day(),
            pd.Timedelta("1h"),
            0,
            -1,
            True,
        ],
        "season_length": [1, 1, 2, 7],
        "decoder": ["direct", "recursive", "encoder-decoder"],
        "log": ["auto", True, False],
        "scale": ["auto", True, False],
        "difference": [False, True],
        "deseasonalize": [False, True, "auto"],
        "window": [4, 4, "auto", 1, 500],
        "segment": [1, 2, "auto"],
        "level_window": [1, 2, "auto"],
        "fill_gaps": [False, True],
        "future_covariates": [None, None, ["promo"], ["kind"], ["nope"], ["y"], "promo", [1]],
        "past_covariates": [None, None, ["promo"]],
        "static_covariates": [None, None, ["kind"], ["promo"]],
        "calendar": [None, None, ["dayofweek"], ["month", "hour"], ["eon"]],
        "quantiles": [None, None, [0.1, 0.9], [0.1], [10, 90], []],
        "shares": ["auto", {}, {"theta": 1}, {"seasonal_naive": 0.5}],
    }
    some = draw(
        st.lists(st.sampled_from(sorted(options)), max_size=pick(draw, [0, 2, 5]), unique=True)
    )
    return QUICK | {name: pick(draw, options[name]) for name in some}


LEVELS = [None, 80, [50, 95], 0.9, [80, 80.0], np.nan, "80", [], True, 100, [None]]


def calls(draw, df):
    """Something to ask a fitted forecaster; `df` a frame of the kind it was fitted to."""
    other = draw(st.one_of(st.none(), st.just(df), panels()))
    level = pick(draw, [None, 80, *LEVELS])
    ahead = draw(st.one_of(st.none(), st.none(), panels()))
    return pick(
        draw,
        [
            lambda model: model.predict(level=level, X_df=ahead),
            lambda model: model.predict(
                other, h=pick(draw, [None, 1, 3, 7, 0, 1.5, "2"]), level=level
            ),
            lambda model: model.simulate(
                pick(draw, [1, 3, 0, "many"]), other, random_state=pick(draw, [0, None, -1, 2**32])
            ),
            lambda model: model.update(df if other is None else other).predict(),
            lambda model: model.score(df if other is None else other),
            lambda model: model.cross_validation(df, n_windows=pick(draw, [1, 2, 0]), level=level),
            lambda model: list(PanelTimeSeriesSplit(2, h=2).split(df)),
        ],
    )


@PROFILE
@given(st.data())
def test_a_forecaster_answers_or_refuses(data):
    draw = data.draw
    df = in_form(draw, draw(panels()))
    model = RNNForecaster(**draw(settings_of()))
    try:
        with one_sentence():
            model.fit(df)
    except Refused:
        assert not hasattr(model, "_fitted")
        count("forecaster, fit", "refused")
        return
    count("forecaster, fit", "result")
    for _ in range(draw(st.integers(1, 3))):
        before = model._fitted
        call = calls(draw, df)
        try:
            with one_sentence():
                call(model)
        except Refused:
            assert model._fitted is before
            count("forecaster, a call after it", "refused")
        else:
            count("forecaster, a call after it", "result")
