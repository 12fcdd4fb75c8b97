"""The verbs that multiply matrices, for each precision that products of float32 may have; see `tensor`."""

import numpy as np

from tsrnn.backends.cuda import scans
from tsrnn.backends.cuda.launching import memory, nothing, to_device
from tsrnn.backends.cuda.products import multiply, weight_slopes
from tsrnn.backends.seams import checked


def ones(n):
    """Lengths of `n` rows of one step."""
    array = memory.arrays.get("ones")
    if array is None or array.size < n:
        array = memory.arrays["ones"] = to_device(np.ones(n, np.int64))
    return array[:n]


def in_precision(precision):
    def forward(cell, lengths, weights, cache):
        scans.forward(precision, cell, lengths, weights, cache)

    def backward(cell, lengths, bptt_steps, weights, cache, gradients):
        scans.backward(precision, cell, lengths, bptt_steps, weights, cache, gradients)

    def affine(x, w, b, out):
        multiply(
            precision, x.reshape(-1), x.shape[1], w, b, out.reshape(-1), out.shape[1], x.shape[0]
        )

    def affine_backward(x, w_t, dout, dx, grad, at):
        (N, K), M, flat = x.shape, dout.shape[1], dout.reshape(-1)
        multiply(precision, flat, M, w_t, nothing(1, x.dtype), dx.reshape(-1), K, N)
        weight_slopes(precision, [(x, K, M, 0)], flat, M, M, ones(N), 1, 1, grad, at)

    return tuple(map(checked, (forward, backward, affine, affine_backward)))
