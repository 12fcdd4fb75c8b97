"""Files that older versions wrote still load, forecast the same numbers, and pass the checks of new ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

pytest.importorskip("safetensors")
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

OLD = Path(__file__).parent / "files_of_old"
NAMES = sorted(path.stem for path in OLD.glob("*.safetensors"))


def forecasts(forecaster):
    X_df = None
    if forecaster.future_covariates:
        days = pd.date_range("2024-03-31", periods=3)
        X_df = pd.concat(
            [
                pd.DataFrame({"unique_id": i, "ds": days, "price": [0.1, 0.5, 0.9]})
                for i in ("s0", "s1", "s2")
            ]
        )
    return forecaster.predict(X_df=X_df)


def as_numbers(frame):
    frame = frame if isinstance(frame, (pd.DataFrame, pd.Series)) else frame.to_pandas()
    column = (
        "RNNForecaster" if frame.ndim == 2 and "RNNForecaster" in frame.columns else slice(None)
    )
    return np.ravel(frame[column].to_numpy())


@pytest.mark.parametrize("name", NAMES)
def test_an_old_file_forecasts_what_it_did(name, tmp_path):
    if name == "polars":
        pytest.importorskip("polars")
    before = np.load(OLD / "forecasts.npz")[name]
    forecaster = RNNForecaster.load(OLD / f"{name}.safetensors")
    # vectors of any width
    np.testing.assert_allclose(as_numbers(forecasts(forecaster)), before, rtol=1e-5)
    forecaster.save(tmp_path / "again")
    again = RNNForecaster.load(tmp_path / "again")
    np.testing.assert_array_equal(as_numbers(forecasts(again)), as_numbers(forecasts(forecaster)))
    assert (
        type(forecasts(again)) is type(forecasts(forecaster))
        and again.get_params() == forecaster.get_params()
    )
    if forecaster._fitted.errors is not None:
        forecaster.predict(level=80, X_df=None) if name not in ("covariates", "quantiles") else None


def test_there_are_old_files_of_each_kind():
    assert len(NAMES) == 15


@pytest.fixture
def old():
    with safe_open(OLD / "long.safetensors", "numpy") as file:
        metadata = file.metadata()
    return load_file(OLD / "long.safetensors"), json.loads(metadata["rest"])


def refused(tmp_path, arrays, rest):
    save_file(
        arrays,
        tmp_path / "bad",
        {
            "format": "tsrnn.RNNForecaster 1",
            "rest": rest if isinstance(rest, str) else json.dumps(rest),
        },
    )
    with pytest.raises(
        ValueError, match=r"must be a file that RNNForecaster\.save wrote, whole; got "
    ) as caught:
        RNNForecaster.load(tmp_path / "bad")
    assert "\n" not in str(caught.value)


ARRAYS = {
    "one weight": ("theta_0", lambda a: a[:1]),
    "a weight more": ("theta_0", lambda a: np.append(a, a[:1])),
    "halves": ("theta_0", lambda a: a.astype(np.float16)),
    "doubles": ("theta_0", lambda a: a.astype(np.float64)),
    "bytes": ("theta_0", lambda a: a.astype(np.int8)),
    "a table": ("theta_0", lambda a: a.reshape(1, -1)),
    "nan": ("theta_0", lambda a: np.where(np.arange(len(a)) == 5, np.nan, a).astype(np.float32)),
    "starts below": ("starts", lambda a: a - 1),
    "starts beyond": ("starts", lambda a: a * 10**6),
    "starts back": ("starts", lambda a: a[::-1].copy()),
    "starts of other ints": ("starts", lambda a: a.astype(np.int32)),
    "short times": ("times", lambda a: a[:-1]),
    "times of floats": ("times", lambda a: a.astype(float)),
    "times apart": ("times", lambda a: a * 2),
    "times back": ("times", lambda a: a[::-1].copy()),
    "infinite values": ("values", lambda a: a * np.inf),
    "fewer values": ("values", lambda a: a[1:]),
    "values of floats": ("values", lambda a: a.astype(np.float32)),
    "few known": ("known", lambda a: a[1:]),
    "none known": ("known", lambda a: a & False),
    "errors of one step": ("errors", lambda a: a[..., :1]),
    "errors of none": ("errors", lambda a: a[:, :0]),
    "errors of quantiles": ("errors", lambda a: np.concatenate([a, a])),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_do_not_fit_are_refused(name, old, tmp_path):
    arrays, rest = old
    array, change = ARRAYS[name]
    refused(tmp_path, arrays | {array: change(arrays[array])}, rest)
    for array in list(arrays):
        if array != "errors":
            refused(tmp_path, {other: arrays[other] for other in arrays if other != array}, rest)


REST = {
    ("parameters", "h"): [0, -1, 10**12, 4, "3", None, 2.5, True],
    ("parameters", "season_length"): [0, 10**12, "7"],
    ("parameters", "decoder"): ["encoder-decoder", "nothing"],
    ("parameters", "log"): ["never", 5],
    ("parameters", "nothing"): [1],
    ("members", 0, "network", "hidden_size"): [2000, 0, -1, "3", 10**12, None],
    ("members", 0, "network", "n_inputs"): [2, 10**6],
    ("members", 0, "network", "n_outputs"): [1, 10**6],
    ("members", 0, "network", "n_context"): [5, 7],
    ("members", 0, "network", "n_layers"): [10**9],
    ("members", 0, "network", "cell"): ["nothing", "rnn_relu", 5],
    ("members", 0, "plan", "segment"): [0, 4, -1, 10**12],
    ("members", 0, "plan", "window"): [10**12, 0, 7],
    ("members", 0, "plan", "level"): [0, 7, "1"],
    ("members", 0, "sees_gaps"): [True],
    ("members",): [[], {}, None, 5],
    ("plans",): [[], None, [{"window": 1}]],
    ("ids", "labels"): [["s0", "s0", "s1"], ["s0"], [], None],
    ("freq",): ["2D", "MS", 1, "nothing", None],
    ("stamps",): [["Y", None], ["ns", "Nowhere"], None],
    ("columns",): [["a", "b"], ["a", "a", "b"], 5],
    ("restore",): [
        {"function": "system", "arguments": None},
        {"function": "to_wide", "arguments": ["x"]},
        None,
    ],
    ("restore", "arguments"): [["x", "y"]],
    ("theta_share",): [2.0, "x", None],
    ("codes",): [{"y": {"labels": ["a"]}}, 5],
    ("roles",): [[["y"], [], [], []], [[], [], [], ["century"]], [[], []], 5],
    ("quantiles",): [[0.1, 0.9], [5], 5],
    ("covariates",): [{"a": [1.0]}],
    ("effects",): [{"a": 1.0}],
    ("trial",): [{"a": [1]}, 5],
}


@pytest.mark.parametrize("path", REST, ids=lambda path: "-".join(map(str, path)))
def test_a_rest_that_does_not_fit_is_refused(path, old, tmp_path):
    arrays, rest = old
    for value in REST[path]:
        changed = json.loads(json.dumps(rest))
        place = changed
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        refused(tmp_path, arrays, changed)


def test_no_tree_at_all_is_refused(old, tmp_path):
    arrays, _ = old
    for rest in ("", "5", "null", "[]", "{}", "[" * 100_000, '{"parameters": {}}', "\0"):
        refused(tmp_path, arrays, rest)
