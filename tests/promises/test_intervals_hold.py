"""Whatever the values are: an interval holds its forecast, is bounded by the errors that were seen, and is the same
alone, among other series and for a shorter horizon; paths are bounded alike.
"""

import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

NAME = "RNNForecaster"
LEVELS = [50, 80, 95, 99]
QUICK = {"h": 4, "n_networks": 1, "max_steps": 40, "hidden_size": 8, "random_state": 0, "n_jobs": 1}
STEPS = np.arange(80)


def rng(seed=0):
    return np.random.default_rng(seed)


def lively(n=3, length=80, spread=0.3):
    return list(100 * np.exp(spread * rng(1).normal(size=(n, length))))


def with_zeros(share, n=8):
    week = np.array([0.9, 0.85, 0.9, 1, 1.3, 1.6, 0.6])
    sold = rng().poisson(100 * week[np.arange(120) % 7], size=(n, 120)).astype(float)
    return list(np.where(rng(1).random(sold.shape) < share, 0, sold))


def with_outlier(at):
    calm = 100 * np.exp(0.05 * rng().normal(size=(4, 80)))
    calm[0, at] *= 1000
    return list(calm)


PANELS = {
    "few zeros": with_zeros(0.03),
    "many zeros": with_zeros(0.3),
    "mostly zeros": with_zeros(0.8),
    "zeros only": [np.zeros(80)],
    "zeros only among lively ones": [np.zeros(80), *lively()],
    "counts": list(rng().poisson(0.3, size=(3, 80)).astype(float)),
    "counts of one series": [rng().poisson(0.3, size=80) * 10.0],
    "fading": [1e6 * 0.8 ** STEPS[:60]],
    "fading to nothing": [1e9 * 0.5**STEPS],
    "growing": list(1.1**STEPS * np.exp(0.05 * rng().normal(size=(3, 80)))),
    "another unit from half on": [
        np.where(STEPS < 40, 1e6, 5.0) * np.exp(0.1 * rng().normal(size=80))
    ],
    "constant": [np.full(80, 5.0)],
    "constants": [np.full(80, 5.0), np.full(80, 1e6)],
    "constant among lively ones": [np.full(80, 5.0), *lively()],
    "lively among constants": [*(np.full(80, 5.0 + i) for i in range(4)), *lively(1)],
    "calm among lively ones": [100 + 1e-3 * rng().normal(size=80), *lively()],
    "ended": [np.where(STEPS < 60, y, 0) for y in lively()],
    "begun late": [np.where(STEPS < 60, 0, y) for y in lively()],
    "outlier in the middle": with_outlier(40),
    "outlier at the end": with_outlier(79),
    "outlier in the last window": with_outlier(77),
    "near zero at times": [np.where(rng(2).random(80) < 0.1, 1e-6, y) for y in lively()],
    "negative": list(rng().normal(size=(3, 80)).cumsum(axis=1)),
    "negative with an outlier": [
        np.where(np.arange(80) == 77, -1e4, y) for y in rng().normal(size=(3, 80))
    ],
    "far from zero": list(1e6 + 10 * rng().normal(size=(3, 80))),
    "short": list(np.exp(rng().normal(size=(3, 9)))),
    "of unlike lengths": [np.exp(rng(n).normal(size=n)) for n in (8, 30, 200)],
    "huge": list(1e200 * np.exp(0.1 * rng().normal(size=(3, 80)))),
    "tiny": list(1e-200 * np.exp(0.1 * rng().normal(size=(3, 80)))),
    "half missing": [np.where(rng(i).random(80) < 0.5, np.nan, y) for i, y in enumerate(lively())],
}
SETTINGS = {
    "default": {},
    "a season": {"season_length": 7},
    "no logarithm": {"log": False},
    "scale": {"scale": True},
    "difference": {"difference": True},
    "quantiles": {"quantiles": [0.005, 0.025, 0.1, 0.25, 0.75, 0.9, 0.975, 0.995]},
    "recursive": {"decoder": "recursive", "window": 8, "segment": 2, "level_window": 1},
    "encoder-decoder": {"decoder": "encoder-decoder", "window": 8, "segment": 2, "level_window": 1},
}
QUICKLY = {"default", "a season", "quantiles"}  # the others in `make test-slow`


def frame(series):
    return pd.concat(
        pd.DataFrame({"unique_id": f"s{i}", "ds": np.arange(len(y)), "y": np.asarray(y, float)})
        for i, y in enumerate(series)
    )


def fitted(panel, setting):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no warning of numpy's reaches a user
        return RNNForecaster(**QUICK | SETTINGS[setting]).fit(frame(PANELS[panel]))


def numbers(forecast):
    return forecast.drop(columns=["unique_id", "ds"]).to_numpy()


CASES = [
    pytest.param(panel, setting, marks=() if setting in QUICKLY else pytest.mark.slow)
    for panel in PANELS
    for setting in SETTINGS
]


