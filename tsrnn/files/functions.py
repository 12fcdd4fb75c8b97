"""Codecs of functions that a file may name: those on a list, alone or with their first arguments filled in."""

from functools import partial
from types import FunctionType

from tsrnn.files.errors import DamagedError
from tsrnn.files.trees import Codec


def functions(known):
    """Codecs for some functions, which a file calls by their names."""
    by_name = {function.__name__: function for function in known}

    def encode(function, writer):
        if by_name.get(function.__name__) is not function:
            raise ValueError(
                f"what is saved must be data; got the function {function.__name__} at {writer.where()}."
            )
        return function.__name__

    def decode(name, reader):
        if name not in tuple(by_name):
            raise DamagedError(f"the unknown function {name!r:.40}")
        return by_name[name]

    def encode_partial(filled, writer):
        return writer.fields(
            {"function": filled.func, "arguments": list(filled.args), "named": filled.keywords}
        )

    def decode_partial(payload, reader):
        parts = reader.fields(payload, ["function", "arguments", "named"])
        if parts["function"] not in by_name.values():
            raise DamagedError("a function with arguments that is none")
        return partial(parts["function"], *parts["arguments"], **parts["named"])

    return [
        Codec("function", FunctionType, encode, decode),
        Codec("partial", partial, encode_partial, decode_partial),
    ]
