"""The data that ship with the package are the originals: counts, and values read off the sources by hand."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tsrnn.datasets import load_airline, load_cif2016, load_japanese_vowels


def test_airline():
    passengers = load_airline()
    assert passengers.name == "passengers"
    assert passengers.index.equals(pd.date_range("1949-01-01", "1960-12-01", freq="MS"))
    assert passengers.index.freqstr == "MS"
    assert passengers.iloc[[0, 1, -2, -1]].tolist() == [112, 118, 390, 432]
    assert (passengers.sum(), passengers.min(), passengers.max()) == (40363, 104, 622)


def test_cif2016_has_72_series_of_two_horizons():
    train, test, horizon = load_cif2016()
    assert (len(train), len(test)) == (6334, 774)
    assert list(train.columns) == list(test.columns) == ["unique_id", "ds", "y"]
    assert list(train["unique_id"].unique()) == list(test["unique_id"].unique()) == list(horizon)
    assert sorted(horizon.values()) == [6] * 15 + [12] * 57
    assert test.groupby("unique_id").size().to_dict() == horizon
    assert train.groupby("unique_id").size().agg(["min", "max"]).tolist() == [22, 108]
    assert not train["y"].isna().any() and not test["y"].isna().any()


def test_cif2016_test_part_runs_on_where_training_ended():
    train, test, _ = load_cif2016()
    whole = pd.concat([train, test])
    assert whole["ds"].dtype.kind == "i"
    for _, steps in whole.groupby("unique_id")["ds"]:
        assert steps.tolist() == list(range(len(steps)))


@pytest.mark.parametrize(
    ("name", "length", "first", "last_train", "first_test", "last"),
    [
        ("T1", 120, 855.144865868006, 1592.16733774914, 1657.01533755845, 1683.41802153606),
        ("T20", 120, 1130.1106148305, 1545.88913163076, 1564.94849008366, 1571.69426152846),
        ("T58", 37, 4208.0, 548.0, 462.0, 325.0),
        ("T72", 44, 29006293.08, 20850263.35, 19254692.53, 13058445.73),
    ],
)
def test_cif2016_values(name, length, first, last_train, first_test, last):
    data = load_cif2016()
    train, test = (
        part.loc[part["unique_id"] == name, "y"].tolist() for part in (data.train, data.test)
    )
    assert len(train) + len(test) == length
    assert [train[0], train[-1], test[0], test[-1]] == [first, last_train, first_test, last]


def test_japanese_vowels():
    data = load_japanese_vowels()
    assert (len(data.X_train), len(data.X_test)) == (270, 370)
    lengths = [len(x) for x in data.X_train + data.X_test]
    assert (min(lengths), max(lengths), sum(lengths)) == (7, 29, 9961)
    assert all(x.shape[1:] == (12,) and x.dtype == np.float32 for x in data.X_train + data.X_test)
    assert np.bincount(data.y_train).tolist() == [0] + [30] * 9
    assert np.bincount(data.y_test).tolist() == [0, 31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_japanese_vowels_values():
    X_train, y_train, X_test, y_test = load_japanese_vowels()
    assert [len(x) for x in (X_train[0], X_train[-1], X_test[0], X_test[-1])] == [20, 9, 19, 11]
    assert (y_train[0], y_train[-1], y_test[0], y_test[-1]) == (1, 9, 1, 9)
    for found, expected in [
        (X_train[0][0, :3], [1.860936, -0.207383, 0.261557]),
        (X_train[-1][0, :3], [1.240598, -0.352572, 0.202753]),
        (X_train[-1][-1, -3:], [-0.089183, 0.16625, 0.173642]),
        (X_test[0][0, :3], [1.635533, 0.024848, 0.432087]),
        (X_test[-1][0, :3], [1.421622, -0.386758, -0.187715]),
        (X_test[-1][-1, -3:], [-0.001849, -0.016634, 0.224688]),
    ]:
        np.testing.assert_array_equal(found, np.float32(expected))
    assert sum(x.sum(dtype=np.float64) for x in X_train) == pytest.approx(-1057.452303, abs=1e-3)
    assert sum(x.sum(dtype=np.float64) for x in X_test) == pytest.approx(-2146.51343, abs=1e-3)


def test_pandas_waits_for_a_loader_that_needs_it():
    source = (
        "import sys, tsrnn.datasets as d; d.load_japanese_vowels(); print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
