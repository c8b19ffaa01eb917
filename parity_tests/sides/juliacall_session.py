"""What happens in a process that runs Julia inside itself. Run by test_juliacall.py.

    python juliacall_session.py torch-first|torch-later RESULTS.npz

Observations go into RESULTS.npz under the names that the tests read.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

if sys.argv[1] == "torch-first":
    import torch  # noqa: F401

from repro.sides.julia import juliacall_bridge
from repro.sides.julia.find import find_julia
from repro.sides.julia.inprocess import InProcess, to_numpy
from repro.sides.julia.juliacall_bridge import JuliacallUnavailable
from repro.sides.julia.worker import JuliaError

SOURCE = Path(__file__).resolve().parents[2] / "julia_ref"

seen: dict[str, Any] = {"torch_imported_first": "torch" in sys.modules}
juliacall = juliacall_bridge.start(find_julia())
main = juliacall.Main
seen["pins_left_behind"] = " ".join(name for name in os.environ if name.startswith("OPENBLAS"))

torch = importlib.import_module("torch")


def use_our_package() -> None:
    """Ask `JuliaRef` in this process, from the main thread and from another."""
    from version_says import DRAWS, told_by  # imports torch

    inside = InProcess(find_julia(), SOURCE)
    seen.update(told_by(inside, find_julia().version))
    try:
        inside.ask({"op": "no such thing"})
    except JuliaError as problem:
        seen["error"], seen["error.backtrace"] = str(problem), problem.backtrace

    # In another thread a call is refused, but an array may be dropped.
    dropped = [inside.ask(DRAWS)["values"]]
    calls = {
        "thread.ask": lambda: inside.ask({"op": "about"}),
        "thread.start": lambda: juliacall_bridge.start(find_julia()),
    }

    def elsewhere() -> None:
        for name, call in calls.items():
            try:
                call()
            except JuliacallUnavailable as problem:
                seen[name] = str(problem)
        dropped.clear()

    thread = threading.Thread(target=elsewhere, name="another")
    thread.start()
    thread.join()
    main.seval("GC.gc()")
    seen["after_thread"] = inside.ask(DRAWS)["values"]


address = main.seval("a -> Int(UInt(pointer(a)))")
look = main.seval("a -> (string(eltype(a)), Float64(sum(a)), (a[2] = 42; nothing))")


# Into Julia: the same memory, seen from there.
for dtype in (np.float32, np.float64):
    name = np.dtype(dtype).name
    x = np.array([1.5, -2.25, 3.125], dtype)
    seen[f"in.{name}.eltype"], seen[f"in.{name}.sum"], _ = look(x)
    seen[f"in.{name}.written"] = x
    t = torch.tensor([1.5, 2.5], dtype=getattr(torch, name))
    seen[f"in.{name}.torch_sum"] = look(t.numpy())[1]
    seen[f"in.{name}.torch_written"] = t.numpy()

# Out of Julia: the same memory, seen from here.
for eltype, name in (("Float32", "float32"), ("Float64", "float64")):
    a = main.seval(f"{eltype}[10i + j for i in 1:3, j in 1:2]")
    view = to_numpy(a)
    tensor = torch.from_numpy(view)
    seen[f"out.{name}.values"] = view.copy()
    seen[f"out.{name}.addresses"] = [address(a), view.ctypes.data, tensor.data_ptr()]
    seen[f"out.{name}.copy_address"] = np.array(view).ctypes.data
    tensor[2, 1] = -7
    seen[f"out.{name}.read_back"] = main.seval("a -> Float64(a[3, 2])")(a)

# Julia keeps no other hold on the array: it has to outlive its Julia name and a collection.
kept = to_numpy(main.seval("collect(1.0:1000.0)"))
main.seval("GC.gc()")
seen["outlives_collection"] = bool((kept == np.arange(1, 1001)).all())

# A C++ exception in torch: caught there, and an exception in Python.
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
except RuntimeError as problem:
    seen["torch_error"] = str(problem)

if sys.argv[1] == "torch-first":
    use_our_package()

# Ctrl-C is Python's.
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    threading.Event().wait(10)
except KeyboardInterrupt:
    seen["interrupted"] = True

np.savez(sys.argv[2], **seen)
