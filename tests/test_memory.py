"""The experiment on memory runs, small; and the page about it says what its last full run found."""

import importlib.util
import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("memory", ROOT / "examples" / "memory.py")
memory = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(memory)
PICTURES = "adding", "clipping", "flow", "inside"


def test_quick(tmp_path, capsys):
    memory.main(["--quick", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "memory.json").read_text(encoding="utf-8"))
    assert found["lengths"]["steps felt, of 12 and of 450"] == [12, 200]
    beside, appended, *cut = found["lengths"]["differences"].values()
    assert beside == 0 and cut == [0, 0] and appended > 1e-3
    wild, clipped, _ = found["clipping"]
    assert (
        wild["report"].startswith("training diverged in epoch 1")
        and wild["updates"] < clipped["updates"] == 8
    )
    assert clipped["report"] == "" and clipped["largest norm"] > 1
    assert [row["steps"] for row in found["adding"]] == [10, 20]
    assert {row["when"] for row in found["vanishing"]} == {
        "uniform start",
        "orthogonal start",
        "trained",
    }
    for row in found["vanishing"]:
        assert row["0.1"] <= row["0.01"] <= row["0.001"] <= 19
    shown = capsys.readouterr().out
    assert all(table in shown for table in memory.tables(found))
    for name in PICTURES:
        assert (tmp_path / f"memory-{name}.png").read_bytes().startswith(b"\x89PNG")


def test_page_says_what_was_found():
    page = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8")
    found = json.loads((ROOT / "docs" / "memory.json").read_text(encoding="utf-8"))
    for table in memory.tables(found):
        assert table in page
    for name in PICTURES:
        assert f"memory-{name}.png" in page and (ROOT / "docs" / f"memory-{name}.png").exists()


def test_what_the_page_claims():
    found = json.loads((ROOT / "docs" / "memory.json").read_text(encoding="utf-8"))
    reach = {(row["when"], row["cell"]): row for row in found["vanishing"]}
    assert (
        reach["uniform start", "rnn"]["0.01"] < 10 <= reach["uniform start", "rnn"]["0.001"] <= 20
    )
    assert reach["orthogonal start", "rnn"]["0.01"] > reach["orthogonal start", "lstm"]["0.01"] > 20
    assert reach["trained", "gru"]["0.1"] == reach["trained", "lstm"]["0.1"] == 199
    for row in found["adding"]:
        assert max(row["gru"], row["lstm"]) < 0.03 * row["guess"]
        if row["steps"] >= 100:
            assert min(row["rnn"], row["rnn, uniform start"]) > 0.99 * row["guess"]
    guess = next(row["guess"] for row in found["adding"] if row["steps"] == found["rates"]["steps"])
    assert min(found["rates"]["errors"].values()) > 0.99 * guess
    assert [bool(row["report"]) for row in found["clipping"]] == [True, False, False]
    accuracy = {(row["trained"], row["tested"]): row for row in found["carrying"]}
    assert accuracy["reset", "carried"]["highest"] < accuracy["carried", "carried"]["lowest"]
    assert accuracy["carried", "carried"]["highest"] < accuracy["reset", "reset"]["lowest"]
