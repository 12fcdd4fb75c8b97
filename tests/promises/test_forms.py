"""Every form of a panel goes into every method and comes back as it came: its shape, its names, the types of labels and
times, so that forecasts meet the truth in a join.
"""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from tsrnn import PanelTimeSeriesSplit, RNNForecaster

NAME, H = "RNNForecaster", 3
QUICK = {"h": H, "n_networks": 1, "max_steps": 3, "hidden_size": 4, "random_state": 0, "n_jobs": 1}
PLAN = {"window": 4, "segment": 1, "level_window": 1, "deseasonalize": False}
DAYS = pd.date_range("2024-02-20", periods=30, freq="D")
VALUES = 10 + np.random.default_rng(0).random((2, 30))


def long(ids=("a", "b"), times=DAYS, names=("unique_id", "ds", "y")):
    parts = [
        pd.DataFrame(dict(zip(names, ([label] * len(times), times, values))))
        for label, values in zip(ids, VALUES)
    ]
    return pd.concat(parts, ignore_index=True)


def typed(labels=None, times=None, **options):
    frame = long(**options)
    return frame.astype(
        {name: kind for name, kind in (("unique_id", labels), ("ds", times)) if kind is not None}
    )


def wide(index=DAYS, columns=("a", "b")):
    return pd.DataFrame(VALUES.T, index, columns=list(columns))


def polars_of(frame, **casts):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    types = {name: getattr(polars, kind) for name, kind in casts.items()}
    return polars.from_pandas(frame).with_columns(
        polars.col(name).cast(kind) for name, kind in types.items()
    )


LONG = {
    "text labels": typed,
    "short integers": lambda: typed("int8", ids=(3, 1)),
    "categories": lambda: typed("category"),
    "strings": lambda: typed("string"),
    "seconds": lambda: typed(times="datetime64[s]"),
    "microseconds": lambda: typed(times="datetime64[us]"),
    "a zone": lambda: zoned(),
    "short integer times": lambda: long(times=np.arange(30, dtype="int16")),
    "python dates": lambda: long(times=DAYS.date),
    "periods": lambda: long(times=DAYS.to_period("D")),
    "months": lambda: long(times=pd.period_range("2020-01", periods=30, freq="M")),
    "pyarrow": lambda: typed("string[pyarrow]", "timestamp[ns][pyarrow]"),
    "pyarrow dates": lambda: typed("string[pyarrow]", "date32[day][pyarrow]"),
    "names of numbers": lambda: long(names=(0, 1, 2)),
    "other names": lambda: long(names=("shop", "day", "sales")),
}
POLARS = {
    "polars": lambda: polars_of(long()),
    "polars dates": lambda: polars_of(long(), ds="Date"),
    "polars categories": lambda: polars_of(long(), unique_id="Categorical", ds="Date"),
    "polars short integers": lambda: polars_of(
        long(ids=(1, 2), times=np.arange(30)), unique_id="Int16", ds="Int32"
    ),
}
OTHERS = {
    "wide": wide,
    "wide with names": lambda: wide(DAYS.rename("day")).rename_axis(columns="shop"),
    "wide periods": lambda: wide(DAYS.to_period("D")),
    "wide integers": lambda: wide(pd.RangeIndex(30)),
    "wide python dates": lambda: wide(pd.Index(DAYS.date, name="day")),
    "wide objects": lambda: wide().astype(object),
    "series": lambda: wide()["a"],
    "series without a name": lambda: wide()["a"].rename(None),
    "series with a tuple": lambda: wide()["a"].rename(("a", "close")),
    "series of periods": lambda: wide(DAYS.to_period("D").rename("day"))["a"],
    "two levels": lambda: long(names=("shop", "day", "y")).set_index(["shop", "day"]),
    "two levels, a series": lambda: long(names=("shop", "day", "y")).set_index(["shop", "day"])[
        "y"
    ],
}
FORMS = LONG | POLARS | OTHERS


def zoned():
    return long(times=pd.date_range("2024-03-20", periods=30, freq="h", tz="Europe/Berlin"))


def columns_of(df, form):
    if form in ("names of numbers", "other names"):
        return tuple(df.columns[:3])
    return ("unique_id", "ds", "y")


def cut(df, n):
    """The panel without its last `n` times, and those."""
    if form_of(df) == "long":
        last = df.groupby(df.columns[0], observed=True).cumcount(ascending=False) < n
        return df[~last], df[last].reset_index(drop=True)
    if form_of(df) == "polars":
        last = np.tile(np.arange(30) >= 30 - n, 2)
        return df.filter(~last), df.filter(last)
    if form_of(df) == "two levels":
        last = np.tile(np.arange(30) >= 30 - n, 2)
        return df[~last], df[last]
    return df.iloc[:-n], df.iloc[-n:]


def form_of(df):
    if not isinstance(df, (pd.DataFrame, pd.Series)):
        return "polars"
    if df.index.nlevels == 2:
        return "two levels"
    return "long" if (df.ndim == 2 and len(df) == 60) or len(df) == 54 else "index"


