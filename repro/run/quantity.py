"""A run: named quantities over steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import numpy as np

from repro.run.files import LONGEST_NAME, RunError, digest, read_npz, storable, unfit, write_npz
from repro.run.provenance import Provenance


class Kind(str, Enum):
    """How a last-bit difference may travel through a quantity.

    ``DRAW``: not at all. ``STATE``: from step to step. ``RESULT``: not from one step to the next.
    ``ROWS``: along the last axis of each row, every row being a run that is thrown away.
    """

    DRAW = "draw"
    STATE = "state"
    RESULT = "results"
    ROWS = "runs"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, repr=False)
class Quantity:
    """One named array over a run.

    Attributes:
        steps: (k,) int64, strictly increasing; iteration numbers, 0 before the first.
        values: (k, ...) what it was at each of them.
        kind: how a last-bit difference may travel through it.

    Raises:
        ValueError: the steps do not increase, are not one per value, or the kind is unknown.
    """

    steps: np.ndarray
    values: np.ndarray
    kind: Kind = Kind.STATE

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.values.shape[1:])) or "a number"
        return f"<Quantity {self.kind}, {self.values.dtype}, {shape}, at {len(self.steps)} steps>"

    def __post_init__(self) -> None:
        if not isinstance(self.kind, Kind):
            if self.kind not in [*Kind]:
                known = ", ".join(map(str, Kind))
                raise ValueError(f"kind {self.kind!r} is unknown: choose {known}")
            object.__setattr__(self, "kind", Kind(self.kind))
        steps = np.asarray(self.steps, dtype=np.int64)
        values = np.asarray(self.values)
        if steps.ndim != 1 or len(steps) != len(values):
            raise ValueError(
                f"a quantity needs one step per value: got steps {steps.shape}, "
                f"values {values.shape}"
            )
        if len(steps) > 1 and np.any(np.diff(steps) <= 0):
            raise ValueError("the steps of a quantity must increase strictly: sort or merge them")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "values", values)

    @classmethod
    def over(cls, values: Mapping[int, object], kind: Kind) -> Quantity:
        """What a quantity was at each step, the steps in any order; at least one."""
        steps = sorted(values)
        return cls(np.array(steps), np.stack([np.asarray(values[s]) for s in steps]), kind)

    @classmethod
    def once(cls, value: object, kind: Kind, step: int = 0) -> Quantity:
        """What it was at a single step."""
        return cls(np.array([step]), np.asarray(value)[None], kind)

    def upto(self, step: int) -> Quantity:
        kept = self.steps <= step
        return Quantity(self.steps[kept], self.values[kept], self.kind)

    def in_parts(self) -> Quantity:
        if self.values.dtype.kind != "c":
            return self
        parts = np.stack([self.values.real, self.values.imag], axis=-1)
        return replace(self, values=parts)

    def at(self, steps: np.ndarray) -> np.ndarray:
        """The values at these steps, all of which it must have."""
        found: np.ndarray = self.values[np.searchsorted(self.steps, steps)]
        return found


def rows(values: np.ndarray) -> np.ndarray:
    """(k, n): one row per step, however many dimensions the values have, and where n is 0."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


@dataclass(frozen=True, repr=False)
class Run:
    """What one side left: named quantities, and where they come from.

    Attributes:
        quantities: by name, in the order of computation where the side has one.
        provenance: what made it.
        broke_off: how it ended, where that was an ``ArithmeticError``: a loss that is not finite
            ends a run, and the steps before it can be compared.
        shared: names that were one and the same array in several steps of a finished list.

    Raises:
        RunError: a name that no file would give back.
    """

    quantities: Mapping[str, Quantity]
    provenance: Provenance = field(default_factory=Provenance)
    broke_off: str | None = None
    shared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.quantities:
            if not storable(name):
                raise RunError(
                    f"the name {name[:40]!r} holds a NUL or half a surrogate pair, or more than "
                    f"{LONGEST_NAME:,} bytes, which no file would give back: name it otherwise"
                )

    def __repr__(self) -> str:
        return f"<Run of {', '.join(self.quantities) or 'nothing'}; {self.provenance.source}>"

    def __getitem__(self, name: str) -> Quantity:
        return self.quantities[name]

    def upto(self, step: int) -> Run:
        """The part up to and including a step; quantities with nothing there are dropped."""
        parts = {name: q.upto(step) for name, q in self.quantities.items()}
        return Run({n: q for n, q in parts.items() if len(q.steps)}, self.provenance)

    def in_parts(self) -> Run:
        """Complex quantities as real ones with a last axis of two, real and imaginary part."""
        return replace(self, quantities={n: q.in_parts() for n, q in self.quantities.items()})

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` of :meth:`packed`."""
        write_npz(path, self.packed())

    def packed(self) -> dict[str, np.ndarray]:
        """As arrays: ``KIND:NAME`` and ``steps:NAME`` per quantity, how it broke off if
        it did, provenance, SHA-256."""
        arrays: dict[str, np.ndarray] = {}
        for name, q in self.quantities.items():
            arrays[f"{q.kind}:{name}"], arrays[f"steps:{name}"] = q.values, q.steps
        if self.broke_off is not None:
            arrays["broke_off"] = np.array(self.broke_off)
        arrays["provenance"] = np.array(json.dumps(self.provenance.as_dict(), sort_keys=True))
        return {**arrays, "sha256": np.array(digest(arrays))}

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Read what :meth:`save` wrote.

        Raises:
            RunError: the file is missing, damaged or something else.
        """
        return cls.unpacked(read_npz(path), path)

    @classmethod
    def unpacked(cls, arrays: dict[str, np.ndarray], path: str | Path) -> Run:
        """A run from a file's arrays.

        Raises:
            RunError: they are not what :meth:`save` wrote.
        """
        expected = str(arrays.pop("sha256", ""))
        if not expected:
            raise RunError(
                f"{path} is damaged or holds no run, nor steps by number: call the array `w` of "
                "step 0 `0:w`, and so on, or write it by `repro record`"
            )
        if digest(arrays) != expected:
            raise RunError(
                f"{path} is damaged or holds no run: its checksum does not fit its content. "
                "Make it again, or restore it from a copy"
            )
        quantities = {}
        with unfit(path, "holds no run"):
            provenance = Provenance.from_dict(json.loads(str(arrays.pop("provenance"))))
            broke_off = arrays.pop("broke_off", None)
            for key, values in arrays.items():
                kind, name = key.split(":", 1)
                if kind != "steps":
                    quantities[name] = Quantity(arrays[f"steps:{name}"], values, Kind(kind))
        return cls(quantities, provenance, None if broke_off is None else str(broke_off))
