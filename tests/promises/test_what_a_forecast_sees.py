"""Panels whose truth is known: what the default must see in them, and what must not mislead it."""

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

QUICK = {"effort": "fast", "random_state": 0, "n_jobs": 1}


def panel(values, freq, end="2025-06-01"):
    """A long frame of series (n_series, n) that end together."""
    times = pd.date_range(end=end, periods=values.shape[1], freq=freq)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i:03d}" for i in range(len(values))], len(times)),
            "ds": np.tile(times, len(values)),
            "y": values.ravel(),
        }
    )


def forecast(values, h, freq, level=None, **options):
    """The last `h` values of series (n_series, n), from those before: a table for each column."""
    found = RNNForecaster(h=h, freq=freq, **QUICK | options).fit(panel(values[:, :-h], freq))
    table = found.predict(level=level)
    return {
        name.removeprefix("RNNForecaster").removeprefix("-"): table[name]
        .to_numpy()
        .reshape(len(values), h)
        for name in table.columns[2:]
    }


def error(found, truth):
    return np.abs(found - truth).mean() / np.abs(truth).mean()


def noisy_levels(rng, n_series, n, noise):
    levels = np.exp(rng.normal(size=(n_series, 1)))
    return levels * np.exp(noise * rng.normal(size=(n_series, n)))


@pytest.mark.parametrize("n_weeks", [70, 100, 160])
def test_a_dip_of_all_series_a_year_ago(n_weeks):
    rng = np.random.default_rng(0)
    values = noisy_levels(rng, 60, n_weeks + 8, 0.1)
    dips = (n_weeks + 4 - np.arange(n_weeks + 8)) % 52 == 0
    values[:, dips] *= 0.5
    found = forecast(values, 8, "W", season_length=52)[""]
    at_dip = error(found[:, 4], values[:, -4])
    others = error(np.delete(found, 4, axis=1), np.delete(values[:, -8:], 4, axis=1))
    assert at_dip < 2.5 * others


def test_without_a_dip_a_year_of_weather_is_no_season():
    rng = np.random.default_rng(0)
    weather = np.exp(0.1 * rng.normal(size=108))
    values = noisy_levels(rng, 60, 108, 0.05) * weather
    seen, blind = (
        forecast(values, 8, "W", season_length=52, deseasonalize=taken)[""]
        for taken in ("auto", False)
    )
    assert error(seen, values[:, -8:]) < 1.05 * error(blind, values[:, -8:])


