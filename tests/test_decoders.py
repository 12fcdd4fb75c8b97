"""The ways to a horizon: all at once, from own forecasts, by an encoder and a decoder."""

import pickle

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.forecasting.decoders import DECODERS, DecodedWindows
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.plan import Plan
from tsrnn.networks.workspace import Workspace

QUICK = {
    "h": 7,
    "season_length": 5,
    "window": 15,
    "level_window": 5,
    "deseasonalize": False,
    "shares": {},
}
QUICK |= {"n_networks": 2, "max_steps": 30, "hidden_size": 8, "random_state": 0}
STEPWISE = "recursive", "encoder-decoder"  # a horizon of 7 in segments of 5: one and a half


def quick(decoder, **options):
    # others than the direct one forecast no quantiles
    return RNNForecaster(**QUICK | {"decoder": decoder, "quantiles": None} | options)


def waves(n=4, length=60):
    """Without noise: a season of five times a trend."""
    t, size = np.arange(length), np.arange(1, n + 1)[:, None]
    y = 10 * size * np.exp(0.3 * np.sin(2 * np.pi * t / 5) + 0.01 * t)
    names = np.repeat([f"s{i}" for i in range(n)], length)
    return pd.DataFrame({"unique_id": names, "ds": np.tile(t, n), "y": y.ravel()})


def shops(n=12, length=67):
    """A promotion on some days lifts the sales of half the shops and lowers those of the others."""
    rng, t = np.random.default_rng(0), np.arange(length)
    promo, lifted = (rng.uniform(size=(n, length)) < 0.3).astype(float), np.arange(n)[:, None] % 2
    y = np.exp(3 + 0.3 * np.sin(2 * np.pi * t / 5) + np.where(lifted, 0.5, -0.5) * promo)
    df = waves(n, length).assign(
        y=y.ravel(), promo=promo.ravel(), weather=rng.normal(size=promo.size)
    )
    return df.assign(kind=np.where(np.repeat(lifted, length), "lifted", "lowered"))


def cut(df, h=7):
    left = df.groupby("unique_id").cumcount(ascending=False)
    return df[left >= h].reset_index(drop=True), df[left < h].reset_index(drop=True)


