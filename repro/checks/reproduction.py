"""The first wrong step alone, as files that show the difference without this package.

``reference.npz`` and ``port.npz`` hold what both sides computed in that step; of a port written as
a step, ``state.npz`` and ``draws.npz``, or ``inputs.npz``, what went into it. ``show.py`` prints
both sides' values; where the port's step is a function at the top of a file that does not need
this package, it runs it, from a copy of that file.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from repro.checks.pair import Divergence, Pair
from repro.checks.seen import allowed_at
from repro.run import Run, atomic, base_name

HEAD = '''"""{title}: {shows}. Needs {needs}."""
from pathlib import Path

import numpy as np
{imports}
folder, name = Path(__file__).parent, {name!r}
'''

SIDE_BY_SIDE = """expected = np.load(folder / "reference.npz").get(name)
found = np.load(folder / "port.npz").get(name)
"""

RUNS_THE_STEP = """given = [dict(np.load(folder / file)) for file in {given}]
expected, found = np.load(folder / "reference.npz").get(name), {function}(*given)[name]
found = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found)
found = np.stack([found.real, found.imag], -1) if np.iscomplexobj(found) else found
"""

SHOWS = """for side, a in ("reference", expected), ("port", found):
    print(side, getattr(a, "dtype", "without it"), a, sep="\\n")
"""

SHOWS_THE_DIFFERENCE = """off = np.abs(found - expected.astype(float)).max()
print("largest difference:", off, "allowed:", {allowed})
"""


def write(pair: Pair, first: Divergence, folder: Path) -> list[Path]:
    """Write the step in which a port first is wrong.

    Args:
        pair: the two runs, and the port's step function where it has one.
        first: what is wrong.
        folder: made where it is missing; files of the same names are replaced.

    Returns:
        The files, the script last.
    """
    step = first.step
    assert step is not None
    files = {"reference": _step(pair.reference, step), "port": _step(pair.port, step)}
    function, given = None, {}
    stepper = pair.stepper
    if stepper is not None and first.resynchronised:
        draws = stepper.draws_at(step)
        given = {"inputs": draws}
        if not stepper.alone:
            given = {"state": stepper.state_before(step), "draws": draws}
        function = _shown(stepper.step, given, first.name)
    sides, files = (files["reference"], files["port"]), files | given
    paths = [_write_arrays(folder / f"{name}.npz", arrays) for name, arrays in files.items()]
    about = {
        "title": _plain(f"`{first.name}` in step {step}"),
        "name": first.name,
        "allowed": f"{allowed_at(pair, first.name, step):.3g}",
        "shows": "what both sides computed",
        "needs": "NumPy alone",
        "imports": "",
    }
    if function is not None:
        about |= {"shows": "runs the port's step", "function": function.__name__}
        about |= {"given": str([f"{name}.npz" for name in given])}
        about |= _importing(function, folder)
    about["needs"] = _plain(about["needs"])
    text = HEAD + (SIDE_BY_SIDE if function is None else RUNS_THE_STEP) + SHOWS
    text += SHOWS_THE_DIFFERENCE if _subtracted(*(side.get(first.name) for side in sides)) else ""
    return [*paths, _write_text(folder / "show.py", text.format(**about))]


def _plain(text: str) -> str:
    """For a docstring, which a name out of a file must not end."""
    return re.sub(r"[^\w .,/'`-]", "?", text)


def _subtracted(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether there is a largest difference: of numbers, in one shape, on both sides."""
    if a is None or b is None or a.shape != b.shape or not a.size:
        return False
    return {a.dtype.kind, b.dtype.kind} <= set("biuf")


def _step(run: Run, step: int) -> dict[str, np.ndarray]:
    return {
        base_name(label): q.at(np.array([step]))[0]
        for label, q in run.quantities.items()
        if step in q.steps
    }


def _shown(
    function: Callable[..., Any], given: Mapping[str, Mapping[str, np.ndarray]], name: str
) -> Callable[..., Any] | None:
    """The step, if it can be imported elsewhere and returns what is wrong (and does not only note
    it on the way)."""
    if not _importable(function):
        return None
    copies = ({n: a.copy() for n, a in part.items()} for part in given.values())
    try:
        return function if name in function(*copies) else None
    except Exception:
        return None


def _importable(function: Callable[..., Any]) -> bool:
    """Whether it is a function at the top of a file that does not import this package."""
    name = getattr(function, "__qualname__", "")
    module = sys.modules.get(getattr(function, "__module__", ""))
    if not name.isidentifier() or getattr(module, name, None) is not function:
        return False
    try:
        file = inspect.getsourcefile(function)
        imported = _imported(Path(file or "").read_text(encoding="utf-8"))
    except (OSError, TypeError, SyntaxError):
        return False
    return not {"repro", "pytest"} & imported


def _imported(text: str) -> set[str]:
    """The packages that a file's import statements name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("" if node.level else (node.module or "").partition(".")[0])
    return found


def _importing(function: Callable[..., Any], folder: Path) -> dict[str, str]:
    """How the script imports the step: from a copy of its file beside the script, or from where it
    lies, if it is part of a package or imports files beside it."""
    file, module = Path(inspect.getfile(function)).resolve(), function.__module__
    beside = {path.stem for path in file.parent.iterdir() if path.suffix in ("", ".py")}
    alone = not beside & (_imported(file.read_text(encoding="utf-8")) | {"__init__"})
    if module == "__main__":
        module = file.stem
    if alone and "." not in module:
        # The script itself is called show, and `my-port` could not be imported.
        module = module if module.isidentifier() and module != "show" else "the_port"
        if folder.resolve() / f"{module}.py" != file:
            with atomic(folder / f"{module}.py") as temporary:
                temporary.write_bytes(file.read_bytes())
        line = f"from {module} import {function.__name__}\n"
        return {"imports": line, "needs": f"NumPy and {module}.py, a copy of the port's file"}
    line = f"from {module} import {function.__name__}\n"
    if not module.replace(".", "").isidentifier():
        line = f"{function.__name__} = __import__({module!r}).{function.__name__}\n"
    root = str(file.parents[module.count(".")])
    line = f"import sys\n\nsys.path.insert(0, {root!r})\n{line}"
    return {"imports": line, "needs": f"NumPy and what lies in {root}"}


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """A plain ``.npz``, whatever the names are (:func:`numpy.savez` has some for itself)."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, a in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asanyarray(a), allow_pickle=False)
    return path


def _write_text(path: Path, text: str) -> Path:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
