"""Judges a pull request: base, head and judge from GitHub, approvals from its records, the verdict from the gate."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from costgate import git
from costgate.errors import InputError, WorldError
from costgate.gate import Question, ask
from costgate.gate.judging import CONFIG, Overrides, load
from costgate.git import Repository
from costgate.github.approvals import Consent
from costgate.github.client import GitHub
from costgate.github.gather import IsGate, approvals_of
from costgate.github.records import Activity, PullRequest
from costgate.http import HttpError
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


def question_of(
    bench: Bench, tip: str, branch: str, head: str, base: str | None = None, as_of: datetime | None = None
) -> Question:
    """Head against its merge base with the target branch (or a given base), judged by that branch's tip."""
    base, moment = base or bench.github.merge_base(tip, head), as_of or bench.as_of
    bench.fetch((tip, base, head))
    judge, after = replace(snapshot(bench, tip), name=branch), snapshot(bench, head)
    if CONFIG not in judge.files and CONFIG not in after.files and bench.config != CONFIG:
        raise InputError(
            f"the input config is {bench.config[:200]!r}, and neither {branch} nor the change has such a file",
            help="write the path of costgate.yml from the root of the repository",
        )
    return Question(
        base=snapshot(bench, base),
        head=after,
        judge=judge,
        as_of=moment,
        overrides=bench.overriding(judge),
        earlier=lambda seconds: _earlier(bench, branch, moment - timedelta(seconds=seconds)),
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
    approvals = tuple(_approval(bench, question, pull, consent) for pull, consent in found)
    return ask(replace(question, approvals=approvals))


def _waiting(report: Report) -> list[Violation]:
    """The violations that an approval lifts."""
    return [v for v in report.decision.violations if v.action == "require-approval" and v.waived_until is None]


def _approval(bench: Bench, question: Question, pull: PullRequest, consent: Consent) -> Approval:
    """What a consent covers: the violations, with their values, of the head that was looked at."""
    why, covers = consent.why, tuple[Cover, ...]()
    if not why:
        try:
            covers = _covers(_seen_then(bench, question, pull, consent))
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


def _seen_then(bench: Bench, question: Question, pull: PullRequest, consent: Consent) -> Report:
    """The verdict that was approved: on that head, by the target branch and the prices of that moment.

    By today's, a yes would grow with every price and cover rules that nobody had seen. A server that keeps no record of
    the branch leaves only today's judge.
    """
    assert question.judge.commit is not None
    then = _tip_at(bench, pull.base.ref, consent.at) or question.judge.commit
    return ask(question_of(bench, then, pull.base.ref, consent.head, as_of=consent.at))


def _covers(report: Report) -> tuple[Cover, ...]:
    return tuple(Cover(rule=v.id, scope=v.scope, ceiling=v.actual) for v in _waiting(report))


def _adopted(bench: Bench) -> bool:
    """Whether the default branch has a costgate.yml."""
    tip = bench.github.ref(bench.github.repository().default_branch)
    bench.fetch((tip,))
    return CONFIG in snapshot(bench, tip).files


def _earlier(bench: Bench, branch: str, moment: datetime) -> Snapshot | None:
    """The target branch as it was then; None where the server's record does not reach back."""
    tip = _tip_at(bench, branch, moment)
    if tip is None:
        return None
    try:
        bench.fetch((tip,))
    except WorldError:
        return None
    return snapshot(bench, tip)


def _tip_at(bench: Bench, branch: str, moment: datetime) -> str | None:
    """The tip of a branch at a moment, by the server's own record; None where that does not reach back."""
    try:
        moves = [each for each in bench.github.activity(f"refs/heads/{branch}") if each.timestamp <= moment]
    except HttpError as error:
        if error.status != 404:  # a limit that somebody has used up must not loosen a rule
            raise
        return None  # a server that keeps no such record
    latest = max(moves, key=_order, default=None)
    return latest.after if latest else None


def _order(move: Activity) -> tuple[datetime, int]:
    return move.timestamp, move.id
