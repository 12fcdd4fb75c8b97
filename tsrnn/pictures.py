"""Figures that a notebook shows by themselves; only with matplotlib, so import it where a figure is drawn."""

import io

from tsrnn.extras import require

figure = require("matplotlib.figure", "a plot")
ticker = require("matplotlib.ticker", "a plot")


class Picture(figure.Figure):
    """A figure of its own: pyplot does not know it, so no window opens, and no backend is chosen for the program.

    pyplot is what teaches notebooks to show figures; without it this one says itself how it looks.
    """

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi)
        return buffer.getvalue()


def plain_log(axis, limits):
    """A logarithmic axis with plain decimals: 0.12, not 1.2 x 10^-1."""
    low, high = limits
    subs = (1, 3) if high < 1000 * low else (1,)
    axis.set_major_locator(
        ticker.MaxNLocator(4) if high < 10 * low else ticker.LogLocator(subs=subs)
    )
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.set_minor_locator(ticker.NullLocator())
