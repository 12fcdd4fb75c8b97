"""One target for a whole sequence: what the two estimators share."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import softmax

from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.budget import AUTO
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
            longest = int(series.lengths.max())
            lengths = np.minimum(series.lengths, min(settings["max_length"] or longest, longest))
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
        before = [None] * self.n_networks if last is None else [last, *last.others]
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

    def _outputs_for(self, series):
        """Outputs of the network; of several, those of the mean of their predictions."""
        fitted = self._fitted
        if not fitted.others:
            return super()._outputs_for(series)
        loss = LOSSES[fitted.loss]
        found = [self._outputs_of_member(one, series) for one in (fitted, *fitted.others)]
        if loss.softmax:
            found = [softmax(outputs, axis=1) for outputs in found]
        else:
            found = [loss.link.prediction(outputs) for outputs in found]
        mean = np.mean(found, axis=0)
        tiny = np.finfo(np.float32).tiny
        eps = np.finfo(np.float64).eps
        low = -np.inf if loss.least == -np.inf else loss.least + tiny
        return loss.link.output(np.clip(mean, low, loss.most - eps if loss.most < np.inf else None))

    def _outputs_of_member(self, fitted, series):
        none = np.empty((len(series), 0), series.values.dtype)
        rows = self._rows(series, none, none, fitted.settings)
        return self._outputs_of(rows, series, fitted).astype(np.float64)

    @property
    def weights_(self) -> Any:
        """Dict of arrays with the names, shapes and gate order of torch's recurrent layers, and the head's
        `weight_ho`, `bias_ho`; with `n_networks` > 1 a list of such dicts.
        """
        first = super().weights_
        others = [one.network.to_weights(one.theta) for one in self._fitted.others]
        return [first, *others] if self._fitted.settings["n_networks"] > 1 else first

    def set_weights(self, weights: Any) -> Any:
        """Replace the fitted weights.

        Parameters
        ----------
        weights : mapping of str to array-like, or list of such
            As `weights_`; anything that `numpy.asarray` takes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a name is missing or unknown, a shape differs, or a number is not finite.
        """
        if not hasattr(self, "_fitted") or not self._fitted.others:
            return super().set_weights(weights)
        members = (self._fitted, *self._fitted.others)
        if not isinstance(weights, list) or len(weights) != len(members):
            raise ValueError(
                f"weights must be a list of {len(members)} mappings, one for each network; got {len(weights)} "
                f"in a {type(weights).__name__}."
            )
        first, *others = (self._with_weights(*pair) for pair in zip(members, weights, strict=True))
        self._fitted = replace(first, others=tuple(others))
        return self


def segment_for(lengths, n_steps):
    """Values that make a step, so that a typical sequence has about that many; one of short sequences."""
    typical = int(np.median(lengths))
    return 1 if typical <= SHORT and n_steps > SHORT // 2 else -(-typical // n_steps)
