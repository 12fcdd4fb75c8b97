"""What the networks of a forecaster share."""

from dataclasses import dataclass

import numpy as np

from tsrnn.backends.devices import backend_of
from tsrnn.forecasting.decoders import DECODERS
from tsrnn.training.side_by_side import n_beside


@dataclass(frozen=True)
class Setting:
    """The words are those of the forecaster."""

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
    other_seasons: tuple = ()  # lengths, from the shortest; season_length is the longest
    events: tuple = ()  # (season_length,) of each season, where the panel has some

    @property
    def season_lengths(self):
        return (*self.other_seasons, self.season_length)

    @property
    def has_events(self):
        return any(events.any() for events in self.events)

    @property
    def n_blocks(self):
        """The point forecast and each quantile."""
        return 1 + len(self.quantiles)

    @property
    def backend(self):
        return backend_of(self.device, "RNNForecaster", self.precision)

    @property
    def n_threads(self):
        """One on a GPU, where all launches go to one stream."""
        return n_beside(self.n_jobs, self.backend)

    def rows_of(self, plan):
        """The class of rows for a plan, and how many values they give at once."""
        return DECODERS[self.decoder](self.h, min(plan.segment, self.h))

    def n_seen(self, plans, h):
        """Steps of the future that a forecast of `h` looks at: of each horizon all, and of its last segment."""
        at_once = [self.rows_of(plan)[1] for plan in plans]
        reach = max(-(-self.h // n_ahead) * n_ahead for n_ahead in at_once)
        return (-(-h // self.h) - 1) * self.h + reach
