"""What one direction of a layer hands to a backend: its weights, what its forward pass leaves, and its gradients."""

from typing import Any, NamedTuple


class LayerWeights(NamedTuple):
    """As `Packing` packs them; transposed for the backward pass, which needs no bias."""

    input: Any
    recurrent: Any
    bias: Any = None


class LayerCache(NamedTuple):
    """Inputs (T, B, F), states (n_states, T + 1 or 2, B, H), and what the rule saved (T or 1, B, n_saved, H)."""

    x: Any
    states: Any
    saved: Any


class LayerGradients(NamedTuple):
    """Gradients of the outputs (T, B, H) or empty, of the last states (n_states, B, H), which become those of the
    first, of the inputs, unless empty, and of the parameters, from `offset` on.
    """

    outputs: Any
    states: Any
    inputs: Any
    parameters: Any
    offset: int
