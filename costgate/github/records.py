"""What costgate reads of GitHub's records, typed. Times are the server's; a field that is missing is an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person, a bot or an organisation. The login may be renamed, the id stays."""

    id: int
    login: str
    type: str  # User, Bot, Organization, Mannequin


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A GitHub App, such as `github-actions`."""

    id: int
    slug: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository that is asked about."""

    id: int
    full_name: str  # owner/name, as GitHub spells it now
    owner: Account
    default_branch: str
    private: bool
    html_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """One end of a pull request."""

    sha: str
    ref: str  # the branch, without refs/heads/
    repository: str | None  # owner/name; None for a fork that was deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request now."""

    number: int
    state: str  # open, closed
    merged_at: datetime | None
    merge_commit_sha: str | None  # of the test merge until it is merged
    title: str
    author: Account
    head: Tip
    base: Tip
    labels: tuple[str, ...]
    html_url: str
    created_at: datetime
    updated_at: datetime

    @property
    def merged(self) -> bool:
        """Whether it was merged."""
        return self.merged_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEvent:
    """What happened to a pull request: labeled, unlabeled, base_ref_changed, head_ref_force_pushed, renamed, …"""

    id: int
    event: str
    actor: Account | None  # None for an account that was deleted
    via_app: App | None  # the app that did it in the actor's name
    created_at: datetime
    label: str | None  # of labeled and unlabeled


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review of a pull request."""

    id: int
    author: Account | None
    state: str  # APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
    commit_id: str | None  # the head that was reviewed
    submitted_at: datetime | None  # None while PENDING
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOfPull:
    """A commit of a pull request. Accounts are GitHub's guess from e-mail addresses; None where it has none."""

    sha: str
    author: Account | None
    committer: Account | None
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A movement of a branch, by the server's clock."""

    id: int
    ref: str  # refs/heads/…
    before: str  # zeros where there was none
    after: str
    timestamp: datetime
    activity_type: str  # push, force_push, branch_creation, branch_deletion, pr_merge, merge_queue_merge
    actor: Account | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSuite:
    """What an app checks of one commit; made when the commit arrives."""

    id: int
    head_sha: str
    created_at: datetime | None
    app: App | None
    status: str | None
    conclusion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """One check of one commit."""

    id: int
    name: str
    head_sha: str
    status: str  # queued, in_progress, completed, …
    conclusion: str | None
    started_at: datetime | None
    completed_at: datetime | None
    app: App | None
    external_id: str | None
    html_url: str | None
    details_url: str | None
    title: str | None
    summary: str | None
    annotations_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """One run of a workflow; a re-run is another attempt of it."""

    id: int
    run_attempt: int
    workflow_id: int
    name: str | None
    title: str  # what the workflow's `run-name` made of the event
    path: str  # .github/workflows/….yml, for a required workflow with @ref
    event: str
    head_sha: str
    head_branch: str | None
    head_repository: str | None  # owner/name; None for a fork that was deleted
    status: str | None
    conclusion: str | None
    created_at: datetime  # of the first attempt
    run_started_at: datetime  # of this attempt
    updated_at: datetime
    actor: Account | None
    triggering_actor: Account | None  # of this attempt
    pull_requests: tuple[int, ...]  # numbers; empty for forks
    referenced_workflows: tuple[str, ...]  # paths of reusable workflows that it called
    html_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of one attempt of a workflow run."""

    id: int
    run_id: int
    run_attempt: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    started_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment on a pull request."""

    id: int
    author: Account | None
    via_app: App | None
    body: str
    created_at: datetime
    updated_at: datetime
    html_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """That an account belongs to a team; `pending` is an invitation that was not accepted."""

    state: str  # active, pending
    role: str  # member, maintainer


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamUnreadable:
    """Whether an account belongs to a team cannot be known with this token."""

    team: str  # org/slug
    why: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What an account may do in the repository."""

    permission: str  # admin, write, read, none
    role_name: str  # or a finer or custom role


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """How two commits lie to each other."""

    merge_base: str
    status: str  # diverged, ahead, behind, identical
    ahead_by: int
    behind_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredCheck:
    """A check that has to pass before merging; `app_id` where only one app's counts."""

    name: str
    app_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRule:
    """A rule of a ruleset that is in force on a branch."""

    type: str  # required_status_checks, workflows, pull_request, …
    required_checks: tuple[RequiredCheck, ...]  # of required_status_checks
