"""A Julia function in a user's own file as a reference."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from repro.errors import ReproError
from repro.folders import shipped
from repro.run import Provenance, run_of
from repro.sides.frame import Value
from repro.sides.function import FileFunction, steps_of
from repro.sides.julia.find import Julia, JuliaNotFound, find_julia
from repro.sides.julia.worker import JuliaError, Worker
from repro.sides.worker import REQUEST_SECONDS, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from repro.sides.julia.inprocess import InProcess

T = TypeVar("T")

SOURCE = Path(__file__).parent / "user"

_PACKAGE = re.compile(r"Package (\w+)(?: \[[^]]*\])? (?:not found|is required but)")
"""How every Julia begins its complaint of a package that is not there."""


class JuliaFileError(ReproError, ValueError):
    """A Julia file or project that is not there."""


class JuliaFunction(FileFunction):
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
        way: ``"worker"``, a process of its own for every run, or ``"juliacall"``, inside this
            process, which starts Julia once: no limit, no project, and one Julia alone.
        keywords: the function's keyword arguments.

    As a *port* under ``resynchronise=True`` it is ``step(state, draws, arguments...)``: two named
    tuples, and it returns the step's named arrays. It is called again and again in one process.
    Operations inside Julia cannot be moved from outside; its inputs are, its results, and what
    it notes: a keyword ``note = (name, value) -> value`` is given a function that tells a value's
    name, compares it, and gives the value to go on with. So a tolerance may be too tight, never too
    wide: where a right step fails by a few tolerances, note what goes into the name.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        function: str,
        *arguments: Value,
        julia: Julia | str | os.PathLike[str] | None = None,
        project: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
        way: str = "worker",
        **keywords: Value,
    ) -> None:
        super().__init__(file, function, arguments, keywords)
        self.julia, self.project = julia, project
        self.seconds, self.way = REQUEST_SECONDS if seconds is None else seconds, way
        self._living: Worker | InProcess | None = None
        if way not in ("worker", "juliacall"):
            raise JuliaError(f"there is no way {way!r} to Julia: choose worker or juliacall")
        if way == "juliacall" and project is not None:
            raise JuliaError(
                "Julia inside this process has juliacall's environment, and cannot take a "
                "project= as well: leave way= out"
            )

    def __call__(self, *given: Mapping[str, Any]) -> Any:
        """Run it, or one step of it.

        Args:
            given: none for a run. A step's state and draws, or its inputs alone, by name.

        Returns:
            Run with the steps numbered from 0; provenance says which file (by its SHA-256)
            and which Julia. Of a step its arrays by name.

        Raises:
            JuliaFileError: there is no such file.
            JuliaNotFound: there is no usable Julia.
            JuliaError: the function failed, yielded something else than named arrays, or took
                too long; the message has Julia's own, with the line.
        """
        code = self._code()
        if self.project:
            self._project()
        if given:
            from repro.sides.step import one_step

            return one_step(self._ask_living, self.function, given)
        julia = self.julia if isinstance(self.julia, Julia) else find_julia(self.julia)
        about, answer = self._retried(lambda: self._call(julia))
        shared = tuple(name for name in str(answer.pop("shared")).split("\n") if name)
        texts = [line.split(" ", 1) for line in str(answer.pop("texts")).splitlines()]
        steps = steps_of(answer, int(str(answer.pop("steps"))))
        provenance = Provenance(
            f"{self.file.name}: {self.function}",
            sha256=hashlib.sha256(code).hexdigest(),
            asked={**self.asked(), "julia": about["julia"]},
            texts={path: digest for digest, path in texts},
            details={"pinned": julia.pinned, **about},
        )
        return replace(run_of(steps, provenance), shared=shared)

    def asked(self) -> dict[str, Any]:
        """See :meth:`FileFunction.asked`; project and version of Julia belong to it. The version
        is None, any, where no Julia is named, or the named one is not there."""
        try:
            named = find_julia(self.julia) if isinstance(self.julia, str | Path) else self.julia
        except JuliaNotFound:
            named = None
        project = os.fspath(self.project) if self.project else None
        if project is not None and not project.startswith("@"):  # those are Julia's shared ones
            project = os.path.relpath(Path(project).resolve(), self.folder)
        return {
            **super().asked(),
            "julia": named.version if isinstance(named, Julia) else None,
            "project": project,
        }

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

    def _ask_living(self, request: Mapping[str, Any], told: Told) -> Mapping[str, Value]:
        """Ask a Julia that lives on, as long as this object does."""

        def ask() -> Mapping[str, Value]:
            if self._living is None or not self._living.alive:
                julia = self.julia if isinstance(self.julia, Julia) else find_julia(self.julia)
                self._living = self._start(julia)
            return self._asked(self._living, {**self._request(), **request}, told)

        return self._retried(ask)

    def _retried(self, ask: Callable[[], T]) -> T:
        """One call. Julia itself crashes now and then; then the call is made once more."""
        # Imported here: it needs torch, and reading a recording of this function does not.
        from repro.sides.julia.reference import CRASHES, JuliaRetryWarning

        try:
            return ask()
        except JuliaError as problem:
            if problem.signal not in CRASHES:
                raise
            warnings.warn(f"{problem}\nTrying once more", JuliaRetryWarning, stacklevel=4)
            return ask()

    def _call(self, julia: Julia) -> tuple[dict[str, Value], dict[str, Value]]:
        worker = self._start(julia)
        try:
            return worker.about, self._asked(worker, self._request())
        finally:
            worker.close()

    def _start(self, julia: Julia) -> Worker | InProcess:
        ours = {"REPRO_JULIA_REF": str(shipped("julia_ref"))}
        if self.way == "juliacall":
            from repro.sides.julia.inprocess import InProcess
            from repro.sides.julia.juliacall_bridge import environment

            with environment(ours):
                return InProcess(julia, SOURCE, "UserFunction", "answer", "worker.jl")
        project = [f"--project={self._project()}"] if self.project else []
        return Worker([*julia.command(), *project], julia.environ() | ours, SOURCE)

    def _asked(
        self, backend: Worker | InProcess, request: Mapping[str, Any], told: Told | None = None
    ) -> dict[str, Value]:
        try:
            return backend.ask(request, self.seconds, told)
        except JuliaError as problem:
            if not problem.backtrace:
                raise
            raise JuliaError(self._failure(problem), backtrace=problem.backtrace) from None
        finally:
            if isinstance(backend, Worker):  # pytest shows it with -s, and where a test fails
                print(backend.printed(), end="")

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
        whole = "\n".join(map(_short_frame, lines[:end]))
        return (
            f"{self.function} of {self.file} failed:\n{whole}\n"
            f'Mend it, and try it in Julia: include("{self.file.resolve()}")'
        )

    def _request(self) -> dict[str, Any]:
        # In one process, what was included stays: a file that has changed is another one.
        home = {"home": f"{id(self)} {hash(self._code())}"} if self.way == "juliacall" else {}
        return super()._request() | home


def _short_frame(line: str) -> str:
    """A stack's line without types' parameters: those of a named tuple fill a screen."""
    if not re.match(r"\s*\[\d+\] ", line):
        return line
    shorter = re.sub(r"\{[^{}]*\}", "", line)
    return line if shorter == line else _short_frame(shorter)
