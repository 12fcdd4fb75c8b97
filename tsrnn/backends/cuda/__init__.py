"""The GPU's verbs: those of the CPU (see `tsrnn.backends.cpu`), with arrays that live on the device.

A batch is one chunk. Kernels are launched and not waited for: a loss or a norm is the parts of its sum, on the device,
and is read from a log. Every sum has a fixed order, so that the same seed gives the same bits.
"""

import math

import numpy as np

from tsrnn.backends.cuda import elementwise, scans
from tsrnn.backends.cuda.graphs import Repeated as repeated  # noqa: F401 a verb as it is
from tsrnn.backends.cuda.launching import (
    N_PARTS,
    SIMULATED,  # noqa: F401
    STREAM,
    THREADS,
    allocate,
    launch,
    launch_now,
    launch_over,
    memory,
    nothing,
    scratch,
    to_device,
)
from tsrnn.backends.cuda.packing import Packing  # noqa: F401
from tsrnn.backends.cuda.precision import in_precision
from tsrnn.backends.seams import checked
from tsrnn.backends.told import told

MOST_ROWS = 16384  # of one forward pass in a prediction
MOST_BYTES = 2**30  # of what it keeps of every step
FEW_STEPS = 16  # up to so many are not rounded


def count_chunks(n_rows, n_multiplications):
    return 1


def each(function, n_chunks, n_jobs):
    return [function(chunk) for chunk in range(n_chunks)]


def n_projected(n_gates, n_inputs):
    return n_gates if n_inputs > scans.FEW_INPUTS else 0


# Arrays


def zeros(shape, dtype):
    out = allocate(shape, np.dtype(dtype))
    if out.size:  # whatever waits or is recorded, new memory is zero now
        launch_over(
            elementwise.set_all, out.size, out.reshape(-1), out.dtype.type(0), launch=launch_now
        )
    return out


def to_host(array, out=None):
    return array.copy_to_host(out)


@checked
def fill(array, values):
    out = array.reshape(-1)
    if np.ndim(values) == 0:
        launch_over(elementwise.set_all, out.size, out, array.dtype.type(values))
    else:
        launch_over(elementwise.copy, out.size, values.reshape(-1), out)


