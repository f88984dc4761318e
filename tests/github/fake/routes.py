"""The endpoints: what each needs of the token, and what it reads or changes. ROUTES has one line per endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.github.fake import graph, shapes
from tests.github.fake.spec import spec
from tests.github.fake.state import Check, CommentEntry, Pull, Repo, Team, Token
from tests.github.fake.world import World

REPOSITORY, TEAM = "/repos/{owner}/{repo}", "/orgs/{org}/teams/{team_slug}"
BODY_LIMIT = 65_536  # characters of a comment
INTEGRATION = "Resource not accessible by integration"


@dataclass(frozen=True)
class Call:
    """A request that was understood."""

    world: World
    token: Token | None
    values: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    _repo: Repo | None

    @property
    def repo(self) -> Repo:
        assert self._repo
        return self._repo

    @property
    def writer(self) -> Token:
        assert self.token
        return self.token

    @property
    def pull(self) -> Pull:
        number = int(self.values.get("pull_number") or self.values["issue_number"])
        pull: Pull = found(self.repo.pulls, number)
        return pull

    def commit(self, name: str) -> str:
        """The id of a commit that is named by id or by branch."""
        sha = self.repo.branches.get(name, name)
        if sha not in self.world.commits:
            raise RefusalError(422, f"No commit found for SHA: {name}")
        return sha


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """A list that is given in pages: bare, or under `key` in an object with its total."""

    items: list[Any]
    key: str = ""
    total: str = "total_count"
    more: Mapping[str, Any] = field(default_factory=dict)
    cursor: bool = False  # pages by `after`, not by number


class RefusalError(Exception):
    """An answer that says no."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: object) -> None:
        self.reply = Reply(
            status, {"message": message, "documentation_url": "https://docs.example", **more}, headers or {}
        )
        super().__init__(message)


@dataclass(frozen=True)
class Route:
    answer: Callable[[Call], Reply | Listing]
    needs: str  # as in X-Accepted-GitHub-Permissions


def found(things: Mapping[Any, Any], key: object) -> Any:
    if key not in things:
        raise RefusalError(404, "Not Found")
    return things[key]


def invalid(field_name: str, message: str) -> RefusalError:
    error = {"resource": "Resource", "code": "custom", "field": field_name, "message": message}
    return RefusalError(422, "Validation Failed", errors=[error])


def allow(route: Route, call_token: Token | None, repo: Repo | None, reads: bool) -> None:
    """Refuse what the token may not. Public repositories are read by anybody."""
    if repo is not None and reads and not repo.private:
        return
    if call_token is None:
        raise RefusalError(404 if reads else 401, "Not Found" if reads else "Requires authentication")
    for alternative in route.needs.split("; "):
        if all(call_token.may(*each.split("=")) for each in alternative.split(",")):
            return
    raise RefusalError(403, INTEGRATION, {"X-Accepted-GitHub-Permissions": route.needs})


def account(call: Call) -> Reply:
    if call.writer.app is not None:
        raise RefusalError(403, INTEGRATION)
    of = call.writer.user
    return Reply(200, spec().fill("public-user", {"id": of.id, "login": of.login, "type": of.type}))


def repository(call: Call) -> Reply:
    return Reply(200, shapes.repository(call.repo, "full-repository"))


def pull(call: Call) -> Reply:
    return Reply(200, shapes.pull(call.world, call.pull))


def pulls_of_commit(call: Call) -> Listing:
    sha, world = call.commit(call.values["commit_sha"]), call.world
    pulls = [
        each
        for each in call.repo.pulls.values()
        if sha == each.merge_commit_sha
        or sha in {one.sha for one in graph.between(world.commits, world.base(each.number), world.head(each.number))}
    ]
    return Listing([shapes.pull(world, each, "pull-request-simple") for each in pulls])


def commits(call: Call) -> Listing:
    world, number = call.world, call.pull.number
    listed = graph.between(world.commits, world.base(number), world.head(number))[:250]
    return Listing([shapes.commit(each) for each in listed])


