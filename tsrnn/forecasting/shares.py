"""How much of the forecast is that of a simple method: as much as held-out windows bear.

Ensemble selection (Caruana, Niculescu-Mizil, Crew & Ksikes 2004): the networks have everything at first; a tenth at a
time goes to the method with which the mean error over the windows is lowest, up to half of all until it is more than
noise above the least, and further as long as it falls. A method with which errors are as large as without is worth its
share: a mean of unlike forecasts errs less when things change.
"""

from typing import NamedTuple

import numpy as np

from tsrnn.forecasting.held_out import error
from tsrnn.forecasting.simple_forecasts import SIMPLE
from tsrnn.validation import Interval, Real

SHARE = Interval(Real, 0, 1, "both")
ROUNDING = 1e-9  # of a sum of shares
N_STEPS = 10  # from none to all
HALF = N_STEPS // 2
TOLERANCE = 1.01  # times the least error, as long as networks have half or more


class Window(NamedTuple):
    """What was forecast of a held-out window, and what came."""

    truth: np.ndarray  # (n_series, h), NaN where unknown
    networks: tuple  # of (n_series, h): by networks that know less, and by those that have seen it
    simple: dict  # of each method, (n_series, h)
    weights: np.ndarray  # (n_series,)

    def error(self, shares):
        return sum(
            error(self.truth, mixed(networks, self.simple, shares), self.weights)
            for networks in self.networks
        )


def mixed(networks, simple, shares):
    """The mean of forecasts (n_series, h), each method with its share, networks with the rest."""
    rest = 1 - sum(shares.values())
    return rest * networks + sum(share * simple[name] for name, share in shares.items())


def shares_of(told):
    """Shares that a user tells, checked, those of nothing left out."""
    for name, share in told.items():
        if name not in SIMPLE:
            raise ValueError(f"shares must be of {', '.join(SIMPLE)}; got {name!r}.")
        if not SHARE.accepts(share):
            raise ValueError(f"shares must be numbers from 0 to 1; got {share!r} of {name}.")
    if sum(told.values()) > 1 + ROUNDING:
        raise ValueError(f"shares must be 1 at most in all; got {sum(told.values()):g}.")
    return {name: float(told[name]) for name in SIMPLE if told.get(name)}


def shares_before(theta_share):
    """Shares of files that tell that of the Theta method alone."""
    return {"theta": theta_share} if theta_share != 0 else {}


def shares_for(windows):
    """The share of each simple method, those without one left out."""
    tenths = dict.fromkeys(SIMPLE, 0)
    least = mean_error(windows, {})
    for n_given in range(N_STEPS):
        errors = {name: mean_error(windows, one_more(tenths, name)) for name in SIMPLE}
        name = min(errors, key=errors.__getitem__)
        found = errors[name]
        if not (found <= TOLERANCE * least if n_given < HALF else found < least):
            break
        least = min(least, found)
        tenths[name] += 1
    return as_shares(tenths)


def one_more(tenths, name):
    return as_shares(tenths | {name: tenths[name] + 1})


def as_shares(tenths):
    return {name: n / N_STEPS for name, n in tenths.items() if n}


def mean_error(windows, shares):
    return float(np.mean([window.error(shares) for window in windows]))
