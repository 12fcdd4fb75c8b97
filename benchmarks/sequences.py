"""A target at every step, on real data, against a plain baseline; choices are made inside the training part.

python -m benchmarks.sequences --data DIR    DIR holds taylor.csv; Japanese vowels come from the package
"""

import argparse
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tsrnn import RNNSequenceClassifier, RNNSequenceRegressor
from tsrnn.datasets import load_japanese_vowels

WEEK = 7 * 24


def frames(X, y):
    """Every frame of every utterance as a row, its speaker, and its utterance in the index."""
    lengths = [len(x) for x in X]
    index = pd.MultiIndex.from_arrays(
        [np.repeat(np.arange(len(X)), lengths), np.concatenate([np.arange(n) for n in lengths])]
    )
    return pd.DataFrame(np.concatenate(X), index=index).add_prefix("c"), np.repeat(y, lengths)


def speakers():
    """Who speaks, asked at every frame."""
    X_train, y_train, X_test, y_test = load_japanese_vowels()
    (X, y), (X_test, y_test) = frames(X_train, y_train), frames(X_test, y_test)
    folds, utterance = GroupKFold(5, shuffle=True, random_state=0), X.index.get_level_values(0)
    network = RNNSequenceClassifier(hidden_size=64, batch_size=16, max_iter=40, random_state=0)
    cells = {"cell": ["gru", "lstm"]}
    for name, last, grid in (
        (
            "logistic regression of the frame",
            LogisticRegression(max_iter=2000),
            {"C": 10.0 ** np.arange(-2, 4)},
        ),
        ("RNNSequenceClassifier", network, cells),
        (
            "RNNSequenceClassifier, bidirectional",
            clone(network).set_params(bidirectional=True),
            cells,
        ),
    ):
        model = Pipeline([("scale", StandardScaler()), ("last", last)]).set_output(
            transform="pandas"
        )
        grid = {f"last__{parameter}": values for parameter, values in grid.items()}
        search = GridSearchCV(model, grid, cv=folds, n_jobs=2)
        begin = time.perf_counter()
        search.fit(X, y, groups=utterance)
        seconds = time.perf_counter() - begin
        yield (
            "speaker of every frame",
            name,
            "accuracy",
            search.score(X_test, y_test),
            seconds,
            search.best_params_,
        )


def hourly(folder):
    """Megawatts of every hour, and what is known a day ahead: the calendar, the same hour 1, 2 and 7 days before."""
    half_hours = pd.read_csv(folder / "taylor.csv")["Y"].to_numpy(float)
    hours = pd.date_range("2000-06-05", periods=len(half_hours) // 2, freq="h")
    y = pd.Series(half_hours.reshape(-1, 2).mean(axis=1), index=hours)
    lags = {f"days{n}": y.shift(24 * n) for n in (1, 2, 7)}
    calendar = {
        "hour": hours.hour,
        "weekday": hours.day_of_week,
        "hour of the week": np.arange(len(hours)) % WEEK,
    }
    X = pd.DataFrame(calendar | lags, index=hours)
    return X.iloc[WEEK:], y.iloc[WEEK:]


def demand(folder):
    """The last two weeks of hourly demand, each hour from what is known a day before."""
    X, y = hourly(folder)
    train, test = slice(None, -2 * WEEK), slice(-2 * WEEK, None)
    calendar, alphas = ["hour", "weekday"], {"alpha": 10.0 ** np.arange(-3, 6)}
    network = RNNSequenceRegressor(
        batch_size=2, max_iter=100, learning_rate="cosine", random_state=0
    )
    choices = {"cell": ["gru", "lstm"], "hidden_size": [16, 64], "window": [48, WEEK]}
    folds = TimeSeriesSplit(3, test_size=WEEK)
    models = ("ridge regression", Ridge(), alphas), ("RNNSequenceRegressor", network, choices)
    for known, (name, last, grid) in product((calendar, [*calendar, "hour of the week"]), models):
        encoder = ("calendar", OneHotEncoder(sparse_output=False), known)
        columns = ColumnTransformer(
            [encoder, ("lags", StandardScaler(), ["days1", "days2", "days7"])]
        )
        model = TransformedTargetRegressor(
            Pipeline([("columns", columns), ("last", last)]), transformer=StandardScaler()
        )
        grid = {f"regressor__last__{parameter}": values for parameter, values in grid.items()}
        search = GridSearchCV(model, grid, scoring="neg_mean_absolute_error", cv=folds, n_jobs=2)
        begin = time.perf_counter()
        search.fit(X[train], y[train])
        seconds = time.perf_counter() - begin
        # from the first hour on, so that the state is there when the test begins
        predicted = search.predict(X)[test]
        error = mean_absolute_error(y[test], predicted)
        yield (
            f"hourly demand, up to the {known[-1]}",
            name,
            "MAE, MW",
            error,
            seconds,
            search.best_params_,
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    folder = parser.parse_args().data
    print(
        "| task | model | measure | test | search and fit, s | chosen |\n|---|---|---|---|---|---|"
    )
    for rows in [speakers()] + ([demand(folder)] if folder else []):
        for task, name, measure, value, seconds, chosen in rows:
            values = ", ".join(f"{key.split('__')[-1]} {value}" for key, value in chosen.items())
            print(
                f"| {task} | {name} | {measure} | {value:.4g} | {seconds:.0f} | {values} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
