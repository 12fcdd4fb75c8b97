"""A number may be eight: an LLVM vector as a numba type, so that a rule written for one number runs on a register.

A `Vector` fills one register of this machine and knows + - * /, negation, and the rules' `lesser` and `greater`. Last
axes are contiguous, widths a multiple of `tile_width`; nothing here checks bounds.
"""

import operator

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils, config
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, models, overload, register_model

from tsrnn.backends.padding import TILE_BITS
from tsrnn.rules.functions import greater, lesser
from tsrnn.rules.naming import distinct

FLAGS = ("contract", "nsz", "arcp")


def register_bits():
    """Of the widest vectors that numba's target has: AVX-512, AVX, otherwise NEON or SSE."""
    features = (
        get_host_cpu_features().flatten() if config.CPU_FEATURES is None else config.CPU_FEATURES
    )
    known = set(features.split(",")) if config.CPU_NAME != "generic" else set()
    return 512 if "+avx512f" in known else 256 if "+avx" in known else 128


BITS = register_bits()
VECTORS = TILE_BITS // BITS  # a row of a tile
I32 = ir.IntType(32)
I64 = ir.IntType(64)


class Vector(types.Type):
    def __init__(self, dtype):
        self.dtype, self.lanes = dtype, BITS // dtype.bitwidth
        super().__init__(f"{dtype}x{self.lanes}")

    @property
    def llvm(self):
        return ir.VectorType(
            ir.FloatType() if self.dtype == types.float32 else ir.DoubleType(), self.lanes
        )


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    def __init__(self, manager, ty):
        super().__init__(manager, ty, ty.llvm)


# Arithmetic


def broadcast(context, builder, ty, value, vector):
    """A scalar over all lanes; a vector stays."""
    if isinstance(ty, Vector):
        return value
    undefined = ir.Constant(vector.llvm, ir.Undefined)
    first = builder.insert_element(
        undefined, context.cast(builder, value, ty, vector.dtype), ir.Constant(I32, 0)
    )
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(I32, vector.lanes), [0] * vector.lanes)
    )


def register_operator(python_operator, emit):
    @intrinsic
    def apply(typingctx, a, b):
        vector = a if isinstance(a, Vector) else b

        def codegen(context, builder, sig, args):
            return emit(
                builder,
                *(
                    broadcast(context, builder, t, v, vector)
                    for t, v in zip(sig.args, args, strict=True)
                ),
            )

        return vector(a, b), codegen

    @overload(python_operator)
    def on_vectors(a, b):
        if not (isinstance(a, Vector) or isinstance(b, Vector)):
            return None

        @distinct(f"{python_operator.__name__}_on_vectors")
        def both(a, b):
            return apply(a, b)

        return both


register_operator(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=FLAGS))
register_operator(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=FLAGS))
register_operator(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=FLAGS))
register_operator(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=FLAGS))
register_operator(
    lesser, lambda builder, a, b: builder.select(builder.fcmp_ordered("<", b, a), b, a)
)
register_operator(
    greater, lambda builder, a, b: builder.select(builder.fcmp_ordered(">", b, a), b, a)
)


@intrinsic
def negate(typingctx, a):
    return a(a), lambda context, builder, sig, args: builder.fneg(args[0], flags=FLAGS)


@overload(operator.neg)
def negative_vector(a):
    if isinstance(a, Vector):
        return lambda a: negate(a)


# Memory


def address(context, builder, array_type, array, row, column, pointee):
    """Of the element (row, column) of a 2-D array, as a pointer to `pointee`."""
    array = context.make_array(array_type)(context, builder, array)
    strides = cgutils.unpack_tuple(builder, array.strides, 2)
    offset = builder.add(builder.mul(row, strides[0]), builder.mul(column, strides[1]))
    return builder.bitcast(
        builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [offset]),
        pointee.as_pointer(),
    )


