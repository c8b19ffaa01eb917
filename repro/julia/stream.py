"""What Julia's generators have in common: draws made of scalar draws."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np


class Stream(ABC):
    """A random stream of Julia's. Subclasses say where the numbers come from."""

    @abstractmethod
    def rand(self, n: int | None = None, dtype: Any = np.float64) -> Any:
        """`rand()` or `rand(n)`, uniform in [0, 1)."""

    @abstractmethod
    def _masked(self, mask: int) -> int:
        """The bits that `mask` picks from the next word that Julia draws integers with."""

    @abstractmethod
    def _floats(self, n: int) -> np.ndarray:
        """`n` scalar draws `rand()`: float64, shape (n,)."""

    def uniform(self, a: float, b: float, size: int | tuple[int, ...] | None = None) -> Any:
        """`rand(Uniform(a, b), size...)` as Distributions 0.16.4 draws it: a + (b - a) * rand().

        A Python float without `size`. Otherwise float64 of that shape, filled by scalar draws in
        column-major order: the array path of `rand(n)` is never taken.
        """
        if size is None:
            return a + (b - a) * self.rand()
        if isinstance(size, tuple):
            return (a + (b - a) * self._floats(math.prod(size))).reshape(size, order="F")
        return a + (b - a) * self._floats(size)

    def randperm(self, n: int) -> np.ndarray:
        """`randperm(n)`: a random permutation of 1..n, int64, shape (n,).

        An inside-out shuffle. The mask starts at 3 even where 1 would do, and doubles after the
        element it just covers.
        """
        perm = list(range(1, n + 1))
        mask = 3
        for i in range(1, n):
            j = self._up_to(i, mask)
            perm[i] = perm[j]
            perm[j] = i + 1
            if i == mask:
                mask = 2 * mask + 1
        return np.array(perm, dtype=np.int64)

    def _up_to(self, top: int, mask: int) -> int:
        """A draw from 0..top: masked words, redrawn while above `top`."""
        while (j := self._masked(mask)) > top:
            pass
        return j

    def copy(self) -> Any:
        """An independent generator at the same place of the same stream."""
        return self.from_state(self.state())

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything the stream depends on, as arrays and ints that `np.savez` keeps unpickled."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Any) -> Any:
        """The generator that `state()` described; takes what NumPy's `load` gives as it comes."""


def seed_words(seed: int | Sequence[int]) -> list[int]:
    """The 32-bit words a seed stands for: an integer's own, lowest first, or the given ones.

    Raises ValueError for a negative integer and for words that are not UInt32.
    """
    if isinstance(seed, Sequence | np.ndarray):
        words = [operator.index(word) for word in seed]
        if not all(0 <= word < 1 << 32 for word in words):
            raise ValueError("a list seed holds UInt32 words: give each as 0 to 4294967295")
        return words
    number = operator.index(seed)
    if number < 0:
        raise ValueError(
            f"DomainError with {number}: `n` must be non-negative; give a seed of 0 or more"
        )
    words = [number & 0xFFFFFFFF]
    while number := number >> 32:
        words.append(number & 0xFFFFFFFF)
    return words
