"""The numeric settings of reference and port side by side, what differs first.

A setting is a short text; a remark in brackets after it is shown and not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from repro.suite import Result

UNKNOWN = "not recorded"
LUNA_RECORDED = {
    "processor": UNKNOWN,
    "instruction set": "AVX2 (julia -C haswell)",
    "matrix products": "OpenBLAS (Haswell kernels: OPENBLAS_CORETYPE=Haswell)",
    "threads": "1 (OPENBLAS_NUM_THREADS=1)",
    "random numbers": "MersenneTwister (Julia's)",
}
"""How the recordings of the first post were made; they repeat bit for bit with these settings."""

NOTEBOOK_RECORDED = {
    "threads": "1",
    "random numbers": "MersenneTwister (Python's, NumPy's and torch's)",
}
"""How the recording of the second post's notebook was made."""

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
class Sides:
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


def sides(results: Iterable[Result], settings: Mapping[str, Any]) -> list[Sides]:
    """Group results by the settings of their two sides.

    Args:
        results: whose trajectories' provenance says where they came from.
        settings: of this process, for a port that left no trajectory.
    """
    groups: dict[tuple, list[Result]] = {}
    for result in results:
        left = _provenance(result.reference)
        right = {"settings": settings, **_provenance(result.port)}
        key = tuple(_compared(left, right, result.case.function))
        groups.setdefault(key, []).append(result)
    return [_sides(key, members, settings) for key, members in groups.items()]


def _sides(key: tuple, members: list[Result], settings: Mapping[str, Any]) -> Sides:
    reference = [_general(_provenance(r.reference)) for r in members]
    port = [_general({"settings": settings, **_provenance(r.port)}) for r in members]
    names = tuple(r.case.name for r in members)
    return Sides(names, key, _shared(reference), _shared(port))


def _compared(reference: Mapping, port: Mapping, function: str) -> list[Setting]:
    left, right = reference_facts(reference), port_facts(port, function)
    names = [*right, *(name for name in left if name not in right)]
    found = [Setting(n, left.get(n, UNKNOWN), right.get(n, UNKNOWN)) for n in names]
    return sorted(found, key=lambda s: ORDER[s.status])


def reference_facts(provenance: Mapping[str, Any]) -> dict[str, str]:
    """What a reference's provenance says about its arithmetic."""
    if not provenance:
        return {}
    known = {"precision": "float32", "device": "cpu", "TensorFloat-32": "off (a CPU has none)"}
    if "notebook" in provenance:
        return {"program": f"PyTorch {provenance['torch']}", **known, **NOTEBOOK_RECORDED}
    flux = f", Flux {provenance['flux']}" if "flux" in provenance else ""
    program = {"program": f"Julia {provenance['julia']}{flux}"} if "julia" in provenance else {}
    if provenance.get("source") == "recorded":
        return {**program, **known, **LUNA_RECORDED}
    target = str(provenance.get("cpu_target", UNKNOWN))
    live = {
        "processor": provenance.get("cpu"),
        "instruction set": INSTRUCTIONS.get(target, target),
        "matrix products": provenance.get("blas"),
        "threads": provenance.get("threads"),
        "random numbers": provenance.get("draws", provenance.get("generator")),
    }
    told = {name: str(value) for name, value in live.items() if value is not None}
    return {**program, **(known if program else {}), **told}


def port_facts(provenance: Mapping[str, Any], function: str) -> dict[str, str]:
    """What a port's provenance says about its arithmetic."""
    found = provenance.get("settings") or {}
    torch, versions = found.get("torch", {}), found.get("versions", {})
    generators = "Python's, NumPy's and torch's" if "ecoffet" in function else "Julia's, in Python"
    program, products = f"PyTorch {versions.get('torch')}", _blas(torch.get("blas", ""))
    engine = provenance.get("engine", "eager")
    if engine != "eager":
        program = f"Numba {versions.get('numba')}, {engine} engine"
        products = "the engine's own loops"
    facts = {
        "program": f"{program} (Python {versions.get('python')})",
        "precision": provenance.get("dtype"),
        "device": provenance.get("device"),
        "processor": found.get("processor"),
        "instruction set": torch.get("cpu_capability"),
        "matrix products": f"{products} (NumPy: {found.get('numpy_blas')})",
        "threads": found.get("threads"),
        "random numbers": f"MersenneTwister ({generators})",
        "TensorFloat-32": _switch(torch.get("tf32_matmul")),
        "subnormal numbers": "flushed to zero" if torch.get("flush_denormal") else "kept",
        "deterministic algorithms": _switch(torch.get("deterministic_algorithms")),
    }
    environment = found.get("environment") or {}
    variables = {name: f"{value}" for name, value in environment.items()}
    return {n: str(v) for n, v in {**facts, **variables}.items() if v is not None}


def _blas(text: str) -> str:
    return "MKL" if "USE_MKL=ON" in text or "mkl" in text else text or "torch's own"


def _switch(on: bool | None) -> str | None:
    return None if on is None else "on" if on else "off"


def _bare(text: str) -> str:
    return text.split("(")[0].strip().lower()


def _provenance(trajectory: Any) -> Mapping[str, Any]:
    return trajectory.provenance if trajectory is not None else {}


def _general(provenance: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested mapping, flat."""
    flat: dict[str, str] = {}
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            flat.update(_general(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat


def _shared(members: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """What all of them say alike."""
    first, *others = members
    return tuple((n, v) for n, v in first.items() if all(o.get(n) == v for o in others))
