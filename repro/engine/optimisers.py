"""Flux's optimisers as compiled code holds them, and their rules.

The rules are told apart by a number at run time, so that no other choice compiles anything anew.
Numbers and state are those by which the optimisers of `repro.flux` describe themselves, in the
same order. A new rule is a number, an entry in `RULES`, and a function that `update` calls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from repro import flux
from repro.engine.arithmetic import implements
from repro.engine.compiling import jit
from repro.engine.tiles import fma, out_of_line

_F = np.float32

DESCENT, MOMENTUM, ADAM, RMSPROP, NESTEROV = range(5)
RULES: dict[type[flux.Optimiser], int] = {
    flux.Descent: DESCENT,
    flux.Momentum: MOMENTUM,
    flux.ADAM: ADAM,
    flux.RMSProp: RMSPROP,
    flux.Nesterov: NESTEROV,
}


class Compiled(NamedTuple):
    """An optimiser with its state for all weights."""

    rule: int
    numbers: np.ndarray  # (n,) float64
    vectors: np.ndarray  # (parts, at least SIZE) float32: what it keeps for every weight
    scalars: np.ndarray  # (m,) float64: what it keeps once, like Adam's powers
    fresh_vectors: np.ndarray  # both for arrays that it has not met
    fresh_scalars: np.ndarray


@jit
def reset(opt: Compiled) -> None:
    """Forget the state, as for arrays that the optimiser has not met."""
    for k in range(opt.vectors.shape[0]):
        for i in range(opt.vectors.shape[1]):
            opt.vectors[k, i] = opt.fresh_vectors[k, i]
    for i in range(opt.scalars.size):
        opt.scalars[i] = opt.fresh_scalars[i]


@jit
def update(arithmetic, opt, w, g) -> None:
    """w -= step, where the step is the rule's answer to the gradient g; (SIZE,) each."""
    if opt.rule == DESCENT:
        arithmetic.descent(w, g, opt.numbers[0])
    elif opt.rule == MOMENTUM:
        momentum(opt, w, g)
    elif opt.rule == ADAM:
        adam(opt, w, g)
    elif opt.rule == RMSPROP:
        rmsprop(opt, w, g)
    elif opt.rule == NESTEROV:
        nesterov(opt, w, g)


# The rules, in place: w -= step. Constants are Float64 and arrays Float32: what is assigned to an
# array is formed in Float64 and rounded once, except for the difference.


@jit
def exact_descent(w: np.ndarray, g: np.ndarray, eta: float) -> None:
    """The step is eta * g."""
    out_of_line()
    for i in range(w.size):
        w[i] -= _F(np.float64(g[i]) * eta)


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


@jit
def momentum(opt: Compiled, w: np.ndarray, g: np.ndarray) -> None:
    """v = rho * v - eta * g; the step is -v."""
    out_of_line()
    eta, rho = opt.numbers[0], opt.numbers[1]
    v = opt.vectors[0]
    for i in range(w.size):
        v[i] = _F(rho * np.float64(v[i]) - eta * np.float64(g[i]))
        w[i] += v[i]


@jit
def adam(opt: Compiled, w: np.ndarray, g: np.ndarray) -> None:
    """The step is m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8) * eta.

    m = b1 * m + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2, the square rounded to Float32.
    """
    out_of_line()
    eta, b1, b2 = opt.numbers[0], opt.numbers[1], opt.numbers[2]
    m, v = opt.vectors[0], opt.vectors[1]
    b1_power, b2_power = opt.scalars[0], opt.scalars[1]
    for i in range(w.size):
        m[i] = _F(b1 * np.float64(m[i]) + (1 - b1) * np.float64(g[i]))
        v[i] = _F(b2 * np.float64(v[i]) + (1 - b2) * np.float64(g[i] * g[i]))
        root = np.sqrt(np.float64(v[i]) / (1 - b2_power)) + 1e-8
        w[i] -= _F(np.float64(m[i]) / (1 - b1_power) / root * eta)
    opt.scalars[0], opt.scalars[1] = b1_power * b1, b2_power * b2


@jit
def rmsprop(opt: Compiled, w: np.ndarray, g: np.ndarray) -> None:
    """acc = rho * acc + (1 - rho) * g^2; the step is g * (eta / (sqrt(acc) + 1e-8)).

    Square and root are in Float32.
    """
    out_of_line()
    eta, rho = opt.numbers[0], opt.numbers[1]
    acc = opt.vectors[0]
    for i in range(w.size):
        acc[i] = _F(rho * np.float64(acc[i]) + (1 - rho) * np.float64(g[i] * g[i]))
        w[i] -= _F(np.float64(g[i]) * (eta / (np.float64(np.sqrt(acc[i])) + 1e-8)))


@jit
def nesterov(opt: Compiled, w: np.ndarray, g: np.ndarray) -> None:
    """d = rho^2 * v - (1 + rho) * eta * g; v = rho * v - eta * g; the step is -d."""
    out_of_line()
    eta, rho = opt.numbers[0], opt.numbers[1]
    v = opt.vectors[0]
    for i in range(w.size):
        old = np.float64(v[i])
        v[i] = _F(rho * old - eta * np.float64(g[i]))
        w[i] += _F(rho * rho * old - (1 + rho) * eta * np.float64(g[i]))


implements("descent", "exact", exact_descent)
implements("descent", "fast", fast_descent)
