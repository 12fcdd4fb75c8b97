"""The GPU beside torch's cuDNN on the same GPU: first whether the numbers are right, then how long they take.

    python -m benchmarks.gpu          every size, under eight minutes; needs an NVIDIA GPU, numba-cuda and torch
    python -m benchmarks.gpu --tiny   a rehearsal in numba's simulator, without torch and without times worth anything

It prints one table and writes benchmarks/results/gpu-DEVICE.json after every part: microseconds, the ratio to cuDNN,
the floor that arithmetic, memory and the chain of steps set, and our share of it. A graph is a replay without launches
in between. Both precisions are measured: fp32, and tf32 where sizes are large enough for tensor cores. Then come a
training step against rows and units, on the GPU and on all cores of the CPU, whole fits on both, and compute-sanitizer.
A part that fails is said and passed over; the exit status is 1 then.
"""

import argparse
import gc
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

TINY = "--tiny" in sys.argv
if TINY:
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when numba is imported

import numpy as np  # noqa: E402
from numba import cuda as device  # noqa: E402

import tsrnn  # noqa: E402
from benchmarks import curves  # noqa: E402
from benchmarks.floor import H100, Gpu, floor  # noqa: E402
from benchmarks.suite.work import PLAIN, Work  # noqa: E402
from tsrnn import RNNRegressor  # noqa: E402
from tsrnn.backends.cuda import tensor  # noqa: E402
from tsrnn.backends.cuda.graphs import record  # noqa: E402
from tsrnn.backends.devices import PRECISIONS  # noqa: E402

CELLS = curves.CELLS
SIZES = [  # B, T, F, H
    (1024, 64, 1, 64),
    (4096, 64, 1, 64),
    (4096, 96, 8, 128),
    (16384, 96, 8, 128),
    (256, 24, 1, 32),
]
GATED = [(4096, 96, 8, 160)]  # of gru and lstm only
LARGEST_ERROR = {"fp32": 1e-4, "tf32": 2e-2}  # of loss and gradient, relative
SECONDS = 460  # after which no further part begins
SANITIZER = 60  # seconds of each of its tools at most

if TINY:
    SIZES, GATED = [(3, 2, 1, 4)], []
    curves.BASE, curves.STEPS = {"rows": 3, "units": 4}, 2
    curves.AXES = {"rows": [2], "units": [5]}


def cases():
    return [(cell, *size) for cell in CELLS for size in SIZES + (GATED if cell != "rnn" else [])]


def precisions():
    return [name for name in PRECISIONS if name == "fp32" or tensor.available()]


class Theirs:
    """The same in torch."""

    def __init__(self, ours, cell, tf32):
        import torch

        self.torch, (B, _, F), H = torch, ours.X.shape, ours.network.hidden_size
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        self.net = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](
            F, H
        ).cuda()
        self.head = torch.nn.Linear(H, 1).cuda()
        self.x, self.y = (
            torch.from_numpy(ours.X.swapaxes(0, 1).copy()).cuda(),
            torch.from_numpy(ours.y).cuda(),
        )
        self.dlast, self.parameters = (
            torch.randn(B, H).cuda(),
            [*self.net.parameters(), *self.head.parameters()],
        )
        self.adam = torch.optim.Adam(self.parameters, lr=1e-3, fused=True, capturable=True)

    def kernels(self):
        self.net.zero_grad(set_to_none=False)
        self.net(self.x)[0][-1].backward(self.dlast)

    def step(self):
        self.adam.zero_grad(set_to_none=False)
        self.torch.nn.functional.mse_loss(self.head(self.net(self.x)[0][-1]), self.y).backward()
        self.torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.adam.step()

    def graph(self, function):
        stream = self.torch.cuda.Stream()
        stream.wait_stream(self.torch.cuda.current_stream())
        with self.torch.cuda.stream(stream):
            for _ in range(3):
                function()
        self.torch.cuda.synchronize()
        graph = self.torch.cuda.CUDAGraph()
        gc.collect()  # memory that numba frees while a graph is recorded would spoil it
        with self.torch.cuda.graph(graph, capture_error_mode="relaxed"):
            function()
        return graph.replay


# Times


def median_time(function, repeats=11, seconds=0.4):
    """Microseconds of a call, the median over groups of calls that follow each other without a pause.

    A group is about a millisecond long, so that neither the clock nor the first launch counts for much.
    """

    def once(n_calls):
        begin, end = device.event(), device.event()
        begin.record()
        for _ in range(n_calls):
            function()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / n_calls  # milliseconds; nothing in the simulator

    if TINY:
        return once(1)
    for _ in range(3):
        once(1)
    alone = once(1)
    n_calls = min(max(math.ceil(1 / alone), 1), 50)
    repeats = min(repeats, max(3, int(1e3 * seconds / (alone * n_calls))))
    return 1e3 * float(np.median([once(n_calls) for _ in range(repeats)]))


