"""Networks trained side by side on one panel, and the median of what they forecast, mixed with Theta's forecast."""

import threading
import time
import warnings
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs

from tsrnn.backends import cpu
from tsrnn.backends.devices import backend_of
from tsrnn.encoder_decoder import EncoderDecoder
from tsrnn.exceptions import DivergenceError, InterruptedFitWarning
from tsrnn.forecasting.adjustment import Adjustment
from tsrnn.forecasting.decoders import DECODERS
from tsrnn.forecasting.effects import effects_of
from tsrnn.forecasting.importance import importance, naive_errors, typical_of
from tsrnn.forecasting.plan import Plan
from tsrnn.forecasting.quantiles import blend, median
from tsrnn.forecasting.theta import theta
from tsrnn.network import Network
from tsrnn.progress import Line
from tsrnn.propagation import Rooms, predict
from tsrnn.training import Recipe, train

LEAST_BATCH = 256  # windows of an update that may be more than there are
EPOCH = 20  # updates between two entries of a loss curve


def epochs(n_steps):
    return -(-n_steps // EPOCH)


@dataclass(frozen=True)
class Setting:
    """What the networks of a forecaster share; the words are its own."""

    h: int
    decoder: str
    season_length: int
    log: bool | str
    scale: bool | str
    difference: bool
    hidden_size: int
    learning_rate_init: float
    batch_size: int
    alpha: float
    clip_norm: float | None
    n_jobs: int | None
    device: str
    precision: str
    quantiles: tuple = ()
    typical: float | None = None  # naive error of a series of the panel that was fitted
    effects: np.ndarray | None = None  # of covariates known in the future

    @property
    def n_blocks(self):
        """The point forecast and each quantile."""
        return 1 + len(self.quantiles)

    @property
    def n_threads(self):
        """One on a GPU, where all launches go to one stream."""
        on_cpu = backend_of(self.device, "RNNForecaster", self.precision) is cpu
        return effective_n_jobs(self.n_jobs or -1) if on_cpu else 1

    def with_typical(self, histories):
        """With the naive error that is typical of these series."""
        z = Adjustment.of(histories.series, 1, self.log, False).forward(histories.series)
        return replace(self, typical=typical_of(naive_errors(z, self.season_length)))

    def with_effects(self, histories):
        """As these series tell them."""
        if histories.future is None:
            return self
        z = self.adjustment(histories, False).forward(histories.series)
        return replace(self, effects=effects_of(z, histories.masks, histories.future, self.season_length))

    def adjustment(self, histories, deseasonalize):
        effects = None if self.effects is None else [part @ self.effects for part in histories.future]
        return Adjustment.of(
            histories.series,
            self.season_length,
            self.log,
            deseasonalize=deseasonalize,
            effects=effects,
            scale=self.scale,
            typical=self.typical,
        )

    def seen(self, z):
        """What networks see of adjusted series."""
        return [np.diff(one, prepend=one[0]) for one in z] if self.difference else z

    def summed(self, z, blocks):
        """Forecasts of what networks see as forecasts of adjusted series."""
        return np.array([one[-1] for one in z])[:, None] + blocks.cumsum(axis=2) if self.difference else blocks

    def n_seen(self, plans, h):
        """Steps of the future that a forecast of `h` looks at: of each horizon all, and of its last segment."""
        ways = [DECODERS[self.decoder](self.h, min(plan.segment, self.h)) for plan in plans]
        reach = max(-(-self.h // n_ahead) * n_ahead for _, n_ahead in ways)
        return (-(-h // self.h) - 1) * self.h + reach

    def windows(self, z, plan, histories, sees_gaps):
        beside = histories.masks if sees_gaps else None, *histories[2:]
        Rows, n_ahead = DECODERS[self.decoder](self.h, min(plan.segment, self.h))
        return Rows.at_ends(z, plan.window, plan.segment, plan.level, n_ahead, *beside)


@dataclass(frozen=True)
class Member:
    """A trained network and the plan it was trained for."""

    plan: Plan
    network: Network | EncoderDecoder
    theta: np.ndarray
    loss_curve: list
    sees_gaps: bool


class Job(NamedTuple):
    """A network to train, from random weights or from those of a `start`."""

    plan: Plan
    cell: str
    seed: int
    start: Member | None = None


class Course:
    """How far the training of all networks is, on one line, and whether Ctrl-C ended it."""

    def __init__(self, n_epochs, verbose):
        self.n_epochs, self.done, self.interrupted = n_epochs, [], threading.Event()
        self.line, self.begin = Line() if verbose else None, time.monotonic()

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


def train_members(histories, sees_gaps, jobs, n_steps, setting, course, label="network"):
    """A network for each job, side by side; `label` is what the line of progress calls them.

    Ctrl-C stops them all; those that have learnt something are kept, with a warning, and where there is none it goes
    on to the caller. Whatever else goes wrong, in a network or with the caller, stops them all and goes on.
    """
    kinds = {job.plan.deseasonalize for job in jobs}
    z = {kind: setting.adjustment(histories, kind).forward(histories.series) for kind in kinds}
    weights = importance(z[min(kinds)], setting.season_length)
    stop = threading.Event()

    def work(number, job):
        windows = setting.windows(setting.seen(z[job.plan.deseasonalize]), job.plan, histories, sees_gaps)
        rows = windows.for_training(0, weights)
        batch_size = min(setting.batch_size, max(len(rows.stops), LEAST_BATCH))  # more would only draw them again
        rows = replace(rows, n_draws=EPOCH * batch_size)
        on_epoch = course.of(f"{label} {number} of {len(jobs)}", epochs(n_steps))
        return train_member(rows, job, n_steps, setting, on_epoch, stop=stop.is_set)

    threads, running, members = ThreadPoolExecutor(min(setting.n_threads, len(jobs))), [], []
    try:
        running += [threads.submit(work, *job) for job in enumerate(jobs, start=1)]
        members = results_of(running)
    except KeyboardInterrupt:
        stop.set()
        course.interrupted.set()
        found = [job.start if network.cancel() else network.result() for network, job in zip(running, jobs)]
        members = [member for member in found if member is not None]
        if all(member is job.start for member, job in zip(found, jobs)):
            raise  # nothing is learnt
        warn_of_interrupt(members, jobs, n_steps)
    finally:
        stop.set()
        threads.shutdown(cancel_futures=True)
        course.end(failed=not members)
    return members


def results_of(running):
    """What threads return, or the first exception that one of them raises."""
    left = running
    while left:
        done, left = wait(left, timeout=0.1, return_when=FIRST_EXCEPTION)  # without an end Ctrl-C would not be heard
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
    network, theta = windows.beginning(job.cell, setting.hidden_size, rng, setting.n_blocks)
    if job.start is not None:
        theta = job.start.theta.copy()
    recipe = Recipe(
        loss="pinball" if setting.quantiles else "absolute",
        parameter=(0.5, *setting.quantiles),
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
    history = train(network, theta, windows, recipe, rng, on_epoch=on_epoch, stop=stop)
    if not history.loss_curve:
        return job.start
    return Member(job.plan, network, theta, history.loss_curve, windows.known is not None)


def outlook(histories, members, setting, share=0.0):
    """Median forecast (1 + n_quantiles, n_series, h) of some members, and a share of the Theta method's."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is said in a sentence
        forecasts = median(outlooks(histories, members, setting))
        if share:
            forecasts = blend(forecasts, theta_outlook(histories, setting), share)
    check_finite(forecasts, setting)
    return forecasts


def check_finite(forecasts, setting):
    """Weights that are finite need not give forecasts that are."""
    if not np.isfinite(forecasts).all():
        raise DivergenceError(
            "forecasts must be finite; got some that are not, as training diverged or the horizon is too long: try a "
            f"lower learning_rate_init (it was {setting.learning_rate_init:g}), a smaller clip_norm (it was "
            f"{setting.clip_norm}) or a smaller h."
        )


def theta_outlook(histories, setting):
    adjustment = setting.adjustment(histories, deseasonalize=setting.season_length > 1)
    return adjustment.inverse(theta(adjustment.forward(histories.series), setting.h))


def outlooks(histories, members, setting):
    """The forecast (1 + n_quantiles, n_series, h) of each member."""
    outputs, adjusted, backend = [], {}, backend_of(setting.device, "RNNForecaster", setting.precision)
    for member in members:
        plan = member.plan
        if plan.deseasonalize not in adjusted:
            adjustment = setting.adjustment(histories, plan.deseasonalize)
            adjusted[plan.deseasonalize] = adjustment, adjustment.forward(histories.series)
        adjustment, z = adjusted[plan.deseasonalize]
        blocks = z_outlook(histories._replace(series=setting.seen(z)), member, setting, backend)
        outputs.append(np.stack([adjustment.inverse(block) for block in setting.summed(z, blocks)]))
    return outputs


def z_outlook(histories, member, setting, backend):
    """The forecast (1 + n_quantiles, n_series, h) of adjusted series; where fewer values come at once, they are taken
    for known ones.
    """
    parts, everyone = [], np.arange(len(histories.series))
    while sum(part.shape[2] for part in parts) < setting.h:
        histories = histories.followed_by(parts[-1][0]) if parts else histories
        windows = setting.windows(histories.series, member.plan, histories, member.sees_gaps)
        rooms = Rooms(member.network.dtype, backend)
        z = predict(member.network, member.theta, windows, setting.n_threads, rooms=rooms).astype(np.float64)
        blocks = z.reshape(len(everyone), setting.n_blocks, -1).swapaxes(0, 1)
        parts.append(blocks + windows.levels(everyone)[:, None])
    return np.concatenate(parts, axis=2)[:, :, : setting.h]


def far_outlook(histories, members, setting, share, h):
    """Forecast of any horizon: beyond the trained one, forecasts are taken for values."""
    parts = [outlook(histories, members, setting, share)]
    while len(parts) * setting.h < h:
        histories = histories.followed_by(parts[-1][0])
        parts.append(outlook(histories, members, setting, share))
    return np.concatenate(parts, axis=2)[:, :, :h]
