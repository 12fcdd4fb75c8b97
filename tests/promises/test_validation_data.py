"""`X_val` and `y_val` of `fit` are what early stopping watches, for every estimator and form; what is wrong with them
is said as of X and y.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from textbook import SINGLE, textbook

from tsrnn import (
    PerStep,
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)

SMALL = {
    "cell": "gru",
    "hidden_size": 4,
    "max_iter": 4,
    "batch_size": 4,
    "random_state": 0,
    "early_stopping": True,
}
ALL = [
    RNNRegressor,
    RNNClassifier,
    RNNSequenceRegressor,
    RNNSequenceClassifier,
    RNNSeq2SeqRegressor,
    RNNSeq2SeqClassifier,
]


def data(Estimator, seed, n=12):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(2, 7, size=n)]
    sums = [x[:, 0].cumsum() for x in X]
    y = {
        RNNRegressor: lambda: np.array([part[-1] for part in sums]),
        RNNClassifier: lambda: np.where([i % 2 for i in range(n)], "up", "down"),
        RNNSequenceRegressor: lambda: sums,
        RNNSequenceClassifier: lambda: [
            np.where(np.arange(len(part)) % 2, "up", "down") for part in sums
        ],
        RNNSeq2SeqRegressor: lambda: sums,
        RNNSeq2SeqClassifier: lambda: ["ud"[: 1 + i % 2] for i in range(n)],
    }[Estimator]()
    return X, y


@pytest.mark.parametrize("Estimator", ALL)
def test_all_of_X_is_trained_on_and_the_rest_is_watched(Estimator):
    X, y = data(Estimator, 0)
    X_val, y_val = data(Estimator, 1, 8)
    model = Estimator(**textbook(Estimator) | SMALL).fit(X, y, X_val=X_val, y_val=y_val)
    plain = Estimator(**textbook(Estimator) | SMALL | {"early_stopping": False}).fit(X, y)
    assert model.loss_curve_ == plain.loss_curve_
    assert len(model.validation_loss_curve_) == model.n_iter_
    last = int(np.argmin(model.validation_loss_curve_))
    best = Estimator(
        **textbook(Estimator) | SMALL | {"early_stopping": False, "max_iter": last + 1}
    ).fit(X, y)
    for name, weight in best.weights_.items():
        assert_array_equal(weight, model.weights_[name])
    other = Estimator(**textbook(Estimator) | SMALL).fit(X, y, X_val=X, y_val=y)
    assert other.validation_loss_curve_ != model.validation_loss_curve_


def test_the_loss_is_that_of_the_validation_data_and_its_weights():
    X, y = data(RNNRegressor, 0)
    X_val, y_val = data(RNNRegressor, 1, 8)
    weight = np.linspace(0, 2, 8)
    model = RNNRegressor(**SINGLE | SMALL, standardize=False)
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    loss = np.average((model.predict(X_val) - y_val) ** 2, weights=weight)
    assert min(model.validation_loss_curve_) == pytest.approx(loss, rel=1e-5)
    X, y = data(RNNClassifier, 0)
    X_val, y_val = data(RNNClassifier, 1, 8)
    model = RNNClassifier(**SINGLE | SMALL).fit(X, y, X_val=X_val, y_val=y_val)
    assert min(model.validation_loss_curve_) == pytest.approx(
        log_loss(y_val, model.predict_proba(X_val)), rel=1e-5
    )


def test_labels_series_and_inputs_of_the_decoder_belong_to_it_too():
    X, y = data(RNNRegressor, 0)
    names = [f"m{i}" for i in range(12)]
    frame = pd.concat({name: pd.DataFrame(x) for name, x in zip(names, X)})
    by_label = pd.Series(y, names).iloc[::-1]
    one = RNNRegressor(**SMALL).fit(X, y, X_val=frame, y_val=by_label)
    assert (
        one.validation_loss_curve_
        == RNNRegressor(**SMALL).fit(X, y, X_val=X, y_val=y).validation_loss_curve_
    )
    X, y = data(RNNSequenceRegressor, 0)
    rows, labels = np.concatenate(X), np.repeat(names, list(map(len, X)))
    flat = {"X_val": rows, "y_val": np.concatenate(y), "series_val": labels}
    one = RNNSequenceRegressor(**SMALL).fit(rows, np.concatenate(y), series=labels, **flat)
    same = RNNSequenceRegressor(**SMALL).fit(X, y, X_val=X, y_val=y)
    assert one.validation_loss_curve_ == same.validation_loss_curve_
    X, y = data(RNNSeq2SeqRegressor, 0)
    known = [np.arange(float(len(part))) for part in y]
    given = {"X_val": X, "y_val": y}
    RNNSeq2SeqRegressor(**SMALL).fit(X, y, decoder_inputs=known, decoder_inputs_val=known, **given)
    with pytest.raises(ValueError, match="decoder_inputs must have 1 features a step"):
        RNNSeq2SeqRegressor(**SMALL).fit(X, y, decoder_inputs=known, **given)


@pytest.mark.parametrize("Estimator", ALL)
def test_what_cannot_be_right_is_refused(Estimator):
    X, y = data(Estimator, 0)
    good = {"X_val": X, "y_val": y}
    bad = {
        "y_val must be given with X_val; got None": good | {"y_val": None},
        "X_val must be given with y_val; got None": good | {"X_val": None},
        "X_val must be given with sample_weight_val; got None": {"sample_weight_val": np.ones(12)},
        "X_val and y_val must be right as X and y must; of them: X has 1 features": good
        | {"X_val": [x[:, :1] for x in X]},
        "of them: Input X contains NaN": good | {"X_val": [*X[:11], X[11] * np.nan]},
        "of them: y must have one": good | {"y_val": y[:11]},
    }
    if hasattr(Estimator, "predict_proba"):
        strange = "xx" if isinstance(y[0], str) else np.full(len(y[0]), "xx")
        bad["of them: labels of y must be among the classes"] = good | {"y_val": [*y[:11], strange]}
    for expected, given in bad.items():
        with pytest.raises(ValueError) as caught:
            Estimator(**SMALL).fit(X, y, **given)
        assert expected in str(caught.value) and str(caught.value).endswith(".")
    with pytest.raises(
        ValueError, match=r"^early_stopping of RNN\w+ must be True with X_val and y_val"
    ):
        Estimator(**SMALL | {"early_stopping": False}).fit(X, y, **good)


def test_a_pipeline_transforms_it_where_scikit_learn_is_told():
    X, y = data(RNNRegressor, 0)
    X_val, y_val = data(RNNRegressor, 1, 8)
    with config_context(enable_metadata_routing=True):
        network = RNNRegressor(**SMALL).set_fit_request(X_val=True, y_val=True)
        steps = [("scale", PerStep(StandardScaler())), ("network", network)]
        model = Pipeline(steps, transform_input=["X_val"]).fit(X, y, X_val=X_val, y_val=y_val)
    scaler = PerStep(StandardScaler()).fit(X)
    given = {"X_val": scaler.transform(X_val), "y_val": y_val}
    alone = RNNRegressor(**SMALL).fit(scaler.transform(X), y, **given)
    assert model[-1].validation_loss_curve_ == alone.validation_loss_curve_
