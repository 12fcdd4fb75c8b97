"""Times: what comes after a series is what its calendar says, whatever the frequency, the zone and the spelling."""

import warnings
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pandas import offsets

from tsrnn import RNNForecaster
from tsrnn.forecasting.panel.frames import to_frame, to_panel

H = 3
QUICK = {
    "h": H,
    "n_networks": 1,
    "max_steps": 2,
    "hidden_size": 4,
    "window": 4,
    "segment": 1,
    "level_window": 1,
}
QUICK |= {"random_state": 0, "n_jobs": 1}

BERLIN, NEW_YORK, SAO_PAULO = "Europe/Berlin", "America/New_York", "America/Sao_Paulo"
HOLIDAYS = offsets.CustomBusinessDay(holidays=["2024-03-29", "2024-04-01"])
NIGHTS = offsets.BusinessHour(start="10:00", end="12:00")


def each(days, of="2024-03", at=""):
    """Times of a month by their days, such as "04-02" for those of another."""
    return [f"{of[:4]}-{day}{at}" if "-" in day else f"{of}-{day}{at}" for day in days.split()]


# Times, of which the last three are to be forecast; the zone; frequencies that say so, None infers it.
GRIDS = {
    "days, clocks are put forward": (each("26 27 28 29 30 31 04-01 04-02"), BERLIN, [None, "D", offsets.Day(), "1d"]),
    "days, clocks are put back": (each("24 25 26 27 28 29 30", "2024-10"), BERLIN, [None, "D", timedelta(days=1)]),
    "days, the change within history": (each("29 30 31 04-01 04-02 04-03 04-04"), BERLIN, [None, pd.Timedelta("1D")]),
    "days at noon": (each("28 29 30 31 04-01 04-02", at=" 12:00"), BERLIN, [None, pd.DateOffset(days=1)]),
    "days at an hour that is left out": ([*each("26 27 28 29 30", at=" 02:30"), "2024-03-31 03:00",
        "2024-04-01 02:30"], BERLIN, [None, "D"]),
    "days whose midnight is left out": ([*each("01 02 03", "2018-11"), "2018-11-04 01:00",
        *each("05 06 07 08", "2018-11")], SAO_PAULO, [None, "D"]),
    "days after a midnight that is left out": ([*each("01 02 03", "2018-11"), "2018-11-04 01:00",
        *each("05 06 07", "2018-11")], SAO_PAULO, ["D", offsets.Day(1)]),
    "every other day": (each("23 25 27 29 31 04-02"), BERLIN, [None, "2D", pd.DateOffset(days=2)]),
    "weeks": (each("04 11 18 25 04-01 04-08 04-15"), BERLIN,
        [None, "W-MON", offsets.Week(), pd.DateOffset(weeks=1), "7D"]),
    "fortnights": (each("04 18 04-01 04-15 04-29 05-13"), BERLIN, [None, "2W-MON", offsets.Week(2, weekday=0)]),
    "business days": (each("25 26 27 28 29 04-01 04-02"), BERLIN, ["B", offsets.BDay()]),
    "days but holidays": (each("21 22 25 26 27 28 04-02 04-03"), None, [HOLIDAYS]),
    "days but holidays in a zone": (each("21 22 25 26 27 28 04-02 04-03"), BERLIN, [HOLIDAYS]),
    "hours of business": (["2024-03-27 10:00", "2024-03-27 11:00", "2024-03-28 10:00", "2024-03-28 11:00",
        "2024-03-29 10:00", "2024-03-29 11:00", "2024-04-01 10:00"], BERLIN, [NIGHTS]),
    "month begins": (["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"], BERLIN,
        [None, "MS", pd.DateOffset(months=1), offsets.MonthBegin()]),
    "month ends": (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"], NEW_YORK,
        [None, "ME", "M", offsets.MonthEnd(), pd.DateOffset(months=1), pd.DateOffset(months=1, day=31)]),
    "the 15th": (["2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15", "2024-05-15", "2024-06-15"], None,
        [None, pd.DateOffset(months=1)]),
    "the 15th in a zone": (["2024-01-15", "2024-02-15", "2024-03-15", "2024-04-15", "2024-05-15", "2024-06-15"], BERLIN,
        [pd.DateOffset(months=1)]),
    "the 30th, in February the last": (["2023-10-30", "2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29",
        "2024-03-30", "2024-04-30"], None, [None, pd.DateOffset(months=1)]),
    "after a February": (["2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30", "2024-04-30",
        "2024-05-30"], None, [None, pd.DateOffset(months=1)]),
    "quarters on the 15th": (["2023-02-15", "2023-05-15", "2023-08-15", "2023-11-15", "2024-02-15", "2024-05-15"], None,
        [None, pd.DateOffset(months=3), pd.DateOffset(n=3, months=1)]),
    "years on a day": (["2019-07-04", "2020-07-04", "2021-07-04", "2022-07-04", "2023-07-04", "2024-07-04"], None,
        [None, pd.DateOffset(years=1), pd.DateOffset(months=12)]),
    "last Mondays": (["2024-01-29", "2024-02-26", "2024-03-25", "2024-04-29", "2024-05-27", "2024-06-24", "2024-07-29"],
        None, [None, "LWOM-MON", offsets.LastWeekOfMonth(weekday=0)]),
    "second Tuesdays": (["2024-01-09", "2024-02-13", "2024-03-12", "2024-04-09", "2024-05-14", "2024-06-11"], BERLIN,
        [None, "WOM-2TUE", offsets.WeekOfMonth(week=1, weekday=1)]),
    "last business days": (["2024-01-31", "2024-02-29", "2024-03-29", "2024-04-30", "2024-05-31", "2024-06-28"], None,
        [None, "BME", "BM", offsets.BMonthEnd()]),
    "quarter ends": (["2023-03-31", "2023-06-30", "2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30"], None,
        [None, "QE", "Q", "Q-DEC", offsets.QuarterEnd(startingMonth=12)]),
    "year ends": (["2019-12-31", "2020-12-31", "2021-12-31", "2022-12-31", "2023-12-31", "2024-12-31"], None,
        [None, "YE", "A", "Y", "A-DEC", offsets.YearEnd()]),
    "half months": (["2024-01-01", "2024-01-15", "2024-02-01", "2024-02-15", "2024-03-01", "2024-03-15"], None,
        ["SMS", offsets.SemiMonthBegin()]),
    "hours, clocks are put forward": (["2024-03-31 00:00+01:00", "2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00",
        "2024-03-31 04:00+02:00", "2024-03-31 05:00+02:00", "2024-03-31 06:00+02:00"], BERLIN,
        [None, "h", "H", offsets.Hour(), pd.DateOffset(hours=1), "60min", "60T"]),
    "hours, clocks are put back": (["2024-10-26 23:00+02:00", "2024-10-27 00:00+02:00", "2024-10-27 01:00+02:00",
        "2024-10-27 02:00+02:00", "2024-10-27 02:00+01:00", "2024-10-27 03:00+01:00", "2024-10-27 04:00+01:00"], BERLIN,
        [None, "h", timedelta(hours=1)]),
    "quarters of an hour": (["2024-03-31 01:00+01:00", "2024-03-31 01:15+01:00", "2024-03-31 01:30+01:00",
        "2024-03-31 01:45+01:00", "2024-03-31 03:00+02:00", "2024-03-31 03:15+02:00"], BERLIN, 
        [None, "15min", "15T"]),
    "24 hours": (["2024-03-29 00:00+01:00", "2024-03-30 00:00+01:00", "2024-03-31 00:00+01:00",
        "2024-04-01 01:00+02:00", "2024-04-02 01:00+02:00", "2024-04-03 01:00+02:00"], BERLIN,
        ["24h", offsets.Hour(24)]),
    "24 hours, inferred": (["2024-03-29 00:00+01:00", "2024-03-30 00:00+01:00", "2024-03-31 00:00+01:00",
        "2024-04-01 01:00+02:00", "2024-04-02 01:00+02:00", "2024-04-03 01:00+02:00", "2024-04-04 01:00+02:00"], BERLIN,
        [None]),
    "a day and a half": (["2024-03-01 00:00", "2024-03-02 12:00", "2024-03-04 00:00", "2024-03-05 12:00",
        "2024-03-07 00:00", "2024-03-08 12:00"], None, [None, "36h", pd.Timedelta("36h"), pd.DateOffset(hours=36)]),
    "seconds": (["2024-03-01 00:00:00", "2024-03-01 00:00:01", "2024-03-01 00:00:02", "2024-03-01 00:00:03",
        "2024-03-01 00:00:04", "2024-03-01 00:00:05"], None, [None, "s", "S", "1000ms"]),
}  # fmt: skip
CASES = [(name, number) for name, (_, _, freqs) in GRIDS.items() for number in range(len(freqs))]


