"""Sequences with one thing to remember, as many and as long as wanted: the tasks by which a memory is measured."""

from typing import Any

import numpy as np

from tsrnn.types import RandomState
from tsrnn.validation import RANDOM_STATE, Integral, Interval, check_value


def make_adding_problem(
    n_sequences: int = 1000, n_steps: Any = 100, *, random_state: RandomState = None
) -> tuple[np.ndarray, np.ndarray]:
    """Two of the numbers of a sequence are marked; the target is their sum.

    One mark lies in the first half, the other in the second half, each anywhere there. Who forgets the first number
    can do no better than the variance of a uniform number, 1 / 12; who answers 1 always has 1 / 6.

    Parameters
    ----------
    n_sequences : int, default=1000
    n_steps : int, default=100
        Steps of each sequence, at least 2.
    random_state : int, RandomState or None, default=None
        The same int gives the same data.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, 2)
        At each step a number, uniform in [0, 1), and a mark, 1 at two steps and 0 at all others.
    y : ndarray of shape (n_sequences,)
        Sum of the two marked numbers.

    Raises
    ------
    ValueError
        If a number of sequences or steps is too small.

    Notes
    -----
    Source: Hochreiter and Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997, section 5.4; in the form
    of Arjovsky, Shah and Bengio, *Unitary evolution recurrent neural networks*, ICML 2016.

    Examples
    --------
    >>> from tsrnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(n_sequences=5, n_steps=8, random_state=0)
    >>> X.shape, y.shape
    ((5, 8, 2), (5,))
    >>> bool(y[0] == X[0, X[0, :, 1] == 1, 0].sum())
    True
    """
    rng = generator(
        "make_adding_problem", random_state, n_sequences=(n_sequences, 1), n_steps=(n_steps, 2)
    )
    numbers = rng.uniform(size=(n_sequences, n_steps))
    marks = np.zeros((n_sequences, n_steps))
    rows = range(n_sequences)
    for first, last in ((0, n_steps // 2), (n_steps // 2, n_steps)):
        marks[rows, rng.randint(first, last, size=n_sequences)] = 1
    return np.stack([numbers, marks], axis=2), (numbers * marks).sum(axis=1)


def make_copy_memory(
    n_sequences: int = 1000,
    n_steps: Any = 100,
    *,
    n_symbols: int = 8,
    n_copied: int = 10,
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Symbols to be repeated, in their order, after a long pause: a label at every step.

    A sequence is `n_copied` symbols, `n_steps` - 1 blanks, a delimiter and `n_copied` blanks; the target is blank until
    the delimiter has been read, then the symbols. Guessing them has a mean log loss of
    n_copied log(n_symbols) / (n_steps + 2 n_copied).

    Parameters
    ----------
    n_sequences : int, default=1000
    n_steps : int, default=100
        Steps from the last symbol to the delimiter.
    n_symbols : int, default=8
        Different symbols, numbered from 0; `n_symbols` is the blank, `n_symbols` + 1 the delimiter.
    n_copied : int, default=10
        Symbols to repeat, drawn with equal probability.
    random_state : int, RandomState or None, default=None
        The same int gives the same data.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps + 2 * n_copied, n_symbols + 2)
        1 for the symbol of a step, 0 for the others.
    y : ndarray of shape (n_sequences, n_steps + 2 * n_copied), int
        The number of the symbol that is to be written at a step.

    Raises
    ------
    ValueError
        If a number of sequences, steps or symbols is too small.

    Notes
    -----
    Source: Arjovsky, Shah and Bengio, *Unitary evolution recurrent neural networks*, ICML 2016, after Hochreiter and
    Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997.

    Examples
    --------
    >>> from tsrnn.datasets import make_copy_memory
    >>> X, y = make_copy_memory(n_sequences=1, n_steps=4, n_copied=3, random_state=0)
    >>> X[0].argmax(axis=1)
    array([4, 7, 5, 8, 8, 8, 9, 8, 8, 8])
    >>> y[0]
    array([8, 8, 8, 8, 8, 8, 8, 4, 7, 5])
    """
    sizes = {"n_symbols": (n_symbols, 1), "n_copied": (n_copied, 1)}
    rng = generator(
        "make_copy_memory",
        random_state,
        n_sequences=(n_sequences, 1),
        n_steps=(n_steps, 1),
        **sizes,
    )
    symbols = rng.randint(n_symbols, size=(n_sequences, n_copied))
    read = np.full((n_sequences, n_steps + 2 * n_copied), n_symbols)
    y = read.copy()
    read[:, :n_copied], read[:, -n_copied - 1] = symbols, n_symbols + 1
    y[:, -n_copied:] = symbols
    return np.eye(n_symbols + 2)[read], y


def make_temporal_order(
    n_sequences: int = 1000, n_steps: Any = 100, *, random_state: RandomState = None
) -> tuple[np.ndarray, np.ndarray]:
    """Two symbols, X or Y, among distractors; the class says which they were, in their order.

    A sequence begins with E and ends with B; all between is drawn from a, b, c and d, but for an X or Y at a step in
    [n_steps / 10, n_steps / 5) and another in [n_steps / 2, 6 n_steps / 10).

    Parameters
    ----------
    n_sequences : int, default=1000
    n_steps : int, default=100
        Steps of each sequence, at least 10.
    random_state : int, RandomState or None, default=None
        The same int gives the same data.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, 8)
        1 for the symbol of a step, 0 for the others, in the order E, B, a, b, c, d, X, Y.
    y : ndarray of shape (n_sequences,), str
        "XX", "XY", "YX" or "YY".

    Raises
    ------
    ValueError
        If a number of sequences or steps is too small.

    Notes
    -----
    Source: Hochreiter and Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997, section 5.6, task 6a;
    there sequences have 100 to 110 steps.

    Examples
    --------
    >>> from tsrnn.datasets import make_temporal_order
    >>> X, y = make_temporal_order(n_sequences=1, n_steps=20, random_state=0)
    >>> "".join("EBabcdXY"[symbol] for symbol in X[0].argmax(axis=1)), str(y[0])
    ('EdbXddddbdYcadcaaacB', 'XY')
    """
    rng = generator(
        "make_temporal_order", random_state, n_sequences=(n_sequences, 1), n_steps=(n_steps, 10)
    )
    E = 0
    B = 1
    a = 2
    X = 6
    rows = range(n_sequences)
    read = rng.randint(a, X, size=(n_sequences, n_steps))
    read[:, 0], read[:, -1] = E, B
    chosen = rng.randint(2, size=(2, n_sequences))
    for which, (first, last) in zip(chosen, ((1, 2), (5, 6))):
        read[
            rows, rng.randint(-(-first * n_steps // 10), -(-last * n_steps // 10), size=n_sequences)
        ] = X + which
    return np.eye(8)[read], np.array(["XX", "XY", "YX", "YY"])[2 * chosen[0] + chosen[1]]


def generator(name, random_state, **sizes):
    """Random numbers for a function of that name, once its sizes, each with its least value, are found large enough."""
    from sklearn.utils import check_random_state

    for size, (value, least) in sizes.items():
        wanted = Interval(Integral, least)
        if not wanted.accepts(value):
            raise ValueError(f"{size} of {name} must be {wanted}; got {value!r}.")
    check_value(f"random_state of {name}", random_state, RANDOM_STATE)
    return check_random_state(random_state)
