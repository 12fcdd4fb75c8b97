"""Covariates and calendar features: they help where they tell the future, and what is missing is named."""

import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.forecasting.effects import effects_of
from tsrnn.forecasting.panel.covariates import CALENDAR_PARTS, fourier_terms
from tsrnn.forecasting.panel.frames import to_panel
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.plan import Plan
from tsrnn.forecasting.windows import Windows
from tsrnn.networks.workspace import Workspace

H = 5
QUICK = {
    "h": H,
    "season_length": 5,
    "n_networks": 2,
    "max_steps": 150,
    "hidden_size": 8,
    "window": 10,
    "level_window": 5,
}
QUICK |= {"deseasonalize": False, "shares": {}, "random_state": 0}


def quick(**options):
    return RNNForecaster(**QUICK | options)


def shops(effect=0.7, n=12, length=65, seed=0):
    """Sales with a season of five days, which a promotion on some days lifts."""
    rng, t = np.random.default_rng(seed), np.arange(length)
    promo = (rng.uniform(size=(n, length)) < 0.3).astype(float)
    size = rng.normal(3, 1, size=(n, 1))
    y = np.exp(
        size
        + 0.3 * np.sin(2 * np.pi * t / 5)
        + effect * promo
        + 0.03 * rng.normal(size=promo.shape)
    )
    days = np.tile(pd.date_range("2024-01-01", periods=length), n)
    columns = {
        "unique_id": np.repeat([f"s{i:02}" for i in range(n)], length),
        "ds": days,
        "y": y.ravel(),
    }
    columns |= {"promo": promo.ravel(), "price": rng.normal(10, 3, size=n * length)}
    columns["size"] = np.repeat(np.where(size.ravel() > 3, "large", "small"), length)
    return pd.DataFrame(columns)


def cut(df, h=H):
    """What was, and what comes."""
    left = df.groupby("unique_id").cumcount(ascending=False)
    return df[left >= h], df[left < h].reset_index(drop=True)


def error(forecast, truth):
    both = forecast.merge(truth, on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == len(forecast)
    return float((both["RNNForecaster"] / both["y"] - 1).abs().mean())


@pytest.fixture(scope="module")
def fitted():
    return quick(
        past_covariates=["price"], future_covariates=["promo"], static_covariates=["size"]
    ).fit(cut(shops())[0])


# What they are good for


@pytest.mark.parametrize("kind", ["numbers", "labels", "categories", "booleans"])
def test_a_promotion_that_is_known_is_forecast(kind):
    df = shops()
    if kind != "numbers":
        df["promo"] = (
            np.where(df["promo"] > 0, "on", "off") if kind != "booleans" else df["promo"] > 0
        )
    df["promo"] = df["promo"].astype("category") if kind == "categories" else df["promo"]
    past, future = cut(df)
    without = error(quick().fit(past).predict(), future)
    with_it = error(
        quick(future_covariates=["promo"]).fit(past).predict(X_df=future.drop(columns="y")), future
    )
    assert with_it < 0.08 < 0.2 < without


def test_a_useless_covariate_does_little_harm():
    past, future = cut(shops(effect=0))
    without = error(quick().fit(past).predict(), future)
    kinds = {
        "past_covariates": ["price"],
        "future_covariates": ["promo"],
        "static_covariates": ["size"],
    }
    assert error(quick(**kinds).fit(past).predict(X_df=future), future) < 1.3 * without


def test_what_the_past_announces_is_forecast():
    """The value is that of the covariate a horizon before."""
    rng, n, length = np.random.default_rng(0), 20, 80
    sign = rng.normal(size=(n, length)).cumsum(axis=1) / 4
    sign -= sign.mean()
    y = 20 * np.exp(np.concatenate([np.zeros((n, H)), sign[:, :-H]], axis=1))
    columns = {"unique_id": np.repeat(np.arange(n), length), "ds": np.tile(np.arange(length), n)}
    past, future = cut(pd.DataFrame(columns | {"y": y.ravel(), "sign": sign.ravel()}))
    options = {"season_length": 1, "level_window": 1, "segment": 5, "max_steps": 400}
    without = error(quick(**options).fit(past).predict(), future)
    assert (
        error(quick(**options, past_covariates=["sign"]).fit(past).predict(), future)
        < 0.5 * without
    )


def test_the_calendar_tells_the_weekday():
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=60)
    y = np.where(days.day_of_week >= 5, 3.0, 10.0) * np.exp(
        rng.normal(size=(12, 1)) + 0.03 * rng.normal(size=(12, 60))
    )
    past, future = cut(
        pd.DataFrame(
            {"unique_id": np.repeat(np.arange(12), 60), "ds": np.tile(days, 12), "y": y.ravel()}
        )
    )
    # a window that does not hold a week
    options = {"season_length": 1, "window": 5, "level_window": 5}
    without = error(quick(**options).fit(past).predict(), future)
    with_it = error(quick(**options, calendar=["dayofweek"]).fit(past).predict(), future)
    assert with_it < min(0.7 * without, 0.026)  # the noise is 0.024


