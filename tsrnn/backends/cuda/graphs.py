"""Updates as CUDA graphs: launched one by one at first, then recorded, and from then on replayed in one call.

A graph is launches with their arguments. So what changes from update to update must come in memory that does not: all
of it goes to the device as one parcel, before the first launch.
"""

from itertools import cycle

import numpy as np
from numba import cuda

from tsrnn.backends.cuda.launching import LAUNCHING, SIMULATED, STREAM, allocate, memory

MOST_GRAPHS = 64
N_COPIES = 4  # of a parcel that may be under way
ALIGNED = 16  # bytes at which an array in a parcel begins
BYTE = np.dtype(np.uint8)


class Parcel:
    """Arrays of numpy's under keys, sent to the device together.

    While it is `open` it takes them, and nothing is launched; afterwards it hands out where they are on the device.
    """

    def __init__(self):
        self.open, self.arrays, self.places, self.views, self.copies = False, {}, {}, {}, []

    def put(self, array, key):
        """The array itself while the parcel is open, then where it is; None for one that was not sent along."""
        if self.open:
            self.arrays[key] = np.ascontiguousarray(array)
            return array
        sent = self.arrays.get(key)
        return None if sent is None else self._view(key, sent)

    def _view(self, key, sent):
        kind = key, sent.dtype, sent.shape
        if kind not in self.views:
            begin = self.places[key].start
            self.views[kind] = (
                self.there[begin : begin + sent.nbytes].view(sent.dtype).reshape(sent.shape)
            )
        return self.views[kind]

    def send(self):
        """Whether all have the places that they had before; those of the last update, if not, are no longer valid."""
        as_before = all(
            array.nbytes <= _size(self.places.get(key)) for key, array in self.arrays.items()
        )
        if not as_before:
            self._arrange()
        here, sent = next(self.turns)
        sent.synchronize()  # the copy that was made of it last
        for key, array in self.arrays.items():
            begin = self.places[key].start
            here[begin : begin + array.nbytes] = array.reshape(-1).view(BYTE)
        self.there.copy_to_device(here, stream=STREAM)
        sent.record(STREAM)
        return as_before

    def _arrange(self):
        for _, sent in self.copies:  # memory that is still read must not be freed
            sent.synchronize()
        sizes = {key: _size(place) for key, place in self.places.items()}
        sizes |= {key: max(array.nbytes, sizes.get(key, 0)) for key, array in self.arrays.items()}
        self.places, self.views, end = {}, {}, 0
        for key, size in sizes.items():
            self.places[key] = slice(end, end + size)
            end += -(-size // ALIGNED) * ALIGNED
        self.there = allocate(end, BYTE)
        self.copies = [(cuda.pinned_array(end, BYTE), cuda.event()) for _ in range(N_COPIES)]
        self.turns = cycle(self.copies)


def _size(place):
    return -1 if place is None else place.stop - place.start


if SIMULATED:

    class Recording:
        """Launches, with their arguments as they are now."""

        def __init__(self):
            self.launches = []

        def add(self, kernel, blocks, threads, shared, args):
            self.launches.append((kernel, (blocks, threads, STREAM, shared), args))

        def end(self):
            return self

        def replay(self):
            for kernel, configuration, args in self.launches:
                kernel[configuration](*args)

else:
    from cuda.core import Device

    class Recording:
        """Launches, captured by the driver; their arguments are kept alive."""

        def __init__(self):
            device = Device()
            device.set_current()
            self.builder, self.held = device.create_graph_builder(), []
            self.builder.begin_building()

        def add(self, kernel, blocks, threads, shared, args):
            with LAUNCHING:
                kernel[blocks, threads, self.builder, shared](*args)
            self.held.append(args)

        def end(self):
            self.graph = self.builder.end_building().complete()
            return self

        def replay(self):
            self.graph.launch(STREAM)


def record(work):
    """What `work` launches, without doing it."""
    memory.recording = recording = Recording()
    try:
        work()
    finally:
        memory.recording = None
        recording.end()
    return recording


class Repeated:
    """See `cpu.repeated`."""

    def __init__(self, stage, update):
        self.stage, self.update, self.parcel, self.graphs = stage, update, Parcel(), {}

    def __call__(self, *args):
        memory.parcel = parcel = self.parcel
        try:
            parcel.open, parcel.arrays = True, {}
            form = self.stage(*args)
            parcel.open = False
            if not parcel.send():
                self.graphs.clear()
            if form is None or form not in self.graphs:
                self.update(*args)
                if form is not None and len(self.graphs) < MOST_GRAPHS:
                    self.graphs[form] = None
                return
            if self.graphs[form] is None:
                self.graphs[form] = record(lambda: self.update(*args))
            self.graphs[form].replay()
        finally:
            memory.parcel = None
