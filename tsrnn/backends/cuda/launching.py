"""How kernels for the GPU are compiled and launched, and where they find memory.

The simulator runs the same kernels in Python, a thread of the GPU as a thread of the CPU: it gets few of them.
"""

import threading
from importlib.metadata import version

import numpy as np
from numba import config, cuda

from tsrnn.backends.compiling import sealed

SIMULATED = bool(config.ENABLE_CUDASIM)
THREADS = 4 if SIMULATED else 256  # of a block
MOST_BLOCKS = 2 if SIMULATED else 1024  # a thread takes further elements beyond that
BUSY = 1 if SIMULATED else 264  # blocks that keep a large GPU busy
N_PARTS = 2 if SIMULATED else 64  # into which a sum over everything is cut
SHARED_BYTES = 48 * 1024  # what every GPU gives a block
ALIGNMENT = None if SIMULATED else 16


def why_unavailable():
    """What a launch would fail for, or None."""
    if SIMULATED:
        return None
    if cuda.is_available():
        return why_refused()
    return first_line(cuda.cuda_error() or "") or "no compiler for its kernels"


def why_refused():
    """What the smallest launch fails for, or None: driver and compiler may be there for a GPU that they cannot use."""
    try:
        out = cuda.device_array(1, np.float32)
        launch_now(set_one, 1, 1, out)
        out.copy_to_host()
    except AttributeError as error:  # numpy or numba lacks a name that this numba-cuda asks for
        versions = [f"{name} {version(name)}" for name in ("numba-cuda", "numba", "numpy")]
        return (
            f"{versions[0]} does not work with {versions[1]} and {versions[2]}: {first_line(error)}"
        )
    except (
        Exception
    ) as error:  # of the driver, the compiler or the linker, each of which has errors of its own
        return first_line(error) or type(error).__name__
    return None


def first_line(error):
    return next((line.strip(" :.") for line in str(error).split("\n") if line.strip(" :.")), "")


def compiled(function, threads=THREADS):
    """`cuda.jit` for blocks of so many threads, its machine code kept on disk.

    Not `fastmath`, which promises that there is no NaN: one that is there must be seen.
    """
    if SIMULATED:
        return cuda.jit(function)
    # one block for a multiprocessor: no register is saved by spilling
    options = {"launch_bounds": (threads, 1)}
    try:
        return sealed(cuda.jit(cache=True, **options)(function))
    except RuntimeError:  # nowhere to write, so only the first call is slower
        return cuda.jit(**options)(function)


@compiled
def set_one(out):
    out[0] = 1


class Memory(threading.local):
    """What a Python thread uses again from call to call, and where its launches and arrays go (see `graphs`)."""

    def __init__(self):
        self.arrays, self.constants = {}, {}
        self.recording, self.parcel = None, None


memory = Memory()


if SIMULATED:
    STREAM = cuda.default_stream()
else:
    # as it is: numba wraps its own, and 0, at every launch
    from cuda.core import LEGACY_DEFAULT_STREAM as STREAM
    from numba.cuda.core import config as cuda_config

    cuda_config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small batches are no mistake


# A kernel is bound to its context at its first launch, which numba guards only if it is compiled then, and not loaded.
# All launches go to one stream, so threads lose nothing here.
LAUNCHING = threading.Lock()


def launch_now(kernel, blocks, threads, *args, shared=0):
    with LAUNCHING:
        kernel[blocks, threads, STREAM, shared](*args)


def launch(kernel, blocks, threads, *args, shared=0):
    if memory.recording is not None:
        memory.recording.add(kernel, blocks, threads, shared, args)
    elif memory.parcel is None or not memory.parcel.open:
        launch_now(kernel, blocks, threads, *args, shared=shared)


def launch_over(kernel, n, *args, launch=launch):
    """A thread for each of `n` elements, which kernels go through in strides of the grid."""
    launch(kernel, max(1, min(-(-n // THREADS), MOST_BLOCKS)), THREADS, *args)


# the simulator has memory of its own
DriverError = () if SIMULATED else cuda.cudadrv.driver.CudaAPIError


def allocate(shape, dtype):
    try:
        return cuda.device_array(shape, dtype)
    except DriverError as error:
        if "OUT_OF_MEMORY" not in str(error):
            raise
        n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raise MemoryError(
            f"the GPU must have {n_bytes:,} more bytes free for this batch; got '{error}': lower batch_size, "
            "hidden_size or the length of the sequences (max_length, bptt_steps)."
        ) from error


def to_device(array):
    out = allocate(array.shape, array.dtype)
    if out.size:
        out.copy_to_device(np.ascontiguousarray(array), stream=STREAM)
    return out


def nothing(n_dims, dtype):
    """An array without numbers, where a kernel is not given one."""
    if (n_dims, dtype) not in memory.arrays:
        memory.arrays[n_dims, dtype] = allocate((0,) * n_dims, dtype)
    return memory.arrays[n_dims, dtype]


def scratch(name, size, dtype):
    """Memory of this thread under a name, for one call: flat, at least `size` long, grown when needed."""
    array = memory.arrays.get((name, dtype))
    if array is None or array.size < size:
        memory.arrays.pop((name, dtype), None)  # freed before the larger one is asked for
        array = memory.arrays[name, dtype] = allocate(size, dtype)
    return array
