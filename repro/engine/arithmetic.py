"""Which implementation of each arithmetic primitive the loops are compiled with.

The loops take an `Arithmetic` and call `arithmetic.activation(x)`; to Numba each set of choices is
a type of its own, so the calls are bound, and inlined, when the loops are compiled. `EXACT` and
`FAST` are two such sets, and `dataclasses.replace(FAST, activation="exact")` is one of many more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from numba import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)

_implementations: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True)
class Arithmetic:
    """The name of an implementation for each primitive: `exact_arithmetic` says what each does."""

    sine: str
    activation: str
    slope: str
    product: str
    narrow_products: str
    sums: str
    descent: str


EXACT = Arithmetic(**{f.name: "exact" for f in fields(Arithmetic)})
FAST = Arithmetic(**{f.name: "fast" for f in fields(Arithmetic)})


def with_relu(arithmetic: Arithmetic) -> Arithmetic:
    """The same with relu for tanh."""
    return replace(arithmetic, activation="relu", slope="relu")


def implements(primitive: str, name: str, *functions: Callable[..., Any]) -> None:
    """Register compiled functions as implementation `name` of a field of `Arithmetic`.

    Each function is known to the loops by its own name without its first word.
    """
    if primitive not in {f.name for f in fields(Arithmetic)}:
        raise ValueError(f"{primitive!r} is no primitive: use a field of Arithmetic")
    for function in functions:
        attribute = function.__name__.split("_", 1)[1]
        _implementations[name, attribute] = function
        _primitive_of[attribute] = primitive


_primitive_of: dict[str, str] = {}


class _ArithmeticType(types.Type):
    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic
        names = [getattr(arithmetic, f.name) for f in fields(arithmetic)]
        super().__init__(name=f"Arithmetic({names[0] if len(set(names)) == 1 else names})")
        self.cachable = {*names} <= {"exact", "fast", "relu"}


@typeof_impl.register(Arithmetic)
def _typeof(arithmetic: Arithmetic, context: Any) -> _ArithmeticType:
    return _ArithmeticType(arithmetic)


def _resolve(template: Any, typ: _ArithmeticType, attribute: str) -> types.Type | None:
    if attribute not in _primitive_of:
        return None
    name = getattr(typ.arithmetic, _primitive_of[attribute])
    return types.Dispatcher(_implementations[name, attribute])


@infer_getattr
class _Primitives(AttributeTemplate):
    key = _ArithmeticType
    generic_resolve: Any = _resolve


@lower_getattr_generic(_ArithmeticType)
def _lower(context: Any, builder: Any, typ: Any, value: Any, attribute: str) -> Any:
    return context.get_dummy_value()


register_model(_ArithmeticType)(models.OpaqueModel)


@unbox(_ArithmeticType)
def _unbox(typ: Any, obj: Any, c: Any) -> NativeValue:
    return NativeValue(c.context.get_dummy_value())
