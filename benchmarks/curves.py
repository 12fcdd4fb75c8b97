"""A training step against rows and against units, as docs/gpu-times.png shows it.

python -m benchmarks.curves     on all cores of this CPU, to benchmarks/results/cpu.json; under two minutes
"""

import json
import os
import platform
import time
from pathlib import Path

import numpy as np

from benchmarks.suite.work import Work

RESULTS = Path(__file__).parent / "results"
CELLS = "rnn", "gru", "lstm"
STEPS = 64
BASE = {"rows": 1024, "units": 64}
AXES = {"rows": [64, 256, 1024, 4096, 16384], "units": [16, 32, 64, 128, 256, 512]}


def points(axis):
    """Values on an axis, and the size (B, T, F, H) of each."""
    for value in AXES[axis]:
        size = BASE | {axis: value}
        yield value, (size["rows"], STEPS, 1, size["units"])


def curve(cell, axis, microseconds):
    """What `microseconds` says of a cell and each size along an axis."""
    return {str(value): microseconds(cell, *size) for value, size in points(axis)}


def on_cpu(cell, *size):
    """Microseconds of a step on all cores: the median of a few, of two where they take long."""
    step, times, begin = Work(cell, *size, n_jobs=os.cpu_count()).step, [], time.perf_counter()
    while len(times) < 3 or (len(times) < 9 and time.perf_counter() - begin < 0.5):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times[1:]))  # the first may compile


def processor():
    """The name of this machine's CPU and how many threads it runs."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} threads"


def write(result, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def main():
    result, path = {"cpu": processor(), "curves": {}}, RESULTS / "cpu.json"
    for cell in CELLS:
        for axis in AXES:
            found = result["curves"][f"cpu {cell} {axis}"] = curve(cell, axis, on_cpu)
            print(
                cell,
                axis,
                *(f"{value}: {time / 1e3:.2f} ms" for value, time in found.items()),
                flush=True,
            )
            write(result, path)
    print(path)


if __name__ == "__main__":
    main()
