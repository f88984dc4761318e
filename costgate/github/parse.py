"""GitHub's JSON → the records. Every function raises WorldError where a field is missing or of another type."""

from __future__ import annotations

from costgate.github.fields import Field
from costgate.github.records import (
    Account,
    Activity,
    App,
    BranchRule,
    CheckRun,
    CheckSuite,
    Comment,
    CommitOfPull,
    Compare,
    IssueEvent,
    Job,
    Membership,
    Permission,
    PullRequest,
    Repository,
    RequiredCheck,
    Review,
    Tip,
    WorkflowRun,
)


def account(of: Field) -> Account:
    """An account."""
    return Account(id=of["id"].number(), login=of["login"].text(), type=of["type"].text())


def app(of: Field) -> App:
    """An app."""
    return App(id=of["id"].number(), slug=of["slug"].text())


def full_name(of: Field) -> str:
    """The name of a repository, owner/name."""
    return of["full_name"].text()


def repository(of: Field) -> Repository:
    """A repository."""
    return Repository(
        id=of["id"].number(),
        full_name=full_name(of),
        owner=account(of["owner"]),
        default_branch=of["default_branch"].text(),
        private=of["private"].flag(),
        html_url=of["html_url"].text(),
    )


def tip(of: Field) -> Tip:
    """`head` or `base` of a pull request."""
    return Tip(sha=of["sha"].sha(), ref=of["ref"].text(), repository=of["repo"].maybe(full_name))


def pull_request(of: Field) -> PullRequest:
    """A pull request, asked for alone or in a list."""
    return PullRequest(
        number=of["number"].number(),
        state=of["state"].text(),
        merged_at=of["merged_at"].maybe(Field.time),
        merge_commit_sha=of["merge_commit_sha"].maybe(Field.sha),
        title=of["title"].text(),
        author=account(of["user"]),
        head=tip(of["head"]),
        base=tip(of["base"]),
        labels=tuple(each["name"].text() for each in of["labels"].items()),
        html_url=of["html_url"].text(),
        created_at=of["created_at"].time(),
        updated_at=of["updated_at"].time(),
    )


def issue_event(of: Field) -> IssueEvent:
    """An event of a pull request."""
    event = of["event"].text()
    return IssueEvent(
        id=of["id"].number(),
        event=event,
        actor=of["actor"].maybe(account),
        via_app=of["performed_via_github_app"].maybe(app),
        created_at=of["created_at"].time(),
        label=of["label"]["name"].text() if event in ("labeled", "unlabeled") else None,
    )


def review(of: Field) -> Review:
    """A review."""
    state = of["state"].text()
    return Review(
        id=of["id"].number(),
        author=of["user"].maybe(account),
        state=state,
        commit_id=of["commit_id"].maybe(Field.sha),
        submitted_at=None if state == "PENDING" else of["submitted_at"].time(),
        body=of["body"].text(),
    )


def commit_of_pull(of: Field) -> CommitOfPull:
    """A commit."""
    return CommitOfPull(
        sha=of["sha"].sha(),
        author=_matched(of["author"]),
        committer=_matched(of["committer"]),
        parents=tuple(each["sha"].sha() for each in of["parents"].items()),
    )


def _matched(of: Field) -> Account | None:
    """The account behind a git identity; GitHub answers null or {} where it found none."""
    return None if of.value == {} else of.maybe(account)


def activity(of: Field) -> Activity:
    """A movement of a branch."""
    return Activity(
        id=of["id"].number(),
        ref=of["ref"].text(),
        before=of["before"].sha(),
        after=of["after"].sha(),
        timestamp=of["timestamp"].time(),
        activity_type=of["activity_type"].text(),
        actor=of["actor"].maybe(account),
    )


def check_suite(of: Field) -> CheckSuite:
    """A check suite."""
    return CheckSuite(
        id=of["id"].number(),
        head_sha=of["head_sha"].sha(),
        created_at=of["created_at"].maybe(Field.time),
        app=of["app"].maybe(app),
        status=of["status"].maybe(Field.text),
        conclusion=of["conclusion"].maybe(Field.text),
    )


