"""A pytest plugin: the fixture ``parity``, the options ``--parity-update``, ``--parity-drift`` and
``--reproduction``.

::

    def test_my_port(parity):
        parity(my_port, JuliaFunction("model.jl", "train", 1))       # Julia runs every time
        parity(my_port, JuliaFunction("model.jl", "train", 1), recorded=True)  # its recording does

Nothing of `repro` but this file is imported before a test asks for the fixture.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from repro.checks import Check
    from repro.checks.ensembles import EnsembleCheck
    from repro.run import Run

RECORDED = pytest.StashKey[list[Path]]()
"""On an item: the recordings it made of its own port, which are compared with nothing yet."""

ACCEPTED = "parity accepted"
"""Property of a passing test: a difference that it lets through, or an acceptance it needs not."""


DRIFT = "parity drift"
"""Property of a test whose port was held against its baseline: the grade, and where."""

SECTIONS = {ACCEPTED: "parity: known differences, let through", DRIFT: "parity: drift"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which known differences the passing tests have let through, and how far ports moved."""
    for wanted, title in SECTIONS.items():
        found = [
            f"{report.nodeid}: {line}"
            for report in terminalreporter.stats.get("passed", [])
            for name, line in getattr(report, "user_properties", [])
            if name == wanted and report.when == "call"
        ]
        if found:
            terminalreporter.section(title)
            for line in found:
                terminalreporter.line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--parity-update``, ``--parity-drift`` and ``--reproduction``."""
    group = parser.getgroup("parity")
    group.addoption(
        "--parity-update",
        action="store_true",
        help="write the recordings of the parity fixture anew, from the reference where the test "
        "names one, else from the port",
    )
    group.addoption(
        "--parity-drift",
        metavar="DIR",
        type=Path,
        help="hold the port of every call of the parity fixture against what it computed when "
        "this folder was made; what is not there yet is recorded",
    )
    group.addoption(
        "--reproduction",
        metavar="DIR",
        type=Path,
        help="write the first wrong step of every failing check of the parity fixture into a "
        "folder of its own here, with a script that shows it without this package",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """A test that only recorded its port was compared with nothing: it is no pass."""
    report = yield
    made = item.stash.get(RECORDED, [])
    if made and report.when == "call" and report.passed:
        path, line, _ = item.location
        files = ", ".join(str(p) for p in made)
        reason = f"NOT RUN: recorded {files}. Compare with it: {_command(item)}"
        report.outcome, report.longrepr = "skipped", (path, (line or 0) + 1, f"Skipped: {reason}")
    return report


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Iterator[Parity]:
    """Hold a port against a reference or a recording: see :meth:`Parity.__call__`."""
    yield Parity(request)


class Parity:
    """What the fixture gives."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.item: pytest.Item = request.node
        self.request = request
        self.update = bool(request.config.getoption("--parity-update"))
        self._used: set[Path] = set()
        self._checks = 0

    def __call__(
        self,
        *sides: Any,
        recorded: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> Check | None:
        """Fail the test unless the port agrees with the reference.

        Args:
            sides: the reference and the port, as for :func:`repro.check`. A port alone is held to
                a recording of its earlier self, which ``pytest --parity-update`` makes: that guards
                against change, and is no parity with anything else.
            recorded: hold the port to a recording of the reference; ``--parity-update`` runs the
                reference and records it. Without that option the reference is not run, and the
                test fails where the recording is stale: made of other texts, arguments, versions
                or environment than the reference named here.
            name: of the recording, where a test has several. It lies beside the test's file, as
                ``TEST_FILE/TEST_NAME.npz`` or ``TEST_FILE/TEST_NAME.NAME.npz``.
            options: those of :func:`repro.check`, for instance ``tolerance``,
                ``resynchronise``, ``draws``.

        Returns:
            The :class:`repro.Check`; None where a port was recorded, and not compared.
        """
        from repro.errors import ReproError

        __tracebackhide__ = True
        if not 1 <= len(sides) <= 2:
            pytest.fail("parity(reference, port), or parity(port) alone", pytrace=False)
        reference, port = (None, *sides)[-2:]
        try:
            return self._held(reference, port, recorded, name, options)
        except ReproError as problem:
            pytest.fail(str(problem), pytrace=False)

    def ensembles(self, reference: Any, port: Any, **options: Any) -> EnsembleCheck:
        """Fail the test unless many seeds of both could come from one program: ``EQUIVALENT``.

        Args:
            reference, port: ensembles, callables of a seed, lists of trajectories or saved
                ensembles, as for :func:`repro.check_ensembles`.
            options: its own, for instance ``seeds``, ``paired``, ``summaries``, ``margins``.

        Returns:
            The :class:`repro.EnsembleCheck`.
        """
        from repro import check_ensembles
        from repro.errors import ReproError

        __tracebackhide__ = True
        try:
            found = check_ensembles(reference, port, **options)
        except ReproError as problem:
            pytest.fail(str(problem), pytrace=False)
        if not found:
            pytest.fail(f"{found.message}\nRun again: {_command(self.item)}", pytrace=False)
        return found

    def _held(
        self, reference: Any, port: Any, recorded: bool, name: str | None, options: dict[str, Any]
    ) -> Check | None:
        from repro import check, record

        __tracebackhide__ = True
        if recorded and reference is None:
            pytest.fail("recorded=True records the reference: name one", pytrace=False)
        folder = self.request.config.getoption("--parity-drift")
        if folder is not None:
            if self.update or self.request.config.getoption("--reproduction"):
                pytest.fail(
                    "--parity-drift takes no --parity-update or --reproduction: run them apart",
                    pytrace=False,
                )
            return self._drift(folder, reference, port, recorded, name, options)
        if reference is None or recorded:
            path = self._path(name)
            if self.update and reference is None:
                _refuse_steps(options)
                record(port, path)
                self.item.stash.setdefault(RECORDED, []).append(path)
                return None
            reference = record(reference, path) if self.update else self._recording(path, reference)
        result = check(reference, port, **options)
        if not result:
            pytest.fail(self._failure(result, bool(self._used)), pytrace=False)
        for line in result.accepted_lines:
            self.item.user_properties.append((ACCEPTED, line))
        return result

    def _drift(
        self,
        folder: Path,
        reference: Any,
        port: Any,
        recorded: bool,
        name: str | None,
        options: dict[str, Any],
    ) -> Check | None:
        """The port beside its earlier self; recorded where there is none."""
        from repro.drift.own import held, kept
        from repro.run import load

        __tracebackhide__ = True
        at = self._path(name, numbered=True)
        path = folder / at.relative_to(self.item.config.rootpath)
        if not path.exists():
            if recorded:
                reference = self._recording(self._path(name), reference)
            kept(reference, port, options).save(path)
            self.item.stash.setdefault(RECORDED, []).append(path)
            return None
        found = held(load(path), port, self.item.nodeid, options)
        if not found:
            again = _command(self.item, f"--parity-drift={folder}")
            said = f"{found.grade}: {found.where}\n{found.check.message}"
            pytest.fail(
                f"{said}\nRun again: {again}\nIf it is what should change, remove {path} and "
                "record anew", pytrace=False,
            )  # fmt: skip
        self.item.user_properties.append((DRIFT, f"{found.grade}: {found.where}"))
        return found.check

    def _failure(self, result: Check, recorded: bool) -> str:
        lines = [result.message]
        if len(result.table) > 1:
            lines += [str(result.table)]
        files = result.save(self.request.getfixturevalue("tmp_path") / "parity")
        if files:
            lines += ["Both sides, for repro.Run.load:"]
            lines += [f"  {path}" for path in files]
        lines += self._reproduced(result)
        lines += [f"Run again: {_command(self.item)}"]
        if recorded:
            update = _command(self.item, "--parity-update")
            lines += [f"If the recording is what should change, record anew: {update}"]
        return "\n".join(lines)

    def _reproduced(self, result: Check) -> Iterator[str]:
        """Where the first wrong step was written, if that was asked for and there is one."""
        folder = self.request.config.getoption("--reproduction")
        if folder is not None:
            self._checks += 1
            written = result.reproduction(folder / f"{_file_name(self.item)}.{self._checks}")
            if written:
                yield f"The first wrong step alone: python {written[-1]}"

    def _path(self, name: str | None, numbered: bool = False) -> Path:
        """Where this test's recording lies; two calls of one test need names, or are numbered."""
        stem = _file_name(self.item)
        self._checks += numbered
        name = name or (str(self._checks) if numbered else None)
        file = f"{stem}.{name}.npz" if name else f"{stem}.npz"
        path = self.item.path.with_suffix("") / file
        if path in self._used:
            pytest.fail(f"two recordings of one test are called {file}: add name=", pytrace=False)
        self._used.add(path)
        return path

    def _recording(self, path: Path, reference: Any) -> Run:
        """The recording, of this very reference where there is one."""
        from repro.run import RunError, load, outdated

        update = _command(self.item, "--parity-update")
        if not path.exists():
            pytest.fail(f"there is no recording {path}. Make it with: {update}", pytrace=False)
        try:
            run = load(path)
        except RunError as problem:
            pytest.fail(f"{problem}. Make it anew with: {update}", pytrace=False)
        stale = outdated(run, reference) if reference is not None else None
        if stale is not None:
            pytest.fail(f"{path} is stale: {stale}. Record it anew: {update}", pytrace=False)
        return run


def _refuse_steps(options: dict[str, Any]) -> None:
    if options.get("resynchronise") or options.get("inputs"):
        pytest.fail(
            "a step function has no run of its own to record: name the reference that it is "
            "resynchronised on, with recorded=True",
            pytrace=False,
        )


def _file_name(item: pytest.Item) -> str:
    return re.sub(r"[^\w.-]+", "_", item.name).strip("_")


def _command(item: pytest.Item, *options: str) -> str:
    return shlex.join(["pytest", *options, item.nodeid])
