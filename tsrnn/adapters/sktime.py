"""`RNNForecaster` behind sktime's interface; `pip install "tsrnn[sktime]"`."""

import numpy as np
import pandas as pd

from tsrnn.extras import require
from tsrnn.forecasting.forecaster import NAME, RNNForecaster
from tsrnn.forecasting.panel.steps import ahead, filled, step_of
from tsrnn.forecasting.panel.times import check_grid, infer_freq

base = require("sktime.forecasting.base", "TsrnnForecaster")

ID = "series"
TIME = "step"
TARGET = "value"  # of the long frame


def counted(times):
    """Times as steps are counted: periods by their numbers, others as they are."""
    return pd.Index(times.asi8) if isinstance(times, pd.PeriodIndex) else times


def joined(known, X):
    """Covariates of all times, the newer ones where both have one."""
    both = known if X is None else X if known is None else pd.concat([known, X])
    return both if both is None else both[~both.index.duplicated(keep="last")]


class TsrnnForecaster(base.BaseForecaster):
    """Forecast one series, or all series of a panel or hierarchy with the same networks, in sktime's forms.

    Parameters
    ----------
    season_length : int or list of int, default=1
        Steps of a season; 1 for none.
    decoder, cell, hidden_size, window, segment, level_window, log : optional
        As in `tsrnn.RNNForecaster`, with the same defaults.
    scale, difference, deseasonalize, fill_gaps : optional
        As in `tsrnn.RNNForecaster`, with the same defaults.
    effort, n_networks, quantiles, shares, max_steps, learning_rate_init, batch_size, alpha, clip_norm : optional
        As in `tsrnn.RNNForecaster`, with the same defaults.
    random_state : int, RandomState or None, default=None
        The same int gives the same bits, whatever `n_jobs`.
    n_jobs, device, precision, verbose : optional
        As in `tsrnn.RNNForecaster`, with the same defaults.

    Attributes
    ----------
    forecaster_ : RNNForecaster
        The forecaster behind; its series are numbered in order of appearance, its times are steps from the cutoff.

    Notes
    -----
    The horizon `h` follows from `fh`. A relative `fh` counts from the end of each series, an absolute one names the
    same times for all.

    The columns of `X` are known in the future: the `future_covariates` of `tsrnn.RNNForecaster`. `predict` needs them
    if `fit` had them; steps up to those of `fh` that `X` leaves out have the values of the step before.

    `update` with `update_params=False` takes the new values to forecast from, otherwise it trains anew on all.

    The hierarchy is not used: forecasts need not add up (see sktime's `ReconcilerForecaster`).

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from tsrnn.adapters.sktime import TsrnnForecaster
    >>> forecaster = TsrnnForecaster(season_length=12, max_steps=60, random_state=0)
    >>> y_pred = forecaster.fit(load_airline(), fh=range(1, 13)).predict()
    >>> y_pred.index[0]
    Period('1961-01', 'M')
    """

    _tags = {
        "authors": ["the tsrnn developers"],
        "y_inner_mtype": ["pd.Series", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:exogenous": True,
        "capability:insample": False,
        "capability:missing_values": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:random_state": True,
        "capability:update": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": True,
    }
    _config = {"remember_data": False}  # `_history` is what `update` adds to
    _y = _X = None  # what sktime would remember

    def __init__(
        self,
        season_length=1,
        decoder="direct",
        cell="auto",
        hidden_size=40,
        window="auto",
        segment="auto",
        level_window="auto",
        log="auto",
        scale="auto",
        difference=False,
        deseasonalize="auto",
        fill_gaps=False,
        effort="normal",
        n_networks="auto",
        quantiles="auto",
        shares="auto",
        max_steps="auto",
        learning_rate_init=0.01,
        batch_size=64,
        alpha=0.0,
        clip_norm=1.0,
        random_state=None,
        n_jobs=None,
        device="cpu",
        precision="fp32",
        verbose=0,
    ):
        self.season_length = season_length
        self.decoder = decoder
        self.cell = cell
        self.hidden_size = hidden_size
        self.window = window
        self.segment = segment
        self.level_window = level_window
        self.log = log
        self.scale = scale
        self.difference = difference
        self.deseasonalize = deseasonalize
        self.fill_gaps = fill_gaps
        self.effort = effort
        self.n_networks = n_networks
        self.quantiles = quantiles
        self.shares = shares
        self.max_steps = max_steps
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.alpha = alpha
        self.clip_norm = clip_norm
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.verbose = verbose
        super().__init__()

    def _fit(self, y, X, fh):
        self._history = y
        self._known = X
        return self._train(fh)

    def _train(self, fh):
        history = self._long()
        h, _ = self._range(history, fh)
        covariates = list(history.columns[3:]) or None
        options = {"h": max(h, 1), "freq": 1, "future_covariates": covariates}
        self.forecaster_ = RNNForecaster(**options, **self.get_params(deep=False))
        self.forecaster_.fit(history, ID, TIME, TARGET)
        return self

    def _update(self, y, X=None, update_params=True):
        self._history = y.combine_first(self._history)
        self._known = joined(self._known, X)
        return self._train(self._fh) if update_params else self

    def _predict(self, fh, X):
        forecast = self._forecast(fh, X)[NAME]
        if self._history.ndim == 1:
            return forecast.rename(self._history.name)
        return forecast.to_frame(self._history.columns[0])

    def _predict_interval(self, fh, X, coverage):
        forecast = self._forecast(fh, X, [100 * share for share in coverage if share > 0] or None)
        variable = self._get_varnames()[0]
        columns = {}
        for share in coverage:
            for side, end in (("lower", "lo"), ("upper", "hi")):
                name = f"{NAME}-{end}-{100 * share:g}" if share > 0 else NAME
                columns[variable, share, side] = forecast[name]
        return pd.DataFrame(columns)

    # Steps from the cutoff instead of times, and back

    def _long(self):
        """The history as a long frame, series numbered in order of appearance."""
        y = self._history
        codes, times = y.index.get_level_values(-1).factorize(sort=True)
        steps = self._steps_of(times)
        series = y.index.droplevel(-1).factorize()[0] if y.index.nlevels > 1 else 0
        history = pd.DataFrame({ID: series, TIME: steps[codes], TARGET: y.to_numpy().ravel()})
        return (
            history if self._known is None else history.join(self._covariates(self._known, y.index))
        )

    def _covariates(self, X, index):
        """Columns of X at these series and times, under names that no other column of a long frame has."""
        rows = X.reindex(index).reset_index(drop=True)
        return rows.set_axis([f"X {column}" for column in X.columns], axis=1)

    def _ahead(self, history, h, X):
        """What is known of the `h` steps after the end of every series; what is not is as at the step before."""
        if self._known is None:
            return None
        if X is None:
            raise ValueError("X must be given to predict, as it was to fit; got None.")
        ends = history.groupby(ID)[TIME].max()
        steps = ends.to_numpy()[:, None] + np.arange(1, h + 1)
        ahead = pd.DataFrame({ID: ends.index.repeat(h), TIME: steps.ravel()})
        rows = self._covariates(
            joined(self._known, X), self._history.index.append(self._index(ahead))
        )
        rows = rows.groupby(np.append(history[ID], ahead[ID])).ffill()
        return ahead.join(rows[len(history) :].reset_index(drop=True))

    def _times(self):
        """All times of the history in order, and the frequency of their grid."""
        times = self._history.index.unique(level=-1).sort_values()
        if isinstance(times, pd.PeriodIndex):
            return times, times.freq.n
        if not isinstance(times, pd.DatetimeIndex):
            return times, 1
        return times, self._cutoff.freq or infer_freq(times.to_series(), [0, len(times)], ["y"])

    def _steps_of(self, times):
        """How many steps times are after the last of the history."""
        known, freq = self._times()
        both = counted(known.append(times).unique().sort_values())
        places = check_grid(both, np.array([0, len(both)]), ["y"], freq, gaps=True)
        return (
            places[both.get_indexer(counted(times))] - places[both.get_indexer(counted(known[-1:]))]
        )

    def _times_at(self, steps):
        """Times so many steps after the last of the history."""
        known, freq = self._times()
        starts = np.array([0, len(known)])
        numbers = counted(known)
        grid, _ = filled(
            numbers, starts, step_of(freq), check_grid(numbers, starts, ["y"], freq, gaps=True)
        )
        last = len(grid) - 1
        h = int(steps.max())
        if h > 0:
            grid = grid.append(ahead(grid, np.array([0, len(grid)]), step_of(freq), h))
        times = grid.take(last + np.asarray(steps))
        return (
            pd.PeriodIndex.from_ordinals(times, freq=known.freq)
            if isinstance(known, pd.PeriodIndex)
            else times
        )

    def _steps(self, fh):
        return (
            fh.to_numpy().astype(int) if fh.is_relative else self._steps_of(fh.to_absolute_index())
        )

    def _range(self, history, fh):
        """How many steps to forecast, and for each series the step that `fh` counts from."""
        ends = history.groupby(ID)[TIME].max()
        origins = ends if fh.is_relative else 0 * ends
        return int((self._steps(fh).max() + origins - ends).max()), origins

    def _forecast(self, fh, X, level=None):
        """Forecasts at `fh`, under sktime's index."""
        history = self._long()
        h, origins = self._range(history, fh)
        trained = self.forecaster_.h
        ahead = self._ahead(history, -(-h // trained) * trained, X)  # networks see whole horizons
        forecast = self.forecaster_.predict(history, h=h, level=level, X_df=ahead)
        wanted = (forecast[TIME] - forecast[ID].map(origins)).isin(self._steps(fh))
        return forecast[wanted].set_axis(self._index(forecast[wanted]))

    def _index(self, forecast):
        """Labels of series and times in place of numbers and steps."""
        codes, steps = forecast[TIME].factorize(sort=True)
        times = self._times_at(steps).take(codes)
        index = self._history.index
        if index.nlevels == 1:
            return times.rename(index.name)
        labels = index.droplevel(-1).unique().take(forecast[ID])
        levels = [labels.get_level_values(i) for i in range(labels.nlevels)]
        return pd.MultiIndex.from_arrays([*levels, times], names=index.names)

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        """Settings for sktime's tests.

        Parameters
        ----------
        parameter_set : str, default="default"
            Not used; there is one set.

        Returns
        -------
        list of dict
        """
        quick = {"n_networks": 1, "max_steps": 3, "hidden_size": 4, "random_state": 0}
        return [quick, quick | {"season_length": 2, "cell": "lstm"}]
