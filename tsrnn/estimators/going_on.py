"""Training that goes on from the last fit."""

from copy import deepcopy
from dataclasses import replace

from tsrnn.estimators.auto import AUTO

FIXED = "standardize", "pooling"  # what the weights mean


def check_goes_on(name, settings, last):
    """Raise a sentence where an estimator called `name` has settings that the last weights do not suit."""
    for parameter in FIXED:
        was = last.settings.get(parameter)
        if settings.get(parameter, was) not in (was, AUTO):
            raise ValueError(
                f"{parameter} of {name} must stay {was!r}, as in the last fit, where training goes on; got "
                f"{settings[parameter]!r}."
            )


def going_on(name, last, form, solver):
    """Copies of the weights and of the history that training goes on from."""
    if form != last.form:
        raise ValueError(
            f"{name} must go on with the form it was fitted with, {last.form}; got {form}."
        )
    history = deepcopy(last.history)
    if solver != last.solver:  # another solver's moments mean something else
        history = replace(history, n_updates=0, moments=None)
    return (last.theta if last.inner is None else last.inner).copy(), history
