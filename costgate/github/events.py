"""The event that started a workflow run: what is to be judged, told from GITHUB_EVENT_NAME and its payload."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from costgate.errors import InputError
from costgate.github.fields import Field

LARGEST = 25 * 10**6  # bytes; GitHub caps a payload at 25 MB
OF_PULL_REQUESTS = ("pull_request", "pull_request_target", "pull_request_review")
HELP = "run the gate on pull_request, pull_request_target or merge_group; a deploy job runs `costgate check`"
QUEUE_REF = re.compile(r"refs/heads/gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[0-9]{1,10})-[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a merge queue is about to merge."""

    base_sha: str
    head_sha: str
    base_ref: str  # the branch, without refs/heads/
    number: int | None  # of the pull request that its branch is named after


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A pull request or a merge group that something happened to. Its state now is GitHub's to say, not the event's."""

    name: str
    action: str
    repository: str  # owner/name
    number: int | None = None  # of the pull request
    is_fork: bool = False  # its head is in another repository, or in one that is gone
    group: Group | None = None


def parse(name: str, payload: bytes) -> Event:
    """The event. Raises InputError for one that has nothing to judge, WorldError for a payload that is not GitHub's."""
    if len(payload) > LARGEST:
        raise InputError(f"the payload of the event is {len(payload):,} bytes", help="GitHub's have 25 MB at most")
    try:
        field = Field(value=json.loads(payload), where=f"the payload of the event {name}")
    except (ValueError, RecursionError):
        raise InputError("the payload of the event is not JSON", help="GITHUB_EVENT_PATH names its file") from None
    if name in OF_PULL_REQUESTS:
        return _pull_request(name, field)
    if name == "merge_group":
        return _merge_group(name, field)
    raise InputError(f"the event {name[:100]!r} has no change to judge", help=HELP)


def _pull_request(name: str, field: Field) -> Event:
    pull = field["pull_request"]
    repository = field["repository"]["full_name"].text()
    head = pull["head"]["repo"].maybe(lambda repo: repo["full_name"].text())
    return Event(
        name=name,
        action=field["action"].text(),
        repository=repository,
        number=pull["number"].number(),
        is_fork=head is None or head.casefold() != repository.casefold(),
    )


def _merge_group(name: str, field: Field) -> Event:
    group = field["merge_group"]
    queue = QUEUE_REF.fullmatch(group["head_ref"].text())
    return Event(
        name=name,
        action=field["action"].text(),
        repository=field["repository"]["full_name"].text(),
        group=Group(
            base_sha=group["base_sha"].sha(),
            head_sha=group["head_sha"].sha(),
            base_ref=group["base_ref"].text().removeprefix("refs/heads/"),
            number=int(queue["number"]) if queue else None,
        ),
    )
