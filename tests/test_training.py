"""The training loop: schedules, stopping, interruption, divergence, continuation; one signature, found in the cache."""

import json
import subprocess
import sys

import numpy as np
import pytest
from textbook import TEXTBOOK_WHOLE

from tsrnn import DivergenceError, InterruptedFitWarning, RNNRegressor
from tsrnn.backends import cpu
from tsrnn.training.config import TrainingConfig
from tsrnn.training.loop import rate_at


def data(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 12, size=n)]
    return X, np.array([x[-2:].sum() for x in X])


def model(**options):
    defaults = {"cell": "gru", "hidden_size": 8, "batch_size": 16, "max_iter": 8, "random_state": 0}
    return RNNRegressor(**TEXTBOOK_WHOLE | defaults | options)


def same_bits(one, two):
    return all((part == two.weights_[name]).all() for name, part in one.weights_.items())


IN_A_NEW_PROCESS = """
import sys, json
sys.path.insert(0, "tests")
from test_training import data, model
fitted = model(n_jobs=2, dropout=0.2, n_layers=2).fit(*data())
print(json.dumps(float(sum(part.astype("f8").sum() for part in fitted.weights_.values()))))
"""


def test_same_seed_same_bits(monkeypatch):
    X, y = data()
    options = {"dropout": 0.2, "n_layers": 2}
    one = model(**options).fit(X, y)
    assert same_bits(one, model(**options).fit(X, y))
    out = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(out) == float(sum(part.astype("f8").sum() for part in one.weights_.values()))
    monkeypatch.setattr(cpu, "SMALL", 0)  # now even this little is cut into chunks
    options["batch_size"] = 64
    X, y = data(200)
    assert same_bits(model(**options, n_jobs=1).fit(X, y), model(**options, n_jobs=2).fit(X, y))


def test_another_seed_gives_other_weights():
    X, y = data()
    assert not same_bits(model(random_state=0).fit(X, y), model(random_state=1).fit(X, y))


def test_clipping_by_norm_is_exact():
    """The first step of plain descent has length rate times min(norm, clip_norm)."""
    X, y = data()
    for clip_norm in (None, 0.1, 1e6):
        options = {
            "solver": "sgd",
            "clip_norm": clip_norm,
            "batch_size": 64,
            "max_iter": 1,
            "dtype": "float64",
        }
        before = model(**options, learning_rate_init=1e-300).fit(X, y).weights_
        after = model(**options, learning_rate_init=0.25).fit(X, y)
        length = np.sqrt(
            sum(((part - before[name]) ** 2).sum() for name, part in after.weights_.items())
        )
        norm = after.grad_norm_curve_[0]
        assert length == pytest.approx(0.25 * min(norm, clip_norm or np.inf), rel=1e-12)
        assert norm > 0.2  # recorded before clipping


def test_clipping_by_value():
    X, y = data()
    options = {
        "solver": "sgd",
        "clip_norm": None,
        "batch_size": 64,
        "max_iter": 1,
        "dtype": "float64",
    }
    before = model(**options, learning_rate_init=1e-300).fit(X, y).weights_
    free = model(**options, learning_rate_init=1.0).fit(X, y).weights_
    cut = model(**options, learning_rate_init=1.0, clip_value=0.01).fit(X, y).weights_
    for name, part in before.items():
        np.testing.assert_allclose(
            cut[name] - part, (free[name] - part).clip(-0.01, 0.01), atol=1e-15
        )


def test_a_last_update_that_is_not_finite_is_seen():
    """No gradient follows it; the error has the weights from before it."""
    X, y = data()
    options = {
        "cell": "rnn",
        "activation": "relu",
        "solver": "sgd",
        "clip_norm": None,
        "batch_size": 64,
        "max_iter": 1,
    }
    fitted = model(**options, learning_rate_init=1e38)
    with pytest.raises(DivergenceError, match="epoch 1") as caught:
        fitted.fit(X, [1e3 * value for value in y])
    assert np.isfinite(
        model(**options).fit(X, y).set_weights(caught.value.weights).predict(X)
    ).all()


