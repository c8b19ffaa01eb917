"""The compiled loops, imported when they are needed: that takes a quarter of a second."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def kernels() -> ModuleType:
    """:mod:`repro.checks.kernels`."""
    return import_module("repro.checks.kernels")
