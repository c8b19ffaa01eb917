"""The inner kernels: pieces of LLVM code that Numba's own language cannot say.

`fma` is one fused multiply-add, rounded once. On a processor with the instruction it is that
instruction; on any other, LLVM calls the C library's `fmaf` or `fma`, which round once as well.

`product_tile` is a block of a matrix product held in registers. In every element it makes the
chain (or the two chains) of fused multiply-adds that was asked for, whatever the size of the
block: the shape of the blocks is a matter of speed alone.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 64  # height of the first post's matrices, and the distance between columns in memory

_FLOAT = ir.FloatType()
_KINDS = {types.float32: _FLOAT, types.float64: ir.DoubleType()}
_INDEX = ir.IntType(64)
_INT = ir.IntType(32)


def _llvm(builder: Any, operation: str, kind: ir.Type, arguments: int) -> ir.Function:
    """LLVM's intrinsic of that name for a floating-point type or a vector of one."""
    count = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    scalar = kind.element if isinstance(kind, ir.VectorType) else kind
    name = f"llvm.{operation}.{count}f{32 if scalar == _FLOAT else 64}"
    module = builder.module
    if name in module.globals:
        return module.globals[name]
    return ir.Function(module, ir.FunctionType(kind, [kind] * arguments), name)


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once; all Float32 or all Float64."""
    if not (a == b == c and a in (types.float32, types.float64)):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.call(_llvm(builder, "fma", arguments[0].type, 3), arguments)

    return a(a, a, a), generate


@intrinsic
def relu(typing_context: Any, z: Any) -> Any:
    """z, but 0 where it is below; Numba's own `if` would be a branch, and half of them missed.

    NaN stays NaN.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(arguments[0].type, 0.0)
        silent = builder.fcmp_ordered("<=", arguments[0], zero)
        return builder.select(silent, zero, arguments[0])

    return z(z), generate


@intrinsic
def out_of_line(typing_context: Any) -> Any:
    """Called in a function, keeps LLVM from copying that function into its callers.

    The copies would cost most of the compile time, and make functions too large to vectorise well.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def unmanaged(typing_context: Any, a: Any) -> Any:
    """The same array without a count of its references, which takes a tenth of the time to keep.

    Only for arrays that the caller holds on to: an argument of an `entry`, and its slices.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()

    return a(a), generate


@intrinsic
def copysign(typing_context: Any, size: Any, sign: Any) -> Any:
    """A Float32 of the first's size and the second's sign; Numba's own would be a call."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.call(_llvm(builder, "copysign", _FLOAT, 2), arguments)

    return types.float32(types.float32, types.float32), generate


@intrinsic
def bits_of(typing_context: Any, x: Any) -> Any:
    """The bits of a Float32 as an Int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _INT)

    return types.int32(types.float32), generate


