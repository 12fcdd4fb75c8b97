"""One instant, two zones: every frame after `fit` is read in the zone of `fit`, whose calendar was learnt; times of
another kind are refused in a sentence that names both.
"""

import pickle

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

H = 6
QUICK = {
    "h": H,
    "n_networks": 1,
    "max_steps": 20,
    "hidden_size": 4,
    "window": 6,
    "segment": 1,
    "level_window": 1,
}
QUICK |= {"random_state": 0, "n_jobs": 1}
ZONES = "UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"
# Steps, and a time before which the clocks are changed within history and horizon.
GRIDS = {
    "hourly, spring": ("h", "2024-03-29 05:00"),
    "hourly, autumn": ("h", "2024-10-25 05:00"),
    "daily, spring": ("D", "2024-02-25"),
    "daily, autumn": ("D", "2024-09-22"),
}


def data(grid, zone="Europe/Berlin", n=48):
    freq, start = GRIDS[grid]
    times = pd.date_range(start, periods=n + H, freq=freq, tz=zone)
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"unique_id": "a", "ds": times, "temp": rng.normal(size=n + H)})
    df["y"] = 10 + 3 * np.sin(times.hour * np.pi / 12) + (times.day_of_week > 4) + df["temp"]
    return df[:n], df[n:].reset_index(drop=True)


def moved(df, zone, unit="ns"):
    return df.assign(ds=df["ds"].dt.tz_convert(zone).astype(f"datetime64[{unit}, {zone}]"))


@pytest.fixture(scope="module")
def fitted():
    options = {"calendar": ["hour", "dayofweek"], "future_covariates": ["temp"]}
    return {
        grid: pickle.dumps(RNNForecaster(**QUICK | options).fit(data(grid)[0])) for grid in GRIDS
    }


CALLS = {
    "X_df": lambda f, past, future: f.predict(X_df=future),
    "intervals": lambda f, past, future: f.predict(level=80, X_df=future),
    "history": lambda f, past, future: f.predict(past, X_df=future),
    "paths": lambda f, past, future: f.simulate(3, past, random_state=0, X_df=future),
    "score": lambda f, past, future: pd.Series(f.score(future)),
    "update": lambda f, past, future: f.update(future[:2]).predict(h=H - 2, X_df=future[2:]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("grid", GRIDS)
def test_an_instant_is_the_same_in_every_zone(grid, zone, call, fitted):
    past, future = data(grid)
    expected = CALLS[call](pickle.loads(fitted[grid]), past, future)
    for unit in ("ns", "us", "s"):
        found = CALLS[call](
            pickle.loads(fitted[grid]), moved(past, zone, unit), moved(future, zone, unit)
        )
        if "ds" in found:
            assert found["ds"].tolist() == expected["ds"].tolist()
            assert str(found["ds"].dt.tz) == "Europe/Berlin"
            found, expected = found.drop(columns="ds"), expected.drop(columns="ds", errors="ignore")
        np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())
        expected = CALLS[call](pickle.loads(fitted[grid]), past, future)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("grid", GRIDS)
def test_times_without_a_zone_are_refused_and_the_other_way_round(grid, call, fitted):
    past, future = data(grid)
    naive_past, naive_future = (
        part.assign(ds=part["ds"].dt.tz_localize(None)) for part in (past, future)
    )
    if call != "history":
        with pytest.raises(
            ValueError, match="must have a time zone, as those of fit have Europe/Berlin; got none"
        ):
            CALLS[call](pickle.loads(fitted[grid]), past, naive_future)
    if call in ("history", "paths"):
        with pytest.raises(
            ValueError, match="times must have a time zone, as those of fit have Europe/Berlin"
        ):
            CALLS[call](pickle.loads(fitted[grid]), naive_past, future)
    without = RNNForecaster(**QUICK, future_covariates=["temp"])
    if grid == "daily, spring":
        naive = without.fit(naive_past)
        with pytest.raises(
            ValueError, match=r"must have no time zone, as those of fit; got Europe/Berlin"
        ):
            CALLS[call](naive, past, future)
    counted = future.assign(ds=range(len(future)))
    with pytest.raises(ValueError, match=r"times.* must be timestamps as in fit; got integers"):
        CALLS[call](pickle.loads(fitted[grid]), past.assign(ds=range(len(past))), counted)


def test_labels_of_another_type_are_told(fitted):
    past, future = data("hourly, spring")
    with pytest.raises(
        ValueError, match="series of X_df must be called as in fit, such as 'a'; got 1"
    ):
        pickle.loads(fitted["hourly, spring"]).predict(X_df=future.assign(unique_id=1))
    numbers = RNNForecaster(**QUICK, future_covariates=["temp"]).fit(past.assign(unique_id=7))
    with pytest.raises(
        ValueError, match="series of X_df must be called as in fit, such as 7; got '7'"
    ):
        numbers.predict(X_df=future.assign(unique_id="7"))


def test_the_calendar_is_that_of_fit():
    """The mean error of a shape that only the hour tells, as with the zone of fit."""
    times = pd.date_range("2024-04-01", periods=24 * 20 + 48, freq="h", tz="Europe/Berlin")
    df = pd.DataFrame(
        {"unique_id": "DE", "ds": times, "temp": np.random.default_rng(0).normal(size=len(times))}
    )
    df["y"] = 100 + 30 * np.sin(times.hour * np.pi / 12) + 2 * df["temp"]
    options = {
        "h": 48,
        "n_networks": 1,
        "max_steps": 60,
        "window": 24,
        "segment": 1,
        "level_window": 24,
        "random_state": 0,
    }
    options |= {"future_covariates": ["temp"], "calendar": ["hour"]}
    forecaster = RNNForecaster(**options).fit(df[:-48])
    future = df[-48:]
    errors = []
    for X_df in (future, moved(future, "UTC")):
        errors.append(
            np.abs(
                forecaster.predict(X_df=X_df)["RNNForecaster"].to_numpy() - future["y"].to_numpy()
            ).mean()
        )
    assert errors[0] == errors[1] < 5
