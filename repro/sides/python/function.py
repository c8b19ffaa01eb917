"""A function in a Python file, run by another Python."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.errors import Unavailable
from repro.run import Provenance, run_of
from repro.run.recording import file_digest
from repro.sides.frame import Value
from repro.sides.function import FileFunction, steps_of
from repro.sides.worker import REQUEST_SECONDS, Worker, WorkerError

SOURCE = Path(__file__).parent


class PythonError(WorkerError):
    """The other Python did not answer, or its function failed. The message has its words."""


class PythonNotFound(Unavailable):
    """There is no such interpreter."""


class PythonWorker(Worker):
    """A running Python of the user's choice."""

    program = "Python"
    options = ("-u",)
    script = Path("answering.py")
    error = PythonError
    other = "name another python="
    advice = "Name an interpreter that has NumPy: python=PATH"


class PythonFunction(FileFunction):
    """A function of a Python file, called in a process of another Python.

    What :class:`repro.JuliaFunction` is to Julia: so two versions of torch, NumPy or JAX are held
    against each other, which cannot be in one process. The other Python is 3.10 or later and has
    NumPy; it need not have this package. The function gives its steps as anything that iterates
    dicts of named values (see :mod:`repro.run.values`). The file is code, and is run.

    Args:
        file: path of the Python file; a relative one counts from the current directory.
        function: the function's name.
        arguments: its arguments: numbers, texts, None, tuples, arrays.
        python: the interpreter, such as ``".venv-old/bin/python"``.
        environment: variables that are set for it besides this process's own, for instance
            ``{"OMP_NUM_THREADS": "1"}``.
        seconds: limit for a call; ten minutes by default.
        keywords: the function's keyword arguments.

    As a *port* under ``resynchronise=True`` it is ``step(state, draws)``, called again and again in
    one process. Operations in another process cannot be moved from outside: its inputs and results
    are, so a tolerance may be too tight, never too wide.
    """

    def __init__(
        self,
        file: str | os.PathLike[str],
        function: str,
        *arguments: Value,
        python: str | os.PathLike[str],
        environment: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
        **keywords: Value,
    ) -> None:
        super().__init__(file, function, arguments, keywords)
        self.python = os.fspath(python)
        self.environment, self.seconds = dict(environment or {}), seconds
        self._living: PythonWorker | None = None

    def __call__(self, *given: Mapping[str, Any]) -> Any:
        """Run it, or one step of it.

        Args:
            given: none for a run. A step's state and draws, or its inputs alone, by name.

        Returns:
            A run whose provenance has the file's SHA-256 and the other Python's versions; of a
            step its arrays by name.

        Raises:
            PythonNotFound: there is no such interpreter.
            PythonError: there is no such file, or the function failed, yielded something else than
                named values, or took too long.
        """
        if not self.file.is_file():
            raise PythonError(f"{self.file} is not there: check the path")
        if given:
            from repro.sides.step import one_step

            return one_step(lambda request, told: self._ask(request), self.function, given)
        answer = self._ask({})
        steps = steps_of(answer, int(str(answer.pop("steps"))))
        assert self._living is not None
        about = self._living.about
        self.close()
        return run_of(
            steps,
            Provenance(
                f"{self.file.name}: {self.function}",
                sha256=hashlib.sha256(self.file.read_bytes()).hexdigest(),
                asked=self.asked(),
                texts={self.file.name: file_digest(self.file)},
                details={"interpreter": self.python, **about},
            ),
        )

    def asked(self) -> dict[str, Any]:
        """What a recording of it has to have been made of, besides the file's text."""
        return {**super().asked(), "python": self.python, "environment": self.environment}

    def close(self) -> None:
        """End the process; the next call starts another."""
        if self._living is not None:
            print(self._living.printed(), end="")
            self._living.close()
            self._living = None

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Value]:
        try:
            if self._living is None or not self._living.alive:
                self._living = self._start()
            return self._living.ask({**self._request(), **request}, self.seconds)
        except PythonError as problem:
            said = f"{problem}\n{problem.backtrace}".strip()
            raise PythonError(
                f"{self.function} of {self.file} in {self.python} failed: {said}\n"
                f"Mend it, and try it there: {self.python} {self.file}"
            ) from None

    def _start(self) -> PythonWorker:
        if not Path(self.python).is_file():
            raise PythonNotFound(
                f"there is no interpreter {self.python}: give the path of one that has NumPy, such "
                'as ".venv-old/bin/python"'
            )
        return PythonWorker([self.python], {**os.environ, **self.environment}, SOURCE)
