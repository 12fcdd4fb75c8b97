"""One number, or several, for each sequence."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from tsrnn.estimators.auto import AUTO
from tsrnn.estimators.docs import documented_of_numbers
from tsrnn.estimators.fitted import Numbers
from tsrnn.estimators.targets import check_least, check_squares, check_weight, numeric_targets
from tsrnn.estimators.trial import OF_NUMBERS
from tsrnn.estimators.whole import BaseWhole
from tsrnn.rules.losses import LOSSES, losses_fed_back, offered_losses
from tsrnn.types import NumbersLike, SequencesLike, TargetsLike
from tsrnn.validation import Interval, OneOf, Real, Registered


@dataclass(kw_only=True, eq=False, repr=False)
class Regression(RegressorMixin):
    """Targets that are numbers, whatever they belong to."""

    loss: str = "squared"
    huber_delta: float = 1.0
    quantile: float = 0.5

    _constraints = {
        "loss": [Registered(losses_fed_back)],
        "huber_delta": [Interval(Real, 0, closed="neither")],
        "quantile": [Interval(Real, 0, 1, "neither")],
    }

    _targets = Numbers

    def _loss(self, targets):
        return self.loss, tuple(float(getattr(self, name)) for name in LOSSES[self.loss].parameters)

    def _encode(self, y, series, settings, last, given):
        """Targets, what multiplies their weights, 0 where there is none, and their form."""
        targets = numeric_targets(y, series)
        form = Numbers(many_outputs=targets.ndim == 2, loss=settings["loss"])
        targets = targets.reshape(len(targets), -1)
        known = ~np.isnan(targets)
        if not known.any():
            raise ValueError(
                f"y must have a target for at least one {series.target_unit}; got NaN only."
            )
        check_least(targets, LOSSES[settings["loss"]], series)
        targets = np.where(known, targets, 0)
        if settings["loss"] == "squared":
            check_squares(targets, series)
        return targets, known, form

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@dataclass(kw_only=True, eq=False, repr=False)
class LinkedRegression(Regression):
    """The same, and outputs may be the logarithm of a prediction."""

    tweedie_power: float = 1.5

    _constraints = Regression._constraints | {
        "loss": [Registered(offered_losses)],
        "tweedie_power": [Interval(Real, 1, 2, "neither")],
    }


@documented_of_numbers
@dataclass(kw_only=True, eq=False, repr=False)
class RNNRegressor(LinkedRegression, BaseWhole):
    """A recurrent network that predicts one number, or several, for each sequence.

    What `pooling` makes of the states h of all steps, for instance the last one, gives y = W_ho h + b_ho. With
    `cell="rnn"`, h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), h_0 = 0 (Elman 1990). Predictions are the mean of
    those of `n_networks` networks.

    Parameters
    ----------
    {losses}
    {parameters}

    Attributes
    ----------
    {attributes}

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 1)) for length in rng.integers(5, 15, size=200)]
    >>> y = np.array([sequence[-3:].mean() for sequence in X])
    >>> model = RNNRegressor(cell="gru", hidden_size=16, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    alpha: float | str = AUTO

    _ways = OF_NUMBERS
    _constraints = (
        BaseWhole._constraints
        | LinkedRegression._constraints
        | {"alpha": [Interval(Real, 0), OneOf(AUTO)]}
    )

    def predict(self, X: SequencesLike) -> TargetsLike:
        """Predict the targets of sequences.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes; of any lengths, except that the columns of a 2-D array must be as many as in
            `fit`.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            float64, shaped as `y` was in `fit`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If X is not what it must be.
        """
        outputs = self._outputs(X)
        return self._fitted.targets.decoded(outputs)

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: NumbersLike | None = None
    ) -> float:
        """R^2 of the predicted targets, the mean over outputs.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        score : float
        """
        series = self._read_fitted(X)
        y = numeric_targets(series.aligned(y, "y"), series)
        weights = None if sample_weight is None else check_weight(sample_weight, series)
        predicted = self._fitted.targets.decoded(self._outputs_for(series))
        return float(r2_score(y, predicted, sample_weight=weights))
