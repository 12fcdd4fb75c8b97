"""Whatever kind of data `fit` takes, a file keeps: the value, and its type."""

import contextlib
import datetime as dt
import json
import math
import random
import uuid
import zoneinfo
from collections import namedtuple
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import pytest
from dateutil import tz as dateutil_tz
from dateutil.relativedelta import MO

from tsrnn.files.codecs import decode, encode
from tsrnn.files.errors import DamagedError
from tsrnn.files.functions import functions
from tsrnn.files.records import record

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
DAYS = pd.date_range("2024-03-29", periods=4)


def through_a_file(value):
    tree, arrays = encode(value)
    text = json.dumps(tree, allow_nan=False)
    again = decode(json.loads(text), {name: array.copy() for name, array in arrays.items()}, 10**6)
    second, more = encode(again)
    assert json.dumps(second) == text and list(more) == list(arrays)
    for name, array in arrays.items():
        assert array.dtype == more[name].dtype and array.tobytes() == more[name].tobytes()
    return again


SCALARS = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**63,
    -(2**64),
    10**5000,
    0.0,
    -0.0,
    1e-320,
    0.1,
    1.7e308,
    math.inf,
    -math.inf,
    "",
    "a",
    "ä",
    "\ud800",
    "\0",
    '"',
    "\\",
    b"",
    b"\xff",
    (),
    (1,),
    ("a", 1, None),
    [],
    [[]],
    [1, (2, [3.5])],
    {},
    {"a": 1},
    {1: "a", "1": "b", 1.5: "c", None: "d", (1, 2): "e", True + 1: "f"},
    np.int64(3),
    np.int8(-3),
    np.uint64(2**64 - 1),
    np.float32(0.1),
    np.float16(0.5),
    np.float64(-0.0),
    np.bool_(True),
    np.str_("x"),
    np.str_(""),
    np.bytes_(b"x"),
    np.complex128(1 + 2j),
    np.datetime64("2024-01-01"),
    np.timedelta64(3, "D"),
    np.datetime64("2024-01-01T00:00:00.123456789"),
    np.longdouble("0.1"),
    np.dtype("float32"),
    np.dtype(">i4"),
    Decimal("1.10"),
    Decimal("-0"),
    Fraction(1, 3),
    uuid.UUID(int=7),
    dt.date(2024, 2, 29),
    dt.time(12, 30, 1, 5),
    dt.datetime(2024, 2, 29, 1, 2, 3, 4),
    dt.timedelta(-1, 5, 7),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
    dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 1, tzinfo=dateutil_tz.gettz("America/New_York")),
    dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=-3.5))),
    pd.Timestamp("2024-01-01"),
    pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp(1),
    pd.Timestamp("1500-01-01").as_unit("s"),
    pd.Timestamp("2024-01-01", tz="UTC"),
    pd.Timedelta("1D"),
    pd.Timedelta(7),
    pd.NaT,
    pd.NA,
    pd.Period("2024-01", "M"),
    pd.Period("2024", "Y-MAR"),
    pd.Period("2024-01-01 10:00", "15min"),
    pd.Interval(0, 1, "left"),
    pd.Interval(pd.Timestamp(0), pd.Timestamp(1)),
]

