"""Julia's random streams and ranges in Python."""

from typing import TypeAlias

from repro.julia.mersenne import MersenneTwister
from repro.julia.ranges import julia_linrange, julia_range
from repro.julia.stream import Stream
from repro.julia.xoshiro import Xoshiro

__all__ = [
    "GENERATORS",
    "MersenneTwister",
    "Rng",
    "Stream",
    "Xoshiro",
    "julia_linrange",
    "julia_range",
]

Rng: TypeAlias = MersenneTwister | Xoshiro
"""What the ports draw from."""

GENERATORS: dict[str, type[MersenneTwister] | type[Xoshiro]] = {
    "MersenneTwister": MersenneTwister,
    "Xoshiro": Xoshiro,
}
"""By the name that Julia gives them."""
