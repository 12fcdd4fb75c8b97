"""Whoever trains with verbose=1 sees that it goes on: in a terminal, a notebook, a log, and in none of them at all."""

import contextlib
import os
import re
import sys

import numpy as np
import pandas as pd
import pytest
from textbook import SINGLE

import tsrnn.progress as module
from tsrnn import (
    DivergenceError,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.progress import Line

X = np.random.default_rng(0).normal(size=(12, 5, 1)).astype(np.float32)
PAIRS = [list("ab")] * 12
FRAME = pd.DataFrame({"unique_id": "a", "ds": np.arange(60), "y": np.arange(60.0) % 7})
SMALL = {"hidden_size": 2, "max_iter": 30, "random_state": 0, "verbose": 1}
FORECASTER = {
    "h": 2,
    "window": 4,
    "level_window": 1,
    "deseasonalize": False,
    "log": False,
    "hidden_size": 2,
    "max_steps": 600,
}

# every estimator with the parameter: how it is trained, and what its last state begins with
TRAINED = {
    "RNNRegressor": (lambda: RNNRegressor(**SINGLE | SMALL).fit(X, X[:, 0, 0]), "epoch 30/30"),
    "RNNClassifier": (
        lambda: RNNClassifier(**SINGLE | SMALL).fit(X, X[:, 0, 0] > 0),
        "epoch 30/30",
    ),
    "RNNSequenceRegressor": (
        lambda: RNNSequenceRegressor(**SMALL).fit(X, X[:, :, 0]),
        "epoch 30/30",
    ),
    "RNNSequenceClassifier": (
        lambda: RNNSequenceClassifier(**SMALL).fit(X, X[:, :, 0] > 0),
        "epoch 30/30",
    ),
    "RNNSeq2SeqRegressor": (
        lambda: RNNSeq2SeqRegressor(**SMALL).fit(X, X[:, :2, 0]),
        "epoch 30/30",
    ),
    "RNNSeq2SeqClassifier": (lambda: RNNSeq2SeqClassifier(**SMALL).fit(X, PAIRS), "epoch 30/30"),
    "RNNForecaster": (lambda: forecaster().fit(FRAME), "training 100%"),
    "cross_validation": (lambda: forecaster().cross_validation(FRAME), "training 100%"),
}


def forecaster(**options):
    return RNNForecaster(
        **FORECASTER | {"n_networks": 1, "random_state": 0, "verbose": 1} | options
    )


def replayed(text):
    """The lines that a terminal shows in the end."""
    return [line.split("\r")[-1].replace("\033[K", "") for line in text.splitlines()]


@contextlib.contextmanager
def terminal(folder):
    """A stderr that is a real terminal of 40 columns; yields what it was sent."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, np.array([24, 40, 0, 0], np.uint16).tobytes())
    os.set_blocking(master, False)
    sent = []

    def read():
        with contextlib.suppress(BlockingIOError):
            while True:
                sent.append(os.read(master, 65536).decode())
        return "".join(sent).replace("\r\n", "\n")

    with os.fdopen(slave, "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield read
    os.close(master)


@contextlib.contextmanager
def log(folder):
    """A stderr that is a file; yields what is in it."""
    with open(folder / "log", "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield (folder / "log").read_text


@pytest.mark.parametrize("name", TRAINED)
def test_a_log_gets_a_line_for_every_ten_per_cent(name, tmp_path):
    train, last = TRAINED[name]
    with log(tmp_path) as read:
        train()
        shown = read()
    lines = shown.splitlines()
    assert 8 <= len(lines) <= 11 and len(set(lines)) == len(lines)
    assert lines[-1].startswith(last) and "\r" not in shown and "\033" not in shown
    assert sum(line.startswith(last) for line in lines) == 1


@pytest.mark.parametrize("name", TRAINED)
def test_a_terminal_gets_one_line_that_does_not_wrap(name, tmp_path):
    train, last = TRAINED[name]
    with terminal(tmp_path) as read:
        train()
        shown = read()
    assert shown.count("\n") == 1 and replayed(shown)[-1].startswith(last)
    states = shown.replace("\033[K", "").strip("\n").split("\r")[1:]
    assert len(states) >= 20 and max(map(len, states)) <= 39


def test_a_line_every_ten_seconds_where_ten_per_cent_take_longer(monkeypatch, capfd):
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    line = Line()
    for step in range(1, 1001):
        now += 1.0
        line.show(f"{step} of 1000", step / 1000)
    line.end()
    lines = [int(line.split()[0]) for line in capfd.readouterr().err.splitlines()]
    assert lines[0] == 10 and lines[-1] == 1000 and set(np.diff(lines)) <= {9, 10, 11}


def test_the_last_state_stays_once(capfd):
    line = Line()
    line.show("half", 0.5)
    line.end()
    line.end()
    assert capfd.readouterr().err == "half\n"
    Line().end()
    assert capfd.readouterr().err == ""


def network_that_diverges(monkeypatch):
    RNNRegressor(**SINGLE | SMALL | {"learning_rate_init": 1e30, "clip_norm": None}).fit(
        X, 1e9 * X[:, 0, 0]
    )


def forecaster_that_fails(monkeypatch):
    import tsrnn.forecasting.ensemble as ensemble

    monkeypatch.setattr(ensemble, "train", lambda *args, watch: [watch.on_epoch(0), 1 / 0])
    forecaster().fit(FRAME)


@pytest.mark.parametrize("where", [log, terminal])
@pytest.mark.parametrize("fails", [network_that_diverges, forecaster_that_fails])
def test_a_failure_stands_on_a_line_of_its_own(fails, where, tmp_path, monkeypatch):
    with where(tmp_path) as read:
        with pytest.raises((DivergenceError, ZeroDivisionError)):
            fails(monkeypatch)
        assert read() == "" or read().endswith("\n")


class Broken:
    """A stream whose reader is gone, or whose disk is full."""

    def __init__(self, error):
        self.error = error

    def isatty(self):
        return False

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error


def closed():
    with open(os.devnull, "w") as stream:
        return stream


@pytest.mark.parametrize(
    "stream",
    [None, closed(), Broken(BrokenPipeError()), Broken(OSError(28, "full")), object()],
    ids=range(5),
)
def test_a_stream_that_takes_nothing_stops_no_training(stream, monkeypatch):
    quiet = RNNRegressor(**SINGLE | SMALL | {"verbose": 0}).fit(X, X[:, 0, 0]).predict(X)
    monkeypatch.setattr(sys, "stderr", stream)
    loud = RNNRegressor(**SINGLE | SMALL).fit(X, X[:, 0, 0]).predict(X)
    forecast = forecaster().fit(FRAME).predict()
    monkeypatch.undo()
    np.testing.assert_array_equal(loud, quiet)
    assert len(forecast) == 2


def test_states_name_network_epoch_and_time_left(capfd):
    forecaster(n_networks=2).fit(FRAME)
    lines = capfd.readouterr().err.splitlines()
    pattern = r"training +\d+%, \d+ s left: (plan \d of \d|network [12] of 2), epoch \d+ of \d+"
    assert all(re.fullmatch(pattern, line) for line in lines[:-1]) and lines[-1] == "training 100%"
