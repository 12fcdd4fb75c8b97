"""Gradients of networks drawn at random against finite differences, in double precision."""

import numpy as np
import pytest

from tsrnn.backends import cpu
from tsrnn.data.pairs import Pairs
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import BackwardOptions, DropoutKey, Network, NetworkGradients
from tsrnn.networks.workspace import Workspace
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

N_NETWORKS = 300
ONE_BY_ONE = [name for name, loss in LOSSES.items() if not loss.softmax and name != "pinball"]
KINDS = (
    "last step",
    "every step",
    "context",
    "carried",
    "quantiles",
    "encoder-decoder",
    "half forced",
)


def drawn(seed):
    """A network, a batch for it, and what else its passes want."""
    rng = np.random.default_rng(seed)
    kind, cell = KINDS[seed % len(KINDS)], list(CELLS)[rng.integers(len(CELLS))]
    B, F, n_outputs, longest = (int(rng.integers(1, high)) for high in (9, 6, 4, 12))
    pairs = kind in ("encoder-decoder", "half forced")
    form = {
        "n_layers": int(rng.integers(1, 4)),
        "bidirectional": kind != "carried" and bool(rng.integers(2)),
    }
    form |= {"dropout": float(rng.choice([0, 0.3])) * (form["n_layers"] > 1), "dtype": np.float64}
    every = kind in ("every step", "carried") or pairs
    n_targets = n_outputs * (3 if kind == "quantiles" else 1)
    sizes = cell, F, int(rng.integers(1, 24)), n_targets
    lengths = rng.integers(1, longest + 1, size=B)
    n = int(lengths.sum()) if every else B
    targets, weights = (
        rng.normal(size=(n, n_outputs)),
        rng.integers(1, 4, size=(n, n_outputs)).astype(float),
    )
    starts, workspace = lengths.cumsum() - lengths, Workspace(np.dtype(np.float64))
    chosen = np.argsort(-lengths, kind="stable")
    network_of = EncoderDecoder if pairs else Network
    more = {"n_known": int(rng.integers(3))} if pairs else {"every_step": every}
    more |= {"n_context": 3} if kind == "context" else {}
    network = network_of(*sizes, **form, **more)
    if pairs:
        said = rng.normal(size=(n, n_targets + more["n_known"]))
        target = Steps.whole(said, starts, lengths, targets, weights)
        steps = rng.integers(1, longest + 1, size=B)
        begins, none = (steps.cumsum() - steps) * F, np.empty((B, 0))
        source = Sequences(rng.normal(size=int(steps.sum()) * F), F, begins, steps, none, none)
        forced = rng.random(n) < 0.5 if kind == "half forced" else np.ones(n, bool)
        batch = Pairs(source, target, forced).batch(chosen, workspace)
    elif every:
        rows = Steps.whole(rng.normal(size=(n, F)), starts, lengths, targets, weights)
        batch = rows.batch(chosen, workspace)
    else:
        values = rng.normal(size=int(lengths.sum()) * F)
        batch = Sequences(values, F, starts * F, lengths, targets, weights).batch(chosen, workspace)
    if kind == "context":
        batch = batch._replace(context=rng.normal(size=(n, 3)))
    if kind == "carried":
        initial = np.zeros((len(network.ends), network.cell.n_states, B, network.width))
        initial[..., : network.hidden_size] = rng.normal(
            size=(*initial.shape[:3], network.hidden_size)
        )
        batch = batch._replace(initial=initial)
    loss = "pinball" if kind == "quantiles" else str(rng.choice(ONE_BY_ONE))
    parameter = (0.1, 0.5, 0.9) if kind == "quantiles" else 0.7
    batch.targets[:] = (
        batch.targets > 0 if loss == "log_loss" else np.maximum(batch.targets, LOSSES[loss].least)
    )
    return kind, network, batch, LOSSES[loss], parameter, rng


def passed(network, batch, theta, loss, parameter, workspace):
    """The loss, and a function that fills a gradient."""
    noise = DropoutKey(5, 0) if network.dropout else None
    packed = network.packing(training=True)(theta)
    outputs, traces = network.forward(packed, batch, workspace, noise, keep=True)
    slopes = np.zeros_like(outputs)
    value = cpu.loss(
        loss, outputs, batch.targets, batch.weights, parameter, float(batch.weights.sum()), slopes
    )
    back = BackwardOptions(noise)
    return value, lambda grad: network.backward(
        packed, batch, traces, NetworkGradients(slopes, grad), workspace, back
    )


def differences(value_at):
    for step in (1e-4, 3e-5):
        one, two = (value_at(s * step) - value_at(-s * step) for s in (1, 2))
        yield (8 * one - two) / (12 * step)


def start(network, rng):
    """Parameters of which no bias is zero: a relu behind units that are all zero would stand on its kink."""
    near = {name: 0.2 * rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
    return network.initial(rng) + network.from_weights(near)


def error_of(seed):
    """The largest relative error of slopes along three directions; None where each has a kink within the step."""
    kind, network, batch, loss, parameter, rng = drawn(seed)
    theta, grad, workspace = (
        start(network, rng),
        np.zeros(network.layout.size),
        Workspace(np.dtype(np.float64)),
    )
    value, back = passed(network, batch, theta, loss, parameter, workspace)
    back(grad)
    # no slope goes through what the decoder said, so it is held for the differences
    if kind == "half forced":
        batch = batch._replace(forced=np.ones_like(batch.forced))
        assert passed(network, batch, theta, loss, parameter, workspace)[0] == pytest.approx(
            value, rel=1e-12
        )
    errors = []
    for _ in range(3):
        shapes = {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
        direction = network.from_weights(shapes)
        direction /= np.linalg.norm(direction)

        def value_at(step, direction=direction, batch=batch):
            return passed(network, batch, theta + step * direction, loss, parameter, workspace)[0]

        slope, found = grad @ direction, list(differences(value_at))
        if abs(found[0] - found[1]) < 1e-6 * (abs(found[0]) + 1e-3):
            errors.append(min(abs(one - slope) for one in found) / (abs(slope) + 1e-3))
    return max(errors) if errors else None


@pytest.mark.slow
def test_gradients_of_random_networks():
    errors = {seed: error_of(seed) for seed in range(N_NETWORKS)}
    seen = {seed: error for seed, error in errors.items() if error is not None}
    worst = max(seen, key=seen.get)
    print(
        f"{len(seen)} networks: worst {seen[worst]:.2g} (seed {worst}), median {np.median(list(seen.values())):.2g}"
    )
    assert len(seen) > 0.9 * N_NETWORKS
    assert seen[worst] < 1e-6


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_gradient_of_a_random_network(seed):
    error = error_of(seed)
    assert error is not None and error < 1e-6