def test_weight_decay_adds_alpha_times_the_weights_but_not_the_biases():
    X, y = data()
    options = {
        "solver": "sgd",
        "clip_norm": None,
        "batch_size": 64,
        "max_iter": 1,
        "dtype": "float64",
    }
    before = model(**options, learning_rate_init=1e-300).fit(X, y).weights_
    free = model(**options, learning_rate_init=1.0).fit(X, y).weights_
    decayed = model(**options, learning_rate_init=1.0, alpha=0.1).fit(X, y).weights_
    for name, part in before.items():
        expected = 0.1 * part if name.startswith("weight") else 0 * part
        np.testing.assert_allclose(free[name] - decayed[name], expected, atol=1e-14)
    options |= {"solver": "adamw", "learning_rate_init": 0.01}
    free, decayed = (
        model(**options).fit(X, y).weights_,
        model(**options, alpha=0.1).fit(X, y).weights_,
    )
    for name, part in before.items():
        expected = 0.01 * 0.1 * part if name.startswith("weight") else 0 * part
        np.testing.assert_allclose(free[name] - decayed[name], expected, atol=1e-14)


def test_cosine_falls_from_the_first_rate_to_zero():
    recipe = TrainingConfig(loss="squared", learning_rate="cosine", learning_rate_init=0.2)
    assert rate_at(recipe, 0, 100) == 0.2
    assert rate_at(recipe, 50, 100) == pytest.approx(0.1)
    assert rate_at(recipe, 100, 100) == pytest.approx(0, abs=1e-12)


def test_plateau_divides_the_rate(monkeypatch):
    rates, move = [], cpu.apply_update
    monkeypatch.setattr(
        cpu, "apply_update", lambda *arguments: rates.append(arguments[5][0]) or move(*arguments)
    )
    X, y = data()
    options = {
        "solver": "sgd",
        "momentum": 0.0,
        "batch_size": 64,
        "n_iter_no_change": 2,
        "tol": 1e9,
        "max_iter": 500,
    }
    fitted = model(**options, learning_rate="plateau", learning_rate_init=0.01).fit(X, y)
    steps = np.unique(rates)[::-1]
    np.testing.assert_allclose(steps[:-1] / steps[1:], 5)
    assert steps[0] == 0.01 and steps[-1] < 1e-6 and fitted.n_iter_ < 500


def test_training_stops_without_progress():
    X, y = data()
    assert model(tol=1e9, n_iter_no_change=3, max_iter=100).fit(X, y).n_iter_ == 5
    assert model(tol=0, n_iter_no_change=3, max_iter=7).fit(X, y).n_iter_ == 7


def test_early_stopping_puts_the_best_weights_back():
    X, y = data(80)
    options = {
        "early_stopping": True,
        "learning_rate_init": 0.3,
        "max_iter": 30,
        "n_iter_no_change": 30,
        "tol": 0,
    }
    fitted = model(**options).fit(X, y)
    best = int(np.argmin(fitted.validation_loss_curve_))
    assert best < len(fitted.validation_loss_curve_) - 1
    assert same_bits(fitted, model(**options | {"max_iter": best + 1}).fit(X, y))


def test_an_interrupt_keeps_the_best_weights(monkeypatch):
    X, y = data()
    calls, move = [], cpu.apply_update

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4 * 3 + 2:  # in the fourth epoch of four updates each
            raise KeyboardInterrupt
        move(*arguments)

    monkeypatch.setattr(cpu, "apply_update", interrupted)
    with pytest.warns(InterruptedFitWarning, match="after 3 epochs"):
        stopped = model().fit(X, y)
    monkeypatch.undo()
    assert stopped.n_iter_ == 3
    assert same_bits(stopped, model(max_iter=1 + int(np.argmin(stopped.loss_curve_))).fit(X, y))


