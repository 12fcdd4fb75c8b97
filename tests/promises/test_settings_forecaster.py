"""Fitted is fitted: parameters set after `fit` change no answer of a forecaster until the next `fit`."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.forecasting import trial

QUICK = {
    "n_networks": 2,
    "max_steps": 3,
    "hidden_size": 4,
    "window": 8,
    "random_state": 0,
    "n_jobs": 1,
}
ROLES = {
    "past_covariates": ["visitors"],
    "future_covariates": ["promo"],
    "static_covariates": ["region"],
}

# Kinds of forecasters, which read different settings.
FITTED = {
    "plain": {"h": 3, "season_length": 4},
    "covariates": {"h": 3, "calendar": ["dayofweek"], "fill_gaps": True} | ROLES,
    "quantiles": {"h": 3, "quantiles": [0.1, 0.9]},
    "differences": {"h": 3, "difference": True, "scale": True, "log": False},
    "decoded": {"h": 4, "decoder": "encoder-decoder", "segment": 2, "level_window": 2},
}

# For every parameter values that are not those of any kind; None of a list has a value that `fit` would refuse here.
OTHERS = {
    "h": [1, 5, 10],
    "freq": ["h", "W", 1],
    "season_length": [1, 7, 12],
    "decoder": ["direct", "recursive", "encoder-decoder"],
    "cell": ["rnn"],
    "hidden_size": [9],
    "window": [12, "auto"],
    "segment": [3, "auto"],
    "level_window": [3, "auto"],
    "level": [3, "auto"],
    "log": [True, False, "auto"],
    "scale": [True, False],
    "difference": [True, False],
    "deseasonalize": [True, False],
    "fill_gaps": [True, False],
    "past_covariates": [["promo"], None],
    "future_covariates": [["visitors"], None],
    "static_covariates": [["nothing"], None],
    "calendar": [["month"], None],
    "effort": ["best"],
    "n_networks": [1, 5],
    "quantiles": [[0.25, 0.75], None],
    "shares": [{"theta": 0.9}, {}],
    "theta_share": [0.9],
    "max_steps": [1],
    "learning_rate_init": [5.0],
    "batch_size": [1],
    "alpha": [9.0],
    "clip_norm": [1e-9],
    "warm_start": [True],
    "random_state": [7],
    "n_jobs": [2],
    "device": ["cuda"],
    "precision": ["tf32"],
    "verbose": [1],
}


def data(n=40):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=n)
    frames = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": days,
                "y": rng.uniform(5, 9, size=n),
                "visitors": rng.normal(size=n),
                "promo": rng.integers(0, 2, size=n),
                "region": region,
            }
        )
        for name, region in (("a", "north"), ("b", "south"))
    ]
    return pd.concat(frames, ignore_index=True)


def known():
    return data().groupby("unique_id").head(34).reset_index(drop=True)


def gaps(df):
    return df.drop(df.index[[9, 10]])


def answers(forecaster, folder, options):
    """All that can be asked of a fitted forecaster, as numbers."""
    X = {"X_df": data()} if options.get("future_covariates") else {}
    newer = data().groupby("unique_id").tail(6).reset_index(drop=True)
    newer = newer[newer["ds"] < newer["ds"].min() + pd.Timedelta(days=3)]
    ours = pickle.loads(pickle.dumps(forecaster))
    yield forecaster.predict(**X)
    yield forecaster.predict(h=2, **X)
    yield forecaster.predict(h=6, **X)
    yield forecaster.predict(level=80, **X)
    yield forecaster.predict(known()[known()["unique_id"] == "b"], **X)
    yield forecaster.simulate(3, random_state=0, **X)
    yield pd.Series(forecaster.score(newer))
    yield ours.predict(**X)
    yield ours.update(newer).predict(**X)
    if options.get("fill_gaps"):
        with pytest.warns(UserWarning):
            yield forecaster.predict(gaps(known()), **X)
    else:
        with pytest.raises(ValueError, match="times must have no gaps"):
            forecaster.predict(gaps(known()), **X)
    pytest.importorskip("safetensors")
    forecaster.save(folder / "file")
    yield RNNForecaster.load(folder / "file").predict(level=80, **X)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Forecasters as they were fitted, and their answers."""
    folder, found = tmp_path_factory.mktemp("asked"), {}
    for name, options in FITTED.items():
        forecaster = RNNForecaster(**QUICK | options).fit(known())
        found[name] = pickle.dumps(forecaster), list(answers(forecaster, folder, options))
    return found


