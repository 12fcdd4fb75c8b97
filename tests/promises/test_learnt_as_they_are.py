"""What RNNClassifier and RNNRegressor learn as they are: whatever of a sequence decides, in whatever unit."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from textbook import SINGLE

from tsrnn import PerStep, RNNClassifier, RNNRegressor, RNNSeq2SeqClassifier
from tsrnn.backends import cpu
from tsrnn.backends.padding import PADDING
from tsrnn.data.batch import epoch_of
from tsrnn.estimators.scaling import Scaling
from tsrnn.estimators.trial import OF_CLASSES, OF_NUMBERS
from tsrnn.inspection import GradientNormDisplay, LossCurveDisplay
from tsrnn.rules.losses import LOSSES

SMALL = {"hidden_size": 4, "max_iter": 3, "random_state": 0} | SINGLE


def lengths_between(low, high, n=200, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, 1)) for length in rng.integers(low, high, size=n)]


def test_a_target_that_goes_with_the_length_is_learnt():
    X = lengths_between(20, 40)
    y = np.array([len(x) for x in X])
    assert RNNRegressor(random_state=0).fit(X, y).score(X, y) > 0.9
    rng = np.random.default_rng(0)
    events = [(rng.random((len(x), 1)) < 0.9) * 1.0 for x in X]
    counts = np.array([x.sum() for x in events])
    assert RNNRegressor(random_state=0).fit(events, counts).score(events, counts) > 0.9


def test_small_batches_hold_all_lengths_and_large_ones_similar_lengths():
    lengths = np.random.default_rng(0).integers(1, 100, size=2000)

    def spread(size):
        batches = epoch_of(lengths, np.random.default_rng(0), size, True)
        assert sorted(np.concatenate(batches)) == [*range(2000)]
        return np.mean([np.ptp(lengths[one]) for one in batches])

    assert spread(8) > 60 > 20 > spread(100)


@pytest.mark.parametrize("loss", ["huber", "quantile_huber"])
@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_robust_losses_learn_targets_of_any_unit(loss, unit):
    X = lengths_between(5, 15)
    y = np.array([x[-1, 0] for x in X])
    several = np.stack([y, unit * y], axis=1)
    few = SMALL | {"hidden_size": 8, "max_iter": 100, "loss": loss, "pooling": "last"}
    model = RNNRegressor(**few).fit(X, several)
    assert r2_score(several, model.predict(X), multioutput="raw_values").min() > 0.95


def test_losses_in_units_of_scaled_targets():
    """Huber's loss of errors in units is that of scaled ones, but for a factor of each target."""
    scales = np.array([0.1, 3.0, 40.0])
    scaling = Scaling(np.zeros(1), np.ones(1), np.zeros(3), scales)
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(50, 3))
    outputs = np.zeros((50, PADDING))
    outputs[:, :3] = rng.normal(size=(50, 3))
    for name, parameters in (("huber", (2.0,)), ("quantile_huber", (0.8, 2.0))):
        inside = scaling.loss_parameters(name, (parameters,))
        for j in range(3):
            weights = np.zeros((50, 3))
            weights[:, j] = 1.0
            arguments = LOSSES[name], outputs, targets, weights
            found = cpu.loss(*arguments, inside, 50.0, np.empty_like(outputs))
            in_units = [outputs.copy(), targets * scales]
            in_units[0][:, :3] *= scales
            slopes = np.empty_like(outputs)
            plain = cpu.loss(LOSSES[name], *in_units, weights, (parameters,), 50.0, slopes)
            distance = 2.0 / scales[j]
            factors = {
                "huber": scales[j] ** 2 * min(distance, 1),
                "quantile_huber": scales[j] / max(distance, 1),
            }
            assert found * factors[name] == pytest.approx(plain)


