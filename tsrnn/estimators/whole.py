"""One target for a whole sequence: what the two estimators share."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from tsrnn.data.series import truncate_series
from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.budget import AUTO
from tsrnn.estimators.fitted import reweighted
from tsrnn.networks.network import POOLINGS, Network
from tsrnn.rules.losses import LOSSES
from tsrnn.validation import BOOLEAN, POSITIVE_INT, OneOf

SHORT = 48  # steps of a sequence that is read step by step
# Steps of a typical longer sequence, after its values stand side by side, and pooling: of the first network, the
# second, and so on, and round again. Networks that see sequences in several ways err in several ways.
WAYS = ((32, "last"), (32, "mean"), (64, "last"), (16, "last"))


@dataclass(kw_only=True, eq=False, repr=False)
class BaseWhole(BaseRecurrent):
    """Rows of X are sequences, each with one target."""

    cell: str = "gru"
    bidirectional: bool | str = AUTO
    segment: int | str = AUTO
    pooling: str = AUTO
    standardize: bool = True
    n_networks: int = 1

    # what these mean of files that lack them
    _before = {"segment": 1, "pooling": "last", "standardize": False, "n_networks": 1}
    _number = 0  # of a network among several
    _constraints = BaseRecurrent._constraints | {
        "bidirectional": [BOOLEAN, OneOf(AUTO)],
        "segment": [POSITIVE_INT, OneOf(AUTO)],
        "pooling": [OneOf(AUTO, *POOLINGS)],
        "standardize": [BOOLEAN],
        "n_networks": [POSITIVE_INT],
    }

    def _choose(self, settings, series):
        n_steps, pooling = WAYS[self._number % len(WAYS)]
        if settings["bidirectional"] == AUTO:
            settings["bidirectional"] = settings["bptt_steps"] is None
        if settings["pooling"] == AUTO:
            settings["pooling"] = pooling
        if settings["segment"] == AUTO:
            cut = settings["max_length"], settings["truncate"]
            _, lengths = truncate_series(series.starts, series.lengths, *cut)
            settings["segment"] = 1 if settings["bptt_steps"] else segment_for(lengths, n_steps)

    def _rows(self, series, targets, weights, settings):
        return super()._rows(series, targets, weights, settings).in_segments(settings["segment"])

    def _make_network(self, form, targets, settings):
        noise = {name: settings[name] for name in ("dropout", "output_dropout", "pooling")}
        return Network(**form._asdict(), **noise)

    # Several networks

    def _fit_from(self, last, given, changes=None, watched=None):
        if self.n_networks == 1 and not (last and last.others):
            return super()._fit_from(last, given, changes, watched)
        before = [None] * self.n_networks if last is None else last.members
        if len(before) != self.n_networks:
            raise ValueError(
                f"{type(self).__name__} must go on with the {len(before)} networks it was fitted with; got "
                f"n_networks={self.n_networks}."
            )
        members = []
        for number, known in enumerate(before):
            member = self._member(number)
            BaseRecurrent._fit_from(member, known, given, changes, watched)
            members.append(member._fitted)
            if member._fitted.history.cut_short:
                break  # by Ctrl-C or a callback: the others are not begun
        first, *others = members
        settings = first.settings | {"n_networks": self.n_networks}
        self._keep(replace(first, settings=settings, others=tuple(others)))
        return self

    def _member(self, number):
        """An estimator of one network, the first with the same random numbers and callbacks as if it were alone."""
        member = copy(self)
        member.n_networks = 1
        member._number = number
        if number:
            vars(member).pop("_skl_callbacks", None)
            if not isinstance(self.random_state, np.random.RandomState | None):
                seeds = np.random.SeedSequence([int(self.random_state), number])
                member.random_state = int(seeds.generate_state(1)[0])
        return member

    def _outputs_for(self, series, fitted=None):
        """Outputs of the network; of several, those of the mean of their predictions."""
        fitted = fitted or self._fitted
        if not fitted.others:
            return super()._outputs_for(series, fitted)
        loss = LOSSES[fitted.loss]
        found = [super(BaseWhole, self)._outputs_for(series, one) for one in fitted.members]
        if loss.softmax:
            found = [softmax(outputs, axis=1) for outputs in found]
        else:
            found = [loss.link.prediction(outputs) for outputs in found]
        mean = np.mean(found, axis=0, dtype=np.float64)
        low = loss.least + np.finfo(np.float32).tiny
        high = loss.most - np.finfo(np.float64).eps
        return loss.link.output(np.clip(mean, low, high))

    def _weights(self):
        several = self._fitted.settings["n_networks"] > 1
        found = [member.network.to_weights(member.theta) for member in self._fitted.members]
        return found if several else found[0]

    def _reweighted(self, weights):
        fitted = self._fitted
        if fitted.settings["n_networks"] == 1:
            return super()._reweighted(weights)
        if not isinstance(weights, list) or len(weights) != len(fitted.members):
            raise ValueError(
                f"weights must be a list of {len(fitted.members)} mappings, one for each network; got {len(weights)} "
                f"in a {type(weights).__name__}."
            )
        pairs = zip(fitted.members, weights, strict=True)
        first, *others = (reweighted(member, part) for member, part in pairs)
        return replace(first, others=tuple(others))


def segment_for(lengths, n_steps):
    """Values that make a step, so that a typical sequence has about that many; one of short sequences."""
    typical = int(np.median(lengths))
    return 1 if typical <= SHORT and n_steps > SHORT // 2 else -(-typical // n_steps)
