"""Several engines behind one function: the eager port, and compiled ones of `repro.engine`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def with_engines(port: Function) -> Function:
    """Give a port the argument ``engine``.

    ``"eager"``, the default, is the port as it stands. ``"exact"`` and ``"fast"`` are compiled
    (:mod:`repro.engine`), take the same arguments, draw the same numbers and leave the same
    state; they also take ``observe_epochs``, the only iterations that ``observe`` is called after.
    """

    @wraps(port)
    def function(model: Any, *args: Any, engine: str = "eager", **kwargs: Any) -> Any:
        if engine == "eager":
            return port(model, *args, **kwargs)
        from repro import engine as engines  # compiles for seconds, and imports this package

        return getattr(engines, port.__name__)(model, *args, engine=engine, **kwargs)

    return function  # type: ignore[return-value]