@pytest.mark.parametrize(("panel", "setting"), CASES)
def test_an_interval_holds_its_forecast_and_is_bounded(panel, setting):
    forecaster = fitted(panel, setting)
    forecast = forecaster.predict(level=LEVELS)
    ends = (
        [f"{NAME}-lo-{level}" for level in LEVELS[::-1]],
        [f"{NAME}-hi-{level}" for level in LEVELS],
    )
    ordered = forecast[[*ends[0], NAME, *ends[1]]].to_numpy()
    assert np.isfinite(ordered).all()
    assert (np.diff(ordered, axis=1) >= 0).all()

    df = frame(PANELS[panel])
    if setting != "no logarithm" and (df["y"].dropna() >= 0).all():
        assert (ordered >= 0).all()
    size = df.groupby("unique_id")["y"].agg(lambda y: y.abs().max())
    seen = largest_error(df, forecast)
    most = forecast["unique_id"].map(size).to_numpy() * seen
    np.testing.assert_array_less(forecast[f"{NAME}-hi-99"] - forecast[NAME], most + 1e-300)
    np.testing.assert_array_less(forecast[NAME] - forecast[f"{NAME}-lo-99"], most + 1e-300)

    paths = forecaster.simulate(30, random_state=0)
    drawn = paths.filter(like="path").to_numpy()
    assert np.isfinite(drawn).all()
    assert (np.abs(drawn - forecast[[NAME]].to_numpy()) <= most[:, None] + 1e-300).all()


def largest_error(df, forecast):
    """How far values move in the panel, in units of the usual size of their series: no forecast errs by much more."""
    known = df.dropna()
    size = known.groupby("unique_id")["y"].transform(lambda y: y.abs().median() or y.abs().mean())
    moves = known.groupby("unique_id")["y"].transform(lambda y: y.max() - y.min())
    return 3 * max((moves / size.where(size > 0, 1)).max(), 1)


@pytest.mark.parametrize(("panel", "setting"), CASES)
def test_the_same_alone_and_for_a_shorter_horizon(panel, setting):
    forecaster = fitted(panel, setting)
    df = frame(PANELS[panel])
    together = forecaster.predict(level=LEVELS)
    for label in df["unique_id"].unique()[:2]:
        alone = forecaster.predict(df[df["unique_id"] == label], level=LEVELS)
        np.testing.assert_array_equal(
            numbers(alone), numbers(together[together["unique_id"] == label])
        )
    near = forecaster.predict(h=2, level=LEVELS)
    np.testing.assert_array_equal(numbers(near), numbers(together.groupby("unique_id").head(2)))


def test_a_fading_series_has_its_truth_inside():
    """A truth far below the mean of its series counts as an error like any other."""
    r = rng(3)
    full = [1e6 * 0.8 ** np.arange(64) * np.exp(0.1 * r.normal(size=64)) for _ in range(40)]
    forecaster = RNNForecaster(**QUICK).fit(frame([y[:60] for y in full]))
    out = forecaster.cross_validation(frame(full), level=80)
    inside = (out[f"{NAME}-lo-80"] <= out["y"]) & (out["y"] <= out[f"{NAME}-hi-80"])
    assert 0.65 < inside.mean() < 0.95


def test_one_flat_series_is_as_narrow_alone_as_among_lively_ones():
    series = PANELS["constant among lively ones"]
    forecaster = RNNForecaster(**QUICK).fit(frame(series))
    forecast = forecaster.predict(frame(series[:1]), level=80)
    width = forecast[f"{NAME}-hi-80"] - forecast[f"{NAME}-lo-80"]
    assert (width < 0.5).all()
    np.testing.assert_allclose(forecast[NAME], 5, atol=0.3)


def test_errors_that_are_no_errors_are_no_effects():
    """What repeats with the season has no differences over it, so no effect can be told."""
    t = pd.date_range("2024-01-01", periods=90)
    df = pd.DataFrame({"unique_id": "a", "ds": t, "y": 10 + rng().random(90)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effects = (
            RNNForecaster(**QUICK, season_length=7, calendar=["dayofweek", "day"]).fit(df).effects_
        )
    of_week = effects[effects.index.str.startswith("dayofweek")]
    assert len(of_week) and (of_week == 0).all()
    assert effects.notna().all()


def test_paths_where_every_past_window_has_a_missing_value():
    y = pd.Series(rng().random(60) + 5, pd.date_range("2020", periods=60))
    y.iloc[::3] = np.nan
    forecaster = RNNForecaster(**QUICK | {"h": 5}).fit(y)
    paths = forecaster.simulate(50, random_state=0)
    assert np.isfinite(paths.to_numpy()).all()
    assert paths.to_numpy().std(axis=1).min() > 0
    assert paths.to_numpy().min() > 4 and paths.to_numpy().max() < 7
