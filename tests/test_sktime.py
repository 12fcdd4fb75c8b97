"""`TsrnnForecaster` keeps sktime's contract and forecasts what `RNNForecaster` does."""

import inspect

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.datasets import load_airline

pytest.importorskip("sktime")

from sktime.forecasting.naive import NaiveForecaster
from sktime.utils.estimator_checks import check_estimator

from tsrnn.adapters.sktime import TsrnnForecaster

QUICK = {"season_length": 4, "n_networks": 2, "max_steps": 5, "hidden_size": 4, "random_state": 0}
H = 6
STEPS = range(1, H + 1)


@pytest.fixture(scope="module")
def single():
    return load_airline().to_period("M")


@pytest.fixture(scope="module")
def panel(single):
    """Series that begin and end at different times."""
    parts = {"a": single[:90], "b": 2 * single[10:70], "c": single[40:]}
    return pd.concat(parts, names=["shop", "month"]).to_frame("sales")


@pytest.fixture(scope="module")
def hierarchy(panel):
    return pd.concat({"north": panel.loc[["a", "b"]], "south": panel.loc[["c"]]}, names=["region"])


def fitted(y, fh=STEPS, **settings):
    return TsrnnForecaster(**QUICK | settings).fit(y, fh=fh)


def reference(y, **settings):
    return RNNForecaster(h=H, **QUICK | settings).fit(y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_contract():
    results = check_estimator(TsrnnForecaster, raise_exceptions=False, verbose=False)
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}
    assert len(results) > 500


def test_parameters_are_those_of_the_forecaster():
    theirs = {
        name: parameter.default
        for name, parameter in inspect.signature(RNNForecaster).parameters.items()
    }
    ours = {
        name: parameter.default
        for name, parameter in inspect.signature(TsrnnForecaster).parameters.items()
    }
    others = {
        "h",
        "freq",
        "warm_start",
        "past_covariates",
        "future_covariates",
        "static_covariates",
        "calendar",
    }
    assert ours == {name: default for name, default in theirs.items() if name not in others}


def test_one_series(single):
    forecast = fitted(single).predict()
    pd.testing.assert_series_equal(forecast, reference(single).predict(), check_names=False)
    assert forecast.name == single.name


def test_some_steps(single):
    forecast = fitted(single, fh=[2, H]).predict()
    pd.testing.assert_series_equal(
        forecast, reference(single).predict().iloc[[1, H - 1]], check_names=False
    )


def test_panel(panel):
    forecast = fitted(panel).predict()
    expected = reference(panel["sales"]).predict().to_frame("sales")
    pd.testing.assert_frame_equal(forecast, expected)


def test_hierarchy_is_one_panel(panel, hierarchy):
    forecast = fitted(hierarchy).predict()
    assert forecast.index.names == hierarchy.index.names
    pd.testing.assert_frame_equal(forecast.droplevel(0), fitted(panel).predict())


def test_order_of_series_stays(hierarchy):
    turned = hierarchy.loc[["south", "north"]]
    forecast = fitted(turned, fh=[1]).predict()
    assert list(forecast.index.droplevel(-1)) == list(turned.index.droplevel(-1).unique())


def test_relative_horizon_counts_from_the_end_of_each_series(panel):
    forecast = fitted(panel, fh=[1, 3]).predict()
    pd.testing.assert_index_equal(
        forecast.index, NaiveForecaster().fit_predict(panel, fh=[1, 3]).index
    )


def test_absolute_horizon_names_the_same_times_for_all(panel):
    times = pd.period_range("1961-01", periods=2, freq="M")
    forecaster = fitted(panel, fh=times)
    forecast = forecaster.predict()
    assert all(
        list(part.index.get_level_values(-1)) == list(times)
        for _, part in forecast.groupby(level=0)
    )
    assert forecaster.forecaster_.h == 2 + (times[0] - panel.loc["b"].index[-1]).n - 1
    assert forecaster.predict_interval(coverage=0.9).notna().all(axis=None)


def test_intervals(single):
    forecaster = fitted(single)
    found = forecaster.predict_interval(coverage=[0.5, 0.95])
    expected = reference(single).predict(level=[50, 95])
    for share in (0.5, 0.95):
        for side, end in (("lower", "lo"), ("upper", "hi")):
            name = f"RNNForecaster-{end}-{100 * share:g}"
            np.testing.assert_array_equal(found[single.name, share, side], expected[name])


def test_median_is_the_forecast(panel):
    forecaster = fitted(panel)
    quantiles = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
    np.testing.assert_array_equal(quantiles["sales", 0.5], forecaster.predict()["sales"])
    assert (np.diff(quantiles.to_numpy()) >= 0).all()


@pytest.fixture(scope="module")
def exogenous(single):
    """What is known of every month, of the year after the last too: a promotion that a column of y would show."""
    months = single.index.append(single.index[-12:] + 12)
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"promotion": rng.integers(0, 2, len(months)), 7: rng.normal(size=len(months))}, months
    )


