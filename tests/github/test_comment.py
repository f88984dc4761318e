"""One comment per pull request: over many pages, beside forgeries, with runs at once and out of order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.github import marker
from costgate.github.client import GitHub
from costgate.github.comment import Text, publish
from costgate.github.marker import Marker
from costgate.github.published import Published
from costgate.github.records import App
from costgate.http import Http
from tests.github.fake import ACTIONS, Fake, World
from tests.github.fake.state import AppIdentity

KEY, OTHER = "0123456789ab", "ba9876543210"
BOT = "github-actions[bot]"
OUR_APP = App(id=ACTIONS.id, slug=ACTIONS.slug)


@pytest.fixture
def number(world: World) -> int:
    world.push("dev", "feature")
    return world.open("dev", "feature")


@pytest.fixture
def run(world: World, number: int) -> int:
    """The run that publishes."""
    return world.run("dev", number=number, conclusion=None)


def bodies(world: World, author: str = BOT) -> list[str]:
    """What its comments say, without their markers' lines."""
    return [each.body.partition("\n")[2] for each in world.main.comments.values() if each.user.login == author]


def say(github: GitHub, number: int, run: int, body: str = "+$1", attempt: int = 1, **more: Any) -> Published:
    text = Text(body=body, memory=more.pop("memory", {}), is_news=more.pop("is_news", False))
    return publish(github, number, lambda said: text, key=KEY, run=(run, attempt), **{"app": OUR_APP, **more})


def test_it_is_created_and_updated_in_place(github: GitHub, world: World, number: int, run: int) -> None:
    first = say(github, number, run)
    again = say(github, number, run, "+$2")
    assert (first.what, again.what) == ("created", "updated")
    assert first.url == again.url == f"https://github.example/acme/flows/pull/1#issuecomment-{min(world.main.comments)}"
    assert bodies(world) == ["+$2"]
    (entry,) = world.main.comments.values()
    assert entry.body == f"<!-- costgate:v1 key={KEY} run={run}.1 -->\n+$2"


def test_nothing_is_written_where_only_the_run_differs(github: GitHub, world: World, number: int, fake: Fake) -> None:
    one, two = (world.run("dev", number=number) for _ in range(2))
    link = '<a href="https://github.example/acme/flows/actions/runs/{}">run</a>'
    say(github, number, one, f"+$1 {link.format(one)}")
    entry = next(iter(world.main.comments.values()))
    entry.body = entry.body.replace("\n", "\r\n")  # as a browser writes
    found = say(github, number, two, f"+$1 {link.format(two)}", attempt=2)
    assert (found.what, fake.count("PATCH")) == ("unchanged", 0)


def test_a_memory_that_differs_is_written(github: GitHub, world: World, number: int, run: int) -> None:
    say(github, number, run, memory={"peak": "1.00USD@abc1234"})
    assert say(github, number, run, memory={"peak": "2.00USD@abc1234"}).what == "updated"
    seen: list[Mapping[str, str] | None] = []

    def compose(said: Mapping[str, str] | None) -> None:
        seen.append(said)

    assert publish(github, number, compose, key=KEY, run=(run, 1), app=OUR_APP).what == "none"
    assert seen == [{"peak": "2.00USD@abc1234"}]


def test_no_comment_is_made_that_nobody_wants(github: GitHub, world: World, number: int, run: int) -> None:
    found = publish(github, number, lambda said: None, key=KEY, run=(run, 1), app=OUR_APP)
    assert found == Published(what="none")
    assert world.main.comments == {}


def test_all_pages_are_read(github: GitHub, world: World, number: int, run: int, fake: Fake) -> None:
    for count in range(120):
        world.comment("dev", number, f"comment {count}")
    say(github, number, run)
    for count in range(120):
        world.comment("dev", number, f"comment {count}")
    fake.seen.clear()
    assert say(github, number, run, "+$2").what == "updated"
    assert fake.count("GET", "/comments") == 3
    assert len(bodies(world)) == 1