def case(name, number=0, unit="ns"):
    """A frame, its frequency and the times after it."""
    times, zone, freqs = GRIDS[name]
    index = [pd.Timestamp(time) for time in times]
    if zone is not None:
        index = [
            time.tz_localize(zone) if time.tz is None else time.tz_convert(zone) for time in index
        ]
    index = pd.DatetimeIndex(index).as_unit(unit)
    assert str(index.tz) == str(zone)
    df = pd.DataFrame({"unique_id": "a", "ds": index, "y": 10.0 + np.arange(len(index))})
    return df[:-H], freqs[number], index[-H:]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", ["ns", "us", "s"])
@pytest.mark.parametrize(("name", "number"), CASES)
def test_what_comes_after_a_series_is_what_the_calendar_says(name, number, unit):
    df, freq, after = case(name, number, unit)
    panel = to_panel(df, freq)
    out = to_frame(panel, np.zeros((1, H)), H)["ds"]
    assert out.tolist() == after.tolist()
    assert out.dt.tz == after.tz and (after.unit == out.dt.unit or after.unit == "s")


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_time_that_is_missing_is_found_and_filled(name, number):
    df, freq, after = case(name, number)
    whole = pd.concat(
        [df, pd.DataFrame({"unique_id": "a", "ds": after, "y": 1.0})], ignore_index=True
    )
    lacking = whole.drop(index=len(whole) - 3)
    freq = to_panel(whole, freq).freq
    said = f"lacks 1 of them, the first {whole['ds'].iloc[-3]}: fill_gaps=True"
    with pytest.raises(ValueError) as refused:
        to_panel(lacking, freq)
    assert said in str(refused.value)
    with pytest.warns(
        UserWarning, match="1 missing time in 1 series was filled with a missing value"
    ):
        panel = to_panel(lacking, freq, fill_gaps=True)
    assert panel.times.tolist() == whole["ds"].tolist()
    assert panel.known.tolist() == (np.arange(len(whole)) != len(whole) - 3).tolist()


