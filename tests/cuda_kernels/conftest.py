"""The kernels of the GPU, in numba's simulator or on a GPU, a process of its own (see tests/test_cuda.py)."""

import sys
import threading

import pytest
from numba import config

from tsrnn.backends.devices import why_no_gpu


class Allocations(dict):
    """Shared arrays of a block: whoever finds none makes it, and others wait until it is there.

    The simulator's own dict lets two threads make one each.
    """

    def __init__(self):
        self.making = threading.Lock()

    def get(self, key):
        self.making.acquire()
        if key in self:
            self.making.release()
            return self[key]
        return None

    def __setitem__(self, key, array):
        super().__setitem__(key, array)
        self.making.release()


if config.ENABLE_CUDASIM:
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    # Threads of a block wait for each other all the time, while another polls them.
    sys.setswitchinterval(1e-4)
    make = FakeCUDAShared.__init__

    def make_safely(self, size):
        make(self, size)
        self._allocations = Allocations()

    FakeCUDAShared.__init__ = make_safely


def pytest_collection_modifyitems(items):
    missing = why_no_gpu()
    for item in items:
        if missing is not None:
            item.add_marker(
                pytest.mark.skip(
                    reason=f"NUMBA_ENABLE_CUDASIM=1 must be set without a GPU: {missing}"
                )
            )
        elif "simulated" in item.fixturenames and not config.ENABLE_CUDASIM:
            item.add_marker(pytest.mark.skip(reason="it is about the simulator"))


@pytest.fixture
def simulated():
    """A test that is about the simulator itself asks for it."""
