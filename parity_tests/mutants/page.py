"""What became of all faults, as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mutants.equivalent import EQUIVALENT

REASONS = {tuple(row[:3]): row[3] for row in EQUIVALENT}
HEAD = """# Mutants: small faults in our own code

`make mutants` plants small faults in the code that compares, one by one, as
[mutmut](https://mutmut.readthedocs.io) makes them: another operator, another number, an argument
less, a branch never taken. A fault that no test notices has *survived*: a test is missing, or the
fault is none. Faults in the wording of messages are left out.

"""


def written(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page: a row for each room, and every survivor."""
    rows = "\n".join(_row(name, trials) for name, trials in found.items())
    table = (
        "| faults in | planted | noticed | share | but for those explained |\n" + "|---" * 5 + "|\n"
    )
    return HEAD + table + rows + "\n" + "".join(_survivors(found))


def _row(name: str, trials: Sequence[Mapping[str, Any]]) -> str:
    real = [t for t in trials if t["end"] != "the same code"]
    lost = [t for t in real if t["end"] == "survived"]
    open_ = [t for t in lost if _reason(t) is None]
    share, held = (f"{1 - len(x) / max(len(real), 1):.1%}" for x in (lost, open_))
    return f"| {name} | {len(real)} | {len(real) - len(lost)} | {share} | {held} |"


def _reason(trial: Mapping[str, Any]) -> str | None:
    return REASONS.get((trial["file"], trial["was"], trial["now"]))


def _survivors(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, trials in found.items():
        lost = [t for t in trials if t["end"] == "survived"]
        if lost:
            yield f"\n## Not noticed in {name}\n\n"
            counts = Counter(t["file"] for t in lost)
            for t in sorted(lost, key=lambda t: (-counts[t["file"]], t["file"], t["line"])):
                yield (
                    f"* `{t['file']}`: `{t['was']}`\n  as `{t['now']}`: "
                    f"{_reason(t) or '**no reason is known**'}\n"
                )