def test_two_seasons_are_more_than_each():
    rng = np.random.default_rng(0)
    hours = np.arange(24 * 7 * 7)
    day = 0.4 * np.sin(2 * np.pi * hours / 24)
    week = np.where(hours // 24 % 7 >= 5, -0.4 * (1 + np.sin(2 * np.pi * hours / 24)), 0)
    values = noisy_levels(rng, 6, len(hours), 0.03) * np.exp(day + week)
    errors = {
        str(season): error(
            forecast(values, 48, "h", season_length=season, max_steps=200)[""], values[:, -48:]
        )
        for season in ([24, 168], 24)
    }
    assert errors["[24, 168]"] < min(0.06, 0.8 * errors["24"])


def test_a_trend_that_turned_does_not_go_on():
    rng = np.random.default_rng(0)
    steps = np.concatenate([np.full(80, 0.02), np.full(52, -0.01)])
    walks = np.exp((steps + 0.01 * rng.normal(size=(30, 132))).cumsum(axis=1))
    found = forecast(walks, 12, "MS", season_length=12)[""]
    naive = walks[:, -13:-12]
    assert error(found, walks[:, -12:]) < 0.8 * error(naive, walks[:, -12:])


def test_rates_beside_levels_do_not_harm_them():
    """Levels that grow, alone and among as many rates about zero and a few that fall for good."""
    rng = np.random.default_rng(0)
    growth = 0.004 + 0.01 * rng.normal(size=(40, 160))
    season = 0.1 * np.sin(2 * np.pi * np.arange(160) / 12)
    levels = 100 * np.exp(growth.cumsum(axis=1) + season)
    rates = rng.normal(size=(40, 160))
    falling = np.exp((-0.013 + 0.005 * rng.normal(size=(5, 160))).cumsum(axis=1))
    options = {"season_length": 12}
    alone = forecast(levels, 12, "MS", **options)[""]
    among = forecast(np.concatenate([levels, rates, falling]), 12, "MS", **options)[""]
    assert error(among[:40], levels[:, -12:]) < 1.15 * error(alone, levels[:, -12:])
    last = falling[:, -13:-12]
    assert error(among[80:], falling[:, -12:]) < error(last, falling[:, -12:])


@pytest.mark.parametrize("closed", ["3 % of days", "Sundays"])
def test_closed_days_make_no_upper_end_of_thousands(closed):
    rng = np.random.default_rng(0)
    days = np.arange(400)
    week = np.array([0.9, 0.85, 0.9, 1, 1.3, 1.6, 0.6])[days % 7]
    sales = rng.poisson(100 * week, size=(10, 400)).astype(float)
    shut = (
        rng.random((10, 400)) < 0.03
        if closed == "3 % of days"
        else np.ones((10, 1), bool) * (days % 7 == 6)
    )
    sales[shut] = 0
    found = forecast(sales, 28, "D", level=[80, 95], season_length=7)
    assert found["hi-95"].max() < 3 * sales.max()
    assert np.median(found["hi-95"]) < 2 * np.median(found[""])


@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_intermittent_counts_have_zero_within_their_intervals(rate):
    sales = np.random.default_rng(0).poisson(rate, size=(30, 200)).astype(float)
    found = forecast(sales, 14, "D", level=[80, 95], season_length=7)
    truth = sales[:, -14:]
    inside = (found["lo-80"] <= truth) & (truth <= found["hi-80"])
    assert inside.mean() > 0.77
    assert (found["lo-80"] == 0).mean() > 0.5
    assert found["hi-95"].max() < 4 * sales.max()


@pytest.mark.parametrize("level", [0, -100])
def test_values_below_zero_are_within_their_intervals(level):
    values = level + np.random.default_rng(0).normal(size=(20, 100))
    found = forecast(values, 7, "D", level=[80], season_length=7)
    truth = values[:, -7:]
    assert (truth < found["lo-80"]).mean() < 0.2
    assert (found["lo-80"] < found[""]).all()


@pytest.mark.parametrize("level", [0, 1e4, 1e6, 1e8])
def test_a_level_far_above_the_movement_is_none_of_its_business(level):
    rng = np.random.default_rng(0)
    waves = 10 * np.sin(2 * np.pi * np.arange(120) / 12 + rng.uniform(0, 6, size=(20, 1)))
    values = level + 20 + waves + rng.normal(size=waves.shape)
    found = forecast(values, 12, "MS", season_length=12)[""]
    assert np.abs(found - values[:, -12:]).mean() < 2


WORLDS = {
    "random walks": lambda rng, t: 50 + rng.normal(size=(40, len(t))).cumsum(axis=1),
    "the same season": lambda rng, t: (
        10 + np.tile(rng.normal(size=(40, 12)), len(t) // 12 + 1)[:, : len(t)]
    ),
    "trends": lambda rng, t: 10 + rng.uniform(0.1, 1, size=(40, 1)) * t,
    "noise": lambda rng, t: 10 + rng.normal(size=(40, len(t))),
}


@pytest.mark.parametrize("world", WORLDS)
def test_the_mixture_is_hardly_worse_than_the_best_simple_method(world):
    values = WORLDS[world](np.random.default_rng(0), np.arange(84))
    options = {"season_length": 12, "h": 12}
    truth = values[:, -12:]
    mixed = np.abs(forecast(values, freq="MS", **options)[""] - truth).mean()
    alone = [
        np.abs(forecast(values, freq="MS", shares={name: 1.0}, **options)[""] - truth).mean()
        for name in ("theta", "damped_trend", "seasonal_naive")
    ]
    assert mixed < 1.05 * min(alone) + 0.02