@pytest.mark.parametrize(
    ("author", "via"),
    [
        pytest.param("dev", None, id="a person"),
        pytest.param("dependabot[bot]", AppIdentity(id=7, slug="dependabot"), id="another bot"),
        pytest.param("renovate[bot]", None, id="a bot without an app"),
        pytest.param("dev", ACTIONS, id="a person through our app"),
        pytest.param("github-actions", None, id="a person with almost its name"),
    ],
)
def test_a_marker_of_somebody_else_is_not_ours(
    github: GitHub, world: World, number: int, run: int, author: str, via: AppIdentity | None
) -> None:
    world.user(author, type="Bot" if author.endswith("[bot]") else "User")
    forged = f"<!-- costgate:v1 key={KEY} run={run}.1 -->\n### ✅ approved"
    world.comment(author, number, forged, via_app=via)
    assert say(github, number, run).what == "created"
    assert [each.body for each in world.main.comments.values() if each.user.login == author] == [forged]
    assert bodies(world) == ["+$1"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a report of another tool", id="no marker"),
        pytest.param(f"<!-- costgate:v1 key={OTHER} run=5.1 -->\ntext", id="another gate"),
        pytest.param(f"> <!-- costgate:v1 key={KEY} run=5.1 -->\ntext", id="a quote"),
        pytest.param(f"text\n<!-- costgate:v1 key={KEY} run=5.1 -->", id="not the first line"),
        pytest.param(f"<!-- costgate:v1 key={KEY}0 run=5.1 -->\ntext", id="a longer key"),
    ],
)
def test_what_else_our_bot_writes_is_left_alone(github: GitHub, world: World, number: int, run: int, body: str) -> None:
    world.comment(BOT, number, body, via_app=ACTIONS)
    assert say(github, number, run).what == "created"
    assert body in {each.body for each in world.main.comments.values()}


@pytest.mark.parametrize("line", ["run=x", "run=5.1 peak=<b>", "", "run=99999999999999999999.1"])
def test_a_marker_that_somebody_edited_is_still_ours(
    github: GitHub, world: World, number: int, run: int, line: str
) -> None:
    world.comment(BOT, number, f"<!-- costgate:v1 key={KEY} {line} -->\nold", via_app=ACTIONS)
    assert say(github, number, run).what == "updated"
    assert bodies(world) == ["+$1"]


def test_one_comment_of_a_comment_without_an_author(github: GitHub, world: World, number: int, fake: Fake) -> None:
    world.comment("ghost", number, f"<!-- costgate:v1 key={KEY} run=5.1 -->\nold")
    run = world.run("dev", number=number)
    fake.faults.fail("/user", 403)
    assert say(github, number, run, app=None).what == "created"


# Whose the token is


@pytest.mark.parametrize("knows_app", [True, False])
def test_the_workflows_token(github: GitHub, world: World, number: int, run: int, knows_app: bool, fake: Fake) -> None:
    app = OUR_APP if knows_app else None
    say(github, number, run, app=app)
    assert say(github, number, run, "+$2", app=app).what == "updated"
    assert bodies(world) == ["+$2"]
    assert fake.count("GET", "/user") == (0 if knows_app else 2)


def test_an_apps_token(world: World, number: int, run: int, fake: Fake, connect: Callable[..., Http]) -> None:
    identity = AppIdentity(id=99, slug="acme-costgate")
    world.token("app", app=identity, permissions={"pull_requests": "write"})
    world.comment(BOT, number, f"<!-- costgate:v1 key={KEY} run={run}.1 -->\nforged by a workflow", via_app=ACTIONS)
    github = GitHub(connect(fake.url, "app"), "acme/flows")
    app = App(id=99, slug="acme-costgate")
    say(github, number, run, app=app)
    assert say(github, number, run, "+$2", app=app).what == "updated"
    assert bodies(world, "acme-costgate[bot]") == ["+$2"]
    assert bodies(world) == ["forged by a workflow"]


def test_an_apps_token_of_an_unknown_app_still_leaves_one(
    world: World, number: int, run: int, fake: Fake, connect: Callable[..., Http]
) -> None:
    world.token("app", app=AppIdentity(id=99, slug="acme-costgate"), permissions={"pull_requests": "write"})
    github = GitHub(connect(fake.url, "app"), "acme/flows")
    first = say(github, number, run, app=None)
    again = say(github, number, run, "+$2", app=None)
    assert (again.what, again.url) == ("updated", first.url)
    assert bodies(world, "acme-costgate[bot]") == ["+$2"]


