"""What the three training functions share: where data live and when an evaluation is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from repro.flux import Optimiser
from repro.julia import Rng, julia_range
from repro.julia.stream import Stream
from repro.luna.evaluate import Evaluation, eval_model
from repro.luna.sine import SineWave
from repro.progress import left, telling
from repro.threads import one_thread
from repro.trace import note, within

Observe = Callable[[int, nn.Module], None]
"""Called as ``observe(epoch, model)`` at the end of every iteration."""


F = TypeVar("F", bound=Callable[..., Any])


def training(train: F) -> F:
    """A training function that runs on one thread, and says how far it is where a person looks on
    and it takes long."""
    usual = signature(train).parameters["epochs"].default

    @wraps(train)
    def trained(*args: Any, observe: Observe | None = None, **kwargs: Any) -> Any:
        epochs, began = kwargs.get("epochs", usual), time.monotonic()
        with one_thread(), telling() as say:

            def seen(i: int, model: nn.Module) -> None:
                say(lambda: f"{train.__name__}: {left(i, epochs, began)}")
                if observe is not None:
                    observe(i, model)

            return train(*args, observe=seen, **kwargs)

    return cast(F, trained)


class Data:
    """Puts drawn numbers where the model is.

    They are rounded to Float32 first, as the original does, and widened to the model's dtype:
    a float64 run computes on the very numbers of the Float32 run. ``variant="post"`` keeps
    them in Float64, as the post's ``transfer_learn`` does.
    """

    def __init__(
        self, model: nn.Module, device: torch.device | str | None, variant: str = "package"
    ) -> None:
        if variant not in ("package", "post"):
            raise ValueError(f"variant is 'package' or 'post', not {variant!r}")
        weight = next(model.parameters())
        self.device = weight.device if device is None else torch.device(device)
        self.dtype = weight.dtype
        self.post = variant == "post"
        model.to(self.device)
        self.testx = self(julia_range(-5, 5, 50))

    def __call__(self, values: np.ndarray) -> Tensor:
        drawn = torch.from_numpy(values)
        if self.post:
            return drawn.to(self.device)
        return drawn.to(torch.float32).to(self.device, self.dtype)

    def batch(self, rng: Rng, size: int) -> Tensor:
        """``size`` points uniform in [-5, 5]."""
        x = self(rng.uniform(-5.0, 5.0, size))
        note("x", x)
        return x

    def evaluate(
        self,
        model: nn.Module,
        rng: Rng,
        batch_size: int,
        epoch: int,
        opt: Optimiser | None = None,
    ) -> Evaluation:
        """The evaluation inside training: its x is drawn first, then its task."""
        with within("eval"):
            evalx = self.batch(rng, batch_size)
            task = SineWave.draw(rng)
            return eval_model(model, evalx, self.testx, task, opt=opt, epoch=epoch)


def check_counts(epochs: int, **counts: int) -> None:
    """Raise ValueError, by name, for a count that is not a positive integer; `epochs` may be 0."""
    if not isinstance(epochs, int | np.integer) or epochs < 0:
        raise ValueError(f"epochs must be 0 or a positive integer, not {epochs!r}")
    for name, value in counts.items():
        if not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a positive integer, not {value!r}")


def check_kinds(rng: Rng, *opts: Optimiser | None) -> None:
    """Raise TypeError for a stream or an optimiser of another library: both would be used as if
    they were Julia's, and every number would differ."""
    if not isinstance(rng, Stream):
        raise TypeError(
            f"rng must be one of Julia's streams, not {type(rng).__name__}: give "
            "repro.julia.MersenneTwister(0), or Xoshiro(0) for a Julia of 1.7 and later"
        )
    for opt in opts:
        if not isinstance(opt, Optimiser | None):
            raise TypeError(
                f"an optimiser must be one of Flux's, not {type(opt).__name__}: give for "
                "instance repro.flux.Descent(0.01), Momentum(0.01) or ADAM(0.001)"
            )
