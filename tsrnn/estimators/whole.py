"""One target for a whole sequence: what the two estimators share."""

from dataclasses import dataclass

import numpy as np

from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.budget import AUTO
from tsrnn.networks.network import POOLINGS, Network
from tsrnn.validation import BOOLEAN, POSITIVE_INT, OneOf

SHORT = 48  # steps of a sequence that is read step by step
STEPS = 32  # of a longer one, after its values stand side by side


@dataclass(kw_only=True, eq=False, repr=False)
class BaseWhole(BaseRecurrent):
    """Rows of X are sequences, each with one target."""

    cell: str = "gru"
    bidirectional: bool | str = AUTO
    segment: int | str = AUTO
    pooling: str = "last"
    standardize: bool = True

    _before = {"segment": 1, "pooling": "last", "standardize": False}  # of files that lack them
    _constraints = BaseRecurrent._constraints | {
        "bidirectional": [BOOLEAN, OneOf(AUTO)],
        "segment": [POSITIVE_INT, OneOf(AUTO)],
        "pooling": [OneOf(*POOLINGS)],
        "standardize": [BOOLEAN],
    }

    def _choose(self, settings, series):
        if settings["bidirectional"] == AUTO:
            settings["bidirectional"] = settings["bptt_steps"] is None
        if settings["segment"] == AUTO:
            longest = int(series.lengths.max())
            lengths = np.minimum(series.lengths, min(settings["max_length"] or longest, longest))
            settings["segment"] = 1 if settings["bptt_steps"] else segment_for(lengths)

    def _rows(self, series, targets, weights, settings):
        return super()._rows(series, targets, weights, settings).in_segments(settings["segment"])

    def _make_network(self, form, targets):
        noise = {"dropout": self.dropout, "output_dropout": self.output_dropout}
        return Network(**form._asdict(), **noise, pooling=self.pooling)


def segment_for(lengths):
    """Values that make a step: one of short sequences; of longer ones so many that a typical one has a few dozen."""
    typical = int(np.median(lengths))
    return 1 if typical <= SHORT else -(-typical // STEPS)
