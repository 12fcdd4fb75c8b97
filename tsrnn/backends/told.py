"""What the rule of a loss is told, on both devices."""

import numpy as np

from tsrnn.rules.losses import MOST_PARAMETERS


def told(parameters, n, dtype):
    """(n_forecasts, n targets, MOST_PARAMETERS + 1) of a number, one for each of several forecasts, or a few for each,
    of which each is one for all targets or one for each of them; the last is a factor of the loss.
    """
    given = parameters if hasattr(parameters, "__len__") else [parameters]
    table = np.ones((len(given), n, MOST_PARAMETERS + 1), dtype)
    for k, one in enumerate(given):
        for place, value in enumerate(one if isinstance(one, tuple) else np.atleast_1d(one)):
            table[k, :, place] = value
    return table
