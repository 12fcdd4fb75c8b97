"""What the arrays of a call must be to each other: kernels check no bounds, so a verb asks here before one sees them.

A function has the name and the arguments of its verb, on both devices, and says whether they fit. On the CPU lengths
are looked at as well; on a GPU nobody waits for them, and kernels there leave out what lies outside.
"""

import sys
from functools import wraps

import numpy as np

from tsrnn.backends.compiling import compiled
from tsrnn.backends.layers import LayerCache, LayerGradients, LayerWeights
from tsrnn.backends.padding import PADDING

HERE = sys.modules[__name__]


def checked(verb):
    """The verb, which refuses arrays that do not fit."""
    fits = getattr(HERE, verb.__name__)
    name = verb.__name__

    @wraps(verb)
    def call(*arguments):
        try:
            right = fits(*arguments)
        except (ValueError, IndexError, AttributeError):  # fewer axes than there must be
            right = False
        if not right:
            raise ValueError(refusal(name, arguments))
        return verb(*arguments)

    return call


def refusal(name, arguments):
    arrays = [
        part for argument in arguments for part in (argument if is_record(argument) else [argument])
    ]
    shapes = ", ".join(str(array.shape) for array in arrays if hasattr(array, "shape"))
    return (
        f"arrays of {name} must be of one network and one batch; got shapes {shapes}: weights, rows and states must "
        "belong to the network that they are used with."
    )


def is_record(argument):
    """Whether it is one of `layers`."""
    return isinstance(argument, LayerWeights | LayerCache | LayerGradients)


@compiled
def n_steps(lengths, most):
    """The sum of lengths that are sorted, longest first, and at most `most`; -1 for others."""
    total = 0
    for b in range(len(lengths)):
        if lengths[b] < 0 or lengths[b] > most or (b > 0 and lengths[b] > lengths[b - 1]):
            return -1
        total += lengths[b]
    return total


def run(lengths, B, most, n_rows=None):
    """Whether lengths are those of B rows of at most so many steps, in all at most `n_rows`."""
    if lengths.shape != (B,):
        return False
    if type(lengths) is not np.ndarray:
        return True
    total = n_steps(lengths, most)
    return total >= 0 and (n_rows is None or total <= n_rows)


# Arrays


def fill(array, values):
    return np.ndim(values) == 0 or values.size == array.size


def set_first(states, initial):
    S, _, B, H = states.shape
    return initial is None or (
        initial.shape[0] == S and initial.shape[1] >= B and initial.shape[2:] == (H,)
    )


def set_columns(source, out, column):
    (B, n), (rows, width) = source.shape, out.shape
    return rows == B and 0 <= column <= width - n


def add_columns(source, column, out):
    return set_columns(out, source, column)


def take_states(carried, series, fresh, initial):
    E, S, B, H = initial.shape
    return carried.shape[1:] == (E, S, H) and series.shape == fresh.shape == (B,)


def keep_states(last, series, carried):
    E, S, B, H = last.shape
    return carried.shape[1:] == (E, S, H) and series.shape == (B,)


def join_directions(last, order, n_units, first):
    (E, S, B, H), (L, *same, width) = last.shape, first.shape
    return (
        same == [S, B]
        and order.shape == (B,)
        and L > 0
        and E % L == 0
        and n_units <= H
        and E // L * n_units <= width
    )


def split_directions(dfirst, order, n_units, dlast):
    return join_directions(dlast, order, n_units, dfirst)


def feed_back(previous_output, n, one_hot, forced, x):
    B, width = x.shape
    return (
        previous_output.shape[0] >= B
        and n <= min(previous_output.shape[1], width)
        and forced.shape == (B,)
    )


def take_rows(array, chosen, workspace, name):
    return len(array.shape) == 2 and len(chosen.shape) == 1


def trailing_mean(values, ends, n, workspace, name):
    inside = (
        type(ends) is not np.ndarray
        or not ends.size
        or (ends.min() >= n and ends.max() <= len(values))
    )
    return len(values.shape) == len(ends.shape) == 1 and n >= 1 and inside


# Rows and steps


def gather(values, starts, lengths, offsets, x):
    """That rows lie within the values, the kernel sees itself."""
    B = x.shape[1]
    return (
        len(x.shape) == 3
        and len(values.shape) == 1
        and starts.shape == lengths.shape == offsets.shape == (B,)
    )


def copy_steps(source, first, target, to, n_columns, lengths, backwards, add):
    (T, B, width), (steps, rows, n) = target.shape, source.shape
    columns = 0 <= to <= width - n_columns and 0 <= first <= n - n_columns
    return columns and rows == B and run(lengths, B, min(T, steps))


def last_outputs(states, lengths, head_input, column):
    _, _, B, H = states.shape
    return (
        lengths.shape == (B,)
        and head_input.shape[0] == B
        and 0 <= column <= head_input.shape[1] - H
    )


def mean_outputs(states, lengths, head_input, column):
    (_, slots, B, H), (n, width) = states.shape, head_input.shape
    return n == B and 0 <= column <= width - H and run(lengths, B, slots - 1)


def scatter_mean(d_head_input, column, lengths, doutputs):
    (T, B, H), (n, width) = doutputs.shape, d_head_input.shape
    return n == B and 0 <= column <= width - H and run(lengths, B, T)


