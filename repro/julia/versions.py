"""Which Julia's random numbers are meant, and what each version changed."""

from __future__ import annotations

import re

Version = tuple[int, int]

FIRST, LAST = (1, 5), (1, 12)

XOSHIRO = (1, 7)  # the generator exists; tasks have one of their own
INTS_CONDENSED_AT_ONCE = (1, 6)  # how MersenneTwister makes 64 bits of 52
SHUFFLED_ONETO_IS_RANDPERM = (1, 9)  # recorded for 1.8 and 1.10 only; 1.9 as in its sources
FORK_KEEPS_THE_PARENT = (1, 10)
SEEDS_HASHED = (1, 11)  # MersenneTwister's too, and negative numbers and strings are seeds
SHUFFLE_UPWARDS = (1, 11)
TAIL_FROM_1 = (1, 11)  # logarithms in the ziggurat's tails are of 1 - u
FORK_MULTIPLIES = (1, 11)
FLOAT16_ARRAYS = (1, 12)  # Xoshiro fills arrays of Float16 four to a word


def julia_version(text: str) -> Version:
    """`"1.10"` or `"1.10.8"` as (1, 10).

    Raises ValueError for what is not a version from 1.5 to 1.12: others draw other numbers.
    """
    match = re.fullmatch(r"(\d+)\.(\d+)(\.\d+)?", text) if isinstance(text, str) else None
    version = (int(match[1]), int(match[2])) if match else None
    if version is None or not FIRST <= version <= LAST:
        raise ValueError(
            f"julia={text!r}: known are the random numbers of Julia 1.5 to 1.12; give one of them, "
            'such as "1.10" or "1.10.8"'
        )
    return version
