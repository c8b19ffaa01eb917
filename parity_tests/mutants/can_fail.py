"""A test that cannot fail is looked for: each test file beside what it tests, broken on purpose.

Small faults are planted in the file that a test file is about, in a fixed random order, until one
is noticed. A test file that stays green through all of them holds nothing, or something else.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from mutants.mutations import mutants_of
from mutants.running import End, Group, Unsound, trials

SUBJECTS = {
    "checks/test_ensembles.py": "checks/ensembles/summary.py",
    "gallery/test_improvement.py": "gallery/improvement.py",
    "run/test_ensemble.py": "run/ensemble.py",
    "checks/test_accept.py": "checks/told.py",
    "checks/test_callables.py": "checks/check.py",
    "checks/test_check.py": "checks/check.py",
    "checks/test_compare_verdicts.py": "checks/compare.py",
    "checks/test_false_alarms.py": "checks/measured.py",
    "checks/test_figures.py": "checks/compare.py",
    "checks/test_follow.py": "checks/follow.py",
    "checks/test_judged.py": "checks/judged.py",
    "checks/test_kernels.py": "checks/noise.py",
    "checks/test_measured.py": "checks/measured.py",
    "checks/test_noise.py": "checks/noise.py",
    "checks/test_patterns.py": "checks/patterns.py",
    "checks/test_properties.py": "checks/agreement.py",
    "checks/test_reproduction.py": "checks/reproduction.py",
    "checks/test_resynchronised.py": "checks/stepping.py",
    "checks/test_roles.py": "checks/stepping.py",
    "checks/test_rules.py": "checks/rules.py",
    "checks/test_widths.py": "checks/measured.py",
    "run/test_files.py": "run/files.py",
    "run/test_properties.py": "run/values.py",
    "run/test_quantity.py": "run/quantity.py",
    "run/test_values.py": "run/values.py",
    "sides/test_frame.py": "sides/frame.py",
    "sides/test_properties.py": "sides/frame.py",
    "sides/test_recorded.py": "sides/recorded.py",
    "sides/test_worker.py": "sides/worker.py",
    "sides/test_find_julia.py": "sides/julia/find.py",
    "sides/test_install_julia.py": "sides/julia/install.py",
    "julia/test_bad_draws.py": "julia/expressions.py",
    "julia/test_mersenne.py": "julia/mersenne.py",
    "julia/test_mersenne_recorded.py": "julia/mersenne.py",
    "julia/test_properties.py": "julia/stream.py",
    "julia/test_ranges.py": "julia/ranges.py",
    "julia/test_recorded_rows.py": "julia/stream.py",
    "julia/test_streams_of_recorded_runs.py": "julia/mersenne.py",
    "julia/test_xoshiro.py": "julia/xoshiro.py",
    "flux/test_layers.py": "flux/layers.py",
    "flux/test_optimise.py": "flux/optimise.py",
    "luna/test_ports.py": "luna/fomaml.py",
    "luna/test_recordings.py": "luna/reptile.py",
    "implicit/test_leap.py": "implicit/leap.py",
    "implicit/test_meta_gradients.py": "implicit/meta_gradients.py",
    "implicit/test_pictures.py": "implicit/pictures.py",
    "ecoffet/test_ecoffet_batched.py": "ecoffet/batched.py",
    "ecoffet/test_ecoffet_bitwise.py": "ecoffet/train.py",
    "ecoffet/test_ecoffet_claims.py": "ecoffet/theory.py",
    "ecoffet/test_ecoffet_experiment.py": "ecoffet/experiment.py",
    "ecoffet/test_ecoffet_meta_batches.py": "ecoffet/train.py",
    "ecoffet/test_ecoffet_parity.py": "ecoffet/notebook.py",
    "ecoffet/test_meta_expansion.py": "ecoffet/theory.py",
    "ecoffet/test_meta_gradient.py": "ecoffet/train.py",
    "jang/test_jax_random.py": "jax_random/threefry.py",
    "jang/test_port.py": "jang/maml.py",
    "jang/test_pictures.py": "jang/pictures.py",
    "reports/test_arbiter.py": "checks/arbiter.py",
    "reports/test_junit.py": "reports/junit.py",
    "reports/test_page.py": "reports/page.py",
    "reports/test_report_options.py": "reports/outcome.py",
    "reports/test_where.py": "reports/where.py",
    "gallery/test_gallery.py": "gallery/build.py",
    "gallery/test_jobs_and_store.py": "run/store.py",
    "gallery/test_job_progress.py": "cli/job_progress.py",
    "gallery/test_pictures.py": "gallery/drawing.py",
    "cli/test_check.py": "cli/check.py",
    "cli/test_cli.py": "cli/parity.py",
    "cli/test_properties.py": "cli/__init__.py",
    "plugin/test_stale.py": "run/recording.py",
    "planted/test_tally.py": "checks/pair.py",
    "engine/test_engine_stream.py": "engine/stream.py",
}
"""By test file, under ``parity_tests``, what it is about, under ``repro``."""


def noticed(test: str, most: int) -> int | None:
    """How many faults it took until one was noticed; None where none of so many was.

    Raises:
        Unsound: the tests fail as it is.
    """
    faults = mutants_of(f"repro/{SUBJECTS[test]}")
    some = random.Random(22).sample(faults, min(most, len(faults)))
    found = trials([Group(tuple(some), (f"parity_tests/{test}",))], enough=1)
    return len(found) if found[-1].end in (End.KILLED, End.TIMEOUT) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="test files whose names hold this")
    parser.add_argument("--most", type=int, default=12, help="faults, before it is given up")
    asked = parser.parse_args()
    left = [t for t in SUBJECTS if any(part in t for part in asked.only)]
    assert all(Path("parity_tests", test).exists() for test in left)
    for test in left:
        try:
            taken = noticed(test, asked.most)
            said = f"notices fault {taken}" if taken else "STAYS GREEN"
            print(f"trial: {test} {said}", flush=True)
        except Unsound as problem:
            print(f"trial: {test}: {problem}", flush=True)


if __name__ == "__main__":
    main()