def graph_of(function):
    """A replay of all that `function` launches, which must have run before and neither allocate nor copy."""
    gc.collect()  # what numba frees meanwhile is none of it
    return record(function).replay


def present():
    """This GPU's figures."""
    if TINY:
        return H100
    gpu = device.get_current_device()
    width = 2 * gpu.MEMORY_CLOCK_RATE * 1e3 * gpu.GLOBAL_MEMORY_BUS_WIDTH / 8
    return Gpu(str(gpu.name), gpu.CLOCK_RATE * 1e3, 128 * gpu.MULTIPROCESSOR_COUNT, width)


# Parts


def check(cell, *size):
    """For each precision relative errors of loss and gradient against the CPU in float64, and whether a second run
    gives the same bits.
    """
    seed, found = int(time.time()), {}
    exact = Work(cell, *size, n_jobs=os.cpu_count(), seed=seed, dtype=np.float64)
    expected, slopes = exact.loss_and_gradient()
    del exact  # gigabytes
    for precision in precisions():
        ours = Work(cell, *size, seed=seed, device="cuda", precision=precision)
        value, grad = ours.loss_and_gradient()
        errors = {
            "loss": float(abs(value / expected - 1)),
            "gradient": float(np.linalg.norm(grad - slopes) / np.linalg.norm(slopes)),
        }
        again, grad_again = ours.loss_and_gradient()
        found[precision] = errors | {
            "same bits": bool(value == again and (grad == grad_again).all())
        }
        print(
            cell,
            *size,
            precision,
            *(f"{name} {error:.1e}," for name, error in found[precision].items()),
            flush=True,
        )
    for precision, errors in found.items():
        most = LARGEST_ERROR[precision]
        if not (errors["gradient"] < most and errors["loss"] < most and errors["same bits"]):
            raise AssertionError(
                f"{precision} is wrong: {errors}, at most {most} and the same bits were expected"
            )
    return found


def measure(cell, *size):
    gpu, found = present(), {}
    for name in precisions():
        ours = Work(cell, *size, device="cuda", precision=name)
        run = ours.kernels()
        found[f"{name} kernels"] = median_time(run)
        found[f"{name} kernels, graph"] = median_time(graph_of(run))
        found[f"{name} step"] = median_time(ours.step)
    if find_spec("torch") is not None and not TINY:
        for name in precisions():
            found |= measure_theirs(ours, cell, name)
    found["floor"] = {name: floor(gpu, name, cell, *size) for name in precisions()}
    for name in precisions():
        print(row((cell, *size), name, found), flush=True)
    return found


def measure_theirs(ours, cell, precision):
    import torch

    found, theirs = {}, Theirs(ours, cell, precision == "tf32")
    for part in ("kernels", "step"):
        function = getattr(theirs, part)
        found[f"torch {precision} {part}"] = median_time(function)
        found[f"torch {precision} {part}, graph"] = median_time(theirs.graph(function))
    del theirs, function
    gc.collect()
    torch.cuda.empty_cache()  # what graphs kept for themselves
    return found


def on_gpu(cell, *size):
    return median_time(Work(cell, *size, device="cuda").step, repeats=5, seconds=0.2)


PLACES = {"gpu": on_gpu, "cpu": curves.on_cpu}


def steps(place, cell, axis):
    found = curves.curve(cell, axis, PLACES[place])
    print(
        f"step, us, {place} {cell} {axis}:",
        *(f"{value}: {time:.0f}" for value, time in found.items()),
        flush=True,
    )
    return found


def measure_fit(cell):
    """Seconds of a whole fit on the GPU and on all cores of the CPU."""
    n, T, H, batch, epochs = (8, 2, 3, 4, 1) if TINY else (4096 * 8, 64, 64, 4096, 5)
    X, found = np.random.default_rng(0).normal(size=(n, T)).astype("f4"), {}
    options = {
        "cell": cell,
        "hidden_size": H,
        "batch_size": batch,
        "tol": 0,
        "random_state": 0,
        "n_jobs": -1,
    } | PLAIN
    for name in ("cuda", "cpu"):
        # Compiled before the clock starts.
        RNNRegressor(**options, max_iter=1, device=name).fit(X[:batch], X[:batch, 0])
        begin = time.perf_counter()
        RNNRegressor(**options, max_iter=epochs, device=name).fit(X, X[:, 0])
        found[name] = time.perf_counter() - begin
    gain = found["cpu"] / found["cuda"]
    times = f"cuda {found['cuda']:.2f} s, cpu {found['cpu']:.2f} s"
    print(f"fit {cell}, {batch} rows: {times}, ratio {gain:.1f}", flush=True)
    return found


