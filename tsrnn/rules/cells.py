"""Cells: what happens to one unit in one step. Forward with backward under it; numbers in, tuples of numbers out.

In all of them `a` is what the input adds to each gate (x W_ih + b_ih), `q` what the previous state adds (h W_hh +
b_hh).
"""

from collections.abc import Callable
from typing import NamedTuple

from numba.extending import register_jitable

from tsrnn.rules.functions import ONE, greater, positive, sigmoid, tanh


class Cell(NamedTuple):
    """`new, saved = forward(a, q, old)` and `da, dq, dold = backward(saved, old, dnew)`; the first state is the
    output h.
    """

    name: str
    n_gates: int
    n_states: int
    n_saved: int
    n_together: int  # of the first that many gates only a + q is needed
    forward: Callable
    backward: Callable


@register_jitable
def elman_forward(a, q, old):
    """h = tanh(a + q) (Elman 1990)."""
    h = tanh(a[0] + q[0])
    return (h,), (h,)


@register_jitable
def elman_backward(saved, old, ds):
    d = ds[0] * (ONE - saved[0] * saved[0])
    return (d,), (d,), (d - d,)


@register_jitable
def relu_forward(a, q, old):
    """h = max(a + q, 0) (Le, Jaitly & Hinton 2015)."""
    s = a[0] + q[0]
    return (greater(s, s - s),), (positive(s),)


@register_jitable
def relu_backward(saved, old, ds):
    d = ds[0] * saved[0]
    return (d,), (d,), (d - d,)


@register_jitable
def gru_forward(a, q, old):
    """n = tanh(a_n + r q_n), h = n + z (old - n): the reset gate after the product (Cho et al. 2014, version 1 of the
    paper).
    """
    r, z = sigmoid(a[0] + q[0]), sigmoid(a[1] + q[1])
    n = tanh(a[2] + r * q[2])
    return (n + z * (old[0] - n),), (r, z, n, q[2])


@register_jitable
def gru_backward(saved, old, ds):
    r, z, n, q_n = saved
    dn = ds[0] * (ONE - z) * (ONE - n * n)
    dz = ds[0] * (old[0] - n) * z * (ONE - z)
    dr = dn * q_n * r * (ONE - r)
    return (dr, dz, dn), (dr, dz, dn * r), (ds[0] * z,)


@register_jitable
def lstm_forward(a, q, old):
    """c = f c_old + i g, h = o tanh(c) (Hochreiter & Schmidhuber 1997; forget gate of Gers, Schmidhuber & Cummins
    2000).
    """
    i, f = sigmoid(a[0] + q[0]), sigmoid(a[1] + q[1])
    g, o = tanh(a[2] + q[2]), sigmoid(a[3] + q[3])
    c = f * old[1] + i * g
    t = tanh(c)
    return (o * t, c), (i, f, g, o, t)


@register_jitable
def lstm_backward(saved, old, ds):
    i, f, g, o, t = saved
    dc = ds[1] + ds[0] * o * (ONE - t * t)
    d = (dc * g * i * (ONE - i), dc * old[1] * f * (ONE - f), dc * i * (ONE - g * g), ds[0] * t * o * (ONE - o))
    return d, d, (dc - dc, dc * f)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn", 1, 1, 1, 1, elman_forward, elman_backward),
        Cell("rnn_relu", 1, 1, 1, 1, relu_forward, relu_backward),
        Cell("gru", 3, 1, 4, 2, gru_forward, gru_backward),
        Cell("lstm", 4, 2, 5, 4, lstm_forward, lstm_backward),
    )
}
