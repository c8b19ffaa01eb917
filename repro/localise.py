"""Name the first wrong operation of a port, beside a reference that reports its values.

The port runs as it is, while every value that it notes is compared with the reference's of the
same name and then *replaced* by it. So each operation is judged on the reference's own inputs, in
every iteration, and what it is off by is its own doing: amplified rounding cannot build up, and a
budget counted from the operations (:mod:`repro.luna.budgets`) separates rounding from mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from repro import port
from repro.case import Case
from repro.errors import NonFiniteLossError
from repro.julia import julia_range
from repro.luna import budgets
from repro.luna.names import PARAMETERS, PER_PARAMETER, Names
from repro.trace import listening
from repro.run import Trajectory

Run = Callable[..., Trajectory]


class Iterations(Protocol):
    """A reference that reports what it computed."""

    def init(self) -> dict[str, np.ndarray]:
        """The new model's parameters by name."""

    def values(self, iteration: int) -> dict[str, np.ndarray]:
        """An iteration's values by name, in the order of their computation."""


@dataclass(frozen=True)
class Finding:
    """The first operation that is wrong.

    Attributes:
        iteration: in which it is; 0 is the making of the model.
        name: of the value that it computes.
        problem: what is wrong with it.
        before: the last value that agreed, None where it is the first of all.
    """

    iteration: int
    name: str
    problem: str
    before: str | None = None

    def __str__(self) -> str:
        where = f"in iteration {self.iteration}" if self.iteration else "in the new model"
        agreed = f"; `{self.before}` agreed" if self.before else ""
        return f"first wrong {where}: `{self.name}`, {self.problem}{agreed}"


@dataclass
class Rounding:
    """What one kind of operation contributes, on the reference's own inputs.

    Attributes:
        values: how many numbers it computed.
        equal: how many of them equal the reference's bit for bit.
        ulp: largest difference, in ulp of the largest number of its array.
        budget_used: largest share of its budget that was used.
    """

    values: int = 0
    equal: int = 0
    ulp: float = 0.0
    budget_used: float = 0.0

    def add(self, off: np.ndarray, expected: np.ndarray, used: float) -> None:
        self.values += off.size
        self.equal += int(np.sum(off == 0))
        if expected.dtype.kind == "f":
            unit = float(np.spacing(np.abs(expected).max(initial=0)))
            self.ulp = max(self.ulp, float(off.max(initial=0)) / unit)
        self.budget_used = max(self.budget_used, used)


@dataclass
class Localised:
    """What following a port found.

    Attributes:
        finding: the first wrong operation, None where every operation kept its budget.
        iterations: how many were followed. ``values`` and ``equal``: how many numbers were
            compared, and were equal bit for bit.
        rounding: per kind of operation, how far the port's rounding differs from the reference's.
    """

    finding: Finding | None
    iterations: int
    rounding: dict[str, Rounding]

    @property
    def values(self) -> int:
        return sum(r.values for r in self.rounding.values())

    @property
    def equal(self) -> int:
        return sum(r.equal for r in self.rounding.values())

    def __bool__(self) -> bool:
        return self.finding is None

    def __str__(self) -> str:
        if self.finding is not None:
            return str(self.finding)
        return (
            f"every operation of {self.iterations} iterations agrees within its budget "
            f"({self.equal} of {self.values} values bit for bit)"
        )


