"""Recurrent networks for time series in pure Numba, behind scikit-learn's estimator interface."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what is fetched below, for editors and type checkers
    from tsrnn import datasets, inspection
    from tsrnn.data.series import as_sequences, from_channels_first
    from tsrnn.estimators.classifier import RNNClassifier
    from tsrnn.estimators.regressor import RNNRegressor
    from tsrnn.estimators.seq2seq_classifier import RNNSeq2SeqClassifier
    from tsrnn.estimators.seq2seq_regressor import RNNSeq2SeqRegressor
    from tsrnn.estimators.sequence_classifier import RNNSequenceClassifier
    from tsrnn.estimators.sequence_regressor import RNNSequenceRegressor
    from tsrnn.exceptions import DivergenceError, InterruptedFitWarning
    from tsrnn.forecasting.forecaster import RNNForecaster
    from tsrnn.forecasting.panel.split import PanelTimeSeriesSplit
    from tsrnn.forecasting.plotting import plot_forecasts
    from tsrnn.perstep import PerStep

__version__ = "0.1.0"

# Where the public names live; fetched when first asked for, so that `import tsrnn` costs nothing.
PUBLIC_NAMES = {
    "RNNRegressor": "tsrnn.estimators.regressor",
    "RNNClassifier": "tsrnn.estimators.classifier",
    "RNNSequenceRegressor": "tsrnn.estimators.sequence_regressor",
    "RNNSequenceClassifier": "tsrnn.estimators.sequence_classifier",
    "RNNSeq2SeqRegressor": "tsrnn.estimators.seq2seq_regressor",
    "RNNSeq2SeqClassifier": "tsrnn.estimators.seq2seq_classifier",
    "RNNForecaster": "tsrnn.forecasting.forecaster",
    "PanelTimeSeriesSplit": "tsrnn.forecasting.panel.split",
    "plot_forecasts": "tsrnn.forecasting.plotting",
    "PerStep": "tsrnn.perstep",
    "as_sequences": "tsrnn.data.series",
    "from_channels_first": "tsrnn.data.series",
    "DivergenceError": "tsrnn.exceptions",
    "InterruptedFitWarning": "tsrnn.exceptions",
    "datasets": None,
    "inspection": None,
}
__all__ = [  # noqa: RUF022 the order of the homes
    "RNNRegressor",
    "RNNClassifier",
    "RNNSequenceRegressor",
    "RNNSequenceClassifier",
    "RNNSeq2SeqRegressor",
    "RNNSeq2SeqClassifier",
    "RNNForecaster",
    "PanelTimeSeriesSplit",
    "plot_forecasts",
    "PerStep",
    "as_sequences",
    "from_channels_first",
    "DivergenceError",
    "InterruptedFitWarning",
    "datasets",
    "inspection",
]


def __getattr__(name):
    if name not in PUBLIC_NAMES:
        raise AttributeError(f"module 'tsrnn' has no attribute {name!r}")
    home = PUBLIC_NAMES[name]
    return import_module(f"tsrnn.{name}") if home is None else getattr(import_module(home), name)


def __dir__():
    return [*globals(), *__all__]
