"""How kernels are compiled: one decorator, the same promises everywhere, and machine code that is kept whole or not
at all.
"""

import hashlib
import os
import pickle
from functools import cache

from numba import config, njit
from numba.core.compiler_lock import global_compiler_lock

if config.DISABLE_JIT:
    raise ImportError(
        "NUMBA_DISABLE_JIT must be unset or 0 for tsrnn, whose kernels are compiled functions; got "
        f"{os.environ.get('NUMBA_DISABLE_JIT', '1')!r}: unset it, and debug the code around them."
    )

# A child that is forked while another thread compiles would wait for that thread, which it has not, forever.
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

# What the compiler may assume. Not that there is no NaN, and not that sums may be reordered.
PROMISES = {"contract", "nsz", "arcp"}
N_DIGEST = hashlib.sha256().digest_size


def compiled(function):
    """`njit` that releases the GIL, divides as NumPy does, and keeps its machine code on disk where there is one.

    The default error model raises on division by zero, and a raise in a loop stops its vectorisation.
    """
    options = {"nogil": True, "fastmath": PROMISES, "error_model": "numpy"}
    try:
        return sealed(njit(cache=True, **options)(function))
    except (
        RuntimeError
    ):  # numba's "no locator available": nowhere to write, so only the first call is slower
        return njit(**options)(function)


def sealed(dispatcher):
    """The same with files of machine code that end in a digest: one that is damaged counts as one that is not there."""
    kept = dispatcher._cache
    kept.__class__, kept._cache_file.__class__ = (
        forgiving(type(kept)),
        with_digest(type(kept._cache_file)),
    )
    return dispatcher


@cache
def forgiving(kept):
    """numba's cache of a kernel, which a full disk, or a folder that can no longer be written, does not stop."""

    class Forgiving(kept):
        def save_overload(self, sig, data):
            try:
                super().save_overload(sig, data)
            except OSError:  # only the next process is slower
                return

    return Forgiving


@cache
def with_digest(files):
    """numba's files of a kernel, an index and data, with a digest at the end, where loading a pickle does not look."""

    class Sealed(files):
        def _dump(self, entry):
            data = super()._dump(entry)
            return data + hashlib.sha256(data).digest()

        def _load_index(self):
            try:
                with open(self._index_path, "rb") as file:
                    pickle.load(file)  # the version, which stands alone
                    check_digest(file.read())
                return super()._load_index()
            except (
                OSError,
                EOFError,
                ValueError,
                LookupError,
                AttributeError,
                ImportError,
                pickle.PickleError,
            ):
                return {}

        def _load_data(self, name):
            with open(self._data_path(name), "rb") as file:
                check_digest(file.read())
            return super()._load_data(name)

    return Sealed


def check_digest(data):
    if hashlib.sha256(data[:-N_DIGEST]).digest() != data[-N_DIGEST:]:
        raise OSError("a file of machine code is damaged.")
