"""python answering.py INPUT OUTPUT: call one function of a user's file and send what it yields.

Run by another Python, 3.10 or later, that has NumPy and need not have this package: what it takes
of ours it loads from the files beside. The frames go over descriptors of their own: the user's code
may print whatever it likes.
"""

import importlib.util
import os
import platform
import sys
import traceback
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

OURS = Path(__file__).parents[2]


def module(name: str, path: Path) -> Any:
    """A module from its file, under a name that no package of the user's has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


def rule() -> Any:
    """`repro.run.values`, which needs nothing of this package but its kind of error."""
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.startswith("repro")}
    sys.modules["repro"] = types.ModuleType("repro")
    module("repro.errors", OURS / "errors.py")
    found = module("_side_values", OURS / "run" / "values.py")
    for name in ("repro", "repro.errors"):
        del sys.modules[name]
    sys.modules.update(kept)
    return found


frame = module("_side_frame", OURS / "sides" / "frame.py")
values = rule()


def about() -> dict[str, Any]:
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    for name in ("torch", "jax"):
        if importlib.util.find_spec(name) is not None:
            from importlib.metadata import version

            versions[name] = version(name)
    return {"status": "ok", **versions}


def answer(request: Mapping[str, Any], home: dict[str, Any]) -> Any:
    try:
        found = called(request, home)
        one_step = isinstance(found, Mapping)
        items: dict[str, Any] = {"status": "ok"}
        count = 0
        for step in [found] if one_step else found:
            items.update(named(step, count))
            count += 1
        return {**items, "steps": count}
    except Exception as problem:
        text = "".join(traceback.format_exception_only(type(problem), problem)).strip()
        trace = problem.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        return {
            "status": "error",
            "message": text,
            "backtrace": "".join(traceback.format_tb(trace)),
        }


def called(request: Mapping[str, Any], home: dict[str, Any]) -> Any:
    path = str(request["file"])
    if path not in home:
        sys.path.insert(0, str(Path(path).parent))
        home[path] = module(f"_side_user_{len(home)}", Path(path))
    name = str(request["function"])
    if not hasattr(home[path], name):
        raise NameError(f"{path} defines no {name}")
    prefixes = [f"given{i}:" for i in range(1, int(request.get("given", 0)) + 1)]
    given = [{k[len(p) :]: v for k, v in request.items() if k.startswith(p)} for p in prefixes]
    arguments = [request[str(i)] for i in range(1, int(request["arguments"]) + 1)]
    keywords = {k[1:]: v for k, v in request.items() if k.startswith(":")}
    return getattr(home[path], name)(*given, *arguments, **keywords)


def named(step: Any, count: int) -> Iterator[tuple[str, Any]]:
    if not isinstance(step, Mapping):
        raise TypeError(f"step {count} is a {type(step).__name__}: yield a dict of named arrays")
    for name, value in step.items():
        for label, leaf in values.leaves(str(name), value, f"step {count}"):
            array = values.as_array(leaf, f"`{label}` in step {count}")
            text = array.dtype.kind == "U" and not array.ndim
            yield f"{count}:{label}", array.item() if text else array


def serve(source: int, target: int) -> None:
    def read(size: int) -> bytes:
        parts = b""
        while len(parts) < size and (part := os.read(source, size - len(parts))):
            parts += part
        return parts

    def send(items: Mapping[str, Any]) -> None:
        message = memoryview(frame.encode(items))
        while message:
            message = message[os.write(target, message) :]

    send(about())
    home: dict[str, Any] = {}
    while True:
        try:
            request = frame.read_frame(read)
        except frame.FrameError:
            return  # whoever asked is gone
        number = request.pop("request", 0)
        send({"request": number, **answer(request, home)})


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
