"""Words that other libraries have for what is called otherwise here, and the sentence that says so."""

from functools import wraps
from inspect import signature

PARAMETERS = {
    "epochs": "max_iter",
    "n_epochs": "max_iter",
    "nb_epoch": "max_iter",
    "num_epochs": "max_iter",
    "max_epochs": "max_iter",
    "lr": "learning_rate_init",
    "learning_rate": "learning_rate_init",
    "units": "hidden_size",
    "optimizer": "solver",
    "patience": "n_iter_no_change",
    "validation_split": "validation_fraction",
    "seed": "random_state",
}


def says_what_it_takes(method):
    """The method, which answers a keyword that it does not have by one sentence."""
    taken = signature(method).parameters

    @wraps(method)
    def checked(self, *arguments, **keywords):
        for name in keywords:
            if name not in taken:
                raise TypeError(unknown(self, method.__name__, name, list(taken)[1:]))
        return method(self, *arguments, **keywords)

    return checked


def unknown(estimator, method, name, taken):
    owner = type(estimator).__name__
    parameters = estimator.get_params()
    meant = name if name in parameters else PARAMETERS.get(name)
    advice = f": it is a parameter, {owner}({meant}=...)" if meant in parameters else ""
    if name in ("callbacks", "callback"):
        advice = ": estimator.set_callbacks(...) takes them"
    return f"{method} of {owner} takes {', '.join(taken)}; got {name!r}{advice}."