@intrinsic
def float_of(typing_context: Any, bits: Any) -> Any:
    """The Float32 that an Int32's bits stand for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _FLOAT)

    return types.float32(types.int32), generate


@cache
def transpose_tile(stride: int = ROWS) -> Any:
    """A kernel `tile(out, a, out0, a0)` for the transpose of an 8 by 8 block.

    Of `a` from the offset `a0` into `out` at `out0`, both with columns `stride` apart.
    """

    @intrinsic
    def tile(typing_context: Any, out: Any, a: Any, out0: Any, a0: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def place(i: int, column: int) -> Any:
                array = context.make_array(signature.args[i])(context, builder, arguments[i])
                start = builder.add(arguments[2 + i], ir.Constant(_INDEX, stride * column))
                vector = ir.VectorType(_KINDS[out.dtype], 8).as_pointer()
                return builder.bitcast(builder.gep(array.data, [start]), vector)

            columns = _exchanged(builder, [builder.load(place(1, j), align=4) for j in range(8)])
            for j, column in zip((0, 2, 1, 3, 4, 6, 5, 7), columns, strict=True):
                builder.store(column, place(0, j), align=4)
            return context.get_dummy_value()

        return types.void(out, a, types.intp, types.intp), generate

    return tile


def _exchanged(builder: Any, columns: list[Any]) -> list[Any]:
    """Three rounds of exchanges between columns 1, 2 and 4 apart.

    The masks are those of unpack and permute instructions that every processor with AVX has.
    """
    for distance, low, high in (
        (1, [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]),
        (2, [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
        (4, [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
    ):
        mask = ir.VectorType(_INT, 8)
        exchanged = list(columns)
        for j in range(8):
            if not j & distance:
                pair = columns[j], columns[j + distance]
                exchanged[j] = builder.shuffle_vector(*pair, ir.Constant(mask, low))
                exchanged[j + distance] = builder.shuffle_vector(*pair, ir.Constant(mask, high))
        columns = exchanged
    return columns


@cache
def dot_tile(size: int) -> Any:
    """A kernel `dot(a, b, a0, b0)` for the sum of products of `size` neighbours, a multiple of 8.

    Eight chains of fused multiply-adds, added in pairs: the same bits in vectors of any width.
    """

    @intrinsic
    def dot(typing_context: Any, a: Any, b: Any, a0: Any, b0: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            vector = ir.VectorType(_KINDS[a.dtype], 8)

            def piece(i: int, first: int) -> Any:
                array = context.make_array(signature.args[i])(context, builder, arguments[i])
                start = builder.add(arguments[2 + i], ir.Constant(_INDEX, first))
                place = builder.bitcast(builder.gep(array.data, [start]), vector.as_pointer())
                return builder.load(place, align=4)

            chains = builder.fmul(piece(0, 0), piece(1, 0))
            for first in range(8, size, 8):
                fma = _llvm(builder, "fma", vector, 3)
                chains = builder.call(fma, [piece(0, first), piece(1, first), chains])
            for distance in (4, 2, 1):
                lanes = [(i + distance) % 8 for i in range(8)]
                mask = ir.Constant(ir.VectorType(_INT, 8), lanes)
                chains = builder.fadd(chains, builder.shuffle_vector(chains, chains, mask))
            return builder.extract_element(chains, ir.Constant(_INT, 0))

        return a.dtype(a, b, types.intp, types.intp), generate

    return dot


@cache
def product_tile(
    rows: int, columns: int, chains: int = 1, stride: int = ROWS, onto: bool = False
) -> Any:
    """A kernel for a block of C = A B, `rows` by `columns`, in vectors of 64 bytes at most.

    The kernel is called as `tile(c, a, b, c0, a0, b0, b_row, b_column, inner)`: arrays of one
    type, Float32 or Float64 (1-D, contiguous), the offsets at which the blocks start, the
    distances in `b` between neighbours along the inner dimension and along the columns, and the
    inner length.

    Args:
        chains: 1 for one chain of fused multiply-adds over the inner dimension, from 0. 2 for one
            over its 1st, 3rd, ... and one over its 2nd, 4th, ... up to the last whole eight; the
            first goes on over what is left, and the two are added.
        stride: the distance between columns of `a` and `c`.
        onto: add to what is in `c`: the one chain starts from there.
    """

    @intrinsic
    def tile(
        typing_context: Any,
        c: Any,
        a: Any,
        b: Any,
        c0: Any,
        a0: Any,
        b0: Any,
        b_row: Any,
        b_column: Any,
        inner: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def pointer(i: int, offset: Any) -> Any:
                array = context.make_array(signature.args[i])(context, builder, arguments[i])
                return builder.gep(array.data, [offset])

            places = [pointer(i, arguments[3 + i]) for i in range(3)]
            block = _Block(builder, _KINDS[c.dtype], rows, columns, stride, *places,
                           *arguments[6:9])  # fmt: skip
            block.store(block.chains(chains, onto))
            return context.get_dummy_value()

        sizes = (types.intp,) * 6
        return types.void(c, a, b, *sizes), generate

    return tile


class _Block:
    """Builds the code of one `product_tile`."""

    def __init__(
        self,
        builder: Any,
        kind: ir.Type,
        rows: int,
        columns: int,
        stride: int,
        c: Any,
        a: Any,
        b: Any,
        b_row: Any,
        b_column: Any,
        inner: Any,
    ) -> None:
        self.builder, self.columns, self.stride = builder, columns, stride
        self.c, self.a, self.b = c, a, b
        self.b_row, self.b_column, self.inner = b_row, b_column, inner
        self.pieces = _pieces(kind, rows)

    def chains(self, chains: int, onto: bool) -> list[Any]:
        """The finished values, column by column."""
        start = ir.Constant(_INDEX, 0)
        none = [ir.Constant(v, [0.0] * v.count) for v, _ in self.pieces] * self.columns
        if onto:
            none = [self.builder.load(place, align=4) for place in self._places()]
        if chains == 1:
            return self._loop(start, self.inner, 1, none)
        whole = self.builder.and_(self.inner, ir.Constant(_INDEX, -8))
        both = self._loop(start, whole, 2, none + none)
        odd, even = both[: len(none)], both[len(none) :]
        odd = self._loop(whole, self.inner, 1, odd)
        return [self.builder.fadd(x, y) for x, y in zip(odd, even, strict=True)]

    def store(self, values: list[Any]) -> None:
        for place, value in zip(self._places(), values, strict=True):
            # BLAS adds the finished chain to a C that starts as zeros: -0 becomes +0.
            zero = ir.Constant(value.type, [0.0] * value.type.count)
            self.builder.store(self.builder.fadd(value, zero), place, align=4)

    def _places(self) -> list[Any]:
        return [
            self._at(self.c, j * self.stride + first, vector)
            for j in range(self.columns)
            for vector, first in self.pieces
        ]

    def _loop(self, first: Any, last: Any, unrolled: int, start: list[Any]) -> list[Any]:
        """For k = first, first + unrolled, ... below last: extend each chain by one step.

        With `unrolled` 2 the chains come as two sets, one for each of the two steps.
        """
        builder = self.builder
        before = builder.block
        head, body, end = (builder.append_basic_block(n) for n in ("chains", "step", "chained"))
        builder.branch(head)

        builder.position_at_end(head)
        k = builder.phi(_INDEX)
        values = [builder.phi(value.type) for value in start]
        for phi, value in zip([k, *values], [first, *start], strict=True):
            phi.add_incoming(value, before)
        builder.cbranch(builder.icmp_signed("<", k, last), body, end)

        builder.position_at_end(body)
        size = len(start) // unrolled
        extended = []
        for step in range(unrolled):
            k_step = builder.add(k, ir.Constant(_INDEX, step))
            extended += self._step(k_step, values[step * size : (step + 1) * size])
        after = builder.block
        k.add_incoming(builder.add(k, ir.Constant(_INDEX, unrolled)), after)
        for phi, value in zip(values, extended, strict=True):
            phi.add_incoming(value, after)
        builder.branch(head)

        builder.position_at_end(end)
        return values

    def _step(self, k: Any, values: list[Any]) -> list[Any]:
        builder = self.builder
        a = builder.gep(self.a, [builder.mul(k, ir.Constant(_INDEX, self.stride))])
        left = [builder.load(self._at(a, first, v), align=4) for v, first in self.pieces]
        row = builder.gep(self.b, [builder.mul(k, self.b_row)])
        extended = []
        for j in range(self.columns):
            place = builder.gep(row, [builder.mul(self.b_column, ir.Constant(_INDEX, j))])
            right = builder.load(place)
            for part in left:
                value = values[len(extended)]
                fma = _llvm(builder, "fma", value.type, 3)
                extended.append(builder.call(fma, [part, self._splat(right, value.type), value]))
        return extended

    def _splat(self, x: Any, vector: ir.VectorType) -> Any:
        undefined = ir.Constant(vector, ir.Undefined)
        one = self.builder.insert_element(undefined, x, ir.Constant(_INT, 0))
        lanes = ir.Constant(ir.VectorType(_INT, vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(one, undefined, lanes)

    def _at(self, base: Any, offset: int, vector: ir.VectorType) -> Any:
        place = self.builder.gep(base, [ir.Constant(_INDEX, offset)])
        return self.builder.bitcast(place, vector.as_pointer())


def _pieces(kind: ir.Type, rows: int) -> list[tuple[ir.VectorType, int]]:
    """Vectors that hold so many rows, each with its first row: the widest that there are first."""
    pieces, first, lanes = [], 0, 16 if kind == _FLOAT else 8
    while first < rows:
        while first + lanes > rows:
            lanes //= 2
        pieces.append((ir.VectorType(kind, lanes), first))
        first += lanes
    return pieces
