"""Unpacking a Julia: with packages made here, and apt's own refusal of what nobody signed."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.sides.julia import debian, install
from repro.sides.julia.debian import JuliaNotInstalled
from repro.sides.julia.find import find_julia
from repro.sides.julia.install import default_folder, install_julia, unpacked_julia

JULIA = """#!/bin/sh
[ "$1" = --startup-file=no ] && [ "$2" = -e ] && { echo 'caught 27'; exit; }
[ "$1" = --startup-file=no ] && [ "$2" = --version ] && { echo julia version 1.5.3; exit; }
echo "$LD_LIBRARY_PATH $JULIA_DEPOT_PATH $*"
"""


@pytest.fixture
def needs_apt(not_run: Callable[[str], None]) -> None:
    """Debian's tools; elsewhere there is nothing to test."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            not_run(f"this system has no {tool}; run the test on Debian or Ubuntu")


@pytest.fixture
def packages(needs_apt: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two packages with a Julia made here, in place of those that apt would fetch."""
    contents = {"julia": ("usr/bin/julia", JULIA), "libjulia1": ("usr/lib/here/libjulia.so.1", "")}
    made = []
    for name, (path, text) in contents.items():
        tree = tmp_path / "trees" / name
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text(text)
        (tree / path).chmod(0o755)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: 1.5.3\nArchitecture: all\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: made here\n"
        )
        made.append(tmp_path / f"{name}_1.5.3_all.deb")
        subprocess.run(["dpkg-deb", "--build", tree, made[-1]], check=True, capture_output=True)
    monkeypatch.setattr(debian, "download", lambda *_: made)
    return made


def test_what_is_unpacked_runs_with_its_own_libraries_and_depot(packages, tmp_path, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    monkeypatch.delenv("JULIA_DEPOT_PATH", raising=False)
    home = tmp_path / "with space"
    julia = install_julia(home)
    said = subprocess.run([julia.executable, "hello"], capture_output=True, text=True).stdout
    assert said == f"{julia.prefix}/usr/lib/here:/mine {home / 'depot'} hello\n"
    assert sorted(path.name for path in home.iterdir()) == ["debian-bullseye", "install.lock"]
    assert find_julia(julia.executable).version == "1.5.3"


def test_it_may_be_moved(packages, tmp_path):
    install_julia(tmp_path / "before")
    (tmp_path / "before").rename(tmp_path / "after")
    moved = unpacked_julia(tmp_path / "after")
    assert find_julia(moved.executable).version == "1.5.3"


def test_a_finished_one_is_kept_unless_told_otherwise(packages, tmp_path):
    julia = install_julia(tmp_path / "home")
    mark = julia.prefix / "mark"
    mark.touch()
    assert install_julia(tmp_path / "home") == julia and mark.exists()
    assert install_julia(tmp_path / "home", again=True) == julia and not mark.exists()


@pytest.mark.parametrize("interrupted_at", ["downloading", "unpacking", "starting"])
def test_an_interrupted_one_is_taken_up_again(packages, tmp_path, monkeypatch, interrupted_at):
    """A tree that is not finished is never taken for a Julia."""

    def interrupt(text: str, done: int, total: int) -> None:
        if text.startswith(interrupted_at) and (done or interrupted_at != "unpacking"):
            raise KeyboardInterrupt

    def download(names, left_out, suite, home, report):
        report("downloading julia", 0, 2)
        return packages

    monkeypatch.setattr(debian, "download", download)
    with pytest.raises(KeyboardInterrupt):
        install_julia(tmp_path / "home", report=interrupt)
    assert unpacked_julia(tmp_path / "home") is None
    assert find_julia(install_julia(tmp_path / "home").executable).version == "1.5.3"


def test_one_that_fails_its_self_test_is_not_kept(packages, tmp_path, monkeypatch):
    """As with a libunwind of another version, which turns every exception into a crash."""
    monkeypatch.setattr(install, "_SELF_TEST", "unused")
    tree = tmp_path / "trees/julia/usr/bin/julia"
    tree.write_text("#!/bin/sh\nkill -SEGV $$\n")
    rebuild = ["dpkg-deb", "--build", tmp_path / "trees/julia", packages[0]]
    subprocess.run(rebuild, check=True, capture_output=True)
    with pytest.raises(JuliaNotInstalled, match="status -11"):
        install_julia(tmp_path / "home")
    tree.write_text("#!/bin/sh\necho caught 26\n")
    subprocess.run(rebuild, check=True, capture_output=True)
    with pytest.raises(JuliaNotInstalled, match="'caught 26' to its self-test"):
        install_julia(tmp_path / "home")
    assert unpacked_julia(tmp_path / "home") is None


def test_two_at_once_do_the_work_once(packages, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(debian, "download", lambda *_: calls.append(1) or packages)
    threads = [threading.Thread(target=install_julia, args=(tmp_path / "home",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "inside", Path("/proc/nowhere")):
        with pytest.raises(JuliaNotInstalled, match="cannot be written.*REPRO_JULIA_FOLDER"):
            install_julia(folder)


def test_a_system_without_apt(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JuliaNotInstalled, match="no apt-get.*REPRO_JULIA"):
        install_julia(tmp_path / "home")


def test_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_CACHE_DIR", raising=False)
    monkeypatch.setenv("REPRO_JULIA_FOLDER", "~/mine")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / "mine"
    monkeypatch.delenv("REPRO_JULIA_FOLDER")
    assert default_folder() == Path(__file__).resolve().parents[2] / ".julia"
    monkeypatch.setattr(install, "checkout", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_folder() == tmp_path / "cache/julia-parity"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == tmp_path / ".cache/julia-parity"


def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Make apt believe that these are the system's sources."""
    folder = tmp_path / "sources.list.d"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{folder}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))


