"""Displays draw what they are given, where they are told to."""

import sys

import numpy as np
import pytest
from textbook import TEXTBOOK_WHOLE

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

from tsrnn import RNNRegressor
from tsrnn.inspection import (
    GradientFlowDisplay,
    GradientNormDisplay,
    HiddenStateDisplay,
    LossCurveDisplay,
    gradient_flow,
    hidden_states,
)

X = np.random.default_rng(0).normal(size=(20, 9))
Y = X[:, -1]


def fitted(cell="gru", **options):
    return RNNRegressor(
        cell=cell,
        hidden_size=4,
        max_iter=4,
        batch_size=5,
        random_state=0,
        **TEXTBOOK_WHOLE | options,
    ).fit(X, Y)


@pytest.fixture(autouse=True)
def off_screen():
    import matplotlib.pyplot as plt

    plt.switch_backend("Agg")
    yield
    plt.close("all")


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({"cell": "gru"}, ["h"]),
        ({"cell": "lstm"}, ["h", "c"]),
        ({"cell": "rnn", "n_layers": 2}, ["layer 0", "layer 1"]),
        ({"cell": "rnn", "bidirectional": True}, ["layer 0", "layer 0 reverse"]),
        ({"cell": "lstm", "n_layers": 2}, ["layer 0, h", "layer 1, h", "layer 0, c", "layer 1, c"]),
    ],
)
def test_gradient_flow(options, labels):
    model = fitted(**options)
    display, flow = GradientFlowDisplay.from_estimator(model, X, Y), gradient_flow(model, X, Y)
    expected = [*flow.h, *(flow.c if flow.c is not None else ())]
    assert len(display.lines_) == len(expected)
    for line, norms in zip(display.lines_, expected):
        shown = np.arange(9) >= (norms[0] == 0)  # zero has no place on a logarithmic axis
        assert_array_equal(np.isfinite(line.get_ydata()), shown)
        assert_array_equal(line.get_ydata()[shown], norms[shown])
        assert_array_equal(line.get_xdata(), np.arange(9))
    assert texts(display) == labels and display.ax_.get_yscale() == "log"


def test_two_estimators_in_one_picture():
    ax = Figure().subplots()
    for cell, colour in (("rnn", "red"), ("gru", "blue")):
        display = GradientFlowDisplay.from_estimator(
            fitted(cell), X, Y, ax=ax, name=cell, color=colour
        )
        assert display.ax_ is ax and display.figure_ is ax.figure
    assert texts(display) == ["rnn", "gru"]
    assert [line.get_color() for line in ax.get_lines()] == ["red", "blue"]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_loss_curve(early_stopping):
    model = fitted(early_stopping=early_stopping)
    display = LossCurveDisplay.from_estimator(model, name="model")
    curves = [model.loss_curve_, model.validation_loss_curve_][: 1 + early_stopping]
    assert texts(display) == ["model, training", "model, held out"][: 1 + early_stopping]
    for line, curve in zip(display.lines_, curves, strict=True):
        assert_array_equal(
            line.get_xydata(), np.column_stack([np.arange(1, len(curve) + 1), curve])
        )


def test_gradient_norm():
    model = fitted()
    threshold = float(np.sort(model.grad_norm_curve_)[3])  # 12 of 16 are above it
    display = GradientNormDisplay(model.grad_norm_curve_, threshold).plot()
    assert_array_equal(display.line_.get_ydata(), model.grad_norm_curve_)
    assert_array_equal(display.threshold_.get_ydata(), [threshold, threshold])
    assert display.clipped_share_ == 0.75 and texts(display)[1].endswith(
        "75% of the updates clipped"
    )
    assert (
        GradientNormDisplay.from_estimator(fitted(clip_norm=0.25)).threshold_.get_ydata()[0] == 0.25
    )
    without = GradientNormDisplay.from_estimator(fitted(clip_norm=None))
    assert (
        without.threshold_ is None
        and without.clipped_share_ == 0
        and texts(without) == ["before clipping"]
    )
    assert GradientNormDisplay([], clip_norm=1.0).plot().clipped_share_ == 0  # diverged at once


@pytest.mark.parametrize("layer", [0, 1])
def test_hidden_states(layer):
    model = fitted(n_layers=2, bidirectional=True)
    display = HiddenStateDisplay.from_estimator(model, X[3:], layer=layer, cmap="PuOr")
    expected = hidden_states(model, X[3:4], layer)[0].T
    assert expected.shape == (8, 9)
    assert_array_equal(display.image_.get_array(), expected)
    assert display.image_.get_cmap().name == "PuOr"
    assert display.image_.get_clim() == (-np.abs(expected).max(), np.abs(expected).max())


def test_unfitted():
    for Display in (LossCurveDisplay, GradientNormDisplay):
        with pytest.raises(NotFittedError):
            Display.from_estimator(RNNRegressor())


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r'^a display needs matplotlib: pip install "tsrnn\[plot\]"\.$'
    ):
        LossCurveDisplay([1.0]).plot()
