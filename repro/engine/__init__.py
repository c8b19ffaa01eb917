"""The posts' algorithms, compiled: the first post's, and the relu networks of the other two.

One set of loops and two sets of arithmetic. `exact` is equal to the original bit for bit; `fast`
computes the same algorithm on the same draws in whatever order is quickest.
"""

from repro.engine import exact_arithmetic as _exact
from repro.engine import fast_arithmetic as _fast
from repro.engine.arithmetic import EXACT as EXACT
from repro.engine.arithmetic import FAST as FAST
from repro.engine.arithmetic import Arithmetic as Arithmetic
from repro.engine.engines import ENGINES as ENGINES
from repro.engine.engines import Engine as Engine
from repro.engine.engines import exact as exact
from repro.engine.engines import fast as fast
from repro.engine.seeds import SeedRun as SeedRun
from repro.engine.seeds import train_seeds as train_seeds
from repro.errors import EngineError as EngineError

_registered = (_exact, _fast)  # importing them makes their primitives known