def vector_address(context, builder, array_type, array, row, column, vector):
    """The same where the last axis is contiguous."""
    if array_type.layout != "C":
        raise TypingError(
            f"a vector must come from an array whose last axis is contiguous; got {array_type}."
        )
    array = context.make_array(array_type)(context, builder, array)
    row_stride = cgutils.unpack_tuple(builder, array.strides, 2)[0]
    offset = builder.add(
        builder.mul(row, row_stride),
        builder.mul(column, ir.Constant(I64, vector.dtype.bitwidth // 8)),
    )
    return builder.bitcast(
        builder.gep(builder.bitcast(array.data, ir.IntType(8).as_pointer()), [offset]),
        vector.llvm.as_pointer(),
    )


@intrinsic
def of_any_layout(typingctx, array):
    """The same array, as a type that a transposed one has too: what takes it is compiled once for both."""
    general = array.copy(layout="A")
    return general(array), lambda context, builder, sig, args: impl_ret_borrowed(
        context, builder, general, args[0]
    )


def load_at(builder, pointer, vector):
    value = builder.load(pointer)
    value.align = vector.dtype.bitwidth // 8
    return value


def store_at(builder, value, pointer, vector):
    builder.store(value, pointer).align = vector.dtype.bitwidth // 8


def integers(context, builder, sig, args, *positions):
    return [context.cast(builder, args[i], sig.args[i], types.int64) for i in positions]


def plus(builder, value, n):
    return builder.add(value, ir.Constant(I64, n))


@intrinsic
def load(typingctx, array, row, column):
    """The vector array[row, column : column + lanes]."""
    vector = Vector(array.dtype)

    def codegen(context, builder, sig, args):
        row, column = integers(context, builder, sig, args, 1, 2)
        return load_at(
            builder,
            vector_address(context, builder, sig.args[0], args[0], row, column, vector),
            vector,
        )

    return vector(array, row, column), codegen


@intrinsic
def store(typingctx, array, row, column, value):
    vector = Vector(array.dtype)

    def codegen(context, builder, sig, args):
        row, column = integers(context, builder, sig, args, 1, 2)
        value = broadcast(context, builder, sig.args[3], args[3], vector)
        store_at(
            builder,
            value,
            vector_address(context, builder, sig.args[0], args[0], row, column, vector),
            vector,
        )
        return context.get_dummy_value()

    return types.void(array, row, column, value), codegen


def steps_of(builder, row, column, row_step, column_step, n):
    """(row, column) and n - 1 further places, each a step on."""
    for i in range(n):
        at = ir.Constant(I64, i)
        yield (
            builder.add(row, builder.mul(row_step, at)),
            builder.add(column, builder.mul(column_step, at)),
        )


@intrinsic(prefer_literal=True)
def load_rows(typingctx, array, n, row, column, row_step, column_step):
    """n vectors (n a constant), the first at (row, column), each a step on from the last: what a rule takes."""
    vector = Vector(array.dtype)
    n_rows = n.literal_value
    rows = types.UniTuple(vector, n_rows)

    def codegen(context, builder, sig, args):
        places = steps_of(builder, *integers(context, builder, sig, args, 2, 3, 4, 5), n_rows)
        places = [
            vector_address(context, builder, sig.args[0], args[0], *place, vector)
            for place in places
        ]
        return context.make_tuple(
            builder, rows, [load_at(builder, place, vector) for place in places]
        )

    return rows(array, n, row, column, row_step, column_step), codegen


@intrinsic
def store_rows(typingctx, array, values, row, column, row_step, column_step):
    """Store a tuple of vectors in such places: what a rule returns."""
    vector = Vector(array.dtype)

    def codegen(context, builder, sig, args):
        n = len(sig.args[1])
        places = steps_of(builder, *integers(context, builder, sig, args, 2, 3, 4, 5), n)
        for value, place in zip(cgutils.unpack_tuple(builder, args[1], n), places):
            store_at(
                builder,
                value,
                vector_address(context, builder, sig.args[0], args[0], *place, vector),
                vector,
            )
        return context.get_dummy_value()

    return types.void(array, values, row, column, row_step, column_step), codegen


# Widths


@overload(len)
def lanes_of(vector):
    if isinstance(vector, Vector):
        lanes = vector.lanes
        return lambda vector: lanes


def n_lanes(array):
    """Numbers of a vector."""
    return BITS // (8 * array.dtype.itemsize)


def tile_width(array):
    """Columns of a tile."""
    return TILE_BITS // (8 * array.dtype.itemsize)


@overload(n_lanes)
def compiled_n_lanes(array):
    lanes = Vector(array.dtype).lanes
    return lambda array: lanes


@overload(tile_width)
def compiled_tile_width(array):
    width = TILE_BITS // array.dtype.bitwidth
    return lambda array: width
