"""The post's algorithms, compiled: `engine="exact"` and `engine="fast"` of `repro.luna`.

One set of loops and two sets of arithmetic. The exact engine is equal to the original bit for
bit; the fast one computes the same algorithm on the same draws in whatever order is quickest.
"""

from repro.engine import exact as _exact
from repro.engine import fast as _fast
from repro.engine.arithmetic import EXACT as EXACT
from repro.engine.arithmetic import FAST as FAST
from repro.engine.arithmetic import Arithmetic as Arithmetic
from repro.engine.running import ENGINES as ENGINES
from repro.engine.running import eval_model as eval_model
from repro.engine.running import fomaml as fomaml
from repro.engine.running import reptile as reptile
from repro.engine.running import transfer_learn as transfer_learn
from repro.engine.seeds import SeedRun as SeedRun
from repro.engine.seeds import train_seeds as train_seeds
from repro.errors import EngineError as EngineError

_registered = (_exact, _fast)  # importing them makes their primitives known
