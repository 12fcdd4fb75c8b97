"""Side by side with torch in one run: the same work, alternating, medians; prints the tables of docs/performance.md.

    python -m benchmarks.compare_torch                    every part
    python -m benchmarks.compare_torch steps --cells gru  one part, one cell

Parts: steps (training step and forward, share of sgemm), threads, ragged, fit, predict, and without torch beside them
start (new processes) and memory. It needs torch (`pip install torch`).
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import numpy as np
import scipy.linalg.blas
import torch
from threadpoolctl import threadpool_limits

from benchmarks.suite.work import FIRST_FIT, PLAIN, Work
from tsrnn import RNNRegressor

SIZES = [  # B, T, F, H
    (32, 24, 1, 32),
    (32, 48, 1, 64),
    (128, 48, 8, 64),
    (256, 96, 8, 128),
    (1024, 48, 1, 32),
    (1024, 64, 16, 256),
    (64, 200, 4, 512),
    (1, 1000, 1, 32),
]
NETS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def alternate(*functions, repeats=7, seconds=6.0, least=0.01):
    """The median time of each function, in turn: `repeats` samples each, and more often within `seconds`.

    A sample is as many calls as take `least` seconds: training is one step after another, with warm caches.
    """
    numbers = []
    for function in functions:
        function()
        numbers.append(
            math.ceil(least / min(timeit.repeat(function, number=1, repeat=3))) if least else 1
        )
    times, begin = [[] for _ in functions], time.perf_counter()
    while len(times[0]) < repeats or (len(times[0]) < 51 and time.perf_counter() - begin < seconds):
        for function, number, mine in zip(functions, numbers, times):
            mine.append(timeit.timeit(function, number=number) / number)
    return [float(np.median(mine)) for mine in times]


class Theirs:
    """The same in torch."""

    def __init__(self, cell, ours):
        F, H = ours.network.n_inputs, ours.network.hidden_size
        self.net, self.head = NETS[cell](F, H, batch_first=True), torch.nn.Linear(H, 1)
        self.X, self.y = torch.from_numpy(ours.X), torch.from_numpy(ours.rows.targets)
        self.lengths = (
            None if (ours.lengths == ours.X.shape[1]).all() else torch.from_numpy(ours.lengths)
        )
        self.parameters = [*self.net.parameters(), *self.head.parameters()]
        self.adam = torch.optim.Adam(self.parameters, lr=1e-3)

    def last(self):
        x = self.X
        if self.lengths is not None:
            x = torch.nn.utils.rnn.pack_padded_sequence(
                x, self.lengths, batch_first=True, enforce_sorted=False
            )
        state = self.net(x)[1]
        return (state[0] if isinstance(state, tuple) else state)[-1]

    def step(self):
        self.adam.zero_grad()
        torch.nn.functional.mse_loss(self.head(self.last()), self.y).backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adam.step()

    def forward(self):
        with torch.inference_mode():
            self.head(self.last())


def flops(cell, B, T, F, H, training):
    return (6 if training else 2) * {"rnn": 1, "gru": 3, "lstm": 4}[cell] * B * T * H * (H + F)


def sgemm_rate():
    """GFLOP/s of one thread of the machine's BLAS on 2048 cubed."""
    a = np.asfortranarray(np.random.default_rng(0).normal(size=(2048, 2048)).astype("f4"))
    with threadpool_limits(1):
        (seconds,) = alternate(lambda: scipy.linalg.blas.sgemm(1.0, a, a), repeats=5, seconds=0)
    return 2 * 2048**3 / seconds / 1e9


