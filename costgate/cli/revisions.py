"""Which snapshots a command compares: from options, from pre-commit's environment, or from what is checked out."""

from __future__ import annotations

import hashlib
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from costgate import git
from costgate.errors import InputError
from costgate.gate.judging import CONFIG
from costgate.git import Repository
from costgate.model import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The revisions as they were asked for."""

    base: str | None = None
    head: str | None = None
    staged: bool = False
    worktree: bool = False
    judge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """The snapshots to compare, the one that judges, and whether the default branch has adopted costgate."""

    base: Snapshot
    head: Snapshot
    judge: Snapshot
    adopted: bool
    earlier: Callable[[int], Snapshot | None]


def choose(repo: Repository, wanted: Wanted, environ: Mapping[str, str], as_of: datetime) -> Revisions:
    """The snapshots. Raises InputError for revisions that do not exist or options that contradict each other."""
    if sum((wanted.head is not None, wanted.staged, wanted.worktree)) > 1:
        raise InputError("--head, --staged and --worktree exclude each other", help="name one of them")
    wanted = _from_hook(wanted, environ)
    default = git.default_branch(repo)
    base = _base(repo, wanted, default)
    judge = _judge(repo, wanted, default, base)
    return Revisions(
        base=base,
        head=_head(repo, wanted),
        judge=judge,
        adopted=default is not None and CONFIG in git.snapshot(repo, default).files,
        earlier=lambda seconds: _earlier(repo, judge, _ago(as_of, seconds)),
    )


def current(repo: Repository, revision: str | None = None) -> Snapshot:
    """A revision, or what is checked out: the work tree, in a bare repository HEAD."""
    if revision is None and not repo.bare:
        return git.worktree_snapshot(repo)
    return git.snapshot(repo, revision or "HEAD")


def overlay(snapshot: Snapshot, files: Mapping[str, bytes]) -> Snapshot:
    """The snapshot with these files added or replaced."""
    blobs = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    return replace(
        snapshot,
        files=ChainMap(blobs, dict(snapshot.files)),
        read=lambda path: files[path] if path in files else snapshot.read(path),
        others={path: kind for path, kind in snapshot.others.items() if path not in files},
    )


def _from_hook(wanted: Wanted, environ: Mapping[str, str]) -> Wanted:
    """Under pre-commit the change is what is staged, or the range that it names."""
    explicit = wanted.base or wanted.head or wanted.staged or wanted.worktree
    if explicit or not environ.get("PRE_COMMIT"):
        return wanted
    first, last = environ.get("PRE_COMMIT_FROM_REF"), environ.get("PRE_COMMIT_TO_REF")
    if first and last:
        return Wanted(base=first, head=last, judge=wanted.judge or first)
    return Wanted(staged=True, judge=wanted.judge)


def _base(repo: Repository, wanted: Wanted, default: str | None) -> Snapshot:
    if wanted.base is not None:
        return git.snapshot(repo, wanted.base)
    if not git.has_commits(repo):
        return git.empty_snapshot("nothing committed")
    if wanted.staged:
        return git.snapshot(repo, "HEAD")
    if default is not None:
        return git.snapshot(repo, git.merge_base(repo, default, wanted.head or "HEAD"))
    return _before(repo, wanted.head) if wanted.head else git.snapshot(repo, "HEAD")


def _before(repo: Repository, head: str) -> Snapshot:
    try:
        return git.snapshot(repo, f"{head}^")
    except InputError:
        git.resolve(repo, head)  # the revision itself must exist; a first commit has nothing before it
        return git.empty_snapshot("nothing before")


def _head(repo: Repository, wanted: Wanted) -> Snapshot:
    if wanted.staged:
        return git.index_snapshot(repo)
    return git.worktree_snapshot(repo) if wanted.worktree else current(repo, wanted.head)


def _judge(repo: Repository, wanted: Wanted, default: str | None, base: Snapshot) -> Snapshot:
    if wanted.judge is not None:
        return git.snapshot(repo, wanted.judge)
    if wanted.base is not None or default is None:
        return base
    return git.snapshot(repo, default)


def _ago(as_of: datetime, seconds: int) -> datetime:
    try:
        return as_of - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _earlier(repo: Repository, judge: Snapshot, then: datetime) -> Snapshot | None:
    """The judge's branch as it was then, or its first commit; None where a shallow clone cannot tell."""
    if judge.commit is None:
        return None
    try:
        commit = git.first_parent_before(repo, judge.commit, then) or git.first_commit(repo, judge.commit)
    except InputError:
        return None
    return git.snapshot(repo, commit)
