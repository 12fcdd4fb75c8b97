"""Which plans to keep: those that forecast the last, held-out values of the panel best."""

import numpy as np

N_KEPT = 4
TOLERANCE = 1.1  # times the lowest error; what is worse is not kept


def hold_out(series, h):
    """Series without their last h values, and those values; what is too short for it is left out."""
    long = [y for y in series if len(y) >= h + 3]
    return [y[:-h] for y in long], np.array([y[-h:] for y in long]).reshape(len(long), h)


def error(truth, forecasts, weights):
    """Weighted mean over series of the absolute error relative to truth and forecast."""
    size = np.abs(truth).sum(axis=1) + np.abs(forecasts).sum(axis=1)
    return float(weights @ (np.abs(truth - forecasts).sum(axis=1) / np.where(size > 0, size, 1)))


def best(plans, errors):
    """The plans with the lowest errors, best first."""
    order = np.argsort(errors, kind="stable")[:N_KEPT]
    return [plans[i] for i in order if errors[i] <= TOLERANCE * min(errors)]
