"""Trees of plain data as JSON, with the arrays beside it.

None, bool, int, finite float, str and list are themselves; all else is an object of one key, its tag, which names the
codec that wrote it:

    {"tuple": [1, 2]}    {"float": "nan"}    {"array": "panel.values"}    {"Plan": {"window": 12, ...}}

Only kinds that have a codec are read or written, so that a file cannot name anything else.
"""

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

from tsrnn.files.errors import DamagedError, reason

DEEPEST = 60  # lists in lists; what is saved has some ten
PLAIN = (type(None), bool, str)
SIMPLE = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    list: list,
    tuple: tuple,
    dict: dict,
}
LARGEST_INT = 2**63  # beyond it numbers are written in hexadecimal, which has no limit of digits


class Codec(NamedTuple):
    """How one kind of object is written and read."""

    tag: str
    kind: type
    encode: Callable  # (object, Writer) -> JSON
    decode: Callable  # (JSON, Reader) -> object
    family: bool = False  # whether subclasses are written by it too


class Writer:
    """Turns objects into JSON, and collects their arrays by name."""

    def __init__(self, codecs):
        self.codecs = {codec.kind: codec for codec in codecs}
        self.arrays = {}
        self.place = []

    def node(self, value, name):
        """JSON of `value`, which its parent calls `name`."""
        with self.within(name):
            return self.encoded(value)

    def encoded(self, value):
        if type(value) in PLAIN:
            return value
        if type(value) is int and abs(value) < LARGEST_INT:
            return value
        if type(value) is float and abs(value) < float("inf"):
            return value
        if type(value) is list:
            return [self.node(part, i) for i, part in enumerate(value)]
        codec = self.codec_of(type(value))
        if codec is None:
            return self.encoded(without_class(value, self.where()))
        return {codec.tag: codec.encode(value, self)}

    def nodes(self, values):
        """JSON of several, by position."""
        return [self.node(value, i) for i, value in enumerate(values)]

    def fields(self, values):
        """JSON of a dict whose keys are names of fields."""
        return {name: self.node(value, name) for name, value in values.items()}

    @contextmanager
    def within(self, name):
        self.place.append(str(name))
        if len(self.place) > DEEPEST:
            raise ValueError(
                f"what is saved must be at most {DEEPEST} levels deep; got more at {self.where()}."
            )
        yield
        self.place.pop()

    def codec_of(self, kind):
        """How such objects are written; None if nobody knows."""
        if kind in self.codecs:
            return self.codecs[kind]
        for base in kind.__mro__[1:]:
            if base in self.codecs and self.codecs[base].family:
                return self.codecs[base]
        return None

    def where(self):
        return ".".join(self.place)

    def keep(self, array):
        """The name under which the file holds `array`."""
        name = self.where()
        while name in self.arrays:
            name += "'"
        self.arrays[name] = array
        return name


def without_class(value, place):
    """An object of a subclass of plain Python's as plain Python: an enum of strings as its string."""
    for kind, make in SIMPLE.items():
        if isinstance(value, kind) and type(value) is not kind:
            return make(value)
    raise ValueError(
        "what is saved must be data: numbers, strings, times and arrays, lists and dicts of them; got a "
        f"{type(value).__name__} at {place}."
    )


class Reader:
    """Turns JSON back into objects; whatever it meets that no `Writer` wrote is a DamagedError."""

    def __init__(self, codecs, arrays, size):
        self.codecs = {codec.tag: codec for codec in codecs}
        self.arrays = dict(arrays)
        self.size = size  # of the file, in bytes: nothing in it can be longer
        self.depth = 0

    def finish(self, tree):
        """The object that a whole tree spells; it must have a place for every array."""
        found = self.value(tree)
        if self.arrays:
            raise DamagedError(f"the array {next(iter(self.arrays))!r:.60} without a place")
        return found

    def value(self, node):
        """The object that `node` spells."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise DamagedError(f"lists in lists, more than {DEEPEST} deep")
        if isinstance(node, list):
            found = [self.value(part) for part in node]
        elif isinstance(node, dict):
            found = self.tagged(node)
        else:
            found = node
        self.depth -= 1
        return found

    def tagged(self, node):
        if len(node) != 1:
            raise DamagedError(f"an object of {len(node)} keys where there must be one")
        [(tag, payload)] = node.items()
        if tag not in self.codecs:
            raise DamagedError(f"an object of the unknown kind {tag[:40]!r}")
        try:
            return self.codecs[tag].decode(payload, self)
        except (DamagedError, MemoryError, ImportError):
            raise
        except Exception as error:  # of the many libraries that make objects of what a file says
            raise DamagedError(f"{tag} that cannot be: {reason(error)}") from error

    def values(self, nodes):
        """A list of objects."""
        if not isinstance(nodes, list):
            raise DamagedError(f"a {type(nodes).__name__} where there must be a list")
        return [self.value(node) for node in nodes]

    def fields(self, payload, names, optional=()):
        """A dict of objects that has exactly these names, and maybe some more."""
        if not isinstance(payload, dict):
            raise DamagedError(f"a {type(payload).__name__} where there must be an object")
        lacking = [name for name in names if name not in payload]
        unknown = [name for name in payload if name not in names and name not in optional]
        if lacking or unknown:
            raise DamagedError(
                f"a record that lacks {lacking} and has {[name[:40] for name in unknown]}"
            )
        return {name: self.value(node) for name, node in payload.items()}

    def take(self, name):
        """The array of that name, which nobody else gets."""
        if not isinstance(name, str) or name not in self.arrays:
            raise DamagedError(f"no array {name!r:.60}, or two uses of it")
        return self.arrays.pop(name)
