"""Sequences into sequences: the estimators, against torch and against answers that are known."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks

from tsrnn import RNNSeq2SeqClassifier, RNNSeq2SeqRegressor

SMALL = {"cell": "gru", "hidden_size": 6, "max_iter": 3, "random_state": 0}
READ, WRITTEN = [7, 3, 12, 1, 9, 4], [2, 5, 1, 4, 3, 3]


def numbers(n_outputs=2, n_known=0):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 3)) for length in READ]
    y = [rng.normal(size=(length, n_outputs)) for length in WRITTEN]
    return X, y, [rng.normal(size=(length, n_known)) for length in WRITTEN] if n_known else None


def words(n=40, letters="abc", longest=5, seed=0):
    rng = np.random.default_rng(seed)
    return [
        "".join(rng.choice(list(letters), size=length))
        for length in rng.integers(1, longest + 1, size=n)
    ]


# Against torch


def twin(model):
    """Encoder, decoder and head in torch, with the weights of a fitted estimator."""
    torch = pytest.importorskip("torch")
    weights = {name: torch.from_numpy(part) for name, part in model.weights_.items()}
    kind, width = (
        {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[model.cell],
        model.hidden_size * (1 + model.bidirectional),
    )
    options, nets = {"num_layers": model.n_layers, "batch_first": True, "dtype": torch.float64}, {}
    for part, size, both in (
        ("encoder", model.hidden_size, model.bidirectional),
        ("decoder", width, False),
    ):
        own = {
            name.removeprefix(f"{part}."): w for name, w in weights.items() if name.startswith(part)
        }
        nets[part] = kind(own["weight_ih_l0"].shape[1], size, bidirectional=both, **options)
        nets[part].load_state_dict({name: w for name, w in own.items() if not name.endswith("ho")})
    nets["head"] = torch.nn.Linear(width, len(own["bias_ho"]), dtype=torch.float64)
    nets["head"].load_state_dict({"weight": own["weight_ho"], "bias": own["bias_ho"]})
    return torch.nn.ModuleDict(nets)


def started(nets, x, directions):
    """States that start the decoder, in torch."""
    torch = pytest.importorskip("torch")
    states = nets["encoder"](torch.from_numpy(x)[None])[1]
    states = states if isinstance(states, tuple) else (states,)
    beside = [
        torch.cat(list(s.unflatten(0, (-1, directions)).unbind(1)), dim=-1).contiguous()
        for s in states
    ]
    return tuple(beside) if len(beside) == 2 else beside[0]


SHAPES = [
    {"cell": cell, "n_layers": n_layers, "bidirectional": both}
    for cell in ("gru", "lstm")
    for n_layers, both in ((1, False), (2, True))
]


@pytest.mark.parametrize("shape", SHAPES)
def test_loss_gradient_and_predictions_are_those_of_torch(shape):
    torch = pytest.importorskip("torch")
    X, y, known = numbers(n_known=2)
    settings = SMALL | shape | {"max_iter": 1, "learning_rate_init": 1e-12, "dtype": "float64"}
    model = RNNSeq2SeqRegressor(**settings).fit(X, y, decoder_inputs=known)
    nets, loss, directions = twin(model), 0, 1 + model.bidirectional
    for x, target, z in zip(X, y, known):
        inputs = np.hstack([np.vstack([np.zeros((1, 2)), target[:-1]]), z])
        said = nets["head"](
            nets["decoder"](torch.from_numpy(inputs)[None], started(nets, x, directions))[0]
        )[0]
        loss = loss + ((said - torch.from_numpy(target)) ** 2).sum() / (2 * sum(WRITTEN))
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(nets.parameters(), np.inf)
    assert model.loss_curve_[0] == pytest.approx(loss.item(), rel=1e-9)
    assert model.grad_norm_curve_[0] == pytest.approx(float(norm), rel=1e-8)
    with torch.no_grad():
        for x, z, found in zip(X, known, model.predict(X, decoder_inputs=known)):
            states, said, expected = started(nets, x, directions), np.zeros(2), []
            for row in z:
                inputs = torch.from_numpy(np.concatenate([said, row]))[None, None]
                out, states = nets["decoder"](inputs, states)
                said = nets["head"](out)[0, 0].numpy()
                expected.append(said)
            assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_log_loss_and_greedy_words_are_those_of_torch(shape):
    torch = pytest.importorskip("torch")
    X, y = words(6), words(6, "xyz", seed=1)
    settings = SMALL | shape | {"max_iter": 1, "learning_rate_init": 1e-12, "dtype": "float64"}
    model = RNNSeq2SeqClassifier(**settings, max_output_length=7).fit(X, y)
    nets, eye, symbols, total = twin(model), np.eye(4), np.eye(3), 0
    n, directions = sum(len(word) + 1 for word in y), 1 + model.bidirectional
    for source, target in zip(X, y):
        x, codes = symbols[[*map("abc".index, source)]], [*map("xyz".index, target), 3]
        inputs = torch.from_numpy(eye[[3, *codes[:-1]]])[None]
        said = nets["head"](nets["decoder"](inputs, started(nets, x, directions))[0])[0]
        total += (
            torch.nn.functional.cross_entropy(said, torch.tensor(codes), reduction="sum").item() / n
        )
        states, code, written, chances = started(nets, x, directions), 3, "", []
        while len(written) < 7:
            out, states = nets["decoder"](torch.from_numpy(eye[[[code]]]), states)
            code = int(nets["head"](out).argmax())
            if code == 3:
                break
            written += "xyz"[code]
            chances.append(nets["head"](out)[0, 0].softmax(0)[:3].tolist())
        assert model.predict([source]) == [written]
        assert_allclose(model.predict_proba([source])[0], np.reshape(chances, (-1, 3)), atol=1e-10)
    assert model.loss_curve_[0] == pytest.approx(total, rel=1e-9)


# Forms of numbers


def test_targets_come_back_in_their_form():
    rng = np.random.default_rng(0)
    X, cube = rng.normal(size=(5, 4)), rng.normal(size=(5, 3, 2))
    found = RNNSeq2SeqRegressor(**SMALL).fit(X, cube)
    assert found.predict(X).shape == (5, 3, 2) and found.predict(X).dtype == np.float64
    assert found.predict(X, n_steps=6).shape == (5, 6, 2)
    assert [part.shape for part in found.predict(X, n_steps=[1, 2, 3, 1, 2])] == [
        (n, 2) for n in (1, 2, 3, 1, 2)
    ]
    table = RNNSeq2SeqRegressor(**SMALL).fit(X, cube[:, :, 0])
    assert table.predict(X).shape == (5, 3)
    for same in (cube[:, :, 0].tolist(), pd.DataFrame(cube[:, :, 0])):
        assert_array_equal(RNNSeq2SeqRegressor(**SMALL).fit(X, same).predict(X), table.predict(X))
    listed = RNNSeq2SeqRegressor(**SMALL).fit(X, list(cube[:, :, 0])).predict(X)
    assert isinstance(listed, list)
    assert_array_equal(listed, table.predict(X))


def test_targets_of_a_frame_are_matched_by_label():
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([["b", "a", "c"], range(4)])
    X, y = (
        pd.DataFrame(rng.normal(size=(12, 2)), index=index),
        pd.DataFrame(rng.normal(size=(3, 2)), index=list("bac")),
    )
    one, other = (
        RNNSeq2SeqRegressor(**SMALL).fit(X, part).predict(X) for part in (y, y.sort_index())
    )
    assert_array_equal(one, other)


def test_a_sequence_alone_is_as_in_company():
    X, y, known = numbers(n_known=2)
    model = RNNSeq2SeqRegressor(**SMALL, n_layers=2, dtype="float64").fit(
        X, y, decoder_inputs=known
    )
    for x, z, said in zip(X, known, model.predict(X, decoder_inputs=known)):
        assert_array_equal(model.predict([x], decoder_inputs=[z])[0], said)


def test_more_steps_go_on_where_fewer_end():
    X, y, _ = numbers()
    model = RNNSeq2SeqRegressor(**SMALL, dtype="float64").fit(X, y)
    for long, short in zip(model.predict(X, n_steps=9), model.predict(X, n_steps=WRITTEN)):
        assert_array_equal(long[: len(short)], short)


def test_what_is_known_of_the_future_is_used():
    """Each step is the mean of what was read where a flag says so, and zero elsewhere: nobody can know without it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    flags = rng.integers(0, 2, size=(400, 4)).astype(float)
    y = X.mean(axis=1, keepdims=True) * flags
    settings = SMALL | {"hidden_size": 16, "max_iter": 80, "learning_rate_init": 0.02}
    with_flags = RNNSeq2SeqRegressor(**settings).fit(X[:300], y[:300], decoder_inputs=flags[:300])
    without = RNNSeq2SeqRegressor(**settings).fit(X[:300], y[:300])
    assert with_flags.score(X[300:], y[300:], decoder_inputs=flags[300:]) > 0.95
    assert without.score(X[300:], y[300:]) < 0.7


