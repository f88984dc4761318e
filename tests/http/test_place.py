"""Which host a token belongs to."""

from __future__ import annotations

import pytest
import requests

from costgate.errors import InputError
from costgate.http.place import Bearer, checked_address, checked_token, origin, shown

TOKEN = "ghs_secret"
BASE = "https://api.github.com"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.github.com", "https://api.github.com"),
        ("https://api.github.com/", "https://api.github.com"),
        ("https://ghe.acme.com/api/v3/", "https://ghe.acme.com/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_addresses_of_an_api(url: str, base: str) -> None:
    assert checked_address(url) == base


@pytest.mark.parametrize(
    "url",
    ["", "api.github.com", "ftp://api.github.com", "https://", "https://me:secret@host", "https://h?x", "https://h#x",
     "https://h:port", "https://[::1", "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_address_of_an_api(url: str) -> None:
    with pytest.raises(InputError, match="GITHUB_API_URL is https") as caught:
        checked_address(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["ghs_a b", "ghs_a\nb", "ghs_ü", "a\0b"])
def test_an_odd_token_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_token(token)
    assert token not in str(caught.value)


def test_a_newline_behind_a_token_is_no_part_of_it() -> None:
    assert checked_token("ghs_a\n") == "ghs_a"


@pytest.mark.parametrize(
    ("url", "goes"),
    [
        ("https://api.github.com/repos", True),
        ("https://API.GitHub.com:443/repos", True),
        ("http://api.github.com/repos", False),
        ("https://api.github.com:8443/repos", False),
        ("https://api.github.com.evil.example/", False),
        ("https://evil.example/?https://api.github.com", False),
        ("https://api.github.com@evil.example/", False),
        ("https://uploads.github.com/", False),
        ("https://api.github.com:x/", False),
        ("//api.github.com/", False),
        ("", False),
    ],
)
def test_the_token_goes_to_its_own_origin_only(url: str, goes: bool) -> None:
    bearer, request = Bearer(TOKEN, BASE), requests.PreparedRequest()
    request.url, request.headers = url, requests.structures.CaseInsensitiveDict()
    assert bearer.may_go_to(url) is goes
    assert ("Authorization" in bearer(request).headers) is goes


def test_no_token_no_header() -> None:
    request = requests.Request("GET", BASE, auth=Bearer("", BASE)).prepare()
    assert "Authorization" not in request.headers


def test_a_request_without_an_address_gets_no_token() -> None:
    request = requests.PreparedRequest()
    request.headers = requests.structures.CaseInsensitiveDict()
    assert "Authorization" not in Bearer(TOKEN, BASE)(request).headers


def test_the_token_is_in_no_text() -> None:
    bearer = Bearer(TOKEN, BASE)
    assert TOKEN not in repr(bearer) + str(bearer) + f"{bearer}"
    assert bearer.clean(f"bad token {TOKEN}!") == "bad token ***!"
    assert Bearer("", BASE).clean("plain") == "plain"


def test_foreign_text_is_one_short_line_of_plain_characters() -> None:
    bearer = Bearer(TOKEN, BASE)
    assert bearer.clean("a\r\n::error::b\x1b[31m\u202ec\0d") == "a ::error::b [31m c d"
    assert len(bearer.clean("x" * 10_000)) == 301


def test_the_default_port_is_not_shown() -> None:
    assert origin("https://Host/") == ("https", "host", 443)
    assert shown("https://host:443/x") == "https://host"
    assert shown("http://host:8080/x") == "http://host:8080"
