"""The parameters that all estimators share, and what each must be."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from tsrnn.backends.devices import DEVICES, PRECISIONS, backend_of
from tsrnn.estimators.auto import AUTO
from tsrnn.rules.cells import offered_cells
from tsrnn.rules.updates import UPDATES
from tsrnn.validation import (
    BOOLEAN,
    N_JOBS,
    POSITIVE_INT,
    RANDOM_STATE,
    Integral,
    Interval,
    OneOf,
    Real,
    Registered,
    check_parameters,
)


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters(BaseEstimator):
    """A dataclass, so `__init__` stores and does nothing else; `fit` checks."""

    cell: str = "lstm"
    hidden_size: int = 32
    n_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    output_dropout: float = 0.0
    activation: str = "tanh"
    max_length: int | None = None
    truncate: str = "end"
    bptt_steps: int | None = None
    solver: str = "adam"
    learning_rate_init: float = 0.005
    learning_rate: str = "auto"
    momentum: float = 0.9
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    clip_value: float | None = None
    batch_size: int | str = "auto"
    max_iter: int | str = "auto"
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int | str = "auto"
    shuffle: bool = True
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None
    device: str = "cpu"
    precision: str = "fp32"
    dtype: str = "float32"
    verbose: int = 0

    _constraints = {
        "cell": [Registered(offered_cells)],
        "hidden_size": [POSITIVE_INT],
        "n_layers": [POSITIVE_INT],
        "bidirectional": [BOOLEAN],
        "dropout": [Interval(Real, 0, 1)],
        "output_dropout": [Interval(Real, 0, 1)],
        "activation": [OneOf("tanh", "relu")],
        "max_length": [POSITIVE_INT, OneOf(None)],
        "truncate": [OneOf("end", "start")],
        "bptt_steps": [POSITIVE_INT, OneOf(None)],
        "solver": [Registered(UPDATES.keys)],
        "learning_rate_init": [Interval(Real, 0, closed="neither")],
        "learning_rate": [OneOf("auto", "constant", "cosine", "plateau")],
        "momentum": [Interval(Real, 0, 1)],
        "alpha": [Interval(Real, 0)],
        "clip_norm": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "clip_value": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "batch_size": [POSITIVE_INT, OneOf("auto")],
        "max_iter": [POSITIVE_INT, OneOf("auto")],
        "tol": [Interval(Real, 0)],
        "early_stopping": [BOOLEAN],
        "validation_fraction": [Interval(Real, 0, 1, "neither")],
        "n_iter_no_change": [POSITIVE_INT, OneOf("auto")],
        "shuffle": [BOOLEAN],
        "warm_start": [BOOLEAN],
        "random_state": RANDOM_STATE,
        "n_jobs": N_JOBS,
        "device": [OneOf(*DEVICES)],
        "precision": [OneOf(*PRECISIONS)],
        "dtype": [OneOf("float32", "float64")],
        "verbose": [Interval(Integral, 0), BOOLEAN],
    }

    def _check_parameters(self):
        check_parameters(self, self._constraints)
        name = type(self).__name__
        if self.activation == "relu" and self.cell not in ("rnn", AUTO):
            raise ValueError(
                f"activation of {name} must be 'tanh' for cell={self.cell!r}, whose gates fix it; got 'relu'."
            )
        if self.dropout and self.n_layers == 1:
            raise ValueError(
                f"dropout of {name} must be 0 with n_layers=1, since it acts between layers; got {self.dropout!r}: "
                "output_dropout acts before the output."
            )
        if self.bptt_steps and self.bidirectional is True:
            raise ValueError(
                f"bptt_steps of {name} must be None with bidirectional=True, since one direction runs from the "
                f"last step to the first; got {self.bptt_steps!r}."
            )
        if self.precision != "fp32" and self.dtype == "float64":
            raise ValueError(
                f"precision of {name} must be 'fp32' with dtype='float64', whose products are not rounded; "
                f"got {self.precision!r}."
            )
        backend_of(self.device, name, self.precision)

    def _settings(self):
        """The parameters as they are now."""
        settings = self.get_params(deep=False)
        del settings["random_state"]  # a generator that moves on; nothing after `fit` draws from it
        return deepcopy(settings)
