"""Names for the parts of one flat parameter vector."""

import math

from tsrnn.backends.padding import PADDING


def padded(n):
    return -(-n // PADDING) * PADDING


class Layout:
    """Names for the parts of one flat parameter vector."""

    def __init__(self, shapes):
        self.shapes = shapes
        self.parts = {}
        self.size = 0
        for name, shape in shapes.items():
            end = self.size + math.prod(shape)
            self.parts[name] = slice(self.size, end)
            self.size = end

    def view(self, theta):
        return {name: theta[part].reshape(self.shapes[name]) for name, part in self.parts.items()}
