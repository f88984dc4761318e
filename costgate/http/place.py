"""Which host a token belongs to, and how it is kept there and out of every message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from costgate.errors import InputError

if TYPE_CHECKING:
    from requests import PreparedRequest

SHOWN = 300  # characters of what a server says
DEFAULT_PORTS = {"https": 443, "http": 80}


class Bearer:
    """Adds the token to requests for its own origin, and to no other; takes it out of texts."""

    __slots__ = ("_origin", "_token")

    def __init__(self, token: str, base_url: str) -> None:
        self._token, self._origin = token, origin(base_url)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._token and self.may_go_to(request.url or ""):
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "Bearer ***"

    def may_go_to(self, url: str) -> bool:
        """Whether an address has the scheme, host and port that the token belongs to."""
        return origin(url) == self._origin

    def clean(self, text: str) -> str:
        """Foreign text for a message: without the token and control characters, cut where it is long."""
        text = text.replace(self._token, "***") if self._token else text
        text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address; empty for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:  # a port that is no number, half an IPv6 address
        return "", "", None
    return parts.scheme, parts.hostname or "", port


def shown(url: str) -> str:
    """Scheme, host and port for people."""
    scheme, host, port = origin(url)
    return f"{scheme}://{host}" if port == DEFAULT_PORTS.get(scheme) else f"{scheme}://{host}:{port}"


def checked_address(url: str) -> str:
    """The base address of an API without a slash at its end. Raises InputError for anything else."""
    scheme, host, _ = origin(url)
    parts = urlsplit(url) if host else None
    if scheme in DEFAULT_PORTS and parts and not (parts.query or parts.fragment or "@" in parts.netloc):
        return url.rstrip("/")
    known = "https://api.github.com, or https://HOST/api/v3 on GitHub Enterprise Server"
    raise InputError("the address of GitHub's API is none", help=f"GITHUB_API_URL is {known}")


def checked_token(token: str) -> str:
    """The token without surrounding space; an odd one is refused here, since `requests` would print it."""
    token = token.strip()
    if re.fullmatch(r"[\x21-\x7e]*", token):
        return token
    raise InputError("the token has characters that no token has", help="copy it again: one line, no spaces")
