"""Names of the user and names of the library: a column is never overwritten; it is kept, or refused in one sentence."""

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

QUICK = {
    "h": 3,
    "n_networks": 1,
    "max_steps": 2,
    "hidden_size": 4,
    "window": 4,
    "level_window": 1,
    "random_state": 0,
}
OURS = "RNNForecaster", "RNNForecaster-lo-80", "RNNForecaster-hi-95", "RNNForecaster-path-0"
OTHERS = (
    *(
        "cutoff",
        "index",
        "level_0",
        "level_1",
        "y",
        "ds",
        "unique_id",
        "value",
        "variable",
        "series",
        "step",
        "0",
        "",
    ),
    *("known", "error", "error_x", "y_x", "name", "RNNForecasterX", "rnnforecaster", "columns"),
    *(0, 7, ("a", "b"), 1.5),
)
ROLES = (
    "id_col",
    "time_col",
    "target_col",
    "past_covariates",
    "future_covariates",
    "static_covariates",
)


def frame(n=24):
    rng = np.random.default_rng(0)
    columns = {
        "id_col": np.repeat(["b", "a"], n),
        "time_col": np.tile(pd.date_range("2024", periods=n), 2),
    }
    columns["target_col"] = rng.uniform(1, 2, size=2 * n)
    columns["past_covariates"], columns["future_covariates"] = rng.normal(size=(2, 2 * n))
    columns["static_covariates"] = np.repeat([1.0, 2.0], n)
    return pd.DataFrame(columns)


def named(role, name):
    """The frame with one of its columns called so, its parameters and arguments of fit."""
    names = {one: name if one == role else f"the {one}" for one in ROLES}
    covariates = {one: [names[one]] for one in ROLES if one.endswith("covariates")}
    return (
        frame().rename(columns=names),
        covariates,
        {one: names[one] for one in ROLES if one.endswith("col")},
    )


@pytest.fixture(scope="module")
def expected():
    df, covariates, columns = named(None, None)
    forecaster = RNNForecaster(**QUICK | covariates).fit(df, **columns)
    return (
        forecaster.predict(level=80, X_df=ahead(df, columns)).iloc[:, 2:].to_numpy(),
        RNNForecaster(**QUICK | covariates)
        .cross_validation(df, **columns, level=80)
        .iloc[:, 3:]
        .to_numpy(),
    )


def ahead(df, columns):
    out = df.copy()
    out[columns["time_col"]] = out[columns["time_col"]] + pd.Timedelta(days=24)
    return out


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OURS)
def test_a_column_called_as_ours_is_refused(role, name):
    df, covariates, columns = named(role, name)
    for call in (
        RNNForecaster(**QUICK | covariates).fit,
        RNNForecaster(**QUICK | covariates).cross_validation,
    ):
        with pytest.raises(
            ValueError,
            match=rf"must not be called '{name}', as a column of the forecasts is: rename",
        ):
            call(df, **columns)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", OTHERS, ids=str)
def test_any_other_name_is_kept(role, name, expected):
    df, covariates, columns = named(role, name)
    forecasts, past = expected
    forecaster = RNNForecaster(**QUICK | covariates).fit(df, **columns)
    X_df = ahead(df, columns)
    found = forecaster.predict(level=80, X_df=X_df)
    assert list(found.columns[:2]) == [columns["id_col"], columns["time_col"]]
    np.testing.assert_array_equal(found.iloc[:, 2:], forecasts)
    assert np.isfinite(forecaster.score(X_df.groupby(columns["id_col"]).head(3)))
    assert forecaster.simulate(2, X_df=X_df).shape == (6, 4)
    backtest = RNNForecaster(**QUICK | covariates).cross_validation
    if name == "cutoff" and role.endswith("col"):
        with pytest.raises(
            ValueError, match="must not be called 'cutoff', as a column of the forecasts is"
        ):
            backtest(df, **columns)
    elif name == "cutoff":
        with pytest.raises(ValueError, match="a covariate must not be called 'cutoff'"):
            backtest(df, **columns)
    else:
        out = backtest(df, **columns, level=80)
        names = [
            columns["id_col"],
            columns["time_col"],
            "cutoff",
            columns["target_col"],
            "RNNForecaster",
        ]
        assert list(out.columns[:5]) == names
        np.testing.assert_array_equal(out.iloc[:, 3:], past)
    forecaster.update(X_df.groupby(columns["id_col"]).head(2))
    assert forecaster.predict(X_df=X_df).shape == (6, 3)


