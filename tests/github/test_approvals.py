"""Who approved what: a label or a review counts only if GitHub's own records say so, each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from costgate.github.approvals import Consent, GateRun, Records, consents
from costgate.github.records import Account, Activity, App, Comment, CommitOfPull, IssueEvent, PullRequest, Review, Tip
from costgate.model import Location
from costgate.policy.values import ApprovalRule

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
AUTHOR = Account(id=1, login="dev", type="User")
FIONA = Account(id=7, login="fiona", type="User")
VERA = Account(id=8, login="vera", type="User")
MALLORY = Account(id=66, login="mallory", type="User")
ROBOT = Account(id=99, login="robot[bot]", type="Bot")
APP = App(id=5, slug="helpful-app")
A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN = "0" * 40


def at(minutes: float) -> datetime:
    """A moment, in minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def rule(name: str = "finance", **fields: Any) -> ApprovalRule:
    given: dict[str, Any] = {"label": f"{name}-approved", "users": (("fiona", None),)}
    return ApprovalRule(**{"name": name, "location": Location(path="policy.yml"), **given, **fields})


def labeled(minutes: float, by: Account | None = FIONA, label: str = "finance-approved", **fields: Any) -> IssueEvent:
    given: dict[str, Any] = {"id": int(minutes * 60), "event": "labeled", "via_app": None}
    return IssueEvent(**{**given, "actor": by, "created_at": at(minutes), "label": label, **fields})


def other(minutes: float, event: str) -> IssueEvent:
    return labeled(minutes, AUTHOR, event=event, label=None)


def push(minutes: float, after: str, by: Account | None = AUTHOR, before: str = MAIN, **fields: Any) -> Activity:
    given: dict[str, Any] = {"id": int(minutes * 60), "ref": "refs/heads/change", "activity_type": "push"}
    return Activity(**{**given, "before": before, "after": after, "timestamp": at(minutes), "actor": by, **fields})


def commit(sha: str, by: Account | None = AUTHOR, committer: Account | None = AUTHOR) -> CommitOfPull:
    return CommitOfPull(sha=sha, author=by, committer=committer, parents=())


def ran(head: str, start: float, end: float) -> GateRun:
    return GateRun(head_sha=head, started_at=at(start), finished_at=at(end))


def review(
    minutes: float, head: str | None = A, by: Account | None = FIONA, state: str = "APPROVED", body: str = ""
) -> Review:
    return Review(id=int(minutes), author=by, state=state, commit_id=head, submitted_at=at(minutes), body=body)


def comment(body: str, by: Account | None = FIONA, via: App | None = None) -> Comment:
    return Comment(id=1, author=by, via_app=via, body=body, created_at=NOON, updated_at=NOON, html_url="https://x")


PULL = PullRequest(
    number=4, state="open", merged_at=None, merge_commit_sha=None, title="More GPUs", author=AUTHOR,
    head=Tip(sha=A, ref="change", repository="acme/ml"), base=Tip(sha=MAIN, ref="main", repository="acme/ml"),
    labels=("finance-approved",), html_url="https://x", created_at=at(-1), updated_at=at(30),
)  # fmt: skip
# A is pushed at noon, the gate runs on it until 12:05, Fiona labels at 12:10.
APPROVED = Records(
    pull=PULL, events=(labeled(10),), reviews=(), commits=(commit(A),), comments=(), pushes=(push(0, A),), arrivals={},
    runs=(ran(A, 1, 5),), teams={},
)  # fmt: skip


def records(**fields: Any) -> Records:
    """The approved state, with other records; `labels`, `head` and `author` are the pull request's."""
    pull = replace(APPROVED.pull, **{name: fields.pop(name) for name in ("labels", "author") if name in fields})
    if "head" in fields:
        pull = replace(pull, head=replace(pull.head, sha=fields.pop("head")))
    return replace(APPROVED, pull=pull, **fields)


def one(found: Records, by: ApprovalRule | None = None) -> Consent:
    (consent,) = consents({"x": by or rule()}, found)
    return consent


