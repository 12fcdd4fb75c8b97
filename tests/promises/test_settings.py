"""What `fit` was told is kept by `fit`: a parameter that is set after it changes nothing until the next `fit`.

Every constructor parameter of every network estimator is walked, with every public method and every function of
`tsrnn.inspection`; a new parameter, method or function is covered by being there.
"""

import inspect
import pickle

import numpy as np
import pytest
from matplotlib.figure import Figure
from network_cases import ESTIMATORS, fitted, lists, target

from tsrnn import RNNClassifier, RNNSeq2SeqClassifier, inspection

# A value that changes something where it acts, and is no default; others are of no kind that a parameter has.
OTHER = {
    "activation": "relu",
    "alpha": 0.5,
    "batch_size": 3,
    "beam_width": 3,
    "bidirectional": True,
    "bptt_steps": 1,
    "cell": "rnn",
    "class_weight": {"up": 0.0, "down": 1.0},
    "clip_norm": 0.01,
    "clip_value": 0.01,
    "device": "cuda",
    "dropout": 0.5,
    "dtype": "float64",
    "early_stopping": True,
    "hidden_size": 7,
    "huber_delta": 0.1,
    "learning_rate": "plateau",
    "learning_rate_init": 0.5,
    "loss": "absolute",
    "max_iter": 1,
    "max_length": 1,
    "max_output_length": 1,
    "momentum": 0.1,
    "n_iter_no_change": 1,
    "n_jobs": 2,
    "n_layers": 3,
    "output_dropout": 0.5,
    "precision": "tf32",
    "quantile": 0.9,
    "random_state": 5,
    "shuffle": False,
    "solver": "sgd",
    "teacher_forcing": 0.0,
    "tol": 9.0,
    "truncate": "start",
    "tweedie_power": 1.1,
    "validation_fraction": 0.5,
    "verbose": 1,
    "warm_start": True,
    "window": 2,
    "segment": 3,
    "pooling": "mean",
    "augment": "jitter",
    "n_networks": 2,
    "standardize": False,
}


def other(Estimator, name):
    """Whole sequences are read from both ends unless they are told not to be."""
    both = name == "bidirectional" and Estimator().bidirectional == "auto"
    return False if both else OTHER[name]


LOOKS = [getattr(inspection, name) for name in inspection.__all__ if name.islower()]
SETTINGS = {"plain": {}, "cut": {"max_length": 4, "truncate": "start"}}


class NoKind:
    """No parameter can be this."""

    def __repr__(self):
        return "<no kind>"


def outcome(call, *arguments):
    """Bytes of what a call returns, or the sentence with which it is refused."""
    try:
        return pickle.dumps(plain(call(*arguments)))
    except (TypeError, ValueError) as error:
        return str(error)


def plain(found):
    """Lists, numbers and bytes: arrays that are equal may be pickled in several ways."""
    if isinstance(found, np.ndarray):
        return found.dtype.str, found.shape, found.tolist()
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    return [plain(part) for part in found] if isinstance(found, (list, tuple)) else found


def methods(model):
    names = [name for name in dir(type(model)) if not name.startswith("_")]
    return [
        name for name in names if name.startswith(("predict", "score", "decision", "transform"))
    ]


def arguments_of(call, X, y):
    return (X, y) if "y" in inspect.signature(call).parameters else (X,)


def all_outcomes(model, X, y):
    found = {
        name: outcome(getattr(model, name), *arguments_of(getattr(model, name), X, y))
        for name in methods(model)
    }
    found |= {look.__name__: outcome(look, model, *arguments_of(look, X, y)) for look in LOOKS}
    attributes = [name for name in vars(model) if name.endswith("_")] + ["weights_"]
    found |= {name: outcome(getattr, model, name) for name in attributes}
    norms = inspection.GradientNormDisplay.from_estimator(model, ax=Figure().subplots())
    return found | {"drawn": (norms.clip_norm, norms.clipped_share_)}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_has_another_value_here(Estimator):
    defaults = Estimator().get_params()
    assert set(defaults) <= set(OTHER)
    assert all(other(Estimator, name) != default for name, default in defaults.items())


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_parameter_set_after_fit_changes_nothing(Estimator, settings):
    X = lists(seed=1)
    y = target(Estimator, X)
    model = fitted(Estimator, **SETTINGS[settings])
    before = all_outcomes(model, X, y)
    assert "predict" in before and "score" in before and "weights_" in before
    given = model.get_params()
    for name, value in given.items():
        for value in (other(Estimator, name), NoKind()):
            model.set_params(**{name: value})
            assert model.get_params()[name] is value
            changed = all_outcomes(model, X, y)
            differ = [what for what in before if changed[what] != before[what]]
            assert not differ and changed.keys() == before.keys(), (name, other)
        model.set_params(**{name: value})
    model.set_params(**{name: NoKind() for name in given})
    assert all_outcomes(model, X, y) == before
    assert all_outcomes(pickle.loads(pickle.dumps(model.set_params(**given))), X, y) == before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["max_length", "max_iter", "hidden_size", "cell"])
def test_the_next_fit_takes_it(Estimator, name):
    X = lists()
    y = target(Estimator, X)
    model = fitted(Estimator).set_params(**{name: other(Estimator, name)}).fit(X, y)
    assert all_outcomes(model, X, y) == all_outcomes(
        fitted(Estimator, **{name: other(Estimator, name)}), X, y
    )


def test_what_a_setting_holds_may_change_too():
    """A dictionary of the caller is not ours."""
    X, weights = lists(), {"up": 2.0, "down": 0.0}
    y = target(RNNClassifier, X)
    model = fitted(RNNClassifier, class_weight=weights)
    before = outcome(inspection.gradient_flow, model, X, y)
    weights.update(up=0.0, down=3.0)
    assert outcome(inspection.gradient_flow, model, X, y) == before


def test_options_of_a_prediction_are_given_to_it():
    """What a parameter no longer does after `fit`, an argument does."""
    X = lists()
    model = fitted(RNNSeq2SeqClassifier)
    weights = model.weights_
    weights["decoder.bias_ho"][-1] = -1e3  # no end
    model.set_weights(weights)
    assert {len(word) for word in model.predict(X)} == {max(map(len, X))}
    assert {len(word) for word in model.predict(X, max_output_length=11)} == {11}
    assert [len(part) for part in model.predict_proba(X, max_output_length=2)] == [2] * len(X)
    wide = fitted(RNNSeq2SeqClassifier, beam_width=4).set_weights(weights)
    assert model.predict(X, beam_width=4) == wide.predict(X)
    y = target(RNNSeq2SeqClassifier, X)
    assert model.score(X, wide.predict(X), beam_width=4) == 1
    for name in ("beam_width", "max_output_length"):
        for call in (model.predict, model.predict_proba, model.predict_log_proba):
            with pytest.raises(ValueError, match=f"^{name} must be an int in .1, inf.; got 0.$"):
                call(X, **{name: 0})
        with pytest.raises(ValueError, match=f"^{name} must be"):
            model.score(X, y, **{name: 1.5})