def test_every_parameter_is_in_the_table():
    assert set(OTHERS) == set(RNNForecaster().get_params())


@pytest.mark.parametrize("kind", FITTED)
@pytest.mark.parametrize("name", OTHERS)
def test_no_answer_depends_on_parameters_of_now(name, kind, asked, tmp_path):
    fitted, expected = asked[kind]
    for value in OTHERS[name]:
        forecaster = pickle.loads(fitted).set_params(**{name: value})
        for one, other in zip(answers(forecaster, tmp_path, FITTED[kind]), expected, strict=True):
            (pd.testing.assert_series_equal if one.ndim == 1 else pd.testing.assert_frame_equal)(
                one, other, check_exact=True
            )
        assert forecaster.get_params()[name] == value


def test_the_next_fit_reads_them(asked):
    fitted, _ = asked["plain"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = (
            pickle.loads(fitted).set_params(h=5, quantiles=[0.2, 0.8], season_length=1).fit(known())
        )
    assert len(again.predict()) == 10 and again.quantiles_ == (0.2, 0.8)
    fresh = RNNForecaster(**QUICK | {"h": 5, "quantiles": [0.2, 0.8]}).fit(known())
    pd.testing.assert_frame_equal(
        again.predict(level=60), fresh.predict(level=60), check_exact=True
    )


def test_a_list_that_the_user_changes_is_not_that_of_fit():
    quantiles, promo = [0.1, 0.9], ["promo"]
    forecaster = RNNForecaster(
        **QUICK | {"h": 3, "quantiles": quantiles, "future_covariates": promo}
    ).fit(known())
    expected = forecaster.predict(level=80, X_df=data())
    quantiles[:] = [0.3, 0.7]
    promo.append("visitors")
    forecaster.plans_.clear()
    forecaster.trial_ = None
    forecaster.effects_ *= 9
    pd.testing.assert_frame_equal(
        forecaster.predict(level=80, X_df=data()), expected, check_exact=True
    )


def test_networks_that_go_on_keep_their_scale():
    """Their errors, which intervals are made of, stand on it."""
    forecaster = RNNForecaster(**QUICK | {"h": 3, "warm_start": True}).fit(known())
    for change in (
        {"log": False},
        {"season_length": 7},
        {"scale": True},
        {"decoder": "recursive"},
        {"h": 4},
    ):
        before = forecaster.get_params()
        with pytest.raises(ValueError, match="must stay those of the last fit"):
            forecaster.set_params(**change).fit(known())
        forecaster.set_params(**before)


@pytest.mark.parametrize(
    "options",
    [
        {"log": np.True_},
        {"log": np.False_, "scale": np.True_},
        {"scale": np.False_, "difference": np.True_},
        {"season_length": np.int8(5), "window": "auto", "deseasonalize": np.True_},
        {"season_length": np.int8(5), "window": "auto", "deseasonalize": np.False_},
        {"h": np.int8(6), "window": "auto", "season_length": np.uint8(20)},
        {
            "shares": {"theta": np.float32(0.5)},
            "learning_rate_init": np.float64(0.03),
            "clip_norm": np.float16(0.5),
        },
        {
            "fill_gaps": np.True_,
            "n_networks": np.int8(3),
            "batch_size": np.int8(100),
            "max_steps": np.int16(30),
        },
        {"quantiles": [np.float64(0.1), np.float64(0.9)], "hidden_size": np.int8(100)},
    ],
)
def test_numbers_of_numpy_are_numbers(options):
    """What searches over arrays set."""
    as_python = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in options.items()
    }
    one, other = (
        RNNForecaster(**QUICK | {"h": 3} | given).fit(known()) for given in (options, as_python)
    )
    pd.testing.assert_frame_equal(one.predict(level=80), other.predict(level=80), check_exact=True)
    assert one.plans_ == other.plans_ and one.loss_curves_ == other.loss_curves_


def test_plans_are_those_in_use(monkeypatch):
    monkeypatch.setattr(trial, "TOLERANCE", 10.0)  # all of the best are kept
    forecaster = RNNForecaster(h=3, n_networks=1, max_steps=60, hidden_size=4, random_state=0)
    forecaster.fit(known())
    assert len(forecaster.plans_) == 1 and forecaster.trial_["kept"].sum() > 1
