"""Which scan takes a layer through time: on tensor cores, with weights in registers, or with any cell and width.

Each of the three has a `forward` and a `backward`, and the first two say which layers they suit.
"""

from tsrnn.backends.cuda import resident, scan, tensor_scan
from tsrnn.backends.cuda.launching import nothing, scratch
from tsrnn.backends.cuda.products import multiply, weight_slopes

FEW_INPUTS = 32  # up to so many are multiplied inside the scan, more before it in one product


def forward(precision, cell, lengths, weights, cache):
    """See `cpu.forward`; weights as in `packing`."""
    if tensor_scan.suits_forward(cell, cache):
        tensor_scan.forward(precision, cell, lengths, weights, cache)
        return
    projections = projected(precision, weights, cache.x) if cache.x.shape[2] > FEW_INPUTS else None
    chosen = resident if resident.suits_forward(cell, cache, projections is not None) else scan
    chosen.forward(cell, lengths, projections, weights, cache)


def projected(precision, weights, x):
    """What the inputs of all steps add to the gates."""
    T, B, F = x.shape
    N = weights.input.shape[1]
    out = scratch("projections", T * B * N, x.dtype)[: T * B * N]
    multiply(precision, x.reshape(-1), F, weights.input, weights.bias[0], out, N, T * B)
    return out.reshape(T, B, N)


def backward(precision, cell, lengths, bptt_steps, weights, cache, gradients):
    """See `cpu.backward`."""
    x, states, _ = cache
    T, B, F = x.shape
    H = states.shape[3]
    G = cell.n_gates
    apart = G - cell.n_summed_gates
    n_sums = G + apart
    flat = scratch("slopes", T * B * n_sums * H, x.dtype)[: T * B * n_sums * H]
    D = flat.reshape(T, B, n_sums, H)
    arguments = lengths, bptt_steps, weights.recurrent, cache, gradients, D
    if tensor_scan.suits_backward(cell, states):
        tensor_scan.backward(precision, cell, *arguments)
    else:
        chosen = resident if resident.suits_backward(cell, states) else scan
        chosen.backward(cell, *arguments)
    factors = (x, F, G * H, 0), (states, H, cell.n_summed_gates * H, apart * H)
    place = gradients.parameters, gradients.offset
    weight_slopes(precision, factors, flat, n_sums * H, G * H, lengths, bptt_steps, T, *place)
    dx = gradients.inputs
    if dx.size:
        none = nothing(1, x.dtype)
        multiply(
            precision, flat, n_sums * H, weights.input, none, dx.reshape(-1), dx.shape[2], T * B
        )
