"""The slides "From MAML to iMAML" (A. Fedorov 2020): implicit gradients and Leap."""

from repro.implicit.leap import Leap, Visit
from repro.implicit.memory import imaml_bytes, maml_bytes, saved_bytes
from repro.implicit.meta_gradients import (
    adapt,
    exact,
    first_order,
    imaml,
    maml,
    relative_error,
    released,
    released_inner,
    reptile,
    solve_inner,
    truncated,
)
from repro.implicit.problems import Problem, quadratic, sine_network
from repro.implicit.scalar import Ridge, scalar_meta_gradients, vanishing
from repro.implicit.solvers import Solution, conjugate_gradient

__all__ = [
    "Leap",
    "Problem",
    "Ridge",
    "Solution",
    "Visit",
    "adapt",
    "conjugate_gradient",
    "exact",
    "first_order",
    "imaml",
    "imaml_bytes",
    "maml",
    "maml_bytes",
    "quadratic",
    "relative_error",
    "released",
    "released_inner",
    "reptile",
    "saved_bytes",
    "scalar_meta_gradients",
    "sine_network",
    "solve_inner",
    "truncated",
    "vanishing",
]
