"""What `fit` takes, `save` keeps: a loaded object predicts the same bits in the same form, for all estimators."""

import enum
import os
import subprocess
import sys
import warnings
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from textbook import SINGLE, listed, single

from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
)
from tsrnn.files.errors import DamagedError
from tsrnn.networks.architecture import OWN, form_of, n_weights, network_of, theta_of

pytest.importorskip("safetensors")


def same_form(one, two):
    """Values, types and labels."""
    assert type(one) is type(two)
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two, check_exact=True, check_freq=True)
        assert one.columns.equals(two.columns) and one.columns.names == two.columns.names
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, two, check_exact=True)
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, two, strict=True)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for pair in zip(one, two):
            same_form(*pair)
    elif hasattr(one, "schema"):  # of polars
        assert one.schema == two.schema and one.equals(two)
    else:
        assert one == two


def same_parameters(one, two):
    """Of the same values, and types."""
    for name, value in one.get_params().items():
        other = two.get_params()[name]
        assert type(other) is type(value) and repr(other) == repr(value), name


def saved(estimator, tmp_path):
    """The estimator after a file, whose second saving gives the same bytes."""
    estimator.save(tmp_path / "one")
    again = type(estimator).load(tmp_path / "one")
    again.save(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    same_parameters(estimator, again)
    mine = {name for name in vars(estimator) if name.endswith("_")}
    assert {name for name in vars(again) if name.endswith("_")} == mine
    for name in mine:
        same_form(getattr(estimator, name), getattr(again, name))
    return again


@pytest.mark.parametrize("kind", OWN)
def test_a_file_tells_every_argument_of_a_network(kind):
    names = set(signature(kind).parameters)
    network = kind("gru", 2, 3, 4, n_layers=2, bidirectional=True, dropout=0.5)
    form = form_of(network)
    assert set(form) == names
    again = network_of(kind, form, largest=10**6)
    assert form_of(again) == form and again.layout.shapes == network.layout.shapes
    theta = network.initial(np.random.default_rng(0))
    np.testing.assert_array_equal(theta_of(again, network.to_weights(theta)), theta)
    assert n_weights(kind, form) == sum(
        weights.size for weights in network.to_weights(theta).values()
    )
    assert form_of(
        network_of(
            kind,
            {"cell": "gru", "n_inputs": 2, "hidden_size": 3, "n_outputs": 4, "dtype": "float64"},
            10**6,
        )
    )
    with pytest.raises(DamagedError, match="more than the file holds"):
        network_of(kind, form, largest=n_weights(kind, form) - 1)


# Estimators

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(12, 5))
CUBE = RNG.normal(size=(12, 5, 2))
RAGGED = [RNG.normal(size=(n, 2)) for n in range(3, 15)]
PANEL = pd.DataFrame(
    RNG.normal(size=(24, 2)),
    pd.MultiIndex.from_product([range(12), range(2)], names=["series", "time"]),
    ["a", "b"],
)
NAMED = pd.DataFrame(TABLE, columns=list("abcde"))
NUMBERS = RNG.normal(size=12)
LETTERS = np.array(["a", "b", "c"] * 4)
WORDS = ["ab", "b", "aab", "ba"] * 3
STEPS = [x[:, 0] for x in RAGGED]
MARKS = [np.where(x[:, 0] > 0, "up", "down") for x in RAGGED]
QUICK = {"hidden_size": 3, "max_iter": 2, "random_state": 0, "n_jobs": 1}

