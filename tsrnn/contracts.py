"""What training and prediction ask of rows, which hold the data, and of a model, which holds the layers."""

from typing import Any, Protocol

import numpy as np


class Rows(Protocol):
    """Rows that a network goes through, a batch at a time; a row has one output or one at every step."""

    carried: Any  # states that series carry from row to row, None where no row goes on from another

    def __len__(self) -> int:
        """Count the rows."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """Steps of every row."""
        ...

    @property
    def n_places(self) -> int:
        """Count the outputs of all rows."""
        ...

    def places(self, chosen) -> np.ndarray:
        """Say where the outputs of the chosen rows belong among those of all."""
        ...

    def weights_of(self, chosen) -> np.ndarray:
        """Weights of the targets of the chosen rows."""
        ...

    def batch(self, chosen, workspace) -> Any:
        """Copy the chosen rows, which are sorted by length, longest first, to the device of the workspace."""
        ...

    def n_batches(self, batch_size) -> int:
        """Count the batches of an epoch."""
        ...

    def epoch(self, rng, batch_size, shuffle) -> Any:
        """Draw the rows of every batch of an epoch."""
        ...


class Model(Protocol):
    """Layers over one flat parameter vector."""

    dtype: np.dtype
    n_outputs: int
    n_layers: int
    layout: Any  # names and shapes of the parts of the vector
    draws_noise: bool  # whether training needs a seed

    def initial(self, rng) -> np.ndarray:
        """Draw a parameter vector."""
        ...

    def to_weights(self, theta) -> dict[str, np.ndarray]:
        """Name the parts of a parameter vector as torch does."""
        ...

    def from_weights(self, weights) -> np.ndarray:
        """Join named parts to a parameter vector."""
        ...

    def shape_of(self, name) -> tuple:
        """Tell the shape of a named part."""
        ...

    def decay(self) -> np.ndarray:
        """Say which parameters weight decay acts on: 1 or 0."""
        ...

    def n_multiplications(self, n_steps) -> int:
        """Count the multiplications of a forward pass."""
        ...

    def numbers_of_row(self, rows, backend=None) -> int:
        """Count the numbers that a forward pass holds for the longest row."""
        ...

    def packing(self, training=False, backend=None) -> Any:
        """Make the function that packs a parameter vector for the kernels of a backend."""
        ...

    def forward(self, packed, batch, workspace, noise=None, keep=False) -> Any:
        """Compute the outputs of a batch, and what the backward pass needs if `keep`."""
        ...

    def backward(self, packed, batch, traces, gradients, workspace, options=None) -> Any:
        """Fill the gradient of the parameters from that of the outputs."""
        ...
