"""A shorter or longer horizon: its first steps are those of the trained one, to the bit, and nothing known is taken for
zeros.
"""

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster

H = 4
QUICK = {
    "shares": {},
    "h": H,
    "n_networks": 2,
    "max_steps": 20,
    "hidden_size": 6,
    "window": 6,
    "segment": 3,
    "level_window": 1,
}
QUICK |= {"random_state": 0, "n_jobs": 1}  # a segment of 3 does not divide the horizon
DECODERS = "direct", "recursive", "encoder-decoder"
KINDS = {
    "none": {},
    "calendar": {"calendar": ["dayofweek"]},
    "future": {"future_covariates": ["promo", "shelf"]},
    "both": {
        "future_covariates": ["promo", "shelf"],
        "calendar": ["dayofweek"],
        "static_covariates": ["region"],
    },
    "past": {"past_covariates": ["promo"]},
}
LENGTH = 42  # of known values; the rest of the frame is the future


def shops(length=LENGTH + 3 * H):
    rng = np.random.default_rng(0)
    frames = []
    for i, region in enumerate(["north", "south", "south"]):
        promo = rng.integers(0, 2, size=length)
        y = 20 * (i + 1) * np.exp(0.4 * np.sin(2 * np.pi * np.arange(length) / 7) + 0.5 * promo)
        shelf = np.where(rng.random(length) < 0.5, "top", "low")
        days = pd.date_range("2024-01-01", periods=length)
        columns = {
            "unique_id": f"s{i}",
            "ds": days,
            "y": y,
            "promo": promo,
            "shelf": shelf,
            "region": region,
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def past_and_future():
    df = shops()
    place = df.groupby("unique_id").cumcount()
    return df[place < LENGTH].reset_index(drop=True), df[place >= LENGTH].drop(columns="y")


def first(frame, h):
    return frame.groupby("unique_id").head(h).reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted():
    past, _ = past_and_future()
    return {
        (decoder, kind): RNNForecaster(**QUICK | {"decoder": decoder} | options).fit(past)
        for decoder in DECODERS
        for kind, options in KINDS.items()
    }


def asked_of(forecaster, X_df):
    return {"X_df": X_df} if forecaster.future_covariates else {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_first_steps_are_the_same(decoder, kind, fitted):
    forecaster = fitted[decoder, kind]
    _, future = past_and_future()
    X = asked_of(forecaster, future)
    whole = forecaster.predict(level=[50, 80], **X)
    for h in range(1, H + 1):
        pd.testing.assert_frame_equal(
            forecaster.predict(h=h, level=[50, 80], **X), first(whole, h), check_exact=True
        )
    far = forecaster.predict(h=3 * H, **X)
    for h in (H + 1, 2 * H, 2 * H + 1):
        pd.testing.assert_frame_equal(forecaster.predict(h=h, **X), first(far, h), rtol=1e-6)
    pd.testing.assert_frame_equal(first(far, H), whole.iloc[:, :3], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_paths_too(decoder, kind, fitted):
    forecaster = fitted[decoder, kind]
    X = asked_of(forecaster, past_and_future()[1])
    whole = forecaster.simulate(3, random_state=1, **X)
    for h in (1, 3):
        pd.testing.assert_frame_equal(
            forecaster.simulate(3, random_state=1, h=h, **X), first(whole, h), check_exact=True
        )
    with pytest.raises(
        ValueError, match="h of simulate is available up to the trained horizon, h=4; got h=5"
    ):
        forecaster.simulate(3, h=5, **X)


@pytest.mark.parametrize("kind", ["future", "both"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_what_nobody_told_of_the_future_stays_as_it_was_last(decoder, kind, fitted):
    forecaster = fitted[decoder, kind]
    _, future = past_and_future()
    for h in (1, 2, H, H + 1, 2 * H):
        short = first(future, h)
        last = short.groupby("unique_id").tail(1)
        later = (
            first(future, 3 * H)
            .drop(columns=["promo", "shelf"])
            .merge(last[["unique_id", "promo", "shelf"]])
        )
        told = pd.concat([short, later[~later["ds"].isin(short["ds"])]], ignore_index=True)
        expected = forecaster.predict(h=h, X_df=told)
        pd.testing.assert_frame_equal(
            forecaster.predict(h=h, X_df=short), expected, check_exact=True
        )
        unknown = first(future, 3 * H).astype({"promo": float})
        unknown.loc[~unknown["ds"].isin(short["ds"]), ["promo", "shelf"]] = np.nan
        pd.testing.assert_frame_equal(
            forecaster.predict(h=h, X_df=unknown), expected, check_exact=True
        )


@pytest.mark.parametrize("kind", ["future", "both"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_rest_of_the_horizon_is_seen(decoder, kind, fitted):
    """Only then can the first steps be those of the whole."""
    forecaster = fitted[decoder, kind]
    _, future = past_and_future()
    # two steps
    turned = future.assign(
        promo=future["promo"].where(future["ds"] < "2024-02-14", 1 - future["promo"])
    )
    one, other = (forecaster.predict(h=2, X_df=X)["RNNForecaster"] for X in (future, turned))
    assert not one.equals(other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_past_is_forecast_as_the_future(decoder, kind, fitted):
    past, future = past_and_future()
    df = shops()[shops()["ds"].isin(pd.concat([past["ds"], first(future, H)["ds"]]))]
    out = RNNForecaster(**fitted[decoder, kind].get_params()).cross_validation(
        df, n_windows=1, level=80
    )
    X = asked_of(fitted[decoder, kind], first(future, H))
    expected = fitted[decoder, kind].predict(level=80, **X)
    np.testing.assert_array_equal(out.iloc[:, 4:], expected.iloc[:, 2:])
    if X:
        with pytest.raises(ValueError, match="X_df must have a row for each of the 4 steps"):
            fitted[decoder, kind].predict(X_df=first(future, H - 1))


def test_the_weekday_of_the_first_day():
    """A week's shape that only the calendar tells: a day ahead is forecast as well as it is among seven."""
    days = pd.date_range("2024-01-01", periods=84)
    y = pd.Series(np.where(days.day_of_week >= 5, 3.0, 10.0), days)
    options = {
        "h": 7,
        "calendar": ["dayofweek"],
        "window": 2,
        "segment": 1,
        "level_window": 1,
        "shares": {},
    }
    forecaster = RNNForecaster(**QUICK | options | {"max_steps": 300}).fit(y[:77])
    for n in range(70, 77):
        one = forecaster.predict(y[:n], h=1)
        assert one.iloc[0] == forecaster.predict(y[:n]).iloc[0]
        assert one.iloc[0] == pytest.approx(y.iloc[n], rel=0.2)
