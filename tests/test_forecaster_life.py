"""What a forecaster does besides forecasting: missing values, intervals, the past, newer values, files."""

import json
import pickle
import struct
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mae

from tsrnn import PanelTimeSeriesSplit, RNNForecaster
from tsrnn.datasets import load_airline
from tsrnn.forecasting import calibration
from tsrnn.forecasting.held_out import hold_out
from tsrnn.forecasting.intervals import conformal_radius
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged

QUICK = {
    "h": 4,
    "season_length": 5,
    "n_networks": 2,
    "max_steps": 100,
    "hidden_size": 8,
    "window": 10,
}


def quick(**options):
    return RNNForecaster(**QUICK | {"random_state": 0} | options)


def noisy(n=40, length=48, seed=0, noise=0.05):
    rng, t = np.random.default_rng(seed), np.arange(length)
    y = 10 * np.exp(0.4 * np.sin(2 * np.pi * t / 5) + noise * rng.normal(size=(n, length)))
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i:02}" for i in range(n)], length),
            "ds": np.tile(t, n),
            "y": y.ravel(),
        }
    )


def past(df, n=4):
    return df[df["ds"] <= df["ds"].max() - n]


# Missing values


def test_missing_values_are_no_values():
    """What stands where values are missing changes nothing; where they are missing does."""
    df = noisy(6)
    holes = df["y"].where(np.random.default_rng(1).uniform(size=len(df)) > 0.2)
    forecast = quick().fit(past(df.assign(y=holes))).predict()
    truth = df[df["ds"] >= 44].reset_index(drop=True)
    assert (forecast["RNNForecaster"] / truth["y"] - 1).abs().mean() < 0.15
    assert not forecast.equals(quick().fit(past(df)).predict())


def test_gaps_in_time_are_filled_or_refused():
    df = past(noisy(6))
    lacking = df.drop(df.index[[5, 6, 70]])
    with pytest.raises(ValueError, match="series 's00' lacks 2 of them, the first 5"):
        quick().fit(lacking)
    with pytest.warns(UserWarning, match="3 missing times"):
        forecast = quick(fill_gaps=True).fit(lacking).predict()
    missing = df.assign(y=df["y"].where(~df.index.isin(df.index[[5, 6, 70]])))
    pd.testing.assert_frame_equal(forecast, quick().fit(missing).predict())


def test_hardly_a_known_value():
    y = pd.Series([0, np.nan, np.nan, np.nan, 0.0])
    assert np.isfinite(
        RNNForecaster(h=2, n_networks=1, max_steps=3, hidden_size=4, random_state=0)
        .fit(y)
        .predict()
    ).all()


def test_newer_history_may_have_gaps_that_fit_had_not():
    df = past(noisy(6))
    forecaster = quick().fit(df)
    holes = df.assign(y=df["y"].where(df["ds"] % 7 != 3))
    assert np.isfinite(forecaster.predict(holes)["RNNForecaster"]).all()


# Horizon and intervals


def test_a_longer_horizon_goes_on_from_its_forecasts():
    df = noisy(6, noise=0.001)
    forecaster = quick(max_steps=300).fit(past(df, 10))
    near, far = forecaster.predict(), forecaster.predict(h=10)
    assert len(far) == 60 and forecaster.predict(h=2)["ds"].nunique() == 2
    pd.testing.assert_frame_equal(far.groupby("unique_id").head(4).reset_index(drop=True), near)
    truth = df[df["ds"] >= 38].reset_index(drop=True)
    assert (far["RNNForecaster"] / truth["y"] - 1).abs().mean() < 0.1


def test_intervals_cover_what_they_say():
    df = noisy(150, noise=0.2)
    forecast = quick().fit(past(df)).predict(level=[80, 95])
    names = [f"RNNForecaster{end}" for end in ("", "-lo-95", "-lo-80", "-hi-80", "-hi-95")]
    assert list(forecast.columns) == ["unique_id", "ds", *names]
    middle, lo95, lo80, hi80, hi95 = (forecast[name].to_numpy() for name in names)
    assert (
        (lo95 < lo80).all()
        and (lo80 < middle).all()
        and (middle < hi80).all()
        and (hi80 < hi95).all()
    )
    truth = df[df["ds"] >= 44]["y"].to_numpy()
    assert abs(((truth >= lo80) & (truth <= hi80)).mean() - 0.80) < 0.06
    assert abs(((truth >= lo95) & (truth <= hi95)).mean() - 0.95) < 0.04


def test_radius_is_the_conformal_quantile():
    errors = np.random.default_rng(0).permuted(np.tile(np.arange(1.0, 100), (2, 1)).T, axis=0)
    assert conformal_radius(errors, 80).tolist() == [80, 80] and conformal_radius(
        errors, 99.9
    ).tolist() == [99, 99]
    few = np.array([[1.0, 3], [2, 2], [3, 1], [5, 5], [4, 4]])  # of steps alike, taken together
    np.testing.assert_allclose(conformal_radius(few, 50), [3, 3])
    np.testing.assert_allclose(
        conformal_radius(np.column_stack([few, 2 * few]), 50)[:2], [4 - 0.3, 4 - 0.3], atol=0.4
    )
    errors[3, 0] = np.nan
    assert np.isfinite(conformal_radius(errors, 80)).all()


