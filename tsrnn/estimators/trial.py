"""What suits the sequences: networks of each choice learn from a part of them and are judged on the rest.

Successive halving (Jamieson & Talwalkar 2016): after each fold the better half goes on to the next one.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.data.augmentation import named
from tsrnn.estimators.auto import is_auto, segment_for
from tsrnn.estimators.plan import workspaces_of
from tsrnn.estimators.splitting import folds, labels_of
from tsrnn.progress import Line
from tsrnn.training.loop import Watch, mean_loss, train
from tsrnn.training.side_by_side import side_by_side

N_FOLDS = 3
N_ROUNDS = 2  # folds that are tried
LEAST = 60  # sequences without which there is no trial: fewer tell too little
MOST = 1024  # sequences that it looks at
SHARE = 6  # of the epochs of a network, one in so many
N_KEPT = 4
TOLERANCE = 1.2  # times the lowest loss; what is worse is not kept
MOST_VARIED = 10_000  # sequences: more vary enough


class Choice(NamedTuple):
    """What a network is made with where a user leaves it open."""

    cell: str
    n_layers: int
    bidirectional: bool
    segment: int
    pooling: str
    augment: tuple | str | None

    @classmethod
    def of(cls, settings, last):
        """What is set, and of what is left open what was chosen the last time."""
        return cls(
            *((last if is_auto(settings[name]) else settings)[name] for name in cls._fields)
        ).hashable()

    def hashable(self):
        return self._replace(
            augment=tuple(self.augment) if isinstance(self.augment, list) else self.augment
        )


class Way(NamedTuple):
    """A choice for sequences of any length, of which a typical longer one has so many steps."""

    n_steps: int
    n_layers: int
    pooling: str
    augment: tuple | None


VARIED = "scale", "shift"
OF_CLASSES = (
    Way(64, 2, "max", VARIED),
    Way(64, 1, "max", VARIED),
    Way(32, 1, "max", VARIED),
    Way(64, 2, "attention", VARIED),
    Way(64, 2, "max", None),
    Way(32, 2, "last", None),
)
# Values say how large a target is, so they are left as they are.
OF_NUMBERS = (
    Way(32, 1, "last", None),
    Way(32, 2, "last", None),
    Way(32, 1, "attention", None),
    Way(32, 1, "max", None),
    Way(32, 2, "mean", None),
    Way(64, 2, "max", None),
)


def choices_for(ways, settings, lengths):
    """Choices worth a trial, the first the likeliest; what is set is kept."""
    kept = {name: settings[name] for name in Choice._fields if not is_auto(settings[name])}
    # the gradient runs through single steps of one direction
    in_pieces = settings["bptt_steps"] is not None
    found = []
    for way in ways:
        choice = Choice(
            cell="gru" if settings["activation"] == "tanh" else "rnn",
            n_layers=max(way.n_layers, 2 if settings["dropout"] else 1),
            bidirectional=not in_pieces,
            segment=1 if in_pieces else segment_for(lengths, way.n_steps),
            pooling="last" if in_pieces else way.pooling,
            augment=way.augment if len(lengths) <= MOST_VARIED else None,
        )
        found.append(choice._replace(**kept).hashable())
    return list(dict.fromkeys(found))


def for_network(learnable, choice, number=0):
    """What the network of that number learns from, made with a choice."""
    seed = [learnable.seed, number] if number else learnable.seed
    return learnable._replace(settings=learnable.settings | choice._asdict(), seed=seed)


def trial_of(estimator, learnable, choices, n_threads):
    """A table of choices and their losses, and those to keep, the best first; all and no table if there is no trial."""
    if len(choices) == 1 or len(learnable.rows) < LEAST:
        return None, choices
    line = Line() if learnable.recipe.verbose else None
    recipe = replace(learnable.recipe, early_stopping=False, verbose=0, n_jobs=1)
    learnable = learnable._replace(recipe=recipe, held_out=None)
    try:
        losses, left = halved(estimator, learnable, choices, n_threads, line)
    finally:
        if line:
            line.end()
    means = losses[left].mean(axis=1)
    kept = left[means <= TOLERANCE * means.min()][: estimator.n_networks]
    return table_of(choices, losses, kept), [choices[i] for i in kept]


def halved(estimator, learnable, choices, n_threads, line):
    """Losses of choices in folds, NaN where not tried, and places of those that were tried in all, the best first."""
    labels = labels_of(learnable.rows, learnable.targets)
    losses = np.full((len(choices), N_ROUNDS), np.nan)
    left = np.arange(len(choices))
    parts = folds(len(learnable.rows), labels, N_FOLDS, MOST, learnable.seed)[:N_ROUNDS]
    for number, fold in enumerate(parts):
        if line:
            share = number / N_ROUNDS
            line.show(f"trial of {len(left)} choices, fold {number + 1} of {N_ROUNDS}", share)
        works = [
            partial(held_out_loss, estimator, for_network(learnable, choices[i]), fold)
            for i in left
        ]
        losses[left, number], interrupted = side_by_side(works, n_threads)
        if interrupted:
            raise KeyboardInterrupt  # nothing is learnt
        best_first = left[losses[left, : number + 1].mean(axis=1).argsort(kind="stable")]
        left = best_first[: max(N_KEPT, -(-len(left) // 2))]
    return losses, left


def held_out_loss(estimator, learnable, fold, stop):
    """The loss of the second part of a fold after learning from the first."""
    seen, unseen = fold
    plan = estimator._plan(None, learnable._replace(rows=learnable.rows.select(seen)))
    fitted = plan.fitted
    recipe = replace(plan.recipe, max_iter=-(-plan.recipe.max_iter // SHARE))
    train(fitted.network, fitted.theta, plan.rows, recipe, plan.rng, Watch(stop=stop))
    rest = estimator._in_steps(learnable.rows.select(unseen), learnable.settings)
    workspaces = workspaces_of(fitted, type(estimator).__name__)
    return mean_loss(fitted.network, fitted.theta, rest, recipe, workspaces)


def table_of(choices, losses, kept):
    """Every choice, its mean loss over the folds that it was judged on, and whether it was kept; the best first."""
    table = pd.DataFrame(choices)
    table = table.assign(
        augment=[", ".join(named(one)) for one in table["augment"]],
        loss=np.nanmean(losses, axis=1),
        n_folds=np.isfinite(losses).sum(axis=1),
        kept=np.isin(np.arange(len(choices)), kept),
    )
    best_first = ["kept", "n_folds", "loss"]
    return table.sort_values(best_first, ascending=[False, False, True], ignore_index=True)
