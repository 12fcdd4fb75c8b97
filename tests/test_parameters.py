"""A parameter that changes nothing is a bug: each one, where it should act, changes what it is there for."""

import threading
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from textbook import single

from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.backends import cpu
from tsrnn.backends.devices import why_no_gpu
from tsrnn.training import side_by_side as threads

BASE = {"cell": "gru", "hidden_size": 4, "max_iter": 4, "batch_size": 8, "random_state": 0}
QUICK = {
    "shares": {},
    "h": 3,
    "hidden_size": 4,
    "n_networks": 2,
    "max_steps": 20,
    "batch_size": 8,
    "random_state": 0,
}


class Acts(NamedTuple):
    """Setting a parameter to `value` changes `what` of a model that has the parameters `where`."""

    value: object
    what: str = "weights"
    where: dict = {}


class Refused(NamedTuple):
    """The parameter cannot have this value here; the error names it."""

    value: object
    where: dict = {}


LAYERS, STOPPING, PLAIN = {"n_layers": 2}, {"early_stopping": True}, {"cell": "rnn"}
IMPATIENT = {"tol": 1e3, "n_iter_no_change": 1, "max_iter": 20}  # no epoch is progress enough
NO_GPU = [Refused("cuda")] if why_no_gpu() else []
WIDE = {"hidden_size": 128, "batch_size": 200, "max_iter": 1}  # work enough for a second thread

SHARED = {
    "cell": [Acts("rnn"), Acts("lstm")],
    "hidden_size": [Acts(5)],
    "n_layers": [Acts(2)],
    "bidirectional": [Acts(True)],
    "dropout": [Acts(0.5, where=LAYERS), Refused(0.5)],
    "output_dropout": [
        Acts(0.5),
        Acts(0.5, where=LAYERS),
        Acts(0.5, where={"bidirectional": True}),
    ],
    "activation": [Acts("relu", where=PLAIN), Refused("relu")],
    "max_length": [Acts(3)],
    "truncate": [Acts("start", where={"max_length": 3})],
    "bptt_steps": [Acts(2), Acts(2, where=LAYERS), Refused(2, {"bidirectional": True})],
    "solver": [Acts("adamw", where={"alpha": 0.1}), Acts("sgd"), Acts("rmsprop")],
    "learning_rate_init": [Acts(0.02)],
    "learning_rate": [Acts("constant"), Acts("plateau", where=IMPATIENT)],
    "momentum": [
        Acts(0.5),
        Acts(0.5, where={"solver": "sgd"}),
        Acts(0.5, where={"solver": "rmsprop"}),
    ],
    "alpha": [Acts(0.1), Acts(0.1, where={"solver": "adamw"})],
    "clip_norm": [Acts(0.01), Acts(None, where={"clip_norm": 0.01})],
    "clip_value": [Acts(1e-3)],
    "batch_size": [Acts(16), Acts(16, "updates")],
    "max_iter": [Acts(2), Acts(2, "epochs")],
    "tol": [Acts(1e3, "epochs", {"n_iter_no_change": 1, "max_iter": 20})],
    "early_stopping": [Acts(True), Acts(True, "validation losses")],
    "validation_fraction": [Acts(0.3, "validation losses", STOPPING)],
    "n_iter_no_change": [Acts(3, "epochs", IMPATIENT)],
    "shuffle": [Acts(False)],
    "warm_start": [Acts(True), Acts(True, "epochs")],
    "random_state": [
        Acts(1),
        Acts(1, "validation losses", STOPPING),
        Acts(np.random.RandomState(1)),
    ],
    "n_jobs": [Acts(2, "threads", WIDE)],
    "device": NO_GPU,
    "precision": [Refused("tf32"), Refused("tf32", {"dtype": "float64"})],
    "dtype": [Acts("float64", "precision"), Acts("float64")],
    "verbose": [Acts(1, "stderr")],
}

