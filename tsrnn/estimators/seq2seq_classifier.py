"""Labels, as many as it takes, for each sequence."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score

from tsrnn.data.pairs import Pairs
from tsrnn.data.series import Series
from tsrnn.estimators.base import training
from tsrnn.estimators.classifier import WithClasses
from tsrnn.estimators.docs import documented_of_pairs
from tsrnn.estimators.fitted import LabelSequences
from tsrnn.estimators.seq2seq import BaseSeq2Seq
from tsrnn.estimators.targets import (
    check_classes,
    check_length,
    check_weight,
    codes_of,
    known_classes,
    labels_at_steps,
    owner_of,
)
from tsrnn.estimators.timesteps import parts
from tsrnn.estimators.watched import Watched
from tsrnn.networks.beam_search import Beam, decode
from tsrnn.types import NumbersLike, SequencesLike, TargetsLike
from tsrnn.validation import POSITIVE_INT, OneOf


@documented_of_pairs
@dataclass(kw_only=True, eq=False, repr=False)
class RNNSeq2SeqClassifier(WithClasses, BaseSeq2Seq):
    """An encoder-decoder that writes a sequence of labels, for instance a string, for each sequence.

    As `RNNSeq2SeqRegressor`; the decoder reads the label before, one-hot, and gives each label and an end the
    probability p_k = exp(y_k) / sum_j exp(y_j). The end is also what it reads first (Sutskever, Vinyals & Le 2014).
    Trained on the weighted mean log loss of all labels and ends. A prediction is written label by label until its end.

    Parameters
    ----------
    max_output_length : int or None, default=None
        Labels of a prediction at most; None for as many as the longest target of `fit` has.
    beam_width : int, default=1
        How many beginnings of a prediction are followed at a time, those of the largest probability; 1 takes the
        likeliest label at each step.
    class_weight : dict, "balanced" or None, default=None
        Weight of each label in the loss, whose ends have the weight 1; "balanced" weighs a label by
        n_labels / (n_classes * its count), counted over all labels of all targets.
    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels met in `fit`, sorted.
    symbols_ : ndarray
        Symbols of X met in `fit`, sorted, where X was sequences of symbols.
    {attributes}
        Names begin with `encoder.` or `decoder.`, as in `encoder.weight_ih_l0`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNSeq2SeqClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = ["".join(rng.choice(list("abc"), size=length)) for length in rng.integers(1, 5, size=300)]
    >>> y = [word.upper() for word in X]
    >>> model = RNNSeq2SeqClassifier(cell="gru", max_iter=60, random_state=0).fit(X, y)
    >>> model.predict(["cab", "b"])
    ['CAB', 'B']
    """

    learning_rate_init: float = 0.01
    max_output_length: int | None = None
    beam_width: int = 1

    _n_updates = 9000
    _constraints = (
        BaseSeq2Seq._constraints
        | WithClasses._constraints
        | {
            "max_output_length": [POSITIVE_INT, OneOf(None)],
            "beam_width": [POSITIVE_INT],
        }
    )

    _one_hot = True
    _targets = LabelSequences

    def _loss(self, targets):
        return "softmax_log_loss", ()

    @training
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        *,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        sample_weight_val: NumbersLike | None = None,
    ) -> Self:
        """Train from the start, or with `warm_start` from where the last `fit` ended.

        Parameters
        ----------
        X : sequences
            As of `RNNRegressor`; or sequences of symbols, which are strings, or lists or arrays of strings.
        y : list of str, list of sequences of labels, or array of shape (n_sequences, n_steps)
            A target for each sequence, at least one label long; the labels of a string are its characters.
        sample_weight : array-like of shape (n_sequences,), optional
            Weight of each sequence's labels in the loss.
        X_val, y_val, sample_weight_val : optional
            Sequences that `early_stopping` watches, with their targets and weights, instead of a part held out; in the
            forms of X, y and sample_weight.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or sample_weight is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite.

        Notes
        -----
        An exception of any kind leaves the estimator as it was before.
        """
        watched = Watched(X_val, y_val, {"sample_weight": sample_weight_val})
        return self._fit(X, y, watched, sample_weight=sample_weight)

    def _encode(self, y, series, settings, last, given):
        labels, lengths = labels_of(y, series)

        def target(i):
            return f"the target of {series.name(owner_of(i, lengths))}"

        check_classes(labels, lambda i: f"each label of {target(i)}")
        classes = known_classes(labels, given, last and last.classes)
        codes = codes_of(labels, classes, "labels of y", target)
        factors = self._class_factors(labels, classes, settings["class_weight"])
        longest = max(int(lengths.max()), 0 if last is None else last.longest)
        form = LabelSequences(classes, longest, all(isinstance(item, str) for item in y))
        return self._said(codes, lengths, factors, len(classes), series.values.dtype), form

    def _said(self, codes, lengths, factors, end, dtype):
        """Steps of a decoder that says these codes of labels, and an end, of weight 1, after those of each sequence."""
        ends = lengths.cumsum()
        one_hot = np.eye(end + 1, dtype=dtype)
        weights = np.insert(factors, ends, 1).astype(dtype)
        steps = self._steps(
            Series.end_to_end(one_hot[np.insert(codes, ends, end)], lengths + 1), one_hot[end]
        )
        return replace(steps, weights=steps.weights * weights[:, None])

    def _write(self, series, beam_width, max_output_length):
        """Codes of the labels predicted, end to end, and how many each of the series has."""
        fitted = self._fitted
        beam_width = option("beam_width", beam_width, fitted.settings["beam_width"])
        longest = option(
            "max_output_length", max_output_length, fitted.settings["max_output_length"]
        )
        codes = decode(
            fitted.network,
            fitted.theta,
            self._in_steps(self._sources(series, fitted.settings), fitted.settings),
            Beam(beam_width, longest or fitted.targets.longest),
            n_jobs=self._n_threads(series),
            workspaces=self._workspaces(),
        )
        end = len(fitted.targets.classes)
        return codes[codes != end], (codes != end).sum(axis=1)

    def predict(
        self, X: SequencesLike, beam_width: int | None = None, max_output_length: int | None = None
    ) -> TargetsLike:
        """Write a sequence of labels for each sequence.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes.
        beam_width, max_output_length : int, optional
            In place of those of `fit`.

        Returns
        -------
        y : list of ndarrays of shape (n_steps_i,), or list of str
            Strings where `y` was strings in `fit`; labels as in `classes_`. Empty where the end comes first.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If X is not what it must be, for instance holds a symbol that `fit` has not met.
        """
        codes, lengths = self._write(self._read_fitted(X), beam_width, max_output_length)
        form = self._fitted.targets
        written = parts(form.classes[codes], lengths)
        return ["".join(labels) for labels in written] if form.strings else written

    def predict_proba(
        self, X: SequencesLike, beam_width: int | None = None, max_output_length: int | None = None
    ) -> Any:
        """Probability of each label at each step of what `predict` writes.

        Row s of sequence i is p(y_s = k | x_i, y_1, ..., y_{s-1}) for every label k, where y_1, ..., y_{s-1} are the
        labels that `predict` has written before it, with the same `beam_width` and `max_output_length`, and that no end
        came before. What a row lacks to 1 is the probability that the end comes at that step; the end that is written
        has no row.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes.
        beam_width, max_output_length : int, optional
            As in `predict`.

        Returns
        -------
        p : list of ndarrays of shape (n_steps_i, n_classes)
            As many rows as `predict` writes labels; columns in the order of `classes_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As `predict`.
        """
        return [np.exp(part) for part in self.predict_log_proba(X, beam_width, max_output_length)]

    def predict_log_proba(
        self, X: SequencesLike, beam_width: int | None = None, max_output_length: int | None = None
    ) -> Any:
        """Logarithm of `predict_proba`, exact where a probability is too small for a number."""
        series = self._read_fitted(X)
        codes, lengths = self._write(series, beam_width, max_output_length)
        end = len(self._fitted.targets.classes)
        steps = self._said(codes, lengths, np.ones(len(codes)), end, series.values.dtype)
        sources = self._sources(series, self._fitted.settings)
        rows = Pairs(sources, steps, np.ones(len(steps.values), bool))
        rows = self._in_steps(rows, self._fitted.settings)
        scores = self._outputs_of(rows, series).astype(np.float64)
        return [part[:-1, :-1] for part in parts(log_softmax(scores, axis=1), lengths + 1)]

    def score(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        beam_width: int | None = None,
        max_output_length: int | None = None,
    ) -> float:
        """Share of sequences whose target is predicted exactly.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        beam_width, max_output_length : int, optional
            As in `predict`.

        Returns
        -------
        score : float
        """
        series = self._read_fitted(X)
        labels, lengths = labels_of(series.aligned(y, "y"), series)
        codes, written = self._write(series, beam_width, max_output_length)
        pairs = zip(parts(self._fitted.targets.classes[codes], written), parts(labels, lengths))
        exact = [np.array_equal(said, target) for said, target in pairs]
        return float(
            accuracy_score(
                [True] * len(exact), exact, sample_weight=check_weight(sample_weight, series)
            )
        )


def option(name, given, fitted):
    """An option of a prediction: the given one, or that of `fit`."""
    if given is None:
        return fitted
    if not POSITIVE_INT.accepts(given):
        raise ValueError(f"{name} must be {POSITIVE_INT}; got {given!r}.")
    return given


def labels_of(y, series):
    """Labels of all targets end to end, and how many each has."""
    return labels_at_steps(check_length(y, series), lambda i: f"the target of {series.name(i)}")
