"""Weights as the kernels read them: matrices and their transposes one after the other, taken by a list of places."""

from functools import cached_property

import numpy as np
from numba import cuda

from tsrnn.backends.cuda.launching import allocate, compiled, launch_over
from tsrnn.backends.parameters import check_parameters


@compiled
def take(theta, places, out):
    for i in range(cuda.grid(1), places.shape[0], cuda.gridsize(1)):
        out[i] = theta[places[i]]


class Packing:
    """Where each weight goes; a call copies a parameter vector there and returns the matrices by name."""

    def __init__(self, cell, dtype, n_parameters):
        self.dtype, self.n_parameters, self.jobs = dtype, n_parameters, {}

    def plain(self, name, begin, K, N):
        self.jobs[name] = begin + np.arange(K * N).reshape(K, N)

    gates = plain

    def transposed(self, name, begin, K, N):
        self.jobs[name] = (begin + np.arange(K * N).reshape(K, N)).T

    def biases(self, name, begin_ih, begin_hh, N):
        self.jobs[name] = np.stack([begin_ih + np.arange(N), begin_hh + np.arange(N)])

    @cached_property
    def arrays(self):
        """Places, matrices end to end, and views of them by name."""
        places = cuda.to_device(np.concatenate([job.ravel() for job in self.jobs.values()]))
        out = allocate(places.size, self.dtype)
        ends = np.cumsum([job.size for job in self.jobs.values()])
        parts = zip(self.jobs.items(), ends)
        return (
            places,
            out,
            {name: out[end - job.size : end].reshape(job.shape) for (name, job), end in parts},
        )

    def __call__(self, theta):
        check_parameters(theta, self.n_parameters, self.dtype)
        places, out, parts = self.arrays
        launch_over(take, out.size, theta, places, out)
        return parts
