"""What costgate asks GitHub and tells it: one method per need, all pages read, everything typed, server times only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeVar
from urllib.parse import quote

from costgate.errors import InputError, WorldError
from costgate.github import parse
from costgate.github.fields import Field
from costgate.github.records import (
    Account,
    Activity,
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
    Review,
    TeamUnreadable,
    WorkflowRun,
)
from costgate.http import Answer, Http, HttpError

T = TypeVar("T")

PER_PAGE = 100  # the most that GitHub gives
ANNOTATIONS_PER_REQUEST = 50
LISTED_COMMITS = 250  # of a pull request; then GitHub's list just ends
MEMBERS_HELP = (
    "it takes a token that may read the organization's members: of a GitHub App, or a fine-grained token of the "
    "organization, with `members: read`; the workflow's own token never may"
)


class GitHub:
    """One repository. Every method raises HttpError or another WorldError where GitHub gives no whole, sound answer."""

    def __init__(self, http: Http, repository: str, *, org_http: Http | None = None) -> None:
        """`repository` is owner/name; `org_http` has the token that may read teams, where the first may not."""
        self._http, self._org_http = http, org_http or http
        self.name = repository
        self._path()  # refuses a name that is none

    def server_time(self) -> datetime:
        """The server's clock, in UTC: of the last answer, or of one asked for now."""
        if self._http.date is None:
            self.repository()
        if self._http.date is None:
            raise WorldError("GitHub's answers have no date", help="does a proxy take the Date header away?")
        return self._http.date

    def account(self) -> Account | None:
        """Whose token it is; None for that of an app, such as the workflow's own."""
        try:
            return parse.account(_field(self._http.get("user")))
        except HttpError as error:
            if error.status == 403:
                return None
            raise

    def repository(self) -> Repository:
        """The repository itself."""
        return parse.repository(_field(self._http.get(self._path())))

    def ref(self, branch: str) -> str:
        """The commit that a branch is at now."""
        field = _field(self._http.get(self._path("git", "ref", f"heads/{branch}")))
        if field["ref"].text() != f"refs/heads/{branch}":
            field["ref"].fail(f"ref is not refs/heads/{branch}")
        return field["object"]["sha"].sha()

    def branch_rules(self, branch: str) -> tuple[BranchRule, ...]:
        """The rules of rulesets that are in force on a branch. Classic branch protection is not among them."""
        return self._list(parse.branch_rule, self._path("rules", "branches", branch))

    def compare(self, base: str, head: str) -> Compare:
        """How two commits lie to each other; either may be of a fork."""
        return parse.compare(_field(self._http.get(self._path("compare", f"{base}...{head}"), {"per_page": 1})))

    def merge_base(self, base: str, head: str) -> str:
        """The best common ancestor of two commits."""
        return self.compare(base, head).merge_base

    def activity(self, ref: str, *, repository: str | None = None) -> tuple[Activity, ...]:
        """Movements of `refs/heads/…`, newest first; `repository` (owner/name) for the branch of a fork."""
        path = self._path("activity", repository=repository)
        return self._list(parse.activity, path, {"ref": ref})

    def pull(self, number: int) -> PullRequest:
        """A pull request."""
        return parse.pull_request(_field(self._http.get(self._path("pulls", number))))

    def pulls_of_commit(self, sha: str) -> tuple[PullRequest, ...]:
        """The pull requests that brought, or want to bring, a commit."""
        return self._list(parse.pull_request, self._path("commits", sha, "pulls"))

    def events(self, number: int) -> tuple[IssueEvent, ...]:
        """What happened to a pull request, oldest first."""
        return self._list(parse.issue_event, self._path("issues", number, "events"))

    def reviews(self, number: int) -> tuple[Review, ...]:
        """The reviews of a pull request, oldest first."""
        return self._list(parse.review, self._path("pulls", number, "reviews"))

    def commits(self, number: int) -> tuple[CommitOfPull, ...]:
        """All commits of a pull request, those beyond the 250 that GitHub lists included."""
        listed = self._list(parse.commit_of_pull, self._path("pulls", number, "commits"))
        if len(listed) < LISTED_COMMITS:
            return listed
        pull = self.pull(number)
        return self.commits_between(pull.base.sha, pull.head.sha)

    def commits_between(self, base: str, head: str) -> tuple[CommitOfPull, ...]:
        """The commits that one commit has and another lacks, oldest first."""
        path = self._path("compare", f"{base}...{head}")
        return self._counted(parse.commit_of_pull, path, "commits", count="total_commits")

    def check_suites(self, sha: str) -> tuple[CheckSuite, ...]:
        """The check suites of a commit."""
        return self._counted(parse.check_suite, self._path("commits", sha, "check-suites"), "check_suites")

    def check_runs(
        self, sha: str, name: str | None = None, *, filter: Literal["all", "latest"] = "all"
    ) -> tuple[CheckRun, ...]:
        """The check runs of a commit, those called `name` if given; `latest` leaves out what was run again."""
        query = {"filter": filter} | ({} if name is None else {"check_name": name})
        return self._counted(parse.check_run, self._path("commits", sha, "check-runs"), "check_runs", query)

    def create_check_run(
        self,
        *,
        name: str,
        head_sha: str,
        conclusion: str | None,
        title: str,
        summary: str,
        text: str | None = None,
        annotations: Sequence[Mapping[str, object]] = (),
        details_url: str | None = None,
        external_id: str | None = None,
    ) -> CheckRun:
        """Make a check run, completed if it has a conclusion, else in progress.

        `annotations` are as GitHub's API describes them, as many as there are: 50 go with the first request, each
        further one appends 50. `summary` and `text` may have 65,535 characters each.
        """
        output, *more = _outputs(title, summary, text, annotations)
        body = _check(conclusion, details_url, external_id) | {"name": name, "head_sha": head_sha, "output": output}
        made = parse.check_run(_field(self._http.send("POST", self._path("check-runs"), body)))
        return self._append(made, more)

    def update_check_run(
        self,
        id: int,
        *,
        conclusion: str | None,
        title: str,
        summary: str,
        text: str | None = None,
        annotations: Sequence[Mapping[str, object]] = (),
        details_url: str | None = None,
        external_id: str | None = None,
    ) -> CheckRun:
        """Change a check run of this app; annotations are added to those it has."""
        output, *more = _outputs(title, summary, text, annotations)
        body = _check(conclusion, details_url, external_id) | {"output": output}
        changed = parse.check_run(_field(self._http.send("PATCH", self._path("check-runs", id), body)))
        return self._append(changed, more)

    def workflow_runs(
        self, *, head_sha: str | None = None, event: str | None = None, created: str | None = None
    ) -> tuple[WorkflowRun, ...]:
        """The workflow runs of a commit, an event or a time (`FROM..TO`), newest first."""
        asked = {"head_sha": head_sha, "event": event, "created": created}
        query = {name: value for name, value in asked.items() if value is not None}
        return self._counted(parse.workflow_run, self._path("actions", "runs"), "workflow_runs", query)

    def workflow_run(self, id: int) -> WorkflowRun:
        """One workflow run, at its latest attempt."""
        return parse.workflow_run(_field(self._http.get(self._path("actions", "runs", id))))

    def jobs(self, run_id: int) -> tuple[Job, ...]:
        """The jobs of all attempts of a workflow run."""
        return self._counted(parse.job, self._path("actions", "runs", run_id, "jobs"), "jobs", {"filter": "all"})

    def comments(self, number: int) -> tuple[Comment, ...]:
        """The comments of a pull request, oldest first."""
        return self._list(parse.comment, self._path("issues", number, "comments"))

    def create_comment(self, number: int, body: str) -> Comment:
        """Comment on a pull request; GitHub takes 65,536 characters."""
        return parse.comment(_field(self._http.send("POST", self._path("issues", number, "comments"), {"body": body})))

    def update_comment(self, id: int, body: str) -> Comment:
        """Replace the text of a comment."""
        return parse.comment(_field(self._http.send("PATCH", self._path("issues", "comments", id), {"body": body})))

    def delete_comment(self, id: int) -> bool:
        """Delete a comment; False if there was none (or none that the token may see)."""
        return self._delete(self._path("issues", "comments", id))

    def remove_label(self, number: int, label: str) -> bool:
        """Take a label off a pull request; False if it was not there (or the token may not see it)."""
        return self._delete(self._path("issues", number, "labels", label))

    def permission(self, login: str) -> Permission | None:
        """What an account may do in the repository; None for an account that is unknown here."""
        answer = self._found(self._http, self._path("collaborators", login, "permission"))
        return None if answer is None else parse.permission(_field(answer))

    def membership(self, org: str, team: str, login: str) -> Membership | TeamUnreadable | None:
        """Whether an account belongs to a team: yes and how, no (None), or that the token cannot tell.

        GitHub answers 404 for "not a member" and for "no such team, or none that you may see" alike, so the team
        itself is asked for.
        """
        path = f"orgs/{_segment(org)}/teams/{_segment(team)}"
        try:
            answer = self._found(self._org_http, f"{path}/memberships/{_segment(login)}")
            if answer is None:
                self._org_http.get(path)
        except HttpError as error:
            if error.status not in (401, 403, 404):
                raise
            return TeamUnreadable(team=f"{org}/{team}", why=error.problems[0].message, help=MEMBERS_HELP)
        return None if answer is None else parse.membership(_field(answer))

    def _path(self, *segments: str | int, repository: str | None = None) -> str:
        full_name = repository or self.name
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", full_name, re.ASCII):
            raise InputError(f"{full_name!r} is no repository's name", help="GITHUB_REPOSITORY is OWNER/NAME")
        return "/".join(_segment(each) for each in ("repos", *full_name.split("/"), *segments))

    def _found(self, http: Http, path: str) -> Answer | None:
        """An answer, or None where GitHub says 404."""
        try:
            return http.get(path)
        except HttpError as error:
            if error.status == 404:
                return None
            raise

    def _delete(self, path: str) -> bool:
        try:
            self._http.send("DELETE", path)
        except HttpError as error:
            if error.status == 404:  # also where a first try did it, and its answer was lost
                return False
            raise
        return True

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[Field]:
        return (_field(answer) for answer in self._http.pages(path, {**query, "per_page": PER_PAGE}))

    def _list(self, read: Callable[[Field], T], path: str, query: Mapping[str, str] | None = None) -> tuple[T, ...]:
        return tuple(read(item) for page in self._pages(path, query or {}) for item in page.items())

    def _counted(
        self,
        read: Callable[[Field], T],
        path: str,
        name: str,
        query: Mapping[str, str] | None = None,
        *,
        count: str = "total_count",
    ) -> tuple[T, ...]:
        """A list that says how many it has, so that one which GitHub cut off (at 1,000, say) is an error."""
        found: list[T] = []
        totals: list[int] = []
        for page in self._pages(path, query or {}):
            found += (read(item) for item in page[name].items())
            totals.append(page[count].number())
        if len(found) < min(totals):
            page.fail(f"only {len(found)} of {min(totals)} {name} were listed")
        return tuple(found)

    def _append(self, run: CheckRun, outputs: Sequence[dict[str, object]]) -> CheckRun:
        """Add the annotations that did not go with the first request."""
        for output in outputs:
            body = {"output": output}
            run = parse.check_run(_field(self._http.send("PATCH", self._path("check-runs", run.id), body)))
        return run


def _field(answer: Answer) -> Field:
    return Field(value=answer.body, where=answer.where)


def _segment(value: str | int) -> str:
    """One segment of a path; `..` would ask for something else."""
    text = quote(str(value), safe="")
    if text in ("", ".", ".."):
        raise InputError(f"{str(value)!r} is no name on GitHub", help="check the names in policy and event")
    return text


def _check(conclusion: str | None, details_url: str | None, external_id: str | None) -> dict[str, object]:
    state = {"status": "in_progress"} if conclusion is None else {"status": "completed", "conclusion": conclusion}
    more = {"details_url": details_url, "external_id": external_id}
    return {**state, **{name: value for name, value in more.items() if value is not None}}


def _outputs(
    title: str, summary: str, text: str | None, annotations: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """The output for each request, the texts in every one: what is left out might be taken away."""
    texts = {"title": title, "summary": summary} | ({} if text is None else {"text": text})
    starts = range(0, len(annotations), ANNOTATIONS_PER_REQUEST)
    parts = [[dict(each) for each in annotations[start : start + ANNOTATIONS_PER_REQUEST]] for start in starts]
    return [{**texts, "annotations": part} for part in parts] or [dict(texts)]
