"""Losses: the value at one output and its slope there. `value, slope = rule(output, target, parameters)`."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable
from scipy.special import expit, logit

from tsrnn.rules.functions import HALF, ONE, clipped, exp, greater, like, log, positive, sigmoid


class Link(NamedTuple):
    """How an output becomes a prediction, and the way back."""

    prediction: Callable
    output: Callable


IDENTITY = Link(np.asarray, np.asarray)
LOG = Link(np.exp, np.log)
LOGIT = Link(expit, logit)

MOST_PARAMETERS = 2  # of a loss


class Loss(NamedTuple):
    """A loss with a title is offered to users of regressors under its name."""

    name: str
    rule: Callable
    softmax: bool = False  # outputs of a row become log probabilities before the rule sees them
    title: str = ""
    parameters: tuple = ()  # names of the estimators' parameters that the rule is told, at most MOST_PARAMETERS
    link: Link = IDENTITY
    least: float = -math.inf  # of targets
    most: float = math.inf
    # the one that the best constant is, from the parameters; None if it is the mean
    quantile: Callable | None = None


@register_jitable
def squared(output, target, parameters):
    """(y - t)^2"""
    e = output - target
    return e * e, e + e


@register_jitable
def absolute(output, target, parameters):
    """|y - t|"""
    e = output - target
    return greater(e, -e), positive(e) - positive(-e)


@register_jitable
def huber(output, target, parameters):
    """(y - t)^2 / 2 up to the distance d, then d (|y - t| - d / 2) (Huber 1964)."""
    e = output - target
    inner = clipped(e, parameters[0])
    return inner * (e - HALF * inner), inner


@register_jitable
def pinball(output, target, parameters):
    """max(q (t - y), (q - 1) (t - y)) for the quantile q (Koenker & Bassett 1978)."""
    e = target - output
    q = parameters[0]
    return greater(q * e, (q - ONE) * e), (ONE - q) * positive(-e) - q * positive(e)


@register_jitable
def quantile_huber(output, target, parameters):
    """|q - [t < y]| H_d(y - t) / d for the quantile q and Huber's loss H with the distance d (Dabney et al. 2018)."""
    e = output - target
    q = parameters[0]
    d = parameters[1]
    inner = clipped(e, d)
    side = (ONE - q) * positive(e) + q * positive(-e)
    return side * inner * (e - HALF * inner) / d, side * inner / d


@register_jitable
def tweedie(output, target, parameters):
    """t^(2 - p) / ((1 - p) (2 - p)) - t m^(1 - p) / (1 - p) + m^(2 - p) / (2 - p), m = exp(y): half the deviance of
    Tweedie's distribution with the mean m and the power p of its variance, for 1 < p < 2 (Jorgensen 1987).
    """
    one = ONE - parameters[0]
    two = ONE + ONE - parameters[0]
    up = exp(two * output)
    down = target * exp(one * output)
    least = exp(two * log(greater(target, like(target, 1e-37, 1e-300)))) / (one * two)
    return least + up / two - down / one, up - down


@register_jitable
def log_loss(output, target, parameters):
    """-t log p - (1 - t) log(1 - p) with p = sigmoid(y), for targets 0 and 1."""
    e = greater(output, like(output, 0, 0)) - output * target
    return e + log(ONE + exp(-greater(output, -output))), sigmoid(output) - target


@register_jitable
def softmax_log_loss(output, target, parameters):
    """-t log p; the output is log p already, the slope is that of the output before softmax, where the targets of a
    row sum to 1.
    """
    return -target * output, exp(output) - target


def is_of_classes(name):
    """Whether targets of the loss of that name are shares of classes."""
    return name.endswith("log_loss")


def half(parameters):
    return 0.5


def first(parameters):
    return parameters[0]


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared", squared, title="(y - t)^2"),
        Loss("absolute", absolute, title="|y - t|", quantile=half),
        Loss("huber", huber, title="Huber's loss", parameters=("huber_delta",), quantile=half),
        Loss(
            "pinball", pinball, title="the pinball loss", parameters=("quantile",), quantile=first
        ),
        Loss(
            "quantile_huber",
            quantile_huber,
            title="the pinball loss, rounded as Huber's (Dabney et al. 2018)",
            parameters=("quantile", "huber_delta"),
            quantile=first,
        ),
        Loss(
            "tweedie",
            tweedie,
            title="half Tweedie's deviance of targets >= 0, such as counts and amounts; the network forecasts log y",
            parameters=("tweedie_power",),
            link=LOG,
            least=0.0,
        ),
        Loss("log_loss", log_loss, link=LOGIT, least=0.0, most=1.0),
        Loss("softmax_log_loss", softmax_log_loss, softmax=True, link=LOG, least=0.0, most=1.0),
    )
}


def offered_losses():
    """Names of the losses that users of regressors may ask for."""
    return tuple(name for name, loss in LOSSES.items() if loss.title)


def losses_fed_back():
    """Those whose outputs are predictions, which a decoder can be fed."""
    return tuple(name for name in offered_losses() if LOSSES[name].link is IDENTITY)
