"""A file that is either the old one or the new one, whole, whatever happens meanwhile."""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from pathlib import Path


def as_path(path, name="path"):
    """`path` as a Path; only a path is one, not an open file."""
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(
            f"{name} must be a path, as a str or a pathlib.Path; got {type(path).__name__}."
        )
    return Path(path)


def check_target(path, given):
    """Raise a sentence if no file can be written at `path`, which the user calls `given`."""
    if path.is_dir():
        raise IsADirectoryError(
            errno.EISDIR, "path must be that of a file; got that of a folder", str(given)
        )
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError(
            errno.EINVAL, "path must be that of a file; got that of a device or a pipe", str(given)
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(
            errno.EACCES, "path must be that of a file that may be written", str(given)
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "path must be in a folder that exists", str(given))


@contextlib.contextmanager
def replacing(path):
    """A binary file to write, which takes the place of `path` when the block ends.

    It is written beside `path` under another name, forced to the disk and renamed. If the block raises, or the process
    or the machine dies, the file at `path` is still the old one.

    Raises
    ------
    OSError
        If the file cannot be written; the error names `path`.
    """
    given = as_path(path)
    path = Path(os.path.realpath(as_path(path)))  # a link stays, and its target is replaced
    check_target(path, given)
    beside = path.parent / f".tsrnn-{secrets.token_hex(8)}.tmp"
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
        sync_folder(path.parent)
    except BaseException as error:
        # what is in the way of the file may be in the way of this too
        with contextlib.suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            raise type(error)(error.errno, error.strerror or str(error), str(given)) from error
        raise


def sync_folder(folder):
    """Force the renaming to the disk, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some file systems have no such thing, and the file is there all the same
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
