"""The CPU's verbs. A batch is cut into chunks of rows; a thread takes a chunk all the way, forward and back.

How a batch is cut, and the order in which chunks are summed, does not depend on the number of threads.
"""

import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from tsrnn.backends.cpu import elementwise, scan
from tsrnn.backends.cpu.packing import Packing  # noqa: F401
from tsrnn.backends.seams import checked
from tsrnn.backends.told import told

MOST_ROWS = 1024  # of one forward pass in a prediction: enough to keep every thread busy, little enough memory
MOST_BYTES = 2**28  # of what it keeps of every step
MOST_CHUNKS = 16
FEWEST_ROWS = 32
SMALL = 5e6  # multiplications of a chunk below which a thread of its own costs more than it brings


def count_chunks(n_rows, n_multiplications):
    """Into how many chunks a batch is cut, a power of two; `work` multiplications for all of it."""
    n = 1
    while n < MOST_CHUNKS and n_rows >= 2 * n * FEWEST_ROWS and n_multiplications >= 2 * n * SMALL:
        n *= 2
    return n


@cache
def pool():
    return ThreadPoolExecutor(max_workers=max(os.cpu_count() or 1, 2), thread_name_prefix="tsrnn")


if hasattr(os, "register_at_fork"):  # Windows has no fork
    # a child of fork has the pool but not its threads
    os.register_at_fork(after_in_child=pool.cache_clear)


def each(function, n_chunks, n_jobs):
    """[function(0), function(1), ...] on up to `n_jobs` threads, this one included."""
    if min(n_jobs, n_chunks) == 1:
        return [function(chunk) for chunk in range(n_chunks)]
    lock = threading.Lock()
    chunks = iter(range(n_chunks))
    results = [None] * n_chunks

    def n_multiplications():
        while True:
            with lock:
                chunk = next(chunks, None)
            if chunk is None:
                return
            results[chunk] = function(chunk)

    futures = [pool().submit(n_multiplications) for _ in range(min(n_jobs, n_chunks) - 1)]
    try:
        n_multiplications()
    finally:  # an interrupt must not leave threads writing into arrays that are no longer ours
        for future in futures:
            future.result()
    return results


def n_projected(n_gates, n_inputs):
    """Numbers of a row and step that wait for the recurrence, as what a layer's input adds to its gates."""
    return 0


# Arrays


def zeros(shape, dtype):
    return np.zeros(shape, dtype)


def to_device(array):
    """An array of numpy's as the kernels take it."""
    return array


def to_host(array, out=None):
    """The way back, into `out` if given."""
    return array


@checked
def fill(array, values):
    """array[...] = values, an array of as many numbers or one."""
    array[...] = values


@checked
def set_first(states, initial):
    """states[:, 0] = initial, of as many rows or the first of more; zeros for None."""
    states[:, 0] = 0 if initial is None else initial[:, : states.shape[2]]


@checked
def set_columns(source, out, column):
    """out[:, column : column + n] = source, of n columns."""
    out[:, column : column + source.shape[1]] = source


@checked
def add_columns(source, column, out):
    """out += source[:, column : column + n], for n columns of out."""
    out += source[:, column : column + out.shape[1]]


# States that are handed on


@checked
def take_states(carried, series, fresh, initial):
    """initial[..., b, :] = carried[series[b]], zeros where `fresh`."""
    initial[:] = np.moveaxis(np.where(fresh[:, None, None, None], 0, carried[series]), 0, 2)


@checked
def keep_states(last, series, carried):
    """carried[series[b]] = last[..., b, :]."""
    carried[series] = np.moveaxis(last, 2, 0)


@checked
def join_directions(last, order, n_units, first):
    """first[l, s, order[b]] = the units of last[l * D + d, s, b] for all of D directions, `n_units` of each."""
    (L, S, B), D = first.shape[:3], last.shape[0] // first.shape[0]
    apart = last.reshape(L, D, S, B, -1)[..., :n_units]
    first[:, :, order, : D * n_units] = np.moveaxis(apart, 1, 3).reshape(L, S, B, -1)


@checked
def split_directions(dfirst, order, n_units, dlast):
    """The way back of `join_directions`, for slopes."""
    (L, S, B), D = dfirst.shape[:3], dlast.shape[0] // dfirst.shape[0]
    apart = dfirst[:, :, order, : D * n_units].reshape(L, S, B, D, n_units)
    dlast.reshape(L, D, S, B, -1)[..., :n_units] = np.moveaxis(apart, 3, 1)


@checked
def feed_back(previous_output, n, one_hot, forced, x):
    """x[b, :n] = said[b, :n], or with `one_hot` 1 at the greatest of them and 0 elsewhere, unless it is `forced`."""
    previous_output = previous_output[: len(x), :n]
    previous_output = (
        np.eye(n, dtype=x.dtype)[previous_output.argmax(axis=1)] if one_hot else previous_output
    )
    x[:, :n] = np.where(forced[:, None], x[:, :n], previous_output)


