"""What surrounds the recurrence on the CPU: gathering windows, reversing rows, dropout, the head, the loss, the
gradient's norm, the update.
"""

from functools import cache

import numpy as np

from tsrnn.backends.compiling import compiled
from tsrnn.backends.cpu.scan import add_sum, product
from tsrnn.backends.cpu.simd import (
    load,
    load_rows,
    n_lanes,
    of_any_layout,
    store,
    store_rows,
    tile_width,
)
from tsrnn.backends.softmax import to_log_probabilities
from tsrnn.rules.functions import clipped, exp, greater
from tsrnn.rules.naming import distinct
from tsrnn.rules.noise import uniform


@compiled
def gather(values, starts, lengths, offsets, x):
    """x[t, b] = values[starts[b] + t F : + F] - offsets[b] for t < lengths[b]: a window is an integer until here.

    False, and nothing is read, where a row does not lie within the values.
    """
    T, B, F = x.shape
    for b in range(B):
        if starts[b] < 0 or starts[b] + min(lengths[b], T) * F > values.size:
            return False
    for t in range(T):
        for b in range(B):
            if t < lengths[b]:
                at = starts[b] + t * F
                for f in range(F):
                    x[t, b, f] = values[at + f] - offsets[b]
    return True


@compiled
def copy_steps(source, first, target, to, n_columns, lengths, backwards, add):
    """Copy, or add, `n_columns` columns of every row's steps; `backwards` reverses each row within its length."""
    for b in range(len(lengths)):
        for t in range(lengths[b]):
            s = lengths[b] - 1 - t if backwards else t
            for j in range(n_columns):
                value = source[s, b, first + j]
                target[t, b, to + j] = target[t, b, to + j] + value if add else value


@compiled
def last_outputs(states, lengths, head_input, column):
    """head_input[b, column : column + H] = the output after the last step of row b."""
    n_slots = states.shape[1]
    H = states.shape[3]
    for b in range(len(lengths)):
        for j in range(H):
            head_input[b, column + j] = states[0, lengths[b] % n_slots, b, j]


@compiled
def mean_outputs(states, lengths, head_input, column):
    """head_input[b, column : column + H] = the mean of the outputs of all steps of row b."""
    H = states.shape[3]
    for b in range(len(lengths)):
        share = head_input.dtype.type(1 / max(lengths[b], 1))
        for j in range(H):
            head_input[b, column + j] = 0
        for t in range(lengths[b]):
            for j in range(H):
                head_input[b, column + j] += share * states[0, t + 1, b, j]


@compiled
def scatter_mean(d_head_input, column, lengths, doutputs):
    """The gradient of `mean_outputs`: the same share for every step of a row."""
    H = doutputs.shape[2]
    for t in range(lengths[0]):
        for b in range(len(lengths)):
            if t < lengths[b]:
                share = doutputs.dtype.type(1 / max(lengths[b], 1))
                for j in range(H):
                    doutputs[t, b, j] = share * d_head_input[b, column + j]


@compiled
def max_outputs(states, lengths, head_input, column):
    """head_input[b, column : column + H] = the largest output of each unit over all steps of row b."""
    H = states.shape[3]
    for b in range(len(lengths)):
        for j in range(H):
            head_input[b, column + j] = states[0, 1, b, j]
        for t in range(1, lengths[b]):
            for j in range(H):
                head_input[b, column + j] = max(head_input[b, column + j], states[0, t + 1, b, j])


@compiled
def scatter_max(d_head_input, column, states, lengths, doutputs):
    """The gradient of `max_outputs`: all of it for the first step with the largest output."""
    H = doutputs.shape[2]
    for b in range(len(lengths)):
        for j in range(H):
            largest = 0
            for t in range(lengths[b]):
                doutputs[t, b, j] = 0
                if states[0, t + 1, b, j] > states[0, largest + 1, b, j]:
                    largest = t
            doutputs[largest, b, j] = d_head_input[b, column + j]


