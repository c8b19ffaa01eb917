"""The recordings of the notebook's own code under JAX 0.10.2, one of each precision."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from repro.errors import ReproError

FOLDER = Path(__file__).with_name("recorded")
SHA256 = {
    "float64": "c46fec8ce912ccba4add3811b6c8eb6684a30fa374162e507d003dcc461bc00c",
    "float32": "51cbc9ed51c48f22e05c9a139c2c2c31a11fd0ac5b8f0ce3785af9b6d2147fb5",
}


def recording(dtype: str) -> dict[str, np.ndarray]:
    """The arrays of the recording from key 0 and NumPy's seed 0.

    Args:
        dtype: `"float64"` or `"float32"`.

    Raises:
        ReproError: another dtype, or the file is missing or not the shipped one.
    """
    if dtype not in SHA256:
        raise ReproError(f"nothing is recorded in {dtype!r}: choose from {', '.join(SHA256)}")
    path = FOLDER / f"jax_notebook_seed0_{dtype}.npz"
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[dtype]:
        raise ReproError(f"{path} is missing or damaged: restore it from git, or reinstall repro")
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
