"""Variants of sequences that mean the same: shifted, cropped, warped, scaled or with noise (Iwana & Uchida 2021).

Shift, crop and warp read a sequence at other positions, between two steps by linear interpolation; scale and jitter
change the values at their steps. Sizes are those of standardized values.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsrnn.data.batch import epoch_of, places_of_runs
from tsrnn.data.sequences import Sequences

SHIFTED = 0.05  # of the steps at most, in either direction; the value at the end is repeated
CROPPED = 0.2  # of the steps at most are cut off; the rest is stretched to the same length
WARPED = 0.2  # deviation of the logarithm of the pace
PIECES = 5  # of a sequence, each of one pace
SCALED = 0.2  # deviation of an offset, and of the logarithm of a factor
JITTER = 0.1  # deviation of noise
MOST_VARIANTS = 8
MOST_VALUES = 2**25  # of all variants together, where there are more than two


class Steps(NamedTuple):
    """The steps of all sequences, one sequence after the other."""

    values: np.ndarray  # (n_steps, n_features)
    lengths: np.ndarray  # (n_sequences,)
    row: np.ndarray  # (n_steps,), the sequence of each step
    number: np.ndarray  # (n_steps,), from 0 in each sequence

    def at(self, positions):
        """Values at a position for each step, within its sequence."""
        last = self.lengths[self.row] - 1
        positions = np.clip(positions, 0, last)
        low = positions.astype(np.int64)
        first = np.arange(len(low)) - self.number
        share = (positions - low)[:, None].astype(self.values.dtype)
        below = self.values[first + low]
        return below + share * (self.values[first + np.minimum(low + 1, last)] - below)


def shift(steps, rng):
    most = np.rint(SHIFTED * steps.lengths).astype(np.int64)
    by = rng.integers(-most, most, endpoint=True)
    return steps.at(steps.number + by[steps.row])


def crop(steps, rng):
    cut = rng.uniform(0, CROPPED, size=len(steps.lengths))
    begin = rng.uniform(0, cut) * (steps.lengths - 1)
    return steps.at(begin[steps.row] + (1 - cut[steps.row]) * steps.number)


def warp(steps, rng):
    """Each piece at its own pace; all together last as long as before."""
    pace = np.exp(rng.normal(0, WARPED, size=(len(steps.lengths), PIECES)))
    shares = pace / pace.sum(axis=1, keepdims=True)
    begins = np.cumsum(shares, axis=1) - shares
    last = np.maximum(steps.lengths[steps.row] - 1, 1)
    part = PIECES * steps.number / last
    piece = np.minimum(part.astype(np.int64), PIECES - 1)
    place = steps.row, piece
    return steps.at(last * (begins[place] + (part - piece) * shares[place]))


def scale(steps, rng):
    factor, offset = rng.normal(
        0, SCALED, size=(2, len(steps.lengths), steps.values.shape[1])
    ).astype(steps.values.dtype)
    return steps.values * np.exp(factor)[steps.row] + offset[steps.row]


def jitter(steps, rng):
    return steps.values + rng.normal(0, JITTER, steps.values.shape).astype(steps.values.dtype)


AUGMENTATIONS = {"shift": shift, "crop": crop, "warp": warp, "scale": scale, "jitter": jitter}


def named(augment):
    """Names of augmentations, of which one may stand alone."""
    return (augment,) if isinstance(augment, str) else tuple(augment or ())


@dataclass(frozen=True)
class Variants(Sequences):
    """Rows of which each has several variants, the variants of all rows one after the other; an epoch sees one of each,
    drawn anew.
    """

    n_variants: int

    def __len__(self):
        return len(self.starts) // self.n_variants

    def epoch(self, rng, batch_size, shuffle):
        rows = np.arange(len(self)) + len(self) * rng.integers(self.n_variants, size=len(self))
        batches = epoch_of(self.lengths[rows], rng, batch_size, shuffle)
        return [rows[batch] for batch in batches]


def varied(rows, names, n_features, rng):
    """Rows with variants of each, the first the row as it is; a time step has so many features."""
    n_steps = rows.lengths * (rows.n_features // n_features)
    begins = n_steps.cumsum() - n_steps
    places = places_of_runs(rows.starts // n_features, n_steps)
    row = np.repeat(np.arange(len(rows)), n_steps)
    plain = Steps(
        rows.values.reshape(-1, n_features)[places], n_steps, row, np.arange(len(row)) - begins[row]
    )
    n_variants = int(np.clip(MOST_VALUES // plain.values.size, 2, MOST_VARIANTS))
    values = [plain.values]
    for _ in range(n_variants - 1):
        variant = plain
        for name in names:
            variant = variant._replace(values=AUGMENTATIONS[name](variant, rng))
        values.append(variant.values)
    starts = (begins + len(row) * np.arange(n_variants)[:, None]).ravel() * n_features
    tiled = {
        "lengths": np.tile(rows.lengths, n_variants),
        "targets": np.tile(rows.targets, (n_variants, 1)),
        "weights": np.tile(rows.weights, (n_variants, 1)),
    }
    return Variants(
        np.concatenate(values).ravel(), rows.n_features, starts, **tiled, n_variants=n_variants
    )
