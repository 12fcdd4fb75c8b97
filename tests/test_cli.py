"""The `tsrnn` command, as a person runs it."""

import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tsrnn import __version__
from tsrnn.cli import main
from tsrnn.datasets import load_airline
from tsrnn.forecasting import fitting

# What is written and said does not depend on how long networks learn; the first test lets them.
QUICK = """
import tsrnn.forecasting.fitting as module
module.TRIAL_STEPS, module.steps_for = 3, lambda lengths: 3
"""


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(fitting, "TRIAL_STEPS", 3)
    monkeypatch.setattr(fitting, "steps_for", lambda lengths: 3)


@pytest.fixture
def folder(tmp_path):
    y = load_airline()
    y.rename_axis("month").to_csv(tmp_path / "air.csv")
    long = pd.DataFrame(
        {
            "shop": np.repeat(["a", "b"], 40),
            "day": np.tile(np.arange(40), 2),
            "sales": np.arange(80.0) + 5,
        }
    )
    long.to_csv(tmp_path / "shops.csv", index=False)
    (tmp_path / "empty.csv").write_text("")
    long.replace({"shop": {"a": "007", "b": "NA"}}).to_csv(
        tmp_path / "numbers.csv", index=False, sep=";"
    )
    long.astype({"sales": object}).replace({"sales": {9.0: "closed"}}).to_csv(
        tmp_path / "text.csv", index=False
    )
    return tmp_path


def test_one_series_to_files(folder, capfd):
    out, plot = folder / "forecast.csv", folder / "forecast.png"
    main(f"forecast {folder}/air.csv --h 6 --season-length 12 --out {out} --plot {plot}".split())
    forecast = pd.read_csv(out, parse_dates=["month"])
    assert list(forecast.columns) == ["month", "RNNForecaster"]
    assert list(forecast["month"]) == list(pd.date_range("1961-01", periods=6, freq="MS"))
    assert forecast["RNNForecaster"].between(380, 650).all()
    assert plot.read_bytes().startswith(b"\x89PNG")
    stdout, stderr = capfd.readouterr()
    assert stdout == "" and 2 <= stderr.count("\n") <= 11
    assert "1 series, 6 steps each" in stderr and str(out) in stderr and str(plot) in stderr


def test_a_panel_to_standard_output(folder, capfd, quick):
    columns = "--id-col shop --time-col day --target-col sales"
    for seed in ("1", "1"):
        main(f"forecast {folder}/shops.csv --h 3 {columns} --seed {seed}".split())
    lines = capfd.readouterr().out.splitlines()
    assert (
        lines[0] == "shop,day,RNNForecaster" and len(lines) == 14 and lines[1].startswith("a,40,")
    )
    assert lines[:7] == lines[7:]


def test_labels_stay_as_they_are_written(folder, capfd, quick):
    main(
        f"forecast {folder}/numbers.csv --h 1 --id-col shop --time-col day --target-col sales".split()
    )
    assert [line[:4] for line in capfd.readouterr().out.splitlines()[1:]] == ["007,", "NA,4"]


@pytest.mark.parametrize("columns", ["", "--target-col passengers", "--time-col month"])
def test_of_two_columns_one_may_be_named(columns, folder, capfd, quick):
    main(f"forecast {folder}/air.csv --h 1 {columns}".split())
    assert capfd.readouterr().out.startswith("month,RNNForecaster\n1961-01-01,")


def test_a_reader_that_has_enough_is_no_error(folder):
    code = f"{QUICK}\nimport tsrnn.cli\ntsrnn.cli.main('forecast {folder}/air.csv --h 2'.split())"
    command = f"{shlex.join([sys.executable, '-c', code])} | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert (
        done.stdout == ""
        and lines[-1] == "training 100%"
        and all("training" in line for line in lines)
    )


