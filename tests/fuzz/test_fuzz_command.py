"""Any bytes with any options: the command writes forecasts, or ends with one sentence."""

import contextlib
import gzip
import io
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from conftest import PROFILE
from hypothesis import given, note
from hypothesis import strategies as st
from outcomes import count

from tsrnn.cli import main
from tsrnn.forecasting import fitting

STATUS = {0, 2, 130, 141}

cells = st.one_of(
    st.integers(-9, 10**6).map(str),
    st.floats(allow_nan=False).map(str),
    st.sampled_from(
        [
            "",
            "NA",
            "NaN",
            "1,5",
            "1.234,5",
            "1,234.5",
            "1e999",
            "-",
            "closed",
            "007",
            "inf",
            '"',
            "'",
            "1_0",
        ]
    ),
    st.text(max_size=4),
)
dates = st.one_of(
    st.dates().map(str),
    st.datetimes().map(str),
    st.integers(0, 30).map(str),
    st.sampled_from(
        [
            "2024-03-31T02:30:00+02:00",
            "2024-10-27T02:30:00+01:00",
            "01/02/2024",
            "202401",
            "20240131",
            "2024Q1",
        ]
    ),
)
BEGIN = {"D": "2024-02-26", "MS": "2023-11-01", "h": "2024-03-30 22:00"}


@st.composite
def regular_times(draw, n):
    freq = draw(st.sampled_from([None, *BEGIN]))
    if freq is None:
        return [str(i) for i in range(draw(st.integers(-3, 3000)), 10**4)][:n]
    times = pd.date_range(
        BEGIN[freq], periods=n, freq=freq, tz=draw(st.sampled_from([None, None, "Europe/Berlin"]))
    )
    return list(
        times.strftime(
            draw(st.sampled_from(["%Y-%m-%d %H:%M:%S%z", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S%z"]))
        )
    )


@st.composite
def tables(draw):
    """Text that looks like a csv file, most of it sound."""
    n = draw(st.integers(0, 25) | st.integers(10, 25))
    separator = draw(st.sampled_from(",,;\t| "))
    columns = {"ds": draw(regular_times(n)), "y": [f"{i % 5 + 1}.{i % 10}" for i in range(n)]}
    if draw(st.booleans()):
        columns = {
            "unique_id": draw(
                st.lists(st.sampled_from(["a", "007", "NA", ""]), min_size=n, max_size=n)
            )
        } | columns
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):  # what is wrong in some cells
        if n:
            name = draw(st.sampled_from(sorted(columns)))
            columns[name][draw(st.integers(0, n - 1))] = draw(
                cells if name == "y" else st.one_of(dates, cells)
            )
    names = [draw(st.sampled_from([*[name] * 9, "y", "day", f" {name}", ""])) for name in columns]
    rows = [names, *map(list, zip(*columns.values()))]
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = end.join(separator.join(row) for row in rows) + draw(st.sampled_from([end, ""]))
    if draw(st.booleans()) and separator != ",":
        text = text.replace(".", ",")
    return draw(st.sampled_from([*[""] * 6, "\n", "sep=;\n", '"'])) + text


@st.composite
def contents(draw):
    """Bytes of a file: random ones, a table in some encoding, a parquet file; whole, or cut, or with a byte changed."""
    kind = draw(st.sampled_from(["bytes", *["table"] * 6, "parquet"]))
    if kind == "bytes":
        magic = draw(
            st.sampled_from(
                [
                    b"",
                    b"PAR1",
                    b"\x1f\x8b",
                    b"BZh",
                    b"\xfd7zXZ\x00",
                    b"\x28\xb5\x2f\xfd",
                    b"\xff\xfe",
                ]
            )
        )
        return magic + draw(st.binary(max_size=300))
    if kind == "table":
        data = draw(tables()).encode(
            draw(st.sampled_from(["utf-8", "utf-8", "utf-16", "utf-8-sig", "latin-1"])), "replace"
        )
    else:
        n = draw(st.integers(0, 25))
        values = draw(
            st.sampled_from(
                [[1.5, None], ["a", "b"], [True, False], [b"x", b"y"], [1, 2], [[1], [2]]]
            )
        )
        data = pd.DataFrame({"ds": range(n), "y": (values * n)[:n]}).to_parquet()
    if draw(st.booleans()):
        data = gzip.compress(data, mtime=0)
    if draw(st.integers(0, 9)) == 0 and data:
        place = draw(st.integers(0, len(data) - 1))
        data = draw(st.sampled_from([data[:place], data[:place] + b"\xff" + data[place + 1 :]]))
    return data


words = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "2",
            "-1",
            "7",
            "80",
            "0.8",
            "1e9",
            "4294967296",
            "D",
            "MS",
            "h",
            "zz",
            ",",
            ".",
            "%d.%m.%Y",
        ]
    ),
    st.sampled_from(
        [
            "ds",
            "y",
            "unique_id",
            "nope",
            "out.csv",
            "out.csv.gz",
            "out.parquet",
            "plot.png",
            "data",
            "a/b.csv",
            "",
        ]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
)
OPTIONS = [
    *(
        "--season-length",
        "--freq",
        "--id-col",
        "--time-col",
        "--target-col",
        "--level",
        "--seed",
        "--decimal",
    ),
    *("--time-format", "--out", "--plot", "--utc", "--fill-gaps", "--quiet", "--h", "--nope"),
]
SOUND = {"--utc", "--fill-gaps", "--quiet"}


@st.composite
def arguments(draw):
    found = []
    for option in draw(st.just([]) | st.lists(st.sampled_from(OPTIONS), max_size=3)):
        found += [option] if option in SOUND else [option, draw(words)]
    return found


def ended(given):
    """Exit status, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(given)
        except SystemExit as end:
            return end.code or 0, out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fitting, "TRIAL_STEPS", 1)


@PROFILE
@given(contents(), arguments())
def test_any_bytes_and_options(data, options):
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("data").write_bytes(data)
        status, out, err = ended(
            ["forecast", "data", "--h", "2", "--n-networks", "1", "--max-steps", "1", *options]
        )
        note(err)
        count("command", "result" if status == 0 else "refused")
        files = {path.name for path in Path().iterdir()}
        assert Path("data").read_bytes() == data
    assert status in STATUS and "Traceback" not in err and ".py:" not in err
    if status:
        (last,) = [
            line
            for line in err.splitlines()[-1:]
            if line.startswith(("tsrnn: ", "tsrnn forecast: "))
        ]
        assert len(last) > len("tsrnn forecast: ") and files == {"data"}
        assert out == "" or "--help" in options
    elif out:
        assert len(pd.read_csv(io.StringIO(out), dtype=str)) >= 1
    else:
        assert files - {"data"} or "--out" in options


@PROFILE
@given(
    st.lists(
        st.one_of(words, st.sampled_from([*OPTIONS, "forecast", "--help", "--version", "none"])),
        max_size=6,
    )
)
def test_any_words(words):
    status, out, err = ended(words)
    assert status in STATUS and "Traceback" not in err
    assert out or err


def test_the_fuzzer_reaches_forecasts():
    """A fuzzer whose inputs are all refused would see nothing."""
    found = []

    @PROFILE
    @given(contents())
    def look(data):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("data").write_bytes(data)
            found.append(
                ended(
                    [
                        "forecast",
                        "data",
                        "--h",
                        "2",
                        "--n-networks",
                        "1",
                        "--max-steps",
                        "1",
                        "--quiet",
                    ]
                )[0]
            )

    look()
    assert len(found) / 20 <= found.count(0) <= len(found) - 10