def events(call: Call) -> Listing:
    return Listing([shapes.event(each) for each in call.pull.events])


def reviews(call: Call) -> Listing:
    return Listing([shapes.review(each) for each in call.pull.reviews])


def activity(call: Call) -> Listing:
    entries = [each for each in reversed(call.repo.activity) if call.query.get("ref", each.ref) == each.ref]
    return Listing([shapes.activity(each) for each in entries], cursor=True)


def compare(call: Call) -> Listing:
    world = call.world
    names = call.values["basehead"].split("...")
    base, head = (found(world.commits, call.repo.branches.get(name, name)) for name in names)
    common = graph.merge_base(world.commits, base.sha, head.sha)
    if common is None:
        raise RefusalError(404, f"No common ancestor between {names[0]} and {names[1]}.")
    ahead, behind = (graph.between(world.commits, *each) for each in ((base.sha, head.sha), (head.sha, base.sha)))
    states = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    shape = spec().fill(
        "commit-comparison",
        {
            "base_commit": shapes.commit(base),
            "merge_base_commit": shapes.commit(world.commits[common]),
            "status": states[bool(ahead), bool(behind)],
            "ahead_by": len(ahead),
            "behind_by": len(behind),
        },
    )
    return Listing([shapes.commit(each) for each in ahead], key="commits", total="total_commits", more=shape)


def ref(call: Call) -> Reply:
    name = call.values["ref"]
    sha = found(call.repo.branches, name.removeprefix("heads/"))
    target = {"type": "commit", "sha": sha, "url": "https://api.example/commit"}
    return Reply(200, spec().fill("git-ref", {"ref": f"refs/{name}", "object": target}))


def rules(call: Call) -> Listing:
    checks = call.repo.required.get(call.values["branch"])
    return Listing([shapes.rule(checks)] if checks else [])


def check_suites(call: Call) -> Listing:
    sha = call.commit(call.values["ref"])
    suites = [each for each in call.repo.suites if each.head_sha == sha]
    return Listing([shapes.suite(call.world, each) for each in suites], key="check_suites")


def check_runs(call: Call) -> Listing:
    sha, name = call.commit(call.values["ref"]), call.query.get("check_name")
    checks = [
        each for each in call.repo.checks.values() if each.head_sha == sha and name in (None, each.values["name"])
    ]
    if call.query.get("filter", "latest") == "latest":
        checks = list({(each.app, each.values["name"]): each for each in checks}.values())
    return Listing([shapes.check(each) for each in reversed(checks)], key="check_runs")


def create_check_run(call: Call) -> Reply:
    app = call.writer.app
    if app is None:
        raise RefusalError(403, "You must authenticate via a GitHub App.")
    sha, world = call.commit(call.body["head_sha"]), call.world
    check = Check(
        id=world.id(), head_sha=sha, app=app, suite=world.suite(sha, app).id, values={}, started_at=world.clock.stamp(),
        completed_at=None,
    )  # fmt: skip
    call.repo.checks[check.id] = check
    return Reply(201, _set_check(call, check))


def update_check_run(call: Call) -> Reply:
    check = found(call.repo.checks, int(call.values["check_run_id"]))
    if check.app != call.writer.app:
        raise RefusalError(
            403, "Invalid app_id `0` - check run can only be modified by the GitHub App that created it."
        )
    return Reply(200, _set_check(call, check))


def _set_check(call: Call, check: Check) -> dict[str, Any]:
    """Values replace, annotations append."""
    given = dict(call.body)
    if "conclusion" in given:
        given["status"] = "completed"
    if given.get("status") == "completed":
        check.completed_at = call.world.clock.stamp()
    check.annotations += given.get("output", {}).get("annotations", ())
    check.values |= given
    return shapes.check(check)


def check_run(call: Call) -> Reply:
    return Reply(200, shapes.check(found(call.repo.checks, int(call.values["check_run_id"]))))


def check_annotations(call: Call) -> Listing:
    check = found(call.repo.checks, int(call.values["check_run_id"]))
    return Listing([shapes.annotation(each) for each in check.annotations])


