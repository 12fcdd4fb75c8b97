"""What reaches a kernel was compared before: every verb, every array, every axis."""

import numpy as np
import pytest
import seam_walk

from tsrnn.backends import cpu
from tsrnn.data.sequences import Sequences
from tsrnn.networks.encoder_decoder import EncoderDecoder
from tsrnn.networks.network import Network
from tsrnn.networks.passes import GradientOptions, Objective, WorkspacePool, gradient, predict
from tsrnn.rules.losses import LOSSES

ONE_ARRAY = {"fill", "set_first"}  # where the other is a number or None


@pytest.fixture(scope="module", params=[np.float32, np.float64])
def calls(request):
    backend = seam_walk.Watched(cpu)
    seam_walk.everything(backend, request.param)
    return backend.calls


def refused(verb, arguments):
    try:
        verb(*arguments)
    except ValueError as error:
        return "must" in str(error)
    return False


def test_every_verb_has_a_line_and_is_called(calls):
    contracts = seam_walk.contracts()
    public = {
        name for name, part in vars(cpu).items() if getattr(part, "__wrapped__", None) is not None
    }
    assert public - {"pool"} == set(contracts) == set(calls)
    defined = {
        name for name, part in vars(cpu).items() if getattr(part, "__module__", "") == cpu.__name__
    }
    assert defined - {"pool"} <= set(contracts) | seam_walk.OTHERS


@pytest.mark.parametrize("verb", seam_walk.contracts())
def test_a_smaller_array_is_refused(calls, verb):
    names = seam_walk.contracts()[verb]
    compared = [
        call for call in calls[verb].values() if verb not in ONE_ARRAY or hasattr(call[1], "shape")
    ]
    walked = [case for call in compared for case in seam_walk.smaller(call, names, cpu)]
    bounded = [
        (place, arguments) for place, arguments in walked if f"{verb} {place}" not in seam_walk.FREE
    ]
    # which looks at what the ends are, see below
    assert len(bounded) > 0 or verb == "trailing_mean"
    assert [
        place for place, arguments in bounded if not refused(getattr(cpu, verb), arguments)
    ] == []


@pytest.mark.parametrize("lengths", [[5, 2, 1], [3, 4, 1], [4, 2, -1], [2, 3, 4]], ids=str)
@pytest.mark.parametrize(
    "verb", ["forward", "backward", "copy_steps", "every_output", "scatter_outputs"]
)
def test_lengths_that_are_no_lengths_of_the_batch_are_refused(calls, verb, lengths):
    names = seam_walk.contracts()[verb]
    call = next(
        call for call in calls[verb].values() if call[names.index("lengths")].tolist() == [4, 3, 2]
    )
    at = names.index("lengths")
    getattr(cpu, verb)(*call)
    with pytest.raises(ValueError, match=f"arrays of {verb} must be of one network and one batch"):
        getattr(cpu, verb)(*call[:at], np.array(lengths), *call[at + 1 :])


def rows(starts=(0, 12), n_features=3, dtype=np.float32):
    ones = np.ones((2, 1), dtype)
    return Sequences(
        np.arange(24, dtype=dtype), n_features, np.array(starts), np.array([4, 4]), ones, ones
    )


@pytest.mark.parametrize("starts", [(0, 13), (-1, 12), (0, 2**40), (-(2**62), 0)])
def test_rows_outside_of_the_values_are_refused(starts):
    network = Network("gru", 3, 4, 1)
    with pytest.raises(ValueError, match="rows of a batch must lie within the 24 values"):
        predict(network, network.initial(np.random.default_rng(0)), rows(starts), 1)


def test_no_value_is_read_for_an_average_before_the_first():
    with pytest.raises(ValueError, match="arrays of trailing_mean"):
        cpu.trailing_mean(np.ones(4), np.array([1]), 2, None, None)


@pytest.mark.parametrize("make", [Network, EncoderDecoder])
@pytest.mark.parametrize("n_more", [-1, 1, 16])
def test_parameters_of_another_size_are_refused(make, n_more):
    network = make("gru", 3, 4, 1)
    theta = np.resize(network.initial(np.random.default_rng(0)), network.layout.size + n_more)
    with pytest.raises(
        ValueError, match=r"^parameters of the network must be [\d,]+ numbers of float32; got shape"
    ):
        network.packing()(theta)


@pytest.mark.parametrize(
    "change", [np.float64, np.int8, np.float16, lambda theta: theta.reshape(1, -1)]
)
def test_parameters_of_another_form_are_refused(change):
    network = Network("gru", 3, 4, 1)
    theta = change(network.initial(np.random.default_rng(0)))
    with pytest.raises(ValueError, match="parameters of the network must be"):
        predict(network, theta, rows(), 1)
    with pytest.raises(ValueError, match="parameters of the network must be"):
        gradient(
            network,
            theta,
            rows(),
            np.arange(2),
            Objective(LOSSES["squared"], 0.0, 2.0),
            GradientOptions(WorkspacePool(network.dtype)),
        )


def test_rows_of_other_features_are_refused():
    network = Network("gru", 5, 4, 1)
    with pytest.raises(ValueError, match="arrays of forward must be of one network and one batch"):
        predict(network, network.initial(np.random.default_rng(0)), rows(), 1)
