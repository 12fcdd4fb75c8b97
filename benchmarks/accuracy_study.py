"""Variants of the forecaster on the last windows INSIDE the training parts: where defaults are chosen.

python -m benchmarks.accuracy_study --data DIR [--sets ...] [--variants ...]

The last h values of each training series are held out, then the h before them; scores are the mean of both. Of the test
parts only the lengths are used.
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy import SETS, load, measure, ridge, rnn, seasonal_naive

VARIANTS = {
    "default": {},
    "500 steps": {"max_steps": 500},
    "4 networks": {"n_networks": 4},
    "lstm": {"cell": "lstm"},
    "rate .004": {"learning_rate_init": 0.004},
    "level 1": {"level_window": 1},
    "never a seasonal index": {"deseasonalize": False},
    "16 networks": {"n_networks": 16},
    "without Theta": {"shares": {}},
    "recursive": {"decoder": "recursive"},
    "encoder-decoder": {"decoder": "encoder-decoder"},
}
LEAST = 3  # values before the held-out ones
ORIGINS = 1, 2  # two, to lessen noise


def hold_out(train, test, origin):
    """The training part before its last `origin` windows, and the first of them."""
    h = train["unique_id"].map(test.groupby("unique_id").size())
    left = train.groupby("unique_id").cumcount(ascending=False)
    size = train.groupby("unique_id")["y"].transform("size")
    enough, end = size >= origin * h + LEAST, (origin - 1) * h
    return train[enough & (left >= end + h)], train[enough & (left >= end) & (left < end + h)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--variants", nargs="+", default=["default"], choices=list(VARIANTS))
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    table = {}
    for name in args.sets:
        task, parts = SETS[name], [hold_out(*load(args.data, name), origin) for origin in ORIGINS]
        methods = {"seasonal naive": seasonal_naive, "ridge": ridge}
        methods |= {
            label: partial(rnn, n_jobs=args.jobs, **VARIANTS[label]) for label in args.variants
        }
        for label, method in methods.items():
            measured = [measure(task, train, test, method) for train, test in parts]
            results, seconds = zip(*measured)
            table[label, name] = np.mean([result[task.metric] for result in results])
            for origin, result, passed in zip(ORIGINS, results, seconds):
                figures = " ".join(f"{key} {value:.3f}" for key, value in result.items() if value)
                print(f"{name:18} {label:24} origin {origin} {figures} {passed:4.0f} s", flush=True)
    print(pd.Series(table).unstack(0)[list(methods)].T.round(3).to_string())


if __name__ == "__main__":
    main()
