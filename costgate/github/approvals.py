"""Who approved what and when, derived from GitHub's own records: a label or a review proves nothing by itself.

Pure: records in, consents out. What cannot be derived is no approval, and `why` says what is missing. Times are the
server's; dates of commits, comments and the texts of checks are never evidence. GitHub keeps the name that a label had
when it was set, so that another label which is renamed later has no such event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from costgate.github.records import (
    Account,
    Activity,
    Comment,
    CommitOfPull,
    IssueEvent,
    PullRequest,
    Review,
)
from costgate.policy.values import ApprovalRule

REASON = "/costgate reason:"
DECIDING = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")  # a COMMENTED review takes nothing back
# By a person; and by GitHub, when the branch that it went to is merged and deleted.
RETARGETED = ("base_ref_changed", "automatic_base_change_succeeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """A finished run of the gate's workflow."""

    head_sha: str
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What GitHub says about one pull request, as far as approvals depend on it."""

    pull: PullRequest
    events: tuple[IssueEvent, ...]
    reviews: tuple[Review, ...]
    commits: tuple[CommitOfPull, ...]
    comments: tuple[Comment, ...]
    # Movements of the branch that is to be merged, without its deletion; None where they cannot be read.
    pushes: tuple[Activity, ...] | None
    arrivals: Mapping[str, datetime]  # commit → when its first check suite was made; where there are no pushes
    runs: tuple[GateRun, ...]
    teams: Mapping[tuple[str, int], bool | str]  # (org/team, account) → member, or why that cannot be known


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A label or a review of somebody: it holds so far, or `why` not."""

    approval: str  # name in the policy
    via: Literal["label", "review"]
    by: str
    id: int | None
    at: datetime
    head: str  # the commit that was looked at; "" where that cannot be derived
    reason: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """What somebody did, before it is looked at."""

    via: Literal["label", "review"]
    account: Account | None
    by_app: str | None
    at: datetime
    head: str | None  # None: of a label, which names no commit
    reason: str


def consents(rules: Mapping[str, ApprovalRule], records: Records) -> tuple[Consent, ...]:
    """Every label and review that is meant as one of the policy's approvals, in the order in which they were given."""
    found = [_judged(rule, act, records) for rule in rules.values() for act in _acts(rule, records)]
    return tuple(sorted(found, key=lambda each: (each.at, each.approval, each.by)))


def _acts(rule: ApprovalRule, records: Records) -> Iterator[_Act]:
    if "label" in rule.via:
        yield from _labels(rule.label, records)
    if "review" in rule.via:
        yield from (act for act in _reviews(records) if _is_meant(rule, act, records))


def _labels(label: str, records: Records) -> Iterator[_Act]:
    """The last time that the label was set, if nobody took it off since."""
    name = label.casefold()
    if name not in {each.casefold() for each in records.pull.labels}:
        return
    about = [e for e in records.events if e.event in ("labeled", "unlabeled") and (e.label or "").casefold() == name]
    last = max(about, key=lambda event: (event.created_at, event.id), default=None)
    if last is None or last.event == "unlabeled":  # it is on the pull request, and nothing says who set it
        yield _Act(via="label", account=None, by_app=None, at=records.pull.updated_at, head=None, reason="")
        return
    app = last.via_app.slug if last.via_app else None
    reason = _reason(last.actor, records)
    yield _Act(via="label", account=last.actor, by_app=app, at=last.created_at, head=None, reason=reason)


def _reason(account: Account | None, records: Records) -> str:
    """What the same person wrote last after `/costgate reason:`; it is shown, it decides nothing."""
    own = [c for c in records.comments if account and c.author and c.author.id == account.id and c.via_app is None]
    lines = [line.strip() for comment in own for line in comment.body.splitlines()]
    given = [line.removeprefix(REASON).strip() for line in lines if line.startswith(REASON)]
    return given[-1] if given else ""


def _reviews(records: Records) -> Iterator[_Act]:
    """Each account's last word, where that is an approval."""
    last: dict[int, tuple[datetime, int, Review]] = {}
    for review in records.reviews:
        if review.author is not None and review.submitted_at is not None and review.state in DECIDING:
            word = (review.submitted_at, review.id, review)
            if word[:2] >= last.get(review.author.id, word)[:2]:
                last[review.author.id] = word
    for at, _, review in last.values():
        if review.state == "APPROVED":
            reason = review.body.strip() or _reason(review.author, records)
            head = review.commit_id or ""
            yield _Act(via="review", account=review.author, by_app=None, at=at, head=head, reason=reason)


def _is_meant(rule: ApprovalRule, act: _Act, records: Records) -> bool:
    """Whether a review is one of the approval's: colleagues review as well, and mean the code."""
    assert act.account is not None  # reviews of deleted accounts were left out
    return _not_allowed(rule, act.account, records) != _stranger(rule)


def _judged(rule: ApprovalRule, act: _Act, records: Records) -> Consent:
    head, missing = (act.head, "") if act.head is not None else _head_at(act.at, records)
    return Consent(
        approval=rule.name,
        via=act.via,
        by=act.account.login if act.account else "somebody",
        id=act.account.id if act.account else None,
        at=act.at,
        head=head,
        reason=act.reason,
        why=_whose(rule, act, records) or missing or _not_seen(head, act.at, records),
    )


def _whose(rule: ApprovalRule, act: _Act, records: Records) -> str:
    """Why the one who did it cannot give this approval."""
    if act.account is None:
        return "GitHub has no record of who did it; set the label again"
    return next(_personal_faults(rule, act.account, act.by_app, records), "")


