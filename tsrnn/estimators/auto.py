"""What "auto" means of a parameter, and how many values make a step where that is left open."""

import numpy as np

AUTO = "auto"
SHORT = 48  # steps of a sequence that is read step by step


def is_auto(value):
    return isinstance(value, str) and value == AUTO


def segment_for(lengths, n_steps):
    """Values that make a step, so that a typical sequence has about that many; one of short sequences."""
    typical = int(np.median(lengths))
    return 1 if typical <= SHORT and n_steps > SHORT // 2 else -(-typical // n_steps)
