"""Julia's random streams and ranges in Python."""

from repro.julia.mersenne import MersenneTwister

__all__ = ["MersenneTwister"]