@pytest.mark.parametrize("name", GRIDS)
def test_a_time_off_the_grid_is_named(name):
    df, _, after = case(name)
    off = df["ds"].iloc[2] + pd.Timedelta("1ms")
    wrong = pd.concat([df, df.iloc[2:3].assign(ds=off)])
    freq = to_panel(pd.concat([df, pd.DataFrame({"unique_id": "a", "ds": after, "y": 1.0})])).freq \
        if GRIDS[name][2][0] is None else GRIDS[name][2][0]  # fmt: skip
    for fill_gaps in (False, True):
        with pytest.raises(ValueError) as refused:
            to_panel(wrong, freq, fill_gaps=fill_gaps)
        assert f"must fit the times; series 'a' has {off}, which does not" in str(refused.value)


LONG = {
    "days": ("D", BERLIN),
    "business days": ("B", None),
    "holidays": (HOLIDAYS, None),
    "the 15th": (pd.DateOffset(months=1), None),
    "last Mondays": (offsets.LastWeekOfMonth(weekday=0), None),
    "hours": ("h", BERLIN),
    "hours of business": (NIGHTS, None),
}


def long_series(kind, n=40):
    """A series and what is known of its future, the clocks changed near its end."""
    freq, zone = LONG[kind]
    start = {
        "hours": "2024-03-29 20:00",
        "the 15th": "2018-01-15",
        "last Mondays": "2018-01-29",
    }.get(kind, "2024-02-22")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        times = pd.date_range(f"{start}", periods=n + 8, freq=freq)
    if zone is not None:
        times = (
            times.tz_localize(zone)
            if kind == "days"
            else pd.date_range(start, periods=n + 8, freq=freq, tz=zone)
        )
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "unique_id": "a",
            "ds": times,
            "y": 5 + rng.normal(size=n + 8),
            "x": rng.normal(size=n + 8),
        }
    )
    return df[:n], df[n:].reset_index(drop=True), freq


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", LONG)
def test_methods_agree_on_the_calendar(kind):
    df, after, freq = long_series(kind)
    forecaster = RNNForecaster(**QUICK, freq=freq, future_covariates=["x"]).fit(df)
    first = forecaster.predict(X_df=after.drop(columns="y"))
    assert first["ds"].tolist() == after["ds"].iloc[:H].tolist()
    pd.testing.assert_frame_equal(forecaster.predict(df, X_df=after), first)
    paths = forecaster.simulate(2, X_df=after, random_state=0)
    assert paths["ds"].tolist() == after["ds"].iloc[:H].tolist()
    far = forecaster.predict(h=2 * H, X_df=after)
    assert far["ds"].tolist() == after["ds"].iloc[: 2 * H].tolist()
    errors = np.abs(after["y"].iloc[:H].to_numpy() - first["RNNForecaster"].to_numpy()).mean()
    assert forecaster.score(after[:H]) == pytest.approx(-errors / np.abs(np.diff(df["y"])).mean())
    known = pd.concat([df, after[:2]], ignore_index=True)
    past = forecaster.cross_validation(known, n_windows=2, step_size=1)
    assert past["ds"].tolist() == [*known["ds"].iloc[-H - 1 : -1], *known["ds"].iloc[-H:]]
    assert past["cutoff"].unique().tolist() == known["ds"].iloc[[-H - 2, -H - 1]].tolist()
    np.testing.assert_array_equal(past["y"], [*known["y"].iloc[-H - 1 : -1], *known["y"].iloc[-H:]])
    newer = forecaster.update(after[:2]).predict(X_df=after)
    assert newer["ds"].tolist() == after["ds"].iloc[2 : 2 + H].tolist()


