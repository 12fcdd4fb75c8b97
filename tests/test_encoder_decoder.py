"""An encoder that starts a decoder: outputs against the definition, gradient against finite differences."""

import itertools

import naive
import numpy as np
import pytest
from scipy.special import log_softmax
from test_steps import difference

from tsrnn.data.pairs import Pairs
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.networks.beam_search import Beam, decode
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES

READ, WRITTEN, N_KNOWN = np.array([6, 2, 9, 1, 5]), np.array([2, 7, 3, 4, 1]), 2
SHAPES = [(1, False), (2, True)]


def previous(values, starts):
    shifted = np.roll(values, 1, axis=0)
    shifted[starts] = 0
    return shifted


def example(n_outputs=3, one_hot=False, forced=1.0, n_known=N_KNOWN, dtype=np.float64):
    rng, n, n_read = np.random.default_rng(0), WRITTEN.sum(), READ.sum()
    starts, none = WRITTEN.cumsum() - WRITTEN, np.empty((len(READ), 0))
    source = Sequences(
        rng.normal(size=2 * n_read).astype(dtype), 2, 2 * (READ.cumsum() - READ), READ, none, none
    )
    targets = (
        np.eye(n_outputs)[rng.integers(n_outputs, size=n)]
        if one_hot
        else rng.normal(size=(n, n_outputs))
    )
    inputs = np.hstack([previous(targets, starts), rng.normal(size=(n, n_known))])
    weights = np.repeat(rng.integers(0, 3, size=(n, 1)), n_outputs, axis=1)
    target = Steps.whole(
        inputs.astype(dtype), starts, WRITTEN, targets.astype(dtype), weights.astype(dtype)
    )
    return Pairs(source, target, rng.random(n) < forced)


def value_and_gradient(network, theta, rows, loss, **options):
    total, workspaces = (
        float(rows.weights[:, 0].sum() if loss.softmax else rows.weights.sum()),
        WorkspacePool(network.dtype),
    )
    value, grads = gradient(
        network,
        theta,
        rows,
        np.arange(len(rows)),
        Objective(loss, 0.0, total),
        GradientOptions(workspaces, **options),
    )
    return value, grads.sum(axis=0)


