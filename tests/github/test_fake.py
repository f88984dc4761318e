"""The fake cannot lie: what GitHub's OpenAPI does not allow fails the test that did it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from costgate.http import Http, HttpError
from tests.github.conftest import TOKEN
from tests.github.fake import Fake
from tests.github.fake.people import ACTIONS
from tests.github.fake.routes import ROUTES
from tests.github.fake.spec import NotLikeGitHubError, Spec, spec
from tests.github.fake.state import AppIdentity

HERE = "/repos/acme/flows"


def operation(method: str, path: str) -> Any:
    found = spec().operation(method, path)
    assert found is not None
    return found


def test_every_endpoint_of_the_slice_is_served() -> None:
    described = {(method.upper(), path) for path, item in spec().document["paths"].items() for method in item}
    assert described == set(ROUTES)


def test_the_slice_is_whole_and_lean() -> None:
    text = json.dumps(Spec().document)
    assert '"description": "' not in text
    assert '"example"' not in text
    for pointer in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        spec().at(pointer.removeprefix("#"))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"merged": "no"}, "merged: 'no' is not of type 'boolean'"),
        ({"number": None}, "number: None is not of type 'integer'"),
        ({"created_at": "yesterday"}, "created_at: 'yesterday' is not a 'date-time'"),
        ({"html_url": "nowhere"}, "html_url: 'nowhere' is not a 'uri'"),
    ],
)
def test_an_answer_that_github_would_not_give(change: dict[str, object], wrong: str) -> None:
    good = spec().fill("pull-request", {"number": 1})
    spec().check_response(operation("GET", f"{HERE}/pulls/1"), 200, good)
    with pytest.raises(NotLikeGitHubError, match=wrong):
        spec().check_response(operation("GET", f"{HERE}/pulls/1"), 200, good | change)
    with pytest.raises(NotLikeGitHubError, match="is a required property"):
        spec().check_response(operation("GET", f"{HERE}/pulls/1"), 200, {"number": 1})


def test_a_status_that_is_not_described() -> None:
    with pytest.raises(NotLikeGitHubError, match=r"202 for GET .* is not described"):
        spec().check_response(operation("GET", f"{HERE}/pulls/1"), 202, {})
    with pytest.raises(NotLikeGitHubError, match=r"204 for DELETE .* has no body"):
        spec().check_response(operation("DELETE", f"{HERE}/issues/comments/1"), 204, {})


def test_a_field_that_the_schema_does_not_have_cannot_be_given() -> None:
    with pytest.raises(NotLikeGitHubError, match="pull-request has no mergedAt"):
        spec().fill("pull-request", {"mergedAt": None})
    with pytest.raises(NotLikeGitHubError, match=r"pull-request\.head has no branch"):
        spec().fill("pull-request", {"head": {"branch": "x"}})


def test_a_request_that_github_does_not_know_fails_the_test(connect: Callable[..., Http]) -> None:
    for path, query in ((f"{HERE}/nothing", {}), (f"{HERE}/pulls/1/commits", {"pr_page": 2})):
        fake = Fake()
        fake.world.token(TOKEN)
        fake.__enter__()
        with pytest.raises(HttpError, match="the fake failed"):
            connect(fake.url, tries=1).get(path[1:], query)
        with pytest.raises(AssertionError, match="the fake GitHub was not like GitHub"):
            fake.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"body": 7}, "7 is not of type 'string'"),
        ({}, "'body' is a required property"),
    ],
)
def test_a_body_that_github_refuses(fake: Fake, connect: Callable[..., Http], body: object, wrong: str) -> None:
    fake.world.push("dev", "feature")
    fake.world.open("dev", "feature")
    with pytest.raises(HttpError, match=f"answered 422: Validation Failed; {wrong}"):
        connect(fake.url).send("POST", f"{HERE[1:]}/issues/1/comments", body)


def test_sixty_annotations_in_one_request_are_refused(fake: Fake, connect: Callable[..., Http]) -> None:
    note = {"path": "f.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    body = {"name": "c", "head_sha": fake.world.main.branches["main"], "output": output}
    with pytest.raises(HttpError, match=r"answered 422: Validation Failed; .* is too long"):
        connect(fake.url).send("POST", f"{HERE[1:]}/check-runs", body)


def test_only_its_app_changes_a_check_run(fake: Fake, connect: Callable[..., Http]) -> None:
    fake.world.token("person", "dev")
    fake.world.token("other", app=AppIdentity(id=1, slug="other"))
    body = {"name": "c", "head_sha": fake.world.main.branches["main"], "output": {"title": "t", "summary": "s"}}
    with pytest.raises(HttpError, match="403: You must authenticate via a GitHub App"):
        connect(fake.url, "person").send("POST", f"{HERE[1:]}/check-runs", body)
    made: Any = connect(fake.url).send("POST", f"{HERE[1:]}/check-runs", body).body
    assert made["app"]["slug"] == ACTIONS.slug
    del body["head_sha"]
    with pytest.raises(HttpError, match="403: Invalid app_id"):
        connect(fake.url, "other").send("PATCH", f"{HERE[1:]}/check-runs/{made['id']}", body)
    with pytest.raises(HttpError, match="422: No commit found for SHA: beef"):
        connect(fake.url).send("POST", f"{HERE[1:]}/check-runs", body | {"head_sha": "beef"})


def test_annotations_and_labels_are_there_for_who_asks(fake: Fake, connect: Callable[..., Http]) -> None:
    note = {"path": "f.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    http, output = connect(fake.url), {"title": "t", "summary": "s", "annotations": [note]}
    body = {"name": "c", "head_sha": fake.world.main.branches["main"], "output": output}
    made: Any = http.send("POST", f"{HERE[1:]}/check-runs", body).body
    listed: Any = http.get(f"{HERE[1:]}/check-runs/{made['id']}/annotations").body
    assert [each["message"] for each in listed] == ["m"]
    assert http.get(f"{HERE[1:]}/check-runs/{made['id']}").body == made
    fake.world.push("dev", "feature")
    fake.world.open("dev", "feature")
    fake.world.token("fiona's", "fiona")
    labelled = connect(fake.url, "fiona's").send("POST", f"{HERE[1:]}/issues/1/labels", {"labels": ["ok"]}).body
    assert http.get(f"{HERE[1:]}/issues/1/labels").body == labelled
    (event,) = fake.world.main.pulls[1].events
    assert event.actor is not None
    assert (event.actor.login, event.via_app) == ("fiona", None)
    comment = fake.world.comment("eve", 1, "x")
    assert http.get(f"{HERE[1:]}/issues/comments/{comment}").body["body"] == "x"  # type: ignore[index]


def test_who_may_not(fake: Fake, connect: Callable[..., Http]) -> None:
    fake.world.push("dev", "feature")
    fake.world.open("dev", "feature")
    with pytest.raises(HttpError, match="401: Requires authentication"):
        connect(fake.url, "").send("POST", f"{HERE[1:]}/issues/1/comments", {"body": "x"})
    with pytest.raises(HttpError, match="401: Bad credentials"):
        connect(fake.url, "stolen").get(HERE[1:])
    with pytest.raises(HttpError, match="404"):
        connect(fake.url, "").get("orgs/acme/teams/finance")
    with pytest.raises(HttpError, match="404: Not Found"):
        connect(fake.url).get("repos/acme/nothing")


def test_unrelated_histories_have_no_merge_base(fake: Fake, connect: Callable[..., Http]) -> None:
    alone = fake.world.push("dev", "orphan", parents=())
    with pytest.raises(HttpError, match="404: No common ancestor"):
        connect(fake.url).get(f"{HERE[1:]}/compare/main...{alone}")


def test_an_account_keeps_its_id_under_another_name(fake: Fake) -> None:
    paul = fake.world.user("paul", id=4711)
    assert fake.world.rename_user("paul", "paula") == type(paul)(id=4711, login="paula")
    fake.world.push("dev", "feature")
    number = fake.world.open("dev", "feature")
    fake.world.close("dev", number)
    assert fake.world.main.pulls[number].state == "closed"
    run = fake.world.run("dev", number=number, conclusion=None)
    fake.world.clock.advance(minutes=5)
    fake.world.finish(run, "cancelled")
    assert fake.world.main.runs[run].conclusion == "cancelled"
