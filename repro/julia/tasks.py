"""The generator that a task has of its own, and what a task that it starts gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from repro.julia import versions
from repro.julia.mersenne import MersenneTwister
from repro.julia.seeds import Seed
from repro.julia.stream import Stream
from repro.julia.versions import julia_version
from repro.julia.xoshiro import Xoshiro

_WORD = 0xFFFFFFFFFFFFFFFF
_START = (1, 3, 5, 7)
_LCG = 0xD1342543DE82EF95
_MULTIPLY = (0x02011CE34BCE797F, 0x5A94851FB48A6E05, 0x3688CF5D48899FA7, 0x867B4BB4C42E5661)
_ADD = (0xE5F8FA077B92A8A8, 0x7A0CD918958C124D, 0x86222F7D388588D4, 0xD30CBD35F2B64F52)
_XOR = (0x214C146C88E47CB7, 0xA66D8CC21285AAFA, 0x68C7EF2D7B1A54D4, 0xB053A7D7AA238C61)
_PCG = (0xAEF17502108EF2D9, 0xF34026EEB86766AF, 0x38FD70AD58DD9FBB, 0x6677F9B93AB0C04D)


class TaskLocal(Xoshiro):
    """The default generator of a task, from Julia 1.7 on: a Xoshiro with a way to fork.

    From 1.10 on it has a fifth word, which only forks change. In Julia a child is forked where its
    task is made: by `Task`, `@async`, `@spawn`, and by `Channel() do`.
    """

    def seed_(self, seed: Seed) -> TaskLocal:
        """`Random.seed!(seed)`; returns the generator."""
        super().seed_(seed)
        self._s4 = sum(f * s for f, s in zip(_START, self._state, strict=True)) & _WORD
        return self

    def fork(self) -> TaskLocal:
        """The generator of a task that this one starts; this one moves on as in Julia."""
        child = self.from_state(self.state(), julia=f"{self.version[0]}.{self.version[1]}")
        if self.version < versions.FORK_KEEPS_THE_PARENT:
            child._state = [factor * self.next_word() & _WORD for factor in _MULTIPLY]
        else:
            x, self._s4 = self._s4, self._s4 * _LCG + 1 & _WORD
            child._s4 = self._s4
            mixed = _multiplied if self.version >= versions.FORK_MULTIPLIES else _added
            child._state = [mixed(i, x, word) for i, word in enumerate(self._state)]
        return child

    def state(self) -> dict[str, Any]:
        """`state`: uint64, shape (5,): Julia's s0 to s4, or (4,) before 1.10."""
        five = self.version >= versions.FORK_KEEPS_THE_PARENT
        return {"state": np.array(self._state + [self._s4] * five, dtype="<u8")}

    @classmethod
    def from_state(cls, state: Any, julia: str = "1.10") -> TaskLocal:
        """The generator that `state()` described, or one that goes on from a Xoshiro's."""
        given = np.array(state["state"], dtype="<u8")
        words = [int(word) for word in given[:4]]
        stream = super().from_state({"state": given[:4]}, julia)
        assert isinstance(stream, TaskLocal)
        first = sum(f * s for f, s in zip(_START, words, strict=True)) & _WORD
        stream._s4 = int(given[4]) if given.size == 5 else first
        return stream


def _added(i: int, x: int, word: int) -> int:
    """1.10: word i of the parent and a PCG's output for x, added up."""
    return word + _permuted(i, x + _ADD[i] & _WORD) & _WORD


def _multiplied(i: int, x: int, word: int) -> int:
    """1.11 and later: (2 word + 1) (2 w + 1) / 2, put through the PCG's output function."""
    w = x ^ _XOR[i]
    return _permuted(i, word + w * (2 * word + 1) & _WORD)


def _permuted(i: int, c: int) -> int:
    c ^= c >> (c >> 59) + 5
    c = c * _PCG[i] & _WORD
    return c ^ c >> 43


def default_rng(seed: Seed, julia: str) -> Stream:
    """The generator that `Random.seed!(seed)` starts in this version of Julia.

    A MersenneTwister up to 1.6, from 1.7 on a `TaskLocal`.
    """
    if julia_version(julia) < versions.XOSHIRO:
        return MersenneTwister(seed, julia)
    return TaskLocal(seed, julia)
