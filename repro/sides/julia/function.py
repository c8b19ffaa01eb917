"""A Julia function in a user's own file as a reference."""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from repro.errors import ReproError
from repro.folders import shipped
from repro.run import Provenance, Run, described, run_of
from repro.sides.julia.find import Julia, JuliaNotFound, find_julia
from repro.sides.julia.frame import Value
from repro.sides.julia.worker import REQUEST_SECONDS, JuliaError, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).parent / "user"


class JuliaFileError(ReproError, ValueError):
    """A Julia file that is not there."""


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

    Values are Float32, Float64, integers (they arrive as Int64), Bools, and arrays of these in
    their own shape. The file is code, and is run: on x86-64 under the pins of the recordings
    (:data:`repro.sides.julia.find.BLAS_PINS`).

    Args:
        file: path of the Julia file; a relative one counts from the current directory.
        function: the function's name.
        arguments: its arguments: numbers, strings, Bools, arrays.
        julia: which Julia; by default the one that :func:`find_julia` finds.
        project: folder of the Julia project to activate, for files that use packages.
        seconds: limit for the call.
        keywords: the function's keyword arguments.
    """

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
        julia = self.julia if isinstance(self.julia, Julia) else find_julia(self.julia)
        about, answer = self._ask(julia)
        shared = tuple(name for name in str(answer.pop("shared")).split("\n") if name)
        texts = [line.split(" ", 1) for line in str(answer.pop("texts")).splitlines()]
        steps: list[dict[str, np.ndarray]] = [{} for _ in range(int(answer.pop("steps")))]
        for key, value in answer.items():
            step, name = key.split(":", 1)
            steps[int(step)][name] = np.asarray(value)
        provenance = Provenance(
            f"{self.file.name}: {self.function}",
            sha256=hashlib.sha256(code).hexdigest(),
            asked={**self.asked(), "julia": about["julia"]},
            texts={path: digest for digest, path in texts},
            details={"pinned": julia.pinned, **about},
        )
        return replace(run_of(steps, provenance), shared=shared)

    @property
    def folder(self) -> Path:
        """Where the file lies, and where a recording's paths count from."""
        return self.file.resolve().parent

    def asked(self) -> dict[str, Any]:
        """What a recording of it has to have been made of, besides the files' texts. The version
        is None, any, where no Julia is named, or the named one is not there."""
        try:
            named = find_julia(self.julia) if isinstance(self.julia, str | Path) else self.julia
        except JuliaNotFound:
            named = None
        project = self.project and os.path.relpath(Path(self.project).resolve(), self.folder)
        return {
            "function": self.function,
            "arguments": described(self.arguments),
            "keywords": described(self.keywords),
            "julia": named.version if isinstance(named, Julia) else None,
            "project": project or None,
        }

    def _code(self) -> bytes:
        try:
            return self.file.read_bytes()
        except OSError as problem:
            raise JuliaFileError(
                f"{self.file} cannot be read ({problem.strerror}): check the path; a relative one "
                "counts from the current directory"
            ) from None

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
        project = [f"--project={os.fspath(self.project)}"] if self.project else []
        environment = julia.environ() | {"REPRO_JULIA_REF": str(shipped("julia_ref"))}
        worker = Worker([*julia.command(), *project], environment, SOURCE)
        try:
            return worker.about, worker.ask(self._request(), self.seconds)
        except JuliaError as problem:
            if not problem.backtrace:
                raise
            raise JuliaError(self._failure(problem), backtrace=problem.backtrace) from None
        finally:
            worker.close()

    def _failure(self, problem: JuliaError) -> str:
        """Julia's own message and stack, as far as the stack is the user's."""
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
