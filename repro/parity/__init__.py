"""Whether two runs agree, how closely, within which derived tolerance, and where they part."""

from repro.parity.check import check as check
from repro.parity.compare import Comparison as Comparison
from repro.parity.compare import NothingToCompare as NothingToCompare
from repro.parity.compare import Report as Report
from repro.parity.compare import compare as compare
from repro.parity.envelope import FACTOR as FACTOR
from repro.parity.envelope import Envelope as Envelope
from repro.parity.envelope import measure as measure
from repro.parity.localise import Excess as Excess
from repro.parity.localise import first_excess as first_excess
from repro.parity.result import Check as Check
from repro.parity.result import Divergence as Divergence
from repro.parity.rounding import nudged as nudged
from repro.parity.tolerance import Bitwise as Bitwise
from repro.parity.tolerance import Growth as Growth
from repro.parity.tolerance import Ulps as Ulps
from repro.parity.ulp import ulp_distance as ulp_distance
from repro.parity.verdict import Verdict as Verdict
from repro.parity.verdict import worst as worst
from repro.steps import collect as collect
from repro.steps import record as record
