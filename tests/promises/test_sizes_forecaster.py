"""Sizes that no machine has are refused before any work; a batch beyond the data draws no more than there is."""

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

QUICK = {
    "shares": {},
    "h": 3,
    "n_networks": 1,
    "max_steps": 3,
    "hidden_size": 4,
    "window": 6,
    "segment": 3,
    "level_window": 1,
}
QUICK |= {"random_state": 0, "n_jobs": 1}
HUGE = 10**9, 10**12, 10**30
LARGE = "h", "hidden_size", "n_networks", "window"


def series(n=40):
    return pd.Series(np.random.default_rng(0).random(n) + 5, pd.date_range("2020", periods=n))


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("value", HUGE)
def test_what_no_machine_has_is_refused(name, value):
    size = 3 * value if name == "window" else value
    forecaster = RNNForecaster(**QUICK | {name: size})
    begin = time.monotonic()
    tracemalloc.start()
    for call in (forecaster.fit, forecaster.cross_validation):
        with pytest.raises((MemoryError, ValueError)) as caught:
            call(series())
        found = str(caught.value)
        assert "\n" not in found and f"{name}={size}" in found, found
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - begin < 5 and most < 100e6


@pytest.mark.parametrize("value", HUGE)
def test_a_season_longer_than_all_series_is_none(value):
    tracemalloc.start()
    forecaster = RNNForecaster(**QUICK | {"season_length": value, "deseasonalize": True}).fit(
        series()
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    short = RNNForecaster(**QUICK | {"season_length": 100, "deseasonalize": True}).fit(series())
    expected = short.predict(level=80)
    pd.testing.assert_frame_equal(forecaster.predict(level=80), expected, check_exact=True)
    assert most < 50e6


def test_horizons_and_paths_that_no_machine_has():
    forecaster = RNNForecaster(**QUICK).fit(series())
    for h in (3001, *HUGE):
        with pytest.raises(
            ValueError, match="h must be at most 3000, 1000 times the trained horizon; got"
        ):
            forecaster.predict(h=h)
    for n_paths in HUGE[1:]:
        with pytest.raises(
            MemoryError, match=f"n_paths={n_paths} of 1 series need about .* GB of memory"
        ):
            forecaster.simulate(n_paths)


@pytest.mark.parametrize("decoder", ["direct", "recursive", "encoder-decoder"])
def test_a_batch_is_no_larger_than_the_data(decoder):
    """40 values have fewer than 256 windows."""
    at_most = RNNForecaster(**QUICK, batch_size=256, decoder=decoder).fit(series())
    tracemalloc.start()
    for batch_size in (257, 10**6, 10**9):
        more = RNNForecaster(**QUICK, batch_size=batch_size, decoder=decoder).fit(series())
        pd.testing.assert_series_equal(more.predict(), at_most.predict(), check_exact=True)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    less = RNNForecaster(**QUICK, batch_size=5, decoder=decoder).fit(series())
    assert not less.predict().equals(at_most.predict())


def test_a_batch_may_be_all_windows_of_much_data():
    y = series(3000)
    one, other = (
        RNNForecaster(**QUICK, batch_size=size).fit(y).loss_curves_ for size in (10**5, 10**9)
    )
    assert one == other
    assert one != RNNForecaster(**QUICK, batch_size=256).fit(y).loss_curves_


@pytest.mark.parametrize("seed", [2**32, 10**30, -1, 1.5, "a"])
def test_seeds_are_those_of_numpy(seed):
    with pytest.raises(
        ValueError, match=r"random_state of RNNForecaster must be an int in \[0, 4294967295\] or"
    ):
        RNNForecaster(**QUICK | {"random_state": seed}).fit(series())
    assert (
        RNNForecaster(**QUICK | {"random_state": 2**32 - 1}).fit(series()).predict().notna().all()
    )


# Series whose last values are not known


@pytest.mark.parametrize("n_missing", [3, 5, 12])
def test_rows_of_the_future_are_no_trial(n_missing):
    """What is appended without values is not held out: the last known values are."""
    options = QUICK | {"window": "auto", "segment": "auto", "level_window": "auto", "max_steps": 30}
    y = series(60) + np.arange(60) / 5
    later = pd.Series(np.nan, pd.date_range(y.index[-1] + pd.Timedelta(days=1), periods=n_missing))
    forecaster = RNNForecaster(**options).fit(pd.concat([y, later]))
    # of values between 5 and 18 with noise of one
    assert forecaster.trial_["error"].between(0.001, 0.1).all()
    assert forecaster.trial_["error"].nunique() == len(forecaster.trial_)
    more = RNNForecaster(**options).fit(
        pd.concat([y, later]).asfreq("D").reindex(pd.date_range("2020", periods=90))
    )
    pd.testing.assert_frame_equal(more.trial_, forecaster.trial_, check_exact=True)
    found = forecaster.predict(level=80)
    assert found.index[0] == later.index[-1] + pd.Timedelta(days=1)
    assert (found["RNNForecaster-lo-80"] < found["RNNForecaster-hi-80"]).all()


def test_rows_of_the_future_with_what_is_known_of_it():
    rng = np.random.default_rng(0)
    df = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], 40),
            "ds": np.tile(range(40), 2),
            "promo": rng.random(80),
        }
    )
    df["y"] = np.where(df["ds"] < np.repeat([36, 30], 40), 3 + df["promo"], np.nan)
    options = QUICK | {
        "window": "auto",
        "level_window": "auto",
        "segment": "auto",
        "future_covariates": ["promo"],
    }
    forecaster = RNNForecaster(**options).fit(df)
    assert (forecaster.trial_["error"] > 0).all()
    X_df = df.assign(ds=df["ds"] + 40)
    assert np.isfinite(forecaster.predict(X_df=X_df, level=80).iloc[:, 2:]).all(axis=None)
