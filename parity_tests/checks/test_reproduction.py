"""The first wrong step as files, shown by a script that runs where this package is not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import repro

STEP = """
import numpy as np

def step(state, draws):
    g = draws["x"] * np.float32(2)
    return {"g": g, "w": state["w"] - g%s}
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """`module(text, name)`: that text as a module that can be imported."""
    folder = tmp_path / "ports"
    monkeypatch.syspath_prepend(folder)

    def make(text, name="small_port"):
        path = folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        for known in (name, name.partition(".")[0]):
            sys.modules.pop(known, None)
        return importlib.import_module(name)

    return make


def reference():
    w = np.float32([1, 2, 3])
    yield {"w": w}
    for t in range(3):
        x = np.float32([t, 1, 2])
        g = 2 * x
        w = w - g
        yield {"x": x, "g": g, "w": w}


def check(step):
    return repro.check(reference, step, resynchronise=True, draws=["x"])


def shown(script, tmp_path):
    """What a fresh Python prints in which this package cannot be imported."""
    hidden = tmp_path / "hidden" / "repro"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('repro is not there')")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(hidden.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_runs_the_port_s_step_from_a_copy_of_its_file(module, tmp_path):
    """Catches a script that needs the package, or the file where it lay."""
    wrong = module(STEP % " * np.float32(3)").step
    result = check(wrong)
    assert (result.first.name, result.first.step) == ("w", 1)
    paths = result.reproduction(tmp_path / "report")
    names = [path.name for path in paths]
    assert names == ["reference.npz", "port.npz", "state.npz", "draws.npz", "show.py"]
    assert len(paths[-1].read_text().splitlines()) <= 16
    Path(sys.modules["small_port"].__file__).unlink()
    out = shown(paths[-1], tmp_path)
    assert "[ 1.  0. -1.]" in out and "[ 1. -4. -9.]" in out and "difference: 8.0" in out
    with np.load(tmp_path / "report" / "state.npz") as state:
        assert state["w"].tolist() == [1, 2, 3]


def test_a_step_of_a_package_is_imported_from_where_it_lies(module, tmp_path):
    module("", "package.__init__")
    wrong = module(STEP % " * np.float32(3)", "package.port").step
    script = check(wrong).reproduction(tmp_path / "report")[-1]
    assert "from package.port import step" in script.read_text()
    assert "difference: 8.0" in shown(script, tmp_path)


def test_a_step_that_needs_a_file_beside_it_too(module, tmp_path):
    module("three = 3", "beside_it")
    wrong = module("from beside_it import three\n" + STEP % " * np.float32(three)").step
    script = check(wrong).reproduction(tmp_path / "report")[-1]
    assert not (script.parent / "small_port.py").exists()
    assert "difference: 8.0" in shown(script, tmp_path)


@pytest.mark.parametrize("head", ["", "import repro\n"])
def test_what_cannot_be_imported_is_shown_side_by_side(module, tmp_path, head):
    made = module(head + STEP % " * np.float32(3)").step
    step = made if head else lambda state, draws: made(state, draws)
    script = check(step).reproduction(tmp_path / "report")[-1]
    assert "small_port" not in script.read_text()
    out = shown(script, tmp_path)
    assert "[ 1. -4. -9.]" in out and "difference: 8.0" in out


def test_without_steps_there_are_both_sides_alone(tmp_path):
    right = list(reference())
    wrong = [{**s, "w": s["w"] + np.float32(t == 2)} for t, s in enumerate(right)]
    paths = repro.check(right, wrong).reproduction(tmp_path)
    assert [path.name for path in paths] == ["reference.npz", "port.npz", "show.py"]
    assert "difference: 1.0" in shown(paths[-1], tmp_path)
    lacking = [{n: a for n, a in s.items() if n != "g"} for s in right]
    script = repro.check(right, lacking).reproduction(tmp_path / "b")[-1]
    assert "None" in shown(script, tmp_path / "b")


def test_where_nothing_is_wrong_nothing_is_written(tmp_path):
    assert repro.check(reference, reference).reproduction(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_a_name_is_never_run_as_code(tmp_path):
    """Catches a name out of a recording that ends the script's docstring."""
    hostile = '"""\nprint("run")\n"""{0}\\'
    script = repro.check([{hostile: 1.0}], [{hostile: 2.0}]).reproduction(tmp_path / "r")[-1]
    out = shown(script, tmp_path)
    assert "run" not in out and "difference: 1.0" in out


def test_names_that_numpy_has_for_itself(tmp_path):
    files = repro.check([{"file": 1.0}], [{"file": 2.0}]).reproduction(tmp_path)
    with np.load(files[0]) as stored:
        assert stored["file"] == 1.0


@pytest.mark.parametrize(
    ("right", "wrong", "out"),
    [
        ("a", "b", "<U1\nb"),
        (np.empty(0), np.empty(0, np.float32), "float32\n[]"),
        (None, 2.0, "reference\nwithout it\nNone"),
        (2.0, None, "port\nwithout it\nNone"),
        (1, 1.0, "int64\n1\nport\nfloat64\n1.0"),
    ],
)
def test_the_script_shows_whatever_can_be_wrong(right, wrong, out, tmp_path):
    """Catches a script that breaks off on texts, empty arrays, and what one side lacks."""
    found = repro.check([{"q": right, "w": 1.0}], [{"q": wrong, "w": 1.0}])
    assert found.first.name == "q"
    assert out in shown(found.reproduction(tmp_path)[-1], tmp_path)


GIVEN = """
import numpy as np

def loss(inputs):
    return {"loss": inputs["x"].sum() * 3}

def turned(state, draws):
    return {"w": state["w"] * 1j * draws["k"]}

def more(state, draws):
    return {"w": state["w"], "more": 1.0}
"""


def turning():
    yield {"w": np.ones(2) * 1j}
    yield {"k": 2.0, "w": -2 * np.ones(2) + 1j}


@pytest.mark.parametrize("name", ["show", "small-port"])
def test_a_step_of_inputs_complex_numbers_and_any_file_name(module, tmp_path, name):
    """Catches a script that calls such a step otherwise than the check did, or hides its file."""
    ports = module(GIVEN, name)
    found = repro.check([{"x": np.ones(2), "loss": 4.0}], ports.loss, inputs=["x"])
    paths = found.reproduction(tmp_path / "loss")
    assert [path.stem for path in paths] == ["reference", "port", "inputs", "show"]
    assert "difference: 2.0" in shown(paths[-1], tmp_path)
    steps = {"resynchronise": True, "draws": ["k"]}
    paths = repro.check(turning, ports.turned, **steps).reproduction(tmp_path / "turned")
    assert "difference: 1.0" in shown(paths[-1], tmp_path / "turned")
    paths = repro.check(
        [s | {"w": np.ones(1)} for s in turning()], ports.more, **steps
    ).reproduction(tmp_path / "more")
    assert "without it" in shown(paths[-1], tmp_path / "more")


def test_a_file_of_any_name_that_needs_another_is_imported(module, tmp_path):
    module("three = 3", "beside_it")
    wrong = module("from beside_it import three\n" + STEP % " * np.float32(three)", "small-port")
    script = check(wrong.step).reproduction(tmp_path / "report")[-1]
    assert "difference: 8.0" in shown(script, tmp_path)
