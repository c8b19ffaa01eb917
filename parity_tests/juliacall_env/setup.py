"""Set up an environment in which juliacall runs where Julia's package registry is out of reach.

    python parity_tests/juliacall_env/setup.py [--again] [--print-env]

Idempotent: what an earlier call finished for the same Julia, juliacall and stand-ins is kept.
See README.md beside this file for why this exists. It is for tests; the package knows nothing
of it but the two environment variables that juliacall itself reads.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from filelock import FileLock

from repro.sides.julia.find import Julia, JuliaNotFound, find_julia
from repro.sides.julia.install import default_folder

HERE = Path(__file__).resolve().parent
#: The version whose start-up line and source work on Julia 1.5; see README.md.
JULIACALL = "0.9.34"

PYTHONCALL = "6099a3de-0909-46bc-b1f4-468b9a2dfc0d"
STANDINS = {
    "CompilerSupportLibraries_jll": "e66e0078-7015-5450-92f7-15fbd957f2ae",
    "CondaPkg": "992eb4ea-22a4-4c89-a5bb-47a3300528ab",
    "MacroTools": "1914dd2f-81c6-5fcd-8719-6d5c9610ff09",
    "Preferences": "21216c6a-2e73-6563-6e65-726566657250",
    "Tables": "bd369af6-aec1-5ad0-b16a-f7cc5008161c",
    "UnsafePointers": "e17b2a0c-0bdf-430a-bd0c-3a23cae4ff39",
}
STDLIBS = {
    "Dates": "ade2ca70-3891-5945-98fb-dc099432e06a",
    "Libdl": "8f399da3-3557-5675-b5ff-fb832c97cbdb",
    "Markdown": "d6f4376e-aef5-505a-96c1-9c027394607a",
    "Serialization": "9e88b42a-f829-5b0c-bbe9-9e923198166b",
}


class NotSetUp(RuntimeError):
    """juliacall's environment could not be made; the message says at which step."""


def set_up(julia: Julia, *, again: bool = False) -> dict[str, str]:
    """Make the environment for `julia`, unless it is there.

    Returns:
        The variables under which `import juliacall` uses it.

    Raises:
        NotSetUp: a download, a patch or the first start failed.
    """
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / "juliacall.lock"):
        if again or not is_set_up(julia):
            print("setting up juliacall for tests: about half a minute", file=sys.stderr)
            _build(folder)
            _start_once(julia)
            (folder / "stamp.json").write_text(json.dumps(_identity(julia), indent=1))
    return variables(julia)


def is_set_up(julia: Julia) -> bool:
    """Whether an earlier call finished with the same Julia, juliacall, Python and sources."""
    stamp = _folder() / "stamp.json"
    return stamp.is_file() and json.loads(stamp.read_text()) == _identity(julia)


def variables(julia: Julia) -> dict[str, str]:
    """What to set so that juliacall uses this environment."""
    return {
        "PYTHON_JULIACALL_EXE": str(julia.executable),
        "PYTHON_JULIACALL_PROJECT": str(_folder()),
    }


def _folder() -> Path:
    return default_folder() / "juliacall"


def _identity(julia: Julia) -> dict[str, object]:
    """What the finished environment depends on."""
    ours = hashlib.sha256()
    for path in sorted([HERE / "setup.py", *HERE.glob("standins/**/*.jl")]):
        ours.update(path.read_bytes())
    return {
        "julia": str(julia.executable),
        "version": julia.version,
        "juliacall": _installed(),
        "sources": ours.hexdigest(),
    }


def _installed() -> str:
    try:
        return importlib.metadata.version("juliacall")
    except importlib.metadata.PackageNotFoundError:
        return "(none)"


