"""How far back the gradient reaches: the slope of the loss along the state after each step."""

from typing import Any, NamedTuple

import numpy as np

from tsrnn.backends import cpu
from tsrnn.data.batch import steps_of
from tsrnn.inspection.drawing import LineDisplay, line_of
from tsrnn.inspection.passes import passes, read
from tsrnn.rules.losses import LOSSES
from tsrnn.types import LabelsLike, SequencesLike, TargetsLike
from tsrnn.validation import Interval, Real


class GradientFlow(NamedTuple):
    """What `gradient_flow` returns; column k is k steps before the last one."""

    h: np.ndarray  # (n_layers * n_directions, n_steps): norm of dL/dh_t
    c: np.ndarray | None  # the same of the LSTM's cell, dL/dc_t
    n_sequences: np.ndarray  # (n_steps,): how many reach so far back


def gradient_flow(
    estimator: Any, X: SequencesLike, y: TargetsLike, series: LabelsLike | None = None
) -> GradientFlow:
    """Norm of dL/dh_t, the slope of the loss along the hidden state after each step, for each layer.

    L is the loss of one sequence, the mean over its targets; norms are averaged over sequences aligned at their ends.
    The slope counts all ways from h_t to the loss: later steps of its layer, and layers above. A gradient that vanishes
    falls with the distance from the end like a power of a number below 1, one that explodes grows (Bengio, Simard &
    Frasconi 1994; Pascanu, Mikolov & Bengio 2013). Where every step has a target, each adds its own slope on the way.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier, RNNSequenceRegressor or RNNSequenceClassifier
        Fitted.
    X : sequences
        Any form that `fit` takes; cut to `max_length`. `bptt_steps` and `window` cut nothing here.
    y : array-like
        Their targets, as in `fit`. A sequence without any is left out.
    series : array-like, optional
        As in `fit` of an estimator with a target at every step.

    Returns
    -------
    flow : GradientFlow
        A named tuple. Column k belongs to the step k steps before the last one that the layer reads.

        h : ndarray of shape (n_layers * n_directions, n_steps)
            Norms of dL/dh_t. Rows in torch's order: layer 0, with `bidirectional` layer 0 from the end, layer 1, ...;
            a layer that reads from the end has its last step at the beginning of the sequence.
        c : ndarray of the same shape, or None
            Of an LSTM, norms of dL/dc_t: the cell c_t and h_t are handed on to the next step side by side, and each
            slope is taken with the other one held.
        n_sequences : ndarray of shape (n_steps,)
            How many sequences reach so far back.

    Raises
    ------
    TypeError, ValueError
        If the estimator is no recurrent network of this library, or X or y are not what `fit` takes.

    Examples
    --------
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.datasets import make_adding_problem
    >>> from tsrnn.inspection import gradient_flow
    >>> X, y = make_adding_problem(n_sequences=64, n_steps=30, random_state=0)
    >>> model = RNNRegressor(
    ...     cell="lstm", n_layers=2, bidirectional=False, segment=1, max_iter=5, random_state=0
    ... ).fit(X, y)
    >>> flow = gradient_flow(model, X, y)
    >>> flow.h.shape, flow.c.shape
    ((2, 30), (2, 30))
    """
    if y is None:
        raise ValueError("y must be the targets of X, whose loss has the gradient; got None.")
    _, rows = read(estimator, X, y, series)
    fitted = estimator._fitted
    network = estimator._fitted.network
    n_layers = network.n_layers
    D = len(network.directions)
    S = network.cell.n_states
    loss = LOSSES[fitted.loss]
    sums = np.zeros((n_layers * D, S, rows.lengths.max()))
    n_sequences = np.zeros(rows.lengths.max(), int)
    for _, batch, outputs, _, back in passes(estimator, rows):
        d_outputs = np.empty_like(outputs)
        watched = Watched()
        # over 1: the loss of a sequence is divided by its own weight below
        cpu.loss(
            loss, outputs, batch.targets, batch.weights, fitted.loss_parameters, 1.0, d_outputs
        )
        back(d_outputs, scan=watched)
        # layers are met from the top down, the directions of each in their order
        found = watched.found
        norms = np.concatenate([found[i : i + D] for i in reversed(range(0, len(found), D))])
        for row, (length, weight) in enumerate(
            zip(batch.lengths, weights_of(batch, network, loss))
        ):
            if weight:
                sums[..., :length] += norms[:, :, :length, row][..., ::-1] / weight
                n_sequences[:length] += 1
    reached = n_sequences[: np.count_nonzero(n_sequences)]
    if len(reached) == 0:
        raise ValueError(
            f"y must have a target among the steps that max_length={fitted.settings['max_length']} keeps; got none."
        )
    means = sums[..., : len(reached)] / reached
    return GradientFlow(means[:, 0], means[:, 1] if S > 1 else None, reached)


def weights_of(batch, network, loss):
    """What the loss of each sequence of a batch is divided by: its targets, or with softmax its labels."""
    each = batch.weights[:, 0] if loss.softmax else batch.weights.sum(axis=1)
    return np.bincount(steps_of(batch.lengths)[1], each) if network.every_step else each


