"""`RNNForecaster` behind sktime's interface. It needs sktime (`pip install sktime`)."""

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster

from tsrnn.forecasting.forecaster import NAME, RNNForecaster

ID, TIME, TARGET = "series", "time", "value"


class TsrnnForecaster(BaseForecaster):
    """Forecast one series, or all series of a panel with the same networks, in sktime's forms.

    Parameters
    ----------
    season_length : int, default=1
        Steps of a season; 1 for none.
    settings : dict, optional
        Further parameters of `tsrnn.RNNForecaster`, by name; not `h`, which follows from the forecasting horizon, nor
        `freq`, since sktime's steps are positions.
    random_state : int, RandomState or None, default=None
        The same int gives the same bits.

    Notes
    -----
    Steps are counted by position, so that any index that sktime takes will do.
    """

    _tags = {
        "authors": ["the tsrnn developers"],
        "python_dependencies": ["tsrnn"],
        "scitype:y": "univariate",
        "y_inner_mtype": ["pd.Series", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:exogenous": False,
        "ignores-exogeneous-X": True,
        "capability:missing_values": True,
        "handles-missing-data": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:random_state": True,
        "requires-fh-in-fit": True,
        "fit_is_empty": False,
    }

    def __init__(self, season_length=1, settings=None, random_state=None):
        self.season_length, self.settings, self.random_state = season_length, settings, random_state
        super().__init__()

    def _fit(self, y, X, fh):
        h = int(max(self._steps(fh).max(), 1))
        options = {"season_length": self.season_length, "random_state": self.random_state} | (self.settings or {})
        self.forecaster_ = RNNForecaster(h=h, freq=1, **options).fit(self._long(y), ID, TIME, TARGET)
        return self

    def _predict(self, fh, X):
        return self._shaped(
            fh,
            self.forecaster_.predict(h=self._horizon(fh)),
            {NAME: self._y.name if self._y.ndim == 1 else self._y.columns[0]},
        )

    def _predict_interval(self, fh, X, coverage):
        levels = [100 * share for share in coverage]
        forecast = self.forecaster_.predict(h=self._horizon(fh), level=levels)
        variable = self._get_varnames()[0]
        names = {
            f"{NAME}-{end}-{level:g}": (variable, share, side)
            for level, share in zip(levels, coverage)
            for end, side in (("lo", "lower"), ("hi", "upper"))
        }
        out = self._shaped(fh, forecast, names)
        out = out.to_frame() if out.ndim == 1 else out
        out.columns = pd.MultiIndex.from_tuples(out.columns)
        return out

    # Positions instead of times, and back

    def _steps(self, fh):
        return np.asarray(fh.to_relative(self.cutoff).to_numpy(), dtype=int)

    def _horizon(self, fh):
        return int(self._steps(fh).max())

    def _labels(self, y):
        """Series in order of appearance; one label where there is one series."""
        return y.index.droplevel(-1).unique() if y.index.nlevels > 1 else [0]

    def _long(self, y):
        values = y if y.ndim == 1 else y.iloc[:, 0]
        if y.index.nlevels == 1:
            codes = np.zeros(len(y), int)
        else:
            codes = y.index.droplevel(-1).map({label: i for i, label in enumerate(self._labels(y))})
        frame = pd.DataFrame({ID: np.asarray(codes), TARGET: values.to_numpy()})
        return frame.assign(**{TIME: frame.groupby(ID).cumcount()})

    def _shaped(self, fh, forecast, names):
        """Rows of the wanted steps in sktime's form, columns renamed."""
        steps, times = self._steps(fh) - 1, fh.to_absolute_index(self.cutoff)
        n, h = forecast[ID].nunique(), forecast.groupby(ID).size().iloc[0]
        rows = forecast.iloc[(np.arange(n)[:, None] * h + steps).ravel()]
        values = rows[list(names)].rename(columns=names)
        labels = self._labels(self._y)
        if self._y.index.nlevels == 1:
            values.index = times
            return values.iloc[:, 0] if values.shape[1] == 1 and self._y.ndim == 1 else values
        tuples = [(*(label if isinstance(label, tuple) else (label,)), time) for label in labels for time in times]
        values.index = pd.MultiIndex.from_tuples(tuples, names=self._y.index.names)
        return values

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        quick = {"n_networks": 1, "max_steps": 3, "hidden_size": 4}
        return [{"settings": quick, "random_state": 0}, {"season_length": 2, "settings": quick, "random_state": 0}]
