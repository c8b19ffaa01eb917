"""Names for what the ports note: those of the Julia package's traces (`julia_ref/src/trace.jl`).

The ports say only what kind of value they have computed. Which task, step or evaluation it
belongs to follows from the order, and is worked out here, so that the ports stay readable.
"""

from __future__ import annotations

PER_PARAMETER = ("init", "grad", "update", "restore", "sum", "difference", "step")
"""Kinds noted as a list with one tensor per parameter."""

PARAMETERS = tuple(f"layers.{layer}.{kind}" for layer in range(3) for kind in ("weight", "bias"))
"""The parameters' names in the order of the lists."""


class Names:
    """Turns the kinds noted in one iteration, one after the other, into names.

    Args:
        function: whose iteration it is.
    """

    def __init__(self, function: str) -> None:
        self.function = function
        self.task = 0
        self.waves = 0
        self.steps = 0
        self.layer = 0
        self.updated = False
        self.evaluating = False
        self.tested = True

    def __call__(self, kind: str) -> str | None:
        """The name of the next value; None where it is no value but a mark."""
        if kind == "iteration":
            return None
        if kind == "evaluation":
            self.evaluating, self.waves, self.steps, self.tested = True, 0, 0, False
            return None
        if kind == "init":
            return "init"
        self._advance(kind)
        return self._evaluation(kind) if self.evaluating else self._training(kind)

    def _advance(self, kind: str) -> None:
        if kind == "amplitude" and not self.evaluating:
            self.task, self.waves, self.updated = self.task + 1, 0, False
        if kind == "y":
            self.waves += 1
        if kind == "loss":
            self.layer = 0

    def _layer(self, kind: str) -> str:
        layer = self.layer
        if kind == "out":
            self.layer += 1
        return f"layers.{layer}.{kind}"

    def _training(self, kind: str) -> str:
        if kind in ("difference", "step"):
            self.updated = True
            return f"meta.{kind}"
        return getattr(self, f"_{self.function.removesuffix('_blog')}")(kind)

    def _transfer_learn(self, kind: str) -> str:
        if kind in ("pre", "out"):
            return f"task1.train.{self._layer(kind)}"
        return f"task1.train.{kind}" if kind in ("loss", "grad", "update") else f"task1.{kind}"

    def _fomaml(self, kind: str) -> str:
        task = f"task{self.task}"
        if kind == "y":
            return f"{task}.y" if self.waves == 1 else f"{task}.testy"
        if kind in ("pre", "out"):
            kind = self._layer(kind)
        elif kind == "update":
            if self.updated:
                return "meta.update"
            self.updated = True
            return f"{task}.inner.update"
        elif kind not in ("loss", "grad"):
            return f"{task}.{kind}"
        return f"{task}.{'outer' if self.updated else 'inner'}.{kind}"

    def _reptile(self, kind: str) -> str:
        if kind == "update" and self.updated:
            return "meta.update"
        if kind == "x":
            self.steps += 1
        if self.steps == 0:
            return f"task1.{kind}"
        if kind in ("pre", "out"):
            kind = self._layer(kind)
        return f"task1.inner{self.steps}.{kind}"

    def _evaluation(self, kind: str) -> str:
        if kind == "y":
            return "eval.y" if self.waves == 1 else "eval.testy"
        if kind in ("pre", "out"):
            kind = self._layer(kind)
        elif kind not in ("loss", "grad", "update"):
            return f"eval.{kind}"
        stage = f"eval.fit{self.steps + 1}" if self.tested else f"eval.test{self.steps}"
        if kind == "loss" and not self.tested:
            self.tested = True
        elif kind == "update":
            self.steps, self.tested = self.steps + 1, False
        return f"{stage}.{kind}"
