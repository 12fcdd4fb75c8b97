"""The future of a panel of series, from a few networks, each trained on all of them."""

from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tsrnn.forecasting import fitting, predicting, reading
from tsrnn.forecasting.backtesting import backtest
from tsrnn.forecasting.parameters import Parameters
from tsrnn.forecasting.reading import NAME
from tsrnn.forecasting.storage import load, save
from tsrnn.types import FilePath, FrameLike, RandomState
from tsrnn.validation import (
    POSITIVE_INT,
    RANDOM_STATE,
    check_value,
)

__all__ = ["NAME", "RNNForecaster"]


class RNNForecaster(Parameters):
    """Forecast every series of a panel with a few recurrent networks, each trained on all of them.

    A network reads the last `window` values before a cut, `segment` of them a step, as logarithms and less their
    last level; its last state h_T, and the window x itself through a linear map, give all `h` values after the cut:

        z = log y - season,    x = z - level,    y_hat = exp(level + W_ho [h_T, x] + b_ho + season)

    Settings left on "auto" are chosen on held-out data: every candidate plan of window, level and seasonal index
    forecasts the last `h` values of the panel, and the best few are kept. The forecast is the median over `n_networks`
    networks, trained on all values, which differ in plan, cell and random numbers. Simple methods have a share in it,
    as far as held-out errors bear. Errors on the last windows give the prediction intervals. Most users set `h`, `freq`
    and `season_length` alone.

    Covariates that are known in the future have an effect b on the level, the same for all series, which a regression
    of seasonal differences tells; it is taken out before and put back after, z = log y - b f - season. Beside the
    value, a step of the network sees its past covariates, the future ones of its time and of `h` steps later, so that
    the last `h` values bring the horizon's, and the static ones.

    Values may be missing: the last known one stands in for them, the networks see which they are, and no error is
    counted there.

    Parameters
    ----------
    h : int, default=12
        Horizon: steps to forecast.
    freq : str, int or None, default=None
        Distance of two steps, as a pandas alias or an integer; None infers it.
    season_length : int or list of int, default=1
        Steps of a season, or of several, such as [24, 168] for hours of a day and of a week; 1 for none. Naive errors
        are those of the longest.
    decoder : {"direct", "recursive", "encoder-decoder"}, default="direct"
        How a network comes to `h` values: all at once; a segment, from its own forecasts the next one, and so on; or
        from a decoder, which starts from the states after the window and writes a segment at each step, reading the
        one before, while training the true one, and what is known of the future at that step. A segment longer than
        `h` counts as `h`.
    cell : str, default="auto"
        The recurrent cell, one of those of `RNNRegressor`; "auto" takes gru and lstm in turn.
    hidden_size : int, default=40
        Units of a network.
    window, segment, level_window : int or "auto", default="auto"
        Values a network sees, values of one step, and last values whose mean is the level.
    log : bool or "auto", default="auto"
        Whether to take logarithms; "auto" does for series without negative values.
    scale : bool or "auto", default="auto"
        Whether to take series in units of their naive error; "auto" takes logarithms as they are and other series in
        units of their mean size.
    difference : bool, default=False
        Whether networks see and forecast the differences between neighbouring values, whose sums are the forecasts.
        Without it a window is already less its level; with `level_window=1` the level is the last value.
    deseasonalize : bool or "auto", default="auto"
        Whether to take out each series' seasonal index, that of the classical decomposition, and put it back. "auto"
        and True take out events too, from as little as one season: what one phase of a season does in all series, such
        as a holiday of weekly sales. False takes out nothing.
    fill_gaps : bool, default=False
        Whether to insert times that are missing inside a series, with missing values and a warning. Otherwise they
        raise an error.
    past_covariates, future_covariates, static_covariates : list of str, optional
        Columns of a long frame: known up to the end of a series; known beyond it too, where `predict` takes them from
        `X_df`; the same in all rows of a series. Numbers are standardised. Labels are one-hot encoded, and a label that
        `fit` has not seen is all zeros.
    calendar : list of str, optional
        Features of the calendar, computed from the times: "minute", "hour", "dayofweek", "day", "dayofyear", "month",
        "quarter", each as up to three sines and cosines.
    effort : {"fast", "normal", "best"}, default="normal"
        How much work there is in what is "auto": 2, 4 or 8 networks, half, once or twice as many updates; "fast" tries
        two plans alone.
    n_networks : int or "auto", default="auto"
        Networks whose median is the forecast; "auto" is that of the effort.
    quantiles : "auto", list of float or None, default="auto"
        Quantiles that networks forecast beside the median, trained with the pinball loss. They give the prediction
        intervals; between them and beyond they are continued as those of a normal distribution. They come in pairs,
        q and 1 - q. "auto" is the deciles, 0.025 and 0.975; None, or another `decoder` or `difference`, makes intervals
        from past errors alone.
    shares : dict or "auto", default="auto"
        Share of each simple method in the forecast, from 0 to 1: "theta" (the Theta method), "damped_trend" (Holt's
        method with a damped trend) and "seasonal_naive" (the last season again), such as {"theta": 0.3}. Networks have
        the rest, with {} all. "auto" gives tenths: up to half in all as long as the mean error on up to four held-out
        windows rises by no more than 1 %, and more as long as it falls.
    max_steps : int or "auto", default="auto"
        Updates of each network; "auto" grows with the root of the number of values, from 300 to 3000, times
        0.5, 1 or 2 by effort.
    learning_rate_init : float, default=0.01
        Learning rate at the start; it falls to zero on a cosine.
    batch_size : int, default=64
        Windows of one update.
    alpha : float, default=0.0
        Weight decay; see `RNNRegressor`.
    clip_norm : float or None, default=1.0
        The gradient is scaled down to this norm.
    warm_start : bool, default=False
        Whether another `fit` goes on from the networks of the last one, with their plans.
    random_state : int, RandomState or None, default=None
        The same int gives the same bits, whatever `n_jobs`.
    n_jobs : int or None, default=None
        Threads that train networks side by side; None takes all cores.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where networks are trained and forecast; see `RNNRegressor`.
    precision : {"fp32", "tf32"}, default="fp32"
        Of large matrix products on the GPU; see `RNNRegressor`.
    verbose : int, default=0
        1 shows one line of progress on stderr: the network, its epoch, and the time left.
    level : int or "auto"
        The former name of `level_window`, with a FutureWarning; `predict(level=...)` is the percent of an interval.

        .. deprecated:: 0.2
    theta_share : float or "auto"
        Former name of `shares`, of the Theta method alone.

        .. deprecated:: 0.2

    Attributes
    ----------
    loss_curves_ : list of list of float
        Weighted mean loss on the networks' scale during training, one curve for each network: the pinball losses of the
        point, which counts four times, and of all quantiles, or without these the absolute error.
    plans_ : list of Plan
        Window, segment, level and seasonal index that networks use, the best in the trial first.
    trial_ : DataFrame or None
        Every plan that was tried: its error on the held-out values, for how many updates it was trained, and whether it
        was kept; None without a trial.
    freq_ : str or int
        The frequency in use.
    quantiles_ : tuple of float
        Quantiles that the networks forecast beside the median, from low to high.
    shares_ : dict
        Share of each simple method in use, those without one left out.
    effects_ : Series or None
        Effect b of each number f made of future covariates and calendar: on the logarithm, or the value in units of the
        series' mean size.

    Notes
    -----
    Direct multi-step forecasts from windows less their level follow Hewamalage, Bergmeir & Bandara (2021), steps of
    whole segments Lin et al. (2023, SegRNN), the decoder Sutskever, Vinyals & Le (2014), the Theta method
    Assimakopoulos & Nikolopoulos (2000), the damped trend Gardner & McKenzie (1985), the choice of shares Caruana et
    al. (2004).

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

    def fit(
        self, df: FrameLike, id_col: str = "unique_id", time_col: str = "ds", target_col: str = "y"
    ) -> Self:
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
        DivergenceError
            If training, or a forecast of held-out values, is not finite.
        MemoryError
            If what is asked for cannot fit into memory.

        Whatever is raised, in a network or by a signal, stops all networks and leaves the forecaster as it was.

        Warns
        -----
        InterruptedFitWarning
            After Ctrl-C. Networks whose training had begun are kept with their weights so far, others are dropped.
        """
        self._check_parameters()
        columns = reading.column_names(id_col, time_col, target_col)
        panel = reading.read_panel(self, df, columns)
        return self._keep(self._fit(panel))

    def predict(
        self,
        df: FrameLike | None = None,
        h: int | None = None,
        level: float | list[float] | None = None,
        X_df: FrameLike | None = None,
        quantiles: float | list[float] | None = None,
    ) -> FrameLike:
        """Forecast the steps after the end of every series.

        Parameters
        ----------
        df : DataFrame or Series, optional
            Other series, or newer history of the same, in any form that `fit` takes; None for those of `fit`.
        h : int, optional
            Horizon; by default the trained one. A longer one is forecast recursively: forecasts join the history.
        level : number or list of numbers, optional
            Prediction intervals to add, in percent: the share of future values that is expected inside.
        X_df : DataFrame, optional
            What is known of the future: a long frame with the columns of series and time and those of
            `future_covariates`, a row for every step to forecast. Of the steps beyond, up to the end of a trained
            horizon, it may hold more: networks see whole horizons, and a row that is not there is as the one before.
        quantiles : number or list of numbers, optional
            Quantiles to add, between 0 and 1: 0.1 is the lower end of `level=80`, 0.5 the forecast.

        Returns
        -------
        DataFrame or Series
            In the form of the input; the column of forecasts in a long frame is "RNNForecaster", those of intervals
            "RNNForecaster-lo-95", "RNNForecaster-hi-95", of quantiles "RNNForecaster-q-10".

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        ValueError
            If `df`, `h`, `level`, `quantiles` or `X_df` is not what it must be.
        DivergenceError
            If a forecast is not finite.

        Notes
        -----
        Intervals are as wide as the errors were on the last `h` values, held out, and on up to three windows before, in
        units of each series' naive error, as split-conformal ones are (Lei et al. 2018). Networks of the trial have not
        seen the held-out values, the final ones have seen all; errors are scaled to 0.368 times what the final ones'
        are on the held-out values, and 0.632 times the trial's (Efron 1983). Where fewer than five errors of a step lie
        outside an interval, those of all steps are taken together; n errors tell no level beyond 100 n / (n + 1), where
        the interval is as wide as the largest.

        An interval holds its forecast. Neither end is further from it than errors to that side have been, in naive
        errors and in units of the series' size, but for an eighth of those outside. Alone, among other series and for a
        shorter horizon it is the same.

        With `quantiles`, networks forecast the ends of the intervals, each series and step its own, and the same errors
        move them half as far apart or together as would have so many of the held-out values within (Romano, Patterson &
        Candes 2019). The quantiles of a step are in order (Chernozhukov, Fernandez-Val & Galichon 2010).
        """
        check_is_fitted(self)
        fitted = self._fitted
        panel = fitted.panel if df is None else reading.read_again(fitted, df)
        h = predicting.read_horizon(h, fitted)
        asked = predicting.Asked(
            predicting.read_levels(level), predicting.read_quantiles(quantiles)
        )
        predicting.check_asked(fitted, asked, h)
        return predicting.predict(fitted, panel, h, asked, X_df)

    def simulate(
        self,
        n_paths: int = 100,
        df: FrameLike | None = None,
        random_state: RandomState = None,
        X_df: FrameLike | None = None,
        h: int | None = None,
    ) -> FrameLike:
        """Possible futures: the forecast plus the errors of a whole window of the past, drawn at random.

        Parameters
        ----------
        n_paths : int, default=100
            Futures of every series.
        df : DataFrame or Series, optional
            As in `predict`.
        random_state : int, RandomState or None, default=None
            The same int gives the same paths.
        X_df : DataFrame, optional
            As in `predict`.
        h : int, optional
            Steps, at most those trained for, which are the default.

        Returns
        -------
        DataFrame
            In the form of the input, with columns "RNNForecaster-path-0" and so on.
        """
        check_is_fitted(self)
        panel = self._fitted.panel if df is None else reading.read_again(self._fitted, df)
        check_value("n_paths", n_paths, [POSITIVE_INT])
        check_value("random_state of simulate", random_state, RANDOM_STATE)
        h = predicting.read_horizon(h, self._fitted)
        predicting.check_trained(h, self._fitted, "h of simulate")
        rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
        return predicting.simulate(self._fitted, panel, int(n_paths), h, X_df, rng)

    def update(self, df: FrameLike) -> Self:
        """Add newer values to the series of `fit`; what `predict` forecasts from, without training.

        Parameters
        ----------
        df : DataFrame or Series
            Times after those known, in any form that `fit` takes; series may be new.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        return self._keep(predicting.updated(self._fitted, df))

    def cross_validation(
        self,
        df: FrameLike,
        n_windows: int = 1,
        step_size: int | None = None,
        refit: bool | int = False,
        level: float | list[float] | None = None,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
        quantiles: float | list[float] | None = None,
    ) -> FrameLike:
        """Forecast the past: the last `h` values of every series, those before them, and so on.

        Parameters
        ----------
        df : DataFrame or Series
            As in `fit`.
        n_windows : int, default=1
            Windows of `h` values to forecast.
        step_size : int, optional
            Values between the beginnings of two windows; `h` if not given.
        refit : bool or int, default=False
            Whether to train before every window, or before every so many; False trains once, before the first.
        level : number or list of numbers, optional
            As in `predict`.
        id_col, time_col, target_col : str
            Columns of a long frame.
        quantiles : number or list of numbers, optional
            As in `predict`.

        Returns
        -------
        DataFrame
            Long: id, time, "cutoff" (the last time known to the forecast), the target, "RNNForecaster", intervals and
            quantiles.
            A series too short for a window is left out of it.

        Notes
        -----
        The forecaster itself stays as it is, fitted or not.
        """
        self._check_parameters()
        counts = {
            "n_windows": n_windows,
            "step_size": step_size or 1,
            "refit": 1 if isinstance(refit, bool) else refit,
        }
        for name, value in counts.items():
            check_value(name, value, [POSITIVE_INT])
        asked = predicting.Asked(
            predicting.read_levels(level), predicting.read_quantiles(quantiles)
        )
        columns = reading.column_names(id_col, time_col, target_col)
        panel = reading.read_panel(self, df, columns, taken=["cutoff"])
        h, n_windows, step_size = (int(value) for value in (self.h, n_windows, step_size or self.h))
        every = n_windows if refit is False else int(refit)
        return backtest(clone(self)._fit, panel, h, n_windows, step_size, every=every, asked=asked)

    def score(self, df: FrameLike, y: Any = None) -> float:
        """Minus the mean absolute error of the next values, in units of each series' naive error: higher is better.

        Parameters
        ----------
        df : DataFrame or Series
            The values after those of `fit`, in any form that it takes, up to `h` of each series.
        y : None
            As scikit-learn calls it.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        return predicting.score(self._fitted, df)

    def report(self) -> Any:
        """A figure of the course of training and of the trial of plans.

        Returns
        -------
        matplotlib.figure.Figure
        """
        check_is_fitted(self)
        from tsrnn.forecasting.plotting import plot_training

        return plot_training(self)

    def save(self, path: FilePath) -> None:
        """Write the fitted forecaster to a file that holds data only: nothing in it is executed by `load`.

        The file is either written whole or not at all. It is in safetensors' format; `pip install "tsrnn[save]"`.

        Parameters
        ----------
        path : path-like
            A file there is replaced.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        OSError
            If the file cannot be written; an older one stays as it was.
        """
        check_is_fitted(self)
        save(self, path)

    @classmethod
    def load(cls, path: FilePath, device: str | None = None) -> Self:
        """Read a forecaster that `save` wrote; it forecasts the same bits.

        Parameters
        ----------
        path : path-like
        device : {"cpu", "cuda", "auto"}, optional
            Where it forecasts; if not given, where it was fitted, or on the CPU, with a warning, where that device is
            missing.

        Returns
        -------
        RNNForecaster

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged, of another kind, or of a newer version.
        """
        return load(cls, path, device)

    # Parts

    def _fit(self, panel):
        last = getattr(self, "_fitted", None) if self.warm_start else None
        return fitting.fit(self, panel, last)

    def _keep(self, fitted):
        """All that was learnt, or nothing: no signal comes between."""
        vars(self).update(fitted.attributes | {"_fitted": fitted})
        return self
