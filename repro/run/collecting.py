"""Runs from anything that yields named arrays step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from repro.errors import ReproError
from repro.run.files import read_npz
from repro.run.plain import is_plain, plain_steps
from repro.run.provenance import Provenance
from repro.run.quantity import Kind, Quantity, Run

Step: TypeAlias = Mapping[str, Any]
"""The arrays of one step in the order of their computation. An array is whatever NumPy, or a
tensor's ``detach().cpu().numpy()``, makes one of."""

Source: TypeAlias = "Run | str | Path | Iterable[Step] | Callable[..., Any]"
"""A run, the path of a saved one, an iterable of steps, or a callable that gives a run, an
iterable of steps or a single step."""


class StepError(ReproError, ValueError):
    """A step that is not named arrays. The message says which, and of which side."""


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
        whole = found if isinstance(found, list) else []
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

    Complex arrays become real ones with a last axis of two, real and imaginary part.

    Raises:
        StepError: it is no mapping, or a value is no array of numbers.
    """
    if not isinstance(step, Mapping):
        raise StepError(f"{where} is a {type(step).__name__}: yield a dict of named arrays")
    return {_text(n, where): _array(value, f"{n!r} in {where}") for n, value in step.items()}


def run_of(steps: Iterable[Mapping[str, np.ndarray]], provenance: Provenance | None = None) -> Run:
    """Steps as a run, its names in the order of their computation: that of the step with
    the most of them, where steps differ.

    Floating quantities are states: what is off in one step may be off in all later ones. Integers
    and Bools are draws. A quantity whose shape or type changes is split: what is unlike its first
    values goes on as ``NAME as TYPE[SHAPE]``.
    """
    kept: dict[tuple[str, str], tuple[list[int], list[np.ndarray]]] = {}
    sequences: dict[tuple[str, ...], None] = {}
    for t, step in enumerate(steps):
        sequences[tuple(step)] = None
        for name, a in step.items():
            at, values = kept.setdefault((name, f"{a.dtype}{list(a.shape)}"), ([], []))
            at.append(t)
            values.append(a)
    order = _merged(sequences)
    quantities: dict[str, Quantity] = {}
    for name, form in sorted(kept, key=lambda form: order.index(form[0])):
        at, values = kept[name, form]
        label = f"{name} as {form}" if name in quantities else name
        kind = Kind.STATE if values[0].dtype.kind == "f" else Kind.DRAW
        quantities[label] = Quantity(np.array(at), np.stack(values), kind)
    return Run(quantities, provenance or Provenance())


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
    """Names whose array is one object in consecutive steps: changed in place, all would change."""
    pairs = zip(steps, steps[1:], strict=False)
    names = (n for a, b in pairs for n, v in a.items() if np.ndim(v) and b.get(n) is v)
    return tuple(dict.fromkeys(names))


def _array(value: Any, where: str) -> np.ndarray:
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        found = np.array(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise StepError(f"{where} is no array ({error}): convert it before it is yielded") from None
    if found.dtype.kind == "c":
        found = np.stack([found.real, found.imag], axis=-1)
    if found.dtype.kind not in "biuf" or found.dtype.itemsize > 8:
        raise StepError(
            f"{where} is of type {found.dtype}: yield numbers of 64 bits at most, or leave it out"
        )
    return np.ascontiguousarray(found).reshape(found.shape)


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
