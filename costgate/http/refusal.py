"""Why a try failed, whether another may help and when: rules of docs.github.com, "Rate limits for the REST API"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

FIRST_WAIT_S = 1
FIRST_LIMIT_WAIT_S = 60  # of a limit that does not say how long


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong with one try."""

    message: str
    help: str = ""
    status: int | None = None
    heals: bool = True  # another try may do better
    unprocessed: bool = False  # the server certainly did nothing, so that even a POST may be sent again
    first_wait_s: float = FIRST_WAIT_S  # doubled from try to try
    asked_wait_s: float | None = None  # as the server asks

    def wait_s(self, tried: int) -> float:
        """Seconds before the next try, after `tried` of them."""
        return self.asked_wait_s or self.first_wait_s * 2.0 ** (tried - 1)


def refused(status: int, headers: Mapping[str, str], content: bytes, clean: Callable[[str], str]) -> Fault:
    """The fault of an answer that says no. `headers` are case-insensitive; `clean` makes foreign text fit to show."""
    said = _message(content)
    limited = status == 429 or (status == 403 and _is_limit(headers, said))
    request_id = headers.get("X-GitHub-Request-Id")
    texts = (f"answered {status}", f": {clean(said)}" if said else "", f" (request {request_id})" if request_id else "")
    return Fault(
        message=clean("".join(texts)),
        help=clean(_way_out(status, headers, limited)),
        status=status,
        heals=limited or status >= 500,
        unprocessed=limited,
        first_wait_s=FIRST_LIMIT_WAIT_S if limited else FIRST_WAIT_S,
        asked_wait_s=_asked_wait_s(headers),
    )


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date in UTC; None for what is none."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):  # 9999-12-31 west of Greenwich is after all time in UTC
        return None


def _message(content: bytes) -> str:
    """GitHub's `message`, and what it says of single fields."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    details = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    texts = [each.get("message") or f"{each.get('field')} is {each.get('code')}" for each in details]
    return "; ".join(str(text) for text in (data.get("message"), *texts) if text)


def _is_limit(headers: Mapping[str, str], said: str) -> bool:
    """Whether a 403 is a limit and not a missing permission."""
    spent = headers.get("X-RateLimit-Remaining") == "0"
    return "Retry-After" in headers or spent or "secondary rate limit" in said


def _asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the server says, by the server's own clock."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    now, until = http_date(headers.get("Date", "")), http_date(after)
    if re.fullmatch("[0-9]{1,9}", after):
        wait_s = float(after)
    elif now and until:
        wait_s = (until - now).total_seconds()
    elif now and headers.get("X-RateLimit-Remaining") == "0" and re.fullmatch("[0-9]{1,12}", reset):
        wait_s = int(reset) - now.timestamp() + 1
    else:
        return None
    return max(wait_s, FIRST_WAIT_S)


def _way_out(status: int, headers: Mapping[str, str], limited: bool) -> str:
    needed = headers.get("X-Accepted-GitHub-Permissions", "")
    if limited:
        return "a token has a number of requests per hour and per minute; run again later, or less at once"
    if status == 401:
        return "the token is wrong, expired or revoked"
    if status in (403, 404) and needed:
        return f"the token needs {_permissions(needed)} (in a workflow: under `permissions:`)"
    return "it does not exist, or the token may not see it" if status == 404 else ""


def _permissions(header: str) -> str:
    """`pull_requests=write,contents=read; issues=write` for people: `a: write` and `b: read`, or `c: write`."""
    sets = [each.strip().replace("_", "-").replace("=", ": ").split(",") for each in header.split(";")]
    return ", or ".join(" and ".join(f"`{permission.strip()}`" for permission in each) for each in sets)
