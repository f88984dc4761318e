"""What may go wrong, on order: `faults.fail("/comments", 503, times=2)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

MESSAGES = {
    401: "Bad credentials",
    403: "Resource not accessible by integration",
    404: "Not Found",
    409: "Conflict",
    410: "Gone",
    422: "Validation Failed",
    429: "You have exceeded a secondary rate limit.",
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
    504: "Gateway timeout",
}
ALWAYS = 10**9
Kind = Literal[
    "timeout",  # no answer
    "drop",  # the connection closes before anything was done
    "drop-after",  # … after it was done
    "half",  # half of the body, and the connection closes
    "drip",  # a body that comes byte by byte
    "huge",  # a body without end
    "text",  # 200, but no JSON
    "empty",  # 200 without a body
    "redirect",  # to `to`, with `status`
    "endless",  # every page names a next one
    "loop",  # every page names itself as the next
    "elsewhere",  # the next page is at `to`
    "skew",  # the Date header is `seconds` off
    "no-date",  # there is no Date header
    "replace",  # what is in `body` replaces what is in the answer, unchecked
]


@dataclass(slots=True)
class Fault:
    path: str  # a part of the path
    kind: Kind | int
    method: str | None
    times: int
    headers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


class Faults:
    """Faults in waiting, the first that fits is used."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def fail(
        self,
        path: str,
        kind: Kind | int,
        *,
        times: int = 1,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """The next `times` requests whose path has `path` in it go wrong: a status, with `headers`, or a Kind.

        `options`: `message` of a status, `to` and `status` of a redirect, `to` of elsewhere, `seconds` of skew,
        `body` of replace.
        """
        self._waiting.append(Fault(path, kind, method, times, headers or {}, options))

    def limit(self, path: str, *, times: int = 1, retry_after: str | None = None, status: int = 429) -> None:
        """A secondary limit: 429 or 403, with or without `retry-after` (seconds or an HTTP date)."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self.fail(path, status, times=times, headers=headers, message=MESSAGES[429])

    def exhausted(self, path: str, *, reset: int, times: int = 1, status: int = 403) -> None:
        """The primary limit: nothing is left until `reset` (seconds since 1970)."""
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
        self.fail(path, status, times=times, headers=headers, message="API rate limit exceeded for installation.")

    def take(self, method: str, path: str) -> Fault | None:
        """The fault of a request, if one waits for it."""
        for fault in self._waiting:
            if fault.times > 0 and fault.path in path and fault.method in (None, method):
                fault.times -= 1
                return fault
        return None

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._waiting.clear()