REGRESSION = {
    "loss": [Acts("absolute"), Acts("huber"), Acts("pinball"), Acts("quantile_huber")],
    "huber_delta": [
        Acts(0.1, where={"loss": "huber"}),
        Acts(0.1, where={"loss": "quantile_huber"}),
    ],
    "quantile": [Acts(0.9, where={"loss": "pinball"}), Acts(0.9, where={"loss": "quantile_huber"})],
}
LINKED = {"tweedie_power": [Acts(1.1, where={"loss": "tweedie"}), Refused(2)]}
CLASSIFICATION = {"class_weight": [Acts({True: 5}), Acts("balanced")]}
STEPWISE = {
    "standardize": [Acts(False)],
    "window": [Acts(3), Acts(3, "updates"), Refused(3, {"bptt_steps": 2})],
}

PAIRS = SHARED | {
    "teacher_forcing": [
        Acts(0.5),
        Acts((0.0, 1.0), where={"teacher_forcing": 0.0}),
        Acts((1.0, 0.0), "epochs", IMPATIENT),  # a share that changes is no progress of its own
    ],
    "segment": [Acts(2)],
}
BESIDE = {"past_covariates": ["noise"]}  # a long frame
# One epoch from the start, and beams that differ: outputs are nearly even.
UNSURE = {"max_iter": 1, "learning_rate_init": 1e-9, "max_output_length": 4}

WHOLE = {
    "bidirectional": [Acts(False)],  # "auto" is True
    "segment": [Acts(2)],
    "pooling": [Acts("mean"), Acts("max"), Acts("attention")],
    "augment": [Acts("jitter"), Acts(("shift", "scale"))],
    "n_networks": [Acts(2), Acts(3, "predictions")],
    "standardize": [Acts(False)],
}

TABLES = {
    RNNRegressor: SHARED | WHOLE | REGRESSION | LINKED,
    RNNClassifier: SHARED | WHOLE | CLASSIFICATION,
    RNNSequenceRegressor: SHARED | STEPWISE | REGRESSION | LINKED,
    RNNSequenceClassifier: SHARED | STEPWISE | CLASSIFICATION,
    RNNSeq2SeqRegressor: PAIRS | REGRESSION | {"standardize": [Acts(False)]},
    RNNSeq2SeqClassifier: PAIRS
    | {
        "max_output_length": [Acts(1, "predictions"), Acts(9, "predictions", UNSURE)],
        "beam_width": [Acts(3, "predictions", UNSURE)],
        "class_weight": [Acts({"a": 5}), Acts("balanced")],
    },
    RNNForecaster: {
        "h": [Acts(4, "forecast"), Acts(4, "losses")],
        "freq": [Acts("B", "times", {"freq": "D"})],
        "season_length": [Acts(4, "forecast")],
        "decoder": [Acts("recursive", "forecast"), Acts("encoder-decoder", "forecast")],
        "cell": [Acts("rnn", "forecast"), Acts("gru", "forecast")],
        "hidden_size": [Acts(5, "forecast")],
        "window": [Acts(12, "forecast")],
        "segment": [Acts(2, "forecast", {"window": 12})],
        "level_window": [Acts(3, "forecast")],
        "level": [Acts(3, "forecast")],
        "log": [Acts(False, "forecast")],
        "scale": [Acts(True, "forecast"), Acts(False, "forecast", {"log": False})],
        "difference": [Acts(True, "forecast")],
        "deseasonalize": [Acts(True, "forecast", {"season_length": 4, "deseasonalize": False})],
        "effort": [
            Acts("fast", "networks", {"n_networks": "auto"}),
            Acts("best", "losses", {"max_steps": "auto"}),
        ],
        "n_networks": [Acts(3, "forecast"), Acts(3, "networks")],
        "quantiles": [
            Acts([0.1, 0.9], "forecast"),
            Acts([0.2, 0.8], "losses", {"quantiles": [0.1, 0.9]}),
        ],
        "shares": [Acts({"theta": 0.5}, "forecast"), Acts("auto", "forecast")],
        "theta_share": [Acts(0.5, "forecast")],
        "max_steps": [
            Acts(1, "forecast"),
            Acts(19, "forecast"),
            Acts(21, "forecast"),
            Acts(40, "losses"),
        ],
        "fill_gaps": [Acts(True, "warnings")],
        "past_covariates": [Acts(["beside"], "forecast", BESIDE)],
        "future_covariates": [Acts(["beside"], "forecast", BESIDE)],
        "static_covariates": [Acts(["kind"], "forecast", BESIDE)],
        "calendar": [Acts(["dayofweek"], "forecast")],
        "warm_start": [Acts(True, "forecast")],
        "learning_rate_init": [Acts(0.02, "forecast")],
        "batch_size": [Acts(16, "forecast")],
        "alpha": [Acts(0.1, "forecast")],
        "clip_norm": [Acts(0.01, "forecast"), Acts(None, "forecast", {"clip_norm": 0.01})],
        "random_state": [Acts(1, "forecast"), Acts(np.random.RandomState(1), "forecast")],
        "n_jobs": [Acts(2, "threads", {"n_jobs": 1})],
        "device": NO_GPU,
        "precision": [Refused("tf32")],
        "verbose": [Acts(1, "stderr")],
    },
}


