"""What became of something that was to be published: a value, since a refusal must never hide the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from costgate.errors import WorldError
from costgate.github.records import App
from costgate.http import HttpError

What = Literal["created", "updated", "unchanged", "skipped-newer", "none", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One thing on GitHub: where it is and what was done, or one line on what stood in the way and what would help."""

    what: What
    url: str | None = None
    problem: str | None = None
    app: App | None = None  # whose token it is, where the answer says so


def refused(subject: str, error: WorldError, permission: str) -> Published:
    """`subject` could not be published. `permission` is what it takes, where GitHub does not say it itself."""
    problem = error.problems[0]
    status = error.status if isinstance(error, HttpError) else None
    way_out = problem.help
    if "locked" in problem.message:
        way_out = "the conversation is locked; unlock it, or use a token that may write there"
    elif "via a GitHub App" in problem.message:
        way_out = "only apps make check runs: use the workflow's own token or a GitHub App's"
    elif status in (401, 403, 404) and "`" not in way_out:
        way_out = f"the token needs `{permission}` (in a workflow: under `permissions:`)"
    parts = (f"{subject} could not be published: {problem.where}: {problem.message}", way_out)
    return Published(what="failed", problem="; ".join(filter(None, parts)))
