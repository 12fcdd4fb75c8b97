"""What a network remembers while it reads."""

from typing import Any

import numpy as np

from tsrnn.inspection.drawing import axes_of
from tsrnn.inspection.passes import passes, read
from tsrnn.types import LabelsLike, SequencesLike
from tsrnn.validation import Integral, Interval


def hidden_states(
    estimator: Any, X: SequencesLike, layer: int = -1, series: LabelsLike | None = None
) -> Any:
    """The hidden state h_t of a layer after each step of every sequence.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier, RNNSequenceRegressor or RNNSequenceClassifier
        Fitted.
    X : sequences
        Any form that `fit` takes; cut to `max_length`.
    layer : int, default=-1
        Which layer, from 0 at the inputs; negative ones are counted from the top.
    series : array-like, optional
        As in `fit` of an estimator with a target at every step.

    Returns
    -------
    states : list of ndarrays of shape (n_timesteps_i, n_directions * hidden_size)
        One for each sequence; a step is `segment` values. With `bidirectional`, to the right stand the states of the
        units that read from the end, also in the order of time.

    Raises
    ------
    TypeError, ValueError
        If the estimator is no recurrent network of this library, X is not what `fit` takes, or there is no such layer.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.inspection import hidden_states
    >>> X = np.random.default_rng(0).normal(size=(50, 12))
    >>> model = RNNRegressor(cell="gru", hidden_size=8, max_iter=2, random_state=0).fit(X, X[:, 0])
    >>> states = hidden_states(model, X)
    >>> len(states), states[0].shape
    (50, (12, 16))
    """
    sequences, rows = read(estimator, X, series=series)
    network = estimator._fitted.network
    D = len(network.directions)
    H = network.hidden_size
    wanted = Interval(Integral, -network.n_layers, network.n_layers - 1, "both")
    if not wanted.accepts(layer):
        raise ValueError(f"layer of hidden_states must be {wanted}; got {layer!r}.")
    found = [None] * len(sequences)
    for chosen, batch, _, traces, _ in passes(estimator, rows):
        ways = traces[layer % network.n_layers * D :][:D]
        for row, (number, length) in enumerate(zip(chosen, batch.lengths)):
            parts = [way.states[0, 1 : length + 1, row, :H] for way in ways]
            found[number] = np.hstack([part[::-1] if d else part for d, part in enumerate(parts)])
    return found


class HiddenStateDisplay:
    """The hidden state of a layer while one sequence is read: a row for each unit, a column for each step.

    Parameters
    ----------
    states : ndarray of shape (n_timesteps, n_units)

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.inspection import HiddenStateDisplay
    >>> X = np.random.default_rng(0).normal(size=(50, 12))
    >>> model = RNNRegressor(cell="gru", hidden_size=8, max_iter=2, random_state=0).fit(X, X[:, 0])
    >>> display = HiddenStateDisplay.from_estimator(model, X[:1])  # doctest: +SKIP
    """

    def __init__(self, states):
        self.states = states

    @classmethod
    def from_estimator(cls, estimator, X, series=None, *, layer=-1, ax=None, **image_kw):
        """Read the first sequence of X and draw; parameters as in `hidden_states` and `plot`."""
        return cls(hidden_states(estimator, X, layer, series)[0]).plot(ax=ax, **image_kw)

    def plot(self, ax=None, **image_kw):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where; by default a new figure.
        **image_kw
            For `Axes.imshow`.

        Returns
        -------
        display : HiddenStateDisplay
        """
        self.figure_, self.ax_ = axes_of(ax)
        limit = np.abs(self.states).max()
        options = {
            "aspect": "auto",
            "cmap": "RdBu_r",
            "vmin": -limit,
            "vmax": limit,
            "interpolation": "nearest",
        }
        self.image_ = self.ax_.imshow(self.states.T, **options | image_kw)
        self.ax_.set(xlabel="step", ylabel="unit")
        for axis in (self.ax_.xaxis, self.ax_.yaxis):
            axis.get_major_locator().set_params(integer=True)
        self.figure_.colorbar(self.image_, ax=self.ax_, label="hidden state")
        return self
