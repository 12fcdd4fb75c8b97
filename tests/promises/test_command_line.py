"""The command reads what it is given once and right, writes whole files or none, and ends in one sentence."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from tsrnn import DivergenceError
from tsrnn.cli import main
from tsrnn.cli.digits import as_texts
from tsrnn.forecasting import fitting
from tsrnn.forecasting.forecaster import RNNForecaster

DAYS = pd.date_range("2024-01-01", periods=900).strftime("%Y-%m-%d")
VALUES = [f"{1000 + i % 7 + i / 100:.2f}" for i in range(900)]
CSV = "day,sales\n" + "".join(f"{day},{value}\n" for day, value in zip(DAYS, VALUES))
QUICK = "--h 2 --n-networks 1 --max-steps 3"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(fitting, "TRIAL_STEPS", 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments, capfd, data=None, monkeypatch=None):
    """Exit status, standard output and standard error of the command; `data` is its standard input."""
    if data is not None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    capfd.readouterr()
    try:
        main(arguments.split() if isinstance(arguments, str) else arguments)
        status = 0
    except SystemExit as ended:
        status = ended.code
    return status, *capfd.readouterr()


def test_a_file_gives_what_the_library_gives(folder, capfd):
    (folder / "plain.csv").write_text(CSV)
    status, out, _ = run(f"forecast plain.csv {QUICK}", capfd)
    frame = pd.DataFrame(
        {"unique_id": "plain", "ds": pd.to_datetime(DAYS), "y": [float(value) for value in VALUES]}
    )
    forecast = RNNForecaster(h=2, n_networks=1, max_steps=3, random_state=0).fit(frame).predict()
    written = pd.read_csv(io.StringIO(out))
    assert status == 0 and list(written["day"]) == ["2026-06-19", "2026-06-20"]
    np.testing.assert_allclose(written["RNNForecaster"], forecast["RNNForecaster"], rtol=1e-6)


@pytest.fixture(scope="module")
def expected():
    """What the plain file gives."""
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setattr(fitting, "TRIAL_STEPS", 3)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
        main(f"forecast - {QUICK} --quiet".split())
    return out.getvalue()


def replaced(separator, decimal="."):
    return CSV.replace(",", separator).replace(".", decimal).encode()


def parquet(**options):
    frame = pd.DataFrame({"day": pd.to_datetime(DAYS), "sales": [float(value) for value in VALUES]})
    return (
        frame.to_parquet(None, **options)
        if not options.pop("indexed", False)
        else frame.set_index("day").to_parquet()
    )


def zstd(data):
    pyarrow = pytest.importorskip("pyarrow")
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def two_streams(module, damage=0):
    """A compressed file of two parts, as parallel compressors write; `damage` is done to the second."""
    middle = CSV.index("\n", len(CSV) // 2) + 1
    second = bytearray(module.compress(CSV[middle:].encode()))
    second[len(second) // 2] ^= damage
    return module.compress(CSV[:middle].encode()) + bytes(second)


# name of a file: its bytes, and what must be said of it
SAME = {
    "x.csv": (lambda: CSV.encode(), ""),
    "no_suffix": (lambda: CSV.encode(), ""),
    "windows.csv": (lambda: CSV.replace("\n", "\r\n").encode(), ""),
    "old_mac.csv": (lambda: CSV.replace("\n", "\r").encode(), ""),
    "mark.csv": (lambda: CSV.encode("utf-8-sig"), ""),
    "utf16.csv": (lambda: CSV.encode("utf-16"), ""),
    "utf16_be.csv": (lambda: b"\xfe\xff" + CSV.encode("utf-16-be"), ""),
    "utf32.csv": (lambda: CSV.encode("utf-32"), ""),
    "semicolons.csv": (lambda: replaced(";"), ""),
    "tabs.tsv": (lambda: replaced("\t"), ""),
    "bars.txt": (lambda: replaced("|"), ""),
    "decimal_comma.csv": (lambda: replaced(";", ","), ""),
    "decimal_comma_said.csv": (lambda: replaced("\t", ","), "--decimal ,"),
    "decimal_comma_quoted.csv": (
        lambda: (
            b"day,sales\n"
            + "".join(f'{d},"{v}"\n' for d, v in zip(DAYS, VALUES)).replace(".", ",").encode()
        ),
        "--decimal ,",
    ),
    "thousands.csv": (
        lambda: (
            "day;sales\n" + "".join(f"{d};{float(v):,.2f}\n" for d, v in zip(DAYS, VALUES))
        ).encode(),
        "",
    ),
    "thousands_with_points.csv": (
        lambda: (
            ("day;sales\n" + "".join(f"{d};{float(v):,.2f}\n" for d, v in zip(DAYS, VALUES)))
            .translate(str.maketrans(",.", ".,"))
            .encode()
        ),
        "",
    ),
    "points.csv": (lambda: replaced(";"), "--decimal ."),
    "two_streams.csv.bz2": (lambda: two_streams(bz2), ""),
    "two_streams.csv.xz": (lambda: two_streams(lzma), ""),
    "padded.csv.xz": (lambda: lzma.compress(CSV.encode()) + bytes(8), ""),
    "blanks.csv": (lambda: CSV.replace(",", ", ").encode(), ""),
    "quotes.csv": (
        lambda: (
            '"day","sales"\n' + "".join(f'"{d}","{v}"\n' for d, v in zip(DAYS, VALUES))
        ).encode(),
        "",
    ),
    "blank_lines.csv": (
        lambda: ("\n\n" + CSV.replace("\n", "\n\n") + ",,\n").replace(",,", ",").encode(),
        "",
    ),
    "excel.csv": (lambda: b"sep=;\n" + replaced(";"), ""),
    "more_columns.csv": (
        lambda: (
            "note,day,sales,x\n" + "".join(f'"a,\nb",{d},{v},\n' for d, v in zip(DAYS, VALUES))
        ).encode(),
        "--time-col day --target-col sales",
    ),
    "shuffled.csv": (lambda: ("day,sales\n" + "\n".join(CSV.splitlines()[:0:-1])).encode(), ""),
    "x.csv.gz": (lambda: gzip.compress(CSV.encode()), ""),
    "gzip_by_content.csv": (lambda: gzip.compress(CSV.encode()), ""),
    "x.csv.bz2": (lambda: bz2.compress(CSV.encode()), ""),
    "x.csv.xz": (lambda: lzma.compress(CSV.encode()), ""),
    "x.csv.zst": (lambda: zstd(CSV.encode()), ""),
    "x.parquet": (parquet, ""),
    "X.PARQUET": (parquet, ""),
    "x.pq": (parquet, ""),
    "parquet_by_content.csv": (parquet, ""),
    "indexed.parquet": (lambda: parquet(indexed=True), ""),
    "seconds.csv": (lambda: CSV.encode(), "--time-format %Y-%m-%d"),
    "integers_that_are_dates.csv": (lambda: CSV.replace("-", "").encode(), "--time-format %Y%m%d"),
    "german.csv": (
        lambda: (
            "day;sales\n" + "".join(f"{d[8:]}.{d[5:7]}.{d[:4]};{v}\n" for d, v in zip(DAYS, VALUES))
        ).encode(),
        "--time-format %d.%m.%Y",
    ),
}


def normal(out):
    """Rows of an answer, dates as ISO says and numbers as numbers."""
    frame = pd.read_csv(io.StringIO(out), dtype=str)
    day = frame["day"].str.replace(r"^(\d\d)\.(\d\d)\.(\d{4})$", r"\3-\2-\1", regex=True)
    return list(day.str.replace("-", "")), list(frame["RNNForecaster"].astype(float).round(2))


@pytest.mark.parametrize("by", ["path", "-"])
@pytest.mark.parametrize("name", SAME)
def test_every_form_of_the_same_data(name, by, folder, capfd, expected, monkeypatch):
    make, options = SAME[name]
    data = make()
    (folder / name).write_bytes(data)
    source, stdin = (name, None) if by == "path" else ("-", data)
    status, out, err = run(f"forecast {source} {QUICK} {options}", capfd, stdin, monkeypatch)
    assert status == 0, err
    assert normal(out) == normal(expected)


@pytest.mark.parametrize(
    "name", ["x.csv", "decimal_comma.csv", "utf16.csv", "x.csv.gz", "x.csv.xz", "x.parquet"]
)
def test_a_pipe_is_read_once_and_whole(name, folder, capfd, expected):
    os.mkfifo(folder / "pipe")
    (folder / name).write_bytes(SAME[name][0]())
    writer = subprocess.Popen(["sh", "-c", f"cat {name} > pipe"])
    status, out, err = run(f"forecast pipe {QUICK}", capfd)
    assert writer.wait(timeout=10) == 0 and status == 0, err
    assert normal(out) == normal(expected)


@pytest.mark.parametrize("source", ["-", "/dev/stdin", "<(cat x.csv)", "<(gzip -c x.csv)"])
def test_a_shell(source, folder, expected):
    """A real process with a real pipe."""
    (folder / "x.csv").write_text(CSV)
    code = "import sys, tsrnn.forecasting.fitting as f, tsrnn.cli; f.TRIAL_STEPS = 3; tsrnn.cli.main(sys.argv[1:])"
    before = "" if source.startswith("<") else "cat x.csv | "
    command = f'{before}"{sys.executable}" -c "{code}" forecast {source} {QUICK} --quiet'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == "" and normal(done.stdout) == normal(expected)


def series(texts, header="day,sales", begin="2024-01-01"):
    """A csv of some values, a day each."""
    days = pd.date_range(begin, periods=len(texts)).strftime("%Y-%m-%d")
    return header + "\n" + "".join(f"{day},{text}\n" for day, text in zip(days, texts))


def timed(times, before=""):
    """A csv of a value at each time, after a label where there is one."""
    header = "unique_id,when,load\n" if before else "when,load\n"
    return header + "".join(f"{before}{time},{i % 5 + 3}\n" for i, time in enumerate(times))


NUMBERS = series([str(i % 5 + 3) for i in range(40)])
PANEL = "shop,day,sales\n" + "".join(
    f"{s},{d},{i % 5 + 3}\n" for s in ("007", "NA") for i, d in enumerate(DAYS[:30])
)
HOURS = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")
ZONED = "when,load\n" + "".join(f"{t.isoformat()},{i % 24 + 5}\n" for i, t in enumerate(HOURS))
GAP = "".join(line for i, line in enumerate(NUMBERS.splitlines(keepends=True)) if i not in (20, 21))

FILES = {
    "good.csv": NUMBERS,
    "panel.csv": PANEL,
    "zoned.csv": ZONED,
    "gap.csv": GAP,
    "dates.csv": NUMBERS.replace("-", ""),
    "text.csv": NUMBERS.replace(",7", ",closed", 1),
    "empty.csv": "",
    "blank.csv": "\n\n",
    "header.csv": "day,sales\n",
    "one_column.csv": "sales\n1\n2\n",
    "names.csv": NUMBERS.replace("day,sales", "a,b,c").replace(",", ",x,", 1) + "z",
    "twice.csv": "ds,y,y\n2024-01-01,1,2\n",
    "long_row.csv": NUMBERS + "2024-03-01,5,63\n",
    "short_row.csv": NUMBERS + "2024-03-01",
    "open_quote.csv": NUMBERS + '"2024-02-10,3\n',
    "mixed_marks.csv": series(["5,63", "5.63"] * 20)
    .replace(",", ";", 0)
    .replace("day,sales", "day;sales")
    .replace("2024-", "2024-"),
    "ambiguous.csv": "day;sales\n" + "".join(f"{d};1,{100 + i}\n" for i, d in enumerate(DAYS[:30])),
    "thousands_or_decimals.csv": "day,sales\n"
    + "".join(f'{d},"1,{100 + i}"\n' for i, d in enumerate(DAYS[:30])),
    "data.json": '[{"ds": "2024-01-01", "y": 1}]',
    "page.csv": "<!doctype html><html></html>",
    "latin.csv": NUMBERS.replace("sales", "verk\u00e4ufe").encode("latin-1"),
    "nul.csv": NUMBERS.replace("sales", "sa\0les"),
    "book.xlsx": b"PK\x03\x04rest",
    "twice.csv.gz": gzip.compress(gzip.compress(NUMBERS.encode())),
    "table.orc": b"ORC\x0a\x03\x00\x00\xff",
    "ORCHARD.csv": NUMBERS.replace("day", "ORCHARD"),
    "table.lz4": b"\x04\x22\x4d\x18@",
    "x.tar": b"x.csv".ljust(257, b"\0") + b"ustar" + b"\0" * 99,
    "weeks.csv": timed(pd.date_range("2024-01-01", periods=30, freq="W-MON").strftime("%G-W%V")),
    "years.csv": timed([f"{1950 + i}.0" for i in range(30)]),
    "quarters.csv": timed(
        [f"{year}{quarter}" for year in range(2010, 2018) for quarter in range(1, 5)]
    ),
    "unix.csv": timed([str(1_500_000_000 + 86400 * i) for i in range(30) if i != 20]),
    "put_back.csv": timed(
        [*(f"2024-10-27 {hour:02}:00" for hour in (0, 1, 2, 2, 3, 4)), "2024-10-27 05:00"], "a,"
    ),
    "put_forward.csv": timed([f"2024-03-31 {hour:02}:00" for hour in (0, 1, 3, 4, 5, 6, 7)]),
    "two_ways.csv": timed([*DAYS[:20], "21/01/2024"]),
    "damaged.csv.gz": gzip.compress(NUMBERS.encode())[:60],
    "damaged.csv.xz": lzma.compress(NUMBERS.encode())[:60],
    "damaged.csv.bz2": bz2.compress(NUMBERS.encode())[:60],
    "damaged_end.csv.bz2": two_streams(bz2, 255),
    "damaged_end.csv.xz": two_streams(lzma, 255),
    "cut_end.csv.bz2": two_streams(bz2)[:-20],
    "more.csv.bz2": bz2.compress(NUMBERS.encode()) + b"more",
    "more.csv.xz": lzma.compress(NUMBERS.encode()) + b"more",
    "damaged.parquet": parquet()[:900],
    "no_header.csv": NUMBERS.partition("\n")[2],
    "no_header_counts.csv": "".join(f"{i},{i % 5 + 3}\n" for i in range(30)),
    "grouped.csv": "day;sales\n"
    + "".join(f"{d};{900 + 7 * i:,}\n".replace(",", ".") for i, d in enumerate(DAYS[:30])),
    "dash.csv": series([*"34567" * 5, "", "-", "4"]),
    "text.parquet": NUMBERS,
    "far.csv": series(["1e400"] * 30),
    "huge.csv": NUMBERS.replace("2024-01-20", "1" + "0" * 400),
    "link.csv": None,  # to good.csv, as is hard.csv
    "hard.csv": None,
}

# what is asked: the sentence, and whether the usage stands above it
REFUSED = {
    "": "usage: tsrnn [-h]",
    "forcast good.csv --h 2": "invalid choice: 'forcast'",
    "forecast": "the following arguments are required: data, --h",
    "forecast good.csv": "the following arguments are required: --h",
    "forecast good.csv --h 2 --levle 80": "unknown options: --levle 80; tsrnn forecast --help explains all",
    "forecast good.csv other.csv --h 2": "unknown options: other.csv;",
    "forecast good.csv --h soon": "argument --h: invalid int value: 'soon'",
    "forecast good.csv --h 1.5": "argument --h: invalid int value: '1.5'",
    "forecast good.csv --h 0": "--h must be an integer from 1 to 100000; got 0.",
    "forecast good.csv --h -1": "--h must be an integer from 1 to 100000; got -1.",
    "forecast good.csv --h 1000000000": "--h must be an integer from 1 to 100000; got 1000000000.",
    "forecast good.csv --h 2 --seed 4294967296": "--seed must be an integer from 0 to 4294967295; got 4294967296.",
    "forecast good.csv --h 2 --seed -1": "--seed must be an integer from 0 to 4294967295; got -1.",
    "forecast good.csv --h 2 --season-length 0": "--season-length must be integers from 1 to 100000; got 0.",
    "forecast good.csv --h 2 --n-networks 0": "--n-networks must be an integer from 1 to 1000; got 0.",
    "forecast good.csv --h 2 --max-steps 0": "--max-steps must be an integer from 1 to 10000000; got 0.",
    "forecast good.csv --h 2 --level 0.8": "--level must be in percent: 80, not 0.8.",
    "forecast good.csv --h 2 --level 80 .95": "--level must be in percent: 95, not 0.95.",
    "forecast good.csv --h 2 --level 0": "--level must be in percent, from 1 to below 100, such as 80; got 0.",
    "forecast good.csv --h 2 --level 100": "--level must be in percent, from 1 to below 100, such as 80; got 100.",
    "forecast good.csv --h 2 --level nan": "--level must be in percent, from 1 to below 100, such as 80; got nan.",
    "forecast good.csv --h 2 --freq zz": "freq must be a pandas alias",
    "forecast none.csv --h 2": "the data file must exist; got 'none.csv'.",
    "forecast . --h 2": "the data must be a file; got the folder '.'.",
    "forecast good.csv --h 2 --id-col nope": "no column 'nope'; the columns are day, sales: name them with --id-col",
    "forecast good.csv --h 2 --time-col when": "no column 'when'; the columns are day, sales:",
    "forecast good.csv --h 2 --target-col y": "no column 'y'; the columns are day, sales:",
    "forecast names.csv --h 2": "no column 'ds'; the columns are a, x, b, c: name them with --id-col",
    "forecast twice.csv --h 2": "names of columns must be unique; got 'y' 2 times.",
    "forecast panel.csv --h 2 --time-col day --target-col sales": "twice: with several series, --id-col names",
    "forecast gap.csv --h 2": "--fill-gaps",
    "forecast zoned.csv --h 2": "--utc",
    "forecast dates.csv --h 2": "--time-format '%Y%m%d'",
    "forecast good.csv --h 2 --time-format %d.%m.%Y": "as --time-format '%d.%m.%Y' says; got '2024-01-01'.",
    "forecast text.csv --h 2": "column 'sales' must hold numbers; series 'text' has 'closed'",
    "forecast empty.csv --h 2": "must be a csv file with a header; got an empty file.",
    "forecast blank.csv --h 2": "must be a csv file with a header; got an empty file.",
    "forecast header.csv --h 2": "must hold rows below its header; got none.",
    "forecast one_column.csv --h 2": "columns separated by , ; | or tab; got one column, 'sales'.",
    "forecast long_row.csv --h 2": "must have 2 fields, as its header; line 41 below it has 3",
    "forecast short_row.csv --h 2": "must have 2 fields, as its header; line 41 below it has 1",
    "forecast open_quote.csv --h 2": "must be a csv file with a header; unexpected end of data.",
    "forecast ambiguous.csv --h 2": "--decimal , or --decimal .",
    "forecast thousands_or_decimals.csv --h 2": "got '1,100': --decimal , or --decimal . says what its comma is.",
    "forecast data.json --h 2": "must be csv or parquet; got JSON.",
    "forecast page.csv --h 2": "must be csv or parquet; got HTML or XML.",
    "forecast book.xlsx --h 2": "must be csv or parquet; got a zip archive or an Excel workbook.",
    "forecast nul.csv --h 2": "must be csv or parquet; got bytes that are no text.",
    "forecast latin.csv --h 2": "must be text in UTF-8",
    "forecast twice.csv.gz --h 2": "must be compressed once; got a compressed file in a compressed file.",
    "forecast table.orc --h 2": "must be csv or parquet; got an ORC file.",
    "forecast table.lz4 --h 2": "must be csv or parquet; got an lz4 file.",
    "forecast x.tar --h 2": "must be csv or parquet; got a tar archive.",
    "forecast weeks.csv --h 2": "got '2024-W01': write the first day of each week.",
    "forecast years.csv --h 2": "must hold timestamps or integers; got float64: write them without decimals.",
    "forecast quarters.csv --h 2": "--time-format %Y%m reads months; write others as dates.",
    "forecast unix.csv --h 2": "if they count from 1970, write them as dates.",
    "forecast put_back.csv --h 2 --time-col when --target-col load": "offsets from UTC, and --utc, tell the two apart",
    "forecast put_forward.csv --h 2": "if clocks were put forward, write times with their offset from UTC, for --utc",
    "forecast two_ways.csv --h 2": "written in one way; got '2024-01-01' and '21/01/2024'.",
    "forecast damaged.csv.gz --h 2": "must be a whole compressed file; it is damaged:",
    "forecast damaged.csv.xz --h 2": "must be a whole compressed file; it is damaged:",
    "forecast damaged.csv.bz2 --h 2": "must be a whole compressed file; it is damaged:",
    "forecast damaged_end.csv.bz2 --h 2": "must be a whole compressed file; it is damaged:",
    "forecast damaged_end.csv.xz --h 2": "must be a whole compressed file; it is damaged:",
    "forecast cut_end.csv.bz2 --h 2": "must be a whole compressed file; it is damaged: it ends before its last stream",
    "forecast more.csv.bz2 --h 2": "must be a whole compressed file; it is damaged:",
    "forecast more.csv.xz --h 2": "must be a whole compressed file; it is damaged:",
    "forecast damaged.parquet --h 2": "must be a whole parquet file;",
    "forecast no_header.csv --h 2": "must have a header; its first line holds '2024-01-01' and '3': write names",
    "forecast no_header_counts.csv --h 2": "must have a header; its first line holds '0' and '3': write names",
    "forecast grouped.csv --h 2": "got '1.005', whose point may group thousands: --decimal , or --decimal .",
    "forecast dash.csv --h 2": "must hold numbers; series 'dash' has '-'.",
    "forecast good.csv --h 2 --out circle.csv": "--out must be a file; got 'circle.csv', a link that leads to itself.",
    "forecast good.csv --h 2 --plot circle.csv": "--plot must be a file; got 'circle.csv', a link that",
    "forecast text.parquet --h 2": "must be a whole parquet file;",
    "forecast far.csv --h 2": "infinite",
    "forecast huge.csv --h 2": "column 'day' must hold timestamps or integers",
    "forecast good.csv --h 2 --out good.csv": "--out must not be the data file, which it would overwrite;",
    "forecast good.csv --h 2 --out ./sub/../good.csv": "--out must not be the data file",
    "forecast good.csv --h 2 --out link.csv": "--out must not be the data file",
    "forecast good.csv --h 2 --out hard.csv": "--out must not be the data file",
    "forecast link.csv --h 2 --out good.csv": "--out must not be the data file",
    "forecast good.csv --h 2 --plot picture.png": "--plot must not be the data file",
    "forecast good.csv --h 2 --out a.csv --plot a.png": "--out and --plot must be two files; got 'a.csv' twice.",
    "forecast good.csv --h 2 --out o.xlsx": ".csv, .csv.gz, .csv.bz2, .csv.xz, .parquet, .pq; got 'o.xlsx'.",
    "forecast good.csv --h 2 --out forecast": "--out must end with one of .csv",
    "forecast good.csv --h 2 --out none/o.csv": "--out must be a file in a folder that exists; got 'none/o.csv'.",
    "forecast good.csv --h 2 --out sub": "--out must be a file in a folder that exists; got 'sub'.",
    "forecast good.csv --h 2 --plot o.doc": "--plot must end with one of",
    "forecast good.csv --h 2 --plot none/o.png": "--plot must be a file in a folder that exists; got 'none/o.png'.",
}
LEVELS = "--level 80 95", "--level 80 --level 95"
WITH_USAGE = ("usage", "invalid choice", "unknown options")


@pytest.fixture
def files(folder):
    for name, content in FILES.items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "sub").mkdir()
    (folder / "link.csv").symlink_to("good.csv")
    os.link(folder / "good.csv", folder / "hard.csv")
    (folder / "picture.png").symlink_to("good.csv")
    (folder / "circle.csv").symlink_to("circle.csv")
    (folder / "a.csv").write_text("before")
    (folder / "a.png").symlink_to("a.csv")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_refused_is_one_sentence_and_changes_no_file(arguments, files, capfd):
    before = contents(files)
    status, out, err = run(arguments, capfd)
    lines = [line for line in err.splitlines() if not line.startswith("training")]
    assert status == 2 and out == "" and REFUSED[arguments] in err
    assert (
        err.startswith("usage: tsrnn")
        if any(words in REFUSED[arguments] for words in WITH_USAGE)
        else len(lines) == 1
    )
    assert not arguments or lines[-1].startswith(("tsrnn: ", "tsrnn forecast: "))
    # advice of the library, which is of no use here
    assert not re.search(r"pandas\.|astype|tz_\w+|\(\.\.\.", err)
    assert contents(files) == before


@pytest.mark.parametrize(
    ("header", "named"),
    [("0,1", ""), ("2024,sales", ""), ("2024-01-01,3", "--time-col 2024-01-01 --target-col 3")],
)
def test_names_of_columns_may_be_numbers(header, named, files, capfd):
    expected = run(f"forecast good.csv {QUICK}", capfd)[1]
    (files / "good.csv").write_text(NUMBERS.replace("day,sales", header))
    status, out, _ = run(f"forecast good.csv {QUICK} {named}", capfd)
    assert status == 0 and out.partition("\n")[2] == expected.partition("\n")[2]


def test_levels_may_be_given_one_by_one(files, capfd):
    together, apart = (run(f"forecast good.csv {QUICK} {levels}", capfd)[1] for levels in LEVELS)
    assert together == apart and "RNNForecaster-lo-80" in apart and "RNNForecaster-hi-95" in apart


def test_a_point_that_may_group_thousands_is_what_the_user_says(files, capfd):
    of_values = {}
    for decimal in ",.":
        out = run(f"forecast grouped.csv {QUICK} --decimal {decimal}", capfd)[1]
        of_values[decimal] = pd.read_csv(io.StringIO(out))["RNNForecaster"]
    assert of_values[","].min() > 500 and of_values["."].max() < 500


def test_zones_become_utc(files, capfd):
    status, out, _ = run(f"forecast zoned.csv {QUICK} --utc", capfd)
    assert status == 0 and list(pd.read_csv(io.StringIO(out))["when"]) == [
        str(time) for time in HOURS[-1].tz_convert("UTC") + pd.to_timedelta([1, 2], "h")
    ]


WRITTEN = {
    "%Y-%m-%d": "D",
    "%Y-%m-%dT%H:%M:%SZ": "h",
    "%Y-%m-%dT%H:%M:%S.000Z": "h",
    "%Y-%m-%dT%H:%M:%S+00:00": "h",
    "%Y-%m-%d %H:%M:%S+02:00": "h",
    "%Y-%m-%d %H:%M:%S-0530": "h",
    "%Y-%m-%d %H:%M": "h",
    "%d/%m/%Y": "D",
    "%m/%d/%Y": "D",
    "%d.%m.%Y": "D",
    "%d %B %Y": "D",
    "%d-%b-%Y": "D",
    "%b %Y": "MS",
    "%Y-%m": "MS",
    "%Y/%m": "MS",
    "%Y": "YS",
    "%Y-Q%q": "QS",
    "%YQ%q": "QS",
}


@pytest.mark.parametrize("form", WRITTEN)
def test_times_are_written_as_they_came(form, files, capfd):
    """Also where the first of them reads in several ways, as 01/02/2015 does."""
    times = pd.date_range("2015-02-01", periods=42, freq=WRITTEN[form])
    texts = times.to_period("Q").strftime(form) if "%q" in form else times.strftime(form)
    (files / "times.csv").write_text(timed(texts[:40]))
    status, out, err = run(f"forecast times.csv {QUICK} --quiet", capfd)
    assert (status, err) == (0, "")
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == list(texts[40:])


def test_a_name_may_begin_as_another_format_does(files, capfd):
    assert run(f"forecast ORCHARD.csv {QUICK}", capfd)[0] == 0


def test_an_output_that_lacks_a_letter(files):
    (files / "names.csv").write_text(PANEL.replace("007", "Käse"))
    command = [
        sys.executable,
        "-m",
        "tsrnn.cli",
        *f"forecast names.csv {QUICK} --id-col shop".split(),
    ]
    command += ["--time-col", "day", "--target-col", "sales", "--quiet"]
    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 2 and done.stdout == ""
    assert (
        "must take every label; got '\\xe4', which its encoding ascii lacks: --out writes"
        in done.stderr
    )


def test_gaps_are_filled_and_said_in_one_line(files, capfd):
    status, out, err = run(f"forecast gap.csv {QUICK} --fill-gaps --quiet", capfd)
    assert status == 0 and out.splitlines()[1].startswith("2024-02-10,")
    (line,) = err.splitlines()
    assert line.startswith("tsrnn: ") and ".py" not in line


def test_labels_times_and_numbers_as_they_are_written(files, capfd):
    columns = "--id-col shop --time-col day --target-col sales"
    status, out, _ = run(f"forecast panel.csv {QUICK} {columns} --level 80 --quiet", capfd)
    rows = [line.split(",") for line in out.splitlines()]
    assert status == 0 and [row[:2] for row in rows[1:]] == [
        [s, d] for s in ("007", "NA") for d in DAYS[30:32]
    ]
    for row in rows[1:]:
        assert all(len(number.partition(".")[2]) <= 3 and "e" not in number for number in row[2:])
        low, high = float(row[3]), float(row[4])
        assert low <= float(row[2]) <= high


@pytest.mark.parametrize(
    ("values", "ranges", "decimals", "texts"),
    [
        ([445.631234, -2.5, 0.0], 500.0, 0, ["445.631", "-2.5", "0"]),
        ([1000000003.14159], 20.0, 0, ["1000000003.142"]),
        ([1.49012345], 1e6, 15, ["1.49"]),
        ([112.38174920184029], 500.0, 14, ["112.382"]),
        ([4e-17, -4e-17], 10.0, 0, ["0", "0"]),
        ([1.23456789e-9], 1e-8, 15, ["0.0000000012346"]),
        ([1.5e22], 1e22, 0, ["15000000000000000000000"]),
        ([np.nan], 1.0, 2, [""]),
        ([7.0, 1234.5678], 0.0, None, ["7", "1234.57"]),
    ],
)
def test_digits(values, ranges, decimals, texts):
    assert as_texts(values, np.full(len(values), ranges), decimals) == texts


def test_texts_keep_the_order_of_numbers():
    values = np.sort(np.random.default_rng(0).lognormal(0, 8, size=2000))
    texts = [float(text) for text in as_texts(values, np.full(2000, 50.0), 3)]
    assert texts == sorted(texts)


@pytest.mark.parametrize(
    "name", ["o.csv", "o.csv.gz", "o.csv.bz2", "o.csv.xz", "O.CSV", "o.parquet", "o.pq"]
)
def test_a_file_is_what_its_name_says(name, files, capfd):
    _, out, _ = run(f"forecast good.csv {QUICK} --quiet", capfd)
    (files / name).write_text("old")
    status, stdout, err = run(f"forecast good.csv {QUICK} --quiet --out {name} --plot o.png", capfd)
    assert (status, stdout, err) == (0, "", "")
    read = pd.read_parquet if name.endswith(("parquet", "pq")) else pd.read_csv
    one, other = read(files / name), pd.read_csv(io.StringIO(out))
    np.testing.assert_allclose(one["RNNForecaster"], other["RNNForecaster"], atol=1e-3)
    assert list(pd.to_datetime(one["day"])) == list(pd.to_datetime(other["day"]))
    assert (files / "o.png").read_bytes().startswith(b"\x89PNG")
    assert not [path.name for path in files.iterdir() if path.name.startswith(".")]


def test_a_link_stays_and_its_file_is_replaced(files, capfd):
    (files / "target.csv").write_text("old")
    (files / "result.csv").symlink_to("target.csv")
    assert run(f"forecast good.csv {QUICK} --quiet --out result.csv", capfd)[0] == 0
    assert (files / "result.csv").is_symlink() and (files / "target.csv").read_text().startswith(
        "day,RNN"
    )


@pytest.mark.parametrize("out", ["-", "/dev/stdout"])
def test_standard_output_has_names_too(out, files, capfd):
    status, stdout, _ = run(f"forecast good.csv {QUICK} --quiet --out {out}", capfd)
    assert status == 0 and stdout.startswith("day,RNNForecaster\n")


def test_output_may_be_a_pipe_or_nothing(files, capfd):
    assert run(f"forecast good.csv {QUICK} --quiet --out /dev/null", capfd) == (0, "", "")
    os.mkfifo(files / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE)
    assert run(f"forecast good.csv {QUICK} --quiet --out pipe", capfd) == (0, "", "")
    assert reader.communicate(timeout=10)[0].startswith(b"day,RNNForecaster\n")


def raising(error):
    def fit(self, *args, **kwargs):
        raise error

    return fit


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (MemoryError(), 2, "not enough memory: a smaller --h or less data needs less"),
        (MemoryError("Unable to allocate 3 TiB"), 2, "not enough memory: Unable to allocate 3 TiB"),
        (DivergenceError("training diverged."), 2, "training diverged."),
        (OverflowError("too large"), 2, "too large"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_goes_wrong_in_the_work(error, status, sentence, files, capfd, monkeypatch):
    monkeypatch.setattr(RNNForecaster, "fit", raising(error))
    before = contents(files)
    ended, out, err = run(f"forecast good.csv {QUICK} --out o.csv --plot o.png", capfd)
    assert (
        ended == status
        and out == ""
        and err.strip().splitlines() == [f"tsrnn forecast: {sentence}".strip()]
    ) or (sentence in err and len(err.strip().splitlines()) == 1)
    assert contents(files) == before


@pytest.mark.parametrize("part", ["plot_as_bytes", "as_bytes"])
def test_both_files_or_none(part, files, capfd, monkeypatch):
    import tsrnn.cli.writing as writing

    monkeypatch.setattr(writing, part, raising(OSError(28, "No space left on device")))
    before = contents(files)
    status, _, err = run(f"forecast good.csv {QUICK} --quiet --out o.csv --plot o.png", capfd)
    assert status == 2 and "No space left" in err and contents(files) == before


def test_a_full_disk_leaves_the_old_file(files, capfd, monkeypatch):
    (files / "o.csv").write_text("old")
    before = contents(files)
    monkeypatch.setattr(os, "fsync", raising(OSError(28, "No space left on device")))
    status, _, err = run(f"forecast good.csv {QUICK} --quiet --out o.csv --plot o.png", capfd)
    assert status == 2 and "No space left on device" in err and contents(files) == before


ENDLESS = {
    "a device": lambda folder: "/dev/zero",
    "gzip": lambda folder: squeezed(folder / "bomb.csv.gz", gzip.compress),
    "bzip2": lambda folder: squeezed(folder / "bomb.csv.bz2", bz2.compress),
    "xz": lambda folder: squeezed(folder / "bomb.csv.xz", lzma.compress),
}


def squeezed(path, compress):
    path.write_bytes(compress(b"unique_id,ds,y\n" + b"a,1,1\n" * 2**20))
    return path.name


@pytest.mark.parametrize("kind", ENDLESS)
def test_data_without_end_are_refused_before_they_take_all_memory(kind, files, capfd, monkeypatch):
    monkeypatch.setattr("tsrnn.cli.content.most_bytes", lambda: 2**24)
    source = ENDLESS[kind](files)
    tracemalloc.start()
    status, _, err = run(f"forecast {source} {QUICK} --quiet", capfd)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert status == 2 and peak < 2**24
    sentence = f"{source!r} must hold at most 0.0021 GB, decompressed, on this machine; got more: forecast "
    assert err.strip() == f"tsrnn forecast: not enough memory: {sentence}its series in parts."


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_end_the_command_at_once_and_clean(name, files):
    """A real process, told to stop while it trains, also where the tests run under nohup."""
    code = "import signal, sys, tsrnn.cli; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    code += "sys.argv[0] = 'tsrnn'; tsrnn.cli.main(sys.argv[1:])"
    arguments = [
        *["forecast", "good.csv", "--h", "2", "--max-steps", "1000000"],
        "--out",
        "o.csv",
        "--plot",
        "o.png",
    ]
    before = contents(files)
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        lines = [process.stderr.readline()]  # the first of progress
        process.send_signal(getattr(signal, name))
        try:
            lines += process.communicate(timeout=60)[1].splitlines()
        finally:
            process.kill()
    assert process.returncode == 128 + getattr(signal, name)
    assert lines[-1] == "tsrnn forecast: interrupted" and not any(
        "Traceback" in line for line in lines
    )
    assert contents(files) == before


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_streams_that_are_closed(closed, files):
    data = "-" if closed == "<&-" else "good.csv"
    code = "import tsrnn.forecasting.fitting as f, tsrnn.cli; f.TRIAL_STEPS = 3; "
    code += f"tsrnn.cli.main('forecast {data} {QUICK}'.split())"
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{code}" {closed}'], capture_output=True, text=True
    )
    assert done.returncode == (0 if closed == "2>&-" else 2) and "Traceback" not in done.stderr
    if closed == "2>&-":
        assert len(done.stdout.splitlines()) == 3
    else:
        assert "closed" in done.stderr


def test_help_tells_options_and_exit_status(capfd):
    status, out, _ = run("forecast --help", capfd)
    assert status == 0
    for words in (
        "exit status:",
        "130",
        "--utc",
        "--fill-gaps",
        "--decimal",
        "--quiet",
        "zcat",
        "--time-format",
    ):
        assert words in out
    assert "%d.%m.%Y" in out and max(map(len, out.splitlines())) <= 120
