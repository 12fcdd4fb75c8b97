"""A NaN stays: no kernel has a minimum or maximum of the GPU that gives the number where one side is NaN. The simulator
and the CPU cannot show it, since Python's `min` and `max` keep their first argument.
"""

import numpy as np
import pytest
from compiling import DROPS_NAN, assembly_of, name_of
from recording import kernels_of, one_fit

from tsrnn.rules.cells import CELLS
from tsrnn.rules.losses import LOSSES
from tsrnn.rules.updates import UPDATES


def fits():
    for dtype in ("f4", "f8"):
        for cell in CELLS:
            one_fit(cell, dtype, 1, 2, H=192)
        for loss in LOSSES:
            one_fit("rnn", dtype, 1, 2, H=16, loss=loss)
        for solver in UPDATES:
            one_fit("rnn", dtype, 1, 2, H=16, solver=solver)


def recorded():
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = kernels_of(fits, monkeypatch)
    names = {"forward", "backward", "value_and_slopes", "reduce_gradients", "apply_update"}
    return [key for key in found if key[0].py_func.__name__ in names]


KERNELS = recorded()


@pytest.mark.parametrize(("kernel", "types"), KERNELS, ids=[name_of(*key) for key in KERNELS])
def test_nan_stays(kernel, types):
    assembly = assembly_of(kernel, types, (9, 0))
    assert ".entry" in assembly and DROPS_NAN.findall(assembly) == []


def test_what_drops_nan_is_found():
    from numba import cuda

    @cuda.jit(launch_bounds=(256, 1))
    def limited(x):
        x[0] = min(max(x[0], x[1]), x[2])

    types = (np.zeros(3, np.float32),)
    from numba.core.typing.typeof import typeof

    found = DROPS_NAN.findall(assembly_of(limited, tuple(map(typeof, types)), (9, 0)))
    assert [line.split(".")[0] for line in found] == ["max", "min"]
