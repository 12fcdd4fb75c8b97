"""An offset object is a frequency as it is, with all that no alias tells."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest

from tsrnn.forecasting.panel.frames import to_frame, to_panel

OFFSETS = {
    "holidays": pd.offsets.CustomBusinessDay(
        holidays=["2024-03-29", "2024-04-01"], weekmask="Mon Tue Wed Fri"
    ),
    "any day of the month": pd.DateOffset(months=1),
    "hours of business": pd.offsets.BusinessHour(start="10:00", end="12:00"),
    "multiples": pd.offsets.Day(3),
    "a timedelta": datetime.timedelta(hours=36),
}


@pytest.mark.parametrize("kind", OFFSETS)
@pytest.mark.filterwarnings("error::pandas.errors.PerformanceWarning")
def test_an_offset_is_the_frequency_as_it_is(kind):
    offset = OFFSETS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        times = pd.date_range("2024-03-15 10:00", periods=24, freq=offset)
    df = pd.DataFrame({"unique_id": "a", "ds": times[:20], "y": np.arange(20.0)})
    panel = to_panel(df, offset)
    assert to_frame(panel, np.zeros((1, 4)), 4)["ds"].tolist() == times[20:].tolist()
    with pytest.raises(ValueError, match="times must have no gaps; series 'a' lacks 1"):
        to_panel(df.drop(5), offset)
