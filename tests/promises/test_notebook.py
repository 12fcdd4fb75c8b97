"""What a person sees in Jupyter: a line that is written over while networks train, and every picture once."""

import base64
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib_inline")

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "examples" / "forecast_a_csv.ipynb"

PREPARED = """
import numpy as np, pandas as pd
from tsrnn import RNNForecaster, RNNRegressor, plot_forecasts
from tsrnn.inspection import GradientFlowDisplay, GradientNormDisplay, HiddenStateDisplay, LossCurveDisplay
quick = {"h": 3, "window": 4, "level_window": 1, "deseasonalize": False, "n_networks": 1, "random_state": 0}
df = pd.DataFrame({"unique_id": "a", "ds": np.arange(40), "y": np.arange(40.0) % 5})
forecaster = RNNForecaster(**quick, max_steps=3).fit(df)
X = np.random.default_rng(0).normal(size=(20, 6))
network = RNNRegressor(hidden_size=4, max_iter=3, random_state=0).fit(X, X[:, -1])
"""

PICTURES = {
    "plot_forecasts": "plot_forecasts(df, forecaster.predict(level=80))",
    "report": "forecaster.report()",
    "LossCurveDisplay": "LossCurveDisplay.from_estimator(network)",
    "GradientNormDisplay": "GradientNormDisplay.from_estimator(network)",
    "GradientFlowDisplay": "GradientFlowDisplay.from_estimator(network, X, X[:, -1])",
    "HiddenStateDisplay": "HiddenStateDisplay.from_estimator(network, X)",
}


@pytest.fixture(autouse=True)
def this_tsrnn(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")


def executed(cells, folder):
    """Outputs of each cell, run one after the other by a kernel of their own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell["outputs"] for cell in notebook["cells"]]


def images(outputs):
    return [
        output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})
    ]


def check_picture(outputs):
    (image,) = images(outputs)
    assert base64.b64decode(image).startswith(b"\x89PNG") and len(image) > 5000
    assert not [output for output in outputs if output["output_type"] == "error"]


@pytest.mark.parametrize("pyplot", ["never imported", "imported before"])
def test_every_picture_is_shown_once(pyplot, tmp_path):
    """Without the user importing pyplot, and with it."""
    first = PREPARED + ("import matplotlib.pyplot as plt\n" if pyplot == "imported before" else "")
    outputs = executed([first, *PICTURES.values()], tmp_path)
    assert images(outputs[0]) == []
    for shown in outputs[1:]:
        check_picture(shown)


def test_a_display_may_be_the_first_picture_of_all(tmp_path):
    check_picture(executed([PREPARED, PICTURES["LossCurveDisplay"]], tmp_path)[1])


def test_a_picture_that_is_not_the_last_expression_is_not_shown(tmp_path):
    assert images(executed([PREPARED, f"figure = {PICTURES['report']}"], tmp_path)[1]) == []


@pytest.mark.parametrize(
    ("train", "last"),
    [
        ("RNNForecaster(**quick, max_steps=2000, verbose=1).fit(df);", "training 100%"),
        (
            "RNNRegressor(n_networks=1, max_iter=200, verbose=1, tol=0, n_iter_no_change=200).fit(X, X[:, -1]);",
            "epoch 200/200",
        ),
        (
            "RNNForecaster(**quick, max_steps=2000, verbose=1).cross_validation(df);",
            "training 100%",
        ),
    ],
)
def test_progress_is_written_over(train, last, tmp_path):
    outputs = executed([PREPARED, train], tmp_path)[1]
    assert {output.get("name") for output in outputs if output["output_type"] == "stream"} == {
        "stderr"
    }
    text = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    states = text.rstrip("\n").split("\r")
    assert text.count("\n") == 1 and len(states) >= 2 and "\033" not in text
    assert states[-1].startswith(last)
    lengths = [len(state) for state in states]
    assert all(len(state) >= len(before.rstrip()) for before, state in pairwise(states)), lengths


def test_the_shipped_notebook_has_run_and_shows_its_picture(tmp_path):
    """With the outputs in the file, and again when it is run here."""
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    cells = [cell for cell in shipped["cells"] if cell["cell_type"] == "code"]
    check_picture(cells[-1]["outputs"])
    outputs = executed(["".join(cell["source"]) for cell in cells], SHIPPED.parent)
    check_picture(outputs[-1])
    assert sys.getsizeof(SHIPPED.read_text(encoding="utf-8")) < 200_000
