"""What `fit` has learnt, its settings included, in one record that is assigned at its end.

Nothing that comes after `fit` reads the constructor parameters, which may have changed since.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.estimators.scaling import Scaling
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.rules.losses import LOSSES
from tsrnn.training.config import History

# what networks of one estimator may differ in
CHOSEN = "cell", "n_layers", "bidirectional", "segment", "pooling", "augment"


@dataclass(frozen=True)
class Inputs:
    """The form of X."""

    n_features: int  # of a time step
    n_columns: int  # what scikit-learn counts: of a 2-D array its columns, otherwise the features
    flat: bool = False  # whether scikit-learn's own checks know X: a table
    names: np.ndarray | None = None  # of the columns
    symbols: np.ndarray | None = None  # sorted, where X was sequences of symbols

    def makes_plain(self, X):
        """Whether scikit-learn's checks, which take longer than the network, could find nothing in this X."""
        plain = self.flat and self.names is None and type(X) is np.ndarray
        return (
            plain
            and X.dtype.kind == "f"
            and X.ndim == 2
            and len(X) > 0
            and X.shape[1] == self.n_columns
        )

    def attributes(self):
        found = {
            "n_features_in_": self.n_columns,
            "feature_names_in_": self.names,
            "symbols_": self.symbols,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class Numbers:
    """The form of targets that are numbers."""

    many_outputs: bool  # y had columns, if only one
    loss: str = "squared"

    def attributes(self):
        return {}

    def decoded(self, outputs):
        """The network's outputs as predictions, in the form of `y`."""
        outputs = LOSSES[self.loss].link.prediction(outputs.astype(np.float64))
        return outputs if self.many_outputs else outputs[:, 0]


@dataclass(frozen=True)
class NumberSequences(Numbers):
    """The form of targets that are sequences of numbers."""

    listed: bool = False  # y was a list, not an array
    n_steps: int | None = None  # of every target, None where they differed
    n_known: int = 0  # features of a step of `decoder_inputs`

    def attributes(self):
        return {"n_steps_": self.n_steps}


@dataclass(frozen=True)
class Classes:
    """Targets that are classes: two have one output, more have one each."""

    classes: np.ndarray  # sorted

    @property
    def binary(self):
        return len(self.classes) == 2

    def attributes(self):
        return {"classes_": self.classes}

    def encoded(self, codes):
        """Targets of the network from numbers of classes."""
        return codes[:, None] if self.binary else np.eye(len(self.classes))[codes]

    def codes(self, targets):
        """Numbers of classes from targets of the network."""
        return targets[:, 0] if self.binary else targets.argmax(axis=1)

    def scores(self, outputs):
        """One number for each class, (..., n_classes); the first of two classes scores zero."""
        outputs = outputs.astype(np.float64)
        return np.hstack([np.zeros_like(outputs), outputs]) if self.binary else outputs

    def decoded(self, outputs):
        """The likeliest class."""
        return self.classes[self.scores(outputs).argmax(axis=1)]


@dataclass(frozen=True)
class LabelSequences:
    """The form of targets that are sequences of labels."""

    classes: np.ndarray  # sorted
    longest: int  # labels of the longest target
    strings: bool  # each target was a string
    n_known: int = 0  # as of `NumberSequences`

    def attributes(self):
        return {"classes_": self.classes}


class Form(NamedTuple):
    """What the weights of a network depend on."""

    cell: str
    n_inputs: int
    hidden_size: int
    n_outputs: int
    n_layers: int
    bidirectional: bool
    dtype: str

    @classmethod
    def of(cls, settings, n_features, n_outputs):
        cell = "rnn_relu" if settings["activation"] == "relu" else settings["cell"]
        named = {
            name: settings[name] for name in ("hidden_size", "n_layers", "bidirectional", "dtype")
        }
        n_inputs = n_features * settings.get("segment", 1)
        return cls(cell=cell, n_inputs=n_inputs, n_outputs=n_outputs, **named)


@dataclass(frozen=True)
class Fitted:
    """All that predictions, inspection, `set_weights` and further training need."""

    settings: dict  # the constructor parameters, `random_state` apart
    network: Network | EncoderDecoder
    theta: np.ndarray  # the weights, one vector
    history: History
    inputs: Inputs
    targets: Numbers | NumberSequences | Classes | LabelSequences
    loss: str
    loss_parameters: tuple
    solver: str  # the rule that the optimiser's state in `history` belongs to
    scaling: Scaling | None = None  # of inputs and targets while training
    inner: np.ndarray | None = None  # weights for such inputs and targets, to go on from
    others: tuple = ()  # of several networks all but the first, each such a record
    trial: pd.DataFrame | None = None  # choices that were tried

    @property
    def members(self):
        """This record and those of further networks."""
        return (self, *self.others)

    @property
    def form(self):
        """What has to stay the same for weights to be trained further."""
        return Form.of(self.settings, self.inputs.n_features, self.network.n_outputs)

    def finished(self):
        """After training, which has moved `theta` for scaled inputs and targets: with weights for those as they are."""
        if self.scaling is None:
            return self
        theta = self.scaling.folded(self.network, self.theta, self.loss)
        return replace(self, theta=theta, inner=self.theta)

    def with_weights(self, theta):
        """With other weights."""
        if self.scaling is None:
            return replace(self, theta=theta)
        inner = self.scaling.unfolded(self.network, theta, self.loss)
        return replace(self, theta=theta, inner=inner)

    def attributes(self):
        """The public ones of an estimator."""
        history = self.history
        curves = {
            "loss_curve_": list(history.loss_curve),
            "validation_loss_curve_": list(history.validation_loss_curve),
            "grad_norm_curve_": np.array(history.grad_norm_curve),
            "n_iter_": len(history.loss_curve),
        }
        if "n_networks" in self.settings:
            curves["networks_"] = table_of_networks(self.members)
            curves["trial_"] = (
                None
                if self.trial is None
                else self.trial.assign(augment=[names_in(text) for text in self.trial["augment"]])
            )
        return self.inputs.attributes() | self.targets.attributes() | curves


def table_of_networks(members):
    """A row for each network: what it was made with, its epochs and its last training loss."""
    rows = []
    for member in members:
        curve = member.history.loss_curve
        chosen = {name: member.settings[name] for name in CHOSEN}
        rows.append(chosen | {"n_iter": len(curve), "loss": curve[-1] if curve else np.nan})
    return pd.DataFrame(rows)


def names_in(text):
    """A tuple of the names in "scale, shift"; None for none."""
    return tuple(text.split(", ")) if text else None


def reweighted(fitted, weights):
    """What was fitted, with weights that are checked."""
    network = fitted.network
    names = list(network.layout.shapes)
    if set(weights) != set(names):
        raise ValueError(f"weights must have exactly the names {names}; got {sorted(weights)}.")
    for name in names:
        if np.shape(weights[name]) != network.shape_of(name):
            raise ValueError(
                f"{name} must have shape {network.shape_of(name)}; got {np.shape(weights[name])}."
            )
        if not np.isfinite(weights[name]).all():
            raise ValueError(f"{name} must be finite; got NaN or infinity.")
    return fitted.with_weights(network.from_weights(weights))
