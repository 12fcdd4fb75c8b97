"""Scratch memory of a network on a device."""

import math

from tsrnn.backends import cpu


class Workspace:
    """Arrays of a backend that are used again: asking twice for a name gives the same memory, grown when needed. What
    is in them is left as it was.
    """

    def __init__(self, dtype, backend=cpu, residents=None):
        self.dtype = dtype
        self.backend = backend
        self.arrays = {}
        self.views = {}
        self.parts = {}
        self.residents = {} if residents is None else residents

    def part(self, name):
        """A room in this one, where names mean something else."""
        if name not in self.parts:
            self.parts[name] = Workspace(self.dtype, self.backend, self.residents)
        return self.parts[name]

    def array(self, name, shape, dtype=None):
        last = self.views.get(name)
        if last is not None and last.shape == shape:  # the usual case, and so the quick one
            return last
        size = math.prod(shape)
        if name not in self.arrays or self.arrays[name].size < size:
            self.views.pop(name, None)
            self.arrays.pop(name, None)  # given back before the larger one is asked for
            # What nobody writes, such as padding, stays zero.
            self.arrays[name] = self.backend.zeros(shape, dtype or self.dtype)
        flat = self.arrays[name].reshape(-1)
        self.views[name] = flat[:size].reshape(shape)
        return self.views[name]

    def on_device(self, array):
        """An array of numpy's on the device, copied there when it is first asked for."""
        if id(array) not in self.residents:
            # held, so that no other gets its id
            self.residents[id(array)] = (array, self.backend.to_device(array))
        return self.residents[id(array)][1]
