"""Flux's optimisers as compiled code holds them.

The kinds are told apart by a number at run time, so that no other choice compiles anything anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.network import SIZE

DESCENT, MOMENTUM, ADAM = 0, 1, 2


class Optimiser(NamedTuple):
    """A rule, its constants and its state for all weights."""

    kind: int
    constants: np.ndarray  # (3,) float64: eta, then rho or the two betas
    first: np.ndarray  # (4353,) float32: the velocity, or Adam's first moment
    second: np.ndarray  # (4353,) float32: Adam's second moment
    powers: np.ndarray  # (2,) float64: the betas' powers of the next step


@jit
def reset(opt: Optimiser) -> None:
    """Forget the state, as for arrays that the optimiser has not met."""
    if opt.kind == DESCENT:
        return
    for i in range(SIZE):
        opt.first[i] = opt.second[i] = np.float32(0)
    opt.powers[0], opt.powers[1] = opt.constants[1], opt.constants[2]


@jit
def update(arithmetic, opt, w, g) -> None:
    """w -= step, where the step is the rule's answer to the gradient g; (4353,) each."""
    eta = opt.constants[0]
    if opt.kind == DESCENT:
        arithmetic.descent(w, g, eta)
    elif opt.kind == MOMENTUM:
        arithmetic.momentum(w, g, opt.first, eta, opt.constants[1])
    else:
        b1, b2 = opt.constants[1], opt.constants[2]
        p1, p2 = opt.powers[0], opt.powers[1]
        arithmetic.adam(w, g, opt.first, opt.second, eta, b1, b2, p1, p2)
        opt.powers[0], opt.powers[1] = p1 * b1, p2 * b2
