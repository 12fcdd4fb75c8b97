"""Networks that forecast quantiles: the loss of several at once, and the intervals they give."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import mean_pinball_loss

from tsrnn import RNNForecaster
from tsrnn.backends import cpu
from tsrnn.data.sequences import Sequences
from tsrnn.forecasting import intervals
from tsrnn.forecasting.adjusted import Adjusted
from tsrnn.forecasting.intervals import bands, residuals
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.quantiles import USUAL, at, blend, median
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient
from tsrnn.rules.losses import LOSSES

QUANTILES = (0.5, 0.1, 0.9)
QUICK = {
    "h": 4,
    "season_length": 5,
    "n_networks": 2,
    "max_steps": 100,
    "hidden_size": 8,
    "window": 10,
    "level_window": 5,
}
QUICK |= {"deseasonalize": False, "shares": {}, "random_state": 0}


def quick(**options):
    return RNNForecaster(**QUICK | {"quantiles": [0.1, 0.9]} | options)


def uneven(n=200, length=44, seed=0):
    """Waves with little noise in one part of the season and ten times as much in the other, which a network can see."""
    rng, t = np.random.default_rng(seed), np.arange(length)
    size = np.where(t % 5 < 2, 0.03, 0.3)
    y = 10 * np.exp(0.4 * np.sin(2 * np.pi * t / 5) + size * rng.normal(size=(n, length)))
    labels = np.repeat([f"s{i:03}" for i in range(n)], length)
    return pd.DataFrame({"unique_id": labels, "ds": np.tile(t, n), "y": y.ravel()})


def past(df, n=4):
    return df[df["ds"] <= df["ds"].max() - n]


def ends(frame, level=80):
    return (frame[f"RNNForecaster-{end}-{level}"].to_numpy() for end in ("lo", "hi"))


# The loss


def example():
    """Outputs for each quantile of two targets, three of six steps long, some weights zero."""
    rng, lengths = np.random.default_rng(0), np.array([6, 2, 9])
    values = rng.normal(size=lengths.sum() * 2)
    weights = np.array([[1.0, 2.0], [0.0, 1.5], [1.0, 1.0]])
    return Sequences(values, 2, np.array([0, 12, 16]), lengths, rng.normal(size=(3, 2)), weights)


def test_the_loss_is_the_sum_of_the_quantiles_pinball_losses():
    rng = np.random.default_rng(1)
    outputs, targets, weights = (
        rng.normal(size=(9, 8)),
        rng.normal(size=(9, 2)),
        rng.uniform(size=(9, 2)),
    )
    weights[3, 1], targets[3, 1] = 0, np.nan
    slopes = np.full_like(outputs, np.nan)
    value = cpu.loss(LOSSES["pinball"], outputs, targets, weights, QUANTILES, weights.sum(), slopes)
    known = weights > 0
    expected = sum(
        mean_pinball_loss(
            targets[known],
            outputs[:, 2 * k : 2 * k + 2][known],
            alpha=q,
            sample_weight=weights[known],
        )
        for k, q in enumerate(QUANTILES)
    )
    assert value == pytest.approx(expected, rel=1e-12)
    # padding; what is not known
    assert (slopes[:, 6:] == 0).all() and (slopes[3, 1:6:2] == 0).all()
    at = (np.arange(9)[:, None], np.arange(6))
    for row, column in zip(*(part.ravel() for part in np.broadcast_arrays(*at))):
        moved = []
        for step in (1e-7, -1e-7):
            other = outputs.copy()
            other[row, column] += step
            arguments = targets, weights, QUANTILES, weights.sum(), np.empty_like(outputs)
            moved.append(cpu.loss(LOSSES["pinball"], other, *arguments))
        assert (moved[0] - moved[1]) / 2e-7 == pytest.approx(slopes[row, column], abs=1e-8)


def test_the_gradient_of_several_quantiles_is_the_slope():
    rng, rows = np.random.default_rng(2), example()
    network = Network("gru", 2, 4, 2 * len(QUANTILES), dtype=np.float64)
    theta, order = network.initial(rng), np.argsort(-rows.lengths)

    def value_and_gradient(theta):
        value, grads = gradient(
            network,
            theta,
            rows,
            order,
            Objective(LOSSES["pinball"], QUANTILES, rows.weights.sum()),
            GradientOptions(WorkspacePool(np.float64)),
        )
        return value, grads.sum(axis=0)

    _, grad = value_and_gradient(theta)
    for _ in range(5):
        direction = network.from_weights(
            {name: rng.normal(size=part.shape) for name, part in network.to_weights(theta).items()}
        )
        above, below = (value_and_gradient(theta + step * direction)[0] for step in (1e-6, -1e-6))
        assert (above - below) / 2e-6 == pytest.approx(grad @ direction, rel=1e-6)


# Blocks of forecasts


def test_quantiles_do_not_cross():
    blocks = np.random.default_rng(0).normal(size=(3, 5, 6, 4))  # of three networks, five blocks
    found = median(blocks)
    assert (np.diff(found[1:], axis=0) >= 0).all()
    np.testing.assert_array_equal(found[0], np.median(blocks[:, 0], axis=0))
    np.testing.assert_array_equal(found[1:], np.sort(np.median(blocks[:, 1:], axis=0), axis=0))


def test_quantiles_keep_their_distance_from_a_mixed_forecast():
    blocks, other = np.random.default_rng(0).normal(size=(3, 6, 4)), np.ones((6, 4))
    mixed = blend(blocks, other)
    np.testing.assert_array_equal(mixed[0], other)
    np.testing.assert_allclose(mixed[1:] - mixed[0], blocks[1:] - blocks[0])


def test_quantiles_between_and_beyond_are_those_of_a_normal_distribution():
    blocks = 3 + 2 * norm.ppf([0.5, *USUAL])
    for q in (0.001, 0.025, 0.05, 0.1, 0.25, 0.45, 0.5, 0.55, 0.7, 0.9, 0.95, 0.99):
        weights = at(q, USUAL)
        assert weights.sum() == pytest.approx(1)
        assert weights @ blocks == pytest.approx(3 + 2 * norm.ppf(q))
    np.testing.assert_array_equal(at(0.1, USUAL), np.eye(11)[2])
    np.testing.assert_array_equal(at(0.9, ()), [1])


def test_ends_move_half_as_far_as_errors_would_move_them(monkeypatch):
    rng = np.random.default_rng(0)
    series = Ragged.of(list(10 + rng.normal(size=(200, 30))))
    forecasts = 10 + np.array([0, -1, 1])[:, None, None] * np.ones((3, 200, 3))
    setting = SimpleNamespace(season_length=1, log=False, typical=None, quantiles=(0.1, 0.9))
    adjusted = Adjusted(Histories(series), setting)
    truth = 10 + 2 * rng.normal(size=(200, 3))
    errors = residuals(adjusted, truth, forecasts)._replace(plain=None)
    found = {}
    for trust in (0.0, 0.5, 1.0):
        monkeypatch.setattr(intervals, "TRUST", trust)
        found[trust] = bands(errors, adjusted, forecasts, [80])
    for end in ("lo-80", "hi-80"):
        far, none = found[1.0][end], found[0.0][end]
        np.testing.assert_allclose(found[0.5][end], (far + none) / 2)
        assert np.abs(far - none).min() > 0.5


def test_so_many_held_out_values_are_within(monkeypatch):
    """Ends moved all the way hold the share they name of the very values they were moved by, whatever they were."""
    monkeypatch.setattr(intervals, "TRUST", 1.0)
    rng = np.random.default_rng(0)
    series = Ragged.of(list(10 + rng.normal(size=(399, 30))))
    truth, forecasts = 10 + rng.normal(size=(399, 3)), 10 + rng.normal(size=(5, 399, 3))
    forecasts = np.sort(forecasts, axis=0)[[2, 0, 1, 3, 4]]  # the point forecast is the middle one
    setting = SimpleNamespace(
        season_length=1, log=False, typical=None, quantiles=(0.025, 0.1, 0.9, 0.975)
    )
    adjusted = Adjusted(Histories(series), setting)
    errors = residuals(adjusted, truth, forecasts)._replace(plain=None)
    found = bands(errors, adjusted, forecasts, [80, 95])
    for level, most in ((80, 320), (95, 380)):
        within = (found[f"lo-{level}"] <= truth + 1e-9) & (truth - 1e-9 <= found[f"hi-{level}"])
        # but for ends that are further away than errors have been
        assert (within.sum(axis=0) >= most - 3).all()
        assert (within.sum(axis=0) <= most + 2).all()


# The forecaster


@pytest.fixture(scope="module")
def fitted():
    return quick(quantiles=[0.9, 0.5, 0.025, 0.1, 0.975], max_steps=300).fit(past(uneven()))


@pytest.fixture(scope="module")
def plain():
    return quick(quantiles=None, max_steps=300).fit(past(uneven()))


def within(forecast, level):
    low, high = ends(forecast, level)
    truth = uneven().query("ds >= 40")["y"].to_numpy()
    return (truth >= low) & (truth <= high)


def test_intervals_cover_what_they_say_and_do_not_cross(fitted):
    forecast = fitted.predict(level=[80, 95])
    assert fitted.quantiles_ == (0.025, 0.1, 0.9, 0.975)
    names = [f"RNNForecaster{end}" for end in ("", "-lo-95", "-lo-80", "-hi-80", "-hi-95")]
    assert list(forecast.columns) == ["unique_id", "ds", *names]
    assert (np.diff(forecast[names[1:]], axis=1) >= 0).all()
    # two standard errors of 800 values, and of as many errors
    for level, most in ((80, 0.04), (95, 0.022)):
        assert abs(within(forecast, level).mean() - level / 100) < most


def test_intervals_are_wide_where_the_noise_is(fitted, plain):
    """Errors in units of a series do not know that it is restless at some times: at others too many are within."""
    gaps, widths = [], []
    for forecaster in (fitted, plain):
        forecast = forecaster.predict(level=80)
        wild, (low, high) = (forecast["ds"] % 5 >= 2).to_numpy(), ends(forecast)
        gaps.append(within(forecast, 80)[~wild].mean() - within(forecast, 80)[wild].mean())
        widths.append(np.log(high / low)[wild].mean() / np.log(high / low)[~wild].mean())
    assert abs(gaps[0]) < gaps[1] / 2
    assert widths[0] > 3 > 1.5 > widths[1]


def test_the_forecast_is_as_good_as_without(fitted, plain):
    truth = uneven().query("ds >= 40")["y"].to_numpy()
    errors = [
        np.abs(np.log(model.predict()["RNNForecaster"] / truth)).mean() for model in (fitted, plain)
    ]
    assert errors[0] < 1.05 * errors[1]


def test_a_horizon_beyond_the_trained_one(fitted):
    far = fitted.predict(h=9)
    pd.testing.assert_frame_equal(
        far.groupby("unique_id").head(4).reset_index(drop=True), fitted.predict()
    )
    near = fitted.predict(h=2, level=80)
    pd.testing.assert_frame_equal(
        near, fitted.predict(level=80).groupby("unique_id").head(2).reset_index(drop=True)
    )


def test_paths_need_no_level_of_the_quantiles(fitted):
    assert fitted.simulate(3, random_state=0).shape == (800, 5)


def test_the_past(fitted):
    df = uneven(60)
    out = quick().cross_validation(df, n_windows=2, level=80)
    low, high = ends(out)
    assert len(out) == 480 and abs(((out["y"] >= low) & (out["y"] <= high)).mean() - 0.8) < 0.08


def test_a_saved_forecaster_has_its_quantiles(fitted, tmp_path):
    fitted.save(tmp_path / "forecaster")
    again = RNNForecaster.load(tmp_path / "forecaster")
    assert again.quantiles_ == fitted.quantiles_ and again.get_params() == fitted.get_params()
    pd.testing.assert_frame_equal(again.predict(level=[80, 95]), fitted.predict(level=[80, 95]))


def test_missing_values():
    df = uneven(30)
    holes = df.assign(y=df["y"].where(np.random.default_rng(1).uniform(size=len(df)) > 0.2))
    forecast = quick().fit(holes).predict(level=80)
    assert np.isfinite(forecast.iloc[:, 2:]).all(axis=None)
    low, high = ends(forecast)
    assert (low < high).all()


@pytest.mark.parametrize("scale", [2.0**-30, 2.0**30])
def test_intervals_grow_with_the_series(scale):
    df = uneven(20)
    one, other = (
        quick(log=False).fit(part).predict(level=80) for part in (df, df.assign(y=scale * df["y"]))
    )
    np.testing.assert_allclose(other.iloc[:, 2:], scale * one.iloc[:, 2:], rtol=1e-6)


def test_training_goes_on_with_the_same_quantiles():
    df = uneven(10)
    forecaster = quick(max_steps=20, warm_start=True).fit(df)
    before = forecaster.predict(level=80)
    assert not forecaster.fit(df).predict(level=80).equals(before)
    with pytest.raises(
        ValueError, match=r"quantiles must stay those of the last fit, .*, \(0\.1, 0\.9\)\)"
    ):
        forecaster.set_params(quantiles=[0.2, 0.8]).fit(df)
    pd.testing.assert_index_equal(forecaster.predict(level=80).columns, before.columns)


@pytest.mark.parametrize(
    ("quantiles", "message"),
    [
        ([0.1, 1.0], r"quantiles must be numbers between 0 and 1; got 1\.0"),
        ([0.1, "0.9"], r"quantiles must be numbers between 0 and 1; got '0\.9'"),
        ([0.1, 0.8], r"quantiles must hold 1 - q with every q; got 0\.1 without 0\.9"),
        (
            [0.5],
            r"quantiles must hold a pair besides 0\.5, the median that is always forecast; got \[0\.5\]",
        ),
        (
            [],
            r"quantiles must hold a pair besides 0\.5, the median that is always forecast; got \[\]",
        ),
        (
            0.1,
            r"quantiles of RNNForecaster must be a list of numbers between 0 and 1 or None or 'auto'; got 0\.1",
        ),
    ],
)
def test_quantiles_that_cannot_be(quantiles, message):
    with pytest.raises(ValueError, match=message):
        quick(quantiles=quantiles).fit(uneven(3))


# Quantiles that are asked for


def test_quantiles_are_the_ends_of_intervals(fitted):
    asked = [0.9, 0.1, 0.5, 0.25]
    found = fitted.predict(level=[80, 50], quantiles=asked)
    levels = ["lo-80", "lo-50", "hi-50", "hi-80"]
    names = [*levels, "q-90", "q-10", "q-50", "q-25"]
    assert list(found.columns[2:]) == ["RNNForecaster", *(f"RNNForecaster-{end}" for end in names)]
    pairs = {"q-90": "-hi-80", "q-10": "-lo-80", "q-50": "", "q-25": "-lo-50"}
    for q, end in pairs.items():
        np.testing.assert_array_equal(found[f"RNNForecaster-{q}"], found[f"RNNForecaster{end}"])
    alone = fitted.predict(quantiles=0.1)
    assert list(alone.columns[2:]) == ["RNNForecaster", "RNNForecaster-q-10"]
    np.testing.assert_array_equal(alone["RNNForecaster-q-10"], found["RNNForecaster-q-10"])
    assert list(fitted.predict(quantiles=[0.5]).columns[3:]) == ["RNNForecaster-q-50"]


def test_quantiles_of_the_past():
    out = quick().cross_validation(uneven(20), quantiles=[0.1, 0.9])
    assert (out["RNNForecaster-q-10"] <= out["RNNForecaster-q-90"]).all()


@pytest.mark.parametrize(
    ("quantiles", "sentence"),
    [
        (10, "quantiles must be numbers between 0 and 1; got 10: 0.1 is that of 10 percent"),
        ([0.1, 1.0], "quantiles must be numbers between 0 and 1; got 1.0"),
        (["0.1"], "quantiles must be numbers between 0 and 1; got '0.1'"),
        ([], "got an empty list"),
        ([0.1, 0.1], "quantiles must differ"),
    ],
)
def test_wrong_quantiles_are_named(fitted, quantiles, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        fitted.predict(quantiles=quantiles)


def test_by_default_networks_forecast_deciles():
    model = RNNForecaster(h=2, max_steps=200, n_networks=2, random_state=0)
    df = past(uneven(40))
    assert model.fit(df).quantiles_ == USUAL
    sums = RNNForecaster(h=2, max_steps=20, n_networks=1, random_state=0, difference=True)
    assert sums.fit(df).quantiles_ == ()
    # a level between those that are known, and one beyond
    found = model.predict(level=[50, 99])
    assert (found["RNNForecaster-hi-99"] > found["RNNForecaster-hi-50"]).all()
