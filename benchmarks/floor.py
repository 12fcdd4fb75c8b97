"""Below which time no kernel of a kind can be on a GPU: arithmetic, memory, and a chain of steps."""

from typing import NamedTuple

from tsrnn.networks.network import Network

# of tensor cores beside the units of float32; fp32 takes three products
SPEEDS = {"fp32": 8 / 3, "tf32": 8}
CHAIN = 400  # cycles that one step waits for the last at least: shared memory, products, tanh, a barrier


class Gpu(NamedTuple):
    name: str
    clock: float  # Hz
    lanes: int  # multiplications and additions of float32 in a cycle
    bandwidth: float  # bytes of memory in a second


# NVIDIA's data sheet of the H100 SXM says 67 TFLOP/s of float32 and 3.35 TB/s; 132 multiprocessors of 128 lanes
# (NVIDIA H100 Tensor Core GPU Architecture, white paper) make these of 1.98 GHz.
H100 = Gpu("H100", 1.98e9, 132 * 128, 3.35e12)


def floor(gpu, precision, cell, B, T, F, H):
    """Microseconds of the recurrence forward and back by reason."""
    cell = Network(cell, F, H, 1).cell
    # no slopes of the inputs
    flops = 6 * T * B * cell.n_gates * H * (F + H) - 2 * T * B * cell.n_gates * H * F
    # written forward, read on the way back
    numbers = T * B * (2 * F + 2 * H * (cell.n_states + cell.n_saved))
    seconds = {
        "flops": flops / (2 * gpu.lanes * SPEEDS[precision] * gpu.clock),
        "bytes": 4 * numbers / gpu.bandwidth,
        "steps": 2 * T * CHAIN / gpu.clock,
    }
    return {name: 1e6 * value for name, value in seconds.items()}
