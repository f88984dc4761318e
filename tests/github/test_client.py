"""The client against the fake: every need read whole and typed, every change made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from costgate.errors import InputError, WorldError
from costgate.github.client import GitHub
from costgate.github.records import Membership, RequiredCheck, TeamUnreadable
from costgate.http import Http, HttpError
from tests.github.conftest import TOKEN
from tests.github.fake import ACTIONS, Fake, World


@pytest.fixture
def number(world: World) -> int:
    """A pull request of dev's."""
    world.push("dev", "feature")
    return world.open("dev", "feature", title="Double the GPUs")


def test_a_pull_request_is_read(github: GitHub, world: World, number: int) -> None:
    world.label("fiona", number, "finance-approved")
    pull = github.pull(number)
    assert (pull.number, pull.state, pull.title, pull.merged) == (1, "open", "Double the GPUs", False)
    assert (pull.author.login, pull.author.type) == ("dev", "User")
    assert (pull.head.sha, pull.head.ref, pull.head.repository) == (world.head(1), "feature", "acme/flows")
    assert (pull.base.sha, pull.base.ref) == (world.main.branches["main"], "main")
    assert pull.labels == ("finance-approved",)
    assert pull.updated_at == world.clock.now
    assert pull.created_at < pull.updated_at


def test_the_head_moves_with_the_branch_until_the_pull_request_is_merged(
    github: GitHub, world: World, number: int
) -> None:
    first = github.pull(number).head.sha
    second = world.push("dev", "feature")
    assert github.pull(number).head.sha == second != first
    merge = world.merge("lead", number)
    world.push("dev", "feature")
    pull = github.pull(number)
    assert (pull.merged, pull.state, pull.merge_commit_sha, pull.head.sha) == (True, "closed", merge, second)
    assert pull.merged_at is not None
    assert github.ref("main") == merge


def test_a_fork_may_be_gone(github: GitHub, world: World) -> None:
    fork = world.fork("dev").full_name
    sha = world.push("dev", "feature", repository=fork)
    number = world.open("dev", "feature", repository=fork)
    assert github.pull(number).head.repository == "dev/flows"
    run = world.run("dev", number=number)
    assert github.workflow_run(run).pull_requests == ()
    world.delete_repository(fork)
    pull = github.pull(number)
    assert (pull.head.repository, pull.head.sha) == (None, sha)
    assert github.workflow_run(run).head_repository is None


def test_events_have_the_servers_time_and_who_did_it(github: GitHub, world: World, number: int) -> None:
    world.main.branches["release"] = world.main.branches["main"]
    world.label("fiona", number, "finance-approved")
    at = world.clock.now
    world.unlabel("actions", number, "finance-approved", via_app=ACTIONS)
    world.retitle("dev", number, "Double everything")
    world.retarget("dev", number, "release")
    world.push("dev", "feature", parents=(world.main.branches["main"],))
    labeled, unlabeled, *others = github.events(number)
    assert (labeled.event, labeled.label, labeled.created_at) == ("labeled", "finance-approved", at)
    assert labeled.actor is not None
    assert (labeled.actor.login, labeled.via_app) == ("fiona", None)
    assert (unlabeled.event, unlabeled.label) == ("unlabeled", "finance-approved")
    assert unlabeled.via_app is not None
    assert unlabeled.via_app.slug == "github-actions"
    assert [each.event for each in others] == ["renamed", "base_ref_changed", "head_ref_force_pushed"]
    assert {each.label for each in others} == {None}


def test_reviews_have_their_commit(github: GitHub, world: World, number: int) -> None:
    first = world.head(number)
    approved = world.review("fiona", number, body="reason: Q4 budget")
    world.push("dev", "feature")
    world.review(None, number, "COMMENTED")
    world.review("dev", number, "PENDING")
    one, two, three = github.reviews(number)
    assert (one.author and one.author.login, one.state, one.commit_id) == ("fiona", "APPROVED", first)
    assert one.body == "reason: Q4 budget"
    assert (two.author, two.commit_id) == (None, world.head(number))
    assert three.submitted_at is None
    world.dismiss(number, approved)
    assert github.reviews(number)[0].state == "DISMISSED"


