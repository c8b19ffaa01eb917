"""The fixture `parity`, in test suites of its own."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest_plugins = ["pytester"]

RUNS = """
import numpy as np

def reference(steps=3, drift=0.0):
    w = np.ones(2, np.float32)
    for _ in range(steps):
        grad = np.float32(0.1) * w
        w = w - grad + np.float32(drift)
        yield {"grad": grad, "w": w}

def wrong():
    return reference(drift=0.5)

def once():
    open("it_ran", "x").close()
    return reference()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester):
    """`suite(test source, *arguments)`: run a suite of one file, `test_it.py`."""

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(runs=RUNS, test_it="from runs import *\n\n" + source)
        pytester.syspathinsert()
        for name in ("runs", "test_it"):
            sys.modules.pop(name, None)
        # By its module's name, which is also its entry point's: installed or not, it loads once.
        arguments = ("-p", "repro.pytest_plugin", "-p", "no:cacheprovider", "-ra", *arguments)
        return pytester.runpytest_inprocess(*arguments)

    return run


def test_one_line_passes(suite):
    result = suite("def test_port(parity):\n    assert parity(reference, reference)\n")
    result.assert_outcomes(passed=1)


def test_a_wrong_port_fails_and_says_where_and_what_next(suite, pytester):
    result = suite("def test_port(parity):\n    parity(reference, wrong)\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "FAIL: `w` in step 0 is where the port parts from the reference",
            "*first wrong: `w` in step 0: the reference has 0.9*the port 1.4*",
            "*right before it in that step: `grad`",
            "Next: read the line that computes `w` beside the reference's*",
            "Both sides, for repro.Run.load:",
            "*reference.npz",
            "*port.npz",
            "Run again: pytest test_it.py::test_port",
        ]
    )
    result.stdout.no_fnmatch_line("*record anew*")
    written = {line.strip() for line in result.outlines if line.strip().endswith("port.npz")}
    from repro.run import Run

    assert list(Run.load(written.pop()).quantities) == ["grad", "w"]


def test_the_failure_has_a_table_of_all_names(suite):
    result = suite("def test_port(parity):\n    parity(reference, wrong)\n")
    result.stdout.fnmatch_lines(
        [
            "name  verdict  first wrong step  steps wrong  error / tolerance *",
            "grad  FAIL     1                 2 of 3 *",
            "w     FAIL     0                 3 of 3 *",
        ]
    )


def test_the_first_wrong_step_is_written_where_that_is_asked_for(suite, pytester):
    source = "def test_port(parity):\n    parity(reference, wrong)\n"
    suite(source)
    assert not (pytester.path / "wrongs").exists()
    result = suite(source, "--reproduction", str(pytester.path / "wrongs"))
    result.stdout.fnmatch_lines(["The first wrong step alone: python *wrongs/test_port.1/show.py"])
    assert (pytester.path / "wrongs" / "test_port.1" / "port.npz").is_file()
    right = source.replace("wrong", "reference")
    suite(right, "--reproduction", str(pytester.path / "none")).assert_outcomes(passed=1)
    assert not (pytester.path / "none").exists()


def test_known_differences_of_passing_tests_are_printed(suite):
    """Catches an acceptance that nobody reads of again."""
    source = "def test_port(parity):\n    parity(reference, shifted, accept={'w': 'drifts here'})\n"
    shift = """
def shifted():
    for step in reference():
        yield {**step, "w": step["w"] + np.float32(0.5)}

"""
    result = suite(shift + source)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*parity: known differences, let through*",
            "test_it.py::test_port: accepted: `w` differs in 3 of 3 steps*: drifts here",
        ]
    )
    failing = suite(source.replace("shifted", "wrong"))
    failing.assert_outcomes(failed=1)
    failing.stdout.fnmatch_lines(["*first wrong: `grad` in step 1*"])
    suite("def test_it(parity):\n    parity(reference, reference)\n").stdout.no_fnmatch_line(
        "*let th*"
    )


OWN = "def test_port(parity):\n    parity(reference)\n"


def test_without_a_recording_it_fails_and_says_how_to_make_one(suite):
    result = suite(OWN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*no recording*test_port.npz. Make it with: pytest --parity-update test_it.py::test_port"]
    )


def test_recording_the_port_is_no_pass(suite, pytester):
    """Catches a suite that is green because it only ever recorded itself."""
    result = suite(OWN, "--parity-update")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*NOT RUN: recorded*Compare with it: pytest test_it.py*"])
    assert (pytester.path / "test_it" / "test_port.npz").is_file()


