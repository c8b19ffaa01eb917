"""A recording knows what it was made of; every change of that is noticed, and named."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest

from repro import JuliaFunction, record
from repro.run import Run, described, outdated
from repro.sides.julia.find import Julia

pytest_plugins = ["pytester"]

FILES = {
    "model.jl": 'using Layers\ninclude(joinpath(@__DIR__, "rate" * ".jl"))\n'
    "train(seed; W = zeros(2)) = [(w = W .+ seed * rate() * Layers.gain(),)]\n",
    "rate.jl": "rate() = 0.5\n",
    "env/Project.toml": '[deps]\nLayers = "3aafd1d2-7a42-4d6f-9a02-56e3a2d7b2a4"\n',
    "env/Manifest.toml": '[[Layers]]\npath = "../Layers"\n'
    'uuid = "3aafd1d2-7a42-4d6f-9a02-56e3a2d7b2a4"\nversion = "0.1.0"\n',
    "Layers/Project.toml": 'name = "Layers"\nuuid = "3aafd1d2-7a42-4d6f-9a02-56e3a2d7b2a4"\n'
    'version = "0.1.0"\n',
    "Layers/src/Layers.jl": "__precompile__(false)\nmodule Layers\ngain() = 2.0\nend\n",
}


def train(folder: Path, *arguments, function="train", env="env", **options) -> JuliaFunction:
    arguments = arguments or (1,)
    options = {"W": np.ones(2), **options}
    return JuliaFunction(folder / "model.jl", function, *arguments, project=folder / env, **options)


@pytest.fixture(scope="module")
def made(julia, tmp_path_factory) -> Path:
    """A folder with the files and a recording of them by a live Julia."""
    folder = tmp_path_factory.mktemp("stale")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    run = record(train(folder, julia=julia), folder / "recording.npz")
    assert run["w"].values.tolist() == [[2.0, 2.0]]
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    """A copy somewhere else, as a checkout on another machine is."""
    return shutil.copytree(made, tmp_path / "checkout")


def why(folder: Path, function: JuliaFunction) -> str | None:
    return outdated(Run.load(folder / "recording.npz"), function)


@pytest.mark.julia
def test_a_fresh_recording_is_taken_wherever_it_lies(folder, monkeypatch):
    monkeypatch.setenv("REPRO_JULIA", str(folder / "no-julia"))
    assert why(folder, train(folder)) is None


CHANGES = [
    ("rate.jl", "0.5", "0.25", "rate.jl has changed"),
    ("model.jl", "seed *", "2 * seed *", "model.jl has changed"),
    ("Layers/src/Layers.jl", "2.0", "3.0", "Layers/src/Layers.jl has changed"),
    ("env/Project.toml", "[deps]", "# more\n[deps]", "env/Project.toml has changed"),
    ("env/Manifest.toml", "0.1.0", "0.2.0", "env/Manifest.toml has changed"),
]


@pytest.mark.julia
@pytest.mark.parametrize(("file", "old", "new", "says"), CHANGES, ids=[c[0] for c in CHANGES])
def test_a_changed_file_is_named(folder, file, old, new, says):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    assert why(folder, train(folder)) == says


@pytest.mark.julia
def test_a_file_that_is_gone_is_named(folder):
    (folder / "rate.jl").unlink()
    assert why(folder, train(folder)) == "rate.jl is gone"


def test_a_shared_environment_is_asked_for_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert JuliaFunction("model.jl", "train", project="@ml").asked()["project"] == "@ml"


JULIA = functools.partial(Julia, Path("julia"), source="made up")
ASKED = [
    ("seed", {"arguments": (2,)}, "arguments: recorded with [1], asked for is [2]"),
    ("type of the seed", {"arguments": (1.0,)}, "arguments: recorded with [1], asked for is [1.0]"),
    ("one more", {"arguments": (1, "x")}, 'arguments: recorded with [1], asked for is [1, "x"]'),
    ("function", {"function": "other"}, 'function: recorded with "train", asked for is "other"'),
    ("keyword", {"W": np.zeros(2)}, 'keywords: recorded with {"W": ["float64", [2], "'),
    ("width", {"W": np.ones(2, np.float32)}, 'keywords: recorded with {"W": ["float64"'),
    ("version", {"julia": JULIA("1.0.5")}, 'julia: recorded with "'),
    ("environment", {"env": "other"}, 'project: recorded with "env", asked for is "other"'),
]


@pytest.mark.julia
@pytest.mark.parametrize(("asked", "says"), [c[1:] for c in ASKED], ids=[c[0] for c in ASKED])
def test_another_question_is_named(folder, asked, says):
    asked = dict(asked)
    found = why(folder, train(folder, *asked.pop("arguments", ()), **asked))
    assert found is not None and found.startswith(says) and ";" not in found


@pytest.mark.julia
def test_the_fixture_fails_and_says_how_to_record_anew(folder, pytester, monkeypatch):
    """The changes that passed before: a number in the Julia file, the seed in the test."""
    monkeypatch.setenv("REPRO_JULIA", str(folder / "no-julia"))
    source = f"""
from pathlib import Path
from repro import JuliaFunction
import numpy as np

def test_port(parity):
    folder = Path({str(folder)!r})
    train = JuliaFunction(folder / "model.jl", "train", 1, project=folder / "env", W=np.ones(2))
    parity(train, [{{"w": np.full(2, 2.0)}}], recorded=True)