def weights_as_float64(network, theta):
    return {name: part.astype(float) for name, part in network.to_weights(theta).items()}


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
def test_gradient_is_the_slope(cell, one_hot, n_layers, bidirectional):
    rows, loss = example(one_hot=one_hot), LOSSES["softmax_log_loss" if one_hot else "squared"]
    network = EncoderDecoder(
        cell, 2, 5, 3, n_layers, bidirectional, N_KNOWN, one_hot=one_hot, dtype=np.float64
    )
    rng = np.random.default_rng(3)
    theta = network.initial(rng)
    value, grad = value_and_gradient(network, theta, rows, loss)
    outputs = predict(network, theta, rows, 1)
    assert value == pytest.approx(
        naive.mean_loss(loss.name, outputs, rows.targets, rows.weights), rel=1e-12
    )
    for part in ("encoder", "decoder"):
        shapes = {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
        shapes = {
            name: step if name.startswith(part) else 0 * step for name, step in shapes.items()
        }
        direction = network.from_weights(shapes)
        slope = difference(
            lambda s, d=direction: value_and_gradient(network, theta + s * d, rows, loss)[0]
        )
        assert abs(slope) > 1e-4
        assert grad @ direction == pytest.approx(slope, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize(("n_layers", "bidirectional"), SHAPES)
def test_forward_is_the_definition(cell, dtype, one_hot, forced, n_layers, bidirectional):
    rows = example(one_hot=one_hot, forced=float(forced), dtype=dtype)
    network = EncoderDecoder(
        cell, 2, 20, 3, n_layers, bidirectional, N_KNOWN, one_hot=one_hot, dtype=dtype
    )
    theta = network.initial(np.random.default_rng(0))
    weights, source, target = weights_as_float64(network, theta), rows.source, rows.target
    outputs, tolerance = predict(network, theta, rows, 1), 1e-13 if dtype == np.float64 else 5e-6
    for i in range(len(rows)):
        x = (
            source.values[source.starts[i] : source.starts[i] + 2 * READ[i]]
            .reshape(-1, 2)
            .astype(float)
        )
        own = slice(target.starts[i], target.starts[i] + WRITTEN[i])
        truth, known = (
            target.targets[own].astype(float) if forced else None,
            target.values[own, 3:].astype(float),
        )
        fed_back = (lambda y: np.eye(3)[y.argmax()]) if one_hot else lambda y: y
        expected = naive.encoder_decoder(
            cell, x, weights, np.zeros(3), known, fed_back, truth, n_layers, bidirectional
        )
        np.testing.assert_allclose(outputs[own], expected, atol=tolerance)


@pytest.mark.parametrize("one_hot", [False, True])
def test_sampled_inputs_are_what_the_decoder_said(one_hot):
    """With some inputs as given and some said, value and gradient are those of these very inputs, given."""
    rows, loss = (
        example(one_hot=one_hot, forced=0.5),
        LOSSES["softmax_log_loss" if one_hot else "squared"],
    )
    network = EncoderDecoder("gru", 2, 5, 3, 2, True, N_KNOWN, one_hot=one_hot, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    value, grad = value_and_gradient(network, theta, rows, loss)
    outputs = predict(network, theta, rows, 1)
    said = np.eye(3)[outputs.argmax(axis=1)] if one_hot else outputs
    inputs = rows.target.values.copy()
    first = np.isin(np.arange(len(inputs)), rows.target.starts)
    inputs[:, :3] = np.where(
        (rows.forced | first)[:, None], inputs[:, :3], previous(said, rows.target.starts)
    )
    given = Steps.whole(inputs, rows.target.starts, WRITTEN, rows.targets, rows.weights)
    again, same = value_and_gradient(
        network, theta, Pairs(rows.source, given, np.ones(len(inputs), bool)), loss
    )
    assert value == again
    np.testing.assert_array_equal(grad, same)
    assert value != value_and_gradient(network, theta, example(one_hot=one_hot), loss)[0]


def test_bptt_steps_end_in_the_encoder():
    rows, loss = example(), LOSSES["squared"]
    network = EncoderDecoder("lstm", 2, 5, 3, n_known=N_KNOWN, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    full, long, short = (
        network._split(value_and_gradient(network, theta, rows, loss, bptt_steps=steps)[1])
        for steps in (None, 9, 2)
    )
    np.testing.assert_array_equal(full.encoder, long.encoder)
    np.testing.assert_array_equal(full.decoder, short.decoder)
    assert not np.allclose(full.encoder, short.encoder)


def test_dropout_acts_and_its_gradient_is_the_slope():
    rows, loss = example(), LOSSES["squared"]
    network = EncoderDecoder("rnn", 2, 5, 3, 2, n_known=N_KNOWN, dropout=0.5, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    values = [
        value_and_gradient(network, theta, rows, loss, seed=seed)[0] for seed in (None, 1, 1, 2)
    ]
    assert values[1] == values[2]
    assert len(set(values)) == 3
    rng = np.random.default_rng(3)
    direction = network.from_weights(
        {name: rng.normal(size=network.shape_of(name)) for name in network.layout.shapes}
    )
    slope = difference(
        lambda s: value_and_gradient(network, theta + s * direction, rows, loss, seed=1)[0], 1e-6
    )
    assert value_and_gradient(network, theta, rows, loss, seed=1)[1] @ direction == pytest.approx(
        slope, rel=1e-5
    )


def test_rooms_hold_no_trace_of_other_batches():
    network = EncoderDecoder("lstm", 2, 5, 3, 2, True, N_KNOWN, dtype=np.float64)
    theta, rows, workspaces = (
        network.initial(np.random.default_rng(0)),
        example(forced=0.5),
        WorkspacePool(np.float64),
    )
    settings = Objective(LOSSES["squared"], 0.0, 1.0), GradientOptions(workspaces)
    clean = gradient(network, theta, rows, np.array([3, 1, 4]), *settings)[1].copy()
    gradient(network, theta, rows, np.arange(5), *settings)
    np.testing.assert_array_equal(
        gradient(network, theta, rows, np.array([3, 1, 4]), *settings)[1], clean
    )


def test_weights_go_out_and_in():
    network = EncoderDecoder("gru", 2, 5, 3, 2, True, N_KNOWN, dtype=np.float64)
    theta = network.initial(np.random.default_rng(0))
    weights = network.to_weights(theta)
    assert list(weights) == list(network.layout.shapes)
    assert {name: part.shape for name, part in weights.items()} == {
        n: network.shape_of(n) for n in weights
    }
    assert weights["decoder.weight_ih_l0"].shape == (30, 5) and weights[
        "encoder.weight_hh_l1_reverse"
    ].shape == (15, 5)
    np.testing.assert_array_equal(network.from_weights(weights), theta)


def all_sequences(n_symbols, max_length):
    """Sequences of codes up to that length; shorter ones have an end, `n_symbols`."""
    for length in range(max_length + 1):
        for symbols in itertools.product(range(n_symbols), repeat=length):
            yield [*symbols, *([n_symbols] * (length < max_length))]


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_wide_beam_finds_the_likeliest_sequence(cell):
    """Among all sequences, each scored by the definition."""
    network = EncoderDecoder(cell, 2, 5, 3, 2, True, one_hot=True, dtype=np.float64)
    theta, source, longest = 3 * network.initial(np.random.default_rng(1)), example().source, 3
    weights, eye = weights_as_float64(network, theta), np.eye(3)
    found = {
        width: decode(network, theta, source, Beam(width, longest), 1, WorkspacePool(network.dtype))
        for width in (1, 2, 27)
    }
    differs = 0
    for i in range(len(source)):
        x = source.values[source.starts[i] : source.starts[i] + 2 * READ[i]].reshape(-1, 2)

        def score(codes, x=x):
            known, truth = np.empty((len(codes), 0)), eye[codes]
            y = naive.encoder_decoder(cell, x, weights, eye[2], known, None, truth, 2, True)
            return log_softmax(y, axis=1)[np.arange(len(codes)), codes].sum()

        def until_end(codes):
            return codes.tolist()[: codes.tolist().index(2) + 1] if 2 in codes else codes.tolist()

        scores = {width: score(until_end(codes[i])) for width, codes in found.items()}
        best = max(all_sequences(2, longest), key=score)
        assert until_end(found[27][i]) == best
        known, largest = np.empty((longest, 0)), lambda y: eye[y.argmax()]
        greedy = naive.encoder_decoder(
            cell, x, weights, eye[2], known, largest, None, 2, True
        ).argmax(axis=1)
        assert until_end(found[1][i]) == until_end(greedy)
        assert scores[1] <= scores[27] and scores[2] <= scores[27]
        differs += best != until_end(greedy)
    assert differs  # a search that never looks beyond the next symbol would fail


@pytest.mark.parametrize("width", [1, 3])
def test_what_is_written_does_not_depend_on_company_or_threads(width):
    network = EncoderDecoder("lstm", 2, 20, 4, one_hot=True, dtype=np.float64)
    rng = np.random.default_rng(0)
    theta, lengths, none = (
        3 * network.initial(rng),
        rng.integers(1, 9, size=150),
        np.empty((150, 0)),
    )
    source = Sequences(
        rng.normal(size=2 * lengths.sum()), 2, 2 * (lengths.cumsum() - lengths), lengths, none, none
    )
    workspaces = WorkspacePool(network.dtype)
    together = decode(network, theta, source, Beam(width, 7), 1, workspaces)
    np.testing.assert_array_equal(
        decode(network, theta, source, Beam(width, 7), 2, workspaces), together
    )
    alone = np.concatenate(
        [
            decode(network, theta, source.select([i]), Beam(width, 7), 1, workspaces)
            for i in range(20)
        ]
    )
    np.testing.assert_array_equal(alone, together[:20])
    assert len(np.unique(together, axis=0)) > 1