def test_a_label_that_holds() -> None:
    consent = one(APPROVED)
    assert consent == Consent(approval="finance", via="label", by="fiona", id=7, at=at(10), head=A, reason="", why="")


IN_TEAM = rule(users=(), teams=("acme/finance",))
HOLDS: dict[str, tuple[Records, ApprovalRule]] = {
    "a login in other letters": (APPROVED, rule(users=(("Fiona", None),))),
    "a label in other letters": (records(labels=("Finance-Approved",)), rule()),
    "an account that was renamed, by its id": (APPROVED, rule(users=(("fiona-old", 7),))),
    "a member of the team": (records(teams={("acme/finance", 7): True}), IN_TEAM),
    "a member of one of the teams": (
        records(teams={("acme/finance", 7): "no", ("acme/cfo", 7): True}),
        rule(users=(), teams=("acme/finance", "acme/cfo")),
    ),
    "set again after it was taken off": (
        records(events=(labeled(6), labeled(7, event="unlabeled"), labeled(10))), rule()
    ),
    "somebody else labelled before": (records(events=(labeled(6, MALLORY), labeled(10))), rule()),
    "a push after it": (
        records(head=B, pushes=(push(0, A), push(20, B)), commits=(commit(A), commit(B))), rule()
    ),
    "a branch that lived before": (
        records(pushes=(push(-9000, C, FIONA), push(0, A))), rule()
    ),
    "the base was changed before the gate ran": (records(events=(other(0.5, "base_ref_changed"), labeled(10))), rule()),
    "the author, where policy allows it": (records(author=FIONA), rule(allow_author=True)),
    "activity unreadable, arrivals known": (records(pushes=None, arrivals={A: at(0)}), rule()),
    "arrivals of two commits": (
        records(pushes=None, arrivals={A: at(0), B: at(20)}, head=B, commits=(commit(A), commit(B))), rule()
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "by"), HOLDS.values(), ids=HOLDS)
def test_what_holds(found: Records, by: ApprovalRule) -> None:
    assert (one(found, by).why, one(found, by).head) == ("", A)


