"""Several networks of one estimator, trained side by side."""

import warnings
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from tsrnn.estimators.convergence import level_of_caller
from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.progress import Progress
from tsrnn.training.side_by_side import side_by_side


class Work(NamedTuple):
    """What networks are trained with: the estimator, for each network what was fitted before and what it learns from,
    what callbacks may see, and the most epochs of one.
    """

    estimator: Any
    jobs: list
    shown: dict
    n_epochs: int
    progress: Progress


def train_all(work, n_threads):
    """What the networks have learnt that Ctrl-C let begin, and the plan of the first, to which callbacks belong.

    A callback may end the first network: it is trained alone then, and the others for as many epochs.
    """
    numbers = range(len(work.jobs))
    watched = int(hasattr(work.estimator, "_skl_callbacks"))
    plans = []
    try:
        found, interrupted = train(work, numbers[:watched], plans, n_threads)
        if not interrupted:
            most = (
                n_epochs_of(work, 0, found[0]) if watched and found[0].history.cut_short else None
            )
            rest, interrupted = train(work, numbers[watched:], plans, n_threads, most)
            found += rest
    finally:
        work.progress.end()
    learnt = [one for one in found if one is not None and one.history.loss_curve]
    if interrupted:
        if not learnt:
            raise KeyboardInterrupt
        warnings.warn(
            f"fit was interrupted; what {len(learnt)} of {len(work.jobs)} networks had learnt is kept.",
            InterruptedFitWarning,
            stacklevel=level_of_caller(),
        )
    return learnt, plans[0]


def train(work, numbers, plans, n_threads, most=None):
    """What some of the networks have learnt, None for those that have not begun, and whether Ctrl-C ended them."""
    if not numbers:
        return [], False
    return side_by_side([partial(train_one, work, i, plans, most) for i in numbers], n_threads)


def train_one(work, number, plans, most, stop):
    """What a network has learnt, in so many epochs at `most`; `plans` receives the plan of the first."""
    # here, so that few copies of the rows are there at a time
    plan = work.estimator._plan(*work.jobs[number])
    plan = plan._replace(recipe=replace(plan.recipe, verbose=0, n_jobs=1))
    if number == 0:
        plans.append(plan)
    told = work.progress.of(f"network {number + 1} of {len(work.jobs)}", work.n_epochs)

    def ends(epoch):
        told(epoch)
        return epoch + 1 == most

    learner = without_callbacks(work.estimator) if number else work.estimator
    learner._train(plan, work.shown, ends, stop)
    if not plan.fitted.history.cut_short:
        work.progress.skip(work.n_epochs - n_epochs_of(work, number, plan.fitted))
    return plan.fitted


def n_epochs_of(work, number, fitted):
    """Epochs of this training, without those before."""
    last, _ = work.jobs[number]
    return len(fitted.history.loss_curve) - (len(last.history.loss_curve) if last else 0)


def without_callbacks(estimator):
    silent = copy(estimator)
    vars(silent).pop("_skl_callbacks", None)
    return silent
