"""Numbers that differ by little more than their type can tell apart."""

import warnings

import numpy as np

from tsrnn.estimators.convergence import level_of_caller
from tsrnn.estimators.scaling import mean_and_deviation
from tsrnn.rules.losses import is_of_classes

COARSE = 0.01  # of a deviation


def warn_if_coarse(rows, inputs, loss):
    """Warn of a feature, or of targets, whose neighbouring numbers in float32 are far apart beside its deviation."""
    values, weights = rows.weighted_steps(inputs.n_features)
    columns = {"X": (values, weights[:, None])}
    if not is_of_classes(loss):
        columns["y"] = rows.targets, rows.weights
    for name, (table, weights) in columns.items():
        mean, deviation = mean_and_deviation(table, weights)
        apart = np.spacing(np.abs(mean).astype(table.dtype))
        coarse = (apart > COARSE * deviation) & (deviation > 0)
        if coarse.any():
            j = int(coarse.argmax())
            warnings.warn(
                f"column {j} of {name} varies by {deviation[j]:.2g} around {mean[j]:.6g}, where {table.dtype} "
                f"numbers are {apart[j]:.2g} apart: subtract what they have in common, or use dtype='float64'.",
                UserWarning,
                stacklevel=level_of_caller(),
            )
