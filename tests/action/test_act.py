"""The Action from end to end: act runs the example workflows on payloads of GitHub's, against the fake GitHub.

`act` (nektos/act, from PyPI) is a runner that others wrote: it reads the workflow and action.yml, and starts the shell.
The commits come from git's own server, because the workflows check nothing out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import scenario
from tests.action import bare
from tests.action.scene import NAME, TOKEN, Scene
from tests.git.test_fetch import Server
from tests.github.fake import WORKFLOW
from tests.support import Repo

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

ACT = Path(sys.executable).with_name("act")
EXAMPLES = bare.ROOT / "examples" / "workflows"
PAYLOADS = json.loads((bare.ROOT / "tests" / "data" / "github" / "webhooks.json").read_text())
READ = dict.fromkeys(WORKFLOW, "read")
UPLOADED = """
name: stands in for actions/upload-artifact, which is no part of the Action
inputs: {name: {}, path: {}, retention-days: {}}
runs:
  using: composite
  steps: [{shell: bash, run: 'cp "$REPORT" "$HOME/uploaded.json"', env: {REPORT: "${{ inputs.path }}"}}]
"""


@dataclass(frozen=True)
class Ran:
    """What a workflow run left behind."""

    exit_code: int
    lines: list[dict[str, Any]]

    @property
    def log(self) -> str:
        return "\n".join(line.get("msg", "") for line in self.lines)

    @property
    def outputs(self) -> dict[str, str]:
        """Of the step that uses the Action: what action.yml lets through."""
        own = [line for line in self.lines if line.get("stepID") == ["costgate"]]
        return {line["name"]: line["arg"] for line in own if line.get("command") == "set-output"}

    @property
    def summary(self) -> str:
        return "".join(line["content"] for line in self.lines[-8:] if line.get("command") == "summary")


@dataclass
class Runner:
    """Runs a workflow for something that happened in a scene."""

    scene: Scene
    folder: Path
    server: Server
    action: Path

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.stub = self.folder / "upload"
        self.stub.mkdir()
        (self.stub / "action.yml").write_text(UPLOADED)
        project = Repo(self.folder / "project")  # act reads the repository's name from its remote
        project.git("remote", "add", "origin", f"https://github.com/{NAME}")
        project.commit({})
        self.project = project.path

    def on(self, number: int, action: str, *, event: str = "pull_request", token: str = TOKEN, **more: str) -> Ran:
        """A run for a pull request that ends half a minute later by GitHub's clock."""
        run = self.scene.world.run("dev", number=number, event=event, conclusion=None)
        ran = self._act(event, self._payload(number, action), run, token, **more)
        self.scene.wait(30)
        self.scene.world.finish(run, "failure" if ran.exit_code else "success")
        return ran

    def queue(self, base: str, head: str, number: int) -> Ran:
        """A run for a merge group."""
        payload = _patched("checks_requested")
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}"
        payload["merge_group"] |= {"base_sha": base, "head_sha": head, "head_ref": ref}
        run = self.scene.world.run("dev", head_sha=head, event="merge_group", conclusion=None)
        return self._act("merge_group", payload, run, TOKEN)

    def _payload(self, number: int, action: str) -> dict[str, Any]:
        """GitHub's example with this pull request in it."""
        world, payload = self.scene.world, _patched(action)
        pull = world.main.pulls[number]
        own = payload["pull_request"]
        own["head"] |= {"sha": world.head(number), "ref": pull.head_ref}
        own["head"]["repo"] |= {"full_name": pull.head_repository, "fork": pull.head_repository != NAME}
        own["base"] |= {"sha": world.base(number), "ref": pull.base_ref}
        own |= {"number": number, "merged": pull.merged_at is not None}
        return {**payload, "number": number}

    def _act(self, event: str, payload: dict[str, Any], run: int, token: str, workflow: str = "costgate.yml") -> Ran:
        place = self.folder / "event.json"
        place.write_text(json.dumps(payload))
        variables = {
            "GITHUB_API_URL": self.scene.fake.url, "GITHUB_SERVER_URL": self.server.url, "GITHUB_RUN_ID": str(run),
            **bare.offline(),
        }  # fmt: skip
        locals_ = {_uses(workflow, "costgate@"): self.action, _uses(workflow, "upload-artifact@"): self.stub}
        options = [
            "--json", "--no-cache-server", "-P", "ubuntu-latest=-self-hosted", "-C", str(self.project),
            "-W", str(EXAMPLES / workflow), "-e", str(place), "-s", f"GITHUB_TOKEN={token}",
            *(f"--env={name}={value}" for name, value in variables.items()),
            *(f"--local-repository={uses}={folder}" for uses, folder in locals_.items()),
        ]  # fmt: skip
        done = subprocess.run(
            [str(ACT), event, *options], env=bare.environment(self.home), capture_output=True, text=True, timeout=100
        )
        return Ran(done.returncode, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")])


def _patched(action: str) -> dict[str, Any]:
    """An example as if it had happened in the scene's repository."""
    text = json.dumps(PAYLOADS[action])
    for theirs in ("Codertocat/Hello-World", "octo-org/octo-repo"):
        text = text.replace(theirs, NAME)
    payload: dict[str, Any] = json.loads(text)
    return payload


def _uses(workflow: str, word: str) -> str:
    """What the workflow names after `uses:`."""
    steps = yaml.safe_load((EXAMPLES / workflow).read_text())["jobs"]["costgate"]["steps"]
    (found,) = (step["uses"] for step in steps if word in step["uses"])
    return str(found)


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare.checkout(tmp_path_factory.mktemp("action") / "costgate")


@pytest.fixture
def runner(scene: Scene, tmp_path: Path, action: Path) -> Iterator[Runner]:
    (tmp_path / "served" / "acme").mkdir(parents=True)
    os.symlink(scene.origin.path, tmp_path / "served" / "acme" / "flows.git")
    with Server(tmp_path / "served") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Runner(scene, tmp_path, server, action)
        server.shutdown()


def gpus(count: int) -> dict[str, str | None]:
    return {"configs/prod.json": scenario.config(count)}


def test_it_fails_until_finance_approves(runner: Runner) -> None:
    number = runner.scene.open()
    opened = runner.on(number, "opened")
    assert opened.exit_code == 1
    assert opened.outputs.items() >= {"verdict": "approval-required", "approved-by": "", "delta-low": "0"}.items()
    assert opened.outputs["delta-monthly"].startswith("1386.05")
    assert "🔴 costgate: +$1,386/month, needs approval by finance" in opened.log
    assert opened.summary.startswith("### 🔴 costgate: +$1,386/month, needs approval by finance")
    (comment,) = runner.scene.comments
    assert "### 🔴 costgate: +$1,386/month, needs approval by finance" in comment
    assert f'href="{runner.server.url}/{NAME}/blob/' in comment

    runner.scene.approve(number)
    labeled = runner.on(number, "labeled")
    assert labeled.exit_code == 0, labeled.log
    assert labeled.outputs.items() >= {"verdict": "approved", "approved-by": "fiona"}.items()
    assert labeled.outputs["comment-url"].endswith("#issuecomment-" + opened.outputs["comment-url"].split("-")[-1])
    (comment,) = runner.scene.comments
    assert "### ✅ costgate: +$1,386/month, approved by fiona" in comment
    checks = [check.values["conclusion"] for check in runner.scene.world.main.checks.values()]
    assert checks == ["success"]
    assert {login for _, login in runner.server.seen} != {None}  # the token was shown to git's server, and to no other
    assert TOKEN not in labeled.log


def test_an_approved_amount_outlives_a_push_that_costs_no_more(runner: Runner) -> None:
    number = runner.scene.open()
    runner.on(number, "opened")
    runner.scene.approve(number)
    runner.scene.push("change", {"README.md": "the same cost\n"})
    assert runner.on(number, "synchronize").outputs["verdict"] == "approved"
    runner.scene.push("change", gpus(8))
    dearer = runner.on(number, "synchronize")
    assert (dearer.exit_code, dearer.outputs["verdict"]) == (1, "approval-required")
    assert len(runner.scene.comments) == 1


def test_an_approved_commit_does_not_outlive_a_push(runner: Runner) -> None:
    rule = scenario.policy(1000).replace("users: [fiona]", "users: [fiona], valid_for: commit")
    runner.scene.push("main", {"finance/policy.yml": rule}, by="admin")
    number = runner.scene.open()
    runner.on(number, "opened")
    runner.scene.approve(number)
    assert runner.on(number, "labeled").exit_code == 0
    runner.scene.push("change", {"README.md": "the same cost\n"})
    assert runner.on(number, "synchronize").exit_code == 1


def test_a_forks_token_reads_and_the_summary_says_it_all(runner: Runner) -> None:
    number = fork(runner.scene)
    ran = runner.on(number, "opened", token=runner.scene.world.token("ghs_read", permissions=READ))
    assert (ran.exit_code, ran.outputs["verdict"], ran.outputs["comment-url"]) == (1, "approval-required", "")
    assert runner.scene.comments == []
    assert ran.summary.startswith("### 🔴 costgate: +$1,386/month, needs approval by finance")
    assert "comes from a fork" in ran.summary
    assert [line["command"] for line in ran.lines if line.get("command") == "error"] == ["error"]  # the changed line


def test_a_fork_under_pull_request_target_is_commented_on_and_approved(runner: Runner) -> None:
    number = fork(runner.scene)
    target = {"event": "pull_request_target", "workflow": "costgate-target.yml"}
    assert runner.on(number, "opened", **target).exit_code == 1
    assert len(runner.scene.comments) == 1
    runner.scene.approve(number)
    labeled = runner.on(number, "labeled", **target)
    assert (labeled.exit_code, labeled.outputs["verdict"]) == (0, "approved"), labeled.log


def fork(scene: Scene) -> int:
    """A pull request from a stranger's fork."""
    scene.world.fork("stranger")
    scene.push("change", gpus(4), by="stranger", repository="stranger/flows")
    return scene.world.open("stranger", "change", repository="stranger/flows")


def test_a_merge_group_is_judged_with_the_approvals_of_its_pull_requests(runner: Runner) -> None:
    number = runner.scene.open()
    runner.on(number, "opened")
    base = runner.scene.world.main.branches["main"]
    runner.scene.origin.git("checkout", "-q", "-b", "queue", base)
    runner.scene.origin.git("merge", "-q", "--no-ff", "-m", "queue", runner.scene.world.head(number))
    head = runner.scene.origin.git("rev-parse", "HEAD").strip()
    runner.scene.origin.git("checkout", "-q", "main")
    parents = [base, runner.scene.world.head(number)]
    runner.scene.world.push("dev", f"gh-readonly-queue/main/pr-{number}-{base}", sha=head, parents=parents)
    waiting = runner.queue(base, head, number)
    assert (waiting.exit_code, waiting.outputs["verdict"]) == (1, "approval-required")
    runner.scene.approve(number)
    approved = runner.queue(base, head, number)
    assert (approved.exit_code, approved.outputs["verdict"]) == (0, "approved"), approved.log


def test_a_merged_pull_request_keeps_its_report(runner: Runner) -> None:
    number = runner.scene.open()
    runner.on(number, "opened")
    runner.scene.approve(number)
    runner.scene.world.merge("admin", number)
    closed = runner.on(number, "closed")
    assert closed.exit_code == 0, closed.log
    report = json.loads((runner.home / "uploaded.json").read_text())
    assert report["outcome"] == "approved"
    assert report["approvals"][0]["by"] == "fiona"
    assert report["head"] == runner.scene.world.head(number)
