"""R2 of RNNRegressor as it is by default beside a ridge on summary features and the nearest neighbour by dynamic time
warping (DTW), over several seeds.

python -m benchmarks.regression               sets that need no folder
python -m benchmarks.regression --data DIR    and every .npz of a folder (X_train, off_train, y_train; the same of test)
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
from numba import njit
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.classification import from_archive
from benchmarks.seeds import described, measure
from tsrnn import RNNRegressor


def last_value(n=60, n_steps=20):
    """A target in another unit than the values: 100 + 20 x of the last step."""
    X = np.random.default_rng(0).normal(size=(2 * n, n_steps, 1))
    y = 100 + 20 * X[:, -1, 0]
    return list(X[:n]), y[:n], list(X[n:]), y[n:]


def diabetes():
    """Ten measurements of a patient as ten steps, and the course of the disease a year later."""
    X, y = load_diabetes(return_X_y=True)
    parts = train_test_split(X[:, :, None], y, test_size=0.3, random_state=0)
    return list(parts[0]), parts[2], list(parts[1]), parts[3]


def remaining_life(n=200):
    """Ragged sensors of machines that wear out: three channels in units of their own, read until some moment; the
    target is how many steps are left.
    """
    rng = np.random.default_rng(0)
    X = []
    y = []
    for _ in range(n):
        life = rng.integers(60, 200)
        seen = rng.integers(20, life)
        wear = (np.arange(life) / life) ** rng.uniform(1.5, 3)
        x = np.stack([600 + 40 * wear, 20 - 3 * wear, 1000 + 5 * np.sqrt(wear)], axis=1)
        x += rng.normal(scale=[4, 0.4, 0.6], size=x.shape)
        X.append(x[:seen])
        y.append(life - seen)
    half = n // 2
    return X[:half], np.array(y[:half], float), X[half:], np.array(y[half:], float)


SETS = {
    "100 + 20 x": last_value,
    "diabetes, ten steps": diabetes,
    "remaining life (ragged)": remaining_life,
}


def summary(X):
    """Mean, deviation, extremes, ends and slope of every feature."""
    rows = []
    for x in X:
        t = np.arange(len(x)) - (len(x) - 1) / 2
        slope = t @ x / max(t @ t, 1)
        parts = x.mean(axis=0), x.std(axis=0), x.min(axis=0), x.max(axis=0), x[0], x[-1], slope
        rows.append(np.concatenate([*parts, [len(x)]]))
    return np.array(rows)


@njit
def warped(a, b):
    """Squared distance of two sequences of any lengths by dynamic time warping (Sakoe & Chiba 1978)."""
    before = np.full(len(b) + 1, np.inf)
    before[0] = 0
    for i in range(len(a)):
        now = np.full(len(b) + 1, np.inf)
        for j in range(len(b)):
            cost = ((a[i] - b[j]) ** 2).sum()
            now[j + 1] = cost + min(now[j], before[j], before[j + 1])
        before = now
    return before[-1]


def nearest(X_train, y_train, X_test):
    steps = np.concatenate(X_train)
    mean = steps.mean(axis=0)
    scale = np.where(steps.std(axis=0) > 0, steps.std(axis=0), 1)
    known = [np.ascontiguousarray((x - mean) / scale) for x in X_train]
    asked = [np.ascontiguousarray((x - mean) / scale) for x in X_test]
    return np.array([y_train[np.argmin([warped(x, other) for other in known])] for x in asked])


def of_seed(n_networks, seed):
    return RNNRegressor(random_state=seed, n_networks=n_networks)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    sets = dict(SETS)
    for path in sorted(arguments.data.glob("*.npz")) if arguments.data else ():
        sets[path.stem] = lambda path=path: from_archive(path)
    print("| set | RNNRegressor | fit, s | one network | ridge on summaries | 1-NN DTW |")
    print("|---|---|---|---|---|---|")
    for name, load in sets.items():
        X_train, y_train, X_test, y_test = load()
        (found, seconds), (of_one, _) = (
            measure(partial(of_seed, n), (X_train, y_train), (X_test, y_test), arguments.seeds)
            for n in (4, 1)
        )
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13)))
        of_ridge = ridge.fit(summary(X_train), y_train).score(summary(X_test), y_test)
        of_nearest = r2_score(y_test, nearest(X_train, y_train, X_test))
        print(
            f"| {name} | {described(found)} | {seconds:.1f} | "
            f"{np.mean(of_one):.3f} | {of_ridge:.3f} | {of_nearest:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