def test_score_is_r2_of_all_steps():
    X, y, _ = numbers()
    model = RNNSeq2SeqRegressor(**SMALL).fit(X, y)
    said, weights = np.concatenate(model.predict(X, n_steps=WRITTEN)), [1, 2, 0, 1, 3, 1]
    assert model.score(X, y) == pytest.approx(r2_score(np.concatenate(y), said))
    expected = r2_score(np.concatenate(y), said, sample_weight=np.repeat(weights, WRITTEN))
    assert model.score(X, y, sample_weight=weights) == pytest.approx(expected)


# Forms of symbols


def test_symbols_and_labels_in_every_form():
    X = words()
    y = [word.upper() for word in X]
    reference = RNNSeq2SeqClassifier(**SMALL | {"max_iter": 20}).fit(X, y)
    written = reference.predict(X)
    assert all(isinstance(word, str) for word in written) and len(set(written)) > 1
    assert_array_equal(reference.symbols_, list("abc"))
    assert_array_equal(reference.classes_, list("ABC"))
    assert reference.n_features_in_ == 3
    for form in (list, tuple, lambda word: np.array(list(word))):
        model = clone(reference).fit([form(word) for word in X], [form(word) for word in y])
        labels = model.predict([form(word) for word in X])
        assert all(isinstance(part, np.ndarray) for part in labels)
        assert ["".join(part) for part in labels] == written
    polars = pytest.importorskip("polars")
    for form in (np.array, pd.Series, polars.Series):
        assert clone(reference).fit(form(X), form(y)).predict(form(X)) == written
    codes = [np.array([*map("ABC".index, word)]) for word in y]
    hot = [np.eye(3)[[*map("abc".index, word)]] for word in X]
    coded = clone(reference).fit(hot, codes)
    assert ["".join("ABC"[code] for code in part) for part in coded.predict(hot)] == written
    assert (
        coded.score(hot, codes)
        == reference.score(X, y)
        == np.mean([a == b for a, b in zip(written, y)])
    )


