"""Inputs and targets are centred and scaled for training; afterwards the scales become part of the weights.

With x' = (x - m) / s the first layer computes W x' + b = (W / s) x + (b - (W / s) m). With y = m_y + s_y y' the head
gives s_y (V h + c) + m_y = (s_y V) h + (s_y c + m_y), and where its output is the logarithm of a prediction,
V h + (c + log s_y).
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tsrnn.data.pairs import Pairs
from tsrnn.rules.losses import IDENTITY, LOSSES, MOST_PARAMETERS, is_of_classes

# A deviation below this share of the mean is rounding of a feature that stays the same.
SMALL = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Mean and scale of each feature of a time step, and of each target; None for classes."""

    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray | None = None
    y_scale: np.ndarray | None = None
    known_mean: np.ndarray | None = None  # of the known inputs of a decoder
    known_scale: np.ndarray | None = None

    @classmethod
    def of(cls, rows, inputs, loss):
        """Of rows, each step or target as often as its weight says; symbols stay as they are."""
        values, weights = rows.weighted_steps(inputs.n_features)
        x_mean, x_scale = moments(values, weights[:, None])
        if inputs.symbols is not None:
            x_mean[:] = 0
            x_scale[:] = 1
        if is_of_classes(loss):
            return cls(x_mean, x_scale)
        if LOSSES[loss].link is IDENTITY:
            y_mean, y_scale = moments(rows.targets, rows.weights)
            known = ()
            if isinstance(rows, Pairs):
                known = moments(rows.target.values[:, len(y_mean) :], rows.weights[:, :1])
            return cls(x_mean, x_scale, y_mean, y_scale, *known)
        mean, _ = moments(rows.targets, rows.weights)
        return cls(x_mean, x_scale, np.zeros_like(mean), np.where(mean > 0, mean, 1))

    def inputs(self, values):
        """Values of any shape whose last axis repeats the features."""
        table = values.reshape(-1, len(self.x_mean))
        return scaled(table, self.x_mean, self.x_scale).reshape(values.shape)

    def targets(self, targets):
        return targets if self.y_mean is None else scaled(targets, self.y_mean, self.y_scale)

    def rows(self, rows):
        """The same rows, scaled."""
        if isinstance(rows, Pairs):
            source = replace(rows.source, values=self.inputs(rows.source.values))
            values = scaled(rows.target.values, *self.decoder_inputs())
            targets = self.targets(rows.targets)
            return replace(
                rows, source=source, target=replace(rows.target, values=values, targets=targets)
            )
        return replace(rows, values=self.inputs(rows.values), targets=self.targets(rows.targets))

    def decoder_inputs(self):
        """Mean and scale of what a decoder reads: what it said before, and known inputs."""
        means: Any = self.y_mean, self.known_mean
        scales: Any = self.y_scale, self.known_scale
        return np.concatenate(means), np.concatenate(scales)

    def loss_parameters(self, loss, parameters):
        """What a loss is told of distances, in the units of scaled targets, and a factor by which it counts as much as
        if the distance were a deviation at least.
        """
        names = LOSSES[loss].parameters
        if "huber_delta" not in names:
            return parameters
        place = names.index("huber_delta")
        found = []
        for one in parameters:
            distance = one[place] / np.asarray(self.y_scale)
            small = np.minimum(distance, 1)
            factor = distance / small if loss == "quantile_huber" else 1 / small
            rest = [1.0] * (MOST_PARAMETERS - len(names))
            told = [*one[:place], tuple(distance), *one[place + 1 :], *rest, tuple(factor)]
            found.append(tuple(told))
        return tuple(found)

    def folded(self, network, theta, loss):
        """The parameters of the same network for inputs and targets as they are."""
        weights = as_double(network, theta)
        for layer, mean, scale in self.input_layers(network):
            ih = weights[layer.weight]
            ih /= scale
            weights[layer.bias] -= ih @ mean
        self.scale_head(network, weights, loss, 1)
        return network.from_weights(weights)

    def unfolded(self, network, theta, loss):
        """The way back of `folded`."""
        weights = as_double(network, theta)
        for layer, mean, scale in self.input_layers(network):
            ih = weights[layer.weight]
            weights[layer.bias] += ih @ mean
            ih *= scale
        self.scale_head(network, weights, loss, -1)
        return network.from_weights(weights)

    def input_layers(self, network):
        """Layers that see inputs, with mean and scale of what they see: one step or several side by side."""
        reader = getattr(network, "encoder", network)
        n = reader.n_inputs // len(self.x_mean)
        mean = np.tile(self.x_mean, n)
        scale = np.tile(self.x_scale, n)
        where = "" if reader is network else "encoder."
        for direction in reader.directions:
            yield InputLayer.of(where, direction), mean, scale
        if reader is not network:
            yield InputLayer.of("decoder.", ""), *self.decoder_inputs()

    def scale_head(self, network, weights, loss, sign):
        if self.y_mean is None:
            return
        where = "decoder." if hasattr(network, "decoder") else ""
        weight = weights[f"{where}weight_ho"]
        bias = weights[f"{where}bias_ho"]
        if LOSSES[loss].link is not IDENTITY:
            bias += sign * np.log(np.asarray(self.y_scale))
        elif sign > 0:
            weight *= self.y_scale[:, None]
            bias *= self.y_scale
            bias += self.y_mean
        else:
            weight /= self.y_scale[:, None]
            bias -= self.y_mean
            bias /= self.y_scale


class InputLayer(NamedTuple):
    """Names of the weights of a layer that sees inputs."""

    weight: str
    bias: str

    @classmethod
    def of(cls, where, direction):
        return cls(f"{where}weight_ih_l0{direction}", f"{where}bias_ih_l0{direction}")


def scaled(table, mean, scale):
    return ((table - mean) / scale).astype(table.dtype)


def as_double(network, theta):
    return {name: part.astype(np.float64) for name, part in network.to_weights(theta).items()}


def moments(values, weights):
    """Weighted mean and standard deviation of columns; 1 where all values are the same."""
    mean, scale = mean_and_deviation(values, weights)
    return mean, np.where(scale > SMALL * np.abs(mean), scale, 1)


def mean_and_deviation(values, weights):
    weights = np.broadcast_to(weights, values.shape)
    total = np.maximum(weights.sum(axis=0, dtype=np.float64), np.finfo(float).tiny)
    mean = np.einsum("ij,ij->j", values, weights, dtype=np.float64) / total
    rest = values - mean
    return mean, np.sqrt(np.einsum("ij,ij,ij->j", rest, rest, weights, dtype=np.float64) / total)
