"""Whether two trajectories agree, how closely, and within which derived tolerance."""

from repro.parity.compare import Comparison as Comparison
from repro.parity.compare import NothingToCompare as NothingToCompare
from repro.parity.compare import Report as Report
from repro.parity.compare import compare as compare
from repro.parity.envelope import FACTOR as FACTOR
from repro.parity.envelope import Envelope as Envelope
from repro.parity.envelope import measure as measure
from repro.parity.ulp import ulp_distance as ulp_distance
from repro.parity.verdict import Verdict as Verdict
from repro.parity.verdict import worst as worst
