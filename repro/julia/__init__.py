"""Julia's random streams and ranges in Python."""

from typing import TypeAlias

from repro.julia.mersenne import MersenneTwister
from repro.julia.ranges import julia_linrange, julia_range
from repro.julia.stream import Stream
from repro.julia.tasks import TaskLocal, default_rng
from repro.julia.values import Range, one_to
from repro.julia.xoshiro import Xoshiro

__all__ = [
    "GENERATORS",
    "MersenneTwister",
    "Range",
    "Rng",
    "Stream",
    "TaskLocal",
    "Xoshiro",
    "default_rng",
    "julia_linrange",
    "julia_range",
    "one_to",
]

Rng: TypeAlias = MersenneTwister | Xoshiro
"""What the ports draw from."""

GENERATORS: dict[str, type[MersenneTwister] | type[Xoshiro]] = {
    "MersenneTwister": MersenneTwister,
    "Xoshiro": Xoshiro,
}
"""By the name that Julia gives them."""
