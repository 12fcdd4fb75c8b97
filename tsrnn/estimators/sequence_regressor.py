"""One number, or several, for each time step."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import r2_score

from tsrnn.estimators.docs import documented_of_steps
from tsrnn.estimators.regressor import LinkedRegression
from tsrnn.estimators.sequence import BaseSequence
from tsrnn.estimators.targets import check_weight, numeric_targets
from tsrnn.types import LabelsLike, NumbersLike, SequencesLike, TargetsLike


@documented_of_steps
@dataclass(kw_only=True, eq=False, repr=False)
class RNNSequenceRegressor(LinkedRegression, BaseSequence):
    """A recurrent network that predicts one number, or several, for each time step.

    Every state h_t of a series gives y_t = W_ho h_t + b_ho. With `cell="rnn"`,
    h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) (Elman 1990); h_0 = 0 at the start of every series.

    Parameters
    ----------
    {losses}
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tsrnn import RNNSequenceRegressor
    >>> X = np.random.default_rng(0).normal(size=(1000, 1))
    >>> y = np.convolve(X[:, 0], [1, 0.8, 0.6])[:1000]  # a sum over the last three steps
    >>> network = RNNSequenceRegressor(cell="gru", hidden_size=16, window=50, max_iter=100, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X[:800], y[:800])
    >>> bool(model.score(X[800:], y[800:]) > 0.9)
    True

    Values that come one by one, with the state handed on, give what the whole series gives:

    >>> one, state = network.predict_with_state(X[:600])
    >>> other, state = network.predict_with_state(X[600:], initial_state=state)
    >>> np.array_equal(np.concatenate([one, other]), network.predict(X))
    True
    >>> state.shape  # series, layers, states, units
    (1, 1, 1, 16)
    """

    _constraints = BaseSequence._constraints | LinkedRegression._constraints

    def score(
        self,
        X: SequencesLike,
        y: TargetsLike,
        series: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
    ) -> float:
        """R^2 over the time steps that have a target, the mean over outputs.

        Parameters
        ----------
        X, y, series, sample_weight
            As in `fit`.

        Returns
        -------
        r2 : float
        """
        steps, outputs, _ = self._run(X, series, None)
        weights = check_weight(sample_weight, steps)
        y = numeric_targets(steps.aligned(y, "y"), steps).reshape(steps.n_targets, -1)
        if y.shape[1] != outputs.shape[1]:
            raise ValueError(
                f"y must have {outputs.shape[1]} outputs, as in fit; got {y.shape[1]}."
            )
        known = ~np.isnan(y)
        if not known.any(axis=0).all():
            raise ValueError(
                "y must have a target of each output for at least one time step; got NaN only."
            )
        columns = zip(y.T, outputs.T.astype(np.float64), known.T)
        return float(
            np.mean([r2_score(t[k], p[k], sample_weight=weights[k]) for t, p, k in columns])
        )