"""
    options = ("-p", "repro.pytest_plugin", "-p", "no:cacheprovider")

    def outcome(source: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        (pytester.path / "test_it").mkdir(exist_ok=True)
        shutil.copy(folder / "recording.npz", pytester.path / "test_it" / "test_port.npz")
        return pytester.runpytest_inprocess(*options)

    outcome(source).assert_outcomes(passed=1)
    (folder / "rate.jl").write_text("rate() = 0.25\n")
    result = outcome(source.replace('"train", 1', '"train", 2'))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*test_port.npz is stale: arguments: recorded with [[]1], asked for is [[]2]; rate.jl has "
         "changed. Record it anew: pytest --parity-update test_it.py::test_port"]
    )  # fmt: skip


PORT = """
import numpy as np
RATE = 0.5
class Model:
    def out(self):
        return helper(2)
def helper(x):
    return x * RATE
def reference(seed=1):
    yield {"w": np.full(2, Model().out() * seed)}
def unrelated():
    return 1
"""


def written(folder: Path, name: str, text: str):
    """What is called `reference` in a module of that text."""
    (folder / f"stale_{name}.py").write_text(text)
    return __import__(f"stale_{name}").reference


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("seed)", "seed + 1)", True),
        ("RATE = 0.5", "RATE = 0.25", True),
        ("x * RATE", "x / RATE", True),
        ("helper(2)", "helper(3)", True),
        ("return 1", "return 2", False),
    ],
)
def test_a_python_reference_is_known_by_its_text_and_what_it_names(
    tmp_path, monkeypatch, old, new, noticed
):
    monkeypatch.syspath_prepend(tmp_path)

    def module(name: str, text: str):
        return written(tmp_path, name, text)

    record(module("before", PORT), tmp_path / "recording.npz")
    run = Run.load(tmp_path / "recording.npz")
    assert outdated(run, module("same", PORT)) is None
    assert PORT.count(old) == 1
    changed = outdated(run, module(f"after_{noticed}_{len(old)}", PORT.replace(old, new)))
    assert (changed == "the text of reference has changed") is noticed
    assert outdated(run, functools.partial(module("same", PORT), 2)) is not None


HELD = {
    "a default": "def reference(rate=RATE):\n    yield {'w': rate}\n",
    "a keyword's default": "def reference(*, rate=RATE):\n    yield {'w': rate}\n",
    "a partial function": "reference = partial(lambda rate: [{'w': rate}], RATE)\n",
    "its keyword": "reference = partial(lambda rate: [{'w': rate}], rate=RATE)\n",
    "a decorator": "@times(RATE)\ndef reference():\n    yield {'w': 1.0}\n",
    "an object": "reference = Port(RATE)\n",
    "its method": "reference = Port(RATE).run\n",
    "an object that is named": "def reference(port=Port(RATE)):\n    return port.run()\n",
    "a list of objects": "def reference(ports=[Port(RATE)]):\n    return ports[0].run()\n",
    "a list in itself": "L = [RATE]\nL.append(L)\ndef reference(): yield {'w': L[0]}\n",
    "a class it is of": "class Of(Port): rate = RATE\nreference = Of()\n",
    "the class above": "class Above(Port): rate = RATE\nclass Of(Above): pass\nreference = Of()\n",
    "a cached function": "@cache\ndef rate(): return RATE\ndef reference(): yield {'w': rate()}\n",
    "a property": "class Of(Port):\n  @property\n  def rate(self): return RATE\nreference = Of()\n",
    "a tensor": "import torch\nW = torch.tensor(RATE)\ndef reference():\n    yield {'w': W}\n",
}  # fmt: skip
BESIDE = """
from functools import cache, partial, wraps
RATE = {}
def times(factor):
    def decorate(function):
        @wraps(function)
        def scaled():
            for step in function():
                yield {{"w": factor * step["w"]}}
        return scaled
    return decorate
class Port:
    calls = 0
    def __init__(self, *rate):
        if rate:
            self.held, = rate
    def run(self):
        self.calls += 1
        yield {{"w": self.held if hasattr(self, "held") else self.rate}}
    __call__ = run
"""


@pytest.mark.parametrize("how", HELD)
def test_a_python_reference_is_known_by_what_it_holds_wraps_and_inherits(
    how, tmp_path, monkeypatch
):
    """And not by what its own run leaves behind."""
    monkeypatch.syspath_prepend(tmp_path)

    def reference(name: str, rate: float):
        return written(tmp_path, f"{name}_{[*HELD].index(how)}", BESIDE.format(rate) + HELD[how])

    record(reference("first", 0.5), tmp_path / "recording.npz")
    run = Run.load(tmp_path / "recording.npz")
    assert run["w"].values.tolist() == [0.5]
    assert outdated(run, reference("again", 0.5)) is None
    assert "has changed" in str(outdated(run, reference("other", 0.25)))


@pytest.mark.parametrize("kind", [np.int64, np.uint64])
def test_large_integers_are_told_apart(kind):
    """Which of them are one Float64."""
    found = [described(kind(2**53 + i)) for i in range(3)]
    assert found[0] != found[1] != found[2] and described(np.int32(3)) == ["int32", 3.0]


def test_steps_are_known_by_their_content_and_a_recording_of_before_is_refused(tmp_path):
    record([{"w": np.ones(2)}], tmp_path / "recording.npz")
    run = Run.load(tmp_path / "recording.npz")
    assert outdated(run, [{"w": np.ones(2)}]) is None
    assert outdated(run, [{"w": np.zeros(2)}]) == "the content of list has changed"
    assert (
        outdated(Run(run.quantities), [{"w": np.ones(2)}]) == "it does not say what it was made of"
    )