OFFSETS = [
    pd.offsets.Day(),
    pd.offsets.Day(3),
    pd.Timedelta("36h"),
    pd.offsets.Hour(5),
    pd.offsets.Nano(7),
    pd.offsets.Minute(90),
    pd.offsets.MonthEnd(2),
    pd.offsets.MonthBegin(),
    pd.offsets.BMonthEnd(),
    pd.offsets.SemiMonthEnd(day_of_month=7),
    pd.offsets.QuarterBegin(startingMonth=2),
    pd.offsets.BQuarterEnd(startingMonth=1),
    pd.offsets.YearEnd(month=3),
    pd.offsets.Week(weekday=3),
    pd.offsets.Week(),
    pd.offsets.WeekOfMonth(week=1, weekday=2),
    pd.offsets.Easter(),
    pd.offsets.LastWeekOfMonth(weekday=0),
    pd.offsets.BusinessDay(2),
    pd.offsets.BusinessDay(offset=dt.timedelta(hours=2)),
    pd.offsets.BusinessHour(start=["09:00", "13:00"], end=["12:00", "17:00"]),
    pd.offsets.MonthEnd(normalize=True),
    pd.offsets.CustomBusinessDay(holidays=["2024-12-25", "2024-01-01"], weekmask="Mon Tue Wed"),
    pd.offsets.CustomBusinessDay(calendar=np.busdaycalendar("1111110", ["2024-05-01"])),
    pd.offsets.CustomBusinessHour(holidays=["2024-01-01"], start="10:00"),
    pd.offsets.CustomBusinessMonthEnd(holidays=["2024-01-31"]),
    pd.offsets.CustomBusinessMonthBegin(weekmask="Fri"),
    pd.offsets.DateOffset(months=1),
    pd.offsets.DateOffset(years=1, hours=3),
    pd.offsets.DateOffset(weekday=MO(-1)),
    pd.offsets.DateOffset(2, months=1, day=31),
    pd.offsets.FY5253(weekday=4, startingMonth=1, variation="nearest"),
    pd.offsets.FY5253Quarter(weekday=1, startingMonth=2, qtr_with_extra_week=1, variation="last"),
]

ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.zeros((0, 3)),
    np.array(5.0),
    np.array([True, False]),
    np.array([1, 2], ">i4"),
    np.array(["a", "bc"]),
    np.array([""]),
    np.array([b"a"]),
    np.array([1 + 2j]),
    np.array(["2024", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[ns]"),
    np.array([np.nan, -0.0, np.inf]),
    np.arange(3, dtype=np.float16),
    np.arange(4)[::2],
    np.array(["a", 1, None, (1, 2)], dtype=object),
    np.array([f"ü{i}" for i in range(99)], dtype=object),
    np.array([["a", "b"], ["c", "d"]], dtype=object),
    np.zeros((2, 0, 3), np.int8),
    np.array([], "U"),
]

INDICES = [
    pd.RangeIndex(5),
    pd.RangeIndex(3, 9, 2, name="i"),
    pd.Index([3, 1, 2]),
    pd.Index([1, 2], dtype="int8"),
    pd.Index([0.5, np.nan]),
    pd.Index(["a", "b"], name=("x", 1)),
    pd.Index(["a", 1, None], dtype=object),
    pd.Index(["a", "b"], dtype=object),
    pd.Index(["a", pd.NA], dtype="string[python]"),
    pd.Index([True, False]),
    pd.Index(["a"], dtype="string"),
    pd.Index([1, pd.NA], dtype="Int64"),
    pd.Index([True, pd.NA], dtype="boolean"),
    pd.Index([0.5, pd.NA], dtype="Float32"),
    pd.CategoricalIndex(["b", "a", "b"], ["b", "a", "c"], ordered=True, name="k"),
    pd.CategoricalIndex([1, 2, 1]),
    DAYS,
    DAYS.tz_localize("Europe/Berlin"),
    DAYS.as_unit("s"),
    DAYS.rename("ds"),
    pd.DatetimeIndex(["2024-10-27 00:30", "2024-10-27 01:30", None], tz="UTC").tz_convert(
        "Europe/Berlin"
    ),
    pd.DatetimeIndex(["2024-01-01"], tz=dt.timezone(dt.timedelta(hours=2))),
    pd.DatetimeIndex([]),
    pd.DatetimeIndex(DAYS[[0, 2, 3]]),
    pd.date_range("2024", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=["2024-01-02"])),
    pd.timedelta_range("1h", periods=3, freq="h"),
    pd.TimedeltaIndex([5, None]),
    pd.period_range("2024-01", periods=3, freq="M"),
    pd.PeriodIndex(["2024Q1", "2024Q3"], freq="Q-OCT", name="q"),
    pd.interval_range(0, 3, closed="both"),
    pd.MultiIndex.from_product([["a", "b"], DAYS[:2]], names=["shop", None]),
    pd.Index([dt.date(2024, 1, 1)]),
    pd.MultiIndex.from_arrays([[1, 2], pd.Categorical(["x", "y"])], names=[("t", 1), 2]),
    pd.Index([Decimal("1.5")]),
    pd.Index([(1, 2), (3, 4)], tupleize_cols=False),
    pd.Index([f"id{i}" for i in range(99)]),
    pd.Index([], dtype=object),
    pd.Index([f"id{i}" for i in range(99)], dtype="string[python]"),
    pd.Index(["\ud800" + str(i) for i in range(50)], dtype=object),
]


