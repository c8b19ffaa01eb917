"""Julia's random expressions as text, drawn here and printed as Julia prints them.

    draw_text("Xoshiro(1234)", ["randn(Float32, 3)", "rand(1:10, 5)"], julia="1.10")

Only what this small grammar knows is read; nothing is evaluated:

    generator  = ("MersenneTwister" | "Xoshiro" | "seed!" | "Random.seed!") "(" seed ")"
    seed       = integer | string | "UInt32[" integers "]" | "UInt64[" integers "]"
    expression = name "(" [argument {"," argument}] ")"
    argument   = type | number | number ":" [number ":"] number | "[" numbers "]" | "(" numbers ")"
               | "OneTo(" integer ")" | type "(" number ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from repro.julia.mersenne import MersenneTwister
from repro.julia.stream import Stream
from repro.julia.tasks import default_rng
from repro.julia.values import Range, one_to
from repro.julia.versions import Version
from repro.julia.xoshiro import Xoshiro

_TYPES = {
    **{f"Float{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)},
    **{f"Int{8 * size}": np.dtype(f"i{size}") for size in (1, 2, 4, 8)},
    **{f"UInt{8 * size}": np.dtype(f"u{size}") for size in (1, 2, 4, 8)},
    "Bool": np.dtype(bool),
    "ComplexF32": np.dtype(np.complex64),
    "ComplexF64": np.dtype(np.complex128),
}
_ALIASES = {"Int": "Int64", "UInt": "UInt64", "Complex{Float64}": "ComplexF64"}
_FUNCTIONS = (
    *("rand", "randn", "randexp", "randperm", "randcycle"),
    *("shuffle", "randsubseq", "bitrand"),
)
_TOKEN = re.compile(
    r'\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[ef]-?\d+)?)|(?P<name>[A-Za-z_]\w*(?:\.\w+!?)?!?)|'
    r'(?P<text>"[^"\\$]*")|(?P<sign>[()\[\],:^]))'
)  # fmt: skip


class _Token(NamedTuple):
    kind: str
    text: str


def draw_text(generator: str, expressions: Sequence[str], julia: str) -> list[str]:
    """What Julia prints (by `println`) for each expression, drawn in turn from one generator.

    Args:
        generator: such as "Xoshiro(1234)", "MersenneTwister(42)", or "seed!(1)" for the default.
        expressions: calls of rand, randn, randexp, randperm, randcycle, shuffle, randsubseq and
            bitrand, without the generator: "randn(Float32, 3)", "rand(1:10, 2, 2)".
        julia: the version, "1.5" to "1.12".

    Raises ValueError for what the grammar does not know or Julia refuses, TypeError for a type.
    Every expression is read before the first is drawn.
    """
    rng, draws = read_generator(generator, julia), [read_draw(text) for text in expressions]
    return [printed(draw(rng), rng.version) for draw in draws]


def read_generator(text: str, julia: str) -> Stream:
    """The generator that this text makes."""
    reader = _Reader(text)
    name = reader.take("name")
    reader.sign("(")
    seed = reader.seed()
    reader.sign(")")
    reader.end()
    makers: dict[str, Callable[[Any, str], Stream]] = {
        "MersenneTwister": MersenneTwister,
        "Xoshiro": Xoshiro,
        "seed!": default_rng,
        "Random.seed!": default_rng,
    }
    if name not in makers:
        raise ValueError(
            f"no generator {name!r}; give one of {', '.join(makers)}, as Xoshiro(1234)"
        )
    return makers[name](seed, julia)


def read_draw(text: str) -> Callable[[Stream], Any]:
    """The draw that this text asks for."""
    reader = _Reader(text)
    name = reader.take("name")
    if name not in _FUNCTIONS:
        raise ValueError(f"no draw {name!r}; give one of {', '.join(_FUNCTIONS)}")
    arguments = reader.arguments()
    reader.end()
    kinds = [a for a in arguments if isinstance(a, np.dtype)]
    others = [a for a in arguments if not isinstance(a, np.dtype)]
    if kinds and (arguments[0] is not kinds[0] or len(kinds) > 1):
        raise ValueError(f"{text!r}: a type stands first and alone; write rand(Float32, 3)")
    options = {"dtype": kinds[0]} if kinds else {}
    return lambda rng: getattr(rng, name)(*others, **options)


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, place = text, list[_Token](), 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise self.wrong(f"{text[place:].strip()!r} is not known")
            self.tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
            place = match.end()

    def wrong(self, why: str) -> ValueError:
        return ValueError(f"{self.text!r}: {why}; write it as randn(Float32, 3) or rand(1:10, 5)")

    def peek(self, text: str) -> bool:
        return bool(self.tokens) and self.tokens[0].text == text

    def take(self, kind: str) -> str:
        if not self.tokens or self.tokens[0].kind != kind:
            found = repr(self.tokens[0].text) if self.tokens else "the end"
            raise self.wrong(f"a {kind} is missing before {found}")
        return self.tokens.pop(0).text

    def sign(self, sign: str) -> None:
        if not self.peek(sign):
            raise self.wrong(f"{sign!r} is missing")
        self.tokens.pop(0)

    def end(self) -> None:
        if self.tokens:
            raise self.wrong(f"{self.tokens[0].text!r} is left over")

    def number(self) -> Any:
        text = self.take("number")
        if "f" in text:
            return np.float32(text.replace("f", "e"))
        value: Any = float(text) if re.search(r"[.e]", text) else int(text)
        if self.peek("^"):
            self.sign("^")
            value = value ** self.number()
        return value

    def listed(self, opening: str, closing: str) -> list[Any]:
        self.sign(opening)
        items = []
        while not self.peek(closing):
            items.append(self.number())
            if not self.peek(closing):
                self.sign(",")
        self.sign(closing)
        return items

    def seed(self) -> Any:
        if self.tokens and self.tokens[0].kind == "text":
            return self.take("text")[1:-1]
        if self.tokens and self.tokens[0].kind == "name":
            kind = self.kind(self.take("name"))
            words = self.listed("[", "]")
            return words if kind == np.uint32 else np.array(words, dtype=kind)
        return self.number()

    def kind(self, name: str) -> np.dtype[Any]:
        name = _ALIASES.get(name, name)
        if name not in _TYPES:
            raise TypeError(f"UndefVarError: {name} is not drawn here; give {', '.join(_TYPES)}")
        return _TYPES[name]

    def arguments(self) -> list[Any]:
        self.sign("(")
        items: list[Any] = []
        while not self.peek(")"):
            items.append(self.argument())
            if not self.peek(")"):
                self.sign(",")
        self.sign(")")
        return items

    def argument(self) -> Any:
        if self.peek("["):
            return np.array(self.listed("[", "]"))
        if self.peek("("):
            return tuple(self.listed("(", ")"))
        if self.tokens and self.tokens[0].kind == "name":
            return self.named()
        return self.range_from(self.number(), None)

    def named(self) -> Any:
        name = self.take("name")
        if name in ("OneTo", "Base.OneTo"):
            return one_to(self.listed("(", ")")[0])
        kind = self.kind(name)
        return self.range_from(self.listed("(", ")")[0], kind) if self.peek("(") else kind

    def range_from(self, first: Any, kind: np.dtype[Any] | None) -> Any:
        parts = [first]
        while self.peek(":"):
            self.sign(":")
            if kind is not None and self.take("name"):
                parts.append(self.listed("(", ")")[0])
            else:
                parts.append(self.number())
        if len(parts) == 1:
            return first if kind is None else kind.type(first)
        return Range(parts[0], parts[-1], parts[1] if len(parts) == 3 else 1, kind)


# ---- as Julia prints

_LONG_NAMES = (1, 6)  # before it ComplexF64 is printed as Complex{Float64}, a Matrix as an Array


def printed(value: Any, version: Version) -> str:
    """What `println` prints of a drawn number, vector or matrix. ValueError for more dimensions."""
    if not isinstance(value, np.ndarray):
        return _number(value, in_array=False)
    name = _printed_names(version)[value.dtype]
    if value.ndim > 2:
        raise ValueError(f"arrays of {value.ndim} dimensions are not printed here; draw a matrix")
    if value.ndim == 2 and not value.size:
        return f"{_empty(name, version)}{value.shape[0]},{_gap(version)}{value.shape[1]})"
    prefix = "" if value.dtype in (np.float64, np.int64) and value.size else name
    rows = [value] if value.ndim == 1 else value
    between = ", " if value.ndim == 1 else " "
    texts = (between.join(_number(x, in_array=True) for x in row) for row in rows)
    return f"{prefix}[{'; '.join(texts)}]"


def _printed_names(version: Version) -> dict[Any, str]:
    names = {dtype: name for name, dtype in _TYPES.items()}
    if version < _LONG_NAMES:
        names[np.dtype("c8")], names[np.dtype("c16")] = "Complex{Float32}", "Complex{Float64}"
    return names


def _empty(name: str, version: Version) -> str:
    kind = "Array" if version < _LONG_NAMES else "Matrix"
    return f"{kind}{{{name}}}(undef,{_gap(version)}"


def _gap(version: Version) -> str:
    return "" if version < _LONG_NAMES else " "


def _number(x: Any, in_array: bool) -> str:
    if isinstance(x, bool | np.bool_):
        return str(int(x)) if in_array else str(bool(x)).lower()
    if isinstance(x, complex | np.complexfloating):
        sign, single = "-" if np.signbit(x.imag) else "+", isinstance(x, np.complex64)
        real, imaginary = (
            _float(part, suffix=single, typed=True) for part in (x.real, abs(x.imag))
        )
        return f"{real} {sign} {imaginary}im"
    if isinstance(x, np.unsignedinteger) and in_array:
        return f"0x{int(x):0{2 * x.itemsize}x}"
    return _float(x, typed=in_array) if isinstance(x, float | np.floating) else str(int(x))


def _float(x: Any, suffix: bool = False, typed: bool = False) -> str:
    """The shortest digits that read back as `x`, with an exponent where Julia prints one."""
    mantissa, exponent = np.format_float_scientific(x, unique=True, trim="0").split("e")
    single, half = isinstance(x, np.float32), isinstance(x, np.float16)
    if -4 <= int(exponent) < (3 if half else 6):
        return np.format_float_positional(x, unique=True, trim="0") + "f0" * suffix
    return f"{mantissa}{'f' if single and typed else 'e'}{int(exponent)}"
