"""Ports that are no functions, their operations moved as a function's are."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
import torch

import repro
from repro.checks import Verdict

X = np.linspace(0.1, 3, 300)


def right():
    """A sum in another order, which the port's own is not to be bitwise."""
    return {"y": np.exp(X).reshape(3, 100).sum(axis=0).sum() / 300, "z": np.log(X) * 3}


class Script:
    """One step, its data an attribute."""

    def __init__(self, off=0.0):
        self.x, self.off = X.copy(), off

    def __call__(self):
        return self.run()

    def run(self):
        total = 0.0
        for value in np.exp(self.x):
            total = total + value
        return {"y": total / 300 + self.off, "z": np.log(self.x) / np.float64(1 / 3)}


def script(x, off=0.0):
    total = 0.0
    for value in np.exp(x):
        total = total + value
    return {"y": total / 300 + off, "z": np.log(x) / np.float64(1 / 3)}


class Module(torch.nn.Module):
    def __init__(self, off=0.0):
        super().__init__()
        self.x, self.off = torch.tensor(X), off

    def forward(self):
        y = torch.exp(self.x).cumsum(0)[-1] / 300 + self.off
        return {"y": y, "z": torch.log(self.x) / torch.tensor(1 / 3, dtype=torch.double)}


PORTS = {
    "object": Script,
    "method": lambda off=0.0: Script(off).run,
    "partial": lambda off=0.0: functools.partial(script, X, off=off),
    "partial of a method": lambda off=0.0: functools.partial(Script(off).run),
    "module": Module,
}


@pytest.mark.parametrize("make", PORTS.values(), ids=PORTS)
def test_a_callable_is_perturbed_as_a_function_is(make):
    """Catches a callable that is held bitwise without a word, and advice about earlier steps."""
    result = repro.check(right, make())
    assert result.verdict is Verdict.PASS and "tolerance: measured" in result.message
    assert not repro.check(right, make(), tolerance=repro.Bitwise()), "it rounds otherwise"
    wrong = repro.check(right, make(off=1e-9))
    assert (wrong.verdict, wrong.first.name) == (Verdict.FAIL, "y")
    moved = {name for name, _ in wrong.own.measured.moves.moved}
    assert {"exp", "log"} <= moved, wrong.message
    assert "earlier steps" not in wrong.message


def test_an_object_s_own_arrays_stay_its_own():
    """Catches perturbed runs that move what the port goes on with."""
    port = Script(off=1e-9)
    assert not repro.check(right, port)
    assert type(port.x) is np.ndarray and port.x.tobytes() == X.tobytes()


def test_a_pass_says_first_up_to_which_step_it_is_one():
    """Catches a step that is wrong where rounding is as large as the numbers, and a plain PASS."""

    def logistic(wrong):
        x = np.array([0.3])
        for t in range(80):
            x = 4 * x * (1 - x) if t < wrong else 3 * x * (1 - x)
            yield {"x": x}

    found = repro.check(lambda: logistic(99), lambda: logistic(75))
    assert found and re.match(r"PASS: .* up to step \d+, as far as it could be judged", str(found))
    assert "as far as" not in str(repro.check(lambda: logistic(99), lambda: logistic(99)))