@pytest.mark.parametrize("where", ["X", "y"])
def test_numbers_that_float32_cannot_tell_apart_are_named(where):
    X = lengths_between(5, 9, n=30)
    y = np.array([x[-1, 0] for x in X])
    big = [1e7 + x for x in X] if where == "X" else X
    target = 1e7 + y if where == "y" else y
    with pytest.warns(UserWarning, match=f"column 0 of {where} varies by .* around 1e[+]07"):
        RNNRegressor(**SMALL).fit(big, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        RNNRegressor(**SMALL, dtype="float64").fit(big, target)
        RNNRegressor(**SMALL).fit([1000 + x for x in X], 1000 + y)


def test_a_target_that_is_always_the_same_is_not_accused():
    X = lengths_between(5, 9, n=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert RNNRegressor(random_state=0).fit(X, np.full(100, 3.0)).predict(X) == pytest.approx(3)
        weight = np.arange(100) < 50
        RNNClassifier(random_state=0).fit(X, np.arange(100) < 50, sample_weight=weight * 1.0)


def test_names_of_augmentations_may_be_a_list():
    X = lengths_between(5, 9, n=60)
    y = np.arange(60) % 7
    few = SMALL | {"max_iter": 2}
    listed = RNNRegressor(**few | {"augment": ["shift", "scale"]}).fit(X, y)
    given = RNNRegressor(**few | {"augment": ("shift", "scale")}).fit(X, y)
    assert_array_equal(listed.predict(X), given.predict(X))


@pytest.mark.parametrize("n", [40, 60])
def test_a_table_says_what_each_network_was_made_with(n, tmp_path):
    X = lengths_between(5, 9, n=n)
    y = np.array([x[-1, 0] > 0 for x in X])
    model = RNNClassifier(hidden_size=4, max_iter=2, random_state=0).fit(X, y)
    assert (model.trial_ is None) == (n < 60)
    made = model.networks_
    assert len(made) == 4
    for row, member in zip(made.itertuples(), model._fitted.members):
        assert row.pooling == member.network.pooling and row.augment == member.settings["augment"]
        assert row.n_layers == member.network.n_layers and row.loss == member.history.loss_curve[-1]
    model.save(tmp_path / "model")
    assert_frame_equal(RNNClassifier.load(tmp_path / "model").networks_, made)
    if n < 60:
        return
    trial = model.trial_
    assert trial["kept"].is_monotonic_decreasing and trial["kept"].sum() <= 4
    kept = trial.loc[trial["kept"], "loss"]
    assert kept.is_monotonic_increasing and kept.max() <= 1.2 * kept.min()
    chosen = [*made.columns[:6]]
    again = made.iloc[0][chosen].to_dict() | {"n_networks": 1, "hidden_size": 4, "max_iter": 2}
    alone = RNNClassifier(**again, random_state=0).fit(X, y)
    assert_array_equal(alone._fitted.theta, model._fitted.theta)


def test_choices_stand_in_the_docs():
    text = (Path(__file__).parents[2] / "docs" / "defaults.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d.*) \| (\d.*) \|$", text, flags=re.MULTILINE)
    for row, of_class, of_number in zip(table, OF_CLASSES, OF_NUMBERS, strict=True):
        steps, layers, pooling, augment = of_class
        names = " and ".join(augment or ["none"])
        assert row[0] == f"{steps}, {layers}, {pooling}, {names}"
        assert row[1] == ", ".join(map(str, of_number[:3])) and of_number.augment is None


def test_a_sequence_that_is_not_in_a_list_is_named():
    X = lengths_between(5, 9, n=30)
    model = RNNRegressor(**SMALL).fit(X, np.arange(30))
    with pytest.warns(UserWarning, match="is read as 12 sequences of one time step; one sequence"):
        model.predict(np.zeros((12, 1)))
    words = RNNSeq2SeqClassifier(max_iter=1, random_state=0).fit(["ab", "ba"], ["b", "a"])
    with pytest.raises(ValueError, match="got one string"):
        words.predict("ab")


def test_curves_of_a_pipeline_are_those_of_its_network():
    pytest.importorskip("matplotlib")
    X = lengths_between(5, 9, n=30)
    model = make_pipeline(PerStep(StandardScaler()), RNNRegressor(**SMALL)).fit(X, np.arange(30))
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.lines_[0].get_ydata(), model[-1].loss_curve_)
    search = GridSearchCV(model, {"rnnregressor__hidden_size": [2, 3]}, cv=2).fit(X, np.arange(30))
    display = GradientNormDisplay.from_estimator(search)
    assert_array_equal(display.norms, search.best_estimator_[-1].grad_norm_curve_)


def test_relu_makes_the_cell_that_has_it():
    X = lengths_between(5, 9, n=30)
    y = np.array([x[-1, 0] for x in X])
    model = RNNRegressor(activation="relu", n_networks=1, max_iter=2, random_state=0).fit(X, y)
    assert model._fitted.network.cell.name == "rnn_relu"


# What of a sequence decides: a function of it, and for classes where it is cut

DECISIVE = {
    "last": lambda x: x[-1],
    "first": lambda x: x[0],
    "mean": np.mean,
    "sum": np.sum,
    "largest": np.max,
    "length": len,
    "deviation": np.std,
    "count": lambda x: (x > 0).sum(),
    "trend": lambda x: np.polyfit(np.arange(len(x)), x, 1)[0] * len(x),
    "order": lambda x: x.argmax() / len(x),
}
# R2 and accuracy where less is reached: of 200 sequences of noise
HARD = {
    "largest": (0.85, 0.7),
    "length": (0.7, 0.85),
    "deviation": (0.85, 0.8),
    "count": (0.75, 0.75),
    "order": (0.75, 0.8),
}
CASES = [(name, longest) for name in DECISIVE for longest in (40, 150)]
CASES.remove(("order", 150))  # not learnt from so few


@pytest.mark.slow
@pytest.mark.parametrize(("name", "longest"), CASES)
def test_whatever_decides_is_learnt(name, longest):
    decides = DECISIVE[name]

    def made(seed):
        X = lengths_between(longest // 2, longest, seed=seed)
        return X, np.array([float(decides(x[:, 0])) for x in X])

    X, y = made(0)
    X_test, y_test = made(1)
    r2, accuracy = HARD.get(name, (0.85, 0.8))
    assert RNNRegressor(random_state=0).fit(X, y).score(X_test, y_test) > r2
    cut = np.median(y)
    assert RNNClassifier(random_state=0).fit(X, y > cut).score(X_test, y_test > cut) > accuracy
