"""Codecs of what Python itself has: numbers that JSON lacks, tuples, dicts, and the labels that a database gives."""

import base64
import math
import uuid
from decimal import Decimal
from fractions import Fraction

from tsrnn.files.errors import DamagedError
from tsrnn.files.trees import Codec

NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def decode_float(text, reader):
    return NOT_FINITE[text]


def encode_dict(value, writer):
    """Keys may be anything, so a dict is a list of pairs."""
    pairs = []
    for i, (key, part) in enumerate(value.items()):
        plain = type(key) is str and key.isascii() and key.isidentifier()
        pairs.append([writer.node(key, i), writer.node(part, key if plain else i)])
    return pairs


def decode_dict(pairs, reader):
    found = {}
    for pair in reader.values(pairs):
        key, part = pair
        found[key] = part
    if len(found) != len(pairs):
        raise DamagedError("a dict with a key twice")
    return found


def decode_bytes(text, reader):
    return base64.b64decode(text, validate=True)


CODECS = [
    Codec("int", int, lambda value, writer: hex(value), lambda text, reader: int(text, 16)),
    Codec("float", float, lambda value, writer: repr(value), decode_float),
    Codec(
        "tuple",
        tuple,
        lambda value, writer: writer.nodes(value),
        lambda nodes, reader: tuple(reader.values(nodes)),
    ),
    Codec("dict", dict, encode_dict, decode_dict),
    Codec("bytes", bytes, lambda value, writer: base64.b64encode(value).decode(), decode_bytes),
    Codec("decimal", Decimal, lambda value, writer: str(value), lambda text, reader: Decimal(text)),
    Codec(
        "fraction", Fraction, lambda value, writer: f"{value}", lambda text, reader: Fraction(text)
    ),
    Codec(
        "uuid", uuid.UUID, lambda value, writer: value.hex, lambda text, reader: uuid.UUID(hex=text)
    ),
]
