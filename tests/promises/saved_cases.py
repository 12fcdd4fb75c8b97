"""Small data and quick settings that files are made of, for the tests of damaged and of impossible ones."""

import numpy as np
import pandas as pd

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(8, 5))
NUMBERS = RNG.normal(size=8)
WORDS = ["ab", "b", "aab", "ba"] * 2
SMALL = {"hidden_size": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1}
TINY = {
    "h": 3,
    "n_networks": 1,
    "max_steps": 2,
    "hidden_size": 3,
    "window": 6,
    "segment": 1,
    "level_window": 1,
    "n_jobs": 1,
}


def long(days, **columns):
    """Two series on these twenty days, and further columns."""
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days, "y": RNG.uniform(5, 9, 20)})
        for name in ("a", "b")
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)