class Watched:
    """`cpu.backward` one step after the other; norms (S, T, B) of the slopes of the states that each step leaves go
    into `found`, layer by layer.
    """

    def __init__(self):
        self.found = []

    def __call__(self, cell, lengths, bptt_steps, weights, cache, gradients):
        x, states, saved = cache
        doutputs = gradients.outputs
        dstates = gradients.states
        norms = np.zeros((len(dstates), len(x), len(lengths)))
        for t in reversed(range(len(x))):
            running = lengths > t
            last = dstates.astype(np.float64)
            if len(doutputs):
                last[0, running] += doutputs[t, running]
            norms[:, t, running] = np.linalg.norm(last[:, running], axis=2)
            step = slice(t, t + 1)
            around = cache._replace(
                x=x[step], states=np.ascontiguousarray(states[:, t : t + 2]), saved=saved[step]
            )
            of_step = gradients._replace(outputs=doutputs[step], inputs=gradients.inputs[step])
            cpu.backward(cell, running.astype(np.int64), 1, weights, around, of_step)
        self.found.append(norms)


def memory_length(
    estimator: Any,
    X: SequencesLike,
    y: TargetsLike,
    fraction: float = 0.01,
    series: LabelsLike | None = None,
) -> int:
    """How many steps back the gradient still has a `fraction` of its size at the last step.

    Its size is the norm over the states of all layers, for an LSTM h_t and c_t, averaged as in `gradient_flow`.

    Parameters
    ----------
    estimator, X, y
        As in `gradient_flow`.
    fraction : float, default=0.01
    series
        As in `gradient_flow`.

    Returns
    -------
    n_steps : int
        The largest number of steps back with at least that size, a multiple of `segment`; of sequences of T steps at
        most T - 1.

    Raises
    ------
    ValueError
        If `fraction` is not in (0, 1], or the loss has no gradient at the last step, since it is at its minimum.

    Examples
    --------
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.datasets import make_adding_problem
    >>> from tsrnn.inspection import memory_length
    >>> X, y = make_adding_problem(n_sequences=64, n_steps=60, random_state=0)
    >>> model = RNNRegressor(segment=1, pooling="last", max_iter=2, random_state=0).fit(X, y)
    >>> 0 < memory_length(model, X, y) < memory_length(model, X, y, fraction=1e-6) < 60
    True
    """
    wanted = Interval(Real, 0, 1, "right")
    if not wanted.accepts(fraction):
        raise ValueError(f"fraction of memory_length must be {wanted}; got {fraction!r}.")
    flow = gradient_flow(estimator, X, y, series)
    parts = flow.h if flow.c is None else np.concatenate([flow.h, flow.c])
    size = np.linalg.norm(parts, axis=0)
    if size[0] == 0:
        raise ValueError(
            "the loss of these sequences must have a gradient at the last step; got 0, its minimum."
        )
    n_values = estimator._fitted.settings.get("segment", 1)  # of a step of the network
    return n_values * int(np.flatnonzero(size >= fraction * size[0])[-1])


class GradientFlowDisplay(LineDisplay):
    """The norm of dL/dh_t against the number of steps before the last one, a line for each layer.

    Parameters
    ----------
    flow : GradientFlow
    labels : list of str
        One for each row of `flow.h`.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        Of h, then of c.

    Examples
    --------
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.datasets import make_adding_problem
    >>> from tsrnn.inspection import GradientFlowDisplay
    >>> X, y = make_adding_problem(n_sequences=64, n_steps=30, random_state=0)
    >>> model = RNNRegressor(cell="rnn", max_iter=5, random_state=0).fit(X, y)
    >>> display = GradientFlowDisplay.from_estimator(model, X, y)  # doctest: +SKIP
    """

    def __init__(self, flow, labels):
        self.flow = flow
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, X, y, series=None, *, ax=None, name=None, **line_kw):
        """Measure and draw; parameters as in `gradient_flow` and `plot`."""
        flow = gradient_flow(estimator, X, y, series)
        network = estimator._fitted.network
        labels = [
            f"layer {layer}{direction.replace('_', ' ')}"
            for layer in range(network.n_layers)
            for direction in network.directions
        ]
        return cls(flow, labels).plot(ax=ax, name=name, **line_kw)

    def _draw(self, name, line_kw):
        parts = [("h", self.flow.h, "-")]
        if self.flow.c is not None:
            parts.append(("c", self.flow.c, "--"))
        self.lines_ = []
        for state, norms, style in parts:
            for i, (label, line) in enumerate(zip(self.labels, norms)):
                words = [
                    name,
                    label if len(self.labels) > 1 else None,
                    state if len(parts) > 1 else None,
                ]
                options = (
                    line_of(i)
                    | {"linestyle": style, "label": ", ".join(filter(None, words)) or "h"}
                    | line_kw
                )
                # zero, such as the slope of an LSTM's last cell, has no place on a logarithmic axis
                self.lines_ += self.ax_.plot(np.where(line > 0, line, np.nan), **options)
        self.ax_.set(
            yscale="log",
            xlabel="steps before the last one",
            ylabel="norm of the gradient at the state",
        )
