"""Where flows may be run, and commands that run them with real Metaflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from costgate.cli.running import Running
from costgate.flow.answer import Failure, Request
from tests import scenario
from tests.run import Runner
from tests.support import Repo, snapshot

ACTIONS = {"GITHUB_ACTIONS": "true"}
FORK = "the pull request comes from a fork, whose code is not run"
UNREADABLE = "the event of this workflow run cannot be read, so nobody knows whose code this is"


def pull(head: Any, base: Any = 1) -> dict[str, Any]:
    return {"pull_request": {"head": {"repo": {"id": head}}, "base": {"repo": {"id": base}}}}


EVENTS: dict[str, tuple[bytes | None, str]] = {
    "a fork": (json.dumps(pull(2)).encode(), FORK),
    "broken": (b"{", UNREADABLE),
    "deep": (b"[" * 100_000, UNREADABLE),
    "no text": (b"\xff", UNREADABLE),
    "absent": (None, UNREADABLE),
}


@pytest.mark.parametrize(("event", "expected"), EVENTS.values(), ids=EVENTS)
def test_the_event_is_read_from_its_file(tmp_path: Path, event: bytes | None, expected: str) -> None:
    path = tmp_path / "event.json"
    if event is not None:
        path.write_bytes(event)
    environ = {**ACTIONS, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(path)}
    found = Running(environ, lambda: pytest.fail("not looked at")).ask(snapshot({}), Request(file="f.py", flow="F"))
    assert found == Failure(reason=expected, everywhere=True)


MUTATOR = """
    class Double(FlowMutator):
        def mutate(self, flow):
            for name, step in flow.steps:
                if name == "train":
                    step.add_decorator("kubernetes", deco_kwargs={"gpu": int(open("gpus.txt").read())})


    @Double
    class TrainFlow"""
TRAIN = (
    scenario.TRAIN.replace("\n    class TrainFlow", MUTATOR)
    .replace("import Config", "import Config, FlowMutator")
    .replace("        @kubernetes(gpu=config.train.gpu)\n", "")
)


def files(resolver: str, gpus: int = 4) -> dict[str, str]:
    costgate = scenario.CONFIG.replace("target: local", f"target: local\n    resolver: {resolver}")
    return {**scenario.files(costgate=costgate), "flows/train.py": TRAIN, "gpus.txt": str(gpus)}


@pytest.fixture
def mutated(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repo:
    """main and a branch that doubles what no source shows; both ask for Metaflow."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    repo.commit(files("auto"))
    repo.git("checkout", "-q", "-b", "change")
    repo.commit({"gpus.txt": "8"})
    return repo


ARGS = ("--base", "main", "--head", "change", "--as-of", scenario.AS_OF, "--output", "json")


def report(repo: Repo, runner: Runner, *args: str, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    result = runner("diff", *(args or ARGS), cwd=repo.path, environ=environ)
    assert result.code == 0, result.err
    assert [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("costgate-")] == []
    found: dict[str, Any] = json.loads(result.out)
    return found


@pytest.mark.peer
def test_a_pull_request_of_the_same_repository_is_run(mutated: Repo, runner: Runner, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(pull(1)))
    environ = {**ACTIONS, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    found = report(mutated, runner, environ=environ)
    assert found["resolver"] == "auto"
    assert round(float(found["totals"]["delta_monthly"]), 3) == float(scenario.DELTA)
    assert found["totals"]["unpriced_count"] == 0


def test_a_forks_pull_request_is_not_run(mutated: Repo, runner: Runner, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(pull(2)))
    environ = {**ACTIONS, "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    found = report(mutated, runner, environ=environ)
    assert found["resolver"] == "static"
    assert f"resolver auto is not used, the source alone tells: {FORK}" in found["notes"]


@pytest.mark.peer
def test_at_a_prompt_what_is_checked_out_is_run(mutated: Repo, runner: Runner) -> None:
    assert report(mutated, runner)["resolver"] == "auto"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\n", "the costgate.yml that is checked out does not ask for it"),
        ("version: 2\n", "the costgate.yml that is checked out is broken"),
    ],
)
def test_at_a_prompt_what_is_checked_out_has_to_want_it(mutated: Repo, runner: Runner, text: str, reason: str) -> None:
    mutated.write({"costgate.yml": text})
    found = report(mutated, runner)
    assert found["resolver"] == "static"
    assert f"resolver auto is not used, the source alone tells: {reason}" in found["notes"]


@pytest.mark.peer
def test_explain_breakdown_and_resolve_run_it_too(mutated: Repo, runner: Runner) -> None:
    note = "resolved by running the flow with Metaflow"
    assert note in runner("explain", "TrainFlow/train", cwd=mutated.path).out
    assert "resolved by running code" in runner("breakdown", cwd=mutated.path).out
    result = runner("resolve", "flows/train.py", "--output", "json", cwd=mutated.path)
    assert json.loads(result.out)["steps"]["train"]["gpu"] == 8
    assert "costgate: resolved by running code, with Metaflow" in result.err
    result = runner("resolve", "flows/train.py", "--rev", "main", "--output", "json", cwd=mutated.path)
    assert json.loads(result.out)["steps"]["train"]["gpu"] == 4


def test_resolve_of_a_revision_needs_what_is_checked_out(mutated: Repo, runner: Runner) -> None:
    mutated.write({"costgate.yml": "version: 1\n"})
    result = runner("resolve", "flows/train.py", "--rev", "main", "--output", "json", cwd=mutated.path)
    assert json.loads(result.out)["steps"]["train"]["gpu"] is None
    assert "the costgate.yml that is checked out does not ask for it" in result.err


def test_a_static_diff_imports_nothing_that_runs_flows(repo: Repo) -> None:
    repo.commit(scenario.files())
    code = (
        "import sys; from costgate.__main__ import main\n"
        "main(['diff', '--base', 'HEAD', '--head', 'HEAD'])\n"
        "sys.exit('costgate.oracle' in sys.modules or 'metaflow' in sys.modules or 'ctypes' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repo.path, check=True, capture_output=True)
