"""How long recurrent networks remember: what textbooks say, measured; writes memory.json and four pictures."""

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.base import clone

from tsrnn import DivergenceError, RNNClassifier, RNNRegressor
from tsrnn.datasets import load_japanese_vowels, make_adding_problem
from tsrnn.inspection import (
    GradientFlowDisplay,
    GradientNormDisplay,
    HiddenStateDisplay,
    LossCurveDisplay,
    memory_length,
    saliency,
)

# told apart without colour vision
COLOURS = {
    "rnn": "#0072b2",
    "gru": "#d55e00",
    "lstm": "#009e73",
}
UNITS, RATE = 32, 0.01
FRACTIONS = 0.1, 0.01, 0.001


def sizes(quick):
    """Sequences and epochs of training, steps of the adding problem, sequences to test on, and seeds."""
    if quick:
        return {"n": 200, "epochs": 2, "steps": [10, 20], "n_test": 100, "seeds": 1}
    return {"n": 4000, "epochs": 20, "steps": [10, 20, 50, 100, 200], "n_test": 1000, "seeds": 3}


# One direction that reads value by value, as textbooks draw it.
ONE = {"n_networks": 1, "n_layers": 1, "segment": 1, "pooling": "last", "augment": None}
TEXTBOOK = ONE | {
    "bidirectional": False,
    "standardize": False,
    "learning_rate": "constant",
    "batch_size": 64,
}


def begun(X, y, change=None, **options):
    """A regressor that has learned nothing yet; `change` makes other weights of its first ones."""
    model = RNNRegressor(
        hidden_size=UNITS,
        random_state=0,
        max_iter=1,
        learning_rate_init=1e-30,
        **TEXTBOOK,
        **options,
    )
    model.fit(X[:2], y[:2])
    return model.set_weights(change(model.weights_)) if change else model


def uniform(weights):
    """All weights uniform between -1 / sqrt(units) and 1 / sqrt(units), as textbooks and torch begin."""
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(-(UNITS**-0.5), UNITS**-0.5, part.shape) for name, part in weights.items()
    }


def growing(weights):
    """The recurrent matrix one and a half times as large: it stretches every vector."""
    return weights | {"weight_hh_l0": 1.5 * weights["weight_hh_l0"]}


def trained(model, X, y, epochs, rate=RATE, **options):
    """Go on from where the model stands, for so many epochs, whatever the loss does."""
    recipe = {"max_iter": epochs, "tol": 0, "n_iter_no_change": epochs, "learning_rate_init": rate}
    return model.set_params(
        learning_rate="cosine", warm_start=True, n_jobs=-1, **recipe | options
    ).fit(X, y)


def problem(n, n_test, T):
    """Sequences to train on, and others to test with."""
    return make_adding_problem(n, T, random_state=0), make_adding_problem(n_test, T, random_state=1)


def error_of(model, X, y):
    return float(np.mean((model.predict(X) - y) ** 2))


def adding(n, epochs, steps, n_test, **_):
    """The mean squared error of every cell on longer and longer adding problems, after the same number of updates."""
    rows, models = [], {}
    for T in steps:
        (X, y), test = problem(n, n_test, T)
        rows.append({"steps": T, "guess": float(np.var(test[1]))})
        for cell, start in (("rnn", uniform), ("rnn", None), ("gru", None), ("lstm", None)):
            models[cell, T] = trained(begun(X, y, start, cell=cell), X, y, epochs)
            rows[-1][f"{cell}, uniform start" if start else cell] = error_of(models[cell, T], *test)
    return rows, models


def rates(n, epochs, steps, n_test, **_):
    """The same of the plain cell for other learning rates, at the second largest length."""
    (X, y), test = problem(n, n_test, steps[-2])
    found = {
        str(rate): error_of(trained(begun(X, y, cell="rnn"), X, y, epochs, rate), *test)
        for rate in (0.0005, 0.001, 0.002, 0.005, 0.01)
    }
    return {"steps": steps[-2], "errors": found}


def draw_adding(rows):
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    ax = figure.subplots()
    T = [row["steps"] for row in rows]
    ax.plot(
        T,
        [row["guess"] for row in rows],
        color="#999999",
        linestyle="--",
        linewidth=1.2,
        label="always the mean",
    )
    for name in list(rows[0])[2:]:
        line = {
            "color": COLOURS[name.split(",")[0]],
            "linestyle": ":" if "uniform" in name else "-",
            "marker": "o",
        }
        ax.plot(T, [row[name] for row in rows], **line, markersize=4, linewidth=1.4, label=name)
    ax.set(xscale="log", yscale="log", xticks=T, xticklabels=list(map(str, T)))
    ax.set(xlabel="steps of a sequence", ylabel="mean squared error")
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
    ax.set_title("The adding problem, a network for each length", loc="left", fontsize=10)
    return figure


