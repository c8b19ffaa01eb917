"""Julia's random streams and ranges in Python."""

from repro.julia.mersenne import MersenneTwister
from repro.julia.ranges import julia_linrange, julia_range
from repro.julia.stream import Stream
from repro.julia.tasks import TaskLocal, default_rng
from repro.julia.values import Range, one_to
from repro.julia.xoshiro import Xoshiro

__all__ = [
    "MersenneTwister",
    "Range",
    "Stream",
    "TaskLocal",
    "Xoshiro",
    "default_rng",
    "julia_linrange",
    "julia_range",
    "one_to",
]
