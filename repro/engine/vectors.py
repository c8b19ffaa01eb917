"""Vectors of 16 Float32 as values of compiled code, for what is done to many seeds at once.

A loop over arrays is vectorised by LLVM where it can prove that they do not overlap, or checks
that as it runs, every time the loop is entered. Loops as short as those over the lanes of a
group of seeds pay more for that than for their arithmetic; vectors need no proof.

Every operation is one on IEEE numbers in each of the 16 places; nothing is contracted.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from repro.engine import fast
from repro.engine.tiles import _FLOAT, _INDEX, _INT, _llvm

SIZE = 16

VECTOR = ir.VectorType(_FLOAT, SIZE)
_HALF = ir.VectorType(_FLOAT, SIZE // 2)
_INTS = ir.VectorType(_INT, SIZE)


class _Vector(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Vector({SIZE})")


vector = _Vector()


@register_model(_Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


# For those who build LLVM code: places are pointers to Float32, offsets are in Float32.


def constant(x: float) -> Any:
    """16 times the same number."""
    return ir.Constant(VECTOR, [float(x)] * SIZE)


def at(builder: Any, place: Any, *offsets: Any) -> Any:
    """The place further on by offsets: each a number, a value, or (value, how many times)."""
    for offset in offsets:
        value, times = offset if isinstance(offset, tuple) else (offset, 1)
        if isinstance(value, int):
            value = ir.Constant(_INDEX, value)
        if times != 1:
            value = builder.mul(value, ir.Constant(_INDEX, times))
        place = builder.gep(place, [value])
    return place


def get(builder: Any, place: Any, offset: Any = 0) -> Any:
    """16 numbers from memory."""
    place = builder.bitcast(at(builder, place, offset), VECTOR.as_pointer())
    return builder.load(place, align=4)


def get_twice(builder: Any, place: Any, offset: Any = 0) -> Any:
    """8 numbers from memory, and the same 8 again."""
    place = builder.bitcast(at(builder, place, offset), _HALF.as_pointer())
    half = builder.load(place, align=4)
    return builder.shuffle_vector(half, half, ir.Constant(_INTS, [*range(SIZE // 2)] * 2))


def put(builder: Any, value: Any, place: Any, offset: Any = 0) -> None:
    """16 numbers into memory."""
    place = builder.bitcast(at(builder, place, offset), VECTOR.as_pointer())
    builder.store(value, place, align=4)


def halves_added(builder: Any, a: Any, b: Any) -> Any:
    """The sum of a's two halves, then that of b's."""
    half = SIZE // 2
    low, high = [*range(half)], [*range(half, SIZE)]
    parts = [
        builder.shuffle_vector(a, b, ir.Constant(_INTS, side + [i + SIZE for i in side]))
        for side in (low, high)
    ]
    return builder.fadd(*parts)


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return builder.call(_llvm(builder, "fma", VECTOR, 3), [a, b, c])


def hyperbolic_tangent(builder: Any, x: Any) -> Any:
    """`fast_tanh`, operation by operation."""

    def whole(n: int) -> Any:
        return ir.Constant(_INTS, [int(n)] * SIZE)

    def fma(a: Any, b: Any, c: Any) -> Any:
        return multiply_add(builder, a, b, c)

    cap, shift = constant(fast._CAP), constant(fast._SHIFT)
    a = builder.call(_llvm(builder, "fabs", VECTOR, 1), [x])
    a = builder.select(builder.fcmp_ordered(">", a, cap), cap, a)
    shifted = fma(a, constant(fast._TURNS), shift)
    r = fma(builder.fsub(shifted, shift), constant(-fast._LN2), builder.fadd(a, a))
    bits = builder.shl(builder.bitcast(shifted, _INTS), whole(fast._EXPONENT))
    scale = builder.bitcast(builder.add(bits, whole(fast._BIAS)), VECTOR)
    tail = constant(fast._E4)
    for coefficient in (fast._E3, fast._E2, fast._E1, fast._E0):
        tail = fma(tail, r, constant(coefficient))
    y = fma(scale, fma(builder.fmul(r, r), tail, r), builder.fsub(scale, constant(1)))
    quotient = builder.fdiv(y, builder.fadd(y, constant(2)))
    return builder.call(_llvm(builder, "copysign", VECTOR, 2), [quotient, x])


# For compiled code


def kernel(emit: Callable[..., Any]) -> Any:
    """A function for compiled code out of one that builds its LLVM code.

    Args:
        emit: called as ``emit(builder, *arguments)``, with arrays (contiguous, Float32) as the
            places of their first elements, and integers as Int64. It returns nothing, or a
            vector if it is annotated so.
    """
    result = types.void if emit.__annotations__.get("return") == "None" else vector

    def typed(typing_context: Any, *arguments: Any) -> Any:
        kinds = [types.intp if isinstance(a, types.Integer) else a for a in arguments]

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            plain = [
                context.make_array(kind)(context, builder, value).data
                if isinstance(kind, types.Array)
                else value
                for kind, value in zip(kinds, values, strict=True)
            ]
            value = emit(builder, *plain)
            return context.get_dummy_value() if value is None else value

        return result(*kinds), generate

    names = inspect.signature(emit).parameters  # those that Numba is to see: builder is its own
    typed.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in names]
    )
    typed.__name__, typed.__doc__ = emit.__name__, emit.__doc__
    return intrinsic(typed)


load, tanh, fma = kernel(get), kernel(hyperbolic_tangent), kernel(multiply_add)


@kernel
def store(builder: Any, array: Any, offset: Any, value: Any) -> None:
    """Put a vector into an array, from that offset on."""
    put(builder, value, array, offset)


@kernel
def fold(builder: Any, x: Any) -> Any:
    """The sum of a vector's two halves, twice."""
    return halves_added(builder, x, x)


@kernel
def splat(builder: Any, x: Any) -> Any:
    """16 times the same Float32."""
    undefined = ir.Constant(VECTOR, ir.Undefined)
    one = builder.insert_element(undefined, x, ir.Constant(_INT, 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(_INTS, [0] * SIZE))


def _operator(symbol: Any, instruction: str) -> None:
    @kernel
    def operation(builder: Any, a: Any, b: Any) -> Any:
        return getattr(builder, instruction)(a, b)

    @overload(symbol)
    def implementation(a, b):  # Numba compares the signature with the lambda's
        if a is vector and b is vector:
            return lambda a, b: operation(a, b)
        return None


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
