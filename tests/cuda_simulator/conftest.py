"""The kernels of the GPU in numba's simulator, a process of its own (see tests/test_cuda.py)."""

import pytest
from numba import config


def pytest_collection_modifyitems(items):
    if not config.ENABLE_CUDASIM:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="NUMBA_ENABLE_CUDASIM=1 must be set"))
