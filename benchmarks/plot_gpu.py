"""Draw docs/gpu-times.png: a training step against rows and units, on the GPU and on the CPU, on log axes.

    python -m benchmarks.plot_gpu

It takes the newest benchmarks/results/gpu-*.json, which `python -m benchmarks.gpu` writes. Without one it takes the
CPU's times from cpu.json, which `python -m benchmarks.curves` writes, and of the GPU what arithmetic says.
"""

import json

from matplotlib.figure import Figure

from benchmarks import curves
from benchmarks.floor import H100, floor

# Told apart by dashes and markers, and by lightness.
CPU = {"color": "#0072b2", "marker": "o", "linestyle": "-"}
GPU = {"color": "#d55e00", "marker": "s", "linestyle": "-"}
FLOOR = {"color": "#d55e00", "marker": "", "linestyle": (0, (4, 2))}


def results():
    """What was measured, or None."""
    found = [path for path in curves.RESULTS.glob("gpu-*.json") if "simulator" not in path.name]
    newest = max(found, key=lambda path: path.stat().st_mtime, default=curves.RESULTS / "cpu.json")
    return json.loads(newest.read_text(encoding="utf-8"))


def least(cell, *size):
    return max(floor(H100, "fp32", cell, *size).values())


def draw(panel, curve, name, style):
    values, times = [int(value) for value in curve], [time / 1e3 for time in curve.values()]
    panel.plot(values, times, markersize=3.5, linewidth=1.4, **style)
    panel.annotate(
        name,
        (values[-1], times[-1]),
        (-2, 6),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=style["color"],
    )


def main():
    found = results()
    measured = "device" in found
    gpu = (
        f"GPU: {found['device']}"
        if measured
        else "GPU: floor by arithmetic for an H100, not measured"
    )
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    panels = figure.subplots(len(curves.AXES), len(curves.CELLS), sharex="row", sharey=True)
    for line, (axis, values) in zip(panels, curves.AXES.items()):
        for panel, cell in zip(line, curves.CELLS):
            draw(panel, found["curves"][f"cpu {cell} {axis}"], "CPU", CPU)
            if measured:
                draw(panel, found["curves"][f"gpu {cell} {axis}"], "GPU", GPU)
            else:
                draw(panel, curves.curve(cell, axis, least), "GPU, floor", FLOOR)
            panel.set(
                xscale="log",
                yscale="log",
                xlabel=axis,
                xticks=values,
                xticklabels=list(map(str, values)),
            )
            panel.set_title(cell, fontsize=10)
            panel.margins(y=0.15)
            panel.minorticks_off()
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(axis="y", color="#eeeeee", linewidth=0.8)
            panel.tick_params(labelsize=8)
    figure.supylabel("milliseconds a training step", fontsize=10)
    lines = panels[0, 0].get_lines()
    names = [f"CPU: {found['cpu']}", gpu]
    figure.legend(lines, names, loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    base = ", ".join(f"{value} {name}" for name, value in curves.BASE.items())
    figure.supxlabel(
        f"{curves.STEPS} steps; elsewhere {base}", x=0.995, ha="right", fontsize=8, color="#555555"
    )
    figure.savefig("docs/gpu-times.png", dpi=130)


if __name__ == "__main__":
    main()
