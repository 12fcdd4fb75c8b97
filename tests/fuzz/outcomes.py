"""What may come of a call: a result, or one sentence of our own; and how often each came."""

import contextlib
import traceback
import warnings
from collections import Counter
from pathlib import Path

import tsrnn

COUNTS = Counter()  # (what was fuzzed, outcome) -> inputs
HOME = str(Path(tsrnn.__file__).parent)
TESTS = str(Path(__file__).parent)
CONTRACT = "sklearn"  # whose checks of tables and parameters are scikit-learn's contract
REFUSALS = ValueError, TypeError, tsrnn.DivergenceError


class Refused(Exception):
    """The call ended in a sentence."""


@contextlib.contextmanager
def one_sentence():
    """A call that ends in a result or in `Refused`; warnings must be the library's own."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            yield
        except REFUSALS as error:
            check_sentence(error)
            raise Refused(str(error)) from error
    for warning in seen:
        assert is_ours(warning), (
            f"a warning of somebody else: {warning.category.__name__}: {warning.message}"
        )


def check_sentence(error):
    text = str(error)
    assert type(error) is not UnicodeDecodeError, text
    place = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if CONTRACT in place.parts:
        return
    assert text and "\n" not in text, f"not one line: {text!r}"
    assert str(place).startswith(HOME), f"raised in {place}: {type(error).__name__}: {text}"


def is_ours(warning):
    """Ours point at the call; what another library says of our use of it points into the package."""
    of_contract = (
        warning.category.__module__.startswith(CONTRACT) or CONTRACT in Path(warning.filename).parts
    )
    return of_contract or str(warning.filename).startswith(TESTS)


def count(what, outcome):
    COUNTS[what, outcome] += 1
