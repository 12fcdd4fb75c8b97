"""The contract of scikit-learn: its own checks, and the company an estimator keeps: searches, copies, callbacks."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from textbook import SINGLE, TEXTBOOK_WHOLE, listed, single

from tsrnn import InterruptedFitWarning, RNNClassifier, RNNRegressor, from_channels_first

BOTH = [RNNRegressor, RNNClassifier]
SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 5, "random_state": 0}
EXACT = SMALL | TEXTBOOK_WHOLE | {"batch_size": 64}
BRISK = {"max_iter": 60, "learning_rate_init": 0.02}
OTHERS = [
    *(Estimator() for Estimator in BOTH),  # as they come, with all their epochs
    *(Estimator(cell=cell, **BRISK) for Estimator in BOTH for cell in ("rnn", "gru")),
    RNNClassifier(cell="gru", bidirectional=True, **BRISK),
    RNNRegressor(cell="rnn", activation="relu", **BRISK),
    RNNRegressor(cell="rnn", dtype="float64", **BRISK),
]


def flat_data(n=40, length=6):
    """Sequences of one feature as the rows of a table, for transformers that know only tables."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, length))
    return X, X[:, -1] + 0.5 * X[:, -2], np.where(X[:, -1] > 0, "up", "down")


def data_for(Estimator):
    X, y, labels = flat_data()
    return X, labels if Estimator is RNNClassifier else y


def assert_same_weights(one, other):
    for part, same in zip(listed(one.weights_), listed(other.weights_), strict=True):
        assert list(part) == list(same)
        for name, weight in part.items():
            assert_array_equal(weight, same[name], err_msg=name)


@parametrize_with_checks([Estimator(**SINGLE | BRISK) for Estimator in BOTH])
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(OTHERS)
def test_scikit_learn_check_of_others(estimator, check):
    check(estimator)


# Parameters, copies, files


@pytest.mark.parametrize("Estimator", BOTH)
def test_clone_keeps_parameters_and_forgets_the_fit(Estimator):
    X, y = data_for(Estimator)
    model = Estimator(**single(Estimator) | SMALL).fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(X)
    assert_same_weights(copy.fit(X, y), model)


@pytest.mark.parametrize("Estimator", BOTH)
def test_parameters_go_in_and_out_and_only_changed_ones_are_shown(Estimator):
    model = Estimator()
    assert model.set_params(hidden_size=7, cell="rnn") is model
    assert (model.hidden_size, model.get_params()["cell"]) == (7, "rnn")
    assert repr(model) == f"{Estimator.__name__}(cell='rnn', hidden_size=7)"
    with pytest.raises(ValueError, match="Invalid parameter 'units'"):
        model.set_params(units=3)
    with pytest.raises(TypeError):
        Estimator("gru")


@pytest.mark.parametrize("Estimator", BOTH)
def test_html_shows_name_and_parameters(Estimator):
    html = Estimator(hidden_size=12345)._repr_html_()
    assert Estimator.__name__ in html
    assert "hidden_size" in html and "12345" in html


@pytest.mark.parametrize("Estimator", BOTH)
def test_tags_say_what_the_estimator_takes(Estimator):
    tags = get_tags(Estimator())
    assert tags.estimator_type == ("classifier" if Estimator is RNNClassifier else "regressor")
    assert (is_classifier(Estimator()), is_regressor(Estimator())) == (
        Estimator is RNNClassifier,
        Estimator is RNNRegressor,
    )
    assert (
        tags.input_tags.three_d_array
        and not tags.input_tags.sparse
        and not tags.input_tags.allow_nan
    )
    assert tags.target_tags.required
    assert tags.target_tags.multi_output == (Estimator is RNNRegressor)
    if Estimator is RNNClassifier:
        assert tags.classifier_tags.multi_class and not tags.classifier_tags.multi_label


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_a_stored_model_predicts_and_goes_on_as_the_original(Estimator, how, tmp_path):
    X, y = data_for(Estimator)
    model = Estimator(**single(Estimator) | SMALL, warm_start=True).fit(X, y)
    if how == "pickle":
        copy = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model.joblib")
        copy = joblib.load(tmp_path / "model.joblib")
    assert_array_equal(copy.predict(X), model.predict(X))
    assert copy.loss_curve_ == model.loss_curve_
    assert_same_weights(copy.fit(X, y), model.fit(X, y))  # the optimiser's state travelled too
    assert copy.n_iter_ == 10


