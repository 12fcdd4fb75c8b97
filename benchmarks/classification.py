"""Accuracy of RNNClassifier on archive sets as it is by default, and with one network, over several seeds.

python -m benchmarks.classification               Japanese vowels, from the package
python -m benchmarks.classification --data DIR    every .npz of a folder (X_train, off_train, y_train; the same of test)
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.seeds import described, measure
from tsrnn import RNNClassifier
from tsrnn.datasets import load_japanese_vowels

N_NETWORKS = 4, 1


def from_archive(path):
    with np.load(path, allow_pickle=False) as file:
        X = [np.split(file[f"X_{part}"], file[f"off_{part}"][1:-1]) for part in ("train", "test")]
        return X[0], file["y_train"], X[1], file["y_test"]


def of_seed(n_networks, seed):
    return RNNClassifier(random_state=seed, n_networks=n_networks)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    folder = arguments.data
    sets = {"JapaneseVowels": load_japanese_vowels} if folder is None else {}
    for path in sorted(folder.glob("*.npz")) if folder else ():
        sets[path.stem] = lambda path=path: from_archive(path)
    columns = "".join(f" n_networks={n}, mean (least to most) | fit, s |" for n in N_NETWORKS)
    print(f"| set |{columns}\n|---|{'---|---|' * len(N_NETWORKS)}")
    means = []
    for name, load in sets.items():
        data = load()
        found = [
            measure(partial(of_seed, n), data[:2], data[2:], arguments.seeds) for n in N_NETWORKS
        ]
        means.append([np.mean(scores) for scores, _ in found])
        cells = "".join(f" {described(scores)} | {seconds:.1f} |" for scores, seconds in found)
        print(f"| {name} |{cells}", flush=True)
    print("| mean |" + "".join(f" {mean:.3f} | |" for mean in np.mean(means, axis=0)))


if __name__ == "__main__":
    main()
