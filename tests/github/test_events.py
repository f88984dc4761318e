"""What started a workflow run: only a pull request or a merge group has something to judge."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.errors import CostgateError, InputError, WorldError
from costgate.github.events import Event, Group, parse

A, B = "a" * 40, "b" * 40


def pull_request(head: Any = "acme/flows", **fields: Any) -> dict[str, Any]:
    repo = None if head is None else {"full_name": head}
    return {
        "action": "labeled",
        "repository": {"full_name": "acme/flows"},
        "pull_request": {"number": 4, "head": {"repo": repo}},
        **fields,
    }


def queued(ref: str = f"refs/heads/gh-readonly-queue/main/pr-12-{A}", **fields: Any) -> dict[str, Any]:
    group = {"base_sha": A, "head_sha": B, "base_ref": "refs/heads/main", "head_ref": ref}
    return {"action": "checks_requested", "repository": {"full_name": "acme/flows"}, "merge_group": group, **fields}


def read(name: str, payload: Any) -> Event:
    return parse(name, json.dumps(payload).encode())


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target", "pull_request_review"])
@pytest.mark.parametrize(
    ("head", "is_fork"), [("acme/flows", False), ("Acme/Flows", False), ("dev/flows", True), (None, True)]
)
def test_a_pull_request(name: str, head: str | None, is_fork: bool) -> None:
    expected = Event(name=name, action="labeled", repository="acme/flows", number=4, is_fork=is_fork)
    assert read(name, pull_request(head)) == expected


REFS = {
    f"refs/heads/gh-readonly-queue/main/pr-12-{A}": 12,
    f"refs/heads/gh-readonly-queue/release/2026/pr-7-{A}": 7,
    f"refs/heads/pr-7-{A}": None,
    "refs/heads/gh-readonly-queue/main/pr-12-x": None,
}


@pytest.mark.parametrize(("ref", "number"), REFS.items(), ids=REFS)
def test_a_merge_group(ref: str, number: int | None) -> None:
    event = read("merge_group", queued(ref))
    assert event.group == Group(base_sha=A, head_sha=B, base_ref="main", number=number)
    assert event.number is None


WRONG: dict[str, tuple[str, bytes, type[CostgateError], str]] = {
    "another event": ("push", b"{}", InputError, "the event 'push' has no change to judge"),
    "no JSON": ("pull_request", b"{", InputError, "is not JSON"),
    "no text": ("pull_request", b"\xff\xfe", InputError, "is not JSON"),
    "nested without end": ("pull_request", b"[" * 100_000, InputError, "is not JSON"),
    "larger than GitHub's": ("pull_request", b" " * 25_000_001, InputError, "25,000,001 bytes"),
    "no object": ("pull_request", b"[]", WorldError, "an object"),
    "nothing of a pull request": ("pull_request", b"{}", WorldError, "pull_request is missing"),
    "a number that is none": (
        "pull_request",
        json.dumps(pull_request(pull_request={"number": "4", "head": {"repo": None}})).encode(),
        WorldError,
        "pull_request.number",
    ),
    "a commit that is none": (
        "merge_group",
        json.dumps(queued(merge_group={**queued()["merge_group"], "head_sha": "HEAD"})).encode(),
        WorldError,
        "merge_group.head_sha",
    ),
}


@pytest.mark.parametrize(("name", "payload", "kind", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_event(name: str, payload: bytes, kind: type[CostgateError], words: str) -> None:
    with pytest.raises(kind, match=words):
        parse(name, payload)


@given(
    st.sampled_from(["pull_request", "merge_group", "x"]),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["action", "repository", "full_name", "pull_request", "merge_group", "head"]), inner
        ),
        max_leaves=20,
    ).map(lambda data: json.dumps(data).encode()),
)
def test_any_bytes_end_in_an_event_or_a_clear_error(name: str, payload: bytes) -> None:
    with contextlib.suppress(InputError, WorldError):
        assert parse(name, payload).name == name