# What a batch brings anew; a device keeps it in memory of its room under the name.


def put(array, workspace, name):
    """As `to_device`."""
    return array


def device_scalars(values, dtype, workspace, name):
    """A number, or a few."""
    return values


def padded_steps(n_steps):
    """How many steps there is memory for."""
    return n_steps


@checked
def take_rows(array, chosen, workspace, name):
    return array[chosen]


@checked
def trailing_mean(values, ends, n, workspace, name):
    """The mean of the `n` values before each of `ends`."""
    return values[ends[:, None] - 1 - np.arange(n)].mean(axis=1, dtype=values.dtype)


@checked
def gather(values, starts, lengths, offsets, x):
    """x[t, b] = values[starts[b] + t F : + F] - offsets[b] for t < lengths[b]."""
    if not elementwise.gather(values, starts, lengths, offsets, x):
        raise ValueError(
            f"rows of a batch must lie within the {values.size:,} values; got one that does not."
        )


(
    attended_outputs,
    copy_steps,
    every_output,
    last_outputs,
    last_states,
    max_outputs,
    mean_outputs,
    reduce_gradients,
    scatter_attended,
    scatter_max,
    scatter_mean,
    scatter_outputs,
) = map(
    checked,
    (
        elementwise.attended_outputs,
        elementwise.copy_steps,
        elementwise.every_output,
        elementwise.last_outputs,
        elementwise.last_states,
        elementwise.max_outputs,
        elementwise.mean_outputs,
        elementwise.reduce_gradients,
        elementwise.scatter_attended,
        elementwise.scatter_max,
        elementwise.scatter_mean,
        elementwise.scatter_outputs,
    ),
)


@checked
def apply_dropout(x, seed, layer, rate, out):
    """out = x / (1 - rate) or zero, the latter at a share of `rate`; each layer draws noise of its own from a seed."""
    elementwise.apply_dropout(x, np.uint64(seed + layer), rate, out)


# Network


@checked
def forward(cell, lengths, weights, cache):
    """Run a cell over the steps of every row; weights and biases in their panels, the initial states in `states[:, 0]`.

    The state after t steps is in `states[:, t % n_slots]`: all of them with T + 1 slots, the last ones with two.
    """
    scan.make_forward(cell)(cache.x, lengths, *weights, cache.states, cache.saved)


@checked
def backward(cell, lengths, bptt_steps, weights, cache, gradients):
    """Backpropagation through the last `bptt_steps` steps of every row; see `scan.make_backward`."""
    w_ih_t, w_hh_t, _ = weights
    scan.make_backward(cell)(
        cache.x, lengths, bptt_steps, w_ih_t, w_hh_t, cache.states, cache.saved, *gradients
    )


@checked
def affine(x, w, b, out):
    """out = x @ w + b; `w` in `panels`."""
    elementwise.affine(x, w, b, out)


@checked
def affine_backward(x, w_t, dout, dx, grad, at):
    """dx = dout @ w.T, and the slopes of w and b into `grad` from offset `at` on."""
    elementwise.affine_backward(x, w_t, dout, dx, grad, at)


@checked
def loss(loss, outputs, targets, weights, parameters, total_weight, slopes):
    """The sum of weighted losses over `total_weight`, and its slope at every output.

    `parameters` are those of the loss, of one forecast or of several of the targets, which lie side by side in
    `outputs`.
    """
    table = told(parameters, targets.shape[1], np.float64)
    return elementwise.make_loss(loss)(outputs, targets, weights, table, total_weight, slopes)


def new_log(n, dtype):
    """Room for the loss and the norm of n updates, (2, n)."""
    return np.zeros((2, n))


@checked
def record_update(log, at, loss, norm):
    """log[:, at] = loss, norm."""
    log[:, at] = loss, norm


def is_finite(loss, norm):
    """False where it is known already that one is not finite."""
    return math.isfinite(loss) and math.isfinite(norm)


@checked
def apply_update(update, theta, grad, moments, decay, c, limit, norm, clip_norm):
    """One step of the optimiser, the gradient scaled down to `clip_norm`, if given, from its `norm`.

    `c` are the four numbers of the rule, and decoupled weight decay.
    """
    scale = 1.0 if clip_norm is None or norm <= clip_norm else clip_norm / norm
    elementwise.make_update(update)(theta, grad, moments, decay, c[:4], limit, scale, c[4])


def repeated(stage, update):
    """`update`, for one call after the other; before each a device calls `bring` with the same arguments, and where
    that returns a form it has met before, it launches all at once what it has launched then.
    """
    return update
