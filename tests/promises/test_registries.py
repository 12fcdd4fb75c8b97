"""A cell and a loss that are registered are options of every estimator that has such a parameter, and learn."""

import numpy as np
import pandas as pd
import pytest
from network_cases import ESTIMATORS, lists, target
from numba.extending import register_jitable

from tsrnn import RNNForecaster, RNNRegressor, RNNSeq2SeqRegressor
from tsrnn.rules.cells import CELLS, Cell, offered_cells
from tsrnn.rules.functions import ONE, tanh
from tsrnn.rules.losses import LOSSES, Loss, losses_fed_back, offered_losses


@register_jitable
def leaky_forward(a, q, old):
    """h = (old + tanh(a + q)) / 2."""
    n = tanh(a[0] + q[0])
    return ((old[0] + n) / (ONE + ONE),), (n,)


@register_jitable
def leaky_backward(saved, old, ds):
    d = ds[0] * (ONE - saved[0] * saved[0]) / (ONE + ONE)
    return (d,), (d,), (ds[0] / (ONE + ONE),)


@register_jitable
def fourth_power(output, target, parameters):
    """(y - t)^4."""
    e = output - target
    return e * e * e * e, (ONE + ONE + ONE + ONE) * e * e * e


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(
        CELLS,
        "leaky",
        Cell("leaky", 1, 1, 1, 1, leaky_forward, leaky_backward, title="a leaky one"),
    )
    monkeypatch.setitem(LOSSES, "fourth", Loss("fourth", fourth_power, title="(y - t)^4"))


OPTIONS = {
    "hidden_size": 8,
    "max_iter": 30,
    "learning_rate_init": 0.01,
    "random_state": 0,
    "batch_size": 16,
    "learning_rate": "constant",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Estimator", ESTIMATORS, ids=lambda Estimator: Estimator.__name__)
def test_estimators_train_with_what_is_registered(registered, Estimator, tmp_path):
    X = lists(60)
    y = target(Estimator, X)
    loss = {"loss": "fourth"} if "loss" in Estimator._constraints else {}
    model = Estimator(cell="leaky", **loss, **OPTIONS).fit(X, y)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]
    model.save(tmp_path / "model")
    again = Estimator.load(tmp_path / "model")
    for one, other in zip(model.predict(X), again.predict(X)):
        np.testing.assert_array_equal(one, other)


def test_the_forecaster_trains_with_what_is_registered(registered):
    t = np.arange(60)
    df = pd.DataFrame({"unique_id": "a", "ds": t, "y": 10 + 3 * np.sin(t / 3)})
    options = {
        "h": 4,
        "n_networks": 1,
        "hidden_size": 8,
        "max_steps": 200,
        "window": 8,
        "random_state": 0,
    }
    forecaster = RNNForecaster(cell="leaky", **options).fit(df)
    assert forecaster.loss_curves_[0][-1] < 0.7 * forecaster.loss_curves_[0][0]


def test_what_is_registered_is_offered_by_name(registered):
    with pytest.raises(ValueError, match=r"one of .*'leaky', 'auto'; got 'other'"):
        RNNRegressor(cell="other").fit([[1.0], [2.0]], [1, 2])
    with pytest.raises(ValueError, match=r"one of .*'fourth'; got 'other'"):
        RNNRegressor(loss="other").fit([[1.0], [2.0]], [1, 2])


def test_docstrings_name_what_is_offered():
    for Estimator in ESTIMATORS:
        text = " ".join(Estimator.__doc__.split())
        assert all(f'"{name}" is {CELLS[name].title}' in text for name in offered_cells())
    for Estimator, offered in (
        (RNNRegressor, offered_losses()),
        (RNNSeq2SeqRegressor, losses_fed_back()),
    ):
        text = " ".join(Estimator.__doc__.split())
        assert all(f'"{name}" is {LOSSES[name].title}' in text for name in offered)


# Tweedie's deviance and the pinball loss rounded as Huber's, which came as lines of the registry


def test_tweedie_forecasts_means_of_counts():
    """The log of the mean is linear in what the network sees; scikit-learn's own regression knows the form."""
    from sklearn.linear_model import TweedieRegressor
    from sklearn.metrics import mean_tweedie_deviance

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(2000, 1, 1))
    y = rng.poisson(np.exp(0.5 + 1.2 * x[:, 0, 0])).astype(float)
    network = RNNRegressor(
        loss="tweedie", tweedie_power=1.5, cell="rnn", hidden_size=8, max_iter=60, random_state=0
    )
    predicted = network.fit(x, y).predict(x)
    linear = TweedieRegressor(power=1.5, link="log", alpha=0).fit(x[:, 0], y).predict(x[:, 0])
    assert (predicted > 0).all()
    ours, theirs = (mean_tweedie_deviance(y, one, power=1.5) for one in (predicted, linear))
    assert ours < 1.01 * theirs
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.05)


def test_tweedie_refuses_negative_targets():
    with pytest.raises(
        ValueError, match="the target of sequence 1 must be at least 0 with loss='tweedie'; got -2"
    ):
        RNNRegressor(loss="tweedie").fit([[1.0], [2.0]], [1, -2])


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_the_rounded_pinball_loss_aims_at_its_quantile(quantile):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(1500, 1, 1))
    y = 2 * x[:, 0, 0] + rng.normal(size=1500)
    options = {"cell": "rnn", "hidden_size": 8, "max_iter": 60, "random_state": 0}
    network = RNNRegressor(
        loss="quantile_huber", quantile=quantile, huber_delta=0.1, **options
    ).fit(x, y)
    below = (y < network.predict(x)).mean()
    assert below == pytest.approx(quantile, abs=0.04)