def long(single, exogenous):
    """The same for `RNNForecaster`: the history, and what is known of the months after it."""
    frame = (
        exogenous.rename(columns={7: "other"})
        .rename_axis("ds")
        .assign(unique_id=0, y=single)
        .reset_index()
    )
    return frame[: len(single)], frame[len(single) :].drop(columns="y")


def test_columns_of_X_are_future_covariates(single, exogenous):
    y = single * (1 + exogenous["promotion"][single.index])
    forecaster = TsrnnForecaster(**QUICK).fit(y, exogenous.loc[: y.index[-1]], fh=STEPS)
    forecast = forecaster.predict(X=exogenous[len(y) :])
    history, ahead = long(y, exogenous)
    expected = RNNForecaster(h=H, **QUICK, future_covariates=["promotion", "other"]).fit(history)
    frame = expected.predict(X_df=ahead, level=90)
    np.testing.assert_array_equal(forecast, frame["RNNForecaster"])
    np.testing.assert_array_equal(forecaster.forecaster_.effects_, expected.effects_)
    interval = forecaster.predict_interval(X=exogenous, coverage=0.9)
    np.testing.assert_array_equal(interval, frame[["RNNForecaster-lo-90", "RNNForecaster-hi-90"]])
    without = exogenous[len(y) :].assign(promotion=0)
    promoted = exogenous["promotion"][forecast.index] == 1
    assert (forecaster.predict(X=without)[promoted] < forecast[promoted]).all()


def test_X_of_a_panel_goes_by_series_and_time(panel, exogenous):
    """However its rows are ordered, and only of the times asked for where nothing changes between."""
    parts = {shop: exogenous.assign(promotion=i) for i, shop in enumerate("abc")}
    X = pd.concat(parts, names=panel.index.names).drop(columns=7)
    known, ahead = X.loc[panel.index], X.drop(panel.index)
    forecast = TsrnnForecaster(**QUICK).fit(panel, known, fh=[2, 5]).predict(X=ahead)
    turned = X.loc[["c", "a", "b"]]
    pd.testing.assert_frame_equal(
        TsrnnForecaster(**QUICK).fit(panel, turned, fh=[2, 5]).predict(X=turned), forecast
    )
    some = X.loc[forecast.index]
    pd.testing.assert_frame_equal(
        TsrnnForecaster(**QUICK).fit(panel, known, fh=[2, 5]).predict(X=some), forecast
    )


def test_X_is_brought_up_to_date_with_y(single, exogenous):
    y, earlier = single, single[:-12]
    forecaster = TsrnnForecaster(**QUICK).fit(earlier, exogenous.loc[earlier.index], fh=STEPS)
    forecaster.update(y[-12:], X=exogenous.loc[y.index[-12:]])
    expected = TsrnnForecaster(**QUICK).fit(y, exogenous.loc[y.index], fh=STEPS)
    X = exogenous[len(y) :]
    pd.testing.assert_series_equal(forecaster.predict(X=X), expected.predict(X=X))


def test_X_of_the_future_must_be_given(single, exogenous):
    forecaster = TsrnnForecaster(**QUICK).fit(single, exogenous[: len(single)], fh=STEPS)
    with pytest.raises(ValueError, match="X must be given to predict, as it was to fit; got None"):
        forecaster.predict()


def test_update_without_training(single):
    forecaster = fitted(single[:-12])
    forecast = forecaster.update(single[-12:], update_params=False).predict()
    expected = reference(single[:-12]).predict(single)
    pd.testing.assert_series_equal(forecast, expected, check_names=False)


def test_update_with_training(panel):
    early = panel.groupby(level=0).head(50)
    forecaster = fitted(early)
    forecast = forecaster.update(panel.drop(early.index)).predict()
    pd.testing.assert_frame_equal(forecast, fitted(panel).predict())


@pytest.mark.parametrize("freq", ["MS", "ME", "D", "B", "W-WED", "15min", "QS"])
def test_timestamps(single, freq):
    y = single.set_axis(pd.date_range("2001-01-31", periods=len(single), freq=freq))
    forecast = fitted(y).predict()
    pd.testing.assert_series_equal(
        forecast, reference(y, freq=freq).predict(), check_names=False, check_freq=False
    )


@pytest.mark.parametrize("freq", ["MS", "W-WED", "15min"])
def test_timestamps_of_a_panel(single, freq):
    y = single.set_axis(pd.date_range("2001-01-31", periods=len(single), freq=freq))
    y = pd.concat({"a": y[:90], "b": y[40:]}, names=["shop", "time"]).to_frame("sales")
    forecast = fitted(y).predict()
    expected = reference(y["sales"], freq=freq).predict().to_frame("sales")
    pd.testing.assert_frame_equal(forecast, expected)


def test_missing_values(single):
    y = single.where(single != single.iloc[20])
    forecast = fitted(y).predict()
    pd.testing.assert_series_equal(forecast, reference(y).predict(), check_names=False)