FIRSTS = {"a": "2023-01-15", "b": "2024-01-20"}


def test_series_of_one_panel_keep_each_its_own_day_of_the_month():
    month = pd.DateOffset(months=1)
    times = {name: pd.date_range(first, periods=8, freq=month) for name, first in FIRSTS.items()}
    df = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": times[name], "y": 1.0}) for name in FIRSTS]
    )
    for freq in (None, month):
        out = to_frame(to_panel(df, freq), np.zeros((2, 2)), 2)
        assert out["ds"].astype(str).tolist() == [
            "2023-09-15",
            "2023-10-15",
            "2024-09-20",
            "2024-10-20",
        ]


def test_times_beyond_what_can_be_counted_are_a_sentence():
    for times, freq in (
        (pd.date_range("2255-01-01", periods=5, freq="YS").as_unit("ns"), "YS"),
        (pd.date_range("2255-01-15", periods=5, freq=pd.DateOffset(years=1)).as_unit("ns"), None),
        (pd.date_range("2262-03-30", periods=5).as_unit("ns"), "D"),
        (np.iinfo(np.int64).max - np.arange(5)[::-1], 1),
    ):
        panel = to_panel(pd.DataFrame({"unique_id": "a", "ds": times, "y": 1.0}), freq)
        with pytest.raises(
            ValueError, match=r"h=9 steps after .* must be times that can be counted"
        ):
            panel.ahead(9)


