"""An exception at any moment stops all networks at once and leaves a forecaster as it was; Ctrl-C keeps what was
learnt, or where that is nothing does the same.
"""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster
from tsrnn.exceptions import DivergenceError, InterruptedFitWarning
from tsrnn.forecasting import ensemble

QUICK = {
    "h": 3,
    "n_networks": 3,
    "max_steps": 5,
    "hidden_size": 8,
    "window": 6,
    "segment": 1,
    "level_window": 1,
    "n_jobs": 2,
}
QUICK |= {"random_state": 0}
LONG = {"max_steps": 10**6}
SOON = 5.0  # seconds within which all must have stopped; training takes hours

posix = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no timers that signal"
)


def series(n=60):
    return pd.Series(np.random.default_rng(0).random(n) + 5, pd.date_range("2020", periods=n))


def fitted(**options):
    return RNNForecaster(**QUICK | options).fit(series())


def state(forecaster):
    """All that the object holds, parameters apart."""
    return pickle.dumps(
        {name: value for name, value in vars(forecaster).items() if name not in QUICK | LONG}
    )


def busy():
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("ThreadPoolExecutor")
    ]


@pytest.fixture
def alarm():
    """Raise something in the main thread after some seconds."""
    before = signal.getsignal(signal.SIGALRM)

    def set_up(seconds, error):
        def ring(*_):
            raise error

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield set_up
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


ERRORS = [TimeoutError("time is over"), SystemExit(3), MemoryError("full"), GeneratorExit("odd")]


@posix
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("was_fitted", [False, True])
@pytest.mark.parametrize("method", ["fit", "cross_validation", "warm start"])
def test_an_exception_stops_all_networks_and_changes_nothing(error, was_fitted, method, alarm):
    fitted()  # compiled
    forecaster = fitted() if was_fitted or method == "warm start" else RNNForecaster(**QUICK)
    forecaster.set_params(**LONG, warm_start=method == "warm start")
    before = state(forecaster)
    call = forecaster.cross_validation if method == "cross_validation" else forecaster.fit
    alarm(0.5, error)
    begin = time.monotonic()
    with pytest.raises(type(error)) as caught:
        call(series())
    assert caught.value is error and time.monotonic() - begin < SOON
    assert state(forecaster) == before and busy() == []


@posix
def test_updates_that_take_long_are_not_waited_for(alarm):
    """Twenty of them would be an epoch."""
    y = pd.Series(np.random.default_rng(0).random(40_000) + 5)
    slow = {"window": 100, "hidden_size": 64, "batch_size": 2000, "n_networks": 2}
    forecaster = RNNForecaster(**QUICK | LONG | slow)
    alarm(2.0, TimeoutError())
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        forecaster.fit(y)
    assert time.monotonic() - begin < 2 + SOON


@pytest.mark.parametrize(
    "error", [DivergenceError("too far"), MemoryError("full"), ZeroDivisionError("odd")]
)
@pytest.mark.parametrize("which", [1, 3, 4])  # in the trial, the second network, the third
def test_a_network_that_fails_stops_the_others(error, which, monkeypatch):
    forecaster = fitted().set_params(**LONG)
    before, calls, train = state(forecaster), [], ensemble.train

    def failing(network, theta, rows, recipe, *rest, **options):
        calls.append(1)
        if len(calls) == which:
            raise error
        if len(calls) == 1:  # the trial
            recipe.max_iter = 1
        return train(network, theta, rows, recipe, *rest, **options)

    monkeypatch.setattr(ensemble, "train", failing)
    monkeypatch.setattr("tsrnn.forecasting.fitting.TRIAL_STEPS", 5)
    begin = time.monotonic()
    if which == 4:  # it waits until one of two threads is free, which is never
        monkeypatch.setattr(forecaster, "n_jobs", 3)
    with pytest.raises(type(error)) as caught:
        forecaster.fit(series())
    assert caught.value is error and time.monotonic() - begin < SOON
    assert state(forecaster) == before and busy() == []


def whole(forecaster, folder):
    """A forecaster that answers, saves and loads is in no state between."""
    expected = forecaster.predict()
    assert np.isfinite(expected).all() and len(forecaster.loss_curves_) >= 1
    pytest.importorskip("safetensors")
    forecaster.save(folder / "file")
    pd.testing.assert_series_equal(
        RNNForecaster.load(folder / "file").predict(), expected, check_exact=True
    )
    pd.testing.assert_series_equal(
        pickle.loads(pickle.dumps(forecaster)).predict(), expected, check_exact=True
    )


