"""An encoder reads a sequence, and its last states start a decoder that writes another one (Sutskever, Vinyals & Le
2014; Cho et al. 2014).
"""

from typing import NamedTuple

import numpy as np

from tsrnn.backends import cpu
from tsrnn.data.batch import Batch
from tsrnn.networks.layout import Layout, padded
from tsrnn.networks.network import BackwardOptions, Network, NetworkGradients


class Pair(NamedTuple):
    """What the encoder and the decoder have of the same kind."""

    encoder: object
    decoder: object


class EncoderDecoder:
    """Two networks of one parameter vector, to a training loop like one.

    Layer by layer, the states after the encoder's last step are those before the decoder's first; those of both
    directions stand side by side, so that behind a bidirectional encoder the decoder has twice as many units. A row of
    the decoder's inputs is [what it said at the step before, known inputs]. `one_hot` says that it said a symbol, that
    of its greatest output, and not numbers.
    """

    def __init__(
        self,
        cell,
        n_inputs,
        hidden_size,
        n_outputs,
        n_layers=1,
        bidirectional=False,
        n_known=0,
        dropout=0.0,
        output_dropout=0.0,
        one_hot=False,
        dtype=np.float32,
    ):
        options = {"n_layers": n_layers, "dropout": dropout, "dtype": dtype}
        self.encoder = Network(
            cell, n_inputs, hidden_size, 0, bidirectional=bidirectional, **options
        )
        width = hidden_size * len(self.encoder.directions)
        own = {"every_step": True, "output_dropout": output_dropout}
        self.decoder = Network(cell, n_outputs + n_known, width, n_outputs, **own, **options)
        self.cell = self.encoder.cell
        self.n_inputs = n_inputs
        self.hidden_size = hidden_size
        self.n_known = n_known
        self.nets = Pair(self.encoder, self.decoder)
        self.n_outputs = n_outputs
        self.one_hot = one_hot
        self.dtype = self.encoder.dtype
        self.dropout = dropout
        self.n_layers = 2 * n_layers
        self.output_dropout = output_dropout
        self.draws_noise = self.encoder.draws_noise or self.decoder.draws_noise
        names = [f"{name}.{part}" for name, net in self._named() for part in net.layout.shapes]
        shapes = [shape for net in self.nets for shape in net.layout.shapes.values()]
        self.layout = Layout(dict(zip(names, shapes)))

    def _named(self):
        return self.nets._asdict().items()

    def _split(self, theta):
        """The encoder's and the decoder's part of a vector of all parameters."""
        return Pair(theta[: self.encoder.layout.size], theta[self.encoder.layout.size :])

    # Weights in and out

    def to_weights(self, theta):
        """A dict of arrays, "encoder." or "decoder." before torch's names."""
        parts = zip(self._named(), self._split(theta))
        return {
            f"{name}.{part}": w
            for (name, net), own in parts
            for part, w in net.to_weights(own).items()
        }

    def from_weights(self, weights):
        """The parameter vector of such a dict."""

        def own(name, net):
            return net.from_weights({part: weights[f"{name}.{part}"] for part in net.layout.shapes})

        return np.concatenate([own(name, net) for name, net in self._named()])

    def shape_of(self, name):
        name, part = name.split(".")
        return getattr(self, name).shape_of(part)

    def initial(self, rng):
        return np.concatenate([net.initial(rng) for net in self.nets])

    def decay(self):
        return np.concatenate([net.decay() for net in self.nets])

    # Forward and backward

    def packing(self, training=False, backend=cpu):
        packings = [net.packing(training, backend) for net in self.nets]
        return lambda theta: Pair(*(pack(part) for pack, part in zip(packings, self._split(theta))))

    def numbers_of_row(self, rows, backend=cpu):
        """How many numbers a forward pass holds for the longest source, and for the longest target where there are
        targets.
        """
        if hasattr(rows, "source"):
            return self.encoder.numbers_of_row(rows.source, backend) + self.decoder.numbers_of_row(
                rows, backend
            )
        return self.encoder.numbers_of_row(rows, backend)

    def n_multiplications(self, n_steps):
        """As if sources were as long as targets."""
        return sum(net.n_multiplications(n_steps) for net in self.nets)

    def encode(self, packed, source, order, workspace, noise=None, keep=False):
        """States that start the decoder, (layers, n_states, B, H), row `order[i]` from row i of the source; traces."""
        inner = workspace.part("encoder")
        backend = workspace.backend
        _, traces = self.encoder.forward(packed.encoder, source, inner, noise, keep)
        last = self.encoder.last_states(traces, source.device_lengths, inner)
        _, S, B, _ = last.shape
        first = workspace.array("first", (self.decoder.n_layers, S, B, self.decoder.width))
        backend.join_directions(last, order, self.encoder.hidden_size, first)
        return first, traces

    def step(self, packed, x, states, workspace):
        """Outputs (B, padded n_outputs) of one step of the decoder over x (1, B, F), and the states after it; those
        before it are the first B of `states`.
        """
        none = np.empty((x.shape[1], 0), self.dtype)
        once = np.ones(x.shape[1], np.int64)
        inner = workspace.part("decoder")
        batch = Batch(x, once, workspace.backend.put(once, inner, "once"), none, none, none, states)
        outputs, traces = self.decoder.forward(packed.decoder, batch, inner)
        return outputs, self.decoder.last_states(traces, batch.device_lengths, inner)

    def _unroll(self, packed, target, forced, workspace):
        """Outputs of every step, one step at a time; inputs that are not as given are filled in."""
        T, B, F = target.x.shape
        backend = workspace.backend
        last = None
        at = 0
        counts = np.count_nonzero(np.arange(T)[:, None] < target.lengths, axis=1)
        outputs = workspace.array("outputs", (len(forced), padded(self.n_outputs)))
        x = target.x.reshape(T * B * F)
        forced = backend.put(forced, workspace, "forced")
        states = target.initial
        for t, n in enumerate(counts.tolist()):
            now = x[t * B * F : (t * B + n) * F]
            if at:
                backend.feed_back(
                    last, self.n_outputs, self.one_hot, forced[at : at + n], now.reshape(n, F)
                )
            last, states = self.step(packed, now.reshape(1, n, F), states, workspace)
            backend.fill(outputs[at : at + n], last)
            at += n
        return outputs

    def forward(self, packed, batch, workspace, noise=None, keep=False):
        """Outputs (steps, padded n_outputs) of a batch of pairs, and traces for `backward` if `keep`."""
        first, read = self.encode(packed, batch.source, batch.order, workspace, noise, keep)
        target = batch.target._replace(initial=first)
        outputs = None
        written = None
        if not batch.forced.all():
            outputs = self._unroll(packed, target, batch.forced, workspace)
        if keep or outputs is None:
            later = None if noise is None else noise.after(self.encoder.n_layers)
            outputs, written = self.decoder.forward(
                packed.decoder, target, workspace.part("decoder"), later, keep
            )
        return outputs, Pair(read, written)

    def backward(self, packed, batch, traces, gradients, workspace, options=None):
        """Fill the gradient of the parameters from that of the outputs; none goes through what the decoder said, as a
        symbol has none. `bptt_steps` of the `options` are steps back from the encoder's last one.
        """
        noise, bptt_steps, _ = options or BackwardOptions()
        own = self._split(gradients.parameters)
        inner = workspace.part("decoder")
        later = BackwardOptions(None if noise is None else noise.after(self.encoder.n_layers))
        of_decoder = NetworkGradients(gradients.outputs, own.decoder)
        dfirst = self.decoder.backward(
            packed.decoder, batch.target, traces.decoder, of_decoder, inner, later
        )
        _, S, B, _ = dfirst.shape
        dlast = workspace.array("dlast", (len(self.encoder.ends), S, B, self.encoder.width))
        workspace.backend.split_directions(dfirst, batch.order, self.encoder.hidden_size, dlast)
        of_encoder = NetworkGradients(None, own.encoder, last_states=dlast)
        inner = workspace.part("encoder")
        back = BackwardOptions(noise, bptt_steps)
        self.encoder.backward(packed.encoder, batch.source, traces.encoder, of_encoder, inner, back)