@pytest.mark.parametrize(
    "freq", ["0D", "-1D", "-1MS", timedelta(0), offsets.Day(-1), pd.DateOffset(months=-1)]
)
def test_a_frequency_leads_on(freq):
    with pytest.raises(ValueError, match="freq must lead to later times; got"):
        to_panel(case("the 15th")[0], freq)


@pytest.mark.parametrize("freq", ["hourly", "", "5", 1, 2.5, True, [1], np.timedelta64(1, "D")])
def test_what_is_no_frequency(freq):
    with pytest.raises(ValueError, match=r"freq must be a pandas alias such as 'D'.*; got"):
        to_panel(case("the 15th")[0], freq)


# Spellings


def column(values):
    is_object = isinstance(values, np.ndarray) and values.dtype == object
    return pd.Series(values, dtype=object) if is_object else pd.Series(values)


def spelled(values):
    return pd.DataFrame(
        {"unique_id": "a", "ds": column(values), "y": np.arange(len(values), dtype=float)}
    )


MONTHS = [f"2024-{month:02}-01" for month in range(1, 13)]
DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]
# Columns of times, and the first that must come after them.
READ = {
    "day first, told by one": ([f"{day:02}/01/2024" for day in range(3, 15)], "2024-01-15"),
    "day first, told by the last": ([f"{day}.1.2024" for day in range(1, 14)], "2024-01-14"),
    "month first": ([f"01/{day:02}/2024" for day in range(3, 15)], "2024-01-15"),
    "day first with hours": ([f"{day:02}/01/2024 10:00" for day in range(3, 15)], "2024-01-15 10:00"),
    "year first": (DAYS, "2024-01-13"),
    "slashes": ([day.replace("-", "/") for day in DAYS], "2024-01-13"),
    "digits": ([day.replace("-", "") for day in DAYS], "2024-01-13"),
    "digits and hours": ([f"20240101{hour:02}00" for hour in range(12)], "2024-01-01 12:00"),
    "names of months": ([f"{day} Jan 2024" for day in range(1, 13)], "2024-01-13"),
    "names first": ([f"January {day}, 2024" for day in range(1, 13)], "2024-01-13"),
    "years": ([str(year) for year in range(2001, 2021)], "2021-01-01"),
    "ISO with and without hours": (["2024-01-01", *[f"2024-01-01 {hour:02}:00" for hour in range(1, 12)]],
        "2024-01-01 12:00"),
    "UTC": ([f"{day}T00:00Z" for day in DAYS], "2024-01-13 00:00+00:00"),
    "a zone": ([f"{day}T00:00+02:00" for day in DAYS], "2024-01-13 00:00+02:00"),
    "dates": ([pd.Timestamp(day).date() for day in DAYS], "2024-01-13"),
    "datetimes": ([pd.Timestamp(day).to_pydatetime() for day in DAYS], "2024-01-13"),
    "stamps": (np.array([pd.Timestamp(day) for day in DAYS], object), "2024-01-13"),
    "blanks": ([f" {day} " for day in DAYS], "2024-01-13"),
    "categories": (pd.Series(DAYS, dtype="category"), "2024-01-13"),
    "years as integers": (range(2001, 2021), 2021),
    "a count": (range(20), 20),
    "a count from a year": (range(1900, 1960), 1960),
    "a count of five digits": (range(20190, 20250), 20250),
    "a count of six digits": (range(202050, 202110), 202110),
    "a count of eight digits": (range(20240101, 20240141), 20240141),
    "a count of ten digits": (range(2024010100, 2024010130), 2024010130),
    "seconds since 1970": (range(1704067200, 1704067200 + 24 * 3600, 3600), 1704067200 + 24 * 3600),
    "milliseconds since 1970": (1704067200000 + 86_400_000 * np.arange(30), 1704067200000 + 86_400_000 * 30),
    "nullable integers": (pd.array(range(20), "Int64"), 20),
    "objects": (np.array([*range(20)], object), 20),
    "unsigned": (np.arange(20, dtype=np.uint8), 20),
}  # fmt: skip


