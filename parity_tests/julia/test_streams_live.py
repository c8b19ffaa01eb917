"""A live Julia 1.5 against ours, at seeds and with draws that nobody recorded."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from julia.recorded_rows import answer

from repro.julia import MersenneTwister
from repro.julia.expressions import draw_text, read_draw
from repro.sides.julia.find import CHOOSE_IT

pytestmark = pytest.mark.julia
HERE = Path(__file__).parent
STATE = HERE.parents[1] / "julia_ref" / "src" / "state.jl"
SEEDS, DRAWS = 200, 50
TYPES = [*(f"{u}Int{b}" for u in ("U", "") for b in (8, 16, 32, 64)), "Bool", "Float16"]
TYPES += ["Float32", "Float64", "ComplexF64", "ComplexF32"]
NEAR = (0, 4, 7, 13, 16, 64, 128, 382, 384, 501, 768, 1002, 1536, 2004)
PRINTED = """
randn(Float32, 3); rand(1:10, 5); rand(Bool, 3); rand(UInt8, 3); rand(UInt8); rand(2, 2)
rand(ComplexF64, 2); rand(ComplexF64); randn(2, 2); rand(Float16, 3); rand(Float16)
bitrand(3); rand(1:0.5:3); rand(0.1:0.1:0.9, 9); rand(1:10, 2, 2); rand(Int32, 2, 2)
rand(Float64, 0); rand(UInt16, 2, 2); rand(0, 2); shuffle(1:4); rand(ComplexF32, 2); rand(Bool)
randperm(Int32(3)); randn(ComplexF32); rand([5, 6, 7], 3); randsubseq(1:20, 0.1); rand(Float32)
rand(Float16, 300); randexp(Float32, 50); rand(Int8(-5):Int8(5), 4); randexp(Float16, 9)
rand((7, 8, 9))"""


@pytest.fixture
def julia_1_5(julia, not_run):
    if julia.version_info[:2] != (1, 5):
        not_run(f"Julia {julia.version} draws other streams: {CHOOSE_IT}")
    return julia


def _run(julia, *arguments: str, given: str = "") -> list[str]:
    done = subprocess.run(
        [*julia.command(), "--startup-file=no", *arguments],
        input=given,
        env=julia.environ(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def any_draw(dice: random.Random) -> str:
    """A call of a random kind, its lengths about the boundaries among them."""
    near = max(0, dice.choice(NEAR) + dice.randrange(-3, 4))
    n = dice.choice([dice.randrange(1, 20), near])
    kind, top = dice.choice(TYPES), dice.getrandbits(dice.choice([3, 8, 31, 33, 62])) + 1
    floats = dice.choice(["Float16", "Float32", "Float64"])
    size = dice.choice(["", f", {n}", f", {n % 30}, {dice.randrange(1, 40)}"])
    return dice.choice(
        [
            f"rand({kind}{size})",
            f"rand({kind}, {n})",
            f"randn({dice.choice([floats, 'ComplexF64', 'ComplexF32'])}{size})",
            f"randexp({floats}{size})",
            f"randn({n})",
            f"rand({dice.randrange(-9, 1)}:{top}{size})",
            f"rand(UInt8(3):UInt8({dice.randrange(3, 256)}){size})",
            f"rand(Int32(-7):Int32({dice.randrange(2**31)}){size})",
            f"rand(1:{dice.randrange(1, 9)}:{top}{size})",
            f"rand(0.1:{dice.choice(['0.1', '0.25', '0.3'])}:{dice.randrange(1, 9)}{size})",
            f"rand({[*range(dice.randrange(1, 9))]}{size})",
            f"rand({tuple(range(dice.randrange(2, 9)))}{size})",
            f"randperm({n})",
            f"randcycle({n})",
            f"shuffle(1:{n})",
            f"shuffle({[*range(dice.randrange(1, 40))]})",
            f"randsubseq(1:{n}, {dice.choice([0.0, 0.05, 0.15, 0.16, 0.7, 1.0])})",
            f"bitrand({n})",
        ]
    )


@pytest.mark.slow
def test_random_scripts_at_seeds_that_nobody_recorded(julia_1_5):
    dice = random.Random("streams")
    scripts = [
        (dice.getrandbits(dice.choice([8, 32, 64, 200])), [any_draw(dice) for _ in range(DRAWS)])
        for _ in range(SEEDS)
    ]
    lines = (" | ".join([str(seed), *draws]) for seed, draws in scripts)
    answers = _run(julia_1_5, str(HERE / "random_draws.jl"), given="\n".join(lines) + "\n")
    assert len(answers) == SEEDS
    for (seed, draws), line in zip(scripts, answers, strict=True):
        rng = MersenneTwister(seed, "1.5")
        for draw, theirs in zip(draws, line.split(), strict=True):
            values = np.asarray(read_draw(draw)(rng))
            assert answer(values)[1][:16] == theirs, f"{draw} of seed {seed}, in {draws}"


def test_draws_are_printed_as_julia_prints_them(julia_1_5):
    draws = [draw.strip() for line in PRINTED.split("\n")[1:] for draw in line.split(";")]
    calls = [draw.replace("(", "(r, ", 1) for draw in draws]
    script = ["using Random"]
    for seed in (1234, 5):
        script += [f"r = MersenneTwister({seed})", *(f"println({call})" for call in calls)]
    ours = [draw_text(f"MersenneTwister({seed})", draws, "1.5.3") for seed in (1234, 5)]
    assert ours[0] + ours[1] == _run(julia_1_5, "-e", "\n".join(script))


@pytest.mark.parametrize("draws", ["", "rand", "rand array int", "perm int int array rand"])
def test_a_stream_goes_on_from_a_state_of_julias(julia_1_5, draws):
    lines = _run(julia_1_5, str(HERE / "state_of.jl"), str(STATE), "5", draws)
    state = {}
    for name, columns, *numbers in (line.split(" ") for line in lines):
        array = np.array([int(number) for number in numbers], dtype=np.uint64)
        state[name] = array.reshape(-1, 2) if columns == "2" else array
        state[name] = array[0] if columns == "0" else state[name]
    rng = MersenneTwister.from_state(state)
    ours = np.concatenate([[rng.rand()], rng.rand(500), rng.rand(range(1, 1001), 50)])
    assert np.array_equal(ours.view(np.uint64), state["next"])


def test_the_digest_is_of_all_values():
    assert answer([1, 10])[1] == hashlib.sha256(b"1 a").hexdigest()[:32]
