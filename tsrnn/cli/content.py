"""What a file holds: its bytes read once, decompressed, and as text."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from pathlib import Path

from tsrnn.extras import require
from tsrnn.forecasting.memory import most_bytes

SHARE = 8  # of the memory of this machine, which text, its columns and a panel share
PIECE = 2**20
STANDARD_INPUT = "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"

# How files begin; a name may lie.
PARQUET = b"PAR1"
BYTE_ORDER_MARKS = {  # the longer ones first: that of UTF-16 begins that of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"ARROW1": "a feather file",
    b"\xff\xff\xff\xff": "an Arrow stream",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a numpy array",
    b"SQLite format 3": "a SQLite database",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\x80\x04\x95": "a pickle",
    b"\x80\x05\x95": "a pickle",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\x37\x7a\xbc\xaf": "a 7z archive",
    b"Rar!\x1a": "a rar archive",
    b"Obj\x01": "an Avro file",
    b"PK\x05\x06": "an empty zip archive",
    b"{": "JSON",
    b"[": "JSON",
    b"<": "HTML or XML",
}
# words that text may begin with
NOT_TEXT = {b"ORC": "an ORC file", b"RDX": "a file of R", b"HAST": "a file of Stata"}


def is_standard_input(source):
    return source in STANDARD_INPUT


def read_whole(source):
    """All bytes of a file or of standard input, which may be a pipe and is read once."""
    if is_standard_input(source):
        if sys.stdin is None:
            raise ValueError(
                "the data must come from a file or standard input; got a standard input that is closed."
            )
        return bounded(sys.stdin.buffer, source)
    path = Path(source)
    if "\0" in source or not path.exists():
        raise ValueError(f"the data file must exist; got {source!r}.")
    if path.is_dir():
        raise ValueError(f"the data must be a file; got the folder {source!r}.")
    with open(path, "rb") as file:
        return bounded(file, source)


def bounded(stream, source):
    """All that a stream holds, read piece by piece, as a pipe or a compressed file may have no end."""
    most = most_bytes() // SHARE
    whole = io.BytesIO()
    while piece := stream.read(PIECE):
        whole.write(piece)
        if whole.tell() > most:
            raise MemoryError(
                f"{source!r} must hold at most {most / 1e9:.3g} GB, decompressed, on this machine; got more: forecast "
                "its series in parts."
            )
    return whole.getvalue()


def decompressed(data, source):
    """Bytes as they were before gzip, bzip2, xz or zstd."""
    decompress = decompressor_of(data)
    if decompress is None:
        return data
    try:
        data = bounded(decompress(io.BytesIO(data)), source)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(
            f"{source!r} must be a whole compressed file; it is damaged: {error}."
        ) from None
    if decompressor_of(data) is not None:
        raise ValueError(
            f"{source!r} must be compressed once; got a compressed file in a compressed file."
        )
    return data


def decompressor_of(data):
    return next(
        (decompress for start, decompress in DECOMPRESSORS.items() if data.startswith(start)), None
    )


def unzstd(file):
    pyarrow = require("pyarrow", "a zstd file")
    return pyarrow.CompressedInputStream(file, "zstd")


class Streams:
    """Streams of bzip2 or xz behind each other; a damaged one is told, where Python's own files end before it."""

    def __init__(self, file, new):
        self.file = file
        self.new = new
        self.decompressor = new()

    def read(self, most):
        """Some bytes, at most so many; none at the end."""
        while True:
            if self.decompressor.eof:
                ahead = self._next_stream()
                if not ahead:
                    return b""
                self.decompressor = self.new()
            else:
                ahead = self.file.read(PIECE) if self.decompressor.needs_input else b""
                if self.decompressor.needs_input and not ahead:
                    raise EOFError("it ends before its last stream does")
            piece = self.decompressor.decompress(ahead, most)
            if piece:
                return piece

    def _next_stream(self):
        """The first bytes behind a stream; zeros there are padding."""
        ahead = self.decompressor.unused_data.lstrip(b"\0")
        while not ahead and (piece := self.file.read(PIECE)):
            ahead = piece.lstrip(b"\0")
        return ahead


DECOMPRESSORS = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": lambda file: Streams(file, bz2.BZ2Decompressor),
    b"\xfd7zXZ\x00": lambda file: Streams(file, lzma.LZMADecompressor),
    b"\x28\xb5\x2f\xfd": unzstd,
}


def as_text(data, source):
    """Text in UTF-8, or in UTF-16 or UTF-32 as a byte order mark says."""
    encoding = next(
        (name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8"
    )
    if encoding == "utf-8":
        refuse_other_formats(data, source, OTHERS)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        refuse_other_formats(data, source, NOT_TEXT)
        raise ValueError(
            f"{source!r} must be text in UTF-8, or in UTF-16 with a byte order mark; byte {error.start} is neither: "
            "iconv -f WINDOWS-1252 -t UTF-8 converts what older spreadsheets write."
        ) from None
    if "\0" in text:
        refuse_other_formats(data, source, NOT_TEXT)
        raise ValueError(f"{source!r} must be csv or parquet; got bytes that are no text.")
    return text


def refuse_other_formats(data, source, known):
    start = data[:64].lstrip()
    if data[257:262] == b"ustar":
        raise ValueError(f"{source!r} must be csv or parquet; got a tar archive.")
    for begins, name in known.items():
        if start.startswith(begins):
            raise ValueError(f"{source!r} must be csv or parquet; got {name}.")


def same_file(source, path):
    """Whether the input is the file at `path`, under whatever name, or redirected to standard input."""
    try:
        mine = os.fstat(0) if is_standard_input(source) else os.stat(source)
        return stat.S_ISREG(mine.st_mode) and os.path.samestat(mine, os.stat(path))
    except OSError:  # one of them is not there
        return False
