"""Live JAX as a side: our statement of the notebook, run by an interpreter that has JAX.

`repro/jang/jax_reference.py` stands for the notebook because, and as far as, it equals the
recordings bit for bit. It is asked for one training and answers step by step, so that a run of any
length takes no more memory than what is kept of it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from zipfile import BadZipFile

import numpy as np

from repro.cases import Case, record_of
from repro.checks import Pooled
from repro.errors import Unavailable
from repro.folders import PACKAGE, checkout
from repro.run import Provenance, Quantity, Run
from repro.sides.envelopes import growth
from repro.sides.frame import MOST_BYTES
from repro.sides.worker import REQUEST_SECONDS, read_pipe

REFERENCE = PACKAGE / "jang" / "jax_reference.py"
ENVIRONMENT = {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "JAX_PLATFORMS": "cpu"}
"""What decides XLA's bits; the reference refuses to run without it."""

Step = dict[str, np.ndarray]


class JaxUnavailable(Unavailable):
    """No interpreter has JAX, or it failed. The message says what to do, or has its words."""


def find_jax() -> str:
    """The path of a Python that imports JAX: the one that `REPRO_JAX` names, the one that
    `make jax` set up, or this one.

    Raises:
        JaxUnavailable: there is none.
    """
    if named := os.environ.get("REPRO_JAX"):
        return named
    project = checkout()
    if project is not None and (project / ".jax" / ".installed").is_file():
        return str(project / ".jax" / "bin" / "python")
    if find_spec("jax") is not None:
        return sys.executable
    raise JaxUnavailable(
        "no live JAX here: run `make jax` in a checkout, or `pip install 'julia-parity[jax]'` "
        "(Python 3.11 or later), or name a Python that has it in REPRO_JAX"
    )


def environment() -> dict[str, str]:
    """The variables that an interpreter with JAX is started with."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**own, **ENVIRONMENT}


def steps(python: str, *requests: Mapping[str, object]) -> Iterator[Step]:
    """The steps of one training after the other, each asked for when it is needed; the first of
    each are the initial weights.

    Args:
        python: an interpreter that has JAX.
        requests: arguments of the reference's `steps`.

    Raises:
        JaxUnavailable: JAX failed.
    """
    command = [python, str(REFERENCE), "--stream", json.dumps(requests)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            # Its own session: an interrupt typed at the terminal is Python's to handle.
            stderr=errors, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            while step := _next(process.stdout.fileno()):
                yield step
            if process.wait() != 0:
                raise ValueError(f"status {process.returncode}")
        except TimeoutError:
            raise JaxUnavailable(
                f"live JAX gave no step within {REQUEST_SECONDS:g} s: run it again, or name "
                "another Python in REPRO_JAX"
            ) from None
        except (OSError, ValueError, BadZipFile) as problem:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
            said = errors.read().decode(errors="replace")
            raise JaxUnavailable(
                f"live JAX failed ({problem}): run it again, or name another Python "
                f"in REPRO_JAX. Its words are: {said}"
            ) from None
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _next(pipe: int) -> Step | None:
    """The next step, None where there is none; ValueError, TimeoutError and BadZipFile where what
    comes is no whole one."""
    deadline = time.monotonic() + REQUEST_SECONDS
    if not (head := read_pipe(pipe, 8, deadline)):
        return None
    size = int.from_bytes(head, "little")
    frame = read_pipe(pipe, min(size, MOST_BYTES), deadline)
    if len(frame) < size or len(head) < 8:
        raise ValueError(f"a step of {size} bytes ended after {len(frame)}")
    with np.load(io.BytesIO(frame), allow_pickle=False) as arrays:
        return dict(arrays)


def request(case: Case) -> dict[str, object]:
    """What live JAX is asked for."""
    return {**(record_of(case).jax or {}), "seed": case.seed, "iterations": case.epochs}


def read(case: Case, answer: Iterable[Step]) -> dict[str, Quantity]:
    """What the recordings keep of a training, of the steps of one."""
    first, *later = map(_kept, answer)
    part = (record_of(case).jax or {})["part"]
    arrays = {
        "init_weights": first["weights"],
        f"{part}_weight_iterations": np.array(case.weight_epochs),
        f"{part}_weights": np.stack([later[i - 1]["weights"] for i in case.weight_epochs]),
    }
    if part != "fit":
        arrays[f"{part}_losses"] = np.stack([step["loss"] for step in later])
    return record_of(case).read(case, arrays)


def _kept(step: Step) -> Step:
    """Losses, and all weights in one row."""
    rows = [v.ravel() for n, v in step.items() if n.startswith(("init.", "weights."))]
    return {n: v for n, v in step.items() if n == "loss"} | {"weights": np.concatenate(rows)}


class LiveJax:
    """What our statement of the notebook computes under the JAX that is there.

    Args:
        python: an interpreter that has it; by default the one that is found.
    """

    name = "jax"
    generator = "MT19937"

    def __init__(self, python: str | None = None) -> None:
        self.python = python or find_jax()

    def run(self, case: Case) -> Run:
        """
        Raises:
            JaxUnavailable: JAX failed.
        """
        made_by = Provenance(
            "jax",
            case=case.name,
            function=case.function,
            seed=case.seed,
            epochs=case.epochs,
            generator=f"{case.generator}({case.seed})",
            details=ENVIRONMENT,
        )
        return Run(read(case, steps(self.python, request(case))), made_by)

    def rule(self, case: Case) -> Pooled:
        """Measured on the port; see :func:`repro.sides.envelopes.growth`."""
        return growth(case)

    def operations(self, case: Case) -> JaxOperations:
        """The case's single operations, for following a port."""
        return JaxOperations(case, self.python)


class JaxOperations:
    """What JAX computes in each iteration of a case, asked for one after the other."""

    def __init__(self, case: Case, python: str) -> None:
        self._steps = steps(python, {**request(case), "parts": True})

    def values(self, step: int) -> Step:
        """The next iteration's values by name, in the order of their computation; 0 comes first."""
        return next(self._steps)
