"""Julia's random streams and ranges in Python."""

from repro.julia.mersenne import MersenneTwister
from repro.julia.ranges import julia_linrange, julia_range
from repro.julia.stream import Stream
from repro.julia.xoshiro import Xoshiro

__all__ = ["MersenneTwister", "Stream", "Xoshiro", "julia_linrange", "julia_range"]