def test_the_recording_holds_later_ports(suite):
    suite(OWN, "--parity-update")
    suite(OWN).assert_outcomes(passed=1)
    changed = suite(OWN.replace("reference", "wrong"))
    changed.assert_outcomes(failed=1)
    changed.stdout.fnmatch_lines(["*record anew: pytest --parity-update test_it.py::test_port"])
    suite(OWN.replace("reference", "wrong"), "--parity-update").assert_outcomes(skipped=1)
    suite(OWN.replace("reference", "wrong")).assert_outcomes(passed=1)


RECORDED = "def test_port(parity):\n    parity({reference}, {port}, recorded=True)\n"


def test_a_recorded_reference_is_run_for_recording_alone(suite):
    good = RECORDED.format(port="reference", reference="once")
    suite(good).assert_outcomes(failed=1)
    suite(good, "--parity-update").assert_outcomes(passed=1)
    suite(good, "--parity-update").assert_outcomes(failed=1)
    suite(good).assert_outcomes(passed=1)
    suite(RECORDED.format(port="wrong", reference="once")).assert_outcomes(failed=1)


def test_a_stale_recording_fails(suite):
    """Catches a recording of another reference that goes on passing."""
    suite(RECORDED.format(port="reference", reference="reference"), "--parity-update")
    result = suite(RECORDED.format(port="reference", reference="wrong"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_port.npz is stale: *Record it anew: pytest --parity-up*"])


def test_recording_compares_with_what_it_recorded(suite):
    """Catches a wrong port that --parity-update would let through."""
    bad = RECORDED.format(port="wrong", reference="reference")
    suite(bad, "--parity-update").assert_outcomes(failed=1)


def test_a_reference_that_breaks_off_is_not_recorded(suite, pytester):
    bad = RECORDED.format(port="reference", reference="lambda: 1 / 0")
    result = suite(bad, "--parity-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nothing is recorded of a run that broke off*"])
    assert not (pytester.path / "test_it").exists()


def test_a_damaged_recording_is_refused(suite, pytester):
    suite(OWN, "--parity-update")
    path = pytester.path / "test_it" / "test_port.npz"
    with np.load(path) as file:
        arrays = dict(file)
    arrays["state:w"][0] += 1
    np.savez(path, **arrays)
    result = suite(OWN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Make it anew with: pytest --parity-update*"])


def test_names_of_recordings(suite, pytester):
    source = """
import pytest

@pytest.mark.parametrize("seed", ["a/b", "a b"])
def test_port(parity, seed):
    parity(reference, name="one")
    parity(reference, name="two")
"""
    result = suite(source, "--parity-update")
    result.assert_outcomes(skipped=2)
    names = sorted(p.name for p in (pytester.path / "test_it").iterdir())
    assert names == ["test_port_a_b.one.npz", "test_port_a_b.two.npz"]


def test_two_recordings_of_one_name_are_refused(suite):
    source = "def test_port(parity):\n    parity(reference)\n    parity(wrong)\n"
    result = suite(source, "--parity-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*two recordings of one test are called*: add name=*"])


def test_a_step_function_cannot_be_its_own_reference(suite):
    source = "def test_port(parity):\n    parity(lambda s, d: s, resynchronise=True)\n"
    suite(source, "--parity-update").assert_outcomes(failed=1)


def test_bad_input_is_one_line(suite):
    result = suite("def test_port(parity):\n    parity(reference, [{'a': b'text'}])\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["'a' in step 0 of the port is of type |S4: yield x.decode()*"])


def test_options_reach_the_check(suite):
    source = """
from repro.checks import Ulps

def test_port(parity):
    budget = Ulps(1e6, because="a tenth of all")
    result = parity(reference, lambda: reference(drift=0.01), tolerance=budget, names=["w"])
    assert result.worst_ratio > 0 and result.verdict == "PASS"
"""
    suite(source).assert_outcomes(passed=1)


def test_no_julia_is_a_failure_with_advice(suite, monkeypatch, pytester):
    """Catches a suite that passes because its reference could not be run."""
    monkeypatch.setenv("REPRO_JULIA", str(pytester.path / "no-julia"))
    (pytester.path / "m.jl").write_text("run() = [(a = 1.0,)]\n")
    source = """
from repro.sides.julia.function import JuliaFunction

def test_port(parity):
    parity(JuliaFunction("m.jl", "run"), [{"a": 1.0}])
"""
    result = suite(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["NOT_RUN: *no-julia*get one with: repro julia install*"])


def test_a_suite_that_does_not_use_it_imports_nothing_heavy(pytester):
    pytester.makepyfile(
        "import sys\n"
        "def test_light():\n"
        "    assert not {'torch', 'numpy', 'repro.checks'} & set(sys.modules)\n"
    )
    arguments = ("-p", "repro.pytest_plugin", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1)
