"""The history of commits: who comes from whom."""

from __future__ import annotations

from collections.abc import Mapping

from tests.github.fake.state import Commit


def ancestors(commits: Mapping[str, Commit], sha: str) -> set[str]:
    """A commit and all that it comes from."""
    found, waiting = set[str](), [sha]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += commits[name].parents
    return found


def merge_base(commits: Mapping[str, Commit], base: str, head: str) -> str | None:
    """The best common ancestor; None for unrelated histories."""
    common = ancestors(commits, base) & ancestors(commits, head)
    older = {parent for sha in common for parent in commits[sha].parents}
    return next((sha for sha in commits if sha in common - older), None)


def between(commits: Mapping[str, Commit], base: str, head: str) -> list[Commit]:
    """What `head` has and `base` has not, oldest first."""
    mine = ancestors(commits, head) - ancestors(commits, base)
    return [commits[sha] for sha in commits if sha in mine]
