"""Whether two programs could be one, by many seeds of both."""

from repro.checks.ensembles.beside import Beside as Beside
from repro.checks.ensembles.beside import Column as Column
from repro.checks.ensembles.beside import EnsembleError as EnsembleError
from repro.checks.ensembles.check import Members as Members
from repro.checks.ensembles.check import check_ensembles as check_ensembles
from repro.checks.ensembles.planning import Limits as Limits
from repro.checks.ensembles.result import EnsembleCheck as EnsembleCheck
from repro.checks.ensembles.result import EnsembleVerdict as EnsembleVerdict
from repro.checks.ensembles.result import Parted as Parted
from repro.checks.ensembles.summary import Equivalence as Equivalence
from repro.checks.ensembles.summary import Summary as Summary