# Pipelines, searches


@pytest.mark.parametrize("Estimator", BOTH)
def test_pipeline_is_the_same_as_its_steps_by_hand(Estimator):
    X, y = data_for(Estimator)
    pipeline = make_pipeline(StandardScaler(), Estimator(**single(Estimator) | SMALL)).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    alone = Estimator(**single(Estimator) | SMALL).fit(scaled, y)
    assert_array_equal(pipeline.predict(X), alone.predict(scaled))
    assert pipeline.score(X, y) == alone.score(scaled, y)


def test_pipeline_hands_on_sequences_of_many_features():
    X, y, _ = flat_data()
    channels_first = np.stack([X, X**2], axis=1)
    pipeline = make_pipeline(
        FunctionTransformer(from_channels_first), RNNRegressor(**SINGLE | SMALL)
    ).fit(channels_first, y)
    assert_same_weights(
        pipeline[-1], RNNRegressor(**SINGLE | SMALL).fit(np.stack([X, X**2], axis=2), y)
    )


def search(n_jobs=None):
    grid = {"cell": ["rnn", "gru", "lstm"], "hidden_size": [2, 4]}
    return GridSearchCV(
        RNNClassifier(max_iter=8, learning_rate_init=0.02, random_state=0),
        grid,
        cv=2,
        n_jobs=n_jobs,
    )


@pytest.fixture(scope="module")
def search_alone():
    X, _, labels = flat_data()
    return search().fit(X, labels)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_finds_the_same_in_processes_and_threads(backend, search_alone):
    X, _, labels = flat_data()
    with joblib.parallel_backend(backend, n_jobs=2):
        found = search(n_jobs=2 if backend == "loky" else None).fit(X, labels)
    scores = found.cv_results_["mean_test_score"]
    assert len(set(scores)) > 1
    assert_array_equal(scores, search_alone.cv_results_["mean_test_score"])
    assert found.best_params_ == search_alone.best_params_
    assert_same_weights(found.best_estimator_, search_alone.best_estimator_)


def test_grid_search_takes_ragged_lists():
    X, y, _ = flat_data()
    ragged = [row[: 3 + i % 4] for i, row in enumerate(X)]
    found = GridSearchCV(RNNRegressor(**SINGLE | SMALL), {"hidden_size": [2, 4]}, cv=2).fit(
        ragged, y
    )
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert_same_weights(
        found.best_estimator_, RNNRegressor(**SINGLE | SMALL | found.best_params_).fit(ragged, y)
    )


def test_cross_val_predict_is_the_loop_over_folds():
    X, _, labels = flat_data()
    folds = StratifiedKFold(3)
    found = cross_val_predict(
        RNNClassifier(**SINGLE | SMALL), X, labels, cv=folds, method="predict_proba"
    )
    expected = np.empty((len(X), 2))
    for train, test in folds.split(X, labels):
        expected[test] = (
            RNNClassifier(**SINGLE | SMALL).fit(X[train], labels[train]).predict_proba(X[test])
        )
    assert_array_equal(found, expected)


# Metadata routing


@pytest.mark.parametrize("Estimator", BOTH)
def test_sample_weight_is_routed_through_a_pipeline(Estimator):
    X, y = data_for(Estimator)
    weight = np.linspace(0, 2, len(X))
    direct = Estimator(**single(Estimator) | SMALL).fit(
        StandardScaler().fit_transform(X), y, sample_weight=weight
    )
    with config_context(enable_metadata_routing=True):
        last = Estimator(**single(Estimator) | SMALL).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, last).fit(X, y, sample_weight=weight)
    assert_same_weights(pipeline[-1], direct)


