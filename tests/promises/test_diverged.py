"""Weights that are finite need not give forecasts that are: what is not finite is an error, said in a sentence, without
a warning of numpy, and the forecaster stays as it was.
"""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.exceptions import DivergenceError

QUICK = {
    "h": 3,
    "n_networks": 2,
    "max_steps": 20,
    "hidden_size": 8,
    "window": 6,
    "level_window": 1,
    "random_state": 0,
}


def series(n=60, seed=0):
    return pd.Series(np.random.default_rng(seed).random(n) + 1, pd.date_range("2020", periods=n))


WILD = {
    "with a trial": {"window": "auto", "level_window": "auto", "learning_rate_init": 1e4},
    "without clipping": {"learning_rate_init": 1e3, "clip_norm": None},
    "with quantiles": {"learning_rate_init": 1e4, "quantiles": [0.1, 0.9]},
    "recursive": {"learning_rate_init": 1e4, "decoder": "recursive"},
    "encoder-decoder": {"learning_rate_init": 1e4, "decoder": "encoder-decoder"},
    "without Theta": {"learning_rate_init": 1e4, "shares": {}},
    "with all of Theta": {"learning_rate_init": 1e4, "shares": {"theta": 1}},
    "differences": {"learning_rate_init": 1e4, "difference": True},
}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("kind", WILD)
def test_a_fit_that_diverges_says_so_or_forecasts(kind):
    forecaster = RNNForecaster(**QUICK).fit(series())
    before, expected = pickle.dumps(forecaster._fitted), forecaster.predict(level=80)
    try:
        forecaster.set_params(**WILD[kind]).fit(series())
    except DivergenceError as error:
        assert "learning_rate_init (it was 1" in str(error) and "\n" not in str(error)
        assert pickle.dumps(forecaster._fitted) == before
        pd.testing.assert_frame_equal(forecaster.predict(level=80), expected, check_exact=True)
    else:
        found = forecaster.predict(level=80)
        assert np.isfinite(found).all(axis=None)


def test_one_that_diverges_for_certain():
    wild = RNNForecaster(**QUICK | WILD["with a trial"])
    for call in (wild.fit, wild.cross_validation):
        with pytest.raises(
            DivergenceError, match=r"try a lower learning_rate_init \(it was 10000\)"
        ):
            call(series())
    assert not hasattr(wild, "plans_")


@pytest.fixture(scope="module")
def overflowing():
    """A forecaster whose networks forecast what has no finite exponential."""
    forecaster = RNNForecaster(**QUICK).fit(series())
    for member in forecaster._fitted.members:
        member.theta[:] = 3000 * np.abs(member.theta)
    return forecaster


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f.predict(),
        lambda f: f.predict(h=1),
        lambda f: f.predict(h=9),
        lambda f: f.predict(level=80),
        lambda f: f.predict(series(40, seed=1)),
        lambda f: f.simulate(3),
        lambda f: f.score(pd.Series([1.0], [pd.Timestamp("2020-03-01")])),
    ],
)
def test_no_method_returns_what_is_not_finite(call, overflowing):
    with pytest.raises(DivergenceError, match="forecasts must be finite; got some that are not"):
        call(overflowing)


@pytest.mark.parametrize(
    "size", [1.7e308, 1e301, 1e300, 1e200, 1e30, 1.0, 1e-30, 1e-200, 1e-300, 5e-324]
)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "options", [{}, {"scale": True}, {"difference": True}, {"log": False, "scale": False}]
)
def test_values_of_any_size(size, sign, options):
    y = sign * size * np.ceil(4 * series())
    if not np.isfinite(y).all():
        y = sign * size * (series() > 1.5)
    forecaster = RNNForecaster(**QUICK | {"max_steps": 2, "n_networks": 1} | options)
    limit = 1e18 if options.get("scale") is False else 1e300
    if np.abs(y).max() > limit:
        advice = (
            "scale='auto' takes each series in its own unit"
            if limit == 1e18
            else "take them in a larger unit"
        )
        with pytest.raises(
            ValueError,
            match=rf"values must be at most .* in size; series 'series' has .*: {advice}",
        ):
            forecaster.fit(y)
        return
    try:
        found = forecaster.fit(y).predict(level=80)
    except DivergenceError as error:
        assert limit == 1e18 and size > 1, error
    else:
        assert np.isfinite(found).all(axis=None)
