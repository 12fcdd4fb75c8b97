"""What can go wrong that a caller may want to catch."""


class DivergenceError(ArithmeticError):
    """Training met a loss or gradient that is not finite.

    Attributes
    ----------
    weights : dict of str to ndarray or None
        The best weights so far, as `set_weights` takes them.
    loss_curve : list of float
        Mean training loss of each epoch before it.
    grad_norm_curve : ndarray
        Norm of the gradient before clipping, one for each update.
    """

    weights = None
    loss_curve = ()
    grad_norm_curve = ()


class InterruptedFitWarning(UserWarning):
    """`fit` was interrupted; the best weights so far are kept."""
