"""Faults that no test notices, each with the reason why none can."""

from __future__ import annotations

EQUIVALENT: list[tuple[str, str, str, str]] = []
"""The file, the line as it is, the line with the fault, and why they mean the same."""
