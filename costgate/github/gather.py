"""Asks GitHub for the records that approvals are derived from: as few requests as they need, all pages of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from costgate.github.approvals import Consent, GateRun, Records, arrived, consents
from costgate.github.client import GitHub
from costgate.github.events import OF_PULL_REQUESTS
from costgate.github.records import Activity, Job, PullRequest, TeamUnreadable, WorkflowRun
from costgate.http import HttpError
from costgate.policy.values import ApprovalRule

UNREADABLE = (403, 404, 451)  # not for this token, or not on this server
FINISHED = ("success", "failure")
IsGate = Callable[[WorkflowRun], bool]  # whether a run is an earlier one of the gate's workflow


def approvals_of(
    github: GitHub, pull: PullRequest, rules: Mapping[str, ApprovalRule], *, is_gate: IsGate
) -> tuple[Consent, ...]:
    """Every consent to a pull request as of now."""
    records = _records(github, pull, rules)
    seen = consents(rules, records)  # without runs: only to learn which heads were looked at
    runs = _gate_runs(github, records, seen, is_gate)
    return consents(rules, replace(records, runs=runs))


def _records(github: GitHub, pull: PullRequest, rules: Mapping[str, ApprovalRule]) -> Records:
    by_review = any("review" in rule.via for rule in rules.values())
    pushes = _pushes(github, pull)
    records = Records(
        pull=pull,
        events=github.events(pull.number),
        reviews=github.reviews(pull.number) if by_review else (),
        commits=github.commits(pull.number),
        comments=github.comments(pull.number),
        pushes=pushes,
        arrivals={},
        runs=(),
        teams={},
    )
    if pushes is None:
        shas = {pull.head.sha, *(commit.sha for commit in records.commits)}
        records = replace(records, arrivals=_arrivals(github, shas))
    return replace(records, teams=_teams(github, rules, records))


def _pushes(github: GitHub, pull: PullRequest) -> tuple[Activity, ...] | None:
    """Movements of the head branch, in the repository that it is in; None where they cannot be read."""
    if pull.head.repository is None:
        return None
    try:
        found = github.activity(f"refs/heads/{pull.head.ref}", repository=pull.head.repository)
    except HttpError as error:
        if error.status not in UNREADABLE:
            raise
        return None
    return tuple(each for each in found if each.activity_type != "branch_deletion")


def _arrivals(github: GitHub, shas: Iterable[str]) -> dict[str, datetime]:
    """When the first check suite of each commit was made: GitHub does that when the commit arrives."""
    made = {sha: [s.created_at for s in github.check_suites(sha) if s.created_at] for sha in sorted(shas)}
    return {sha: min(times) for sha, times in made.items() if times}


def _teams(github: GitHub, rules: Mapping[str, ApprovalRule], records: Records) -> dict[tuple[str, int], bool | str]:
    """For each team of the policy and each account that labelled or reviewed: whether it is an active member."""
    labels = {rule.label.casefold() for rule in rules.values()}
    actors = [e.actor for e in records.events if e.event == "labeled" and (e.label or "").casefold() in labels]
    people = {each.id: each.login for each in (*actors, *(review.author for review in records.reviews)) if each}
    teams = sorted({team for rule in rules.values() for team in rule.teams})
    return {(team, number): _is_member(github, team, login) for team in teams for number, login in people.items()}


def _is_member(github: GitHub, team: str, login: str) -> bool | str:
    org, _, slug = team.partition("/")
    found = github.membership(org, slug, login)
    if isinstance(found, TeamUnreadable):
        return f"{found.why}; {found.help}"
    return found is not None and found.state == "active"


def _gate_runs(github: GitHub, records: Records, seen: Iterable[Consent], is_gate: IsGate) -> tuple[GateRun, ...]:
    """The finished runs of the gate for this pull request at the heads that were looked at."""
    looked_at = [consent for consent in seen if consent.head]
    heads = {consent.head for consent in looked_at}
    runs = [run for head in sorted(heads) for run in github.workflow_runs(head_sha=head)]
    own = [(run.head_sha, run) for run in runs if _is_about(run, records.pull) and is_gate(run)]
    missing = heads - {head for head, _ in own}
    own += [pair for pair in _by_title(github, records, looked_at, missing) if is_gate(pair[1])]
    return tuple(attempt for head, run in own for attempt in _attempts(head, run, github.jobs(run.id)))


def _by_title(
    github: GitHub, records: Records, looked_at: Iterable[Consent], heads: set[str]
) -> list[tuple[str, WorkflowRun]]:
    """Runs for `pull_request_target` that say in their title which head they judge, and that head.

    Their record may name the commit of the default branch instead. The title is made by `run-name` of the workflow's
    file, which for this event is the default branch's: no pull request can write it.
    """
    found = []
    for head in sorted(heads):
        moments = [consent.at for consent in looked_at if consent.head == head]
        start = min(arrived(head, moment, records) for moment in moments)
        window = f"{start:%Y-%m-%dT%H:%M:%SZ}..{max(moments):%Y-%m-%dT%H:%M:%SZ}"
        runs = github.workflow_runs(event="pull_request_target", created=window)
        found += [(head, run) for run in runs if run.title == run_name(records.pull.number, head)]
    return found


def run_name(number: int, head: str) -> str:
    """What the example workflow for `pull_request_target` calls its runs."""
    return f"costgate #{number} {head}"


def _is_about(run: WorkflowRun, pull: PullRequest) -> bool:
    """Whether a run is of this pull request: the same head may ask to be merged elsewhere, or from elsewhere.

    The numbers are of pull requests that the head belongs to now, whichever of them it was; forks' runs name none.
    """
    is_named = not run.pull_requests or pull.number in run.pull_requests
    is_from_there = (run.head_branch, run.head_repository) == (pull.head.ref, pull.head.repository)
    return run.event in OF_PULL_REQUESTS and is_named and is_from_there


def _attempts(head: str, run: WorkflowRun, jobs: tuple[Job, ...]) -> list[GateRun]:
    """Each attempt of a run in which every job had ended, and one of them ran to a verdict."""
    found = []
    for attempt in sorted({job.run_attempt for job in jobs}):
        own = [job for job in jobs if job.run_attempt == attempt]
        ends = [job.completed_at for job in own if job.completed_at is not None]
        if len(ends) == len(own) and any(job.conclusion in FINISHED for job in own):
            start = min(job.started_at for job in own)
            found.append(GateRun(head_sha=head, started_at=start, finished_at=max(ends)))
    return found
