"""Cases and files as members of ensembles, and the ensembles that come with the package."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ensembles.wrong_ports import PACKAGE, WRONG

from repro.cases import CaseError
from repro.cases.torch_stream import TorchStream
from repro.errors import EngineError
from repro.run import Ensemble, RunError, gather
from repro.sides.members import CaseMember, FileMember
from repro.sides.shipped_ensembles import SEEDS, SHIPPED, path_of, shipped


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
    assert found.seeds.tolist() == [*SEEDS] and not found.diverged.any()
    assert found.provenance.engine == "exact" and found.provenance.epochs == 5000


@pytest.mark.parametrize("function", SHIPPED)
def test_a_shipped_seed_is_computed_again_bit_for_bit(function):
    """A stale ensemble, of another algorithm or other draws, is noticed here."""
    again = gather(SHIPPED[function], [77])
    held = shipped(function).of_seeds([77])
    assert {*again.quantities} == {*held.quantities}
    for name, quantity in again.quantities.items():
        assert np.array_equal(quantity.values, held.quantities[name].values), name


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
