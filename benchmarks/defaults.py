"""Estimators with a target a step, or a sequence as a target, as they are by default and with the settings that were
the default before budgets in updates and scales inside, over several seeds.

python -m benchmarks.defaults               tasks that come with the package
python -m benchmarks.defaults --data DIR    and activities, of BasicMotions.npz in that folder
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.classification import from_archive
from benchmarks.seeds import described, measure
from tsrnn import (
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.datasets import load_airline, load_japanese_vowels

BEFORE = {
    "batch_size": 64,
    "max_iter": 200,
    "n_iter_no_change": 10,
    "learning_rate": "constant",
    "learning_rate_init": 0.005,
    "standardize": False,
}


def before(Estimator):
    names = Estimator().get_params()
    return {name: value for name, value in BEFORE.items() if name in names}


def speakers():
    """Who speaks, at each frame of an utterance."""
    X_train, y_train, X_test, y_test = load_japanese_vowels()
    labels = [
        [np.full(len(x), one) for x, one in zip(X, y)]
        for X, y in ((X_train, y_train), (X_test, y_test))
    ]
    return RNNSequenceClassifier, (X_train, labels[0]), (X_test, labels[1])


def activities(folder):
    """What somebody does, at each step of records in which three activities follow each other."""
    X_train, y_train, X_test, y_test = from_archive(folder / "BasicMotions.npz")
    rng = np.random.default_rng(0)

    def joined(X, y):
        records = rng.permuted(np.tile(np.arange(len(X)), (3, 1)), axis=1).T
        return (
            [np.concatenate([X[i] for i in record]) for record in records],
            [np.concatenate([np.full(len(X[i]), y[i]) for i in record]) for record in records],
        )

    return RNNSequenceClassifier, joined(X_train, y_train), joined(X_test, y_test)


def running_mean():
    """The mean of the last five values at each step, in units of a thermometer: 20 series of 60 steps."""
    rng = np.random.default_rng(0)
    X = 300 + 8 * rng.normal(size=(40, 60))
    window = np.lib.stride_tricks.sliding_window_view(
        np.pad(X, ((0, 0), (4, 0)), "edge"), 5, axis=1
    )
    y = window.mean(axis=2)
    return RNNSequenceRegressor, (X[:20, :, None], y[:20]), (X[20:, :, None], y[20:])


def sums():
    """Strings as "17+8" to strings as "25": 2000 of the 10,000 sums of two numbers below 100."""
    rng = np.random.default_rng(0)
    pairs = np.stack(np.divmod(rng.permutation(10_000)[:3000], 100), axis=1)
    X = [f"{a}+{b}" for a, b in pairs]
    y = [str(a + b) for a, b in pairs]
    return RNNSeq2SeqClassifier, (X[:2000], y[:2000]), (X[2000:], y[2000:])


def copies():
    """Strings of three to six letters out of eight to the same strings."""
    rng = np.random.default_rng(0)
    X = ["".join(rng.choice(list("abcdefgh"), size=n)) for n in rng.integers(3, 7, size=1500)]
    return RNNSeq2SeqClassifier, (X[:1000], X[:1000]), (X[1000:], X[1000:])


def airline():
    """Twelve months of passengers, in thousands, after the twelve before; the last four years are the test part."""
    y = load_airline().to_numpy(float)
    windows = np.lib.stride_tricks.sliding_window_view(y, 24)
    n = len(windows) - 36
    train = windows[: n - 12]  # whose last month is before the first of the test part
    test = windows[n:]
    return RNNSeq2SeqRegressor, (train[:, :12], train[:, 12:]), (test[:, :12], test[:, 12:])


TASKS = {
    "speaker at each frame (Japanese vowels), accuracy": speakers,
    "mean of five values at each step, R2": running_mean,
    "adding numbers as strings, share right": sums,
    "copying strings, share right": copies,
    "airline, twelve months from twelve, R2": airline,
}


def of_seed(Estimator, options, seed):
    return Estimator(random_state=seed, **options)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    tasks = dict(TASKS)
    if arguments.data:
        tasks["activity at each step (BasicMotions), accuracy"] = lambda: activities(arguments.data)
    print("| task | before | fit, s | by default | fit, s |\n|---|---|---|---|---|")
    for name, make in tasks.items():
        Estimator, train, test = make()
        cells = ""
        for options in (before(Estimator), {}):
            new = partial(of_seed, Estimator, options)
            scores, seconds = measure(new, train, test, arguments.seeds)
            cells += f" {described(scores)} | {seconds:.1f} |"
        print(f"| {name} |{cells}", flush=True)


if __name__ == "__main__":
    main()