def forecaster(**options):
    return RNNForecaster(**QUICK | PLAN | options)


@pytest.mark.parametrize("form", FORMS)
def test_forecasts_come_back_as_the_panel_came(form):
    df = FORMS[form]()
    before, truth = cut(df, H)
    fitted = forecaster().fit(before, *columns_of(df, form))
    given = forecaster().fit(before, *columns_of(df, form)).predict(before)
    forecast, paths = fitted.predict(), fitted.simulate(2, random_state=0)
    assert type(forecast) is type(truth) or form == "two levels"
    assert type(given) is type(forecast)
    if form_of(df) == "polars":
        keys = ["unique_id", "ds"]
        for out in (forecast, given, paths):
            assert [out.schema[key] for key in keys] == [df.schema[key] for key in keys]
        assert len(truth.join(forecast, on=keys)) == 2 * H
        return
    if form_of(df) == "long":
        keys = list(df.columns[:2])
        for out in (forecast, given, paths):
            assert out[keys].dtypes.tolist() == df[keys].dtypes.tolist()
            assert out[keys[1]].map(type).tolist() == truth[keys[1]].map(type).tolist()
        both = truth.merge(forecast, on=keys)
        assert len(both) == 2 * H and both[NAME].notna().all()
        return
    for out in (forecast, given, paths):
        assert out.index.equals(truth.index) and out.index.names == truth.index.names
        assert out.index.dtype == truth.index.dtype if out.index.nlevels == 1 else True
        assert getattr(out.index, "freq", None) == getattr(df.index, "freq", None)
    if df.ndim == 2 and form_of(df) == "index":
        pd.testing.assert_index_equal(forecast.columns, df.columns)


@pytest.mark.parametrize("form", FORMS)
def test_cross_validation_meets_the_truth(form):
    df = FORMS[form]()
    columns = columns_of(df, form)
    out = forecaster().cross_validation(df, 2, None, False, 80, *columns)
    if form_of(df) == "polars":
        assert type(out) is type(df) and out.schema["ds"] == out.schema["cutoff"] == df.schema["ds"]
        both = df.join(out, on=["unique_id", "ds"])
        assert len(both) == 2 * 2 * H and (both["y"] == both["y_right"]).all()
        return
    names = list(columns)
    if form_of(df) == "two levels":
        names[:2] = df.index.names
        truth = df.reset_index()
    elif form_of(df) == "long":
        truth = df
    else:
        names[:2] = [
            getattr(getattr(df, "columns", None), "name", None) or names[0],
            df.index.name or names[1],
        ]
        table = df.to_frame(name=df.name or "series") if df.ndim == 1 else df
        if df.ndim == 1:
            table.columns = [str(df.name) if isinstance(df.name, tuple) else df.name or "series"]
        truth = (
            table.rename_axis(index=names[1], columns=names[0]).stack().rename("y").reset_index()
        )
    assert list(out.columns) == [
        *names[:2],
        "cutoff",
        names[2],
        NAME,
        f"{NAME}-lo-80",
        f"{NAME}-hi-80",
    ]
    assert out["cutoff"].dtype == out[names[1]].dtype == truth[names[1]].dtype
    both = truth.merge(out, on=names[:2])
    assert len(both) == len(out) > 0
    np.testing.assert_allclose(both[f"{names[2]}_x"].astype(float), both[f"{names[2]}_y"])


@pytest.mark.parametrize("form", FORMS)
def test_the_splitter_and_score_take_it(form):
    df = FORMS[form]()
    columns = columns_of(df, form)
    splits = list(PanelTimeSeriesSplit(2, H, None, *columns[:2]).split(df))
    n_series = 1 if form_of(df) == "index" else 2
    for k, (train, test) in enumerate(splits):
        assert len(test) == n_series * H and len(train) == n_series * (30 - (2 - k) * H)
        np.testing.assert_array_equal(
            test % 30, np.tile(np.arange(30 - (2 - k) * H, 30 - (1 - k) * H), n_series)
        )
    before, truth = cut(df, H)
    score = forecaster().fit(before, *columns).score(truth)
    same = forecaster().fit(cut(long(), H)[0]).score(cut(long(), H)[1])
    if n_series == 2 or df.ndim == 2:
        np.testing.assert_allclose(score, same, rtol=0.5)
    assert np.isfinite(score)


def test_a_search_over_a_wide_frame():
    search = GridSearchCV(forecaster(), {"hidden_size": [3, 4]}, cv=PanelTimeSeriesSplit(2, H))
    assert np.isfinite(search.fit(wide()).cv_results_["mean_test_score"]).all()


