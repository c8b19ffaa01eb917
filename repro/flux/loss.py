"""The loss of the original and what Flux's Tracker refuses to differentiate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from repro.errors import NonFiniteLossError
from repro.trace import note


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Sum of squared differences times ``1/n``, with ``1/n`` rounded to the result's dtype.

    Flux multiplies by the reciprocal where ``torch.mean`` divides: the two differ in the last
    bit for about a quarter of all values when n is 10 or 50.

    Args:
        prediction, target: of one shape, Float32 or Float64.

    Returns:
        A scalar of the promoted dtype.

    Raises:
        ValueError: the shapes differ (torch would broadcast, Julia's ``x'`` and ``y'`` would not).
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"mse got shapes {tuple(prediction.shape)} and {tuple(target.shape)}: "
            "reshape the target to the prediction's shape"
        )
    difference = prediction - target
    reciprocal = torch.tensor(1 / target.numel(), dtype=difference.dtype, device=difference.device)
    loss = torch.sum(difference * difference) * reciprocal
    note("loss", loss)
    return loss


def _require_finite(loss: Tensor) -> None:
    if not torch.isfinite(loss):
        raise NonFiniteLossError(
            f"the loss is {loss.item()}: Flux refuses to differentiate it, and so does the port. "
            "Lower the learning rate, or compare up to the iteration before"
        )


def back(loss: Tensor, weights: list[nn.Parameter]) -> None:
    """Flux's ``back!``: *add* the gradient of ``loss`` to every weight's ``grad``.

    Raises:
        NonFiniteLossError: the loss is infinite or NaN.
    """
    _require_finite(loss)
    loss.backward()
    note("grad", [w.grad for w in weights])


def gradient(loss: Tensor, weights: list[nn.Parameter]) -> list[Tensor]:
    """Tracker's ``gradient`` over a parameter set: fresh arrays; no ``grad`` is read or written.

    Raises:
        NonFiniteLossError: the loss is infinite or NaN.
    """
    _require_finite(loss)
    grads = list(torch.autograd.grad(loss, weights))
    note("grad", grads)
    return grads
