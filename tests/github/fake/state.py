"""What the fake GitHub remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone


@dataclass(slots=True)
class Clock:
    """The server's clock. Every change of the world takes a second, so that all have an order."""

    now: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=timezone.utc)

    def advance(self, **duration: float) -> None:
        """`advance(minutes=5)`."""
        self.now += timedelta(**duration)

    def stamp(self) -> datetime:
        """The time of a change."""
        self.advance(seconds=1)
        return self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: int
    login: str
    type: str = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppIdentity:
    id: int
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Who a token speaks for and what it may do: `{"pull_requests": "write"}`; None for all."""

    user: User
    app: AppIdentity | None
    permissions: Mapping[str, str] | None
    teams: frozenset[str] | None  # org/slug of the secret teams that it sees; None for all

    def may(self, permission: str, level: str) -> bool:
        if self.permissions is None:
            return True
        levels = ("read", "write", "admin")
        granted = self.permissions.get(permission)
        return granted in levels and levels.index(granted) >= levels.index(level)


@dataclass(slots=True, kw_only=True)
class Team:
    name: str  # org/slug
    members: dict[str, str]  # login → active | pending
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    sha: str
    parents: tuple[str, ...]
    author: User | None
    committer: User | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEntry:
    id: int
    ref: str
    before: str
    after: str
    at: datetime
    kind: str
    actor: User | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: int
    event: str
    actor: User | None
    at: datetime
    via_app: AppIdentity | None = None
    label: str | None = None
    rename: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEntry:
    id: int
    user: User | None
    state: str
    body: str
    commit_id: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class CommentEntry:
    id: int
    number: int
    user: User
    via_app: AppIdentity | None
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class Check:
    id: int
    head_sha: str
    app: AppIdentity
    suite: int
    values: dict[str, object]  # as the API takes them
    started_at: datetime
    completed_at: datetime | None
    annotations: list[Mapping[str, object]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Suite:
    id: int
    head_sha: str
    app: AppIdentity
    created_at: datetime
    status: str = "queued"
    conclusion: str | None = None


@dataclass(slots=True, kw_only=True)
class RunJob:
    id: int
    name: str
    attempt: int
    conclusion: str | None
    started_at: datetime
    completed_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Run:
    id: int
    path: str
    name: str
    title: str
    event: str
    head_sha: str
    head_branch: str
    head_repository: str
    actor: User
    triggering_actor: User
    attempt: int
    suite: int
    conclusion: str | None
    created_at: datetime
    started_at: datetime
    updated_at: datetime
    pulls: tuple[int, ...]
    jobs: list[RunJob] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Pull:
    number: int
    title: str
    author: User
    head_repository: str
    head_ref: str
    head_label: str
    base_ref: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    frozen: tuple[str, str] | None = None  # head and base once it is closed
    labels: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    reviews: list[ReviewEntry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Repo:
    id: int
    full_name: str
    owner: User
    private: bool
    default_branch: str
    fork_of: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    activity: list[ActivityEntry] = field(default_factory=list)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, CommentEntry] = field(default_factory=dict)
    suites: list[Suite] = field(default_factory=list)
    checks: dict[int, Check] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    required: dict[str, list[tuple[str, int | None]]] = field(default_factory=dict)
    roles: dict[str, tuple[str, str]] = field(default_factory=dict)  # login → permission, role name
