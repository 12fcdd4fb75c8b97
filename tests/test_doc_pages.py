"""What the pages of docs show runs as it stands there, block after block."""

import re
from pathlib import Path

import numpy as np

PAGES = Path(__file__).parents[1] / "docs"


def run(page):
    """The names that the blocks of a page leave behind."""
    names = {}
    for block in re.findall(
        r"```python\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), flags=re.DOTALL
    ):
        exec(block, names)
    return names


def test_pipelines():
    names = run("pipelines.md")
    assert names["search"].best_score_ > 0.5
    assert len(names["predicted"]) == 60
    np.testing.assert_array_equal(names["same"], names["model"].predict(names["X"]))
    assert len(names["stopping"].validation_loss_curve_) == names["stopping"].n_iter_
    assert sorted(names["state"]) == sorted([*names["machines"][:3], names["machines"][7]])