@pytest.mark.parametrize("name", [*OURS, "cutoff", "index", "level_0", "y", "series", "", 3])
def test_series_may_be_called_anything(name):
    df = frame()
    values = df["target_col"].to_numpy().reshape(2, -1).T
    days = pd.DatetimeIndex(df["time_col"].unique())
    one = pd.Series(values[:, 0], days, name=name)
    assert RNNForecaster(**QUICK).fit(one).predict().name == name
    other = "z" if isinstance(name, str) else 99
    wide = pd.DataFrame({name: values[:, 0], other: values[:, 1]}, index=days)
    found = RNNForecaster(**QUICK).fit(wide).predict()
    assert list(found.columns) == [name, other] and np.isfinite(found).all(axis=None)
    index = pd.MultiIndex.from_product(
        [[name if isinstance(name, str) else "x"], days], names=["shop", "day"]
    )
    two = pd.Series(values[:, 0], index, name=name)
    assert RNNForecaster(**QUICK).fit(two).predict().index.names == ["shop", "day"]


def test_levels_that_are_written_alike():
    df, _, columns = named(None, None)
    with pytest.raises(
        ValueError, match="level must hold numbers that are written in different ways; got 80 twice"
    ):
        RNNForecaster(**QUICK).fit(df, **columns).predict(level=[80, 80.00000001])


# Levels


@pytest.fixture(scope="module")
def fitted():
    df, _, columns = named(None, None)
    with_quantiles = RNNForecaster(**QUICK, quantiles=[0.025, 0.1, 0.9, 0.975])
    return RNNForecaster(**QUICK).fit(df, **columns), with_quantiles.fit(df, **columns)


LEVELS = {
    "shares": (
        [0.9, 0.95, 0.5, [0.8, 0.95], [80, 0.9], 1e-9],
        r"level is in percent: \d+(\.\d+)?(e-07)?, not \d",
    ),
    "out of bounds": (
        [0, 100, 101, -5, np.inf, np.nan, [80, np.nan]],
        "level must be numbers between 0 and 100; got",
    ),
    "no numbers": (
        ["80", "high", True, [True], [None], [80, "95"], [[80, 95]], 80j],
        "level must be numbers between",
    ),
    "none": (
        [[], (), np.array([])],
        "level must be None, a number or a list of numbers .*; got an empty list",
    ),
    "twice": (
        [[80, 80], [80, 80.0], np.array([80.0, 80.0]), (95, 80, 95)],
        "level must hold numbers that are written",
    ),
}


@pytest.mark.parametrize(
    ("kind", "level"), [(kind, level) for kind in LEVELS for level in LEVELS[kind][0]]
)
def test_levels_that_cannot_be(kind, level, fitted):
    df, _, columns = named(None, None)
    calls = [one.predict for one in fitted]
    calls.append(lambda level: RNNForecaster(**QUICK).cross_validation(df, **columns, level=level))
    for call in calls:
        with pytest.raises(ValueError, match=LEVELS[kind][1]) as caught:
            call(level=level)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "level", [80, 80.0, np.int8(80), np.float32(80), [80], (80,), np.array([80]), pd.Series([80])]
)
def test_levels_of_any_type(level, fitted):
    for forecaster in fitted:
        expected = forecaster.predict(level=80)
        pd.testing.assert_frame_equal(forecaster.predict(level=level), expected, check_exact=True)
        assert list(expected.columns[3:]) == ["RNNForecaster-lo-80", "RNNForecaster-hi-80"]


@pytest.mark.parametrize(
    "quantiles", [[10, 90], [0, 1], ["a"], [np.nan], [True, False], [-0.1, 1.1]]
)
def test_quantiles_are_shares(quantiles):
    df, _, columns = named(None, None)
    with pytest.raises(ValueError, match="quantiles must be numbers between 0 and 1; got"):
        RNNForecaster(**QUICK, quantiles=quantiles).fit(df, **columns)
