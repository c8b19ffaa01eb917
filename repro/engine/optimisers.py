"""Flux's optimisers as compiled code holds them.

The kinds are told apart by a number at run time, so that no other choice compiles anything anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro.engine.compiling import jit
from repro.engine.network import SIZE
from repro.engine.tiles import out_of_line

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
    opt.first[:] = np.float32(0)
    opt.second[:] = np.float32(0)
    opt.powers[:] = opt.constants[1:]


@jit
def apply(arithmetic, opt, step, g) -> None:
    """What is to be subtracted from the weights into `step` (4353,), which may be g itself."""
    out_of_line()
    eta = opt.constants[0]
    if opt.kind == DESCENT:
        arithmetic.descent(step, g, eta)
    elif opt.kind == MOMENTUM:
        arithmetic.momentum(step, g, opt.first, eta, opt.constants[1])
    else:
        b1, b2 = opt.constants[1], opt.constants[2]
        p1, p2 = opt.powers[0], opt.powers[1]
        arithmetic.adam(step, g, opt.first, opt.second, eta, b1, b2, p1, p2)
        opt.powers[0], opt.powers[1] = p1 * b1, p2 * b2


@jit
def update(arithmetic, opt, w, g) -> None:
    """One step on the weights from their gradient g, which is overwritten."""
    apply(arithmetic, opt, g, g)
    for i in range(SIZE):
        w[i] -= g[i]
