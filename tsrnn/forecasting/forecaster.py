"""The future of a panel of series, from a few networks, each trained on all of them."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsrnn.exceptions import InterruptedFitWarning
from tsrnn.forecasting.adjustment import Adjustment
from tsrnn.forecasting.frames import to_frame, to_panel
from tsrnn.forecasting.importance import importance
from tsrnn.forecasting.plan import Plan, plans_for, steps_for
from tsrnn.forecasting.times import called
from tsrnn.forecasting.trial import best, error, hold_out
from tsrnn.forecasting.windows import Windows
from tsrnn.network import Network
from tsrnn.progress import Line
from tsrnn.propagation import predict
from tsrnn.training import Recipe, train
from tsrnn.validation import (
    BOOLEAN,
    N_JOBS,
    POSITIVE_INT,
    RANDOM_STATE,
    Integral,
    Interval,
    OneOf,
    Real,
    check_parameters,
)

EPOCH = 20  # updates between two entries of a loss curve
TRIAL_STEPS = 300  # updates of a network that tries a plan
CELLS = "gru", "lstm"  # of networks in turn
AUTO = OneOf("auto")


def epochs(n_steps):
    return -(-n_steps // EPOCH)


class Course:
    """How far the training of all networks is, on one line, and whether Ctrl-C was pressed."""

    def __init__(self, n_epochs, verbose):
        self.n_epochs, self.done, self.interrupted = n_epochs, [], threading.Event()
        self.line = Line() if verbose else None

    def on_epoch(self, epoch):
        self.done.append(epoch)
        if self.line:
            self.line.show(f"training {len(self.done) / self.n_epochs:4.0%}")
        return self.interrupted.is_set()

    def end(self):
        """After the last network."""
        if self.line and (self.interrupted.is_set() or len(self.done) >= self.n_epochs):
            self.line.end()


@dataclass(frozen=True)
class Member:
    """A trained network and the plan it was trained for."""

    plan: Plan
    network: Network
    theta: np.ndarray
    loss_curve: list


@dataclass(kw_only=True, eq=False, repr=False)
class RNNForecaster(BaseEstimator):
    """Forecast every series of a panel with a few recurrent networks, each trained on all of them.

    A network reads the last `window` values before a cut, `segment` of them a step, as logarithms and less their
    last level; its last state h_T, and the window x itself through a linear map, give all `h` values after the cut:

        z = log y - season,    x = z - level,    y_hat = exp(level + W_ho [h_T, x] + b_ho + season)

    What is left on "auto" is tried: every plan of window, level and seasonal index forecasts the last `h` values of
    the panel, held out, and the best few are kept. The forecast is the median over `n_networks` networks that differ in
    plan, cell and random numbers, trained on all values. `h`, `freq` and `season_length` are all a newcomer gives.

    Parameters
    ----------
    h : int, default=12
        Horizon: steps to forecast.
    freq : str, int or None, default=None
        Distance of two steps, as a pandas alias or an integer; None infers it.
    season_length : int, default=1
        Steps of a season; 1 for none.
    cell : {"rnn", "gru", "lstm", "auto"}, default="auto"
        The recurrent cell; "auto" takes gru and lstm in turn.
    hidden_size : int, default=40
        Units of a network.
    window, segment, level : int or "auto", default="auto"
        Values a network sees, values of one step, and last values whose mean is the level.
    log : bool or "auto", default="auto"
        Whether to take logarithms; "auto" does for series without negative values.
    deseasonalize : bool or "auto", default="auto"
        Whether to take out each series' seasonal index, the median over its cycles, and put it back.
    n_networks : int, default=8
        Networks whose median is the forecast.
    max_steps : int or "auto", default="auto"
        Updates of each network; "auto" grows with the root of the number of values, from 400 to 2000.
    learning_rate_init : float, default=0.01
        Learning rate at the start; it falls to zero on a cosine.
    batch_size : int, default=256
        Windows of one update.
    alpha : float, default=0.0
        Weight decay; see `RNNRegressor`.
    clip_norm : float or None, default=1.0
        The gradient is scaled down to this norm.
    random_state : int, RandomState or None, default=None
        The same int gives the same bits, whatever `n_jobs`.
    n_jobs : int or None, default=None
        Threads that train networks side by side; None takes all cores.
    verbose : int, default=0
        1 shows one line of progress on stderr.

    Attributes
    ----------
    loss_curves_ : list of list of float
        Weighted mean absolute error on the networks' scale during training, one curve for each network.
    plans_ : list of Plan
        Window, segment, level and seasonal index in use, the best in the trial first.
    freq_ : str or int
        The frequency in use.

    Notes
    -----
    Direct multi-step forecasts from windows less their level follow Hewamalage, Bergmeir & Bandara (2021), steps of
    whole segments Lin et al. (2023, SegRNN).

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.datasets import load_airline
    >>> y = load_airline()
    >>> forecaster = RNNForecaster(h=12, season_length=12, max_steps=60, random_state=0).fit(y[:-12])
    >>> forecast = forecaster.predict()
    >>> bool((forecast / y[-12:] - 1).abs().mean() < 0.1)
    True
    """

    h: int = 12
    freq: str | int | None = None
    season_length: int = 1
    cell: str = "auto"
    hidden_size: int = 40
    window: int | str = "auto"
    segment: int | str = "auto"
    level: int | str = "auto"
    log: bool | str = "auto"
    deseasonalize: bool | str = "auto"
    n_networks: int = 8
    max_steps: int | str = "auto"
    learning_rate_init: float = 0.01
    batch_size: int = 256
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None
    verbose: int = 0

    _constraints = {
        "h": [POSITIVE_INT],
        "season_length": [POSITIVE_INT],
        "cell": [OneOf("rnn", "gru", "lstm", "auto")],
        "hidden_size": [POSITIVE_INT],
        "window": [POSITIVE_INT, AUTO],
        "segment": [POSITIVE_INT, AUTO],
        "level": [POSITIVE_INT, AUTO],
        "log": [BOOLEAN, AUTO],
        "deseasonalize": [BOOLEAN, AUTO],
        "n_networks": [POSITIVE_INT],
        "max_steps": [POSITIVE_INT, AUTO],
        "learning_rate_init": [Interval(Real, 0, closed="neither")],
        "batch_size": [POSITIVE_INT],
        "alpha": [Interval(Real, 0)],
        "clip_norm": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "random_state": RANDOM_STATE,
        "n_jobs": N_JOBS,
        "verbose": [Interval(Integral, 0), BOOLEAN],
    }

    def fit(self, df, id_col="unique_id", time_col="ds", target_col="y"):
        """Train on the history of every series.

        Parameters
        ----------
        df : DataFrame or Series
            Long frame, of pandas or polars, with the columns named below; wide frame, a column for each series and
            time as index; one series with time as index; frame or Series with a (series, time) index. Time is
            timestamps, periods or integers; rows may come in any order.
        id_col, time_col, target_col : str
            Columns of a long frame.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data are not what they must be; one sentence says what, and which series.

        Warns
        -----
        InterruptedFitWarning
            After Ctrl-C, when the networks begun are kept as far as they are.
        """
        check_parameters(self, self._constraints)
        panel = to_panel(df, self.freq, id_col, time_col, target_col)
        series = panel.series()
        self._check_log(panel)
        lengths = np.array([len(y) for y in series])
        given = self.window, self.segment, self.level, self.deseasonalize
        plans = plans_for(lengths, self.h, self.season_length, *given)
        for plan in plans:
            if plan.window % plan.segment or plan.level > plan.window:
                raise ValueError(
                    f"window must be a multiple of segment and at least level; got window={plan.window}, "
                    f"segment={plan.segment} and level={plan.level}."
                )
        max_steps = steps_for(lengths) if self.max_steps == "auto" else self.max_steps
        members, plans = self._fit_members(series, plans, max_steps, check_random_state(self.random_state))
        self._columns, self._panel, self.freq_, self.plans_ = (id_col, time_col, target_col), panel, panel.freq, plans
        self._members = members
        self.loss_curves_ = [member.loss_curve for member in members]
        return self

    def predict(self, df=None):
        """Forecast `h` steps after the end of every series.

        Parameters
        ----------
        df : DataFrame or Series, optional
            Other series, or newer history of the same, in any form that `fit` takes; None for those of `fit`.

        Returns
        -------
        DataFrame or Series
            In the form of the input; the column of forecasts in a long frame is "RNNForecaster".

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If `df` is not what it must be.
        """
        check_is_fitted(self)
        panel = self._panel if df is None else to_panel(df, self.freq_, *self._columns)
        self._check_log(panel)
        return to_frame(panel, self._outlook(panel.series(), self._members), self.h)

    def _check_log(self, panel):
        least = np.array([y.min() for y in panel.series()])
        if self.log is True and least.min() < 0:
            i = int(least.argmin())
            raise ValueError(
                f"log=True needs values that are not negative; series {called(panel.ids[i])} has {least[i]:g}."
            )

    def _adjust(self, series, deseasonalize):
        return Adjustment.of(series, self.season_length, self.log, deseasonalize)

    def _windows(self, z, plan):
        return Windows.at_ends(z, plan.window, plan.segment, plan.level, self.h)

    def _outlook(self, series, members):
        """Median forecast (n_series, h) of some members."""
        outputs, n_jobs = [], effective_n_jobs(self.n_jobs or -1)
        for member in members:
            adjustment = self._adjust(series, member.plan.deseasonalize)
            windows = self._windows(adjustment.forward(series), member.plan)
            z = predict(member.network, member.theta, windows, n_jobs).astype(np.float64)
            outputs.append(adjustment.inverse(z + windows.levels(np.arange(len(series)))[:, None]))
        return np.median(outputs, axis=0)

    def _fit_members(self, series, plans, max_steps, rng):
        """The networks, and the plans they use: by a trial of each on the series without their last `h` values."""
        history, truth = hold_out(series, self.h)
        trial_steps = min(max_steps, TRIAL_STEPS)
        n_trials = len(plans) if len(plans) > 1 and history else 0
        course = Course(n_trials * epochs(trial_steps) + self.n_networks * epochs(max_steps), self.verbose)
        if n_trials:
            cell, seed = "gru" if self.cell == "auto" else self.cell, rng.randint(2**31)
            members = self._train_all(history, [(plan, cell, seed) for plan in plans], trial_steps, course)
            if course.interrupted.is_set():
                return members, [member.plan for member in members]
            weights = importance(self._adjust(history, False).forward(history), self.season_length)
            plans = best(plans, [error(truth, self._outlook(history, [member]), weights) for member in members])
        else:
            plans = plans[:1]
        cells, seeds = CELLS if self.cell == "auto" else [self.cell], rng.randint(2**31, size=self.n_networks)
        rounds = [divmod(i, len(plans)) for i in range(self.n_networks)]  # in the next one each plan has another cell
        jobs = [(plans[i], cells[(i + k) % len(cells)], seed) for (k, i), seed in zip(rounds, seeds)]
        return self._train_all(series, jobs, max_steps, course), plans

    def _train_all(self, series, jobs, max_steps, course):
        """A network for each (plan, cell, seed), side by side. Ctrl-C stops them all, and leaves out those that
        have not begun.
        """
        kinds = {plan.deseasonalize for plan, _, _ in jobs}
        z = {kind: self._adjust(series, kind).forward(series) for kind in kinds}
        weights = importance(z[min(kinds)], self.season_length)

        def work(plan, cell, seed):
            windows = self._windows(z[plan.deseasonalize], plan).for_training(EPOCH * self.batch_size, weights)
            return self._train(windows, plan, cell, seed, max_steps, course)

        with ThreadPoolExecutor(min(effective_n_jobs(self.n_jobs or -1), len(jobs))) as threads:
            running = [threads.submit(work, *job) for job in jobs]
            try:
                while wait(running, timeout=0.1).not_done:
                    pass  # a wait without an end would not hear Ctrl-C everywhere
                fitted = [network.result() for network in running]
            except KeyboardInterrupt:
                course.interrupted.set()
                begun = [network for network in running if not network.cancel()]
                fitted = [network.result() for network in begun]
                n_steps = sum(len(member.loss_curve) for member in fitted) * EPOCH // len(fitted)
                warnings.warn(
                    f"fit was interrupted after {n_steps} steps of {max_steps}; the "
                    f"weights so far of {len(fitted)} of {len(jobs)} networks are kept.",
                    InterruptedFitWarning,
                    stacklevel=4,
                )
        course.end()
        return fitted

    def _train(self, windows, plan, cell, seed, max_steps, course):
        rng = np.random.default_rng(seed)
        network = Network(cell, plan.segment, self.hidden_size, self.h, n_context=plan.window)
        theta = network.initial(rng)
        network.layout.view(theta)["weight_ho"][network.width :] = 0  # the linear way starts from "as the level is"
        recipe = Recipe(
            loss="absolute",
            learning_rate_init=self.learning_rate_init,
            learning_rate="cosine",
            alpha=self.alpha,
            clip_norm=self.clip_norm,
            batch_size=self.batch_size,
            max_iter=epochs(max_steps),
            max_steps=max_steps,
            tol=0.0,
            n_iter_no_change=max_steps,
        )
        history = train(network, theta, windows, recipe, rng, on_epoch=course.on_epoch)
        return Member(plan, network, theta, history.loss_curve)
