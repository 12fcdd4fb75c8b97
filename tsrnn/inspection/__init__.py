"""A look inside a fitted network: how far back its gradient reaches, what it remembers, what it listens to."""

from tsrnn.inspection.curves import GradientNormDisplay, LossCurveDisplay
from tsrnn.inspection.flow import GradientFlow, GradientFlowDisplay, gradient_flow, memory_length
from tsrnn.inspection.passes import networks
from tsrnn.inspection.saliency import saliency
from tsrnn.inspection.states import HiddenStateDisplay, hidden_states

__all__ = [
    "GradientFlow",
    "GradientFlowDisplay",
    "GradientNormDisplay",
    "HiddenStateDisplay",
    "LossCurveDisplay",
    "gradient_flow",
    "hidden_states",
    "memory_length",
    "networks",
    "saliency",
]