def runs(call: Call) -> Listing:
    wanted = {name: call.query[name] for name in ("head_sha", "event") if name in call.query}
    listed = [
        each
        for each in reversed(call.repo.runs.values())
        if all(getattr(each, name) == value for name, value in wanted.items()) and within(each.created_at, call.query)
    ]
    return Listing([shapes.run(call.world, each) for each in listed], key="workflow_runs")


def within(moment: datetime, query: Mapping[str, str]) -> bool:
    """Whether a moment is in the range of `created=FROM..TO`, if there is one."""
    first, _, last = query.get("created", "").partition("..")
    shown = shapes.moment(moment)
    return not last or first <= shown <= last


def run(call: Call) -> Reply:
    return Reply(200, shapes.run(call.world, found(call.repo.runs, int(call.values["run_id"]))))


def jobs(call: Call) -> Listing:
    one = found(call.repo.runs, int(call.values["run_id"]))
    kept = one.jobs if call.query.get("filter") == "all" else [each for each in one.jobs if each.attempt == one.attempt]
    return Listing([shapes.job(one, each) for each in kept], key="jobs")


def comments(call: Call) -> Listing:
    number = call.pull.number
    listed = [each for each in call.repo.comments.values() if each.number == number]
    return Listing([shapes.comment(each, call.repo) for each in listed])


def _fits(body: str) -> str:
    if len(body) > BODY_LIMIT:
        raise invalid("body", f"Body is too long (maximum is {BODY_LIMIT} characters)")
    return body


def create_comment(call: Call) -> Reply:
    number, body, writer = call.pull.number, _fits(call.body["body"]), call.writer
    made = call.world.comment(writer.user.login, number, body, via_app=writer.app)
    return Reply(201, shapes.comment(call.repo.comments[made], call.repo))


def _comment(call: Call) -> CommentEntry:
    entry: CommentEntry = found(call.repo.comments, int(call.values["comment_id"]))
    return entry


def comment(call: Call) -> Reply:
    return Reply(200, shapes.comment(_comment(call), call.repo))


def update_comment(call: Call) -> Reply:
    entry = _comment(call)
    entry.body, entry.updated_at = _fits(call.body["body"]), call.world.clock.stamp()
    return Reply(200, shapes.comment(entry, call.repo))


def delete_comment(call: Call) -> Reply:
    del call.repo.comments[_comment(call).id]
    return Reply(204)


def _labels(call: Call) -> Reply:
    return Reply(200, [shapes.label(name) for name in call.pull.labels])


def labels(call: Call) -> Listing:
    return Listing([shapes.label(name) for name in call.pull.labels])


def add_labels(call: Call) -> Reply:
    for name in call.body["labels"]:
        call.world.label(call.writer.user.login, call.pull.number, name, via_app=call.writer.app)
    return _labels(call)


def remove_label(call: Call) -> Reply:
    name = call.values["name"]
    if name not in call.pull.labels:
        raise RefusalError(404, "Label does not exist")
    call.world.unlabel(call.writer.user.login, call.pull.number, name, via_app=call.writer.app)
    return _labels(call)


def permission(call: Call) -> Reply:
    login = call.values["username"]
    account = found(call.world.users, login)
    level, role = call.repo.roles.get(login, ("none" if call.repo.private else "read",) * 2)
    user = spec().fill(
        "nullable-collaborator", {"id": account.id, "login": login, "type": account.type, "role_name": role}
    )
    return Reply(200, {"permission": level, "role_name": role, "user": user})


def _team(call: Call) -> Team:
    name = f"{call.values['org']}/{call.values['team_slug']}"
    entry: Team = found(call.world.teams, name)
    seen = call.writer.teams
    if entry.secret and seen is not None and name not in seen:
        raise RefusalError(404, "Not Found")
    return entry


def team(call: Call) -> Reply:
    entry = _team(call)
    slug = entry.name.split("/")[1]
    privacy = "secret" if entry.secret else "closed"
    return Reply(200, spec().fill("team-full", {"name": slug, "slug": slug, "privacy": privacy}))


