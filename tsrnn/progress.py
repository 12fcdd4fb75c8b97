"""How far a long work is, on stderr: one line written over itself where somebody watches, a few lines in a log."""

import contextlib
import os
import sys
import threading
import time

EVERY_SHARE = 0.1  # of the work, or
EVERY_SECONDS = 10.0  # whichever comes first, there is a line in a log
NOTEBOOK_SECONDS = 0.1  # between two messages to a notebook, each of which travels to a browser
ERASE = "\033[K"  # a terminal clears the rest of the line


class Line:
    """Progress of one work; threads may share it. A stream that is closed or full is no reason to stop the work."""

    def __init__(self):
        self.stream = sys.stderr
        self.lock = threading.Lock()
        self.text = ""  # the last state
        self.written = ""  # what stands there now
        self.next_share = EVERY_SHARE
        self.last = time.monotonic()
        self.kind = kind_of(self.stream)

    def show(self, text, share):
        """The state `text` when a `share` of the work, from 0 to 1, is done."""
        with self.lock:
            self.text = text
            if self.kind == "terminal":
                self._write(f"\r{fitting(text, self.stream)}{ERASE}")
            elif self.kind == "notebook" and time.monotonic() - self.last >= NOTEBOOK_SECONDS:
                self._overwrite(text)
            elif self.kind == "log" and self._is_due(share):
                self._write(f"{text}\n")

    def end(self):
        """The last state stays."""
        with self.lock:
            if not self.text:
                return
            if self.kind == "notebook":
                self._overwrite(self.text)
            if self.kind != "log":
                self._write("\n")
            elif self.written != f"{self.text}\n":
                self._write(f"{self.text}\n")
            self.text = ""

    def _is_due(self, share):
        """Whether a log wants another line; the last one is written by `end`."""
        if share >= 1 or (share < self.next_share and time.monotonic() - self.last < EVERY_SECONDS):
            return False
        self.next_share = EVERY_SHARE * (int(share / EVERY_SHARE + 1e-9) + 1)
        return True

    def _overwrite(self, text):
        """Blanks cover what was longer before: notebooks know no code that erases."""
        before = len(self.written.strip("\r").rstrip())
        self._write(f"\r{text.ljust(before)}")

    def _write(self, text):
        self.written = text
        self.last = time.monotonic()
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self.stream.write(text)
            self.stream.flush()


class Progress:
    """How far several networks are, on one line that threads share, and whether Ctrl-C ended them."""

    def __init__(self, n_epochs, verbose):
        self.n_epochs = n_epochs
        self.done = []
        self.interrupted = None  # or what is kept after Ctrl-C
        self.line = Line() if verbose else None
        self.begin = time.monotonic()

    @property
    def share(self):
        return len(self.done) / self.n_epochs

    def of(self, network, n_epochs):
        """What a network calls after each of its epochs."""

        def on_epoch(epoch):
            self.done.append(epoch)
            if self.line:
                left = (time.monotonic() - self.begin) * (1 / self.share - 1)
                where = f"{network}, epoch {epoch + 1} of {n_epochs}"
                self.line.show(
                    f"training {self.share:4.0%}, {left:.0f} s left: {where}", self.share
                )

        return on_epoch

    def skip(self, n_epochs):
        """Epochs that a network does not need."""
        self.n_epochs -= n_epochs

    def end_if_done(self, failed):
        """After some networks; the line ends with the last of them, or with those that failed."""
        if failed or self.interrupted or self.share >= 1:
            self.end()

    def end(self):
        if self.line:
            self.line.show(f"training {self.share:.0%}", self.share)
            self.line.end()


def kind_of(stream):
    """Where a stream goes: "terminal", "notebook" or "log"."""
    if type(stream).__module__.startswith(("ipykernel.", "google.colab.")):
        return "notebook"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return "terminal" if stream.isatty() else "log"
    return "log"


def fitting(text, stream):
    """As much of a text as one line of the terminal holds: a line that wraps cannot be written over."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return text
    return text[: width - 1] if width > 1 else text
