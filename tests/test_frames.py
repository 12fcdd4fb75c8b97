"""Frames in, the same form out; what cannot be forecast is named in one sentence."""

import time

import numpy as np
import pandas as pd
import pytest

from tsrnn.forecasting.panel.frames import to_frame, to_panel


def long(n=3, length=20, freq="MS", start="2020-01-01", seed=0):
    rng = np.random.default_rng(seed)
    times = np.arange(length) if freq == 1 else pd.date_range(start, periods=length, freq=freq)
    parts = [
        pd.DataFrame({"unique_id": f"s{i}", "ds": times[i:], "y": rng.normal(size=length - i)})
        for i in range(n)
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    "freq", [1, "h", "D", "W-SUN", "MS", "ME", "QS-JAN", "YS-JAN", "30min", "B"]
)
def test_long_frames(freq):
    df = long(freq=freq)
    for given in (None, freq):
        panel = to_panel(df, given)
        # pandas before 3 has another name for these quarters
        assert panel.freq in (freq, {"QS-JAN": "QS-OCT"}.get(freq))
        out = to_frame(panel, np.arange(6.0).reshape(3, 2), 2)
        assert list(out.columns) == ["unique_id", "ds", "RNNForecaster"]
        assert list(out["unique_id"]) == ["s0", "s0", "s1", "s1", "s2", "s2"]
        assert list(out["RNNForecaster"]) == list(range(6))
        expected = (
            [20, 21] if freq == 1 else list(pd.date_range(df["ds"].max(), periods=3, freq=freq)[1:])
        )
        assert list(out["ds"]) == expected * 3
        assert out["ds"].dtype.kind == df["ds"].dtype.kind


def test_order_of_rows_and_other_columns_do_not_matter():
    df = long()
    mixed = df.assign(note="x").sample(frac=1, random_state=0)[["note", "y", "ds", "unique_id"]]
    one, two = to_panel(df), to_panel(mixed)
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.starts, two.starts)
    assert list(one.ids) == list(two.ids) == ["s0", "s1", "s2"]
    # the caller's frame stays as it was
    assert list(mixed.columns) == ["note", "y", "ds", "unique_id"]


def test_names_and_types_of_columns():
    df = long().rename(columns={"unique_id": "shop", "ds": "month", "y": "sales"})
    df["shop"], df["sales"] = (
        df["shop"].astype("category"),
        (df["sales"] * 100).round().astype("Int64"),
    )
    df["month"] = df["month"].dt.strftime("%Y-%m")
    out = to_frame(to_panel(df, None, ("shop", "month", "sales")), np.zeros((3, 1)), 1, name="f")
    assert list(out.columns) == ["shop", "month", "f"]
    assert (out["month"] == pd.Timestamp("2021-09-01")).all()


@pytest.mark.parametrize("freq", ["h", "D"])
def test_time_zones_stay(freq):
    # the clocks change on the 29th
    times = pd.date_range("2020-03-27 12:00", periods=48, freq=freq, tz="Europe/Vienna")
    df = pd.DataFrame({"unique_id": "s", "ds": times[:40], "y": np.arange(40.0)})
    for given in (None, freq):
        out = to_frame(to_panel(df, given), np.zeros((1, 8)), 8)
        assert out["ds"].dtype == df["ds"].dtype
        assert list(out["ds"]) == list(times[40:])


@pytest.mark.parametrize("kind", ["datetime", "period", "range", "unnamed"])
def test_a_series_comes_back_as_a_series(kind):
    index = {
        "datetime": pd.date_range("2020", periods=10, freq="D", name="day"),
        "period": pd.period_range("2020-01", periods=10, freq="M", name="month"),
        "range": pd.RangeIndex(5, 15, name="step"),
        "unnamed": pd.date_range("2020", periods=10, freq="YS"),
    }[kind]
    y = pd.Series(np.arange(10.0), index, name=None if kind == "unnamed" else "demand")
    out = to_frame(to_panel(y), np.array([[1.0, 2.0]]), 2)
    assert isinstance(out, pd.Series) and out.name == y.name and out.index.name == index.name
    assert type(out.index) is type(index) or kind == "range"
    assert list(out.index) == list(index.shift(2)[-2:] if kind != "range" else [15, 16])
    assert list(out) == [1, 2]


