"""Reads a git repository as Snapshots: a revision, the index, the work tree. The only user of git.

It writes nothing but objects that are fetched. Files come as blobs: nothing is checked out, no hook or text conversion
runs, no symlink is followed.
"""

from costgate.git.fetch import fetch, remote_url, temporary_repository
from costgate.git.repository import Repository, open_repository
from costgate.git.revisions import (
    default_branch,
    first_commit,
    first_parent_before,
    has_commits,
    is_commit,
    merge_base,
    resolve,
)
from costgate.git.snapshots import empty_snapshot, index_snapshot, snapshot, worktree_snapshot

__all__ = [
    "Repository",
    "default_branch",
    "empty_snapshot",
    "fetch",
    "first_commit",
    "first_parent_before",
    "has_commits",
    "index_snapshot",
    "is_commit",
    "merge_base",
    "open_repository",
    "remote_url",
    "resolve",
    "snapshot",
    "temporary_repository",
    "worktree_snapshot",
]
