"""Updates: how one parameter moves. `theta, moments = rule(theta, grad, moments, c)`, with the numbers `c` that
`coefficients` gives for a step.
"""

from collections.abc import Callable
from typing import NamedTuple

from numba.extending import register_jitable

from tsrnn.rules.functions import like, sqrt


class Update(NamedTuple):
    name: str
    n_moments: int
    rule: Callable
    coefficients: Callable  # (step from 1, rate, momentum) -> c
    # weight decay shrinks the parameter itself instead of joining the gradient
    decoupled: bool = False


@register_jitable
def sgd(theta, grad, moments, c):
    """v <- momentum v + g, theta <- theta - rate v (Polyak 1964)."""
    v = c[1] * moments[0] + grad
    return theta - c[0] * v, (v,)


def sgd_coefficients(step, rate, momentum):
    return rate, momentum, 0.0, 0.0


@register_jitable
def rmsprop(theta, grad, moments, c):
    """s <- keep s + (1 - keep) g^2, v <- momentum v + g / (sqrt(s) + eps), theta <- theta - rate v (Tieleman & Hinton
    2012).
    """
    s = grad * grad + c[2] * (moments[1] - grad * grad)
    v = c[1] * moments[0] + grad / (sqrt(s) + like(grad, 1e-8, 1e-8))
    return theta - c[0] * v, (v, s)


def rmsprop_coefficients(step, rate, momentum):
    return rate, momentum, 0.99, 0.0


@register_jitable
def adam(theta, grad, moments, c):
    """m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, theta <- theta - rate' m / (c sqrt(v) + eps) (Kingma & Ba
    2015).
    """
    m = grad + c[1] * (moments[0] - grad)
    v = grad * grad + c[2] * (moments[1] - grad * grad)
    return theta - c[0] * m / (c[3] * sqrt(v) + like(grad, 1e-8, 1e-8)), (m, v)


def adam_coefficients(step, rate, momentum):
    """The corrections for starting from zero are in the rate and in the factor of the root."""
    return rate / (1 - momentum**step), momentum, 0.999, (1 - 0.999**step) ** -0.5


UPDATES = {
    update.name: update
    for update in (
        Update("sgd", 1, sgd, sgd_coefficients),
        Update("rmsprop", 2, rmsprop, rmsprop_coefficients),
        Update("adam", 2, adam, adam_coefficients),
        Update("adamw", 2, adam, adam_coefficients, decoupled=True),  # Loshchilov & Hutter 2019
    )
}