CASES = {
    "numbers of a table": (RNNRegressor, TABLE, NUMBERS, {}),
    "named columns": (
        RNNRegressor,
        NAMED,
        NUMBERS,
        {"loss": "huber", "huber_delta": np.float32(0.5), "max_length": 10**30},
    ),
    "one column of targets": (
        RNNRegressor,
        CUBE,
        NUMBERS[:, None],
        {"cell": "rnn", "activation": "relu"},
    ),
    "two columns of targets": (
        RNNRegressor,
        RAGGED,
        np.c_[NUMBERS, NUMBERS],
        {"dtype": "float64", "bidirectional": True},
    ),
    "a panel": (
        RNNRegressor,
        PANEL,
        NUMBERS,
        {"n_layers": 2, "dropout": 0.1, "solver": "sgd", "clip_norm": None},
    ),
    "early stopping": (
        RNNRegressor,
        TABLE,
        NUMBERS,
        {"early_stopping": True, "validation_fraction": 0.3, "verbose": False},
    ),
    "three classes": (
        RNNClassifier,
        TABLE,
        LETTERS,
        {"class_weight": {"a": 2, "b": np.float64(0.5)}},
    ),
    "two classes": (
        RNNClassifier,
        RAGGED,
        NUMBERS > 0,
        {"class_weight": "balanced", "solver": "adamw"},
    ),
    "classes of ints": (
        RNNClassifier,
        CUBE,
        np.arange(12, dtype=np.int8) % 3,
        {"max_length": np.int64(4), "truncate": "start"},
    ),
    "numbers at steps": (RNNSequenceRegressor, RAGGED, STEPS, {"window": 4}),
    "numbers of one series": (RNNSequenceRegressor, TABLE, NUMBERS, {"bptt_steps": 3}),
    "classes at steps": (RNNSequenceClassifier, RAGGED, MARKS, {"bidirectional": np.True_}),
    "sequences of numbers": (RNNSeq2SeqRegressor, RAGGED, STEPS, {"teacher_forcing": (1.0, 0.5)}),
    "as many numbers each": (
        RNNSeq2SeqRegressor,
        CUBE,
        TABLE,
        {"teacher_forcing": np.float64(0.25), "n_layers": 2},
    ),
    "symbols to numbers": (RNNSeq2SeqRegressor, WORDS, TABLE[:, :2], {"bidirectional": True}),
    "words to words": (
        RNNSeq2SeqClassifier,
        WORDS,
        WORDS,
        {"beam_width": np.int64(2), "max_output_length": 5},
    ),
    "numbers to labels": (
        RNNSeq2SeqClassifier,
        RAGGED,
        [[1, 2], [2]] * 6,
        {"class_weight": {1: 0.5, 2: 1}},
    ),
}


def answers(estimator, X):
    """What all methods that take only X give."""
    n_steps = {"n_steps": 3} if isinstance(estimator, RNNSeq2SeqRegressor) else {}
    found = {"predict": estimator.predict(X, **n_steps)}
    for name in ("predict_proba", "predict_log_proba"):
        if hasattr(estimator, name) and not isinstance(estimator, RNNSeq2SeqClassifier):
            found[name] = getattr(estimator, name)(X)
    if hasattr(estimator, "predict_with_state") and not estimator.bidirectional:
        found["predict_with_state"] = estimator.predict_with_state(X)
    weights = [part for one in listed(estimator.weights_) for part in one.values()]
    return found | {"weights": weights}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_saved_estimator_is_the_same(case, tmp_path):
    Estimator, X, y, options = CASES[case]
    estimator = Estimator(**single(Estimator) | QUICK | options).fit(X, y)
    again = saved(estimator, tmp_path)
    before, after = answers(estimator, X), answers(again, X)
    for name, answer in before.items():
        same_form(answer, after[name])
    for one in (estimator, again):  # and goes on in the same way
        one.partial_fit(X, y)
    same_form(answers(again, X)["weights"], answers(estimator, X)["weights"])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_parameters_of_any_type_stay_equal(tmp_path):
    class Solver(enum.StrEnum):
        ADAM = "adam"

    class Few(enum.IntEnum):
        THREE = 3

    weights = OrderedDict({"a": 1.0, "b": 2.0, "c": 1})
    options = {
        "solver": Solver.ADAM,
        "hidden_size": Few.THREE,
        "class_weight": weights,
        "tol": -0.0,
        "alpha": 5e-324,
    }
    estimator = RNNClassifier(
        **SINGLE | QUICK | options | {"random_state": np.random.RandomState(0)}
    ).fit(TABLE, LETTERS)
    estimator.set_params(n_iter_no_change=10**400, tol=float("inf"), clip_norm=float("nan"))
    estimator.save(tmp_path / "one")
    again = RNNClassifier.load(tmp_path / "one")
    for name, value in again.get_params().items():
        given = None if name == "random_state" else getattr(estimator, name)
        assert value == given or value != value, name
    same_form(again.predict_proba(TABLE), estimator.predict_proba(TABLE))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_another_estimator_s_file_says_so(tmp_path):
    RNNRegressor(**SINGLE | QUICK).fit(TABLE, NUMBERS).save(tmp_path / "file")
    for Estimator in (RNNClassifier, RNNSequenceRegressor, RNNForecaster):
        with pytest.raises(
            ValueError,
            match=rf"that {Estimator.__name__}\.save wrote, whole; got one of RNNRegressor",
        ):
            Estimator.load(tmp_path / "file")


