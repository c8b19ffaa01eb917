"""The second post: MAML, first-order MAML and Reptile on sine waves, in PyTorch's autograd."""

from repro.ecoffet.evaluate import Fit, eval_sine_test
from repro.ecoffet.notebook import notebook_small
from repro.ecoffet.sine import SineModel, SineWaveTask, flatten, one_sided_task, unflatten
from repro.ecoffet.train import fit_transfer, maml_sine, reptile_sine, sine_fit1

__all__ = [
    "Fit",
    "SineModel",
    "SineWaveTask",
    "eval_sine_test",
    "fit_transfer",
    "flatten",
    "maml_sine",
    "notebook_small",
    "one_sided_task",
    "reptile_sine",
    "sine_fit1",
    "unflatten",
]
