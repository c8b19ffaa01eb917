"""Marks: a digest of what every operation on the way has computed.

In the first steps every operation has its own mark, in all later ones every kind of operation at
one shape; the whole is one SHA-256 over all of them, which "same bits" rests on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from repro.trace import Noted

FINE = 2
"""Steps in which every operation has a mark of its own: before the first iteration, and in it."""

MARK = 4
"""Bytes of a kept mark: it says where a difference is; that there is one, the whole says."""


@dataclass(frozen=True)
class Site:
    """Where something was computed.

    Attributes:
        step: the iteration; 0 is before the first.
        kind: of operation: the name under which the port notes it, without scopes.
        form: type and shape of what it gives.
        name: the operation's own, with its scopes; empty where only its kind was marked.
    """

    step: int
    kind: str
    form: str
    name: str = ""

    def __str__(self) -> str:
        which = self.name or f"one of `{self.kind}`"
        return f"{which if not self.name else f'`{which}`'} ({self.form}) in step {self.step}"


@dataclass(frozen=True)
class Marks:
    """The marks of a run, in the order of computation.

    Attributes:
        sites: of each mark.
        marks: (n,) uint32.
        whole: SHA-256 over all results of the run, in hexadecimal.
    """

    sites: tuple[Site, ...]
    marks: np.ndarray
    whole: str

    @cached_property
    def by_site(self) -> dict[Site, int]:
        return dict(zip(self.sites, self.marks.tolist(), strict=True))

    def packed(self) -> dict[str, np.ndarray]:
        """As arrays of numbers and text, for a file."""
        rows: dict[tuple[str, str, str], int] = {}
        which = [rows.setdefault((s.kind, s.form, s.name), len(rows)) for s in self.sites]
        return {
            "marks": self.marks,
            "marked": np.array(which, np.uint16),
            "marked_steps": np.array([s.step for s in self.sites], np.int32),
            "operations": np.array(json.dumps([*rows])),
            "whole": np.array(self.whole),
        }

    @classmethod
    def unpacked(cls, arrays: Mapping[str, np.ndarray]) -> Marks:
        """What :meth:`packed` gave."""
        rows = json.loads(str(arrays["operations"]))
        pairs = zip(arrays["marked"].tolist(), arrays["marked_steps"].tolist(), strict=True)
        return cls(
            tuple(Site(step, *rows[row]) for row, step in pairs),
            arrays["marks"],
            str(arrays["whole"]),
        )


def differing(then: Marks, now: Marks) -> Iterator[Site]:
    """Where two runs' marks differ, in the order of computation; then what one side alone has."""
    if then.whole == now.whole:
        return
    both = then.by_site.keys() & now.by_site.keys()
    found = [s for s in then.sites if s in both and then.by_site[s] != now.by_site[s]]
    found += [s for s in (*then.sites, *now.sites) if s not in both]
    yield from found or [Site(0, "run", "the order of its operations, or what marks cannot tell")]


@dataclass
class Marking:
    """Listens to a run and marks what it computes."""

    now: int = 0
    sites: list[Site] = field(default_factory=list)
    marks: list[bytes] = field(default_factory=list)
    _kinds: dict[tuple[str, str], Any] = field(default_factory=dict)
    _times: dict[str, int] = field(default_factory=dict)
    _whole: Any = field(default_factory=hashlib.sha256)

    def step(self, number: int) -> None:
        self._end_step()
        self.now = number

    def values(self, noted: list[Noted]) -> None:
        for one in noted:
            value = array_of(one.value)
            own, form = mark(value), form_of(value)
            self._whole.update(own)
            if self.now < FINE:
                self._add(Site(self.now, one.operation, form, self._told_apart(one.name)), own)
            else:
                of_kind = self._kinds.get((one.operation, form))
                if of_kind is None:
                    of_kind = self._kinds[one.operation, form] = hashlib.blake2b(digest_size=8)
                of_kind.update(own)

    def finished(self) -> Marks:
        """The marks, at the end of the run."""
        self._end_step()
        taken = np.frombuffer(b"".join(m[:MARK] for m in self.marks), np.uint32)
        return Marks(tuple(self.sites), taken, self._whole.hexdigest())

    def _told_apart(self, name: str) -> str:
        """A name that comes again in a step has its number behind it."""
        self._times[name] = times = self._times.get(name, 0) + 1
        return name if times == 1 else f"{name} ({times})"

    def _add(self, site: Site, own: bytes) -> None:
        self.sites.append(site)
        self.marks.append(own)

    def _end_step(self) -> None:
        for (kind, form), of_kind in self._kinds.items():
            self._add(Site(self.now, kind, form), of_kind.digest())
        self._kinds, self._times = {}, {}


def array_of(value: Any) -> np.ndarray:
    """A port's value as an array, which shares its numbers where it can."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def mark(value: np.ndarray) -> bytes:
    """Of an array's bits."""
    return hashlib.blake2b(np.ascontiguousarray(value).data, digest_size=8).digest()


def form_of(value: np.ndarray) -> str:
    """Type and shape: ``float32[64, 10]``."""
    return f"{value.dtype}{list(value.shape)}"
