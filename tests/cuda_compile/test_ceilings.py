"""The kernels that training launches most, for one kind of GPU: a minute of `make test` (see tests/test_cuda.py)."""

import pytest
from compiling import checked_registers, name_of
from recording import kernels_of, one_fit

from tsrnn.backends.cuda import tensor_scan

# Registers of a thread at most. Measured, the next multiple of 8, and 16 more where kernels are still being written.
CEILINGS = {
    "scan.forward": 120,
    "scan.backward": 72,
    "resident.forward": 256,
    "resident.backward": 256,
    "tensor_scan.forward": 160,
    "tensor_scan.backward": 144,
    "products.product": 168,
    "products.slopes": 128,
    "elementwise.value_and_slopes": 64,
    "elementwise.reduce_gradients": 48,
    "elementwise.apply_update": 40,
}
SCANS = [kind for kind in CEILINGS if "scan" in kind or "resident" in kind]


def kind_of(kernel):
    return f"{kernel.py_func.__module__.split('.')[-1]}.{kernel.py_func.__name__}"


def fits(n_rows):
    for cell in ("rnn", "gru", "lstm"):
        for hidden_size in (64, 128):
            one_fit(cell, "f4", n_rows, 8, hidden_size)


def recorded():
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = kernels_of(lambda: fits(256), monkeypatch)
        found |= kernels_of(lambda: fits(tensor_scan.FEWEST_ROWS), monkeypatch, tensor_cores=True)
    return {key: threads for key, threads in found.items() if kind_of(key[0]) in CEILINGS}


KERNELS = recorded()


@pytest.mark.parametrize(("kernel", "types"), KERNELS, ids=[name_of(*key) for key in KERNELS])
def test_registers(kernel, types):
    registers = checked_registers(kernel, types, KERNELS[kernel, types], (9, 0))
    assert registers <= CEILINGS[kind_of(kernel)]


def test_every_kind_is_there():
    kinds = [kind_of(kernel) for kernel, _ in KERNELS]
    assert set(kinds) == set(CEILINGS)
    # cells x sizes x directions, with tensor cores and without
    assert sum(kind in SCANS for kind in kinds) >= 24
