"""An optional package that is missing names the extra that installs it, at every place that needs one."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.cli import main
from tsrnn.extras import EXTRAS, require
from tsrnn.forecasting.plotting import plot_forecasts
from tsrnn.inspection import (
    GradientFlowDisplay,
    GradientNormDisplay,
    HiddenStateDisplay,
    LossCurveDisplay,
)

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
X = np.random.default_rng(0).normal(size=(12, 5))
LONG = pd.DataFrame({"unique_id": "a", "ds": np.arange(40), "y": np.arange(40.0) + 9})


@pytest.fixture(scope="module")
def forecaster():
    quick = {
        "h": 2,
        "window": 4,
        "level_window": 1,
        "deseasonalize": False,
        "n_networks": 1,
        "max_steps": 3,
    }
    return RNNForecaster(**quick, random_state=0).fit(LONG)


@pytest.fixture(scope="module")
def network():
    return RNNRegressor(hidden_size=2, max_iter=1, random_state=0).fit(X, X[:, 0])


@pytest.fixture
def hide(monkeypatch):
    """A package that cannot be imported, nor any part of it that was imported before."""

    def hidden(package):
        for name in [package, *sys.modules]:
            if name.partition(".")[0] == package:
                monkeypatch.setitem(sys.modules, name, None)

    return hidden


def run(arguments):
    def command(folder, capsys):
        LONG.to_csv(folder / "long.csv", index=False)
        (folder / "long.parquet").write_bytes(b"PAR1")
        with pytest.raises(SystemExit) as caught:
            main(["forecast", *arguments.replace("{}", str(folder)).split()])
        assert (
            caught.value.code == 2
            and [path.name for path in folder.iterdir() if "forecast" in path.name] == []
        )
        raise ImportError(capsys.readouterr().err.removeprefix("tsrnn forecast: ").strip())

    return command


# what needs a package: the package, who says so, and the call
PLACES = {
    "plot_forecasts": ("matplotlib", "a plot", lambda f, n: plot_forecasts(LONG, f.predict())),
    "report": ("matplotlib", "a plot", lambda f, n: f.report()),
    "LossCurveDisplay": (
        "matplotlib",
        "a display",
        lambda f, n: LossCurveDisplay.from_estimator(n),
    ),
    "GradientNormDisplay": (
        "matplotlib",
        "a display",
        lambda f, n: GradientNormDisplay.from_estimator(n),
    ),
    "GradientFlowDisplay": (
        "matplotlib",
        "a display",
        lambda f, n: GradientFlowDisplay.from_estimator(n, X, X[:, 0]),
    ),
    "HiddenStateDisplay": (
        "matplotlib",
        "a display",
        lambda f, n: HiddenStateDisplay.from_estimator(n, X),
    ),
    "save": ("safetensors", "save", lambda f, n: f.save("never")),
    "load": (
        "safetensors",
        "load",
        lambda f, n: RNNForecaster.load(ROOT / "tests/files_of_old/long.safetensors"),
    ),
    "adapter": (
        "sktime",
        "TsrnnForecaster",
        lambda f, n: importlib.import_module("tsrnn.adapters.sktime"),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_python(place, forecaster, network, hide):
    package, user, call = PLACES[place]
    hide(package)
    sys.modules.pop("tsrnn.adapters.sktime", None)
    with pytest.raises(ImportError) as caught:
        call(forecaster, network)
    assert str(caught.value) == f'{user} needs {package}: pip install "tsrnn[{EXTRAS[package]}]".'


COMMANDS = {
    "{}/long.csv --h 2 --plot {}/forecast.png": ("matplotlib", "--plot"),
    "{}/long.parquet --h 2 --out {}/forecast.csv": ("pyarrow", "a parquet file"),
}


@pytest.mark.parametrize("arguments", COMMANDS)
def test_command(arguments, hide, tmp_path, capsys):
    package, user = COMMANDS[arguments]
    hide(package)
    with pytest.raises(ImportError) as caught:
        run(arguments)(tmp_path, capsys)
    assert str(caught.value) == f'{user} needs {package}: pip install "tsrnn[{EXTRAS[package]}]".'


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None
import polars
from tsrnn import RNNForecaster
frame = polars.DataFrame({"unique_id": ["a"] * 20, "ds": range(20), "y": [float(i % 3) for i in range(20)]})
quick = {"h": 2, "window": 4, "level_window": 1, "deseasonalize": False, "n_networks": 1, "max_steps": 3}
print(type(RNNForecaster(**quick).fit(frame).predict()).__module__)
"""


def test_polars_without_pyarrow():
    """Either it is not needed, or it is named."""
    pytest.importorskip("polars")
    done = subprocess.run([sys.executable, "-c", WITHOUT_PYARROW], capture_output=True, text=True)
    said = done.stderr.strip().splitlines()[-1:]
    assert done.stdout.startswith("polars") or said == [
        'ImportError: a polars frame needs pyarrow: pip install "tsrnn[polars]".'
    ]


def test_a_package_without_an_extra_is_named_itself():
    with pytest.raises(
        ImportError, match=r"^a file needs no_such_package: pip install no_such_package\.$"
    ):
        require("no_such_package.part", "a file")


def test_a_package_that_does_not_work_says_why(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_by_another.py").write_text("import no_such_package")
    (tmp_path / "broken_itself.py").write_text(
        "raise ImportError('libfoo.so: cannot open\\nshared object file')"
    )
    with pytest.raises(
        ImportError, match=r"which cannot be imported here: No module named 'no_such_package'\.$"
    ):
        require("broken_by_another", "a file")
    with pytest.raises(ImportError, match=r"here: libfoo\.so: cannot open shared object file\.$"):
        require("broken_itself", "a file")


def test_every_extra_installs_what_it_says():
    for package, extra in EXTRAS.items():
        assert package in [
            re.match(r"[\w-]+", name)[0] for name in PROJECT["optional-dependencies"][extra]
        ]


def test_no_optional_package_is_imported_past_the_helper():
    """An import statement would end in Python's own message."""
    for path in (ROOT / "tsrnn").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        # to see if it is there
        tried = [part for node in nodes if isinstance(node, ast.Try) for part in node.body]
        for node in nodes:
            if node in tried:
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert EXTRAS.keys().isdisjoint(name.partition(".")[0] for name in names), (
                f"{path}, line {node.lineno}"
            )
