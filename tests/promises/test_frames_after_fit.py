"""Every frame that reaches a forecaster is read by the same reader: each method refuses what `fit` refuses, in one
sentence, and loses nothing by it; and each takes the forms that `fit` takes.
"""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from tsrnn import PanelTimeSeriesSplit, RNNForecaster

H, LENGTH = 4, 30
QUICK = {
    "h": H,
    "n_networks": 1,
    "max_steps": 2,
    "hidden_size": 4,
    "window": 6,
    "segment": 1,
    "level_window": 1,
}
QUICK |= {"random_state": 0, "n_jobs": 1}
ROLES = {
    "past_covariates": ["visitors"],
    "future_covariates": ["promo", "shelf"],
    "static_covariates": ["region"],
}


def shops(length=LENGTH + H, seed=0):
    rng = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=length)
    frames = []
    for name, region in (("a", "north"), ("b", "south")):
        columns = {"unique_id": name, "ds": days, "y": rng.uniform(5, 9, size=length)}
        columns |= {
            "visitors": rng.normal(size=length),
            "promo": rng.integers(0, 2, size=length).astype(float),
        }
        columns |= {"shelf": rng.choice(["top", "low"], size=length), "region": region}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def past(df):
    return df[df["ds"] < "2024-01-31"].reset_index(drop=True)


def newer(df):
    return df[df["ds"] >= "2024-01-31"].reset_index(drop=True)


@pytest.fixture(scope="module")
def pickled():
    return pickle.dumps(RNNForecaster(**QUICK | ROLES | {"log": True}).fit(past(shops())))


CALLS = {
    "fit": lambda forecaster, spoil: forecaster.fit(spoil(past(shops()))),
    "predict": lambda forecaster, spoil: forecaster.predict(
        spoil(past(shops())), X_df=newer(shops())
    ),
    "simulate": lambda forecaster, spoil: forecaster.simulate(
        2, spoil(past(shops())), X_df=newer(shops())
    ),
    "update": lambda forecaster, spoil: forecaster.update(spoil(newer(shops()))),
    "score": lambda forecaster, spoil: forecaster.score(spoil(newer(shops()))),
    "cross_validation": lambda forecaster, spoil: forecaster.cross_validation(spoil(past(shops()))),
}
ALL = tuple(CALLS)
KNOWN = "predict", "simulate", "update"  # must hold what was known at fit
SPOILT = {
    "a negative value": (
        lambda df: df.assign(y=df["y"].where(df.index != 1, -1.0)),
        r"log=True needs values that are not negative; series 'a' has -1",
        [name for name in ALL if name != "score"],
    ),
    "an infinite value": (
        lambda df: df.assign(y=df["y"].where(df.index != 1, np.inf)),
        r"values must be finite; series 'a' has 1 values? infinite|column 'y' must be finite",
        ALL,
    ),
    "a huge value": (
        lambda df: df.assign(y=df["y"].where(df.index != 1, 1.7e308)),
        r"values must be at most 1e\+300 in size; series 'a' has 1\.7e\+308: take them in a larger unit",
        [name for name in ALL if name != "score"],
    ),
    "text": (
        lambda df: df.assign(y=df["y"].astype(object).where(df.index != 1, "much")),
        r"column 'y' must hold numbers; series 'a' has 'much'",
        ALL,
    ),
    "two static labels": (
        lambda df: df.assign(region=df["region"].where(df.index != 1, "west")),
        r"static column 'region' must be the same in all rows of a series; series 'a' has 'north' and 'west'",
        [name for name in ALL if name != "score"],
    ),
    "labels for numbers": (
        lambda df: df.assign(promo="yes"),
        r"column 'promo' must hold numbers as in fit; got 'yes'",
        [*KNOWN, "score"],
    ),
    "numbers for labels": (
        lambda df: df.assign(shelf=1.5),
        r"column 'shelf' must hold labels as in fit; got 1\.5",
        [*KNOWN, "score"],
    ),
    "numbers for static labels": (
        lambda df: df.assign(region=2.0),
        r"column 'region' must hold labels as in fit; got 2\.0",
        KNOWN,
    ),
    "a missing covariate": (
        lambda df: df.assign(promo=df["promo"].where(df.index != 1)),
        r"column 'promo'.* must have a value in every row; series 'a' lacks one at",
        ALL,
    ),
    "no covariate": (
        lambda df: df.drop(columns="promo"),
        r"covariates must be columns of a long frame; \['promo'\]",
        ALL,
    ),
    "no values": (
        lambda df: df.drop(columns="y"),
        r"df must have a column 'y', the values; got \['unique_id', .*\]: for covariates .* use predict\(X_df=\.\.\.\)",
        [*KNOWN, "score"],
    ),
    "no values at fit": (
        lambda df: df.drop(columns="y"),
        r"df must have a column 'y', the values; got \['unique_id', .*\]: target_col names it",
        ["fit", "cross_validation"],
    ),
    "a time twice": (
        lambda df: pd.concat([df, df.iloc[[1]]]),
        r"times must not repeat within a series; series 'a' has 2024-0[12]-0?[12]",
        ALL,
    ),
    "a gap": (
        lambda df: df.drop(1),
        r"times must have no gaps; series 'a' lacks|df must have a row for each step",
        ALL,
    ),
    "no time": (
        lambda df: df.assign(ds=df["ds"].where(df.index != 1)),
        r"must hold a time in every row",
        ALL,
    ),
    "no label": (
        lambda df: df.assign(unique_id=df["unique_id"].where(df.index != 1)),
        r"must name a series in every row",
        ALL,
    ),
    "no frame": (lambda df: df.to_dict(), r"the data must be a .*; got dict", ALL),
    "no rows": (lambda df: df[:0], r"the data must hold at least one series; got 0 rows", ALL),
    "times that are counted": (
        lambda df: df.assign(ds=df.groupby("unique_id").cumcount()),
        r".",
        [*KNOWN, "score"],
    ),
    "labels that are numbers": (
        lambda df: df.assign(unique_id=df["unique_id"].map({"a": 1, "b": 2})),
        r"series must be called as in fit, such as 'a'; got 1",
        ["update", "score"],
    ),
}


