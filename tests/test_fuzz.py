"""Any frame is either read as it is meant, or refused in one sentence."""

import warnings

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsrnn import RNNForecaster
from tsrnn.forecasting.panel.frames import to_frame, to_panel

FREQUENCIES = {
    "D": "2024-02-26",
    "MS": "2023-11-01",
    "h": "2024-03-30 22:00",
    "W-SUN": "2024-01-07",
    "B": "2024-01-04",
}


@st.composite
def frames(draw):
    """A long frame of shuffled rows with gaps, missing values and columns of many types, and what was left out."""
    freq = draw(st.sampled_from([1, 3, *FREQUENCIES]))
    labels = draw(
        st.lists(st.one_of(st.text(min_size=1, max_size=3)), min_size=1, max_size=4, unique=True)
    )
    labels = labels if draw(st.booleans()) else list(range(-1, len(labels) - 1))
    zone = draw(st.sampled_from([None, "UTC", "America/New_York"])) if freq == "D" else None
    parts = []
    for label in labels:
        n, begin = draw(st.integers(2, 14)), draw(st.integers(0, 4))
        if isinstance(freq, int):
            times = freq * np.arange(begin, begin + n)
        else:
            times = pd.date_range(FREQUENCIES[freq], periods=begin + n, freq=freq, tz=zone)[begin:]
        numbers = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))
        values = draw(st.lists(numbers, min_size=n, max_size=n))
        part = pd.DataFrame({"unique_id": label, "ds": times, "y": values})
        parts.append(part.drop(draw(st.lists(st.integers(0, n - 1), max_size=2, unique=True))))
    df = pd.concat(parts, ignore_index=True)
    df = df.sample(frac=1, random_state=draw(st.integers(0, 9)))
    if draw(st.booleans()):
        df["y"] = df["y"].astype(draw(st.sampled_from(["float32", "object", "Float64"])))
    return df, freq


RELAXED = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@RELAXED
@given(frames(), st.booleans(), st.booleans())
def test_a_frame_is_read_or_refused(case, fill_gaps, told):
    df, freq = case
    before = df.copy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "[0-9]+ times")
        try:
            panel = to_panel(df, freq if told else None, fill_gaps=fill_gaps)
        except (ValueError, TypeError) as error:
            assert "\n" not in str(error) and type(error) in (ValueError, TypeError)
            assert "series" in str(error) or "freq" in str(error)
            return
    pd.testing.assert_frame_equal(df, before)
    assert np.isfinite(panel.values).all() and panel.known[panel.starts[:-1]].all()
    long = panel.to_long()
    assert (
        long.groupby("unique_id")["ds"].apply(lambda times: times.is_monotonic_increasing)
    ).all()
    kept = long.dropna().merge(df.dropna(), on=["unique_id", "ds"], how="outer", indicator=True)
    assert (kept["_merge"] == "both").all()
    np.testing.assert_allclose(kept["y_x"].astype(float), kept["y_y"].astype(float))
    out = to_frame(panel, np.zeros((len(panel.ids), 2)), 2)
    assert (
        len(out) == 2 * len(panel.ids)
        and (out.groupby("unique_id")["ds"].min() > long.groupby("unique_id")["ds"].max()).all()
    )


@settings(RELAXED, max_examples=10)
@given(frames())
def test_what_is_read_is_forecast(case):
    df, freq = case
    quick = RNNForecaster(
        h=2, freq=freq, n_networks=1, max_steps=3, hidden_size=4, fill_gaps=True, random_state=0
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "[0-9]+ times")
        try:
            forecast = quick.fit(df).predict()
        except (ValueError, TypeError) as error:
            assert "\n" not in str(error)
            return
    assert np.isfinite(forecast["RNNForecaster"]).all()
