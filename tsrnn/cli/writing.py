"""Files that are whole or not there: written beside their place and then moved into it."""

import contextlib
import errno
import io
import os
import stat
import sys

from tsrnn.cli.content import same_file
from tsrnn.extras import require
from tsrnn.files.atomic import replacing

TABLES = ".csv", ".csv.gz", ".csv.bz2", ".csv.xz", ".parquet", ".pq"
# which matplotlib writes too, but not as a picture that a viewer opens
NOT_PLOTS = {"pgf", "raw", "rgba"}


def check_outputs(options):
    """Refuse before the work what could not be written after it."""
    for option, path in (("--out", options.out), ("--plot", options.plot)):
        if path is None:
            continue
        check_place(option, path)
        if same_file(options.data, path):
            raise ValueError(
                f"{option} must not be the data file, which it would overwrite; got {str(path)!r}."
            )
    if options.plot:
        check_suffix("--plot", options.plot, plot_formats())
    if options.out and is_plain(options.out):
        check_suffix("--out", options.out, TABLES)
        if options.out.suffix.lower() in (".parquet", ".pq"):
            require("pyarrow", "a parquet file")
    if options.out and options.plot and same_place(options.out, options.plot):
        raise ValueError(f"--out and --plot must be two files; got {str(options.out)!r} twice.")
    if options.out is None and sys.stdout is None:
        raise ValueError("--out must be given where standard output is closed; got none.")


def check_place(option, path):
    if is_circular(path):
        raise ValueError(
            f"{option} must be a file; got {str(path)!r}, a link that leads to itself."
        )
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"{option} must be a file in a folder that exists; got {str(path)!r}.")
    if path.exists() and not os.access(path, os.W_OK):
        raise ValueError(
            f"{option} must be a file that may be written; got {str(path)!r}, which is read-only."
        )
    if is_plain(path) and not os.access(path.resolve().parent, os.W_OK):
        raise ValueError(f"{option} must be in a folder that may be written; got {str(path)!r}.")


def is_circular(path):
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def check_suffix(option, path, known):
    if not path.name.lower().endswith(tuple(known)):
        raise ValueError(f"{option} must end with one of {', '.join(known)}; got {str(path)!r}.")


def plot_formats():
    known = require("matplotlib.backend_bases", "--plot").FigureCanvasBase.get_supported_filetypes()
    return sorted(f".{name}" for name in known if name not in NOT_PLOTS)


def is_plain(path):
    """Whether it is, or will be, a regular file: no pipe, no device."""
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)


def same_place(one, other):
    if one.resolve() == other.resolve():
        return True
    return one.exists() and other.exists() and os.path.samefile(one, other)


def as_bytes(table, path):
    """The table in the format that the name of its file says; csv for a pipe or a device."""
    name = path.name.lower() if is_plain(path) else ""
    buffer = io.BytesIO()
    if name.endswith((".parquet", ".pq")):
        table.to_parquet(buffer, index=False, engine="pyarrow")
    else:
        compression = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}.get(name[name.rfind(".") :])
        table.to_csv(buffer, index=False, lineterminator="\n", compression=compression)
    return buffer.getvalue()


def plot_as_bytes(figure, path):
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=130, format=path.suffix[1:].lower())
    return buffer.getvalue()


def write_all(contents):
    """Write the bytes for each path; all files are complete before the first takes its place."""
    with contextlib.ExitStack() as files:
        for path, content in contents.items():
            file = replacing(path) if is_plain(path) else path.open("wb")
            files.enter_context(file).write(content)