def test_a_wide_frame_comes_back_wide():
    index = pd.period_range("2020-01", periods=12, freq="M", name="month")
    df = pd.DataFrame({"z": np.arange(12.0), "a": [np.nan] * 4 + list(range(8))}, index)
    panel = to_panel(df.sample(frac=1, random_state=0))
    assert list(np.diff(panel.starts)) == [8, 12] and list(panel.ids) == ["a", "z"]
    out = to_frame(panel, np.array([[1.0, 2], [3, 4]]), 2)
    assert list(out.columns) == ["z", "a"] and out.index.name == "month"
    assert list(out.index) == list(pd.period_range("2021-01", periods=2, freq="M"))
    assert out["a"].tolist() == [1, 2] and out["z"].tolist() == [3, 4]


def test_a_two_level_index_stays():
    df = long().set_index(["unique_id", "ds"])
    values = np.arange(6.0).reshape(3, 2)
    series, frame = (to_frame(to_panel(form), values, 2) for form in (df["y"], df))
    assert (
        isinstance(series, pd.Series)
        and series.name == "y"
        and frame.columns.tolist() == ["RNNForecaster"]
    )
    for out in (series, frame["RNNForecaster"]):
        assert out.index.names == ["unique_id", "ds"]
        assert out["s1"].to_dict() == {pd.Timestamp("2021-09-01"): 2, pd.Timestamp("2021-10-01"): 3}


@pytest.mark.parametrize("column", ["unique_id", "ds"])
def test_a_column_may_be_the_index(column):
    df = long()
    np.testing.assert_array_equal(to_panel(df.set_index(column)).values, to_panel(df).values)


def test_a_wide_frame_may_have_any_names():
    df = pd.DataFrame({"y": np.arange(9.0), "x": np.arange(9.0)}, pd.date_range("2020", periods=9))
    out = to_frame(to_panel(df), np.ones((2, 3)), 3)
    assert list(out.columns) == ["y", "x"] and out.index[0] == pd.Timestamp("2020-01-10")


def test_polars_comes_back_as_polars():
    polars = pytest.importorskip("polars")
    df = long()
    out = to_frame(to_panel(polars.from_pandas(df)), np.arange(3.0)[:, None], 1)
    assert isinstance(out, polars.DataFrame) and out.columns == ["unique_id", "ds", "RNNForecaster"]
    assert (
        out["RNNForecaster"].to_list() == [0, 1, 2] and str(out["ds"][0]) == "2021-09-01 00:00:00"
    )


@pytest.mark.parametrize(
    "types",
    [
        {"ds": "datetime64[us]"},
        {"ds": "timestamp[ns][pyarrow]", "y": "double[pyarrow]", "unique_id": "string[pyarrow]"},
        {"ds": object, "y": object, "unique_id": object},
        {"ds": "str", "unique_id": "category"},
    ],
)
def test_types_of_columns_do_not_matter(types):
    df = long()
    out = to_frame(to_panel(df.astype(types)), np.zeros((3, 1)), 1)
    np.testing.assert_array_equal(to_panel(df.astype(types)).values, to_panel(df).values)
    assert out["ds"].dtype.kind == "M" and (out["ds"] == pd.Timestamp("2021-09-01")).all()


@pytest.mark.parametrize("kind", [object, "uint8", "Int64", "int64[pyarrow]", "int32"])
def test_integers_of_any_type_are_steps(kind):
    df = long(freq=1)
    out = to_frame(to_panel(df.astype({"ds": kind})), np.zeros((3, 2)), 2)
    assert list(out["ds"]) == [20, 21] * 3


@pytest.mark.parametrize("freq", ["D", "B", "h", "MS", "W-SUN"])
def test_a_gap_is_named_when_the_frequency_is_not_given(freq):
    df = long(1, 60, freq)
    with pytest.raises(ValueError, match=f"lacks 2 of them, the first {df['ds'][30]}"):
        to_panel(df.drop([30, 31]))


@pytest.mark.parametrize(
    ("freq", "same"),
    [("MS", pd.offsets.MonthBegin()), ("D", pd.Timedelta("1D")), ("D", pd.offsets.Day())],
)
def test_frequencies_as_objects(freq, same):
    df = long(freq=freq)
    pd.testing.assert_frame_equal(
        *(to_frame(to_panel(df, given), np.ones((3, 4)), 4) for given in (freq, same))
    )
    assert to_panel(long(freq=1), np.int64(1)).freq == 1


@pytest.mark.parametrize(
    ("alias", "given"), [("M", "M"), ("Q-DEC", "Q"), ("Q-NOV", None), ("2M", None), ("W-SUN", "W")]
)
def test_periods_of_two_values_tell_their_frequency(alias, given):
    periods = pd.period_range("2020-01", periods=4, freq=alias)
    out = to_frame(to_panel(pd.Series([1.0, 2], periods[:2]), given), np.ones((1, 2)), 2)
    assert list(out.index) == list(periods[2:])


