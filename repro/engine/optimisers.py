"""Flux's optimisers as compiled code holds them, and their rules.

The kinds are told apart by a number at run time, so that no other choice compiles anything anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from repro import flux
from repro.engine.arithmetic import implements
from repro.engine.compiling import jit
from repro.engine.network import SIZE
from repro.engine.tiles import fma, out_of_line

_F = np.float32


@dataclass(frozen=True)
class Rule:
    """How compiled code keeps one of Flux's optimisers.

    Attributes:
        kind: its number in :func:`update`.
        vectors: its parts of state with a number for each weight, at most two.
        powers: its part with the powers of its constants; None where it has none.
    """

    kind: int
    vectors: Sequence[str] = ()
    powers: str | None = None


DESCENT, MOMENTUM, ADAM = range(3)

RULES: dict[type[flux.Optimiser], Rule] = {
    flux.Descent: Rule(DESCENT),
    flux.Momentum: Rule(MOMENTUM, ("velocity",)),
    flux.ADAM: Rule(ADAM, ("m", "v"), "beta_powers"),
}


class Optimiser(NamedTuple):
    """A rule, its constants and its state for all weights."""

    kind: int
    constants: np.ndarray  # (3,) float64: the optimiser's numbers
    first: np.ndarray  # (SIZE,) float32: the first of its vectors
    second: np.ndarray  # (SIZE,) float32: the second
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
    """w -= step, where the step is the rule's answer to the gradient g; (SIZE,) each."""
    eta = opt.constants[0]
    if opt.kind == DESCENT:
        arithmetic.descent(w, g, eta)
    elif opt.kind == MOMENTUM:
        arithmetic.momentum(w, g, opt.first, eta, opt.constants[1])
    elif opt.kind == ADAM:
        b1, b2 = opt.constants[1], opt.constants[2]
        p1, p2 = opt.powers[0], opt.powers[1]
        arithmetic.adam(w, g, opt.first, opt.second, eta, b1, b2, p1, p2)
        opt.powers[0], opt.powers[1] = p1 * b1, p2 * b2


# The rules, in place: w -= step. Constants are Float64 and arrays Float32: what
# is assigned to an array is formed in Float64 and rounded once, except for the difference.


@jit
def exact_descent(w: np.ndarray, g: np.ndarray, eta: float) -> None:
    """The step is eta * g."""
    out_of_line()
    for i in range(w.size):
        w[i] -= _F(np.float64(g[i]) * eta)


@jit
def exact_momentum(w: np.ndarray, g: np.ndarray, v: np.ndarray, eta: float, rho: float) -> None:
    """v = rho * v - eta * g; the step is -v."""
    out_of_line()
    for i in range(w.size):
        v[i] = _F(rho * np.float64(v[i]) - eta * np.float64(g[i]))
        w[i] += v[i]


@jit
def exact_adam(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    eta: float,
    b1: float,
    b2: float,
    b1_power: float,
    b2_power: float,
) -> None:
    """The step is m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8) * eta.

    m = b1 * m + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2, the square rounded to Float32.
    """
    out_of_line()
    for i in range(w.size):
        m[i] = _F(b1 * np.float64(m[i]) + (1 - b1) * np.float64(g[i]))
        v[i] = _F(b2 * np.float64(v[i]) + (1 - b2) * np.float64(g[i] * g[i]))
        root = np.sqrt(np.float64(v[i]) / (1 - b2_power)) + 1e-8
        w[i] -= _F(np.float64(m[i]) / (1 - b1_power) / root * eta)


@jit
def fast_descent(w: np.ndarray, g: np.ndarray, eta: float) -> None:
    """The step is eta * g, rounded once.

    Without Float64, which has half the lanes, but with eta in two parts: rounded to Float32 it
    would be off by the same small amount in every step, and Reptile's weights would feel that
    more than all other rounding.
    """
    out_of_line()
    head = _F(eta)
    tail = _F(eta - np.float64(head))
    for i in range(w.size):
        product = head * g[i]
        w[i] -= product + fma(tail, g[i], fma(head, g[i], -product))


implements("update", "exact", exact_descent, exact_momentum, exact_adam)
implements("update", "fast", fast_descent, exact_momentum, exact_adam)
