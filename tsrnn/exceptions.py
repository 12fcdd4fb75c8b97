"""What can go wrong that a caller may want to catch."""


class DivergenceError(ArithmeticError):
    """Training met a loss or gradient that is not finite; the best weights so far are kept."""


class InterruptedFitWarning(UserWarning):
    """`fit` was interrupted; the best weights so far are kept."""
