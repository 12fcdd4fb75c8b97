"""What is seen inside a network is what the definitions give: slopes by finite differences and by torch's autograd."""

import naive
import numpy as np
import pytest
from sklearn.base import RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from textbook import SINGLE, TEXTBOOK_WHOLE, single

from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.backends.cpu import scan
from tsrnn.inspection import gradient_flow, hidden_states, memory_length, saliency
from tsrnn.rules.cells import CELLS

LENGTHS = [4, 1, 6, 3]
RNG = np.random.default_rng(0)
X = [RNG.normal(size=(length, 2)) for length in LENGTHS]
Y = RNG.normal(size=(len(X), 2))
SHAPES = [(1, False), (1, True), (2, False), (2, True)]
KINDS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
NAMES = "weight_ih", "weight_hh", "bias_ih", "bias_hh"


def fitted(
    cell="gru",
    activation="tanh",
    n_layers=1,
    bidirectional=False,
    Estimator=RNNRegressor,
    y=Y,
    **options,
):
    """A small network whose weights are all different from zero."""
    shape = {
        "cell": cell,
        "activation": activation,
        "n_layers": n_layers,
        "bidirectional": bidirectional,
    }
    model = Estimator(
        hidden_size=3,
        max_iter=1,
        random_state=0,
        **single(Estimator) | shape | {"dtype": "float64", "standardize": False} | options,
    ).fit(X, y)
    rng = np.random.default_rng(1)
    return model.set_weights(
        {name: part + 0.3 * rng.normal(size=part.shape) for name, part in model.weights_.items()}
    )


def pushed(model, x, where, step, push):
    """Outputs for one sequence, by the plain definition, with `push` (n_states, H) added to the states of row `where`
    of a flow after `step` steps of its way.
    """
    weights, D = model.weights_, 1 + model.bidirectional
    cell = "rnn_relu" if model.activation == "relu" else model.cell
    for layer in range(model.n_layers):
        ways = []
        for d, end in enumerate(("", "_reverse")[:D]):
            own, inputs = [weights[f"{name}_l{layer}{end}"] for name in NAMES], x[::-1] if d else x
            states = naive.run(cell, inputs, *own)
            if where == layer * D + d:
                states[step - 1] += push
                if step < len(x):
                    states[step:] = naive.run(cell, inputs[step:], *own, list(states[step - 1]))
            ways.append(states[:, 0])
        last = np.concatenate([way[-1] for way in ways])
        x = np.hstack([way[::-1] if d else way for d, way in enumerate(ways)])
    seen = x if model._every_step else last
    return seen @ weights["weight_ho"].T + weights["bias_ho"]


def loss_of(model, outputs, target):
    """The mean over the targets of one sequence; NaN is none."""
    if not model._every_step:
        outputs, target = outputs[None], [target]
    if isinstance(model, RegressorMixin):
        return np.nanmean((outputs - target) ** 2)
    if len(model.classes_) == 2:
        outputs = np.hstack([np.zeros_like(outputs), outputs])
    known = [
        (one, np.searchsorted(model.classes_, label))
        for one, label in zip(outputs, target)
        if label == label
    ]
    return np.mean([np.log(np.exp(one).sum()) - one[code] for one, code in known])


def flow_by_differences(model, y):
    """What `gradient_flow` measures, for all states, by pushing each number of each state up and down."""
    n_states, D, longest, eps = (
        CELLS[model.cell].n_states,
        1 + model.bidirectional,
        max(LENGTHS),
        1e-5,
    )
    found = np.full((len(X), model.n_layers * D, n_states, longest), np.nan)
    for i, (x, target) in enumerate(zip(X, y)):
        for where in range(model.n_layers * D):
            for back in range(len(x)):
                slopes = np.empty((n_states, 3))
                for place in np.ndindex(slopes.shape):
                    push = np.zeros_like(slopes)
                    push[place] = eps
                    up, down = (
                        loss_of(model, pushed(model, x, where, len(x) - back, sign * push), target)
                        for sign in (1, -1)
                    )
                    slopes[place] = (up - down) / (2 * eps)
                found[i, where, :, back] = np.linalg.norm(slopes, axis=1)
    return np.nanmean(found, axis=0)


