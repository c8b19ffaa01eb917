"""How often faithful ports were called wrong: what both posts' false-alarm commands print."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from repro.cases import Case
from repro.checks import Verdict


def tally(outcomes: Iterable[tuple[Case, Verdict, str]], iterations: int) -> int:
    """Print what is no pass as it comes, and the numbers in the end. What could not be judged is no
    alarm, and no pass: it is counted apart.

    Args:
        outcomes: of each run its case, its verdict, and the message.
        iterations: of each run.

    Returns:
        The exit status: 1 where there were alarms.
    """
    start = time.perf_counter()
    verdicts: Counter[Verdict] = Counter()
    functions: Counter[str] = Counter()
    for case, verdict, message in outcomes:
        verdicts[verdict] += 1
        functions[case.function] += 1
        if not verdict:
            print(f"{case.name}: {message}", flush=True)
    alarms = verdicts[Verdict.FAIL] + verdicts[Verdict.ERROR]
    unjudged = verdicts[Verdict.UNDECIDED] + verdicts[Verdict.NOT_RUN]
    each = ", ".join(f"{name} {n}" for name, n in sorted(functions.items()))
    print(
        f"{alarms} false alarms, {unjudged} not judged, in {functions.total()} runs of "
        f"{iterations} iterations ({each}); {time.perf_counter() - start:.0f} s"
    )
    return 1 if alarms else 0
