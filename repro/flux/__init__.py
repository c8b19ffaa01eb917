"""Flux 0.7.3's behaviour in PyTorch: layers, loss and optimisers."""

from repro.errors import NonFiniteLossError as NonFiniteLossError
from repro.flux.layers import Chain as Chain
from repro.flux.layers import Linear as Linear
from repro.flux.loss import Arrays as Arrays
from repro.flux.loss import Params as Params
from repro.flux.loss import back as back
from repro.flux.loss import grad_of as grad_of
from repro.flux.loss import gradient as gradient
from repro.flux.loss import grads_of as grads_of
from repro.flux.loss import mse as mse
from repro.flux.optimise import *  # noqa: F403  (each optimiser, by its own name)