def test_divergence_is_an_error_that_has_finite_weights():
    X, y = data()
    diverging = model(
        cell="rnn", activation="relu", solver="sgd", clip_norm=None, learning_rate_init=1e30
    )
    sentence = r"epoch 1: loss .*, gradient norm .*; try a lower learning_rate_init"
    with pytest.raises(DivergenceError, match=sentence) as caught:
        diverging.fit(X, y)
    assert all(np.isfinite(part).all() for part in caught.value.weights.values())


def test_warm_start_goes_on_where_it_stood():
    X, y = data()
    options = {"batch_size": 64, "shuffle": False, "tol": 0}
    whole = model(**options, max_iter=6).fit(X, y)
    parts = model(**options, max_iter=3, warm_start=True).fit(X, y).fit(X, y)
    assert same_bits(whole, parts) and parts.n_iter_ == 6
    steps = model(**options)
    for _ in range(6):
        steps.partial_fit(X, y)
    assert same_bits(whole, steps)


SIGNATURES = """
import gc, json, sys
import numpy as np
import pandas as pd
from numba.core.dispatcher import Dispatcher
from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 6, 2))
y, frozen = X[:, -1, 0], X.copy()
frozen.setflags(write=False)
cell, dtype = sys.argv[1:]
options = dict(cell=cell, dtype=dtype, hidden_size=5, max_iter=2, n_layers=2, dropout=0.1)
for inputs in (X, np.asfortranarray(X), frozen, X.astype("f4"), (10 * X).astype(int), list(X), X[:, ::2]):
    RNNRegressor(**options).fit(inputs, y).predict(inputs)
    RNNRegressor(**options, bidirectional=True).fit(inputs, y[:, None].repeat(2, axis=1)).predict(inputs)
    every = [x[:, 0] for x in inputs]
    for more in ({}, {"window": 2}, {"bptt_steps": 2}, {"bidirectional": True}):
        RNNSequenceRegressor(**options, **more).fit(inputs, every).predict(inputs)
RNNClassifier(**options).fit(X[:, :, 0], y > 0).predict(X[:, :, 0])
rows = pd.DataFrame(X.reshape(-1, 2))
RNNSequenceClassifier(**options).fit(rows, rows[0] > 0, series=rows.index // 6).predict_with_state(rows)
words = ["ab", "a", "bba", "bcba"]
for options["bidirectional"] in (False, True):
    RNNSeq2SeqClassifier(**options, teacher_forcing=0.5, beam_width=2).fit(words, words).predict(words)
    RNNSeq2SeqRegressor(**options, early_stopping=True).fit(X, X, decoder_inputs=X).predict(X, decoder_inputs=X)
if dtype == "float32":
    frame = pd.DataFrame(np.exp(X[:, 0]), columns=["a", "b"])
    quick = dict(cell=cell, h=3, hidden_size=5, n_networks=2, max_steps=20)
    for y, more in ((frame, {}), (frame["a"].astype("f4"), {}), ((9 * frame).astype(int), {"season_length": 7})):
        RNNForecaster(**quick, **more).fit(y).predict(y[:-5])
kernels = [k for k in gc.get_objects() if issubclass(type(k), Dispatcher) and k.targetoptions.get("nogil")]  # all ours
print(json.dumps([[str(k.py_func), len(k.signatures), sum(k.stats.cache_misses.values())] for k in kernels]))
"""


SLOW = [pytest.param(cell, "float32", marks=pytest.mark.slow) for cell in ("gru", "lstm")]


@pytest.mark.parametrize(("cell", "dtype"), [("rnn", "float32"), ("gru", "float64"), *SLOW])
def test_one_signature_per_kernel_and_the_next_process_finds_it(cell, dtype):
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SIGNATURES, cell, dtype], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        runs.append(json.loads(done.stdout))
    assert len(runs[0]) > 9
    assert [kernel for kernel, n_signatures, _ in runs[0] if n_signatures > 1] == []
    assert [kernel for kernel, _, n_misses in runs[1] if n_misses] == []
