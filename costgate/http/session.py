"""Requests, tries, redirects and pages."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from costgate import __version__
from costgate.errors import WorldError
from costgate.http.place import Bearer, checked_address, checked_token, shown
from costgate.http.refusal import Fault, http_date, refused

if TYPE_CHECKING:
    from requests import Session

HEADERS = {
    "Accept": "application/vnd.github+json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"metaflow-costgate/{__version__}",
    "X-GitHub-Api-Version": "2022-11-28",  # the newer one is unknown to older GitHub Enterprise Servers
}
CHUNK = 2**16  # bytes
REDIRECTS = (301, 302, 303, 307, 308)
IDEMPOTENT = ("GET", "DELETE")

Raw = tuple[int, Mapping[str, str], bytes]  # status, headers, body


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a session may take."""

    connect_s: float = 10
    read_s: float = 30  # between two bytes
    request_s: float = 60  # one request, name lookup and a dripping body included
    total_s: float = 300  # all requests of the session together, and the waits for another try
    body_bytes: int = 64 * 10**6  # a hundred comments of the largest size, escaped
    pages: int = 400
    redirects: int = 5
    tries: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with status 2xx."""

    where: str  # `GET /repos/…`, for messages
    url: str
    status: int
    headers: Mapping[str, str]  # case-insensitive
    body: object  # what the JSON says; None where there is no body


class HttpError(WorldError):
    """A request without a usable answer. `status` is the answer's, None where there was none, or only half of one."""

    def __init__(self, message: str, *, where: str, help: str = "", status: int | None = None) -> None:
        super().__init__(message, where=where, help=help)
        self.status = status


class _TooLargeError(Exception):
    pass


