"""Cross-validation over panels, for scikit-learn's searches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsrnn.forecasting.panel.frames import rows_of
from tsrnn.types import SequencesLike, TargetsLike
from tsrnn.validation import POSITIVE_INT


@dataclass(frozen=True)
class PanelTimeSeriesSplit:
    """Splits of a panel: for testing the last `h` values of every series, those before them, and so on; for training
    everything before them.

    A panel comes in any form that `RNNForecaster.fit` takes. Splits are positions of its rows: of a wide frame those of
    its times.

    Parameters
    ----------
    n_splits : int, default=3
        Splits, the earliest first.
    h : int, default=1
        Values of every series to test on.
    step_size : int, optional
        Values between the beginnings of two splits; `h` if not given.
    id_col, time_col : str
        Columns of a long frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import PanelTimeSeriesSplit
    >>> df = pd.DataFrame({"unique_id": ["a"] * 6 + ["b"] * 5, "ds": [*range(6), *range(5)], "y": 1.0})
    >>> for train, test in PanelTimeSeriesSplit(n_splits=2, h=2).split(df):
    ...     print(train, test)
    [0 1 6] [2 3 7 8]
    [0 1 2 3 6 7 8] [ 4  5  9 10]
    """

    n_splits: int = 3
    h: int = 1
    step_size: int | None = None
    id_col: str = "unique_id"
    time_col: str = "ds"

    def split(
        self, X: SequencesLike, y: TargetsLike = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Positions of rows to train on and to test on, split by split.

        Raises
        ------
        ValueError
            If X is no panel, a parameter is no positive int, or no series is long enough for the first split.
        """
        self._check()
        rows = rows_of(X, self.id_col, self.time_col)
        rows = rows.sort_values(self.time_col, kind="stable")
        left = np.empty(len(rows), int)  # values of the series from this row on
        left[rows.index] = rows.groupby(self.id_col, observed=True).cumcount(ascending=False) + 1
        step = self.step_size or self.h
        for split in reversed(range(self.n_splits)):
            later = split * step
            train = left > later + self.h
            test = (left > later) & (left <= later + self.h)
            if not train.any():
                raise ValueError(
                    f"n_splits={self.n_splits}, h={self.h} and step_size={step} must leave values to train on; the "
                    f"longest series has {left.max()}."
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _check(self):
        for name in ("n_splits", "h", "step_size"):
            value = getattr(self, name)
            if not (POSITIVE_INT.accepts(value) or (name == "step_size" and value is None)):
                raise ValueError(
                    f"{name} of PanelTimeSeriesSplit must be {POSITIVE_INT}; got {value!r}."
                )

    def get_n_splits(
        self, X: SequencesLike = None, y: TargetsLike = None, groups: Any = None
    ) -> int:
        return self.n_splits