@pytest.mark.parametrize(
    ("kind", "call"), [(kind, call) for kind in SPOILT for call in SPOILT[kind][2]]
)
def test_what_is_refused(kind, call, pickled):
    spoil, sentence, _ = SPOILT[kind]
    forecaster = pickle.loads(pickled)
    before = pickle.dumps(vars(forecaster))
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        CALLS[call](forecaster, spoil)
    found = str(caught.value)
    assert "\n" not in found and found.endswith(".") and ". " not in found.replace("...", ""), found
    assert pickle.dumps(vars(forecaster)) == before


def test_what_is_older_is_refused(pickled):
    forecaster = pickle.loads(pickled)
    df = shops()
    before = df.assign(ds=df["ds"] - pd.Timedelta(days=LENGTH + H))
    with pytest.raises(
        ValueError, match="times of newer values must follow those known; series 'a' has 2023-11-28"
    ):
        forecaster.update(before)
    with pytest.raises(ValueError, match="must hold times that follow those of fit"):
        forecaster.score(before)


# Forms

FORMS = {
    "long": lambda df: df,
    "wide": lambda df: df.pivot(index="ds", columns="unique_id", values="y")[["b", "a"]],
    "series": lambda df: df[df["unique_id"] == "a"].set_index("ds")["y"].rename("a"),
    "two levels": lambda df: df.set_index(["unique_id", "ds"])[["y"]],
    "a series of two levels": lambda df: df.set_index(["unique_id", "ds"])["y"],
    "polars": lambda df: pytest.importorskip("polars").from_pandas(df),
}


@pytest.mark.parametrize("form", FORMS)
def test_update_and_score_take_every_form(form):
    as_form = FORMS[form]
    forecaster = RNNForecaster(**QUICK).fit(as_form(past(shops())))
    expected = forecaster.predict(as_form(shops()))
    long = RNNForecaster(**QUICK).fit(
        past(shops()) if form != "series" else past(shops()).query("unique_id == 'a'")
    )
    assert forecaster.score(as_form(newer(shops()))) == pytest.approx(long.score(newer(shops())))
    again = forecaster.update(as_form(newer(shops()))).predict()
    assert type(again) is type(expected)
    assert again.equals(expected)


@pytest.mark.parametrize("form", FORMS)
def test_update_in_another_form_keeps_that_of_fit(form):
    forecaster = RNNForecaster(**QUICK).fit(past(shops()))
    found = forecaster.update(FORMS[form](newer(shops()))).predict()
    assert list(found.columns) == ["unique_id", "ds", "RNNForecaster"] and len(found) == 2 * H
    expected = forecaster.predict(shops())
    told = ["a"] if form == "series" else ["a", "b"]
    for name in told:
        pd.testing.assert_frame_equal(
            found[found["unique_id"] == name], expected[expected["unique_id"] == name]
        )


@pytest.mark.parametrize(
    ("at_fit", "later"), [(None, "sales"), ("sales", None), (None, None), ("sales", "sales")]
)
def test_the_one_series_may_have_a_name_or_none(at_fit, later):
    y = FORMS["series"](shops())
    forecaster = RNNForecaster(**QUICK).fit(y[:LENGTH].rename(at_fit))
    assert forecaster.score(y[LENGTH:].rename(later)) < 0
    found = forecaster.update(y[LENGTH:].rename(later)).predict()
    pd.testing.assert_series_equal(found, forecaster.predict(y.rename(at_fit)))
    assert len(found) == H and found.index[0] == y.index[-1] + pd.Timedelta(days=1)