def sanitized(tool, seconds):
    """What a tool of compute-sanitizer says of small gradients."""
    code = (
        "from benchmarks.gpu import CELLS, check\n"
        "from tsrnn.backends.cuda import tensor_scan\n"
        "for rows in (tensor_scan.FEWEST_ROWS, 1):\n"  # the second time on tensor cores
        "    tensor_scan.FEWEST_ROWS, tensor_scan.FEWEST_UNITS = rows, 1\n"
        "    for cell in CELLS:\n"
        "        check(cell, 17, 3, 2, 16)"
    )
    command = [
        "compute-sanitizer",
        "--tool",
        tool,
        "--error-exitcode",
        "9",
        sys.executable,
        "-c",
        code,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise AssertionError(f"{tool}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"compute-sanitizer, {tool}: clean", flush=True)
    return "clean"


# All of it


def describe():
    gpu = "simulator" if TINY else str(device.get_current_device().name)
    packages = [
        name for name in ("numba", "numba-cuda", "torch") if find_spec(name.replace("-", "_"))
    ]
    found = {
        "device": gpu,
        "cpu": curves.processor(),
        "python": platform.python_version(),
        "tsrnn": tsrnn.__version__,
    }
    return found | {part: version(part) for part in packages}


def row(case, precision, found):
    def ratio(of, to):
        return f"{found[of] / found[to]:.2f}" if of in found else "-"

    kernels, step, torch = f"{precision} kernels", f"{precision} step", f"torch {precision}"
    graph, theirs, least = f"{kernels}, graph", f"{torch} kernels, graph", found["floor"][precision]
    limit = max(least, key=least.get)
    cells = [*map(str, case), precision, f"{found[kernels]:.0f}", f"{found[graph]:.0f}"]
    cells += [f"{found[theirs]:.0f}" if theirs in found else "-", ratio(theirs, graph)]
    cells += [
        f"{least[limit]:.0f} ({limit})",
        f"{least[limit] / found[graph]:.0%}",
        f"{found[step]:.0f}",
    ]
    cells += [ratio(f"{torch} step", step), ratio(f"{torch} step, graph", step)]
    return f"| {' | '.join(cells)} |"


HEADER = """| cell | B | T | F | H | precision | kernels, us | in a graph | cuDNN in a graph | ratio | floor | share \
| step, us | ratio torch | ratio torch graph |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


class Run:
    """Parts one after the other, each written when it is there; one that fails does not stop the others."""

    def __init__(self, folder):
        self.begin, self.result, self.failed = time.perf_counter(), describe(), []
        self.path = folder / f"gpu-{self.result['device'].replace(' ', '-')}.json"

    def left(self):
        return SECONDS - (time.perf_counter() - self.begin)

    def part(self, group, function, *arguments):
        name = " ".join(map(str, arguments))
        try:
            if self.left() < 0:
                raise TimeoutError(f"not begun after {SECONDS} s")
            self.result.setdefault(group, {})[name] = function(*arguments)
        except (
            Exception
        ) as error:  # whatever it is: the times of the others are wanted, and the status tells
            traceback.print_exc()
            self.failed.append(f"{group} {name}: {type(error).__name__}: {str(error)[:500]}")
            print(f"FAILED {self.failed[-1]}", flush=True)
        self.result |= {"failed": self.failed, "seconds": round(time.perf_counter() - self.begin)}
        curves.write(self.result, self.path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiny", action="store_true", help="a rehearsal in the simulator")
    parser.add_argument(
        "--out", type=Path, help="folder of the JSON file; benchmarks/results, or with --tiny none"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as nowhere:
        run = Run(options.out or (Path(nowhere) if TINY else curves.RESULTS))
        print(*(f"{name} {value}" for name, value in run.result.items()), sep=", ", flush=True)
        for case in cases():
            run.part("checks", check, *case)
        print(HEADER, flush=True)
        for case in cases():
            run.part("times", measure, *case)
        for place in PLACES:
            for cell in CELLS:
                for axis in curves.AXES:
                    run.part("curves", steps, place, cell, axis)
        for cell in CELLS:
            run.part("fit", measure_fit, cell)
        if not TINY and shutil.which("compute-sanitizer") is not None:
            for tool in ("memcheck", "racecheck"):
                run.part(
                    "sanitizer",
                    lambda tool: sanitized(tool, min(SANITIZER, max(run.left(), 1))),
                    tool,
                )
        print(run.path, f"{run.result['seconds']} s", *run.failed, sep="\n")
    sys.exit(bool(run.failed))


if __name__ == "__main__":
    main()
