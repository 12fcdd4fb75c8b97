"""Logarithms of probabilities in a row of outputs, for the kernels of both devices."""

from numba.extending import register_jitable

from tsrnn.rules.functions import exp, greater, log


@register_jitable
def to_log_probabilities(outputs, row, n):
    """outputs[row, :n] -= log(sum(exp(outputs[row, :n])))"""
    top = outputs[row, 0]
    for j in range(1, n):
        top = greater(top, outputs[row, j])
    total = exp(outputs[row, 0] - top)
    for j in range(1, n):
        total += exp(outputs[row, j] - top)
    top += log(total)
    for j in range(n):
        outputs[row, j] -= top
