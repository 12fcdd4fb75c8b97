"""The GPU beside torch's cuDNN on the same GPU: first whether the numbers are right, then how long they take.

    python -m benchmarks.gpu          every size, under eight minutes; needs an NVIDIA GPU, numba-cuda and torch
    python -m benchmarks.gpu --tiny   a rehearsal in numba's simulator, without torch and without times worth anything

It prints one table and writes benchmarks/results/gpu-DEVICE.json: microseconds, the ratio to cuDNN, the floor that
arithmetic, memory and the chain of steps set, and our share of it. A graph is a replay without launches in between.
Both precisions are measured: fp32, and tf32 where sizes are large enough for tensor cores.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

TINY = "--tiny" in sys.argv
if TINY:
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when numba is imported

import numpy as np  # noqa: E402
from numba import cuda as device  # noqa: E402

from tsrnn import RNNRegressor  # noqa: E402
from tsrnn.backends import cpu, cuda  # noqa: E402
from tsrnn.backends.cuda import tensor, tf32  # noqa: E402
from tsrnn.batching import Sequences  # noqa: E402
from tsrnn.network import Network  # noqa: E402
from tsrnn.propagation import Rooms, gradient  # noqa: E402
from tsrnn.rules.losses import LOSSES  # noqa: E402
from tsrnn.rules.updates import UPDATES  # noqa: E402

CELLS = "rnn", "gru", "lstm"
SIZES = [  # B, T, F, H
    (1024, 64, 1, 64),
    (4096, 64, 1, 64),
    (4096, 96, 8, 128),
    (16384, 96, 8, 128),
    (256, 24, 1, 32),
]
GATED = [(4096, 96, 8, 160)]  # of gru and lstm only
BACKENDS = {"fp32": cuda, "tf32": tf32}
SPEEDS = {"fp32": 8 / 3, "tf32": 8}  # of tensor cores beside the units of float32; fp32 takes three products
LARGEST_ERROR = {"fp32": 1e-4, "tf32": 2e-2}  # of loss and gradient, relative
CHAIN = 400  # cycles that one step waits for the last at least: shared memory, products, tanh, a barrier
RESULTS = Path(__file__).parent / "results"


def cases():
    sizes = [(3, 2, 1, 4)] if TINY else SIZES
    gated = [] if TINY else GATED
    return [(cell, *size) for cell in CELLS for size in sizes + (gated if cell != "rnn" else [])]


class Ours:
    """A network, a batch and all that a training step needs, on one device."""

    def __init__(self, backend, cell, B, T, F, H, dtype=np.float32, seed=0):
        rng, self.backend, self.shape = np.random.default_rng(seed), backend, (B, T, F, H)
        self.network, self.rooms = Network(cell, F, H, 1, dtype=dtype), Rooms(dtype, backend)
        self.X, self.y = rng.normal(size=(B, T, F)).astype(dtype), rng.normal(size=(B, 1)).astype(dtype)
        starts, lengths, ones = np.arange(B) * T * F, np.full(B, T), np.ones((B, 1), dtype)
        self.rows = Sequences(self.X.ravel(), F, starts, lengths, self.y, ones)
        size, self.initial = self.network.layout.size, self.network.initial(rng)
        self.theta = backend.to_device(self.initial)
        self.grad, self.moments = backend.zeros((1, size), dtype), backend.zeros((2, size), dtype)
        self.decay, self.n, self.update = backend.to_device(self.network.decay()[None]), 0, UPDATES["adam"]

    def gradient(self, n_jobs=1):
        B = self.shape[0]
        return gradient(
            self.network, self.theta, self.rows, np.arange(B), float(B), LOSSES["squared"], 0.0, self.rooms, n_jobs
        )

    def step(self):
        _, grads = self.gradient()
        theta, self.n = self.theta.reshape(1, self.theta.size), self.n + 1
        _, norm = self.backend.combine(grads, theta, self.decay, 0.0, np.inf, self.grad)
        c = self.update.coefficients(self.n, 1e-3, 0.9)
        self.backend.move(self.update, theta, self.grad, self.moments, self.decay, c, np.inf, norm, 1.0, 0.0)

    def kernels(self):
        """A function that runs the recurrence forward and back, weight gradients included, and nothing else."""
        network, (B, T, _, _), put, dtype = self.network, self.shape, self.backend.to_device, self.network.dtype
        packed = network.packing(training=True, backend=self.backend)(self.theta)
        lengths, cell, H = put(np.full(B, T)), network.cell, network.width
        x = put(np.ascontiguousarray(self.X.swapaxes(0, 1)))
        states = self.backend.zeros((cell.n_states, T + 1, B, H), dtype)
        saved, dstates = (self.backend.zeros(s, dtype) for s in ((T, B, cell.n_saved, H), (cell.n_states, B, H)))
        none, grad = self.backend.zeros((0, B, H), dtype), self.grad.reshape(self.grad.size)
        forward = [packed[f"{name}_l0"] for name in ("weight_ih", "weight_hh", "bias")]
        back = [packed[f"{name}_l0_t"] for name in ("weight_ih", "weight_hh")]

        def run():
            self.backend.forward(cell, x, lengths, *forward, states, saved)
            self.backend.backward(cell, x, lengths, T, *back, states, saved, none, dstates, none, grad, 0)

        return run


class Theirs:
    """The same in torch."""

    def __init__(self, ours, cell, tf32):
        import torch

        self.torch, (B, _, F, H) = torch, ours.shape
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
        self.net = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](F, H).cuda()
        self.head = torch.nn.Linear(H, 1).cuda()
        self.x, self.y = torch.from_numpy(ours.X.swapaxes(0, 1).copy()).cuda(), torch.from_numpy(ours.y).cuda()
        self.dlast, self.parameters = torch.randn(B, H).cuda(), [*self.net.parameters(), *self.head.parameters()]
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
        with self.torch.cuda.stream(stream):
            for _ in range(3):
                function()
        self.torch.cuda.synchronize()
        graph = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(graph):
            function()
        return graph.replay


# Times


def median_time(function, repeats=20):
    """Microseconds between two events around a call."""
    for _ in range(1 if TINY else 3):
        function()
    times = []
    for _ in range(1 if TINY else repeats):
        if TINY:
            begin = time.perf_counter()
            function()
            times.append(1e3 * (time.perf_counter() - begin))
            continue
        begin, end = device.event(), device.event()
        begin.record()
        function()
        end.record()
        end.synchronize()
        times.append(device.event_elapsed_time(begin, end))
    return 1e3 * float(np.median(times))


def graph_of(function):
    """A replay of all that `function` launches, which must neither allocate nor copy."""
    from cuda.core import Device

    gpu = Device()
    gpu.set_current()
    stream, builder = gpu.create_stream(), gpu.create_graph_builder()
    builder.begin_building()
    cuda.memory.recording = builder
    try:
        function()
    finally:
        cuda.memory.recording = None
    graph = builder.end_building().complete()

    def replay():
        graph.launch(stream)
        stream.sync()

    return replay


def floor(precision, cell, B, T, F, H):
    """Microseconds below which no kernel of this kind can be, and for what reason."""
    if TINY:
        return {"flops": 0.0, "bytes": 0.0, "steps": 0.0}
    cell, gpu = Network(cell, F, H, 1).cell, device.get_current_device()
    clock, lanes = gpu.CLOCK_RATE * 1e3, 128 * gpu.MULTIPROCESSOR_COUNT * SPEEDS[precision]
    width = 2 * gpu.MEMORY_CLOCK_RATE * 1e3 * gpu.GLOBAL_MEMORY_BUS_WIDTH / 8
    flops = 6 * T * B * cell.n_gates * H * (F + H) - 2 * T * B * cell.n_gates * H * F  # no slopes of the inputs
    numbers = T * B * (2 * F + 2 * H * (cell.n_states + cell.n_saved))  # written forward, read on the way back
    seconds = {"flops": flops / (2 * lanes * clock), "bytes": 4 * numbers / width, "steps": 2 * T * CHAIN / clock}
    return {name: 1e6 * value for name, value in seconds.items()}


# Parts


def precisions():
    return [name for name in BACKENDS if name == "fp32" or tensor.available()]


def check(cell, *size):
    """For each precision relative errors of loss and gradient against the CPU in float64, and whether a second run
    gives the same bits.
    """
    seed, found = int(time.time()), {}
    exact = Ours(cpu, cell, *size, dtype=np.float64, seed=seed)
    for precision in precisions():
        ours = Ours(BACKENDS[precision], cell, *size, seed=seed)
        if not found:
            exact.theta[:] = ours.initial
            exact.rows.values[:] = ours.rows.values
            exact.rows.targets[:] = ours.rows.targets
            expected, parts = exact.gradient(os.cpu_count())
            parts = parts.sum(axis=0)
        value, grads = ours.gradient()
        value, grad = cuda.read_numbers([value])[0], cuda.to_host(grads).copy()
        error = float(np.linalg.norm(grad[0] - parts) / np.linalg.norm(parts))
        again = cuda.to_host(ours.gradient()[1])
        errors = {"loss": abs(value / expected - 1), "gradient": error}
        found[precision] = errors | {"same bits": bool((grad == again).all())}
    return found


def measure(cell, *size):
    found = {}
    for name in precisions():
        ours = Ours(BACKENDS[name], cell, *size)
        run = ours.kernels()
        found[f"{name} kernels"] = median_time(run)
        found[f"{name} step"] = median_time(ours.step)
        if not TINY:
            found[f"{name} kernels, graph"] = median_time(graph_of(run))
    if find_spec("torch") is None or TINY:
        return found
    for name in BACKENDS:
        theirs = Theirs(ours, cell, name == "tf32")
        for part in ("kernels", "step"):
            function = getattr(theirs, part)
            found[f"torch {name} {part}"] = median_time(function)
            found[f"torch {name} {part}, graph"] = median_time(theirs.graph(function))
    return found


def measure_fit():
    """Seconds of a whole fit on the GPU and on all cores of the CPU."""
    n, T, H = (8, 2, 3) if TINY else (4096 * 8, 64, 64)
    X = np.random.default_rng(0).normal(size=(n, T)).astype("f4")
    options, found = {"hidden_size": H, "batch_size": min(n, 4096), "max_iter": 1 if TINY else 5, "tol": 0}, {}
    for name, n_jobs in (("cuda", None), ("cpu", -1)):
        model = RNNRegressor(**options, random_state=0, device=name, n_jobs=n_jobs)
        model.set_params(max_iter=1).fit(X[:64], X[:64, 0])  # compiled before the clock starts
        begin = time.perf_counter()
        model.set_params(max_iter=options["max_iter"]).fit(X, X[:, 0])
        found[name] = time.perf_counter() - begin
    return found


def sanitized():
    """What compute-sanitizer says of small gradients, where it is installed."""
    if TINY or shutil.which("compute-sanitizer") is None:
        return {}
    code = (
        "from benchmarks.gpu import CELLS, check\n"
        "from tsrnn.backends.cuda import tensor_scan\n"
        "for rows in (tensor_scan.FEWEST_ROWS, 1):\n"  # the second time on tensor cores
        "    tensor_scan.FEWEST_ROWS, tensor_scan.FEWEST_UNITS = rows, 1\n"
        "    for cell in CELLS:\n"
        "        check(cell, 17, 3, 2, 16)"
    )
    found = {}
    for tool in ("memcheck", "racecheck"):
        command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", sys.executable, "-c", code]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=90)
            found[tool] = "clean" if done.returncode == 0 else done.stdout[-2000:] + done.stderr[-2000:]
        except subprocess.TimeoutExpired:
            found[tool] = "no result within 90 s"
    return found


def describe():
    name = "simulator" if TINY else device.get_current_device().name
    packages = [name for name in ("tsrnn", "numba", "numba-cuda", "torch") if find_spec(name.replace("-", "_"))]
    name = name.decode() if isinstance(name, bytes) else name
    return {"device": name, "python": platform.python_version()} | {part: version(part) for part in packages}


def row(case, precision, found, least):
    def ratio(of, to):
        return f"{found[of] / found[to]:.2f}" if of in found and to in found else "-"

    kernels, step, torch = f"{precision} kernels", f"{precision} step", f"torch {precision}"
    graph = f"{kernels}, graph" if f"{kernels}, graph" in found else kernels
    theirs = f"{found[f'{torch} kernels, graph']:.0f}" if f"{torch} kernels, graph" in found else "-"
    limit = max(least, key=least.get)
    cells = [*map(str, case), precision, f"{found[kernels]:.0f}", f"{found[graph]:.0f}", theirs]
    cells += [ratio(f"{torch} kernels, graph", graph), f"{least[limit]:.0f} ({limit})"]
    cells += [
        f"{least[limit] / found[graph]:.0%}",
        f"{found[step]:.0f}",
        ratio(f"{torch} step", step),
        ratio(f"{torch} step, graph", step),
    ]
    return f"| {' | '.join(cells)} |"


HEADER = """| cell | B | T | F | H | precision | kernels, us | in a graph | cuDNN in a graph | ratio | floor | share \
| step, us | ratio torch | ratio torch graph |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a rehearsal in the simulator")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON file")
    options = parser.parse_args()
    result = describe() | {"checks": {}, "times": {}}
    print(*(f"{name} {value}" for name, value in result.items() if isinstance(value, str)), sep=", ", flush=True)
    for case in cases():
        name = " ".join(map(str, case))
        result["checks"][name] = check(*case)
        for precision, found in result["checks"][name].items():
            print(name, precision, *(f"{part} {value:.1e}," for part, value in found.items()), flush=True)
            most = LARGEST_ERROR[precision]
            assert found["gradient"] < most and found["loss"] < most and found["same bits"], (name, precision)
    result["sanitizer"] = sanitized()
    print(HEADER, flush=True)
    for case in cases():
        found, least = measure(*case), {precision: floor(precision, *case) for precision in precisions()}
        result["times"][" ".join(map(str, case))] = found | {"floor": least}
        for precision in precisions():
            print(row(case, precision, found, least[precision]), flush=True)
    result["fit"] = measure_fit()
    print("fit, s:", *(f"{name} {seconds:.2f}" for name, seconds in result["fit"].items()))
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"gpu-{result['device'].replace(' ', '-')}.json"
    path.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
