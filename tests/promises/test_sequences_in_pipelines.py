"""Sequences of every form go through transformers, pipelines, searches and cross-validation of scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.utils.estimator_checks import check_estimator

from tsrnn import (
    PerStep,
    RNNClassifier,
    RNNRegressor,
    RNNSeq2SeqClassifier,
    RNNSeq2SeqRegressor,
    RNNSequenceClassifier,
    RNNSequenceRegressor,
    as_sequences,
)

SMALL = {"cell": "gru", "hidden_size": 4, "max_iter": 2, "batch_size": 4, "random_state": 0}
RNG = np.random.default_rng(0)
LENGTHS = [3, 7, 1, 5, 7, 2, 6, 4, 5, 3, 2, 4]
LISTED = [50 + 9 * RNG.normal(size=(length, 2)) for length in LENGTHS]
ROWS = np.concatenate(LISTED)
NAMES = [f"m{i}" for i in (3, 0, 11, 5, 1, 2, 9, 4, 7, 10, 6, 8)]
INDEX = pd.MultiIndex.from_arrays(
    [np.repeat(NAMES, LENGTHS), np.concatenate([np.arange(length) for length in LENGTHS])],
    names=["machine", "cycle"],
)
FRAME = pd.DataFrame(ROWS, index=INDEX, columns=["heat", "load"])
LAST = np.array([x[-1, 0] / 50 for x in LISTED])


def padded(parts, n_steps=7):
    out = np.full((len(parts), n_steps, *parts[0].shape[1:]), np.nan)
    for row, part in zip(out, parts):
        row[: len(part)] = part
    return out


def parts_of(rows):
    return np.split(rows, np.cumsum(LENGTHS)[:-1])


# Every form: how to make it from the list, and how to see the rows of a result.
FORMS = {
    "list": (LISTED, np.concatenate),
    "list of nested lists": ([x.tolist() for x in LISTED], np.concatenate),
    "list of frames": (as_sequences(FRAME), lambda found: pd.concat(found).to_numpy()),
    "frame": (FRAME, lambda found: found.to_numpy()),
    "padded": (padded(LISTED), lambda found: found[~np.isnan(found).all(axis=2)]),
}
TRANSFORMERS = {
    "scaler": StandardScaler(),
    "pca": PCA(1),
    "more features": PolynomialFeatures(2),
    "pipeline": make_pipeline(SimpleImputer(), StandardScaler()),
    "function": FunctionTransformer(np.log1p),
    "sparse": OneHotEncoder(handle_unknown="ignore"),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
@pytest.mark.parametrize("form", FORMS)
def test_the_rows_of_the_table_are_the_steps(form, name):
    X, rows = FORMS[form]
    expected = clone(TRANSFORMERS[name]).fit_transform(ROWS)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    model = PerStep(TRANSFORMERS[name])
    for found in (model.fit_transform(X), model.fit(X).transform(X)):
        assert_allclose(rows(found), expected, rtol=1e-12)
        assert type(found) is (np.ndarray if form == "padded" else type(X))
    if form == "frame":
        pd.testing.assert_index_equal(found.index, FRAME.index)
    if form == "list of frames":
        pd.testing.assert_index_equal(found[4].index, X[4].index)
    if form == "list":
        assert [len(part) for part in found] == LENGTHS
    if form == "padded":
        assert_array_equal(np.isnan(found).any(axis=2), np.isnan(X).any(axis=2))


@pytest.mark.parametrize("form", FORMS)
def test_the_inverse_is_what_was(form):
    X, rows = FORMS[form]
    model = PerStep(StandardScaler()).fit(X)
    assert_allclose(rows(model.inverse_transform(model.transform(X))), ROWS, rtol=1e-12)


def test_tables_are_one_feature():
    X = RNG.normal(3, 2, size=(10, 6))
    model = PerStep(StandardScaler()).fit(X)
    assert_allclose(model.transform(X), (X - X.mean()) / X.std())
    assert_allclose(model.inverse_transform(model.transform(X)), X)
    more = PerStep(PolynomialFeatures(2, include_bias=False)).fit(X)
    assert_allclose(more.transform(X)[:, :, 1], X**2)
    ones = [np.arange(3.0), np.arange(4.0)]
    assert [part.shape for part in PerStep(StandardScaler()).fit_transform(ones)] == [(3,), (4,)]
    assert list(model.get_feature_names_out(list("abcdef"))) == list("abcdef")
    with_names = pd.DataFrame(X, columns=list("uvwxyz"))
    found = PerStep(StandardScaler()).set_output(transform="pandas").fit_transform(with_names)
    assert list(found.columns) == list("uvwxyz")


def test_frames_keep_names_order_and_kinds():
    mixed = FRAME.assign(mode=np.where(ROWS[:, 0] > 50, "on", "off"))
    columns = ColumnTransformer(
        [("number", StandardScaler(), ["heat", "load"]), ("mode", OneHotEncoder(), ["mode"])],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    )
    model = PerStep(columns).fit(mixed)
    shuffled = mixed.sample(frac=1, random_state=0)
    found = model.transform(shuffled)
    pd.testing.assert_index_equal(found.index, shuffled.index)
    assert (
        list(found.columns)
        == ["heat", "load", "mode_off", "mode_on"]
        == list(model.get_feature_names_out())
    )
    assert_allclose(found.loc[mixed.index].to_numpy(), model.transform(mixed).to_numpy())
    assert list(model.feature_names_in_) == ["heat", "load", "mode"]
    listed = model.transform(as_sequences(mixed))
    pd.testing.assert_frame_equal(pd.concat(listed), model.transform(mixed))
    reversed_columns = [part[["mode", "load", "heat"]] for part in as_sequences(mixed)]
    pd.testing.assert_frame_equal(model.transform(reversed_columns)[3], listed[3])


def test_missing_values_inside_are_filled():
    X = [x.copy() for x in LISTED]
    X[3][2, 1] = np.nan
    filled = PerStep(SimpleImputer()).fit_transform(X)
    assert filled[3][2, 1] == pytest.approx(np.nanmean(np.concatenate(X)[:, 1]))
    model = make_pipeline(
        PerStep(SimpleImputer()), PerStep(StandardScaler()), RNNRegressor(**SMALL)
    ).fit(X, LAST)
    assert np.isfinite(model.predict(X)).all()
    block = padded(X)
    assert_array_equal(model.predict(block), model.predict(X))


@pytest.mark.parametrize("form", FORMS)
def test_weights_and_targets_of_sequences_are_those_of_their_steps(form):
    X, rows = FORMS[form]
    weight, repeated = np.arange(1.0, 13), np.repeat(np.arange(1.0, 13), LENGTHS)
    model = PerStep(StandardScaler()).fit(X, sample_weight=weight)
    assert_allclose(
        model.transformer_.mean_, StandardScaler().fit(ROWS, sample_weight=repeated).mean_
    )
    best = PerStep(SelectKBest(f_regression, k=1))
    expected = SelectKBest(f_regression, k=1).fit_transform(ROWS, np.repeat(LAST, LENGTHS))
    assert_allclose(rows(best.fit_transform(X, LAST)), expected)
    if form == "frame":
        by_label = pd.Series(LAST, NAMES).sample(frac=1, random_state=1)
        assert_allclose(rows(best.fit_transform(X, by_label)), expected)
        shuffled = X.sample(frac=1, random_state=2)
        weights = pd.Series(weight, NAMES)
        assert_allclose(model.fit(shuffled, sample_weight=weights).transformer_.mean_,
                        StandardScaler().fit(ROWS, sample_weight=repeated).mean_)  # fmt: skip


def test_metadata_is_routed_to_the_transformer():
    weight = np.arange(1.0, 13)
    with config_context(enable_metadata_routing=True):
        scaler = PerStep(StandardScaler().set_fit_request(sample_weight=True))
        model = make_pipeline(scaler, RNNRegressor(**SMALL).set_fit_request(sample_weight=True))
        model.fit(LISTED, LAST, sample_weight=weight)
    assert_allclose(
        model[0].transformer_.mean_, np.average(ROWS, axis=0, weights=np.repeat(weight, LENGTHS))
    )
    with pytest.raises(
        TypeError, match=r"^sample_weight must be None for PerStep\(PCA\(\)\), whose fit takes none"
    ):
        PerStep(PCA(1)).fit(LISTED, sample_weight=weight)


class Half(TransformerMixin, BaseEstimator):
    """Leaves rows out."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X[::2]


