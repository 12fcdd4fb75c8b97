"""One class for each sequence."""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from tsrnn.estimators.base import BaseRecurrent, with_callbacks
from tsrnn.estimators.docs import documented
from tsrnn.estimators.targets import check_length
from tsrnn.validation import Instance, OneOf


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class RNNClassifier(ClassifierMixin, BaseRecurrent):
    """A recurrent network that predicts one class for each sequence.

    The last state h_T of a sequence gives y = W_ho h_T + b_ho; two classes have one output and p = 1 / (1 + exp(-y)),
    more classes have one output
    each and p_k = exp(y_k) / sum_j exp(y_j). Trained on the mean log loss.

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
        return self._fit(X, y, sample_weight, hasattr(self, "_network"), classes, max_iter=1, early_stopping=False)

    def _encode(self, y, series, classes, reset):
        y = check_length(column_or_1d(y, warn=True), series)
        check_classification_targets(y)
        if reset:
            self.classes_ = unique_labels(y if classes is None else classes)
            if len(self.classes_) < 2:
                raise ValueError(f"y must hold at least two classes; got one class, {self.classes_[0]!r}.")
        unknown = sorted(set(y) - set(self.classes_))
        if unknown:
            raise ValueError(f"labels of y must be among the classes {list(self.classes_)}; got {unknown[0]!r}.")
        codes = np.searchsorted(self.classes_, y)
        targets = codes[:, None] if len(self.classes_) == 2 else np.eye(len(self.classes_))[codes]
        return targets, compute_sample_weight(self.class_weight, y), codes

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
        outputs = self._outputs(X).astype(np.float64)
        if len(self.classes_) == 2:
            outputs = np.hstack([np.zeros_like(outputs), outputs])
        return softmax(outputs, axis=1)

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def predict(self, X):
        """The likeliest class of each sequence; X as in `predict_proba`, labels as in `classes_`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
