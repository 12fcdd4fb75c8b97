"""Sequences to train on, and sequences to hold out."""

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from tsrnn.estimators.fitted import Classes


def labels_of(rows, targets):
    """The class of each row as a number, None where targets are no classes."""
    return targets.codes(rows.targets) if isinstance(targets, Classes) else None


def count_of_rarest(labels):
    return np.unique(labels, return_counts=True)[1].min()


def split(n, labels, fraction, seed):
    """Places of both parts, classes in proportion where there are enough of each."""
    n_held_out = max(1, round(fraction * n))
    if n - n_held_out < 1:
        raise ValueError(f"early_stopping needs at least two sequences, one to hold out; got {n}.")
    stratify = (
        labels
        if labels is not None
        and count_of_rarest(labels) > 1
        and len(set(labels)) <= min(n_held_out, n - n_held_out)
        else None
    )
    return train_test_split(
        np.arange(n), test_size=n_held_out, random_state=seed, stratify=stratify
    )


def folds(n, labels, n_folds, most, seed):
    """Places of both parts, for each fold, of `most` sequences at most; classes as in `split`."""
    rng = np.random.RandomState(seed)
    places = np.sort(rng.permutation(n)[:most])
    splitter = KFold(n_folds, shuffle=True, random_state=rng)
    if labels is not None:
        labels = labels[places]
        if count_of_rarest(labels) >= n_folds:
            splitter = StratifiedKFold(n_folds, shuffle=True, random_state=rng)
    return [(places[seen], places[unseen]) for seen, unseen in splitter.split(places, labels)]