def _build(folder: Path) -> None:
    if _installed() != JULIACALL:
        raise NotSetUp(
            f"juliacall {_installed()} is installed; this environment is for {JULIACALL}. "
            f"Install it with: pip install juliacall=={JULIACALL}"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _patch(_unpack(_download(folder), folder / "PythonCall"))
    for name in STANDINS:
        shutil.copytree(HERE / "standins" / name, folder / name)
    (folder / "Project.toml").write_text(_project())
    (folder / "Manifest.toml").write_text(_manifest())


def _download(folder: Path) -> Path:
    """juliacall's source archive, which holds PythonCall's source."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
    command += [str(folder), "--no-binary", "juliacall", f"juliacall=={JULIACALL}"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = sorted(folder.glob("juliacall-*.tar.gz"))
    if done.returncode != 0 or len(found) != 1:
        raise NotSetUp(
            f"pip did not fetch the source archive of juliacall {JULIACALL}:\n{done.stderr[-2000:]}"
        )
    return found[0]


def _unpack(archive: Path, target: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(archive.parent, filter="data")
    archive.with_name(archive.name.removesuffix(".tar.gz")).rename(target)
    archive.unlink()
    return target


def _patch(pythoncall: Path) -> None:
    """Spell two places so that Julia 1.5 understands them too."""
    # Evaluating into a module that is closed already is an error while precompiling.
    _replace(
        pythoncall / "src/Core/consts.jl",
        r"^@eval pybuiltins begin$.*?^end$",
        "foreach(BUILTINS) do name\n"
        "    ccall(:jl_set_const, Cvoid, (Any, Any, Any), pybuiltins, name, pynew())\n"
        "end",
    )
    # Meta.parseall came with Julia 1.6.
    module = pythoncall / "src/JlWrap/module.jl"
    _replace(module, r"Meta\.parseall", "parse_whole")
    with module.open("a") as file:
        file.write("\nparse_whole(text) = Base.parse_input_line(String(text))\n")


def _replace(path: Path, pattern: str, text: str) -> None:
    patched, count = re.subn(
        pattern, lambda match: text, path.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    if count != 1:
        raise NotSetUp(f"{path} has {count} places like {pattern!r} where one was expected")
    path.write_text(patched)


def _project() -> str:
    # A package that is in the manifest alone is not found by `Base.require`.
    listed = {"PythonCall": PYTHONCALL, **STANDINS}
    return "[deps]\n" + "".join(f'{name} = "{uuid}"\n' for name, uuid in listed.items())


def _manifest() -> str:
    needs = sorted({*STANDINS, *STDLIBS} - {"CompilerSupportLibraries_jll"})
    entries = [f'[[PythonCall]]\ndeps = {json.dumps(needs)}\npath = "PythonCall"\n']
    entries[0] += f'uuid = "{PYTHONCALL}"\nversion = "{JULIACALL}"\n'
    for name, uuid in STANDINS.items():
        entries.append(f'[[{name}]]\npath = "{name}"\nuuid = "{uuid}"\nversion = "1.0.0"\n')
    for name, uuid in STDLIBS.items():
        entries.append(f'[[{name}]]\nuuid = "{uuid}"\n')
    return "\n".join(entries)


def _start_once(julia: Julia) -> None:
    """Start juliacall, so that Julia compiles the packages now and not in a test."""
    script = "from repro.sides.julia.juliacall_bridge import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, str(julia.executable)],
        cwd=HERE.parents[1],
        env={**os.environ, **variables(julia)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise NotSetUp(
            f"juliacall did not start (status {done.returncode}):\n"
            f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--again", action="store_true", help="set up anew")
    parser.add_argument("--print-env", action="store_true", help="print the variables to set")
    options = parser.parse_args()
    try:
        needed = set_up(find_julia(), again=options.again)
    except (NotSetUp, JuliaNotFound) as problem:
        print(f"NOT RUN: juliacall could not be set up: {problem}", file=sys.stderr)
        return 2
    if options.print_env:
        print("".join(f"{name}={value}\n" for name, value in needed.items()), end="")
    else:
        print(f"juliacall {JULIACALL} is set up in {needed['PYTHON_JULIACALL_PROJECT']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
