"""Wrong ports over many seeds: the fast engine with other arguments, or with a change of its text.

A change of text is planted in a copy of the package that a process of its own runs: compiled code
is kept under the digest of its sources, and so cannot be mistaken for the right one's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import repro
from repro.run import Ensemble, gather
from repro.sides.executors import cores
from repro.sides.members import CaseMember

PACKAGE = Path(repro.__file__).parent


@dataclass(frozen=True)
class Wrong:
    """A wrong port.

    Attributes:
        name: what is wrong, in a few words.
        function: the case.
        arguments: those of the wrong port.
        changes: of its text, (file, old, new); the old stands there once.
        right: arguments of the right one, where they are not the defaults.
        draws: whether it draws what the original draws, so that pairs are pairs.
        seeds: how many are computed; of subtle ones few, whose verdict is one of pairs.
    """

    name: str
    function: str
    arguments: dict[str, object] = field(default_factory=dict)
    changes: tuple[tuple[str, str, str], ...] = ()
    right: dict[str, object] = field(default_factory=dict)
    draws: bool = True
    seeds: int = 64

    def ensemble(self, seeds: range, folder: Path, epochs: int | None = None) -> Ensemble:
        """Its runs; ``folder`` is for the copy of the package."""
        member = CaseMember(
            self.function, "fast", epochs=epochs, arguments={**self.right, **self.arguments}
        )
        if self.changes:
            return _elsewhere(member, self.changes, seeds, folder)
        with cores(compiled=True) as executor:
            return gather(member, seeds, executor=executor)


def _elsewhere(
    member: CaseMember, changes: tuple[tuple[str, str, str], ...], seeds: range, folder: Path
) -> Ensemble:
    copy = folder / "repro"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "recorded"))
    (copy / "sides/recorded").symlink_to(PACKAGE / "sides/recorded")
    for file, old, new in changes:
        text = (copy / file).read_text()
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in {file}, not once")
        (copy / file).write_text(text.replace(old, new))
    out = folder / "wrong.npz"
    given = {k: v for k, v in vars(member).items() if k != "function"}
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from repro.run import gather\n"
        "from repro.sides.executors import cores\n"
        "from repro.sides.members import CaseMember\n"
        "with cores(compiled=True) as executor:\n"
        f"    member = CaseMember({member.function!r}, **{given!r})\n"
        f"    gather(member, {seeds!r}, executor=executor).save({str(out)!r})\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    return Ensemble.load(out)


LOOPS = "engine/loops.py"

GROSS = (
    Wrong("mean instead of sum over tasks", "fomaml", {"meta_opt": f"Descent({0.01 / 3})"}),
    Wrong("four tasks for three", "fomaml", {"n_tasks": 4}, draws=False),
    Wrong("batches of 5 for 10", "fomaml", {"train_batch_size": 5}, draws=False),
    Wrong("batches of 9 for 10", "reptile", {"train_batch_size": 9}),
    Wrong("meta rate doubled", "reptile", {"meta_opt": "Descent(0.2)"}),
    Wrong("inner rate 5 % up", "reptile", {"inner_opt": "Descent(0.021)"}),
    Wrong("half the squared error", "transfer_learn", {"opt": "Descent(0.005)"}),
    Wrong(
        "points from the right half only", "transfer_learn",
        changes=((LOOPS, "uniform(stream, -5.0, 5.0)", "uniform(stream, 0.0, 5.0)"),),
    ),
    Wrong(
        "phases up to pi", "transfer_learn",
        changes=((LOOPS, "uniform(stream, 0.0, 2 * pi)", "uniform(stream, 0.0, pi)"),),
    ),
    Wrong(
        "points visited in order", "reptile",
        changes=((LOOPS, "x[j], y[j] = testx[order[j]], wave_y[order[j]]",
                  "x[j], y[j] = testx[j], wave_y[j]"),),
    ),
    Wrong(
        "all inner steps on the same ten points", "reptile",
        changes=((LOOPS, "part = slice(j, min(j + batch, n))", "part = slice(0, batch)"),),
    ),
    Wrong(
        "one inner step too few", "reptile",
        changes=((LOOPS, "for j in range(0, n, batch):", "for j in range(0, n - batch, batch):"),),
    ),
)  # fmt: skip

_SUBTLE = (
    Wrong("inner rate 1 % up", "fomaml", {"inner_opt": "Descent(0.0202)"}),
    Wrong("meta rate 1 % up", "fomaml", {"meta_opt": "Descent(0.0101)"}),
    Wrong("inner and meta rates exchanged", "fomaml",
          {"inner_opt": "Descent(0.01)", "meta_opt": "Descent(0.02)"}),
    Wrong("inner rate 1 % up", "reptile", {"inner_opt": "Descent(0.0202)"}),
    Wrong("meta rate 1 % up", "reptile", {"meta_opt": "Descent(0.101)"}),
    Wrong("rate 1 % up", "transfer_learn", {"opt": "Descent(0.0101)"}),
    Wrong("batches of 49 for 50", "transfer_learn", {"train_batch_size": 49}, draws=False),
    Wrong(
        "Adam's epsilon under the root", "transfer_learn", right={"opt": "ADAM(0.001)"},
        changes=(("engine/optimisers.py", "np.sqrt(np.float64(v[i]) / (1 - b2_power)) + 1e-8",
                  "np.sqrt(np.float64(v[i]) / (1 - b2_power) + 1e-8)"),),
    ),
    Wrong(
        "weights not restored between tasks", "fomaml",
        changes=((LOOPS, "        fill(total, _0)\n        for _ in range(n_tasks):",
                  "        fill(total, _0)\n        copy(adapted, weights)\n"
                  "        for _ in range(n_tasks):"),
                 (LOOPS, "            loss = gradient(arithmetic, dw, start, x, y, work)",
                  "            loss = gradient(arithmetic, dw, phi, x, y, work)"),
                 (LOOPS, "            copy(adapted, weights)\n            update(arithmetic, inner_opt",
                  "            update(arithmetic, inner_opt")),
    ),
    Wrong(
        "one inner step more", "reptile",
        changes=((LOOPS, "for j in range(0, n, batch):\n            part = slice(j, min(j + batch, n))",
                  "for j in range(0, n + batch, batch):\n"
                  "            part = slice(j % n, min(j % n + batch, n))"),),
    ),
    Wrong(
        "amplitudes from zero on", "transfer_learn",
        changes=((LOOPS, "uniform(stream, 0.1, 5.0)", "uniform(stream, 0.0, 5.0)"),),
    ),
    Wrong(
        "the inner step twice as long for the last task", "fomaml",
        changes=((LOOPS, "        for _ in range(n_tasks):", "        for k_task in range(n_tasks):"),
                 (LOOPS, "            update(arithmetic, inner_opt, adapted, g)\n\n",
                  "            update(arithmetic, inner_opt, adapted, g)\n"
                  "            if k_task == n_tasks - 1:\n"
                  "                update(arithmetic, inner_opt, adapted, g)\n\n")),
    ),
)  # fmt: skip

SUBTLE = tuple(replace(wrong, seeds=16) for wrong in _SUBTLE)
WRONG = (*GROSS, *SUBTLE)
