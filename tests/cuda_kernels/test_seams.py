"""What reaches a kernel of the GPU was compared before, as on the CPU (see tests/promises/test_seams.py)."""

import numpy as np
import pytest
import seam_walk

from tsrnn.backends import cuda
from tsrnn.backends.cuda import elementwise, launching


@pytest.fixture(scope="module")
def calls():
    backend = seam_walk.Watched(cuda)
    seam_walk.everything(backend, np.float64, cell="gru", hidden_size=3)
    return backend.calls


@pytest.mark.parametrize("verb", seam_walk.contracts())
def test_a_smaller_array_is_refused(calls, verb, monkeypatch):
    def launched(*arguments, **options):
        raise AssertionError("a kernel was launched")

    names, free = seam_walk.contracts()[verb], set(seam_walk.FREE) | seam_walk.UNSEEN_ON_A_GPU
    one = verb in ("fill", "set_first")  # where the other is a number or None
    compared = [call for call in calls[verb].values() if not one or hasattr(call[1], "shape")]
    walked = [case for call in compared for case in seam_walk.smaller(call, names, cuda)]
    bounded = [(place, arguments) for place, arguments in walked if f"{verb} {place}" not in free]
    assert len(bounded) > 0 or verb == "trailing_mean"
    monkeypatch.setattr(launching, "launch_now", launched)
    for _, arguments in bounded:
        with pytest.raises(ValueError, match="must"):
            getattr(cuda, verb)(*arguments)


def test_what_lies_outside_is_nan_and_not_read():
    values, out = cuda.to_device(np.arange(6.0)), cuda.to_device(np.zeros((2, 3, 1)))
    starts, lengths = (cuda.to_device(np.array(part)) for part in ([-1, 5, 2], [2, 2, 2]))
    cuda.gather(values, starts, lengths, cuda.to_device(np.zeros(3)), out)
    np.testing.assert_array_equal(cuda.to_host(out)[:, :, 0], [[np.nan, 5, 2], [0, np.nan, 3]])
    table, rows = cuda.to_device(np.arange(4.0).reshape(2, 2)), cuda.to_device(np.array([1, -1, 2]))
    out = cuda.to_device(np.zeros((3, 2)))
    launching.launch_over(elementwise.take_rows, 6, table, rows, out)
    np.testing.assert_array_equal(cuda.to_host(out), [[2, 3], [np.nan] * 2, [np.nan] * 2])
    out, ends = cuda.to_device(np.zeros(3)), cuda.to_device(np.array([1, 2, 7]))
    launching.launch_over(elementwise.trailing_mean, 3, values, ends, 2, 0.5, out)
    np.testing.assert_array_equal(cuda.to_host(out), [np.nan, 0.5, np.nan])
    carried, series = cuda.to_device(np.ones((2, 1, 1, 1))), cuda.to_device(np.array([0, -1, 2]))
    initial = cuda.to_device(np.zeros((1, 1, 3, 1)))
    cuda.take_states(carried, series, cuda.to_device(np.zeros(3, bool)), initial)
    np.testing.assert_array_equal(cuda.to_host(initial).ravel(), [1, np.nan, np.nan])
    cuda.keep_states(cuda.to_device(np.full((1, 1, 3, 1), 5.0)), series, carried)
    np.testing.assert_array_equal(cuda.to_host(carried).ravel(), [5, 1])