def max_outputs(states, lengths, head_input, column):
    return mean_outputs(states, lengths, head_input, column)


def scatter_max(d_head_input, column, states, lengths, doutputs):
    (_, slots, *rows), (T, B, H), (n, width) = states.shape, doutputs.shape, d_head_input.shape
    fits = n == B and 0 <= column <= width - H and rows == [B, H]
    return fits and run(lengths, B, min(T, slots - 1))


def last_states(states, lengths, last):
    S, _, B, H = states.shape
    return lengths.shape == (B,) and last.shape == (S, B, H)


def every_output(states, lengths, head_input, column, backwards):
    (_, slots, B, H), (n, width) = states.shape, head_input.shape
    return 0 <= column <= width - H and run(lengths, B, slots - 1, n)


def scatter_outputs(d_head_input, column, lengths, doutputs, backwards):
    (T, B, H), (n, width) = doutputs.shape, d_head_input.shape
    return 0 <= column <= width - H and run(lengths, B, T, n)


def attended_outputs(steps, lengths, T, shares, head_input):
    (N, n), (B, width) = steps.shape, head_input.shape
    rows = shares.shape[0] == N and shares.shape[1] >= 1 and n <= width
    return rows and run(lengths, B, T, N)


def scatter_attended(d_head_input, steps, shares, lengths, T, d_steps, d_scores):
    same = d_steps.shape == steps.shape and d_scores.shape == shares.shape
    return same and attended_outputs(steps, lengths, T, shares, d_head_input)


def apply_dropout(x, seed, layer, rate, out):
    return x.shape == out.shape == (x.size,)


# Network: weights are matrices (K, N), or in panels (panels, K, columns of a panel)


def depth(weights):
    """K; shapes of the simulator's arrays have no index from the end."""
    return weights.shape[len(weights.shape) - 2]


def forward(cell, lengths, weights, cache):
    w_ih, w_hh, bias = weights
    x, states, saved = cache
    (T, B, F), (S, slots, rows, H) = x.shape, states.shape
    G = cell.n_gates
    panels = len(w_ih.shape) == 3
    biases = (2 * G - cell.n_summed_gates if panels else 2 * G) * H
    axes = len(w_hh.shape) == len(w_ih.shape)
    whole = (
        axes
        and len(bias.shape) == 2
        and w_ih.size == F * G * H
        and w_hh.size == H * G * H
        and bias.size == biases
    )
    arrays = cell.n_states == S and rows == B and slots in (2, T + 1) and saved.shape[0] in (1, T)
    inner = depth(w_ih) == F and depth(w_hh) == H and saved.shape[1:] == (B, cell.n_saved, H)
    return whole and arrays and inner and run(lengths, B, T)


def backward(cell, lengths, bptt_steps, weights, cache, gradients):
    w_ih_t, w_hh_t, _ = weights
    x, states, saved = cache
    doutputs, dstates, dx, grad, at = gradients
    (T, B, F), H, G = x.shape, states.shape[3], cell.n_gates
    columns = w_ih_t.size // (G * H)  # of the inputs' slopes
    matrices = depth(w_ih_t) == depth(w_hh_t) == G * H and w_hh_t.size == G * H * H and columns >= F
    traces = states.shape == (cell.n_states, T + 1, B, H) and saved.shape == (T, B, cell.n_saved, H)
    slopes = doutputs.shape in ((T, B, H), (0, B, H)) and dstates.shape == (cell.n_states, B, H)
    whole = len(w_ih_t.shape) == 2 or columns % PADDING == 0
    inputs = whole and len(dx.shape) == 3 and (dx.size == 0 or dx.shape == (T, B, columns))
    inside = len(grad.shape) == 1 and 0 <= at <= grad.size - (F + H + 2) * G * H and bptt_steps >= 1
    return matrices and traces and slopes and inputs and inside and run(lengths, B, T)


def affine(x, w, b, out):
    (N, K), (rows, M) = x.shape, out.shape
    return rows == N and b.shape == (M,) and depth(w) == K and w.size == K * M


def affine_backward(x, w_t, dout, dx, grad, at):
    (N, K), (rows, M) = x.shape, dout.shape
    weights = depth(w_t) == M and w_t.size == K * M
    return weights and rows == N and dx.shape == (N, K) and 0 <= at <= grad.size - (K + 1) * M


def loss(loss, outputs, targets, weights, parameters, total_weight, slopes):
    (N, width), (rows, n) = outputs.shape, targets.shape
    same = weights.shape == targets.shape and slopes.shape == outputs.shape
    n_forecasts = len(parameters) if hasattr(parameters, "__len__") else 1
    return same and rows == N and n_forecasts * n <= width


def reduce_gradients(grads, theta, decay, alpha, limit, grad):
    _, n = grads.shape
    return theta.shape == decay.shape == grad.shape == (1, n) and n % PADDING == 0


def record_update(log, at, loss, norm):
    return log.shape[0] == 2 and (not isinstance(at, int) or 0 <= at < log.shape[1])


def apply_update(update, theta, grad, moments, decay, c, limit, norm, clip_norm):
    _, n = theta.shape
    same = theta.shape == grad.shape == decay.shape == (1, n) and moments.shape == (
        update.n_moments,
        n,
    )
    return same and n % PADDING == 0 and len(c) >= 5
