"""Another Python as a side: another torch, NumPy or JAX, in a process of its own."""

from repro.sides.python.function import PythonFunction as PythonFunction
