"""Which backend a device name means."""

from functools import cache
from importlib.util import find_spec

from tsrnn.backends import cpu

DEVICES = "cpu", "cuda", "auto"


@cache
def why_no_gpu():
    """What kernels for the GPU lack here, or None. Only a machine that has numba-cuda pays for its import."""
    if find_spec("numba_cuda") is None:
        return "no numba-cuda"
    from tsrnn.backends.cuda.launching import why_unavailable

    return why_unavailable()


def backend_of(device, owner="tsrnn"):
    """The module with the verbs of "cpu" or "cuda"; "auto" is the GPU where there is a real one.

    `owner` is whose parameter it is, for the error on a machine without one.
    """
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