FAILS: dict[str, tuple[Records, ApprovalRule, str]] = {
    "by the author": (records(author=FIONA), rule(), "fiona opened the pull request"),
    "by one who pushed": (
        records(head=B, pushes=(push(0, A), push(2, B, FIONA)), commits=(commit(A), commit(B)), runs=(ran(B, 3, 5),)),
        rule(), "fiona pushed bbbbbbb",
    ),
    "by one who pushed what is gone again": (
        records(pushes=(push(0, C, FIONA), push(1, A)), runs=(ran(A, 2, 5),)), rule(), "fiona pushed ccccccc",
    ),
    "by the author of a commit": (records(commits=(commit(A, FIONA),)), rule(), "fiona wrote aaaaaaa"),
    "by the committer of a commit": (
        records(commits=(commit(A, AUTHOR, FIONA),)), rule(), "fiona wrote aaaaaaa",
    ),
    "by a bot": (records(events=(labeled(10, ROBOT),)), rule(users=(("robot[bot]", None),)), "no person but a Bot"),
    "by an app in a person's name": (records(events=(labeled(10, via_app=APP),)), rule(), "by the app helpful-app"),
    "by a stranger": (records(events=(labeled(10, MALLORY),)), rule(), "not one of those who may give finance"),
    "by an account that is gone": (records(events=(labeled(10, None),)), rule(), "no record of who did it"),
    "by nobody that GitHub knows of": (records(events=()), rule(), "no record of who did it"),
    "on a label that was taken off, and is there": (
        records(events=(labeled(10), labeled(11, event="unlabeled"))), rule(), "no record of who did it",
    ),
    "by another label that was renamed": (
        records(events=(labeled(10, label="lgtm"),)), rule(), "no record of who did it",
    ),
    "by an account that took an old login": (
        records(events=(labeled(10, replace(MALLORY, login="fiona")),)), rule(users=(("fiona", 7),)),
        "the policy means another account that was called fiona, with the id 7",
    ),
    "by one who is in no team": (records(teams={("acme/finance", 7): False}), IN_TEAM, "not one of those"),
    "by one whose team cannot be seen": (
        records(teams={("acme/finance", 7): "404"}), IN_TEAM, "whether fiona is in acme/finance cannot be told: 404",
    ),
    "where the team was not asked": (APPROVED, IN_TEAM, "cannot be told: it was not asked"),
    "before the gate had run": (records(runs=(ran(A, 1, 11),)), rule(), "no run of the gate on aaaaaaa had finished"),
    "in the second in which the gate ended": (records(runs=(ran(A, 1, 10),)), rule(), "no run of the gate"),
    "where the gate ran on another head": (records(runs=(ran(B, 1, 5),)), rule(), "no run of the gate on aaaaaaa"),
    "after a push that the gate had not judged": (
        records(head=B, pushes=(push(0, A), push(9, B)), commits=(commit(A), commit(B))), rule(),
        "no run of the gate on bbbbbbb had finished",
    ),
    "in the second of a push": (
        records(head=B, pushes=(push(0, A), push(10, B)), commits=(commit(A), commit(B))), rule(),
        "something was pushed in the same second",
    ),
    "where the activity ends elsewhere": (records(pushes=(push(0, B),)), rule(), "does not end at its head"),
    "where there is no activity": (records(pushes=()), rule(), "does not end at its head"),
    "where the activity begins after it": (records(pushes=(push(20, A),)), rule(), "does not reach back to it"),
    "before the base was changed": (
        records(events=(labeled(10), other(11, "base_ref_changed"))), rule(), "changed to main after it",
    ),
    "before GitHub changed the base by itself": (
        records(events=(labeled(10), other(11, "automatic_base_change_succeeded"))), rule(), "changed to main after it",
    ),
    "where the gate ran before the head was pushed away and brought back": (
        records(pushes=(push(0, A), push(6, B), push(8, A))), rule(), "no run of the gate on aaaaaaa had finished",
    ),
    "where the gate ran before the pull request was opened": (
        replace(APPROVED, pull=replace(PULL, created_at=at(2))), rule(), "no run of the gate on aaaaaaa had finished",
    ),
    "without the fork": (
        replace(
            APPROVED, pushes=None, arrivals={A: at(0)}, pull=replace(PULL, head=replace(PULL.head, repository=None))
        ),
        rule(), "the fork is gone",
    ),
    "in the second in which the base was changed": (
        records(events=(labeled(10), other(10, "base_ref_changed"))), rule(), "changed to main after it",
    ),
    "where the gate ran against another base only": (
        records(events=(other(3, "base_ref_changed"), labeled(10))), rule(), "no run of the gate against main",
    ),
    "without activity, after a force push": (
        records(pushes=None, arrivals={A: at(0)}, events=(other(2, "head_ref_force_pushed"), labeled(10))), rule(),
        "the branch was force-pushed, and its activity cannot be read",
    ),
    "without activity and arrivals": (records(pushes=None), rule(), "cannot be told exactly"),
    "without activity, in the second of an arrival": (
        records(pushes=None, arrivals={A: at(10)}), rule(), "cannot be told exactly",
    ),
    "without activity, before anything arrived": (
        records(pushes=None, arrivals={A: at(20)}), rule(), "no commit is known to have arrived before it",
    ),
    "without activity, where nobody is known to have written it": (
        records(pushes=None, arrivals={A: at(0)}, commits=(commit(A, None),)), rule(),
        "who pushed aaaaaaa cannot be told",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "by", "why"), FAILS.values(), ids=FAILS)
def test_what_does_not_hold(found: Records, by: ApprovalRule, why: str) -> None:
    assert why in one(found, by).why


NOTHING = {
    "no label": records(labels=()),
    "another label": records(labels=("lgtm",)),
    "a label that was just taken off": records(labels=(), events=(labeled(10),)),
}


@pytest.mark.parametrize("found", NOTHING.values(), ids=NOTHING)
def test_where_nobody_said_anything(found: Records) -> None:
    assert consents({"x": rule()}, found) == ()


