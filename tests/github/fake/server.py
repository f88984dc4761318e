"""HTTP around the world: tokens, pages, headers, faults. Each request and each response is checked against the spec."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github.fake.faults import MESSAGES, Fault, Faults
from tests.github.fake.routes import ROUTES, Call, Listing, RefusalError, Reply, allow, invalid
from tests.github.fake.spec import NotLikeGitHubError, Operation, spec
from tests.github.fake.state import Token
from tests.github.fake.world import World

DRIP_S = 0.02


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Fake:
    """A GitHub that runs: `with Fake() as fake:`. Leaving raises what was not like GitHub.

    `prefix` is `/api/v3` for an Enterprise Server. `seen` has all requests.
    """

    world: World = field(default_factory=World)
    prefix: str = ""
    faults: Faults = field(default_factory=Faults)
    seen: list[Seen] = field(default_factory=list)
    wrong: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Fake:
        self.lock, self.ended = threading.RLock(), threading.Event()
        fake = self

        class Handler(_Handler):
            owner = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self.wrong:
            raise AssertionError(f"the fake GitHub was not like GitHub: {self.wrong[0]}") from self.wrong[0]

    @property
    def url(self) -> str:
        """What GITHUB_API_URL would say."""
        return f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    def count(self, method: str, path: str = "") -> int:
        """How many requests came with `path` in their path."""
        return sum(each.method == method and path in each.path for each in self.seen)


class _Handler(BaseHTTPRequestHandler):
    owner: Fake
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None: ...

    def handle(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        url, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        path, query = url.path.removeprefix(self.owner.prefix), dict(parse_qsl(url.query, keep_blank_values=True))
        body = json.loads(raw) if raw else None
        with self.owner.lock:
            self.owner.seen.append(Seen(self.command, path, query, dict(self.headers), body))
            fault = self.owner.faults.take(self.command, path)
            reply = self._fault_first(fault) or self._reply(path, query, body, bool(raw))
        self._write(reply, fault, path, query)

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815

    def _fault_first(self, fault: Fault | None) -> Reply | None:
        """The answer of a fault that keeps anything from being done."""
        if fault is None:
            return None
        if isinstance(fault.kind, int):
            message = fault.options.get("message") or MESSAGES[fault.kind]
            return Reply(fault.kind, {"message": message, "documentation_url": "https://docs.example"}, fault.headers)
        if fault.kind == "redirect":
            location = {"Location": fault.options["to"]}
            return Reply(fault.options.get("status", 302), {"message": "Moved"}, location)
        return Reply(0) if fault.kind in ("timeout", "drop") else None

    def _reply(self, path: str, query: Mapping[str, str], body: object, has_body: bool) -> Reply:
        operation = spec().operation(self.command, path)
        try:
            if operation is None or (operation.method, operation.template) not in ROUTES:
                raise NotLikeGitHubError(
                    f"{self.command} {path} is no endpoint of the slice: see scripts/slice_openapi.py"
                )
            reply = self._answer(operation, path, query, body, has_body)
            spec().check_response(operation, reply.status, reply.body)
        except Exception as error:
            self.owner.wrong.append(error)
            return Reply(500, {"message": f"the fake failed: {error}"})
        return reply

    def _answer(self, operation: Operation, path: str, query: Mapping[str, str], body: object, has_body: bool) -> Reply:
        world, values = self.owner.world, operation.values
        route = ROUTES[operation.method, operation.template]
        try:
            token = self._token()
            repo = None
            if "repo" in values:
                repo = world.repositories.get(f"{values['owner']}/{values['repo']}")
                if repo is None:
                    raise RefusalError(404, "Not Found")
            allow(route, token, repo, reads=operation.method == "GET")
            problems = spec().check_request(operation, query, body, has_body)
            if problems:
                raise invalid("body", problems[0])
            outcome = route.answer(Call(world, token, values, query, body, repo))
        except RefusalError as refusal:
            return refusal.reply
        return self._page(outcome, path, query) if isinstance(outcome, Listing) else outcome

    def _token(self) -> Token | None:
        given = self.headers.get("Authorization")
        if given is None:
            return None
        token = self.owner.world.tokens.get(given.removeprefix("Bearer "))
        if token is None:
            raise RefusalError(401, MESSAGES[401])
        return token

    def _page(self, listing: Listing, path: str, query: Mapping[str, str]) -> Reply:
        size, name = int(query.get("per_page", 30)), "after" if listing.cursor else "page"
        page = int(query.get(name, 1))
        items = listing.items[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(listing.items):
            headers["Link"] = self._link(path, {**query, name: str(page + 1)})
        if not listing.key:
            return Reply(200, items, headers)
        return Reply(200, {**listing.more, listing.total: len(listing.items), listing.key: items}, headers)

    def _link(self, path: str, query: Mapping[str, str]) -> str:
        url = f"{self.owner.url}{path}"
        return f'<{url}?{urlencode({**query, "page": "1"})}>; rel="first", <{url}?{urlencode(query)}>; rel="next"'

    def _write(self, reply: Reply, fault: Fault | None, path: str, query: Mapping[str, str]) -> None:
        kind = fault.kind if fault else None
        if kind == "timeout":
            self.owner.ended.wait()
        if kind in ("timeout", "drop", "drop-after"):
            self.close_connection = True
            return
        body = reply.body if not fault or kind != "replace" else {**reply.body, **fault.options["body"]}
        content = b"" if body is None else json.dumps(body).encode()
        headers = {**self._usual(), **reply.headers}
        if kind in ("endless", "loop", "elsewhere") and fault:
            page = int(query.get("page", 1)) + (kind == "endless")
            link = {"elsewhere": f'<{fault.options.get("to")}>; rel="next"'}
            headers["Link"] = link.get(str(kind), self._link(path, {**query, "page": str(page)}))
        if kind == "skew" and fault:
            headers["Date"] = self._date(fault.options["seconds"])
        if kind == "no-date":
            del headers["Date"]
        content = {"text": b"<html>Welcome to the hotel's network", "empty": b""}.get(str(kind), content)
        self._send(reply.status, headers, content, str(kind))

    def _send(self, status: int, headers: Mapping[str, str], content: bytes, kind: str) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204 and kind != "huge":
            self.send_header("Content-Length", str(len(content)))
        if kind == "huge":
            self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = kind in ("half", "huge")
        if kind == "drip":
            for each in content:
                self.wfile.write(bytes([each]))
                time.sleep(DRIP_S)
        elif kind == "huge":
            while not self.owner.ended.is_set():
                self.wfile.write(b" " * 2**16)
        else:
            self.wfile.write(content[: len(content) // 2] if kind == "half" else content)

    def _usual(self) -> dict[str, str]:
        return {
            "Date": self._date(0),
            "Content-Type": "application/json; charset=utf-8",
            "X-GitHub-Request-Id": "0FA1:51CE",
            "X-RateLimit-Remaining": "4999",
        }

    def _date(self, seconds: float) -> str:
        return format_datetime(self.owner.world.clock.now + timedelta(seconds=seconds), usegmt=True)
