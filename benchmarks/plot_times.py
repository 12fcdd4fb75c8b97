"""Draw docs/times.png: a training step against batch size, steps, units and threads, on log axes."""

import time

import numpy as np
from matplotlib.figure import Figure

from benchmarks.suite.work import Work

# told apart without colour vision
COLOURS = {
    "rnn": "#0072b2",
    "gru": "#d55e00",
    "lstm": "#009e73",
}
BASE = {"rows": 128, "steps": 48, "units": 64, "threads": 1}
AXES = {
    "rows": [1, 4, 16, 64, 256, 1024],
    "steps": [4, 16, 64, 256, 1024],
    "units": [16, 32, 64, 128, 256],
    "threads": [1, 2],
}


def work(cell, rows, steps, units, threads):
    return Work(cell, rows, steps, 1, units, threads)


def median_seconds(step, seconds=0.5):
    step()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main():
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    for panel, (name, values) in zip(figure.subplots(2, 2, sharey=True).flat, AXES.items()):
        for cell, colour in COLOURS.items():
            sizes = [BASE | {name: value} for value in values]
            times = [median_seconds(work(cell, **size).step) * 1e3 for size in sizes]
            panel.plot(
                values, times, color=colour, marker="o", markersize=3.5, linewidth=1.4, label=cell
            )
        ideal = np.array(values) if name != "threads" else 1 / np.array(values)
        panel.plot(
            values,
            times[0] * ideal / ideal[0],
            color="#bbbbbb",
            linewidth=0.9,
            linestyle="--",
            zorder=0,
        )
        panel.set(
            xscale="log",
            yscale="log",
            xlabel=name,
            xticks=values,
            xticklabels=list(map(str, values)),
        )
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color="#eeeeee", linewidth=0.8)
        panel.tick_params(labelsize=8)
    figure.supylabel("milliseconds a training step", fontsize=10)
    handles, labels = panel.get_legend_handles_labels()
    fixed = ", ".join(f"{value} {name}" for name, value in BASE.items())
    figure.suptitle(f"Elsewhere {fixed}; dashed: in proportion", x=0.01, ha="left", fontsize=10)
    figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False, fontsize=9)
    figure.savefig("docs/times.png", dpi=130)


if __name__ == "__main__":
    main()