@posix
@pytest.mark.parametrize("was_fitted", [False, True])
def test_a_signal_at_any_moment(was_fitted, alarm, tmp_path):
    """Timers of random lengths: the fit of before, or a new one, and never a mixture."""
    rng, new = random.Random(0), pickle.dumps(fitted(max_steps=40).predict())
    begin = time.monotonic()
    fitted(max_steps=40)
    usual, ends = time.monotonic() - begin, []
    for _ in range(30):
        forecaster = fitted() if was_fitted else RNNForecaster(**QUICK)
        before = state(forecaster)
        forecaster.set_params(max_steps=40)
        try:
            alarm(rng.uniform(0.001, 1.2 * usual), TimeoutError())
            forecaster.fit(series())
            signal.setitimer(signal.ITIMER_REAL, 0)
        except TimeoutError:
            if state(forecaster) == before:
                ends.append("before")
                continue
        ends.append("after")
        assert pickle.dumps(forecaster.predict()) == new
    assert "before" in ends and busy() == []


@posix
@pytest.mark.parametrize("was_fitted", [False, True])
def test_ctrl_c_at_any_moment(was_fitted, alarm, tmp_path):
    rng, ends = random.Random(1), []
    fitted()
    for _ in range(25):
        forecaster = fitted() if was_fitted else RNNForecaster(**QUICK)
        before = state(forecaster)
        forecaster.set_params(max_steps=3000)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                alarm(rng.uniform(0.001, 0.4), KeyboardInterrupt())
                forecaster.fit(series())
            except KeyboardInterrupt:
                assert state(forecaster) == before
                ends.append("as it was")
                continue
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        told = [one for one in caught if issubclass(one.category, InterruptedFitWarning)]
        whole(forecaster, tmp_path)
        # or by a finalizer, which Python lets raise nothing
        ends.append("kept" if told else "heard too late")
        assert (
            all("are kept" in str(one.message) and one.filename == __file__ for one in told)
            and len(told) < 2
        )
    assert {"as it was", "kept"} <= set(ends) and ends.count("heard too late") < 5 and busy() == []


@posix
def test_networks_that_go_on_are_all_there_after_ctrl_c(alarm):
    """Those that had not begun again are as they were."""
    forecaster = fitted(n_networks=5, warm_start=True, n_jobs=1)
    thetas = [member.theta.copy() for member in forecaster._fitted.members]
    alarm(0.5, KeyboardInterrupt())
    with pytest.warns(InterruptedFitWarning, match="of 5 of 5 networks are kept"):
        forecaster.set_params(**LONG).fit(series())
    same = [
        np.array_equal(member.theta, theta)
        for member, theta in zip(forecaster._fitted.members, thetas)
    ]
    assert same == [False, True, True, True, True]
    assert np.isfinite(forecaster.predict()).all()


@posix
def test_ctrl_c_ends_a_backtest(alarm):
    forecaster = RNNForecaster(**QUICK | LONG)
    fitted()
    alarm(0.5, KeyboardInterrupt())
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        forecaster.cross_validation(series(), n_windows=5, refit=True)
    assert time.monotonic() - begin < SOON and busy() == []


SOURCE = """
import signal, sys, time
import numpy as np, pandas as pd
from tsrnn import RNNForecaster
y = pd.Series(np.random.default_rng(0).random(60) + 5, pd.date_range("2020", periods=60))
quick = dict(h=3, n_networks=3, hidden_size=8, window=6, segment=1, level_window=1, n_jobs=2, random_state=0)
forecaster = RNNForecaster(**quick, max_steps=5).fit(y)
expected = forecaster.predict()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("ready", flush=True)
try:
    forecaster.set_params(max_steps=10**7).fit(y)
finally:
    print(forecaster.predict().equals(expected), flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("sign", "status", "same"), [("SIGTERM", 7, "True"), ("SIGINT", 0, "False")]
)
def test_a_process_that_is_told_to_end(sign, status, same):
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SOURCE], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.5)
        process.send_signal(getattr(signal, sign))
        begin = time.monotonic()
        output, _ = process.communicate(timeout=60)
    assert output.split() == [same] and process.returncode == status
    assert time.monotonic() - begin < 2 * SOON