def test_interrupt_leaves_no_file_and_no_traceback(folder):
    out = folder / "never.csv"
    arguments = f"forecast {folder}/air.csv --h 24 --season-length 12 --out {out}".split()
    code = f"""
import os, signal, tsrnn.cli, tsrnn.forecasting.ensemble as module
train = module.train
def interrupted(*args, watch):
    ctrl_c = lambda epoch: os.kill(os.getpid(), signal.SIGINT) if epoch == 1 else watch.on_epoch(epoch)
    return train(*args, watch=watch._replace(on_epoch=ctrl_c))
module.train = interrupted
tsrnn.cli.main({arguments})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 130 and done.stderr.endswith("tsrnn forecast: interrupted\n")
    assert "Traceback" not in done.stderr and not out.exists()


def test_intervals_and_gaps(folder, capfd, quick):
    lines = (folder / "air.csv").read_text().splitlines(keepends=True)
    (folder / "gap.csv").write_text("".join(lines[:50] + lines[52:]))
    arguments = (
        f"forecast {folder}/gap.csv --h 2 --season-length 12 --freq MS --level 80 95".split()
    )
    main([*arguments, "--fill-gaps"])
    stdout, stderr = capfd.readouterr()
    assert (
        len(
            [
                line
                for line in stderr.splitlines()
                if line.startswith("tsrnn: ") and "2 missing times" in line
            ]
        )
        == 1
    )
    header, first, _ = stdout.splitlines()
    assert header == "month,RNNForecaster" + "".join(
        f",RNNForecaster-{e}" for e in ("lo-95", "lo-80", "hi-80", "hi-95")
    )
    middle, lo95, lo80, hi80, hi95 = map(float, first.split(",")[1:])
    assert lo95 <= lo80 <= middle <= hi80 <= hi95 and lo95 < hi95
    with pytest.raises(SystemExit):
        main(arguments)
    assert "lacks 2 of them, the first 1953-02-01" in capfd.readouterr().err


BAD = {
    "": "the following arguments are required",
    "{}/air.csv": "required: --h",
    "{}/none.csv --h 3": "the data file must exist; got",
    "{}/air.csv --h 0": "--h must be an integer from 1 to 100000; got 0.",
    "{}/air.csv --h soon": "argument --h: invalid int value: 'soon'",
    "{}/air.csv --h 3 --freq zz": "'MS' (month starts) or 'ME' (month ends); got 'zz'.",
    "{}/air.csv --h 3 --time-col when": "no column 'when'; the columns are month, passengers: name them with --id-col",
    "{}/shops.csv --h 3": "no column 'ds'; the columns are shop, day, sales: name them with --id-col, --time-col, "
    "--target-col.",
    "{}/empty.csv --h 3": "must be a csv file with a header",
    "{}/air.csv --h 3 --out {}/no/where.csv": "--out must be a file in a folder that exists; got",
    "{}/air.csv --h 3 --out {}": "--out must be a file in a folder that exists; got",
    "{}/air.csv --h 3 --plot {}/forecast.xyz": "--plot must end with one of",
    "{}/shops.csv --h 3 --id-col day --time-col day": "must be three columns; got day, day, y",
    "{}/text.csv --h 3 --id-col shop --time-col day --target-col sales": "series 'a' has 'closed'",
}


@pytest.mark.parametrize("arguments", BAD)
def test_bad_arguments_end_with_two_and_one_sentence(arguments, folder, capfd):
    with pytest.raises(SystemExit) as caught:
        main(["forecast", *arguments.replace("{}", str(folder)).split()])
    assert caught.value.code == 2
    stdout, stderr = capfd.readouterr()
    last = stderr.splitlines()[-1]
    assert stdout == "" and last.startswith("tsrnn forecast: ") and BAD[arguments] in last
    assert len([line for line in stderr.splitlines() if "training" not in line]) == 1


def test_the_command_is_installed_and_quick_to_help():
    code = (
        "import sys; from tsrnn.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    )
    code += "assert not {'pandas', 'numba', 'sklearn'} & set(sys.modules)"
    assert (
        "forecast"
        in subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )
    run = [sys.executable, "-m", "tsrnn.cli", "--version"]
    assert (
        subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
        == __version__
    )
