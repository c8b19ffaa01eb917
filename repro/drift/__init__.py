"""What an environment computes, kept, and whether another computes the same.

A baseline keeps of every case its trajectory, a mark of every operation's result on the way, and
the first operations' values whole. Held against it, a case gets one of three grades:

* **same bits**: every mark is equal;
* **rounding**: some differ, every operation that is kept whole is within its counted budget on the
  baseline's own inputs, and the trajectory within what rounding grows to;
* **changed**: an operation, or the trajectory, is beyond that.

The grade is derived from the two sides, never stored.
"""

from repro.drift.baseline import Baseline as Baseline
from repro.drift.baseline import DriftError as DriftError
from repro.drift.grade import Drift as Drift
from repro.drift.grade import Grade as Grade
from repro.drift.grade import drift as drift
from repro.drift.grade import drift_of as drift_of
from repro.drift.taken import Taken as Taken
from repro.drift.taken import take as take
