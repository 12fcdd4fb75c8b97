"""Exponential smoothing of series, each by the settings whose forecasts one step ahead had the least squares."""

import numpy as np

from tsrnn.backends.compiling import compiled


@compiled
def smooth(values, starts, trends, settings, ends):
    """Fill `ends` (n_series, 3) with the last level and trend of each series, and the damping in use.

    Holt's method with a damped trend (Gardner & McKenzie 1985), for a setting (a, b, d) of persistences a and b and a
    damping d, from the first value and a first trend:

        error = y - (level + d trend),    level += d trend + a error,    trend = d trend + a b error
    """
    for i in range(len(starts) - 1):
        least = np.inf
        for s in range(len(settings)):
            a, b, d = settings[s]
            level = values[starts[i]]
            trend = trends[i]
            squares = 0.0
            for t in range(starts[i] + 1, starts[i + 1]):
                ahead = level + d * trend
                error = values[t] - ahead
                squares += error * error
                level = ahead + a * error
                trend = d * trend + a * b * error
            if squares < least or s == 0:
                least = squares
                ends[i, 0] = level
                ends[i, 1] = trend
                ends[i, 2] = d
