"""Brings commits that a clone lacks, as objects only: no branch, no tag, no work tree changes."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from costgate.errors import InputError, WorldError
from costgate.git.process import call, clean_environment, first_line, shown
from costgate.git.repository import Repository, git, is_shallow, open_repository
from costgate.git.revisions import OBJECT_ID, is_commit

# Git's own protocols that ask for nothing on a terminal; `ext::` and `fd::` would run or reach something else.
PROTOCOLS = "http:https:file:ssh:git"


def fetch(repo: Repository, commits: Iterable[str], *, source: str = "", token: str = "", server: str = "") -> None:
    """Fetch the commits that are not there, from a URL or (by default) from the remote `origin`.

    `token` is sent to `server` (https://github.com) only, in a header that no command line shows. A commit of a shallow
    clone comes without its history. Raises WorldError where one cannot be had.
    """
    # To look is not to fetch: a partial clone would, by itself and without these credentials.
    here = replace(repo, environment={**repo.environment, "GIT_ALLOW_PROTOCOL": ""})
    missing = [commit for commit in dict.fromkeys(commits) if not is_commit(here, commit)]
    wrong = next((commit for commit in missing if not OBJECT_ID.fullmatch(commit)), None)
    if wrong is not None:
        raise InputError(f"{wrong[:100]!r} is no commit id", help="name commits in full")
    if not missing:
        return
    depth = ("--depth=1",) if is_shallow(repo) or not _has_objects(repo) else ()
    # With --no-filter it gets the files, too.
    quiet = (
        "--quiet", "--no-filter", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
        "--no-auto-maintenance",
    )  # fmt: skip
    known = {**repo.environment, "GIT_ALLOW_PROTOCOL": PROTOCOLS}
    environment = known | _credentials(token, server, known.get("GIT_CONFIG_COUNT", ""))
    code, _, errors = call(("fetch", *quiet, *depth, "--", source or "origin", *missing), repo.root, environment)
    lacking = [commit for commit in missing if not is_commit(here, commit)]
    if code or lacking:
        raise WorldError(
            f"git could not fetch {', '.join(lacking or missing)}: {first_line(errors) or 'no reason given'}",
            where=shown(repo.root),
            help="the token needs `contents: read`; with actions/checkout, `fetch-depth: 0` brings the whole history",
        )


def remote_url(repo: Repository, name: str) -> str:
    """Where a remote is; "" without one of this name."""
    return git(repo, "config", "--get", f"remote.{name}.url", ok=(0, 1)).strip()


def temporary_repository(folder: Path | None = None) -> Repository:
    """An empty bare repository to fetch into, where there is no clone. The caller removes it."""
    root = Path(tempfile.mkdtemp(prefix="costgate-", dir=folder))
    code, _, errors = call(("init", "--quiet", "--bare", "--template=", str(root)), root, clean_environment())
    if code:
        raise WorldError(f"git could not make a repository: {first_line(errors)}", where=shown(root))
    return open_repository(root)


def _has_objects(repo: Repository) -> bool:
    """Whether there is any history that a new commit could be joined to."""
    return bool(git(repo, "for-each-ref", "--count=1")) or is_commit(repo, "HEAD")


def _credentials(token: str, server: str, count: str) -> dict[str, str]:
    """A header for one server only, as settings in git's environment: no file and no command line has it.

    They come after the `count` settings that are there, such as a certificate or a directory that is safe.
    """
    if not token:
        return {}
    place = urlsplit(server)
    if place.scheme not in ("http", "https") or not place.netloc:
        raise InputError(f"{server[:100]!r} is no URL of a server", help="set GITHUB_SERVER_URL, https://github.com")
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    key = f"http.{place.scheme}://{place.netloc}/.extraheader"
    # An empty value first drops the header that actions/checkout may have left: two of them are refused.
    settings = (
        (key, ""),
        (key, f"AUTHORIZATION: basic {login}"),
        ("credential.helper", ""),
        ("http.followRedirects", "false"),
    )
    first = int(count) if re.fullmatch("[0-9]{1,4}", count) else 0
    return {"GIT_CONFIG_COUNT": str(first + len(settings))} | {
        f"GIT_CONFIG_{part}_{number}": text
        for number, pair in enumerate(settings, first)
        for part, text in zip(("KEY", "VALUE"), pair)
    }
