"""Every kind of rows and of models has what training and prediction ask of it, under the same names."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import tsrnn
from tsrnn.contracts import Model, Rows
from tsrnn.data.pairs import Pairs
from tsrnn.data.sequences import Sequences
from tsrnn.data.steps import Steps
from tsrnn.forecasting.decoders import DecodedWindows
from tsrnn.forecasting.windows import Windows
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network

HOME = Path(tsrnn.__file__).parent
KINDS = [(Rows, kind) for kind in (Sequences, Steps, Pairs, Windows, DecodedWindows)]
KINDS += [(Model, kind) for kind in (Network, EncoderDecoder)]


def members(contract):
    own = {
        name: value
        for name, value in vars(contract).items()
        if not name.startswith("_") or name == "__len__"
    }
    return own | dict.fromkeys(inspect.get_annotations(contract))


def attributes_of(kind):
    """Names that a class or its `__init__` sets."""
    if hasattr(kind, "__dataclass_fields__"):
        return {*dir(kind), *kind.__dataclass_fields__}
    return {*dir(kind), *re.findall(r"self\.(\w+) = ", inspect.getsource(kind.__init__))}


@pytest.mark.parametrize(("contract", "kind"), KINDS, ids=lambda part: part.__name__)
def test_a_kind_keeps_the_contract(contract, kind):
    assert set(members(contract)) <= attributes_of(kind)
    for name, member in members(contract).items():
        if inspect.isfunction(member):
            asked = list(inspect.signature(member).parameters)
            assert list(inspect.signature(getattr(kind, name)).parameters)[: len(asked)] == asked
            assert (member.__doc__ or "").endswith(".")


@pytest.mark.parametrize(("contract", "name"), [(Rows, "rows"), (Model, "network")])
def test_nothing_else_is_asked(contract, name):
    texts = [
        (HOME / file).read_text(encoding="utf-8")
        for file in ("networks/passes.py", "training/state.py", "training/loop.py")
    ]
    asked = {word for text in texts for word in re.findall(rf"\b{name}\.([a-z]\w*)", text)}
    # of some kinds, see there
    beside = {"targets", "weights", "pieces", "carry"} if name == "rows" else {"last_states"}
    assert asked - beside <= set(members(contract))
    assert asked - beside


def test_editors_see_every_public_name():
    """The names that are fetched late, those that are exported, and those that type checkers import are the same."""
    tree = ast.parse(Path(tsrnn.__file__).read_text(encoding="utf-8"))
    late = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [alias.name for node in late.body for alias in node.names]
    assert sorted(seen) == sorted(tsrnn.__all__) == sorted(tsrnn.PUBLIC_NAMES)


def public_methods():
    for name in tsrnn.__all__:
        public = getattr(tsrnn, name)
        for method, function in (
            inspect.getmembers(public, callable) if inspect.isclass(public) else ()
        ):
            if not method.startswith("_") and str(getattr(function, "__module__", "")).startswith(
                "tsrnn"
            ):
                yield pytest.param(inspect.unwrap(function), id=f"{name}.{method}")


@pytest.mark.parametrize("method", list(public_methods()))
def test_a_public_method_says_what_it_returns(method):
    assert "return" in inspect.get_annotations(method)