def drop(df, *rows):
    return df.drop(index=list(rows))


BAD = {
    "empty": (lambda df: df.head(0), "got 0 rows"),
    "columns": (
        lambda df: df.rename(columns={"y": "sales"}),
        r"\['y'\] not among \['unique_id', 'ds', 'sales'\]",
    ),
    "twice": (
        lambda df: pd.concat([df, df.iloc[[25]]]),
        "series 's1' has 2020-07-01 00:00:00 twice",
    ),
    "gap": (lambda df: drop(df, 23, 24), "series 's1' lacks 2 of them, the first 2020-05-01"),
    "infinite": (
        lambda df: df.assign(y=df["y"].where(df.index != 45, np.inf)),
        "series 's2' has 1 values infinite",
    ),
    "text": (
        lambda df: df.assign(y="high"),
        "column 'y' must hold numbers; series 's0' has 'high'",
    ),
    "a text": (
        lambda df: df.assign(y=df["y"].astype(object).where(df.index != 21, "n/a")),
        "series 's1' has 'n/a'",
    ),
    "dates as target": (
        lambda df: df.assign(y=df["ds"]),
        "column 'y' must hold numbers; series 's0' has Timestamp",
    ),
    "no columns": (lambda df: pd.DataFrame(), "got 0 rows"),
    "two targets": (lambda df: pd.concat([df, df[["y"]]], axis=1), "must be unique; got 'y' twice"),
    "complex": (
        lambda df: df.assign(y=df["y"] + 1j),
        "column 'y' must hold numbers; series 's0' has",
    ),
    "dates as integers": (
        lambda df: df.assign(ds=df["ds"].dt.strftime("%Y%m%d").astype(int)),
        "got dates as integers such as 20200101",
    ),
    "two time zones": (
        lambda df: df.assign(
            ds=[f"{when}T00:00+0{1 + when.month % 2}:00" for when in df["ds"].dt.date]
        ),
        "must have one time zone",
    ),
    "two levels of columns": (
        lambda df: pd.concat({"a": df.set_index("ds")[["y"]]}, axis=1),
        "must have one level; got 2",
    ),
    "gap in the longest": (
        lambda df: df.assign(
            ds=df["ds"].mask(df["unique_id"] == "s0", df["ds"] + pd.offsets.MonthBegin(5))
        ).drop(9),
        "series 's0' lacks 1 of them, the first 2021-03-01",
    ),
    "short": (lambda df: df.iloc[[0, 1, 2, 20]], "at least two values; series 's1' has one"),
    "no label": (
        lambda df: df.assign(unique_id=df["unique_id"].where(df.index != 3)),
        "got 1 missing",
    ),
    "no time": (lambda df: df.assign(ds=df["ds"].where(df.index != 22)), "series 's1' lacks one"),
    "no date": (
        lambda df: df.assign(ds=["2020-01-01", "soon"] + ["2020-01-03"] * (len(df) - 2)),
        "got 'soon'",
    ),
    "floats": (
        lambda df: df.assign(ds=0.5),
        "column 'ds' must hold timestamps or integers; got float64",
    ),
    "a list": (
        lambda df: df["y"].tolist(),
        "must be a pandas or polars DataFrame or a pandas Series; got list",
    ),
    "irregular": (
        lambda df: df.assign(ds=df["ds"] + pd.to_timedelta(df.index**2, "D")),
        "freq must be given",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_forecast_is_named(name):
    spoil, sentence = BAD[name]
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        to_panel(spoil(long()))
    assert "\n" not in str(caught.value) and str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("freq", "sentence"),
    [
        ("D", "lacks"),
        ("YS-JAN", "freq='YS-JAN' must fit the times; series 's0' has 2020-02-01"),
        ("zz", "got 'zz'"),
        (1, "a pandas alias such as 'D' for timestamps; got 1"),
    ],
)
def test_a_frequency_that_does_not_fit(freq, sentence):
    with pytest.raises(ValueError, match=sentence):
        to_panel(long(), freq)
    with pytest.raises(ValueError, match="an int of at least 1 for integer times; got 'D'"):
        to_panel(long(freq=1), "D")


def test_missing_values_are_the_last_known_and_said_to_be_missing():
    df = long(2, 8)
    df.loc[[0, 3, 4, 7], "y"] = np.nan
    panel = to_panel(df)
    assert np.diff(panel.starts).tolist() == [7, 7]  # the first series begins later
    assert (
        panel.known[:7].tolist() == [True, True, False, False, True, True, False]
        and panel.known[7:].all()
    )
    y = df["y"].to_numpy()
    np.testing.assert_array_equal(panel.values[:7], y[[1, 2, 2, 2, 5, 6, 6]])
    pd.testing.assert_frame_equal(
        panel.to_long(), df.drop(0).reset_index(drop=True), check_dtype=False
    )


@pytest.mark.parametrize("freq", [1, "D", "MS"])
def test_gaps_are_filled_and_counted(freq):
    df = long(3, 20, freq)
    with pytest.warns(
        UserWarning, match="3 missing times in 2 series were filled with missing values"
    ):
        panel = to_panel(df.drop([4, 5, 30]), freq, fill_gaps=True)
    assert len(panel.values) == len(df) and np.flatnonzero(~panel.known).tolist() == [4, 5, 30]
    pd.testing.assert_frame_equal(
        panel.to_long().drop(columns="y"), df.drop(columns="y"), check_dtype=False
    )


def test_the_panel_before_its_last_values():
    panel = to_panel(long(3, 6))  # 6, 5 and 4 values
    history, rest = panel.before(3)
    assert list(history.ids) == ["s0", "s1"] and np.diff(history.starts).tolist() == [3, 2]
    assert np.diff(rest.starts).tolist() == [3, 3] and list(history.last) == [panel.times[2]] * 2
    np.testing.assert_array_equal(
        np.concatenate([history.series[1], rest.series[1]]), panel.series[1]
    )
    assert len(panel.before(5)[0].ids) == 0


def test_a_wide_series_without_values_is_named():
    df = pd.DataFrame({"a": np.arange(5.0), "b": np.nan}, pd.date_range("2020", periods=5))
    with pytest.raises(ValueError, match="series 'b' has none"):
        to_panel(df)


def test_a_million_rows_take_no_time():
    df = long(1, 1000, "h")
    df = pd.concat([df.assign(unique_id=i) for i in range(1000)], ignore_index=True)
    begin = time.perf_counter()
    to_panel(df)
    assert time.perf_counter() - begin < 4


@pytest.mark.parametrize("freq", ["D", None, "2D"])
def test_a_time_off_the_grid_is_not_lost_where_gaps_are_filled(freq):
    times = [*pd.date_range("2024-01-01", periods=12, freq="D"), pd.Timestamp("2024-01-05 12:00")]
    df = pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0}).drop(8)
    first = "2024-01-02 00:00:00" if freq == "2D" else "2024-01-05 12:00:00"
    with pytest.raises(
        ValueError, match=f"must fit the times; series 'a' has {first}, which does not"
    ):
        to_panel(df, freq, fill_gaps=True)
    counted = df.assign(ds=[*range(0, 22, 2), 5])
    with pytest.raises(
        ValueError, match="freq=2 must fit the times; series 'a' has 5, which does not"
    ):
        to_panel(counted, 2, fill_gaps=True)


