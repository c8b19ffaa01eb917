"""The compiled engines: the functions of `repro.luna` with the same arguments and results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from repro.engine import relu, running
from repro.engine.algorithms import FOMAML, REPTILE, TRANSFER_LEARN, Algorithm, Sizes
from repro.engine.arithmetic import EXACT, FAST, Arithmetic
from repro.engine.handover import ACTIVATIONS, gpu_for, require_network
from repro.engine.running import Length
from repro.errors import EngineError
from repro.flux import Descent, Optimiser
from repro.julia import MersenneTwister
from repro.luna.evaluate import Evaluation, Print, report
from repro.luna.sine import SineWave
from repro.luna.training import Observe, check_counts


class Engine:
    """One set of loops with a choice of arithmetic.

    Its functions take the arguments of those of `repro.luna`, draw the same numbers, and leave
    the same results, the state that the optimisers keep, and the position of `rng`. The training
    functions also take ``observe_epochs``, the only iterations that ``observe`` is called after:
    each costs a return from compiled code. Each may raise:

    * EngineError: model, device, optimiser or stream are beyond the compiled engines.
    * ValueError: a count is not a positive integer.
    * NonFiniteLossError: a loss to be differentiated is infinite or NaN, as in Flux.
    """

    def __init__(self, name: str, arithmetic: Arithmetic) -> None:
        self.name, self.arithmetic = name, arithmetic

    def __repr__(self) -> str:
        return f"<{self.name} engine>"

    def fomaml(
        self,
        model: nn.Module,
        *,
        meta_opt: Optimiser | None = None,
        inner_opt: Optimiser | None = None,
        epochs: int = 30_000,
        n_tasks: int = 3,
        train_batch_size: int = 10,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.fomaml` compiled."""
        given = {"meta_opt": meta_opt, "inner_opt": inner_opt}
        sizes = Sizes(train_batch_size, eval_batch_size, n_tasks)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        return self._train(FOMAML, model, given, sizes, length, rng, device)

    def reptile(
        self,
        model: nn.Module,
        *,
        meta_opt: Optimiser | None = None,
        inner_opt: Optimiser | None = None,
        epochs: int = 30_000,
        train_batch_size: int = 10,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.reptile` compiled."""
        given = {"meta_opt": meta_opt, "inner_opt": inner_opt}
        sizes = Sizes(train_batch_size, eval_batch_size)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        return self._train(REPTILE, model, given, sizes, length, rng, device)

    def transfer_learn(
        self,
        model: nn.Module,
        *,
        opt: Optimiser | None = None,
        epochs: int = 30_000,
        train_batch_size: int = 50,
        eval_batch_size: int = 10,
        eval_interval: int = 1000,
        variant: str = "package",
        rng: MersenneTwister,
        device: torch.device | str | None = None,
        observe: Observe | None = None,
        observe_epochs: Iterable[int] | None = None,
    ) -> list[Evaluation]:
        """`repro.luna.transfer_learn` compiled; ``variant="post"``, in Float64, is refused."""
        if variant != "package":
            raise EngineError(
                f"variant {variant!r} has Float64 data, and the compiled engines compute in "
                "Float32: use the eager engine"
            )
        sizes = Sizes(train_batch_size, eval_batch_size)
        length = Length.of(epochs, eval_interval, observe, observe_epochs)
        given = {"opt": opt}
        return self._train(TRANSFER_LEARN, model, given, sizes, length, rng, device)

    def eval_model(
        self,
        model: nn.Module,
        x: Tensor,
        testx: Tensor,
        task: SineWave,
        *,
        opt: Optimiser | None = None,
        updates: int = 32,
        epoch: int = 0,
        print: Print | None = None,
    ) -> Evaluation:
        """`repro.luna.eval_model` compiled; x (n,) and testx (m,) are Float32."""
        for name, points in (("x", x), ("testx", testx)):
            if points.dtype != torch.float32:
                raise EngineError(
                    f"{name} is {points.dtype}, and the compiled engines compute in Float32: "
                    "give Float32 points, or use the eager engine"
                )
        require_network(model, ACTIVATIONS)
        rest = (x.cpu().numpy().copy(), testx.cpu().numpy().copy(), task, opt or Descent(0.02))
        gpu, found = gpu_for(model, None, self.arithmetic), None
        if gpu is not None:
            from repro.engine import device  # needs Triton, which comes with torch for CUDA

            require_network(model)
            found = device.eval_model(model, gpu, *rest, updates, epoch)
        if found is None:  # on the CPU, which stops just where the original does
            found = running.eval_model(self.arithmetic, model, *rest, updates, epoch)
        if print is not None:
            report(task, found.test_losses, print)
        return found

    def _train(
        self,
        algorithm: Algorithm,
        model: nn.Module,
        given: Mapping[str, Optimiser | None],
        sizes: Sizes,
        length: Length,
        rng: MersenneTwister,
        device: torch.device | str | None,
    ) -> list[Evaluation]:
        gpu = gpu_for(model, device, self.arithmetic)
        if gpu is not None:
            return self.train_on_gpu(algorithm, [model], gpu, given, sizes, length, [rng])[0]
        opts = checked(algorithm, given, sizes, length)
        return running.train(self.arithmetic, algorithm, model, opts, sizes, length, rng)

    def train_on_gpu(
        self,
        algorithm: Algorithm,
        models: Sequence[nn.Module],
        gpu: torch.device,
        given: Mapping[str, Optimiser | None],
        sizes: Sizes,
        length: Length,
        rngs: Sequence[MersenneTwister],
    ) -> list[list[Evaluation]]:
        """Several models at once on a GPU: a list of evaluations for each of them.

        The first of the models is what is observed.
        """
        from repro.engine import device  # needs Triton, which comes with torch for CUDA

        opts = checked(algorithm, given, sizes, length)
        for model in models:
            require_network(model)
            model.to(gpu)

        def again(model: nn.Module, rng: MersenneTwister, length: Length) -> list[Evaluation]:
            return running.train(self.arithmetic, algorithm, model, opts, sizes, length, rng)

        group = device.Group(algorithm, models, rngs, gpu, opts, sizes, again)
        return device.train(group, length)


def checked(
    algorithm: Algorithm, given: Mapping[str, Optimiser | None], sizes: Sizes, length: Length
) -> dict[str, Optimiser]:
    """The algorithm's optimisers in order, those not given by their defaults.

    Raises:
        ValueError: a count is not a positive integer.
    """
    check_counts(
        epochs=length.epochs,
        n_tasks=sizes.n_tasks,
        train_batch_size=sizes.train_batch_size,
        eval_batch_size=sizes.eval_batch_size,
        eval_interval=length.eval_interval,
    )
    return {name: given.get(name) or usual for name, usual in algorithm.optimisers.items()}


class FastEngine(Engine):
    """The same with the second and third posts' trainings, whose network it alone knows.

    They take the arguments of `repro.ecoffet.batched`'s and `repro.jang`'s; see :mod:`relu`.
    """

    maml_sine = staticmethod(relu.maml_sine)
    reptile_sine = staticmethod(relu.reptile_sine)
    fit_transfer = staticmethod(relu.fit_transfer)
    finetune = staticmethod(relu.finetune)
    train_single = staticmethod(relu.train_single)
    train_batched = staticmethod(relu.train_batched)
    headline_arm = staticmethod(relu.headline_arm)


exact, fast = Engine("exact", EXACT), FastEngine("fast", FAST)
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (exact, fast)}
"""All of them, by name."""


def engine_of(name: str | Engine) -> Engine:
    """An engine by its name; one is one already.

    Raises:
        EngineError: there is none of this name.
    """
    if isinstance(name, Engine):
        return name
    if name not in ENGINES:
        raise EngineError(f"no compiled engine {name!r}: choose {' or '.join(ENGINES)}")
    return ENGINES[name]
