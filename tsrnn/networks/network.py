"""A network is names for slices of one flat parameter vector, and the way forward and backward through layers and head.

Inside, hidden units are padded to whole tiles; padded units stay exactly zero, forward and in every gradient, so
nobody outside sees them. Outside, weights carry the names, shapes and gate order of torch's recurrent layers.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tsrnn.backends import cpu
from tsrnn.backends.layers import LayerCache, LayerGradients, LayerWeights
from tsrnn.backends.placing import add_reversed, direction_in, direction_out, reverse_steps
from tsrnn.networks.attention import attend, attend_backward
from tsrnn.networks.layout import Layout, padded
from tsrnn.rules.cells import CELLS

POOLINGS = "last", "mean", "max", "attention"  # of the outputs of all steps, what the head sees


class DropoutKey(NamedTuple):
    """Of dropout: a seed, as the device has it, and the number of layers that drew from it before."""

    seed: object
    drawn: int

    def after(self, n_layers):
        return self._replace(drawn=self.drawn + n_layers)


class NetworkGradients(NamedTuple):
    """What a backward pass reads, the gradient of the outputs and of the last states, and what it fills, that of the
    parameters (n_parameters,) and of the inputs (T, B, padded F).
    """

    outputs: Any
    parameters: Any
    inputs: Any = None
    last_states: Any = None


class BackwardOptions(NamedTuple):
    """How a backward pass goes."""

    noise: DropoutKey | None = None  # of the forward pass
    bptt_steps: int | None = None  # steps back from the last one; all if not given
    scan: Any = None  # takes a layer and direction back through time; the backend's if not given


class Network:
    """Layers of one cell, forward or in both directions, and a linear head on the outputs of the last step, or of every
    step, of a sequence.

    The head's input is [h of each direction, context]: `n_context` features of a row that bypass the recurrence.
    The outputs of every step come without gaps: those of step 0, row by row, then of step 1 the rows that still run,
    and so on; a context has the same order. Without outputs there is no head, and the last states are what is wanted.
    """

    def __init__(
        self,
        cell,
        n_inputs,
        hidden_size,
        n_outputs,
        n_layers=1,
        bidirectional=False,
        n_context=0,
        dropout=0.0,
        output_dropout=0.0,
        every_step=False,
        pooling="last",
        dtype=np.float32,
    ):
        self.cell = CELLS[cell]
        self.dtype = np.dtype(dtype)
        self.every_step = every_step
        self.pooling = pooling
        self.dropout = dropout
        self.output_dropout = output_dropout
        self.n_inputs = n_inputs
        self.hidden_size = hidden_size
        self.n_outputs = n_outputs
        self.n_context = n_context
        self.n_layers = n_layers
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.width = padded(hidden_size)
        self.ends = [
            f"_l{layer}{direction}" for layer in range(n_layers) for direction in self.directions
        ]
        n_gates = self.cell.n_gates * self.width
        shapes = {}
        for layer in range(n_layers):
            n_in = n_inputs if layer == 0 else len(self.directions) * self.width
            for direction in self.directions:
                end = f"_l{layer}{direction}"
                # in this order they are one matrix, which [x, 1, h, 1] is multiplied with
                shapes |= {f"weight_ih{end}": (n_in, n_gates), f"bias_ih{end}": (n_gates,)}
                shapes |= {f"weight_hh{end}": (self.width, n_gates), f"bias_hh{end}": (n_gates,)}
        self.attends = bool(n_outputs) and not every_step and pooling == "attention"
        if self.attends:
            shapes["weight_attention"] = (len(self.directions) * self.width, padded(1))
        if n_outputs:
            n_seen = len(self.directions) * self.width + padded(n_context)
            shapes |= {"weight_ho": (n_seen, padded(n_outputs)), "bias_ho": (padded(n_outputs),)}
        self.layout = Layout(shapes)
        self._packings = {}

    # Weights in and out

    def _places(self, name):
        """Indices of the real (rows, columns) of a padded parameter, the columns gate by gate."""
        units = np.arange(self.hidden_size)
        outputs = np.concatenate([d * self.width + units for d in range(len(self.directions))])
        gates = (np.arange(self.cell.n_gates)[:, None] * self.width + units).ravel()
        if name == "weight_ho":
            context = len(self.directions) * self.width + np.arange(self.n_context)
            return np.concatenate([outputs, context]), np.arange(self.n_outputs)
        if name == "weight_attention":
            return outputs, np.arange(1)
        if name == "bias_ho":
            return (np.arange(self.n_outputs),)
        if name.startswith("bias"):
            return (gates,)
        if name.startswith("weight_hh"):
            return units, gates
        return (np.arange(self.n_inputs) if "_l0" in name else outputs), gates

    def to_weights(self, theta):
        """A dict of arrays with torch's names and shapes."""
        return {
            name: part[np.ix_(*self._places(name))].T.copy()
            for name, part in self.layout.view(theta).items()
        }

    def from_weights(self, weights):
        """The parameter vector of such a dict."""
        theta = np.zeros(self.layout.size, self.dtype)
        for name, part in self.layout.view(theta).items():
            part[np.ix_(*self._places(name))] = np.asarray(weights[name]).T
        return theta

    def shape_of(self, name):
        return tuple(map(len, reversed(self._places(name))))

    def initial(self, rng):
        """Orthogonal recurrent matrices gate by gate (Saxe et al. 2014), Glorot's uniform elsewhere, zero biases but
        those that the cell names, such as 1 for the LSTM's forget gate.
        """
        weights = {}
        H = self.hidden_size
        for name in self.layout.shapes:
            shape = self.shape_of(name)
            if name.startswith("weight_hh"):
                q, r = np.linalg.qr(rng.normal(size=(self.cell.n_gates, H, H)))
                weights[name] = (q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]).reshape(
                    shape
                )
            elif name.startswith("weight"):
                fan_out = H if "ih" in name else shape[0]
                limit = math.sqrt(6 / (fan_out + shape[1]))
                weights[name] = rng.uniform(-limit, limit, shape)
            else:
                weights[name] = np.zeros(shape)
                if self.cell.initial_bias and name.startswith("bias_ih"):
                    weights[name][:] = np.repeat(self.cell.initial_bias, H)
        return self.from_weights(weights)

    @property
    def sees_every_step(self):
        """Whether the head's input is made of the outputs of all steps, not of the last one alone."""
        return self.every_step or self.pooling != "last"

    @property
    def draws_noise(self):
        """Whether training needs a seed."""
        return bool(self.dropout or self.output_dropout)

    def zero_states(self, n):
        """Of n series: (n, layers and directions, n_states, padded hidden_size)."""
        return np.zeros((n, len(self.ends), self.cell.n_states, self.width), self.dtype)

    def decay(self):
        """1 at every weight, 0 at every bias: what weight decay acts on."""
        mask = np.zeros(self.layout.size, self.dtype)
        for name, part in self.layout.parts.items():
            mask[part] = name.startswith("weight")
        return mask

    # Forward and backward

    def packing(self, training=False, backend=cpu):
        """How kernels want the weights: a function of the parameter vector, to be called once for all chunks of a
        batch.
        """
        if (backend.__name__, training) not in self._packings:
            self._packings[backend.__name__, training] = self._make_packing(training, backend)
        return self._packings[backend.__name__, training]

    def __getstate__(self):
        return vars(self) | {"_packings": {}}  # they may hold memory of a device

    def _make_packing(self, training, backend):
        starts = {name: part.start for name, part in self.layout.parts.items()}
        packing = backend.Packing(self.cell, self.dtype, self.layout.size)
        for name, shape in self.layout.shapes.items():
            start = starts[name]
            kind = packing.gates if name.startswith(("weight_ih", "weight_hh")) else packing.plain
            if name == "bias_ho":
                packing.plain(name, start, 1, shape[0])
            elif name.startswith("weight"):
                n_rows, n_columns = shape
                kind(name, start, n_rows, n_columns)
                if training:
                    packing.transposed(f"{name}_t", start, n_rows, n_columns)
            elif name.startswith("bias_ih"):
                end = name.removeprefix("bias_ih")
                packing.biases(f"bias{end}", start, starts[f"bias_hh{end}"], shape[0])
        return packing

    def numbers_of_step(self, backend=cpu, keep=False):
        """How many numbers a forward pass holds for each step of a row, at the most."""
        D = len(self.directions)
        H = self.width
        top = self.n_layers - 1
        n_gates = self.cell.n_gates * H
        numbers = D * self.n_inputs
        waiting = 0
        for layer in range(self.n_layers):
            n_in = D * H if layer else self.n_inputs
            waiting = max(waiting, backend.n_projected(n_gates, n_in))
            numbers += (
                D * self.cell.n_states * H if keep or self.sees_every_step or layer < top else 0
            )
            numbers += D * self.cell.n_saved * H if keep else 0
            # both directions side by side, and that reversed
            numbers += 2 * D * H if layer and D == 2 else 0
        seen = "weight_attention" if self.attends else "weight_ho"
        seen_alike = self.attends or (self.n_outputs and self.every_step)
        head = self.layout.shapes[seen] if seen_alike else ()
        return numbers + waiting + sum(head)

    def numbers_of_row(self, rows, backend=cpu):
        """The same for the whole of the longest row."""
        return self.numbers_of_step(backend) * int(np.max(rows.lengths, initial=1))

    def n_multiplications(self, n_steps):
        """Multiplications of a forward pass over that many steps in all."""
        return n_steps * self.layout.parts[f"bias_hh{self.ends[-1]}"].stop

    def forward(self, packed, batch, workspace, noise=None, keep=False):
        """Outputs (rows or steps, padded n_outputs) of a batch, None without a head, and traces for `last_states`, and
        for `backward` if `keep`.

        `packed` from `packing`; `noise` switches dropout on.
        """
        cell = self.cell
        H = self.width
        D = len(self.directions)
        x = batch.x
        backend = workspace.backend
        lengths = batch.device_lengths
        T, B, _ = x.shape
        traces = []
        for layer in range(self.n_layers):
            if layer:
                x = self._between(traces, layer, lengths, workspace, noise)
            for d, direction in enumerate(self.directions):
                end = f"_l{layer}{direction}"
                inputs = x
                if d:
                    inputs = workspace.array(f"reversed{layer}", x.shape)
                    reverse_steps(backend, x, inputs, lengths)
                all_needed = keep or self.sees_every_step or layer < self.n_layers - 1
                states = workspace.array(
                    f"states{end}", (cell.n_states, T + 1 if all_needed else 2, B, H)
                )
                saved = workspace.array(f"saved{end}", (T if keep else 1, B, cell.n_saved, H))
                backend.set_first(
                    states, None if batch.initial is None else batch.initial[len(traces)]
                )
                weights = LayerWeights(
                    packed[f"weight_ih{end}"], packed[f"weight_hh{end}"], packed[f"bias{end}"]
                )
                cache = LayerCache(inputs, states, saved)
                backend.forward(cell, lengths, weights, cache)
                traces.append(cache)
        if not self.n_outputs:
            return None, traces
        head_input = self._head_input(batch.lengths, workspace)
        if self.attends:
            attend(self, packed, traces, batch, workspace, head_input)
        for d in range(0 if self.attends else D):
            if self.every_step:
                backend.every_output(traces[d - D].states, lengths, head_input, d * H, d == 1)
            elif self.pooling == "mean":
                backend.mean_outputs(traces[d - D].states, lengths, head_input, d * H)
            elif self.pooling == "max":
                backend.max_outputs(traces[d - D].states, lengths, head_input, d * H)
            else:
                backend.last_outputs(traces[d - D].states, lengths, head_input, d * H)
        if noise is not None and self.output_dropout:
            self._drop_outputs(head_input, noise, backend)
        if self.n_context:
            backend.set_columns(batch.context, head_input, D * H)
        outputs = workspace.array("outputs", (head_input.shape[0], padded(self.n_outputs)))
        backend.affine(head_input, packed["weight_ho"], packed["bias_ho"].reshape(-1), outputs)
        return outputs, traces

    def _drop_outputs(self, head_input, noise, backend):
        """Dropout of what the head sees of the last layer, or of its gradient, in place: number 0 of the layers that
        draw from the noise, as nothing else is dropped below the first layer.
        """
        flat = head_input.reshape(-1)
        backend.apply_dropout(flat, noise.seed, noise.drawn, self.output_dropout, flat)

    def _head_input(self, lengths, workspace):
        """What the head sees, a row for each of its outputs."""
        n_rows = int(lengths.sum()) if self.every_step else len(lengths)
        return workspace.array("seen", (n_rows, self.layout.shapes["weight_ho"][0]))

    def last_states(self, traces, lengths, workspace):
        """States after the last step of every row: (layers and directions, n_states, B, H); `lengths` on the device."""
        last = workspace.array("last", (len(traces), self.cell.n_states, len(lengths), self.width))
        for i, trace in enumerate(traces):
            workspace.backend.last_states(trace.states, lengths, last[i])
        return last

    def backward(self, packed, batch, traces, gradients, workspace, options=None):
        """Fill the gradient of the parameters, and of the inputs if wanted, from those of the outputs and of the last
        states; that of the initial states is returned. `options` are `BackwardOptions`.
        """
        noise, bptt_steps, scan = options or BackwardOptions()
        H = self.width
        D = len(self.directions)
        starts = self.layout.parts
        backend = workspace.backend
        lengths = batch.device_lengths
        scan = scan or backend.backward
        T, B, _ = traces[0].x.shape
        d_head_input = (
            self._backward_head(packed, batch, gradients, workspace, noise)
            if self.n_outputs
            else None
        )
        if self.attends:
            d_head_input = attend_backward(
                self, packed, batch, d_head_input, workspace, gradients.parameters
            )
        none = workspace.array("none", (0, B, H))
        below = None
        all_dstates = workspace.array("dstates", (len(traces), self.cell.n_states, B, H))
        backend.fill(all_dstates, 0 if gradients.last_states is None else gradients.last_states)
        for layer in reversed(range(self.n_layers)):
            above = below
            below = gradients.inputs if layer == 0 else workspace.array(f"dx{layer}", (T, B, D * H))
            for d, direction in enumerate(self.directions):
                end = f"_l{layer}{direction}"
                dstates = all_dstates[layer * D + d]
                doutputs = none
                if above is not None:
                    doutputs = workspace.array("doutputs", (T, B, H))
                    direction_in(backend, above, doutputs, lengths, d)
                elif self.every_step or self.attends:
                    doutputs = workspace.array("doutputs", (T, B, H))
                    backend.scatter_outputs(d_head_input, d * H, lengths, doutputs, d == 1)
                elif self.n_outputs and self.pooling == "mean":
                    doutputs = workspace.array("doutputs", (T, B, H))
                    backend.scatter_mean(d_head_input, d * H, lengths, doutputs)
                elif self.n_outputs and self.pooling == "max":
                    doutputs = workspace.array("doutputs", (T, B, H))
                    states = traces[layer * D + d].states
                    backend.scatter_max(d_head_input, d * H, states, lengths, doutputs)
                elif self.n_outputs:
                    backend.add_columns(d_head_input, d * H, dstates[0])
                dx = (
                    none
                    if below is None
                    else below
                    if d == 0
                    else workspace.array("dx_reverse", below.shape)
                )
                weights = LayerWeights(packed[f"weight_ih{end}_t"], packed[f"weight_hh{end}_t"])
                cache = traces[layer * D + d]
                of_layer = LayerGradients(
                    doutputs, dstates, dx, gradients.parameters, starts[f"weight_ih{end}"].start
                )
                scan(self.cell, lengths, bptt_steps or T, weights, cache, of_layer)
                if d and below is not None:
                    add_reversed(backend, dx, below, lengths)
            if layer and noise is not None and self.dropout:
                flat = below.reshape(-1)
                backend.apply_dropout(flat, noise.seed, noise.drawn + layer, self.dropout, flat)
        return all_dstates

    def _backward_head(self, packed, batch, gradients, workspace, noise):
        """Fill the gradient of the head's parameters; that of its input is returned."""
        backend = workspace.backend
        head_input = self._head_input(batch.lengths, workspace)
        d_head_input = workspace.array("d_head_input", head_input.shape)
        start = self.layout.parts["weight_ho"].start
        w_t = packed["weight_ho_t"]
        backend.affine_backward(
            head_input, w_t, gradients.outputs, d_head_input, gradients.parameters, start
        )
        if noise is not None and self.output_dropout:
            self._drop_outputs(d_head_input, noise, backend)
        return d_head_input

    def _between(self, traces, layer, lengths, workspace, noise):
        """What the layer below hands up: its outputs, both directions side by side, with dropout while training."""
        D = len(self.directions)
        H = self.width
        backend = workspace.backend
        x = traces[-D].states[0, 1:]
        T, B, _ = x.shape
        if D == 2:
            x = workspace.array(f"x{layer}", (T, B, D * H))
            for d in (0, 1):
                direction_out(backend, traces[d - D].states[0, 1:], x, lengths, d)
        if noise is not None and self.dropout:
            kept = workspace.array(f"x{layer}_kept", x.shape)
            backend.apply_dropout(
                x.reshape(-1), noise.seed, noise.drawn + layer, self.dropout, kept.reshape(-1)
            )
            x = kept
        return x
