"""The gradient of whole networks against finite differences in float64, and what must not change it."""

import naive
import numpy as np
import pytest

from tsrnn.backends import cpu
from tsrnn.data.sequences import Sequences
from tsrnn.data.series import Series, from_list, truncate_series
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

PARAMETERS = {"huber": 0.7, "pinball": 0.3}


def example(
    seed=0,
    lengths=(6, 2, 9, 1, 5),
    n_features=2,
    n_outputs=3,
    loss="squared",
    max_length=None,
    truncate="end",
):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(length, n_features)) for length in lengths]
    series = from_list(arrays, np.float64)
    starts, lengths = truncate_series(series.starts, series.lengths, max_length, truncate)
    n = len(lengths)
    targets = np.maximum(rng.normal(size=(n, n_outputs)), LOSSES[loss].least)
    if loss == "log_loss":
        targets = (targets > 0).astype(float)
    if loss == "softmax_log_loss":
        targets = np.eye(n_outputs)[rng.integers(n_outputs, size=n)]
    weights = np.repeat(rng.uniform(0.5, 2, size=(n, 1)), n_outputs, axis=1)
    rows = Sequences(
        series.values.ravel(), n_features, starts * n_features, lengths, targets, weights
    )
    return arrays, rows


def value_and_gradient(network, theta, rows, loss, **options):
    loss = LOSSES[loss]
    total = float(rows.weights[:, 0].sum() if loss.softmax else rows.weights.sum())
    parameter = PARAMETERS.get(loss.name, 0.0)
    chosen = np.arange(len(rows))
    value, grads = gradient(
        network,
        theta,
        rows,
        chosen,
        Objective(loss, parameter, total),
        GradientOptions(WorkspacePool(network.dtype), **options),
    )
    return value, grads.sum(axis=0)


