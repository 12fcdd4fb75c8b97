"""Every picture shows what it is given, in every form, and changes nothing outside itself."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")
from tsrnn import RNNForecaster, RNNRegressor, plot_forecasts
from tsrnn.inspection import GradientFlowDisplay, GradientNormDisplay, LossCurveDisplay

QUICK = {
    "h": 3,
    "window": 4,
    "level_window": 1,
    "deseasonalize": False,
    "n_networks": 1,
    "max_steps": 3,
    "random_state": 0,
}
TIMES = pd.date_range("2024-03-28", periods=40, freq="h", tz="Europe/Berlin")
LONG = pd.concat(
    pd.DataFrame({"unique_id": label, "ds": TIMES, "y": np.arange(40.0) % 5 + shift})
    for label, shift in (("a", 5), ("b", 50))
)
WIDE = LONG.pivot(index="ds", columns="unique_id", values="y")


def polars(frame):
    return pytest.importorskip("polars").from_pandas(frame)


# every form that `fit` takes: as it is made, and the series it has
FORMS = {
    "long": (lambda: LONG, "ab"),
    "shuffled": (lambda: LONG.sample(frac=1, random_state=0), "ab"),
    "polars": (lambda: polars(LONG), "ab"),
    "wide": (lambda: WIDE, "ab"),
    "two levels": (lambda: LONG.set_index(["unique_id", "ds"]), "ab"),
    "two levels, Series": (lambda: LONG.set_index(["unique_id", "ds"])["y"], "ab"),
    "Series": (lambda: WIDE["a"], "a"),
    "Series without a name": (lambda: WIDE["a"].rename(None), ["series"]),
    "texts": (lambda: LONG.assign(ds=LONG["ds"].dt.strftime("%Y-%m-%d %H:%M")), "ab"),
    "periods": (lambda: WIDE["a"].tz_localize(None).to_period("h"), "a"),
    "integers": (lambda: WIDE.reset_index(drop=True)["b"], "b"),
}


@pytest.mark.parametrize("level", [None, [80, 95]])
@pytest.mark.parametrize("form", FORMS)
def test_every_form(form, level):
    make, labels = FORMS[form]
    df = make()
    forecaster = RNNForecaster(**QUICK).fit(df)
    figure = plot_forecasts(df, forecaster.predict(level=level))
    panels = [panel for panel in figure.axes if panel.get_visible()]
    assert [panel.get_title(loc="left") for panel in panels] == list(labels)
    if len(labels) == 2:
        expected = RNNForecaster(**QUICK).fit(LONG).predict()["RNNForecaster"]
        for panel, values in zip(panels, expected.to_numpy().reshape(2, 3)):
            lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
            np.testing.assert_array_equal(
                lines["history"], LONG["y"][LONG["unique_id"] == panel.get_title(loc="left")][-36:]
            )
            np.testing.assert_allclose(lines["forecast"][1:], values)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["history", "forecast", *(["95% interval", "80% interval"] if level else [])]
    figure.canvas.draw()


def frames(hi=6.0):
    ahead = pd.DataFrame(
        {"unique_id": "a", "ds": np.arange(20, 24), "RNNForecaster": [3.0, 4.0, 5.0, 4.0]}
    )
    ahead = ahead.assign(**{"RNNForecaster-lo-90": 2.0, "RNNForecaster-hi-90": hi})
    return pd.DataFrame(
        {"unique_id": "a", "ds": np.arange(20), "y": 4 + np.arange(20.0) % 3}
    ), ahead


@pytest.mark.parametrize(("hi", "most"), [(6.0, 7.0), (9.0, 9.6), (1e6, 12.0)])
def test_an_interval_far_outside_does_not_crush_the_rest(hi, most):
    low, high = plot_forecasts(*frames(hi)).axes[0].get_ylim()
    assert high <= most and low < 2 and high >= min(hi, 6)


def test_the_axis_is_named_and_zero_ranges_are_drawn():
    history, ahead = frames()
    figure = plot_forecasts(
        history.rename(columns={"y": "load"}).assign(load=3.0),
        ahead.assign(RNNForecaster=3.0),
        target_col="load",
    )
    assert figure.axes[0].get_ylabel() == "load"
    figure.canvas.draw()


def test_the_forecast_begins_at_the_last_known_value():
    history, ahead = frames()
    history.loc[18:, "y"] = np.nan
    # what came already
    more = pd.concat([history, pd.DataFrame({"unique_id": "a", "ds": [20, 21], "y": 9.0})])
    (line,) = (
        line
        for line in plot_forecasts(more, ahead).axes[0].get_lines()
        if line.get_label() == "forecast"
    )
    np.testing.assert_array_equal(
        line.get_xydata(), np.column_stack([[17, 20, 21, 22, 23], [6, 3, 4, 5, 4]])
    )


def test_ticks_are_in_the_time_zone_of_the_data():
    history = pd.DataFrame(
        {
            "unique_id": "a",
            "ds": pd.date_range("2024-07-01 20:00", periods=8, freq="30min", tz="Asia/Tokyo"),
        }
    )
    ahead = history.assign(RNNForecaster=1.0, ds=history["ds"] + pd.Timedelta("4h"))
    figure = plot_forecasts(history.assign(y=1.0), ahead)
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert "02 Jul" in ticks and any(re.fullmatch(r"2[0-3]:\d\d", tick) for tick in ticks)


HISTORY, AHEAD = frames()
BAD = {
    "history lacks a column": (
        lambda: plot_forecasts(HISTORY.rename(columns={"unique_id": "shop"}), AHEAD),
        "a long frame must have the columns",
    ),
    "forecasts lack a column": (
        lambda: plot_forecasts(HISTORY, AHEAD.rename(columns={"ds": "day"})),
        "columns of a long frame",
    ),
    "another name": (lambda: plot_forecasts(HISTORY, AHEAD, name="LSTM"), "['LSTM'] not among"),
    "a list": (lambda: plot_forecasts([1, 2], AHEAD), "got list"),
    "a list of forecasts": (lambda: plot_forecasts(HISTORY, [1, 2]), "got list"),
    "no such series": (
        lambda: plot_forecasts(HISTORY, AHEAD, ids=["b"]),
        "ids must be labels of series in forecasts; got 'b'.",
    ),
    "none of the series": (
        lambda: plot_forecasts(HISTORY, AHEAD, ids=[]),
        "ids must be labels of series in forecasts; got none.",
    ),
    "no panels": (
        lambda: plot_forecasts(HISTORY, AHEAD, max_series=0),
        "max_series must be an int of at least 1; got 0.",
    ),
    "a cross-validation": (
        lambda: plot_forecasts(HISTORY, pd.concat([AHEAD, AHEAD])),
        "got 20 twice: of a cross-validation",
    ),
    "dates and numbers": (
        lambda: plot_forecasts(LONG, AHEAD),
        "times of history and forecasts must be of one kind",
    ),
    "two zones": (
        lambda: plot_forecasts(
            LONG.assign(ds=LONG["ds"].dt.tz_localize(None)),
            LONG.rename(columns={"y": "RNNForecaster"}),
        ),
        "must be of one kind",
    ),
    "text for numbers": (lambda: plot_forecasts(HISTORY.assign(y="closed"), AHEAD), "'closed'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_frame_is_a_sentence(case):
    call, message = BAD[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert message in str(caught.value) and "\n" not in str(caught.value)


def tick_texts(axis):
    return [text for text in (tick.get_text() for tick in axis.get_ticklabels()) if text]


@pytest.mark.parametrize(
    "options",
    [{}, {"window": "auto", "level_window": "auto", "deseasonalize": "auto", "season_length": 5}],
)
def test_report(options):
    forecaster = RNNForecaster(**QUICK | {"max_steps": 45} | options).fit(LONG)
    figure = forecaster.report()
    figure.canvas.draw()
    course, trial = figure.axes
    assert (
        course.get_ylabel() == "pinball loss, adjusted scale" and course.get_xlabel() == "updates"
    )
    assert all(re.fullmatch(r"\d+", tick) for tick in tick_texts(course.xaxis))
    assert all(
        re.fullmatch(r"\d*\.?\d+", tick) for tick in tick_texts(course.yaxis)
    ) and tick_texts(course.yaxis)
    low, high = trial.get_ylim()
    assert (
        all(bar.get_height() < (high - low) / 6 for bar in trial.patches) and len(trial.patches) > 0
    )
    assert any("seasonal index" in tick for tick in tick_texts(trial.yaxis)) == bool(options)


@pytest.mark.parametrize("Display", [LossCurveDisplay, GradientNormDisplay, GradientFlowDisplay])
def test_displays_have_plain_decimals(Display):
    import matplotlib.pyplot as plt

    X = np.random.default_rng(0).normal(size=(40, 12))
    model = RNNRegressor(max_iter=10, hidden_size=4, random_state=0).fit(X, X[:, -1])
    arguments = (X, X[:, -1]) if Display is GradientFlowDisplay else ()
    with plt.rc_context({"backend": "Agg"}):
        display = Display.from_estimator(model, *arguments)
        display.figure_.canvas.draw()
        ticks = tick_texts(display.ax_.yaxis)
        plt.close(display.figure_)
    assert ticks and all(re.fullmatch(r"\d*\.?\d+(e-\d\d)?", tick) for tick in ticks)


SCRIPT = """
import sys
import matplotlib
state = lambda: {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if "backend" not in name}
before = state()
import numpy as np, pandas as pd
from tsrnn import RNNForecaster, plot_forecasts
df = pd.DataFrame({"unique_id": "a", "ds": np.arange(30), "y": np.arange(30.0) % 5})
f = RNNForecaster(h=3, window=4, level_window=1, deseasonalize=False, n_networks=1, max_steps=3).fit(df)
for figure in (plot_forecasts(df, f.predict()), f.report()):
    assert figure._repr_png_().startswith(b"\\x89PNG")
assert "matplotlib.pyplot" not in sys.modules and state() == before
"""


def test_a_script_keeps_its_backend_and_opens_no_window():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
