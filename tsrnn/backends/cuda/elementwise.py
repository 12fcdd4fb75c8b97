"""What surrounds the recurrence on the GPU: gathering windows, reversing rows, dropout, the loss, the gradient's norm,
the update. A thread takes every so many elements. What an index has outside of its array is NaN, and never read.
"""

from functools import cache

import numba
import numpy as np
from numba import cuda
from numba.extending import register_jitable

from tsrnn.backends.cuda.launching import THREADS, compiled
from tsrnn.backends.cuda.load_tuple import load_tuple
from tsrnn.backends.softmax import to_log_probabilities
from tsrnn.rules.functions import clipped, exp, greater, sqrt
from tsrnn.rules.noise import uniform

NAN = np.float32(np.nan)  # of any precision: a double one would make single arithmetic double

# Copies


@compiled
def set_all(out, value):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = value


@compiled
def copy(source, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = source[i]


@compiled
def set_first(initial, states):
    """states[:, 0] = initial, its first rows; zero where `initial` is empty."""
    S, _, B, H = states.shape
    for i in range(cuda.grid(1), S * B * H, cuda.gridsize(1)):
        s = i // (B * H)
        b = i // H % B
        j = i % H
        if initial.shape[0] > 0:
            states[s, 0, b, j] = initial[s, b, j]
        else:
            states[s, 0, b, j] = 0


@compiled
def take_states(carried, series, fresh, initial):
    _, S, B, H = initial.shape
    for i in range(cuda.grid(1), initial.size, cuda.gridsize(1)):
        end = i // (S * B * H)
        s = i // (B * H) % S
        b = i // H % B
        j = i % H
        if fresh[b]:
            initial[end, s, b, j] = 0
        elif 0 <= series[b] < carried.shape[0]:
            initial[end, s, b, j] = carried[series[b], end, s, j]
        else:
            initial[end, s, b, j] = NAN


@compiled
def keep_states(last, series, carried):
    _, S, B, H = last.shape
    for i in range(cuda.grid(1), last.size, cuda.gridsize(1)):
        end = i // (S * B * H)
        s = i // (B * H) % S
        b = i // H % B
        j = i % H
        if 0 <= series[b] < carried.shape[0]:
            carried[series[b], end, s, j] = last[end, s, b, j]


@compiled
def join_directions(last, order, n_units, first, back):
    """From `last` to `first`, or `back`; see `cpu.join_directions`."""
    _, S, B, H = last.shape
    D = last.shape[0] // first.shape[0]
    for i in range(cuda.grid(1), last.size, cuda.gridsize(1)):
        end = i // (S * B * H)
        s = i // (B * H) % S
        b = i // H % B
        j = i % H
        layer = end // D
        unit = end % D * n_units + j
        if j < n_units and back:
            last[end, s, b, j] = first[layer, s, order[b], unit]
        elif j < n_units:
            first[layer, s, order[b], unit] = last[end, s, b, j]


@compiled
def feed_back(previous_output, n, one_hot, forced, x):
    for b in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        if not forced[b]:
            greatest = 0
            for j in range(1, n):
                if previous_output[b, j] > previous_output[b, greatest]:
                    greatest = j
            for j in range(n):
                if not one_hot:
                    x[b, j] = previous_output[b, j]
                elif j == greatest:
                    x[b, j] = 1
                else:
                    x[b, j] = 0


@compiled
def set_columns(source, out, column):
    n_columns = source.shape[1]
    for i in range(cuda.grid(1), source.size, cuda.gridsize(1)):
        out[i // n_columns, column + i % n_columns] = source[i // n_columns, i % n_columns]


@compiled
def add_columns(source, column, out):
    n_columns = out.shape[1]
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i // n_columns, i % n_columns] += source[i // n_columns, column + i % n_columns]


@compiled
def take_rows(source, chosen, out):
    n_columns = source.shape[1]
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        row = chosen[i // n_columns]
        out[i // n_columns, i % n_columns] = (
            source[row, i % n_columns] if 0 <= row < source.shape[0] else NAN
        )


@compiled
def trailing_mean(values, ends, n, share, out):
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        if n <= ends[i] <= values.size:
            total = values[ends[i] - 1]
            for k in range(2, n + 1):
                total += values[ends[i] - k]
            out[i] = total * share
        else:
            out[i] = NAN


# Rows and steps


@compiled
def gather(values, starts, lengths, offsets, x):
    _, B, F = x.shape
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        t = i // (B * F)
        b = i // F % B
        f = i % F
        if t < lengths[b]:
            at = starts[b] + t * F + f
            x[t, b, f] = values[at] - offsets[b] if 0 <= at < values.size else NAN


@compiled
def copy_steps(source, first, target, to, n_columns, lengths, backwards, add):
    T, B, _ = target.shape
    for i in range(cuda.grid(1), T * B * n_columns, cuda.gridsize(1)):
        t = i // (B * n_columns)
        b = i // n_columns % B
        j = i % n_columns
        if t < lengths[b]:
            value = source[lengths[b] - 1 - t if backwards else t, b, first + j]
            target[t, b, to + j] = target[t, b, to + j] + value if add else value


@compiled
def last_outputs(states, lengths, head_input, column):
    _, n_slots, B, H = states.shape
    for i in range(cuda.grid(1), B * H, cuda.gridsize(1)):
        b = i // H
        j = i % H
        head_input[b, column + j] = states[0, lengths[b] % n_slots, b, j]


@compiled
def mean_outputs(states, lengths, head_input, column):
    _, _, B, H = states.shape
    for i in range(cuda.grid(1), B * H, cuda.gridsize(1)):
        b = i // H
        j = i % H
        share = head_input.dtype.type(1 / max(lengths[b], 1))
        total = head_input.dtype.type(0)
        for t in range(lengths[b]):
            total += share * states[0, t + 1, b, j]
        head_input[b, column + j] = total


@compiled
def scatter_mean(d_head_input, column, lengths, doutputs):
    _, B, H = doutputs.shape
    for i in range(cuda.grid(1), doutputs.size, cuda.gridsize(1)):
        t = i // (B * H)
        b = i // H % B
        if t < lengths[b]:
            share = doutputs.dtype.type(1 / max(lengths[b], 1))
            doutputs[t, b, i % H] = share * d_head_input[b, column + i % H]


@compiled
def max_outputs(states, lengths, head_input, column):
    _, _, B, H = states.shape
    for i in range(cuda.grid(1), B * H, cuda.gridsize(1)):
        b = i // H
        j = i % H
        largest = states[0, 1, b, j]
        for t in range(1, lengths[b]):
            largest = max(largest, states[0, t + 1, b, j])
        head_input[b, column + j] = largest


@compiled
def scatter_max(d_head_input, column, states, lengths, doutputs):
    _, B, H = doutputs.shape
    for i in range(cuda.grid(1), B * H, cuda.gridsize(1)):
        b = i // H
        j = i % H
        largest = 0
        for t in range(lengths[b]):
            doutputs[t, b, j] = 0
            if states[0, t + 1, b, j] > states[0, largest + 1, b, j]:
                largest = t
        doutputs[largest, b, j] = d_head_input[b, column + j]


@compiled
def last_states(states, lengths, last):
    _, n_slots, B, H = states.shape
    for i in range(cuda.grid(1), last.size, cuda.gridsize(1)):
        s = i // (B * H)
        b = i // H % B
        j = i % H
        last[s, b, j] = states[s, lengths[b] % n_slots, b, j]


@compiled
def count_running(lengths, counts):
    """counts[t] = rows that run at step t; rows are sorted, longest first."""
    for t in range(cuda.grid(1), counts.size, cuda.gridsize(1)):
        low = 0
        high = lengths.size
        while low < high:
            middle = (low + high) // 2
            if lengths[middle] > t:
                low = middle + 1
            else:
                high = middle
        counts[t] = low


@compiled
def count_before(counts, before):
    """before[t] = outputs of all steps before t."""
    for t in range(cuda.grid(1), counts.size, cuda.gridsize(1)):
        total = 0
        for s in range(t):
            total += counts[s]
        before[t] = total


@compiled
def every_output(states, lengths, before, head_input, column, backwards):
    """Output (t, b) is number before[t] + b."""
    _, _, B, H = states.shape
    for i in range(cuda.grid(1), before.size * B * H, cuda.gridsize(1)):
        t = i // (B * H)
        b = i // H % B
        j = i % H
        if t < lengths[b]:
            head_input[before[t] + b, column + j] = states[
                0, lengths[b] - t if backwards else t + 1, b, j
            ]


@compiled
def scatter_outputs(d_head_input, column, lengths, before, doutputs, backwards):
    T, B, H = doutputs.shape
    for i in range(cuda.grid(1), T * B * H, cuda.gridsize(1)):
        t = i // (B * H)
        b = i // H % B
        j = i % H
        if t < lengths[b]:
            doutputs[lengths[b] - 1 - t if backwards else t, b, j] = d_head_input[
                before[t] + b, column + j
            ]


@compiled
def to_shares(lengths, before, shares):
    """Scores become their softmax over the steps of a row."""
    for b in range(cuda.grid(1), lengths.size, cuda.gridsize(1)):
        if lengths[b] > 0:
            largest = shares[b, 0]
            for t in range(1, lengths[b]):
                largest = greater(largest, shares[before[t] + b, 0])
            total = shares.dtype.type(0)
            for t in range(lengths[b]):
                shares[before[t] + b, 0] = exp(shares[before[t] + b, 0] - largest)
                total += shares[before[t] + b, 0]
            for t in range(lengths[b]):
                shares[before[t] + b, 0] /= total


@compiled
def attended_outputs(steps, lengths, before, shares, head_input):
    n = steps.shape[1]
    for i in range(cuda.grid(1), lengths.size * n, cuda.gridsize(1)):
        b = i // n
        j = i % n
        total = head_input.dtype.type(0)
        for t in range(lengths[b]):
            total += shares[before[t] + b, 0] * steps[before[t] + b, j]
        head_input[b, j] = total


@compiled
def slopes_of_scores(d_head_input, steps, shares, lengths, before, d_scores):
    for b in range(cuda.grid(1), lengths.size, cuda.gridsize(1)):
        mean = d_scores.dtype.type(0)
        for t in range(lengths[b]):
            slope = d_scores.dtype.type(0)
            for j in range(steps.shape[1]):
                slope += d_head_input[b, j] * steps[before[t] + b, j]
            d_scores[before[t] + b, 0] = shares[before[t] + b, 0] * slope
            mean += d_scores[before[t] + b, 0]
        for t in range(lengths[b]):
            d_scores[before[t] + b, 0] -= shares[before[t] + b, 0] * mean


@compiled
def scatter_shares(d_head_input, shares, lengths, before, d_steps):
    n = d_steps.shape[1]
    for i in range(cuda.grid(1), before.size * lengths.size * n, cuda.gridsize(1)):
        t = i // (lengths.size * n)
        b = i // n % lengths.size
        if t < lengths[b]:
            d_steps[before[t] + b, i % n] = shares[before[t] + b, 0] * d_head_input[b, i % n]


@compiled
def apply_dropout(x, seed, layer, rate, scale, zero, out):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        kept = uniform(seed[0] + layer, np.uint64(i)) >= rate
        out[i] = x[i] * scale if kept else zero


# Sums over all: every block leaves its part


@register_jitable
def sum_of_block(waiting, value):
    """The sum of the values of all threads of a block, in an order that is always the same."""
    thread = cuda.threadIdx.x
    n = THREADS // 2
    waiting[thread] = value
    cuda.syncthreads()
    while n > 0:
        if thread < n:
            waiting[thread] += waiting[thread + n]
        cuda.syncthreads()
        n //= 2
    total = waiting[0]
    cuda.syncthreads()
    return total


@cache
def make_loss(loss, dtype):
    rule = loss.rule
    softmax = loss.softmax
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)

    @compiled
    def value_and_slopes(outputs, targets, weights, parameters, total_weight, slopes, parts):
        waiting = cuda.shared.array(THREADS, dtype)
        total = zero
        n = targets.shape[1]
        for row in range(cuda.grid(1), outputs.shape[0], cuda.gridsize(1)):
            if softmax:
                to_log_probabilities(outputs, row, n)
            for j in range(slopes.shape[1]):
                slopes[row, j] = zero
            for k in range(parameters.shape[0]):
                for j in range(n):
                    if weights[row, j] != 0:
                        share = parameters[k, j, 2] * weights[row, j] / total_weight[0]
                        at = k * n + j
                        told = parameters[k, j, 0], parameters[k, j, 1]
                        value, slope = rule(outputs[row, at], targets[row, j], told)
                        total += share * value
                        slopes[row, at] = share * slope
        total = sum_of_block(waiting, total)
        if cuda.threadIdx.x == 0:
            parts[cuda.blockIdx.x] = total

    return value_and_slopes


@cache
def make_reduce(dtype):
    zero = dtype.type(0)
    dtype = numba.from_dtype(dtype)

    @compiled
    def reduce_gradients(grads, theta, decay, alpha, limit, grad, squares, squares_cut):
        waiting = cuda.shared.array(THREADS, dtype)
        total = zero
        total_cut = zero
        for i in range(cuda.grid(1), grad.shape[1], cuda.gridsize(1)):
            g = decay[0, i] * theta[0, i] * alpha
            for chunk in range(grads.shape[0]):
                g += grads[chunk, i]
            grad[0, i] = g
            c = clipped(g, limit)
            total += g * g
            total_cut += c * c
        total = sum_of_block(waiting, total)
        total_cut = sum_of_block(waiting, total_cut)
        if cuda.threadIdx.x == 0:
            squares[cuda.blockIdx.x] = total
            squares_cut[cuda.blockIdx.x] = total_cut

    return reduce_gradients


@register_jitable
def sum_of_parts(parts):
    total = parts[0]
    for i in range(1, parts.size):
        total += parts[i]
    return total


@compiled
def record_update(log, at, loss, squares):
    """log[:, at] = the loss and the norm whose parts are given."""
    log[0, at[0]] = sum_of_parts(loss)
    log[1, at[0]] = sqrt(sum_of_parts(squares))


@cache
def make_update(update, dtype):
    n = update.n_moments
    rule = update.rule
    one = dtype.type(1)
    dtype = numba.from_dtype(dtype)
    picked = load_tuple(update.n_moments)

    @compiled
    def apply_update(theta, grad, moments, decay, c, limit, parts, clip_norm):
        """`parts` of the squared norm. Nothing moves if that is not finite."""
        kept = cuda.local.array(n, dtype)
        squares = sum_of_parts(parts)
        shrink = c[4]
        coefficients = (c[0], c[1], c[2], c[3])
        norm = sqrt(squares)
        scale = clip_norm / norm if norm > clip_norm else one
        if squares - squares == 0:
            for i in range(cuda.grid(1), theta.shape[1], cuda.gridsize(1)):
                g = clipped(grad[0, i], limit) * scale
                old = theta[0, i]
                for k in range(n):
                    kept[k] = moments[k, i]
                new, after = rule(
                    old - decay[0, i] * old * shrink, g, picked(kept, 0, 1), coefficients
                )
                theta[0, i] = new
                for k in range(n):
                    moments[k, i] = after[k]

    return apply_update