def same(one, two):
    """Value and type, all the way down."""
    assert type(one) is type(two)
    if isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for pair in zip(one, two):
            same(*pair)
    elif isinstance(one, dict):
        same(list(one.items()), list(two.items()))
    elif isinstance(one, np.ndarray):
        assert one.dtype == two.dtype and one.shape == two.shape
        same(one.tolist(), two.tolist()) if one.dtype == object else np.testing.assert_array_equal(
            one, two
        )
    elif isinstance(one, (float, np.floating)) and math.isnan(one):
        assert math.isnan(two)
    elif one is pd.NaT or one is pd.NA:
        assert two is one
    else:
        assert one == two and (isinstance(one, int) or repr(one) == repr(two))


@pytest.mark.parametrize(
    "value", [*SCALARS, *OFFSETS, *ARRAYS], ids=lambda value: type(value).__name__
)
def test_a_value_stays(value):
    again = through_a_file(value)
    same(again, value)


def test_nan_stays():
    same(through_a_file([math.nan, np.float32("nan"), -0.0]), [math.nan, np.float32("nan"), -0.0])


def test_zones_of_other_libraries_keep_their_times():
    summer = pd.Timestamp("2024-07-01 12:00")
    zones = [
        dateutil_tz.gettz("Europe/Berlin"),
        dateutil_tz.UTC,
        dt.timezone(dt.timedelta(hours=5.5)),
        BERLIN,
    ]
    with contextlib.suppress(ImportError):
        import pytz

        zones += [pytz.timezone("Europe/Berlin"), pytz.UTC, pytz.FixedOffset(90)]
    if pd.__version__ < "3":
        del zones[0]  # pandas cannot use it
    for zone in zones:
        again = through_a_file(zone)
        assert summer.replace(tzinfo=None).tz_localize(again) == summer.tz_localize(zone), zone

    class Moon(dt.tzinfo):
        def utcoffset(self, moment):
            return None

    with pytest.raises(ValueError, match="time zones must have a name"):
        encode(Moon())


def test_an_offset_of_a_user_is_refused():
    class Mine(pd.offsets.MonthEnd):
        pass

    with pytest.raises(ValueError, match="freq must be one of pandas' own offsets to be saved"):
        encode(Mine())


def test_functions_are_those_on_a_list():
    codecs = functions([math.dist, same])
    for value in (same, partial(same, 1, two=2)):
        tree, arrays = encode(value, codecs)
        again = decode(tree, arrays, 1000, codecs)
        assert again is value or (again.func, again.args, again.keywords) == (
            same,
            (1,),
            {"two": 2},
        )
    for value in (lambda: 0, encode, partial(encode, 1)):
        with pytest.raises(ValueError, match="got the function"):
            encode(value, codecs)
    parts = {"arguments": [], "named": {"dict": []}}
    for tree in (
        {"function": "encode"},
        {"function": 5},
        {"partial": parts | {"function": {"tuple": []}}},
    ):
        with pytest.raises(DamagedError):
            decode(tree, {}, 1000, codecs)


def test_an_older_record_lacks_what_is_new():
    @dataclass(frozen=True)
    class Thing:
        a: int
        b: list = field(default_factory=list)

    Pair = namedtuple("Pair", ["a", "b"], defaults=[7])
    codecs = [record(Thing), record(Pair)]
    for kind, default in ((Thing, []), (Pair, 7)):
        tree, arrays = encode(kind(1, 2), codecs)
        assert decode(tree, arrays, 1000, codecs) == kind(1, 2)
        del tree[kind.__name__]["b"]
        assert decode(tree, arrays, 1000, codecs) == kind(1, default)
        for wrong in ({"b": 1}, {"a": 1, "c": 2}, 5):
            with pytest.raises(DamagedError):
                decode({kind.__name__: wrong}, {}, 1000, codecs)


def test_times_of_a_datetime_keep_their_zone_and_fold():
    for value in (
        dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
        pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(BERLIN),
    ):
        again = through_a_file(value)
        assert (
            again.utcoffset() == value.utcoffset() == dt.timedelta(hours=1)
            and str(again.tzinfo) == "Europe/Berlin"
        )