def check_run(of: Field) -> CheckRun:
    """A check run."""
    output = of["output"]
    return CheckRun(
        id=of["id"].number(),
        name=of["name"].text(),
        head_sha=of["head_sha"].sha(),
        status=of["status"].text(),
        conclusion=of["conclusion"].maybe(Field.text),
        started_at=of["started_at"].maybe(Field.time),
        completed_at=of["completed_at"].maybe(Field.time),
        app=of["app"].maybe(app),
        external_id=of["external_id"].maybe(Field.text),
        html_url=of["html_url"].maybe(Field.text),
        details_url=of["details_url"].maybe(Field.text),
        title=output["title"].maybe(Field.text),
        summary=output["summary"].maybe(Field.text),
        annotations_count=output["annotations_count"].number(),
    )


def workflow_run(of: Field) -> WorkflowRun:
    """A workflow run."""
    return WorkflowRun(
        id=of["id"].number(),
        run_attempt=of["run_attempt"].number(),
        workflow_id=of["workflow_id"].number(),
        name=of["name"].maybe(Field.text),
        title=of["display_title"].text(),
        path=of["path"].text(),
        event=of["event"].text(),
        head_sha=of["head_sha"].sha(),
        head_branch=of["head_branch"].maybe(Field.text),
        head_repository=of["head_repository"].maybe(full_name),
        status=of["status"].maybe(Field.text),
        conclusion=of["conclusion"].maybe(Field.text),
        created_at=of["created_at"].time(),
        run_started_at=of["run_started_at"].time(),
        updated_at=of["updated_at"].time(),
        actor=of["actor"].maybe(account),
        triggering_actor=of["triggering_actor"].maybe(account),
        pull_requests=tuple(each["number"].number() for each in of["pull_requests"].maybe(Field.items) or ()),
        referenced_workflows=tuple(each["path"].text() for each in of["referenced_workflows"].maybe(Field.items) or ()),
        html_url=of["html_url"].text(),
    )


def job(of: Field) -> Job:
    """A job."""
    return Job(
        id=of["id"].number(),
        run_id=of["run_id"].number(),
        run_attempt=of["run_attempt"].number(),
        name=of["name"].text(),
        head_sha=of["head_sha"].sha(),
        status=of["status"].text(),
        conclusion=of["conclusion"].maybe(Field.text),
        started_at=of["started_at"].time(),
        completed_at=of["completed_at"].maybe(Field.time),
    )


def comment(of: Field) -> Comment:
    """A comment."""
    return Comment(
        id=of["id"].number(),
        author=of["user"].maybe(account),
        via_app=of["performed_via_github_app"].maybe(app),
        body=of["body"].text(),
        created_at=of["created_at"].time(),
        updated_at=of["updated_at"].time(),
        html_url=of["html_url"].text(),
    )


def membership(of: Field) -> Membership:
    """A membership of a team."""
    return Membership(state=of["state"].text(), role=of["role"].text())


def permission(of: Field) -> Permission:
    """A permission."""
    return Permission(permission=of["permission"].text(), role_name=of["role_name"].text())


def compare(of: Field) -> Compare:
    """A comparison."""
    return Compare(
        merge_base=of["merge_base_commit"]["sha"].sha(),
        status=of["status"].text(),
        ahead_by=of["ahead_by"].number(),
        behind_by=of["behind_by"].number(),
    )


def branch_rule(of: Field) -> BranchRule:
    """A rule of a branch, with the checks that it requires."""
    kind = of["type"].text()
    checks = of["parameters"]["required_status_checks"].items() if kind == "required_status_checks" else ()
    return BranchRule(type=kind, required_checks=tuple(_required_check(each) for each in checks))


def _required_check(of: Field) -> RequiredCheck:
    # The one field that GitHub leaves out where there is nothing to say: any app's check counts.
    pinned = isinstance(of.value, dict) and of.value.get("integration_id") is not None
    return RequiredCheck(name=of["context"].text(), app_id=of["integration_id"].number() if pinned else None)