BAD = {
    "fewer rows": (lambda: PerStep(Half()).fit_transform(LISTED), "must keep the number of rows"),
    "other features": (
        lambda: PerStep(StandardScaler()).fit([np.ones((2, 2)), np.ones((3, 1))]),
        "2 features",
    ),
    "no sequences": (lambda: PerStep(StandardScaler()).fit([]), "at least one sequence"),
    "weights of another number": (
        lambda: PerStep(StandardScaler()).fit(LISTED, sample_weight=np.ones(5)),
        "one entry for each of the 12 sequences",
    ),
    "1-D": (lambda: PerStep(StandardScaler()).fit(np.ones(5)), "X must be"),
    "ragged steps": (
        lambda: PerStep(StandardScaler()).fit([[[1, 2], [3]], [[1, 2]]]),
        "steps of sequence 0",
    ),
}


@pytest.mark.parametrize(
    "y", [dict(enumerate(range(12))), set(range(12)), "a" * 12], ids=["dict", "set", "str"]
)
def test_targets_without_an_order_are_refused_before_and_in_the_network(y):
    for model in (RNNRegressor(), make_pipeline(PerStep(StandardScaler()), RNNRegressor())):
        with pytest.raises(
            TypeError, match=f"^y must be a list, an array or a frame; got a {type(y).__name__}.$"
        ):
            model.fit(LISTED, y)


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_transformed(case):
    call, expected = BAD[case]
    with pytest.raises(ValueError, match=expected) as caught:
        call()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_chunks_without_steps_are_transformed_too():
    model = PerStep(PCA(1)).fit(LISTED)
    found = model.transform([LISTED[0][:0], LISTED[1]])
    assert found[0].shape == (0, 1) and len(found[1]) == 7
    assert model.transform([LISTED[0][:0]])[0].shape == (0, 1)
    assert PerStep(PCA(1)).fit(FRAME).transform(FRAME.iloc[:0]).shape == (0, 1)


