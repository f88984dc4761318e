"""A pull request as the Action meets it: a real repository, a GitHub that knows its commits, a runner, an event."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from costgate.action.run import Result, run
from tests import scenario
from tests.github.fake import Fake, World
from tests.support import Repo

TOKEN = "ghs_a-workflow's-token"
NAME = "acme/flows"
WORKFLOW = ".github/workflows/costgate.yml"
NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
FINANCE = "finance-approved"


@dataclass
class Scene:
    """`dev` works on branches, `fiona` of finance approves; main has adopted costgate with a limit of $1,000."""

    folder: Path
    fake: Fake
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin = Repo(self.folder / "origin")
        self.origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.world.clock.now = NOW
        self.world.token(TOKEN)
        self.world.user("dev")
        self.world.user("fiona")
        self.push("main", scenario.files(gpu=2, limit=1000), by="admin")
        self.runs = 0

    @property
    def world(self) -> World:
        return self.fake.world

    def push(self, branch: str, files: Mapping[str, str | None], *, by: str = "dev", **more: Any) -> str:
        """Commit to a branch, made off main if need be, and let GitHub know; the commit."""
        if branch != "main":
            known = self.origin.git("branch", "--list", branch).strip()
            self.origin.git("checkout", "-q", *(() if known else ("-b",)), branch, *(() if known else ("main",)))
        self.origin.commit(files)
        sha = self.origin.git("rev-parse", "HEAD").strip()
        parents = self.origin.git("rev-list", "--parents", "-n1", sha).split()[1:]
        self.origin.git("checkout", "-q", "main")
        self.world.push(by, branch, sha=sha, parents=parents, **more)
        return sha

    def open(self, files: Mapping[str, str | None] | None = None, *, branch: str = "change", by: str = "dev") -> int:
        """A pull request to main; by default it doubles the GPUs, which costs $1,386 a month more."""
        self.push(branch, files if files is not None else {"configs/prod.json": scenario.config(4)}, by=by)
        return self.world.open(by, branch)

    def seen(self, number: int, **more: Any) -> None:
        """An earlier run of the gate on the pull request's head, which has ended."""
        self.world.run("dev", number=number, conclusion="failure", **more)

    def approve(self, number: int, *, by: str = "fiona", label: str = FINANCE) -> None:
        """Somebody sets the label, some time after the last run."""
        self.wait(60)
        self.world.label(by, number, label)

    def wait(self, seconds: float) -> None:
        """Let time pass on GitHub."""
        self.world.clock.now += timedelta(seconds=seconds)

    def act(self, number: int, *, event: str = "pull_request", action: str = "synchronize", **inputs: str) -> Result:
        """Run the Action for something that happened to a pull request, in a fresh shallow clone of its base."""
        return self.run(event, self.payload(number, action), **inputs)

    def payload(self, number: int, action: str, **more: Any) -> dict[str, Any]:
        """As much of GitHub's payload as the Action reads."""
        pull = self.world.main.pulls[number]
        head = {
            "repo": {"full_name": pull.head_repository} if pull.head_repository in self.world.repositories else None
        }
        return {
            "action": action,
            "repository": {"full_name": NAME},
            "pull_request": {"number": number, "head": head},
            **more,
        }

    def run(self, event: str, payload: Mapping[str, Any], **inputs: str) -> Result:
        """Run the Action; the run belongs to the gate's workflow."""
        self.runs += 1
        job = self.folder / f"job{self.runs}"
        (job / "temp").mkdir(parents=True)
        (job / "event.json").write_text(json.dumps(payload))
        clone = ["git", "clone", "-q", "--depth=1", f"file://{self.origin.path}", str(job / "workspace")]
        subprocess.run(clone, check=True, capture_output=True)
        run_id = self.world.run("dev", head_sha=self.world.main.branches["main"], event=event, conclusion=None)
        self.job = job
        return run(
            {
                "GITHUB_EVENT_NAME": event,
                "GITHUB_EVENT_PATH": str(job / "event.json"),
                "GITHUB_REPOSITORY": NAME,
                "GITHUB_RUN_ID": str(run_id),
                "GITHUB_RUN_ATTEMPT": "1",
                "GITHUB_WORKSPACE": str(job / "workspace"),
                "RUNNER_TEMP": str(job / "temp"),
                "GITHUB_API_URL": self.fake.url,
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_STEP_SUMMARY": str(job / "summary.md"),
                "GITHUB_OUTPUT": str(job / "output"),
                "GITHUB_ACTIONS": "true",
                "INPUT_GITHUB_TOKEN": TOKEN,
                **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
                **self.environ,
            }
        )

    def report(self) -> dict[str, Any]:
        """Report v1 of the last run."""
        (path,) = (self.job / "temp").rglob("costgate-report.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    @property
    def comments(self) -> list[str]:
        """The bodies of all comments."""
        return [entry.body for entry in self.world.main.comments.values()]
