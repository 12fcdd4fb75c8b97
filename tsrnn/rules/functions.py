"""tanh, sigmoid, exp of one number, free of branches: the number may be a float, a register of eight, or what a GPU
thread holds.

Errors, tested: float32 within 4 ulp or 3e-7 absolute, float64 within 1e-15 relative.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from tsrnn.rules.naming import distinct

HALF = np.float32(0.5)  # exact in every precision; a bare 0.5 would turn float32 into float64
ONE = np.float32(1)


# What + - * / cannot say. In plain Python these run on numpy scalars; the overloads below are what numba compiles.


def like(x, single, double):
    """The constant that suits the precision of `x`, in that precision."""
    dtype = np.asarray(x).dtype
    return dtype.type(single if dtype == np.float32 else double)


def power_of_two(n):
    """2 to the power `n`, for a whole `n` whose power is a normal number."""
    return np.ldexp(like(n, 1, 1), int(n))


def sqrt(x):
    return np.sqrt(x)


def positive(x):
    """1 where `x` > 0, otherwise 0."""
    return like(x, 1, 1) if x > 0 else like(x, 0, 0)


def log(x):
    """Natural logarithm. Only losses need it, on scalars."""
    return np.log(x)


# Not `min` and `max`: a compiler for the GPU drops a NaN there.


def lesser(a, b):
    """`b` where it is less than `a`, otherwise `a`: a NaN in `a` stays."""
    return b if b < a else a


def greater(a, b):
    """`b` where it is more than `a`, otherwise `a`: a NaN in `a` stays."""
    return b if b > a else a


def precision(ty):
    """float32 or float64 where a numba type is a number of that precision or a vector of such; otherwise None."""
    dtype = None if isinstance(ty, types.Array) else getattr(ty, "dtype", ty)
    return dtype if dtype in (types.float32, types.float64) else None


def llvm_intrinsic(name):
    @intrinsic
    def call(typingctx, x):
        def codegen(context, builder, sig, args):
            ty = args[0].type
            lanes, element = (
                (f"v{ty.count}", ty.element) if isinstance(ty, ir.VectorType) else ("", ty)
            )
            function_type = ir.FunctionType(ty, [ty])
            return builder.call(
                cgutils.get_or_insert_function(
                    builder.module, function_type, f"{name}.{lanes}{element.intrinsic_name}"
                ),
                args,
            )

        return x(x), codegen

    return call


sqrt_llvm = llvm_intrinsic("llvm.sqrt")


@intrinsic
def exponent_bits(typingctx, n):
    bits, mantissa, bias = (32, 23, 127) if precision(n) == types.float32 else (64, 52, 1023)

    def codegen(context, builder, sig, args):
        vector = isinstance(args[0].type, ir.VectorType)
        whole = ir.VectorType(ir.IntType(bits), args[0].type.count) if vector else ir.IntType(bits)
        constant = lambda value: ir.Constant(whole, [value] * whole.count if vector else value)  # noqa: E731
        exponent = builder.add(builder.fptosi(args[0], whole), constant(bias))
        return builder.bitcast(builder.shl(exponent, constant(mantissa)), args[0].type)

    return n(n), codegen


@intrinsic
def greater_than_zero(typingctx, x):
    def codegen(context, builder, sig, args):
        return builder.uitofp(
            builder.fcmp_ordered(">", args[0], ir.Constant(args[0].type, None)), args[0].type
        )

    return x(x), codegen


@overload(like)
def compiled_like(x, single, double):
    if precision(x) == types.float32:
        return lambda x, single, double: np.float32(single)
    if precision(x) == types.float64:
        return lambda x, single, double: np.float64(double)


@overload(power_of_two)
def compiled_power_of_two(n):
    return (lambda n: exponent_bits(n)) if precision(n) else None


@overload(sqrt)
def compiled_sqrt(x):
    return (lambda x: sqrt_llvm(x)) if precision(x) else None


@overload(positive)
def compiled_positive(x):
    return (lambda x: greater_than_zero(x)) if precision(x) else None


@overload(log)
def compiled_log(x):
    return lambda x: math.log(x)


def numbers(a, b):
    return a in (types.float32, types.float64) and b in (types.float32, types.float64)


@overload(lesser)
def compiled_lesser(a, b):
    return (lambda a, b: b if b < a else a) if numbers(a, b) else None


@overload(greater)
def compiled_greater(a, b):
    return (lambda a, b: b if b > a else a) if numbers(a, b) else None


@register_jitable
def clipped(x, limit):
    """`x` cut to [-limit, limit]."""
    return lesser(greater(x, -limit), limit)


# exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1), where x = n ln 2 + r and |r| <= ln(2) / 2, so that Taylor's series of
# exp(r) - 1 is short. ln 2 comes in two parts, the first so short that n times it is exact (Cody & Waite 1980).

LOG2_E = math.log2(math.e)
LN_2 = (0.693359375, 0.69314718036912381649), (-2.12194440054690583e-4, 1.90821492927058770002e-10)
(HIGH_32, HIGH_64), (LOW_32, LOW_64) = LN_2
F3, F4, F5, F6, F7, F8, F9, F10, F11, F12, F13 = (1 / math.factorial(n) for n in range(3, 14))


@register_jitable
def nearest(x):
    """The integer nearest to `x`, as a float, for |x| < 2^22: the sum leaves no bits for a fraction."""
    large = like(x, 1.5 * 2**23, 1.5 * 2**52)
    return x + large - large


@register_jitable
def reduced(x):
    n = nearest(x * like(x, LOG2_E, LOG2_E))
    return n, x - n * like(x, HIGH_32, HIGH_64) - n * like(x, LOW_32, LOW_64)


@register_jitable
def taylor_expm1(r):
    """The terms past the seventh only move a float64."""
    p = like(r, 0, F8) + r * (
        like(r, 0, F9)
        + r
        * (like(r, 0, F10) + r * (like(r, 0, F11) + r * (like(r, 0, F12) + r * like(r, 0, F13))))
    )
    p = like(r, F4, F4) + r * (
        like(r, F5, F5) + r * (like(r, F6, F6) + r * (like(r, F7, F7) + r * p))
    )
    return r + r * r * (HALF + r * (like(r, F3, F3) + r * p))


@register_jitable
def exp(x):
    """e to the power `x`; arguments beyond the range of the precision are clamped to it."""
    limit = like(x, 87, 708)
    n, r = reduced(clipped(x, limit))
    return (ONE + taylor_expm1(r)) * power_of_two(n)


# tanh. In float64 from exp(2x) - 1, exact near zero as well; in float32 a rational function of degrees 13 and 6,
# clamped where tanh rounds to one. Its coefficients are those of Eigen's `generic_fast_tanh_float`.

LIMIT = np.float32(7.90531)
P = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
)
P = tuple(map(np.float32, (*P, 6.37261928875436e-04, 4.89352455891786e-03)))
Q = tuple(
    map(
        np.float32,
        (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
    )
)
# tanh(x / 2) / 2 is the same function with coefficients divided by powers of two, which rounds nothing.
HALF_P = tuple(p / np.float32(4 ** (7 - k)) for k, p in enumerate(P))
HALF_Q = tuple(q / np.float32(4 ** (3 - k)) for k, q in enumerate(Q))


def odd_rational(name, limit, p, q):
    """x p(x^2) / q(x^2), clamped; the coefficients as single numbers, which the compiler keeps where it needs them."""
    p0, p1, p2, p3, p4, p5, p6 = p
    q0, q1, q2, q3 = q

    @register_jitable
    @distinct(name)
    def function(x):
        x = clipped(x, limit)
        y = x * x
        # pairs of terms do not wait for each other: half the latency of Horner's scheme (Estrin 1960)
        y2 = y * y
        top = (p5 * y + p6) + y2 * (p3 * y + p4) + y2 * y2 * (p0 * y2 + (p1 * y + p2))
        return x * top / ((q2 * y + q3) + y2 * (q0 * y + q1))

    return function


rational_tanh = odd_rational("rational_tanh", LIMIT, P, Q)
half_tanh_of_half = odd_rational("half_tanh_of_half", LIMIT + LIMIT, HALF_P, HALF_Q)


@register_jitable
def exact_tanh(x):
    limit = like(x, 10, 20)
    x = clipped(x, limit)
    n, r = reduced(x + x)
    scale = power_of_two(n)
    e = scale * taylor_expm1(r) + (scale - ONE)
    return e / (e + ONE + ONE)


def tanh(x):
    return rational_tanh(x) if np.asarray(x).dtype == np.float32 else exact_tanh(x)


@overload(tanh)
def compiled_tanh(x):
    if precision(x) == types.float32:
        return rational_tanh
    if precision(x) == types.float64:
        return exact_tanh


# The logistic function 1 / (1 + exp(-x)): a tanh in float32; as it stands in float64, which keeps its digits far out.


@register_jitable
def sigmoid_by_tanh(x):
    return HALF + half_tanh_of_half(x)


@register_jitable
def sigmoid_by_exp(x):
    return ONE / (ONE + exp(-x))


def sigmoid(x):
    return sigmoid_by_tanh(x) if np.asarray(x).dtype == np.float32 else sigmoid_by_exp(x)


@overload(sigmoid)
def compiled_sigmoid(x):
    if precision(x) == types.float32:
        return sigmoid_by_tanh
    if precision(x) == types.float64:
        return sigmoid_by_exp
