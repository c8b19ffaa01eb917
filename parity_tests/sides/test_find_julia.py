"""Which Julia is used, and what is said where none can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from repro.cli import app
from repro.cli import julia as cli
from repro.sides.julia import find
from repro.sides.julia.find import BLAS_PINS, JuliaNotFound, find_julia, julia_version
from repro.sides.julia.install import UnpackedJulia, default_folder

GETS_ONE = "repro julia install"
TEST_FILE = str(Path(__file__).parents[1] / "sides/test_juliacall.py")
NEEDS_JULIA = "test_an_environment_without_pythoncall"


def program(folder: Path, script: str, name: str = "julia") -> Path:
    """An executable that runs shell lines."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def answering(folder: Path, version: str) -> Path:
    """An executable that says it is that version of Julia."""
    return program(folder, f"echo julia version {version}")


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any Julia: nothing named, none on PATH, none of juliapkg's, none ours."""
    monkeypatch.delenv("REPRO_JULIA", raising=False)
    monkeypatch.delenv("REPRO_JULIA_VERSION", raising=False)
    monkeypatch.delenv("JULIA_DEPOT_PATH", raising=False)
    monkeypatch.setenv("REPRO_JULIA_FOLDER", str(tmp_path / "unpacked"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(find, "_juliapkg_executable", lambda: None)
    if any((Path(folder) / "julia").exists() for folder in ("/usr/bin", "/bin")):
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.mark.parametrize(
    ("printed", "version", "numbers"),
    [
        ("1.5.3", "1.5.3", (1, 5, 3)),
        ("1.0.0", "1.0.0", (1, 0, 0)),
        ("1.12.0-rc1", "1.12.0-rc1", (1, 12, 0)),
        ("1.13.0-DEV.123", "1.13.0-DEV.123", (1, 13, 0)),
    ],
)
def test_versions_are_read(bare_machine, printed, version, numbers):
    julia = find_julia(answering(bare_machine, printed))
    assert julia.version == version
    assert julia.version_info == numbers


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo hello", "no working Julia.*'hello'"),
        ("echo julia version one", "no working Julia"),
        ("echo rubbish; echo julia version 1.5.3", "no working Julia"),
        ("echo julia version 1.5.3; exit 3", "status 3"),
        ("echo broken sysimage >&2; exit 1", "broken sysimage"),
        ("head -c 300 /dev/urandom", "no working Julia"),
        ("kill -SEGV $$", "status -11"),
        ("echo julia version 0.6.4", "0.6.4; 1.0 is the oldest"),
    ],
)
def test_what_is_no_usable_julia_is_refused(bare_machine, script, says):
    named = program(bare_machine, script)
    with pytest.raises(JuliaNotFound, match=f"(?s){says}.*{GETS_ONE}") as refused:
        find_julia(named)
    assert str(named) in str(refused.value)


def test_one_that_never_answers_is_given_up(bare_machine, monkeypatch):
    monkeypatch.setattr(find, "_SECONDS_TO_ANSWER", 0.2)
    with pytest.raises(JuliaNotFound, match=r"within 0\.2 s"):
        julia_version(program(bare_machine, "exec sleep 60"))


def test_one_that_cannot_be_run(bare_machine):
    path = bare_machine / "julia"
    path.write_bytes(b"\x7fELF no program")
    path.chmod(0o755)
    with pytest.raises(JuliaNotFound, match="does not run"):
        find_julia(path)


@pytest.mark.parametrize("named", ["/nowhere/julia", "no-such-julia", "."])
def test_a_named_one_that_is_missing_is_not_passed_over(bare_machine, monkeypatch, named):
    answering(bare_machine / "bin", "1.10.4")
    assert find_julia().version == "1.10.4"
    monkeypatch.setenv("REPRO_JULIA", named)
    with pytest.raises(JuliaNotFound, match="named by REPRO_JULIA.*not an executable"):
        find_julia()


