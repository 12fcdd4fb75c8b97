"""Every kernel through the compiler that a GPU would use, without a GPU: what registers and memory it takes.

Run by `make gpu-compile`; needs numba-cuda with its compiler, `pip install "numba-cuda[cu13]"`.
"""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda")
nvjitlink = pytest.importorskip("cuda.bindings.nvjitlink")

from numba import cuda  # noqa: E402
from recording import everything, kernels_of, on_tensor_cores  # noqa: E402

# Device functions ask for a device only to learn what to compile for.
sys.modules["numba.cuda.dispatcher"].get_current_device = lambda: SimpleNamespace(compute_capability=(8, 0))


def recorded():
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = {}
        for dtype in (np.float32, np.float64):
            found |= kernels_of(lambda dtype=dtype: everything(dtype), monkeypatch)
        return found | kernels_of(on_tensor_cores, monkeypatch, tensor_cores=True)


KERNELS = recorded()


def name_of(kernel, types):
    cells = [str(v.cell_contents) for v in kernel.py_func.__closure__ or () if isinstance(v.cell_contents, (int, str))]
    wide = "float64" if any("float64" in str(ty) for ty in types) else "float32"
    return f"{kernel.py_func.__name__} {wide} {'-'.join(cells)}"


def linked(code, architecture):
    options = [f"-arch={architecture}", "-lto", "-Xptxas=-v", "-verbose"]
    handle = nvjitlink.create(len(options), options)
    nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, code, len(code), "kernel")
    nvjitlink.complete(handle)
    log = bytearray(nvjitlink.get_info_log_size(handle))
    nvjitlink.get_info_log(handle, log)
    nvjitlink.destroy(handle)
    return log.decode(errors="ignore")


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)], ids=["sm_80", "sm_90"])
@pytest.mark.parametrize(("kernel", "types"), KERNELS, ids=[name_of(*key) for key in KERNELS])
def test_registers_and_memory(kernel, types, capability):
    threads, bounds = KERNELS[kernel, types], kernel.targetoptions["launch_bounds"]
    assert threads <= bounds[0]
    options = {"device": False, "abi": "numba", "cc": capability, "launch_bounds": bounds}
    code, _ = cuda.compile(kernel.py_func, types, output="ltoir", **options)
    log = linked(code, "sm_{}{}".format(*capability))
    (registers,) = map(int, re.findall(r"Used (\d+) registers", log))
    (memory,) = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log)
    print(name_of(kernel, types), capability, "registers", registers, "stack, spills", *memory)
    assert memory == ("0", "0", "0")
    assert registers * bounds[0] <= 65536  # of a multiprocessor
    if not any("float64" in str(ty) for ty in types):
        ptx, _ = cuda.compile(kernel.py_func, types, output="ptx", **options)
        assert ".f64" not in ptx
