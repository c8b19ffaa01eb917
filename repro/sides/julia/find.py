"""Which Julia there is, and how it has to be started.

`find_julia` looks in a fixed order: an executable that the user named, `julia` on PATH, the one
that juliapkg manages, the one that `repro julia install` unpacked.

Two Julias of the same version still differ in last bits when BLAS or the compiler picks other
kernels. The *pins* fix that choice; the recorded runs were made under the same ones.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from repro.errors import Unavailable
from repro.sides.julia.install import INSTALL_COMMAND, unpacked_julia, unpacked_with

#: Environment that fixes OpenBLAS's kernels (any x86-64 processor with AVX2 has these).
BLAS_PINS = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"}
#: The processor that Julia compiles for under the pins.
CPU_TARGET = "haswell"
OLDEST = (1, 0)

_VERSION = re.compile(r"^julia version (\d+)\.(\d+)\.(\d+)(\S*)\s*$")
# A cold start from a slow disk takes seconds; an executable that needs longer is not a Julia.
_SECONDS_TO_ANSWER = 60


class JuliaNotFound(Unavailable):
    """There is no usable Julia; the message lists what was tried and how to get one."""


@dataclass(frozen=True)
class Julia:
    """One Julia executable and what it needs.

    Attributes:
        executable: absolute path of the program.
        version: its version, for instance `"1.5.3"`.
        source: how it was found, in words.
        environment: variables to add to the process's environment, the pins among them.
        arguments: arguments that belong before all others, the pinned processor among them.
        preload: shared libraries to open, in this order, before libjulia is loaded into a
            process of another program (empty where the system's loader finds them all).
    """

    executable: Path
    version: str
    source: str
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    preload: tuple[Path, ...] = ()

    @property
    def version_info(self) -> tuple[int, int, int]:
        """The version as three numbers."""
        major, minor, patch = re.findall(r"\d+", self.version)[:3]
        return int(major), int(minor), int(patch)

    @property
    def pinned(self) -> bool:
        """Whether the pins of the recorded runs apply on this machine."""
        return BLAS_PINS.items() <= self.environment.items()

    def command(self, *arguments: str) -> list[str]:
        """The command line: program, its own arguments, then `arguments`."""
        return [str(self.executable), *self.arguments, *arguments]

    def environ(self, base: dict[str, str] | None = None) -> dict[str, str]:
        """A whole environment for a child process: `base` (default: this process's) plus ours."""
        return {**(os.environ if base is None else base), **self.environment}

    def summary(self) -> dict[str, object]:
        """Plain values that say which Julia this is, for reports and recordings."""
        return {
            "executable": str(self.executable),
            "version": self.version,
            "source": self.source,
            "environment": dict(self.environment),
            "arguments": list(self.arguments),
            "pinned": self.pinned,
        }


def find_julia(
    executable: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Julia:
    """The Julia to use.

    Args:
        executable: a Julia named by the user; default: the environment variable `REPRO_JULIA`.
            A named one is used or refused, never passed over for another.
        folder: where `repro julia install` unpacks; default: see `install.default_folder`.

    Raises:
        JuliaNotFound: none is usable, or the named one is not.
    """
    named = executable or os.environ.get("REPRO_JULIA")
    if named:
        how = "named by the caller" if executable else "named by REPRO_JULIA"
        return _use(_resolve(named, how), how)
    tried = []
    for source, path in _candidates(folder):
        if path is None:
            tried.append(f"{source}: none")
            continue
        try:
            return _use(path, source)
        except JuliaNotFound as problem:
            tried.append(f"{source}: {problem}")
    listing = "\n".join(f"  - {line}" for line in tried)
    raise JuliaNotFound(
        f"no usable Julia was found:\n{listing}\n"
        "Name one with REPRO_JULIA=/path/to/julia, put `julia` on PATH, or get one with: "
        f"{INSTALL_COMMAND}"
    )


def _candidates(folder: str | os.PathLike[str] | None) -> Iterator[tuple[str, Path | None]]:
    on_path = shutil.which("julia")
    yield "on PATH", Path(on_path) if on_path else None
    yield "juliapkg's", _juliapkg_executable()
    own = unpacked_julia(folder)
    yield "unpacked by `repro julia install`", own.executable if own else None


def _resolve(named: str | os.PathLike[str], how: str) -> Path:
    found = shutil.which(os.path.expanduser(os.fspath(named)))
    if found is None:
        raise JuliaNotFound(
            f"{os.fspath(named)!r}, {how}, is not an executable file. Name a Julia executable, "
            f"or unset it and get one with: {INSTALL_COMMAND}"
        )
    return Path(found)


def _use(path: Path, source: str) -> Julia:
    version = julia_version(path)
    environment: dict[str, str] = {}
    preload: tuple[Path, ...] = ()
    own = unpacked_with(path)
    if own is not None:
        preload = own.preload()
        environment["JULIA_DEPOT_PATH"] = os.environ.get("JULIA_DEPOT_PATH") or str(own.depot)
    arguments = ["--startup-file=no", "--history-file=no"]
    if platform.machine() in ("x86_64", "AMD64"):
        environment |= BLAS_PINS
        arguments += ["-C", CPU_TARGET]
    # Not resolved further: a launcher such as juliaup's goes by the name it was called by.
    return Julia(path.absolute(), version, source, environment, tuple(arguments), preload)


def julia_version(executable: Path) -> str:
    """The version that `executable` reports.

    Raises:
        JuliaNotFound: it does not run, does not answer, is no Julia, or is older than 1.0.
    """
    advice = f"Name another with REPRO_JULIA, or get one with: {INSTALL_COMMAND}"
    try:
        answer = subprocess.run(
            [str(executable), "--startup-file=no", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS_TO_ANSWER,
        )
    except OSError as problem:
        raise JuliaNotFound(f"{executable} does not run ({problem}). {advice}") from problem
    except subprocess.TimeoutExpired as problem:
        raise JuliaNotFound(
            f"{executable} gave no version within {_SECONDS_TO_ANSWER} s. {advice}"
        ) from problem
    text = answer.stdout.decode("utf-8", "replace").strip()
    match = _VERSION.match(text)
    if answer.returncode != 0 or match is None:
        shown = text or answer.stderr.decode("utf-8", "replace").strip()
        raise JuliaNotFound(
            f"{executable} is no working Julia: asked for its version it ended with status "
            f"{answer.returncode} and printed {shown[:200]!r}. {advice}"
        )
    major, minor, patch, rest = match.groups()
    if (int(major), int(minor)) < OLDEST:
        raise JuliaNotFound(
            f"{executable} is Julia {major}.{minor}.{patch}; 1.0 is the oldest that will do. "
            f"{advice}"
        )
    return f"{major}.{minor}.{patch}{rest}"


def _juliapkg_executable() -> Path | None:
    """The Julia that juliapkg has resolved earlier; asking juliapkg itself might install one."""
    try:
        from juliapkg.state import STATE

        with open(STATE["meta"], encoding="utf-8") as file:
            executable = json.load(file).get("executable")
    except (ImportError, KeyError, OSError, ValueError, AttributeError):
        return None
    return Path(executable) if executable and Path(executable).is_file() else None