def test_the_order(bare_machine, monkeypatch):
    """Each place is looked at only when those before it have nothing."""
    with pytest.raises(JuliaNotFound):
        find_julia()

    folder = default_folder() / "debian-bullseye"
    answering(folder / "bin", "1.5.3")
    assert find_julia().source == "unpacked by `repro julia install`"

    pkg = answering(bare_machine / "pkg", "1.11.1")
    monkeypatch.setattr(find, "_juliapkg_executable", lambda: pkg)
    assert (find_julia().version, find_julia().source) == ("1.11.1", "juliapkg's")

    answering(bare_machine / "bin", "1.10.4")
    assert (find_julia().version, find_julia().source) == ("1.10.4", "on PATH")

    monkeypatch.setenv("REPRO_JULIA", str(answering(bare_machine / "env", "1.9.0")))
    assert (find_julia().version, find_julia().source) == ("1.9.0", "named by REPRO_JULIA")

    argument = answering(bare_machine / "argument", "1.8.5")
    assert (find_julia(argument).version, find_julia(argument).source) == (
        "1.8.5",
        "named by the caller",
    )


def test_a_broken_one_on_path_is_passed_over_and_reported(bare_machine):
    program(bare_machine / "bin", "echo rubbish")
    with pytest.raises(JuliaNotFound) as missing:
        find_julia()
    lines = str(missing.value).splitlines()
    assert "on PATH" in lines[1] and "rubbish" in lines[1]
    assert lines[2].endswith("juliapkg's: none")
    assert GETS_ONE in lines[-1]
    answering(default_folder() / "debian-bullseye" / "bin", "1.5.3")
    assert find_julia().version == "1.5.3"


def test_a_read_only_home_does_not_matter(bare_machine, monkeypatch):
    """Finding writes nothing: a home that is not even a folder will do."""
    home = bare_machine / "home"
    home.write_text("")
    monkeypatch.setenv("HOME", str(home))
    answering(bare_machine / "bin", "1.5.3")
    assert find_julia().version == "1.5.3"