REVIEWED = records(labels=(), events=())
BY_REVIEW = rule(via=("label", "review"))


def test_a_review_names_its_head_and_its_reason() -> None:
    found = one(replace(REVIEWED, reviews=(review(10, A, body=" fine \n"),)), BY_REVIEW)
    assert (found.via, found.head, found.reason, found.why) == ("review", A, "fine", "")


def test_a_review_holds_without_the_fork() -> None:
    pull = replace(REVIEWED.pull, head=replace(REVIEWED.pull.head, repository=None))
    gone = replace(REVIEWED, pull=pull, pushes=None, arrivals={A: at(0)}, reviews=(review(10),))
    assert one(gone, BY_REVIEW).why == ""


REVIEWS: dict[str, tuple[tuple[Review, ...], Mapping[str, Any], str | None]] = {
    "commented since": ((review(10), review(11, state="COMMENTED")), {}, ""),
    "asked for changes since": ((review(10), review(11, state="CHANGES_REQUESTED")), {}, None),
    "dismissed": ((review(10, state="DISMISSED"),), {}, None),
    "approved after asking for changes": ((review(9, state="CHANGES_REQUESTED"), review(10)), {}, ""),
    "listed in another order": ((review(10), review(9, state="CHANGES_REQUESTED")), {}, ""),
    "pending": ((replace(review(10), submitted_at=None),), {}, None),
    "by a colleague": ((review(10, by=MALLORY),), {}, None),
    "by an account that is gone": ((review(10, by=None),), {}, None),
    "before the gate had run": ((review(4),), {}, "no run of the gate on aaaaaaa had finished"),
    "of a commit that the gate did not judge": ((review(10, B),), {}, "no run of the gate on bbbbbbb"),
    "of a commit that is gone": ((review(10, None),), {}, "no run of the gate"),
    "by one who wrote it": ((review(10),), {"commits": (commit(A, FIONA),)}, "fiona wrote aaaaaaa"),
    "before the base was changed": (
        (review(10),),
        {"events": (other(11, "base_ref_changed"),)},
        "changed to main after it",
    ),
}


@pytest.mark.parametrize(("reviews", "fields", "why"), REVIEWS.values(), ids=REVIEWS)
def test_reviews(reviews: tuple[Review, ...], fields: Mapping[str, Any], why: str | None) -> None:
    found = consents({"x": BY_REVIEW}, replace(REVIEWED, reviews=reviews, **fields))
    assert [each.why != "" for each in found] == ([] if why is None else [why != ""])
    assert all((why or "") in each.why for each in found)


def test_policy_says_which_acts_count() -> None:
    assert consents({"x": rule()}, replace(REVIEWED, reviews=(review(10),))) == ()
    assert consents({"x": rule(via=("review",))}, APPROVED) == ()


REASONS = {
    "the last line that says one": (
        ("/costgate reason: old", "x\r\n /costgate reason: budget FIN-812 \nbye"),
        "budget FIN-812",
    ),
    "none": (("I have a reason",), ""),
    "no comment": ((), ""),
}


@pytest.mark.parametrize(("bodies", "reason"), REASONS.values(), ids=REASONS)
def test_the_reason_is_the_approvers_own(bodies: tuple[str, ...], reason: str) -> None:
    said = tuple(comment(body) for body in bodies)
    forged = (comment("/costgate reason: mine", MALLORY), comment("/costgate reason: app", via=APP), comment("x", None))
    assert one(records(comments=(*said, *forged))).reason == reason


def test_several_approvals_stand_in_the_order_in_which_they_were_given() -> None:
    rules = {"finance": rule(), "vp": rule("vp", users=(("vera", None),))}
    both = records(labels=("finance-approved", "vp-approved"), events=(labeled(12), labeled(10, VERA, "vp-approved")))
    assert [(each.approval, each.by, each.why) for each in consents(rules, both)] == [
        ("vp", "vera", ""), ("finance", "fiona", ""),
    ]  # fmt: skip