def test_missing_times_are_refused_or_filled(single):
    y = single.drop(single.index[20])
    with pytest.raises(ValueError, match="no gaps"):
        fitted(y, fh=[1])
    with pytest.warns(UserWarning, match="missing"):
        forecast = fitted(y, fill_gaps=True).predict()
    with pytest.warns(UserWarning, match="missing"):
        expected = reference(y, fill_gaps=True).predict()
    pd.testing.assert_series_equal(forecast, expected, check_names=False)


def test_no_forecast_of_the_past(single):
    with pytest.raises(NotImplementedError, match="in-sample"):
        fitted(single, fh=[-1, 1])


def test_a_shorter_horizon_sees_the_rest_of_what_is_known(single):
    """Where newer values leave less to forecast, steps are those of the whole, as `X` has the rows."""
    X = pd.DataFrame({"promo": np.random.default_rng(0).random(len(single))}, index=single.index)
    past, newer = single[:-8], single[-8:-6]
    forecasts = []
    for fh in (range(1, H + 1), single.index[-6:-2]):
        forecaster = TsrnnForecaster(**QUICK | {"window": 8, "segment": 1, "level_window": 1}).fit(
            past, X=X[:-8], fh=fh
        )
        forecaster.update(newer, X=X[-8:-6], update_params=False)
        forecasts.append(forecaster.predict(X=X[-6:]))
    whole, shorter = forecasts
    pd.testing.assert_series_equal(shorter, whole.iloc[:4])


# Hours, days and others of which some lie where clocks are changed: a first time, steps and the zone.
CHANGES = {
    "hours, put back": ("2022-10-28", "h", "Europe/Paris"),
    "hours, put forward": ("2023-03-24", "h", "Europe/Paris"),
    "hours, put back in the horizon": ("2022-10-27 15:00", "h", "Europe/Paris"),
    "hours, put forward in the horizon": ("2023-03-23 15:00", "h", "Europe/Paris"),
    "half hours": ("2023-03-25", "30min", "Europe/Paris"),
    "hours of India": ("2023-03-24", "h", "Asia/Kolkata"),
    "hours without a zone": ("2023-03-24", "h", None),
    "days, put forward": ("2023-02-01", "D", "Europe/Paris"),
    "days, put back": ("2022-09-10", "D", "Europe/Paris"),
    "business days": ("2022-09-12", "B", None),
    "months": ("2018-01-01", "MS", None),
    "weeks": ("2022-01-03", "W-MON", "Europe/Paris"),
}


@pytest.mark.parametrize("kind", ["series", "panel", "with X", "panel with X"])
@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_clocks(name, kind):
    start, freq, zone = CHANGES[name]
    n = 60
    first = pd.date_range(start, periods=n + H, freq=freq)
    if zone is not None:
        lasting = freq in ("h", "30min")
        first = (
            pd.date_range(start, periods=n + H, freq=freq, tz=zone)
            if lasting
            else first.tz_localize(zone)
        )
    times = pd.DatetimeIndex(first, freq=None)
    rng = np.random.default_rng(0)
    y = pd.Series(10 + rng.random(n + H), times, name="load")
    X = pd.DataFrame({"heat": rng.random(n + H)}, times)
    expected = reference(y[:n].reset_index(drop=True), freq=1).predict().to_numpy()
    history, known, told = y[:n], X[:n], X[n:]
    if "panel" in kind:
        history = pd.concat({"a": history, "b": history[10:]}, names=["shop", "time"]).to_frame(
            "load"
        )
        known, told = (
            pd.concat({"a": part, "b": part}, names=["shop", "time"]) for part in (known, told)
        )
        known = known.loc[history.index]
    options = {"X": known} if "X" in kind else {}
    told = told if "X" in kind else None
    # Of an absolute horizon sktime itself reads no repeated hours, and no panels without a frequency.
    by_sktime = "panel" not in kind and name != "hours, put back in the horizon"
    for fh in (STEPS, [1, 3, H], *([times[n:], times[[n + 1, n + 4]]] if by_sktime else [])):
        wanted = (
            times[n:]
            if len(fh) == H
            else times[n:][np.asarray(fh) - 1]
            if isinstance(fh, list)
            else fh
        )
        forecast = TsrnnForecaster(**QUICK).fit(history, fh=fh, **options).predict(X=told)
        parts = (
            [part.droplevel(0) for _, part in forecast.groupby(level=0)]
            if "panel" in kind
            else [forecast]
        )
        assert [part.index.tolist() for part in parts] == len(parts) * [list(wanted)]
        if kind == "series" and fh is STEPS:
            np.testing.assert_array_equal(forecast, expected)


def test_newer_values_over_a_change_of_clocks():
    times = pd.date_range("2022-10-28", periods=72, freq="h", tz="Europe/Paris")
    y = pd.Series(np.random.default_rng(0).random(72), times)
    forecaster = TsrnnForecaster(**QUICK).fit(y[:40], fh=[1, 2])
    assert (
        forecaster.update(y[40:60], update_params=False).predict().index.tolist()
        == times[60:62].tolist()
    )
    assert forecaster.update(y[60:70]).predict().index.tolist() == times[70:].tolist()
