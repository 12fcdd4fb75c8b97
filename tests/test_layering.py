"""The plan of the house: imports point one way, numba stays in two rooms, and `import tsrnn` is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ORDER = [
    "rules",
    "backends",
    "data",
    "networks",
    "training",
    "estimators",
    "forecasting",
]
# May be imported everywhere, and import nothing else of the package.
LEAVES = {
    "validation",
    "exceptions",
    "progress",
    "extras",
    "files",
    "pictures",
    "types",
    "contracts",
}
# May import all; those in the order may not import them.
OUTSIDE = {"__init__", "__main__", "cli", "datasets", "inspection", "adapters", "perstep"}
NUMBA_ROOMS = {"rules", "backends"}
CUDA_ROOM = "backends/cuda/"

HOME = Path(__file__).parents[1] / "tsrnn"
FILES = sorted(path.relative_to(HOME).as_posix() for path in HOME.rglob("*.py"))


def imported(source):
    """Full names of all that `source` imports, in functions too: `from a import b` is a.b, `from . import b` is ..b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def allowed_rooms(room):
    if room in OUTSIDE:
        return OUTSIDE | LEAVES | set(ORDER)
    if room in LEAVES:
        return LEAVES
    return LEAVES | set(ORDER[: ORDER.index(room) + 1])


def offences(file, source):
    """What `source` does wrong as the `file` of that name, a path inside the package."""
    room = file.removesuffix(".py").split("/")[0]
    if room not in OUTSIDE | LEAVES | set(ORDER):
        return [f"{file} has no place in the order"]
    found = []
    for name in imported(source):
        parts = name.split(".")
        if parts[0] == "":
            found.append(f"relative import of {name}")
        elif parts[0] == "tsrnn" and name != "tsrnn.__version__" and room not in OUTSIDE:
            if len(parts) == 1 or parts[1] not in allowed_rooms(room):
                found.append(f"{room} imports {name}")
        elif parts[0] == "numba" and room not in NUMBA_ROOMS:
            found.append(f"{room} imports {name}")
        elif parts[:2] == ["numba", "cuda"] and not file.startswith(CUDA_ROOM):
            found.append(f"{file} imports {name}")
    return found


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file):
    assert offences(file, (HOME / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("rules/cells.py", "from tsrnn.backends.cpu import scan"),
        ("rules/cells.py", "from tsrnn import backends"),
        ("backends/cpu/scan.py", "import tsrnn.networks as networks"),
        ("networks/network.py", "def late():\n    import tsrnn.training"),
        ("training/loop.py", "import tsrnn"),
        ("training/loop.py", "from tsrnn import RNNRegressor"),
        ("estimators/base.py", "from tsrnn.datasets import load_airline"),
        ("networks/network.py", "from tsrnn.inspection.flow import gradient_flow"),
        ("forecasting/panel/frames.py", "import tsrnn.cli"),
        ("validation.py", "from tsrnn.rules.cells import CELLS"),
        ("estimators/base.py", "from .targets import align"),
        ("cli.py", "from . import datasets"),
        ("backends/cpu/scan.py", "from numba import cuda"),
        ("backends/cpu/scan.py", "import numba.cuda"),
        ("backends/cpu/scan.py", "from numba.cuda import jit"),
        ("training/loop.py", "from numba import njit"),
        ("helpers.py", ""),
    ],
)
def test_the_checker_sees_an_offence(file, source):
    assert len(offences(file, source)) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("backends/cuda/scan.py", "from numba import cuda\nfrom tsrnn.rules.cells import CELLS"),
        (
            "networks/network.py",
            "from tsrnn.backends import cpu\nfrom tsrnn.validation import OneOf",
        ),
        (
            "forecasting/forecaster.py",
            "from tsrnn.forecasting.panel.frames import melt\nimport tsrnn.estimators.base",
        ),
        ("estimators/base.py", "from tsrnn import __version__\nimport numbers"),
        ("cli.py", "from tsrnn import RNNForecaster, datasets"),
    ],
)
def test_the_checker_lets_the_rest_pass(file, source):
    assert offences(file, source) == []


def test_import_of_the_package_is_cheap():
    source = "import sys, tsrnn; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "tsrnn" in loaded
    assert loaded & {"numba", "pandas", "matplotlib", "sklearn", "scipy", "torch"} == set()


def test_contributing_tells_the_order():
    text = (HOME.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = text[text.index("    rules <") : text.index("`validation`, `exceptions`")]
    assert [room.strip() for room in told.split("<")] == ORDER


# One thought a line, outside the kernels


def tree_of(file):
    return ast.parse((HOME / file).read_text(encoding="utf-8"))


WORDY = [file for file in FILES if file.split("/")[0] not in NUMBA_ROOMS]


@pytest.mark.parametrize("file", WORDY)
def test_assignments_do_not_stand_side_by_side(file):
    """`a, b = x, y` hides a thought; unpacking one thing, such as a shape, does not."""
    found = [
        node.lineno
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Tuple)
        and all(isinstance(target, ast.Name | ast.Attribute) for target in node.targets[0].elts)
    ]
    assert found == []


@pytest.mark.parametrize("file", WORDY)
def test_true_and_false_have_a_name(file):
    """`f(x, True)` does not say what is true. Methods of matplotlib that take nothing else are clear without one."""
    found = [
        node.lineno
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
        and not getattr(node.func, "attr", "").startswith("set_")
        and any(
            isinstance(argument, ast.Constant) and isinstance(argument.value, bool)
            for argument in node.args
        )
    ]
    assert found == []


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_at_most_500_lines(file):
    assert len((HOME / file).read_text(encoding="utf-8").splitlines()) <= 500