@pytest.mark.parametrize(
    "index", INDICES, ids=lambda index: f"{type(index).__name__}-{index.dtype}"
)
def test_an_index_stays(index):
    again = through_a_file(index)
    pd.testing.assert_index_equal(again, index, exact=True)
    assert getattr(again, "freq", None) == getattr(index, "freq", None) and list(
        again.names
    ) == list(index.names)
    flat = index.to_flat_index()
    series = pd.Series(flat, dtype=flat.dtype, name=("a", 1))
    pd.testing.assert_series_equal(through_a_file(series), series)
    frame = series.set_axis(index).to_frame(0).assign(y=0.5)
    pd.testing.assert_frame_equal(through_a_file(frame), frame, check_column_type="exact")


ARROW = [
    "int8[pyarrow]",
    "double[pyarrow]",
    "large_string[pyarrow]",
    "bool[pyarrow]",
    "date32[pyarrow]",
    "timestamp[us][pyarrow]",
]


@pytest.mark.parametrize(
    "kind",
    [*ARROW, "decimal", "dictionary", "zone", "duration[ns][pyarrow]", "time64[us][pyarrow]"],
)
def test_a_column_of_pyarrow_stays(kind):
    pa = pytest.importorskip("pyarrow")
    kinds = {
        "decimal": pa.decimal128(7, 2),
        "dictionary": pa.dictionary(pa.int32(), pa.string()),
        "zone": pa.timestamp("ms", tz="Europe/Berlin"),
    }
    dtype = (
        pd.ArrowDtype(kinds[kind]) if kind in kinds else pd.ArrowDtype.construct_from_string(kind)
    )
    values = {
        "decimal": [Decimal("1.25"), None],
        "dictionary": ["a", None],
        "zone": [pd.Timestamp("2024-07-01", tz="Europe/Berlin"), None],
        "large_string[pyarrow]": ["a", None],
        "bool[pyarrow]": [True, None],
        "date32[pyarrow]": [dt.date(2024, 1, 1), None],
        "timestamp[us][pyarrow]": [pd.Timestamp("2024-01-01"), None],
        "duration[ns][pyarrow]": [pd.Timedelta(7), None],
        "time64[us][pyarrow]": [dt.time(1, 2), None],
    }.get(kind, [1, None])
    series = pd.Series(values, dtype=dtype)
    pd.testing.assert_series_equal(through_a_file(series), series)


class Thing:
    pass


LOOP = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (Thing(), "must be data.*got a Thing"),
        ([1, {"a": (Thing,)}], "must be data.*got a type at 1.a.0"),
        (lambda: 0, "must be data.*got a function"),
        (LOOP, "must be at most 60 levels deep"),
        (np.array([Thing()]), "must be data.*got a Thing"),
        (np.zeros(2, "i4,i4"), "arrays must be of numbers, strings or times"),
        (pd.arrays.SparseArray([0, 1]), "convert them"),
        (np.random.default_rng(0), "must be data.*got a Generator"),
    ],
)
def test_what_is_no_data_is_refused(value, match):
    with pytest.raises(ValueError, match=match) as caught:
        encode(value)
    assert "\n" not in str(caught.value)


