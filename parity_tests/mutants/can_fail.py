"""A test that cannot fail is looked for: each test file beside what it tests, broken on purpose.

Small faults are planted in the file that a test file is about, in a fixed random order, until one
is noticed. A test file that stays green through all of them holds nothing, or something else.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from mutants import on_disk
from mutants.mutations import mutants_of
from mutants.running import End, Group, Unsound, trials

IN_MEMORY = {
    "checks/test_ensembles.py": "repro/checks/ensembles/summary.py",
    "gallery/test_improvement.py": "repro/gallery/improvement.py",
    "run/test_ensemble.py": "repro/run/ensemble.py",
    "checks/test_accept.py": "repro/checks/told.py",
    "checks/test_callables.py": "repro/checks/check.py",
    "checks/test_check.py": "repro/checks/check.py",
    "checks/test_compare_verdicts.py": "repro/checks/compare.py",
    "checks/test_false_alarms.py": "repro/checks/measured.py",
    "checks/test_figures.py": "repro/checks/compare.py",
    "checks/test_follow.py": "repro/checks/follow.py",
    "checks/test_judged.py": "repro/checks/judged.py",
    "checks/test_kernels.py": "repro/checks/noise.py",
    "checks/test_measured.py": "repro/checks/measured.py",
    "checks/test_noise.py": "repro/checks/noise.py",
    "checks/test_patterns.py": "repro/checks/patterns.py",
    "checks/test_properties.py": "repro/checks/agreement.py",
    "checks/test_reproduction.py": "repro/checks/reproduction.py",
    "checks/test_resynchronised.py": "repro/checks/stepping.py",
    "checks/test_roles.py": "repro/checks/stepping.py",
    "checks/test_rules.py": "repro/checks/rules.py",
    "checks/test_widths.py": "repro/checks/measured.py",
    "run/test_files.py": "repro/run/files.py",
    "run/test_properties.py": "repro/run/values.py",
    "run/test_quantity.py": "repro/run/quantity.py",
    "run/test_values.py": "repro/run/values.py",
    "sides/test_frame.py": "repro/sides/frame.py",
    "sides/test_properties.py": "repro/sides/frame.py",
    "sides/test_recorded.py": "repro/sides/recorded.py",
    "sides/test_worker.py": "repro/sides/worker.py",
    "sides/test_find_julia.py": "repro/sides/julia/find.py",
    "sides/test_install_julia.py": "repro/sides/julia/install.py",
    "julia/test_bad_draws.py": "repro/julia/expressions.py",
    "julia/test_mersenne.py": "repro/julia/mersenne.py",
    "julia/test_mersenne_recorded.py": "repro/julia/mersenne.py",
    "julia/test_properties.py": "repro/julia/stream.py",
    "julia/test_ranges.py": "repro/julia/ranges.py",
    "julia/test_recorded_rows.py": "repro/julia/stream.py",
    "julia/test_streams_of_recorded_runs.py": "repro/julia/mersenne.py",
    "julia/test_xoshiro.py": "repro/julia/xoshiro.py",
    "flux/test_layers.py": "repro/flux/layers.py",
    "flux/test_optimise.py": "repro/flux/optimise.py",
    "luna/test_ports.py": "repro/luna/fomaml.py",
    "implicit/test_leap.py": "repro/implicit/leap.py",
    "implicit/test_meta_gradients.py": "repro/implicit/meta_gradients.py",
    "implicit/test_pictures.py": "repro/implicit/pictures.py",
    "ecoffet/test_ecoffet_batched.py": "repro/ecoffet/batched.py",
    "ecoffet/test_ecoffet_experiment.py": "repro/ecoffet/experiment.py",
    "ecoffet/test_ecoffet_meta_batches.py": "repro/ecoffet/train.py",
    "ecoffet/test_ecoffet_parity.py": "repro/ecoffet/notebook.py",
    "ecoffet/test_meta_expansion.py": "repro/ecoffet/theory.py",
    "ecoffet/test_meta_gradient.py": "repro/ecoffet/train.py",
    "jang/test_jax_random.py": "repro/jax_random/threefry.py",
    "jang/test_port.py": "repro/jang/maml.py",
    "jang/test_pictures.py": "repro/jang/pictures.py",
    "reports/test_arbiter.py": "repro/checks/arbiter.py",
    "reports/test_junit.py": "repro/reports/junit.py",
    "reports/test_page.py": "repro/reports/page.py",
    "reports/test_report_options.py": "repro/cli/parity.py",
    "reports/test_where.py": "repro/reports/where.py",
    "gallery/test_gallery.py": "repro/gallery/build.py",
    "gallery/test_jobs_and_store.py": "repro/run/store.py",
    "gallery/test_job_progress.py": "repro/cli/job_progress.py",
    "gallery/test_pictures.py": "repro/gallery/drawing.py",
    "cli/test_check.py": "repro/cli/check.py",
    "cli/test_cli.py": "repro/cli/parity.py",
    "cli/test_properties.py": "repro/cli/__init__.py",
    "plugin/test_stale.py": "repro/run/recording.py",
    "engine/test_engine_stream.py": "repro/engine/stream.py",
}
"""By test file, under ``parity_tests``, what it is about: planted in memory."""

ON_DISK = {
    "calibration/test_calibration.py": "repro/checks/noise.py",
    "checks/test_either_way.py": "repro/checks/stepping.py",
    "checks/test_julia_function.py": "repro/sides/julia/function.py",
    "checks/test_pair.py": "repro/checks/pair.py",
    "checks/test_sums.py": "repro/checks/noise.py",
    "cli/test_ensemble_command.py": "repro/cli/ensemble.py",
    "differences/test_differences.py": "docs/differences.md",
    "drift/test_action.py": "action.yml",
    "drift/test_baseline.py": "repro/drift/baseline.py",
    "drift/test_changes.py": "repro/drift/grade.py",
    "drift/test_flow.py": "repro/drift/running.py",
    "drift/test_own.py": "repro/drift/own.py",
    "drift/test_prefix.py": "repro/drift/prefix.py",
    "ecoffet/test_ecoffet_bitwise.py": "repro/ecoffet/train.py",
    "ecoffet/test_ecoffet_claims.py": "repro/engine/relu.py",
    "ecoffet/test_ecoffet_figures.py": "figures/ecoffet.py",
    "ecoffet/test_full_size.py": "repro/ecoffet/batched.py",
    "ecoffet/test_two_reptiles.py": "repro/ecoffet/train.py",
    "engine/test_compiled_optimisers.py": "repro/engine/optimisers.py",
    "engine/test_engine_functions.py": "repro/engine/running.py",
    "engine/test_exact_live.py": "repro/engine/exact_arithmetic.py",
    "engine/test_exact_recordings.py": "repro/engine/exact_arithmetic.py",
    "engine/test_fast_recordings.py": "repro/engine/fast_arithmetic.py",
    "engine/test_gpu.py": "repro/engine/device.py",
    "engine/test_planted_orders.py": "repro/engine/loops.py",
    "engine/test_primitives.py": "repro/engine/tiles.py",
    "engine/test_relu.py": "repro/engine/network.py",
    "engine/test_relu_bits.py": "repro/engine/relu_loops.py",
    "engine/test_relu_engine.py": "repro/engine/relu_network.py",
    "flux/test_julia_optimisers.py": "julia_ref/src/optimise.jl",
    "gallery/test_claims.py": "repro/gallery/claims.py",
    "gallery/test_first_order_claim.py": "repro/gallery/improvement.py",
    "gallery/test_geometry.py": "repro/gallery/updates.py",
    "gallery/test_luna_parity.py": "repro/gallery/luna_parity.py",
    "jang/test_faults.py": "repro/jang/maml.py",
    "jang/test_first_kink.py": "repro/jang/kinks.py",
    "jang/test_localised.py": "repro/cases/jang_rounding.py",
    "jang/test_told.py": "repro/jang/net.py",
    "julia/test_mersenne_live.py": "repro/julia/mersenne.py",
    "julia/test_planted_streams.py": "repro/julia/stream.py",
    "julia/test_streams_live.py": "repro/julia/stream.py",
    "julia/test_tasks.py": "repro/julia/tasks.py",
    "luna/test_recordings.py": "repro/luna/reptile.py",
    "mutants/test_mutants.py": "parity_tests/mutants/running.py",
    "planted/test_faults_localised.py": "repro/checks/follow.py",
    "planted/test_faults_recorded.py": "repro/luna/fomaml.py",
    "planted/test_small_ports.py": "repro/checks/patterns.py",
    "planted/test_tally.py": "parity_tests/planted/tally.py",
    "plugin/test_ensembles_fixture.py": "repro/pytest_plugin.py",
    "plugin/test_parity_fixture.py": "repro/pytest_plugin.py",
    "plugin/test_port_to_julia.py": "docs/port-to-julia.md",
    "plugin/test_port_your_own.py": "docs/port-your-own.md",
    "reports/test_accessible.py": "repro/reports/base.html.jinja",
    "reports/test_browser.py": "repro/reports/page.html.jinja",
    "run/test_trace.py": "repro/trace.py",
    "sides/test_dask.py": "repro/run/gathering.py",
    "sides/test_ensemble_members.py": "repro/sides/members.py",
    "sides/test_envelopes.py": "repro/sides/envelopes.py",
    "sides/test_julia_of_today.py": "repro/sides/julia/function.py",
    "sides/test_julia_ref.py": "julia_ref/src/reptile.jl",
    "sides/test_julia_values.py": "repro/sides/frame.py",
    "sides/test_juliacall.py": "repro/sides/julia/juliacall_bridge.py",
    "sides/test_juliacall_functions.py": "repro/sides/julia/juliacall_bridge.py",
    "sides/test_live_jax.py": "repro/sides/live_jax.py",
    "sides/test_live_parity.py": "repro/sides/live.py",
    "sides/test_python_function.py": "repro/sides/python/function.py",
    "sides/test_record_jl.py": "julia_ref/Record.jl",
    "test_documents.py": "docs/command-line.md",
    "test_house.py": "docs/architecture.md",
    "test_wheel.py": "pyproject.toml",
    "world/test_failures.py": "repro/run/files.py",
    "world/test_security.py": "repro/run/files.py",
    "world/test_world.py": "repro/gallery/manifest.py",
}
"""Those whose subject is compiled, run in another process, or no Python: planted in a copy."""

UNHELD = {"julia/test_stream_speed.py": "how long streams take is no small fault's matter"}
"""Test files for which no fault is made, and why."""


def noticed(test: str, most: int) -> int | None:
    """How many faults it took until one was noticed; None where none of so many was.

    Raises:
        Unsound: the tests fail as it is.
    """
    if test in ON_DISK:
        return on_disk.noticed(test, ON_DISK[test], most)
    faults = mutants_of(IN_MEMORY[test])
    some = random.Random(22).sample(faults, min(most, len(faults)))
    found = trials([Group(tuple(some), (f"parity_tests/{test}",))], enough=1)
    return len(found) if found[-1].end in (End.KILLED, End.TIMEOUT) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="test files whose names hold this")
    parser.add_argument("--most", type=int, default=12, help="faults, before it is given up")
    asked = parser.parse_args()
    left = [t for t in (*IN_MEMORY, *ON_DISK) if any(part in t for part in asked.only)]
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
