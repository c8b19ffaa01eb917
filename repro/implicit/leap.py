"""Leap: the length of the path that an inner loop takes, and the gradient that shortens it.

S. Flennerhag, P. G. Moreno, N. D. Lawrence and A. Damianou, "Transferring knowledge across
learning processes" (2019). The path lies on the loss surface: a segment is as long as
sqrt(dL^2 + |dtheta|^2). Its end is pulled forward,
that is held where it is, and its beginning moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor


class Visit(NamedTuple):
    """A point of the path: parameters (..., d), the loss (...) there and its gradient (..., d); of
    many paths at once, where there are dimensions before d."""

    theta: Tensor
    loss: Tensor
    grad: Tensor


@dataclass(frozen=True)
class Leap:
    """The released code's three options (amzn/metalearn-leap, 9d6fa0c).

    Attributes:
        norm: the gradient of the path's length; False: of half its squared segments ("energy").
        loss: count the loss as a coordinate; False is what the slides show.
        stabilizer: count a rise of the loss as a fall, so that it does not pull back uphill.
    """

    norm: bool = True
    loss: bool = True
    stabilizer: bool = True

    def length(self, path: Iterable[Visit]) -> Tensor:
        """Of the whole path, (...); without `norm` half the sum of its squares."""
        squares = torch.stack([self._square(a, b) for a, b in pairwise(path)])
        return squares.sqrt().sum(0) if self.norm else squares.sum(0) / 2

    def gradient(self, path: Iterable[Visit]) -> Tensor:
        """The pull-forward gradient (..., d), added up over the segments.

        K visits make K - 1 segments: as in the released code the last step of an inner loop is
        not counted unless the loss after it is visited, too.
        """
        return reduce(torch.add, (self._segment(a, b) for a, b in pairwise(path)))

    def _rise(self, a: Visit, b: Visit) -> Tensor:
        rise = b.loss - a.loss
        return -rise.abs() if self.stabilizer else rise

    def _square(self, a: Visit, b: Visit) -> Tensor:
        square = torch.sum((b.theta - a.theta) ** 2, -1)
        return square + self._rise(a, b) ** 2 if self.loss else square

    def _segment(self, a: Visit, b: Visit) -> Tensor:
        pull = a.theta - b.theta
        pull = pull - self._rise(a, b)[..., None] * a.grad if self.loss else pull
        return pull / self._square(a, b).sqrt()[..., None] if self.norm else pull