def test_a_table_of_labels():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 5, 2)), rng.integers(0, 3, size=(12, 4))
    model = RNNSeq2SeqClassifier(
        **SMALL
        | {
            "max_iter": 60,
            "learning_rate_init": 0.03,
            "batch_size": 64,
            "learning_rate": "constant",
        }
    ).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.score(X, pd.DataFrame(y)) == model.score(X, y)
    assert model.predict(X)[0].dtype == model.classes_.dtype


def test_an_end_may_come_first_and_a_cap_holds():
    X = words()
    model = RNNSeq2SeqClassifier(**SMALL).fit(X, X)
    weights = model.weights_
    weights["decoder.bias_ho"][-1] = 1e3
    assert model.set_weights(weights).predict(X) == [""] * len(X)
    weights["decoder.bias_ho"][-1] = -1e3
    model.set_weights(weights)
    assert {len(word) for word in model.predict(X)} == {5}  # the longest target of fit
    assert {len(word) for word in model.predict(X, max_output_length=8)} == {8}


def test_probabilities_are_of_what_is_written():
    """Of every beginning of a word that a beam wrote: the label that came next, given the ones before."""
    X = words(30)
    model = RNNSeq2SeqClassifier(**SMALL | {"max_iter": 30, "dtype": "float64"}, beam_width=3).fit(
        X, X
    )
    found, written = model.predict_proba(X), model.predict(X)
    assert [part.shape for part in found] == [(len(word), 3) for word in written]
    greedy = clone(model).set_params(beam_width=1).fit(X, X)
    for word, part in zip(greedy.predict(X), greedy.predict_proba(X)):
        assert word == "".join(greedy.classes_[part.argmax(axis=1)])
    end = model.weights_["decoder.bias_ho"].copy()
    end[-1] = -1e3  # no end is ever likely: only labels share each row
    model.set_weights(model.weights_ | {"decoder.bias_ho": end})
    for part, logs in zip(model.predict_proba(X), model.predict_log_proba(X), strict=True):
        assert_allclose(part.sum(axis=1), 1)
        assert_allclose(np.log(part), logs)
        assert len(part) == 5
    end[-1] = 1e3
    assert {
        part.shape
        for part in model.set_weights(model.weights_ | {"decoder.bias_ho": end}).predict_proba(X)
    } == {(0, 3)}


