"""Records that no `fit` makes are refused, part by part; those that it makes pass."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import saved_cases
from saved_cases import NUMBERS, RNG, SMALL, TABLE, TINY, WORDS
from textbook import SINGLE, TEXTBOOK_WHOLE

from tsrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceRegressor,
)
from tsrnn.estimators import storage as of_estimators
from tsrnn.estimators.fitted import Classes, Numbers
from tsrnn.files.errors import DamagedError
from tsrnn.files.estimators import checked
from tsrnn.forecasting import storage as of_forecasters
from tsrnn.forecasting.plan import Plan
from tsrnn.networks.network import Network

DAYS = pd.date_range("2024-01-01", periods=20)


def long(days=DAYS, **columns):
    return saved_cases.long(days, **columns)


def part(name, **changes):
    """A change of a part of a record; functions are given what was there."""

    def change(fitted):
        return replace(fitted, **{name: changed(getattr(fitted, name), changes)})

    return change


def changed(record, changes):
    new = {
        name: value(getattr(record, name)) if callable(value) else value
        for name, value in changes.items()
    }
    return record._replace(**new) if hasattr(record, "_replace") else replace(record, **new)


def network(**changes):
    """Another network, with weights of its own."""

    def change(fitted):
        given = {
            "cell": "lstm",
            "n_inputs": 1,
            "hidden_size": 3,
            "n_outputs": 1,
            "dtype": "float32",
        } | changes
        made = Network(**given)
        return replace(fitted, network=made, theta=made.initial(np.random.default_rng(0)))

    return change


def settings(**changes):
    return lambda fitted: replace(fitted, settings=fitted.settings | changes)


ESTIMATORS = {
    "regressor": lambda: RNNRegressor(**TEXTBOOK_WHOLE | {"cell": "lstm"} | SMALL).fit(
        TABLE, NUMBERS
    ),
    "scaled": lambda: RNNRegressor(**SINGLE | SMALL).fit(TABLE, NUMBERS),
    "several": lambda: RNNClassifier(**SINGLE | SMALL | {"n_networks": 2}).fit(
        TABLE, np.arange(8) % 3
    ),
    "columns": lambda: RNNRegressor(**SINGLE | SMALL).fit(
        pd.DataFrame(TABLE).rename(columns=str), NUMBERS
    ),
    "steps": lambda: RNNSequenceRegressor(**SMALL).fit(TABLE[:, :1], NUMBERS),
    "classes": lambda: RNNClassifier(**SINGLE | SMALL).fit(TABLE, np.arange(8) % 3),
    "symbols": lambda: RNNSeq2SeqRegressor(**SMALL).fit(WORDS, TABLE[:, :2]),
    "words": lambda: RNNSeq2SeqClassifier(**SMALL).fit(WORDS, WORDS),
}
SPOILT = [
    ("regressor", lambda fitted: None, "what is fitted that is no Fitted"),
    ("scaled", part("scaling", x_scale=np.array([-1.0])), "x_scale that is not positive"),
    ("scaled", part("scaling", x_mean=np.zeros(2)), "x_mean of type float64 and shape"),
    ("scaled", part("scaling", y_mean=np.array([np.nan])), "y_mean that are not finite"),
    ("scaled", lambda fitted: replace(fitted, inner=None), "no weights for its scales"),
    (
        "scaled",
        lambda fitted: replace(fitted, scaling=None),
        "weights for scales that are not told",
    ),
    ("scaled", settings(segment=2), "inputs of 1 features for a network of 1"),
    ("scaled", settings(pooling="mean"), "a network of another kind"),
    (
        "scaled",
        lambda fitted: replace(fitted, others=(fitted,)),
        "2 networks, more than the settings",
    ),
    ("scaled", lambda fitted: replace(fitted, others=[fitted]), "others that is no tuple"),
    ("several", settings(n_networks=1), "2 networks, more than the settings"),
    ("regressor", settings(nothing=1), "parameters that RNNRegressor has not"),
    ("regressor", settings(cell="nothing"), "cell='nothing', which no estimator takes"),
    ("regressor", settings(batch_size=0), "batch_size=0, which no estimator takes"),
    ("regressor", settings(hidden_size=4), "a network of hidden_size=3, where there must be 4"),
    (
        "regressor",
        settings(dtype="float64"),
        "a network of dtype='float32', where there must be 'float64'",
    ),
    ("regressor", settings(activation="relu", cell="rnn"), "a network of cell='lstm'"),
    (
        "regressor",
        settings(loss="absolute"),
        "the loss 'squared', which is not that of the settings",
    ),
    ("regressor", settings(solver="sgd"), "the state of 'adam', which is not the solver"),
    ("regressor", network(n_outputs=2), "a network of n_outputs=2, where there must be 1"),
    ("regressor", network(n_inputs=2), "inputs of 1 features for a network of 2"),
    ("regressor", network(every_step=True), "a network of another kind"),
    ("regressor", network(n_context=1), "a network of another kind"),
    ("regressor", network(bidirectional=True), "a network of bidirectional=True"),
    ("regressor", part("inputs", n_columns=0), "n_columns=0"),
    ("regressor", part("inputs", flat=1), "flat that is no bool"),
    ("columns", part("inputs", names=lambda names: names[1:]), "names of type"),
    (
        "regressor",
        lambda fitted: replace(fitted, targets=Classes(np.arange(2))),
        "targets of the form Classes",
    ),
    ("regressor", part("targets", many_outputs="yes"), "many_outputs that is no bool"),
    ("regressor", part("targets", loss="tweedie"), "targets of the loss 'tweedie'"),
    ("regressor", part("targets", loss=-1), "a name of a loss"),
    ("steps", part("targets", loss="bias_ho"), "targets of the loss 'bias_ho'"),
    ("steps", network(), "a network of another kind"),
    (
        "classes",
        lambda fitted: replace(fitted, targets=Numbers(False)),
        "targets of the form Numbers",
    ),
    ("classes", part("targets", classes=np.array([1, 0, 2])), "classes without order"),
    ("classes", part("targets", classes=np.array([1.5, np.nan, np.nan])), "classes without order"),
    ("classes", part("targets", classes=np.array([1])), "one class"),
    (
        "classes",
        part("targets", classes=np.arange(4)),
        "a network of n_outputs=3, where there must be 4",
    ),
    ("classes", part("targets", classes=np.array(["a", 1, None], object)), "classes without order"),
    ("symbols", part("inputs", symbols=np.array(["b", "a"])), "symbols without order"),
    ("symbols", part("inputs", symbols=np.array(["a"])), "symbols of another number"),
    ("symbols", part("inputs", symbols=np.array([1, 2])), "symbols of another number or type"),
    ("symbols", part("targets", n_steps=0), "n_steps=0"),
    ("symbols", part("targets", n_steps=10**9), "n_steps=1000000000"),
    ("symbols", part("targets", n_known=2), "a network of another kind"),
    ("symbols", settings(max_iter=10**12), "max_iter=1000000000000"),
    ("symbols", settings(teacher_forcing=2), "teacher_forcing=2, which no estimator takes"),
    ("words", part("targets", longest=10**9), "longest=1000000000"),
    ("words", part("targets", n_known=1), "n_known=1"),
    ("words", settings(max_output_length=10**9), "max_output_length=1000000000"),
    ("words", settings(beam_width=10**9), "labels followed=2000000000|labels followed=3000000000"),
    ("regressor", part("history", n_updates=-1), "n_updates=-1"),
    ("regressor", part("history", loss_curve=["a"]), "a value of loss_curve that is no Real"),
    (
        "regressor",
        part("history", moments=lambda moments: moments[:1]),
        "1 moments of a solver that has 2",
    ),
    ("regressor", lambda fitted: replace(fitted, history=None), "history that is no History"),
]


@pytest.fixture(scope="module")
def fitted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are hardly trained
        models = {name: make() for name, make in (ESTIMATORS | FORECASTERS).items()}
    return {name: (type(model), model._fitted) for name, model in models.items()}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_an_estimator_learnt_passes(name, fitted):
    Estimator, record = fitted[name]
    assert of_estimators.complete(Estimator)(record) == replace(
        record, settings=dict(record.settings)
    )


@pytest.mark.parametrize(
    ("name", "change", "match"), SPOILT, ids=[f"{name}-{match[:40]}" for name, _, match in SPOILT]
)
def test_what_no_estimator_learns_is_refused(name, change, match, fitted):
    Estimator, record = fitted[name]
    with pytest.raises(DamagedError, match=match):
        checked(change(record), of_estimators.complete(Estimator))


# Forecasters

ROLES = {"past_covariates": ["visits"], "static_covariates": ["shop"], "calendar": ["day"]}
FORECASTERS = {
    "plain": lambda: RNNForecaster(random_state=0, **TINY, quantiles=None).fit(long()),
    "counted": lambda: RNNForecaster(random_state=0, **TINY).fit(long(np.arange(20))),
    "covariates": lambda: RNNForecaster(random_state=0, **TINY, **ROLES).fit(
        long(visits=RNG.normal(size=40), shop=["n"] * 20 + ["s"] * 20)
    ),
    "quantiles": lambda: RNNForecaster(random_state=0, **TINY, quantiles=[0.1, 0.9]).fit(long()),
    "decoded": lambda: RNNForecaster(
        random_state=0, **TINY | {"segment": 2}, decoder="encoder-decoder"
    ).fit(long()),
}


def setting(**changes):
    return part("setting", **changes)


def panel(**changes):
    return part("panel", **changes)


def member(**changes):
    return lambda fitted: replace(
        fitted, members=[replace(one, **changes) for one in fitted.members]
    )


def plan(*values):
    """Another plan, of the network and of the record."""
    return lambda fitted: replace(member(plan=Plan(*values))(fitted), plans=[Plan(*values)])


def column(name, values):
    return panel(covariates=lambda frame: frame.assign(**{name: values}))


def code(**changes):
    return lambda fitted: replace(fitted, codes=fitted.codes | changes)


FORGED = [
    ("plain", lambda fitted: None, "what is fitted that is no Fitted"),
    ("plain", setting(log="never"), "log='never', which no forecaster takes"),
    ("plain", setting(h=10**9), "h=1000000000"),
    ("plain", setting(h=2), "needs 2|where there must be"),
    ("plain", setting(season_length=10**9), "season_length=1000000000"),
    ("plain", setting(hidden_size=4), "hidden_size=3, where its plan needs 4"),
    ("plain", setting(decoder="recursive"), "n_outputs=3, where its plan needs 1"),
    ("plain", setting(decoder="encoder-decoder"), "a network that is no EncoderDecoder"),
    ("decoded", setting(decoder="direct"), "a network that is no Network|where its plan needs"),
    ("plain", setting(typical=np.nan), "typical=nan"),
    ("plain", setting(typical=-1.0), "typical=-1.0"),
    ("plain", setting(quantiles=[0.1, 0.9]), "quantiles that is no tuple"),
    ("plain", setting(quantiles=(0.9, 0.1)), "without order"),
    ("plain", setting(quantiles=(0.1, 0.9)), "n_outputs=3, where its plan needs 9"),
    ("quantiles", setting(difference=True), "quantiles of sums"),
    ("plain", setting(effects=np.zeros(1)), "effects of other numbers"),
    ("covariates", setting(effects=None), "effects of other numbers"),
    ("covariates", setting(effects=lambda effects: effects[1:]), "effects of type"),
    (
        "covariates",
        setting(effects=lambda effects: effects * np.nan),
        "effects that are not finite",
    ),
    ("plain", panel(values=lambda values: values.tolist()), "values that is no ndarray"),
    ("plain", panel(values=lambda values: values * np.inf), "values that are not finite"),
    ("plain", panel(known=lambda known: known[1:]), "known of type bool and shape"),
    ("plain", panel(known=lambda known: known & False), "begins with a missing value"),
    ("plain", panel(starts=lambda starts: starts - 1), "do not stand end to end"),
    ("plain", panel(starts=lambda starts: starts[:1]), "do not stand end to end"),
    ("plain", panel(starts=np.array([0, 39, 40])), "each of two values or more"),
    ("plain", panel(starts=np.array([0, 50, 40])), "do not stand end to end"),
    ("plain", panel(ids=lambda ids: ids[[0, 0]]), "2 labels of 2 series, or one twice"),
    ("plain", panel(ids=lambda ids: ids[:1]), "1 labels of 2 series"),
    ("plain", panel(ids=lambda ids: list(ids)), "labels that is no Index"),
    ("plain", panel(times=lambda times: times[1:]), "39 times of 40 values"),
    ("plain", panel(times=lambda times: times.where(times != times[5])), "or one that is missing"),
    (
        "plain",
        panel(times=lambda times: pd.Index(times.astype("int64") / 2)),
        "times of type float64",
    ),
    ("plain", panel(times=lambda times: times[::-1]), "times that do not follow each other"),
    ("plain", panel(freq="h"), "times that do not follow each other by freq='h'"),
    ("plain", panel(freq="ns"), "times that do not follow each other by freq='ns'"),
    ("plain", panel(freq="MS"), "times that do not follow each other by freq='MS'"),
    ("counted", panel(freq=2), "times that do not follow each other by freq=2"),
    (
        "counted",
        panel(times=lambda times: times * 10**15),
        "times that do not follow each other by freq=1",
    ),
    ("plain", panel(freq=1), "freq must be"),
    ("counted", panel(freq="D"), "freq must be an int"),
    ("counted", panel(freq=0), "freq must be an int"),
    ("plain", panel(columns=("a", "b")), "each must have one role"),
    ("plain", panel(columns=("a", "b", "a")), "each must have one role"),
    ("plain", panel(columns=["a", "b", "c"]), "columns that is no tuple"),
    ("plain", panel(restore=None), "forecasts that have no form"),
    ("plain", panel(covariates=pd.DataFrame({"a": np.zeros(40)})), "covariates without a role"),
    ("covariates", panel(covariates=None), "covariates that is no DataFrame"),
    (
        "covariates",
        panel(covariates=lambda frame: frame[1:]),
        "covariates of other columns or rows",
    ),
    ("covariates", column("visits", np.nan), "covariates that are not finite"),
    ("covariates", column("shop", 5), "covariates of type int64"),
    ("covariates", column("shop", [f"s{i}" for i in range(40)]), "."),
    ("covariates", column("visits", "a"), "."),
    ("covariates", part("roles", calendar=["century"]), "calendar=\\['century'\\]"),
    ("covariates", part("roles", calendar=["day", "day"]), "calendar="),
    ("covariates", part("roles", past=["y"]), "each must have one role"),
    ("covariates", part("roles", past=()), "names of covariates that is no list"),
    ("counted", part("roles", calendar=["day"]), "a calendar of times that are integers"),
    ("covariates", lambda fitted: replace(fitted, codes={}), "codes of other columns"),
    ("covariates", code(visits={"mean": 0.0}), "neither of numbers nor of labels"),
    ("covariates", code(visits={"mean": 0.0, "scale": 0.0}), "scale=0.0"),
    ("covariates", code(visits={"mean": np.inf, "scale": 1.0}), "mean=inf"),
    ("covariates", code(shop={"labels": ["s", "n"]}), "labels of a covariate without order"),
    ("covariates", code(shop={"labels": []}), "labels of a covariate without order"),
    ("covariates", code(shop={"labels": [1]}), "a label of a covariate that is no str"),
    ("covariates", code(shop={"labels": ["n"]}), "n_inputs="),
    ("plain", lambda fitted: replace(fitted, fill_gaps="no"), "fill_gaps that is no bool"),
    ("plain", lambda fitted: replace(fitted, members=[]), "no network"),
    ("plain", lambda fitted: replace(fitted, members=None), "networks that is no list"),
    ("plain", lambda fitted: replace(fitted, plans=[]), "plans that no network uses"),
    ("plain", lambda fitted: replace(fitted, plans=fitted.plans * 2), "plans that no network uses"),
    ("plain", plan(10**9, 1, 1), "window=1000000000"),
    ("plain", plan(6, 0, 1), "segment=0"),
    ("plain", plan(6, 4, 1), "no multiple of segment=4"),
    ("plain", plan(6, 1, 7), "level=7"),
    ("plain", plan(6, 1, 1, 5), "deseasonalize that is no bool"),
    ("plain", plan(12, 1, 1), "n_context=6, where its plan needs 12"),
    ("plain", plan(6, 2, 1), "n_inputs=1, where its plan needs 2"),
    ("plain", member(sees_gaps=True), "n_inputs=1, where its plan needs 2"),
    ("plain", member(sees_gaps=2), "sees_gaps that is no bool"),
    ("plain", member(loss_curve=None), "loss_curve that is no list"),
    (
        "plain",
        part("errors", adjusted=lambda errors: errors[..., 1:]),
        "errors of type float64 and shape",
    ),
    ("plain", part("errors", adjusted=lambda errors: errors[:, :0]), "or none|plain errors"),
    (
        "plain",
        part("errors", adjusted=lambda errors: errors * np.inf),
        "errors that are not finite",
    ),
    ("plain", part("errors", plain=lambda errors: errors[1:]), "plain errors of type"),
    (
        "plain",
        lambda fitted: replace(fitted, errors=fitted.errors.adjusted),
        "errors that is no Errors",
    ),
    (
        "quantiles",
        part("errors", adjusted=lambda errors: errors[:1]),
        "errors of type float64 and shape",
    ),
    ("plain", lambda fitted: replace(fitted, shares={"theta": 1.5}), "share of theta=1.5"),
    ("plain", lambda fitted: replace(fitted, trial=5), "trial that is no DataFrame"),
    (
        "plain",
        lambda fitted: replace(fitted, trial=pd.DataFrame({"a": [1]})),
        "a trial of other columns",
    ),
]


@pytest.mark.parametrize("name", FORECASTERS)
def test_what_a_forecaster_learnt_passes(name, fitted):
    Forecaster, record = fitted[name]
    assert of_forecasters.complete(Forecaster)(record) is record


@pytest.mark.parametrize(
    ("name", "change", "match"), FORGED, ids=[f"{name}-{match[:40]}" for name, _, match in FORGED]
)
def test_what_no_forecaster_learns_is_refused(name, change, match, fitted):
    Forecaster, record = fitted[name]
    with pytest.raises(ValueError, match=match):
        checked(change(record), of_forecasters.complete(Forecaster))


def test_what_cannot_be_loaded_is_not_saved(fitted, tmp_path):
    pytest.importorskip("safetensors")
    for name, change in (
        ("plain", panel(starts=np.array([0, 50, 40]))),
        ("regressor", settings(hidden_size=4)),
    ):
        Estimator, record = fitted[name]
        model = Estimator()
        model._keep(change(record))
        with pytest.raises(
            ValueError, match=rf"this {Estimator.__name__} cannot be saved; it has "
        ) as caught:
            model.save(tmp_path / "file")
        assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