def compare_steps(cells, results):
    """One thread, every size: training step and forward pass."""
    torch.set_num_threads(1)
    head = "| cell | B, T, F, H | step, ms | torch, ms | ratio | share of sgemm | forward ratio |"
    print(f"\n{head}\n{'|---' * 7}|")
    for cell in cells:
        ratios = []
        for B, T, F, H in SIZES:
            peak, ours = sgemm_rate(), Work(cell, B, T, F, H)
            theirs = Theirs(cell, ours)
            step, torch_step = alternate(ours.step, theirs.step)
            forward, torch_forward = alternate(ours.forward, theirs.forward)
            share = flops(cell, B, T, F, H, True) / step / 1e9 / peak
            ratios.append((torch_step / step, torch_forward / forward))
            row = dict(
                cell=cell, size=(B, T, F, H), step=step, torch_step=torch_step, forward=forward
            )
            results.append(row | dict(torch_forward=torch_forward, share=share, sgemm=peak))
            print(
                f"| {cell} | {B}, {T}, {F}, {H} | {step * 1e3:.2f} | {torch_step * 1e3:.2f} | {ratios[-1][0]:.2f} "
                f"| {share:.0%} | {ratios[-1][1]:.2f} |",
                flush=True,
            )
        means = np.exp(np.log(ratios).mean(axis=0))
        print(
            f"| **{cell}** | geometric mean | | | **{means[0]:.2f}** | | **{means[1]:.2f}** |",
            flush=True,
        )


def compare_threads(cells, results):
    """Two threads against one."""
    print("\n| cell | B, T, F, H | two threads against one |\n|---|---|---|")
    for cell in cells:
        for B, T, F, H in [size for size in SIZES if size[0] >= 128]:
            one, two = Work(cell, B, T, F, H), Work(cell, B, T, F, H, n_jobs=2)
            alone, together = alternate(one.step, two.step)
            results.append(dict(cell=cell, size=(B, T, F, H), gain=alone / together))
            print(f"| {cell} | {B}, {T}, {F}, {H} | {alone / together:.2f} |", flush=True)


def compare_ragged(cells, results):
    """A batch of lengths drawn uniformly from 1..T against the same batch at full length."""
    torch.set_num_threads(1)
    print(
        "\n| cell | B, T, F, H | ragged / full | torch's | ratio to torch, ragged |\n|---|---|---|---|---|"
    )
    for cell in cells:
        for B, T, F, H in [(128, 48, 8, 64), (256, 96, 8, 128)]:
            lengths = np.random.default_rng(1).integers(1, T + 1, size=B)
            full, ragged = Work(cell, B, T, F, H), Work(cell, B, T, F, H, lengths=lengths)
            their_full, their_ragged = Theirs(cell, full), Theirs(cell, ragged)
            a, b, c, d = alternate(full.step, ragged.step, their_full.step, their_ragged.step)
            results.append(
                dict(cell=cell, size=(B, T, F, H), ragged=b / a, torch_ragged=d / c, ratio=d / b)
            )
            print(
                f"| {cell} | {B}, {T}, {F}, {H} | {b / a:.2f} | {d / c:.2f} | {d / b:.2f} |",
                flush=True,
            )


def compare_fit(cells, results):
    """A whole fit: 20,000 windows of 96 steps, hidden 64, batches of 256, 5 epochs; a bare loop in torch."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 96)).astype("f4")
    y = X[:, -3:].sum(axis=1)
    print("\n| cell | threads | fit, s | torch, s | ratio |\n|---|---|---|---|---|")
    for cell in cells:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model = RNNRegressor(
                cell=cell,
                hidden_size=64,
                batch_size=256,
                max_iter=5,
                tol=0,
                random_state=0,
                n_jobs=threads,
                **PLAIN,
            )

            def ours(model=model):
                model.fit(X, y)

            def theirs(cell=cell):
                net, head = NETS[cell](1, 64, batch_first=True), torch.nn.Linear(64, 1)
                parameters = [*net.parameters(), *head.parameters()]
                adam = torch.optim.Adam(parameters, lr=5e-3)
                inputs, targets = torch.from_numpy(X)[:, :, None], torch.from_numpy(y)[:, None]
                for _ in range(5):
                    for chunk in torch.randperm(len(X)).split(256):
                        state = net(inputs[chunk])[1]
                        last = (state[0] if isinstance(state, tuple) else state)[-1]
                        adam.zero_grad()
                        torch.nn.functional.mse_loss(head(last), targets[chunk]).backward()
                        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                        adam.step()

            a, b = alternate(ours, theirs, repeats=3, seconds=0, least=0)
            results.append(dict(cell=cell, threads=threads, fit=a, torch_fit=b, ratio=b / a))
            print(f"| {cell} | {threads} | {a:.2f} | {b:.2f} | {b / a:.2f} |", flush=True)


def compare_predict(cells, results):
    """One sequence of 96 steps, hidden 64: the public estimator against the bare torch module in eager mode."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 96)).astype("f4")
    print("\n| cell | predict, us | bare torch module, us |\n|---|---|---|")
    for cell in cells:
        model = RNNRegressor(cell=cell, hidden_size=64, max_iter=1, random_state=0, **PLAIN).fit(
            X, X[:, -1]
        )
        net, head, one = (
            NETS[cell](1, 64, batch_first=True),
            torch.nn.Linear(64, 1),
            torch.from_numpy(X[:1, :, None]),
        )

        def ours(model=model):
            model.predict(X[:1])

        def theirs(net=net, head=head, one=one):
            with torch.inference_mode():
                head(net(one)[0][:, -1])

        a, b = alternate(ours, theirs, repeats=51, seconds=3)
        results.append(dict(cell=cell, predict=a, torch_predict=b))
        print(f"| {cell} | {a * 1e6:.0f} | {b * 1e6:.0f} |", flush=True)


