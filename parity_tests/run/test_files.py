"""Files that hold no run are refused in a line, whatever they hold."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.errors import ReproError
from repro.run import RunError, digest, load, read_npz, record, write_npz
from repro.run.files import WritingError, alone, unfit
from repro.run.plain import is_plain


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(2))


def no_json(path, said=b"no JSON"):
    np.savez(path, **{"0:w": np.ones(2), "provenance": np.frombuffer(said, np.uint8)})


def json_of_no_names(path):
    no_json(path, b"[1]")


def another_compression(path):
    record([{"w": np.ones(2)}], path)
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 10
    content[at] = 99
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (one_array, "is a single array: write its steps"),
        (no_json, "the provenance of .* is no JSON object: record it again"),
        (json_of_no_names, "the provenance of .* is no JSON object: record it again"),
        (another_compression, "cannot be read as arrays"),
    ],
)
def test_a_file_that_holds_no_run_is_refused_in_a_line(tmp_path, write, said):
    """Catches a traceback for a damaged file, or one of NumPy's other kind."""
    path = tmp_path / "run.npz"
    write(path)
    with pytest.raises(ReproError, match=said) as raised:
        repro.check(path, [{"w": np.ones(2)}])
    assert "\n" not in str(raised.value)


def test_an_error_that_says_nothing_is_named():
    said = pytest.raises(RunError, match=r"r.npz cannot be read \(MemoryError\): make it again")
    with said, unfit("r.npz", "cannot be read"):
        raise MemoryError


def plain(path, **others):
    arrays = {"0:w": np.ones(2), "1:w": np.zeros(2), "1:a:b": np.array(3)}
    np.savez(path, **(arrays | others))
    return path


def test_a_plain_file_is_steps_by_number_and_name(tmp_path):
    """Catches steps that are run together, and a name cut at its second colon."""
    made = np.frombuffer(b'{"source": "train", "x": 1}', np.uint8)
    run = load(plain(tmp_path / "r.npz", provenance=made))
    assert {n: (q.steps.tolist(), q.values.tolist()) for n, q in run.quantities.items()} == {
        "w": ([0, 1], [[1, 1], [0, 0]]),
        "a:b": ([1], [3]),
    }
    assert run.provenance.source == "train" and run.provenance.details == {"x": 1}
    assert load(plain(tmp_path / "r.npz")).provenance.source == "r.npz"


def test_a_plain_file_s_checksum_and_numbers_are_looked_at(tmp_path):
    path = tmp_path / "r.npz"
    arrays = read_npz(plain(path))
    right = np.frombuffer(digest(arrays).encode(), np.uint8)
    assert load(plain(path, sha256=right))["w"].steps.tolist() == [0, 1]
    with pytest.raises(ReproError, match="r.npz is damaged: its checksum does not fit"):
        load(plain(path, sha256=right[::-1]))
    with pytest.raises(ReproError, match="has steps 0, 1, 3: number them from 0 on"):
        load(plain(path, **{"3:w": np.ones(2)}))
    with pytest.raises(ReproError, match="damaged or holds no run"):
        load(plain(path, **{"x:w": np.ones(2)}))
    assert not is_plain({}) and not is_plain({"sha256": right}) and is_plain({"0:w": right})


def test_folders_are_made_or_another_place_is_asked_for(tmp_path):
    with alone(tmp_path / "a" / "b" / "lock"):
        pass
    write_npz(tmp_path / "c" / "d" / "run.npz", {"a": np.ones(2)})
    assert (tmp_path / "c" / "d" / "run.npz").exists()
    (tmp_path / "file").touch()
    with pytest.raises(WritingError, match="or name another place"), alone(tmp_path / "file/lock"):
        pass


def test_arrays_without_a_step_are_told_how_to_be_called(tmp_path):
    np.savez(tmp_path / "mine.npz", w=np.ones(3))
    with pytest.raises(RunError, match="call the array `w` of step 0 `0:w`"):
        load(tmp_path / "mine.npz")
