"""A sequence, of another length, for each sequence."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import check_is_fitted

from tsrnn.batching import Pairs, Steps
from tsrnn.decoding import decode
from tsrnn.encoder_decoder import EncoderDecoder
from tsrnn.estimators.base import ONE_EPOCH, BaseRecurrent, with_callbacks, with_weight
from tsrnn.estimators.classifier import WithClasses
from tsrnn.estimators.docs import documented_of_pairs
from tsrnn.estimators.regressor import Regression
from tsrnn.estimators.targets import (
    check_classes,
    check_length,
    check_weight,
    codes_of,
    is_symbolic,
    known_classes,
    labels_at_steps,
    numbers_at_steps,
    owner_of,
)
from tsrnn.propagation import predict
from tsrnn.series import Series, check_scale, is_ragged
from tsrnn.validation import POSITIVE_INT, Interval, OneOf, PairOf, Real

SHARE = Interval(Real, 0, 1, "both")


@dataclass(kw_only=True, eq=False, repr=False)
class BaseSeq2Seq(BaseRecurrent):
    """An encoder of numbers or symbols, and a decoder that is told while training what it should have said."""

    teacher_forcing: float | tuple[float, float] = 1.0

    _constraints = BaseRecurrent._constraints | {
        "teacher_forcing": [SHARE, PairOf(SHARE)],
    }

    _one_hot = False

    def _read(self, X, reset):
        """Strings are symbols and become one-hot; all else is as everywhere."""
        symbolic = is_symbolic(X)
        if reset:
            vars(self).pop("symbols_", None)
        elif symbolic != hasattr(self, "symbols_"):
            wanted, got = ("numbers", "symbols") if symbolic else ("symbols", "numbers")
            raise ValueError(f"X must hold sequences of {wanted}, as in fit; got {got}.")
        if not symbolic:
            return super()._read(X, reset)
        labels, lengths = labels_at_steps(X, lambda i: f"sequence {i}", "X")
        if reset:
            self.symbols_ = np.unique(labels)
            self._n_channels, self._flat_input, self.n_features_in_ = len(self.symbols_), False, len(self.symbols_)
            vars(self).pop("feature_names_in_", None)
        codes = codes_of(labels, self.symbols_, "symbols of X", lambda i: f"sequence {owner_of(i, lengths)}")
        return Series.end_to_end(np.eye(len(self.symbols_), dtype=self._precision(reset))[codes], lengths)

    def _make_network(self, *shape):
        options = {"dropout": self.dropout, "one_hot": self._one_hot, "dtype": self.dtype}
        return EncoderDecoder(*shape, self._n_known, **options)

    def _recipe(self):
        recipe = super()._recipe()
        scheduled = isinstance(self.teacher_forcing, tuple)
        return replace(recipe, tol=-np.inf) if scheduled and not self.early_stopping else recipe

    def _steps(self, targets, first, known=None):
        """What the decoder is to write, and reads: what it said before, at first `first`, and what is known."""
        said = np.roll(targets.values, 1, axis=0)
        said[targets.starts] = first
        inputs = said if known is None else np.hstack([said, known.values])
        return Steps.whole(inputs, targets.starts, targets.lengths, targets.values, np.ones_like(targets.values))

    def _pairs(self, series, steps, weights):
        """Rows of which each step of a target has the weight of its sequence; none of its inputs is as given, unless
        training says so.
        """
        share = self.teacher_forcing
        weights = steps.weights * np.repeat(weights.astype(steps.weights.dtype), steps.lengths)[:, None]
        shares = np.linspace(*(share if isinstance(share, tuple) else (share, share)), self.max_iter)
        forced = np.zeros(len(weights), bool)
        return Pairs(self._sources(series), replace(steps, weights=weights), forced, iter(shares))

    def _sources(self, series):
        none = np.empty((len(series), 0), series.values.dtype)
        return self._rows(series, none, none)

    def _examples(self, X, y, classes, reset, sample_weight, **known):
        series = self._read(X, reset)
        check_scale(series)
        weights = check_weight(sample_weight, series)
        steps = self._encode(series.aligned(y, "y"), series, classes, reset, **known)
        return with_weight(self._pairs(series, steps, weights), series)

    def _strata(self, targets):
        return None


@documented_of_pairs
@dataclass(kw_only=True, eq=False, repr=False)
class RNNSeq2SeqRegressor(Regression, BaseSeq2Seq):
    """An encoder-decoder that predicts a sequence of numbers, of a length of its own, for each sequence.

    An encoder reads a sequence; its last states are the first ones of a decoder (Sutskever, Vinyals & Le 2014; Cho et
    al. 2014), which at each step s reads [y_{s-1}, z_s] and says y_s = W_ho h_s + b_ho: y_0 = 0, z_s are the known
    inputs of that step, if any. While training y_{s-1} may be the true one, at prediction it is what the
    decoder said itself. Scale `y` as you scale
    `X`.

    Parameters
    ----------
    {losses}
    {parameters}

    Attributes
    ----------
    n_steps_ : int or None
        Steps of the targets in `fit`, None where they differed.
    symbols_ : ndarray
        Symbols of X met in `fit`, sorted, where X was sequences of symbols.
    {attributes}
        Names begin with `encoder.` or `decoder.`, as in `encoder.weight_ih_l0`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNSeq2SeqRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=length) for length in rng.integers(3, 6, size=300)]
    >>> y = [np.cumsum([x.mean()] * steps) for x, steps in zip(X, rng.integers(2, 5, size=300))]
    >>> model = RNNSeq2SeqRegressor(cell="gru", max_iter=60, random_state=0).fit(X, y)
    >>> [len(said) for said in model.predict(X[:3], n_steps=[1, 4, 2])]
    [1, 4, 2]
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _constraints = BaseSeq2Seq._constraints | Regression._constraints

    @with_callbacks
    def fit(self, X, y, sample_weight=None, decoder_inputs=None):
        """Train from the start, or with `warm_start` from where the last `fit` ended.

        Parameters
        ----------
        X : sequences
            As of `RNNRegressor`; or sequences of symbols, which are strings, or lists or arrays of strings.
        y : list of arrays of shape (n_steps_i,) or (n_steps_i, n_outputs), or array of shape (n_sequences, n_steps) or
            (n_sequences, n_steps, n_outputs)
            A target for each sequence, at least one step long.
        sample_weight : array-like of shape (n_sequences,), optional
            Weight of each sequence's steps in the loss, which is a mean over all steps.
        decoder_inputs : in the forms of y, optional
            What is known of each step of each target, for instance the calendar of the future: as many steps as the
            target has.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y, sample_weight or decoder_inputs is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite; the best weights so far are kept.
        """
        self._check_parameters()
        go_on = self.warm_start and hasattr(self, "_network")
        return self._fit(X, y, go_on, sample_weight=sample_weight, decoder_inputs=decoder_inputs)

    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None, decoder_inputs=None):
        """Train for one epoch from where the weights and the optimiser stand. Parameters as in `fit`."""
        self._check_parameters()
        given = {"sample_weight": sample_weight, "decoder_inputs": decoder_inputs}
        return self._fit(X, y, hasattr(self, "_network"), ONE_EPOCH, **given)

    def _encode(self, y, series, classes, reset, decoder_inputs):
        targets = numbers_at_steps(y, series, "y", series.values.dtype)
        if self.loss == "squared":
            check_scale(targets, "y")
        known = self._read_known(decoder_inputs, series, reset)
        check_steps(known, targets.lengths)
        shortest, longest = int(targets.lengths.min()), int(targets.lengths.max())
        self.n_steps_ = longest if shortest == longest else None
        y = y.to_numpy() if hasattr(y, "to_numpy") else y
        self._listed = is_ragged(y)
        self._many_outputs = np.ndim(y[0]) == 2
        return self._steps(targets, 0, known)

    def _read_known(self, decoder_inputs, series, reset):
        known, n_known = None, 0
        if decoder_inputs is not None:
            known = numbers_at_steps(decoder_inputs, series, "decoder_inputs", series.values.dtype)
            n_known = known.values.shape[1]
        if reset:
            self._n_known = n_known
        elif n_known != self._n_known:
            raise ValueError(f"decoder_inputs must have {self._n_known} features a step, as in fit; got {n_known}.")
        return known

    def _count_steps(self, n_steps, known, series):
        """Steps to predict for each sequence."""
        if n_steps is None and known is not None:
            return known.lengths
        n_steps = self.n_steps_ if n_steps is None else n_steps
        if n_steps is None:
            raise ValueError("n_steps must be given, since the targets of fit had several lengths; got None.")
        try:
            lengths = np.asarray(n_steps)
        except ValueError:  # of numpy: not a rectangle
            lengths = np.array(n_steps, dtype=object)
        if lengths.dtype.kind not in "iu" or lengths.shape not in ((), (len(series),)):
            raise ValueError(
                f"n_steps must be an int, or one for each of the {len(series)} sequences; got {lengths.dtype} of shape "
                f"{lengths.shape}."
            )
        lengths = np.broadcast_to(lengths, len(series)).astype(np.int64)
        if lengths.min() < 1:
            i = int(lengths.argmin())
            raise ValueError(f"n_steps must be at least 1; got {lengths[i]} for {series.name(i)}.")
        check_steps(known, lengths)
        return lengths

    def predict(self, X, n_steps=None, decoder_inputs=None):
        """Predict the targets of sequences, step by step, each step fed the one before.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes; of any lengths, except that the columns of a 2-D array must be as many as in
            `fit`.
        n_steps : int or array-like of int of shape (n_sequences,), optional
            Steps to predict; as many as `decoder_inputs` has, or the targets of `fit` had, where these agree.
        decoder_inputs : optional
            As in `fit`; needed where `fit` had them.

        Returns
        -------
        y : list of arrays of shape (n_steps_i,) or (n_steps_i, n_outputs), or array of shape (n_sequences, n_steps) or
            (n_sequences, n_steps, n_outputs)
            float64; an array where `y` was one in `fit` and all sequences get the same number of steps.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If X, n_steps or decoder_inputs is not what it must be.
        """
        check_is_fitted(self)
        series = self._read(X, reset=False)
        known = self._read_known(decoder_inputs, series, reset=False)
        lengths = self._count_steps(n_steps, known, series)
        nothing = np.zeros((lengths.sum(), self._network.n_outputs), self._network.dtype)
        steps = self._steps(Series.end_to_end(nothing, lengths), 0, known)
        rows = self._pairs(series, steps, np.ones(len(series)))
        said = predict(self._network, self._theta, rows, self._n_threads(series), rooms=self._rooms())
        said = said.astype(np.float64) if self._many_outputs else said[:, 0].astype(np.float64)
        if self._listed or (lengths != lengths[0]).any():
            return apart(said, lengths)
        return said.reshape(len(series), lengths[0], *said.shape[1:])

    def score(self, X, y, sample_weight=None, decoder_inputs=None):
        """R^2 over all steps of all sequences, the mean over outputs.

        Parameters
        ----------
        X, y, sample_weight, decoder_inputs
            As in `fit`.

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        series = self._read(X, reset=False)
        truth = numbers_at_steps(y, series, "y", np.float64)
        n_outputs = self._network.n_outputs
        if truth.values.shape[1] != n_outputs:
            raise ValueError(f"y must have {n_outputs} outputs, as in fit; got {truth.values.shape[1]}.")
        said = self.predict(X, truth.lengths, decoder_inputs)
        said = np.concatenate(list(said)).reshape(truth.values.shape)
        weights = np.repeat(check_weight(sample_weight, series), truth.lengths)
        return r2_score(truth.values, said, sample_weight=weights)


def check_steps(known, lengths):
    """Raise a sentence for known inputs of more or fewer steps than the target."""
    if known is not None and (known.lengths != lengths).any():
        i = int((known.lengths != lengths).argmax())
        raise ValueError(
            f"decoder_inputs of {known.name(i)} must have as many steps as its target, {lengths[i]}; got "
            f"{known.lengths[i]}."
        )


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
    >>> model = RNNSeq2SeqClassifier(cell="gru", max_iter=60, learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> model.predict(["cab", "b"])
    ['CAB', 'B']
    """

    max_output_length: int | None = None
    beam_width: int = 1

    _constraints = (
        BaseSeq2Seq._constraints
        | WithClasses._constraints
        | {
            "max_output_length": [POSITIVE_INT, OneOf(None)],
            "beam_width": [POSITIVE_INT],
        }
    )

    _one_hot, _n_known = True, 0

    def _loss(self):
        return "softmax_log_loss", 0.0

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Train from the start, or with `warm_start` from where the last `fit` ended.

        Parameters
        ----------
        X : sequences
            As of `RNNRegressor`; or sequences of symbols, which are strings, or lists or arrays of strings.
        y : list of str, list of sequences of labels, or array of shape (n_sequences, n_steps)
            A target for each sequence, at least one label long; the labels of a string are its characters.
        sample_weight : array-like of shape (n_sequences,), optional
            Weight of each sequence's labels in the loss.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y or sample_weight is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite; the best weights so far are kept.
        """
        return super().fit(X, y, sample_weight)

    def _encode(self, y, series, classes, reset):
        labels, lengths = labels_at_steps(check_length(y, series), lambda i: f"the target of {series.name(i)}")

        def target(i):
            return f"the target of {series.name(owner_of(i, lengths))}"

        check_classes(labels, lambda i: f"each label of {target(i)}")
        self.classes_ = known_classes(labels, classes, None if reset else self.classes_)
        codes, factors = codes_of(labels, self.classes_, "labels of y", target), self._class_factors(labels)
        self._longest = max(int(lengths.max()), 0 if reset else self._longest)
        self._strings = all(isinstance(item, str) for item in y)
        return self._said(codes, lengths, factors, series.values.dtype)

    def _said(self, codes, lengths, factors, dtype):
        """Steps of a decoder that says these codes of labels, and an end, of weight 1, after those of each sequence."""
        end, ends = len(self.classes_), lengths.cumsum()
        one_hot, weights = np.eye(end + 1, dtype=dtype), np.insert(factors, ends, 1).astype(dtype)
        steps = self._steps(Series.end_to_end(one_hot[np.insert(codes, ends, end)], lengths + 1), one_hot[end])
        return replace(steps, weights=steps.weights * weights[:, None])

    def _write(self, series):
        """Codes of the labels predicted, end to end, and how many each of the series has."""
        longest, end = self.max_output_length or self._longest, len(self.classes_)
        given = self._sources(series), longest, self.beam_width, self._n_threads(series)
        codes = decode(self._network, self._theta, *given, self._rooms())
        return codes[codes != end], (codes != end).sum(axis=1)

    def predict(self, X):
        """Write a sequence of labels for each sequence.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes.

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
        check_is_fitted(self)
        codes, lengths = self._write(self._read(X, reset=False))
        written = apart(self.classes_[codes], lengths)
        return ["".join(labels) for labels in written] if self._strings else written

    def predict_proba(self, X):
        """Probability of each label at each step of what `predict` writes.

        Row s of sequence i is p(y_s = k | x_i, y_1, ..., y_{s-1}) for every label k, where y_1, ..., y_{s-1} are the
        labels that `predict` has written before it, with its `beam_width` and `max_output_length`, and that no end came
        before. What a row lacks to 1 is the probability that the end comes at that step; the end that is written has no
        row.

        Parameters
        ----------
        X : sequences
            Any form that `fit` takes.

        Returns
        -------
        p : list of ndarrays of shape (n_steps_i, n_classes)
            As many rows as `predict` writes labels; columns in the order of `classes_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError, ValueError
            As `predict`.
        """
        return [np.exp(part) for part in self.predict_log_proba(X)]

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`, exact where a probability is too small for a number."""
        check_is_fitted(self)
        series = self._read(X, reset=False)
        codes, lengths = self._write(series)
        steps = self._said(codes, lengths, np.ones(len(codes)), self._network.dtype)
        rows = Pairs(self._sources(series), steps, np.ones(len(steps.values), bool))
        scores = predict(self._network, self._theta, rows, self._n_threads(series), rooms=self._rooms())
        return [part[:-1, :-1] for part in apart(log_softmax(scores.astype(np.float64), axis=1), lengths + 1)]

    def score(self, X, y, sample_weight=None):
        """Share of sequences whose target is predicted exactly.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        series = self._read(X, reset=False)
        labels, lengths = labels_at_steps(check_length(y, series), lambda i: f"the target of {series.name(i)}")
        codes, written = self._write(series)
        pairs = zip(apart(self.classes_[codes], written), apart(labels, lengths))
        exact = [np.array_equal(said, target) for said, target in pairs]
        return float(accuracy_score([True] * len(exact), exact, sample_weight=check_weight(sample_weight, series)))


def apart(entries, lengths):
    """What stands end to end, sequence by sequence."""
    return np.split(entries, lengths.cumsum()[:-1])