# How


def test_effects_are_those_of_the_regression_of_differences():
    rng = np.random.default_rng(0)
    z = [rng.normal(size=30), rng.normal(size=25)]
    future = [rng.normal(size=(len(one) + 3, 2)) for one in z]
    z = [one + f[: len(one)] @ [0.8, 0.0] for one, f in zip(z, future)]
    known = [np.ones(len(one), bool) for one in z]
    known[0][7] = False
    rows, differences = [], []
    for one, f, mask in zip(z, future, known):
        unit = np.mean([abs(one[t] - one[t - 4]) for t in range(4, len(one))])
        for t in range(4, len(one)):
            if mask[t] and mask[t - 4]:
                rows.append(np.append(1, f[t] - f[t - 4]) / unit)
                differences.append((one[t] - one[t - 4]) / unit)
    rows, differences = np.array(rows), np.array(differences)
    curvature = rows.T @ rows + np.diag([0, 1, 1])
    slopes = np.linalg.solve(curvature, rows.T @ differences)
    scores = rows * (differences - rows @ slopes)[:, None]  # all at different times
    variance = np.linalg.inv(curvature) @ (scores.T @ scores) @ np.linalg.inv(curvature)
    expected = slopes * np.maximum(1 - 4 * np.diag(variance) / slopes**2, 0)
    clock = np.array([30, 1000])
    panel = Ragged.of(z), np.concatenate(known), Ragged.of(future)
    found = effects_of(*panel, clock, 4)
    assert expected[1:].any()
    np.testing.assert_allclose(found, expected[1:])


