"""The forecaster's parameters, and what each must be."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from tsrnn.backends.devices import DEVICES, PRECISIONS, backend_of
from tsrnn.forecasting import fitting
from tsrnn.forecasting.decoders import DECODERS
from tsrnn.forecasting.effort import EFFORTS
from tsrnn.rules.cells import offered_cells
from tsrnn.validation import (
    BOOLEAN,
    N_JOBS,
    POSITIVE_INT,
    RANDOM_STATE,
    Instance,
    Integral,
    Interval,
    OneOf,
    Real,
    Registered,
    check_parameters,
)

AUTO = OneOf("auto")
NAMES = (Instance((list, tuple), "a list of names"), OneOf(None))


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters(BaseEstimator):
    """A dataclass, so `__init__` stores and does nothing else; `fit` checks."""

    h: int = 12
    freq: str | int | None = None
    season_length: int | list = 1
    decoder: str = "direct"
    cell: str = "auto"
    hidden_size: int = 40
    window: int | str = "auto"
    segment: int | str = "auto"
    level_window: int | str = "auto"
    log: bool | str = "auto"
    scale: bool | str = "auto"
    difference: bool = False
    deseasonalize: bool | str = "auto"
    fill_gaps: bool = False
    past_covariates: list | None = None
    future_covariates: list | None = None
    static_covariates: list | None = None
    calendar: list | None = None
    effort: str = "normal"
    n_networks: int | str = "auto"
    quantiles: list | str | None = "auto"
    shares: dict | str = "auto"
    max_steps: int | str = "auto"
    learning_rate_init: float = 0.01
    batch_size: int = 64
    alpha: float = 0.0
    clip_norm: float | None = 1.0
    warm_start: bool = False
    random_state: int | np.random.RandomState | None = None
    n_jobs: int | None = None
    device: str = "cpu"
    precision: str = "fp32"
    verbose: int = 0
    level: int | str = "deprecated"
    theta_share: float | str = "deprecated"

    _constraints = {
        "h": [POSITIVE_INT],
        "season_length": [POSITIVE_INT, Instance((list, tuple), "a list of ints")],
        "decoder": [Registered(DECODERS.keys)],
        "cell": [Registered(offered_cells, "auto")],
        "hidden_size": [POSITIVE_INT],
        "window": [POSITIVE_INT, AUTO],
        "segment": [POSITIVE_INT, AUTO],
        "level_window": [POSITIVE_INT, AUTO],
        "log": [BOOLEAN, AUTO],
        "scale": [BOOLEAN, AUTO],
        "difference": [BOOLEAN],
        "deseasonalize": [BOOLEAN, AUTO],
        "fill_gaps": [BOOLEAN],
        "past_covariates": NAMES,
        "future_covariates": NAMES,
        "static_covariates": NAMES,
        "calendar": NAMES,
        "effort": [Registered(EFFORTS.keys)],
        "n_networks": [POSITIVE_INT, AUTO],
        "quantiles": [
            Instance((list, tuple), "a list of numbers between 0 and 1"),
            OneOf(None),
            AUTO,
        ],
        "shares": [Instance(dict, "a dict of shares"), AUTO],
        "max_steps": [POSITIVE_INT, AUTO],
        "learning_rate_init": [Interval(Real, 0, closed="neither")],
        "batch_size": [POSITIVE_INT],
        "alpha": [Interval(Real, 0)],
        "clip_norm": [Interval(Real, 0, closed="neither"), OneOf(None)],
        "warm_start": [BOOLEAN],
        "random_state": RANDOM_STATE,
        "n_jobs": N_JOBS,
        "device": [OneOf(*DEVICES)],
        "precision": [OneOf(*PRECISIONS)],
        "verbose": [Interval(Integral, 0), BOOLEAN],
        "level": [POSITIVE_INT, AUTO, OneOf("deprecated")],
        "theta_share": [Interval(Real, 0, 1, "both"), AUTO, OneOf("deprecated")],
    }

    def _check_parameters(self):
        check_parameters(self, self._constraints)
        for name, needed in (("decoder", "direct"), ("difference", False)):
            # sums of quantiles are none
            if getattr(self, name) != needed and fitting.quantiles_of(self):
                raise ValueError(
                    f"quantiles of RNNForecaster must be None unless {name}={needed!r}; got {self.quantiles!r} with "
                    f"{name}={getattr(self, name)!r}."
                )
        backend_of(self.device, type(self).__name__, self.precision)