@pytest.mark.parametrize("name", ["scaler", "pca"])
def test_scikit_learns_checks(name):
    check_estimator(PerStep(TRANSFORMERS[name]))


def test_parameters_are_nested():
    model = make_pipeline(PerStep(StandardScaler()), RNNRegressor(**SMALL))
    model.set_params(perstep__transformer__with_mean=False)
    assert (
        model[0].transformer.with_mean is False and clone(model)[0].transformer.with_mean is False
    )


# The six estimators behind a scaler, in scikit-learn's hands


def targets(Estimator):
    sums = [(x[:, 0] - 50).cumsum() / 20 for x in LISTED]
    return {
        RNNRegressor: LAST,
        RNNClassifier: np.array(["up", "down"])[np.arange(12) % 2],
        RNNSequenceRegressor: sums,
        RNNSequenceClassifier: [np.where(np.arange(len(part)) % 2, "odd", "even") for part in sums],
        RNNSeq2SeqRegressor: [
            np.r_[part, 0.0][:3].copy() if len(part) > 2 else np.zeros(3) for part in sums
        ],
        RNNSeq2SeqClassifier: ["ab" if part[-1] > 0 else "ba" for part in sums],
    }[Estimator]


ALL = [
    RNNRegressor,
    RNNClassifier,
    RNNSequenceRegressor,
    RNNSequenceClassifier,
    RNNSeq2SeqRegressor,
    RNNSeq2SeqClassifier,
]


