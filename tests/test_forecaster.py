"""The forecaster: forms, seeds, new series, short series, its parts."""

import os
import pickle
import re
import signal
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tsrnn import RNNForecaster
from tsrnn.datasets import load_airline
from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.forecasting import ensemble as module
from tsrnn.forecasting.adjusted import Adjusted, differences
from tsrnn.forecasting.adjustment import Adjustment, Units
from tsrnn.forecasting.fitting import read_parameters, setting_of
from tsrnn.forecasting.held_out import error as trial_error
from tsrnn.forecasting.held_out import hold_out
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.plan import Plan, steps_for
from tsrnn.forecasting.seasons import (
    events_of,
    index_of_events,
    local_levels,
    seasonal_index,
)
from tsrnn.forecasting.series_weights import series_weights
from tsrnn.forecasting.shares import Window, shares_for
from tsrnn.forecasting.simple_forecasts import (
    DAMPED,
    SIMPLE,
    damped_holt,
    seasonal_naive,
    theta_method,
)
from tsrnn.forecasting.trial import best
from tsrnn.forecasting.windows import Windows
from tsrnn.networks.workspace import Workspace


def quick(**options):
    return RNNForecaster(
        **{"h": 4, "n_networks": 2, "max_steps": 40, "hidden_size": 8, "random_state": 0} | options
    )


def waves(n=4, length=60, seed=0):
    """A panel whose future is known: a season of five times a trend."""
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    parts = [
        pd.DataFrame(
            {
                "unique_id": f"s{i}",
                "ds": t,
                "y": 10 * (i + 1) * np.exp(0.3 * np.sin(2 * np.pi * t / 5) + 0.01 * t),
            }
        )
        for i in range(n)
    ]
    return pd.concat(parts, ignore_index=True).assign(
        y=lambda df: df["y"] * np.exp(0.001 * rng.normal(size=len(df)))
    )


def error(forecast, truth):
    both = forecast.merge(truth, on=["unique_id", "ds"])
    assert len(both) == len(forecast)
    return float((both["RNNForecaster"] / both["y"] - 1).abs().mean())


def test_it_learns_a_season_and_a_trend():
    df = waves()
    forecast = quick(season_length=5, max_steps=300).fit(df[df["ds"] < 56]).predict()
    assert error(forecast, df[df["ds"] >= 56]) < 0.02


def test_same_seed_same_bits_for_any_number_of_threads():
    df = waves()
    one, two = (quick(n_networks=3, n_jobs=n_jobs).fit(df).predict() for n_jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert not one["RNNForecaster"].equals(
        quick(n_networks=3, random_state=1).fit(df).predict()["RNNForecaster"]
    )


def test_new_series_and_newer_history():
    df = waves(5)
    forecaster = quick(season_length=5, max_steps=300).fit(
        df[df["unique_id"] != "s4"].query("ds < 50")
    )
    other = df[df["unique_id"] == "s4"]
    forecast = forecaster.predict(other[other["ds"] < 56])
    assert list(forecast["ds"]) == [56, 57, 58, 59] and set(forecast["unique_id"]) == {"s4"}
    assert error(forecast, other) < 0.05
    own = forecaster.predict()
    pd.testing.assert_frame_equal(
        own, forecaster.predict(df[df["unique_id"] != "s4"].query("ds < 50"))
    )


def test_one_series_in_three_forms():
    y = load_airline()[:-4]
    series = quick(season_length=12).fit(y).predict()
    wide = quick(season_length=12).fit(y.to_frame("a")).predict()
    long = (
        quick(season_length=12)
        .fit(pd.DataFrame({"unique_id": "a", "ds": y.index, "y": y.to_numpy()}))
        .predict()
    )
    assert list(series.index) == list(load_airline().index[-4:])
    np.testing.assert_array_equal(series, wide["a"])
    np.testing.assert_array_equal(series, long["RNNForecaster"])


def test_series_of_any_length_shorter_than_the_window_too():
    df = waves(3)
    df = pd.concat([df, df.query("unique_id == 's0' and ds >= 57").assign(unique_id="tiny")])
    forecast = quick(season_length=5, window=20).fit(df).predict()
    assert forecast["RNNForecaster"].notna().all() and len(forecast) == 16
    tiny = forecast.query("unique_id == 'tiny'")["RNNForecaster"]
    assert (tiny / df.query("unique_id == 'tiny'")["y"].mean()).between(0.5, 2).all()


@pytest.mark.parametrize("level", [-5.0, 0.0])
def test_zeros_and_negative_values(level):
    df = waves(2)
    df["y"] -= df["y"].min() - level
    forecast = quick(season_length=5).fit(df).predict()["RNNForecaster"]
    assert np.isfinite(forecast).all()


def test_estimator_form():
    forecaster = quick(season_length=5)
    with pytest.raises(NotFittedError):
        forecaster.predict()
    assert clone(forecaster).get_params() == forecaster.get_params()
    forecaster.fit(waves())
    again = pickle.loads(pickle.dumps(forecaster))
    pd.testing.assert_frame_equal(again.predict(), forecaster.predict(), check_exact=True)
    assert (
        len(forecaster.loss_curves_) == 2
        and forecaster.loss_curves_[0][-1] < forecaster.loss_curves_[0][0]
    )
    assert forecaster.freq_ == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"h": 0}, r"h of RNNForecaster must be an int in \[1, inf\); got 0"),
        (
            {"cell": "elman"},
            "cell of RNNForecaster must be one of 'rnn', 'gru', 'lstm', 'mgu', 'auto'; got 'elman'",
        ),
        ({"window": 10, "segment": 3}, "window must be a multiple of segment"),
        ({"log": True}, "log=True needs values that are not negative; series 's1' has -1"),
    ],
)
def test_bad_parameters(options, sentence):
    df = waves(2)
    df.loc[df.index[70], "y"] = -1
    with pytest.raises(ValueError, match=sentence):
        quick(**options).fit(df)


