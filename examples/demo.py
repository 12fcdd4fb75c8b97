"""One forecaster for all 72 series of the CIF 2016 competition, beside published results; writes forecast.png."""

import time

from utilsforecast.losses import mase, smape

from tsrnn import RNNForecaster
from tsrnn.datasets import load_cif2016
from tsrnn.forecasting.plotting import plot_forecasts

SEASON = 12


def score(forecasts, truth, train):
    """sMAPE (0 to 200) and MASE, means over series; utilsforecast's sMAPE runs from 0 to 1."""
    frame = truth.merge(forecasts, on=["unique_id", "ds"])
    models = [
        name for name in forecasts.columns if name not in ("unique_id", "ds") and "-" not in name
    ]
    errors = smape(frame, models), mase(frame, models, SEASON, train)
    return {name: (200 * errors[0][name].mean(), errors[1][name].mean()) for name in models}


def seasonal_naive(train, truth):
    """The value of a season ago, for every step of the truth."""
    last = train.groupby("unique_id")["ds"].max()
    ahead = truth["ds"] - truth["unique_id"].map(last)
    frame = truth[["unique_id", "ds"]].assign(source=truth["ds"] - SEASON * -(-ahead // SEASON))
    values = train.rename(columns={"ds": "source", "y": "seasonal naive"})
    return frame.merge(values, on=["unique_id", "source"]).drop(columns="source")


def main():
    data, begin = load_cif2016(), time.perf_counter()
    forecaster = RNNForecaster(h=12, season_length=SEASON, random_state=0, verbose=1).fit(
        data.train
    )
    forecasts = forecaster.predict(level=[80, 95])
    seconds = time.perf_counter() - begin
    ours = score(forecasts, data.test, data.train)["RNNForecaster"]
    naive = score(seasonal_naive(data.train, data.test), data.test, data.train)["seasonal naive"]
    print("\nCIF 2016: 72 monthly series, 6 or 12 steps ahead\n")
    print(f"{'':36}{'sMAPE':>7}{'MASE':>8}")
    print(f"{'seasonal naive':36}{naive[0]:7.2f}{naive[1]:8.3f}")
    print(f"{'ETS, published':36}{11.88:7.2f}")
    print(f"{'best recurrent network, published':36}{10.23:7.2f}")
    print(f"{'RNNForecaster, defaults':36}{ours[0]:7.2f}{ours[1]:8.3f}")
    print("\nPublished: Hewamalage, Bergmeir & Bandara (2021), table 5.")
    # half of the series have 6 steps of truth
    shown = forecasts.merge(data.test[["unique_id", "ds"]])
    plot_forecasts(data.train, shown, data.test).savefig("forecast.png", dpi=130)
    print(
        f"Trained and forecast in {seconds:.1f} s, compiling included. forecast.png shows six of the series."
    )


if __name__ == "__main__":
    main()
