"""`resolver: auto | metaflow`: where Metaflow is asked, and what the report says of it.

Who asks is handed in as a function; nothing here starts a process. An answer comes from running code that may read any
file of its revision, so it is never taken from one revision for another: the function itself knows equal trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from costgate.config import DeploymentSpec
from costgate.flow.answer import Answer, Ask, Failure, Request
from costgate.flow.asked import joined, left_open, request, unanswered
from costgate.flow.resolve import Settings
from costgate.model import Deployment, Flow, Snapshot

MOST_NOTES = 20  # of one kind
# What only somebody with write access can start, for code that somebody with write access has put there. Others carry
# code of strangers (pull_request_target, workflow_run, issue_comment), or do not tell whose it is: the event of a merge
# group names no pull request, and a fork's may be among them.
TRUSTED = frozenset(("push", "release", "schedule", "workflow_dispatch"))
PULL_REQUEST = frozenset(("pull_request", "pull_request_review", "pull_request_review_comment"))


def nobody(snapshot: Snapshot, request: Request) -> Failure:
    """The function of a gate that was handed none."""
    return Failure(reason="nothing here runs flows", everywhere=True)


def refusing(reason: str) -> Ask:
    """A function that runs nothing, and says why."""
    return lambda snapshot, request: Failure(reason=reason, everywhere=True)


def refused(environ: Mapping[str, str], event: object) -> str | None:
    """Why no code may be run here, or None where it may: only where its author could have run it anyway.

    `event` is what GITHUB_EVENT_PATH holds, parsed; None where that is absent or broken. Outside of GitHub Actions
    nothing is refused here.
    """
    if not environ.get("GITHUB_ACTIONS"):
        return None
    name = environ.get("GITHUB_EVENT_NAME", "")
    if not isinstance(event, dict):
        return "the event of this workflow run cannot be read, so nobody knows whose code this is"
    if name not in TRUSTED | PULL_REQUEST:
        return f"under the event {name or 'without a name'} no code is run: it may be a stranger's"
    if name in TRUSTED and "pull_request" not in event:
        return None
    head, base = (_repository(event, side) for side in ("head", "base"))
    return None if head is not None and head == base else "the pull request comes from a fork, whose code is not run"


def _repository(event: Mapping[str, Any], side: str) -> int | None:
    """GitHub's number of the repository of a side of the pull request."""
    found: Any = event
    for key in ("pull_request", side, "repo", "id"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int) else None


class Runner:
    """Asks Metaflow as costgate.yml of the judge wants it, and remembers what came of it."""

    def __init__(self, mode: str, ask: Ask) -> None:
        self._mode, self._ask = mode, ask
        self._ran: set[tuple[object, ...]] = set()
        self._versions: set[str] = set()
        self._differences: dict[str, None] = {}
        self._failures: dict[str, None] = {}
        self._hopeless: Failure | None = None

    @property
    def resolver(self) -> str:
        """What was used, for the report."""
        return "static" if self._hopeless and not self._ran else self._mode

    def flow(self, snapshot: Snapshot, flow: Flow, spec: DeploymentSpec, settings: Settings) -> Flow:
        """The flow with what Metaflow says of it, where it is asked and answers."""
        if self._mode == "static" or not (self._mode == "metaflow" or left_open(flow)):
            return flow
        found = self._ask(snapshot, request(flow, spec, settings))
        if isinstance(found, Failure):
            return self._without(flow, found)
        return self._with(flow, found, settings)

    def _without(self, flow: Flow, failure: Failure) -> Flow:
        if failure.everywhere:
            self._hopeless = failure
        elif self._mode == "metaflow":
            self._failures[f"{flow.name}: its source tells what there is; {failure.text}"] = None
        return unanswered(flow, failure)

    def _with(self, flow: Flow, answer: Answer, settings: Settings) -> Flow:
        found = joined(flow, answer, settings)
        self._ran.add(_identity(found.flow))
        self._versions.add(answer.metaflow)
        self._differences |= dict.fromkeys(found.differences)
        return found.flow

    def notes(self, deployments: Iterable[Deployment]) -> tuple[str, ...]:
        """For the report: which deployments were resolved by running code, where that differed, why it failed."""
        notes = []
        if self._hopeless:
            way_out = f" ({self._hopeless.help})" if self._hopeless.help else ""
            notes.append(f"resolver {self._mode} is not used, the source alone tells: {self._hopeless.reason}{way_out}")
        names = dict.fromkeys(d.name for d in deployments if _identity(d.flow) in self._ran)
        if names:
            versions = ", ".join(sorted(self._versions))
            notes.append(f"resolved by running code, with Metaflow {versions}: {', '.join(_few(names))}")
        return (*notes, *_few(self._differences), *_few(self._failures))


def _identity(flow: Flow) -> tuple[object, ...]:
    return flow.name, flow.file, flow.configs


def _few(texts: Iterable[str]) -> list[str]:
    """The first ones, and how many more there are."""
    found = list(texts)
    more = [f"and {len(found) - MOST_NOTES} more"] if len(found) > MOST_NOTES else []
    return found[:MOST_NOTES] + more
