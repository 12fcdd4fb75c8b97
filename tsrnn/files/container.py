"""A file of arrays and a tree: safetensors' format, whose header holds one JSON text with a hash of the whole file.

    metadata["tsrnn"] = {"format": 2, "sha256": "...", "written_by": "...", "kind": "RNNForecaster", "tree": ...}

The hash is that of all bytes of the file, with zeros for the 64 digits of the hash itself.
"""

import hashlib
import json
import os
import stat
from typing import NamedTuple

import numpy as np

from tsrnn import __version__
from tsrnn.extras import require
from tsrnn.files.atomic import as_path, replacing
from tsrnn.files.errors import DamagedError, NewerError, reason

FORMAT = 2
KEY = "tsrnn"  # the only one of the metadata: the order of several would be left to chance
DIGITS = 64
ZEROS = b"0" * DIGITS
FIELDS = {"format": int, "sha256": str, "written_by": str, "kind": str}
LARGEST_HEADER = 90_000_000  # bytes; safetensors reads 100,000,000


class Content(NamedTuple):
    """What a file holds."""

    kind: str  # of estimator
    tree: object
    arrays: dict


def to_bytes(content):
    """The file of some content."""
    safetensors = require("safetensors.numpy", "save")
    header = {"format": FORMAT, "sha256": ZEROS.decode(), "written_by": f"tsrnn {__version__}"}
    header |= {"kind": content.kind, "tree": content.tree}
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    if len(text) > LARGEST_HEADER:
        raise ValueError(
            f"what is no array must fit into {LARGEST_HEADER:,} bytes to be saved; got {len(text):,}: labels that are "
            "strings or numbers are kept as arrays."
        )
    raw = bytearray(safetensors.save(content.arrays, {KEY: text}))
    place = raw.index(ZEROS)
    raw[place : place + DIGITS] = digest_of(raw, place)
    return raw


def write(path, content):
    """Write `content` to `path`, whole or not at all."""
    raw = to_bytes(content)
    with replacing(path) as file:
        file.write(raw)


def digest_of(raw, place):
    """The hash of a file whose own digits stand at `place`."""
    view = memoryview(raw)
    digest = hashlib.sha256(view[:place])
    digest.update(ZEROS)
    digest.update(view[place + DIGITS :])
    return digest.hexdigest().encode()


def read_bytes(path):
    """All bytes of a file."""
    with open(as_path(path), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DamagedError("a device or a pipe")
        return file.read()


def parse(raw):
    """The metadata and the arrays, by name; the arrays have no more bytes than the file."""
    safetensors = require("safetensors.numpy", "load")
    try:
        arrays = safetensors.load(bytes(raw))
    except MemoryError:
        raise
    except Exception as error:  # of safetensors, or of numpy for a type that it does not know
        raise DamagedError(reason(error)) from error
    header = as_json(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    writable = {name: np.require(array, requirements=["C", "W"]) for name, array in arrays.items()}
    return header.get("__metadata__") or {}, writable


def content_of(raw, text, arrays):
    """What a file of this format holds, if it is whole; `text` is that of its metadata."""
    header = as_json(text)
    if not isinstance(header, dict) or any(
        type(header.get(name)) is not kind for name, kind in FIELDS.items()
    ):
        raise DamagedError(f"a header without {', '.join(FIELDS)}")
    if header["format"] > FORMAT:
        raise NewerError(
            f"format {header['format']}, written by {header['written_by'][:60]}, newer than the {FORMAT} that this "
            f"tsrnn {__version__} reads: upgrade tsrnn"
        )
    digits = header["sha256"].encode("ascii", "backslashreplace")
    place = raw.find(digits)
    if len(digits) != DIGITS or place < 0 or digest_of(raw, place) != digits:
        raise DamagedError("another checksum than that of its content")
    return Content(header["kind"], header.get("tree"), arrays)


def as_json(text):
    """The tree that a JSON text spells."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: lists in lists without end
        raise DamagedError(reason(error)) from error
