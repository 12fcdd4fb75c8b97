"""Sums of matrix products, held in registers: tuples of vectors that factors are added to.

A tile is C[row : row + n, column : column + tile_width], its width, 64 bytes, the same everywhere. The sums of a step
are those of all gates of a few vectors of units, for a few rows. Last axes are contiguous, widths a multiple of
`tile_width`; nothing here checks bounds.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from tsrnn.backends.cpu.simd import (
    FLAGS,
    I64,
    VECTORS,
    Vector,
    address,
    broadcast,
    integers,
    load_at,
    plus,
    store_at,
    vector_address,
)

# Tiles: C[row : row + n, column : column + tile_width] in n VECTORS registers


def tile_type(array, n):
    return Vector(array.dtype), types.UniTuple(Vector(array.dtype), VECTORS * n.literal_value)


def columns_of(builder, column, vector):
    """Where the vectors of a row of a tile begin."""
    return [plus(builder, column, j * vector.lanes) for j in range(VECTORS)]


@intrinsic(prefer_literal=True)
def load_tile(typingctx, array, row, column, n, row_step):
    """`n` a constant; `row_step` 0 repeats one row: a bias."""
    vector, tile = tile_type(array, n)

    def codegen(context, builder, sig, args):
        row, column, step = integers(context, builder, sig, args, 1, 2, 4)
        values = []
        for i in range(n.literal_value):
            at = builder.add(row, builder.mul(step, ir.Constant(I64, i)))
            for beside in columns_of(builder, column, vector):
                place = vector_address(context, builder, sig.args[0], args[0], at, beside, vector)
                values.append(load_at(builder, place, vector))
        return context.make_tuple(builder, tile, values)

    return tile(array, row, column, n, row_step), codegen


@intrinsic
def store_tile(typingctx, array, row, column, tile):
    vector = Vector(array.dtype)

    def codegen(context, builder, sig, args):
        row, column = integers(context, builder, sig, args, 1, 2)
        columns = columns_of(builder, column, vector)
        for i, value in enumerate(cgutils.unpack_tuple(builder, args[3], len(sig.args[3]))):
            at = plus(builder, row, i // VECTORS)
            beside = columns[i % VECTORS]
            store_at(
                builder,
                value,
                vector_address(context, builder, sig.args[0], args[0], at, beside, vector),
                vector,
            )
        return context.get_dummy_value()

    return types.void(array, row, column, tile), codegen


@intrinsic
def add_outer_product(typingctx, tile, A, row, k, W, w_row, column):
    """tile += A[row : row + n, k] (outer) W[w_row, column : column + tile_width]."""
    vector = tile.dtype

    def codegen(context, builder, sig, args):
        row, k, w_row, column = integers(context, builder, sig, args, 2, 3, 5, 6)
        columns = columns_of(builder, column, vector)
        places = [
            vector_address(context, builder, sig.args[4], args[4], w_row, beside, vector)
            for beside in columns
        ]
        w = [load_at(builder, place, vector) for place in places]
        sums = cgutils.unpack_tuple(builder, args[0], len(sig.args[0]))
        for i in range(len(sums)):
            if i % VECTORS == 0:
                at = plus(builder, row, i // VECTORS)
                place = address(context, builder, sig.args[1], args[1], at, k, vector.llvm.element)
                a = broadcast(context, builder, vector.dtype, builder.load(place), vector)
            sums[i] = builder.fadd(
                sums[i], builder.fmul(a, w[i % VECTORS], flags=FLAGS), flags=FLAGS
            )
        return context.make_tuple(builder, sig.args[0], sums)

    return tile(tile, A, row, k, W, w_row, column), codegen


@register_jitable
def add_product(tile, A, row, W, w_row, column, depth):
    """tile += A[row : row + n, :depth] @ W[w_row : w_row + depth, column : column + tile_width]."""
    for k in range(depth):
        tile = add_outer_product(tile, A, row, k, W, w_row + k, column)
    return tile


# Sums: for each row of a few those of all gates of a few vectors of units, whose weights stand beside each other


@intrinsic(prefer_literal=True)
def repeat(typingctx, array, row, n_rows, n):
    """The `n` vectors of a row, once for each of `n_rows` rows (both constants): sums that start from biases."""
    vector = Vector(array.dtype)
    sums = types.UniTuple(vector, n_rows.literal_value * n.literal_value)

    def codegen(context, builder, sig, args):
        (row,) = integers(context, builder, sig, args, 1)
        places = [ir.Constant(I64, j * vector.lanes) for j in range(n.literal_value)]
        places = [
            vector_address(context, builder, sig.args[0], args[0], row, place, vector)
            for place in places
        ]
        values = [load_at(builder, place, vector) for place in places]
        return context.make_tuple(builder, sums, values * n_rows.literal_value)

    return sums(array, row, n_rows, n), codegen


@intrinsic(prefer_literal=True)
def add_gates(
    typingctx, sums, A, row, k, W, w_row, n_rows, n_units, n_gates, n_summed_gates, shift
):
    """Add A[row + i, k] times the weights in W[w_row] to the sums of row i.

    The sums of a unit vector are its gates, then what the recurrence alone gives to gates from `n_together` on: gates
    from there on are added `shift` places further. The last five are constants.
    """
    vector = sums.dtype
    R, U, G, together, by = (
        part.literal_value for part in (n_rows, n_units, n_gates, n_summed_gates, shift)
    )
    n_sums = 2 * G - together

    def codegen(context, builder, sig, args):
        row, k, w_row = integers(context, builder, sig, args, 2, 3, 5)
        new = cgutils.unpack_tuple(builder, args[0], len(sig.args[0]))

        def factor(i):
            place = address(
                context,
                builder,
                sig.args[1],
                args[1],
                plus(builder, row, i),
                k,
                vector.llvm.element,
            )
            return broadcast(context, builder, vector.dtype, builder.load(place), vector)

        def weight(j):
            beside = ir.Constant(I64, j * vector.lanes)
            place = vector_address(context, builder, sig.args[4], args[4], w_row, beside, vector)
            return load_at(builder, place, vector)

        def add(i, j, a, w):
            at = i * U * n_sums + j // G * n_sums + j % G + (by if j % G >= together else 0)
            new[at] = builder.fadd(new[at], builder.fmul(a, w, flags=FLAGS), flags=FLAGS)

        # The fewer of both are held in registers while the others come one by one.
        if R < U * G:
            held = [factor(i) for i in range(R)]
            for j in range(U * G):
                w = weight(j)
                for i in range(R):
                    add(i, j, held[i], w)
        else:
            held = [weight(j) for j in range(U * G)]
            for i in range(R):
                a = factor(i)
                for j in range(U * G):
                    add(i, j, a, held[j])
        return context.make_tuple(builder, sig.args[0], new)

    return sums(sums, A, row, k, W, w_row, n_rows, n_units, n_gates, n_summed_gates, shift), codegen


@intrinsic(prefer_literal=True)
def store_sums(typingctx, array, sums, n_gates, n_summed_gates):
    """A row of `array` for each row and unit vector: what `a` and then what `q` is for every gate; of `q`, gates before
    `n_together` are left as they are.
    """
    vector = sums.dtype
    G = n_gates.literal_value
    together = n_summed_gates.literal_value
    n_sums = 2 * G - together

    def codegen(context, builder, sig, args):
        for i, value in enumerate(cgutils.unpack_tuple(builder, args[1], len(sig.args[1]))):
            row, s = divmod(i, n_sums)
            beside = ir.Constant(I64, (s if s < G else s + together) * vector.lanes)
            place = vector_address(
                context, builder, sig.args[0], args[0], ir.Constant(I64, row), beside, vector
            )
            store_at(builder, value, place, vector)
        return context.get_dummy_value()

    return types.void(array, sums, n_gates, n_summed_gates), codegen
