"""Runs from anything that yields named arrays step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from repro.run.files import read_npz
from repro.run.plain import is_plain, plain_steps
from repro.run.provenance import Provenance
from repro.run.quantity import Kind, Quantity, Run
from repro.run.values import StepError, address, as_array, leaves

Step: TypeAlias = Mapping[str, Any]
"""The values of one step in the order of their computation: whatever :mod:`repro.run.values`
makes arrays and texts of."""

Source: TypeAlias = "Run | str | Path | Iterable[Step] | Callable[..., Any]"
"""A run, the path of a saved one, an iterable of steps, or a callable that gives a run, an
iterable of steps or a single step."""


def collect(source: Source, side: str = "reference", **kwargs: Any) -> Run:
    """Run a source to its end and keep a copy of every array.

    Args:
        source: see :data:`Source`. A callable is called with ``kwargs``.
        side: whose it is, for messages.

    Raises:
        StepError: it yields something else than named arrays.
        RunError: a file that holds no run, or a damaged one.
    """
    if isinstance(source, str | Path):
        return load(source)
    steps: list[dict[str, np.ndarray]] = []
    whole: list[Step] = []
    broke_off = None
    try:
        found = source(**kwargs) if callable(source) else source
        if isinstance(found, Run):
            return found
        whole = list(found) if isinstance(found, list | tuple) else []
        for step in [found] if isinstance(found, Mapping) else _iterable(found, side):
            steps.append(arrays(step, f"step {len(steps)} of the {side}"))
    except ArithmeticError as error:
        broke_off = f"{type(error).__name__}: {error}"
    made = run_of(steps, Provenance(_name(source)))
    return replace(made, broke_off=broke_off, shared=_shared(whole))


def load(path: str | Path) -> Run:
    """A run from a file: what :meth:`Run.save` wrote, or a plain one (:mod:`repro.run.plain`).

    Raises:
        RunError: it is missing, damaged or something else.
    """
    found = read_npz(path)
    return run_of(*plain_steps(found, path)) if is_plain(found) else Run.unpacked(found, path)


def arrays(step: Step, where: str) -> dict[str, np.ndarray]:
    """A step's arrays as copies: the source may go on to change its own.

    Raises:
        StepError: it is no mapping, or holds what :mod:`repro.run.values` does not take, or two
            values of one name.
    """
    found: dict[str, np.ndarray] = {}
    for name, value in _leaves(step, where):
        if name in found:
            raise StepError(f"two values in {where} are called {name!r}: rename one")
        found[name] = as_array(value, f"{name!r} in {where}")
    return found


def _leaves(step: Step, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(step, Mapping):
        raise StepError(f"{where} is a {type(step).__name__}: yield a dict of named arrays")
    for name, value in step.items():
        yield from leaves(_text(name, where), value, where)


def run_of(steps: Iterable[Mapping[str, np.ndarray]], provenance: Provenance | None = None) -> Run:
    """Steps as a run, its names in the order of their computation: that of the step with
    the most of them, where steps differ.

    Floating and complex quantities are states: what is off in one step may be off in all later
    ones. Integers, Bools and texts are draws. A quantity whose shape or type changes is split: what
    is unlike its first values goes on as ``NAME as TYPE[SHAPE]``. Integers of any width, and texts
    of any length, are one type.

    Raises:
        StepError: a name holds `` as ``, and so is that of another quantity's part.
    """
    kept: dict[tuple[str, str], tuple[list[int], list[np.ndarray]]] = {}
    sequences: dict[tuple[str, ...], None] = {}
    steps = list(steps)
    signed = {n for step in steps for n, a in step.items() if a.dtype.kind == "i" and np.any(a < 0)}
    for t, step in enumerate(steps):
        sequences[tuple(step)] = None
        for name, a in step.items():
            if base_name(name) != name:
                raise StepError(
                    f"the name {name!r} in step {t} is taken for a part of {base_name(name)!r}: "
                    "write it without ' as '"
                )
            at, values = kept.setdefault((name, form(a, name in signed)), ([], []))
            at.append(t)
            values.append(a)
    order = _merged(sequences)
    quantities: dict[str, Quantity] = {}
    for name, is_like in sorted(kept, key=lambda key: order.index(key[0])):
        at, values = kept[name, is_like]
        label = f"{name} as {is_like}" if name in quantities else name
        kind = Kind.STATE if values[0].dtype.kind in "fc" else Kind.DRAW
        quantities[label] = Quantity(np.array(at), _stacked(values), kind)
    return Run(quantities, provenance or Provenance())


def form(a: np.ndarray, signed: bool = False) -> str:
    """The type and shape of an array, in words: ``float32[2, 3]``, ``integer[]``, ``text[4]``.

    Args:
        signed: the quantity is negative elsewhere; no type holds that and integers above Int64.
    """
    if signed and a.dtype.kind == "u" and np.any(a > _MOST):
        return f"uint64{list(a.shape)}"
    return _form(a.dtype, a.shape)


@lru_cache
def _form(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    kind = {"i": "integer", "u": "integer", "U": "text"}.get(dtype.kind, str(dtype))
    return f"{kind}{list(shape)}"


_MOST = np.uint64(np.iinfo(np.int64).max)


def _stacked(values: list[np.ndarray]) -> np.ndarray:
    """One array of them all. Of Int64 and UInt64 NumPy would make floating numbers."""
    if {a.dtype.kind for a in values} == {"i", "u"}:
        above = any(a.dtype.kind == "u" and np.any(a > _MOST) for a in values)
        return np.stack([a.astype(np.uint64 if above else np.int64) for a in values])
    return np.stack(values)


def steps_of(run: Run) -> dict[int, dict[str, np.ndarray]]:
    """The named arrays of every step, in order: what :func:`run_of` was made from."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for label, quantity in run.quantities.items():
        name = base_name(label)
        for i, t in enumerate(quantity.steps.tolist()):
            found.setdefault(t, {})[name] = quantity.values[i, ...]
    return dict(sorted(found.items()))


def base_name(label: str) -> str:
    """A quantity's name without the form that tells its parts of other shapes or types apart."""
    return label.partition(" as ")[0]


def under(label: str, names: Iterable[str]) -> bool:
    """Whether a label is one of these names or a part of one: ``layers.1.weight`` of ``layers``."""
    base = base_name(label)
    return any(base == name or base.startswith(f"{name}.") or label == name for name in names)


def _merged(sequences: Iterable[tuple[str, ...]]) -> list[str]:
    """One order of names: that of the step with the most; a name that it lacks stands before the
    one that follows it in its own step. (A first step of state alone may list it in any order.)"""
    order: list[str] = []
    for names in sorted(sequences, key=len, reverse=True):
        place = len(order)
        for name in reversed(names):
            if name in order:
                place = order.index(name)
            else:
                order.insert(place, name)
    return order


def _shared(steps: list[Step]) -> tuple[str, ...]:
    """Names whose numbers lie in one place in consecutive steps: changed in place, all would
    change."""
    places = [{n: address(v) for n, v in _leaves(step, "a step")} for step in steps]
    pairs = zip(places, places[1:], strict=False)
    names = (n for a, b in pairs for n, at in a.items() if at is not None and b.get(n) == at)
    return tuple(dict.fromkeys(names))


def _text(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise StepError(f"{name!r} in {where} is no name: use a string")
    return name


def _iterable(found: Any, side: str) -> Iterable[Step]:
    if not isinstance(found, Iterable):
        raise StepError(f"the {side} gave a {type(found).__name__}: yield dicts of named arrays")
    return found


def _name(source: Any) -> str:
    return getattr(source, "__qualname__", type(source).__name__)
