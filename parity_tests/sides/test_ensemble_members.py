"""Cases and files as members of ensembles, and the ensembles that come with the package."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from ensembles.wrong_ports import PACKAGE, WRONG

from repro.cases import CaseError, Conditions
from repro.cases.torch_stream import TorchStream
from repro.checks.ensembles import EnsembleVerdict, check_ensembles
from repro.errors import EngineError
from repro.run import Ensemble, RunError, gather
from repro.sides.members import CaseMember, FileMember, watched_of
from repro.sides.shipped_ensembles import SHIPPED, path_of, seeds_of, shipped

SECOND = [name for name in SHIPPED if name.startswith("ecoffet")]
LUNA = [name for name in SHIPPED if name not in SECOND]


def test_norms_and_losses_are_those_of_the_run():
    from repro.sides.port import Port

    member = CaseMember("reptile", epochs=20)
    run = Port().run(member.case(3))
    found = member(3)
    assert found["loss after 10 updates"].values[-1] == run["test_losses"].values[-1, 10]
    layers = [found[f"norm of layer {i}"].values.astype(float) for i in (1, 2, 3)]
    total = np.sqrt(sum(norm**2 for norm in layers))
    assert found["norm of the weights"].values == pytest.approx(total, rel=1e-6)
    assert found["norm of the weights"].values[-1] == np.linalg.norm(run["weights"].values[-1])


@pytest.mark.parametrize("function", SHIPPED)
def test_the_shipped_ensembles_are_whole(function):
    found = shipped(function)
    assert found.seeds.tolist() == [*seeds_of(function)] and not found.diverged.any()
    made_by = SHIPPED[function]
    assert found.provenance.engine == made_by.engine
    assert found.provenance.epochs == made_by.case(0).epochs


@pytest.mark.parametrize("function", LUNA)
def test_a_shipped_seed_is_computed_again_bit_for_bit(function):
    """A stale ensemble, of another algorithm or other draws, is noticed here."""
    again = gather(SHIPPED[function], [77])
    held = shipped(function).of_seeds([77])
    assert {*again.quantities} == {*held.quantities}
    for name, quantity in again.quantities.items():
        assert np.array_equal(quantity.values, held.quantities[name].values), name


@pytest.mark.slow
@pytest.mark.parametrize("function", SECOND)
def test_the_second_posts_are_those_of_its_compiled_trainings(function):
    """Bits differ, by processor and by how many networks are in a stack."""
    port = gather(CaseMember(function, "fast"), range(12))
    found = check_ensembles(shipped(function), port, summaries=watched_of(function).summaries)
    assert found.verdict is EnsembleVerdict.EQUIVALENT, found.message


@pytest.mark.parametrize("function", SECOND)
def test_a_stack_holds_what_each_of_its_networks_would_be_alone(function):
    """Catches points or weights of one network that go to another."""
    together = gather(CaseMember(function, epochs=30), range(3))
    for engine in ("eager", "fast"):
        with ThreadPoolExecutor(2) as threads:  # which share the notebook's generators
            alone = gather(CaseMember(function, engine, epochs=30), range(3), executor=threads)
        for name, quantity in together.quantities.items():
            other = alone.quantities[name].values
            assert other == pytest.approx(quantity.values, rel=2e-5), name
    between = together.quantities["loss after 0 updates"].values[0]
    assert np.ptp(between) > 0.01 * between.mean()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 10_001}, "up to 10000, or a multiple"),
        ({"epochs": 9, "generator": "Xoshiro"}, "leave out --generator"),
    ],
)
def test_what_the_second_posts_trainings_are_not_is_refused(given, said):
    with pytest.raises(CaseError, match=said):
        CaseMember("ecoffet_reptile", "fast", **given)(0)


def test_they_are_visited_as_often_as_is_asked():
    from repro.cases.ecoffet_trained import _draw

    def visited(epochs: int) -> int:
        case = CaseMember("ecoffet_reptile").case(0).upto(epochs)
        _, plan, _ = _draw("reptile", case, Conditions())
        return len(plan)

    assert [visited(20), visited(40_000)] == [20, 40_000]


def test_a_damaged_shipped_ensemble_is_refused(tmp_path):
    content = bytearray(path_of("reptile").read_bytes())
    content[len(content) // 2] ^= 1
    path_of("reptile", tmp_path).write_bytes(content)
    with pytest.raises(RunError):
        shipped("reptile", tmp_path)


def test_what_is_not_watched_is_refused():
    with pytest.raises(CaseError, match="choose from transfer_learn, fomaml, reptile"):
        CaseMember("eval_model").case(0)
    with pytest.raises(CaseError, match="--reference exact"):
        shipped("zoo")


def test_everything_that_a_run_depends_on_is_in_its_digest():
    plain = CaseMember("fomaml")
    others = [
        CaseMember("reptile"),
        CaseMember("fomaml", "fast"),
        CaseMember("fomaml", epochs=10),
        CaseMember("fomaml", arguments={"n_tasks": 4}),
        CaseMember("fomaml", generator="Xoshiro"),
        CaseMember("fomaml", device="cuda"),
    ]
    assert all(other.asked() != plain.asked() for other in others)


def test_another_source_is_another_member(monkeypatch):
    """Catches an ensemble that is kept beyond a change of the port."""
    before = CaseMember("fomaml").asked()
    monkeypatch.setattr("repro.sides.members.source_digest", lambda files: "another")
    assert CaseMember("fomaml").asked() != before


@pytest.mark.parametrize("wrong", WRONG, ids=lambda w: f"{w.function} {w.name}")
def test_what_a_wrong_port_plants_stands_there_once(wrong):
    """Catches a catalogue whose lines are gone."""
    for file, old, _ in wrong.changes:
        assert (PACKAGE / file).read_text().count(old) == 1


def test_a_file_is_a_member_and_its_text_is_in_the_digest(tmp_path):
    file = tmp_path / "port_of_mine.py"
    file.write_text("def run(seed):\n    return {'loss': 1.0 + seed}\n")
    member = FileMember(f"{file}:run")
    assert gather(member, range(3)).quantities["loss"].values.tolist() == [[1.0, 2.0, 3.0]]
    other = tmp_path / "port_of_yours.py"
    other.write_text("def run(seed):\n    return {'loss': 2.0 + seed}\n")
    assert FileMember(f"{other}:run").asked() != member.asked()


def test_torchs_numbers_are_drawn_as_a_port_asks():
    rng, generator = TorchStream(3), torch.Generator().manual_seed(3)
    expected = torch.rand(4, generator=generator, dtype=torch.float64).numpy()
    assert np.array_equal(rng.copy().uniform(0.0, 1.0, 4), expected)
    assert rng.copy().uniform(2.0, 4.0) == pytest.approx(2 + 2 * expected[0])
    assert sorted(rng.randperm(5)) == [1, 2, 3, 4, 5]
    assert rng.copy().rand() == rng.rand()


def test_the_ports_run_on_torchs_numbers_and_the_engines_say_that_they_do_not():
    member = CaseMember("transfer_learn", epochs=4, generator="torch")
    ours = CaseMember("transfer_learn", epochs=4)
    assert member(1)["norm of layer 1"].values[0] != ours(1)["norm of layer 1"].values[0]
    with pytest.raises(EngineError, match="not TorchStream"):
        CaseMember("transfer_learn", "exact", epochs=4, generator="torch")(1)


def test_an_ensemble_of_the_case_survives_a_file(tmp_path):
    found = gather(CaseMember("transfer_learn", epochs=4), range(2))
    found.save(tmp_path / "e.npz")
    again = Ensemble.load(tmp_path / "e.npz")
    assert again.provenance.function == "transfer_learn"
