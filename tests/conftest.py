"""Set up before anything imports numba: a cache of machine code that belongs to exactly these sources.

Numba looks only at the file a kernel stands in. Rules and the helpers of the backends are inlined from other files, so
after an edit there the default cache would go on serving the old code. Here every state of the sources has a folder of
its own. Processes that a test starts inherit it.
"""

import hashlib
import os
import shutil
import signal
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHES = ROOT / ".numba_cache"
HOUR = 3600


def fingerprint():
    """Hash of all that can end up inside a kernel: only these two folders may import numba (see test_layering.py)."""
    digest = hashlib.sha256()
    for folder in ("rules", "backends"):
        for path in sorted((ROOT / "tsrnn" / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def choose_cache():
    mine = CACHES / fingerprint()
    mine.mkdir(parents=True, exist_ok=True)
    mine.touch()  # when it was last wanted
    for other in CACHES.iterdir():  # unless another run may still be at work with it
        if other != mine and time.time() - other.stat().st_mtime > HOUR:
            shutil.rmtree(other, ignore_errors=True)
    return str(mine)


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = choose_cache()

# A run in the background of a shell is deaf to Ctrl-C, and so are the processes it starts; some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