def _personal_faults(rule: ApprovalRule, account: Account, by_app: str | None, records: Records) -> Iterator[str]:
    if account.type != "User":
        yield f"{account.login} is no person but a {account.type}"
    if by_app is not None:
        yield f"it was done by the app {by_app}"
    if fault := _not_allowed(rule, account, records):
        yield fault
    if not rule.allow_author:
        yield from _own_work(account, records)


def _not_allowed(rule: ApprovalRule, account: Account, records: Records) -> str:
    """Why an account is no approver; "" where it is one. Where the policy gives an id, the login is only a name."""
    names = [number for login, number in rule.users if login.casefold() == account.login.casefold()]
    if None in names or account.id in [number for _, number in rule.users]:
        return ""
    answers = [(team, records.teams.get((team, account.id), "it was not asked")) for team in rule.teams]
    if any(answer is True for _, answer in answers):
        return ""
    unknown = [f"whether {account.login} is in {team} cannot be told: {answer}" for team, answer in answers if answer]
    other = (
        [f"the policy means another account that was called {account.login}, with the id {names[0]}"] if names else []
    )
    return next(iter((*other, *unknown, _stranger(rule))))


def _stranger(rule: ApprovalRule) -> str:
    return f"not one of those who may give {rule.name}"


def _own_work(account: Account, records: Records) -> Iterator[str]:
    """Nobody approves what they wrote or pushed. Whose e-mail stands in a commit only ever takes away."""
    if account.id == records.pull.author.id:
        yield f"{account.login} opened the pull request"
    for push in _pushes_of(records):
        if push.actor is not None and push.actor.id == account.id:
            yield f"{account.login} pushed {push.after[:7]}"
    for commit in records.commits:
        if account.id in {each.id for each in (commit.author, commit.committer) if each is not None}:
            yield f"{account.login} wrote {commit.sha[:7]}"
    nobodys = [c.sha for c in records.commits if c.author is None or c.committer is None]
    if records.pushes is None and nobodys:
        yield f"who pushed {nobodys[0][:7]} cannot be told: the activity of the branch cannot be read"


def _pushes_of(records: Records) -> Iterator[Activity]:
    """The pushes that brought this pull request's commits: a branch may have had another life before it."""
    commits = {commit.sha for commit in records.commits}
    for push in records.pushes or ():
        if push.after in commits or push.timestamp >= records.pull.created_at:
            yield push


def _head_at(moment: datetime, records: Records) -> tuple[str, str]:
    """The head at a moment by the server's clock, or "" and what is missing."""
    if records.pushes is None:
        return _arrived_before(moment, records)
    newest = max(records.pushes, key=lambda push: (push.timestamp, push.id), default=None)
    if newest is None or newest.after != records.pull.head.sha:
        return "", "the activity of the branch does not end at its head; run the gate again"
    if any(push.timestamp == moment for push in records.pushes):
        return "", "something was pushed in the same second; set the label again"
    before = [push for push in records.pushes if push.timestamp < moment]
    if not before:
        return "", "the activity of the branch does not reach back to it; set the label again"
    return max(before, key=lambda push: (push.timestamp, push.id)).after, ""


def _arrived_before(moment: datetime, records: Records) -> tuple[str, str]:
    """The commit whose checks were made last before a moment; heads that were pushed away leave no such trace."""
    if records.pull.head.repository is None:  # nor does it tell to which of its branches a commit was pushed when
        return "", "the fork is gone, and with it the record of what was pushed when"
    if any(event.event == "head_ref_force_pushed" for event in records.events):
        return "", "the branch was force-pushed, and its activity cannot be read"
    known = [records.arrivals.get(commit.sha) for commit in records.commits]
    at_head = records.arrivals.get(records.pull.head.sha)
    if at_head is None or any(at == moment for at in known):
        return "", "when commits arrived cannot be told exactly; set the label again"
    before = [(at, sha) for sha, at in records.arrivals.items() if at < moment]
    return (max(before)[1], "") if before else ("", "no commit is known to have arrived before it")


def _not_seen(head: str, moment: datetime, records: Records) -> str:
    """Why the report on this head, against this base, cannot have been seen at that moment; "" where it can.

    A run that began while the head was at another commit told of that one, whatever commit its record names: a head
    may be pushed away and brought back, and an old run may be run again.
    """
    changes = [event.created_at for event in records.events if event.event in RETARGETED]
    retargeted = max(changes, default=None)
    if retargeted is not None and retargeted >= moment:
        return f"the base branch was changed to {records.pull.base.ref} after it"
    start = max(arrived(head, moment, records), records.pull.created_at)
    runs = [run for run in records.runs if run.head_sha == head and start < run.started_at and run.finished_at < moment]
    if not runs:
        return f"no run of the gate on {head[:7]} had finished before it, so there was nothing to approve yet"
    if retargeted is not None and all(run.started_at <= retargeted for run in runs):
        return f"no run of the gate against {records.pull.base.ref} had finished before it"
    return ""


def arrived(head: str, moment: datetime, records: Records) -> datetime:
    """When a commit became the head last before a moment; as early as can be where nothing tells."""
    if records.pushes is None:
        return records.arrivals.get(head, records.pull.created_at)
    times = [push.timestamp for push in records.pushes if push.after == head and push.timestamp < moment]
    return max(times, default=records.pull.created_at)
