"""The GPU's verbs, where large products of float32 may be rounded to TF32."""

from tsrnn.backends import cuda
from tsrnn.backends.cuda.precision import in_precision

forward, backward, affine, affine_backward = in_precision("tf32")


def __getattr__(name):
    return getattr(cuda, name)
