"""From what a person types to a path of a snapshot."""

from __future__ import annotations

import os
from pathlib import Path

from costgate import folder, git
from costgate.errors import InputError
from costgate.git import Repository
from costgate.model import Snapshot


def in_repository(repo: Repository, typed: str, start: Path) -> str:
    """The path from the repository's root of a path that was typed in folder `start` (as it is in a bare one)."""
    if repo.bare:
        return typed
    absolute = os.path.normpath(start.resolve() / typed)
    return Path(os.path.relpath(absolute, repo.root.resolve())).as_posix()


def find(start: Path, typed: str, revision: str | None) -> tuple[Snapshot, str, str]:
    """The snapshot that holds a typed file, its path there, and the path of the folder `start` there.

    A file that git ignores, or outside any repository, is read from its folder. Raises InputError where it is not.
    """
    try:
        repo = git.open_repository(start)
        snapshot = git.worktree_snapshot(repo) if revision is None else git.snapshot(repo, revision)
        path = in_repository(repo, typed, start)
        if path in snapshot.files:
            return snapshot, path, in_repository(repo, ".", start)
    except InputError:
        if revision is not None:
            raise
    if revision is not None:
        raise InputError(f"there is no {path!r} at {revision}", help="name a file from the folder you are in")
    return _outside(start, typed)


def _outside(start: Path, typed: str) -> tuple[Snapshot, str, str]:
    file = Path(os.path.normpath(start.resolve() / typed))
    if not file.is_file():
        raise InputError(f"there is no file {typed!r}", help="name a flow file, e.g. flows/train.py")
    root = start.resolve() if file.is_relative_to(start.resolve()) else file.parent
    return folder.snapshot(root), file.relative_to(root).as_posix(), "."
