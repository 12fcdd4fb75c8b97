"""Accuracy of RNNClassifier on archive sets, its settings chosen by cross-validation inside the training part.

python -m benchmarks.classification               Japanese vowels, from the package
python -m benchmarks.classification --data DIR    every .npz of a folder (X_train, off_train, y_train; the same of test)
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from tsrnn import RNNClassifier
from tsrnn.datasets import load_japanese_vowels

SHARED = {"hidden_size": 64, "bidirectional": True, "batch_size": 16, "max_iter": 60}
GRID = [
    {
        "group__kw_args": [{"size": size} for size in (1, 3, 6)],
        "rnn__cell": ["rnn", "gru", "lstm"],
        **layers,
    }
    for layers in ({"rnn__n_layers": [1]}, {"rnn__n_layers": [2], "rnn__dropout": [0.5]})
]
N_VOTES = 8  # networks, of as many seeds, whose probabilities are averaged


def grouped(X, size):
    """Sequences whose steps are `size` steps of X side by side; what is left over at the start is dropped."""
    if size == 1:
        return X
    parts = [x if len(x) >= size else np.repeat(x[:1], size, axis=0) for x in X]
    return [x[len(x) % size :].reshape(len(x) // size, -1) for x in parts]


def standardized(X_train, X_test):
    """Each feature with the mean and scale of the training part."""
    steps = np.concatenate(X_train)
    mean, scale = steps.mean(axis=0), steps.std(axis=0)
    return [(x - mean) / scale for x in X_train], [(x - mean) / scale for x in X_test]


def from_archive(path):
    with np.load(path, allow_pickle=False) as file:
        X = [np.split(file[f"X_{part}"], file[f"off_{part}"][1:-1]) for part in ("train", "test")]
        return X[0], file["y_train"], X[1], file["y_test"]


def measure(X_train, y_train, X_test, y_test):
    """Search with one network, then fit and score several of the chosen kind."""
    X_train, X_test = standardized(X_train, X_test)
    model = Pipeline(
        [("group", FunctionTransformer(grouped)), ("rnn", RNNClassifier(**SHARED, random_state=0))]
    )
    folds = StratifiedKFold(
        min(5, np.unique(y_train, return_counts=True)[1].min()), shuffle=True, random_state=0
    )
    begin = time.perf_counter()
    search = GridSearchCV(model, GRID, scoring="neg_log_loss", cv=folds, n_jobs=2, refit=False).fit(
        X_train, y_train
    )
    searched, begin = time.perf_counter() - begin, time.perf_counter()
    chosen = [
        (f"{seed}", clone(model).set_params(**search.best_params_, rnn__random_state=seed))
        for seed in range(N_VOTES)
    ]
    vote = VotingClassifier(chosen, voting="soft", n_jobs=2).fit(X_train, y_train)
    return vote.score(X_test, y_test), time.perf_counter() - begin, searched, search.best_params_


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    folder = parser.parse_args().data
    sets = {"JapaneseVowels": load_japanese_vowels} if folder is None else {}
    for path in sorted(folder.glob("*.npz")) if folder else ():
        sets[path.stem] = lambda path=path: from_archive(path)
    print("| set | accuracy | fit, s | search, s | chosen |\n|---|---|---|---|---|")
    for name, load in sets.items():
        accuracy, fit, searched, chosen = measure(*load())
        values = ", ".join(str(value) for value in chosen.values())
        print(f"| {name} | {accuracy:.3f} | {fit:.1f} | {searched:.0f} | {values} |", flush=True)


if __name__ == "__main__":
    main()