def directions(network, n, seed=1):
    """Random directions among the real parameters; padded ones stay zero."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield network.from_weights(
            {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
        )


def slope_along(value, theta, direction, step=1e-5):
    """Central difference of fourth order."""
    one, two = (
        value(theta + s * step * direction) - value(theta - s * step * direction) for s in (1, 2)
    )
    return (8 * one - two) / (12 * step)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cutting", [(None, "end"), (4, "start")])
def test_gradient_is_the_slope(cell, loss, n_layers, bidirectional, cutting):
    _, rows = example(loss=loss, max_length=cutting[0], truncate=cutting[1])
    network = Network(cell, 2, 5, 3, n_layers, bidirectional, dtype=np.float64)
    theta = network.initial(np.random.default_rng(3)) + 0.1 * next(directions(network, 1, seed=4))
    value, grad = value_and_gradient(network, theta, rows, loss)
    outputs = predict(network, theta, rows, 1)
    assert value == pytest.approx(
        naive.mean_loss(loss, outputs, rows.targets, rows.weights, PARAMETERS.get(loss, 0.0)),
        rel=1e-12,
    )
    for direction in directions(network, 3):
        slope = slope_along(
            lambda at: value_and_gradient(network, at, rows, loss)[0], theta, direction
        )
        assert grad @ direction == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("cell", CELLS)
def test_every_single_parameter(cell):
    _, rows = example(n_outputs=1)
    network = Network(cell, 2, 3, 1, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    _, grad = value_and_gradient(network, theta, rows, "squared")
    real = np.flatnonzero(
        network.from_weights(
            {name: np.ones(network.shape_of(name)) for name in network.layout.shapes}
        )
    )
    for i in real:
        direction = np.zeros_like(theta)
        direction[i] = 1
        slope = slope_along(
            lambda at: value_and_gradient(network, at, rows, "squared")[0], theta, direction
        )
        assert grad[i] == pytest.approx(slope, rel=1e-6, abs=1e-9)
    rest = np.delete(grad, real)
    assert not rest.any()  # padded units feel nothing


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (2, True)])
def test_forward_is_the_definition(cell, dtype, n_layers, bidirectional):
    """More rows than a block holds, of all lengths, many tails of tiles."""
    lengths = np.random.default_rng(5).integers(1, 12, size=113)
    arrays, rows = example(lengths=lengths, n_features=3)
    network = Network(cell, 3, 20, 3, n_layers, bidirectional, dtype=dtype)
    theta = network.initial(np.random.default_rng(0))
    weights = {name: part.astype(float) for name, part in network.to_weights(theta).items()}
    rows = Sequences(
        rows.values.astype(dtype), 3, rows.starts, rows.lengths, rows.targets, rows.weights
    )
    expected = [
        naive.network(cell, x.astype(dtype).astype(float), weights, n_layers, bidirectional)
        for x in arrays
    ]
    tolerance = 1e-13 if dtype == np.float64 else 5e-6
    np.testing.assert_allclose(predict(network, theta, rows, 1), expected, atol=tolerance)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n_layers", [1, 2])
def test_truncated_backpropagation(cell, n_layers):
    """Only the last steps feel the parameters: the state before them is held while the parameters move."""
    steps, x = 3, np.random.default_rng(0).normal(size=(8, 2))
    series = Series.end_to_end(x, [8])
    y, w = np.array([[0.4]]), np.ones((1, 1))
    rows = Sequences(series.values.ravel(), 2, series.starts, series.lengths, y, w)
    network = Network(cell, 2, 4, 1, n_layers, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    _, grad = value_and_gradient(network, theta, rows, "squared", bptt_steps=steps)
    names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"

    def value(at):
        held, moved, inputs, before = network.to_weights(theta), network.to_weights(at), x, x
        for i in range(n_layers):
            old = naive.run(cell, before, *(held[f"{name}_l{i}"] for name in names))
            new = naive.run(
                cell,
                inputs[-steps:],
                *(moved[f"{name}_l{i}"] for name in names),
                list(old[-steps - 1]),
            )
            before, inputs = old[:, 0], new[:, 0]
        return float((moved["weight_ho"] @ inputs[-1] + moved["bias_ho"] - y[0])[0] ** 2)

    for direction in directions(network, 4):
        assert grad @ direction == pytest.approx(
            slope_along(value, theta, direction), rel=1e-6, abs=1e-10
        )


def test_dropout_is_differentiated_as_it_was_drawn():
    _, rows = example(lengths=(7, 3, 5, 5))
    network = Network("gru", 2, 6, 3, n_layers=3, bidirectional=True, dropout=0.4, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    value, grad = value_and_gradient(network, theta, rows, "squared", seed=11)
    assert value == value_and_gradient(network, theta, rows, "squared", seed=11)[0]
    assert value != value_and_gradient(network, theta, rows, "squared", seed=12)[0]
    for direction in directions(network, 3):
        slope = slope_along(
            lambda at: value_and_gradient(network, at, rows, "squared", seed=11)[0],
            theta,
            direction,
        )
        assert grad @ direction == pytest.approx(slope, rel=1e-6, abs=1e-9)


def with_output_dropout(n_layers=1, **options):
    """A network with dropout before its head, and weights."""
    network = Network("gru", 2, 6, 3, n_layers, output_dropout=0.4, dtype=np.float64, **options)
    return network, network.initial(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("n_layers", "bidirectional", "dropout"), [(1, False, 0), (1, True, 0), (3, True, 0.3)]
)
def test_output_dropout_is_differentiated_as_it_was_drawn(n_layers, bidirectional, dropout):
    _, rows = example(lengths=(7, 3, 5, 5))
    network, theta = with_output_dropout(n_layers, bidirectional=bidirectional, dropout=dropout)
    value, grad = value_and_gradient(network, theta, rows, "squared", seed=11)
    assert value == value_and_gradient(network, theta, rows, "squared", seed=11)[0]
    assert value != value_and_gradient(network, theta, rows, "squared", seed=12)[0]
    for direction in directions(network, 3):
        slope = slope_along(
            lambda at: value_and_gradient(network, at, rows, "squared", seed=11)[0],
            theta,
            direction,
        )
        assert grad @ direction == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_output_dropout_is_the_definition():
    """The head sees h times 0 or 1 / (1 - rate); without a seed it sees h."""
    arrays, rows = example(lengths=(5, 5, 5, 5))
    network, theta = with_output_dropout()
    weights = network.to_weights(theta)
    names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    last = [naive.run("gru", x, *(weights[f"{name}_l0"] for name in names))[-1, 0] for x in arrays]
    factors = np.ones((4, network.width))
    cpu.apply_dropout(factors.reshape(-1), 11, 0, 0.4, factors.reshape(-1))
    factors = factors[:, :6]
    assert set(np.round(factors.ravel(), 6)) == {0.0, round(1 / 0.6, 6)}
    outputs = (np.array(last) * factors) @ weights["weight_ho"].T + weights["bias_ho"]
    value, _ = value_and_gradient(network, theta, rows, "squared", seed=11)
    assert value == pytest.approx(
        naive.mean_loss("squared", outputs, rows.targets, rows.weights), rel=1e-12
    )
    plain, _ = value_and_gradient(network, theta, rows, "squared")
    kept = np.array(last) @ weights["weight_ho"].T + weights["bias_ho"]
    assert plain == pytest.approx(
        naive.mean_loss("squared", kept, rows.targets, rows.weights), rel=1e-12
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_company_changes_nothing(cell, dtype):
    """A sequence alone and among shorter and longer ones: the same outputs to the bit, the same gradient."""
    _, rows = example(lengths=[5, 30, 2, 5, 17, 1, 9] * 9)
    rows = Sequences(
        rows.values.astype(dtype),
        2,
        rows.starts,
        rows.lengths,
        rows.targets.astype(dtype),
        rows.weights,
    )
    network = Network(cell, 2, 7, 3, dtype=dtype)
    theta = network.initial(np.random.default_rng(0))
    together = predict(network, theta, rows, 1)
    alone = np.concatenate(
        [predict(network, theta, rows.select(np.array([i])), 1) for i in range(len(rows))]
    )
    np.testing.assert_array_equal(together, alone)
    only = rows.weights * (np.arange(len(rows)) == 3)[:, None]
    among = Sequences(rows.values, 2, rows.starts, rows.lengths, rows.targets, only.astype(dtype))
    one = among.select(np.array([3]))
    tolerance = (
        {"rtol": 1e-12, "atol": 1e-14} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-6}
    )
    expected = value_and_gradient(network, theta, one, "squared")[1]
    np.testing.assert_allclose(
        value_and_gradient(network, theta, among, "squared")[1], expected, **tolerance
    )


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr("tsrnn.backends.cpu.SMALL", 0)
    _, rows = example(lengths=np.random.default_rng(0).integers(1, 20, size=300))
    network = Network("lstm", 2, 9, 3, 2, bidirectional=True, dropout=0.2)
    theta = network.initial(np.random.default_rng(0))
    rows = Sequences(
        *(
            np.asarray(part, "f4") if i in (0, 4, 5) else part
            for i, part in enumerate(vars(rows).values())
        )
    )
    (one, grad_one), (two, grad_two) = (
        value_and_gradient(network, theta, rows, "squared", seed=3, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    )
    assert one == two
    np.testing.assert_array_equal(grad_one, grad_two)
    np.testing.assert_array_equal(
        predict(network, theta, rows, 1), predict(network, theta, rows, 2)
    )


@pytest.mark.parametrize("cell", CELLS)
def test_nothing_past_the_end_is_read_or_written(cell):
    """All memory is poisoned with NaN before; nothing of it may reach a result."""
    _, rows = example(lengths=np.random.default_rng(2).integers(1, 15, size=70))
    network = Network(cell, 2, 6, 3, 2, bidirectional=True, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    workspaces, loss, chosen = WorkspacePool(np.float64), LOSSES["squared"], np.arange(len(rows))
    expected = [
        part.copy()
        for part in gradient(
            network, theta, rows, chosen, Objective(loss, 0.0, 1.0), GradientOptions(workspaces)
        )[1]
    ]
    for workspace in [*workspaces.free, workspaces.shared]:
        for array in workspace.arrays.values():
            array[:] = np.nan
    _, grads = gradient(
        network, theta, rows, chosen, Objective(loss, 0.0, 1.0), GradientOptions(workspaces)
    )
    np.testing.assert_array_equal(grads, expected)