HOSTILE = [
    {"function": "os.system"},
    {"Thing": {}},
    {},
    {"a": 1, "b": 2},
    {"array": "nobody"},
    {"array": 3},
    {"array": {}},
    {"array": {"raw": "bytes", "dtype": "O", "shape": [1]}},
    {"array": {"raw": "bytes", "dtype": "|O8", "shape": [1]}},
    {"array": {"raw": "bytes", "dtype": "<f8", "shape": [10**12]}},
    {"array": {"raw": "bytes", "dtype": "<f8", "shape": [-1]}},
    {"array": {"raw": "bytes", "dtype": "<U2", "shape": [1]}},
    {"array": {"raw": "bytes", "dtype": "|b1", "shape": [8]}},
    {"array": {"raw": "bytes", "dtype": "<f8", "shape": [True]}},
    {"array": {"raw": "bytes", "dtype": "<U0", "shape": [10**12]}},
    {"array": {"raw": "bytes", "dtype": "V8", "shape": [1]}},
    {"array": {"raw": "bytes", "dtype": "<M8[3000D]", "shape": ["1"]}},
    {"array": {"items": [1], "shape": [2]}},
    {"array": {"items": 5, "shape": [5]}},
    {"texts": ["bytes", "numbers"]},
    {"texts": ["bytes", "bytes"]},
    {"texts": []},
    {"range": [0, 10**12, 1, None]},
    {"range": [0, 5, 0, None]},
    {"range": [0.5, 5, 1, None]},
    {"tuple": 5},
    {"dict": [[1, 2], [1, 3]]},
    {"dict": [[[1], 2]]},
    {"dict": [1]},
    {"float": "1.0"},
    {"int": "zz"},
    {"bytes": "?"},
    {"decimal": "x"},
    {"fraction": "1/0"},
    {"uuid": "x"},
    {"scalar": ["O", ""]},
    {"scalar": ["<f8", "AA=="]},
    {"scalar": ["<U1", "////fw=="]},
    {"dtype": "O"},
    {"dtype": 5},
    {"zone": {"zoneinfo": "../../etc/passwd"}},
    {"zone": {"dateutil": "/etc/passwd"}},
    {"zone": {"fixed": 10**9}},
    {"zone": 5},
    {"timestamp": [1, "D", None]},
    {"timestamp": [1e30, "ns", None]},
    {"timestamp": [1, "ns", 5]},
    {"offset": ["Thing", 1, False, {}]},
    {"offset": ["Day", 10**30, False, {}]},
    {"offset": ["Day", 1, False, {"x": 1}]},
    {"offset": ["BaseOffset", "a", False, {}]},
    {"period": [1, None]},
    {"date": "2024-13-01"},
    {"time": []},
    {"duration": [10**30]},
    {"weekday": [9]},
    {"missing": "x"},
    {"index": {"values": 5, "name": None, "freq": None}},
    {"index": {"values": {"array": "numbers"}, "name": [1], "freq": None}},
    {
        "index": {
            "values": {"array": "numbers"},
            "name": None,
            "freq": {"offset": ["Day", 1, False, {}]},
        }
    },
    {"index": {}},
    {"levels": {"levels": [], "codes": [], "names": []}},
    {"levels": {"levels": [{"range": [0, 2, 1, None]}], "codes": [[5]], "names": [1]}},
    {
        "categories": {
            "codes": {"array": "numbers"},
            "categories": {"range": [0, 1, 1, None]},
            "ordered": False,
        }
    },
    {
        "frame": {
            "columns": {"range": [0, 1, 1, None]},
            "index": {"range": [0, 9, 1, None]},
            "values": [{"array": "numbers"}],
        }
    },
    {"series": {"values": {"array": "numbers"}, "index": {"range": [0, 9, 1, None]}, "name": None}},
    {"extension": ["masked", {}]},
    {"extension": ["nothing", {}]},
    {"extension": ["arrow", {"type": "extension", "items": []}]},
    {"extension": ["strings", {"storage": "python", "missing": "nan", "items": [5]}]},
    {"stamps": {"at": 5, "unit": "ns", "zone": None}},
    {"stamps": {"at": {"array": "numbers"}, "unit": "D", "zone": None}},
    [{"array": "numbers"}, {"array": "numbers"}],
    5,
]


@pytest.mark.parametrize("tree", HOSTILE, ids=range(len(HOSTILE)))
def test_a_tree_that_no_save_wrote_is_damaged(tree):
    arrays = {"bytes": np.full(8, 255, np.uint8), "numbers": np.array([7, 5])}
    with pytest.raises(DamagedError) as caught:
        decode(tree, arrays, 1000)
    assert "\n" not in str(caught.value)


def test_random_trees_are_read_or_damaged():
    """Parts of good trees put in each other's places."""
    rng = random.Random(0)
    trees = [encode(value)[0] for value in [*SCALARS, *OFFSETS, *INDICES]]

    def parts(tree):
        yield tree
        for part in (
            tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ()
        ):
            yield from parts(part)

    pool = [part for tree in trees for part in parts(tree)]

    def spoilt(tree):
        if rng.random() < 0.15:
            return rng.choice(pool)
        if isinstance(tree, list):
            return [spoilt(part) for part in tree]
        return (
            {name: spoilt(part) for name, part in tree.items()} if isinstance(tree, dict) else tree
        )

    ends = {"read": 0, "damaged": 0}
    for _ in range(3000):
        try:
            decode(spoilt(rng.choice(trees)), {}, 1000)
            ends["read"] += 1
        except DamagedError as error:
            assert "\n" not in str(error)
            ends["damaged"] += 1
    assert min(ends.values()) > 100