def test_class_weight_is_a_weight_of_labels():
    """Against the loss by hand: probabilities of a model before its first step, along targets it could not refuse."""
    X = words(12)
    settings = SMALL | {"max_iter": 1, "learning_rate_init": 1e-12, "dtype": "float64"}
    counts = np.array([sum(word.count(label) for word in X) for label in "abc"])
    balanced = dict(zip("abc", counts.sum() / (3 * counts)))

    def loss(**weights):
        return RNNSeq2SeqClassifier(**settings, **weights).fit(X, X).loss_curve_[0]

    plain, only = (
        loss(),
        {
            label: loss(class_weight={other: 0 for other in "abc" if other != label})
            for label in "abc"
        },
    )
    ends = loss(class_weight=dict.fromkeys("abc", 0))
    # of one label's losses
    totals = {label: only[label] * (n + 12) - ends * 12 for label, n in zip("abc", counts)}
    assert plain == pytest.approx((sum(totals.values()) + ends * 12) / (counts.sum() + 12))
    weights = {"a": 3.0, "c": 0.5}
    total = sum(weights.get(label, 1) * totals[label] for label in "abc") + ends * 12
    n = sum(weights.get(label, 1) * n for label, n in zip("abc", counts)) + 12
    assert loss(class_weight=weights) == pytest.approx(total / n)
    assert loss(class_weight="balanced") == loss(class_weight=balanced) != plain


def test_partial_fit_needs_all_labels_at_first():
    X = words()
    model = RNNSeq2SeqClassifier(**SMALL).partial_fit(X, X, classes=list("abcd"))
    for _ in range(5):
        model.partial_fit(X, ["d" + word[1:] for word in X])
    assert model.loss_curve_[5] < model.loss_curve_[1] and model.n_iter_ == 6
    with pytest.raises(
        ValueError,
        match=r"labels of y must be among the classes .* got 'e' for the target of sequence 0",
    ):
        model.partial_fit(["a"], ["e"])


# Learning


def test_short_words_are_reversed_exactly():
    X, new = words(2000, "abcd", 4), words(300, "abcd", 4, seed=1)
    settings = {
        "learning_rate_init": 0.01,
        "learning_rate": "cosine",
        "max_iter": 12,
        "random_state": 0,
    }
    model = RNNSeq2SeqClassifier(cell="gru", hidden_size=48, **settings).fit(
        X, [word[::-1] for word in X]
    )
    assert model.score(new, [word[::-1] for word in new]) >= 0.99
    assert model.score(new, [word[::-1] for word in new], beam_width=3) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", ["copy", "reverse", "sort", "date"])