def test_another_series_is_not_mixed_into_one():
    y = FORMS["series"](shops())
    forecaster = RNNForecaster(**QUICK).fit(y[:LENGTH])
    before = forecaster.predict()
    with pytest.raises(ValueError, match=r"a Series must hold one series; got \['a', 'b'\]"):
        forecaster.update(y[LENGTH:].rename("b"))
    panel = RNNForecaster(**QUICK).fit(past(shops()))
    for call in (panel.update, panel.score):
        with pytest.raises(
            ValueError,
            match="a Series must be named as the series it goes on, such as 'a'; got no name",
        ):
            call(y[LENGTH:].rename(None))
    pd.testing.assert_series_equal(forecaster.predict(), before)


def test_a_new_series_of_a_wide_frame_is_forecast_too():
    wide = FORMS["wide"](shops())
    forecaster = RNNForecaster(**QUICK).fit(wide[:LENGTH])
    forecaster.update(wide[["a"]][LENGTH:].assign(c=[3.0, 4, 5, 6]))
    found = forecaster.predict(level=80)
    assert (
        list(found["RNNForecaster"].columns)
        == ["b", "a", "c"]
        == list(found["RNNForecaster-lo-80"].columns)
    )
    assert found["RNNForecaster", "c"].dropna().between(1, 20).all()


# Score


def test_score_is_the_error_in_naive_units():
    y = pd.Series(np.arange(LENGTH + H) * 2.0 + 10, pd.date_range("2024", periods=LENGTH + H))
    forecaster = RNNForecaster(**QUICK).fit(y[:LENGTH])
    off = np.abs(forecaster.predict() - y[LENGTH:])
    for n in range(1, H + 1):  # fewer than h steps
        assert forecaster.score(y[LENGTH : LENGTH + n]) == pytest.approx(-off[:n].mean() / 2)
    lacking = y[LENGTH:].copy()
    lacking.iloc[1] = np.nan
    assert forecaster.score(lacking) == pytest.approx(-off.drop(off.index[1]).mean() / 2)
    assert forecaster.score(lacking.dropna()) == forecaster.score(lacking)
    more = pd.Series(1e9, pd.date_range(y.index[-1] + pd.Timedelta(days=1), periods=3))
    # beyond the horizon
    assert forecaster.score(pd.concat([y[LENGTH:], more])) == pytest.approx(-off.mean() / 2)
    with pytest.raises(
        ValueError, match="must hold times that follow those of fit; got none with a value"
    ):
        forecaster.score(lacking[1:2])


@pytest.mark.parametrize("fill_gaps", [True, False])
def test_score_with_what_is_known_of_the_future(fill_gaps):
    forecaster = RNNForecaster(**QUICK | ROLES | {"fill_gaps": fill_gaps}).fit(past(shops()))
    df = newer(shops())
    carried = df.assign(
        promo=df["promo"].where(df["ds"] < "2024-02-02"),
        shelf=df["shelf"].where(df["ds"] < "2024-02-02"),
    )
    forecast = forecaster.predict(X_df=carried.ffill())
    near = df[df["ds"] < "2024-02-02"]
    both = near.merge(forecast, on=["unique_id", "ds"])
    naive = past(shops()).groupby("unique_id")["y"].apply(lambda y: y.diff().abs().mean())
    expected = -((both["y"] - both["RNNForecaster"]).abs() / both["unique_id"].map(naive)).mean()
    assert forecaster.score(near) == pytest.approx(expected)
    gap = df.drop(1)
    if fill_gaps:
        assert np.isfinite(forecaster.score(gap))
        filled = df.copy()
        filled.loc[1, ["promo", "shelf", "y"]] = [df["promo"][0], df["shelf"][0], np.nan]
        assert forecaster.score(gap) == pytest.approx(forecaster.score(filled))
    else:
        with pytest.raises(ValueError, match=r"series 'a' lacks 2024-02-01 .*: fill_gaps=True"):
            forecaster.score(gap)
    one = df[df["unique_id"] == "b"]  # the other series is not asked for
    assert np.isfinite(forecaster.score(one))


def test_a_search_over_a_panel_with_gaps_and_a_known_future():
    df = shops().drop([12, 27, 33, 40])
    forecaster = RNNForecaster(**QUICK | ROLES | {"fill_gaps": True, "calendar": ["dayofweek"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(
            forecaster,
            {"hidden_size": [2, 4]},
            cv=PanelTimeSeriesSplit(2, h=5),
            error_score="raise",
        ).fit(df)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# Columns' names


def test_none_is_the_usual_column():
    pipeline = make_pipeline(RNNForecaster(**QUICK)).fit(past(shops()))
    expected = RNNForecaster(**QUICK).fit(past(shops()))
    pd.testing.assert_frame_equal(pipeline.predict(past(shops())), expected.predict())
    assert pipeline.score(newer(shops())) == expected.score(newer(shops()))


@pytest.mark.parametrize("y", [shops()["y"], shops()["y"].to_numpy(), [1.0, 2.0], shops()[["y"]]])
def test_the_target_is_a_column(y):
    for call in (
        RNNForecaster(**QUICK).fit,
        lambda df, y: RNNForecaster(**QUICK).cross_validation(df, id_col=y),
    ):
        with pytest.raises(
            TypeError,
            match=r"id_col must be the name of a column; got a .*: the target is a column of df",
        ):
            call(shops(), y)
