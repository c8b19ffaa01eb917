"""Everything about a machine that can change a last bit."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

PACKAGES = ("repro", "torch", "numpy", "scipy", "numba", "juliacall")
VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "CUBLAS_WORKSPACE_CONFIG",
    "ATEN_CPU_CAPABILITY",
    "NVIDIA_TF32_OVERRIDE",
)


def settings(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Versions, processor, threads, BLAS and torch's numeric flags, as plain JSON values."""
    device = torch.device(device)
    return {
        "versions": {name: _version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "torch": {
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "blas": _torch_blas(),
            "cuda": torch.version.cuda,
            "default_dtype": str(torch.get_default_dtype()),
            "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
            "tf32_cudnn": torch.backends.cudnn.allow_tf32,
            "flush_denormal": _flushes_denormals(),
        },
        "numpy_blas": _numpy_blas(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def numeric_settings(device: str) -> dict[str, Any]:
    """The settings that can change a bit. How the number of threads was set is none of them."""
    found = settings(device)
    variables = found["environment"].items()
    named = {name: value for name, value in variables if not name.endswith("_NUM_THREADS")}
    return {**found, "environment": named}


def source_digest(files: Iterable[Path]) -> str:
    """SHA-256 over the files' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def sources_of(*modules: ModuleType) -> tuple[Path, ...]:
    """The source files of modules; of a package all its own."""
    found: list[Path] = []
    for module in modules:
        path = Path(str(module.__file__))
        found += path.parent.glob("*.py") if path.name == "__init__.py" else [path]
    return tuple(sorted(set(found)))


def _version(package: str) -> str | None:
    try:
        return version("julia-parity" if package == "repro" else package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(": ", 1)[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _torch_blas() -> str:
    names = {"BLAS_INFO", "USE_MKL"}
    found = [p for p in torch.__config__.show().replace("\n", ",").split(",") if "=" in p]
    pairs = dict(p.strip().split("=", 1) for p in found)
    return ", ".join(f"{n}={pairs[n]}" for n in sorted(names) if n in pairs)


def _numpy_blas() -> str:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _flushes_denormals() -> bool:
    """Whether torch's own arithmetic turns the smallest numbers into zero."""
    return bool((torch.tensor(2.0**-149) * 1).item() == 0)