@pytest.mark.parametrize(
    "Estimator",
    dict.fromkeys([*(case[0] for case in CASES.values()), RNNForecaster]),
    ids=lambda E: E.__name__,
)
def test_nothing_fitted_is_nothing_saved(Estimator, tmp_path):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        Estimator().save(tmp_path / "file")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError):
        Estimator.load(tmp_path / "file")
    with pytest.raises(IsADirectoryError):
        Estimator.load(tmp_path)
    with pytest.raises(TypeError, match="path must be a path"):
        Estimator.load(None)


ELSEWHERE = """
import sys
import numpy as np
import tsrnn

name, folder = sys.argv[1:]
model = getattr(tsrnn, name).load(f"{folder}/here")
model.save(f"{folder}/there")
table = np.random.default_rng(0).normal(size=(12, 5))
answer = model.predict()[["RNNForecaster"]] if name == "RNNForecaster" else model.predict_proba(table)
np.save(f"{folder}/answer.npy", np.asarray(answer))
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_another_process_predicts_the_same_and_saves_the_same_bytes(tmp_path):
    forecaster = quick(static_covariates=["shop"]).fit(long().assign(shop=["x"] * 30 + ["y"] * 30))
    classifier = RNNClassifier(**SINGLE | QUICK, class_weight={"a": 1, "c": 2, "b": 3}).fit(
        TABLE, LETTERS
    )
    here = {
        forecaster: forecaster.predict()[["RNNForecaster"]].to_numpy(),
        classifier: classifier.predict_proba(TABLE),
    }
    for seed, (model, answer) in enumerate(here.items()):
        model.save(tmp_path / "here")
        command = [sys.executable, "-c", ELSEWHERE, type(model).__name__, str(tmp_path)]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": str(seed)})
        np.testing.assert_array_equal(np.load(tmp_path / "answer.npy"), answer, strict=True)
        assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_threads_that_save_to_one_path_leave_one_of_their_files(tmp_path):
    models = [
        RNNRegressor(**SINGLE | QUICK | {"random_state": seed}).fit(TABLE, NUMBERS)
        for seed in range(4)
    ]
    answers_of = [model.predict(TABLE).tolist() for model in models]
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(models[i % 4].save, tmp_path / "file") for i in range(40)]
        loads = [
            threads.submit(RNNRegressor.load, tmp_path / "file")
            for _ in range(20)
            if done[0].result() is None
        ]
        found = [load.result().predict(TABLE).tolist() for load in loads]
    assert all(answer in answers_of for answer in found)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_safetensors_the_extra_is_named(tmp_path, monkeypatch):
    models = [RNNRegressor(**SINGLE | QUICK).fit(TABLE, NUMBERS), quick().fit(long())]
    for model in models:
        model.save(tmp_path / type(model).__name__)
    for name in [name for name in sys.modules if name.partition(".")[0] == "safetensors"]:
        monkeypatch.setitem(sys.modules, name, None)
    for model in models:
        with pytest.raises(
            ImportError, match=r'save needs safetensors: pip install "tsrnn\[save\]"'
        ):
            model.save(tmp_path / "other")
        with pytest.raises(
            ImportError, match=r'load needs safetensors: pip install "tsrnn\[save\]"'
        ):
            type(model).load(tmp_path / type(model).__name__)
    assert not (tmp_path / "other").exists()


def test_without_polars_a_file_of_polars_names_the_extra(tmp_path, monkeypatch):
    quick().fit(of_polars()).save(tmp_path / "file")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r'polars.*pip install "tsrnn\[polars\]"'):
        RNNForecaster.load(tmp_path / "file")


# Devices


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_device_that_is_missing_becomes_the_cpu(tmp_path, monkeypatch):
    from tsrnn.backends import devices

    monkeypatch.setattr(devices, "why_no_gpu", lambda: "no GPU here")
    X, y, _ = TABLE, NUMBERS, None
    df = pd.DataFrame({"unique_id": "a", "ds": np.arange(30), "y": np.arange(30.0) % 5})
    models = {
        RNNRegressor: (RNNRegressor(**SINGLE | QUICK).fit(X, y), lambda model: model.predict(X)),
        RNNForecaster: (quick().fit(df), lambda model: model.predict().to_numpy()),
    }
    for Estimator, (model, answer) in models.items():
        expected = answer(model)
        path = tmp_path / Estimator.__name__
        fitted = model._fitted
        if Estimator is RNNForecaster:
            from dataclasses import replace

            model._fitted = replace(
                fitted, setting=replace(fitted.setting, device="cuda", precision="tf32")
            )
        else:
            fitted.settings.update(device="cuda", precision="tf32")
        model.set_params(device="cuda", precision="tf32").save(path)
        with pytest.warns(
            UserWarning,
            match=f"{Estimator.__name__} was fitted with device='cuda'.*loaded for the CPU",
        ):
            again = Estimator.load(path)
        assert again.device == "cuda"  # as the user has set it
        np.testing.assert_array_equal(answer(again), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = Estimator.load(path, device="cpu")
        assert again.device == "cpu" and again.precision == "fp32"
        np.testing.assert_array_equal(answer(again), expected)
        with pytest.raises(ValueError, match=r"device of"):
            Estimator.load(path, device="cuda")
        with pytest.raises(
            ValueError, match=r"device of .* must be one of 'cpu', 'cuda', 'auto'; got 'tpu'"
        ):
            Estimator.load(path, device="tpu")


# Forecasters


def quick(**options):
    given = {
        "h": 3,
        "n_networks": 1,
        "max_steps": 3,
        "hidden_size": 3,
        "window": 6,
        "segment": 1,
        "level_window": 1,
    }
    return RNNForecaster(**given | {"random_state": 0, "n_jobs": 1} | options)


def long(times=None, labels=("b", "a"), n=30):
    times = pd.date_range("2024-03-10", periods=n) if times is None else times
    rng = np.random.default_rng(1)
    parts = [
        pd.DataFrame({"ds": times, "y": rng.uniform(5, 9, len(times))}).assign(
            unique_id=[label] * len(times)
        )
        for label in labels
    ]
    return pd.concat(parts, ignore_index=True)


def wide(columns, name=None):
    times = pd.date_range("2024-03-10", periods=30, name="day")
    values = np.random.default_rng(2).uniform(5, 9, (30, len(columns)))
    return pd.DataFrame(values, times, pd.Index(columns, name=name))


def of_polars():
    polars = pytest.importorskip("polars")
    return polars.from_pandas(long()).with_columns(polars.col("ds").cast(polars.Date))


def two_levels(names=("shop", "day")):
    return long().set_index(["unique_id", "ds"]).rename_axis(names)


HOLIDAYS = pd.offsets.CustomBusinessDay(holidays=["2024-03-29", "2024-04-01"])
MONTH = pd.DateOffset(months=1)
AUTO = dict.fromkeys(["window", "segment", "level_window"], "auto")
FORMS = {
    "long": (long, {}),
    "zone": (lambda: long(pd.date_range("2024-03-10", periods=30, tz="Europe/Berlin")), {}),
    "fixed zone": (lambda: long(pd.date_range("2024-03-10", periods=30, tz="UTC+02:00")), {}),
    "seconds": (lambda: long(pd.date_range("2024-03-10", periods=30, unit="s")), {}),
    "integers": (lambda: long(np.arange(30)), {"freq": np.int64(1)}),
    "periods": (lambda: long(pd.period_range("2020-01", periods=30, freq="M")), {}),
    "ids of ints": (lambda: long(labels=(7, 3)), {}),
    "ids of int8": (lambda: long(labels=(7, 3)).astype({"unique_id": "int8"}), {}),
    "ids of floats": (lambda: long(labels=(0.5, -0.0)), {}),
    "ids of bools": (lambda: long(labels=(True, False)), {}),
    "ids of dates": (lambda: long(labels=(pd.Timestamp("2024"), pd.Timestamp("2023"))), {}),
    "ids of strings": (lambda: long().astype({"unique_id": "string"}), {}),
    "ids of objects": (lambda: long().astype({"unique_id": object}), {}),
    "ids of categories": (lambda: long().astype({"unique_id": pd.CategoricalDtype(["b", "a", "c"])}), {}),
    "ids of nullable ints": (lambda: long(labels=(7, 3)).astype({"unique_id": "Int64"}), {}),
    "wide": (lambda: wide(["b", "a"], "shop"), {}),
    "wide of ints": (lambda: wide([2, 1]), {}),
    "wide of categories": (lambda: wide(pd.Categorical(["b", "a"])), {}),
    "wide of dates": (lambda: wide(pd.to_datetime(["2024-01-02", "2024-01-01"])), {}),
    "series": (lambda: wide(["b"])["b"], {}),
    "series without a name": (lambda: wide(["b"])["b"].rename(None), {}),
    "series called 7": (lambda: wide([7])[7], {}),
    "two levels": (two_levels, {}),
    "two levels without names": (lambda: two_levels((None, None)), {}),
    "a series of two levels": (lambda: two_levels()["y"], {}),
    "polars": (of_polars, {}),
    "holidays": (lambda: long(pd.date_range("2024-03-11", periods=30, freq=HOLIDAYS)), {"freq": HOLIDAYS}),
    "the 15th": (lambda: long(pd.date_range("2020-01-15", periods=30, freq=MONTH)), {"freq": MONTH}),
    "Timedelta": (long, {"freq": pd.Timedelta("1D")}),
    "Day": (long, {"freq": pd.offsets.Day()}),
    "month ends": (lambda: long(pd.date_range("2020-01-31", periods=30, freq="ME")), {"season_length": np.int64(4)}),
    "other columns": (lambda: long().rename(columns={"unique_id": 0, "ds": 1, "y": 2}), {}),
    "quantiles": (long, {"quantiles": (0.1, np.float64(0.9))}),
    "encoder-decoder": (long, {"decoder": "encoder-decoder", "calendar": ["dayofweek"], "segment": 2}),
    "recursive": (long, {"decoder": "recursive", "difference": True, "scale": np.True_, "log": False}),
    "a trial": (long, AUTO | {"n_networks": 2, "season_length": 7}),
    "numbers of numpy": (long, {"window": np.int32(6), "h": np.int64(3), "shares": {"theta": np.float32(0.25)}}),
    "a missing value": (lambda: long().assign(y=lambda df: df["y"].where(df.index != 5)), {}),
}  # fmt: skip


def columns_of(df):
    names = list(df.columns) if isinstance(df, pd.DataFrame) else []
    if names[:1] == ["ds"] or "unique_id" in names or len(names) != 3:
        return {}
    return {"time_col": names[0], "target_col": names[1], "id_col": names[2]}


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_forecaster_is_the_same(form, tmp_path):
    make, options = FORMS[form]
    df = make()
    forecaster = quick(**options)
    names = columns_of(df)
    forecaster.fit(df, **names)
    again = saved(forecaster, tmp_path)
    same_form(again.predict(), forecaster.predict())
    same_form(again.predict(level=80), forecaster.predict(level=80))
    same_form(again.predict(df), forecaster.predict(df))
    same_form(again.simulate(2, random_state=0), forecaster.simulate(2, random_state=0))


COVARIATES = {
    "named": ["visits", "price", "shop"],
    "ints": [7, 8, 9],
    "odd names": ["7", '"', "ä\ud7ff"],
    "tuples": [("a", 1), ("a", 2), ("b", 1)],
    "floats": [0.5, 1.5, float("inf")],
}


@pytest.mark.parametrize("kind", COVARIATES)
def test_covariates_stay_whatever_their_names(kind, tmp_path):
    past, future, static = COVARIATES[kind]
    df, rng = long(), np.random.default_rng(3)
    columns = {
        past: rng.normal(size=60),
        future: rng.integers(0, 3, size=60),
        static: np.repeat(["n", "s"], 30),
    }
    df = pd.DataFrame({"unique_id": df["unique_id"], "ds": df["ds"], "y": df["y"]} | columns)
    if kind == "tuples":
        df.columns = pd.Index(["unique_id", "ds", "y", past, future, static], tupleize_cols=False)
    roles = {
        "past_covariates": [past],
        "future_covariates": (future,),
        "static_covariates": [static],
    }
    forecaster = quick(calendar=["dayofweek"], **roles).fit(df)
    again = saved(forecaster, tmp_path)
    ahead = pd.DataFrame(
        {"unique_id": ["a"] * 3 + ["b"] * 3, "ds": list(pd.date_range("2024-04-09", periods=3)) * 2}
    )
    ahead[future] = 1
    if kind == "tuples":
        ahead.columns = pd.Index(["unique_id", "ds", future], tupleize_cols=False)
    same_form(again.predict(X_df=ahead), forecaster.predict(X_df=ahead))


def test_the_best_of_a_search_is_saved(tmp_path):
    df = long(labels=("a",))

    class Splits:
        def get_n_splits(self, *data, **groups):
            return 1

        def split(self, X, *data, **groups):
            yield np.arange(24), np.arange(24, 27)

    search = GridSearchCV(
        quick(), {"window": np.arange(4, 9, 4), "learning_rate_init": np.array([0.01])}, cv=Splits()
    ).fit(df)
    again = saved(search.best_estimator_, tmp_path)
    same_form(again.predict(), search.best_estimator_.predict())


def test_labels_that_are_no_data_are_named(tmp_path):
    class Shop:
        def __init__(self, name):
            self.name = name

        def __lt__(self, other):
            return self.name < other.name

    df = long(labels=(Shop("a"), Shop("b")))
    with pytest.raises(ValueError, match=r"what is saved must be data.*got a Shop at"):
        quick().fit(df).save(tmp_path / "file")
    assert not list(tmp_path.iterdir())
