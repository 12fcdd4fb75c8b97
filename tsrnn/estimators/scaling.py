"""Inputs and targets are centred and scaled for training; afterwards the scales become part of the weights.

With x' = (x - m) / s the first layer computes W x' + b = (W / s) x + (b - (W / s) m). With y = m_y + s_y y' the head
gives s_y (V h + c) + m_y = (s_y V) h + (s_y c + m_y), and where its output is the logarithm of a prediction,
V h + (c + log s_y).
"""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.rules.losses import IDENTITY, LOSSES, is_of_classes

# A deviation below this share of the mean is rounding of a feature that stays the same.
SMALL = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Mean and scale of each feature of a time step, and of each target; None for classes."""

    x_mean: np.ndarray
    x_scale: np.ndarray
    y_mean: np.ndarray | None = None
    y_scale: np.ndarray | None = None

    @classmethod
    def of(cls, rows, n_features, loss):
        """Of rows, each step or target as often as its weight says."""
        values, weights = rows.weighted_steps(n_features)
        x_mean, x_scale = moments(values, weights[:, None])
        if is_of_classes(loss):
            return cls(x_mean, x_scale)
        if LOSSES[loss].link is IDENTITY:
            y_mean, y_scale = moments(rows.targets, rows.weights)
            if "huber_delta" in LOSSES[loss].parameters:
                y_scale = np.full_like(y_scale, y_scale.mean())  # which the distance is measured in
            return cls(x_mean, x_scale, y_mean, y_scale)
        mean, _ = moments(rows.targets, rows.weights)
        return cls(x_mean, x_scale, np.zeros_like(mean), np.where(mean > 0, mean, 1))

    def inputs(self, values):
        """Values of any shape whose last axis repeats the features."""
        table = values.reshape(-1, len(self.x_mean))
        return ((table - self.x_mean) / self.x_scale).astype(values.dtype).reshape(values.shape)

    def targets(self, targets):
        if self.y_mean is None:
            return targets
        return ((targets - self.y_mean) / self.y_scale).astype(targets.dtype)

    def rows(self, rows):
        """The same rows, scaled."""
        return replace(rows, values=self.inputs(rows.values), targets=self.targets(rows.targets))

    def loss_parameters(self, loss, parameters):
        """What a loss is told of distances, in the unit of scaled targets."""
        names = LOSSES[loss].parameters
        if "huber_delta" not in names:
            return parameters
        of_distance = np.array([name == "huber_delta" for name in names])
        unit = np.where(of_distance, float(self.y_scale.max()), 1.0)  # all are the same, see `of`
        return tuple(tuple((np.array(one) / unit).tolist()) for one in parameters)

    def folded(self, network, theta, loss):
        """The parameters of the same network for inputs and targets as they are."""
        weights = as_double(network, theta)
        mean, scale = self.tiled(network)
        for direction in network.directions:
            ih = weights[f"weight_ih_l0{direction}"]
            ih /= scale
            weights[f"bias_ih_l0{direction}"] -= ih @ mean
        self.scale_head(weights, loss, 1)
        return network.from_weights(weights)

    def unfolded(self, network, theta, loss):
        """The way back of `folded`."""
        weights = as_double(network, theta)
        mean, scale = self.tiled(network)
        for direction in network.directions:
            ih = weights[f"weight_ih_l0{direction}"]
            weights[f"bias_ih_l0{direction}"] += ih @ mean
            ih *= scale
        self.scale_head(weights, loss, -1)
        return network.from_weights(weights)

    def tiled(self, network):
        """Mean and scale of every input of the first layer, which sees one step or several side by side."""
        n = network.n_inputs // len(self.x_mean)
        return np.tile(self.x_mean, n), np.tile(self.x_scale, n)

    def scale_head(self, weights, loss, sign):
        if self.y_mean is None:
            return
        if LOSSES[loss].link is not IDENTITY:
            weights["bias_ho"] += sign * np.log(np.asarray(self.y_scale))
        elif sign > 0:
            weights["weight_ho"] *= self.y_scale[:, None]
            weights["bias_ho"] = weights["bias_ho"] * self.y_scale + self.y_mean
        else:
            weights["weight_ho"] /= self.y_scale[:, None]
            weights["bias_ho"] = (weights["bias_ho"] - self.y_mean) / self.y_scale


def as_double(network, theta):
    return {name: part.astype(np.float64) for name, part in network.to_weights(theta).items()}


def moments(values, weights):
    """Weighted mean and standard deviation of columns; 1 where all values are the same."""
    weights = np.broadcast_to(weights, values.shape)
    total = np.maximum(weights.sum(axis=0, dtype=np.float64), np.finfo(float).tiny)
    mean = np.einsum("ij,ij->j", values, weights, dtype=np.float64) / total
    rest = values - mean
    scale = np.sqrt(np.einsum("ij,ij,ij->j", rest, rest, weights, dtype=np.float64) / total)
    return mean, np.where(scale > SMALL * np.abs(mean), scale, 1)
