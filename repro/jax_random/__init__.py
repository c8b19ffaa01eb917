"""JAX's random numbers without JAX: the same keys give the same bits, in NumPy.

Everything takes `partitionable`, JAX's setting `jax_threefry_partitionable`: True is the stream
that is its default since 0.5.0, False the one before.
"""

from repro.jax_random.distributions import normal, truncated_normal, uniform
from repro.jax_random.float32 import erf_inv
from repro.jax_random.threefry import fold_in, key_of, random_bits, split

__all__ = [
    "erf_inv",
    "fold_in",
    "key_of",
    "normal",
    "random_bits",
    "split",
    "truncated_normal",
    "uniform",
]