def membership(call: Call) -> Reply:
    state = found(_team(call).members, call.values["username"])
    return Reply(200, spec().fill("team-membership", {"state": state, "role": "member"}))


TALK_READ, TALK_WRITE = "issues=read; pull_requests=read", "issues=write; pull_requests=write"
ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/user"): Route(account, "metadata=read"),
    ("GET", REPOSITORY): Route(repository, "metadata=read"),
    ("GET", f"{REPOSITORY}/actions/runs"): Route(runs, "actions=read"),
    ("GET", f"{REPOSITORY}/actions/runs/{{run_id}}"): Route(run, "actions=read"),
    ("GET", f"{REPOSITORY}/actions/runs/{{run_id}}/jobs"): Route(jobs, "actions=read"),
    ("GET", f"{REPOSITORY}/activity"): Route(activity, "contents=read"),
    ("POST", f"{REPOSITORY}/check-runs"): Route(create_check_run, "checks=write"),
    ("GET", f"{REPOSITORY}/check-runs/{{check_run_id}}"): Route(check_run, "checks=read"),
    ("PATCH", f"{REPOSITORY}/check-runs/{{check_run_id}}"): Route(update_check_run, "checks=write"),
    ("GET", f"{REPOSITORY}/check-runs/{{check_run_id}}/annotations"): Route(check_annotations, "checks=read"),
    ("GET", f"{REPOSITORY}/collaborators/{{username}}/permission"): Route(permission, "metadata=read"),
    ("GET", f"{REPOSITORY}/commits/{{commit_sha}}/pulls"): Route(pulls_of_commit, "pull_requests=read"),
    ("GET", f"{REPOSITORY}/commits/{{ref}}/check-runs"): Route(check_runs, "checks=read"),
    ("GET", f"{REPOSITORY}/commits/{{ref}}/check-suites"): Route(check_suites, "checks=read"),
    ("GET", f"{REPOSITORY}/compare/{{basehead}}"): Route(compare, "contents=read"),
    ("GET", f"{REPOSITORY}/git/ref/{{ref}}"): Route(ref, "contents=read"),
    ("GET", f"{REPOSITORY}/issues/comments/{{comment_id}}"): Route(comment, TALK_READ),
    ("PATCH", f"{REPOSITORY}/issues/comments/{{comment_id}}"): Route(update_comment, TALK_WRITE),
    ("DELETE", f"{REPOSITORY}/issues/comments/{{comment_id}}"): Route(delete_comment, TALK_WRITE),
    ("GET", f"{REPOSITORY}/issues/{{issue_number}}/comments"): Route(comments, TALK_READ),
    ("POST", f"{REPOSITORY}/issues/{{issue_number}}/comments"): Route(create_comment, TALK_WRITE),
    ("GET", f"{REPOSITORY}/issues/{{issue_number}}/events"): Route(events, TALK_READ),
    ("GET", f"{REPOSITORY}/issues/{{issue_number}}/labels"): Route(labels, TALK_READ),
    ("POST", f"{REPOSITORY}/issues/{{issue_number}}/labels"): Route(add_labels, TALK_WRITE),
    ("DELETE", f"{REPOSITORY}/issues/{{issue_number}}/labels/{{name}}"): Route(remove_label, TALK_WRITE),
    ("GET", f"{REPOSITORY}/pulls/{{pull_number}}"): Route(pull, "pull_requests=read"),
    ("GET", f"{REPOSITORY}/pulls/{{pull_number}}/commits"): Route(commits, "pull_requests=read"),
    ("GET", f"{REPOSITORY}/pulls/{{pull_number}}/reviews"): Route(reviews, "pull_requests=read"),
    ("GET", f"{REPOSITORY}/rules/branches/{{branch}}"): Route(rules, "metadata=read"),
    ("GET", TEAM): Route(team, "members=read"),
    ("GET", f"{TEAM}/memberships/{{username}}"): Route(membership, "members=read"),
}
