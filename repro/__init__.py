"""A Julia-parity reproduction harness: hold any port against its original.

What is offered here is imported when it is first used, so that ``import repro`` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repro.checks import Bitwise as Bitwise
    from repro.checks import Check as Check
    from repro.checks import Growth as Growth
    from repro.checks import Ulps as Ulps
    from repro.checks import Verdict as Verdict
    from repro.checks import check as check
    from repro.checks import nudged as nudged
    from repro.checks.ensembles import EnsembleCheck as EnsembleCheck
    from repro.checks.ensembles import EnsembleVerdict as EnsembleVerdict
    from repro.checks.ensembles import Summary as Summary
    from repro.checks.ensembles import check_ensembles as check_ensembles
    from repro.reports import write_page as write_page
    from repro.run import Ensemble as Ensemble
    from repro.run import Quantity as Quantity
    from repro.run import Run as Run
    from repro.run import collect as collect
    from repro.run import record as record
    from repro.sides.julia import JuliaFunction as JuliaFunction
    from repro.sides.julia import Symbol as Symbol
    from repro.sides.python import PythonFunction as PythonFunction

__version__ = "0.1.0"

_ROOMS = {
    "repro.checks": ("Bitwise", "Check", "Growth", "Ulps", "Verdict", "check", "nudged"),
    "repro.checks.ensembles": ("EnsembleCheck", "EnsembleVerdict", "Summary", "check_ensembles"),
    "repro.reports": ("write_page",),
    "repro.run": ("Ensemble", "Quantity", "Run", "collect", "record"),
    "repro.sides.python": ("PythonFunction",),
    "repro.sides.julia": ("JuliaFunction", "Symbol"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'repro' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