@pytest.mark.parametrize(
    "spelled",
    [
        [f"2020{month:02}" for month in range(1, 13)],
        [f"{year}{month:02}" for year in (2020, 2021) for month in range(1, 13)],
        [f"{year}{week:02}" for year in (2020, 2021) for week in range(1, 53)],
        [f"{year}{quarter}" for year in (2019, 2020, 2021) for quarter in range(1, 5)],
    ],
)
@pytest.mark.parametrize("fill_gaps", [False, True])
def test_integers_that_spell_years_and_months_are_no_steps(spelled, fill_gaps):
    df = pd.DataFrame({"unique_id": "a", "ds": np.array(spelled, int), "y": 1.0})
    with pytest.raises(
        ValueError, match=f"years with their months, weeks or quarters .* such as {spelled[0]}"
    ):
        to_panel(df, fill_gaps=fill_gaps)


@pytest.mark.parametrize("first", [0, 1, 1990, 2001, 20_190, 200_001, 202_050])
def test_counts_stay_counts(first):
    df = pd.DataFrame({"unique_id": "a", "ds": range(first, first + 60), "y": 1.0})
    assert to_frame(to_panel(df), np.zeros((1, 1)), 1)["ds"].tolist() == [first + 60]
    # the newer ones of a long count
    late = pd.DataFrame({"unique_id": "a", "ds": [200_101, 200_102, 200_103], "y": 1.0})
    assert len(to_panel(late).values) == 3
