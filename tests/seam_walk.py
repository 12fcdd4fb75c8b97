"""Every verb of a backend as networks call it while they learn and predict, and then with one array smaller."""

import inspect

import numpy as np

from tsrnn.backends import seams
from tsrnn.data.pairs import Pairs
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.networks.workspace import Workspace
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES

# Names of a backend behind which no kernel trusts an array: numpy or the driver compares what these get.
OTHERS = {
    "count_chunks",
    "each",
    "is_finite",
    "new_log",
    "device_scalars",
    "put",
    "repeated",
    "padded_steps",
    "to_device",
}
OTHERS |= {"to_host", "zeros", "n_projected", "MOST_ROWS", "MOST_BYTES", "Packing"}

# Axes that may be shorter than they were, in these calls, without a read of what is not there.
FREE = {
    "fill array flat": "as many numbers",
    "fill values flat": "as many numbers",
    "set_first states 1": "slots, of which the first is written",
    "set_first states 2": "rows, the first of those that the states are given of",
    "apply_dropout seed 0": "one number",
    "set_first initial 1": "rows that no longer run, behind those that do",
    "set_columns out 1": "columns on the right of the written ones",
    "set_columns source 1": "columns to copy",
    "add_columns source 1": "columns on the right of those read",
    "add_columns out 1": "columns to add",
    "take_states carried 0": "numpy compares series with it, and a GPU's kernel does",
    "keep_states carried 0": "the same",
    "feed_back previous_output 0": "rows that no longer run",
    "feed_back previous_output 1": "padding",
    "feed_back x 1": "known inputs on the right",
    "take_rows array 0": "numpy compares places with it, and a GPU's kernel does",
    "take_rows array 1": "columns to copy",
    "take_rows chosen 0": "rows to copy",
    "trailing_mean values 0": "values behind the last end",
    "trailing_mean ends 0": "averages to make",
    "gather values 0": "values behind the last row",
    "gather x 0": "steps to copy",
    "gather x 2": "numbers of a step",
    "copy_steps source 0": "steps behind the last",
    "copy_steps source 2": "columns on the right",
    "copy_steps target 0": "steps behind the last",
    "copy_steps target 2": "columns on the right",
    "last_outputs states 0": "states besides the output",
    "last_outputs states 1": "slots, which are counted round",
    "last_outputs states 3": "units to copy",
    "last_outputs head_input 1": "columns on the right",
    "mean_outputs states 0": "states besides the output",
    "mean_outputs states 3": "units to copy",
    "mean_outputs head_input 1": "columns on the right",
    "max_outputs states 0": "states besides the output",
    "max_outputs states 3": "units to copy",
    "max_outputs head_input 1": "columns on the right",
    "attended_outputs steps 1": "units to copy",
    "attended_outputs shares 1": "padding",
    "attended_outputs head_input 1": "columns on the right",
    "scatter_attended d_head_input 1": "columns on the right",
    "scatter_max d_head_input 1": "columns on the right",
    "scatter_max states 0": "states besides the output",
    "scatter_mean d_head_input 1": "columns on the right",
    "scatter_mean doutputs 2": "units to copy",
    "last_states states 1": "slots, which are counted round",
    "every_output states 0": "states besides the output",
    "every_output states 3": "units to copy",
    "every_output head_input 1": "columns on the right",
    "scatter_outputs d_head_input 1": "columns on the right",
    "scatter_outputs doutputs 2": "units to copy",
    "backward x 2": "features, which the panels of weights are padded to",
    "backward parameters 0": "parameters behind",
    "affine_backward grad 0": "parameters behind",
    "join_directions first 3": "padding",
    "join_directions last 3": "padding",
    "join_directions last 0": "one direction, the same as both sides count it",
    "split_directions dfirst 3": "padding",
    "split_directions dlast 3": "padding",
    "split_directions dlast 0": "one direction, the same as both sides count it",
    "loss outputs 1": "padding, the same in outputs and slopes",
    "reduce_gradients grads 0": "chunks",
    "record_update log 1": "later updates",
    "record_update loss 0": "parts of a sum",
    "record_update norm 0": "parts of a sum",
    "record_update at 0": "one place",
    "apply_update norm 0": "parts of a sum",
    "loss total_weight 0": "one number",
    "loss parameter 0": "outputs that are looked at",
}
# On a GPU nobody waits for lengths to compare these with: a batch has made both from the same ones.
UNSEEN_ON_A_GPU = {
    "forward x 0",
    "every_output states 1",
    "every_output head_input 0",
    "scatter_outputs d_head_input 0",
    "scatter_outputs doutputs 0",
    "mean_outputs states 1",
    "scatter_mean doutputs 0",
    "max_outputs states 1",
    "scatter_max states 1",
    "scatter_max doutputs 0",
}


def contracts():
    """{verb: names of its arguments} of all lines among the seams."""
    helpers = {"checked", "refusal", "run", "depth", "wraps", "compiled", "is_record"}
    functions = {name: part for name, part in vars(seams).items() if inspect.isfunction(part)}
    return {
        name: list(inspect.signature(part).parameters)
        for name, part in functions.items()
        if name not in helpers
    }


