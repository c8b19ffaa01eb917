"""A Julia function in a user's own file as a reference."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repro.errors import ReproError
from repro.folders import shipped
from repro.run import Provenance, Run, run_of
from repro.sides.julia.find import Julia, find_julia
from repro.sides.julia.frame import Value
from repro.sides.julia.worker import REQUEST_SECONDS, JuliaError, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).parent / "user"

_PACKAGE = re.compile(r"Package (\w+)(?: \[[^]]*\])? (?:not found|is required but)")
"""How every Julia begins its complaint of a package that is not there."""


class JuliaFileError(ReproError, ValueError):
    """A Julia file or project that is not there."""


class JuliaFunction:
    """A function of a Julia file, to be called in a Julia process of its own.

    The function returns its steps as anything that iterates, and each step as a named tuple or as
    a vector of pairs, in the order of computation::

        train(seed) = Channel() do steps        # or collect named tuples in a vector
            put!(steps, (W = copy(W),))
            for _ in 1:100
                ...
                put!(steps, (x = x, z = z, loss = loss, dW = dW, W = copy(W)))
            end
        end

    Values are what :mod:`repro.run.values` says, its rule being one for both languages. Arrays
    arrive in their own shape, integers below 64 bits as Int64. The file is code, and is run: on
    x86-64 under the pins of the recordings (:data:`repro.sides.julia.find.BLAS_PINS`).

    Args:
        file: path of the Julia file; a relative one counts from the current directory.
        function: the function's name.
        arguments: its arguments: numbers, strings, Bools, arrays, None (``nothing``),
            :class:`Symbol`, tuples of such.
        julia: which Julia; by default the one that :func:`find_julia` finds.
        project: folder of the Julia project to activate, for files that use packages.
        seconds: limit for the call.
        keywords: the function's keyword arguments.
    """

    perturbable = False  # from outside

    def __init__(
        self,
        file: str | os.PathLike[str],
        function: str,
        *arguments: Value,
        julia: Julia | str | os.PathLike[str] | None = None,
        project: str | os.PathLike[str] | None = None,
        seconds: float = REQUEST_SECONDS,
        **keywords: Value,
    ) -> None:
        self.file, self.function = Path(file), function
        self.arguments, self.keywords = arguments, keywords
        self.julia, self.project, self.seconds = julia, project, seconds

    def __call__(self) -> Run:
        """Run it.

        Returns:
            Run with the steps numbered from 0; provenance says which file (by its SHA-256)
            and which Julia.

        Raises:
            JuliaFileError: there is no such file.
            JuliaNotFound: there is no usable Julia.
            JuliaError: the function failed, yielded something else than named arrays, or took
                too long; the message has Julia's own, with the line.
        """
        code = self._code()
        if self.project:
            self._project()
        julia = self.julia if isinstance(self.julia, Julia) else find_julia(self.julia)
        about, answer = self._ask(julia)
        shared = tuple(name for name in str(answer.pop("shared")).split("\n") if name)
        steps: list[dict[str, np.ndarray]] = [{} for _ in range(int(str(answer.pop("steps"))))]
        for key, value in answer.items():
            step, name = key.split(":", 1)
            steps[int(step)][name] = np.asarray(value)
        provenance = Provenance(
            f"{self.file.name}: {self.function}",
            sha256=hashlib.sha256(code).hexdigest(),
            details={"pinned": julia.pinned, **about},
        )
        return replace(run_of(steps, provenance), shared=shared)

    def _code(self) -> bytes:
        try:
            return self.file.read_bytes()
        except OSError as problem:
            raise JuliaFileError(
                f"{self.file} cannot be read ({problem.strerror}): check the path; a relative one "
                "counts from the current directory"
            ) from None

    def _project(self) -> str:
        named = os.fspath(self.project or "")
        folder = Path(named) if Path(named).is_dir() else Path(named).parent
        known = any((folder / name).is_file() for name in ("Project.toml", "JuliaProject.toml"))
        if not (known or named.startswith("@")):
            raise JuliaFileError(
                f"project={named} has no Project.toml: name the folder that has one; a relative "
                "path counts from the current directory"
            )
        return named if named.startswith("@") else str(folder.resolve())

    def _ask(self, julia: Julia) -> tuple[dict[str, Value], dict[str, Value]]:
        """One call. Julia itself crashes now and then; then the call is made once more."""
        # Imported here: it needs torch, and reading a recording of this function does not.
        from repro.sides.julia.reference import CRASHES, JuliaRetryWarning

        try:
            return self._call(julia)
        except JuliaError as problem:
            if problem.signal not in CRASHES:
                raise
            warnings.warn(f"{problem}\nTrying once more", JuliaRetryWarning, stacklevel=3)
            return self._call(julia)

    def _call(self, julia: Julia) -> tuple[dict[str, Value], dict[str, Value]]:
        project = [f"--project={self._project()}"] if self.project else []
        environment = julia.environ() | {"REPRO_JULIA_REF": str(shipped("julia_ref"))}
        worker = Worker([*julia.command(), *project], environment, SOURCE)
        try:
            try:
                return worker.about, worker.ask(self._request(), self.seconds)
            finally:
                print(worker.printed(), end="")  # pytest shows it with -s, and where a test fails
        except JuliaError as problem:
            if not problem.backtrace:
                raise
            raise JuliaError(self._failure(problem), backtrace=problem.backtrace) from None
        finally:
            worker.close()

    def _failure(self, problem: JuliaError) -> str:
        """Julia's own message and stack, as far as the stack is the user's."""
        package = _PACKAGE.search(str(problem))
        if package is not None:
            folder = "FOLDER" if self.project is None else os.fspath(self.project)
            name = "name its project, JuliaFunction(..., project=FOLDER), or " * (not self.project)
            return (
                f"{self.file} uses {package[1]}, which is not installed for this Julia: {name}"
                f"install it: julia --project={folder} -e 'import Pkg; Pkg.add(\"{package[1]}\")'"
            )
        lines = problem.backtrace.splitlines()
        ours = [i for i, line in enumerate(lines) if str(SOURCE) in line or "invokelatest" in line]
        end = ours[0] if ours else len(lines)
        # From 1.6 on a frame takes two lines, and the second says where.
        end -= end < len(lines) and lines[end].lstrip().startswith("@")
        whole = "\n".join(lines[:end])
        return (
            f"{self.function} of {self.file} failed:\n{whole}\n"
            f'Mend it, and try it in Julia: include("{self.file.resolve()}")'
        )

    def _request(self) -> Mapping[str, Any]:
        return {
            "file": str(self.file.resolve()),
            "function": self.function,
            "arguments": len(self.arguments),
            **{str(i): value for i, value in enumerate(self.arguments, 1)},
            **{f":{name}": value for name, value in self.keywords.items()},
        }
