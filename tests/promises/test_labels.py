"""Targets and weights go to the sequences, or to the time steps, that their labels name; labels that name none of them
are refused, not taken by position.
"""

import numpy as np
import pandas as pd
import pytest
from network_cases import ESTIMATORS, SMALL, lists, target
from textbook import SINGLE, single

from tsrnn import RNNRegressor, RNNSeq2SeqClassifier, RNNSeq2SeqRegressor, RNNSequenceRegressor

N = 8
SEQUENCES = lists(N)
NAMES = [f"M{i}" for i in range(N)]
ORDER = np.random.default_rng(3).permutation(N)
OF_SEQUENCES = [Estimator for Estimator in ESTIMATORS if "Sequence" not in Estimator.__name__]
OF_STEPS = [Estimator for Estimator in ESTIMATORS if "Sequence" in Estimator.__name__]


def frame(names=NAMES):
    parts = dict(zip(names, (pd.DataFrame(x, columns=["u", "v"]) for x in SEQUENCES), strict=True))
    return pd.concat(parts, names=["machine", "cycle"])


FRAME = frame()
ROWS = FRAME.index


def labelled(Estimator, index):
    """The targets as a pandas object, entry i labelled `index[i]`."""
    y = target(Estimator, SEQUENCES)
    if Estimator is RNNSeq2SeqRegressor:
        return pd.DataFrame(y, index=index)
    return pd.Series(list(y), index=index)


def weights(index):
    return pd.Series(np.arange(1.0, len(index) + 1), index=index)


def shuffled(entries):
    return entries.iloc[ORDER]


def methods(Estimator):
    """Calls of everything that takes targets, each on a model of its own."""
    model = Estimator(**single(Estimator) | SMALL).fit(FRAME, flat_target(Estimator))
    return {
        "fit": lambda *given, **weight: (
            Estimator(**single(Estimator) | SMALL).fit(*given, **weight).weights_
        ),
        "partial_fit": lambda *given, **weight: (
            Estimator(**single(Estimator) | SMALL).partial_fit(*given, **weight).weights_
        ),
        "score": model.score,
    }


def flat_target(Estimator):
    y = target(Estimator, SEQUENCES)
    return np.concatenate(y) if Estimator in OF_STEPS else y


def same(one, other):
    if isinstance(one, dict):
        return all(np.array_equal(one[name], other[name]) for name in one)
    return one == other


@pytest.mark.parametrize("Estimator", OF_SEQUENCES)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
class TestOfSequences:
    def test_labels_decide(self, Estimator, method):
        call = methods(Estimator)[method]
        y, weight = labelled(Estimator, NAMES), weights(NAMES)
        plain = call(FRAME, flat_target(Estimator), sample_weight=weight.to_numpy())
        assert same(call(FRAME, y, sample_weight=weight), plain)
        assert same(call(FRAME, shuffled(y), sample_weight=shuffled(weight).iloc[::-1]), plain)
        two = pd.MultiIndex.from_arrays([NAMES, np.arange(N)])  # the last row of each, say
        assert same(call(FRAME, shuffled(labelled(Estimator, two)), sample_weight=weight), plain)

    @pytest.mark.parametrize("kind", ["range", "sorted numbers", "no index", "polars"])
    def test_what_only_counts_goes_by_position(self, Estimator, method, kind):
        call = methods(Estimator)[method]
        index = {"range": None, "sorted numbers": [3, 4, 9, 11, 12, 20, 21, 30]}.get(kind)
        y, weight = labelled(Estimator, index), weights(range(N)).set_axis(index or range(N))
        if kind == "polars":
            pl = pytest.importorskip("polars")
            if Estimator is RNNSeq2SeqRegressor:
                pytest.skip("a frame of polars is no target here")
            y, weight = pl.Series(y.to_list()), pl.Series(weight.to_list())
        y = flat_target(Estimator) if kind == "no index" else y
        plain = call(FRAME, flat_target(Estimator), sample_weight=weights(NAMES).to_numpy())
        assert same(call(FRAME, y, sample_weight=weight), plain)

    @pytest.mark.parametrize(
        "index",
        [
            [name.lower() for name in NAMES[::-1]],
            ORDER + 1,
            pd.date_range("2024", periods=N),
            pd.MultiIndex.from_product([["x"], range(N)]),
            pd.Index(NAMES).str.encode("ascii"),
            np.arange(N) + 0.5,
        ],
        ids=["other case", "shuffled numbers", "times", "two levels", "bytes", "halves"],
    )
    @pytest.mark.parametrize("which", ["y", "sample_weight"])
    def test_labels_of_other_things_are_refused(self, Estimator, method, index, which):
        call = methods(Estimator)[method]
        given = {"y": labelled(Estimator, NAMES), "sample_weight": weights(NAMES)}
        given[which] = given[which].set_axis(index, axis=0)
        with pytest.raises(
            ValueError,
            match=rf"^the index of {which} must hold the labels of X, such as 'M0'; got .*to_numpy",
        ):
            call(FRAME, given["y"], sample_weight=given["sample_weight"])

    def test_some_labels_are_not_enough(self, Estimator, method):
        call = methods(Estimator)[method]
        y = labelled(Estimator, [*NAMES[:-1], "other"])
        with pytest.raises(
            ValueError,
            match=r"^the index of y must hold every label of X; got none for sequence 'M7'",
        ):
            call(FRAME, y)
        y = labelled(Estimator, NAMES)
        with pytest.raises(
            ValueError,
            match=r"^the index of y must hold every label of X once; got 'M0' several times",
        ):
            call(FRAME, pd.concat([y, y.iloc[:1]]))
        more = pd.concat([y, y.iloc[:1].set_axis(["other"], axis=0)])
        with pytest.raises(
            ValueError,
            match=r"^the index of y must hold the labels of X alone; got 9 entries for 8",
        ):
            call(FRAME, more)