class Watched:
    """A backend that keeps copies of the arguments of its verbs."""

    def __init__(self, backend):
        self.backend, self.calls, self.__name__ = backend, {}, f"watched {backend.__name__}"

    def __getattr__(self, name):
        verb = getattr(self.backend, name)
        if name not in contracts():
            return verb

        def call(*arguments):
            kept = tuple(self.copied(argument) for argument in arguments)
            shapes = str([getattr(part, "shape", None) for _, part in parts_of(kept)])
            self.calls.setdefault(name, {}).setdefault(shapes, kept)
            return verb(*arguments)

        return call

    def copied(self, argument):
        if seams.is_record(argument):
            return type(argument)(*map(self.copied, argument))
        if not hasattr(argument, "shape") or isinstance(argument, np.generic):
            return argument
        return self.backend.to_device(np.array(self.backend.to_host(argument)))


def parts_of(call):
    """(name or place, argument) of all arguments, records taken apart."""
    for at, argument in enumerate(call):
        yield from (
            zip(argument._fields, argument) if seams.is_record(argument) else [(at, argument)]
        )


def learn(backend, network, rows, update=UPDATES["adam"]):
    """The verbs of an update and of a prediction."""
    dtype, size, workspaces = (
        network.dtype,
        network.layout.size,
        WorkspacePool(network.dtype, backend),
    )
    theta = network.initial(np.random.default_rng(0))
    seed = 1 if network.dropout else None
    there = backend.to_device(theta)
    value, grads = gradient(
        network,
        there,
        rows,
        np.arange(len(rows)),
        Objective(LOSSES["huber"], 1.0, 9.0),
        GradientOptions(workspaces, seed=seed),
    )
    flat, decay = there.reshape(1, size), backend.to_device(network.decay()[None])
    grad, moments = backend.zeros((1, size), dtype), backend.zeros((update.n_moments, size), dtype)
    _, norm = backend.reduce_gradients(grads, flat, decay, 0.0, 1.0, grad)
    c = backend.device_scalars(
        (*update.coefficients(1, 0.1, 0.9), 0.0), dtype, workspaces.shared, "c"
    )
    backend.record_update(
        backend.new_log(3, dtype),
        backend.device_scalars(0, np.int64, workspaces.shared, "at"),
        value,
        norm,
    )
    backend.apply_update(update, flat, grad, moments, decay, c, 1.0, norm, 1.0)
    predict(network, theta, rows, 1, workspaces=workspaces)


def steps(n_features, dtype):
    lengths, rng = np.array([4, 2, 3]), np.random.default_rng(0)
    values, ones = rng.normal(size=(9, n_features)).astype(dtype), np.ones((9, 2), dtype)
    return Steps.whole(values, lengths.cumsum() - lengths, lengths, ones, ones)


def everything(backend, dtype, cell="lstm", hidden_size=5):
    """All verbs at least once, a few rows and units."""
    some, form = steps(3, dtype), (cell, 3, hidden_size, 2)
    rows = Sequences(
        some.values.ravel(), 3, some.starts * 3, some.lengths, some.targets[:3], some.weights[:3]
    )
    learn(backend, Network(*form, 2, True, dropout=0.5, dtype=dtype), rows)
    learn(backend, Network(*form, pooling="mean", dtype=dtype), rows)
    learn(backend, Network(*form, pooling="max", dtype=dtype), rows)
    learn(backend, Network(*form, pooling="attention", dtype=dtype), rows)
    network = Network(*form, every_step=True, dtype=dtype)
    learn(backend, network, some.pieces(3, network.zero_states(3)))
    learn(backend, Network(*form, bidirectional=True, every_step=True, dtype=dtype), some)
    pair = EncoderDecoder(cell, 3, hidden_size, 2, 1, True, n_known=1, dtype=dtype)
    learn(backend, pair, Pairs(rows, some, np.arange(9) % 2 == 0))
    network, workspace = (
        Network(*form, n_context=3, dtype=dtype),
        Workspace(np.dtype(dtype), backend),
    )
    batch = rows.batch(np.array([0, 2, 1]), workspace)._replace(
        context=backend.put(np.ones((3, 3), dtype), workspace, "context")
    )
    theta = backend.to_device(network.initial(np.random.default_rng(0)))
    network.forward(network.packing(backend=backend)(theta), batch, workspace)
    backend.trailing_mean(
        batch.x.reshape(-1), backend.put(np.array([4, 5]), workspace, "ends"), 2, workspace, "level"
    )


def smaller(call, names, backend):
    """(place, arguments) of a call with one array an element shorter along one axis, and with one axis less."""
    for at, (name, argument) in enumerate(zip(names, call, strict=True)):
        if seams.is_record(argument):
            for place, parts in smaller(argument, argument._fields, backend):
                yield place, (*call[:at], type(argument)(*parts), *call[at + 1 :])
            continue
        if not hasattr(argument, "shape") or isinstance(argument, np.generic):
            continue
        whole = np.array(backend.to_host(argument))
        if not whole.size:
            continue
        for axis, n in enumerate(whole.shape):
            part = np.ascontiguousarray(whole.take(range(n - 1), axis))
            yield f"{name} {axis}", (*call[:at], backend.to_device(part), *call[at + 1 :])
        if whole.ndim > 1:
            yield (
                f"{name} flat",
                (*call[:at], backend.to_device(whole.reshape(-1)), *call[at + 1 :]),
            )
