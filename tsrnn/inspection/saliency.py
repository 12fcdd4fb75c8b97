"""Which inputs an output listens to."""

from typing import Any

import numpy as np

from tsrnn.data.series import truncate_series
from tsrnn.inspection.passes import networks, passes, read
from tsrnn.networks.layout import padded
from tsrnn.types import SequencesLike


def saliency(estimator: Any, X: SequencesLike) -> Any:
    """Size of the slope of each output along each input, |d output / d x_t|, for every sequence.

    Parameters
    ----------
    estimator : RNNRegressor or RNNClassifier
        Fitted. The outputs of a regressor are its predictions; those of a classifier are the numbers before the
        sigmoid or softmax, one where there are two classes, otherwise one for each class in the order of `classes_`.
        Of several networks the mean output is meant.
    X : sequences
        Any form that `fit` takes.

    Returns
    -------
    slopes : list of ndarrays of shape (n_timesteps_i, n_features) or (n_timesteps_i, n_features, n_outputs)
        One for each sequence; without the last axis where there is one output. Zero at steps that `max_length` cuts
        off.

    Raises
    ------
    TypeError, ValueError
        If the estimator is no recurrent network of this library, or X is not what `fit` takes.

    Notes
    -----
    Source: Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks: visualising image classification
    models and saliency maps*, ICLR workshop, 2014.

    Examples
    --------
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.datasets import make_adding_problem
    >>> from tsrnn.inspection import saliency
    >>> X, y = make_adding_problem(n_sequences=64, n_steps=20, random_state=0)
    >>> model = RNNRegressor(cell="gru", max_iter=5, random_state=0).fit(X, y)
    >>> slopes = saliency(model, X)
    >>> len(slopes), slopes[0].shape
    (64, (20, 2))
    """
    slopes = [slopes_of(one, X) for one in networks(estimator)]
    found = [np.abs(np.mean(parts, axis=0)) for parts in zip(*slopes)]
    return [one[..., 0] for one in found] if found[0].shape[-1] == 1 else found


def slopes_of(estimator, X):
    """Slope of each output of one network along each input, (n_timesteps_i, n_features, n_outputs) for a sequence."""
    sequences, rows = read(estimator, X)
    network = estimator._fitted.network
    settings = estimator._fitted.settings
    if network.every_step:
        name = type(estimator).__name__
        raise ValueError(
            f"saliency needs an estimator with one answer for a sequence; got {name}, with one a step."
        )
    segment = settings.get("segment", 1)
    n_features = network.n_inputs // segment
    n_outputs = network.n_outputs
    cut = settings["max_length"], settings["truncate"]
    firsts, kept = truncate_series(np.zeros_like(sequences.lengths), sequences.lengths, *cut)
    found = [
        np.zeros((length, n_features, n_outputs), network.dtype) for length in sequences.lengths
    ]
    for chosen, batch, outputs, _, back in passes(estimator, rows):
        dx = np.empty((*batch.x.shape[:2], padded(network.n_inputs)), network.dtype)
        for k in range(n_outputs):
            d_outputs = np.zeros_like(outputs)
            d_outputs[:, k] = 1
            back(d_outputs, dx)
            for row, (number, length) in enumerate(zip(chosen, batch.lengths)):
                slopes = dx[:length, row, : network.n_inputs].reshape(-1, n_features)
                first = firsts[number]
                n = kept[number]
                repeated = len(slopes) - n  # the first value, in front
                slopes[repeated] += slopes[:repeated].sum(axis=0)
                found[number][first : first + n, :, k] = slopes[repeated:]
    return found
