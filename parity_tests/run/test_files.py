"""Files that hold no run are refused in a line, whatever they hold."""

from __future__ import annotations

import numpy as np
import pytest

import repro
from repro.errors import ReproError
from repro.run import record


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
