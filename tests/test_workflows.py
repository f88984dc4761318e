"""action.yml and the example workflows: what other linters say of them, and what makes a gate one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / "examples" / "workflows").glob("*.yml"))
GATES = [path for path in WORKFLOWS if path.name.startswith("costgate")]
EVENTS = {"opened", "synchronize", "reopened", "ready_for_review", "edited", "labeled", "unlabeled", "closed"}
INPUTS = {
    "github-token", "org-token", "comment", "fail-on", "rate-card", "usage", "policy", "annotations", "config",
}  # fmt: skip
OUTPUTS = {
    "verdict", "delta-monthly", "delta-low", "delta-high", "total-monthly", "approved-by", "report", "comment-url",
}  # fmt: skip
OURS = "your-org/costgate@"


def load(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


def events(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = load(path)[True]  # YAML 1.1 reads `on` as a boolean
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    data = load(path)
    jobs = data["jobs"].values() if "jobs" in data else [data["runs"]]
    return [step for job in jobs for step in job["steps"]]


def lint(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


# Linters that others wrote, all without a network


@pytest.mark.peer
@pytest.mark.parametrize(
    ("schema", "paths"), [("vendor.github-actions", [ACTION]), ("vendor.github-workflows", WORKFLOWS)]
)
def test_the_schemas(schema: str, paths: list[Path]) -> None:
    done = lint("check-jsonschema", "--builtin-schema", schema, *map(str, paths))
    assert done.returncode == 0, done.stdout


@pytest.mark.peer
def test_zizmor_finds_nothing_that_is_not_explained() -> None:
    done = lint("zizmor", "--offline", "--no-progress", "--persona", "pedantic", *map(str, (ACTION, *WORKFLOWS)))
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout
    assert done.stderr.count("completed") == 1 + len(WORKFLOWS)  # of a folder it would read .github only


@pytest.mark.peer
def test_actionlint_finds_nothing() -> None:
    done = lint("actionlint", *map(str, WORKFLOWS))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_what_is_ignored_has_a_reason(path: Path) -> None:
    for line in path.read_text().splitlines():
        for _, reason in re.findall(r"zizmor: ignore\[([^\]]*)\](.*)", line):
            assert len(reason.split()) >= 4, line


# What makes it safe


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_nothing_is_put_into_a_shell(path: Path) -> None:
    for step in steps(path):
        assert "${{" not in step.get("run", ""), step


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_other_actions_are_pinned_to_a_commit_whose_version_is_named(path: Path) -> None:
    named = re.findall(r"^.*\buses: (\S+)(.*)$", path.read_text(), re.M)
    assert len(named) == sum("uses" in step for step in steps(path))
    for uses, comment in named:
        if not uses.startswith(OURS):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", uses), uses
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), comment


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_cancels_a_run_or_waits_for_ever(path: Path) -> None:
    data = load(path)
    assert "group" in data["concurrency"]
    assert "cancel-in-progress" not in data["concurrency"]
    assert all(job["timeout-minutes"] <= 30 for job in data["jobs"].values())


@pytest.mark.parametrize("path", GATES, ids=lambda path: path.name)
def test_a_gate_hears_of_everything_and_leaves_nothing_out(path: Path) -> None:
    """A job that is skipped reports success, a workflow that is skipped by `paths` never reports."""
    asked, (job,) = events(path), load(path)["jobs"].values()
    (pull,) = asked.keys() & {"pull_request", "pull_request_target"}
    assert set(asked[pull]["types"]) == EVENTS
    assert "merge_group" in asked
    for settings in asked.values():
        assert not (settings or {}).keys() & {"paths", "paths-ignore", "branches", "branches-ignore"}
    assert "if" not in job
    (gate,) = [step for step in job["steps"] if step.get("uses", "").startswith(OURS)]
    assert not gate.keys() & {"if", "continue-on-error"}
    assert "continue-on-error" not in job


@pytest.mark.parametrize("path", GATES, ids=lambda path: path.name)
def test_a_gate_may_do_what_it_needs_and_no_more(path: Path) -> None:
    data = load(path)
    assert data["permissions"] == {}
    assert data["jobs"]["costgate"]["permissions"] == {
        "contents": "read", "actions": "read", "pull-requests": "write", "checks": "write",
    }  # fmt: skip


@pytest.mark.parametrize("path", GATES, ids=lambda path: path.name)
def test_a_gate_checks_nothing_out(path: Path) -> None:
    assert not [step for step in steps(path) if "run" in step or "checkout" in step.get("uses", "")]


def test_a_deploy_job_only_reads() -> None:
    assert load(ROOT / "examples" / "workflows" / "deploy.yml")["permissions"] == {"contents": "read"}


# What the action offers


def test_inputs_and_outputs() -> None:
    action = load(ACTION)
    assert set(action["inputs"]) == INPUTS
    assert set(action["outputs"]) == OUTPUTS
    assert all(entry["description"].endswith(".") for part in ("inputs", "outputs") for entry in action[part].values())
    assert all("default" in entry for entry in action["inputs"].values())


def test_every_input_reaches_the_command_by_its_name() -> None:
    (step,) = steps(ACTION)
    assert step["env"] == {
        f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in load(ACTION)["inputs"]
    }


@pytest.mark.parametrize("name", sorted(INPUTS | OUTPUTS))
def test_every_input_and_output_is_documented(name: str) -> None:
    assert f"| `{name}` |" in (ROOT / "docs" / "github-action.md").read_text()