def test_a_search_routes_sample_weight_to_fit_and_to_score_as_asked():
    X, y, _ = flat_data()
    weight, grid = np.linspace(0, 2, len(X)), {"hidden_size": [4]}
    with config_context(enable_metadata_routing=True):
        model = (
            RNNRegressor(**SINGLE | SMALL)
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=False)
        )
        to_fit = GridSearchCV(model, grid, cv=2).fit(X, y, sample_weight=weight)
        model = (
            RNNRegressor(**SINGLE | SMALL)
            .set_fit_request(sample_weight=False)
            .set_score_request(sample_weight=True)
        )
        to_score = GridSearchCV(model, grid, cv=2).fit(X, y, sample_weight=weight)
    nowhere = GridSearchCV(RNNRegressor(**SINGLE | SMALL), grid, cv=2).fit(X, y)
    assert_same_weights(
        to_fit.best_estimator_, RNNRegressor(**SINGLE | SMALL).fit(X, y, sample_weight=weight)
    )
    assert_same_weights(to_score.best_estimator_, nowhere.best_estimator_)
    assert len({to_fit.best_score_, to_score.best_score_, nowhere.best_score_}) == 3


def test_requests_name_what_fit_and_partial_fit_take():
    with config_context(enable_metadata_routing=True):
        requests = (
            RNNClassifier()
            .set_partial_fit_request(classes=True, sample_weight=True)
            .get_metadata_routing()
        )
    assert requests.partial_fit.requests == {"classes": True, "sample_weight": True}
    assert set(requests.fit.requests) == {"sample_weight", "X_val", "y_val", "sample_weight_val"}


# Callbacks, in scikit-learn 1.9 and newer


