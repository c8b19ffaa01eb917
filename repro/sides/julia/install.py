"""A Julia for machines that reach Debian's packages and nothing else that has one.

`install_julia` unpacks Julia 1.5.3 from the packages of Debian 11 (bullseye) into a folder of
the project's own. It needs no root and leaves the system as it is: apt runs with its own source
list, package lists and cache, and with an empty status file, so that it names every package that
Julia needs and not only those this system lacks. Checks of signatures and hashes are apt's, and
stay on.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from repro.folders import checkout, user_cache
from repro.sides.julia import debian
from repro.sides.julia.debian import JuliaNotInstalled, Report

INSTALL_COMMAND = "repro julia install   (or, in a checkout: make julia)"

SUITE = "bullseye"
PACKAGES = ("julia", "libjulia-dev")
#: In the closure, but no part of Julia: the C library has to be the system's own.
LEFT_OUT = frozenset({"libc6", "dpkg", "perl-base", "tar", "debconf"})

_PREFIX = f"debian-{SUITE}"
# An exception is what fails when the wrong libunwind was loaded, and BLAS is loaded lazily.
_SELF_TEST = """
using LinearAlgebra, Random, Libdl
caught = try; error(); catch; "caught"; end
println(caught, " ", round(Int, sum(ones(3, 3) * ones(3, 3))))
foreach(println, dllist())
"""

# Takes the place of usr/bin/julia, where a running Julia looks for the program when it starts
# another of itself; bin/julia is a link to it.
_LAUNCHER = """\
#!/bin/sh
# Starts the Julia beside this file with the libraries that were unpacked with it.
here=$(dirname "$(readlink -f "$0")")
prefix=${{here%/usr/bin}}
LD_LIBRARY_PATH="{folders}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
JULIA_DEPOT_PATH="${{JULIA_DEPOT_PATH:-${{prefix%/*}}/depot}}"
export LD_LIBRARY_PATH JULIA_DEPOT_PATH
exec "$here/{program}" "$@"
"""
_PROGRAM = "julia-unpacked"


@dataclass(frozen=True)
class UnpackedJulia:
    """A Julia unpacked below `prefix`; `executable` is a launcher that sets its library path."""

    prefix: Path

    @property
    def executable(self) -> Path:
        """The launcher."""
        return self.prefix / "bin" / "julia"

    @property
    def depot(self) -> Path:
        """Where it keeps what it has compiled: beside the prefix, not in the home folder."""
        return self.prefix.parent / "depot"

    def preload(self) -> tuple[Path, ...]:
        """The libraries that libjulia needs, each after those that it needs itself."""
        listing = self.prefix / "preload.txt"
        if not listing.is_file():
            return ()
        return tuple(self.prefix / line for line in listing.read_text().split())


def default_folder() -> Path:
    """Where Julia is unpacked unless told otherwise.

    `REPRO_JULIA_FOLDER` if set; `.julia` in the project for a checkout; for an installed package
    the user's cache folder.
    """
    named = os.environ.get("REPRO_JULIA_FOLDER")
    if named:
        return Path(named).expanduser().absolute()
    project = checkout()
    return project / ".julia" if project is not None else user_cache()


def unpacked_julia(folder: str | os.PathLike[str] | None = None) -> UnpackedJulia | None:
    """The Julia that an earlier `install_julia(folder)` finished, if any."""
    found = UnpackedJulia(_folder(folder) / _PREFIX)
    return found if found.executable.is_file() else None


def unpacked_with(executable: Path) -> UnpackedJulia | None:
    """The unpacked Julia that `executable` is the launcher of, if it is one."""
    program = executable.resolve()
    if program.name == "julia" and program.with_name(_PROGRAM).is_file():
        return UnpackedJulia(program.parents[2])
    return None


def install_julia(
    folder: str | os.PathLike[str] | None = None,
    *,
    again: bool = False,
    report: Report | None = None,
) -> UnpackedJulia:
    """Unpack Julia 1.5.3 below `folder`, unless it is there.

    What an interrupted call had downloaded is used by the next; the finished tree appears in one
    step. Two calls at once wait for each other.

    Args:
        folder: default `default_folder()`. About 600 MB when done.
        again: unpack anew even where a finished one lies.
        report: called as `report(text, done, total)` as work goes on.

    Raises:
        JuliaNotInstalled: apt is missing, no Debian archive is set up, or a step failed.
    """
    home = _folder(folder)
    say = report or (lambda text, done, total: None)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / "install.lock")
        lock.acquire()
    except OSError as problem:
        raise JuliaNotInstalled(
            f"{home} cannot be written to ({problem}). Name another folder with "
            "REPRO_JULIA_FOLDER, or a Julia that is there already with REPRO_JULIA."
        ) from problem
    try:
        found = unpacked_julia(home)
        if found is not None and not again:
            return found
        return _install(home, say)
    finally:
        lock.release()


def _install(home: Path, say: Report) -> UnpackedJulia:
    archives = debian.download(PACKAGES, LEFT_OUT, SUITE, home / "download", say)
    half = home / "unpacking"
    shutil.rmtree(half, ignore_errors=True)
    for count, archive in enumerate(archives):
        say(f"unpacking {archive.name.split('_')[0]}", count, len(archives))
        debian.run(["dpkg", "-x", str(archive), str(half)])
    say("starting it once", len(archives), len(archives))
    _finish(UnpackedJulia(half))
    final, old = UnpackedJulia(home / _PREFIX), home / "replaced"
    shutil.rmtree(old, ignore_errors=True)
    if final.prefix.exists():
        final.prefix.rename(old)
    half.rename(final.prefix)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(home / "download", ignore_errors=True)
    return final


def _finish(julia: UnpackedJulia) -> None:
    """Write the launcher, see that Julia runs, and list the libraries that it loads."""
    libjulia = next(julia.prefix.glob("usr/lib/*/libjulia.so.1"))
    folders = [libjulia.parent, julia.prefix / "lib" / libjulia.parent.name]
    inside = [folder.relative_to(julia.prefix) for folder in folders if folder.is_dir()]
    launcher = julia.prefix / "usr/bin/julia"
    launcher.rename(launcher.with_name(_PROGRAM))
    search_path = ":".join(f"$prefix/{folder}" for folder in inside)
    launcher.write_text(_LAUNCHER.format(folders=search_path, program=_PROGRAM))
    launcher.chmod(0o755)
    julia.executable.parent.mkdir()
    julia.executable.symlink_to("../usr/bin/julia")
    answer = debian.run([str(julia.executable), "--startup-file=no", "-e", _SELF_TEST])
    first, *loaded = answer.splitlines()
    if first != "caught 27":
        raise JuliaNotInstalled(
            f"the unpacked Julia answered {first!r} to its self-test. Get a Julia in another way "
            "and name it with REPRO_JULIA."
        )
    ours = [Path(path) for path in loaded if Path(path).parent in folders]
    search = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}
    needs = {path: debian.run(["ldd", str(path)], env=search).count("=>") for path in ours}
    # What a library needs has fewer needs than the library itself, so this order is bottom-up.
    ordered = sorted(set(ours) - {libjulia}, key=lambda path: (needs[path], path.name))
    (julia.prefix / "preload.txt").write_text(
        "".join(f"{path.relative_to(julia.prefix)}\n" for path in ordered)
    )


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    return default_folder() if folder is None else Path(folder).expanduser().absolute()
