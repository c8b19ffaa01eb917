"""What the engines need to know of each of the post's algorithms, a record each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from repro.engine import loops
from repro.engine.handover import TESTX
from repro.flux import Descent, Optimiser


@dataclass(frozen=True)
class Sizes:
    """How many points and tasks an algorithm takes."""

    train_batch_size: int
    eval_batch_size: int
    n_tasks: int = 1


@dataclass(frozen=True)
class Algorithm:
    """One of the post's training functions.

    Attributes:
        name: the function's, on the CPU and among the kernels of a GPU.
        optimisers: by the argument's name, in the loop's order, with their defaults.
        loop: the compiled training function.
        sizes: the loop's own arguments.
        anew: the optimisers that meet fresh arrays in every iteration: no state before, and none
            left behind.
        ordered: it draws orders of fixed points, not points.
    """

    name: str
    optimisers: Mapping[str, Optimiser]
    loop: Any
    sizes: Callable[[Sizes], tuple[Any, ...]]
    anew: frozenset[str] = field(default_factory=frozenset)
    ordered: bool = False


ALGORITHMS = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm(
            "fomaml",
            {"meta_opt": Descent(0.01), "inner_opt": Descent(0.02)},
            loops.fomaml,
            lambda size: (TESTX, size.n_tasks, size.train_batch_size),
        ),
        Algorithm(
            "reptile",
            {"meta_opt": Descent(0.1), "inner_opt": Descent(0.02)},
            loops.reptile,
            lambda size: (TESTX, size.train_batch_size),
            anew=frozenset({"meta_opt"}),
            ordered=True,
        ),
        Algorithm(
            "transfer_learn",
            {"opt": Descent(0.01)},
            loops.transfer_learn,
            lambda size: (size.train_batch_size,),
        ),
    )
}
