"""One line on stderr that is written over itself; where nobody watches, only its last state."""

import contextlib
import sys


class Line:
    def __init__(self):
        self.text = ""

    def show(self, text):
        self.text = text
        self._write(f"\r{text}\033[K", watched=True)

    def end(self):
        self._write("\n", watched=True)
        self._write(f"{self.text}\n", watched=False)

    def _write(self, text, watched):
        with contextlib.suppress(ValueError):  # a closed stderr is no reason to stop training
            if sys.stderr.isatty() == watched:
                print(text, end="", file=sys.stderr, flush=True)
