"""What README shows runs as it stands there."""

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
    elif "search" in names:
        assert names["search"].best_score_ > 0.5
    else:
        assert names["model"].score(names["X_test"], names["y_test"]) > 0.9


def test_readme_has_what_a_newcomer_needs():
    assert len(BLOCKS) == 3
