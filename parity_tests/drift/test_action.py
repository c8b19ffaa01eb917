"""The GitHub Action: what it runs can be run here, and its YAML says what GitHub reads."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from repro.drift import DriftError, ci

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "drift.yml").read_text())


def test_every_report_has_its_place():
    found = ci.words("drift check", "baselines/cpu", Path("r"))
    assert found[:3] == ["drift", "check", "baselines/cpu"]
    assert found[3:] == ["--json", "r/report.json", "--html", "r/page", "--junit", "r/junit.xml",
                         "--summary", "r/summary.md"]  # fmt: skip
    assert "--summary" not in ci.words("parity --seed 42", "", Path("r"))
    assert ci.words("drift check fomaml", "base", Path("r"))[2:4] == ["base", "fomaml"]
    with pytest.raises(DriftError, match="leave it out"):
        ci.words("parity", "base", Path("r"))
    with pytest.raises(DriftError, match="has no reports"):
        ci.words("doctor", "", Path("r"))


def test_it_runs_and_its_status_is_the_command_s(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPRO_BASELINE", "nowhere")
    assert ci.main() == 2
    assert "there is no baseline in nowhere" in capfd.readouterr().err
    monkeypatch.setenv("REPRO_COMMAND", "doctor")
    assert ci.main() == 2


def test_the_summary_is_handed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_REPORT", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    (tmp_path / "summary.md").write_text("of an earlier step")
    done = type("Done", (), {"returncode": 1})

    def run(*_, **__):
        (tmp_path / "summary.md").write_text("## Drift: 1 same bits\n")
        return done

    monkeypatch.setattr(ci.subprocess, "run", run)
    assert ci.main() == 1
    assert (tmp_path / "job.md").read_text() == "## Drift: 1 same bits\n"
    monkeypatch.setattr(ci.subprocess, "run", lambda *_, **__: done)
    (tmp_path / "job.md").unlink()
    assert ci.main() == 1 and not (tmp_path / "job.md").exists(), "another step's summary"


def test_every_input_that_is_used_is_declared_and_every_variable_read():
    steps = ACTION["runs"]["steps"]
    used = {v for step in steps for v in step.get("env", {}).values()}
    assert used == {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    source = (ROOT / "repro" / "drift" / "ci.py").read_text()
    given = {name for step in steps for name in step.get("env", {})} - {"PYTHON"}
    assert all(name in source for name in given)


def test_the_workflow_gives_what_the_action_takes():
    (step,) = [s for s in WORKFLOW["jobs"]["drift"]["steps"] if s.get("uses") == "./"]
    assert step["with"].keys() <= ACTION["inputs"].keys()


@pytest.mark.parametrize(
    ("schema", "file"),
    [("github-actions", "action.yml"), ("github-workflows", ".github/workflows/drift.yml")],
)
def test_the_yaml_is_what_github_s_schema_asks(schema, file, not_run):
    if importlib.util.find_spec("check_jsonschema") is None:
        not_run("check-jsonschema is not installed: pip install check-jsonschema")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*words, str(ROOT / file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
