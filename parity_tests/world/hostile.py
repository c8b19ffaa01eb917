"""The commands that write, and a world in which the writing fails: what has to hold after each."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import numpy as np

from repro.cases import RECORDS
from repro.drift import baseline
from repro.run import Ensemble, Kind, Quantity, RunError, load, read_npz
from repro.sides import recorded

HERE = Path(__file__).parent
SIDES = HERE.parent / "sides"

COMMANDS = {
    "keep": "keep OUT/run.npz LENGTH",
    "record": "record ALSO fomaml --seed 3 --iterations LENGTH --out OUT",
    "envelope": "envelope eval_model_untrained_seed0 --out OUT",
    "figures": "figures --only luna-sine-wave --seed LENGTH --out OUT",
    "check": "check side.py:right(LENGTH) side.py:wrong(LENGTH) --ulps 1 --because counted "
    "--html OUT --json OUT/r.json --junit OUT/r.xml --save OUT --reproduction OUT/first",
    "save": "check side.py:right(LENGTH) side.py:wrong(LENGTH) --ulps 1 --because counted "
    "--json OUT/r.json --junit OUT/r.xml --save OUT",
    "drift": "drift record OUT/LENGTH eval_model_untrained_seed0",
    "ensemble": "ensemble fomaml --port side.py:member --reference reference.npz --seeds LENGTH "
    "--html OUT --json OUT/r.json --junit OUT/r.xml --save OUT/run.npz",
    "parity": "parity eval_model --html OUT --json OUT/r.json --junit OUT/r.xml "
    "--trajectory-dir OUT",
}
"""What writes, into the folder OUT; a further command is a line. LENGTH makes an older run differ
from this one, and ALSO is one thing more that the older one made."""

SIDE = """
def right(n, off=0.0):
    import numpy as np
    for i in range(n):
        yield {"w": np.ones(3) * i + off * (i == 2), "loss": np.float64(i)}

def wrong(n):
    return right(n, 1.0)

def member(seed):
    import numpy as np
    rng = np.random.default_rng(seed)
    for i in range(4):
        yield dict(zip(JUDGED, rng.uniform(1, 2, len(JUDGED))))

JUDGED = %r
"""

ADVICE = re.compile(
    r"(free some space|make it|([Nn]ame|[Cc]hoose) an?other|name a place|look after|record it)"
)
KEPT = re.compile(r"-[0-9a-f]{8}$")
"""How a baseline's files end, which are named after their content."""
NOW, OLDER = 4, 5
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)
KILL = 0

READERS = {
    ".npz": load,
    ".json": lambda path: json.loads(path.read_text()),
    ".xml": ElementTree.parse,
    ".svg": ElementTree.parse,
    ".png": matplotlib.image.imread,
    ".html": lambda path: path.read_text().rindex("</html>"),
    ".py": lambda path: compile(path.read_text(), path, "exec"),
}


def read_whole(path: Path, about: str = "") -> None:
    """Read a result by what it is; half of one is an AssertionError."""
    bare = "first" in path.parts or (path.parent / recorded.INDEX).exists()
    bare = (bare or KEPT.search(path.stem) is not None) and path.suffix == ".npz"
    try:
        (read_npz if bare else READERS[path.suffix])(path)
    except Exception as problem:
        raise AssertionError(f"{path} is not whole: {problem}\n{about}") from problem


def files(folder: Path) -> dict[Path, bytes]:
    """Everything in a folder but what is hidden: temporary files and locks."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {p: (folder / p).read_bytes() for p in found if not _hidden(p)}


def left_over(folder: Path) -> list[Path]:
    """An empty folder is none: what failed may have been its removal. Nor are locks, and what
    keeps them out of git."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    stay = (".lock", ".gitignore")
    return [p for p in found if _hidden(p) and p.suffix != ".lock" and p.name not in stay]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@dataclass
