"""Networks trained side by side on one panel."""

import threading
import time
import warnings
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.forecasting.plan import Plan
from tsrnn.forecasting.series_weights import series_weights
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.progress import Line
from tsrnn.training.config import TrainingConfig
from tsrnn.training.loop import Watch, train

LEAST_BATCH = 256  # windows of an update that may be more than there are
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


class Progress:
    """How far the training of all networks is, on one line, and whether Ctrl-C ended it."""

    def __init__(self, n_epochs, verbose):
        self.n_epochs = n_epochs
        self.done = []
        self.interrupted = threading.Event()
        self.line = Line() if verbose else None
        self.begin = time.monotonic()

    def of(self, network, n_epochs):
        """What a network calls after each of its epochs."""

        def on_epoch(epoch):
            self.done.append(epoch)
            if self.line:
                share = len(self.done) / self.n_epochs
                left = (time.monotonic() - self.begin) * (1 / share - 1)
                where = f"{network}, epoch {epoch + 1} of {n_epochs}"
                self.line.show(f"training {share:4.0%}, {left:.0f} s left: {where}", share)

        return on_epoch

    def end(self, failed):
        """After some networks; the line ends with the last of them, or with those that failed."""
        share = len(self.done) / self.n_epochs
        if self.line and (failed or self.interrupted.is_set() or share >= 1):
            self.line.show(f"training {share:.0%}", share)
            self.line.end()


def train_members(adjusted, sees_gaps, jobs, n_steps, progress, label="network"):
    """A network for each job, side by side; `label` is what the line of progress calls them.

    Ctrl-C stops them all; those that have learnt something are kept, with a warning, and where there is none it goes
    on to the caller. Whatever else goes wrong, in a network or with the caller, stops them all and goes on.
    """
    setting = adjusted.setting
    kinds = {job.plan.deseasonalize for job in jobs}
    scales = {kind: adjusted.scale(kind) for kind in kinds}  # made before threads ask for them
    weights = series_weights(scales[min(kinds)].z, setting.season_length)
    stop = threading.Event()

    def work(number, job):
        rows = adjusted.windows(job.plan, sees_gaps).for_training(0, weights)
        # more would only draw them again
        batch_size = min(setting.batch_size, max(len(rows.stops), LEAST_BATCH))
        rows = replace(rows, n_draws=EPOCH * batch_size)
        on_epoch = progress.of(f"{label} {number} of {len(jobs)}", epochs(n_steps))
        return train_member(rows, job, n_steps, setting, on_epoch, stop=stop.is_set)

    threads = ThreadPoolExecutor(min(setting.n_threads, len(jobs)))
    running = []
    members = []
    try:
        running += [threads.submit(work, number, job) for number, job in enumerate(jobs, start=1)]
        members = results_of(running)
    except KeyboardInterrupt:
        stop.set()
        progress.interrupted.set()
        found = [
            job.start if network.cancel() else network.result()
            for network, job in zip(running, jobs)
        ]
        members = [member for member in found if member is not None]
        if all(member is job.start for member, job in zip(found, jobs)):
            raise  # nothing is learnt
        warn_of_interrupt(members, jobs, n_steps)
    finally:
        stop.set()
        threads.shutdown(cancel_futures=True)
        progress.end(failed=not members)
    return members


def results_of(running):
    """What threads return, or the first exception that one of them raises."""
    left = running
    while left:
        # without an end Ctrl-C would not be heard
        done, left = wait(left, timeout=0.1, return_when=FIRST_EXCEPTION)
        for network in done:
            network.result()
    return [network.result() for network in running]


def warn_of_interrupt(members, jobs, n_steps):
    done = min(sum(len(member.loss_curve) for member in members) * EPOCH // len(members), n_steps)
    warnings.warn(
        f"fit was interrupted after {done} steps of {n_steps}; the weights so far of {len(members)} of "
        f"{len(jobs)} networks are kept.",
        InterruptedFitWarning,
        stacklevel=7,
    )


def train_member(windows, job, n_steps, setting, on_epoch, stop):
    """The network of a job, trained; its start if it was to stop before it had learnt anything."""
    rng = np.random.default_rng(job.seed)
    network, theta = windows.new_network(job.cell, setting.hidden_size, rng, setting.n_blocks)
    if job.start is not None:
        theta = job.start.theta.copy()
    recipe = TrainingConfig(
        loss="pinball" if setting.quantiles else "absolute",
        loss_parameters=tuple((quantile,) for quantile in (0.5, *setting.quantiles)),
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
