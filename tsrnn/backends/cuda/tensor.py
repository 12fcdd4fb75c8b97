"""Products on tensor cores: a warp multiplies a tile of 16 x 8 with one of 8 x 8 numbers and adds to one of 16 x 8.

Lane 4 r + c holds of the left tile (r, c), (r + 8, c), (r, c + 4), (r + 8, c + 4), of the right one (c, r), (c + 4, r),
and of the sums (r, 2 c), (r, 2 c + 1), (r + 8, 2 c), (r + 8, 2 c + 1) (NVIDIA, PTX ISA, mma.m16n8k8).

Factors are TF32, whose mantissa has 10 digits of float32's 23; sums are float32. "tf32" rounds factors, "fp32" cuts
each into a head and a rest, and of (head + rest) (head + rest) leaves out only rest times rest: three products, and
float32's precision again (Ootomo & Yokota 2022, doi:10.1177/10943420221090256).
"""

import threading
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import cuda, types
from numba.extending import register_jitable

from tsrnn.backends.cuda.launching import SIMULATED

LOST = 13  # digits of float32's mantissa that TF32 has not


@cache
def available():
    """Whether the GPU's tensor cores take TF32."""
    return SIMULATED or cuda.get_current_device().compute_capability >= (8, 0)


if SIMULATED:
    held = {}

    def truncate_mantissa(x):
        return (np.float32(x).view(np.int32) & np.int32(-(1 << LOST))).view(np.float32)

    def rounded(x):
        nearest = (np.float32(x).view(np.int32) + np.int32(1 << (LOST - 1))).view(np.float32)
        return truncate_mantissa(nearest) if np.isfinite(x) else x

    def add_product_of_tiles(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
        """As a tensor core does, which does not look at the digits that TF32 has not."""
        thread = threading.current_thread()
        lane = thread.thread_id % 32
        warp = thread.thread_id // 32 * 32
        held[thread.thread_id] = [float(truncate_mantissa(x)) for x in (a0, a1, a2, a3, b0, b1)]
        thread.syncthreads()
        left = [held[warp + lane // 4 * 4 + c] for c in range(4)]
        right = [[held[warp + (lane % 4 * 2 + n) * 4 + c] for c in range(4)] for n in (0, 1)]
        sums = [
            sum(left[c][m] * right[n][c][4] + left[c][m + 2] * right[n][c][5] for c in range(4))
            for m in (0, 1)
            for n in (0, 1)
        ]
        thread.syncthreads()
        return tuple(np.float32(c + s) for c, s in zip((c0, c1, c2, c3), sums))

else:
    from numba.cuda.extending import intrinsic

    FLOAT = ir.FloatType()
    WORD = ir.IntType(32)
    MMA = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"

    @intrinsic
    def truncate_mantissa(typingctx, x):
        """Toward zero; a NaN stays one, or becomes infinite."""

        def codegen(context, builder, sig, args):
            kept = builder.and_(builder.bitcast(args[0], WORD), ir.Constant(WORD, -(1 << LOST)))
            return builder.bitcast(kept, FLOAT)

        return types.float32(types.float32), codegen

    @intrinsic
    def rounded(typingctx, x):
        """To the nearest, halves away from zero; what is not finite stays so."""

        def codegen(context, builder, sig, args):
            convert = ir.InlineAsm(
                ir.FunctionType(WORD, [FLOAT]), "cvt.rna.tf32.f32 $0, $1;", "=r,f"
            )
            return builder.bitcast(builder.call(convert, args), FLOAT)

        return types.float32(types.float32), codegen

    @intrinsic
    def add_product_of_tiles(typingctx, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
        sums = types.UniTuple(types.float32, 4)

        def codegen(context, builder, sig, args):
            form = ir.FunctionType(ir.LiteralStructType([FLOAT] * 4), [WORD] * 6 + [FLOAT] * 4)
            multiply = ir.InlineAsm(form, MMA, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f")
            factors = [builder.bitcast(x, WORD) for x in args[:6]]
            found = builder.call(multiply, [*factors, *args[6:]])
            return context.make_tuple(
                builder, sums, [builder.extract_value(found, i) for i in range(4)]
            )

        return sums(*[types.float32] * 10), codegen


@register_jitable
def as_it_is(x):
    return x


@register_jitable
def add_once(sums, at, a0, a1, a2, a3, b0, b1):
    """sums[at : at + 4] += the product of two tiles."""
    c0 = sums[at]
    c1 = sums[at + 1]
    c2 = sums[at + 2]
    c3 = sums[at + 3]
    c0, c1, c2, c3 = add_product_of_tiles(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3)
    sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = c0, c1, c2, c3


@register_jitable
def add_thrice(sums, at, a0, a1, a2, a3, b0, b1):
    """The same, small products first."""
    h0 = truncate_mantissa(a0)
    h1 = truncate_mantissa(a1)
    h2 = truncate_mantissa(a2)
    h3 = truncate_mantissa(a3)
    i0 = truncate_mantissa(b0)
    i1 = truncate_mantissa(b1)
    add_once(sums, at, a0 - h0, a1 - h1, a2 - h2, a3 - h3, i0, i1)
    add_once(sums, at, h0, h1, h2, h3, b0 - i0, b1 - i1)
    add_once(sums, at, h0, h1, h2, h3, i0, i1)


class Rounding(NamedTuple):
    """What happens to a number before it waits as a factor, and how tiles of waiting factors are multiplied."""

    stage: Callable
    add: Callable


ROUNDINGS = {"fp32": Rounding(as_it_is, add_thrice), "tf32": Rounding(rounded, add_once)}
