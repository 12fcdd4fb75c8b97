"""One class for each sequence."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

from tsrnn.estimators.base import training
from tsrnn.estimators.docs import documented
from tsrnn.estimators.fitted import Classes
from tsrnn.estimators.targets import (
    check_classes,
    check_length,
    check_weight,
    codes_of,
    in_range,
    known_classes,
    labelled,
    of_their_type,
)
from tsrnn.estimators.trial import OF_CLASSES
from tsrnn.estimators.whole import BaseWhole
from tsrnn.types import LabelsLike, NumbersLike, SequencesLike, TargetsLike
from tsrnn.validation import Instance, Interval, OneOf, Real


@dataclass(kw_only=True, eq=False, repr=False)
class WithClasses(ClassifierMixin):
    """Classes that have weights, and are all named when training by the epoch begins."""

    class_weight: dict | str | None = None

    _constraints = {
        "class_weight": [
            OneOf("balanced"),
            OneOf(None),
            Instance(dict, "a dict of class to weight"),
        ],
    }

    @training
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        classes: LabelsLike | None = None,
        sample_weight: NumbersLike | None = None,
    ) -> Self:
        """Train for one epoch from where the weights and the optimiser stand.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels that can occur in this and later calls; needed in the first call unless `y` holds them all.
        """
        return self._fit_epoch(X, y, classes, sample_weight=sample_weight)

    def _class_factors(self, y, classes, class_weight):
        """What a class multiplies weights by, for each label."""
        if isinstance(class_weight, dict):
            for label, weight in class_weight.items():
                if not Interval(Real, 0).accepts(weight):
                    raise ValueError(
                        f"class_weight of {type(self).__name__} must be numbers in [0, inf); "
                        f"got {weight!r} for class {label!r}."
                    )
                if label not in classes.tolist():
                    raise ValueError(
                        f"class_weight of {type(self).__name__} must have keys among the classes "
                        f"{classes.tolist()}; got {label!r}."
                    )
            return in_range(
                np.array([class_weight.get(label, 1.0) for label in y.tolist()], dtype=float)
            )
        return compute_sample_weight(class_weight, y)


@dataclass(kw_only=True, eq=False, repr=False)
class Classification(WithClasses):
    """Targets that are classes, one for each sequence or for each of its steps."""

    _targets = Classes

    def _loss(self, targets):
        return "log_loss" if targets.binary else "softmax_log_loss", ()

    def _encode(self, y, series, settings, last, given):
        """Targets, what multiplies their weights, 0 where there is none, and the classes: those of `last`, those given,
        or those met.
        """
        known, y = labelled(y, series)
        if len(y) == 0:
            raise ValueError(
                f"y must have a label for at least one {series.target_unit}; got none."
            )
        check_classes(y, lambda i: f"the label of {series.describe_target(known[i])}")
        classes = known_classes(y, given, last and last.classes)
        if len(classes) < 2:
            raise ValueError(
                f"y must hold at least two classes; got one class, {classes.tolist()[0]!r}."
            )
        codes = codes_of(y, classes, "labels of y", lambda i: series.describe_target(known[i]))
        form = Classes(classes)
        targets = np.zeros((series.n_targets, 1 if form.binary else len(classes)))
        targets[known] = form.encoded(codes)
        factors = np.zeros((series.n_targets, 1))
        factors[known, 0] = self._class_factors(y, classes, settings["class_weight"])
        return targets, factors, form


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class RNNClassifier(Classification, BaseWhole):
    """A recurrent network that predicts one class for each sequence.

    What `pooling` makes of the states h of all steps, for instance the last one, gives y = W_ho h + b_ho; two classes
    have one output and p = 1 / (1 + exp(-y)), more classes have one output each and p_k = exp(y_k) / sum_j exp(y_j).
    Trained on the mean log loss. Probabilities are the mean of those of `n_networks` networks.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; "balanced" weighs a class by n_sequences / (n_classes * its count).
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels met in `fit`, sorted.
    {attributes}

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(5, 15, size=200)]
    >>> y = np.where([sequence[-1] > 0 for sequence in X], "up", "down")
    >>> model = RNNClassifier(cell="gru", hidden_size=16, max_iter=100, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _ways = OF_CLASSES
    _constraints = BaseWhole._constraints | Classification._constraints

    def _scores(self, X):
        outputs = self._outputs(X)  # first, as it says whether there was a fit
        return self._fitted.targets.scores(outputs)

    def predict_proba(self, X: SequencesLike) -> Any:
        """Probability of each class for each sequence.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes.

        Returns
        -------
        p : ndarray of shape (n_sequences, n_classes)
            Columns in the order of `classes_`.
        """
        return softmax(self._scores(X), axis=1)

    def predict_log_proba(self, X: SequencesLike) -> Any:
        """Logarithm of `predict_proba`, exact where a probability is too small for a number."""
        return log_softmax(self._scores(X), axis=1)

    def predict(self, X: SequencesLike) -> TargetsLike:
        """The likeliest class of each sequence; X as in `predict_proba`, labels as in `classes_`."""
        outputs = self._outputs(X)
        return self._fitted.targets.decoded(outputs)

    def score(
        self, X: SequencesLike, y: TargetsLike, sample_weight: NumbersLike | None = None
    ) -> float:
        """Share of sequences whose class is predicted.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        accuracy : float
        """
        series = self._read_fitted(X)
        y = of_their_type(
            check_length(series.aligned(y, "y"), series),
            lambda i: f"the label of {series.describe_target(i)}",
        )
        weights = None if sample_weight is None else check_weight(sample_weight, series)
        predicted = self._fitted.targets.decoded(self._outputs_for(series))
        return float(accuracy_score(y, predicted, sample_weight=weights))