class Http:
    """Requests to one API."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        limits: Limits | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base_url` is what GITHUB_API_URL says; `token` may be empty; `sleep` and `clock` count seconds.

        Raises InputError for an address or a token that cannot be one.
        """
        self._base = checked_address(base_url)
        self._bearer = Bearer(checked_token(token), self._base)
        self._limits = limits or Limits()
        self._sleep, self._clock = sleep, clock
        self._left_s = self._limits.total_s
        self._session: Session | None = None
        self.date: datetime | None = None  # the server's clock, as its last answer says

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._session:
            self._session.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Answer:
        """The answer to a GET below the base address, redirects on the same host followed.

        Raises HttpError for anything but 2xx with a whole body of JSON.
        """
        return self._followed(self._url(path, query))

    def pages(self, path: str, query: Mapping[str, str | int] | None = None) -> Iterator[Answer]:
        """All pages, by `Link: rel="next"`. Raises HttpError where they do not end, repeat, or lead to another host."""
        url, seen = self._url(path, query), set[str]()
        while True:
            answer = self._followed(url)
            yield answer
            seen.add(url)
            link = _next_link(answer)
            if link is None:
                return
            url = self._own(link, answer, "the next page is")
            if url in seen or len(seen) >= self._limits.pages:
                what = "the pages repeat" if url in seen else f"there are more than {self._limits.pages} pages"
                raise HttpError(what, where=answer.where, status=answer.status)

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """The answer to a POST, PATCH or DELETE. Sent again only if that cannot do it twice. Raises HttpError."""
        answer = self._ask(method, self._url(path), None if body is None else json.dumps(body).encode())
        if answer.status in REDIRECTS:
            raise HttpError(
                f"answered {answer.status}: a redirect, followed only when reading",
                where=answer.where,
                help="was the repository renamed or moved? Use its new name",
                status=answer.status,
            )
        return answer

    def _url(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        return f"{self._base}/{path}{'?' if query else ''}{urlencode(query or {})}"

    def _followed(self, url: str) -> Answer:
        for _ in range(self._limits.redirects + 1):
            answer = self._ask("GET", url, None)
            if answer.status not in REDIRECTS:
                return answer
            url = self._own(answer.headers.get("Location", ""), answer, "it redirects to a place")
        message = f"more than {self._limits.redirects} redirects"
        raise HttpError(message, where=answer.where, help="is the address of the API right?", status=answer.status)

    def _own(self, link: str, answer: Answer, what: str) -> str:
        """Where a link leads, if to the API's own host. What another says is no record of this one, token or not."""
        try:
            url = urljoin(answer.url, link)
        except ValueError:  # half an IPv6 address
            url = ""
        if self._bearer.may_go_to(url):
            return url
        raise HttpError(
            f"{what} on another host: {self._bearer.clean(shown(url))}",
            where=answer.where,
            help=f"only {shown(self._base)} is asked; is the address of the API right?",
            status=answer.status,
        )

    def _ask(self, method: str, url: str, body: bytes | None) -> Answer:
        """An answer (2xx or a redirect), within the time that is left for all of them."""
        end = self._clock() + self._left_s
        try:
            return self._tried(method, url, body, end)
        finally:
            self._left_s = end - self._clock()

    def _tried(self, method: str, url: str, body: bytes | None, end: float) -> Answer:
        """Try until there is an answer, waiting as the server asks."""
        where, tried = f"{method} {urlsplit(url).path}", 0
        while True:
            outcome = self._try(method, url, body, where, end - self._clock())
            if isinstance(outcome, Answer):
                return outcome
            tried += 1
            why = self._why_no_more(method, outcome, tried, end - self._clock())
            if why is not None:
                times = f", {tried} times" if tried > 1 else ""
                message = f"{outcome.message}{times}{why}"
                raise HttpError(message, where=where, help=outcome.help, status=outcome.status)
            self._sleep(outcome.wait_s(tried))

    def _why_no_more(self, method: str, fault: Fault, tried: int, left_s: float) -> str | None:
        """Why there is no other try, as the end of a message; None if there is to be one."""
        if not fault.heals or tried >= self._limits.tries:
            return ""
        if not fault.unprocessed and method not in IDEMPOTENT:
            return "; not repeated, because it may have been done"
        if fault.wait_s(tried) >= left_s:
            return f"; the next try is due in {fault.wait_s(tried):,.0f} s, and {max(left_s, 0):,.0f} s are left"
        return None

    def _try(self, method: str, url: str, body: bytes | None, where: str, left_s: float) -> Answer | Fault:
        seconds = min(self._limits.request_s, left_s)
        if seconds <= 0:
            return Fault(message=f"no time left: all requests together have {self._limits.total_s:,.0f} s", heals=False)
        outcome = _within(seconds, lambda: self._exchange(method, url, body))
        if outcome is None:
            return Fault(message=f"no whole answer within {seconds:.3g} s")
        if isinstance(outcome, Exception):
            return self._broken(outcome)
        status, headers, content = outcome
        self.date = http_date(headers.get("Date", "")) or self.date
        if not 200 <= status < 300 and status not in REDIRECTS:
            return refused(status, headers, content, self._bearer.clean)
        try:
            data = json.loads(content) if content and status not in REDIRECTS else None
        except (ValueError, RecursionError):
            return Fault(message=f"answered {status}, but not with JSON")
        return Answer(where=where, url=url, status=status, headers=headers, body=data)

    def _exchange(self, method: str, url: str, body: bytes | None) -> Raw:
        """One request and its whole answer; raises what `requests` raises."""
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.auth = self._bearer  # one that is always set keeps requests from reading netrc
            self._session.headers.update(HEADERS)
        headers = {"Content-Type": "application/json"} if body else None
        request = self._session.prepare_request(requests.Request(method, url, data=body, headers=headers))
        environment = self._session.merge_environment_settings(url, {}, True, None, None)
        # By the adapter: a session reads a redirect to its end and prepares the next, though told not to follow.
        with self._session.get_adapter(url).send(
            request,
            stream=True,
            timeout=(self._limits.connect_s, self._limits.read_s),
            verify=environment["verify"] or True,
            proxies=environment["proxies"],
        ) as response:
            content = bytearray()
            for chunk in response.iter_content(CHUNK):
                content += chunk
                if len(content) > self._limits.body_bytes:
                    raise _TooLargeError
            return response.status_code, response.headers, bytes(content)

    def _broken(self, error: Exception) -> Fault:
        """What went wrong below HTTP."""
        import requests
        from urllib3.exceptions import NewConnectionError

        if isinstance(error, _TooLargeError):
            return Fault(message=f"the answer is larger than {self._limits.body_bytes:,} bytes", heals=False)
        if not isinstance(error, requests.RequestException):
            raise error  # a bug here
        reason = getattr(next(iter(error.args), None), "reason", None)
        never_sent = isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
        root: BaseException = error
        while (deeper := root.__cause__ or root.__context__) is not None:
            root = deeper
        what = "cannot connect" if never_sent else "the connection failed"
        certificate = isinstance(error, requests.exceptions.SSLError)
        return Fault(
            message=f"{what}: {self._bearer.clean(str(root) or type(root).__name__)}",
            help="a certificate of your own goes into REQUESTS_CA_BUNDLE" if certificate else "",
            unprocessed=never_sent,
        )


def _within(seconds: float, call: Callable[[], Raw]) -> Raw | Exception | None:
    """What `call` returns or raises; None when it takes longer.

    In a thread, because no timeout of a socket ends a name lookup, or an answer that comes one byte at a time.
    """
    outcome: queue.SimpleQueue[Raw | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put(call())
        except Exception as error:  # noqa: BLE001 - handed to the caller whole
            outcome.put(error)

    threading.Thread(target=work, daemon=True, name="costgate-http").start()
    try:
        return outcome.get(timeout=seconds)
    except queue.Empty:
        return None


def _next_link(answer: Answer) -> str | None:
    from requests.utils import parse_header_links

    links = parse_header_links(answer.headers.get("Link", ""))
    return next((link["url"] for link in links if link.get("rel") == "next"), None)
