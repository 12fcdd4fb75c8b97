"""Any sequences, any targets, any order of calls of the six network estimators: a result, or one sentence, and what was
fitted stays as it was.
"""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
from conftest import PROFILE
from hypothesis import given
from hypothesis import strategies as st
from outcomes import Refused, count, one_sentence
from scipy import sparse

import tsrnn

QUICK = {"hidden_size": 3, "max_iter": 1, "random_state": 0, "n_jobs": 1, "batch_size": 4}
ODD_NUMBERS = [
    np.nan,
    np.inf,
    -np.inf,
    None,
    pd.NA,
    pd.NaT,
    "text",
    "3.5",
    10**400,
    Decimal("2.5"),
    True,
    1j,
    1e308,
    1e39,
]
ESTIMATORS = {
    "RNNRegressor": "one",
    "RNNClassifier": "one",
    "RNNSequenceRegressor": "steps",
    "RNNSequenceClassifier": "steps",
    "RNNSeq2SeqRegressor": "sequence",
    "RNNSeq2SeqClassifier": "sequence",
}
ODD_SETTINGS = {
    "cell": ["gru", "rnn", "LSTM", "elman", None],
    "hidden_size": [1, 7, 0, 2.5, "3"],
    "n_layers": [2, 0],
    "bidirectional": [True, 1],
    "dropout": [0.5, 1.0, -0.1],
    "max_length": [1, 3, 0],
    "truncate": ["start", "middle"],
    "bptt_steps": [1, 2],
    "solver": ["sgd", "adamw", "lbfgs"],
    "learning_rate_init": [1e4, 1e300, 0, np.nan],
    "batch_size": [1, 1000, 0],
    "early_stopping": [True],
    "validation_fraction": [0.5, 0.999],
    "warm_start": [True],
    "random_state": [None, 2**32, -1, np.random.RandomState(0)],
    "dtype": ["float64", "int8"],
    "loss": ["absolute", "pinball", "mse"],
    "class_weight": ["balanced", {0: 2.0}, {"nope": 1.0}, "balance"],
}


FORMS = ["list"] * 3 + ["array"] * 2 + ["frame"] * 2 + ["flat", "frames", "padded", "polars", "odd"]


def pick(draw, options):
    return options[draw(st.integers(0, len(options) - 1))]


@st.composite
def sequences(draw):
    """A list of (n_timesteps, n_features) arrays."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    n, n_features = draw(st.integers(1, 8)), pick(draw, [1, 2, 3])
    lengths = rng.integers(1, 7, n) if draw(st.booleans()) else np.full(n, draw(st.integers(1, 6)))
    scale = pick(draw, [1, 1, 1, 1e3, 1e30, 0])
    parts = [scale * rng.normal(size=(length, n_features)) for length in lengths]
    if pick(draw, [False] * 4 + [True]):
        part = pick(draw, range(n))
        parts[part] = parts[part].astype(object)
        parts[part][pick(draw, range(len(parts[part]))), 0] = pick(draw, ODD_NUMBERS)
    if pick(draw, [False] * 12 + [True]):
        parts[pick(draw, range(n))] = pick(
            draw, [np.zeros((0, n_features)), np.zeros((3, n_features + 1)), "text", None, [1, [2]]]
        )
    return parts


def in_form(draw, parts):
    """Sequences in one of their forms; where they have none such, as the list they are."""
    form = pick(
        draw,
        [
            "list",
            "list",
            "list",
            "array",
            "array",
            "flat",
            "frame",
            "frame",
            "frames",
            "padded",
            "polars",
            "odd",
        ],
    )
    try:
        if form == "array":
            return np.stack(parts)
        if form == "flat":
            return np.stack([part[:, 0] for part in parts])
        if form == "padded":
            out = np.full(
                (len(parts), max(map(len, parts)), parts[0].shape[1]), pick(draw, [np.nan, 0.0])
            )
            for row, part in zip(out, parts):
                row[: len(part)] = part
            return out
        if form == "frames":
            return [
                pd.DataFrame(part, columns=[f"x{i}" for i in range(part.shape[1])])
                for part in parts
            ]
        if form == "frame":
            labels = pick(draw, [list("abcdefgh"), range(8), range(8, 0, -1)])
            return pd.concat({label: pd.DataFrame(part) for label, part in zip(labels, parts)})
        if form == "polars":
            return pl.DataFrame(np.concatenate(parts))
        if form == "odd":
            flat = np.concatenate(parts)
            return pick(
                draw,
                [
                    None,
                    [],
                    flat,
                    pd.NaT,
                    3.0,
                    sparse.csr_matrix(flat),
                    "text",
                    {"a": 1},
                    flat[None, None],
                    np.ma.masked_less(flat, 0),
                ],
            )
    except Exception:  # of numpy, pandas or polars: these sequences have no such form
        pass
    return parts


def targets(draw, parts, kind, classes):
    """Targets of their kind for each sequence, sometimes with something wrong."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    labels = pick(
        draw,
        [np.array(["a", "b"]), np.array([0, 1, 2]), np.array([True, False]), np.array([0.0, 1.0])],
    )

    def some(n):
        return (
            rng.choice(labels, n)
            if classes
            else pick(draw, [1.0, 1.0, 1e3, 1e30]) * rng.normal(size=n)
        )

    if kind == "one":
        y = some(len(parts))
    elif kind == "steps":
        y = [some(len(part)) if hasattr(part, "__len__") else some(3) for part in parts]
        y = np.concatenate(y) if pick(draw, [True, False]) else y
    else:
        y = [some(draw(st.integers(1, 4))) for _ in parts]
        y = ["".join(map(str, one)) for one in y] if classes and labels.dtype.kind == "U" else y
    return pick(draw, [as_it_is] * 9 + ODD_TARGETS)(draw, y)


