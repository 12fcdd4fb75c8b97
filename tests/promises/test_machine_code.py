"""Machine code on disk gives the same bits whichever processes put it there, and in whatever order."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tsrnn

HOME = Path(tsrnn.__file__).parent
FILES = [
    path
    for folder in ("rules", "backends", "backends/cpu")
    for path in (HOME / folder).glob("*.py")
]
COMPILERS = {"compiled", "register_jitable"}


def called(decorator):
    return getattr(decorator.func if isinstance(decorator, ast.Call) else decorator, "id", "")


def made_by_factories(source):
    """Functions to be compiled that stand inside another function, with the names of their decorators."""
    for outer in ast.walk(ast.parse(source)):
        if not isinstance(outer, ast.FunctionDef):
            continue
        for inner in ast.walk(outer):
            if isinstance(inner, ast.FunctionDef) and inner is not outer:
                names = [called(decorator) for decorator in inner.decorator_list]
                if COMPILERS & set(names):
                    yield inner.name, names


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_function_of_a_factory_has_a_name_of_its_own(path):
    for name, decorators in made_by_factories(path.read_text(encoding="utf-8")):
        assert "distinct" in decorators, (
            f"{path.name}: {name} has the name of its siblings in the cache"
        )


def test_the_walk_sees_them():
    source = (
        "def make(n):\n    @register_jitable\n    def f(x):\n        return x + n\n    return f"
    )
    assert list(made_by_factories(source)) == [("f", ["register_jitable"])]
    assert (
        sum(len(list(made_by_factories(path.read_text(encoding="utf-8")))) for path in FILES) >= 7
    )


FIT = """
import sys
from numba.extending import register_jitable
for _ in range(int(sys.argv[1])):  # what another library would have made before
    register_jitable(lambda x: x)
import hashlib
import numpy as np
from tsrnn import RNNRegressor
rng = np.random.default_rng(0)
X = [rng.normal(size=(n, 3)) for n in range(2, 40)]
y = rng.normal(size=38)
for cell in sys.argv[2:]:
    model = RNNRegressor(cell=cell, max_iter=1, random_state=0).fit(X, y)
    print(cell, hashlib.sha256(model.loss_curve_[0].hex().encode() + model.predict(X).tobytes()).hexdigest())
"""


def fitted(cache, shift, *cells):
    command = [sys.executable, "-c", FIT, str(shift), *cells]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("shift", [1, 2, 3, 4])
def test_kernels_of_several_processes_do_not_call_each_others_helpers(shift, tmp_path):
    alone = fitted(tmp_path / "alone", 0, "gru", "lstm")
    fitted(tmp_path / "together", 0, "gru")
    fitted(tmp_path / "together", shift, "lstm")
    for cells in (["gru", "lstm"], ["lstm", "gru"], ["lstm"]):
        assert fitted(tmp_path / "together", 0, *cells).items() <= alone.items()
