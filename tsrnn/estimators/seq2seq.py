"""A sequence, of another length, for each sequence: what the two estimators share."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.batching import Pairs, Steps
from tsrnn.encoder_decoder import EncoderDecoder
from tsrnn.estimators.base import BaseRecurrent, with_weight
from tsrnn.estimators.targets import check_weight, codes_of, is_symbolic, labels_at_steps, owner_of
from tsrnn.series import Series, check_scale
from tsrnn.validation import Interval, PairOf, Real

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
