"""What a user meant is said in the sentence that refuses what was typed; and weights of any size are weights."""

import re

import numpy as np
import pandas as pd
import pytest
from network_cases import ESTIMATORS, SMALL, fitted, lists, target
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from textbook import SINGLE, single

from tsrnn import RNNClassifier, RNNForecaster, RNNRegressor

X = lists()
SPELLINGS = [
    ("cell", "LSTM", "lstm"),
    ("cell", "GRU", "gru"),
    ("cell", "SimpleRNN", "rnn"),
    ("solver", "Adam", "adam"),
    ("solver", "SGD", "sgd"),
    ("activation", "ReLU", "relu"),
    ("truncate", "pre", "start"),
    ("truncate", "post", "end"),
    ("device", "gpu", "cuda"),
    ("device", "CPU", "cpu"),
    ("precision", "float32", "fp32"),
    ("dtype", np.float64, "float64"),
    ("dtype", np.dtype("float32"), "float32"),
    ("learning_rate", "Cosine", "cosine"),
    ("loss", "mse", "squared"),
    ("loss", "MAE", "absolute"),
    ("loss", "squared_error", "squared"),
    ("loss", "quantile", "pinball"),
    ("class_weight", "Balanced", "balanced"),
]


def refusal(call, *arguments, **keywords):
    with pytest.raises((ValueError, TypeError)) as caught:
        call(*arguments, **keywords)
    sentence = str(caught.value)
    assert "\n" not in sentence and ". " not in sentence and sentence.endswith("."), sentence
    return sentence


@pytest.mark.parametrize(("name", "value", "meant"), SPELLINGS)
@pytest.mark.parametrize("Estimator", [*ESTIMATORS, RNNForecaster])
def test_another_spelling_of_a_value(Estimator, name, value, meant):
    if name not in Estimator().get_params():
        pytest.skip("no such parameter")
    model = Estimator(**{name: value})
    frame = pd.DataFrame({"unique_id": "a", "ds": range(40), "y": np.arange(40.0)})
    given = (frame,) if Estimator is RNNForecaster else (X, target(Estimator, X))
    sentence = refusal(model.fit, *given)
    assert sentence.startswith(f"{name} of {Estimator.__name__} must be ")
    assert f" (did you mean {meant!r}?); got {value!r}" in sentence


@pytest.mark.parametrize("value", ["gated", "transformer", 3, None, object])
def test_what_is_no_spelling_gets_no_guess(value):
    assert "did you mean" not in refusal(RNNRegressor(cell=value).fit, X, target(RNNRegressor, X))