@pytest.mark.parametrize("form", ["list", "padded", "list of frames"])
@pytest.mark.parametrize("Estimator", ALL)
def test_search_with_a_scaler_over_sequences(Estimator, form):
    """Scores are those of folds made by hand, with a scaler that has seen the fold's steps alone."""
    X, y = FORMS[form][0], targets(Estimator)
    if form == "padded" and Estimator in (RNNSequenceRegressor, RNNSequenceClassifier):
        y = padded(y) if Estimator is RNNSequenceRegressor else y
    folds = KFold(3)
    search = GridSearchCV(
        make_pipeline(PerStep(StandardScaler()), Estimator(**SMALL)),
        {"perstep__transformer__with_mean": [True, False]},
        cv=folds,
        error_score="raise",
    ).fit(X, y)
    expected = []
    for seen, unseen in folds.split(LISTED):
        scaler = StandardScaler().fit(np.concatenate([LISTED[i] for i in seen]))
        scaled = [scaler.transform(x) for x in LISTED]
        listed = targets(Estimator)
        model = Estimator(**SMALL).fit([scaled[i] for i in seen], [listed[i] for i in seen])
        expected.append(model.score([scaled[i] for i in unseen], [listed[i] for i in unseen]))
    assert search.cv_results_["mean_test_score"][0] == pytest.approx(
        np.mean(expected), rel=1e-9, nan_ok=True
    )


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_cross_validated_predictions_of_frames(Estimator):
    """One target a machine, matched by label in every fold: any common order gives the same folds' models."""
    X, y = as_sequences(FRAME), pd.Series(targets(Estimator), NAMES)
    model = make_pipeline(PerStep(StandardScaler()), Estimator(**SMALL))
    found = cross_val_predict(model, X, y, cv=KFold(3))
    expected = cross_val_predict(model, LISTED, y.to_numpy(), cv=KFold(3))
    assert_array_equal(found, expected)
    grouped = cross_val_predict(model, X, y, cv=GroupKFold(2), groups=np.arange(12) // 2)
    assert len(grouped) == 12


def test_sequences_and_targets_of_another_order_are_matched_or_refused():
    X, y = as_sequences(FRAME), pd.Series(LAST, NAMES)
    model = RNNRegressor(**SMALL)
    expected = clone(model).fit(X, y).predict(X)
    assert_array_equal(clone(model).fit(FRAME, y).predict(FRAME), expected)
    assert_array_equal(clone(model).fit(X, y.iloc[::-1]).predict(X), expected)  # by label
    assert clone(model).fit(X, y).score(X, y.iloc[::-1]) == clone(model).fit(X, y).score(X, y)
    # a fold by place mixes machines
    with pytest.raises(ValueError, match="index of y must hold every label of X"):
        GridSearchCV(model, {"hidden_size": [2]}, cv=KFold(3), error_score="raise").fit(
            X, y.sort_index()
        )
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert [part.index[0][0] for part in X_train] == list(y_train.index)
    assert_array_equal(clone(model).fit(X_train, y_train).predict(X_test), clone(model).fit(
        X_train, y_train.to_numpy()).predict(X_test))  # fmt: skip
    assert len(y_test) == 3


@pytest.mark.parametrize("Estimator", [RNNSequenceRegressor, RNNSeq2SeqRegressor])
def test_nested_targets_of_another_order_are_refused(Estimator):
    X = as_sequences(FRAME)
    y = as_sequences(FRAME["heat"] / 50)
    Estimator(**SMALL).fit(X, y)
    with pytest.raises(
        ValueError, match="y must hold the series of X in the same order; got 'm8' beside 'm3'"
    ):
        Estimator(**SMALL).fit(X, y[::-1])


def test_as_sequences_orders_and_refuses():
    shuffled = FRAME.iloc[::-1]
    found = as_sequences(shuffled)
    assert [part.index[0][0] for part in found] == NAMES[::-1]
    pd.testing.assert_frame_equal(pd.concat(found[::-1]), FRAME)
    assert [part.name for part in as_sequences(FRAME["heat"])] == ["heat"] * 12
    with pytest.raises(ValueError, match=r"unique in \(series, time\)"):
        as_sequences(pd.concat([FRAME, FRAME.iloc[:1]]))
    for bad in (FRAME.reset_index(), ROWS, LISTED, None, "frame"):
        with pytest.raises(
            TypeError, match="frame must be a pandas frame whose two-level index is"
        ):
            as_sequences(bad)
    with pytest.raises(
        ValueError, match="a frame in a list must hold one series; got 'm3' and 'm0' in sequence 1"
    ):
        RNNRegressor(**SMALL).fit([FRAME.loc[["m8"]], FRAME], [0.0, 1.0])
