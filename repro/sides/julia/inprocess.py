"""Our Julia package inside this process, through juliacall: same requests, same answers.

Arrays that come back are Julia's own memory, seen through NumPy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from repro.sides.frame import Value, encode
from repro.sides.julia import juliacall_bridge
from repro.sides.julia.find import Julia
from repro.sides.julia.worker import JuliaError
from repro.sides.worker import Told

# The requests and the answers' types are those of the worker's frames. `fill` keeps a Float32
# apart from a Float64: as a plain number either would become Python's float. The backtrace leaves
# out Python's own frames: Julia would look for their lines, and complain on stderr.
_GLUE = """
module BridgeToMODULE
import ..MODULE
plain(x) = x
plain(x::Float32) = fill(x)
plain(x::AbstractString) = String(x)
plain(x::AbstractArray) = convert(Array, x)
function ask(frame)
    outside = length(backtrace())
    try
        request = MODULE.read_frame(IOBuffer(Vector{UInt8}(frame)))
        answer = MODULE.ANSWER(request)
        items = ((String(name), plain(value)) for (name, value) in answer)
        return append!(Any[("status", "ok")], items)
    catch problem
        inside = catch_backtrace()[1:end-outside]
        message, trace = sprint(showerror, problem), sprint(showerror, problem, inside)
        return Any[("status", "error"), ("message", message), ("backtrace", trace)]
    end
end
end
"""

# Julia objects whose arrays were dropped; let go at the next call, in the main thread.
_released: list[Any] = []


class InProcess:
    """Julia in this process, asked in the same way as a `Worker`.

    Args:
        julia: what to start, or what runs already.
        source: folder of our Julia package.
        module, answer: the module in `src/FILE` there, and its function that answers a request.

    Attributes:
        about: what this Julia says of itself: version, BLAS, processor.

    Raises:
        JuliacallUnavailable: see `juliacall_bridge.start`.
    """

    alive = True

    def __init__(
        self,
        julia: Julia,
        source: Path,
        module: str = "JuliaRef",
        answer: str = "handle",
        file: str = "JuliaRef.jl",
    ) -> None:
        main = juliacall_bridge.start(julia).Main
        if not main.seval(f"isdefined(Main, :BridgeTo{module})"):
            main.include(str(source / "src" / file))
            main.seval(_GLUE.replace("MODULE", module).replace("ANSWER", answer))
        self._ask = getattr(main, f"BridgeTo{module}").ask
        self.about = self.ask({"op": "about"})

    @staticmethod
    def running() -> bool:
        """Whether this process runs a Julia through juliacall."""
        return juliacall_bridge.running() is not None

    @property
    def pid(self) -> int:
        """This process's number."""
        return os.getpid()

    def ask(
        self, request: Mapping[str, Value], seconds: float = np.inf, told: Told | None = None
    ) -> dict[str, Value]:
        """Answer a request.

        Args:
            request: names with strings, numbers and arrays.
            seconds, told: there for likeness with `Worker.ask`; a call in this process has no
                limit, and nobody is told what it notes.

        Returns:
            Arrays are Julia's memory, not copies; they stay valid as long as they are held.

        Raises:
            JuliaError: Julia reports an error.
            JuliacallUnavailable: this is not the main thread.
        """
        juliacall_bridge.require_main_thread()
        _released.clear()
        frame = np.frombuffer(encode(request), np.uint8)
        answer = {name: _to_python(value) for name, value in self._ask(frame)}
        if answer.pop("status") != "ok":
            raise JuliaError(
                f"Julia reports: {answer['message']}", backtrace=str(answer["backtrace"])
            )
        return answer

    def close(self) -> None:
        """Nothing: Julia ends with this process."""


class _Held:
    """Owner of an array's memory. It may die in any thread, but Julia's object must not."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__

    def __del__(self) -> None:
        _released.append(self.array)


def to_numpy(array: Any) -> np.ndarray:
    """A Julia array seen through NumPy, without a copy: same shape, column-major.

    The result may be dropped in any thread.
    """
    return np.asarray(_Held(array))


def _to_python(value: Any) -> Value:
    if isinstance(value, (str, bool, int, float)):
        return value
    array = to_numpy(value)
    return array if array.ndim else array[()]
