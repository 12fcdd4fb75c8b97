"""What the forecaster chooses when it is not told: from the horizon, the season and the lengths of the series."""

from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Plan:
    """Shape of the windows, in numbers of values, whether the seasonal index is taken out, and the units of series,
    where they are not those of the forecaster.
    """

    window: int
    segment: int
    level: int
    deseasonalize: bool = False
    log: bool | str = "auto"
    scale: bool | str = "auto"

    @property
    def scaling(self):
        """What tells the scale that networks work on."""
        return self.deseasonalize, self.log, self.scale


class Wanted(NamedTuple):
    """What a plan must keep; "auto" leaves it open."""

    window: int | str = "auto"
    segment: int | str = "auto"
    level: int | str = "auto"
    deseasonalize: bool | str = "auto"


FEW = 4  # seasons that are enough to read series season by season
LONG = 12  # steps of a season that can be read in parts
PARTS = 13  # of a long season, such as four weeks of a year


def plans_for(lengths, h, season_lengths, keep=None):
    """Plans worth a trial for series of these lengths, the first the likeliest, all keeping what is `Wanted`.

    The level is the mean of a season, or the last value.
    """
    keep = keep or Wanted()
    typical = int(np.median(lengths))
    segment, least, reach = reach_of(typical, h, season_lengths)
    if keep.segment != "auto":
        segment = keep.segment
    windows = [-(-max(values, least) // segment) * segment for values in reach]
    means = [length for length in season_lengths[::-1] if typical > length]
    levels = [*means, 1]
    indices = [False, True] if season_lengths[-1] > 1 else [False]
    plans = [
        Plan(w, segment, min(v, w) if keep.level == "auto" else v, s)
        for w, v, s in product(
            windows if keep.window == "auto" else [keep.window],
            levels if keep.level == "auto" else [keep.level],
            indices if keep.deseasonalize == "auto" else [keep.deseasonalize],
        )
    ]
    return list(dict.fromkeys(plans))


def reach_of(typical, h, season_lengths):
    """Values of a step, the fewest of a window, and those of windows of a middle, a short and a long kind.

    Series of a few seasons, each of at least four values, are read season by season, the shortest of several, others
    value by value, and windows go as far as half of a typical series. A long season of which there are fewer is read in
    parts, with windows of a whole one, of half and of two.
    """
    shortest = season_lengths[0]
    longest = season_lengths[-1]
    if is_of_few_seasons(typical, h, longest):
        segment = max(longest // PARTS, 1)
        return segment, segment, (longest + segment, max(2 * h, longest // 2), 2 * longest)
    segment = shortest if shortest >= 4 and typical >= FEW * shortest else 1
    least = max(2 * longest if typical > 2 * longest + h else 1, segment)
    reach = max(2 * longest, 3 * h), 2 * h, max(3 * longest, 7 * h)
    return segment, least, [min(values, typical // 2) for values in reach]


def in_other_units(plan, setting):
    """The plan without logarithms, and in units of naive errors, as far as the forecaster leaves it open."""
    if setting.log == "auto":
        yield replace(plan, log=False)
    if setting.scale == "auto":
        yield replace(plan, scale=True)


def is_of_few_seasons(typical, h, longest):
    """Whether a season is long, and a typical series has one, but not four."""
    return longest >= LONG and longest + h < typical < FEW * longest


def steps_for(lengths):
    """Updates of a network: they grow with the root of the number of values, between 300 and 3000."""
    return int(np.clip(700 * np.sqrt(np.sum(lengths) / 20_000), 300, 3000))
