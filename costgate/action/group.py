"""Judges what a merge queue is about to merge: each of its pull requests as on its own, and all of them together."""

from __future__ import annotations

from dataclasses import replace

from costgate.action.judged import Bench, judge_pull, question_of, with_approvals
from costgate.errors import WorldError
from costgate.gate import ask
from costgate.github.events import Group
from costgate.github.records import PullRequest
from costgate.model import Report
from costgate.policy.decide import OUTCOMES

MOST_COMMITS = 250


def judge_group(bench: Bench, group: Group) -> Report:
    """The group's own difference, with the approvals of its pull requests; no better than the worst of these."""
    pulls = _pulls(bench, group)
    tip = bench.github.ref(group.base_ref)
    question = question_of(bench, tip, group.base_ref, group.head_sha, base=group.base_sha)
    report = with_approvals(bench, question, ask(question), pulls)
    members = [(pull, judge_pull(bench, pull).decision.outcome) for pull in pulls]
    notes = tuple(f"pull request {pull.number} on its own: {outcome}" for pull, outcome in members)
    worst = max((report.decision.outcome, *(outcome for _, outcome in members)), key=OUTCOMES.index)
    return replace(report, decision=replace(report.decision, outcome=worst), notes=(*report.notes, *notes))


def _pulls(bench: Bench, group: Group) -> tuple[PullRequest, ...]:
    """The pull requests of the group: the one that GitHub named its branch after, and those whose heads it holds.

    A queue that squashes or rebases makes new commits, which hold no heads. Whatever is missing here is still part of
    the group's own difference, which has to be covered. WorldError where there is none.
    """
    commits = bench.github.commits_between(group.base_sha, group.head_sha)
    shas = {commit.sha for commit in commits}
    listed = [pull for commit in commits for pull in bench.github.pulls_of_commit(commit.sha) if pull.head.sha in shas]
    named = [bench.github.pull(group.number)] if group.number is not None else []
    found = {pull.number: pull for pull in (*listed, *named) if pull.base.ref == group.base_ref}
    if not found or len(commits) > MOST_COMMITS:
        what = f"it has {len(commits)} commits" if found else f"none of its commits is of one to {group.base_ref}"
        raise WorldError(f"the pull requests of the merge group cannot be told: {what}", help="queue them again")
    return tuple(found[number] for number in sorted(found))