def test_a_persons_token(world: World, number: int, run: int, fake: Fake, connect: Callable[..., Http]) -> None:
    world.token("pat", "robot")
    world.comment("dev", number, f"<!-- costgate:v1 key={KEY} run={run}.1 -->\nforged")
    github = GitHub(connect(fake.url, "pat"), "acme/flows")
    say(github, number, run, app=None)
    assert say(github, number, run, "+$2", app=None).what == "updated"
    assert (bodies(world, "robot"), bodies(world, "dev")) == (["+$2"], ["forged"])


# Runs at once and out of order


def test_a_later_runs_comment_stays(github: GitHub, world: World, number: int) -> None:
    early, late = (world.run("dev", number=number) for _ in range(2))
    say(github, number, late, "late")
    found = say(github, number, early, "early")
    assert (found.what, bool(found.url)) == ("skipped-newer", True)
    assert bodies(world) == ["late"]


def test_a_later_attempts_comment_stays(github: GitHub, world: World, number: int, run: int) -> None:
    world.rerun("dev", run)
    say(github, number, run, "late", attempt=2)
    assert say(github, number, run, "early", attempt=1).what == "skipped-newer"
    assert say(github, number, run, "later", attempt=2).what == "updated"


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(lambda world, number, run: (10**15, 1), id="a run that there is not"),
        pytest.param(lambda world, number, run: (run, 7), id="an attempt that there is not"),
        pytest.param(
            lambda world, number, run: (world.run("eve", number=number, path=".github/workflows/x.yml"), 1),
            id="a run of another workflow",
        ),
    ],
)
def test_a_later_run_has_to_be_one(
    github: GitHub, world: World, number: int, run: int, claim: Callable[[World, int, int], tuple[int, int]]
) -> None:
    forged = Marker(key=KEY, run=claim(world, number, run))
    world.comment(BOT, number, f"{forged}\n### ✅ approved", via_app=ACTIONS)
    assert say(github, number, run).what == "updated"
    assert bodies(world) == ["+$1"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_runs_at_once_leave_one(
    github: GitHub, world: World, number: int, fake: Fake, order: tuple[int, int]
) -> None:
    """The other run's comment appears between our reading and our writing."""
    runs = [world.run("dev", number=number) for _ in range(2)]
    mine, other = (runs[index] for index in order)

    def compose(said: Mapping[str, str] | None) -> Text:
        world.comment(BOT, number, f"{Marker(key=KEY, run=(other, 1))}\n{other}", via_app=ACTIONS)
        return Text(body=str(mine))

    found = publish(github, number, compose, key=KEY, run=(mine, 1), app=OUR_APP)
    assert bodies(world) == [str(max(runs))]
    assert found.what == "updated"
    assert found.url is not None
    assert found.url.endswith(f"-{min(world.main.comments)}")


def test_many_runs_at_once_leave_one(world: World, number: int, fake: Fake, connect: Callable[..., Http]) -> None:
    runs = [world.run("dev", number=number) for _ in range(6)]

    def one(run: int) -> Published:
        return say(GitHub(connect(fake.url), "acme/flows"), number, run, str(run))

    with ThreadPoolExecutor(len(runs)) as pool:
        found = list(pool.map(one, runs))
    assert {each.problem for each in found} == {None}
    assert len(bodies(world)) == 1


def test_a_copy_that_cannot_be_deleted_is_harmless(github: GitHub, world: World, number: int, fake: Fake) -> None:
    one, two = (world.run("dev", number=number) for _ in range(2))
    for each in (one, two):
        world.comment(BOT, number, f"{Marker(key=KEY, run=(each, 1))}\n{each}", via_app=ACTIONS)
    fake.faults.fail("/comments/", 403, method="DELETE")
    assert say(github, number, two, "new").what == "updated"
    assert bodies(world) == ["new", str(two)]
    assert say(github, number, two, "newer").what == "updated"
    assert bodies(world) == ["newer"]


def test_the_memory_is_that_of_the_newest(github: GitHub, world: World, number: int, run: int) -> None:
    for count, told in ((1, "old"), (2, "new")):
        memory = Marker(key=KEY, run=(run, count), memory={"told": told})
        world.comment(BOT, number, f"{memory}\nx", via_app=ACTIONS)
    seen: list[Mapping[str, str] | None] = []
    world.rerun("dev", run)

    def compose(said: Mapping[str, str] | None) -> Text:
        seen.append(said)
        return Text(body="y")

    publish(github, number, compose, key=KEY, run=(run, 2), app=OUR_APP)
    assert (seen, bodies(world)) == ([{"told": "new"}], ["y"])


def test_a_comment_that_vanishes_meanwhile_is_made_again(github: GitHub, world: World, number: int, run: int) -> None:
    say(github, number, run)

    def compose(said: Mapping[str, str] | None) -> Text:
        world.main.comments.clear()
        return Text(body="again")

    assert publish(github, number, compose, key=KEY, run=(run, 1), app=OUR_APP).what == "created"
    assert bodies(world) == ["again"]


def test_one_that_is_never_found_ends(github: GitHub, world: World, number: int, run: int, fake: Fake) -> None:
    say(github, number, run)
    fake.faults.fail("/issues/comments/", 404, method="PATCH", times=9)
    found = say(github, number, run, "+$2")
    assert (found.what, fake.count("PATCH")) == ("failed", 3)


def test_news_takes_the_place_of_the_comment(github: GitHub, world: World, number: int, run: int) -> None:
    first = say(github, number, run, "green")
    found = say(github, number, run, "red @acme/finance", is_news=True)
    assert (found.what, found.url == first.url) == ("created", False)
    assert bodies(world) == ["red @acme/finance"]


def test_news_is_an_edit_where_the_comment_cannot_be_deleted(
    github: GitHub, world: World, number: int, run: int, fake: Fake
) -> None:
    say(github, number, run, "green")
    fake.faults.fail("/comments/", 403, method="DELETE")
    assert say(github, number, run, "red", is_news=True).what == "updated"
    assert bodies(world) == ["red"]


# What stands in the way


@pytest.mark.parametrize(
    ("status", "message", "help"),
    [
        pytest.param(403, "Resource not accessible by integration", "the token needs `pull-requests: write`", id="403"),
        pytest.param(403, "Unable to create comment because issue is locked", "unlock it", id="locked"),
        pytest.param(404, "Not Found", "the token needs `pull-requests: write`", id="404"),
        pytest.param(410, "This issue was deleted", "410: This issue was deleted", id="410"),
        pytest.param(422, "Body is too long", "422: Body is too long", id="422"),
        pytest.param(500, "Server Error", "it may have been done", id="500"),
    ],
)
def test_what_cannot_be_published_is_a_value(
    github: GitHub, number: int, run: int, fake: Fake, status: int, message: str, help: str
) -> None:
    fake.faults.fail("/comments", status, method="POST", message=message)
    found = say(github, number, run)
    assert (found.what, found.url) == ("failed", None)
    assert found.problem is not None
    assert found.problem.startswith("the comment could not be published: POST /repos/acme/flows/issues/1/comments: ans")
    assert help in found.problem
    assert "\n" not in found.problem


def test_a_token_that_may_only_read(world: World, number: int, run: int, fake: Fake, connect: Any) -> None:
    world.token("fork", permissions={"contents": "read", "pull_requests": "read"})
    found = say(GitHub(connect(fake.url, "fork"), "acme/flows"), number, run, app=None)
    assert found.problem is not None
    assert found.problem.endswith(
        "needs `issues: write`, or `pull-requests: write` (in a workflow: under `permissions:`)"
    )


def test_a_wrong_token(number: int, run: int, fake: Fake, connect: Any) -> None:
    found = say(GitHub(connect(fake.url, "nobody's"), "acme/flows"), number, run, app=None)
    assert found.problem is not None
    assert "answered 401: Bad credentials" in found.problem


def test_a_record_that_is_none(github: GitHub, number: int, run: int, fake: Fake) -> None:
    fake.faults.fail("/comments", "text")
    fake.faults.fail("/comments", "replace", body={"id": "x"}, method="POST")
    assert say(github, number, run).what == "failed"


# The marker


def test_a_marker_is_what_it_says() -> None:
    found = Marker(key=KEY, run=(7, 2), memory={"peak": "1.00USD@abc1234", "head": "abc"})
    assert str(found) == f"<!-- costgate:v1 key={KEY} run=7.2 head=abc peak=1.00USD@abc1234 -->"
    assert marker.read(f"{found}\r\ntext", KEY) == found


@given(st.text())
def test_any_body_has_a_marker_or_none(body: str) -> None:
    for text in (body, f"<!-- costgate:v1 key={KEY} {body}"):
        found = marker.read(text, KEY)
        assert found is None or marker.read(str(found), KEY) == found
