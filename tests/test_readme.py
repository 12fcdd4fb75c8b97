"""What README shows runs as it stands there."""

import json
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_readme(block):
    names = {}
    exec(block, names)
    if "forecast" in names:
        assert len(names["forecast"]) == 72 * 12 and len(names["newer"]) == 24
        assert len(names["bands"].columns) == 7 and names["past"]["cutoff"].notna().all()
        both = names["data"].test.merge(names["forecast"], on=["unique_id", "ds"])
        assert len(both) == len(names["data"].test)
        truth, found = both["y"], both["RNNForecaster"]
        smape = 200 * (truth - found).abs() / (truth.abs() + found.abs())
        # that of exponential smoothing (ETS) there
        assert smape.groupby(both["unique_id"]).mean().mean() < 11.88
    elif "search" in names:
        assert names["search"].best_score_ > 0.5
    else:
        assert names["model"].score(names["X_test"], names["y_test"]) > 0.9


def test_notebook(monkeypatch):
    notebook = README.parent / "examples" / "forecast_a_csv.ipynb"
    cells = [
        cell
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    monkeypatch.chdir(notebook.parent)
    names = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
        # as a reader on the web sees it
        assert any("image/png" in output["data"] for output in cell["outputs"])
    assert (
        len(names["forecast"]) == 12 and names["forecast"]["RNNForecaster"].between(350, 750).all()
    )


def test_readme_has_what_a_newcomer_needs():
    assert len(BLOCKS) == 3