def test_commits_name_their_people(github: GitHub, world: World, number: int) -> None:
    world.push("dev", "feature", author="", committer="fiona")
    first, second = github.commits(number)
    assert first.author == first.committer
    assert first.author is not None
    assert first.author.login == "dev"
    assert second.author is None
    assert second.committer is not None
    assert second.committer.login == "fiona"
    assert second.parents == (first.sha,)


def test_commits_beyond_the_250_that_github_lists_are_read_too(
    github: GitHub, world: World, number: int, fake: Fake
) -> None:
    for _ in range(259):
        world.push("dev", "feature")
    last = world.push("fiona", "feature")
    commits = github.commits(number)
    assert len(commits) == 261
    assert commits[-1].sha == last
    assert fake.count("GET", "/compare/") == 3


def test_activity_of_a_branch_newest_first(github: GitHub, world: World) -> None:
    created = world.push("dev", "feature")
    pushed = world.push("eve", "feature")
    forced = world.push("dev", "feature", parents=(created,))
    newest, second, oldest = github.activity("refs/heads/feature")
    assert [each.activity_type for each in (newest, second, oldest)] == ["force_push", "push", "branch_creation"]
    assert (oldest.before, oldest.after) == ("0" * 40, created)
    assert (newest.before, newest.after, newest.timestamp) == (pushed, forced, world.clock.now)
    assert second.actor is not None
    assert second.actor.login == "eve"


def test_activity_of_a_fork_and_over_many_pages(github: GitHub, world: World) -> None:
    fork = world.fork("dev").full_name
    pushed = [world.push("dev", "feature", repository=fork) for _ in range(201)]
    found = github.activity("refs/heads/feature", repository=fork)
    assert [each.after for each in found] == pushed[::-1]
    assert github.activity("refs/heads/feature") == ()


def test_a_check_suite_says_when_a_commit_arrived(github: GitHub, world: World) -> None:
    sha = world.push("dev", "feature")
    (suite,) = github.check_suites(sha)
    assert (suite.head_sha, suite.created_at) == (sha, world.clock.now)
    assert suite.app is not None
    assert suite.app.slug == "github-actions"


def test_a_check_run_is_made_and_changed(github: GitHub, world: World, number: int) -> None:
    sha = world.head(number)
    going = github.create_check_run(name="costgate", head_sha=sha, conclusion=None, title="…", summary="working")
    assert (going.status, going.conclusion, going.completed_at) == ("in_progress", None, None)
    run = github.update_check_run(
        going.id,
        conclusion="failure",
        title="+$4,310/month",
        summary="needs finance",
        text="details",
        external_id="7",
        details_url="https://ci.example/7",
    )
    assert (run.id, run.status, run.conclusion, run.head_sha) == (going.id, "completed", "failure", sha)
    assert (run.title, run.summary, run.external_id) == ("+$4,310/month", "needs finance", "7")
    assert run.details_url == "https://ci.example/7"
    assert run.completed_at == world.clock.now
    assert github.check_runs(sha, "costgate") == (run,)
    assert github.check_runs(sha, "other") == ()


def test_check_runs_that_were_repeated_are_all_there_or_only_the_latest(
    github: GitHub, world: World, number: int
) -> None:
    sha = world.head(number)
    make = {"name": "costgate", "head_sha": sha, "title": "t", "summary": "s"}
    first, second = (github.create_check_run(conclusion=each, **make) for each in ("failure", "success"))
    assert github.check_runs(sha) == (second, first)
    assert github.check_runs(sha, filter="latest") == (second,)


