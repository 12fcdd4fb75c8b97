"""Which backend a device name means."""

from functools import cache
from importlib.util import find_spec

from tsrnn.backends import cpu

DEVICES = ("cpu", "cuda", "auto")
PRECISIONS = ("fp32", "tf32")


@cache
def why_no_gpu():
    """What kernels for the GPU lack here, or None. Only a machine that has numba-cuda pays for its import."""
    if find_spec("numba_cuda") is None:
        return "no numba-cuda"
    try:
        from tsrnn.backends.cuda.launching import why_unavailable

        return why_unavailable()
    except Exception as error:  # of an installation that is not whole, or of its libraries
        return f"numba-cuda cannot be used: {' '.join(str(error).split()).rstrip('.') or type(error).__name__}"


def backend_of(device, owner="tsrnn", precision="fp32"):
    """The module with the verbs of "cpu" or "cuda"; "auto" is the GPU where there is a real one.

    `owner` is whose parameters they are, for the error where there is no such device or precision.
    """
    backend = backend_of_device(device, owner)
    if precision == "fp32":
        return backend
    if backend is cpu:
        raise ValueError(
            f"precision of {owner} must be 'fp32' on the CPU, which has no TF32; got {precision!r}."
        )
    from tsrnn.backends.cuda import tensor, tf32

    if not tensor.available():
        raise ValueError(
            f"precision of {owner} must be 'fp32' on a GPU of compute capability below 8.0, which has no TF32; "
            f"got {precision!r}."
        )
    return tf32


def backend_of_device(device, owner):
    if device == "cpu":
        return cpu
    missing = why_no_gpu()
    if missing is not None and device == "auto":
        return cpu
    if missing is not None:
        raise ValueError(
            f"device of {owner} must be 'cpu' or 'auto' without an NVIDIA GPU and numba-cuda (pip install "
            f'"tsrnn[cuda12]" or "tsrnn[cuda13]", whichever suits the driver); got {device!r}, and {missing}.'
        )
    from tsrnn.backends import cuda

    return cpu if device == "auto" and cuda.SIMULATED else cuda
