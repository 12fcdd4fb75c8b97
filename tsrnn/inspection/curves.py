"""The course of training: losses, and norms of the gradient."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from tsrnn.inspection.drawing import QUIET, LineDisplay, line_of


class LossCurveDisplay(LineDisplay):
    """The loss after each epoch, and with `early_stopping` that of the held-out sequences.

    Parameters
    ----------
    loss_curve, validation_loss_curve : array-like
        A number for each epoch; the second may be empty.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.inspection import LossCurveDisplay
    >>> X = np.random.default_rng(0).normal(size=(50, 12))
    >>> model = RNNRegressor(max_iter=5, early_stopping=True, random_state=0).fit(X, X[:, -1])
    >>> display = LossCurveDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(self, loss_curve, validation_loss_curve=()):
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name=None, **line_kw):
        """Draw the curves of a fitted estimator, of a pipeline those of its last step; parameters as in `plot`."""
        estimator = network_of(estimator)
        check_is_fitted(estimator, "loss_curve_")
        return cls(estimator.loss_curve_, estimator.validation_loss_curve_).plot(
            ax=ax, name=name, **line_kw
        )

    def _draw(self, name, line_kw):
        self.lines_ = []
        for i, (label, curve) in enumerate(
            (("training", self.loss_curve), ("held out", self.validation_loss_curve))
        ):
            if len(curve):
                options = line_of(i) | {"label": f"{name}, {label}" if name else label} | line_kw
                self.lines_ += self.ax_.plot(np.arange(1, len(curve) + 1), curve, **options)
        self.ax_.set(yscale="log", xlabel="epoch", ylabel="loss")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)


class GradientNormDisplay(LineDisplay):
    """The norm of the gradient before clipping, update by update, with the threshold and how often it acted.

    Parameters
    ----------
    norms : array-like of shape (n_updates,)
    clip_norm : float or None, default=None
        The threshold.

    Attributes
    ----------
    clipped_share_ : float
        Share of the updates whose norm was above the threshold. Where `clip_value` has cut the gradient first, the
        threshold may have acted less often.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
    threshold_ : matplotlib Line2D or None

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> from tsrnn.inspection import GradientNormDisplay
    >>> X = np.random.default_rng(0).normal(size=(50, 12))
    >>> model = RNNRegressor(max_iter=5, clip_norm=0.5, random_state=0).fit(X, X[:, -1])
    >>> display = GradientNormDisplay.from_estimator(model)  # doctest: +SKIP
    """

    def __init__(self, norms, clip_norm=None):
        self.norms = np.asarray(norms)
        self.clip_norm = clip_norm

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name=None, **line_kw):
        """Draw the norms of a fitted estimator, or of a pipeline's last step, and its `clip_norm`; the rest: `plot`."""
        estimator = network_of(estimator)
        check_is_fitted(estimator, "grad_norm_curve_")
        return cls(estimator.grad_norm_curve_, estimator._fitted.settings["clip_norm"]).plot(
            ax=ax, name=name, **line_kw
        )

    def _draw(self, name, line_kw):
        label = f"{name}, before clipping" if name else "before clipping"
        updates = np.arange(1, len(self.norms) + 1)
        (self.line_,) = self.ax_.plot(
            updates, self.norms, **line_of(0) | {"linewidth": 0.8, "label": label} | line_kw
        )
        self.threshold_ = None
        self.clipped_share_ = 0.0
        if self.clip_norm is not None:
            self.clipped_share_ = np.count_nonzero(self.norms > self.clip_norm) / max(
                len(self.norms), 1
            )
            label = (
                f"clip_norm = {self.clip_norm:g}, {self.clipped_share_:.0%} of the updates clipped"
            )
            self.threshold_ = self.ax_.axhline(
                self.clip_norm, color=QUIET, linestyle="--", linewidth=1.2, label=label
            )
        self.ax_.set(yscale="log", xlabel="update", ylabel="norm of the gradient")


def network_of(estimator):
    """The network at the end of a pipeline, or of the best one of a search; any other estimator as it is."""
    while hasattr(estimator, "best_estimator_") or isinstance(estimator, Pipeline):
        estimator = estimator[-1] if isinstance(estimator, Pipeline) else estimator.best_estimator_
    return estimator
