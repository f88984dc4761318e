"""Reads a git repository as Snapshots: a revision, the index, the work tree. The only user of git; it never writes.

Files come as blobs: nothing is checked out, no hook or text conversion runs, no symlink is followed.
"""

from costgate.git.repository import Repository, open_repository
from costgate.git.revisions import default_branch, first_commit, first_parent_before, has_commits, merge_base, resolve
from costgate.git.snapshots import empty_snapshot, index_snapshot, snapshot, worktree_snapshot

__all__ = [
    "Repository",
    "default_branch",
    "empty_snapshot",
    "first_commit",
    "first_parent_before",
    "has_commits",
    "index_snapshot",
    "merge_base",
    "open_repository",
    "resolve",
    "snapshot",
    "worktree_snapshot",
]
