"""Packages of a Debian release other than this system's, without root.

apt does the work: it resolves dependencies, downloads, and checks the archive's signature and
every file's hash. It is given a source list, package lists, cache and status file of its own, so
nothing of the system is read but its mirror and its keys, and nothing is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Sequence
from pathlib import Path, PurePosixPath

from repro.errors import ReproError

#: Called as report(text, done, total) as work goes on.
Report = Callable[[str, int, int], None]

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_OTHERWISE = (
    "Get a Julia in another way (any version from 1.0 on will do) and put it on PATH, "
    "or name it with REPRO_JULIA."
)

# Read after the system's own settings (a proxy may be among them). The hooks that container
# images add would act on the system's cache; preferences would steer the choice of versions.
_SETTINGS = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{home}/state";
Dir::State::lists "{home}/state/lists";
Dir::State::status "{home}/state/status";
Dir::State::extended_states "{home}/state/extended_states";
Dir::Cache "{home}/cache";
Dir::Cache::archives "{home}/cache/archives";
APT::Sandbox::User "root";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
APT::Install-Recommends "false";
APT::Get::List-Cleanup "true";
Acquire::Languages "none";
Acquire::Retries "3";
Dpkg::Use-Pty "false";
"""


class JuliaNotInstalled(ReproError):
    """Julia could not be unpacked; the message says at which step and what to do instead."""


def download(
    packages: Sequence[str],
    left_out: Collection[str],
    suite: str,
    home: Path,
    report: Report,
) -> list[Path]:
    """Fetch `packages` of a Debian release with all they depend on, less `left_out`.

    Args:
        suite: the release's name.
        home: a folder to work in; what an earlier call left there is not fetched again.

    Returns:
        The `.deb` files.

    Raises:
        JuliaNotInstalled: there is no apt, no Debian archive is set up, or apt failed.
    """
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise JuliaNotInstalled(f"this system has no {tool}. {_OTHERWISE}")
    settings = _prepare(home, suite)
    report("reading the list of packages", 0, 0)
    apt = ["apt-get", "-q", "-c", str(settings)]
    run([*apt, "update", "--error-on=any"])
    plan = run([*apt, "install", "--simulate", *packages])
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    names = [name for name in names if name not in left_out]
    archives = home / "archives"
    archives.mkdir(exist_ok=True)
    fetched = 0

    def count(line: str) -> None:
        nonlocal fetched
        if line.startswith("Get:"):
            fetched += 1
            report(f"downloading {line.split()[4]}", fetched - 1, len(names))

    run([*apt, "download", *names], cwd=archives, on_line=count)
    found = sorted(archives.glob("*.deb"))
    if {path.name.split("_")[0] for path in found} != set(names):
        raise JuliaNotInstalled(
            f"apt left other packages in {archives} than the {len(names)} that were asked for. "
            "Delete that folder and call again."
        )
    return found


def mirror() -> str:
    """The address of the Debian archive that this system's apt uses.

    `REPRO_DEBIAN_MIRROR` names another, for instance the archive of old releases.

    Raises:
        JuliaNotInstalled: apt's sources name no Debian archive.
    """
    named = os.environ.get("REPRO_DEBIAN_MIRROR")
    if named:
        if re.search(r"[\s\[\]]", named):  # in a list of sources these switch checks off
            raise JuliaNotInstalled(f"REPRO_DEBIAN_MIRROR={named!r} is no address: give one alone")
        return named
    # Without --no-release-info apt leaves out sources whose lists were never fetched, and on a
    # new machine that is all of them.
    listing = ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"]
    sources = run([*listing, "Created-By: Packages"])
    for address in sources.split():
        # The archive of security updates lies in a folder of another name.
        if PurePosixPath(address).name in ("debian", "debian.list"):
            return address
    raise JuliaNotInstalled(
        f"apt's sources name no Debian archive. Name one with REPRO_DEBIAN_MIRROR, or: {_OTHERWISE}"
    )


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run a step, hand on its lines as they come, and give back all it printed.

    Raises:
        JuliaNotInstalled: it could not be started, or ended with another status than 0.
    """
    environment = {**(os.environ if env is None else env), "LC_ALL": "C.UTF-8"}
    environment["DEBIAN_FRONTEND"] = "noninteractive"
    lines = []
    try:
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if on_line is not None:
                    on_line(line)
    except OSError as problem:
        raise JuliaNotInstalled(f"{command[0]} does not run ({problem}). {_OTHERWISE}") from problem
    if process.returncode != 0:
        raise JuliaNotInstalled(
            f"`{' '.join(command[:6])} …` ended with status {process.returncode}; its last words:\n"
            f"{''.join(lines[-8:])}\nThe next call goes on where this one stopped. {_OTHERWISE}"
        )
    return "".join(lines)


def _prepare(home: Path, suite: str) -> Path:
    """Lay out apt's folders below `home`; returns its settings file."""
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "state/status").write_text("")
    # Without that file apt falls back to the keys that the system trusts for every source.
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.is_file() else ""
    (home / "sources.list").write_text(f"deb {signed}{mirror()} {suite} main\n")
    settings = home / "apt.conf"
    settings.write_text(_SETTINGS.format(home=home))
    return settings
