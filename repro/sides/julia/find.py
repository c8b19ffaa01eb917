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
from functools import cache
from pathlib import Path

from repro.errors import Unavailable
from repro.sides.julia.install import INSTALL_COMMAND, unpacked_julia, unpacked_with

#: Environment that fixes OpenBLAS's kernels (any x86-64 processor with AVX2 has these).
BLAS_PINS = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1"}
#: The processor that Julia compiles for under the pins.
CPU_TARGET = "haswell"
OLDEST = (1, 0)
#: The Julia that made the recordings: of another no bit is claimed.
RECORDED_BY = "1.5.3"
#: What to do where that one alone will do, and another is found first.
CHOOSE_IT = (
    f"choose {RECORDED_BY} by REPRO_JULIA_VERSION={RECORDED_BY} (in commands also "
    f"--julia-version {RECORDED_BY}), get it with: {INSTALL_COMMAND}"
)

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
        """Whether it is started under the pins of the recorded runs, all of them."""
        return BLAS_PINS.items() <= self.environment.items() and CPU_TARGET in self.arguments

    @property
    def default_generator(self) -> str:
        """What ``Random.seed!`` starts, by Julia's name for it."""
        return "MersenneTwister" if self.version_info < (1, 7) else "Xoshiro"

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
            "default_generator": self.default_generator,
        }


def find_julia(
    executable: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    version: str | None = None,
) -> Julia:
    """The Julia to use.

    Args:
        executable: a Julia named by the user; default: the environment variable `REPRO_JULIA`.
            A named one is used or refused, never passed over for another.
        folder: where `repro julia install` unpacks; default: see `install.default_folder`.
        version: the beginning of the version wanted, "1.5" or "1.10.8"; default: the environment
            variable `REPRO_JULIA_VERSION`, or any. The first of the places that has one is used.

    Raises:
        JuliaNotFound: none is usable, or the named one is not, or none is of that version.
    """
    version = version or os.environ.get("REPRO_JULIA_VERSION")
    named = executable or os.environ.get("REPRO_JULIA")
    if named:
        how = "named by the caller" if executable else "named by REPRO_JULIA"
        julia = _use(_resolve(named, how), how)
        if not _is(julia, version):
            raise JuliaNotFound(
                f"{julia.executable}, {how}, is Julia {julia.version}, and {version} is wanted: "
                "name another, or unset REPRO_JULIA (`repro julia list` shows all that there are; "
                f"1.5.3 comes with: {INSTALL_COMMAND})"
            )
        return julia
    tried, others = [], []
    for source, found in found_julias(folder):
        if isinstance(found, str):
            tried.append(f"{source}: {found}")
        elif _is(found, version):
            return found
        else:
            others.append(f"{found.version} {source}")
    if others:
        raise JuliaNotFound(
            f"no Julia {version} was found, but {', '.join(others)}: choose one of these by "
            f"--julia-version or REPRO_JULIA_VERSION, or get 1.5.3 with: {INSTALL_COMMAND}"
        )
    listing = "\n".join(f"  - {line}" for line in tried)
    raise JuliaNotFound(
        f"no usable Julia was found:\n{listing}\n"
        "Name one with REPRO_JULIA=/path/to/julia, put `julia` on PATH, or get 1.5.3 with: "
        f"{INSTALL_COMMAND}"
    )


def found_julias(
    folder: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[str, Julia | str]]:
    """Every place that is looked in, in order, with the Julia there, or why there is none."""
    for source, path in _candidates(folder):
        try:
            yield source, _use(path, source) if path is not None else "none"
        except JuliaNotFound as problem:
            yield source, str(problem)


def _is(julia: Julia, version: str | None) -> bool:
    """Whether a version begins with what is wanted, number by number."""
    wanted = version.split(".") if version else []
    return julia.version.split(".")[: len(wanted)] == wanted


def _candidates(folder: str | os.PathLike[str] | None) -> Iterator[tuple[str, Path | None]]:
    on_path = shutil.which("julia")
    yield "on PATH", Path(on_path) if on_path else None
    yield "juliapkg's", _juliapkg_executable()
    own = unpacked_julia(folder)
    yield "unpacked by `repro julia install`", own.executable if own else None


def _resolve(named: str | os.PathLike[str], how: str) -> Path:
    found = shutil.which(os.path.expanduser(os.fspath(named)))
    if found is None:
        if " " in os.fspath(named):
            raise JuliaNotFound(
                f"{os.fspath(named)!r}, {how}, is a program with arguments: name the program "
                "alone. A channel of juliaup's is chosen by JULIAUP_CHANNEL=1.10, threads by "
                "JULIA_NUM_THREADS=2"
            )
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
        if _starts_for(path, version):
            arguments += ["-C", CPU_TARGET]
    # Not resolved further: a launcher such as juliaup's goes by the name it was called by.
    return Julia(path.absolute(), version, source, environment, tuple(arguments), preload)


@cache
def _starts_for(executable: Path, version: str) -> bool:
    """Whether it runs code compiled for the pinned processor.

    From 1.9 on a Julia that was built for its own machine alone refuses at start: its image holds
    no code for another. Python itself would die of that under juliacall.
    """
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 9):
        return True
    command = [str(executable), "--startup-file=no", "-C", CPU_TARGET, "-e", "0"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS_TO_ANSWER, text=True)
    except (OSError, subprocess.TimeoutExpired):
        return True  # what is wrong is said where it is started
    return "compatible target" not in done.stderr


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
