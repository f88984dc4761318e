"""Bounded in time, size, pages and tries; never a wrong success; the token stays where it belongs."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from costgate.errors import InputError
from costgate.http import Http, HttpError, Limits, session
from tests.github.conftest import TOKEN, Time
from tests.github.fake import Fake
from tests.github.fake.faults import ALWAYS

Connect = Callable[..., Http]
HERE = "repos/acme/flows"
COMMENTS = f"{HERE}/issues/1/comments"


@pytest.fixture
def http(fake: Fake, connect: Connect) -> Http:
    fake.world.push("dev", "feature")
    fake.world.open("dev", "feature")
    return connect(fake.url)


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Another host (another port is one): its address, and the headers that it saw."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", seen
        server.shutdown()
        thread.join()


# What is tried again


@pytest.mark.parametrize(
    ("method", "kind"),
    [(method, kind) for method in ("GET", "DELETE") for kind in (500, 502, 503, 504, "drop")]
    + [("GET", "half"), ("GET", "text")],
)
def test_what_may_heal_is_tried_again(http: Http, fake: Fake, time: Time, kind: int | str, method: str) -> None:
    comment = fake.world.comment("eve", 1, "x")
    fake.faults.fail("", kind, times=2)  # type: ignore[arg-type]
    path = f"{HERE}/issues/comments/{comment}"
    answer = http.get(path) if method == "GET" else http.send("DELETE", path)
    assert isinstance(answer.body, dict) is (method == "GET")
    assert (time.slept, len(fake.seen)) == ([1, 2], 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 418, 422, 451])
def test_what_does_not_heal_is_told_at_once(http: Http, fake: Fake, time: Time, status: int) -> None:
    fake.faults.fail("", status, message="no luck")
    with pytest.raises(HttpError, match=f"GET /{HERE}: answered {status}: no luck") as caught:
        http.get(HERE)
    assert (caught.value.status, caught.value.exit_code, time.slept, len(fake.seen)) == (status, 3, [], 1)


@pytest.mark.parametrize("kind", [500, 503, "drop-after", "drop", "half", "text"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_done_is_not_done_again(
    http: Http, fake: Fake, time: Time, kind: int | str, method: str
) -> None:
    path = COMMENTS if method == "POST" else f"{HERE}/issues/comments/{fake.world.comment('eve', 1, 'x')}"
    fake.faults.fail("", kind)  # type: ignore[arg-type]
    with pytest.raises(HttpError, match="not repeated, because it may have been done"):
        http.send(method, path, {"body": "hello"})
    assert (time.slept, len(fake.seen)) == ([], 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [403, 429])
def test_limits_are_obeyed_for_all_methods(http: Http, fake: Fake, time: Time, method: str, status: int) -> None:
    fake.faults.limit("", times=1, status=status)
    fake.faults.limit("", times=1, retry_after="7", status=status)
    fake.faults.limit("", times=1, retry_after="Mon, 23 Nov 2026 09:30:00 GMT", status=status)
    fake.world.clock.now = fake.world.clock.now.replace(minute=29, second=0)
    fake.faults.exhausted("", times=1, reset=int(fake.world.clock.now.timestamp()) + 9, status=status)
    answer = http.get(COMMENTS) if method == "GET" else http.send("POST", COMMENTS, {"body": "hello"})
    assert answer.status in (200, 201)
    assert time.slept == [60, 7, 60, 10]
    assert len(fake.world.main.comments) == (method == "POST")


def test_the_tries_end(http: Http, fake: Fake, time: Time) -> None:
    fake.faults.fail("", 503, times=ALWAYS)
    with pytest.raises(HttpError, match=r"answered 503: Service unavailable \(request 0FA1:51CE\), 5 times$"):
        http.get(HERE)
    assert time.slept == [1, 2, 4, 8]


def test_a_wait_beyond_the_time_that_is_left_is_not_begun(http: Http, fake: Fake, time: Time) -> None:
    fake.faults.limit("", retry_after="3600")
    with pytest.raises(HttpError, match="the next try is due in 3,600 s, and 300 s are left"):
        http.get(HERE)
    assert time.slept == []


def test_the_time_for_all_requests_ends(fake: Fake, connect: Connect, time: Time) -> None:
    http = connect(fake.url, total_s=100)
    for seconds in (40, 30):
        fake.faults.limit("", retry_after=str(seconds))
        http.get(HERE)
        time.now += 1000  # between the requests other work may take its time
    fake.faults.limit("", retry_after="30")
    with pytest.raises(HttpError, match="the next try is due in 30 s, and 30 s are left"):
        http.get(HERE)


def test_no_request_is_made_when_the_time_is_over(fake: Fake) -> None:
    ticks = iter(range(0, 1000, 60))
    http = Http(fake.url, TOKEN, limits=Limits(total_s=100), clock=lambda: next(ticks))
    http.get(HERE)
    with pytest.raises(HttpError, match="no time left: all requests together have 100 s"):
        http.get(HERE)
    http.close()
    assert len(fake.seen) == 1


def test_a_limit_of_an_hour_in_small_steps_ends_too(http: Http, fake: Fake, time: Time) -> None:
    fake.faults.limit("", times=ALWAYS)
    with pytest.raises(HttpError, match="the next try is due in 240 s, and 120 s are left"):
        http.get(HERE)
    assert time.slept == [60, 120]


def test_nobody_listens(connect: Connect, time: Time) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for method in ("GET", "POST"):  # nothing was sent, so even a POST is tried again
        time.slept.clear()
        with pytest.raises(HttpError, match=r"cannot connect: \[Errno \d+\] Connection refused, 5 times") as caught:
            connect(url).get("x") if method == "GET" else connect(url).send("POST", "x", {})
        assert caught.value.status is None
        assert time.slept == [1, 2, 4, 8]


# Time and size


def test_no_answer(fake: Fake, connect: Connect) -> None:
    fake.faults.fail("", "timeout", times=ALWAYS)
    with pytest.raises(HttpError, match="the connection failed: timed out, 2 times"):
        connect(fake.url, read_s=0.1, tries=2).get(HERE)


def test_an_answer_that_drips_is_not_waited_for(fake: Fake, connect: Connect) -> None:
    fake.faults.fail("", "drip", times=ALWAYS)
    with pytest.raises(HttpError, match=r"no whole answer within 0\.2 s, 2 times"):
        connect(fake.url, request_s=0.2, tries=2).get(HERE)


def test_a_body_without_end(fake: Fake, connect: Connect) -> None:
    fake.faults.fail("", "huge")
    with pytest.raises(HttpError, match=r"the answer is larger than 1,000,000 bytes$"):
        connect(fake.url, body_bytes=10**6).get(HERE)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("half", "the connection failed: .*IncompleteRead"),
        ("text", "answered 200, but not with JSON"),
        ("drop", "the connection failed: Remote end closed connection without response"),
    ],
)
def test_what_never_heals_is_an_error(http: Http, fake: Fake, kind: str, message: str) -> None:
    fake.faults.fail("", kind, times=ALWAYS)  # type: ignore[arg-type]
    with pytest.raises(HttpError, match=f"{message}.*, 5 times"):
        http.get(HERE)


def test_a_bug_is_not_dressed_as_a_failure_of_the_network(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CHUNK", "many")
    with pytest.raises(TypeError):
        http.get(HERE)


# Redirects and pages


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed_when_reading(http: Http, fake: Fake, status: int) -> None:
    fake.faults.fail("/old", "redirect", to=f"/{HERE}", status=status)
    assert http.get("repos/acme/old").body["full_name"] == "acme/flows"  # type: ignore[index]
    assert {each.headers["Authorization"] for each in fake.seen} == {f"Bearer {TOKEN}"}


def test_a_redirect_is_not_followed_when_writing(http: Http, fake: Fake) -> None:
    fake.faults.fail("", "redirect", to=f"/{HERE}", status=307)
    with pytest.raises(HttpError, match="answered 307: a redirect, followed only when reading") as caught:
        http.send("POST", COMMENTS, {"body": "x"})
    assert "renamed" in str(caught.value)
    assert len(fake.seen) == 1


def test_redirects_end(http: Http, fake: Fake) -> None:
    fake.faults.fail("", "redirect", to=f"/{HERE}", times=ALWAYS)
    with pytest.raises(HttpError, match="more than 5 redirects"):
        http.get(HERE)
    assert len(fake.seen) == 6


def test_another_host_sees_nothing(http: Http, fake: Fake, elsewhere: tuple[str, list[dict[str, str]]]) -> None:
    url, seen = elsewhere
    fake.faults.fail("", "redirect", to=url)
    with pytest.raises(HttpError, match=f"it redirects to a place on another host: {url[:-1]}"):
        http.get(HERE)
    fake.faults.fail("", "elsewhere", to=url)
    with pytest.raises(HttpError, match=f"the next page is on another host: {url[:-1]}"):
        list(http.pages(COMMENTS))
    fake.faults.fail("", "redirect", to=url, status=308)
    with pytest.raises(HttpError):
        http.send("DELETE", f"{HERE}/issues/comments/1")
    assert seen == []


@pytest.mark.parametrize("to", ["https://[", "//evil.example/x", "https://127.0.0.1/", "ftp://x", "javascript:1"])
def test_odd_places_are_not_gone_to(http: Http, fake: Fake, to: str) -> None:
    fake.faults.fail("", "redirect", to=to)
    with pytest.raises(HttpError, match="on another host"):
        http.get(HERE)
    assert len(fake.seen) == 1


def test_a_redirect_to_nowhere_ends(http: Http, fake: Fake) -> None:
    fake.faults.fail("", "redirect", to="", times=ALWAYS)
    with pytest.raises(HttpError, match="more than 5 redirects"):
        http.get(HERE)


def test_four_hundred_pages_are_read_and_not_one_more(http: Http, fake: Fake) -> None:
    fake.faults.fail("", "endless", times=399)
    assert len(list(http.pages(COMMENTS))) == 400
    fake.faults.clear()
    fake.faults.fail("", "endless", times=ALWAYS)
    with pytest.raises(HttpError, match="there are more than 400 pages"):
        list(http.pages(COMMENTS))
    assert len(fake.seen) == 800


def test_pages_that_repeat_end(http: Http, fake: Fake) -> None:
    fake.faults.fail("", "loop", times=ALWAYS)
    with pytest.raises(HttpError, match="the pages repeat"):
        list(http.pages(COMMENTS, {"page": 1}))
    assert len(fake.seen) == 1


# The token


def test_the_token_is_in_no_message_log_or_traceback(http: Http, fake: Fake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.faults.fail("", 422, message=f"what is {TOKEN}?", headers={"X-GitHub-Request-Id": TOKEN})
    texts = [repr(http), str(http), repr(vars(http))]
    for kind in (None, "drop", "text"):
        if kind:
            fake.faults.fail("", kind, times=5)  # type: ignore[arg-type]
        with pytest.raises(HttpError) as caught:
            http.get(HERE)
        texts += [repr(caught.value), "".join(traceback.format_exception(caught.value))]
        texts += [repr(vars(caught.value)), repr(caught.value.__context__), repr(caught.value.__cause__)]
    assert "what is ***?" in texts[3]
    assert len(caplog.records) > 5
    assert TOKEN not in caplog.text + "".join(texts)


def test_a_netrc_does_not_replace_the_token(
    fake: Fake, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    connect(fake.url).get(HERE)
    connect(fake.url, "").get(HERE)
    assert [each.headers.get("Authorization") for each in fake.seen] == [f"Bearer {TOKEN}", None]


def test_a_proxy_of_the_environment_is_used(
    connect: Connect, elsewhere: tuple[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, seen = elsewhere
    monkeypatch.setenv("http_proxy", url)
    assert connect("http://api.example.invalid").get("x").body == []
    assert seen[0]["Host"] == "api.example.invalid"


def test_a_certificate_of_ones_own_is_explained(connect: Connect, fake: Fake) -> None:
    with pytest.raises(HttpError, match="REQUESTS_CA_BUNDLE"):
        connect(fake.url.replace("http:", "https:"), tries=1).get(HERE)
    fake.seen.clear()


@pytest.mark.parametrize(("url", "token"), [("nowhere", "t"), ("https://host", "a b")])
def test_bad_settings_are_bad_input(url: str, token: str) -> None:
    with pytest.raises(InputError):
        Http(url, token)


def test_a_session_that_was_never_used_can_be_closed() -> None:
    Http("https://api.github.com", "", limits=Limits()).close()


def test_requests_is_imported_by_the_first_request() -> None:
    code = "import sys, costgate.github.client as c; from costgate.http import Http\n"
    code += "c.GitHub(Http('https://api.github.com', 't'), 'a/b')\nsys.exit('requests' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_servers_clock_is_kept(http: Http, fake: Fake) -> None:
    assert http.date is None
    http.get(HERE)
    assert http.date == fake.world.clock.now
    fake.faults.fail("", "skew", seconds=-7200)
    http.get(HERE)
    assert http.date is not None
    assert (fake.world.clock.now - http.date).total_seconds() == 7200
    fake.faults.fail("", "no-date")
    http.get(HERE)
    assert (fake.world.clock.now - http.date).total_seconds() == 7200
