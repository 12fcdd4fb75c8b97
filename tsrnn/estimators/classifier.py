"""One class for each sequence."""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight

from tsrnn.estimators.base import BaseRecurrent, with_callbacks
from tsrnn.estimators.docs import documented
from tsrnn.estimators.targets import check_classes, check_length, codes_of, known_classes, of_their_type
from tsrnn.validation import Instance, Interval, OneOf, Real


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class RNNClassifier(ClassifierMixin, BaseRecurrent):
    """A recurrent network that predicts one class for each sequence.

    The last state h_T of a sequence gives y = W_ho h_T + b_ho; two classes have one output and p = 1 / (1 + exp(-y)),
    more classes have one output each and p_k = exp(y_k) / sum_j exp(y_j). Trained on the mean log loss.

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

    class_weight: dict | str | None = None

    _constraints = BaseRecurrent._constraints | {
        "class_weight": [OneOf("balanced"), OneOf(None), Instance(dict, "a dict of class to weight")],
    }

    def _loss(self):
        return "log_loss" if len(self.classes_) == 2 else "softmax_log_loss", 0.0

    @with_callbacks
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch from where the weights and the optimiser stand.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels that can occur in this and later calls; needed in the first call unless `y` holds them all.
        """
        self._check_parameters()
        return self._fit(
            X, y, sample_weight, hasattr(self, "_network"), {"classes": classes}, max_iter=1, early_stopping=False
        )

    def _encode(self, y, series, reset, classes=None):
        y = check_length(y if np.ndim(y) else column_or_1d(y), series)
        y = of_their_type(y, lambda i: f"the label of {series.name(i)}")
        check_classes(y, lambda i: f"the label of {series.name(i)}")
        known = known_classes(y, classes, None if reset else self.classes_)
        if len(known) < 2:
            raise ValueError(f"y must hold at least two classes; got one class, {known.tolist()[0]!r}.")
        self.classes_, codes = known, codes_of(y, known, "labels of y", series.name)
        targets = codes[:, None] if len(self.classes_) == 2 else np.eye(len(self.classes_))[codes]
        return targets, self._class_factors(y), codes

    def _class_factors(self, y):
        """What the class of a sequence multiplies its weight by."""
        if isinstance(self.class_weight, dict):
            for label, weight in self.class_weight.items():
                if not Interval(Real, 0).accepts(weight):
                    raise ValueError(
                        f"class_weight of {type(self).__name__} must be numbers in [0, inf); "
                        f"got {weight!r} for class {label!r}."
                    )
                if label not in self.classes_:
                    raise ValueError(
                        f"class_weight of {type(self).__name__} must have keys among the classes "
                        f"{self.classes_.tolist()}; got {label!r}."
                    )
            return np.array([self.class_weight.get(label, 1.0) for label in y.tolist()], dtype=float)
        return compute_sample_weight(self.class_weight, y)

    def predict_proba(self, X):
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

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`, exact where a probability is too small for a number."""
        return log_softmax(self._scores(X), axis=1)

    def predict(self, X):
        """The likeliest class of each sequence; X as in `predict_proba`, labels as in `classes_`."""
        best = self._scores(X).argmax(axis=1)
        return self.classes_[best]

    def score(self, X, y, sample_weight=None):
        """Share of sequences whose class is predicted.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        accuracy : float
        """
        return super().score(X, of_their_type(y, lambda i: f"the label of sequence {i}"), sample_weight)

    def _scores(self, X):
        """One number for each class, (n_sequences, n_classes); the first of two classes scores zero."""
        outputs = self._outputs(X).astype(np.float64)
        return np.hstack([np.zeros_like(outputs), outputs]) if len(self.classes_) == 2 else outputs