def test_pins_and_command(bare_machine, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    julia = find_julia(answering(bare_machine, "1.5.3"))
    assert julia.pinned
    assert julia.command("-e", "1") == [
        str(bare_machine / "julia"),
        *("--startup-file=no", "--history-file=no", "-C", "haswell", "-e", "1"),
    ]
    whole = julia.environ({"OPENBLAS_CORETYPE": "Zen", "HOME": "/h"})
    assert whole == {**BLAS_PINS, "HOME": "/h"}
    assert json.loads(json.dumps(julia.summary()))["pinned"] is True


def test_no_pins_where_there_are_no_such_kernels(bare_machine, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    julia = find_julia(answering(bare_machine, "1.5.3"))
    assert not julia.pinned
    assert "-C" not in julia.arguments and julia.environment == {}


def test_an_unpacked_one_keeps_its_caches_to_itself(bare_machine, monkeypatch):
    """Its launcher is known by whatever path it was named, and the user's own depot wins."""
    own = UnpackedJulia(default_folder() / "debian-bullseye")
    launcher = answering(own.prefix / "usr/bin", "1.5.3")
    program(launcher.parent, "", "julia-unpacked")
    own.executable.parent.mkdir()
    own.executable.symlink_to("../usr/bin/julia")
    (own.prefix / "preload.txt").write_text("lib/a.so\nusr/lib/b.so\n")
    for named in (None, own.executable, launcher):
        julia = find_julia(named)
        assert julia.environment["JULIA_DEPOT_PATH"] == str(default_folder() / "depot")
        assert julia.preload == (own.prefix / "lib/a.so", own.prefix / "usr/lib/b.so")
    monkeypatch.setenv("JULIA_DEPOT_PATH", "/my/depot")
    assert find_julia().environment["JULIA_DEPOT_PATH"] == "/my/depot"


def test_juliapkg_is_read_and_not_asked(bare_machine, monkeypatch):
    """Asking juliapkg for its Julia could install one; what it noted is enough."""
    monkeypatch.undo()
    from juliapkg.state import STATE

    note = bare_machine / "meta.json"
    monkeypatch.setitem(STATE, "meta", str(note))
    assert find._juliapkg_executable() is None
    for text in ("{}", "[]", "not json", '{"executable": "/nowhere/julia"}'):
        note.write_text(text)
        assert find._juliapkg_executable() is None, text
    resolved = answering(bare_machine, "1.10.4")
    note.write_text(json.dumps({"executable": str(resolved)}))
    assert find._juliapkg_executable() == resolved


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """`repro julia …` with a juliacall that does not start."""
    monkeypatch.setattr(cli, "juliacall_problem", lambda julia: "no PythonCall")
    return lambda *arguments: CliRunner().invoke(cli.app, arguments)


def test_status_for_machines(bare_machine, run):
    missing = run("status", "--json")
    assert missing.exit_code == 2
    assert json.loads(missing.stdout)["found"] is False
    assert GETS_ONE in json.loads(missing.stdout)["reason"]
    path = answering(bare_machine / "bin", "1.10.4")
    there = run("status", "--json")
    found = json.loads(there.stdout)
    assert there.exit_code == 0
    assert (found["version"], found["executable"]) == ("1.10.4", str(path))
    assert "juliacall" not in found, "it is not started to say what there is"
    tried = json.loads(run("status", "--json", "--juliacall").stdout)
    assert tried["juliacall"] == {"usable": False, "reason": "no PythonCall"}


def test_status_for_people(bare_machine, run):
    assert isinstance(run("status").exception, JuliaNotFound)
    answering(bare_machine / "bin", "1.10.4")
    shown = run("status").stdout
    assert "1.10.4" in shown and "on PATH" in shown
    assert "generator   Xoshiro" in shown
    tried = run("status", "--juliacall")
    assert "NOT usable: no PythonCall" in tried.stdout
    assert "its first start compiles, which takes minutes" in tried.stderr


def test_install_takes_what_is_there(bare_machine, run, monkeypatch):
    monkeypatch.setattr(cli, "install_julia", lambda *_, **__: pytest.fail("it unpacks another"))
    answering(bare_machine / "bin", "1.5.3")
    done = run("install")
    assert done.exit_code == 0 and "is there" in done.stdout


def test_another_julia_on_path_does_not_keep_1_5_3_out(bare_machine, run, monkeypatch):
    """Catches an install that is content with any Julia, and a choice that PATH alone makes."""
    answering(bare_machine / "bin", "1.10.8")
    unpacked = answering(bare_machine / "unpacked", "1.5.3")
    asked = []

    def install(*_, **__):
        asked.append(1)
        return SimpleNamespace(executable=unpacked)

    monkeypatch.setattr(cli, "install_julia", install)
    done = run("install")
    assert asked and "1.5.3 unpacked" in done.stdout and "REPRO_JULIA_VERSION=1.5.3" in done.stdout


def test_a_julia_is_chosen_by_version(bare_machine, monkeypatch):
    two_julias(bare_machine, monkeypatch)
    assert find_julia().version == "1.10.8"
    assert find_julia(version="1.5").version == "1.5.3"
    monkeypatch.setenv("REPRO_JULIA_VERSION", "1.5.3")
    assert find_julia().version == "1.5.3"
    with pytest.raises(JuliaNotFound, match="no Julia 1.1 was.*1.10.8 on PATH, 1.5.3 unpacked"):
        find_julia(version="1.1")


@pytest.mark.parametrize(
    "command",
    [
        ("julia", "status"),
        ("julia", "list"),
        ("parity", "--reference", "julia", "--case", "fomaml"),
        ("parity", "--localise", "--case", "fomaml_seed0_dense"),
        ("record", "fomaml", "--out", "kept"),
    ],
    ids=" ".join,
)
def test_every_command_that_starts_a_julia_takes_its_version(bare_machine, monkeypatch, command):
    """Catches an option that is parsed and goes nowhere: what is not there is asked for by name,
    in one line that says what to do; of what is there the wanted one is started."""
    two_julias(bare_machine, monkeypatch)
    missing = CliRunner().invoke(app, [*command, "--julia-version", "1.6"]).exception
    assert isinstance(missing, JuliaNotFound) and "\n" not in str(missing)
    assert "no Julia 1.6 was found, but 1.10.8 on PATH, 1.5.3 unpacked" in str(missing)
    assert "--julia-version" in str(missing) and GETS_ONE in str(missing)
    done = CliRunner().invoke(app, [*command, "--julia-version", "1.5"])
    assert "1.5.3" in f"{done.output} {done.exception}"
    assert ("1.10.8" in f"{done.output} {done.exception}") == ("list" in command)


def test_a_version_without_a_live_julia_is_refused():
    done = CliRunner().invoke(app, ["parity", "--case", "fomaml", "--julia-version", "1.5"])
    assert "--julia-version is for a live Julia" in str(done.exception)


def two_julias(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.10.8 comes first, 1.5.3 second; neither does more than tell its version."""
    found = [
        ("on PATH", answering(folder / "1.10.8", "1.10.8")),
        ("unpacked", answering(folder / "1.5.3", "1.5.3")),
    ]
    monkeypatch.setattr(find, "_candidates", lambda folder: iter(found))


def test_every_julia_is_listed_and_which_is_used(bare_machine, run):
    answering(bare_machine / "bin", "1.10.8")
    shown = run("list").stdout
    assert "used  1.10.8" in shown and "on PATH" in shown and "unpacked by" in shown
    assert "used: 1.10.8, the first that is found" in shown
    assert "claimed of 1.5.3 alone: NOT_RUN: no Julia 1.5.3 was found" in shown


def test_the_list_says_why(bare_machine, run, monkeypatch):
    """Catches a list that marks 1.10 where 1.1 is asked for, or the first for the chosen one."""
    two_julias(bare_machine, monkeypatch)
    shown = run("list", "--julia-version", "1.5").stdout
    assert "used  1.5.3" in shown and "used: 1.5.3, the first of --julia-version 1.5" in shown
    monkeypatch.setenv("REPRO_JULIA_VERSION", "1.5")
    shown = run("list").stdout
    assert "used  1.5.3" in shown and "used: 1.5.3, the first of REPRO_JULIA_VERSION=1.5" in shown
    assert f"alone: {bare_machine / '1.5.3' / 'julia'}" in shown
    monkeypatch.setenv("REPRO_JULIA_VERSION", "1.1")
    assert isinstance(run("list").exception, JuliaNotFound)
    monkeypatch.delenv("REPRO_JULIA_VERSION")
    monkeypatch.setenv("REPRO_JULIA", str(answering(bare_machine / "mine", "1.11.0")))
    shown = run("list").stdout
    assert "used  1.11.0" in shown and "used: 1.11.0, named by REPRO_JULIA" in shown


def test_arguments_in_the_variable_are_refused_with_the_variables_to_use(monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", "julia +1.10")
    with pytest.raises(JuliaNotFound, match="JULIAUP_CHANNEL.*JULIA_NUM_THREADS"):
        find_julia()


def test_a_julia_built_for_its_own_machine_is_started_without_the_pinned_processor(fake_julia):
    """It refuses `-C haswell`; through juliacall Python would die with it."""
    program = fake_julia(
        'case "$*" in *--version*) echo "julia version 1.10.8";;\n'
        '*-C*) echo "ERROR: Unable to find compatible target in cached code image." >&2; exit 1;;\n'
        "esac"
    )
    julia = find_julia(program)
    assert "-C" not in julia.arguments and not julia.pinned


def test_juliacall_is_tried_in_a_process_of_its_own(bare_machine, monkeypatch):
    for name in list(os.environ):
        if name.startswith("PYTHON_JULIA"):
            monkeypatch.delenv(name)
    problem = cli.juliacall_problem(find_julia(answering(bare_machine, "1.5.3")))
    assert problem is not None and "not set up for Julia 1.5.3" in problem


@pytest.mark.parametrize(
    ("required", "status", "says"),
    [("0", 0, "1 skipped"), ("1", 1, "1 error")],
)
def test_tests_that_lack_a_julia_say_so_or_fail(required, status, says):
    """Where Julia is required a missing one is no skip, and elsewhere a skip is no pass."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", NEEDS_JULIA, TEST_FILE],
        env={**os.environ, "REPRO_REQUIRE_JULIA": required, "REPRO_JULIA": "/nowhere/julia"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout
    assert says in done.stdout and "passed" not in done.stdout
    assert GETS_ONE in done.stdout
    assert ("NOT RUN" in done.stdout) == (required == "0")
