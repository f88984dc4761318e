"""From the event to the verdict, and from there to GitHub."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from costgate import git
from costgate.action import files
from costgate.action.group import judge_group
from costgate.action.inputs import Inputs, Runner, inputs, runner
from costgate.action.judged import Bench, judge_pull
from costgate.action.publish import publish
from costgate.errors import InputError, WorldError
from costgate.gate.judging import CONFIG
from costgate.git import Repository
from costgate.github.client import GitHub
from costgate.github.events import LARGEST, parse
from costgate.github.gather import IsGate
from costgate.github.records import WorkflowRun
from costgate.http import Http
from costgate.policy.decide import STOPS

TRUSTED = "pull_request_target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the job prints, and how it ends."""

    text: str
    exit_code: int


def run(environ: Mapping[str, str]) -> Result:
    """Judge the event that the runner was started by. Raises InputError and WorldError; then the job fails as well."""
    said, where = inputs(environ), runner(environ)
    event = parse(where.event_name, _payload(where.event_path))
    github = _github(said, where)
    if event.number is None:
        assert event.group is not None  # an event has one of the two
        report = judge_group(_bench(github, said, where), event.group)
        text = publish(github, where, said, report, pull=None, event=event)
        return Result(text=text, exit_code=_exit_code(report.decision.outcome, said))
    pull = github.pull(event.number)
    report = judge_pull(_bench(github, said, where), pull)
    text = publish(github, where, said, report, pull=pull, event=event)
    # One that is closed may be opened again, with the result of this job on its head.
    return Result(text=text, exit_code=0 if pull.merged else _exit_code(report.decision.outcome, said))


def _exit_code(outcome: str, said: Inputs) -> int:
    return int(outcome in STOPS[said.fail_on])


def _payload(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        way_out = "GitHub Actions sets GITHUB_EVENT_PATH"
        raise InputError(f"the event cannot be read: {error.strerror}", where=str(path), help=way_out) from None


def _github(said: Inputs, where: Runner) -> GitHub:
    org = Http(where.api_url, said.org_token) if said.org_token else None
    return GitHub(Http(where.api_url, said.token), where.repository, org_http=org)


def _bench(github: GitHub, said: Inputs, where: Runner) -> Bench:
    repo, source = _repository(where)

    def fetch(commits: tuple[str, ...]) -> None:
        git.fetch(repo, commits, source=source, token=said.token, server=where.server_url)

    return Bench(
        github=github,
        repo=repo,
        fetch=fetch,
        config=said.config or CONFIG,
        overriding=files.overriding(said, where),
        is_gate=_is_gate(github, where.run_id),
        as_of=github.server_time(),
    )


def _is_gate(github: GitHub, run_id: int) -> IsGate:
    """Whether a run is of the workflow that this one belongs to; which that is, is asked when it is needed.

    This run is one of them: an attempt of it that had finished counts, the one that asks has not. For
    `pull_request_target` GitHub runs the default branch's file. Another branch may have its own version of that file,
    for other events: what such a run said is whatever somebody pushed.
    """
    own = functools.cache(lambda: github.workflow_run(run_id))

    def is_gate(run: WorkflowRun) -> bool:
        return run.workflow_id == own().workflow_id and (own().event != TRUSTED or run.event == TRUSTED)

    return is_gate


def _repository(where: Runner) -> tuple[Repository, str]:
    """The clone in the workspace and "" for its origin; without one, an empty repository and the URL to fetch from."""
    url = f"{where.server_url}/{where.repository}.git"
    try:
        repo = git.open_repository(where.workspace)
    except (InputError, WorldError):  # no clone, or one of another user's
        repo = None
    # A bare one would be files of a tree that was put there without its own .git: whose settings are those?
    if repo is None or repo.bare or repo.root != Path(os.path.realpath(where.workspace)):
        return git.temporary_repository(where.temporary), url
    return repo, "" if git.remote_url(repo, "origin") else url