def as_it_is(draw, y):
    return y


def with_odd_entry(draw, y):
    y = list(y)
    if y:
        y[pick(draw, range(len(y)))] = pick(draw, [*ODD_NUMBERS, (1, 2), [1], b"x"])
    return y


INDICES = [list("abcdefgh"), range(8), list("hgfedcba"), list("mnopqrst")]
ODD_TARGETS = [
    with_odd_entry,
    with_odd_entry,
    lambda draw, y: y[:-1],
    lambda draw, y: pick(
        draw, [None, "text", 3.0, {}, [], sparse.csr_matrix(np.ones((3, 1))), np.ones((2, 2, 2))]
    ),
    lambda draw, y: (
        pd.Series(
            list(y),
            index=pick(draw, [list("abcdefgh"), range(8), list("hgfedcba"), list("mnopqrst")])[
                : len(y)
            ],
        )
        if len(y) <= 8
        else y
    ),
    lambda draw, y: pl.Series("y", list(y), strict=False),
]


@st.composite
def settings_of(draw, estimator):
    known = estimator.get_params()
    names = [name for name in sorted(ODD_SETTINGS) if name in known]
    some = draw(st.lists(st.sampled_from(names), max_size=pick(draw, [0, 0, 2, 3]), unique=True))
    return QUICK | {name: pick(draw, ODD_SETTINGS[name]) for name in some}


def calls(draw, name, X, y):
    """Something to ask a fitted estimator."""
    other = in_form(draw, draw(sequences()))
    given_X = pick(draw, [X, X, other])
    state = pick(draw, [None, np.zeros((1, 1, 1, 3)), "text", np.full((2, 1, 2, 3), np.nan), {}])
    weights = pick(draw, [None, [1.0], "text", np.zeros(len(y)) if hasattr(y, "__len__") else 1])
    some = [
        lambda model: model.predict(given_X),
        lambda model: model.score(given_X, y),
        lambda model: model.partial_fit(given_X, y),
        lambda model: model.fit(given_X, y, sample_weight=weights),
        lambda model: model.set_weights(
            pick(draw, [{}, model.weights_, {"weight_ho": np.zeros(2)}, None])
        ),
    ]
    if "Classifier" in name:
        some += [
            lambda model: model.predict_proba(given_X),
            lambda model: model.partial_fit(X, y, classes=pick(draw, [["a"], [0, 1], 3])),
        ]
    if "Sequence" in name:
        some += [lambda model: model.predict_with_state(given_X, initial_state=state)]
    return pick(draw, some)


@PROFILE
@given(st.data())
def test_an_estimator_answers_or_refuses(data):
    draw = data.draw
    name = pick(draw, sorted(ESTIMATORS))
    Estimator = getattr(tsrnn, name)
    model = Estimator(**draw(settings_of(Estimator())))
    parts = draw(sequences())
    X, y = in_form(draw, parts), targets(draw, parts, ESTIMATORS[name], "Classifier" in name)
    try:
        with one_sentence():
            model.fit(X, y)
    except Refused:
        assert not hasattr(model, "_fitted")
        count(f"{name}, fit", "refused")
        return
    count(f"{name}, fit", "result")
    for _ in range(draw(st.integers(1, 3))):
        before = model._fitted
        call = calls(draw, name, X, y)
        try:
            with one_sentence():
                call(model)
        except Refused:
            assert model._fitted is before
            count(f"{name}, a call after it", "refused")
        else:
            count(f"{name}, a call after it", "result")
