"""One class for each time step."""

from dataclasses import dataclass
from typing import Any, Self

from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score

from tsrnn.estimators.base import training
from tsrnn.estimators.classifier import Classification
from tsrnn.estimators.docs import documented_of_steps
from tsrnn.estimators.sequence import BaseSequence
from tsrnn.estimators.targets import check_weight, codes_of, labelled
from tsrnn.types import LabelsLike, NumbersLike, SequencesLike, TargetsLike


@documented_of_steps
@dataclass(kw_only=True, eq=False, repr=False)
class RNNSequenceClassifier(Classification, BaseSequence):
    """A recurrent network that predicts one class for each time step.

    Every state h_t of a series gives y_t = W_ho h_t + b_ho, h_0 = 0 at the start of every series; two classes have one
    output and p = 1 / (1 + exp(-y)), more classes have one output each and p_k = exp(y_k) / sum_j exp(y_j). Trained on
    the mean log loss over the steps that have a label.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; "balanced" weighs a class by n_labels / (n_classes * its count).
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels met in `fit`, sorted.
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNSequenceClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(20, 50, size=60)]
    >>> y = [np.where(np.cumsum(x) > 0, "up", "down") for x in X]  # labels nested as the sequences are
    >>> model = RNNSequenceClassifier(cell="gru", hidden_size=16, batch_size=8, max_iter=60, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    >>> [len(labels) for labels in model.predict(X[:2])] == [len(x) for x in X[:2]]
    True
    """

    _n_updates = 400
    _constraints = BaseSequence._constraints | Classification._constraints

    @training
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: LabelsLike | None = None,
        series: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
    ) -> Self:
        """Train for one epoch from where the weights and the optimiser stand.

        Parameters
        ----------
        X, y, series, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels that can occur in this and later calls; needed in the first call unless `y` holds them all.
        """
        return self._fit_epoch(X, y, classes, series=series, sample_weight=sample_weight)

    def predict_proba(
        self, X: SequencesLike, series: LabelsLike | None = None, initial_state: Any = None
    ) -> Any:
        """Probability of each class at each time step.

        Parameters
        ----------
        X, series, initial_state
            As in `predict`.

        Returns
        -------
        p : ndarray of shape (n_timesteps, n_classes)
            Columns in the order of `classes_`; nested as X is if that is three-dimensional or a list.
        """
        steps, outputs, _ = self._run(X, series, initial_state)
        return steps.nested(softmax(self._fitted.targets.scores(outputs), axis=1))

    def predict_log_proba(
        self, X: SequencesLike, series: LabelsLike | None = None, initial_state: Any = None
    ) -> Any:
        """Logarithm of `predict_proba`, exact where a probability is too small for a number."""
        steps, outputs, _ = self._run(X, series, initial_state)
        return steps.nested(log_softmax(self._fitted.targets.scores(outputs), axis=1))

    def score(
        self,
        X: SequencesLike,
        y: TargetsLike,
        series: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
    ) -> float:
        """Share of the time steps with a label whose class is predicted.

        Parameters
        ----------
        X, y, series, sample_weight
            As in `fit`; every label must be one that `fit` has met.

        Returns
        -------
        accuracy : float
        """
        steps, outputs, _ = self._run(X, series, None)
        weights = check_weight(sample_weight, steps)
        known, y = labelled(steps.aligned(y, "y"), steps)
        if len(y) == 0:
            raise ValueError("y must have a label for at least one time step; got none.")
        form = self._fitted.targets
        codes = codes_of(y, form.classes, "labels of y", lambda i: steps.describe_target(known[i]))
        return float(
            accuracy_score(
                codes, form.scores(outputs[known]).argmax(axis=1), sample_weight=weights[known]
            )
        )
