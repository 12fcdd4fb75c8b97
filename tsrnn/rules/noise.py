"""A random number made from a seed and a position: the same on every device, in any order, with no state to carry."""

import numpy as np
from numba.extending import register_jitable

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
SHIFT_27 = np.uint64(27)
SHIFT_30 = np.uint64(30)
SHIFT_31 = np.uint64(31)
SHIFT_40 = np.uint64(40)
STEP = np.float32(2.0**-24)


@register_jitable
def uniform(seed, position):
    """A float32 in [0, 1): the top 24 bits of SplitMix64 (Steele, Lea & Flood 2014) at `position` of the stream
    `seed`; both uint64.
    """
    z = seed + position * GOLDEN
    z = (z ^ (z >> SHIFT_30)) * MIX_1
    z = (z ^ (z >> SHIFT_27)) * MIX_2
    return np.float32((z ^ (z >> SHIFT_31)) >> SHIFT_40) * STEP
