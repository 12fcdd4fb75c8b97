"""From the files in `data/` to frames and lists. pandas is imported when a loader that returns frames is called."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

DATA = Path(__file__).parent / "data"


class CIF2016(NamedTuple):
    """What `load_cif2016` returns."""

    train: "pd.DataFrame"  # unique_id, ds, y
    test: "pd.DataFrame"  # unique_id, ds, y
    horizon: dict[str, int]  # unique_id -> 6 or 12


class JapaneseVowels(NamedTuple):
    """What `load_japanese_vowels` returns."""

    X_train: list[np.ndarray]  # 270 of (n_timesteps_i, 12), float32
    y_train: np.ndarray  # (270,), int64
    X_test: list[np.ndarray]  # 370 of (n_timesteps_i, 12), float32
    y_test: np.ndarray  # (370,), int64


def load_airline() -> "pd.Series":
    """Monthly airline passengers, 1949 to 1960: one short series with a trend and a season that grows with it.

    Returns
    -------
    passengers : pandas.Series of shape (144,)
        Thousands of passengers in a month. The index holds the first day of every month, with ``freq="MS"``.

    Notes
    -----
    Source: Box and Jenkins, *Time Series Analysis: Forecasting and Control*, 1976, series G.

    Examples
    --------
    >>> from tsrnn.datasets import load_airline
    >>> passengers = load_airline()
    >>> passengers.shape, passengers.name, passengers.index.freqstr
    ((144,), 'passengers', 'MS')
    >>> int(passengers["1960-12"].iloc[0])
    432
    """
    import pandas as pd

    frame = pd.read_csv(DATA / "airline.csv", index_col="month", parse_dates=["month"])
    return frame["passengers"].asfreq("MS")  # pyright: ignore[reportReturnType]


def load_cif2016() -> CIF2016:
    """The 72 monthly series of the CIF 2016 forecasting competition: many short series, two horizons.

    The last 12 values of 57 series and the last 6 of the other 15 are the test part: forecast them all at once from
    the end of the training part, which has 22 to 108 values. The season is 12 steps long.

    Returns
    -------
    data : CIF2016
        A named tuple.

        train : pandas.DataFrame of shape (6334, 3)
            Columns ``unique_id`` ("T1" to "T72"), ``ds`` (integer step, 0 at the start of every series) and ``y``.
        test : pandas.DataFrame of shape (774, 3)
            The same columns; ``ds`` runs on where the training part ended.
        horizon : dict
            How many test steps each ``unique_id`` has, 6 or 12.

    Notes
    -----
    Source: CIF 2016 Dataset, Zenodo record 4656042, CC BY 4.0.

    Examples
    --------
    >>> from tsrnn.datasets import load_cif2016
    >>> train, test, horizon = load_cif2016()
    >>> len(horizon), horizon["T1"], horizon["T72"]
    (72, 12, 6)
    >>> test.head(3)
      unique_id   ds            y
    0        T1  108  1657.015338
    1        T1  109  1624.537287
    2        T1  110  1585.222987
    """
    import pandas as pd

    with np.load(DATA / "cif2016.npz") as file:
        values = file["values"]
        lengths = file["lengths"].astype(np.int64)
        horizons = file["horizons"].astype(np.int64)
    names = [f"T{number}" for number in range(1, len(lengths) + 1)]
    step = np.concatenate([np.arange(length) for length in lengths])
    frame = pd.DataFrame({"unique_id": np.repeat(names, lengths), "ds": step, "y": values})
    is_test = step >= np.repeat(lengths - horizons, lengths)
    train, test = (frame[part].reset_index(drop=True) for part in (~is_test, is_test))
    return CIF2016(train, test, dict(zip(names, horizons.tolist(), strict=True)))


def load_japanese_vowels() -> JapaneseVowels:
    """640 utterances of the vowels /ae/ by nine men: sequences of 7 to 29 steps; the target is who speaks.

    Each step has 12 cepstrum coefficients of a frame of 25.6 ms; a frame begins every 6.4 ms. The split is the
    original one.

    Returns
    -------
    data : JapaneseVowels
        A named tuple.

        X_train : list of 270 arrays of shape (n_timesteps_i, 12), float32
        y_train : ndarray of shape (270,), int64
            The speaker, 1 to 9.
        X_test : list of 370 arrays of shape (n_timesteps_i, 12), float32
        y_test : ndarray of shape (370,), int64

    Notes
    -----
    Source: Kudo, Toyama and Shimbo, *Japanese Vowels*, UCI Machine Learning Repository, 1999, CC BY 4.0.

    Examples
    --------
    >>> from tsrnn.datasets import load_japanese_vowels
    >>> X_train, y_train, X_test, y_test = load_japanese_vowels()
    >>> len(X_train), X_train[0].shape, X_train[1].shape
    (270, (20, 12), (26, 12))
    >>> y_train[[0, -1]]
    array([1, 9])
    """
    with np.load(DATA / "japanese_vowels.npz") as file:
        parts = dict(file)
    sequences = {
        part: np.split(
            parts[f"values_{part}"], np.cumsum(parts[f"lengths_{part}"], dtype=np.int64)[:-1]
        )
        for part in ("train", "test")
    }
    speakers = {part: parts[f"speakers_{part}"].astype(np.int64) for part in ("train", "test")}
    return JapaneseVowels(
        sequences["train"], speakers["train"], sequences["test"], speakers["test"]
    )