@compiled
def attended_outputs(steps, lengths, T, shares, head_input):
    """shares[i, 0] = softmax over the steps of a row of its scores, which they replace; head_input[b] = the sum of the
    outputs of the steps of row b by their shares. Output i is that of `every_output`.
    """
    B = len(lengths)
    n = steps.shape[1]
    largest = np.full(B, -np.inf, steps.dtype)
    i = 0
    for t in range(lengths[0]):
        for b in range(B):
            if t < lengths[b]:
                largest[b] = greater(largest[b], shares[i, 0])
                i += 1
    total = np.zeros(B, steps.dtype)
    head_input[:, :n] = 0
    i = 0
    for t in range(lengths[0]):
        for b in range(B):
            if t < lengths[b]:
                shares[i, 0] = exp(shares[i, 0] - largest[b])
                total[b] += shares[i, 0]
                i += 1
    i = 0
    for t in range(lengths[0]):
        for b in range(B):
            if t < lengths[b]:
                shares[i, 0] /= total[b]
                for j in range(n):
                    head_input[b, j] += shares[i, 0] * steps[i, j]
                i += 1


@compiled
def scatter_attended(d_head_input, steps, shares, lengths, T, d_steps, d_scores):
    """The gradient of `attended_outputs`: that of the outputs as if shares were constant, and that of the scores."""
    B = len(lengths)
    n = steps.shape[1]
    d_scores[:] = 0
    mean = np.zeros(B, steps.dtype)
    i = 0
    for t in range(lengths[0]):
        for b in range(B):
            if t < lengths[b]:
                for j in range(n):
                    d_steps[i, j] = shares[i, 0] * d_head_input[b, j]
                    d_scores[i, 0] += d_steps[i, j] * steps[i, j]
                mean[b] += d_scores[i, 0]
                i += 1
    i = 0
    for t in range(lengths[0]):
        for b in range(B):
            if t < lengths[b]:
                d_scores[i, 0] -= shares[i, 0] * mean[b]
                i += 1


@compiled
def last_states(states, lengths, last):
    """last[s, b] = state s after the last step of row b."""
    S, n_slots, _, H = states.shape
    for s in range(S):
        for b in range(len(lengths)):
            for j in range(H):
                last[s, b, j] = states[s, lengths[b] % n_slots, b, j]


@compiled
def every_output(states, lengths, head_input, column, backwards):
    """head_input[i, column : column + H] = output i, counted step by step over the rows that still run;
    `backwards` as in `copy_steps`.
    """
    H = states.shape[3]
    i = 0
    for t in range(lengths[0]):
        for b in range(len(lengths)):
            if t < lengths[b]:
                s = lengths[b] - t if backwards else t + 1
                for j in range(H):
                    head_input[i, column + j] = states[0, s, b, j]
                i += 1


@compiled
def scatter_outputs(d_head_input, column, lengths, doutputs, backwards):
    """The way back of `every_output`: the slope of output i to its step and row."""
    H = doutputs.shape[2]
    i = 0
    for t in range(lengths[0]):
        for b in range(len(lengths)):
            if t < lengths[b]:
                s = lengths[b] - 1 - t if backwards else t
                for j in range(H):
                    doutputs[s, b, j] = d_head_input[i, column + j]
                i += 1


@compiled
def apply_dropout(x, seed, rate, out):
    """out = x / (1 - rate) where the noise at that place reaches `rate`, otherwise zero (Srivastava et al. 2014)."""
    scale = np.float32(1 / (1 - rate))
    for i in range(x.size):
        out[i] = x[i] * scale if uniform(seed, np.uint64(i)) >= rate else 0


@compiled
def affine(x, w, b, out):
    """out = x @ w + b; `w` in panels."""
    bias = b.reshape(1, len(b))
    head_input = of_any_layout(x)
    for p in range(w.shape[0]):
        product(
            out,
            0,
            p * w.shape[2],
            bias,
            0,
            0,
            head_input,
            0,
            x.shape[0],
            x.shape[1],
            1,
            w[p],
            0,
            0,
            0,
            0,
        )