def seconds_of(code, **environment):
    """Wall time of a new Python that runs `code`, and what it prints."""
    begin = time.perf_counter()
    run = [sys.executable, "-c", code]
    done = subprocess.run(
        run, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - begin, done.stdout.strip()


def measure_start(cells, results):
    """New processes: import beyond numpy's, and a first fit and prediction with a warm and with an empty cache."""
    numpy, ours = zip(
        *((seconds_of("import numpy")[0], seconds_of("import numpy, tsrnn")[0]) for _ in range(7))
    )
    beyond = float(np.median(ours) - np.median(numpy))
    print(f"\nimport tsrnn: {beyond:.3f} s beyond import numpy\n")
    print("| cell | first fit and predict, warm cache, s | empty cache, s |\n|---|---|---|")
    for cell in cells:
        code, warm, empty = FIRST_FIT.format(cell=cell), [], []
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                empty.append(seconds_of(code, NUMBA_CACHE_DIR=folder)[0])
                warm.append(seconds_of(code, NUMBA_CACHE_DIR=folder)[0])
        results.append(
            dict(
                cell=cell, beyond=beyond, warm=float(np.median(warm)), empty=float(np.median(empty))
            )
        )
        print(f"| {cell} | {np.median(warm):.2f} | {np.median(empty):.2f} |", flush=True)


MILLION_WINDOWS = """
import re
from pathlib import Path
import numpy as np
from tsrnn import RNNRegressor
rng, settings = np.random.default_rng(0), dict(cell="{cell}", hidden_size=16, batch_size=4096, max_iter=1)
settings |= dict(n_networks=1, n_layers=1, bidirectional=False, segment=1, pooling="last", augment=None)
small = rng.normal(size=(100, 336))
RNNRegressor(**settings).fit(small, small[:, 0])
values = rng.normal(size=2_000_000)
X = np.lib.stride_tricks.sliding_window_view(values, 336)[:1_000_000]
y = values[336:1_000_336]
def peak():  # that of getrusage would be the parent's, if that was higher
    return int(re.search("VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
RNNRegressor(**settings).fit(X, y)
print(peak() - before)
"""


def measure_memory(cells, results):
    """Fitting a million windows of 336 steps that slide over two million values; Linux."""
    megabytes = float(seconds_of(MILLION_WINDOWS.format(cell=cells[0]))[1])
    results.append(dict(cell=cells[0], megabytes=megabytes))
    print(
        f"\na million windows of 336 steps, {cells[0]}: {megabytes:.0f} MB beyond the data",
        flush=True,
    )


PARTS = {
    "steps": compare_steps,
    "threads": compare_threads,
    "ragged": compare_ragged,
    "fit": compare_fit,
    "predict": compare_predict,
    "start": measure_start,
    "memory": measure_memory,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=[], help=", ".join(PARTS))
    parser.add_argument("--cells", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    found = {name: [] for name in arguments.parts or PARTS}
    for name, results in found.items():
        PARTS[name](arguments.cells, results)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
