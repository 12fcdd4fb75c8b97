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
    output h. A cell with a title is offered to users under its name.
    """

    name: str
    n_gates: int
    n_states: int
    n_saved: int
    n_summed_gates: int  # of the first that many gates only a + q is needed
    forward: Callable
    backward: Callable
    title: str = ""
    initial_bias: tuple = ()  # of each gate, a number that b_ih starts from; 0 if not given


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
    r = sigmoid(a[0] + q[0])
    z = sigmoid(a[1] + q[1])
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
    i = sigmoid(a[0] + q[0])
    f = sigmoid(a[1] + q[1])
    g = tanh(a[2] + q[2])
    o = sigmoid(a[3] + q[3])
    c = f * old[1] + i * g
    t = tanh(c)
    return (o * t, c), (i, f, g, o, t)


@register_jitable
def lstm_backward(saved, old, ds):
    i, f, g, o, t = saved
    dc = ds[1] + ds[0] * o * (ONE - t * t)
    d = (
        dc * g * i * (ONE - i),
        dc * old[1] * f * (ONE - f),
        dc * i * (ONE - g * g),
        ds[0] * t * o * (ONE - o),
    )
    return d, d, (dc - dc, dc * f)


@register_jitable
def mgu_forward(a, q, old):
    """n = tanh(a_n + f q_n), h = old + f (n - old): one gate that forgets and resets (Zhou et al. 2016). The reset
    comes after the product, as in the GRU here, not before it.
    """
    f = sigmoid(a[0] + q[0])
    n = tanh(a[1] + f * q[1])
    return (old[0] + f * (n - old[0]),), (f, n, q[1])


@register_jitable
def mgu_backward(saved, old, ds):
    f, n, q_n = saved
    dn = ds[0] * f * (ONE - n * n)
    df = (ds[0] * (n - old[0]) + dn * q_n) * f * (ONE - f)
    return (df, dn), (df, dn * f), (ds[0] * (ONE - f),)


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn", 1, 1, 1, 1, elman_forward, elman_backward, title="Elman's"),
        Cell("rnn_relu", 1, 1, 1, 1, relu_forward, relu_backward),  # `activation="relu"`
        Cell(
            "gru",
            3,
            1,
            4,
            2,
            gru_forward,
            gru_backward,
            title="gated recurrent unit (reset after the product)",
        ),
        Cell(
            "lstm",
            4,
            2,
            5,
            4,
            lstm_forward,
            lstm_backward,
            title="long short-term memory",
            initial_bias=(0, 1, 0, 0),
        ),
        Cell(
            "mgu",
            2,
            1,
            3,
            1,
            mgu_forward,
            mgu_backward,
            title="minimal gated unit (reset after the product)",
        ),
    )
}


def offered_cells():
    """Names of the cells that users may ask for."""
    return tuple(name for name, cell in CELLS.items() if cell.title)
