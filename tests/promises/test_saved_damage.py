"""Whatever is done to a saved file, `load` refuses it in one sentence, or gives an object that works; with a right
checksum too.
"""

import copy
import random
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import saved_cases
from saved_cases import NUMBERS, RNG, SMALL, TABLE, TINY, WORDS

from tsrnn import (
    DivergenceError,
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.files.container import Content, content_of, parse, to_bytes

pytest.importorskip("safetensors")

RAGGED = [RNG.normal(size=(n, 2)) for n in range(3, 11)]


def long(**columns):
    return saved_cases.long(pd.date_range("2024-03-25", periods=20, tz="Europe/Berlin"), **columns)


def forecaster(df, **options):
    return RNNForecaster(random_state=0, **TINY | options).fit(df)


def covariates():
    df = long(visits=RNG.normal(size=40), shop=["n"] * 20 + ["s"] * 20)
    return forecaster(
        df, past_covariates=["visits"], static_covariates=["shop"], calendar=["dayofweek"]
    )


PERIODS = pd.Series(
    RNG.uniform(5, 9, 30), pd.period_range("2020-01", periods=30, freq="M"), name="sales"
)
MODELS = {
    "regressor": (lambda: RNNRegressor(**SMALL).fit(TABLE, NUMBERS), lambda m: m.predict(TABLE)),
    "classifier": (
        lambda: RNNClassifier(**SMALL).fit(RAGGED, WORDS),
        lambda m: m.predict_proba(RAGGED),
    ),
    "steps": (
        lambda: RNNSequenceRegressor(**SMALL, cell="gru").fit(RAGGED, [x[:, 0] for x in RAGGED]),
        lambda m: m.predict(RAGGED),
    ),
    "classes at steps": (
        lambda: RNNSequenceClassifier(**SMALL, bidirectional=True).fit(
            RAGGED, [x[:, 0] > 0 for x in RAGGED]
        ),
        lambda m: m.predict_proba(RAGGED),
    ),
    "seq2seq": (
        lambda: RNNSeq2SeqRegressor(**SMALL).fit(WORDS, TABLE[:, :2]),
        lambda m: m.predict(WORDS),
    ),
    "words": (
        lambda: RNNSeq2SeqClassifier(**SMALL, beam_width=2).fit(WORDS, WORDS),
        lambda m: m.predict(WORDS),
    ),
    "forecaster": (lambda: forecaster(long()), lambda m: m.predict(level=80)),
    "covariates": (covariates, lambda m: m.predict()),
    "encoder-decoder": (
        lambda: forecaster(long(), decoder="encoder-decoder", calendar=["day"], segment=2),
        lambda m: m.predict(),
    ),
    "quantiles": (lambda: forecaster(long(), quantiles=[0.1, 0.9]), lambda m: m.predict(level=80)),
    "periods": (lambda: forecaster(PERIODS, decoder="recursive", segment=2), lambda m: m.predict()),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Of each model: its class, what it answers, and the bytes of its file."""
    found = {}
    folder = tmp_path_factory.mktemp("saved")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (make, answer) in MODELS.items():
            model = make()
            model.save(folder / name)
            found[name] = type(model), answer, (folder / name).read_bytes()
    return found


def loaded(Model, raw, path):
    """The model of some bytes, or None if they are refused, in one sentence."""
    path.write_bytes(raw)
    try:
        return Model.load(path)
    except ValueError as error:
        text = str(error)
        assert (
            text.startswith(repr(str(path)))
            and "\n" not in text
            and text.endswith(".")
            and len(text) < 700
        )
        assert type(error) is ValueError
        return None


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_damage_is_refused(name, n, saved, tmp_path):
    Model, _, raw = saved[name]
    rng = random.Random(n)
    for _ in range(n):
        spoilt = bytearray(raw)
        kind = rng.choice(["bit", "cut", "byte", "more", "zeros", "swap"])
        place = (
            rng.randrange(len(raw)) if rng.random() < 0.5 else rng.randrange(min(len(raw), 4000))
        )
        if kind == "bit":
            spoilt[place] ^= 1 << rng.randrange(8)
        elif kind == "cut":
            del spoilt[place:]
        elif kind == "byte":
            spoilt[place] = (spoilt[place] + rng.randrange(1, 256)) % 256
        elif kind == "more":
            spoilt[place:place] = bytes(rng.randrange(1, 9))
        elif kind == "zeros":
            spoilt[place : place + 64] = bytes(len(spoilt[place : place + 64]))
        else:
            other = rng.randrange(len(raw))
            spoilt[place], spoilt[other] = spoilt[other], spoilt[place]
        assert bytes(spoilt) == raw or loaded(Model, bytes(spoilt), tmp_path / "file") is None


NODES = [
    None, True, False, 0, -1, 1, 2, 3, 7, 10**6, 10**12, 2**63 - 1, -(2**63), 0.5, -2.5, 1e308, "", "a", "cpu", "lstm",
    "auto", "D", [], [0], [[]], {}, {"tuple": []}, {"tuple": [1, 2, 3]}, {"dict": []}, {"float": "nan"},
    {"float": "inf"}, {"int": "0x" + "f" * 40}, {"range": [0, 2, 1, None]}, {"range": [0, 10**12, 1, None]},
    {"scalar": ["<i8", "AwAAAAAAAAA="]}, {"timestamp": [0, "ns", None]}, {"offset": ["Day", 10**9, False, {}]},
    {"offset": ["Day", 1, False, {}]}, {"function": "as_it_is"}, {"function": "to_polars"}, {"missing": "NaT"},
    {"partial": {"function": {"function": "to_wide"}, "arguments": [], "named": {"dict": []}}},
]  # fmt: skip


def places(node, found=None):
    """All (parent, key) of a tree."""
    found = [] if found is None else found
    for key in (
        node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    ):
        found.append((node, key))
        places(node[key], found)
    return found


def spoil_tree(tree, pool, rng):
    parent, key = rng.choice(places(tree))
    kind = rng.random()
    if kind < 0.5:
        parent[key] = copy.deepcopy(rng.choice(NODES))
    elif kind < 0.75:
        parent[key] = copy.deepcopy(rng.choice(pool))
    elif kind < 0.85 and isinstance(parent[key], (int, float)):
        parent[key] = rng.choice(
            [parent[key] + 1, parent[key] - 1, -parent[key], parent[key] * 1000, parent[key] / 2]
        )
    elif isinstance(parent, dict):
        parent[rng.choice(["nothing", "theta", "h"])] = parent.pop(key)
    elif rng.random() < 0.5:
        del parent[key]
    else:
        parent.insert(key, copy.deepcopy(parent[key]))


def spoil_array(arrays, rng):
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    changes = [
        lambda: array[:-1] if array.ndim else array,
        lambda: array.reshape(-1),
        lambda: array[None],
        lambda: np.concatenate([array, array]) if array.ndim else array,
        lambda: array.astype(
            rng.choice(["float64", "float32", "float16", "int64", "int8", "bool", "uint8"])
        ),
        lambda: np.full_like(
            array, rng.choice([0, 1, -1, 127, np.nan, np.inf]) if array.dtype.kind == "f" else 1
        ),
        lambda: array[::-1].copy() if array.ndim else array,
        lambda: array * 100,
        lambda: np.zeros((0, *array.shape[1:]), array.dtype),
        lambda: arrays[rng.choice(sorted(arrays))],
        lambda: array.T.copy(),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed = rng.choice(changes)()
    arrays[name] = np.ascontiguousarray(changed).reshape(np.shape(changed))
    if rng.random() < 0.1:
        del arrays[name]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [60, pytest.param(4000, marks=pytest.mark.slow)])
def test_a_hostile_file_with_a_right_checksum_is_refused_or_works(name, n, saved, tmp_path):
    Model, answer, raw = saved[name]
    metadata, arrays = parse(raw)
    kind, tree, arrays = content_of(raw, metadata["tsrnn"], arrays)
    trees = [content_of(raw, parse(raw)[0]["tsrnn"], {}).tree for _, _, raw in saved.values()]
    pool = [parent[key] for tree in trees for parent, key in places(tree)]
    rng = random.Random(n)
    ends = {"refused": 0, "works": 0}
    for _ in range(n):
        bad_tree, bad_arrays = copy.deepcopy(tree), dict(arrays)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            if rng.random() < 0.7:
                spoil_tree(bad_tree, pool, rng)
            else:
                spoil_array(bad_arrays, rng)
        if not bad_arrays:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = loaded(
                Model, bytes(to_bytes(Content(kind, bad_tree, bad_arrays))), tmp_path / "file"
            )
            ends["refused" if model is None else "works"] += 1
            if model is None:
                continue
            try:
                answer(model)
            except (ValueError, TypeError, DivergenceError) as error:
                assert "\n" not in str(error)
    assert min(ends.values()) > n / 30, ends


LARGE = [
    (("setting", "h"), 10**12),
    (("setting", "season_length"), 10**12),
    (("members", 0, "Member", "plan", "Plan", "window"), 10**12),
    (("members", 0, "Member", "plan", "Plan", "segment"), 0),
    (("members", 0, "Member", "network", "Network", "hidden_size"), 2000),
    (("members", 0, "Member", "network", "Network", "hidden_size"), 10**9),
    (("members", 0, "Member", "network", "Network", "n_layers"), 10**9),
    (("members", 0, "Member", "network", "Network", "n_context"), 10**9),
    (("panel", "Panel", "ids"), {"range": [0, 10**12, 1, None]}),
    (("panel", "Panel", "freq"), "ns"),
    (("panel", "Panel", "times"), {"range": [0, 10**12, 1, None]}),
]


@pytest.mark.parametrize(("path", "value"), LARGE, ids=lambda part: str(part)[-40:])
def test_a_large_number_in_a_file_takes_no_memory(path, value, saved, tmp_path):
    Model, _, raw = saved["forecaster"]
    metadata, arrays = parse(raw)
    kind, tree, arrays = content_of(raw, metadata["tsrnn"], arrays)
    place = tree["dict"][1][1]["Fitted"]
    for name in path[:-1]:
        place = place[name]["Setting"] if name == "setting" else place[name]
    assert path[-1] in place
    place[path[-1]] = value
    raw = bytes(to_bytes(Content(kind, tree, arrays)))
    tracemalloc.start()
    try:
        assert loaded(Model, raw, tmp_path / "file") is None
        assert tracemalloc.get_traced_memory()[1] < 10 * len(raw) + 2**20
    finally:
        tracemalloc.stop()
