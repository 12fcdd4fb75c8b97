"""Recurrent networks for time series in pure Numba, behind scikit-learn's estimator interface."""

from importlib import import_module

__version__ = "0.1.0"

# Where the public names live; fetched when first asked for, so that `import tsrnn` costs nothing.
HOMES = {
    "RNNRegressor": "tsrnn.estimators.regressor",
    "RNNClassifier": "tsrnn.estimators.classifier",
    "RNNSequenceRegressor": "tsrnn.estimators.sequence_regressor",
    "RNNSequenceClassifier": "tsrnn.estimators.sequence_classifier",
    "RNNSeq2SeqRegressor": "tsrnn.estimators.seq2seq_regressor",
    "RNNSeq2SeqClassifier": "tsrnn.estimators.seq2seq_classifier",
    "RNNForecaster": "tsrnn.forecasting.forecaster",
    "PanelTimeSeriesSplit": "tsrnn.forecasting.split",
    "plot_forecasts": "tsrnn.forecasting.plotting",
    "PerStep": "tsrnn.perstep",
    "as_sequences": "tsrnn.series",
    "from_channels_first": "tsrnn.series",
    "DivergenceError": "tsrnn.exceptions",
    "InterruptedFitWarning": "tsrnn.exceptions",
    "datasets": None,
    "inspection": None,
}
__all__ = sorted(HOMES)


def __getattr__(name):
    if name not in HOMES:
        raise AttributeError(f"module 'tsrnn' has no attribute {name!r}")
    home = HOMES[name]
    return import_module(f"tsrnn.{name}") if home is None else getattr(import_module(home), name)


def __dir__():
    return [*globals(), *__all__]
