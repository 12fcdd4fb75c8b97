"""Forecast plots show what they are given."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")
from tsrnn.forecasting.plotting import plot_forecasts


def frames(n=3, dates=True, h=4):
    times = pd.date_range("2020", periods=60 + h, freq="MS") if dates else np.arange(60 + h)
    df = pd.concat([pd.DataFrame({"unique_id": f"s{i}", "ds": times, "y": i + np.arange(60.0 + h)}) for i in range(n)])
    late = df["ds"] >= times[60]
    return df[~late], df[late].rename(columns={"y": "RNNForecaster"}), df[late]


@pytest.mark.parametrize("dates", [True, False])
@pytest.mark.parametrize("n", [1, 3, 9])
def test_small_multiples(n, dates):
    history, forecasts, truth = frames(n, dates)
    figure = plot_forecasts(history, forecasts, truth)
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert len(panels) == min(n, 6)
    assert panels[0].get_title(loc="left") == "s0" and panels[-1].get_title(loc="left") == f"s{n - 1}"
    for panel in panels:
        lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
        first = float(panel.get_title(loc="left")[1:])
        np.testing.assert_array_equal(lines["forecast"], first + np.arange(59, 64))
        np.testing.assert_array_equal(lines["truth"], lines["forecast"])
        np.testing.assert_array_equal(lines["history"], first + np.arange(24, 60))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["history", "truth", "forecast"]


def test_chosen_series_and_tail():
    history, forecasts, _ = frames(3)
    figure = plot_forecasts(history, forecasts, ids=["s2"], tail=10)
    (panel,) = figure.axes
    assert panel.get_title(loc="left") == "s2" and len(panel.get_lines()[0].get_ydata()) == 10
