"""The float64 run as the arbiter: faithful sides are equally far from it, a wrong port is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from planted.plant import Change, PlantedPort

from repro.checks import FACTOR
from repro.checks.arbiter import FAR, arbitrate
from repro.run import Quantity, Run
from repro.sides import recorded
from repro.sides.parity import parity
from repro.sides.port import Port
from repro.sides.recorded import Recorded

EPOCHS = 3
DENSE = "transfer_learn_seed0_dense", "fomaml_seed0_dense", "reptile_seed0_dense"


def one(values, kind: str = "state") -> Run:
    values = np.asarray(values, dtype=np.float64)
    return Run({"weights": Quantity(np.arange(len(values)), values, kind)})


def growth_of(size: float):
    return lambda _, reference: np.full((len(reference.steps), 1), size * FACTOR)


def judged(exact, reference, port, growth: float = 1e-7, kind: str = "state"):
    return arbitrate(one(exact), one(reference, kind), one(port), growth_of(growth))


EXACT = np.ones((3, 2))


def test_sides_that_only_round_are_equally_far():
    found = judged(EXACT, EXACT + 2e-7, EXACT - 1e-7)
    assert found.odd_one is None
    assert "equally far" in found.sentence and "the port is the closer one" in str(found)
    np.testing.assert_allclose(found["weights"].reference, 2e-7)
    np.testing.assert_allclose(found["weights"].port_growths, 1.0)


@pytest.mark.parametrize("side", ["port", "reference"])
def test_the_odd_one_out_is_named_with_its_iteration(side):
    wrong = EXACT + [[1e-7], [1e-3], [1e-3]]
    pair = (EXACT + 1e-7, wrong) if side == "port" else (wrong, EXACT + 1e-7)
    found = judged(EXACT, *pair)
    assert found["weights"].odd_one == side
    assert "in iteration 1" in found.sentence and f"the {side} is 1.0e+04 times" in found.sentence


def test_a_fault_is_not_excused_by_a_reference_that_rounds_much_later():
    reference, port = EXACT + [[1e-7], [1e-7], [1.0]], EXACT + [[1e-7], [1e-3], [1.0]]
    assert judged(EXACT, reference, port)["weights"].odd_one == "port"


def test_what_a_perturbation_does_too_is_rounding():
    assert judged(EXACT, EXACT, EXACT + 1e-3, growth=1e-3).odd_one is None


def test_a_port_that_is_not_finite_is_the_odd_one():
    assert judged(EXACT, EXACT, EXACT * np.nan)["weights"].odd_one == "port"


def test_draws_and_strangers_are_left_out():
    assert judged(EXACT, EXACT, EXACT, kind="draw").distances == ()
    assert judged(EXACT, EXACT, np.ones((3, 4))).distances == ()
    nothing = judged(EXACT, EXACT, np.ones((3, 4)))
    assert nothing.odd_one is None and "nothing in common" in nothing.sentence


def test_no_growth_and_no_distance_is_no_ratio():
    found = judged(EXACT, EXACT, EXACT, growth=0.0)
    assert found.odd_one is None and found["weights"].further == 0
    assert judged(EXACT, EXACT, EXACT + 1e-16 * 4, growth=0.0)["weights"].odd_one == "port"


@pytest.mark.parametrize("name", DENSE)
def test_a_faithful_port_stays_well_below_far(name):
    """FAR's lower side; all recorded cases stay at 4.0 of 10 or below over 300 iterations."""
    found = parity(recorded.load(name).case.upto(EPOCHS), Recorded(), arbiter=True).arbiter
    assert max(d.further for d in found.distances) < FAR / 2


@pytest.mark.parametrize(
    "change",
    [
        Change("repro.luna.fomaml", "add_(grad[name])", "add_(grad[name] / n_tasks)"),
        Change("repro.luna.evaluate", "        restore(weights, prev_weights)\n", "        pass\n"),
    ],
    ids=["mean-of-tasks", "no-restore"],
)
def test_a_wrong_port_is_far_where_the_reference_is_near(change):
    """FAR's upper side. The arbiter is the port without the fault."""
    case = recorded.load("fomaml_seed0_dense").case.upto(EPOCHS)
    own = parity(case, Recorded(), PlantedPort(change)).own
    exact = Port(dtype=torch.float64).run(case)
    found = arbitrate(exact, own.reference, own.port, own.tolerance)
    assert found["weights"].odd_one == "port"
    assert found["weights"].port_growths.max() > 100 * FAR > found["weights"].reference_growths[0]


def test_without_asking_there_is_no_arbiter():
    case = recorded.load("fomaml_seed0_dense").case.upto(1)
    assert parity(case, Recorded()).arbiter is None


def test_a_port_that_fails_by_itself_is_not_judged_by_its_own_run_in_float64():
    """Its Float64 run shares the fault, and would blame the reference for it."""
    case = recorded.load("fomaml_seed0_dense").case.upto(1)
    wrong = PlantedPort(Change("repro.luna.fomaml", "add_(grad[name])", "add_(2 * grad[name])"))
    found = parity(case, Recorded(), wrong, arbiter=True)
    assert not found and found.arbiter is None
