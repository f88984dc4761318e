"""Answers that say no: which may heal, when to try again, what they tell."""

from __future__ import annotations

import json

import pytest
from requests.structures import CaseInsensitiveDict

from costgate.http.refusal import Fault, http_date, refused

DATE = "Mon, 23 Nov 2026 09:00:00 GMT"  # 1795424400
NOW = 1795424400


def fault(status: int, message: object = "", **headers: str) -> Fault:
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return refused(status, named, json.dumps({"message": message}).encode(), str)


@pytest.mark.parametrize(
    ("status", "headers", "heals", "unprocessed"),
    [
        (400, {}, False, False),
        (401, {}, False, False),
        (403, {}, False, False),
        (403, {"X_RateLimit_Remaining": "7"}, False, False),
        (403, {"X_RateLimit_Remaining": "0"}, True, True),
        (403, {"Retry_After": "5"}, True, True),
        (404, {}, False, False),
        (409, {}, False, False),
        (422, {}, False, False),
        (429, {}, True, True),
        (500, {}, True, False),
        (503, {}, True, False),
    ],
)
def test_what_may_heal(status: int, headers: dict[str, str], heals: bool, unprocessed: bool) -> None:
    found = fault(status, "no", **headers)
    assert (found.status, found.heals, found.unprocessed) == (status, heals, unprocessed)


def test_a_secondary_limit_may_be_told_in_words_only() -> None:
    assert fault(403, "You have exceeded a secondary rate limit. Please wait").unprocessed


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "17"}, 17),
        ({"Retry_After": "0"}, 1),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:20 GMT", "Date": DATE}, 20),
        ({"Retry_After": "Mon, 23 Nov 2026 08:00:00 GMT", "Date": DATE}, 1),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(NOW + 30), "Date": DATE}, 31),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(NOW - 30), "Date": DATE}, 1),
        ({"Retry_After": "2", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(NOW + 30), "Date": DATE}, 2),
    ],
)
def test_the_wait_that_a_server_asks_for_by_its_own_clock(headers: dict[str, str], wait_s: float) -> None:
    assert fault(429, **headers).wait_s(1) == wait_s


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry_After": "soon"},
        {"Retry_After": "-5"},
        {"Retry_After": "1e9"},
        {"Retry_After": "9" * 5000},
        {"Retry_After": "٣"},
        {"Retry_After": "Mon, 23 Nov 2026 09:00:20 GMT"},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(NOW + 30)},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "x", "Date": DATE},
        {"X_RateLimit_Remaining": "5", "X_RateLimit_Reset": str(NOW + 30), "Date": DATE},
    ],
)
def test_a_limit_that_does_not_say_is_waited_for_longer_each_time(headers: dict[str, str]) -> None:
    assert [fault(429, **headers).wait_s(tried) for tried in (1, 2, 3)] == [60, 120, 240]


def test_a_server_error_is_waited_for_shortly() -> None:
    assert [fault(500).wait_s(tried) for tried in (1, 2, 3)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("status", "headers", "help"),
    [
        (401, {}, "the token is wrong, expired or revoked"),
        (404, {}, "it does not exist, or the token may not see it"),
        (429, {}, "run again later"),
        (422, {}, ""),
        (
            403,
            {"X_Accepted_GitHub_Permissions": "pull_requests=write,contents=read; issues=write"},
            "the token needs `pull-requests: write` and `contents: read`, or `issues: write` (in a workflow",
        ),
    ],
)
def test_the_way_out(status: int, headers: dict[str, str], help: str) -> None:
    found = fault(status, "no", **headers).help
    assert found.startswith(help) or help in found
    assert bool(help) == bool(found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"message": "Not Found"}', "answered 422: Not Found (request 7:A)"),
        (b'{"message": "Validation Failed", "errors": [{"field": "body", "code": "missing_field"}, {"message": "Hm"}]}',
         "answered 422: Validation Failed; body is missing_field; Hm (request 7:A)"),
        (b'{"message": "No", "errors": ["x", 1]}', "answered 422: No (request 7:A)"),
        (b'{"message": "No", "errors": "x"}', "answered 422: No (request 7:A)"),
        (b"[1]", "answered 422 (request 7:A)"),
        (b"<html>", "answered 422 (request 7:A)"),
        (b"\xff\xfe\xff", "answered 422 (request 7:A)"),
        (b"[" * 100_000, "answered 422 (request 7:A)"),
        (b"", "answered 422 (request 7:A)"),
    ],
)  # fmt: skip
def test_what_it_says(content: bytes, message: str) -> None:
    assert refused(422, CaseInsensitiveDict({"x-github-request-id": "7:A"}), content, str).message == message


def test_dates() -> None:
    assert http_date("") is None
    assert http_date("Fri, 31 Dec 9999 23:00:00 -1400") is None
    assert http_date("Mon, 99 Nov 2026 09:00:20 GMT") is None
    utc, zoneless, elsewhere = (http_date(f"Mon, 23 Nov 2026 {text}") for text in
                                ("09:00:00 GMT", "09:00:00 -0000", "10:00:00 +0100"))  # fmt: skip
    assert utc == zoneless == elsewhere
    assert utc is not None
    assert utc.timestamp() == NOW