def assert_flow(flow, expected, **tolerance):
    np.testing.assert_allclose(flow.h, expected[:, 0], **tolerance)
    if expected.shape[1] == 1:
        assert flow.c is None
    else:
        np.testing.assert_allclose(flow.c, expected[:, 1], **tolerance)


@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize(("cell", "activation"), KINDS)
def test_flow_against_differences(cell, activation, n_layers, bidirectional):
    model = fitted(cell, activation, n_layers, bidirectional)
    flow = gradient_flow(model, X, Y)
    assert_flow(flow, flow_by_differences(model, Y), rtol=1e-6, atol=1e-9)
    assert flow.n_sequences.tolist() == [4, 3, 3, 2, 1, 1]


@pytest.mark.parametrize("y", [["no", "yes", "yes", "no"], [3, 1, 2, 2]])
def test_flow_of_classifiers(y):
    model = fitted("lstm", n_layers=2, Estimator=RNNClassifier, y=y, class_weight="balanced")
    assert_flow(gradient_flow(model, X, y), flow_by_differences(model, y), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("n_layers", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_flow_with_a_target_at_every_step(cell, n_layers, bidirectional):
    """Each target counts, missing ones do not; a window or pieces of training cut nothing."""
    y = [np.random.default_rng(length).normal(size=(length, 2)) for length in LENGTHS]
    y[0][1:3, 0] = y[2][4] = np.nan
    model = fitted(cell, "tanh", n_layers, bidirectional, RNNSequenceRegressor, y, window=2)
    flow = gradient_flow(model, X, y)
    assert_flow(flow, flow_by_differences(model, y), rtol=1e-6, atol=1e-9)
    assert flow.n_sequences.tolist() == [4, 3, 3, 2, 1, 1]
    table = np.concatenate(X), np.concatenate(y), np.repeat(["a", "b", "c", "d"], LENGTHS)
    np.testing.assert_array_equal(gradient_flow(model, *table).h, flow.h)
    for part, other in zip(
        hidden_states(model, table[0], series=table[2]), hidden_states(model, X)
    ):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_flow_with_a_label_at_every_step(n_classes):
    y = [np.arange(length) % n_classes + 0.0 for length in LENGTHS]
    y[0][0] = np.nan
    model = fitted("gru", Estimator=RNNSequenceClassifier, y=y, class_weight={1: 3.0})
    assert_flow(gradient_flow(model, X, y), flow_by_differences(model, y), rtol=1e-6, atol=1e-9)
    y[2][:] = np.nan  # the longest sequence has no label, and is left out
    shorter = [i for i in range(len(X)) if i != 2]
    flow, expected = (
        gradient_flow(model, X, y),
        gradient_flow(model, [X[i] for i in shorter], [y[i] for i in shorter]),
    )
    np.testing.assert_array_equal(flow.h, expected.h)
    np.testing.assert_array_equal(flow.n_sequences, expected.n_sequences)


def torch_flow(torch, model, x, target):
    """Norms (rows, n_states, T) of the slopes of zeros that are added to every state."""
    unroll = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}[
        model.cell
    ]
    options, found = {"nonlinearity": model.activation} if model.cell == "rnn" else {}, []
    weights = {name: torch.from_numpy(part) for name, part in model.weights_.items()}
    steps = list(torch.from_numpy(x))
    for layer in range(model.n_layers):
        ways = []
        for d, end in enumerate(("", "_reverse")[: 1 + model.bidirectional]):
            cell = unroll(len(steps[0]), 3, dtype=torch.float64, **options)
            cell.load_state_dict({name: weights[f"{name}_l{layer}{end}"] for name in NAMES})
            n_states, outputs, zeros = 1 + (model.cell == "lstm"), [], []
            states = [torch.zeros(3, dtype=torch.float64)] * n_states
            for x_t in reversed(steps) if d else steps:
                new = cell(x_t, tuple(states)) if n_states == 2 else (cell(x_t, states[0]),)
                zeros.append([torch.zeros(3, dtype=torch.float64, requires_grad=True) for _ in new])
                states = [state + zero for state, zero in zip(new, zeros[-1])]
                outputs.append(states[0])
            ways.append((outputs[-1], outputs[::-1] if d else outputs))
            found.append(zeros)
        steps = [torch.cat(both) for both in zip(*(outputs for _, outputs in ways))]
    y = weights["weight_ho"] @ torch.cat([last for last, _ in ways]) + weights["bias_ho"]
    torch.nn.functional.mse_loss(y, torch.from_numpy(target)).backward()
    # the last cell of a pass has no way to the loss, and torch no slope for it
    norms = [
        [
            [0.0 if z[s].grad is None else float(z[s].grad.norm()) for z in way]
            for s in range(len(way[0]))
        ]
        for way in found
    ]
    return np.array(norms)


@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize(("cell", "activation"), KINDS)
def test_flow_against_torch(cell, activation, n_layers, bidirectional):
    torch = pytest.importorskip("torch")
    model = fitted(cell, activation, n_layers, bidirectional)
    all_norms = [torch_flow(torch, model, x, target)[..., ::-1] for x, target in zip(X, Y)]
    expected = np.stack(
        [
            np.mean([norms[..., k] for norms in all_norms if norms.shape[-1] > k], axis=0)
            for k in range(max(LENGTHS))
        ],
        axis=-1,
    )
    assert_flow(gradient_flow(model, X, Y), expected, rtol=1e-10, atol=1e-14)


def test_many_sequences_in_single_precision():
    """More than one pass holds, in any order: what each alone has, on average."""
    lengths = np.random.default_rng(2).integers(1, 20, size=150)
    many = [np.random.default_rng(i).normal(size=(length, 2)) for i, length in enumerate(lengths)]
    y = np.random.default_rng(3).normal(size=(150, 2))
    model = fitted("lstm", n_layers=2, bidirectional=True, dtype="float32")
    flow, alone = (
        gradient_flow(model, many, y),
        [gradient_flow(model, many[i : i + 1], y[i : i + 1]) for i in range(150)],
    )
    for k in range(19):
        reach = [one for one, length in zip(alone, lengths) if length > k]
        assert flow.n_sequences[k] == len(reach)
        np.testing.assert_allclose(
            flow.h[:, k], np.mean([one.h[:, k] for one in reach], axis=0), rtol=1e-4
        )
        np.testing.assert_allclose(
            flow.c[:, k], np.mean([one.c[:, k] for one in reach], axis=0), rtol=1e-4
        )


def powers_of(factor, n_steps=12):
    """A chain of one unit whose state is h_t = factor h_{t-1} + x_t, y = h_T, and sequences that keep it positive."""
    sequences, y = np.ones((3, n_steps)), np.zeros(3)
    options = {"cell": "rnn", "activation": "relu", "hidden_size": 1, "dtype": "float64"}
    model = RNNRegressor(max_iter=1, random_state=0, **TEXTBOOK_WHOLE | options).fit(sequences, y)
    ones = {
        name: np.full(part.shape, float("weight" in name)) for name, part in model.weights_.items()
    }
    return model.set_weights(ones | {"weight_hh_l0": np.full((1, 1), factor)}), sequences, y


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_powers(factor):
    model, sequences, y = powers_of(factor)
    error = (factor ** np.arange(12)).sum()
    np.testing.assert_allclose(
        gradient_flow(model, sequences, y).h[0], 2 * error * factor ** np.arange(12)
    )
    np.testing.assert_allclose(
        saliency(model, sequences[:1])[0][:, 0], factor ** np.arange(12)[::-1]
    )
    assert memory_length(model, sequences, y) == (6 if factor == 0.5 else 11)
    assert memory_length(model, sequences, y, fraction=0.5) == (1 if factor == 0.5 else 11)


def test_what_is_cut_has_no_slope():
    """`max_length` cuts sequences, `bptt_steps` only training."""
    weights = fitted(n_layers=2).weights_
    uncut = fitted(n_layers=2).set_weights(weights)
    for truncate in ("end", "start"):
        model = fitted(n_layers=2, max_length=2, truncate=truncate).set_weights(weights)
        kept = slice(None, 2) if truncate == "end" else slice(-2, None)
        short = [x[kept] for x in X]
        flow, slopes, states = (
            gradient_flow(model, X, Y),
            saliency(model, X),
            hidden_states(model, X),
        )
        assert flow.h.shape == (2, 2)
        assert [len(part) for part in slopes] == LENGTHS and [len(part) for part in states] == [
            2,
            1,
            2,
            2,
        ]
        np.testing.assert_array_equal(gradient_flow(uncut, short, Y).h, flow.h)
        for part, alone in zip(slopes, saliency(uncut, short)):
            np.testing.assert_array_equal(part[kept], alone)
            assert np.count_nonzero(part) == alone.size
        for part, alone in zip(states, hidden_states(uncut, short)):
            np.testing.assert_array_equal(part, alone)
    pieces = fitted(n_layers=2, bptt_steps=1).set_weights(weights)
    np.testing.assert_array_equal(gradient_flow(pieces, X, Y).h, gradient_flow(uncut, X, Y).h)


@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize(("cell", "activation"), KINDS)
def test_saliency_against_differences(cell, activation, n_layers, bidirectional):
    model, eps = fitted(cell, activation, n_layers, bidirectional), 1e-5
    kind = "rnn_relu" if activation == "relu" else cell
    for x, slopes in zip(X, saliency(model, X)):
        assert slopes.shape == (*x.shape, 2)
        for place in np.ndindex(x.shape):
            push = np.zeros_like(x)
            push[place] = eps
            up, down = (
                naive.network(kind, x + s * push, model.weights_, n_layers, bidirectional)
                for s in (1, -1)
            )
            np.testing.assert_allclose(
                slopes[place], np.abs(up - down) / (2 * eps), rtol=1e-5, atol=1e-9
            )


@pytest.mark.parametrize("n_features", [1, 8, 9, 16, 17, 24, 25, 33])
@pytest.mark.parametrize(
    ("dtype", "step", "most"), [("float32", 1e-2, 1e-3), ("float64", 1e-5, 1e-9)]
)
def test_saliency_of_any_number_of_features(dtype, step, most, n_features):
    """Slopes of inputs come in whole tiles of columns, for which there are as many panels of weights."""
    x = np.random.default_rng(0).normal(size=(1, 3, n_features)).astype(dtype)
    # the largest of all steps has a kink
    smooth = {"pooling": "last", "bidirectional": True}
    model = RNNRegressor(dtype=dtype, max_iter=1, random_state=0, **smooth)
    model.fit(np.repeat(x, 2, 0), [0, 1])
    (slopes,) = saliency(model, x)
    for f in range(n_features):
        push = np.zeros_like(x)
        push[0, 1, f] = step
        up, down = (float(model.predict(x + sign * push)[0]) for sign in (1, -1))
        assert slopes[1, f] == pytest.approx(abs(up - down) / (2 * step), abs=most)


@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_saliency_against_torch(cell, n_layers, bidirectional):
    torch = pytest.importorskip("torch")
    from test_torch import Twin

    model = fitted(cell, n_layers=n_layers, bidirectional=bidirectional)
    twin = Twin(model)
    for x, slopes in zip(X, saliency(model, X)):
        inputs = torch.from_numpy(x).requires_grad_()
        outputs = twin.head(torch.cat(list(last_of(twin, inputs)), dim=-1))
        for k in range(2):
            (expected,) = torch.autograd.grad(outputs[k], inputs, retain_graph=True)
            np.testing.assert_allclose(
                slopes[..., k], expected.abs().numpy(), rtol=1e-10, atol=1e-14
            )


def last_of(twin, inputs):
    """The last states of the upper layer, for one sequence whose slopes torch follows."""
    state = twin.net(inputs[None])[1]
    last = state[0] if isinstance(state, tuple) else state
    return last.view(twin.layers, twin.directions, -1)[-1]


def test_saliency_of_classifiers():
    two = fitted(Estimator=RNNClassifier, y=["no", "yes", "yes", "no"])
    three = fitted(Estimator=RNNClassifier, y=[3, 1, 2, 2])
    assert [part.shape for part in saliency(two, X)] == [(length, 2) for length in LENGTHS]
    assert [part.shape for part in saliency(three, X)] == [(length, 2, 3) for length in LENGTHS]
    x, push = X[0], np.zeros_like(X[0])
    push[1, 0] = 1e-5
    odds = [np.diff(two.predict_log_proba([x + s * push]))[0, 0] for s in (1, -1)]
    assert saliency(two, [x])[0][1, 0] == pytest.approx(abs(odds[0] - odds[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
@pytest.mark.parametrize(("cell", "activation"), KINDS)
def test_hidden_states_are_those_of_the_definition(cell, activation, n_layers, bidirectional):
    model = fitted(cell, activation, n_layers, bidirectional)
    layers = [hidden_states(model, X, layer) for layer in range(n_layers)]
    kind, weights = "rnn_relu" if activation == "relu" else cell, model.weights_
    for i, x in enumerate(X):
        for layer in range(n_layers):
            ways = []
            for d, end in enumerate(("", "_reverse")[: 1 + bidirectional]):
                own = [weights[f"{name}_l{layer}{end}"] for name in NAMES]
                outputs = naive.run(kind, x[::-1] if d else x, *own)[:, 0]
                ways.append(outputs[::-1] if d else outputs)
            x = np.hstack(ways)
            np.testing.assert_allclose(layers[layer][i], x, atol=1e-13)
    np.testing.assert_array_equal(hidden_states(model, X)[2], layers[-1][2])


def test_looking_changes_nothing():
    model = fitted(y=Y[:, 0])
    before, predicted = {name: repr(value) for name, value in vars(model).items()}, model.predict(X)
    gradient_flow(model, X, Y[:, :1])  # a column, where `fit` had one number for each sequence
    saliency(model, X)
    hidden_states(model, X)
    assert {name: repr(value) for name, value in vars(model).items()} == before
    np.testing.assert_array_equal(model.predict(X), predicted)


@pytest.mark.parametrize("cell", CELLS)
def test_kernels_keep_one_signature(cell):
    kind, activation = ("rnn", "relu") if cell == "rnn_relu" else (cell, "tanh")
    model = fitted(kind, activation, n_layers=2, bidirectional=True)
    kernel = scan.make_backward(CELLS[cell])
    before = list(kernel.signatures)
    gradient_flow(model, X, Y)
    saliency(model, X)
    assert list(kernel.signatures) == before


SHAPE = {"cell": "gru", "hidden_size": 3, "max_iter": 1, "random_state": 0}
MODEL = RNNRegressor(**SHAPE, **SINGLE).fit(X, Y)
STEPS = RNNSequenceRegressor(**SHAPE).fit(X, X)
SHORT = clone(STEPS).set_params(max_length=1).fit(X, X)
LATE = [np.where(np.arange(len(x))[:, None] > 0, x, np.nan) for x in X]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: saliency(LinearRegression(), X),
            TypeError,
            "estimator must be one recurrent network, .*LinearRegression",
        ),
        (
            lambda: saliency(RNNForecaster(h=1), X),
            TypeError,
            "one recurrent network, .* got RNNForecaster",
        ),
        (
            lambda: saliency(STEPS, X),
            ValueError,
            "one answer for a sequence; got RNNSequenceRegressor",
        ),
        (
            lambda: gradient_flow(MODEL, X, Y, series=[1]),
            ValueError,
            "series must be None for RNNRegressor",
        ),
        (lambda: saliency(RNNRegressor(), X), NotFittedError, "not fitted"),
        (lambda: saliency(MODEL, [np.ones((3, 4))]), ValueError, "X has 4 features a time step"),
        (
            lambda: gradient_flow(MODEL, X, Y[:, 0]),
            ValueError,
            r"y must have 2 outputs, as in fit; got 1\.",
        ),
        (lambda: gradient_flow(MODEL, X, Y[:2]), ValueError, "2"),
        (
            lambda: gradient_flow(MODEL, X, None),
            ValueError,
            "y must be the targets of X, .* got None",
        ),
        (
            lambda: gradient_flow(SHORT, X, LATE),
            ValueError,
            "among the steps that max_length=1 keeps; got none",
        ),
        (lambda: memory_length(MODEL, X, Y, fraction=0), ValueError, r"in \(0, 1\]; got 0\."),
        (lambda: memory_length(MODEL, X, Y, fraction=1.5), ValueError, r"in \(0, 1\]; got 1\.5\."),
        (
            lambda: memory_length(MODEL, X, MODEL.predict(X)),
            ValueError,
            r"must have a gradient .* got 0, its minimum\.",
        ),
        (lambda: hidden_states(MODEL, X, 1), ValueError, r"layer .* an int in \[-1, 0\]; got 1\."),
    ],
)
def test_what_cannot_be_looked_into(call, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)
