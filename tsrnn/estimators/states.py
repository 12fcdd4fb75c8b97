"""States that series go on from: by label where series have one, by place where not."""

import warnings
from collections.abc import Mapping

import numpy as np


def first_states(given, steps, network):
    """States before the first step of each series, padded as the network wants them; zero where none is given."""
    states = network.zero_states(len(steps))
    if given is None:
        return states
    own = states[..., : network.hidden_size]
    if isinstance(given, Mapping):
        fill_by_label(own, given, steps)
    else:
        fill_by_place(own, given, steps)
    if not np.isfinite(states).all():
        raise ValueError(f"initial_state must be finite in {network.dtype}; got NaN or infinity.")
    return states


def fill_by_label(own, given, steps):
    if steps.labels is None:
        raise ValueError(
            "initial_state must be an array where series have no labels, the index of a frame or `series`; got a "
            "mapping."
        )
    for i, label in enumerate(steps.labels):
        if label in given:
            fill(
                own,
                i,
                given[label],
                f"initial_state[{label!r}]",
                "(n_layers, n_states, hidden_size)",
            )
        else:
            check_new(label, given)


def check_new(label, given):
    """Raise a sentence for a series that is new only because its label is of another type."""
    same = [known for known in given if str(known) == str(label)]
    if same:
        raise ValueError(
            f"labels of initial_state must be of the type of those of X; got {same[0]!r} of type "
            f"{type(same[0]).__name__} beside {label!r} of type {type(label).__name__}."
        )


def fill_by_place(own, given, steps):
    if steps.labels is not None:
        warnings.warn(
            "An array as initial_state of series with labels is matched by place and will be refused: give a dict of "
            "label to state, as predict_with_state returns it.",
            FutureWarning,
            stacklevel=5,
        )
    fill(own, slice(None), given, "initial_state", "(n_series, n_layers, n_states, hidden_size)")


def fill(own, place, state, name, axes):
    shape = own[place].shape
    state = np.asarray(state)
    if state.dtype.kind not in "biuf" or state.shape != shape:
        raise ValueError(
            f"{name} must be numbers of shape {shape} {axes}, as predict_with_state returns them; got {state.dtype} of "
            f"shape {state.shape}."
        )
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused so
        own[place] = state


def last_states(states, steps, given):
    """States after the last step of each series, and those of series that were not there, as they were given."""
    if steps.labels is None:
        return states.copy()
    before = dict(given) if isinstance(given, Mapping) else {}
    return before | {label: state.copy() for label, state in zip(steps.labels, states)}
