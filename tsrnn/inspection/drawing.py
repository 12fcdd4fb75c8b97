"""What the displays share: axes to draw on, and colours."""

from tsrnn.extras import require

# told apart without colour vision
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
)
QUIET = "#999999"


def axes_of(ax):
    """Figure and axes: those given, or new ones."""
    if ax is None:
        ax = require("matplotlib.pyplot", "a display").subplots(layout="constrained")[1]
    ax.spines[["top", "right"]].set(visible=False)
    return ax.figure, ax


def line_of(i):
    return {"color": COLOURS[i % len(COLOURS)], "linewidth": 1.4}


class LineDisplay:
    """Draws lines by the `_draw` of each display, and names them."""

    def plot(self, ax=None, *, name=None, **line_kw):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where; by default a new figure.
        name : str, optional
            What to call the estimator in the legend.
        **line_kw
            For `Axes.plot`.

        Returns
        -------
        display : the display itself
        """
        self.figure_, self.ax_ = axes_of(ax)
        self._draw(name, line_kw)
        if self.ax_.get_yscale() == "log":
            from tsrnn.pictures import plain_log

            plain_log(self.ax_.yaxis, self.ax_.get_ylim())
        self.ax_.legend(frameon=False)
        return self
