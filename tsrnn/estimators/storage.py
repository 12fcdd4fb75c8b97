"""A fitted estimator in a file."""

from dataclasses import replace

import numpy as np

from tsrnn.backends.devices import backend_of
from tsrnn.estimators.fitted import (
    Classes,
    Fitted,
    Inputs,
    LabelSequences,
    Numbers,
    NumberSequences,
)
from tsrnn.estimators.scaling import Scaling
from tsrnn.estimators.soundness import check_fitted
from tsrnn.files import estimators
from tsrnn.files.errors import DamagedError
from tsrnn.files.records import check_kind, names_of, record
from tsrnn.files.trees import Codec
from tsrnn.networks import architecture
from tsrnn.training.config import History

PARTS, OPTIONAL = names_of(Fitted)


def encode_fitted(fitted, writer):
    """Weights, and moments of the optimiser, go by torch's names."""
    network = fitted.network
    moments = fitted.history.moments
    if moments is not None:
        moments = [network.to_weights(moment) for moment in moments]
    parts = {name: getattr(fitted, name) for name in [*PARTS, *OPTIONAL]}
    parts["theta"] = network.to_weights(fitted.theta)
    if fitted.inner is not None:
        parts["inner"] = network.to_weights(fitted.inner)
    parts["history"] = replace(fitted.history, moments=moments)
    return writer.fields(parts)


def decode_fitted(payload, reader):
    parts = reader.fields(payload, PARTS, OPTIONAL)
    network = parts["network"]
    history = parts["history"]
    if not isinstance(network, tuple(architecture.OWN)):
        raise DamagedError("a network that is none")
    check_kind(history, History, "history")
    if history.moments is not None:
        check_kind(history.moments, list, "moments")
        moments = [architecture.theta_of(network, moment, "moments") for moment in history.moments]
        parts["history"] = replace(history, moments=np.array(moments))
    if parts.get("inner") is not None:
        parts["inner"] = architecture.theta_of(network, parts["inner"], "inner weights")
    return Fitted(**parts | {"theta": architecture.theta_of(network, parts["theta"])})


RECORDS = [
    *architecture.CODECS,
    Codec("Fitted", Fitted, encode_fitted, decode_fitted),
    *(
        record(kind)
        for kind in (History, Inputs, Numbers, NumberSequences, Classes, LabelSequences, Scaling)
    ),
]


def save(estimator, path):
    """Write `estimator` to `path`."""
    estimators.save(path, estimator, estimator._fitted, RECORDS, check=complete(type(estimator)))


def load(Estimator, path, device=None):
    """The estimator in the file at `path`."""
    estimator, fitted = estimators.load(path, Estimator, RECORDS, check=complete(Estimator))
    place = {name: fitted.settings[name] for name in ("device", "precision")}
    place = estimators.place_of(place, device, backend_of, Estimator)
    estimator._keep(replace(fitted, settings=fitted.settings | place))
    return estimator if device is None else estimator.set_params(**place)


def complete(Estimator):
    """A function of a record: checks it, and adds the settings that an older version lacks, as they are by default."""

    def check(fitted):
        check_kind(fitted, Fitted, "what is fitted")
        before = getattr(
            Estimator, "_before", {}
        )  # what settings mean that an older version did not have
        as_fitted = estimators.estimator_of(Estimator, before | fitted.settings)
        settings = as_fitted.get_params(deep=False)
        del settings["random_state"]
        if not set(fitted.settings) <= set(settings):
            raise DamagedError("settings that are none")
        check_kind(fitted.others, tuple, "others")
        others = tuple(check(one) for one in fitted.others)
        found = replace(fitted, settings=settings, others=others)
        check_fitted(found, as_fitted)
        return found

    return check
