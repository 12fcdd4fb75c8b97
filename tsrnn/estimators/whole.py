"""One target for a whole sequence: what the two estimators share."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from tsrnn.backends.devices import backend_of
from tsrnn.data.augmentation import AUGMENTATIONS, named, varied
from tsrnn.estimators.auto import AUTO
from tsrnn.estimators.base import BaseRecurrent
from tsrnn.estimators.budget import budgeted
from tsrnn.estimators.fitted import reweighted
from tsrnn.estimators.several import Work, train_all
from tsrnn.estimators.trial import Choice, choices_for, for_network, trial_of
from tsrnn.networks.network import POOLINGS, Network
from tsrnn.progress import Progress
from tsrnn.rules.cells import offered_cells
from tsrnn.rules.losses import LOSSES
from tsrnn.training.side_by_side import n_beside
from tsrnn.validation import BOOLEAN, POSITIVE_INT, OneOf, Registered, SomeOf


@dataclass(kw_only=True, eq=False, repr=False)
class BaseWhole(BaseRecurrent):
    """Rows of X are sequences, each with one target."""

    cell: str = AUTO
    n_layers: int | str = AUTO
    bidirectional: bool | str = AUTO
    segment: int | str = AUTO
    pooling: str = AUTO
    augment: str | tuple | None = AUTO
    standardize: bool = True
    n_networks: int = 4

    _n_updates = 1000
    _ways = ()  # choices that are tried
    # what these mean of files that lack them
    _before = {
        "segment": 1,
        "pooling": "last",
        "augment": None,
        "standardize": False,
        "n_networks": 1,
    }
    _constraints = BaseRecurrent._constraints | {
        "cell": [Registered(offered_cells, AUTO)],
        "n_layers": [POSITIVE_INT, OneOf(AUTO)],
        "bidirectional": [BOOLEAN, OneOf(AUTO)],
        "segment": [POSITIVE_INT, OneOf(AUTO)],
        "pooling": [OneOf(AUTO, *POOLINGS)],
        "augment": [OneOf(None, AUTO), SomeOf(*AUGMENTATIONS)],
        "standardize": [BOOLEAN],
        "n_networks": [POSITIVE_INT],
    }

    def _in_steps(self, rows, settings):
        return rows.in_segments(settings["segment"])

    def _rows_for_epoch(self, rows, fitted, rng):
        names = named(fitted.settings["augment"])
        return varied(rows, names, fitted.inputs.n_features, rng) if names else rows

    def _make_network(self, form, targets, settings):
        noise = {name: settings[name] for name in ("dropout", "output_dropout", "pooling")}
        return Network(**form._asdict(), **noise)

    # Several networks

    def _learn(self, last, learnable, shown, whole):
        """Train a network for each choice, side by side; which choices, a trial says."""
        settings = learnable.settings
        if last is None:
            choices = choices_for(self._ways, settings, learnable.rows.lengths)
            trial = None
            if whole:
                trial, choices = trial_of(self, learnable, choices, self._n_beside())
            choices = [choices[i % len(choices)] for i in range(self.n_networks)]
            before = [None] * self.n_networks
        else:
            trial = last.trial
            fitted = last.members
            if self.n_networks < len(fitted):
                raise ValueError(
                    f"n_networks of {type(self).__name__} must be at least {len(fitted)}, the networks that training "
                    f"goes on with; got {self.n_networks}."
                )
            choices = [Choice.of(settings, one.settings) for one in fitted]
            # those that Ctrl-C did not let begin
            missing = range(self.n_networks - len(fitted))
            before = [*fitted, *(None for _ in missing)]
            choices += [choices[i % len(fitted)] for i in missing]
        jobs = [
            (one, for_network(learnable, choice, number))
            for number, (one, choice) in enumerate(zip(before, choices))
        ]
        learnt, plan = self._train_all(jobs, shown)
        if whole:
            self._warn(plan, last)
        first, *others = (member.finished() for member in learnt)
        settings = first.settings | {"n_networks": self.n_networks}
        return replace(first, settings=settings, others=tuple(others), trial=trial)

    def _train_all(self, jobs, shown):
        """What the networks have learnt, and the plan of the first."""
        if len(jobs) == 1:
            plan = self._plan(*jobs[0])
            self._train(plan, shown)
            return [plan.fitted], plan
        learnable = jobs[0][1]
        n_epochs = budgeted(learnable.recipe, learnable.rows, self._n_updates).max_iter
        progress = Progress(len(jobs) * n_epochs, self.verbose)
        return train_all(Work(self, jobs, shown, n_epochs, progress), self._n_beside())

    def _n_beside(self):
        """Networks trained side by side."""
        return n_beside(self.n_jobs, backend_of(self.device, type(self).__name__, self.precision))

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
        if not isinstance(weights, (list, tuple)) or len(weights) != len(fitted.members):
            n = f"{len(weights)} in " if hasattr(weights, "__len__") else ""
            raise ValueError(
                f"weights must be a list of {len(fitted.members)} mappings, one for each network; got {n}a "
                f"{type(weights).__name__}."
            )
        pairs = zip(fitted.members, weights, strict=True)
        first, *others = (reweighted(member, part) for member, part in pairs)
        return replace(first, others=tuple(others))
