"""Networks trained side by side on one panel."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.plan import Plan, is_of_few_seasons
from tsrnn.forecasting.series_weights import weights_of
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.training.config import TrainingConfig
from tsrnn.training.loop import Watch, train
from tsrnn.training.side_by_side import side_by_side

LEAST_BATCH = 64  # windows of an update that may be more than there are
POINT = 4.0  # times as much as a quantile
EPOCH = 20  # updates between two entries of a loss curve


def epochs(n_steps):
    return -(-n_steps // EPOCH)


@dataclass(frozen=True)
class Member:
    """A trained network and the plan it was trained for."""

    plan: Plan
    network: Network | EncoderDecoder
    theta: np.ndarray
    loss_curve: list
    sees_gaps: bool


class TrainingJob(NamedTuple):
    """A network to train, from random weights or from those of a `start`."""

    plan: Plan
    cell: str
    seed: int
    start: Member | None = None


def train_members(adjusted, sees_gaps, jobs, n_steps, progress, label="network"):
    """A network for each job, side by side; `label` is what the line of progress calls them.

    Ctrl-C stops them all; those that have learnt something are kept, as `progress.interrupted` says, and where there
    is none it goes on to the caller. Whatever else goes wrong, in a network or with the caller, stops them all and goes
    on.
    """
    setting = adjusted.setting
    few = is_of_few_seasons(np.median(adjusted.series.lengths), setting.h, setting.season_length)
    for job in jobs:
        adjusted.scale(*job.plan.scaling)  # made before threads ask for it
    weights = weights_of(adjusted)

    def work(number, job, stop):
        rows = adjusted.windows(job.plan, sees_gaps).for_training(0, weights, into_padding=few)
        # more would only draw them again
        batch_size = min(setting.batch_size, max(len(rows.stops), LEAST_BATCH))
        rows = replace(rows, n_draws=EPOCH * batch_size)
        on_epoch = progress.of(f"{label} {number} of {len(jobs)}", epochs(n_steps))
        return train_member(rows, job, n_steps, setting, on_epoch, stop)

    works = [partial(work, number, job) for number, job in enumerate(jobs, start=1)]
    members = []
    try:
        found, interrupted = side_by_side(works, setting.n_threads)
        if interrupted:
            found = [job.start if one is None else one for one, job in zip(found, jobs)]
        members = [member for member in found if member is not None]
        if interrupted:
            if all(member is job.start for member, job in zip(found, jobs)):
                raise KeyboardInterrupt  # nothing is learnt
            progress.interrupted = what_is_kept(members, jobs, n_steps)
    finally:
        progress.end_if_done(failed=not members)
    return members


def what_is_kept(members, jobs, n_steps):
    """After Ctrl-C, a sentence."""
    done = min(sum(len(member.loss_curve) for member in members) * EPOCH // len(members), n_steps)
    return (
        f"fit was interrupted after {done} steps of {n_steps}; the weights so far of {len(members)} of "
        f"{len(jobs)} networks are kept."
    )


def told_of(quantiles):
    """What the loss of each block is told: its quantile, and how much the point forecast counts beside the others."""
    if not quantiles:
        return ((0.5,),)
    return (0.5, 1.0, POINT), *((quantile,) for quantile in quantiles)


def train_member(windows, job, n_steps, setting, on_epoch, stop):
    """The network of a job, trained; its start if it was to stop before it had learnt anything."""
    rng = np.random.default_rng(job.seed)
    network, theta = windows.new_network(job.cell, setting.hidden_size, rng, setting.n_blocks)
    if job.start is not None:
        theta = job.start.theta.copy()
    recipe = TrainingConfig(
        loss="pinball" if setting.quantiles else "absolute",
        loss_parameters=told_of(setting.quantiles),
        learning_rate_init=setting.learning_rate_init,
        learning_rate="cosine",
        alpha=setting.alpha,
        clip_norm=setting.clip_norm,
        batch_size=windows.n_draws // EPOCH,
        max_iter=epochs(n_steps),
        max_steps=n_steps,
        tol=0.0,
        n_iter_no_change=n_steps,
        device=setting.device,
        precision=setting.precision,
    )
    history = train(network, theta, windows, recipe, rng, watch=Watch(on_epoch=on_epoch, stop=stop))
    if not history.loss_curve:
        return job.start
    return Member(job.plan, network, theta, history.loss_curve, windows.known is not None)