@pytest.mark.parametrize(("annotations", "requests"), [(0, 1), (50, 1), (51, 2), (130, 3)])
def test_annotations_go_fifty_at_a_time(
    github: GitHub, world: World, fake: Fake, number: int, annotations: int, requests: int
) -> None:
    notes = [
        {"path": "flow.py", "start_line": line, "end_line": line, "annotation_level": "warning", "message": "dear"}
        for line in range(1, annotations + 1)
    ]
    make = {"conclusion": "failure", "title": "t", "summary": "s", "text": "x", "annotations": notes}
    run = github.create_check_run(name="costgate", head_sha=world.head(number), **make)  # type: ignore[arg-type]
    assert run.annotations_count == annotations
    assert fake.count("POST", "/check-runs") + fake.count("PATCH", "/check-runs") == requests
    again = github.update_check_run(run.id, **make)  # type: ignore[arg-type]
    assert again.annotations_count == 2 * annotations
    (check,) = world.main.checks.values()
    assert check.values["output"]["text"] == "x"  # type: ignore[index]
    assert [each["start_line"] for each in check.annotations] == 2 * list(range(1, annotations + 1))


def test_workflow_runs_have_server_times_and_attempts(github: GitHub, world: World, number: int) -> None:
    sha = world.head(number)
    run = world.run("dev", number=number, conclusion="failure", duration_s=40)
    world.run("dev", number=number, event="push", conclusion=None)
    world.rerun("fiona", run)
    (only,) = github.workflow_runs(head_sha=sha, event="pull_request")
    assert len(github.workflow_runs(head_sha=sha)) == 2
    assert only == github.workflow_run(run)
    assert (only.path, only.event, only.head_sha) == (".github/workflows/costgate.yml", "pull_request", sha)
    assert (only.run_attempt, only.status, only.conclusion) == (2, "completed", "success")
    assert only.created_at < only.run_started_at < only.updated_at
    assert (only.head_branch, only.head_repository, only.pull_requests) == ("feature", "acme/flows", (number,))
    assert (only.actor and only.actor.login, only.triggering_actor and only.triggering_actor.login) == ("dev", "fiona")
    first, second = github.jobs(run)
    assert (first.run_attempt, first.conclusion, second.run_attempt) == (1, "failure", 2)
    assert first.completed_at == first.started_at + timedelta(seconds=40)


def test_comments_are_made_changed_and_deleted(github: GitHub, world: World, number: int) -> None:
    world.comment("eve", number, "<!-- costgate -->")
    made = github.create_comment(number, "first")
    assert (made.author and made.author.login, made.author and made.author.type) == ("github-actions[bot]", "Bot")
    assert made.via_app is not None
    changed = github.update_comment(made.id, "second")
    assert (changed.id, changed.body) == (made.id, "second")
    assert changed.updated_at > changed.created_at
    assert [each.body for each in github.comments(number)] == ["<!-- costgate -->", "second"]
    assert github.delete_comment(made.id)
    assert not github.delete_comment(made.id)
    assert len(github.comments(number)) == 1


def test_all_pages_of_comments_are_read(github: GitHub, world: World, fake: Fake, number: int) -> None:
    written = [world.comment("eve", number, str(index)) for index in range(205)]
    assert [each.id for each in github.comments(number)] == written
    assert fake.count("GET", "/comments") == 3


def test_a_comment_that_is_too_long_is_refused_with_githubs_words(github: GitHub, number: int) -> None:
    github.create_comment(number, "x" * 65_536)
    with pytest.raises(HttpError, match=r"answered 422: Validation Failed; Body is too long \(maximum is 65536"):
        github.create_comment(number, "x" * 65_537)


