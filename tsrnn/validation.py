"""Parameters are checked against a table, and the sentence writes itself."""

from numbers import Integral, Real

import numpy as np


class Interval:
    """Numbers of a kind from `low` to `high`; `closed` says which ends belong to it."""

    def __init__(self, kind, low, high=np.inf, closed="left"):
        self.kind = kind
        self.low = low
        self.high = high
        self.closed = closed

    def accepts(self, value):
        if not isinstance(value, self.kind) or isinstance(value, (bool, np.bool_)):
            return False
        above = value >= self.low if self.closed in ("left", "both") else value > self.low
        below = value <= self.high if self.closed in ("right", "both") else value < self.high
        return bool(above and below)

    def __str__(self):
        noun = "an int" if self.kind is Integral else "a number"
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        return f"{noun} in {left}{self.low}, {self.high}{right}"


class OneOf:
    """One of some strings, or None, True, False."""

    def __init__(self, *options):
        self.options = options

    def accepts(self, value):
        return any(
            value is option or (isinstance(value, str) and value == option)
            for option in self.options
        )

    def __str__(self):
        return ("one of " if len(self.options) > 1 else "") + ", ".join(map(repr, self.options))


class Registered(OneOf):
    """A name that a registry offers when it is asked, or one of some others."""

    def __init__(self, names, *others):
        self.names = names
        self.others = others

    @property
    def options(self):
        return (*self.names(), *self.others)


class SomeOf(OneOf):
    """One of some strings, or a tuple or list of them."""

    def accepts(self, value):
        if isinstance(value, tuple | list):
            return len(value) > 0 and all(
                isinstance(one, str) and one in self.options for one in value
            )
        return super().accepts(value)

    def __str__(self):
        return f"{super().__str__()} or a tuple of these"


class Instance:
    """An object of a type, or with a method of a name."""

    def __init__(self, kind, description):
        self.kind = kind
        self.description = description

    def accepts(self, value):
        return isinstance(value, self.kind)

    def __str__(self):
        return self.description


class PairOf:
    """Two of a kind, in a tuple."""

    def __init__(self, kind):
        self.kind = kind

    def accepts(self, value):
        return isinstance(value, tuple) and len(value) == 2 and all(map(self.kind.accepts, value))

    def __str__(self):
        return f"a pair ({self.kind}, {self.kind})"


BOOLEAN = Instance((bool, np.bool_), "True or False")
POSITIVE_INT = Interval(Integral, 1)
SEED = Interval(Integral, 0, 2**32 - 1, "both")
RANDOM_STATE = (SEED, Instance(np.random.RandomState, "a numpy RandomState"), OneOf(None))
N_JOBS = (Interval(Integral, 1), Interval(Integral, -np.inf, -1, "right"), OneOf(None))

__all__ = [
    "BOOLEAN",
    "N_JOBS",
    "POSITIVE_INT",
    "RANDOM_STATE",
    "Instance",
    "Integral",
    "Interval",
    "OneOf",
    "PairOf",
    "Real",
    "Registered",
    "check_parameters",
    "check_value",
    "plain",
]


def check_value(name, value, choices):
    """Raise the sentence for a value that none of these accepts."""
    if not any(choice.accepts(value) for choice in choices):
        wanted = " or ".join(map(str, choices))
        hint = did_you_mean(name.split()[0], value, choices)
        raise ValueError(f"{name} must be {wanted}{hint}; got {value!r}.")


def plain(value):
    """A number of numpy as one of Python, which knows no overflow and is what `is True` asks for."""
    return value.item() if isinstance(value, np.generic) else value


def check_parameters(estimator, constraints):
    """Raise one sentence for the first parameter that no entry of its row in the table accepts."""
    for name, choices in constraints.items():
        check_value(f"{name} of {type(estimator).__name__}", getattr(estimator, name), choices)


# What other libraries call a value of a parameter.
SYNONYMS = {
    "loss": {
        "mse": "squared",
        "l2": "squared",
        "mean_squared_error": "squared",
        "squared_error": "squared",
        "mae": "absolute",
        "l1": "absolute",
        "mean_absolute_error": "absolute",
        "absolute_error": "absolute",
        "smooth_l1": "huber",
        "quantile": "pinball",
        "poisson": "tweedie",
        "gamma": "tweedie",
    },
    "cell": {"simplernn": "rnn", "vanilla": "rnn"},
    "device": {"gpu": "cuda"},
    "precision": {"float32": "fp32", "tfloat32": "tf32"},
    "dtype": {"single": "float32", "double": "float64", "float": "float64"},
    "truncate": {"post": "end", "pre": "start"},
    "learning_rate": {"cosine_annealing": "cosine", "reduce_on_plateau": "plateau"},
}


def did_you_mean(name, value, choices):
    """What to add to an error where a value is another spelling of one that the parameter can have."""
    options = [
        option for choice in choices if isinstance(choice, OneOf) for option in choice.options
    ]
    spelled = str(getattr(value, "__name__", value)).lower()  # a type of numpy has a name
    meant = SYNONYMS.get(name, {}).get(spelled.replace("-", "_"), spelled.strip())
    return f" (did you mean {meant!r}?)" if meant in options else ""