# set_index of this test, before pandas 3
@pytest.mark.filterwarnings("ignore:Dtype inference on a pandas object")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READ)
def test_a_spelling_is_read_in_its_only_way(name):
    values, following = READ[name]
    df = spelled(values)
    expected = pd.Timestamp(following) if isinstance(following, str) else following
    for form in (
        df,
        df.sample(frac=1, random_state=0),
        df.set_index("ds")["y"],
        df.set_index(["unique_id", "ds"]),
    ):
        panel = to_panel(form)
        assert panel.ahead(1).iloc[0, 1] == expected
    parts = pd.concat([df.assign(unique_id=name) for name in "ab"])
    assert to_panel(parts).times.tolist() == 2 * panel.times.tolist()


COUNT = "must hold timestamps or a count of steps; got"
ONE_WAY = "must hold times that read in one way; got"
# Columns of times that are refused, and the sentence.
REFUSED = {
    "months, day first or month first": (
        [f"01/{month:02}/2024" for month in range(1, 13)], f"{ONE_WAY} '01/02/2024', where the day may come first"),
    "one of three years": ([f"01/{month:02}/{year}" for year in (2022, 2023, 2024) for month in range(1, 13)], ONE_WAY),
    "dots": ([f"01.{month:02}.2024" for month in range(1, 13)], ONE_WAY),
    "dashes and hours": ([f"1-{month}-2024 10:00" for month in range(1, 13)], ONE_WAY),
    "after the name of a day": ([f"{pd.Timestamp(f'2024-{month}-05'):%a %m/%d/%Y}" for month in range(1, 13)], ONE_WAY),
    "both ways": (["13/01/2024", "01/14/2024", "15/01/2024"], "written in one way; got '13/01/2024' and '01/14/2024'"),
    "two digits of a year": ([f"01/01/{year}" for year in range(55, 75)], "year of four digits; got '01/01/55'"),
    "two digits and names": ([f"{day}-Jan-24" for day in range(1, 20)], "a year of four digits; got '1-Jan-24'"),
    "two digits first": ([f"24-01-{day:02}" for day in range(1, 20)], "must hold times"),
    "names and years": ([f"{pd.Timestamp(day):%b-%y}" for day in MONTHS], "must hold times"),
    "times of a day": ([f"{hour:02}:00" for hour in range(20)], "a year of four digits; got '00:00'"),
    "two formats": (["2024-01-01", "2024-01-02", "Jan 3, 2024"], "in one way; got '2024-01-01' and 'Jan 3, 2024'"),
    "a zone on some": (["2024-01-01T00:00Z", "2024-01-02T00:00", "2024-01-03T00:00Z"], "with a zone and without"),
    "several zones": (["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"], "one time zone"),
    "zones of Python": ([pd.Timestamp(f"2024-03-{day}", tz=zone).to_pydatetime() for day, zone in
        ((1, BERLIN), (2, NEW_YORK), (3, BERLIN))], "one time zone"),
    "months as texts": ([f"2024{month:02}" for month in range(1, 13)], "got the text '202401': pandas.to_datetime"),
    "a count as texts": ([str(i) for i in range(20)], "got the text '0': astype(int) makes them integers"),
    "words": (["2024-01-01", "soon", "2024-01-03"], "must hold timestamps or integers; got 'soon'"),
    "floats": (np.arange(20.0), "integers; got float64: astype('int64') makes them integers"),
    "halves": (np.arange(20) / 2, "must hold timestamps or integers; got float64."),
    "no end": (np.array([10**400 + i for i in range(5)], object), "must hold integers of at most 64 bits"),
    "more than 64 bits": (np.array([2**63 + i for i in range(5)], np.uint64), "must hold integers of at most 64 bits"),
    "days": ([int(f"{day:%Y%m%d}") for day in pd.date_range("2024-01-01", periods=20)],
        f"{COUNT} dates as integers such as 20240101"),
    "first days of months": ([int(day.replace("-", "")) for day in MONTHS], f"{COUNT} dates as integers"),
    "hours": ([int(f"{hour:%Y%m%d%H}") for hour in pd.date_range("2024-01-01", periods=20, freq="h")],
        f"{COUNT} dates as integers such as 2024010100: pandas.to_datetime(..., format='%Y%m%d%H')"),
    "minutes": ([int(f"{hour:%Y%m%d%H%M}") for hour in pd.date_range("2024-01-01", periods=20, freq="15min")], COUNT),
    "seconds": ([int(f"{hour:%Y%m%d%H%M%S}") for hour in pd.date_range("2024-01-01", periods=20, freq="s")], COUNT),
    "days of short years": ([int(f"{day:%y%m%d}") for day in pd.date_range("2024-01-20", periods=20)], COUNT),
    "days of the year": ([int(f"{day:%Y%j}") for day in pd.date_range("2023-12-20", periods=30)], COUNT),
    "months": ([int(f"2020{month:02}") for month in range(1, 13)], f"{COUNT} years with their months"),
    "half a year": ([int(f"2020{month:02}") for month in range(7, 13)], f"{COUNT} years with their months"),
    "months of two years": ([int(f"{year}{month:02}") for year in (2020, 2021) for month in range(1, 13)], COUNT),
    "months, nullable": (pd.array([int(f"2020{month:02}") for month in range(1, 13)], "Int64"), COUNT),
    "months, objects": (np.array([int(f"2020{month:02}") for month in range(1, 13)], object), COUNT),
    "weeks of a year": ([int(f"2020{week:02}") for week in range(1, 53)], COUNT),
    "weeks to the end of a year": ([int(f"2020{week:02}") for week in range(20, 53)], COUNT),
    "weeks of two years": ([int(f"{year}{week:02}") for year in (2020, 2021) for week in range(1, 53)], COUNT),
    "quarters": ([int(f"{year}{quarter}") for year in (2020, 2021) for quarter in range(1, 5)], COUNT),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", REFUSED)
def test_a_spelling_of_more_or_other_ways_is_refused(name):
    values, said = REFUSED[name]
    for fill_gaps in (False, True):
        for df in (spelled(values), spelled(values)[::-1]):
            with pytest.raises(ValueError) as refused:
                to_panel(df, fill_gaps=fill_gaps)
            text = str(refused.value)
            assert "\n" not in text and text.startswith(
                ("column 'ds' must", "times of column 'ds' must")
            )
            assert said in text or df.index[0] > 0


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_integers_since_1970_that_are_no_count_are_told(unit):
    times = pd.date_range("2023-01-01", periods=12, freq="MS").as_unit(unit).asi8
    said = rf"must fit the times; .* if they count from 1970, pandas.to_datetime\(..., unit='{unit}'\) makes timestamps"
    with pytest.raises(ValueError, match=said):
        to_panel(spelled(times))
    days = pd.date_range("2023-01-01", periods=12).as_unit(unit).asi8
    said = rf"lacks 1 of them, the first {days[3]}: fill_gaps=True .*; if they count from 1970, .*unit='{unit}'"
    with pytest.raises(ValueError, match=said):
        to_panel(spelled(days).drop(3))


def test_what_goes_on_from_a_count_is_one():
    forecaster = RNNForecaster(**QUICK, future_covariates=["x"]).fit(
        spelled(range(201900, 202001)).assign(x=1.0)
    )
    ahead = pd.DataFrame({"unique_id": "a", "ds": range(202001, 202009), "y": 1.0, "x": 1.0})
    assert forecaster.predict(X_df=ahead)["ds"].tolist() == [202001, 202002, 202003]
    assert np.isfinite(forecaster.score(ahead))
    assert forecaster.update(ahead[:5]).predict(X_df=ahead)["ds"].tolist() == [
        202006,
        202007,
        202008,
    ]


def test_hours_of_a_change_of_clocks_without_a_zone_are_told():
    hours = pd.date_range("2024-10-26 12:00", periods=30, freq="h", tz=BERLIN).tz_localize(None)
    with pytest.raises(
        ValueError, match=r"has 2024-10-27 02:00:00 twice: if clocks were put back, tz_localize\("
    ):
        to_panel(spelled(hours))
    hours = pd.date_range("2024-03-30 12:00", periods=30, freq="h", tz=BERLIN).tz_localize(None)
    with pytest.raises(
        ValueError,
        match=r"2024-03-31 02:00:00: fill_gaps=True .*; if clocks were put forward, tz_loc",
    ):
        to_panel(spelled(hours))
    with pytest.raises(ValueError, match=r"has 2024-01-03 00:00:00 twice\.$"):
        to_panel(spelled(pd.DatetimeIndex([*DAYS[:3], *DAYS[2:]])))


@pytest.mark.parametrize("form", ["long", "wide", "series"])
def test_python_times_tell_the_two_hours_of_clocks_put_back(form):
    hours = pd.date_range("2024-10-26 12:00", periods=30, freq="h", tz=BERLIN)
    frames = []
    for times in (hours, pd.Index(hours.to_pydatetime(), dtype=object)):
        wide = pd.DataFrame({"a": np.arange(30.0)}, index=times)
        frames.append({"long": spelled(times), "wide": wide, "series": wide["a"]}[form])
    expected, got = (RNNForecaster(**QUICK).fit(frame).predict() for frame in frames)
    times = got["ds"] if form == "long" else got.index
    assert list(times) == list(pd.date_range(hours[-1], periods=H + 1, freq="h")[1:])
    column = {"long": "RNNForecaster", "wide": "a", "series": slice(None)}[form]
    assert got[column].tolist() == expected[column].tolist()


@pytest.mark.parametrize(
    "spelling", ["%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y %H:%M", "%d.%m.%y", "%d/%m/%y"]
)
def test_the_format_that_a_message_names_reads_the_texts(spelling):
    texts = [day.strftime(spelling) for day in pd.date_range("2024-01-05", periods=12, freq="MS")]
    with pytest.raises(ValueError, match="must hold times") as refused:
        to_panel(spelled(texts))
    assert f"format={spelling!r}" in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "advice"),
    [
        ([f"{pd.Timestamp(day):%b-%y}" for day in MONTHS], "format='%b-%y'"),
        ([f"{day:02}/01/24" for day in range(1, 20)], "format='%d/%m/%y'"),
        ([f"{day}-Jan-24" for day in range(1, 20)], "format='%d-%b-%y'"),
        ([f"0{day}/02/2024 12:00 AM" for day in range(1, 9)], "format='%d/%m/%Y %I:%M %p'"),
        ([f"2024M{month:02}" for month in range(1, 13)], "format='%YM%m'"),
        ([f"2024-W{week:02}" for week in range(5, 40)], "times + '-1', format='%G-W%V-%u'"),
        ([f"2024-W{week:02}-1" for week in range(5, 40)], "format='%G-W%V-%u'"),
        ([f"{hour:02}:00" for hour in range(20)], None),
        (["Mon", "Tue", "Wed"], None),
    ],
)
def test_a_format_that_is_named_reads_the_texts(texts, advice):
    df = pd.DataFrame({"unique_id": "a", "ds": texts, "y": 1.0})
    with pytest.raises(ValueError, match="column 'ds' must hold") as caught:
        to_panel(df)
    sentence = str(caught.value)
    assert ("format=" in sentence) == (advice is not None)
    if advice is not None:
        assert advice in sentence
        spelled = sentence.split("format='")[1].split("'")[0]
        read = pd.to_datetime([text + "-1" * ("'-1'" in advice) for text in texts], format=spelled)
        to_panel(df.assign(ds=read))