@pytest.mark.parametrize("label", ["finance-approved", "finance approved/yes?", "ü&#"])
def test_a_label_is_removed(github: GitHub, world: World, number: int, label: str) -> None:
    world.label("fiona", number, label)
    assert github.remove_label(number, label)
    assert not github.remove_label(number, label)
    removed = github.events(number)[-1]
    assert (removed.event, removed.label) == ("unlabeled", label)
    assert removed.actor is not None
    assert removed.actor.login == "github-actions[bot]"


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("fiona", Membership(state="active", role="member")),
        ("paul", Membership(state="pending", role="member")),
        ("dev", None),
    ],
)
def test_membership_with_a_token_that_reads_teams(
    fake: Fake, connect: Callable[..., Http], login: str, expected: Membership | None
) -> None:
    fake.world.team("acme/finance", ["fiona"], pending=["paul"])
    fake.world.token("org", "robot", permissions={"members": "read"})
    github = GitHub(connect(fake.url), "acme/flows", org_http=connect(fake.url, "org"))
    assert github.membership("acme", "finance", login) == expected


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("workflow", "answered 403: Resource not accessible by integration"),
        ("blind", "answered 404: Not Found"),
        ("wrong", "answered 401: Bad credentials"),
    ],
)
def test_a_token_that_cannot_see_the_team_is_no_no(
    fake: Fake, connect: Callable[..., Http], token: str, why: str
) -> None:
    fake.world.team("acme/finance", ["fiona"], secret=True)
    fake.world.token("workflow")
    fake.world.token("blind", "robot", teams=())
    github = GitHub(connect(fake.url, token), "acme/flows")
    for login in ("fiona", "dev"):
        answer = github.membership("acme", "finance", login)
        assert isinstance(answer, TeamUnreadable)
        assert (answer.team, answer.why.split(" (")[0]) == ("acme/finance", why)
        assert "`members: read`" in answer.help


def test_a_team_that_cannot_be_asked_for_is_an_error(github: GitHub, fake: Fake) -> None:
    fake.faults.fail("/teams/", 503, times=9)
    with pytest.raises(HttpError, match="answered 503"):
        github.membership("acme", "finance", "fiona")


def test_the_permission_of_an_account(github: GitHub, world: World) -> None:
    world.role("lead", "write", "maintain")
    world.user("eve")
    lead, eve = github.permission("lead"), github.permission("eve")
    assert lead is not None
    assert (lead.permission, lead.role_name) == ("write", "maintain")
    assert eve is not None
    assert eve.permission == "read"
    assert github.permission("nobody") is None


def test_a_permission_that_cannot_be_asked_for_is_an_error(github: GitHub, fake: Fake) -> None:
    fake.faults.fail("/permission", 403)
    with pytest.raises(HttpError, match="answered 403"):
        github.permission("lead")


def test_pull_requests_of_a_commit(github: GitHub, world: World, number: int) -> None:
    sha = world.head(number)
    assert [each.number for each in github.pulls_of_commit(sha)] == [number]
    merge = world.merge("lead", number)
    (pull,) = github.pulls_of_commit(merge)
    assert (pull.number, pull.merged, pull.head.sha) == (number, True, sha)


def test_the_merge_base(github: GitHub, world: World, number: int) -> None:
    start = world.main.branches["main"]
    assert github.compare(start, start).status == "identical"
    main = world.push("lead", "main")
    assert github.merge_base(main, world.head(number)) == start
    compared = github.compare(main, world.head(number))
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("diverged", 1, 1)


def test_the_tip_of_a_branch(github: GitHub, world: World) -> None:
    sha = world.push("dev", "feature/more gpus")
    assert github.ref("feature/more gpus") == sha
    with pytest.raises(HttpError, match="answered 404") as caught:
        github.ref("nothing")
    assert caught.value.status == 404


def test_a_ref_of_another_name_is_no_answer(github: GitHub, fake: Fake) -> None:
    fake.faults.fail("/git/ref/", "replace", body={"ref": "refs/heads/main2"})
    with pytest.raises(WorldError, match="ref is not refs/heads/main"):
        github.ref("main")


