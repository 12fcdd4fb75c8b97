"""Both backends have every operation that the protocol writes down, with the same arguments, and no other is used."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import tsrnn
from tsrnn.backends import cpu
from tsrnn.backends.protocol import Backend

HOME = Path(tsrnn.__file__).parent
OPERATIONS = {
    name: value
    for name, value in vars(Backend).items()
    if inspect.isfunction(value) and name[0] != "_"
}
OTHERS = "MOST_ROWS", "MOST_BYTES", "Packing"
# Made by a function for each precision, or by numba, or a class: their arguments stand elsewhere.
MADE = {"forward", "backward", "affine", "affine_backward", "repeated"}


def used():
    """Names that the code outside the backends asks a backend for."""
    files = [*HOME.rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files if "backends" not in path.parts]
    texts.append((HOME / "backends" / "placing.py").read_text(encoding="utf-8"))
    return {name for text in texts for name in re.findall(r"\bbackend\.([A-Za-z]\w*)", text)}


def test_the_protocol_is_what_is_used():
    assert used() == {*OPERATIONS, *OTHERS}


def arguments_of(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_cpu_has_it(name):
    function = inspect.unwrap(getattr(cpu, name))
    expected = arguments_of(OPERATIONS[name])[1:]
    assert arguments_of(getattr(function, "py_func", function)) == expected
    assert OPERATIONS[name].__doc__.endswith(".")


GPU = ast.parse((HOME / "backends" / "cuda" / "__init__.py").read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in GPU.body if isinstance(node, ast.FunctionDef)}


def names_of(tree):
    """All that a module defines, imports or assigns at its top."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))


@pytest.mark.parametrize("name", [*OPERATIONS, *OTHERS])
def test_the_gpu_has_it(name):
    assert name in set(names_of(GPU))
    if name in FUNCTIONS and name not in MADE:
        given = FUNCTIONS[name].args
        assert [argument.arg for argument in given.args] == arguments_of(OPERATIONS[name])[1:]
