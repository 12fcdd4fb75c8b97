"""Losses: the value at one output and its slope there. `value, slope = rule(output, target, parameter)`."""

from collections.abc import Callable
from typing import NamedTuple

from numba.extending import register_jitable

from tsrnn.rules.functions import HALF, ONE, clipped, exp, greater, like, log, positive, sigmoid


class Loss(NamedTuple):
    name: str
    rule: Callable
    softmax: bool = False  # outputs of a row become log probabilities before the rule sees them


@register_jitable
def squared(output, target, parameter):
    """(y - t)^2"""
    e = output - target
    return e * e, e + e


@register_jitable
def absolute(output, target, parameter):
    """|y - t|"""
    e = output - target
    return greater(e, -e), positive(e) - positive(-e)


@register_jitable
def huber(output, target, parameter):
    """(y - t)^2 / 2 up to the distance d = `parameter`, then d (|y - t| - d / 2) (Huber 1964)."""
    e = output - target
    inner = clipped(e, parameter)
    return inner * (e - HALF * inner), inner


@register_jitable
def pinball(output, target, parameter):
    """max(q (t - y), (q - 1) (t - y)) for the quantile q = `parameter` (Koenker & Bassett 1978)."""
    e = target - output
    return greater(parameter * e, (parameter - ONE) * e), (ONE - parameter) * positive(-e) - parameter * positive(e)


@register_jitable
def log_loss(output, target, parameter):
    """-t log p - (1 - t) log(1 - p) with p = sigmoid(y), for targets 0 and 1."""
    e = greater(output, like(output, 0, 0)) - output * target
    return e + log(ONE + exp(-greater(output, -output))), sigmoid(output) - target


@register_jitable
def softmax_log_loss(output, target, parameter):
    """-t log p; the output is log p already, the slope is that of the output before softmax, where the targets of a
    row sum to 1.
    """
    return -target * output, exp(output) - target


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared", squared),
        Loss("absolute", absolute),
        Loss("huber", huber),
        Loss("pinball", pinball),
        Loss("log_loss", log_loss),
        Loss("softmax_log_loss", softmax_log_loss, softmax=True),
    )
}
