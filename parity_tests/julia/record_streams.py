"""Record what a live Julia <= 1.6 draws: `python record_streams.py [JULIA] > streams_1.5.3.txt`.

The cases are `streams.jl`'s; the recording holds each with Julia's answer: SEED | DRAWS = DIGESTS.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from pathlib import Path

SMALL_SEEDS = [*range(12), 42, 123, 1234, 20190202]
WORD_EDGES = [1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, 5_294_967_296, (1 << 63) - 1]
MULTI_WORD = [(1 << 64) - 1, 1 << 64, (1 << 96) + 5, 10**40, (1 << 1000) + 7]
# Seeding runs over 768 words of state, and longer for longer keys.
LONG_KEYS = [f"3^{int(32 * words / math.log2(3))}" for words in (766, 767, 768, 769, 900)]
LISTS = [[], [0], [0, 0], [1, 2, 3], [4294967295] * 4, [*range(767)], [*range(768)], [7] * 1000]

EVERY_KIND = (
    "scalars:3 array:10 scalars32:2 array32:7 randperm:50 shuffle:9 uniform:-5:5:10 "
    "uniform:0.1:5:3:4 scalars:2000 array:1000 array32:2000 scalars:1 state:"
)
PREFIXES = (0, 1, 2, 617, 618, 1000, 1001, 1002)
ARRAYS = (*range(5), *range(381, 388), 620, 1001, 1002, 1003, 1004, 1386, 2003, 10_000, 10_001)
ARRAYS32 = (*range(10), *range(763, 775), *range(1532, 1541), 2003, 2004, 2005, 10_002, 10_003)
SPENDING = (
    "scalars:1002",
    "scalars:1001 scalars32:1",
    "scalars:992 array:10",
    "scalars:1000 array32:4",
    "scalars:992 uniform:-5:5:10",
    "randperm:50 array:1002",
)
WHEN_SPENT = ("array:0", "array32:0", "array32:3", "array32:4", "randperm:1", "shuffle:1")
TEN_THOUSAND = (
    "scalars:10000 scalars32:10000 array:10000 array32:10000 uniform:-5:5:10000 "
    "randperm:10000 shuffle:10000 state:"
)


def cases() -> list[str]:
    """Every case line: all kinds on many seeds, each boundary, and mixed sequences."""
    return [
        *(f"{seed} | {EVERY_KIND}" for seed in SMALL_SEEDS + WORD_EDGES + MULTI_WORD),
        *(f"{seed} | scalars:1003 state:" for seed in LONG_KEYS),
        *(f"{str(words).replace(' ', '')} | {EVERY_KIND}" for words in LISTS),
        *(f"{p} | scalars:{p} array:{n} scalars:5" for p in PREFIXES for n in ARRAYS),
        *(f"{p} | scalars:{p} array32:{n} scalars:5" for p in PREFIXES[::2] for n in ARRAYS32),
        # Whether a draw leaves the cache spent or refilled shows only in the next long array.
        *(f"3 | {spending} array:384 scalars:3" for spending in SPENDING),
        *(f"3 | scalars:1002 {draw} array:384 scalars:3" for draw in WHEN_SPENT),
        *(f"{n} | randperm:{n} randperm:{n + 1} scalars:1" for n in range(0, 140, 2)),
        *(f"{n} | shuffle:{n} shuffle:{n + 1} scalars:1" for n in range(0, 140, 2)),
        *(f"5 | randperm:{n} shuffle:{n} scalars:1" for n in (255, 256, 257, 1024, 1025, 5000)),
        *(f"{seed} | {TEN_THOUSAND}" for seed in (0, 17)),
        *(mixed(random.Random(f"mixed {i}")) for i in range(60)),
    ]


def mixed(dice: random.Random) -> str:
    """A random seed and 25 random draws, lengths about the boundaries among them."""
    seed = dice.getrandbits(dice.choice([8, 32, 64, 200]))
    return f"{seed} | {' '.join(_any_draw(dice) for _ in range(25))} state:"


def _any_draw(dice: random.Random) -> str:
    kinds = ["scalars", "scalars32", "array", "array32", "randperm", "shuffle", "uniform:-5:5"]
    near = dice.choice([0, 4, 382, 384, 501, 766, 1002, 1536, 2004])
    length = dice.choice([dice.randrange(20), max(0, near + dice.randrange(-4, 5))])
    return f"{dice.choice(kinds)}:{length}"


def ask(command: list[str], lines: list[str], env: dict[str, str] | None = None) -> list[str]:
    """Julia's answer to each case line; `command` starts a Julia."""
    script = Path(__file__).with_name("streams.jl")
    done = subprocess.run(
        [*command, "--startup-file=no", str(script)],
        input="\n".join(lines) + "\n",
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed on streams.jl:\n{done.stderr}")
    return done.stdout.splitlines()


if __name__ == "__main__":
    asked = cases()
    answers = ask(sys.argv[1:] or ["julia"], asked)
    for case, answer in zip(asked, answers, strict=True):
        print(f"{case} = {answer}")
