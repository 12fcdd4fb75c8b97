"""Numbers, as many as it takes, for each sequence."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.metrics import r2_score

from tsrnn.data.series import Series, check_scale, is_ragged
from tsrnn.estimators.base import training
from tsrnn.estimators.docs import documented_of_pairs_of_numbers
from tsrnn.estimators.fitted import NumberSequences
from tsrnn.estimators.regressor import Regression
from tsrnn.estimators.seq2seq import BaseSeq2Seq
from tsrnn.estimators.targets import check_weight, numbers_at_steps
from tsrnn.estimators.timesteps import parts
from tsrnn.estimators.watched import Watched
from tsrnn.types import NumbersLike, SequencesLike, TargetsLike
from tsrnn.validation import BOOLEAN


@documented_of_pairs_of_numbers
@dataclass(kw_only=True, eq=False, repr=False)
class RNNSeq2SeqRegressor(Regression, BaseSeq2Seq):
    """An encoder-decoder that predicts a sequence of numbers, of a length of its own, for each sequence.

    An encoder reads a sequence; its last states are the first ones of a decoder (Sutskever, Vinyals & Le 2014; Cho et
    al. 2014), which at each step s reads [y_{s-1}, z_s] and says y_s = W_ho h_s + b_ho: y_0 = 0, z_s are the known
    inputs of that step, if any. While training y_{s-1} may be the true one, at prediction it is what the
    decoder said itself.

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

    standardize: bool = True

    _before = BaseSeq2Seq._before | {"standardize": False}
    _constraints = BaseSeq2Seq._constraints | Regression._constraints | {"standardize": [BOOLEAN]}
    _targets = NumberSequences

    @training
    def fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        decoder_inputs: Any = None,
        *,
        X_val: SequencesLike | None = None,
        y_val: TargetsLike | None = None,
        sample_weight_val: NumbersLike | None = None,
        decoder_inputs_val: Any = None,
    ) -> Self:
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
        X_val, y_val, sample_weight_val, decoder_inputs_val : optional
            Sequences that `early_stopping` watches, with their targets and weights, instead of a part held out; in the
            forms of X, y, decoder_inputs and sample_weight.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter, X, y, sample_weight or decoder_inputs is not what it must be; one sentence says what.
        DivergenceError
            If the loss or the gradient is no longer finite.

        Notes
        -----
        An exception of any kind leaves the estimator as it was before.
        """
        watched = Watched(
            X_val, y_val, {"sample_weight": sample_weight_val, "decoder_inputs": decoder_inputs_val}
        )
        return self._fit(X, y, watched, sample_weight=sample_weight, decoder_inputs=decoder_inputs)

    @training
    def partial_fit(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        decoder_inputs: Any = None,
    ) -> Self:
        """Train for one epoch from where the weights and the optimiser stand. Parameters as in `fit`."""
        return self._fit_epoch(X, y, sample_weight=sample_weight, decoder_inputs=decoder_inputs)

    def _encode(self, y, series, settings, last, given, decoder_inputs):
        targets = numbers_at_steps(y, series, "y", series.values.dtype)
        if settings["loss"] == "squared":
            check_scale(targets, "y")
        known = self._read_known(decoder_inputs, series, last)
        check_steps(known, targets.lengths)
        shortest = int(targets.lengths.min())
        longest = int(targets.lengths.max())
        y = y.to_numpy() if hasattr(y, "to_numpy") else y
        form = NumberSequences(
            many_outputs=np.ndim(y[0]) == 2,
            loss=settings["loss"],
            listed=is_ragged(y),
            n_steps=longest if shortest == longest else None,
            n_known=0 if known is None else known.values.shape[1],
        )
        return self._steps(targets, 0, known), form

    def _read_known(self, decoder_inputs, series, last):
        """The known inputs of all steps, of as many features as in the `last` fit."""
        known = None
        n_known = 0
        if decoder_inputs is not None:
            known = numbers_at_steps(decoder_inputs, series, "decoder_inputs", series.values.dtype)
            n_known = known.values.shape[1]
        if last is not None and n_known != last.n_known:
            raise ValueError(
                f"decoder_inputs must have {last.n_known} features a step, as in fit; got {n_known}."
            )
        return known

    def _count_steps(self, n_steps, known, series):
        """Steps to predict for each sequence."""
        if n_steps is None and known is not None:
            return known.lengths
        n_steps = self._fitted.targets.n_steps if n_steps is None else n_steps
        if n_steps is None:
            raise ValueError(
                "n_steps must be given, since the targets of fit had several lengths; got None."
            )
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

    def predict(
        self, X: SequencesLike, n_steps: Any = None, decoder_inputs: Any = None
    ) -> TargetsLike:
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
        series = self._read_fitted(X)
        form = self._fitted.targets
        network = self._fitted.network
        known = self._read_known(decoder_inputs, series, form)
        lengths = self._count_steps(n_steps, known, series)
        nothing = np.zeros((lengths.sum(), network.n_outputs), network.dtype)
        steps = self._steps(Series.end_to_end(nothing, lengths), 0, known)
        rows = self._pairs(series, steps, np.ones(len(series)), self._fitted.settings)
        rows = self._in_steps(rows, self._fitted.settings)
        said = form.decoded(self._outputs_of(rows, series))
        if form.listed or (lengths != lengths[0]).any():
            return parts(said, lengths)
        return said.reshape(len(series), lengths[0], *said.shape[1:])

    def score(
        self,
        X: SequencesLike,
        y: TargetsLike,
        sample_weight: NumbersLike | None = None,
        decoder_inputs: Any = None,
    ) -> float:
        """R^2 over all steps of all sequences, the mean over outputs.

        Parameters
        ----------
        X, y, sample_weight, decoder_inputs
            As in `fit`.

        Returns
        -------
        score : float
        """
        series = self._read_fitted(X)
        truth = numbers_at_steps(y, series, "y", np.float64)
        n_outputs = self._fitted.network.n_outputs
        if truth.values.shape[1] != n_outputs:
            raise ValueError(
                f"y must have {n_outputs} outputs, as in fit; got {truth.values.shape[1]}."
            )
        said = self.predict(X, truth.lengths, decoder_inputs)
        said = np.concatenate(list(said)).reshape(truth.values.shape)
        weights = np.repeat(check_weight(sample_weight, series), truth.lengths)  # pyright: ignore[reportCallIssue]
        return r2_score(truth.values, said, sample_weight=weights)


def check_steps(known, lengths):
    """Raise a sentence for known inputs of more or fewer steps than the target."""
    if known is not None and (known.lengths != lengths).any():
        i = int((known.lengths != lengths).argmax())
        raise ValueError(
            f"decoder_inputs of {known.name(i)} must have as many steps as its target, {lengths[i]}; got "
            f"{known.lengths[i]}."
        )
