"""What one side leaves: quantities over steps, and where they come from."""

from repro.run.collecting import Source as Source
from repro.run.collecting import Step as Step
from repro.run.collecting import arrays as arrays
from repro.run.collecting import base_name as base_name
from repro.run.collecting import collect as collect
from repro.run.collecting import form as form
from repro.run.collecting import load as load
from repro.run.collecting import run_of as run_of
from repro.run.collecting import steps_of as steps_of
from repro.run.collecting import under as under
from repro.run.files import RunError as RunError
from repro.run.files import atomic as atomic
from repro.run.files import digest as digest
from repro.run.files import read_npz as read_npz
from repro.run.files import write_npz as write_npz
from repro.run.provenance import Provenance as Provenance
from repro.run.quantity import Kind as Kind
from repro.run.quantity import Quantity as Quantity
from repro.run.quantity import Run as Run
from repro.run.quantity import rows as rows
from repro.run.recording import asked as asked
from repro.run.recording import described as described
from repro.run.recording import outdated as outdated
from repro.run.recording import record as record
from repro.run.values import StepError as StepError
