"""A target at every step: gradient, states carried from piece to piece, and what padding must not touch."""

from dataclasses import replace

import naive
import numpy as np
import pytest

from tsrnn.data.steps import Steps
from tsrnn.networks.network import Network, NetworkGradients
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

LENGTHS = np.array([6, 2, 9, 1, 5])


def example(lengths=LENGTHS, n_features=2, n_outputs=3, loss="squared", dtype=np.float64):
    rng, n = np.random.default_rng(0), lengths.sum()
    values, targets = (
        rng.normal(size=(n, n_features)).astype(dtype),
        rng.normal(size=(n, n_outputs)).astype(dtype),
    )
    if loss == "softmax_log_loss":
        targets = np.eye(n_outputs)[rng.integers(n_outputs, size=n)].astype(dtype)
    weights = np.repeat(rng.integers(0, 3, size=(n, 1)), n_outputs, axis=1).astype(dtype)
    return Steps.whole(values, lengths.cumsum() - lengths, lengths, targets, weights)


def states_of(network, n_series, seed=5):
    """Random states whose padded units are zero."""
    shape = n_series, len(network.ends), network.cell.n_states, network.width
    states = np.random.default_rng(seed).normal(size=shape).astype(network.dtype)
    states[..., network.hidden_size :] = 0
    return states


def value_and_gradient(network, theta, rows, loss="squared", **options):
    loss = LOSSES[loss]
    total = float(rows.weights[:, 0].sum() if loss.softmax else rows.weights.sum())
    chosen, workspaces = np.arange(len(rows)), WorkspacePool(network.dtype)
    value, grads = gradient(
        network,
        theta,
        rows,
        chosen,
        Objective(loss, 0.0, total),
        GradientOptions(workspaces, **options),
    )
    return value, grads.sum(axis=0)


def difference(value, step=1e-5):
    one, two = (value(s * step) - value(-s * step) for s in (1, 2))
    return (8 * one - two) / (12 * step)


@pytest.mark.parametrize("loss", ["squared", "softmax_log_loss"])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (2, True)])
def test_gradient_is_the_slope(cell, loss, n_layers, bidirectional):
    rows = example(loss=loss)
    network = Network(cell, 2, 5, 3, n_layers, bidirectional, every_step=True, dtype=np.float64)
    rng = np.random.default_rng(3)
    theta = network.initial(rng)
    value, grad = value_and_gradient(network, theta, rows, loss)
    outputs = predict(network, theta, rows, 1)
    assert value == pytest.approx(
        naive.mean_loss(loss, outputs, rows.targets, rows.weights), rel=1e-12
    )
    for _ in range(3):
        shapes = {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
        direction = network.from_weights(shapes)
        slope = difference(
            lambda s, d=direction: value_and_gradient(network, theta + s * d, rows, loss)[0]
        )
        assert grad @ direction == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (2, True)])
def test_forward_is_the_definition(cell, dtype, n_layers, bidirectional):
    rows = example(np.random.default_rng(1).integers(1, 12, size=113), dtype=dtype)
    network = Network(cell, 2, 20, 3, n_layers, bidirectional, every_step=True, dtype=dtype)
    theta = network.initial(np.random.default_rng(0))
    weights = {name: part.astype(float) for name, part in network.to_weights(theta).items()}
    outputs = predict(network, theta, rows, 1)
    tolerance = 1e-13 if dtype == np.float64 else 5e-6
    for start, length in zip(rows.starts, rows.lengths):
        x = rows.values[start : start + length].astype(float)
        expected = naive.network(cell, x, weights, n_layers, bidirectional, every_step=True)
        np.testing.assert_allclose(outputs[start : start + length], expected, atol=tolerance)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_pieces_with_carried_states_are_the_whole(cell, n_layers):
    """To the bit, whatever the pieces; and an initial state matters."""
    rows = example()
    network = Network(cell, 2, 5, 3, n_layers, every_step=True, dtype=np.float64)
    theta, zeros = network.initial(np.random.default_rng(0)), 0 * states_of(network, len(rows))
    whole = predict(network, theta, rows, 1)
    for length in (1, 3, 100):
        pieces = rows.pieces(length, zeros.copy())
        parts = np.full_like(whole, np.nan)
        for chosen in pieces.epoch(np.random.default_rng(0), 2, True):
            part = {
                name: getattr(pieces, name)[chosen]
                for name in ("starts", "lengths", "series", "fresh")
            }
            places = np.concatenate([pieces.places(row[None]) for row in chosen])
            parts[places] = predict(network, theta, replace(pieces, **part), 1)[places]
        np.testing.assert_array_equal(parts, whole)
    started = replace(rows, fresh=np.zeros(len(rows), bool), carried=states_of(network, len(rows)))
    other = predict(network, theta, started, 1)
    assert not np.isclose(other[rows.starts], whole[rows.starts]).any()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_slopes_of_first_and_last_states(cell, n_layers):
    """The loss plus a random function of the last states, along random initial states."""
    rows, n = example(), len(LENGTHS)
    network = Network(cell, 2, 5, 3, n_layers, every_step=True, dtype=np.float64)
    theta, workspaces = network.initial(np.random.default_rng(0)), WorkspacePool(np.float64)
    packed, first = network.packing(training=True)(theta), states_of(network, n)
    factors, direction = np.moveaxis(states_of(network, n, 1), 0, 2), states_of(network, n, 2)
    order = np.argsort(-rows.lengths, kind="stable")

    def forward(initial, workspace):
        batch = replace(rows, fresh=np.zeros(n, bool), carried=initial).batch(order, workspace)
        outputs, traces = network.forward(packed, batch, workspace, keep=True)
        slopes = np.zeros_like(outputs)
        slopes[:, :3] = batch.weights
        last = network.last_states(traces, batch.lengths, workspace)
        return batch, traces, slopes, (outputs * slopes).sum() + (last * factors).sum()

    with workspaces.one() as workspace:
        batch, traces, slopes, _ = forward(first, workspace)
        grad = np.empty(network.layout.size)
        dx = np.zeros((*batch.x.shape[:2], 16))
        dfirst = network.backward(
            packed, batch, traces, NetworkGradients(slopes, grad, dx, factors), workspace
        ).copy()
        slope = difference(lambda s: forward(first + s * direction, workspace)[-1])
    assert (dfirst * np.moveaxis(direction[order], 0, 2)).sum() == pytest.approx(slope, rel=1e-7)


def test_rooms_hold_no_trace_of_other_batches():
    """Garbage of a longer batch past the end of a row must not reach a gradient."""
    network = Network("lstm", 2, 5, 3, 2, True, every_step=True, dtype=np.float64)
    theta, rows, workspaces = (
        network.initial(np.random.default_rng(0)),
        example(),
        WorkspacePool(np.float64),
    )
    settings = Objective(LOSSES["squared"], 0.0, 1.0), GradientOptions(workspaces)
    _, clean = gradient(network, theta, rows, np.array([3, 1, 4]), *settings)
    clean = clean.copy()
    for workspace in workspaces.free:
        for array in workspace.arrays.values():
            if array.dtype == np.float64:
                array[:] = np.nan
    _, again = gradient(network, theta, rows, np.array([3, 1, 4]), *settings)
    np.testing.assert_array_equal(again, clean)