def test_errors_of_past_windows_lie_between_seen_and_unseen(monkeypatch):
    """Lines of slope one, in units of it: the last value is off by 1 and 2 steps ahead, the trial by twice as much."""

    def last_value(adjusted, factor):
        point = np.array([y[-1] - (factor - 1) * np.array([1, 2]) for y in adjusted.series])
        return np.stack([point, point - 0.5])

    monkeypatch.setattr(calibration, "median_forecasts", last_value)
    setting = SimpleNamespace(h=2, season_length=1, log=False, typical=None)
    held = hold_out(Histories(Ragged.of([np.arange(5.0, 25), np.arange(1.0, 7)])), 2)

    def errors(held):
        return calibration.calibrate(held, 2, 1, (setting, setting), shares={})[1]

    found = errors(held).adjusted
    expected = (0.368 + 2 * 0.632) * np.array([1.0, 2])
    assert found.shape == (2, 5, 2)  # the short series has no window before the last
    np.testing.assert_allclose(found[0], np.tile(expected, (5, 1)))
    np.testing.assert_allclose(found[1], np.tile(expected + 0.5, (5, 1)))
    assert not errors(held._replace(truth=np.full((2, 2), np.nan))).any_known


def test_a_hard_window_is_one_of_four():
    """Noise of the last window alone, five times as large, widens intervals of 80 %, but not as errors on it would."""
    df = noisy(60, noise=0.04)
    hard = df["y"].where(
        df["ds"] < 44, df["y"] * np.exp(0.2 * np.random.default_rng(1).normal(size=len(df)))
    )
    widths = []
    for y in (df["y"], hard):
        forecast = quick().fit(df.assign(y=y)).predict(df, level=80)
        widths.append(
            np.log(forecast["RNNForecaster-hi-80"] / forecast["RNNForecaster-lo-80"]).mean()
        )
    assert 1.1 < widths[1] / widths[0] < 3


def test_paths_spread_as_intervals_do():
    df = noisy(60, noise=0.2)
    forecaster = quick(quantiles=None).fit(past(df))
    paths, bands = forecaster.simulate(200, random_state=0), forecaster.predict(level=80)
    assert paths.shape == (240, 202)
    share = paths.iloc[:, 2:].ge(bands["RNNForecaster-lo-80"], axis=0) & paths.iloc[:, 2:].le(
        bands["RNNForecaster-hi-80"], axis=0
    )
    assert abs(share.to_numpy().mean() - 0.8) < 0.03
    pd.testing.assert_frame_equal(paths, forecaster.simulate(200, random_state=0))


@pytest.mark.parametrize("level", [0, 100, "high", [80, 120]])
def test_levels_are_between_0_and_100(level):
    with pytest.raises(ValueError, match="level must be numbers between 0 and 100; got"):
        quick().fit(noisy(3)).predict(level=level)


def test_intervals_that_cannot_be():
    with pytest.raises(ValueError, match=r"fit must have a series of at least h \+ 3 = 7 values"):
        quick(window=2).fit(noisy(3, 6)).predict(level=80)
    with pytest.raises(ValueError, match="up to the trained horizon, h=4; got h=6"):
        quick().fit(noisy(3)).predict(h=6, level=80)


def test_intervals_in_other_forms():
    y = load_airline()
    series = quick(season_length=12, window=24).fit(y)
    assert list(series.predict(level=90).columns) == [
        f"RNNForecaster{end}" for end in ("", "-lo-90", "-hi-90")
    ]
    wide = (
        quick(season_length=12, window=24).fit(pd.DataFrame({"b": y, "a": 2 * y})).predict(level=90)
    )
    assert (
        wide.shape == (4, 6)
        and wide["RNNForecaster-lo-90", "b"].lt(wide["RNNForecaster", "b"]).all()
    )


# The past


@pytest.mark.parametrize(("refit", "n_fits"), [(False, 1), (True, 3), (2, 2)])
def test_cross_validation(refit, n_fits, monkeypatch):
    df, fits, fit = noisy(5), [], RNNForecaster._fit
    monkeypatch.setattr(
        RNNForecaster, "_fit", lambda self, panel: fits.append(1) or fit(self, panel)
    )
    out = quick().cross_validation(df, n_windows=3, step_size=2, refit=refit, level=80)
    assert len(fits) == n_fits
    assert list(out.columns[:5]) == [
        "unique_id",
        "ds",
        "cutoff",
        "y",
        "RNNForecaster",
    ] and out.shape == (60, 7)
    assert sorted(out["cutoff"].unique()) == [39, 41, 43]
    assert (out["ds"] - out["cutoff"]).tolist() == [1, 2, 3, 4] * 15
    both = out.merge(df, on=["unique_id", "ds"])
    np.testing.assert_array_equal(both["y_x"], both["y_y"])
    first = quick().fit(df[df["ds"] <= 39]).predict()
    np.testing.assert_allclose(
        out[out["cutoff"] == 39]["RNNForecaster"], first["RNNForecaster"], rtol=1e-6
    )
    scores = evaluate(out.drop(columns="cutoff").iloc[:, :4], [mae])
    assert scores["RNNForecaster"].lt(3).all()