ONE_LINE = """\
deb http://mirror.invalid/debian-security bookworm-security main
# deb http://commented.invalid/debian bookworm main
deb [arch=amd64] http://mirror.invalid/pub/debian/ bookworm main contrib
"""
DEB822 = """\
Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://mirror.invalid/pub/debian/
Suites: bookworm bookworm-updates
Components: main
"""
OTHERS = (
    "deb http://mirror.invalid/ubuntu jammy main\ndeb http://apt.invalid/debian-security x main\n"
)


@pytest.mark.parametrize(("name", "text"), [("a.list", ONE_LINE), ("a.sources", DEB822)])
def test_the_mirror_is_the_systems(needs_apt, tmp_path, monkeypatch, name, text):
    monkeypatch.delenv("REPRO_DEBIAN_MIRROR", raising=False)
    sources(tmp_path, monkeypatch, name, text)
    assert debian.mirror() == "http://mirror.invalid/pub/debian/"


def test_no_debian_archive(needs_apt, tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_DEBIAN_MIRROR", raising=False)
    sources(tmp_path, monkeypatch, "a.list", OTHERS)
    with pytest.raises(JuliaNotInstalled, match="name no Debian archive.*REPRO_DEBIAN_MIRROR"):
        debian.mirror()
    monkeypatch.setenv("REPRO_DEBIAN_MIRROR", "http://archive.invalid/debian")
    assert debian.mirror() == "http://archive.invalid/debian"


def test_an_archive_that_nobody_signed_is_refused(needs_apt, tmp_path, monkeypatch):
    """Checks of signatures stay on: else whoever answers for the mirror could run code here."""
    lists = tmp_path / "debian/dists/bullseye/main/binary-amd64"
    lists.mkdir(parents=True)
    (lists / "Packages").write_text("")
    (tmp_path / "debian/dists/bullseye/Release").write_text("Suite: bullseye\nCodename: bullseye\n")
    monkeypatch.setenv("REPRO_DEBIAN_MIRROR", f"file:{tmp_path}/debian")
    with pytest.raises(JuliaNotInstalled, match="not signed"):
        install_julia(tmp_path / "home")


def test_a_step_that_fails_is_quoted():
    with pytest.raises(JuliaNotInstalled, match="(?s)status 4.*last words.*out of paper"):
        debian.run(["sh", "-c", "echo out of paper >&2; exit 4"])
    with pytest.raises(JuliaNotInstalled, match="does not run"):
        debian.run(["/nowhere/program"])
    lines: list[str] = []
    assert debian.run(["printf", "a\\nb\\n"], on_line=lines.append) == "a\nb\n"
    assert lines == ["a\n", "b\n"]


@pytest.mark.julia
def test_the_unpacked_julia_survives_an_exception_and_starts_itself(not_run):
    """With a libunwind of another version every exception would be a crash."""
    own = unpacked_julia()
    if own is None:
        not_run("no Julia was unpacked. Do so with: repro julia install")
    julia = find_julia(own.executable)
    script = (
        'try; error("x"); catch; end; print(readchomp(`$(Base.julia_cmd()) -e "print(6 * 7)"`))'
    )
    done = subprocess.run(
        julia.command("-e", script), env=julia.environ(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "42"), done.stderr


def test_no_address_is_written_into_the_package():
    """The mirror is the system's own."""
    files = sorted(Path(install.__file__).parent.glob("*.py"))
    assert {"debian.py", "install.py", "find.py"} <= {path.name for path in files}
    assert [path.name for path in files if "://" in path.read_text()] == []
