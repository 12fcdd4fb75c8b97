"""Forecast plots show what they are given."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")
from tsrnn import RNNForecaster
from tsrnn.forecasting.plotting import plot_forecasts


def frames(n=3, dates=True, h=4):
    times = pd.date_range("2020", periods=60 + h, freq="MS") if dates else np.arange(60 + h)
    df = pd.concat(
        [
            pd.DataFrame({"unique_id": f"s{i}", "ds": times, "y": i + np.arange(60.0 + h)})
            for i in range(n)
        ]
    )
    late = df["ds"] >= times[60]
    return df[~late], df[late].rename(columns={"y": "RNNForecaster"}), df[late]


@pytest.mark.parametrize("dates", [True, False])
@pytest.mark.parametrize("n", [1, 3, 9])
def test_small_multiples(n, dates):
    history, forecasts, truth = frames(n, dates)
    figure = plot_forecasts(history, forecasts, truth)
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert len(panels) == min(n, 6)
    assert (
        panels[0].get_title(loc="left") == "s0" and panels[-1].get_title(loc="left") == f"s{n - 1}"
    )
    for panel in panels:
        lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
        first = float(panel.get_title(loc="left")[1:])
        np.testing.assert_array_equal(lines["forecast"], first + np.arange(59, 64))
        np.testing.assert_array_equal(lines["truth"], lines["forecast"])
        np.testing.assert_array_equal(lines["history"], first + np.arange(24, 60))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "history",
        "truth",
        "forecast",
    ]


def test_chosen_series_and_tail():
    history, forecasts, _ = frames(3)
    figure = plot_forecasts(history, forecasts, ids=["s2"], tail=10)
    (panel,) = figure.axes
    assert panel.get_title(loc="left") == "s2" and len(panel.get_lines()[0].get_ydata()) == 10


def test_intervals_are_shaded():
    history, forecasts, _ = frames(1)
    for level, width in ((80, 1), (95, 2)):
        ends = {
            f"RNNForecaster-{end}-{level}": forecasts["RNNForecaster"] + sign * width
            for end, sign in (("lo", -1), ("hi", 1))
        }
        forecasts = forecasts.assign(**ends)
    figure = plot_forecasts(history, forecasts)
    wide, narrow = figure.axes[0].collections
    assert (
        wide.get_label() == "95% interval"
        and narrow.get_label() == "80% interval"
        and wide.get_alpha() < narrow.get_alpha()
    )
    low, high = wide.get_datalim(figure.axes[0].transData).get_points()[:, 1]
    assert low == 58 and high == 65


def test_report_shows_training_and_trial():
    df = frames(3)[0]
    forecaster = RNNForecaster(
        h=3, season_length=12, max_steps=40, n_networks=2, hidden_size=4, random_state=0
    ).fit(df)
    figure = forecaster.report()
    course, trial = figure.axes
    assert len(course.get_lines()) == 2 and len(trial.patches) == len(forecaster.trial_) > 2
    assert forecaster.trial_["kept"].sum() == len(forecaster.plans_) <= 4
    np.testing.assert_allclose(
        sorted(bar.get_width() for bar in trial.patches), sorted(forecaster.trial_["error"])
    )