def test_cross_validation_of_too_short_series():
    df = pd.concat([noisy(2), noisy(1, 7).assign(unique_id="tiny")])
    out = quick().cross_validation(df, n_windows=2)
    assert out.groupby("unique_id")["cutoff"].nunique().to_dict() == {
        "s00": 2,
        "s01": 2,
        "tiny": 1,
    } or (out.groupby("unique_id")["cutoff"].nunique().to_dict() == {"s00": 2, "s01": 2})
    with pytest.raises(ValueError, match="the longest has 48"):
        quick().cross_validation(noisy(2), n_windows=12)


def test_grid_search_over_a_panel():
    df = noisy(4)
    search = GridSearchCV(
        quick(max_steps=20), {"cell": ["rnn", "gru"]}, cv=PanelTimeSeriesSplit(2, h=4)
    )
    search.fit(df)
    assert (
        search.best_params_["cell"] in ("rnn", "gru")
        and (search.cv_results_["mean_test_score"] < 0).all()
    )
    assert list(search.predict(df)["ds"].unique()) == [48, 49, 50, 51]


# Life after fit


def test_update_adds_newer_values():
    df = noisy(4)
    forecaster = quick().fit(past(df, 8))
    expected = forecaster.predict(df)
    forecaster.update(df[(df["ds"] > 39) & (df["ds"] <= 43)]).update(df[df["ds"] > 43])
    pd.testing.assert_frame_equal(forecaster.predict(), expected)
    with pytest.raises(ValueError, match="times must not repeat"):
        forecaster.update(df[df["ds"] > 43])


def test_warm_start_goes_on():
    df = noisy(4)
    one = quick(warm_start=True).fit(df)
    before = one.predict()["RNNForecaster"]
    again = one.fit(df)
    assert not again.predict()["RNNForecaster"].equals(before)
    assert np.mean([curve[0] for curve in again.loss_curves_]) < np.mean(
        [c[0] for c in quick().fit(df).loss_curves_]
    )
    with pytest.raises(ValueError, match="difference and quantiles must stay"):
        again.set_params(hidden_size=9).fit(df)


FORMS = {
    "long": lambda df: df,
    "dates": lambda df: df.assign(
        ds=pd.Timestamp("2020-01-01", tz="Europe/Vienna") + pd.to_timedelta(df["ds"], "D")
    ),
    "wide": lambda df: df.pivot(index="ds", columns="unique_id", values="y")[["s02", "s00"]],
    "series": lambda df: df[df["unique_id"] == "s00"].set_index("ds")["y"].rename("sales"),
    "periods": lambda df: pd.Series(
        df["y"].to_numpy()[:48], pd.period_range("2020-01", periods=48, freq="M")
    ),
    "two levels": lambda df: df.set_index(["unique_id", "ds"]),
    "integers": lambda df: df.assign(unique_id=df["unique_id"].str[1:].astype(int)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_forecaster_is_the_same(form, tmp_path):
    df = FORMS[form](noisy(4))
    forecaster = quick().fit(df)
    forecaster.save(tmp_path / "forecaster")
    again = RNNForecaster.load(tmp_path / "forecaster")
    assert again.get_params() == forecaster.get_params() and again.plans_ == forecaster.plans_
    check = (
        pd.testing.assert_series_equal
        if isinstance(df, pd.Series)
        else pd.testing.assert_frame_equal
    )
    check(again.predict(), forecaster.predict())
    pd.testing.assert_frame_equal(again.predict(level=80), forecaster.predict(level=80))
    assert again.loss_curves_ == forecaster.loss_curves_


def test_a_file_that_is_none_of_ours(tmp_path):
    path = tmp_path / "forecaster"
    quick().fit(noisy(3)).save(path)
    whole = path.read_bytes()
    header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    for content in (whole[:-9], b"nothing", pickle.dumps({}), b""):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"must be a file that RNNForecaster\.save wrote, whole"
        ):
            RNNForecaster.load(path)
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"x")
    with pytest.raises(
        ValueError,
        match=r"must be a file that RNNForecaster\.save wrote, whole; got a file of something else",
    ):
        RNNForecaster.load(path)


def test_no_warning_without_a_cause():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().fit(noisy(3)).predict(level=80)


def test_the_former_name_of_level_window_still_works():
    df = noisy()
    with pytest.warns(
        FutureWarning,
        match=r"level=2 of RNNForecaster is now level_window=2; .* removed in version 0\.4",
    ):
        former = quick(level=2).fit(df)
    pd.testing.assert_frame_equal(
        former.predict(), quick(level_window=2).fit(df).predict(), check_exact=True
    )