class Recorder:
    """Notes every call; ends training at an epoch, or interrupts it there."""

    def __init__(self, stop_at=None, interrupt_at=None):
        self.stop_at, self.interrupt_at, self.calls, self.losses = stop_at, interrupt_at, [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "epoch":
            self.losses.append(np.mean((fitted_estimator.predict(X) - y) ** 2))
            if len(self.losses) == self.interrupt_at:
                raise KeyboardInterrupt
            return len(self.losses) == self.stop_at
        return False

    def teardown(self, estimator, context):
        self.calls.append("teardown")


@pytest.fixture
def callbacks():
    return pytest.importorskip("sklearn.callback")


@pytest.mark.usefixtures("callbacks")
class TestCallbacks:
    def test_each_epoch_is_a_task_with_the_model_as_it_stands(self):
        X, y, _ = flat_data()
        recorder = Recorder()
        model = RNNRegressor(**EXACT, learning_rate_init=0.05).set_callbacks(recorder).fit(X, y)
        assert [call for call in recorder.calls if call != "begin epoch"] == [
            "setup",
            "begin fit",
            *["end epoch"] * 5,
            "end fit",
            "teardown",
        ]
        assert len(set(recorder.losses)) == 5
        # the loss before the next update
        assert recorder.losses[:4] == pytest.approx(model.loss_curve_[1:], rel=1e-5)
        assert recorder.losses[4] == pytest.approx(np.mean((model.predict(X) - y) ** 2))

    def test_a_callback_ends_training(self):
        X, y, _ = flat_data()
        model = RNNRegressor(**EXACT).set_callbacks(Recorder(stop_at=3)).fit(X, y)
        assert model.n_iter_ == 3
        assert_same_weights(model, RNNRegressor(**EXACT | {"max_iter": 3}).fit(X, y))

    @pytest.mark.parametrize("n_jobs", [1, 2, 4])
    def test_a_callback_ends_all_networks_after_the_same_epochs(self, n_jobs):
        X, y, _ = flat_data()
        exact = EXACT | {"n_networks": 3, "n_jobs": n_jobs}
        model = RNNRegressor(**exact).set_callbacks(Recorder(stop_at=3)).fit(X, y)
        assert [len(one.history.loss_curve) for one in model._fitted.members] == [3, 3, 3]
        shorter = RNNRegressor(**exact | {"max_iter": 3}).fit(X, y)
        assert_array_equal(model.predict(X), shorter.predict(X))
        model.partial_fit(X, y)
        assert [len(one.history.loss_curve) for one in model._fitted.members] == [4, 4, 4]

    def test_the_last_epoch_of_a_plateau_is_a_task_too(self):
        X, y, _ = flat_data()
        recorder = Recorder()
        model = (
            RNNRegressor(**SINGLE | SMALL, tol=1e3, n_iter_no_change=1)
            .set_callbacks(recorder)
            .fit(X, y)
        )
        assert model.n_iter_ < 5
        assert len(recorder.losses) == model.n_iter_

    def test_an_interrupt_ends_training_with_a_warning_and_a_model(self):
        X, y, _ = flat_data()
        model = RNNRegressor(**SINGLE | SMALL).set_callbacks(Recorder(interrupt_at=3))
        with pytest.warns(InterruptedFitWarning, match="after 3 epochs"):
            model.fit(X, y)
        assert model.n_iter_ == 3
        assert np.isfinite(model.predict(X)).all()

    def test_a_refused_fit_calls_nobody(self):
        X, y, _ = flat_data()
        recorder = Recorder()
        with pytest.raises(ValueError, match="y must have one entry"):
            RNNRegressor(**SINGLE | SMALL).set_callbacks(recorder).fit(X, y[:-1])
        assert recorder.calls == []

    def test_partial_fit_is_one_epoch(self):
        X, y, _ = flat_data()
        recorder = Recorder()
        RNNRegressor(**SINGLE | SMALL).set_callbacks(recorder).partial_fit(X, y)
        assert recorder.calls.count("end epoch") == 1
        assert recorder.calls[-1] == "teardown"

    def test_progress_bar_changes_nothing_but_the_screen(self, callbacks, capfd):
        pytest.importorskip("rich")
        X, y, _ = flat_data()
        model = RNNRegressor(**SINGLE | SMALL).set_callbacks(callbacks.ProgressBar()).fit(X, y)
        assert "RNNRegressor" in capfd.readouterr().out
        assert_same_weights(model, RNNRegressor(**SINGLE | SMALL).fit(X, y))

    def test_progress_bar_of_a_search_reaches_the_network(self, callbacks, capfd):
        pytest.importorskip("rich")
        X, y, _ = flat_data()
        bar = callbacks.ProgressBar(max_propagation_depth=None)
        GridSearchCV(RNNRegressor(**SINGLE | SMALL), {"hidden_size": [2, 4]}, cv=2).set_callbacks(
            bar
        ).fit(X, y)
        shown = capfd.readouterr().out
        assert "GridSearchCV" in shown and "RNNRegressor" in shown

    def test_scoring_monitor_scores_every_epoch(self, callbacks):
        X, y, _ = flat_data()
        weight = np.linspace(0, 2, len(X))
        monitor = callbacks.ScoringMonitor(scoring="r2")
        model = (
            RNNRegressor(**EXACT, learning_rate_init=0.05)
            .set_callbacks(monitor)
            .fit(X, y, sample_weight=weight)
        )
        rows = monitor.get_logs().data
        scores = [row["r2"] for row in rows if row["task_name"] == "epoch"]
        assert len(set(scores)) == 5
        assert scores[-1] == pytest.approx(model.score(X, y, sample_weight=weight))


def test_works_where_scikit_learn_has_no_callbacks():
    source = (
        "import sys, sklearn.model_selection, sklearn.pipeline\n"
        "sys.modules['sklearn.callback'] = None\n"
        "import numpy as np\n"
        "from tsrnn import RNNRegressor\n"
        "model = RNNRegressor(cell='gru', hidden_size=2, max_iter=1).fit(np.ones((3, 2)), [1.0, 2.0, 3.0])\n"
        "print(model.n_iter_, hasattr(model, 'set_callbacks'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["1", "False"], done.stderr
