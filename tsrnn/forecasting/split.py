"""Cross-validation over panels, for scikit-learn's searches."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PanelTimeSeriesSplit:
    """Splits of a long frame: for testing the last `h` values of every series, those before them, and so on; for
    training everything before them.

    Parameters
    ----------
    n_splits : int, default=3
        Splits, the earliest first.
    h : int, default=1
        Values of every series to test on.
    step_size : int, optional
        Values between the beginnings of two splits; `h` if not given.
    id_col, time_col : str
        Columns of the frame.

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

    def split(self, X, y=None, groups=None):
        """Positions of rows to train on and to test on, split by split.

        Raises
        ------
        ValueError
            If no series is long enough for the first split.
        """
        order = X[self.time_col].argsort(kind="stable").to_numpy()
        left = np.empty(len(X), int)  # values of the series from this row on
        left[order] = X[self.id_col].iloc[order].groupby(X[self.id_col].iloc[order]).cumcount(ascending=False) + 1
        step = self.step_size or self.h
        for split in reversed(range(self.n_splits)):
            later = split * step
            train, test = left > later + self.h, (left > later) & (left <= later + self.h)
            if not train.any():
                raise ValueError(
                    f"n_splits={self.n_splits}, h={self.h} and step_size={step} must leave values to train on; the "
                    f"longest series has {left.max()}."
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.n_splits
