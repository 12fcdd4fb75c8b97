"""How a network comes to the values of a horizon: all at once, from its own forecasts, or step by step of a decoder."""

from dataclasses import dataclass

import numpy as np

from tsrnn.backends.placing import copy_columns
from tsrnn.data.batch import Batch
from tsrnn.data.pairs import PairBatch
from tsrnn.forecasting.windows import Windows
from tsrnn.networks.encoder_decoder import EncoderDecoder


@dataclass(frozen=True)
class DecodedWindows(Windows):
    """Rows for an encoder that reads the window and a decoder that writes the `h` values after it, `step` of them at a
    time.

    At each step the decoder reads the values of the step before, the true ones in training and its own outputs in
    prediction, and the known covariates of the step itself. At the first step it reads the last values of the window.
    """

    @property
    def step(self):
        return min(self.segment, self.h)

    @property
    def n_steps(self):
        return self.h // self.step

    @property
    def n_known(self):
        """Covariates that the decoder sees at a step."""
        return 0 if self.future is None else self.step * (self.future.size // len(self.values))

    def new_network(self, cell, hidden_size, rng, n_blocks):
        network = EncoderDecoder(
            cell, self.n_inputs, hidden_size, self.step * n_blocks, n_known=self.n_known
        )
        return network, network.initial(rng)

    def _step_by_step(self, values):
        """From (B, h) to (n_steps, B, step)."""
        return np.ascontiguousarray(values.reshape(-1, self.n_steps, self.step).swapaxes(0, 1))

    @property
    def n_places(self):
        return len(self.stops) * self.n_steps

    def places(self, chosen):
        return (chosen * self.n_steps + np.arange(self.n_steps)[:, None]).reshape(-1)

    def weights_of(self, chosen):
        return self._step_by_step(super().weights_of(chosen)).reshape(-1, self.step)

    def batch(self, chosen, workspace):
        backend = workspace.backend
        B = len(chosen)
        n = self.n_steps
        source, level = self.read(chosen, workspace.part("source"))
        stops = self.stops[chosen]
        lengths = np.full(B, n)
        steps = backend.put(lengths, workspace, "lengths")
        values = workspace.on_device(self.values)
        zero = backend.put(np.zeros(B, self.values.dtype), workspace, "zero")
        x, before, targets = (
            workspace.array(name, (n, B, width))
            for name, width in (
                ("x", self.step + self.n_known),
                ("before", self.step),
                ("targets", self.step),
            )
        )
        backend.gather(
            values, backend.put(stops - self.step, workspace, "begins"), steps, level, before
        )
        backend.gather(values, backend.put(stops, workspace, "ends"), steps, level, targets)
        copy_columns(backend, before, x, steps)
        if self.future is not None:
            begins = backend.put(stops * (self.n_known // self.step), workspace, "begins of known")
            known = workspace.array("known", (n, B, self.n_known))
            backend.gather(workspace.on_device(self.future), begins, steps, zero, known)
            copy_columns(backend, known, x, steps, to=self.step)
        none = np.empty((n * B, 0), x.dtype)
        targets = targets.reshape(n * B, self.step)
        target = Batch(
            x,
            lengths,
            steps,
            none,
            targets,
            backend.put(self.weights_of(chosen), workspace, "weights"),
        )
        order = backend.put(np.arange(B), workspace, "order")
        forced = np.full(n * B, self.n_draws > 0)
        return PairBatch(source, target, order, forced)


# Rows, and how many values they give at once, for a horizon h in steps of so many.
DECODERS = {
    "direct": lambda h, step: (Windows, h),
    "recursive": lambda h, step: (Windows, step),
    "encoder-decoder": lambda h, step: (DecodedWindows, -(-h // step) * step),
}
