"""Julia as a side: finding one, starting it, asking it."""

from repro.sides.frame import Symbol as Symbol
from repro.sides.julia.function import JuliaFunction as JuliaFunction
