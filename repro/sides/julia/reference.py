"""The live reference: our Julia package ``julia_ref``, on whatever Julia there is.

It stands for the original because, and as far as, it equals the original's recordings bit for
bit (``python -m repro.sides.record_check``). There are two ways to it with one interface: a
*worker* process, and *juliacall* inside this process. Both put the same request to the same
Julia function and give the same bits for the same Julia.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGABRT, SIGBUS, SIGILL, SIGSEGV
from typing import Any

import numpy as np

from repro.flux import Optimiser
from repro.folders import shipped
from repro.sides.frame import Value
from repro.sides.julia.find import Julia, find_julia
from repro.sides.julia.inprocess import InProcess
from repro.sides.julia.requests import Tape as Tape
from repro.sides.julia.requests import draws_from, given, options_from, plain
from repro.sides.julia.worker import JuliaError, Worker
from repro.sides.worker import REQUEST_SECONDS, START_SECONDS

WAYS = ("worker", "juliacall", "auto")
#: Ends that Julia itself may come to (seen about once in 300 starts), unlike SIGKILL.
CRASHES = (SIGSEGV, SIGBUS, SIGABRT, SIGILL)


class JuliaRetryWarning(RuntimeWarning):
    """Julia crashed, and the same request was put to a new process once more."""


class Answer(dict[str, Any]):
    """Arrays by name, in the order Julia gave them.

    Attributes:
        provenance: the way, the Julia, its BLAS and processor, and ``draws``: the generator the
            random numbers came from, or the tape.
    """

    def __init__(self, arrays: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        super().__init__(arrays)
        self.provenance = dict(provenance)

    def __missing__(self, name: str) -> Any:
        raise JuliaError(f"the answer lacks {name!r}: ask again, or name another Julia")


@dataclass(frozen=True)
class Trace:
    """One iteration, step by step.

    Attributes:
        values: intermediate values in the order of their computation. The names are listed in
            ``julia_ref/src/trace.jl``, for instance ``task1.inner.grad.layers.0.weight``; arrays
            have Julia's shapes, (features, points) for activations.
        start_weights, end_weights: (4353,) Float32.
        start_state, end_state: the optimisers' state, as ``inner_opt.layers.0.weight.m``.
        tape: what was drawn in this iteration.
        provenance: as in :class:`Answer`.
    """

    values: dict[str, Any]
    start_weights: np.ndarray
    end_weights: np.ndarray
    start_state: dict[str, np.ndarray]
    end_state: dict[str, np.ndarray]
    tape: Tape
    provenance: dict[str, Any]


class JuliaReference:
    """A live Julia to ask.

    Args:
        way: ``"worker"``, ``"juliacall"``, or ``"auto"``: juliacall where this process already
            runs Julia through it, else a worker.
        julia: which Julia; an executable's path, or what :func:`repro.sides.julia.find.find_julia`
            gives; by default whatever it finds. On x86-64 it runs under the recordings' pins.
        seconds: limit for one request, where a call gives none. juliacall cannot be stopped, and
            keeps no limit.
        start_seconds: limit for a worker to come up.
        source: folder of our Julia package, the shipped one by default.

    Use it as a context manager, or :meth:`close` it. Any call may raise:
        JuliaError: Julia reports an error, crashed twice, was ended, took too long, or answered
            rubbish. The next call gets a fresh worker.
        JuliaNotFound: there is no usable Julia.
    """

    def __init__(
        self,
        way: str = "auto",
        julia: Julia | str | os.PathLike[str] | None = None,
        *,
        seconds: float = REQUEST_SECONDS,
        start_seconds: float = START_SECONDS,
        source: Path | None = None,
    ) -> None:
        if way not in WAYS:
            raise JuliaError(f"there is no way {way!r} to Julia: choose {', '.join(WAYS)}")
        self.julia = julia if isinstance(julia, Julia) else find_julia(julia)
        self.way = way if way != "auto" else "juliacall" if InProcess.running() else "worker"
        self.source = source or shipped("julia_ref")
        self.seconds, self.start_seconds = seconds, start_seconds
        self._backend: Worker | InProcess | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> JuliaReference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, if one runs. The next call starts another."""
        with self._lock:
            if self._backend is not None:
                self._backend.close()
                self._backend = None

    @property
    def version(self) -> str:
        """The version of the Julia that answers, for instance ``"1.5.3"``."""
        return str(self.about()["julia"])

    def about(self) -> dict[str, Any]:
        """Which Julia answers: way, executable, pinned, julia (its version), blas, cpu_target,
        cpu, threads, default_generator."""
        with self._lock:
            return self._about(self._running())

    def _about(self, backend: Worker | InProcess) -> dict[str, Any]:
        julia = {"executable": str(self.julia.executable), "pinned": self.julia.pinned}
        return {"way": self.way, **julia, "pins": self._pins(backend), **backend.about}

    def _pins(self, backend: Worker | InProcess) -> str:
        """Whether the pinned kernels are those that BLAS says it runs."""
        wanted = self.julia.environment.get("OPENBLAS_CORETYPE")
        there = str(backend.about.get("blas_kernels", "unknown"))
        if wanted is None or not self.julia.pinned:
            return "not set"
        return "verified" if there == wanted else f"unverified: BLAS runs {there} kernels"

    def run(
        self,
        function: str,
        seed: int | None = None,
        epochs: int = 30_000,
        eval_interval: int = 1000,
        *,
        weight_epochs: Iterable[int] | None = None,
        tape: Tape | None = None,
        weights: np.ndarray | None = None,
        keep_draws: bool = False,
        keep_state: bool = False,
        generator: str | None = None,
        seconds: float | None = None,
        **kwargs: Any,
    ) -> Answer:
        """A whole training run, in the format of the recordings.

        Args:
            function: ``transfer_learn``, ``transfer_learn_blog``, ``fomaml`` or ``reptile``.
            seed: of Julia's own generator; or give ``tape``.
            epochs, eval_interval: iterations, and iterations between evaluations.
            weight_epochs: where to keep weights and predictions; the last iteration by default.
            tape: the draws, where they are not to come from Julia's generator.
            weights: (4353,) to start from; drawn first by default.
            keep_draws: give all draws, and in ``draw_ends`` (epochs + 1, 2) how many uniforms
                and permuted indices had been drawn after each iteration.
            generator: of the seed, ``MersenneTwister`` or ``Xoshiro``; by default the one that
                ``Random.seed!`` starts in this Julia.
            keep_state: give optimiser state at the weight epochs, as ``state.EPOCH.NAME``.
            seconds: limit for this run.
            kwargs: the function's other arguments by the original's names; optimisers as
                :mod:`repro.flux` objects or as text, ``"ADAM(0.001)"``.

        Returns:
            The arrays of a recording, and ``prediction_epochs``: those of the weight epochs in
            which an evaluation was made.
        """
        request = {"op": "run", "function": function, "epochs": epochs}
        request |= {"eval_interval": eval_interval}
        request |= {"keep_draws": keep_draws, "keep_state": keep_state}
        request |= given(weights=weights, weight_epochs=weight_epochs)
        request |= draws_from(seed, tape, generator) | options_from(kwargs)
        return self._ask(request, seconds)

    def trace(
        self,
        function: str,
        seed: int | None = None,
        iteration: int = 1,
        *,
        weights: np.ndarray | None = None,
        tape: Tape | None = None,
        state: Mapping[str, np.ndarray] | None = None,
        seconds: float | None = None,
        **kwargs: Any,
    ) -> Trace:
        """One iteration with every draw, intermediate value, gradient and update.

        Without ``weights`` the network is drawn and trained up to that iteration first, from the
        seed or from a tape of the whole run. With ``weights`` (and ``state``, for optimisers that
        have one) the iteration is taken from there, with draws from the start of the seed's
        stream or of the tape.

        Args:
            iteration: its number; it decides whether an evaluation is due (``eval_interval`` is
                1000 by default) and what is skipped.
            kwargs: ``eval_interval`` and the function's arguments, as in :meth:`run`.
        """
        request = {"op": "trace", "function": function, "iteration": iteration}
        request |= given(weights=weights) | draws_from(seed, tape) | options_from(kwargs)
        request |= {f"state.{name}": values for name, values in (state or {}).items()}
        answer = self._ask(request, seconds)
        return Trace(
            _part(answer, "trace."),
            answer["start_weights"],
            answer["end_weights"],
            _part(answer, "start_state."),
            _part(answer, "end_state."),
            Tape(answer["uniforms"], answer["permutations"]),
            answer.provenance,
        )

    def evaluate(
        self,
        amplitude: float,
        phase_shift: float,
        seed: int | None = None,
        *,
        weights: np.ndarray | None = None,
        x: np.ndarray | None = None,
        testx: str | np.ndarray = "range",
        opt: Optimiser | str | None = None,
        updates: int = 32,
        tape: Tape | None = None,
        generator: str | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """One ``eval_model`` on ``SineWave(amplitude, phase_shift)``.

        Args:
            weights, x: (4353,) and (n,); drawn in this order where not given, x as ten Float64
                points in [-5, 5]. A Float32 x is computed in Float32.
            testx: points, or ``"range"``, ``"range32"``, ``"linrange"``: 50 points over [-5, 5].
            opt: ``Descent(0.02)`` by default.

        Returns:
            ``weights``, ``x``, ``y``, ``testx``, ``testy``, ``initial_predictions``,
            ``final_predictions``, ``test_losses``.
        """
        request = {"op": "evaluate", "amplitude": amplitude, "phase_shift": phase_shift}
        request |= {"testx": testx, "updates": updates}
        request |= given(weights=weights, x=x) | options_from({} if opt is None else {"opt": opt})
        if weights is None or x is None:
            request |= draws_from(seed, tape, generator)
        return self._ask(request, seconds)

    def zoo_script(
        self,
        seed: int = 0,
        epochs: int = 50_000,
        eval_interval: int = 1000,
        *,
        generator: str | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """The model zoo's script from start to end, as recorded in ``zoo_script_seed0``."""
        request = {"op": "zoo_script", "epochs": epochs, "eval_interval": eval_interval}
        return self._ask(request | draws_from(seed, None, generator), seconds)

    def draws(
        self,
        kind: str,
        n: int | Sequence[int],
        seed: int,
        *,
        skip: int = 0,
        generator: str = "default",
        seconds: float | None = None,
    ) -> np.ndarray:
        """Numbers straight from a generator.

        Args:
            kind: ``rand``, ``rand32`` (n scalar draws), ``rand_array``, ``rand32_array``
                (one array), ``randperm``, ``shuffle`` (of 1:n).
            n: how many; several numbers are calls one after the other, answered end to end.
            skip: draws of ``rand()`` before the first.
            generator: ``default``, ``MersenneTwister`` or ``Xoshiro``.
        """
        request = {"op": "draws", "kind": kind, "n": n, "skip": skip, "generator": generator}
        return np.asarray(self._ask(request | draws_from(seed, None), seconds)["values"])

    def _ask(self, request: Mapping[str, Any], seconds: float | None) -> Answer:
        values = {name: plain(value) for name, value in request.items()}
        limit = self.seconds if seconds is None else seconds
        with self._lock:
            try:
                return self._asked(values, limit)
            except JuliaError as problem:
                if problem.signal not in CRASHES:
                    raise
                warnings.warn(f"{problem}\nTrying once more", JuliaRetryWarning, stacklevel=3)
                return self._asked(values, limit)

    def _asked(self, request: Mapping[str, Value], seconds: float) -> Answer:
        backend = self._running()
        answer = backend.ask(request, seconds)
        return Answer(answer, self._about(backend) | given(draws=answer.pop("draws", None)))

    def _running(self) -> Worker | InProcess:
        if self._backend is None or not self._backend.alive:
            self.close()
            self._backend = self._start()
        return self._backend

    def _start(self) -> Worker | InProcess:
        if self.way == "juliacall":
            return InProcess(self.julia, self.source)
        command, environment = self.julia.command(), self.julia.environ()
        return Worker(command, environment, self.source, self.start_seconds)


def _part(answer: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): v for n, v in answer.items() if n.startswith(prefix)}
