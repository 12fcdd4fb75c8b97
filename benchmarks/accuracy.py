"""Accuracy of RNNForecaster, told only horizon, frequency and season, on the test parts of competition sets.

python -m benchmarks.accuracy --data DIR [--sets m4_weekly cif2016] [--jobs 2]

DIR holds a parquet file for each set: unique_id, t, y, split ("train" | "test"). Printed under the published rows and
under a pooled ridge regression on the same windows, which is computed here.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mase, smape

from tsrnn import RNNForecaster
from tsrnn.forecasting.adjustment import Adjustment, Units
from tsrnn.forecasting.panel.histories import Histories
from tsrnn.forecasting.panel.ragged import Ragged
from tsrnn.forecasting.plan import Wanted, plans_for
from tsrnn.forecasting.windows import Windows

DECILES = 20, 40, 60, 80  # levels whose ends are the deciles, beside the point forecast


class Task(NamedTuple):
    """How a set is forecast and scored. `published`: sMAPE, MASE and OWA, None where not published."""

    season: int
    metric: str
    published: dict
    lag: int | None = None  # of MASE's naive forecast, where it is not the season
    naive2: tuple | None = None  # sMAPE and MASE of Naive2, what OWA is relative to


# Sources: M4 "Evaluation and Ranks.xlsx"; ES-RNN, one network: kdgutier/esrnn_torch; Hewamalage et al. 2021, table 5;
# Monash archive, Godahewa et al. 2021, tables 5 and 7; N-BEATS, 360 networks: notebooks of ServiceNow/N-BEATS.
SETS = {
    "m4_weekly": Task(
        52,
        "OWA",
        {
            "Theta (M4)": (9.093, 2.637, 0.971),
            "RNN of the organisers (M4)": (15.220, 5.132, 1.755),
            "ES-RNN, one network": (None, None, 0.952),
            "LSTM on ETS residuals (M4)": (7.301, 2.416, 0.833),
            "ES-RNN (M4)": (7.817, 2.356, 0.851),
            "DeepAR (Monash)": (7.93, None, None),
            "best: Forecast Pro (M4)": (6.582, 2.107, 0.739),
        },
        lag=1,
        naive2=(9.161, 2.777),
    ),
    "m4_hourly": Task(
        24,
        "OWA",
        {
            "Theta (M4)": (18.138, 2.455, 1.006),
            "RNN of the organisers (M4)": (14.698, 3.048, 1.036),
            "ES-RNN, one network": (None, None, 0.615),
            "LSTM on ETS residuals (M4)": (18.598, 2.758, 1.082),
            "ES-RNN (M4)": (9.328, 0.893, 0.440),
            "DeepAR (Monash)": (15.07, 2.145, None),
            "best: Doornik et al. (M4)": (8.913, 0.801, 0.410),
        },
        naive2=(18.383, 2.395),
    ),
    "nn5_daily": Task(
        7,
        "sMAPE",
        {
            "ETS (Monash)": (21.57, 0.865, None),
            "Theta (Monash)": (22.01, 0.885, None),
            "best RNN: stacked LSTM (Hewamalage)": (21.53, None, None),
            "DeepAR (Monash)": (23.85, 0.919, None),
            "best: TBATS (Monash)": (21.19, 0.858, None),
        },
    ),
    "tourism_monthly": Task(
        12,
        "sMAPE",
        {
            "ETS (Monash)": (19.02, 1.526, None),
            "Theta (Monash)": (19.90, 1.649, None),
            "best RNN: S2SD ERNN (Hewamalage)": (19.44, None, None),
            "best: DeepAR (Monash)": (18.35, 1.409, None),
        },
    ),
    "tourism_quarterly": Task(
        4,
        "sMAPE",
        {
            "ETS (Monash)": (15.07, 1.592, None),
            "Theta (Monash)": (15.37, 1.661, None),
            "DeepAR (Monash)": (15.29, 1.597, None),
            "best: N-BEATS (Monash)": (14.45, 1.475, None),
        },
    ),
    "tourism_yearly": Task(
        1,
        "MASE",
        {
            "ETS (Monash)": (36.56, 3.395, None),
            "Theta (Monash)": (31.96, 3.015, None),
            "DeepAR (Monash)": (34.09, 3.205, None),
            "best: N-BEATS (Monash)": (30.27, 2.977, None),
        },
    ),
    "m3_monthly": Task(
        12,
        "sMAPE",
        {
            "ETS (Monash)": (14.14, 0.865, None),
            "Theta (Monash)": (13.86, 0.864, None),
            "best RNN: S2SD GRU (Hewamalage)": (14.11, None, None),
            "DeepAR (Monash)": (15.74, 1.167, None),
            "best: N-BEATS, 360 networks": (13.24, None, None),
        },
    ),
    "m3_quarterly": Task(
        4,
        "sMAPE",
        {
            "ETS (Monash)": (9.68, 1.170, None),
            "Theta (Monash)": (9.20, 1.117, None),
            "DeepAR (Monash)": (9.93, 1.310, None),
            "best: N-BEATS, 360 networks": (8.80, None, None),
        },
    ),
    "m3_yearly": Task(
        1,
        "sMAPE",
        {
            "ETS (Monash)": (17.00, 2.860, None),
            "Theta (Monash)": (16.76, 2.774, None),
            "DeepAR (Monash)": (17.24, 3.508, None),
            "best: N-BEATS, 360 networks": (15.92, None, None),
        },
    ),
    "m3_other": Task(
        1,
        "sMAPE",
        {
            "ETS (Monash)": (4.37, 1.814, None),
            "Theta (Monash)": (4.92, 2.271, None),
            "DeepAR (Monash)": (5.57, 2.975, None),
            "best: N-BEATS, 360 networks": (4.21, None, None),
        },
    ),
    "cif2016": Task(
        12,
        "sMAPE",
        {
            "ETS (Hewamalage)": (11.88, None, None),
            "Theta (Monash)": (13.05, 0.997, None),
            "best RNN and best: S2SD LSTM (Hewamalage)": (10.23, None, None),
            "ETS (Monash)": (12.18, 0.841, None),
        },
    ),
}


def load(folder, name):
    """Long frames of the training and the test part; time is the position."""
    frame = pd.read_parquet(folder / f"{name}.parquet")
    frame = frame.assign(unique_id=frame["unique_id"].astype(str), ds=frame["t"].astype(int))
    columns = ["unique_id", "ds", "y"]
    return frame.loc[frame["split"] == "train", columns], frame.loc[
        frame["split"] == "test", columns
    ]


def by_horizon(train, test):
    """(h, train, test) of the series that are forecast equally far: CIF 2016 has two horizons."""
    horizon = test.groupby("unique_id").size()
    for h in sorted(horizon.unique()):
        ids = horizon.index[horizon == h]
        yield int(h), train[train["unique_id"].isin(ids)], test[test["unique_id"].isin(ids)]


def rnn(train, h, season, **options):
    forecaster = RNNForecaster(
        h=h, freq=1, season_length=season, **{"random_state": 0} | options
    ).fit(train)
    return forecaster.predict(level=[*DECILES, 95])


def seasonal_naive(train, h, season):
    parts = [
        pd.DataFrame(
            {
                "unique_id": label,
                "ds": part["ds"].iloc[-1] + 1 + np.arange(h),
                "SeasonalNaive": part["y"].to_numpy()[-min(season, len(part)) :][
                    np.arange(h) % min(season, len(part))
                ],
            }
        )
        for label, part in train.groupby("unique_id")
    ]
    return pd.concat(parts, ignore_index=True)


def ridge(train, h, season, n_rows=20_000):
    """One linear map from window to horizon for all series, on the forecaster's own windows; the penalty is chosen on
    a tenth of the series.
    """
    labels, values = zip(
        *((label, part["y"].to_numpy()) for label, part in train.groupby("unique_id"))
    )
    series = Ragged.of(values)
    adjustment = Adjustment.of(series, season, Units("auto"))
    plan = plans_for(series.lengths, h, [season], Wanted(level=1))[0]
    ends = Windows.at_ends(Histories(adjustment.forward(series)), plan, h)
    rows, rng = ends.for_training(n_rows), np.random.default_rng(0)
    chosen = np.concatenate(list(rows.epoch(rng, n_rows, True)))
    chosen = chosen[
        (rows.ends[chosen] - rows.stops[chosen]) >= min(h, (rows.ends - rows.stops).max())
    ]

    def around(rows, chosen):
        at = rows.stops[chosen][:, None]
        level = rows.levels(chosen)[:, None].astype(float)
        return rows.values[at - plan.window + np.arange(plan.window)] - level, rows.values[
            at + np.arange(h)
        ] - level

    X, Y = around(rows, chosen)
    held_out = rows.ends[chosen] % 10 == 0

    def solve(X, Y, penalty):
        gram = X.T @ X
        gram[np.diag_indices_from(gram)] += penalty * np.trace(gram) / len(gram)
        return np.linalg.solve(gram, X.T @ Y)

    def error(penalty):
        return np.abs(X[held_out] @ solve(X[~held_out], Y[~held_out], penalty) - Y[held_out]).mean()

    penalty = min(10.0 ** np.arange(-5, 1), key=error)
    everyone = np.arange(len(series))
    z = around(ends, everyone)[0] @ solve(X, Y, penalty) + ends.levels(everyone)[:, None]
    ahead = [part["ds"].iloc[-1] + 1 + np.arange(h) for _, part in train.groupby("unique_id")]
    values = adjustment.inverse(z).ravel()
    return pd.DataFrame(
        {"unique_id": np.repeat(labels, h), "ds": np.concatenate(ahead), "Ridge": values}
    )


def scores(task, train, test, forecast):
    """sMAPE (0 to 200), MASE and OWA, means over series, the coverage of intervals in percent, and WQL of deciles."""
    model = forecast.columns[2]
    both = test.merge(forecast, on=["unique_id", "ds"], validate="one_to_one")
    assert len(both) == len(test) and both[model].notna().all()
    metrics = [smape, partial(mase, seasonality=task.lag or task.season)]
    table = evaluate(
        both, metrics, models=[model], train_df=train[train["unique_id"].isin(both["unique_id"])]
    )
    means = table.replace(np.inf, np.nan).groupby("metric")[model].mean()
    s, m = 200 * means["smape"], means["mase"]
    covered = {
        f"{level} %": 100
        * both["y"].between(both[f"{model}-lo-{level}"], both[f"{model}-hi-{level}"]).mean()
        for level in (80, 95)
        if f"{model}-lo-{level}" in both
    }
    owa = (s / task.naive2[0] + m / task.naive2[1]) / 2 if task.naive2 else None
    wql = weighted_quantile_loss(both, model) if covered else None
    return {"sMAPE": s, "MASE": m, "OWA": owa, "80 %": None, "95 %": None} | covered | {"WQL": wql}


def weighted_quantile_loss(both, model):
    """Pinball loss of the nine deciles, doubled and summed, over the sum of absolute values: the mean over deciles."""
    ends = (
        [f"{model}-lo-{level}" for level in DECILES[::-1]],
        [f"{model}-hi-{level}" for level in DECILES],
    )
    losses = []
    for decile, column in enumerate([*ends[0], model, *ends[1]], start=1):
        missed = both["y"] - both[column]
        losses.append(2 * np.maximum(decile / 10 * missed, (decile / 10 - 1) * missed).sum())
    return np.mean(losses) / both["y"].abs().sum()


def measure(task, train, test, method):
    """Scores of a method and its seconds."""
    begin = time.perf_counter()
    forecasts = [method(part, h, task.season) for h, part, _ in by_horizon(train, test)]
    seconds = time.perf_counter() - begin
    return scores(task, train, test, pd.concat(forecasts, ignore_index=True)), seconds


def row(label, values, seconds=None):
    cells = ["-" if value is None else f"{value:.3f}" for value in [*values, None, None, None][:5]]
    wql = list(values)[5:]
    cells += [
        "-" if not wql or wql[0] is None else f"{wql[0]:.4f}",
        "-" if seconds is None else f"{seconds:.0f}",
    ]
    return f"| {' | '.join([label, *cells])} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--jobs", type=int, default=None)
    args = parser.parse_args()
    if not args.data.is_dir():
        parser.error(f"{args.data} is not a folder")
    for name in args.sets:
        task, (train, test) = SETS[name], load(args.data, name)
        columns = "sMAPE | MASE | OWA | within 80 % | within 95 % | WQL | seconds"
        print(f"\n| {name} (by {task.metric}) | {columns} |\n|{'---|' * 8}")
        for label, values in task.published.items():
            print(row(label, values))
        ours = {
            "seasonal naive": seasonal_naive,
            "ridge, here": ridge,
            "**RNNForecaster**": partial(rnn, n_jobs=args.jobs),
        }
        for label, method in ours.items():
            result, seconds = measure(task, train, test, method)
            print(row(label, result.values(), seconds), flush=True)


if __name__ == "__main__":
    main()
