"""The page docs/port-your-own.md, run as a user would."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import repro
from repro.run import Run
from repro.sides.julia.find import CHOOSE_IT
from repro.sides.julia.function import JuliaFunction

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning")

PAGE = Path(__file__).parents[2] / "docs" / "port-your-own.md"
RECORDING = Path(__file__).with_name("port_your_own.npz")
OPTIONS = ("-p", "repro.pytest_plugin", "-p", "no:cacheprovider", "-ra")
UPDATE = "record it anew: pytest --parity-update on the page's files, with Julia 1.5.3"


def blocks() -> dict[str, str]:
    """The page's files, by name."""
    found = re.findall(r"^```(?:julia|python) (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return dict(found)


def shown_output() -> list[str]:
    """The output that the page shows."""
    (text,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return text.splitlines()


@pytest.fixture
def page(pytester: pytest.Pytester):
    """`page(*arguments, old=, new=, file=)`: run the page's test with one change of its port."""

    def run(
        *arguments: str, old: str = "", new: str = "", file: str = "test_logistic.py"
    ) -> pytest.RunResult:
        files = blocks()
        assert not old or files["logistic.py"].count(old) == 1, "the fault fits the page no more"
        files["logistic.py"] = files["logistic.py"].replace(old, new)
        for name, text in files.items():
            (pytester.path / name).write_text(text)
        pytester.syspathinsert()
        return pytester.runpytest_inprocess(*OPTIONS, *arguments, file)

    return run


def faulty_step(old: str, new: str) -> Callable:
    """The page's port with one change."""
    source = blocks()["logistic.py"]
    assert source.count(old) == 1, "the fault fits the page no more"
    names: dict[str, Any] = {}
    exec(source.replace(old, new), names)
    return names["step"]


@pytest.fixture
def recorded(page, pytester, monkeypatch):
    """`page` with the recording that lies beside this test, and without any Julia."""
    monkeypatch.setenv("REPRO_JULIA", str(pytester.path / "no-julia"))
    (pytester.path / "test_logistic").mkdir()
    shutil.copy(RECORDING, pytester.path / "test_logistic" / "test_logistic.npz")
    return page


def test_the_model_takes_fewer_than_fifty_lines():
    lines = [
        line
        for name in ("logistic.jl", "logistic.py", "test_logistic.py")
        for line in blocks()[name].splitlines()
        if line.strip()
    ]
    assert len(lines) == 40, "the page says forty"


def test_the_recording_is_of_the_page_s_julia_file():
    """Catches a page whose Julia code was changed while the tests use the old code's numbers."""
    stored = Run.load(RECORDING).provenance.sha256
    assert stored == hashlib.sha256(blocks()["logistic.jl"].encode()).hexdigest(), UPDATE


def test_the_port_passes_without_julia(recorded):
    recorded().assert_outcomes(passed=1)


FAULTS = [
    ("bias left out", "W @ x + b[:, None]", "W @ x + 0 * b[:, None]", "z", 1),
    ("points in another order", "W @ x +", "W @ x.flip(1) +", "z", 1),
    ("tanh for sigmoid", "torch.sigmoid(z)", "(torch.tanh(z) + 1) / 2", "p", 1),
    ("loss summed", "(p, y)", '(p, y, reduction="sum")', "loss", 1),
    ("labels exchanged", "(p, y)", "(p, 1 - y)", "loss", 1),
    ("error of the logits", '"dz": z.grad', '"dz": z.grad * 2', "dz", 1),
    ("loss differentiated twice", "loss.backward()", "(2 * loss).backward()", "dz", 1),
    ("weight decay", '"dW": W.grad', '"dW": W.grad + 0.01 * W', "dW", 1),
    ("bias gradient halved", '"db": b.grad', '"db": b.grad / 2', "db", 1),
    ("ascent", "W - eta * W.grad", "W + eta * W.grad", "W", 1),
    ("rate off by a thousandth", "W - eta * W.grad", "W - 1.001 * eta * W.grad", "W", 1),
    ("bias not updated", "b - eta * b.grad", "b", "b", 1),
]


@pytest.mark.parametrize(
    ("old", "new", "name", "step"), [pytest.param(*f[1:], id=f[0]) for f in FAULTS]
)
def test_a_planted_fault_is_localised(old, new, name, step):
    result = repro.check(RECORDING, faulty_step(old, new), resynchronise=True, draws=("x", "y"))
    assert (result.first.step, result.first.name) == (step, name) and result.first.resynchronised
    advice = f"Next: read the line that computes `{name}` beside the reference's"
    assert result.message.splitlines()[-1].startswith(advice)


def drawn_by(*changes: tuple[str, str]) -> Callable:
    """The page's `train(seed)` that draws everything itself, with these changes."""
    source = blocks()["seeded.py"].replace("from logistic import step\n", "")
    for old, new in changes:
        assert source.count(old) == 1, "the fault fits the page no more"
        source = source.replace(old, new)
    names: dict[str, Any] = {"step": faulty_step("eta=0.5", "eta=0.5")}
    exec(source, names)
    return names["train"]


X, W, B = (f"rng.randn({n}, dtype=np.float32)" for n in ("3, 40", "1, 3", "1"))
LOOP, ORDER = "    for _ in range(epochs):\n", "order = rng.randperm(40) - 1\n"
WRONG_DRAWS = {
    "weights drawn before the data": ("W", 0, (f"X = {X}", f"W = {W}; X = {X}"), (f": {W}", ": W")),
    "bias drawn before the weights": ("W", 0, (f"X = {X}", f"X = {X}; b = {B}"), (f": {B}", ": b")),
    "rand for randn in the weights": ("W", 0, (W, W.replace("randn", "rand"))),
    "rand for randn in the data": ("W", 0, (X, X.replace("randn", "rand"))),
    "another version's seed": ("W", 0, ('julia="1.5"', 'julia="1.11"')),
    "data filled by rows": ("x", 1, (X, "rng.randn(120, dtype=np.float32).reshape(3, 40)")),
    "labels of the last row": ("y", 1, ("X[1:2] >", "X[2:3] >")),
    "batches not shuffled": ("x", 1, ("rng.randperm(40) - 1", "np.arange(40)")),
    "shuffle for randperm": ("x", 1, ("rng.randperm(40) - 1", "rng.shuffle(np.arange(40))")),
    "shuffled once for all epochs": ("x", 4, (f"{LOOP}        {ORDER}", f"    {ORDER}{LOOP}")),
}
"""The name and the step that have to be blamed, and the changes of `seeded.py`."""


@pytest.mark.parametrize("name", WRONG_DRAWS)
def test_a_wrong_draw_is_named(name):
    blamed, step, *changes = WRONG_DRAWS[name]
    result = repro.check(RECORDING, partial(drawn_by(*changes), 1))
    assert (result.first.step, result.first.name) == (step, blamed), result.message


def test_the_model_is_drawn_from_the_seed_without_julia(recorded):
    recorded(file="test_seeded.py").assert_outcomes(passed=2)


@pytest.mark.julia
@pytest.mark.parametrize("seed", [pytest.param(7, marks=pytest.mark.slow), 2**40 + 7])
def test_the_model_is_drawn_from_any_seed_as_julia_draws_it(julia, not_run, tmp_path, seed):
    """The port's own run from a seed that nobody recorded, beside a live Julia."""
    if julia.version_info[:2] != (1, 5):
        not_run(f"the page's port draws as Julia 1.5, not {julia.version}: {CHOOSE_IT}")
    (tmp_path / "logistic.jl").write_text(blocks()["logistic.jl"])
    reference = JuliaFunction(tmp_path / "logistic.jl", "train", seed, julia=julia)()
    port = partial(drawn_by(), seed)
    assert repro.check(reference, port)
    assert repro.check(reference, port, names=["x", "y"], tolerance=repro.Bitwise())
    start = repro.check(reference.upto(0), [next(port())], tolerance=repro.Bitwise())
    assert start.verdict is repro.Verdict.PASS_BITWISE
    other = repro.check(reference, partial(drawn_by(), seed + 1))
    assert (other.first.step, other.first.name) == (0, "W")


def test_the_page_shows_what_is_printed(recorded):
    result = recorded(old="(p, y)", new='(p, y, reduction="sum")')
    lines = [whatever_the_processor(line).replace("[", "[[]") for line in shown_output()]
    printed = pytest.LineMatcher([*map(whatever_the_processor, result.stdout.lines)])
    printed.fnmatch_lines(lines, consecutive=True)


def whatever_the_processor(line: str) -> str:
    """Whether a right name has the same bits depends on it, and so do the columns' widths."""
    return re.sub(" +", " ", line.replace("PASS_BITWISE", "PASS"))


def test_the_other_ways_pass(pytester):
    for name in ("test_other_ways.py", "test_shapes.py"):
        (pytester.path / name).write_text(blocks()[name])
    pytester.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=7)


@pytest.mark.julia
def test_with_a_live_julia(julia, page, pytester, monkeypatch):
    """Records as the page says, gets the same bits as the recording here, and localises a fault."""
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    page("--parity-update").assert_outcomes(passed=1)
    made = pytester.path / "test_logistic" / "test_logistic.npz"
    if julia.version_info[:2] == (1, 5) and julia.pinned:
        result = repro.check(RECORDING, made)
        assert result.verdict is repro.Verdict.PASS_BITWISE, f"{result}\n{UPDATE}"
    assert np.isfinite(Run.load(made)["loss"].values).all()
    train = JuliaFunction(pytester.path / "logistic.jl", "train", 1, julia=julia)
    faulty = faulty_step("W - eta * W.grad", "W + eta * W.grad")
    found = repro.check(train, faulty, resynchronise=True, draws=("x", "y"))
    assert (found.first.step, found.first.name) == (1, "W"), found.message
