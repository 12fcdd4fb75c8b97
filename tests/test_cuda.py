"""The GPU's kernels in numba's simulator, in the compiler and, where there is one, on a GPU: a process for each, since
numba reads the switch between them when it is imported.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tsrnn import RNNForecaster, RNNRegressor
from tsrnn.backends import cpu, devices
from tsrnn.backends.devices import backend_of, why_no_gpu

HERE = Path(__file__).parent


def check_in_a_process(tests, switch):
    command = [sys.executable, "-m", "pytest", HERE / tests, "-q", "-p", "no:cacheprovider"]
    env = os.environ | {"NUMBA_ENABLE_CUDASIM": switch, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "passed" in done.stdout
    return done.stdout


KERNELS = sorted(path.name for path in (HERE / "cuda_kernels").glob("test_*.py"))


@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
@pytest.mark.parametrize("tests", KERNELS)
def test_in_the_simulator(tests):
    assert "skipped" not in check_in_a_process(f"cuda_kernels/{tests}", "1")


@pytest.mark.skipif(why_no_gpu() is not None, reason="this machine has no GPU")
@pytest.mark.parametrize("tests", KERNELS)
def test_on_the_gpu(tests):
    check_in_a_process(f"cuda_kernels/{tests}", "0")


@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
@pytest.mark.parametrize("tests", ["test_ceilings.py", "test_nan.py"])
def test_in_the_compiler(tests):
    assert "skipped" not in check_in_a_process(f"cuda_compile/{tests}", "0")


@pytest.mark.skipif(why_no_gpu() is None, reason="this machine has a GPU")
@pytest.mark.parametrize("model", [RNNRegressor(device="cuda"), RNNForecaster(device="cuda")])
def test_without_a_gpu_one_sentence_says_what_to_install(model):
    X = np.zeros((30, 2))
    with pytest.raises(
        ValueError,
        match=r"^device of .* must be 'cpu' or 'auto' .*tsrnn\[cuda12\].*; got 'cuda', and",
    ):
        model.fit(X, X[:, 0]) if isinstance(model, RNNRegressor) else model.fit(pd.DataFrame(X))


@pytest.mark.skipif(why_no_gpu() is None, reason="this machine has a GPU")
def test_auto_is_the_cpu_where_there_is_no_gpu():
    assert backend_of("auto") is cpu


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("No module named 'cuda.core'"), OSError("bad ELF")]
)
def test_an_installation_that_is_not_whole_counts_as_no_gpu(error, monkeypatch):
    def find_spec(name, path=None, target=None):
        if name.startswith("cuda.core"):
            raise error

    for name in [
        n for n in sys.modules if n.startswith(("cuda.core", "numba.cuda", "tsrnn.backends.cuda"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=find_spec), *sys.meta_path])
    monkeypatch.setattr(devices, "find_spec", lambda name: name)
    monkeypatch.setattr(devices, "why_no_gpu", devices.why_no_gpu.__wrapped__)
    assert backend_of("auto") is cpu
    with pytest.raises(ValueError, match=f"got 'cuda', and numba-cuda cannot be used: {error}"):
        backend_of("cuda")