def test_what_hardly_moves_from_step_to_step_gets_no_effect_from_noise():
    """A year's wave, of weeks of less than a year whose levels wander together."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        wander = 0.1 * rng.normal(size=47).cumsum()
        z = [wander + 0.05 * rng.normal(size=47).cumsum() for _ in range(100)]
        wave = np.sin(2 * np.pi * np.arange(55) / 52 + seed)[:, None]
        promotion = (np.arange(55) % 9 == 0)[:, None]
        future = [np.hstack([wave, promotion])] * 100
        z = [one + 0.3 * promotion[:47, 0] for one in z]
        panel = Ragged.of(z), np.ones(4700, bool), Ragged.of(future)
        of_wave, of_promotion = effects_of(*panel, np.full(100, 47), 52)
        assert abs(of_wave) < 0.1
        assert of_promotion == pytest.approx(0.3, abs=0.1)


def test_the_effect_is_told(fitted):
    promo = cut(shops())[0]["promo"]
    assert fitted.effects_.to_dict() == {"promo": pytest.approx(0.7 * promo.std(), abs=0.01)}
    assert quick(max_steps=1, n_networks=1).fit(cut(shops())[0]).effects_ is None


def test_windows_show_covariates_beside_the_values_and_those_of_the_horizon():
    series = [np.arange(100.0, 112), np.arange(200.0, 207)]
    past = [np.column_stack([y + 0.1, y + 0.2]) for y in series]
    future = [np.append(y, y[-1] + 1 + np.arange(3))[:, None] + 0.5 for y in series]
    static = np.array([[1.0], [2.0]])
    histories = Histories(Ragged.of(series), None, np.concatenate(past), Ragged.of(future), static)
    windows = Windows.at_ends(histories, Plan(6, 2, 1), 3)
    rows = np.concatenate([*windows.for_training(200).epoch(np.random.default_rng(0), 50, True)])
    for these, chosen in ((windows, np.arange(2)), (windows.for_training(200), rows)):
        batch = these.batch(chosen, Workspace(np.float32))
        assert batch.x.shape[2] == these.n_inputs == 2 * (1 + 2 + 2) + 1
        ends = these.levels(chosen)
        for x, end in zip(batch.x.transpose(1, 0, 2), ends):
            first, times = 100 * (end // 100), end + np.arange(-5, 1).reshape(3, 2)
            seen, at = times >= first, np.where(times >= first, times, 0)
            np.testing.assert_allclose(x[:, :2][seen], (times - end)[seen])
            np.testing.assert_allclose(
                x[:, 2:6].reshape(3, 2, 2),
                np.stack([at + 0.1 * seen, at + 0.2 * seen], 2),
                rtol=1e-6,
            )
            np.testing.assert_allclose(x[:, 6:8], np.where(seen, times + 0.5, 0))
            later, beyond = times + 3, 115 if first == 100 else 210
            there = (later >= first) & (later < beyond)
            np.testing.assert_allclose(x[:, 8:10], np.where(there, later + 0.5, 0))
            assert (x[:, 10] == first / 100).all()


@pytest.mark.parametrize("part", CALENDAR_PARTS)
def test_waves_are_the_same_after_a_period_only(part):
    times = pd.date_range("2024-01-01", periods=3000, freq="7min" if part == "minute" else "11h")
    numbers = np.column_stack([*fourier_terms(times, [part]).values()]).round(9)
    place = getattr(times, {"dayofweek": "day_of_week", "dayofyear": "day_of_year"}.get(part, part))
    assert len(np.unique(numbers, axis=0)) == place.nunique() and np.abs(numbers).max() <= 1


def test_forecasts_depend_on_what_is_known_and_go_on_beyond_the_horizon(fitted):
    past, future = cut(shops())
    forecast = fitted.predict(X_df=future)
    turned = fitted.predict(X_df=future.assign(promo=1 - future["promo"]))
    assert (
        forecast["RNNForecaster"].gt(turned["RNNForecaster"]) == future["promo"].eq(1)
    ).mean() > 0.95
    longer = pd.concat([future, future.assign(ds=future["ds"] + pd.Timedelta(H, "D"))])
    far = fitted.predict(h=2 * H, X_df=longer.sample(frac=1, random_state=0))
    near = far.groupby("unique_id").head(H).reset_index(drop=True)
    pd.testing.assert_frame_equal(near, forecast)
    pd.testing.assert_frame_equal(fitted.predict(past, X_df=future), forecast)
    assert fitted.predict(X_df=future, level=80).shape[1] == 5
    assert fitted.simulate(3, X_df=future, random_state=0).shape == (12 * H, 5)


def test_in_other_forms(fitted):
    past, future = cut(shops())
    keys, polars = ["unique_id", "ds"], pytest.importorskip("polars")
    expected = fitted.predict(X_df=future)
    two = fitted.predict(past.set_index(keys), X_df=future.set_index(keys))
    np.testing.assert_array_equal(two["RNNForecaster"], expected["RNNForecaster"])
    frame = fitted.predict(polars.from_pandas(past), X_df=polars.from_pandas(future))
    np.testing.assert_array_equal(frame["RNNForecaster"].to_numpy(), expected["RNNForecaster"])
    series = quick(calendar=["dayofweek"]).fit(
        past[past["unique_id"] == "s00"].set_index("ds")["y"]
    )
    assert len(series.predict()) == H


def test_the_past_is_forecast_with_what_was_known(fitted):
    df = shops()
    out = clone_of(fitted).cross_validation(df, n_windows=2, level=80)
    assert (
        list(out.columns[:5]) == ["unique_id", "ds", "cutoff", "y", "RNNForecaster"]
        and out.shape[1] == 7
    )
    assert (out["RNNForecaster"] / out["y"] - 1).abs().mean() < 0.08
    past, future = cut(df)
    again = clone_of(fitted).fit(cut(past)[0]).predict(past, X_df=future)
    late = out[out["cutoff"] == out["cutoff"].max()]
    np.testing.assert_allclose(late["RNNForecaster"], again["RNNForecaster"], rtol=1e-5)


def clone_of(forecaster):
    return RNNForecaster(**forecaster.get_params())


def test_life_after_fit(fitted, tmp_path):
    past, future = cut(shops())
    expected = fitted.predict(X_df=future, level=90)
    pytest.importorskip("safetensors")
    fitted.save(tmp_path / "f")
    again = RNNForecaster.load(tmp_path / "f")
    pd.testing.assert_frame_equal(again.predict(X_df=future, level=90), expected)
    pd.testing.assert_series_equal(again.effects_, fitted.effects_)
    earlier, later = cut(past, 3)
    early = clone_of(fitted).fit(earlier).update(later)
    pd.testing.assert_frame_equal(early.predict(X_df=future), early.predict(past, X_df=future))
    assert -3 < fitted.score(future) < 0


def test_a_time_that_was_missing_has_the_covariates_before_it():
    panel = shops(n=1, length=20)[["unique_id", "ds", "y", "promo", "size"]]
    with pytest.warns(UserWarning, match="2 missing times"):
        filled = to_panel(panel.drop([7, 8]), "D", fill_gaps=True, covariates=["promo", "size"])
    expected = panel["promo"].where(~panel.index.isin([7, 8]), panel["promo"][6])
    assert filled.covariates["promo"].tolist() == expected.tolist()


def test_a_label_that_fit_has_not_seen_is_none_of_them():
    past, future = cut(shops().assign(promo=lambda df: np.where(df["promo"] > 0, "on", "off")))
    forecaster = quick(future_covariates=["promo"]).fit(past)
    forecast = forecaster.predict(X_df=future.assign(promo="maybe"))["RNNForecaster"]
    on, off = (
        forecaster.predict(X_df=future.assign(promo=label))["RNNForecaster"]
        for label in ("on", "off")
    )
    assert np.isfinite(forecast).all() and off.mean() < forecast.mean() < on.mean()


# What is refused


def replaced(df, column, row, value):
    return df.assign(**{column: df[column].astype(object).where(df.index != row, value)})


FIT = {
    "no column": ({"past_covariates": ["cost"]}, lambda df: df, r"\['cost'\] not among"),
    "a role": ({"future_covariates": ["y"]}, lambda df: df, "'y' is in target_col"),
    "two roles": (
        {"past_covariates": ["promo"], "future_covariates": ["promo"]},
        lambda df: df,
        "future_covariates must be columns without another role; 'promo' is in past_covariates",
    ),
    "a string": (
        {"calendar": "month"},
        lambda df: df,
        "calendar of RNNForecaster must be a list of names or None",
    ),
    "no part": (
        {"calendar": ["moon"]},
        lambda df: df,
        "calendar must be different ones of .*; got 'moon'",
    ),
    "integers": (
        {"calendar": ["month"]},
        lambda df: df.assign(ds=df.groupby("unique_id").cumcount()),
        r"calendar must be None for times that are integers; got \['month'\]",
    ),
    "missing": (
        {"past_covariates": ["price"]},
        lambda df: df.assign(price=df["price"].where(df.index != 70)),
        "column 'price' must have a value in every row; series 's01' lacks one at 2024-01-06",
    ),
    "infinite": (
        {"past_covariates": ["price"]},
        lambda df: df.assign(price=df["price"].where(df.index != 70, np.inf)),
        "column 'price' must be finite; series 's01' has inf at 2024-01-06",
    ),
    "dates": (
        {"past_covariates": ["price"]},
        lambda df: df.assign(price=df["ds"]),
        "column 'price' must hold numbers or labels; got datetime",
    ),
    "not static": (
        {"static_covariates": ["size"]},
        lambda df: df.assign(size=df["size"].where(df.index != 70, "odd")),
        "series 's01' has '(large|small)' and 'odd'",
    ),
    "wide": (
        {"past_covariates": ["price"]},
        lambda df: df.pivot(index="ds", columns="unique_id", values="y"),
        "covariates must be columns of a long frame",
    ),
    "series": (
        {"past_covariates": ["price"]},
        lambda df: df[df["unique_id"] == "s00"].set_index("ds")["y"],
        "covariates must be columns of a long frame",
    ),
}


@pytest.mark.parametrize("name", FIT)
def test_what_fit_refuses(name):
    options, spoil, sentence = FIT[name]
    with pytest.raises(ValueError, match=sentence) as caught:
        quick(**options).fit(spoil(shops()))
    assert "\n" not in str(caught.value)


PREDICT = {
    "none": (
        lambda X: None,
        r"X_df must be a DataFrame with the future of \['promo'\]; got NoneType",
    ),
    "no column": (
        lambda X: X.drop(columns="promo"),
        r"X_df must have the columns .*; \['promo'\] not among",
    ),
    "no row": (
        lambda X: X.drop([8, 9]),
        "X_df must have a row for each of the 5 steps to forecast; series 's01' lacks 2 of them, the first 2024-03-04",
    ),
    "no series": (lambda X: X[X["unique_id"] != "s03"], "series 's03' lacks 5 of them"),
    "other times": (
        lambda X: X.assign(ds=X["ds"] + pd.Timedelta("1h")),
        "series 's00' lacks 5 of them",
    ),
    "other zone": (
        lambda X: X.assign(ds=X["ds"].dt.tz_localize("UTC")),
        "times of X_df must have no time zone, as those of fit",
    ),
    "twice": (
        lambda X: pd.concat([X, X.iloc[[6]]]),
        "times of X_df must not repeat within a series; series 's01' has",
    ),
    "missing": (
        lambda X: X.assign(promo=X["promo"].where(X.index != 6)),
        "column 'promo' of X_df must have a value in every row; series 's01' lacks one at 2024-03-02",
    ),
    "labels": (
        lambda X: X.assign(promo="on"),
        "column 'promo' must hold numbers as in fit; got 'on'",
    ),
}


@pytest.mark.parametrize("name", PREDICT)
def test_what_predict_refuses(name, fitted):
    spoil, sentence = PREDICT[name]
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        fitted.predict(X_df=spoil(cut(shops())[1]))
    assert "\n" not in str(caught.value)


def test_what_is_not_needed_is_refused():
    past, future = cut(shops())
    with pytest.raises(
        ValueError, match="X_df must be None without future_covariates; got a DataFrame"
    ):
        quick(max_steps=1, n_networks=1).fit(past).predict(X_df=future)


def test_training_that_goes_on_has_the_same_covariates(fitted):
    past, _ = cut(shops())
    forecaster = clone_of(fitted).set_params(warm_start=True, max_steps=20).fit(past).fit(past)
    with pytest.raises(ValueError, match="covariates and calendar must stay those of the last fit"):
        forecaster.set_params(calendar=["month"]).fit(past)


def test_no_warning_without_a_cause():
    past, future = cut(shops(n=4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick(future_covariates=["promo"], calendar=["dayofweek"], max_steps=5).fit(past).predict(
            X_df=future, level=80
        )