def vanishing(models, T):
    """Steps back at which the gradient still has some fractions of its size, before and after training."""
    X, y = make_adding_problem(200, T, random_state=1)
    figure = Figure(figsize=(11, 4), layout="constrained")
    starts = {"uniform start": uniform, "orthogonal start": None}
    panels, rows = dict(zip([*starts, "trained"], figure.subplots(1, 3, sharey=True))), []
    for when, ax in panels.items():
        for cell, colour in COLOURS.items():
            model = models[cell, T] if when == "trained" else begun(X, y, starts[when], cell=cell)
            reach = {str(fraction): memory_length(model, X, y, fraction) for fraction in FRACTIONS}
            rows.append({"when": when, "cell": cell} | reach)
            GradientFlowDisplay.from_estimator(model, X, y, ax=ax, name=cell, color=colour)
        ax.set_title({"trained": f"trained on {T} steps"}.get(when, when), loc="left", fontsize=10)
        ax.set_ylabel("norm of the gradient at the state" if ax is panels["uniform start"] else "")
    ax.set_ylim(1e-12, 30)
    for ax in list(panels.values())[1:]:
        ax.get_legend().remove()
    return rows, figure


def looking(model, T):
    """The states of a network while it reads a sequence, and the slopes of its output along the numbers it reads."""
    X, _ = make_adding_problem(1, T, random_state=3)
    figure = Figure(figsize=(8, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    HiddenStateDisplay.from_estimator(model, X, ax=upper)
    slopes = saliency(model, X)[0][:, 0]
    lower.bar(np.arange(T), slopes, color="#bbbbbb", width=1.0)
    marks = np.flatnonzero(X[0, :, 1])
    lower.bar(marks, slopes[marks], color="#d55e00", width=1.0, label="marked")
    upper.set(xlabel="", title=f"hidden state of the {model.cell} while it reads")
    lower.set(
        xlabel="step", ylabel="slope", title="what the output listens to: |d output / d number|"
    )
    lower.spines[["top", "right"]].set_visible(False)
    lower.legend(frameon=False)
    return figure


def clipping(n, epochs, n_test, T=20, **_):
    """Plain gradient descent from a recurrent matrix that makes the gradient explode, with and without clipping."""
    (X, y), test = problem(n, n_test, T)
    rows, runs = [], {}
    for solver, rate, clip_norm in (("sgd", 0.05, None), ("sgd", 0.05, 1.0), ("adam", 0.002, None)):
        model, report = begun(X, y, growing, cell="rnn", activation="relu", solver=solver), ""
        try:
            trained(model, X, y, epochs, rate, clip_norm=clip_norm)
            norms, losses = model.grad_norm_curve_, model.loss_curve_
        except DivergenceError as error:
            report, norms, losses = str(error), error.grad_norm_curve, error.loss_curve
        # without the first update, with which `begun` made the network
        norms, losses = (norms[1:], losses[1:])
        rows.append(
            {
                "solver": solver,
                "clip_norm": clip_norm,
                "updates": len(norms),
                "largest norm": float(norms.max()),
            }
        )
        rows[-1] |= {"error": None if report else error_of(model, *test), "report": report}
        runs[solver, clip_norm] = norms, losses
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    norms, losses = runs["sgd", 1.0]
    LossCurveDisplay(losses).plot(left, name="clip_norm=1")
    GradientNormDisplay(norms, 1.0).plot(right, name="clip_norm=1")
    wild = runs["sgd", None][0]
    right.plot(
        np.arange(1, len(wild) + 1),
        wild,
        color="#d55e00",
        marker="x",
        linestyle="",
        label="clip_norm=None",
    )
    right.set(xscale="log", ylim=(None, 1e4 * wild.max()))  # room for the legend
    right.legend(frameon=False, loc="upper right")
    left.set_title("with clipping: the loss", loc="left", fontsize=10)
    right.set_title("the norm of the gradient, before clipping", loc="left", fontsize=10)
    return rows, figure


def behind(X, before):
    """Every sequence behind another one: its state begins where that of the other one ended."""
    return [np.concatenate([X[i], x]) for i, x in zip(before, X)]


def carrying(epochs, seeds, **_):
    """Accuracy of who speaks, when each utterance begins from zero and when it begins from the state of another one."""
    X, y, X_test, y_test = load_japanese_vowels()
    found = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        parts = {
            "reset": (X, X_test),
            "carried": (
                behind(X, rng.permutation(len(X))),
                behind(X_test, rng.permutation(len(X_test))),
            ),
        }
        for fitted, (sequences, _) in parts.items():
            model = RNNClassifier(
                cell="gru", max_iter=2 * epochs, random_state=seed, n_jobs=-1, **ONE
            ).fit(sequences, y)
            for used, (_, sequences) in parts.items():
                found.setdefault((fitted, used), []).append(model.score(sequences, y_test))
    return [
        {
            "trained": fitted,
            "tested": used,
            "accuracy": float(np.mean(scores)),
            "lowest": min(scores),
            "highest": max(scores),
        }
        for (fitted, used), scores in found.items()
    ]


def lengths():
    """Sequences of 12 and of 450 steps, side by side and cut to 200: by how much predictions differ, and steps felt."""
    rng = np.random.default_rng(0)
    short, long = rng.normal(size=(12, 1)), rng.normal(size=(450, 1))
    X, y = (
        [rng.normal(size=(length, 1)) for length in rng.integers(5, 40, size=200)],
        rng.normal(size=200),
    )
    model = RNNRegressor(
        cell="gru", hidden_size=UNITS, max_iter=3, dtype="float64", random_state=0, alpha=0.0, **ONE
    ).fit(X, y)

    def apart(one, other):
        return float(np.abs(one - other).max())

    found = {
        "beside a longer one and alone": apart(
            model.predict([short, long])[:1], model.predict([short])
        ),
        "with 188 zeros appended by hand": apart(
            model.predict([short]), model.predict([np.concatenate([short, np.zeros((188, 1))])])
        ),
    }
    for truncate, kept in (("end", long[:200]), ("start", long[-200:])):
        settings = {"max_length": 200, "truncate": truncate, "max_iter": 1}
        cutting = clone(model).set_params(**settings).fit(X, y).set_weights(model.weights_)
        found[f"cut to 200 by truncate={truncate!r} and by hand"] = apart(
            cutting.predict([long]), model.predict([kept])
        )
    felt = [int(np.count_nonzero(slopes)) for slopes in saliency(cutting, [short, long])]
    return {"differences": found, "steps felt, of 12 and of 450": felt}


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def tables(results):
    """The numbers as they stand in docs/memory.md."""
    adding, rates = results["adding"], results["rates"]["errors"]
    names = list(adding[0])[1:]
    yield table(
        ["steps", *names],
        [[row["steps"], *(f"{row[name]:.5f}" for name in names)] for row in adding],
    )
    yield table(
        ["learning rate", *rates], [["error", *(f"{error:.3f}" for error in rates.values())]]
    )
    yield table(
        ["gradient of", *COLOURS],
        [
            [
                f"{when}, {float(fraction):g}",
                *(row[fraction] for row in results["vanishing"] if row["when"] == when),
            ]
            for when in dict.fromkeys(row["when"] for row in results["vanishing"])
            for fraction in map(str, FRACTIONS)
        ],
    )
    yield table(
        ["solver", "clip_norm", "updates", "largest norm", "error"],
        [
            [
                *(row["solver"], row["clip_norm"], row["updates"], f"{row['largest norm']:.3g}"),
                "diverged" if row["report"] else f"{row['error']:.5f}",
            ]
            for row in results["clipping"]
        ],
    )
    yield table(
        ["state, in training", "in use", "accuracy", "lowest", "highest"],
        [
            [
                row["trained"],
                row["tested"],
                *(f"{row[name]:.3f}" for name in ("accuracy", "lowest", "highest")),
            ]
            for row in results["carrying"]
        ],
    )
    yield table(
        ["two predictions", "differ by"],
        [[what, f"{value:.3g}"] for what, value in results["lengths"]["differences"].items()],
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few seconds: small sizes, numbers without meaning"
    )
    parser.add_argument(
        "--out", type=Path, default=Path(), help="folder for memory.json and the pictures"
    )
    options = parser.parse_args(arguments)
    size, results, pictures = sizes(options.quick), {}, {}
    results["lengths"], results["carrying"] = lengths(), carrying(**size)
    results["clipping"], pictures["clipping"] = clipping(**size)
    results["rates"] = rates(**size)
    results["adding"], models = adding(**size)
    pictures["adding"] = draw_adding(results["adding"])
    results["vanishing"], pictures["flow"] = vanishing(models, size["steps"][-1])
    middle = size["steps"][len(size["steps"]) // 2]
    pictures["inside"] = looking(models["lstm", middle], middle)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "memory.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, figure in pictures.items():
        figure.savefig(options.out / f"memory-{name}.png", dpi=110)
    print("\n".join(tables(results)))


if __name__ == "__main__":
    main()
