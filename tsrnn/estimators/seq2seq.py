"""A sequence, of another length, for each sequence: what the two estimators share."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.data.labels import counts, index_of
from tsrnn.data.pairs import Pairs
from tsrnn.data.series import Series, check_scale
from tsrnn.data.steps import Steps
from tsrnn.estimators.auto import AUTO, is_auto, segment_for
from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.fitted import Inputs
from tsrnn.estimators.plan import keep_weighted
from tsrnn.estimators.targets import check_weight, codes_of, is_symbolic, labels_at_steps, owner_of
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.validation import POSITIVE_INT, Interval, OneOf, PairOf, Real

N_STEPS = 64  # of a typical longer sequence that the encoder reads
SHARE = Interval(Real, 0, 1, "both")


@dataclass(kw_only=True, eq=False, repr=False)
class BaseSeq2Seq(BaseRecurrent):
    """An encoder of numbers or symbols, and a decoder that is told while training what it should have said."""

    segment: int | str = AUTO
    teacher_forcing: float | tuple[float, float] = 1.0

    _n_updates = 3000
    _before = {"segment": 1}  # what it means of files that lack it
    _constraints = BaseRecurrent._constraints | {
        "segment": [POSITIVE_INT, OneOf(AUTO)],
        "teacher_forcing": [SHARE, PairOf(SHARE)],
    }

    _one_hot = False

    def _read(self, X, dtype, known=None):
        """Strings are symbols and become one-hot; all else is as everywhere."""
        if isinstance(X, str):
            raise ValueError("X must be a list of sequences; got one string: [X] is a list of it.")
        symbolic = is_symbolic(X)
        if known is not None and symbolic != (known.symbols is not None):
            wanted, got = ("numbers", "symbols") if symbolic else ("symbols", "numbers")
            raise ValueError(f"X must hold sequences of {wanted}, as in fit; got {got}.")
        if not symbolic:
            return super()._read(X, dtype, known)
        labels, lengths = labels_at_steps(X, lambda i: f"sequence {i}", "X")
        symbols = np.unique(labels) if known is None else known.symbols
        codes = codes_of(
            labels, symbols, "symbols of X", lambda i: f"sequence {owner_of(i, lengths)}"
        )
        index = index_of(X)
        names = None if index is None or counts(index) or not index.is_unique else index.to_list()
        series = Series.end_to_end(np.eye(len(symbols), dtype=dtype)[codes], lengths, names)
        return series, known or Inputs(len(symbols), len(symbols), symbols=symbols)

    def _learn(self, last, learnable, shown, whole):
        settings = learnable.settings
        if is_auto(settings["segment"]):
            lengths = learnable.rows.source.lengths
            chosen = last.settings["segment"] if last else segment_for(lengths, N_STEPS)
            learnable = learnable._replace(settings=settings | {"segment": chosen})
        return super()._learn(last, learnable, shown, whole)

    def _in_steps(self, rows, settings):
        """Rows whose sources the encoder reads in segments."""
        return rows.in_segments(settings["segment"])

    def _make_network(self, form, targets, settings):
        noise = {"dropout": self.dropout, "output_dropout": self.output_dropout}
        return EncoderDecoder(
            **form._asdict(), **noise, n_known=targets.n_known, one_hot=self._one_hot
        )

    def _recipe(self, targets, settings):
        recipe = super()._recipe(targets, settings)
        scheduled = isinstance(self.teacher_forcing, tuple)
        return replace(recipe, tol=-np.inf) if scheduled and not self.early_stopping else recipe

    def _steps(self, targets, first, known=None):
        """What the decoder is to write, and reads: what it said before, at first `first`, and what is known."""
        said = np.roll(targets.values, 1, axis=0)
        said[targets.starts] = first
        inputs = said if known is None else np.hstack([said, known.values])
        return Steps.whole(
            inputs, targets.starts, targets.lengths, targets.values, np.ones_like(targets.values)
        )

    def _scheduled(self, rows, recipe):
        share = self.teacher_forcing
        first, final = share if isinstance(share, tuple) else (share, share)
        return replace(rows, shares=iter(np.linspace(first, final, recipe.max_iter)))

    def _pairs(self, series, steps, weights, settings):
        """Rows of which each step of a target has the weight of its sequence; none of its inputs is as given, unless
        training says so.
        """
        weights = (
            steps.weights * np.repeat(weights.astype(steps.weights.dtype), steps.lengths)[:, None]
        )
        forced = np.zeros(len(weights), bool)
        return Pairs(self._sources(series, settings), replace(steps, weights=weights), forced)

    def _sources(self, series, settings):
        none = np.empty((len(series), 0), series.values.dtype)
        return self._rows(series, none, none, settings)

    def _examples(self, given, settings, last):
        known = dict(given.metadata)  # inputs of the decoder
        sample_weight = known.pop("sample_weight")
        series, inputs = self._read(given.X, np.dtype(settings["dtype"]), last and last.inputs)
        check_scale(series)
        weights = check_weight(sample_weight, series)
        y = series.aligned(given.y, "y")
        steps, form = self._encode(
            y, series, settings, last and last.targets, given.classes, **known
        )
        return (
            keep_weighted(self._pairs(series, steps, weights, settings), series),
            inputs,
            form,
        )
