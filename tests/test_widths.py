"""Registers of any width give the same numbers: 128 bits (SSE, NEON), 256 (AVX), 512 (AVX-512).

LLVM splits a vector that is wider than this machine's registers, so the code for all widths runs anywhere.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

CODE = """
import json, sys
import llvmlite.binding as llvm
features, bits = llvm.get_host_cpu_features, int(sys.argv[1])
told = llvm.FeatureMap({"avx512f": bits == 512, "avx": bits == 256})
asked_by = lambda: sys._getframe(2).f_globals["__name__"]
# numba itself compiles for the real machine, which takes wider vectors apart
llvm.get_host_cpu_features = lambda: told if asked_by() == "tsrnn.backends.cpu.simd" else features()
from tsrnn.backends.cpu import simd
llvm.get_host_cpu_features = features
assert simd.BITS == bits, simd.BITS
import numpy as np
from tsrnn import RNNRegressor
rng = np.random.default_rng(0)
X = [rng.normal(size=(length, 3)) for length in rng.integers(1, 9, size=31)]
y = np.array([x.sum() for x in X])
model = RNNRegressor(cell=sys.argv[2], hidden_size=20, max_iter=3, tol=0, dtype=sys.argv[3], random_state=0).fit(X, y)
print(json.dumps([model.predict(X).tolist(), model.grad_norm_curve_.tolist()]))
"""


SLOW = [
    pytest.param(*case, marks=pytest.mark.slow)
    for case in (("gru", "float64"), ("lstm", "float32"))
]


@pytest.mark.parametrize(("cell", "dtype"), [("rnn", "float32"), *SLOW])
def test_widths_agree(cell, dtype, tmp_path):
    found = {}
    for bits in (128, 256, 512):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / str(bits))}
        run = [sys.executable, "-c", CODE, str(bits), cell, dtype]
        done = subprocess.run(run, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[bits] = json.loads(done.stdout)
    tolerance = 1e-9 if dtype == "float64" else 2e-4
    for bits in (128, 512):
        for one, other in zip(found[bits], found[256]):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