@pytest.mark.parametrize(
    ("keyword", "advice"),
    [
        ("epochs", "max_iter"),
        ("lr", "learning_rate_init"),
        ("batch_size", "batch_size"),
        ("units", "hidden_size"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_parameter_given_to_fit(Estimator, method, keyword, advice):
    model = Estimator(**single(Estimator) | SMALL)
    sentence = refusal(getattr(model, method), X, target(Estimator, X), **{keyword: 3})
    name = Estimator.__name__
    assert re.match(f"{method} of {name} takes X, y, ", sentence)
    assert sentence.endswith(f"; got {keyword!r}: it is a parameter, {name}({advice}=...).")
    sentence = refusal(getattr(model, method), X, target(Estimator, X), nonsense=3)
    assert sentence.endswith("; got 'nonsense'.")
    assert "set_callbacks" in refusal(getattr(model, method), X, target(Estimator, X), callbacks=[])


def test_a_table_with_fewer_targets_than_rows():
    names = [f"M{i}" for i in range(len(X))]
    frame = pd.concat(
        dict(zip(names, map(pd.DataFrame, X), strict=True)), names=["machine", "cycle"]
    )
    frame.columns = ["u", "v"]
    y = target(RNNClassifier, X)
    n = len(frame)
    expected = (
        f"y must have one entry for each of the {n} sequences of X; got {len(X)}: each row of a table is a sequence; "
        "for ragged ones pass a list of arrays, or a frame with the index (series, time), which a transformer keeps "
        "after set_output(transform='pandas')."
    )
    assert refusal(RNNClassifier(**SINGLE | SMALL).fit, frame.reset_index(drop=True), y) == expected
    model = make_pipeline(StandardScaler(), RNNClassifier(**SINGLE | SMALL))
    assert refusal(model.fit, frame, y) == expected
    assert model.set_output(transform="pandas").fit(frame, y).predict(frame).shape == y.shape
    assert "row" not in refusal(RNNClassifier(**SINGLE | SMALL).fit, X, y[:-1])


@pytest.mark.parametrize(
    "value",
    [pd.NaT, pd.NA, pd.Timestamp("2024"), None, 3, object()],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_thing_where_many_belong(Estimator, value):
    model, y = fitted(Estimator), target(Estimator, X)
    assert refusal(model.predict, value).startswith("X must be ")
    refusal(model.fit, value, y)
    refusal(model.fit, X, value)
    refusal(model.score, X, value)
    if value is not None:
        refusal(model.fit, X, y, sample_weight=value)


@pytest.mark.parametrize("kind", ["columns", "index and columns"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_two_columns_of_one_name(Estimator, kind):
    frame = pd.DataFrame(np.ones((20, 2)), columns=["u", "u"])
    if kind == "index and columns":
        frame.index = pd.MultiIndex.from_product([range(4), range(5)])
    sentence = refusal(Estimator(**single(Estimator) | SMALL).fit, frame, np.arange(len(frame)) % 2)
    assert sentence == "columns of X must have unique names; got 'u' twice."
    assert refusal(fitted(Estimator).predict, frame) == sentence


@pytest.mark.parametrize("which", ["y", "sample_weight"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_sparse_and_uneven_targets(Estimator, which):
    y, matrix = target(Estimator, X), sparse.csr_matrix(np.ones((len(X), 1)))
    model = fitted(Estimator)
    given = {"y": y, "sample_weight": None}
    for method in ("fit", "partial_fit", "score"):
        sentence = refusal(getattr(model, method), X, **given | {which: matrix})
        assert (
            sentence
            == f"{which} must be a list, an array or a frame; got a csr_matrix: {which}.toarray() is one."
        )
        refusal(getattr(model, method), X, **given | {which: [(1.0, 2.0), *range(len(X) - 1)]})


FACTORS = {"tiny": 2.0**-1000, "small": 2.0**-140, "large": 2.0**140, "huge": 2.0**1000}


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_only_proportions_of_weights_count(Estimator, factor):
    """To the last bit where the factor is a power of two; also of the weights of classes."""
    y, name = target(Estimator, X), Estimator.__name__
    weight = np.random.default_rng(0).integers(0, 4, size=len(X)).astype(float)
    weight = [np.full(len(x), w) for x, w in zip(X, weight)] if "Sequence" in name else weight
    scaled = [FACTORS[factor] * part for part in weight]
    one = Estimator(**single(Estimator) | SMALL).fit(X, y, sample_weight=weight)
    other = Estimator(**single(Estimator) | SMALL).fit(X, y, sample_weight=scaled)
    for part, found in other.weights_.items():
        np.testing.assert_array_equal(found, one.weights_[part])
    assert one.score(X, y, sample_weight=scaled) == pytest.approx(
        one.score(X, y, sample_weight=weight), rel=1e-12
    )
    if "Classifier" in name and name != "RNNSeq2SeqClassifier":  # whose ends have the weight 1
        classes = {"up": 1.0, "down": 3.0}
        many = {label: value * FACTORS[factor] for label, value in classes.items()}
        one, other = (
            Estimator(**single(Estimator) | SMALL, class_weight=given).fit(X, y)
            for given in (classes, many)
        )
        for part, found in other.weights_.items():
            np.testing.assert_array_equal(found, one.weights_[part])


def test_a_weight_that_is_no_power_of_two():
    y = target(RNNRegressor, X)
    plain = RNNRegressor(**SINGLE | SMALL).fit(X, y)
    for factor in (1e-300, 1e300, 1e308, 5e-324):
        model = RNNRegressor(**SINGLE | SMALL).fit(X, y, sample_weight=np.full(len(X), factor))
        np.testing.assert_allclose(model.predict(X), plain.predict(X), rtol=1e-4, atol=1e-5)


def test_sequences_in_the_cells_of_a_frame_name_the_conversion():
    nested = pd.DataFrame({"dim_0": [pd.Series(np.arange(5.0)) for _ in range(4)]})
    with pytest.raises(
        ValueError,
        match=r"'dim_0' of X must hold numbers; .*sktime\.datatypes\.convert_to\(X, 'pd-multiindex'\)",
    ):
        RNNRegressor().fit(nested, [1, 2, 3, 4])