class World:
    """A place with a driver in it. Use :func:`world`."""

    place: Path
    driver: subprocess.Popen[str]
    before: dict[str, tuple[Mapping[Path, bytes], Mapping[Path, bytes], int, int]] = field(
        default_factory=dict
    )

    @property
    def out(self) -> Path:
        return self.place / "out"

    def run(self, name: str, length: int = NOW, nth: int = 0, times: int = 1, error: int = 0,
            jump: int = 0):  # fmt: skip
        """Status, number of writing calls, and all that was said."""
        said = self.place.parent / "said"
        words = COMMANDS[name].replace("OUT", str(self.out)).replace("LENGTH", str(length))
        words = words.replace("ALSO", "reptile" if length == OLDER else "").split()
        asked = {"words": words, "nth": nth, "times": times, "error": error}
        asked |= {"jump": jump, "said": str(said)}
        print(json.dumps(asked), file=self.driver.stdin, flush=True)
        answer = self.driver.stdout.readline()
        assert answer, (
            f"the driver ended, and with it every test after this one:\n{said.read_text()}"
        )
        status, calls = json.loads(answer)
        return status, calls, said.read_text()

    def lay_out(self, name: str) -> tuple[Mapping[Path, bytes], Mapping[Path, bytes], int, int]:
        """An older run's results in their place; older ones, new ones, status and calls."""
        if name not in self.before:
            old, new = (self._undisturbed(name, length) for length in (OLDER, NOW))
            self.before[name] = (old[0], new[0], *new[1:])
        self._put(self.before[name][0])
        return self.before[name]

    def _undisturbed(self, name: str, length: int) -> tuple[dict[Path, bytes], int, int]:
        self._put({})
        status, _, said = self.run(name, length)
        self._put({})
        status, calls, said = self.run(name, length)
        assert "Traceback" not in said and status in (0, 1), said
        return files(self.out), status, calls

    def _put(self, content: Mapping[Path, bytes]) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        for path, data in content.items():
            (self.out / path).parent.mkdir(parents=True, exist_ok=True)
            (self.out / path).write_bytes(data)

    def fails(self, name: str, nth: int, error: int, times: int = 1) -> str:
        """Let one call fail over older results, and hold what is left against the promises."""
        old, new, right, calls = self.lay_out(name)
        status, _, said = self.run(name, nth=nth, times=times, error=error)
        about = f"{name}, call {nth} of {calls}, error {error} x {times}: status {status}\n{said}"
        assert "Traceback" not in said, about
        now = files(self.out)
        assert now.keys() >= old.keys(), about
        for path in (path for path, content in now.items() if content != old.get(path)):
            read_whole(self.out / path, about)
        if status == right:
            renewed = new if "LENGTH" in COMMANDS[name] else {}  # else only last bits may differ
            stale = [p for p in renewed if now.get(p) == old.get(p) != new[p]]
            assert not stale and now.keys() >= new.keys(), f"{about}\nnot written: {stale}"
        elif error == KILL:
            assert status == -9, about
        else:
            (line,) = [line for line in said.splitlines() if line.startswith("repro: ")]
            assert status == 2 and ADVICE.search(line), about
        if error != KILL:
            assert times == 0 or not left_over(self.out), f"{about}\n{left_over(self.out)}"
        self._recordings(about)
        for index in self.out.glob(f"*/{baseline.INDEX}"):
            found = baseline.load(index.parent)
            assert [*map(found.taken, found.cases)], about
        return said

    def _recordings(self, about: str) -> None:
        """The old one or the new one; after an end between two renames this one is refused."""
        if not (self.out / recorded.INDEX).exists():
            return
        for cached in (recorded.index, recorded.names, recorded.load):
            cached.cache_clear()
        try:
            for name in sorted(recorded.names(self.out), reverse=True):
                recorded.load(name, self.out)
        except RunError as refused:
            assert name.startswith("fomaml") and "record it again" in str(refused), about


@contextmanager
def world(place: Path, library: Path, planted: str = "") -> Iterator[World]:
    """A driver behind the shim, with temporary files, caches, home and a Julia of its own.

    Args:
        planted: Python that the driver runs before anything of ours is imported.
    """
    for name in ("tmp", "home", "cache", "bin"):
        (place / name).mkdir(parents=True)
    judged = [summary.quantity for summary in RECORDS["fomaml"].watched.summaries]
    (place / "side.py").write_text(SIDE % judged)
    values = np.random.default_rng(0).uniform(1, 2, (len(judged), 4, 8))
    each = (Quantity(np.arange(4), v, Kind.RESULT) for v in values)
    Ensemble(np.arange(8), dict(zip(judged, each, strict=True))).save(place / "reference.npz")
    julia = place / "bin" / "julia"
    julia.write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo "julia version 1.10.8";; *"-e 0"*) ;;\n'
        f'*) exec "{sys.executable}" "{SIDES / "replaying_worker.py"}" "$@";; esac\n'
    )
    julia.chmod(0o755)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": str(HERE.parents[1]),
        "TMPDIR": str(place / "tmp"),
        "HOME": str(place / "home"),
        "REPRO_CACHE_DIR": str(place / "cache"),
        "REPRO_JULIA": str(julia),
    }
    with subprocess.Popen(
        [sys.executable, str(HERE / "driver.py"), planted, str(place)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env=environment, cwd=place,
    ) as driver:  # fmt: skip
        try:
            yield World(place, driver)
        finally:
            driver.kill()
