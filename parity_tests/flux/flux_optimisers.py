"""What the optimisers of Flux 0.7.3 gave under Julia 1.5.3, and where they started.

``OPTIMISER TYPE steps`` (100, 12) is what is subtracted from x for each of ``gradients TYPE``
(100, 12), the 20th of which is zero; ``OPTIMISER TYPE x`` is where x ends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from repro.flux import OPTIMISERS
from repro.julia import MersenneTwister

RECORDED = np.load(Path(__file__).with_name("optimisers_flux_0.7.3.npz"), allow_pickle=False)
OURS = sorted({n.split(" Float")[0] for n in RECORDED.files if n.split("(")[0] in OPTIMISERS})
"""The recorded optimisers that there is a port of, as text with their numbers."""


def start(kind: str) -> np.ndarray:
    """Where x starts, (12,): Julia's ``rand(MersenneTwister(7), 12) .- 0.5`` in that type."""
    return (MersenneTwister(7).rand(12) - 0.5).astype(kind.lower())