@compiled
def affine_backward(x, w_t, dout, dx, grad, at):
    """dx = dout @ w.T; `grad` receives the slopes of w and b from offset `at` on. `w_t`, the transpose, in panels."""
    N = x.shape[0]
    K = x.shape[1]
    M = dout.shape[1]
    width = tile_width(x)
    lanes = n_lanes(x)
    end = at + K * M
    zero = np.zeros((1, K + width), x.dtype)
    slopes = of_any_layout(dout)
    grad[at : end + M] = 0
    dw = grad[at:end].reshape(K, M)
    transposed = of_any_layout(x.T)
    # of dout: contiguous, it stays in the first cache for all rows of dw
    panel = np.empty((N, width), x.dtype)
    for column in range(0, M, width):
        for k in range(N):
            for j in range(0, width, lanes):
                store(panel, k, j, load(dout, k, column + j))
        product(dw, 0, column, dw, 0, 1, transposed, 0, K, N, 1, panel, 0, 0, 0, 0)
    add_sum(grad[end : end + M].reshape(1, M), dout, N)
    for p in range(w_t.shape[0]):
        product(dx, 0, p * width, zero, 0, 0, slopes, 0, N, M, 1, w_t[p], 0, 0, 0, 0)


@cache
def make_loss(loss):
    rule = loss.rule
    softmax = loss.softmax

    @compiled
    @distinct(f"value_and_slopes_{rule.__name__}_{softmax}")
    def value_and_slopes(outputs, targets, weights, parameters, total_weight, slopes):
        """Sum of weight times loss over `total_weight`, and its slope at every output; where the weight is zero,
        nothing is looked at. Outputs k n to (k + 1) n are told the n targets with parameter k.
        """
        total = 0.0
        n = targets.shape[1]
        slopes[:] = 0
        for row in range(targets.shape[0]):
            if softmax:
                to_log_probabilities(outputs, row, n)
            for k in range(parameters.shape[0]):
                for j in range(n):
                    if weights[row, j] != 0:
                        share = parameters[k, j, 2] * weights[row, j] / total_weight
                        at = k * n + j
                        told = parameters[k, j, 0], parameters[k, j, 1]
                        value, slope = rule(outputs[row, at], targets[row, j], told)
                        total += share * value
                        slopes[row, at] = share * slope
        return total

    return value_and_slopes


@compiled
def reduce_gradients(grads, theta, decay, alpha, limit, grad):
    """grad[0] = the sum of the chunks' parts + alpha decay theta; its norm, and its norm after every value is cut to
    [-limit, limit].

    The order of the sums is that of the chunks, whoever computed them.
    """
    lanes = n_lanes(grad)
    raw = 0.0
    cut = 0.0
    squares = np.empty((2, lanes), grad.dtype)
    for j in range(0, grad.shape[1], lanes):
        g = load(decay, 0, j) * load(theta, 0, j) * alpha
        for chunk in range(grads.shape[0]):
            g = g + load(grads, chunk, j)
        store(grad, 0, j, g)
        c = clipped(g, limit)
        store(squares, 0, 0, g * g)
        store(squares, 1, 0, c * c)
        for i in range(lanes):
            raw += np.float64(squares[0, i])
            cut += np.float64(squares[1, i])
    return np.sqrt(raw), np.sqrt(cut)


@cache
def make_update(update):
    n = update.n_moments
    rule = update.rule

    @compiled
    @distinct(f"move_{rule.__name__}")
    def apply_update(theta, grad, moments, decay, c, limit, scale, shrink):
        """One step of every parameter: the gradient cut to [-limit, limit], then scaled; `shrink` is decoupled weight
        decay.
        """
        for j in range(0, theta.shape[1], n_lanes(theta)):
            g = clipped(load(grad, 0, j), limit) * scale
            old = load(theta, 0, j)
            new, kept = rule(
                old - load(decay, 0, j) * old * shrink, g, load_rows(moments, n, 0, j, 1, 0), c
            )
            store(theta, 0, j, new)
            store_rows(moments, kept, 0, j, 1, 0)

    return apply_update
