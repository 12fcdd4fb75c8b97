"""A kernel through the compiler that a GPU would use, without a GPU: what registers and memory it takes.

Needs numba-cuda with its compiler, `pip install "numba-cuda[cu13]"`.
"""

import re
import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("numba_cuda")
nvjitlink = pytest.importorskip("cuda.bindings.nvjitlink")

from numba import cuda  # noqa: E402

# they give the number where one side is NaN
DROPS_NAN = re.compile(r"\b(?:min|max)(?!\S*\.NaN)\S*\.f(?:16|32|64)\b.*")

# Device functions ask for a device only to learn what to compile for.
sys.modules["numba.cuda.dispatcher"].get_current_device = lambda: SimpleNamespace(
    compute_capability=(8, 0)
)


def name_of(kernel, types):
    cells = [
        str(v.cell_contents)
        for v in kernel.py_func.__closure__ or ()
        if isinstance(v.cell_contents, (int, str))
    ]
    wide = "float64" if any("float64" in str(ty) for ty in types) else "float32"
    return f"{kernel.py_func.__name__} {wide} {'-'.join(cells)}"


def linked(code, *options):
    """What the linker says, and the assembly, if that was asked for."""
    handle = nvjitlink.create(len(options), options)
    nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, code, len(code), "kernel")
    nvjitlink.complete(handle)
    log, assembly = bytearray(nvjitlink.get_info_log_size(handle)), bytearray()
    nvjitlink.get_info_log(handle, log)
    if "-ptx" in options:
        assembly = bytearray(nvjitlink.get_linked_ptx_size(handle))
        nvjitlink.get_linked_ptx(handle, assembly)
    nvjitlink.destroy(handle)
    return log.decode(errors="ignore"), assembly.decode(errors="ignore")


def intermediate(kernel, types, capability):
    options = {
        "device": False,
        "abi": "numba",
        "cc": capability,
        "launch_bounds": kernel.targetoptions["launch_bounds"],
    }
    code, _ = cuda.compile(kernel.py_func, types, output="ltoir", **options)
    return code, ("-arch=sm_{}{}".format(*capability), "-lto")


def assembly_of(kernel, types, capability):
    code, target = intermediate(kernel, types, capability)
    return linked(code, *target, "-ptx")[1]


def checked_registers(kernel, types, threads, capability):
    """Registers of a thread, of a kernel that keeps nothing elsewhere and its precision."""
    bounds, (code, target) = (
        kernel.targetoptions["launch_bounds"],
        intermediate(kernel, types, capability),
    )
    assert threads <= bounds[0]
    log, _ = linked(code, *target, "-Xptxas=-v", "-verbose")
    (registers,) = map(int, re.findall(r"Used (\d+) registers", log))
    (memory,) = re.findall(
        r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log
    )
    print(name_of(kernel, types), capability, "registers", registers, "stack, spills", *memory)
    assert memory == ("0", "0", "0")
    assert registers * bounds[0] <= 65536  # of a multiprocessor
    _, assembly = linked(code, *target, "-ptx")
    assert ".entry" in assembly and not DROPS_NAN.findall(assembly)
    if not any("float64" in str(ty) for ty in types):
        assert ".f64" not in assembly
    return registers