@checked
def set_first(states, initial):
    initial = nothing(3, states.dtype) if initial is None else initial
    launch_over(elementwise.set_first, states.size // states.shape[1], initial, states)


@checked
def take_states(carried, series, fresh, initial):
    launch_over(elementwise.take_states, initial.size, carried, series, fresh, initial)


@checked
def keep_states(last, series, carried):
    launch_over(elementwise.keep_states, last.size, last, series, carried)


@checked
def join_directions(last, order, n_units, first):
    launch_over(elementwise.join_directions, last.size, last, order, n_units, first, False)


@checked
def split_directions(dfirst, order, n_units, dlast):
    launch_over(elementwise.join_directions, dlast.size, dlast, order, n_units, dfirst, True)


@checked
def feed_back(previous_output, n, one_hot, forced, x):
    launch_over(elementwise.feed_back, x.shape[0], previous_output, n, one_hot, forced, x)


@checked
def set_columns(source, out, column):
    launch_over(elementwise.set_columns, source.size, source, out, column)


@checked
def add_columns(source, column, out):
    launch_over(elementwise.add_columns, out.size, source, column, out)


def put(array, workspace, name):
    if memory.parcel is not None:
        there = memory.parcel.put(array, (workspace, name))
        if there is not None:
            return there
    out = workspace.array(name, array.shape, array.dtype)
    out.copy_to_device(np.ascontiguousarray(array), stream=STREAM)
    return out


def device_scalars(values, dtype, workspace, name):
    return put(np.array(values, dtype, ndmin=1), workspace, name)


def padded_steps(n_steps):
    """Up to the next eighth of a power of two, so that fewer kinds of updates are recorded."""
    eighth = 1 << (n_steps - 1).bit_length() - 4 if n_steps > FEW_STEPS else 1
    return -(-n_steps // eighth) * eighth


@checked
def take_rows(array, chosen, workspace, name):
    out = workspace.array(name, (chosen.size, array.shape[1]))
    launch_over(elementwise.take_rows, out.size, array, chosen, out)
    return out


@checked
def trailing_mean(values, ends, n, workspace, name):
    out = workspace.array(name, ends.shape)
    launch_over(elementwise.trailing_mean, out.size, values, ends, n, values.dtype.type(1 / n), out)
    return out


# Rows and steps


@checked
def gather(values, starts, lengths, offsets, x):
    launch_over(elementwise.gather, x.size, values, starts, lengths, offsets, x)


@checked
def copy_steps(source, first, target, to, n_columns, lengths, backwards, add):
    n = target.shape[0] * target.shape[1] * n_columns
    launch_over(
        elementwise.copy_steps, n, source, first, target, to, n_columns, lengths, backwards, add
    )


@checked
def last_outputs(states, lengths, head_input, column):
    launch_over(
        elementwise.last_outputs,
        states.shape[2] * states.shape[3],
        states,
        lengths,
        head_input,
        column,
    )


@checked
def mean_outputs(states, lengths, head_input, column):
    n = states.shape[2] * states.shape[3]
    launch_over(elementwise.mean_outputs, n, states, lengths, head_input, column)


@checked
def scatter_mean(d_head_input, column, lengths, doutputs):
    launch_over(elementwise.scatter_mean, doutputs.size, d_head_input, column, lengths, doutputs)


@checked
def max_outputs(states, lengths, head_input, column):
    n = states.shape[2] * states.shape[3]
    launch_over(elementwise.max_outputs, n, states, lengths, head_input, column)


@checked
def scatter_max(d_head_input, column, states, lengths, doutputs):
    n = states.shape[2] * states.shape[3]
    launch_over(elementwise.scatter_max, n, d_head_input, column, states, lengths, doutputs)


@checked
def last_states(states, lengths, last):
    launch_over(elementwise.last_states, last.size, states, lengths, last)


def outputs_before(lengths, T):
    """Where the outputs of each step begin."""
    counts = scratch("counts", T, np.dtype(np.int64))[:T]
    before = scratch("before", T, np.dtype(np.int64))[:T]
    launch_over(elementwise.count_running, T, lengths, counts)
    launch_over(elementwise.count_before, T, counts, before)
    return before


@checked
def every_output(states, lengths, head_input, column, backwards):
    _, n_slots, B, H = states.shape
    before = outputs_before(lengths, n_slots - 1)
    launch_over(
        elementwise.every_output,
        before.size * B * H,
        states,
        lengths,
        before,
        head_input,
        column,
        backwards,
    )


@checked
def scatter_outputs(d_head_input, column, lengths, doutputs, backwards):
    before = outputs_before(lengths, doutputs.shape[0])
    launch_over(
        elementwise.scatter_outputs,
        doutputs.size,
        d_head_input,
        column,
        lengths,
        before,
        doutputs,
        backwards,
    )


@checked
def attended_outputs(steps, lengths, T, shares, head_input):
    before = outputs_before(lengths, T)
    n_rows, n = lengths.shape[0], steps.shape[1]
    launch_over(elementwise.to_shares, n_rows, lengths, before, shares)
    of_all = elementwise.attended_outputs
    launch_over(of_all, n_rows * n, steps, lengths, before, shares, head_input)


@checked
def scatter_attended(d_head_input, steps, shares, lengths, T, d_steps, d_scores):
    before = outputs_before(lengths, T)
    n_rows, n = lengths.shape[0], steps.shape[1]
    fill(d_scores, 0)
    of_scores = elementwise.slopes_of_scores
    launch_over(of_scores, n_rows, d_head_input, steps, shares, lengths, before, d_scores)
    of_steps = elementwise.scatter_shares
    launch_over(of_steps, T * n_rows * n, d_head_input, shares, lengths, before, d_steps)


@checked
def apply_dropout(x, seed, layer, rate, out):
    number = x.dtype.type
    threshold = np.float32(math.ceil(rate * 2**24) / 2**24)  # the noise is a multiple of 2^-24
    numbers = threshold, number(np.float32(1 / (1 - rate))), number(0)
    launch_over(elementwise.apply_dropout, x.size, x, seed, np.uint64(layer), *numbers, out)


# Head, loss, update


forward, backward, affine, affine_backward = in_precision("fp32")


def constants(values):
    """A few numbers on the device, copied there once."""
    key = values.dtype, values.shape, values.tobytes()
    if key not in memory.constants:
        memory.constants[key] = to_device(values)
    return memory.constants[key]


def parts_of(name, dtype):
    return scratch(name, N_PARTS, dtype)[:N_PARTS]


@checked
def loss(loss, outputs, targets, weights, parameters, total_weight, slopes):
    dtype = outputs.dtype
    parts = parts_of("loss", dtype)
    table = constants(told(parameters, targets.shape[1], dtype))
    arguments = outputs, targets, weights, table, total_weight, slopes, parts
    launch(elementwise.make_loss(loss, dtype), N_PARTS, THREADS, *arguments)
    return parts


@checked
def reduce_gradients(grads, theta, decay, alpha, limit, grad):
    dtype = grad.dtype
    squares = parts_of("squares", dtype)
    cut = parts_of("squares cut", dtype)
    number = dtype.type
    arguments = grads, theta, decay, number(alpha), number(limit), grad, squares, cut
    launch(elementwise.make_reduce(dtype), N_PARTS, THREADS, *arguments)
    return squares, cut


def new_log(n, dtype):
    return zeros((2, n), np.dtype(dtype))


@checked
def record_update(log, at, loss, norm):
    launch(elementwise.record_update, 1, 1, log, at, loss, norm)


def is_finite(loss, norm):
    """Not known before the log is read."""
    return True


@checked
def apply_update(update, theta, grad, moments, decay, c, limit, norm, clip_norm):
    number = grad.dtype.type
    numbers = c, number(limit), norm, number(math.inf if clip_norm is None else clip_norm)
    launch_over(
        elementwise.make_update(update, grad.dtype),
        theta.size,
        theta,
        grad,
        moments,
        decay,
        *numbers,
    )
