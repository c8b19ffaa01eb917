"""The first post's functions, ported: D. Luna, "Meta-Learning", 2019."""

from repro.luna.evaluate import Evaluation as Evaluation
from repro.luna.evaluate import eval_model as eval_model
from repro.luna.fomaml import fomaml as fomaml
from repro.luna.reptile import reptile as reptile
from repro.luna.sine import PARAMETERS as PARAMETERS
from repro.luna.sine import SineWave as SineWave
from repro.luna.sine import flatten as flatten
from repro.luna.sine import sine_model as sine_model
from repro.luna.sine import unflatten as unflatten
from repro.luna.transfer import transfer_learn as transfer_learn
