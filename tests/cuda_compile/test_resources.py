"""Every kernel through the compiler, for two kinds of GPU: `make gpu-compile`."""

import numpy as np
import pytest
from compiling import checked_registers, name_of
from recording import everything, kernels_of, on_tensor_cores


def recorded():
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = {}
        for dtype in (np.float32, np.float64):
            found |= kernels_of(lambda dtype=dtype: everything(dtype), monkeypatch)
        return found | kernels_of(on_tensor_cores, monkeypatch, tensor_cores=True)


KERNELS = recorded()


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
@pytest.mark.parametrize(("kernel", "types"), KERNELS, ids=[name_of(*key) for key in KERNELS])
def test_registers_and_memory(kernel, types, capability):
    checked_registers(kernel, types, KERNELS[kernel, types], capability)
