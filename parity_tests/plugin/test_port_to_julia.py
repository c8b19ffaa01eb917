"""The page docs/port-to-julia.md: its port is right, and faults in it are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import repro
from repro import JuliaFunction, Verdict

pytest_plugins = ["pytester"]
pytestmark = [
    pytest.mark.julia,
    pytest.mark.filterwarnings("default::repro.sides.julia.reference.JuliaRetryWarning"),
]

PAGE = Path(__file__).parents[2] / "docs" / "port-to-julia.md"
GIVEN = {"resynchronise": True, "draws": ("x", "y")}


def blocks() -> dict[str, str]:
    """The page's files, by name."""
    found = re.findall(r"^```(?:julia|python) (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return dict(found)


FAULTS = [
    ("transposed", "reshape(w * reshape(h", "reshape(w' * reshape(h", "q", 1),
    ("flipped", "padded[l:l+2, :, n]", "padded[l+2:-1:l, :, n]", "conv", 1),
    ("epsilon", "1f-5", "1f-3", "norm", 1),
    ("biased", "Float32(count / (count - 1))", "1f0", "norm.running_var", 1),
    ("momentum", "0.9f0 .* weight(name) .+ 0.1f0", "0.1f0 .* weight(name) .+ 0.9f0",
     "norm.running_mean", 1),
    ("queries", "softmax(k' * q ./ 2)", "softmax(q' * k ./ 2)", "attention", 1),
    ("labels", "label + 1", "(label + 1) % 3 + 1", "loss", 1),
    ("rate", "W .- rate", "W .- 1.001f0 .* rate", "head.weight", 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def page(julia, tmp_path_factory) -> Any:
    """The reference of the page and, in one Julia, its port and those with a fault."""
    folder = tmp_path_factory.mktemp("page")
    source = blocks()["net.jl"]
    assert all(source.count(old) == 1 for _, old, *_ in FAULTS), "a fault fits the page no more"
    texts = {"right": source, **{name: source.replace(old, new) for name, old, new, *_ in FAULTS}}
    modules = (f"module M_{n}\n{text}\nend\nconst {n} = M_{n}.step\n" for n, text in texts.items())
    (folder / "all.jl").write_text("".join(modules))
    names: dict[str, Any] = {}
    exec(blocks()["net.py"], names)
    living = JuliaFunction(folder / "all.jl", "right", julia=julia)

    def check(port: str) -> repro.Check:
        living.function = port
        return repro.check(names["train"], living, **GIVEN)

    return check


def test_the_port_passes(page):
    result = page("right")
    assert result.verdict is Verdict.PASS, result.message
    assert result.resynchronised.verdict is Verdict.PASS


QUICK = ("transposed", "biased")
CASES = [
    pytest.param(fault, *where, marks=[] if fault in QUICK else pytest.mark.slow)
    for fault, _, _, *where in FAULTS
]


@pytest.mark.parametrize(("fault", "name", "step"), CASES)
def test_a_planted_fault_is_named(page, fault, name, step):
    result = page(fault)
    assert (result.first.name, result.first.step) == (name, step), result.message
    assert result.first.resynchronised


def test_the_page_shows_what_is_printed(page):
    (text,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    message = page("transposed").message
    for line in text.splitlines():
        assert line.strip().rstrip("*") in message, message


@pytest.mark.slow
def test_as_a_user_would(julia, pytester, monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", str(julia.executable))
    for name, text in blocks().items():
        (pytester.path / name).write_text(text)
    pytester.syspathinsert()
    options = ("-p", "repro.pytest_plugin", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*options, "test_net.py").assert_outcomes(passed=1)
