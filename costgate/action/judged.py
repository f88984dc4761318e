"""Judges a pull request: base, head and judge from GitHub, approvals from its records, the verdict from the gate."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from costgate import git
from costgate.errors import WorldError
from costgate.gate import Question, ask
from costgate.gate.judging import CONFIG, Overrides, load
from costgate.git import Repository
from costgate.github.approvals import Consent
from costgate.github.client import GitHub
from costgate.github.gather import IsGate, approvals_of
from costgate.github.records import Activity, PullRequest
from costgate.model import Approval, Cover, Report, Snapshot, Violation

Overriding = Callable[[Snapshot], Overrides]  # the judging files that the workflow names, given the judge
Fetch = Callable[[tuple[str, ...]], None]  # commits that must be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the commits are, how more of them come, and who knows the records."""

    github: GitHub
    repo: Repository
    fetch: Fetch
    config: str  # the path of costgate.yml
    overriding: Overriding
    is_gate: IsGate
    as_of: datetime


def judge_pull(bench: Bench, pull: PullRequest) -> Report:
    """The verdict on a pull request as it is now, with the approvals that hold.

    One that is closed is judged as it was before: by the tip of the target branch that it was last compared with.
    """
    tip = pull.base.sha if pull.state == "closed" else bench.github.ref(pull.base.ref)
    question = question_of(bench, tip, pull.base.ref, pull.head.sha)
    return with_approvals(bench, question, ask(question), (pull,))


def question_of(bench: Bench, tip: str, branch: str, head: str, base: str | None = None) -> Question:
    """Head against its merge base with the target branch (or a given base), judged by that branch's tip."""
    base = base or bench.github.merge_base(tip, head)
    bench.fetch((tip, base, head))
    judge = replace(snapshot(bench, tip), name=branch)
    return Question(
        base=snapshot(bench, base),
        head=snapshot(bench, head),
        judge=judge,
        as_of=bench.as_of,
        overrides=bench.overriding(judge),
        earlier=lambda seconds: _earlier(bench, branch, seconds),
        adopted=CONFIG not in judge.files and _adopted(bench),
    )


def snapshot(bench: Bench, commit: str) -> Snapshot:
    """The files of a commit, with costgate.yml where the gate looks for it."""
    found = git.snapshot(bench.repo, commit)
    path = posixpath.normpath(bench.config)
    if path == CONFIG:
        return found
    files = {name: blob for name, blob in found.files.items() if name != CONFIG}
    if path in files:
        files[CONFIG] = files[path]
    return replace(found, files=files, read=lambda name: found.read(path if name == CONFIG else name))


def with_approvals(bench: Bench, question: Question, report: Report, pulls: tuple[PullRequest, ...]) -> Report:
    """The report again, with what people consented to; the same one where nothing waits for an approval."""
    if not _waiting(report):
        return report
    rules = load(question.judge, bench.as_of, question.overrides).policy.approvals
    found = [(pull, c) for pull in pulls for c in approvals_of(bench.github, pull, rules, is_gate=bench.is_gate)]
    approvals = tuple(_approval(bench, question, report, pull, consent) for pull, consent in found)
    return ask(replace(question, approvals=approvals))


def _waiting(report: Report) -> list[Violation]:
    """The violations that an approval lifts."""
    return [v for v in report.decision.violations if v.action == "require-approval" and v.waived_until is None]


def _approval(bench: Bench, question: Question, report: Report, pull: PullRequest, consent: Consent) -> Approval:
    """What a consent covers: the violations, with their values, of the head that was looked at."""
    why, covers = consent.why, tuple[Cover, ...]()
    if not why:
        try:
            covers = _covers(_report_of(bench, question, report, pull, consent.head))
        except WorldError as error:
            why = f"{consent.head[:7]}, which was approved, cannot be judged again: {error.problems[0].message}"
    return Approval(
        name=consent.approval,
        by=consent.by,
        id=consent.id,
        at=consent.at,
        head=consent.head,
        covers=covers,
        reason=consent.reason,
        valid=not why,
        why=why,
    )


def _report_of(bench: Bench, question: Question, report: Report, pull: PullRequest, head: str) -> Report:
    """The verdict on a head that was approved, by today's judge and without any approval."""
    assert question.judge.commit is not None
    if question.head.commit == head:
        return report
    return ask(question_of(bench, question.judge.commit, pull.base.ref, head))


def _covers(report: Report) -> tuple[Cover, ...]:
    return tuple(Cover(rule=v.id, scope=v.scope, ceiling=v.actual) for v in _waiting(report))


def _adopted(bench: Bench) -> bool:
    """Whether the default branch has a costgate.yml."""
    tip = bench.github.ref(bench.github.repository().default_branch)
    bench.fetch((tip,))
    return CONFIG in snapshot(bench, tip).files


def _earlier(bench: Bench, branch: str, seconds: int) -> Snapshot | None:
    """The target branch as it was then, by the server's own record; None where that does not reach back."""
    then = bench.as_of - timedelta(seconds=seconds)
    try:
        moves = [each for each in bench.github.activity(f"refs/heads/{branch}") if each.timestamp <= then]
    except WorldError:
        return None
    latest = max(moves, key=_order, default=None)
    if latest is None:
        return None
    try:
        bench.fetch((latest.after,))
    except WorldError:
        return None
    return snapshot(bench, latest.after)


def _order(move: Activity) -> tuple[datetime, int]:
    return move.timestamp, move.id