def error(forecast, truth):
    both = forecast.merge(truth, on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == len(forecast)
    return float((both["RNNForecaster"] / both["y"] - 1).abs().mean())


BESIDE = {
    "past_covariates": ["weather"],
    "future_covariates": ["promo"],
    "static_covariates": ["kind"],
}


@pytest.fixture(scope="module", params=STEPWISE)
def fitted(request):
    return quick(request.param).fit(cut(waves())[0])


# What they forecast


@pytest.mark.parametrize("segment", [1, 3, 15])
@pytest.mark.parametrize("decoder", DECODERS)
def test_what_can_be_known_is_forecast_well(decoder, segment):
    past, future = cut(waves())
    forecaster = quick(decoder, segment=segment, max_steps=300, n_networks=1).fit(past)
    assert error(forecaster.predict(), future) < 0.01


def test_to_go_on_is_to_take_forecasts_for_values():
    past, future = cut(shops())
    past.loc[[20, 100, 300, 301], "y"] = np.nan
    options = BESIDE | {"log": True, "n_networks": 1, "effort": "fast"}
    near, far = (
        quick(name, h=h, **options).fit(past) for name, h in [("direct", 5), ("recursive", 7)]
    )
    near, far = near.predict(h=7, X_df=future), far.predict(X_df=future)
    pd.testing.assert_frame_equal(far, near, rtol=1e-5)


def test_a_segment_as_long_as_the_horizon_is_all_at_once():
    past, _ = cut(waves())
    one, other = (quick(decoder, h=4).fit(past).predict() for decoder in ("direct", "recursive"))
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize("decoder", STEPWISE)
def test_the_known_future_reaches_every_step(decoder):
    past, future = cut(shops())
    options = {"max_steps": 900, "hidden_size": 16, "n_networks": 1}
    knowing = quick(decoder, **options | BESIDE).fit(past)
    assert np.abs(knowing.effects_).max() < 0.1  # none that all shops share
    blind = error(quick(decoder, **options).fit(past).predict(), future)
    forecast = knowing.predict(X_df=future)
    for step, part in forecast.groupby("ds"):
        assert error(part, future[future["ds"] == step]) < 0.5 * blind


# Rows of an encoder and a decoder


def test_rows_are_what_they_say():
    rng, h = np.random.default_rng(0), 6
    series = [rng.normal(size=n).astype(np.float32) for n in (12, 20)]
    known, future = (
        [rng.uniform(size=n) > 0.3 for n in (12, 20)],
        [rng.normal(size=(n, 3)) for n in (12, 20)],
    )
    histories = Histories(Ragged.of(series), np.concatenate(known), None, Ragged.of(future))
    ends = DecodedWindows.at_ends(histories, Plan(4, 2, 1), h)
    rows, workspace = ends.for_training(8), Workspace(np.float32)
    chosen = np.array([3, 0, len(rows.stops) - 1, 7])
    batch, S, B = rows.batch(chosen, workspace), 3, len(chosen)
    assert (
        ends.batch(np.array([1, 0]), Workspace(np.float32)).forced.tolist() == [False] * 6
        and batch.forced.all()
    )
    assert batch.source.x.shape == (2, B, 2 + 2 + 6 + 6) and batch.target.x.shape == (S, B, 2 + 6)
    assert batch.order.tolist() == [0, 1, 2, 3] and batch.target.lengths.tolist() == [3] * 4
    for b, stop in enumerate(rows.stops[chosen]):
        i = int(stop >= rows.starts[1])
        y, at = series[i], stop - rows.starts[i]
        level = y[at - 1]
        for s in range(S):
            first, of_step = at + 2 * s, s * B + b
            here = np.arange(first, first + 2)
            there = here < len(y)
            np.testing.assert_array_equal(
                batch.weights[of_step] > 0, there & known[i][np.minimum(here, len(y) - 1)]
            )
            np.testing.assert_array_equal(batch.targets[of_step][there], y[here[there]] - level)
            before = here - 2
            np.testing.assert_array_equal(
                batch.target.x[s, b, :2][before < len(y)], y[before[before < len(y)]] - level
            )
            seen = batch.target.x[s, b, 2:].reshape(2, 3)
            np.testing.assert_array_equal(seen[there], future[i][here[there]].astype(np.float32))
            assert rows.places(chosen)[of_step] == chosen[b] * S + s
    assert rows.n_places == len(rows.stops) * S and not rows.weights_of(chosen).all()
    np.testing.assert_array_equal(rows.weights_of(chosen), batch.weights)


# Life of the forecaster


def test_any_horizon(fitted):
    near, usual, far = (
        fitted.predict(h=h).pivot(columns="unique_id", index="ds") for h in (3, None, 18)
    )
    assert [len(part) for part in (near, usual, far)] == [3, 7, 18]
    pd.testing.assert_frame_equal(usual[:3], near, check_exact=True)
    pd.testing.assert_frame_equal(far[:7], usual, check_exact=True)
    assert np.isfinite(far).all(axis=None)


def test_intervals_and_paths(fitted):
    forecast = fitted.predict(level=80)
    assert (forecast["RNNForecaster-lo-80"] < forecast["RNNForecaster"]).all()
    assert (forecast["RNNForecaster-hi-80"] > forecast["RNNForecaster"]).all()
    assert fitted.simulate(3, random_state=0).shape == (28, 5)


def test_a_file_and_a_pickle_forecast_the_same(fitted, tmp_path):
    pytest.importorskip("safetensors")
    fitted.save(tmp_path / "f")
    for again in (RNNForecaster.load(tmp_path / "f"), pickle.loads(pickle.dumps(fitted))):
        assert again.decoder == fitted.decoder
        pd.testing.assert_frame_equal(again.predict(h=9), fitted.predict(h=9), check_exact=True)
        assert len(again.set_params(warm_start=True).fit(cut(waves())[0]).loss_curves_) == 2


def test_same_bits_for_any_number_of_threads(fitted):
    again = quick(fitted.decoder, n_jobs=1).fit(cut(waves())[0])
    two = quick(fitted.decoder, n_jobs=2).fit(cut(waves())[0])
    for one in (again, two):
        pd.testing.assert_frame_equal(one.predict(), fitted.predict(), check_exact=True)


def test_backtest_and_newer_values(fitted):
    past, future = cut(waves())
    backtest = quick(fitted.decoder).cross_validation(waves())
    own = fitted.predict()
    np.testing.assert_array_equal(backtest["RNNForecaster"], own["RNNForecaster"])
    newer = pickle.loads(pickle.dumps(fitted)).update(future)
    pd.testing.assert_frame_equal(newer.predict(), fitted.predict(waves()), check_exact=True)
    assert len(quick(fitted.decoder).cross_validation(past, n_windows=2, step_size=3)) == 4 * 2 * 7


def test_missing_values(fitted):
    past, _ = cut(waves())
    holes = past.assign(y=past["y"].where(np.random.default_rng(0).uniform(size=len(past)) > 0.2))
    forecast = quick(fitted.decoder).fit(holes).predict()
    assert np.isfinite(forecast["RNNForecaster"]).all() and not forecast.equals(fitted.predict())


def test_series_shorter_than_window_and_horizon(fitted):
    past, _ = cut(waves())
    short = past[past["unique_id"].eq("s0") & past["ds"].ge(50)].assign(unique_id="short")
    forecast = quick(fitted.decoder).fit(pd.concat([past, short])).predict()
    assert np.isfinite(forecast["RNNForecaster"]).all() and len(forecast) == 35


def test_training_that_goes_on_is_of_one_kind(fitted):
    other = pickle.loads(pickle.dumps(fitted)).set_params(warm_start=True, decoder="direct")
    with pytest.raises(ValueError, match=r"quantiles must stay those of the last fit, \(7, 8, "):
        other.fit(cut(waves())[0])


def test_no_other_decoder():
    past, _ = cut(waves())
    with pytest.raises(
        ValueError, match="decoder of RNNForecaster must be one of 'direct', 'recursive', 'encoder-"
    ):
        quick("iterated").fit(past)
