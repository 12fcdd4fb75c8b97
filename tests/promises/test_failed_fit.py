"""Whatever ends a fit, and whenever, the estimator is as it was: new, or with all that it had learnt before."""

import gc
import inspect
import signal
import subprocess
import sys
import time
import warnings
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from network_cases import ESTIMATORS, SMALL, fitted, lists, target
from sklearn.exceptions import NotFittedError
from textbook import single

import tsrnn
from tsrnn import DivergenceError, InterruptedFitWarning

HOME = str(Path(tsrnn.__file__).parent)
LIMIT = 120  # seconds until a process counts as hung
ERRORS = TimeoutError("late"), SystemExit(3), MemoryError("none left")
WAYS = {
    "fit": {},
    "warm start": {"warm_start": True},
    "partial_fit": {},
    "held out": {"early_stopping": True},
}


class At:
    """While it is entered, the call of number `number` of functions of the library raises an error, as the handler of a
    signal may at any moment.
    """

    def __init__(self, number, error):
        self.number, self.error, self.count = number, error, 0

    def __call__(self, frame, event, argument):
        code = frame.f_code
        # whose end is a call, too
        if code.co_filename.startswith(HOME) and not code.co_flags & inspect.CO_GENERATOR:
            self.count += 1
            if self.count == self.number:
                raise self.error

    def __enter__(self):
        gc.disable()  # what is collected may call, too
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before)
        gc.enable()


def new(Estimator, **settings):
    return Estimator(**single(Estimator) | SMALL | settings)


def trained(model, way, X, y):
    return model.partial_fit(X, y) if way == "partial_fit" else model.fit(X, y)


def held(model):
    """All that a model has, and the contents of what it learnt."""
    known = vars(model).get("_fitted")
    inside = known and (
        known.theta.tobytes(),
        known.history.moments.tobytes(),
        known.history.n_updates,
    )
    return (
        dict(vars(model)),
        inside,
        [list(vars(model).get(name, [])) for name in ("loss_curve_", "grad_norm_curve_")],
    )


def assert_as_before(model, before):
    after = held(model)
    assert after[0].keys() == before[0].keys()
    assert all(value is before[0][name] for name, value in after[0].items())
    assert after[1:] == before[1:]


def count_of_calls(model, way, X, y):
    with At(None, None) as counted:
        trained(model, way, X, y)
    return counted.count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_error_at_any_moment_leaves_the_estimator_as_it_was(Estimator, way):
    X = lists()
    y = target(Estimator, X)
    settings = WAYS[way] | {"max_iter": 2}
    for make in (fitted, new):
        n = count_of_calls(make(Estimator, **settings), way, X, y)
        assert n > 100
        model = make(Estimator, **settings)
        before = held(model)
        moments = [1, *np.random.default_rng(n).integers(1, n + 1, size=16), n]
        for moment, error in zip(moments, cycle(ERRORS)):
            with pytest.raises(type(error)) as caught, At(moment, error):
                trained(model, way, X, y)
            assert caught.value is error
            assert_as_before(model, before)
        trained(model, way, X, y)  # and nothing stands in the way of the next one
        for one, other in zip(
            held(model)[1:], held(trained(make(Estimator, **settings), way, X, y))[1:], strict=True
        ):
            assert one == other


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_ctrl_c_at_any_moment_leaves_a_model_or_none(Estimator):
    """While it trains, the best weights so far are kept and a warning says so; otherwise the interrupt goes on."""
    X = lists()
    y = target(Estimator, X)
    n = count_of_calls(fitted(Estimator), "fit", X, y)
    kept = 0
    for moment in np.random.default_rng(n).integers(1, n + 1, size=30):
        model = fitted(Estimator)
        before = held(model)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                with At(moment, KeyboardInterrupt()):
                    model.fit(X, y)
            except KeyboardInterrupt:
                assert_as_before(model, before)
                continue
        assert [w.category for w in caught if issubclass(w.category, InterruptedFitWarning)] == [
            InterruptedFitWarning
        ]
        kept += 1
        assert model.n_iter_ == len(model.loss_curve_) <= 3
        assert all(np.isfinite(part).all() for part in model.weights_.values())
        model.predict(X)
    assert kept > 3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_leaves_the_estimator_as_it_was(Estimator, way):
    X = lists()
    y = target(Estimator, X)
    wild = {"solver": "sgd", "learning_rate_init": 1e38, "clip_norm": None, "max_iter": 50} | WAYS[
        way
    ]
    for make in (fitted, new):
        model = make(Estimator).set_params(**wild)
        before = held(model)
        with pytest.raises(DivergenceError, match="try a lower learning_rate_init") as caught:
            for _ in range(50 if way == "partial_fit" else 1):
                before = held(model)  # a call that went well counts
                trained(model, way, X, y)
        assert_as_before(model, before)
        assert all(np.isfinite(part).all() for part in caught.value.weights.values())
    with pytest.raises(NotFittedError):
        fresh = Estimator(**single(Estimator) | SMALL | wild | {"max_iter": 50})
        with pytest.raises(DivergenceError):
            fresh.fit(X, y)
        fresh.predict(X)


# In a process of its own, with true signals

SOURCE = """
import signal, sys, threading, os, warnings
import numpy as np
from tsrnn import *
Estimator, kind = globals()[sys.argv[1]], sys.argv[2]
rng = np.random.default_rng(0)
X = [rng.normal(size=(length, 2)) for length in rng.integers(5, 30, size=400)]
y = [x.sum() for x in X] if Estimator is RNNRegressor else [np.where(x[:, 0] > 0, "a", "b") for x in X]
settings = dict(cell="gru", hidden_size=48, batch_size=100, random_state=0, n_jobs=2, n_iter_no_change=10**6)
if Estimator is RNNRegressor:
    settings |= dict(n_networks=1, n_layers=1, segment=1, pooling="last", augment=None)
model = Estimator(**settings, max_iter=1).fit(X, y)
before, weights = dict(vars(model)), {name: part.copy() for name, part in model.weights_.items()}

def late(*_):
    raise TimeoutError("time is over")

def ended(*_):
    raise SystemExit(7)

signal.signal(signal.SIGALRM, late)
signal.signal(signal.SIGTERM, ended)
number = {"alarm": signal.SIGALRM, "term": signal.SIGTERM, "int": signal.SIGINT}[kind]
threading.Timer(1.0, os.kill, (os.getpid(), number)).start()
model.set_params(max_iter=10**6)
before = dict(vars(model))
print("begun", flush=True)
try:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    print("warned", sorted({w.category.__name__ for w in caught}), model.n_iter_ > 0, len(model.predict(X)))
except (TimeoutError, SystemExit) as error:
    same = vars(model).keys() == before.keys() and all(vars(model)[name] is before[name] for name in before)
    same = same and all((part == weights[name]).all() for name, part in model.weights_.items())
    print(type(error).__name__, same, len(model.predict(X)))
"""
SAID = {
    "alarm": "TimeoutError True 400",
    "term": "SystemExit True 400",
    "int": "warned ['InterruptedFitWarning'] True 400",
}


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm")
@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("name", ["RNNRegressor", "RNNSequenceClassifier"])
def test_a_signal_ends_a_fit_at_once(name, kind):
    begin = time.monotonic()
    command = [sys.executable, "-c", SOURCE, name, kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["begun", SAID[kind]]
    assert time.monotonic() - begin < LIMIT
