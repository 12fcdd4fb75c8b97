"""What the forecaster chooses when it is not told: from the horizon, the season and the lengths of the series."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plan:
    """Shape of the windows; numbers of values."""

    window: int
    segment: int
    level: int


def plan_for(lengths, h, season_length, window="auto", segment="auto", level="auto"):
    """A plan for series of these lengths, keeping what is given.

    The window holds at least two seasons and three horizons, as far as half of a typical series allows. A long season
    is read season by season, a short one value by value. The level is the mean of a season.
    """
    typical = int(np.median(lengths))
    if segment == "auto":
        segment = season_length if season_length >= 7 and typical >= 8 * season_length else 1
    if window == "auto":
        wanted = max(2 * season_length, 3 * h)
        window = max(min(wanted, typical // 2), 2 * season_length if typical > 2 * season_length + h else 1, segment)
        window = -(-window // segment) * segment
    if level == "auto":
        level = season_length if typical > season_length else 1
    return Plan(window, segment, min(level, window))