def test_the_repository(github: GitHub) -> None:
    found = github.repository()
    assert (found.full_name, found.default_branch, found.private) == ("acme/flows", "main", False)
    assert found.owner.type == "Organization"


def test_the_rules_of_a_branch(github: GitHub, world: World) -> None:
    assert github.branch_rules("main") == ()
    world.protect("release/1", [("costgate", None), ("tests", 15368)])
    (rule,) = github.branch_rules("release/1")
    assert rule.type == "required_status_checks"
    assert rule.required_checks == (
        RequiredCheck(name="costgate", app_id=None),
        RequiredCheck(name="tests", app_id=15368),
    )


def test_the_time_is_the_servers(github: GitHub, world: World) -> None:
    assert github.server_time() == world.clock.now
    world.clock.now = datetime(2031, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    github.repository()
    assert github.server_time() == world.clock.now


def test_a_server_without_a_clock_is_an_error(github: GitHub, fake: Fake) -> None:
    fake.faults.fail("", "no-date", times=9)
    with pytest.raises(WorldError, match="GitHub's answers have no date"):
        github.server_time()


def test_a_list_that_github_cut_off_is_an_error(github: GitHub, world: World, fake: Fake) -> None:
    sha = world.push("dev", "feature")
    world.run("dev", head_sha=sha)
    fake.faults.fail("/actions/runs", "replace", body={"total_count": 1001})
    with pytest.raises(WorldError, match="only 1 of 1001 workflow_runs were listed"):
        github.workflow_runs(head_sha=sha)


@pytest.mark.parametrize("name", ["", "flows", "acme/flows/more", "acme/", "acme/..", "acme/fl ows", "../flows"])
def test_what_is_no_repository(connect: Callable[..., Http], name: str) -> None:
    with pytest.raises(InputError):
        GitHub(connect("https://api.github.com"), name)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_ask_for_something_else(github: GitHub, fake: Fake, name: str) -> None:
    with pytest.raises(InputError, match="is no name on GitHub"):
        github.membership("acme", name, "fiona")
    assert fake.seen == []


def test_every_request_says_who_asks(github: GitHub, fake: Fake) -> None:
    github.repository()
    headers = fake.seen[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["Accept"] == "application/vnd.github+json"
    assert headers["User-Agent"].startswith("metaflow-costgate/")


def test_a_private_repository_is_not_there_without_a_token(connect: Callable[..., Http]) -> None:
    with Fake(World(private=True)) as fake:
        fake.world.token(TOKEN)
        assert GitHub(connect(fake.url), "acme/flows").repository().private
        with pytest.raises(HttpError, match="404"):
            GitHub(connect(fake.url, ""), "acme/flows").repository()


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_enterprise_server_has_its_api_below_a_path(connect: Callable[..., Http], slash: str) -> None:
    with Fake(prefix="/api/v3") as fake:
        fake.world.token(TOKEN)
        for _ in range(101):
            fake.world.push("dev", "feature")
        github = GitHub(connect(fake.url + slash), "acme/flows")
        assert len(github.activity("refs/heads/feature")) == 101


def test_a_token_that_may_only_read(fake: Fake, connect: Callable[..., Http], number: int) -> None:
    fake.world.token("fork", permissions={"contents": "read", "pull_requests": "read", "checks": "read"})
    github = GitHub(connect(fake.url, "fork"), "acme/flows")
    with pytest.raises(HttpError, match="answered 403: Resource not accessible by integration") as caught:
        github.create_comment(number, "x")
    assert caught.value.status == 403
    assert "help: the token needs `issues: write`, or `pull-requests: write` (in a workflow" in str(caught.value)
    with pytest.raises(HttpError, match="help: the token needs `checks: write`"):
        github.create_check_run(name="c", head_sha=fake.world.head(number), conclusion=None, title="t", summary="s")
    assert fake.world.main.comments == {}
