"""All kinds of data that a file may hold; estimators add the records that they are made of."""

from tsrnn.files import arrays, moments, scalars, tables
from tsrnn.files.trees import Reader, Writer

CODECS = [*scalars.CODECS, *arrays.CODECS, *moments.CODECS, *tables.CODECS]


def encode(value, records=()):
    """JSON of `value`, and its arrays by name."""
    writer = Writer([*CODECS, *records])
    return writer.encoded(value), writer.arrays


def decode(tree, arrays, size, records=()):
    """The value that a tree spells; every array must have its place in it."""
    reader = Reader([*CODECS, *records], arrays, size)
    return reader.finish(tree)
