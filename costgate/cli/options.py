"""Options that several commands share, and how their texts become values."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import click

from costgate.errors import InputError
from costgate.gate.judging import Override, Overrides

F = TypeVar("F", bound=Callable[..., Any])
LARGEST = 20 * 10**6  # bytes of a file that is named on the command line; as for blobs of a repository
FORMATS = ("text", "markdown", "json", "sarif", "annotations")


def repo_option(function: F) -> F:
    """`--repo DIR`."""
    return click.option("--repo", default=".", metavar="DIR", help="A folder of the repository.")(function)


def as_of_option(function: F) -> F:
    """`--as-of T`."""
    return click.option(
        "--as-of", metavar="T", help="Judge ages, waivers and expiries as of this date or time (default: now)."
    )(function)  # fmt: skip


def judging_options(function: F) -> F:
    """`--rate-card`, `--usage`, `--policy`: plain paths that replace the judge revision's own."""
    for name, what in (("policy", "policy or shipped pack"), ("usage", "usage profile"), ("rate-card", "rate card")):
        function = click.option(
            f"--{name}", metavar="PATH", help=f"Use this {what} instead of the judge revision's."
        )(function)  # fmt: skip
    return function


def output_option(function: F) -> F:
    """`--output FORMAT[=PATH]`, several at once."""
    return click.option(
        "--output",
        "-o",
        multiple=True,
        metavar="FORMAT[=PATH]",
        help=f"One of {', '.join(FORMATS)}; repeat it for several at once. Default: text.",
    )(function)


def revision_options(function: F) -> F:
    """Which two revisions are compared, and which one judges."""
    options = (
        click.argument("flows", nargs=-1, metavar="[FLOW]..."),
        click.option("--base", metavar="REV", help="Compare with this revision (default: merge base, or HEAD)."),
        click.option("--head", metavar="REV", help="The changed revision (default: the work tree)."),
        click.option("--staged", is_flag=True, help="Compare the index with HEAD."),
        click.option("--worktree", is_flag=True, help="Compare the work tree, untracked files included."),
        click.option("--judge", metavar="REV", help="Rate card, usage and policy come from here (default: --base)."),
        click.option("--no-calibration", is_flag=True, help="Ignore the calibration in the usage profile."),
        as_of_option,
        repo_option,
        judging_options,
        output_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def moment(text: str | None) -> datetime:
    """`2026-11-23`, or a full RFC 3339 time; None is now. Aware UTC."""
    if text is None:
        return datetime.now(timezone.utc).replace(microsecond=0)
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InputError(
            f"--as-of {text!r} is not a date or time", help="write 2026-11-23 or 2026-11-23T12:00:00Z"
        ) from None  # fmt: skip


def overrides(rate_card: str | None, usage: str | None, policy: str | None) -> Overrides:
    """The judging files that the command line names."""
    named = {"rate_card": rate_card, "usage": usage, "policy": policy}
    return Overrides(**{key: Override(reference=path, read=read_plain) for key, path in named.items() if path})


def read_plain(path: str) -> bytes:
    """A file of the machine, as typed. KeyError where there is none; InputError where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise KeyError(path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", where=path, help="name a readable file") from None
    if len(data) > LARGEST:
        raise InputError("is larger than 20 MB", where=path, help="judging files and configs are small files")
    return data


def pairs(options: tuple[str, ...], flag: str) -> dict[str, str]:
    """`NAME=VALUE` options as a dict."""
    for option in options:
        if not option.partition("=")[0] or "=" not in option:
            raise InputError(f"{flag} {option!r} is not NAME=VALUE", help=f"write {flag} config=configs/prod.json")
    return {name: value for name, _, value in (option.partition("=") for option in options)}


def json_values(options: tuple[str, ...]) -> dict[str, Any]:
    """`--config-value NAME=JSON` options as values."""
    found = {}
    for name, text in pairs(options, "--config-value").items():
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(
                f"--config-value {name} is not JSON: {text[:80]!r}", help="""write --config-value 'train={"gpu": 8}'"""
            ) from None
    return found