@pytest.mark.parametrize("kind", ["category", "string", "int", "Timestamp"])
def test_labels_of_any_type(kind):
    names = {
        "category": pd.CategoricalIndex(NAMES),
        "string": pd.Index(NAMES, dtype="string"),
        "int": pd.Index(range(100, 100 + N)),
        "Timestamp": pd.date_range("2024", periods=N),
    }[kind]
    y = pd.Series(target(RNNRegressor, SEQUENCES), index=names)
    model = RNNRegressor(**SINGLE | SMALL).fit(frame(list(names)), shuffled(y))
    assert same(
        model.weights_, RNNRegressor(**SINGLE | SMALL).fit(SEQUENCES, y.to_numpy()).weights_
    )


def test_sequences_without_labels_take_any_index_by_position():
    y = target(RNNRegressor, SEQUENCES)
    plain = RNNRegressor(**SINGLE | SMALL).fit(SEQUENCES, y).weights_
    assert same(
        RNNRegressor(**SINGLE | SMALL).fit(SEQUENCES, pd.Series(y, index=NAMES)).weights_, plain
    )


def test_words_with_labels():
    words = pd.Series(["ab", "ba", "aab", "b", "bba"], index=list("pqrst"))
    plain = RNNSeq2SeqClassifier(**SMALL).fit(words.to_list(), words.to_list())
    model = RNNSeq2SeqClassifier(**SMALL).fit(words, words.iloc[::-1])
    assert same(model.weights_, plain.weights_)
    assert model.score(words, words.iloc[[2, 0, 1, 4, 3]]) == plain.score(
        words.to_list(), words.to_list()
    )
    with pytest.raises(
        ValueError, match="index of y must hold the labels of X, such as 'p'; got 'P'"
    ):
        model.fit(words, words.rename(str.upper))


def test_inputs_of_the_decoder_have_labels_too():
    y = labelled(RNNSeq2SeqRegressor, NAMES)
    plain = RNNSeq2SeqRegressor(**SMALL).fit(SEQUENCES, y.to_numpy(), decoder_inputs=y.to_numpy())
    model = RNNSeq2SeqRegressor(**SMALL).fit(FRAME, shuffled(y), decoder_inputs=y.iloc[::-1])
    assert same(model.weights_, plain.weights_)
    np.testing.assert_array_equal(
        model.predict(FRAME, decoder_inputs=shuffled(y)),
        plain.predict(SEQUENCES, decoder_inputs=y.to_numpy()),
    )
    with pytest.raises(ValueError, match="index of decoder_inputs must hold the labels of X"):
        model.predict(FRAME, decoder_inputs=y.rename(str.lower))


@pytest.mark.parametrize("Estimator", OF_STEPS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
class TestOfSteps:
    def test_the_same_rows_or_rows_that_are_only_counted(self, Estimator, method):
        call = methods(Estimator)[method]
        y, weight = pd.Series(flat_target(Estimator)), weights(ROWS)
        plain = call(FRAME, y.to_numpy(), sample_weight=weight.to_numpy())
        for index in (ROWS, range(len(ROWS)), ROWS.get_level_values(1)):
            assert same(call(FRAME, y.set_axis(index), sample_weight=weight.set_axis(index)), plain)

    @pytest.mark.parametrize("which", ["y", "sample_weight"])
    def test_other_rows_are_refused(self, Estimator, method, which):
        call = methods(Estimator)[method]
        given = {"y": pd.Series(flat_target(Estimator)), "sample_weight": weights(ROWS)}
        times = pd.date_range("2024", periods=len(ROWS))
        for index in (
            ROWS[::-1],
            ROWS.set_levels([name.lower() for name in NAMES], level=0),
            times,
        ):
            changed = given | {which: given[which].set_axis(index)}
            with pytest.raises(
                ValueError,
                match=f"^the index of {which} must be that of X, row by row; got .*to_numpy",
            ):
                call(FRAME, changed["y"], sample_weight=changed["sample_weight"])

    def test_one_series_by_its_times(self, Estimator, method):
        call = methods(Estimator)[method]
        X = FRAME.set_axis(pd.date_range("2024", periods=len(FRAME), freq="h"))
        y = pd.Series(flat_target(Estimator), index=X.index)
        plain = call(X, y.to_numpy())
        assert same(call(X, y), plain) and same(call(X, y.reset_index(drop=True)), plain)
        for other in (y.iloc[::-1], y.shift(1, freq="h")):
            with pytest.raises(
                ValueError, match=r"^the index of y must be that of X, row by row; got 2024"
            ):
                call(X, other)


def test_labels_of_series_stand_in_the_order_of_the_rows():
    X = FRAME.set_axis([f"row {i}" for i in range(len(FRAME))])
    y, series = X["u"], pd.Series(ROWS.get_level_values(0), index=X.index)
    plain = RNNSequenceRegressor(**SMALL).fit(FRAME, y.to_numpy())
    model = RNNSequenceRegressor(**SMALL).fit(X, y, series=series)
    assert same(model.weights_, plain.weights_)
    with pytest.raises(
        ValueError, match=r"^the index of series must be that of X, row by row; got row "
    ):
        model.predict(X, series=series.iloc[::-1])
