"""What the GitHub Action runs: one command of ours, with all its reports in one folder.

    REPRO_COMMAND='drift check' REPRO_BASELINE=baselines/cpu REPRO_REPORT=report python -m repro.drift.ci

The Markdown goes to the job's summary as well, where GITHUB_STEP_SUMMARY names it. The exit status
is the command's.
"""  # noqa: E501

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from repro.drift.baseline import DriftError

REPORTS = {"--json": "report.json", "--html": "page", "--junit": "junit.xml"}


def words(command: str, baseline: str, report: Path) -> list[str]:
    """The command, its baseline, and where its reports go.

    Raises:
        DriftError: it is none that reports: parity, check, or drift check; or none that has a
            baseline.
    """
    given = shlex.split(command)
    drift = given[:2] == ["drift", "check"]
    if baseline and not drift:
        raise DriftError("a baseline is for `drift check` alone: leave it out")
    given[2:2] = [baseline] if baseline else []
    if not drift and given[:1] not in (["parity"], ["check"]):
        raise DriftError(f"`{command}` has no reports: give parity, check, or drift check")
    reports = REPORTS | ({"--summary": "summary.md"} if drift else {})
    return given + [w for option, name in reports.items() for w in (option, str(report / name))]


def main() -> int:
    """Run it, and hand the summary on."""
    report = Path(os.environ.get("REPRO_REPORT") or "parity-report")
    try:
        asked = words(
            os.environ.get("REPRO_COMMAND") or "drift check",
            os.environ.get("REPRO_BASELINE") or "",
            report,
        )
    except DriftError as problem:
        print(f"repro: {problem}", file=sys.stderr)
        return 2
    (report / "summary.md").unlink(missing_ok=True)  # of an earlier step
    done = subprocess.run([sys.executable, "-m", "repro", *asked], check=False)
    summary, place = report / "summary.md", os.environ.get("GITHUB_STEP_SUMMARY")
    if place and summary.exists():
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(summary.read_text())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
