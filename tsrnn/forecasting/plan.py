"""What the forecaster chooses when it is not told: from the horizon, the season and the lengths of the series."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Plan:
    """Shape of the windows, in numbers of values, and whether the seasonal index is taken out."""

    window: int
    segment: int
    level: int
    deseasonalize: bool = False


class Wanted(NamedTuple):
    """What a plan must keep; "auto" leaves it open."""

    window: int | str = "auto"
    segment: int | str = "auto"
    level: int | str = "auto"
    deseasonalize: bool | str = "auto"


def plans_for(lengths, h, season_lengths, keep=None):
    """Plans worth a trial for series of these lengths, the first the likeliest, all keeping what is `Wanted`.

    Series of a few seasons, each of at least four values, are read season by season, the shortest of several, others
    value by value. Windows are of a middle, a short and a long kind, as far as half of a typical series allows. The
    level is the mean of a season, or the last value.
    """
    window, segment, level, deseasonalize = keep or Wanted()
    typical = int(np.median(lengths))
    shortest = season_lengths[0]
    season_length = season_lengths[-1]
    if segment == "auto":
        segment = shortest if shortest >= 4 and typical >= 4 * shortest else 1
    least = max(2 * season_length if typical > 2 * season_length + h else 1, segment)
    reach = max(2 * season_length, 3 * h), 2 * h, max(3 * season_length, 7 * h)
    fitting = [max(min(values, typical // 2), least) for values in reach]
    windows = (
        [-(-values // segment) * segment for values in fitting] if window == "auto" else [window]
    )
    means = [length for length in season_lengths[::-1] if typical > length]
    levels = [*means, 1] if level == "auto" else [level]
    indices = (
        [False, True] if deseasonalize == "auto" and season_length > 1 else [deseasonalize is True]
    )
    plans = [
        Plan(w, segment, min(v, w) if level == "auto" else v, s)
        for w, v, s in product(windows, levels, indices)
    ]
    return list(dict.fromkeys(plans))


def steps_for(lengths):
    """Updates of a network: they grow with the root of the number of values, between 200 and 2000."""
    return int(np.clip(500 * np.sqrt(np.sum(lengths) / 20_000), 200, 2000))
