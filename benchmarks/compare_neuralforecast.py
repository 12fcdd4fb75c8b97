"""Training steps per second beside neuralforecast: windows of 96 values, 64 units, 256 windows a step,
horizon 24, one layer, the same panel, the same threads.

A step's time is the difference between a long fit and a short one, so that setting up and compiling do not count; both
sides alternate. `pip install neuralforecast` first.
"""

import argparse
import json
import logging
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.models import GRU, LSTM, RNN

from tsrnn import RNNForecaster

WINDOW, HIDDEN, BATCH, H = 96, 64, 256, 24
MODELS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


def panel(n_series=256, length=480):
    rng, t = np.random.default_rng(0), np.arange(length)
    y = (
        10
        + np.sin(2 * np.pi * t / 24)
        + rng.normal(scale=0.1, size=(n_series, length)).cumsum(axis=1) * 0.1
    )
    ids = np.repeat([f"s{i}" for i in range(n_series)], length)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(t, n_series), "y": y.ravel()})


def ours(cell, df, n_steps, threads):
    shape = {
        "window": WINDOW,
        "segment": 1,
        "hidden_size": HIDDEN,
        "batch_size": BATCH,
        "n_networks": threads,
    }
    RNNForecaster(h=H, cell=cell, max_steps=n_steps, n_jobs=threads, random_state=0, **shape).fit(
        df
    )


def theirs(cell, df, n_steps, threads):
    torch.set_num_threads(threads)
    quiet = {
        "enable_progress_bar": False,
        "logger": False,
        "enable_checkpointing": False,
        "accelerator": "cpu",
    }
    shape = {"input_size": WINDOW, "encoder_hidden_size": HIDDEN, "encoder_n_layers": 1}
    model = MODELS[cell](
        h=H,
        max_steps=n_steps,
        windows_batch_size=BATCH,
        batch_size=32,
        **shape,
        enable_model_summary=False,
        **quiet,
    )
    NeuralForecast(models=[model], freq=1).fit(df)


def seconds_per_step(fit, cell, df, short, long, threads):
    times = []
    for n_steps in (short, long):
        begin = time.perf_counter()
        fit(cell, df, n_steps, threads)
        times.append(time.perf_counter() - begin)
    return (times[1] - times[0]) / (long - short)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    df, threads, results = panel(), arguments.threads, []
    print(
        f"{threads} threads: as many of our networks train side by side, and a step of each counts"
    )
    print("| cell | ours, ms a step | neuralforecast, ms a step | ratio |\n|---|---|---|---|")
    for cell in arguments.cells:
        ours(cell, df, 2, threads)
        pairs = [
            (
                seconds_per_step(ours, cell, df, 310, 610, threads) / threads,
                seconds_per_step(theirs, cell, df, 3, 13, threads),
            )
            for _ in range(arguments.repeats)
        ]
        a, b = np.median(pairs, axis=0)
        results.append(
            {"cell": cell, "threads": threads, "step": a, "neuralforecast_step": b, "ratio": b / a}
        )
        print(f"| {cell} | {a * 1e3:.1f} | {b * 1e3:.1f} | {b / a:.1f} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