def sequences(Estimator, n=24):
    """Ragged sequences, and twice the last value of each, or every value, as a number or as what it is above."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(2, 9, size=n)]
    if Estimator is RNNSeq2SeqRegressor:
        return X, [np.cumsum(x[:, 0]) for x in X]
    if Estimator is RNNSeq2SeqClassifier:
        return X, ["".join(np.where(x[:, 0] > 0, "a", "b")) for x in X]
    y = [2 * x[:, 0] for x in X]
    if Estimator in (RNNClassifier, RNNSequenceClassifier):
        y = [part > 0.8 for part in y]
    return X, y if Estimator in (RNNSequenceRegressor, RNNSequenceClassifier) else np.array(
        [part[-1] for part in y]
    )


def panel(length):
    """Four series from a Monday on."""
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=length)
    return pd.DataFrame({name: np.exp(rng.normal(size=length)) for name in "abcd"}, index=days)


def with_covariates(df):
    """Long, with columns of noise and a kind of each series; and what comes."""
    days = df.index.append(pd.date_range(df.index[-1], periods=4)[1:])
    long = (
        df.reindex(days)
        .rename_axis("ds")
        .melt(var_name="unique_id", value_name="y", ignore_index=False)
        .reset_index()
    )
    rng = np.random.default_rng(1)
    long = long.assign(noise=rng.normal(size=len(long)), beside=rng.normal(size=len(long)))
    long["kind"] = long["unique_id"].map({"a": "one", "b": "two", "c": "one", "d": "two"})
    return long[long["y"].notna()], long[long["y"].isna()]


def forecasted(parameters, monkeypatch, capfd):
    """Fit, forecast, and look at everything; five days in a row may be business days or not."""
    n_threads = []

    class Watched(threads.ThreadPoolExecutor):
        def __init__(self, n):
            n_threads.append(n)
            super().__init__(n)

    with monkeypatch.context() as patch:
        patch.setattr(threads, "ThreadPoolExecutor", Watched)
        df = panel(5 if "freq" in parameters else 40)
        df = df.drop(df.index[20]) if parameters.get("fill_gaps") else df
        if parameters.get("past_covariates"):
            df, later = with_covariates(df)
        with warnings.catch_warnings(record=True) as caught:
            model = RNNForecaster(**parameters).fit(df).fit(df)
    forecast = model.predict(X_df=later if parameters.get("future_covariates") else None)
    return {
        "forecast": forecast.to_numpy()[:, -4:].tolist(),
        "times": forecast.index.to_list(),
        "losses": model.loss_curves_,
        "networks": len(model.loss_curves_),
        "threads": n_threads,
        "warnings": [str(warning.message) for warning in caught],
        "stderr": capfd.readouterr().err,
    }


def outcome(Estimator, parameters, monkeypatch, capfd):
    """Fit twice, as warm_start wants it, and look at everything."""
    if Estimator is RNNForecaster:
        return forecasted(parameters, monkeypatch, capfd)
    X, y = sequences(
        Estimator, 200 if "batch_size" in parameters and parameters["batch_size"] == 200 else 24
    )
    if parameters.get("loss") == "tweedie":
        y = [abs(one) for one in y]
    submitted, pool = [], cpu.pool

    def watched():
        submitted.append(threading.current_thread())
        return pool()

    monkeypatch.setattr(cpu, "pool", watched)
    model = Estimator(**parameters).fit(X, y).fit(X, y)
    monkeypatch.setattr(cpu, "pool", pool)
    weights = model.weights_[-1] if isinstance(model.weights_, list) else model.weights_
    return {
        "weights": {name: weight.tolist() for name, weight in weights.items()},
        "precision": {weight.dtype.name for weight in weights.values()},
        "epochs": model.n_iter_,
        "updates": len(model.grad_norm_curve_),
        "validation losses": model.validation_loss_curve_,
        "predictions": None
        if Estimator is RNNSeq2SeqRegressor
        else [np.ravel(part).tolist() for part in model.predict(X)],
        "threads": len(submitted) > 0,
        "stderr": capfd.readouterr().err,
    }


CASES = [
    pytest.param(Estimator, name, case, id=f"{Estimator.__name__}-{name}-{i}")
    for Estimator, table in TABLES.items()
    for name, cases in table.items()
    for i, case in enumerate(cases)
]


BEFORE = {}  # outcomes that many cases begin from


@pytest.mark.parametrize("Estimator", TABLES)
def test_every_parameter_is_in_the_table(Estimator):
    assert set(TABLES[Estimator]) == set(Estimator().get_params())


@pytest.mark.parametrize(("Estimator", "name", "case"), CASES)
def test_a_parameter_acts_or_is_refused(Estimator, name, case, monkeypatch, capfd):
    before = (QUICK if Estimator is RNNForecaster else BASE | single(Estimator)) | case.where
    after = before | {name: case.value}
    assert before.get(name, getattr(Estimator(), name)) is not case.value
    if isinstance(case, Refused):
        with pytest.raises(
            ValueError, match=f"^{name} of {Estimator.__name__} must be .*; got {case.value!r}"
        ):
            Estimator(**after).fit(*sequences(Estimator))
        return
    key = Estimator, repr(before)
    if key not in BEFORE:
        BEFORE[key] = outcome(Estimator, before, monkeypatch, capfd)
    assert BEFORE[key][case.what] != outcome(Estimator, after, monkeypatch, capfd)[case.what]


@pytest.mark.parametrize(
    ("Estimator", "name"),
    [
        (RNNRegressor, "cell"),
        (RNNRegressor, "solver"),
        (RNNRegressor, "learning_rate"),
        (RNNRegressor, "loss"),
    ],
)
def test_no_two_options_are_the_same(Estimator, name, monkeypatch, capfd):
    (choice,) = Estimator._constraints[name]
    setting = BASE | IMPATIENT | {"alpha": 0.1}
    outcomes = [
        outcome(Estimator, setting | {name: option}, monkeypatch, capfd)
        for option in choice.options
    ]
    assert len(outcomes) >= 3
    same = 1 if "auto" in choice.options else 0  # as one of the others
    assert len({str(found["weights"]) for found in outcomes}) == len(outcomes) - same


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("n_jobs", 2, WIDE),
        ("device", "auto", {}),
        ("verbose", 1, {}),
        ("huber_delta", 0.1, {}),
        ("quantile", 0.9, {}),
        ("validation_fraction", 0.3, {}),
        ("truncate", "start", {}),
        ("max_length", 100, {}),
        ("bptt_steps", 100, {"bidirectional": False}),
        ("window", 100, {}),
        ("clip_value", 1e9, {}),
    ],
)
@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNSequenceRegressor])
def test_a_parameter_changes_no_weight_where_it_should_not(
    Estimator, name, value, where, monkeypatch, capfd
):
    if name not in TABLES[Estimator]:
        pytest.skip(f"{Estimator.__name__} has no {name}")
    before = BASE | single(Estimator) | where
    after = before | {name: value}
    first, other = (
        outcome(Estimator, parameters, monkeypatch, capfd) for parameters in (before, after)
    )
    assert first["weights"] == other["weights"]