NUMBERS = {
    "None": lambda y: y.astype(object).where(np.arange(len(y)) != 5, None),
    "NA": lambda y: y.astype(object).where(np.arange(len(y)) != 5, pd.NA),
    "decimals": lambda y: y.round(3).map(lambda value: Decimal(f"{value:.3f}")),
    "decimals and None": lambda y: y.map(lambda value: Decimal(repr(value))).where(
        np.arange(len(y)) != 5, None
    ),
    "numbers of numpy": lambda y: pd.Series(
        [np.float64(value) for value in y], y.index, dtype=object
    ),
    "categories": lambda y: y.astype("category"),
    "categories and missing": lambda y: y.where(np.arange(len(y)) != 5).astype("category"),
    "Float64": lambda y: y.astype("Float64"),
    "pyarrow": lambda y: y.astype("double[pyarrow]"),
    "integers": lambda y: y.round().astype(int).astype(object),
    "Int64": lambda y: y.round().astype("Int64").where(np.arange(len(y)) != 5),
    "booleans": lambda y: y > 10.5,
}


def as_floats(values):
    return pd.Series([np.nan if pd.isna(value) else float(value) for value in values], values.index)


def changed(df, change):
    """The same panel with its values changed."""
    if df.ndim == 1:
        return change(df)
    return df.assign(**{column: change(df[column]) for column in (["y"] if "y" in df else df)})


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("form", ["long", "wide", "two levels", "series"])
def test_numbers_in_any_column(kind, form):
    if kind == "pyarrow":
        pytest.importorskip("pyarrow")
    panels = {"wide": wide, "series": lambda: wide()["a"], "long": long}
    panels["two levels"] = lambda: long().set_index(["unique_id", "ds"])
    odd = changed(panels[form](), NUMBERS[kind])
    plain = changed(odd, as_floats)
    got, expected = forecaster().fit(odd).predict(), forecaster().fit(plain).predict()
    assert got.equals(expected)


def with_odd_value(value, column="y"):
    df = long()
    values = df["y"].astype(object)
    values.iloc[5] = value
    return df.assign(**{column: values})


REFUSED = {
    "an endless number": (lambda: with_odd_value(10**400), "must hold numbers up to"),
    "an endless covariate": (lambda: with_odd_value(10**400, "x"), "must hold numbers up to"),
    "text": (lambda: with_odd_value("x"), "must hold numbers; series 'a' has 'x'"),
    "three levels": (
        lambda: long().assign(z=1).set_index(["z", "unique_id", "ds"])["y"],
        "must have two levels",
    ),
    "tuples as labels": (lambda: long(ids=[("a", 1), ("b", 1)]), "must hold labels such as"),
    "two levels of columns": (lambda: pd.concat({"x": wide()}, axis=1), "must have one level"),
    "a wide frame of texts as times": (
        lambda: wide(DAYS.strftime("%Y-%m-%d")),
        r"pandas.to_datetime\(df.index",
    ),
    "a wide frame of text": (lambda: wide().astype(object).assign(a="x"), "must have the columns"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_panel_is_refused(case):
    make, message = REFUSED[case]
    options = {"future_covariates": ["x"]} if "covariate" in case else {}
    with pytest.raises(ValueError, match=message) as caught:
        forecaster(**options).fit(make())
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("df", "message"),
    [
        ([1, 2], "must be a pandas or polars DataFrame"),
        (long(names=("shop", "ds", "y")), r"must have the columns \['unique_id', 'ds'\]"),
        (long().assign(unique_id=None), "must name a series in every row"),
    ],
)
def test_the_splitter_refuses_what_is_no_panel(df, message):
    with pytest.raises((ValueError, TypeError), match=message):
        list(PanelTimeSeriesSplit(2, H).split(df))


@pytest.mark.parametrize("name", ["n_splits", "h", "step_size"])
def test_the_splitter_checks_its_parameters(name):
    with pytest.raises(ValueError, match=f"{name} of PanelTimeSeriesSplit must be an int"):
        list(PanelTimeSeriesSplit(**{name: 0}).split(long()))


def test_dates_of_python_are_dates():
    forecast = forecaster().fit(long(times=DAYS.date)).predict()
    assert forecast["ds"].iloc[0] == datetime.date(2024, 3, 21)


@pytest.mark.parametrize(
    "times", [DAYS, DAYS.to_period("D"), pd.RangeIndex(30)], ids=["days", "periods", "integers"]
)
def test_a_wide_frame_whose_times_are_objects_is_wide(times):
    before = wide(times)[:-H]
    expected = forecaster().fit(before).predict()
    forecast = forecaster().fit(before.set_axis(before.index.astype(object))).predict()
    assert forecast.index.tolist() == times[-H:].tolist()
    assert forecast.to_numpy().tolist() == expected.to_numpy().tolist()


def test_categories_of_times_are_times():
    """Those of the future are no categories yet, so timestamps come back."""
    expected = forecaster().fit(wide()).predict()
    pd.testing.assert_frame_equal(
        forecaster().fit(wide(pd.CategoricalIndex(DAYS))).predict(), expected, check_freq=False
    )