def test_log_of_newer_history_is_checked_too():
    df = waves(2)
    forecaster = quick(log=True).fit(df)
    with pytest.raises(
        ValueError, match="log=True needs values that are not negative; series 's1' has -1"
    ):
        forecaster.predict(df.assign(y=df["y"].where(df.index != 70, -1.0)))


def test_silent_unless_asked(capfd):
    quick().fit(waves()).predict()
    assert capfd.readouterr() == ("", "")
    quick(verbose=1).fit(waves())
    out, err = capfd.readouterr()
    # in a log: a line for every ten per cent
    shares = re.findall(r"training +(\d+)%(?:, \d+ s left: .*)?\n", err)
    assert out == "" and shares[-1] == "100" and len(shares) == err.count("\n") <= 11
    assert len({int(share) // 10 for share in shares}) == len(shares) > 1


def test_progress_tells_network_epoch_and_time_left(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    told = {"window": 8, "level_window": 1, "log": True, "scale": True, "deseasonalize": False}
    quick(verbose=1, **told).fit(waves())
    shown = capsys.readouterr().err.replace("\033[K", "").split("\r")[1:]
    found = [
        re.fullmatch(
            r"training +(\d+)%, \d+ s left: (plan|network) (\d) of (\d), epoch (\d) of 2", one
        )
        for one in shown
    ]
    assert [bool(one) for one in found] == [True] * 6 + [False] and shown[-1] == "training 100%\n"
    assert [int(one[1]) for one in found[:6]] == sorted(int(one[1]) for one in found[:6])
    assert sorted(one.group(2, 3, 4, 5) for one in found[:6]) == [
        *(("network", number, "2", epoch) for number in "12" for epoch in "12"),
        *(("plan", "1", "1", epoch) for epoch in "12"),
    ]


def seasonal(adjustment, series, period):
    return adjustment.without([partial(seasonal_index, period=period)], series)


def test_adjustment_goes_back_to_where_it_came_from():
    rng = np.random.default_rng(0)
    series = Ragged.of(
        [rng.uniform(1, 5, size=24), rng.uniform(0, 5, size=30).round(), rng.normal(size=13)]
    )
    adjustment = seasonal(Adjustment.of(series, 6, Units("auto")), series, 6)
    assert adjustment.logs.tolist() == [True, True, False]
    for i, (y, z) in enumerate(zip(series, adjustment.forward(series))):
        ahead = np.tile(z[-6:], (3, 1))  # a whole season ahead has the phases of the last one
        np.testing.assert_allclose(adjustment.inverse(ahead)[i], y[-6:], atol=1e-12)


def test_seasonal_index_is_without_the_trend_and_without_noise():
    z = np.tile([1.0, -2, 3, 0], 6) + np.arange(24) / 4
    np.testing.assert_allclose(seasonal_index(Ragged.of([z]), 4), [[0.5, -2.5, 2.5, -0.5]])
    np.testing.assert_allclose(
        seasonal_index(Ragged.of([np.tile([1.0, -2, 1], 4)]), 3), [[1, -2, 1]], atol=1e-12
    )
    assert not seasonal_index(Ragged.of([z[:8]]), 4).any()
    noise = np.random.default_rng(0).normal(size=(50, 48))
    index, full = seasonal_index(Ragged.of(list(noise)), 12), noise.reshape(50, 4, 12).mean(axis=1)
    assert np.abs(index).mean() < 0.4 * np.abs(full).mean()


def test_events_that_a_panel_shares_are_told_by_one_season():
    rng = np.random.default_rng(0)
    clock = rng.integers(60, 1000, size=40)  # series end at different times
    ages = [np.arange(clock[i] - n, clock[i]) for i, n in enumerate(rng.integers(52, 90, size=40))]
    trends = [rng.normal() + 0.01 * age + 0.1 * rng.normal(size=len(age)) for age in ages]
    panel = Ragged.of([z - 0.8 * (age % 52 == 47) for z, age in zip(trends, ages)])
    events = events_of(panel, clock, 52)
    assert np.flatnonzero(np.abs(events) > 0.1).tolist() == [47]
    assert -0.85 < events[47] < -0.7
    index = index_of_events(events, panel, clock)
    for one, end in zip(index, clock):
        assert np.roll(one, end)[47] < -0.6  # the first phase of a series is that after its end
    without = Ragged.of(trends)
    assert np.abs(events_of(without, clock, 52)).max() < 0.1
    assert np.abs(index_of_events(events, without, clock)).mean() < 0.25 * np.abs(index).mean()


def test_local_levels_do_not_reach_into_other_series():
    z = Ragged.of([np.array([1.0, 5, 2, 3]), np.array([9.0]), np.array([7.0, 8.0])])
    np.testing.assert_array_equal(local_levels(z, 1), [3, 2, 3, 2.5, 9, 7.5, 7.5])


def test_theta_goes_on_with_half_the_trend():
    z = [np.arange(9.0), np.full(4, 2.0), np.array([5.0]), np.array([0, 0, 4.0, 4, 4, 4])]
    ahead = theta_method(Ragged.of(z), 3)
    np.testing.assert_allclose(np.diff(ahead[0]), 0.5)
    np.testing.assert_allclose(ahead[1:3], [[2] * 3, [5] * 3])
    assert 3.5 < ahead[3, 0] < 6  # a series that jumped stays where it went
    # alone as in a panel
    np.testing.assert_allclose(theta_method(Ragged.of(z[3:]), 3)[0], ahead[3])


def test_a_damped_trend_is_that_of_a_loop_over_settings():
    rng = np.random.default_rng(0)
    series = [rng.normal(size=n).cumsum() for n in (1, 2, 9, 30)]
    ahead = damped_holt(Ragged.of(series), 4)
    for y, found in zip(series, ahead):
        tried = []
        for a, b, d in DAMPED:
            level, trend, squares = y[0], 0.0, 0.0
            for value in y[1:]:
                error = value - level - d * trend
                level, trend = level + d * trend + a * error, d * trend + a * b * error
                squares += error**2
            tried.append(
                (squares, [level + trend * sum(d**k for k in range(1, j + 1)) for j in range(1, 5)])
            )
        np.testing.assert_allclose(found, min(tried, key=lambda one: one[0])[1])


def test_the_seasonal_naive_forecast_is_the_last_season():
    series = Ragged.of([np.arange(9.0), np.array([7.0, 8.0])])
    adjusted = Adjusted(Histories(series), setting_of(read_parameters(quick(h=6, season_length=4))))
    ahead = seasonal_naive(adjusted)
    np.testing.assert_array_equal(ahead, [[5, 6, 7, 8, 5, 6], [7, 8, 7, 8, 7, 8]])


def test_simple_methods_get_the_share_that_held_out_windows_bear():
    truth = np.full((2, 3), 10.0)
    weights = np.full(2, 0.5)

    def window(**forecasts):
        simple = dict.fromkeys(SIMPLE, np.full((2, 3), 90.0))
        simple |= {name: np.full((2, 3), value) for name, value in forecasts.items()}
        return Window(truth, (np.full((2, 3), 9.0),) * 2, simple, weights)

    assert shares_for([window()]) == {}
    assert shares_for([window(theta=11.0)]) == {"theta": 0.5}
    assert shares_for([window(theta=10.0)]) == {"theta": 1.0}
    assert shares_for([window(theta=11.0), window(theta=2.0)]) == {}
    assert shares_for([window(damped_trend=9.0)]) == {
        "damped_trend": 0.5
    }  # as good: a mean is safer


@pytest.mark.parametrize("log", ["auto", False])
def test_scale_takes_series_in_units_of_their_naive_error(log):
    rng = np.random.default_rng(0)
    walks = [
        size * np.exp(rng.normal(size=(40, 1)).cumsum(axis=0)[:, 0] / 9) for size in (1, 1e3, 1e6)
    ]
    series = Ragged.of(walks)
    ahead = np.exp(rng.normal(size=(3, 5))) * [[1], [1e3], [1e6]]
    z = Adjustment.of(series, 4, Units(log, scale=True)).forward(series)
    adjustment = seasonal(Adjustment.of(series, 4, Units(log, scale=True)), series, 4)
    np.testing.assert_allclose([np.abs(one[4:] - one[:-4]).mean() for one in z], 1)
    np.testing.assert_allclose(adjustment.inverse(adjustment.plain(ahead)), ahead)
    plain = Adjustment.of(series, 4, Units(log=False, scale=False))
    less = series.values - series.repeat(series.means())
    np.testing.assert_array_equal(plain.forward(series).values, less)


def test_differences_are_summed_again():
    setting = setting_of(read_parameters(quick(difference=True, log=False, scale=False)))
    series = Ragged.of([np.array([1.0, 3.0, 2.0]), np.array([5.0, 5.0])])
    adjusted = Adjusted(Histories(series), setting)
    plan = Plan(window=4, segment=1, level=1)
    ahead = np.array([[2.0, 4.0], [6.0, 3.0]])
    steps = np.diff(ahead, prepend=[[2.0], [5.0]])
    np.testing.assert_array_equal(differences(series).values, [0, 2, -1, 0, 0])
    np.testing.assert_array_equal(adjusted.forecasts(plan, steps[None])[0], ahead)


def test_it_learns_from_differences():
    df = waves()
    forecaster = quick(season_length=5, max_steps=300, difference=True, scale=True).fit(
        df[df["ds"] < 56]
    )
    assert error(forecaster.predict(), df[df["ds"] >= 56]) < 0.03
    with pytest.raises(
        ValueError, match="quantiles of RNNForecaster must be None unless difference=False; got"
    ):
        forecaster.set_params(quantiles=[0.1, 0.9]).fit(df)


def test_windows_stay_within_their_series():
    series = [np.arange(100, 110.0), np.arange(200, 225.0), np.arange(300, 303.0)]
    windows = Windows.at_ends(Histories(Ragged.of(series)), Plan(6, 2, 1), h=4).for_training(400)
    rows = np.concatenate(list(windows.epoch(np.random.default_rng(0), 100, True)))
    batch, level = windows.batch(rows, Workspace(np.float32)), windows.levels(rows)
    inputs = batch.x.transpose(1, 0, 2).reshape(len(rows), 6) + level[:, None]
    targets, known = batch.targets + level[:, None], batch.weights > 0
    np.testing.assert_array_equal(batch.context + level[:, None], inputs)
    for x, y, seen in zip(inputs, targets, known):
        hundred = x[-1] // 100
        assert (y[seen] // 100 == hundred).all() and seen[0]
        real = x[x != series[int(hundred) - 1][:1].mean()]  # the rest is padding
        np.testing.assert_array_equal(np.diff([*real, *y[seen]]), 1)
    counts = np.bincount((targets[:, 0] // 100).astype(int))[1:]
    assert counts.min() > 90  # every series about equally often


def test_newer_history_may_be_too_short_to_tell_its_frequency():
    y = load_airline()
    newer = pd.Series(y.to_numpy()[-2:], pd.DatetimeIndex(y.index[-2:].to_numpy()))
    assert quick(h=2).fit(y).predict(newer).index[0] == pd.Timestamp("1961-01-01")


def test_steps_are_counted_exactly():
    df = waves()
    forecasts = [
        quick(max_steps=n).fit(df).predict()["RNNForecaster"].tolist() for n in (1, 19, 20, 21, 40)
    ]
    assert len({tuple(forecast) for forecast in forecasts}) == 5


def test_interrupt_keeps_the_weights_so_far(monkeypatch):
    train, calls = module.train, []

    def interrupted(*args, watch):
        calls.append(1)
        after_the_trial = len(calls) == 2

        def watched(epoch):
            if after_the_trial and epoch == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return watch.on_epoch(epoch)

        return train(*args, watch=watch._replace(on_epoch=watched))

    monkeypatch.setattr(module, "train", interrupted)
    with pytest.warns(
        InterruptedFitWarning, match="of 20000; the weights so far of . of 4 networks are kept"
    ):
        forecaster = quick(n_networks=4, max_steps=20000, window=8, n_jobs=2, effort="fast").fit(
            waves()
        )
    assert 1 <= len(forecaster.loss_curves_) <= 3 and max(map(len, forecaster.loss_curves_)) < 900
    assert np.isfinite(forecaster.predict()["RNNForecaster"]).all()


def test_a_refused_fit_leaves_the_last_one():
    df = waves()
    forecaster = quick().fit(df)
    before = forecaster.predict()
    with pytest.raises(ValueError, match="window=7, segment=2"):
        forecaster.set_params(window=7, segment=2).fit(df.query("unique_id == 's0'"))
    pd.testing.assert_frame_equal(forecaster.predict(), before)


def test_the_trial_keeps_what_forecasts_the_held_out_values_best():
    assert best([5, 1.05, 1, 1.2, 1.01, 1.09]) == [2, 4, 1]
    history, truth = hold_out(
        Histories(Ragged.of([np.arange(10.0), np.arange(4.0), np.arange(5.0)])), 2
    )
    assert [len(y) for y in history.series] == [8, 3] and truth.tolist() == [[8, 9], [3, 4]]
    assert (
        trial_error(np.ones((2, 3)), np.array([[1, 1, 1], [3, 3, 3.0]]), np.array([0.0, 2])) == 1.0
    )


def test_a_trial_finds_the_plan_that_can_see_the_season():
    df = waves(6, 80)
    plans = (
        quick(max_steps=150, season_length=5, deseasonalize=False, level_window=1).fit(df).plans_
    )
    assert plans[0].window >= 10 and len({plan.window for plan in plans}) == len(plans) <= 4


def test_importance_is_half_equal_and_half_by_the_naive_error():
    t = np.arange(40.0)
    weights = series_weights(Ragged.of([np.sin(t), 2 * np.sin(t), 0 * t]), 1)
    assert weights.mean() == pytest.approx(1) and weights[2] > weights[0] > weights[1]
    np.testing.assert_allclose(
        (weights - weights.sum() / 6)[[0, 1]] @ [1, -1], (weights[0] - weights[1])
    )
    np.testing.assert_array_equal(series_weights(Ragged.of([0 * t, 0 * t]), 1), 1)


def test_steps_grow_with_the_root_of_the_number_of_values():
    assert [steps_for(np.array([n])) for n in (100, 20_000, 80_000, 10**7)] == [
        300,
        700,
        1400,
        3000,
    ]


def test_interrupt_in_the_trial_keeps_its_networks(monkeypatch):
    train, calls = module.train, []

    def interrupted(*args, watch):
        calls.append(1)

        def watched(epoch):
            if len(calls) == 2 and epoch == 0:
                os.kill(os.getpid(), signal.SIGINT)
            return watch.on_epoch(epoch)

        return train(*args, watch=watch._replace(on_epoch=watched))

    monkeypatch.setattr(module, "train", interrupted)
    with pytest.warns(InterruptedFitWarning, match="networks are kept"):
        forecaster = quick(max_steps=5000, season_length=5, n_jobs=1).fit(waves())
    assert len(forecaster.loss_curves_) == len(forecaster.plans_) <= 3
    assert np.isfinite(forecaster.predict()["RNNForecaster"]).all()


@pytest.mark.parametrize("level", [1e3, 1e6, 1e9, -1e6])
def test_a_level_far_above_the_movement_is_as_good_as_none(level):
    """Ten up and ten down a season, around any level."""
    t = np.arange(60)
    rng = np.random.default_rng(0)
    waves = 10 * np.sin(2 * np.pi * (t + rng.integers(5, size=(8, 1))) / 5)
    waves = waves + rng.normal(size=waves.shape)
    labels = np.repeat(list("abcdefgh"), len(t))
    options = {"h": 5, "season_length": 5, "n_networks": 2, "max_steps": 200, "random_state": 0}

    def error(shift):
        df = pd.DataFrame({"unique_id": labels, "ds": np.tile(t, 8), "y": (shift + waves).ravel()})
        forecast = RNNForecaster(**options).fit(df[df["ds"] < 55]).predict()
        return np.abs(forecast["RNNForecaster"] - df.loc[df["ds"] >= 55, "y"].to_numpy()).mean()

    assert error(level) < 1.2 * error(50.0) + 0.2