def test_exact_answers(name):
    path = Path(__file__).parents[1] / "examples" / "exact_answers.py"
    spec = importlib.util.spec_from_file_location("exact_answers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.run(name)[1] >= 0.99


def test_a_decoder_that_hears_itself_while_training_predicts_better():
    """Of noisy walks the true step before says almost all, so that forcing teaches little about what was read."""
    rng = np.random.default_rng(0)
    slope = rng.normal(size=(300, 1))
    X, y = (
        slope * np.arange(1, 4),
        slope * np.arange(4, 12) / 4 + np.cumsum(0.3 * rng.normal(size=(300, 8)), axis=1),
    )
    settings = SMALL | {
        "hidden_size": 16,
        "max_iter": 60,
        "batch_size": 32,
        "n_iter_no_change": 10,
        "learning_rate": "constant",
        "learning_rate_init": 0.01,
        "standardize": False,
    }
    scores = {
        share: RNNSeq2SeqRegressor(**settings, teacher_forcing=share)
        .fit(X[:200], y[:200])
        .score(X[200:], y[200:])
        for share in (1.0, 0.0, (1.0, 0.0))
    }
    assert scores[0.0] > scores[1.0] and scores[1.0, 0.0] > scores[1.0]


def test_a_weight_is_a_number_of_repetitions():
    X, y, known = numbers(n_known=2)
    settings = SMALL | {"max_iter": 20, "dtype": "float64"}
    weights = [1, 2, 0, 1, 3, 1]
    often = np.repeat(np.arange(6), weights)
    one = RNNSeq2SeqRegressor(**settings).fit(X, y, sample_weight=weights, decoder_inputs=known)
    other = RNNSeq2SeqRegressor(**settings)
    other.fit(
        [X[i] for i in often], [y[i] for i in often], decoder_inputs=[known[i] for i in often]
    )
    for name, weight in one.weights_.items():
        assert_array_equal(weight, other.weights_[name], err_msg=name)


@pytest.mark.parametrize("Estimator", [RNNSeq2SeqRegressor, RNNSeq2SeqClassifier])
def test_threads_and_copies_give_the_same_bits(Estimator):
    X = words(200, longest=12)
    y = [np.arange(len(word), dtype=float) for word in X] if Estimator is RNNSeq2SeqRegressor else X
    settings = SMALL | {"hidden_size": 96, "batch_size": 200, "teacher_forcing": 0.5}
    given = {"n_steps": 4} if Estimator is RNNSeq2SeqRegressor else {}
    one, two = (Estimator(**settings, n_jobs=n).fit(X, y) for n in (1, 2))
    copy = pickle.loads(pickle.dumps(one))
    for name, weight in one.weights_.items():
        assert_array_equal(weight, two.weights_[name], err_msg=name)
    for other in (two, copy):
        for a, b in zip(one.predict(X, **given), other.predict(X, **given), strict=True):
            assert_array_equal(a, b)
    changed = one.set_weights({name: 0 * weight for name, weight in one.weights_.items()})
    assert not any(weight.any() for weight in changed.weights_.values())


# scikit-learn


class OneStep(RNNSeq2SeqRegressor):
    """Flat targets are sequences of one step; without it every check would end at their form."""

    _flat = False

    def _encode(self, y, *given, **known):
        y = np.asarray(y)
        self._flat = y.ndim == 1
        return super()._encode(y[:, None] if self._flat else y, *given, **known)

    def predict(self, X):
        return super().predict(X)[:, 0] if self._flat else super().predict(X)

    def score(self, X, y, sample_weight=None):
        return r2_score(y, self.predict(X), sample_weight=sample_weight)


@parametrize_with_checks([OneStep(**SMALL | {"max_iter": 60, "learning_rate_init": 0.02})])
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_a_search_over_lists():
    X = words(30)
    search = GridSearchCV(RNNSeq2SeqClassifier(**SMALL), {"hidden_size": [4, 8]}, cv=KFold(3)).fit(
        X, X
    )
    assert search.best_params_["hidden_size"] in (4, 8)
    assert len(search.predict(X)) == 30


def test_decoder_inputs_are_routed():
    rng = np.random.default_rng(0)
    X, y, known = rng.normal(size=(12, 5)), rng.normal(size=(12, 3)), rng.normal(size=(12, 3, 2))
    with config_context(enable_metadata_routing=True):
        model = RNNSeq2SeqRegressor(**SMALL)
        model.set_fit_request(decoder_inputs=True).set_score_request(decoder_inputs=True)
        found = cross_validate(
            model, X, y, cv=2, params={"decoder_inputs": known}, error_score="raise"
        )
    assert np.isfinite(found["test_score"]).all()
