"""Strict reading: each record is read from what GitHub's schema describes, and from nothing less."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import WorldError
from costgate.github import parse
from costgate.github.fields import Field
from tests.github.fake.spec import spec

SHA = "a" * 40
TIME = "2026-11-23T09:00:00Z"
PERSON = {"id": 7, "login": "fiona", "type": "User"}
TIP = {"sha": SHA, "ref": "main", "repo": None}
# name → reader, schema, what the schema's empty values are no good for
RECORDS: dict[str, tuple[Callable[[Field], object], str, dict[str, Any]]] = {
    "repository": (parse.repository, "full-repository", {}),
    "pull request": (parse.pull_request, "pull-request", {"head": TIP, "base": TIP}),
    "event": (parse.issue_event, "labeled-issue-event", {"event": "labeled", "created_at": TIME}),
    "review": (parse.review, "pull-request-review", {"commit_id": SHA, "submitted_at": TIME}),
    "commit": (parse.commit_of_pull, "commit", {"sha": SHA}),
    "activity": (parse.activity, "activity", {"before": SHA, "after": SHA}),
    "check suite": (parse.check_suite, "check-suite", {"head_sha": SHA}),
    "check run": (parse.check_run, "check-run", {"head_sha": SHA}),
    "workflow run": (
        parse.workflow_run,
        "workflow-run",
        {"head_sha": SHA, "run_attempt": 1, "name": None, "run_started_at": TIME, "actor": PERSON,
         "triggering_actor": None, "referenced_workflows": [{"path": "acme/.github/gate.yml@main", "sha": SHA}]},
    ),
    "job": (parse.job, "job", {"head_sha": SHA, "run_attempt": 2}),
    "comment": (parse.comment, "issue-comment", {"body": "x", "performed_via_github_app": None}),
    "membership": (parse.membership, "team-membership", {}),
    "permission": (parse.permission, "repository-collaborator-permission", {}),
    "comparison": (parse.compare, "commit-comparison", {"merge_base_commit": {"sha": SHA}}),
    "account": (parse.account, "simple-user", PERSON),
    "app": (parse.app, "integration", {"slug": "ci"}),
}  # fmt: skip


def field(value: object) -> Field:
    return Field(value=value, where="GET /repos/acme/flows/x")


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_read_from_what_the_schema_requires_and_little_more(name: str) -> None:
    read, schema, more = RECORDS[name]
    read(field(spec().fill(schema, more)))


def used(read: Callable[[Field], object], value: dict[str, Any]) -> list[str]:
    """The fields of the first level without which it cannot be read."""
    found = []
    for key in value:
        try:
            read(field({name: each for name, each in value.items() if name != key}))
        except WorldError as error:
            found.append(str(error).removeprefix("GET /repos/acme/flows/x: ").split(" is missing\nhelp: ")[0])
    return found


@pytest.mark.parametrize("name", RECORDS)
def test_no_field_has_a_default(name: str) -> None:
    read, schema, more = RECORDS[name]
    value = spec().fill(schema, more)
    record = read(field(value))
    keys = used(read, value)
    names = getattr(type(record), "__slots__", ())
    assert len(keys) >= min(len(names), 2)
    for key in keys:
        with pytest.raises(WorldError, match=f"GET /repos/acme/flows/x: {key}"):
            read(field({**value, key: object()}))


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda children: (
            st.lists(children, max_size=3)
            | st.dictionaries(st.sampled_from(["id", "sha", "user", "created_at", "x"]), children, max_size=4)
        ),
        max_leaves=12,
    ),
    name=st.sampled_from(sorted(RECORDS)),
)
def test_any_other_json_is_an_error_and_never_a_traceback(value: object, name: str) -> None:
    with pytest.raises(WorldError):
        RECORDS[name][0](field(value))


READERS: list[tuple[Callable[[Field], object], list[object], list[object]]] = [
    (Field.text, ["", "x", "ü"], [None, 1, True, [], {}, "\ud800"]),
    (Field.number, [0, -1, 10**30], [None, "1", True, 1.0, []]),
    (Field.flag, [True, False], [None, 0, 1, "true"]),
    (Field.sha, [SHA, "0" * 64], [None, "", "a" * 39, "A" * 40, "main", "--upload-pack=x", f"{SHA}\n", 7]),
    (Field.items, [[], [1]], [None, {}, "x", 1]),
    (
        Field.time,
        [TIME, "2026-11-23T10:00:00+01:00", "2026-11-23T09:00:00.123Z"],
        [None, "", "yesterday", "2026-11-23T09:00:00", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+10:00", 1795424400],
    ),
]


@pytest.mark.parametrize(("read", "values", "_"), READERS, ids=[read.__name__ for read, _, _ in READERS])
def test_fires_not(read: Callable[[Field], object], values: list[object], _: list[object]) -> None:
    for value in values:
        read(field(value))
        assert field(value).maybe(read) == read(field(value))


@pytest.mark.parametrize(("read", "_", "values"), READERS, ids=[read.__name__ for read, _, _ in READERS])
def test_fires(read: Callable[[Field], object], _: list[object], values: list[object]) -> None:
    for value in values:
        with pytest.raises(WorldError, match=r"^GET /repos/acme/flows/x: the answer is .*, not "):
            read(field(value))


def test_null_may_be_an_answer() -> None:
    assert field(None).maybe(Field.text) is None


def test_the_message_names_request_and_place() -> None:
    answer = field([{"head": {"repo": {"full_name": 7}}}])
    with pytest.raises(WorldError) as caught:
        answer.items()[0]["head"]["repo"]["full_name"].text()
    assert str(caught.value) == (
        "GET /repos/acme/flows/x: [0].head.repo.full_name is a number, not a text\n"
        "help: GitHub's API does not answer like this; is its address (GITHUB_API_URL) right?"
    )
    assert caught.value.exit_code == 3


def test_times_are_utc() -> None:
    assert field("2026-11-23T10:00:00+01:00").time() == datetime(2026, 11, 23, 9, tzinfo=timezone.utc)
    assert field("2026-11-23T10:00:00+01:00").time().tzinfo is timezone.utc


def test_an_identity_that_github_does_not_know() -> None:
    for unknown in (None, {}):
        commit = parse.commit_of_pull(
            field(spec().fill("commit", {"sha": SHA, "author": unknown, "committer": PERSON}))
        )
        assert commit.author is None
        assert commit.committer is not None
    half = spec().fill("commit", {"sha": SHA}) | {"author": {"login": "x"}}
    with pytest.raises(WorldError, match=r"author\.id is missing"):
        parse.commit_of_pull(field(half))


def test_a_pending_review_has_no_time_and_any_other_has_one() -> None:
    given = {"commit_id": None, "state": "PENDING", "user": None}
    assert parse.review(field(spec().fill("pull-request-review", given))).submitted_at is None
    with pytest.raises(WorldError, match="submitted_at is missing"):
        parse.review(field(spec().fill("pull-request-review", given | {"state": "APPROVED"})))


@pytest.mark.parametrize("event", ["labeled", "unlabeled"])
def test_a_label_event_has_its_label(event: str) -> None:
    value = spec().fill("state-change-issue-event", {"event": event, "created_at": TIME})
    with pytest.raises(WorldError, match="label is missing"):
        parse.issue_event(field(value))


@pytest.mark.parametrize(
    "rule", [{"type": "required_status_checks"}, {"type": "required_status_checks", "parameters": {}}, {}]
)
def test_a_rule_says_what_it_requires(rule: dict[str, Any]) -> None:
    with pytest.raises(WorldError, match="is missing"):
        parse.branch_rule(field(rule))


def test_other_rules_have_a_type() -> None:
    assert parse.branch_rule(field({"type": "workflows"})).required_checks == ()
    check = {"context": "costgate", "integration_id": "15368"}
    with pytest.raises(WorldError, match="integration_id is a text"):
        parse.branch_rule(field({"type": "required_status_checks", "parameters": {"required_status_checks": [check]}}))
    with pytest.raises(WorldError, match="not an object"):
        parse.branch_rule(field({"type": "required_status_checks", "parameters": {"required_status_checks": ["x"]}}))
