"""The numeric settings of reference and port side by side, what differs first.

A setting is a short text; a remark in brackets after it is shown and not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repro.cases import Origin
from repro.reports.outcome import Outcome
from repro.run import Provenance

UNKNOWN = "not recorded"

INSTRUCTIONS = {"haswell": "AVX2 (julia -C haswell)"}
"""What torch would call a Julia's target."""

ORDER = {"differs": 0, "unknown": 1, "same": 2}


@dataclass(frozen=True)
class Setting:
    """One numeric setting of both sides.

    Attributes:
        name: what is set.
        reference, port: to what; ``UNKNOWN`` where a side does not say.
    """

    name: str
    reference: str
    port: str

    @property
    def status(self) -> str:
        """``"differs"``, ``"unknown"`` or ``"same"``."""
        if UNKNOWN in (self.reference, self.port):
            return "unknown"
        return "same" if _bare(self.reference) == _bare(self.port) else "differs"


@dataclass(frozen=True)
class Facts:
    """The settings that some cases of a run share.

    Attributes:
        cases: their names.
        settings: differences first, then what one side does not say, then what is the same.
        reference, port: all that each side says of itself, flat, as (name, text).
    """

    cases: tuple[str, ...]
    settings: tuple[Setting, ...]
    reference: tuple[tuple[str, str], ...]
    port: tuple[tuple[str, str], ...]


def facts(outcomes: Iterable[Outcome], settings: Mapping[str, Any]) -> list[Facts]:
    """Group outcomes by the settings of their two sides.

    Args:
        outcomes: whose runs' provenance says where they came from.
        settings: of this process, for a port that left no run.
    """
    groups: dict[tuple[Setting, ...], list[Outcome]] = {}
    for outcome in outcomes:
        left, right = _provenances(outcome, settings)
        record = outcome.record
        key = tuple(_compared(left, right, record.origin)) if record is not None else ()
        groups.setdefault(key, []).append(outcome)
    return [_facts(key, members, settings) for key, members in groups.items()]


def _provenances(outcome: Outcome, settings: Mapping[str, Any]) -> tuple[Provenance, Provenance]:
    own = outcome.check.own
    nothing = Provenance(details={"settings": settings})
    if own is None:
        return Provenance(), nothing
    return own.reference.provenance, own.port.provenance if own.port.quantities else nothing


def _facts(key: tuple[Setting, ...], members: list[Outcome], settings: Mapping[str, Any]) -> Facts:
    both = [_provenances(member, settings) for member in members]
    reference, port = ([_flat(p.as_dict()) for p in side] for side in zip(*both, strict=True))
    return Facts(tuple(m.label for m in members), key, _shared(reference), _shared(port))


def _compared(reference: Provenance, port: Provenance, origin: Origin) -> list[Setting]:
    port_before = reference.source == "port"  # the port's own earlier self
    left = port_facts(reference, origin) if port_before else reference_facts(reference)
    right = port_facts(port, origin)
    names = [*right, *(name for name in left if name not in right)]
    found = [Setting(n, left.get(n, UNKNOWN), right.get(n, UNKNOWN)) for n in names]
    return sorted(found, key=lambda s: ORDER[s.status])


def reference_facts(reference: Provenance) -> dict[str, str]:
    """What a reference says about its arithmetic."""
    known = {"precision": "float32", "device": "cpu", "TensorFloat-32": "off (a CPU has none)"}
    about = reference.details
    if reference.source == "recorded":
        return {**known, **{name: str(value) for name, value in about.items()}}
    if "julia" not in about:
        return {}
    target = str(about.get("cpu_target", UNKNOWN))
    live = {
        "program": f"Julia {about['julia']}",
        "processor": about.get("cpu"),
        "instruction set": INSTRUCTIONS.get(target, target),
        "matrix products": about.get("blas"),
        "threads": about.get("threads"),
        "random numbers": reference.generator,
    }
    return {**known, **{name: str(value) for name, value in live.items() if value is not None}}


def port_facts(port: Provenance, origin: Origin) -> dict[str, str]:
    """What a port says about its arithmetic."""
    found = port.details.get("settings") or {}
    torch, versions = found.get("torch", {}), found.get("versions", {})
    program, products = f"PyTorch {versions.get('torch')}", _blas(torch.get("blas", ""))
    if port.engine not in (None, "eager"):
        program = f"Numba {versions.get('numba')}, {port.engine} engine"
        products = "the engine's own loops"
    facts = {
        "program": f"{program} (Python {versions.get('python')})",
        "precision": port.dtype,
        "device": port.device,
        "processor": found.get("processor"),
        "instruction set": torch.get("cpu_capability"),
        "matrix products": f"{products} (NumPy: {found.get('numpy_blas')})",
        "threads": found.get("threads"),
        "random numbers": f"{(port.generator or 'MersenneTwister').partition('(')[0]} "
        f"({origin.generators})",
        "TensorFloat-32": _switch(torch.get("tf32_matmul")),
        "subnormal numbers": "flushed to zero" if torch.get("flush_denormal") else "kept",
        "deterministic algorithms": _switch(torch.get("deterministic_algorithms")),
    }
    variables = {name: f"{value}" for name, value in (found.get("environment") or {}).items()}
    return {n: str(v) for n, v in {**facts, **variables}.items() if v is not None}


def _blas(text: str) -> str:
    return "MKL" if "USE_MKL=ON" in text or "mkl" in text else text or "torch's own"


def _switch(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"


def _bare(text: str) -> str:
    return text.split("(")[0].strip().lower()


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested mapping, flat."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat


def _shared(members: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """What all of them say alike."""
    first, *others = members
    return tuple((n, v) for n, v in first.items() if all(o.get(n) == v for o in others))