class _Found(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def localise(case: Case, reference: Iterations, run: Run = port.run) -> Localised:
    """Follow a port through a case and stop at its first wrong operation.

    Args:
        case: what to run. Its evaluations are followed too.
        reference: reports the original's values.
        run: the port, as :func:`repro.port.run`.

    Returns:
        True in a condition where every operation of every iteration kept its budget.
    """
    follower = _Follower(case, reference)
    finding = None
    try:
        with listening(follower):
            run(case)
        follower.finish()
    except _Found as found:
        finding = found.finding
    except NonFiniteLossError as error:
        finding = follower.finding("loss", f"the port broke off: {error}")
    return Localised(finding, follower.iteration, follower.rounding)


class _Follower:
    """Listens to a port: compares, and puts the reference's value in the port's place."""

    def __init__(self, case: Case, reference: Iterations) -> None:
        self.case, self.reference = case, reference
        self.iteration = 0
        self.rounding: dict[str, Rounding] = {}
        self.expected = {f"init.{n}": v for n, v in reference.init().items()}
        self.weights = dict(reference.init())
        self.seen: list[str] = []
        self.extra: list[str] = []
        self.names = Names(case.function)

    def __call__(self, kind: str, value: Any) -> None:
        name = self.names(kind)
        if kind == "iteration":
            self._next_iteration(value)
        elif name is not None:
            parts = [f"{name}.{p}" for p in PARAMETERS] if kind in PER_PARAMETER else [name]
            if parts[0] not in self.expected or parts[0] in self.seen:
                self.extra.append(name)
                return
            bounds = self._bounds(kind, name)
            for part, one in zip(parts, value if len(parts) > 1 else [value], strict=True):
                self._compare(kind, part, one, bounds)
            if kind in ("update", "restore"):
                now = {p: self.expected[f"{name}.{p}"] for p in PARAMETERS}
                self.weights.update(now)

    def finding(self, name: str, problem: str) -> Finding:
        return Finding(self.iteration, name, problem, self.seen[-1] if self.seen else None)

    def finish(self) -> None:
        """End an iteration: all that the reference computed must have come, and nothing else."""
        missing = [name for name in self.expected if name not in self.seen]
        if missing:
            raise _Found(self.finding(missing[0], "the port never computes it"))
        if self.extra:
            raise _Found(self.finding(self.extra[0], "the reference computes no such value"))

    def _next_iteration(self, iteration: int) -> None:
        self.finish()
        self.iteration = iteration
        self.expected = self.reference.values(iteration)
        self.seen, self.extra = [], []
        self.names = Names(self.case.function)

    def _compare(self, kind: str, name: str, value: Any, bounds: Callable) -> None:
        expected = np.asarray(self.expected[name])
        found = _array(value)
        problem = self._problem(kind, name, expected, found, bounds)
        if problem is not None:
            self._blame(name, problem)
        self.seen.append(name)
        if isinstance(value, Tensor):
            # .data: what autograd has saved of this value becomes the reference's as well.
            value.data.copy_(torch.from_numpy(np.array(expected)).reshape(value.shape))

    def _problem(
        self, kind: str, name: str, expected: np.ndarray, found: np.ndarray, bounds: Callable
    ) -> str | None:
        expected = expected.reshape(-1) if found.ndim <= 1 else expected
        found = found.reshape(-1) if found.ndim <= 1 else found
        if found.shape != expected.shape:
            return f"its shape is {found.shape} and should be {expected.shape}"
        if kind not in ("amplitude", "phase_shift") and found.dtype != expected.dtype:
            return f"it is {found.dtype} and should be {expected.dtype}"
        off = np.abs(found.astype(np.float64) - expected)
        allowed = np.broadcast_to(bounds(name, expected), expected.shape)
        used = np.max(np.divide(off, allowed, out=np.where(off > 0, np.inf, 0), where=allowed > 0))
        if not used <= 1:
            i = np.unravel_index(np.argmax(off - allowed), off.shape)
            return f"off by {off[i]:.3g}, budget {allowed[i]:.3g} ({_ulp(off[i], expected[i])})"
        self.rounding.setdefault(kind, Rounding()).add(off, expected, float(used))
        return None

    def _blame(self, name: str, problem: str) -> None:
        """A value that should have come before and did not is to blame first."""
        order = list(self.expected)
        for earlier in order[: order.index(name)]:
            if earlier not in self.seen:
                raise _Found(self.finding(earlier, "the port never computes it"))
        raise _Found(self.finding(name, problem))

    def _bounds(self, kind: str, name: str) -> Callable[[str, np.ndarray], np.ndarray | float]:
        """``bounds(name, reference)``: absolute, for values of this kind."""
        if kind in budgets.EXACT or kind in budgets.EXACT_PER_PARAMETER:
            return lambda *_: 0.0
        if kind == "y":
            return lambda name, y: budgets.wave(y, name.endswith("testy"))
        stage = name.removesuffix(f".{kind}").split(".layers.")[0]
        layers = range(3)
        x, y = self._batch(stage)
        outs = [self.expected.get(f"{stage}.layers.{layer}.out") for layer in layers]
        if kind == "loss":
            return lambda _, loss: budgets.loss(loss, x.shape[1])
        if any(out is None for out in outs):
            return lambda *_: 0.0
        if kind == "grad":
            found = budgets.gradients(self.weights, x, outs, y)  # type: ignore[arg-type]
            return lambda name, _: found[name.removeprefix(f"{stage}.grad.")]
        layer = int(name.split(".layers.")[1].split(".")[0])
        if kind == "out":
            return lambda _, out: budgets.ulps(out, budgets.TANH_ULP) if layer < 2 else 0.0
        weight = self.weights[f"layers.{layer}.weight"]
        inputs = x if layer == 0 else outs[layer - 1]
        return lambda _, pre: budgets.pre_activation(weight, inputs, pre)  # type: ignore[arg-type]

    def _batch(self, stage: str) -> tuple[np.ndarray, np.ndarray]:
        """The points and targets (1, n) of a forward pass, as the reference has them."""
        parent, _, step = stage.rpartition(".")
        if step == "outer":
            return port_testx(np.float32), self.expected[f"{parent}.testy"][None]
        if step.startswith("test"):
            y = self.expected["eval.testy"]
            return port_testx(y.dtype), y[None]
        own = stage if f"{stage}.x" in self.expected else parent
        return self.expected[f"{own}.x"][None], self.expected[f"{own}.y"][None]


def port_testx(dtype: Any) -> np.ndarray:
    """(1, 50): the fixed points, which no reference needs to report."""
    return julia_range(-5, 5, 50).astype(dtype)[None]


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy().copy()
    return np.asarray(value, dtype=np.float64)


def _ulp(off: float, expected: float) -> str:
    return f"{off / np.spacing(np.abs(expected)):.3g} ulp"
