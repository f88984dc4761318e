"""Revision, index and work tree as Snapshots."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from costgate.errors import InputError, Problem
from costgate.git import disk
from costgate.git.process import shown
from costgate.git.repository import Repository, git
from costgate.git.revisions import resolve
from costgate.model import Snapshot

# Names that git never writes, but a made-up tree may hold: they would lead out of the folder it is exported to.
UNSAFE = re.compile(r"/(?:\.\.?|\.git)?(?=/)", re.IGNORECASE)


def snapshot(repo: Repository, revision: str) -> Snapshot:
    """The files of a commit."""
    commit = resolve(repo, revision)
    listing = git(repo, "ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
    regular = (entry.partition("\t") for entry in listing if entry.startswith("100"))
    files = _safe((path, head.rpartition(" ")[2]) for head, _, path in regular)
    return Snapshot(
        name=revision,
        commit=commit,
        files=files,
        read=lambda path: repo.blobs.read(files[path], path),
        grep=lambda words: _grep(repo, words, commit) & files.keys(),
    )


def index_snapshot(repo: Repository) -> Snapshot:
    """What is staged, without what `git add --intent-to-add` announces. InputError names every path in conflict."""
    files, conflicts = _staged(repo)
    if conflicts:
        way_out = "resolve the conflict, then `git add` the file"
        raise InputError(
            problems=[Problem(where=shown(path), message="has a merge conflict", help=way_out) for path in conflicts]
        )
    return Snapshot(
        name="index",
        commit=None,
        files=files,
        read=lambda path: repo.blobs.read(files[path], path),
        grep=lambda words: _grep(repo, words) & files.keys(),
    )


def worktree_snapshot(repo: Repository) -> Snapshot:
    """The regular files on disk, tracked or new, without the ignored ones.

    What git knows to be unmodified (or leaves out of a sparse checkout) is read from its blobs, the rest from the disk.
    """
    staged, _ = _staged(repo)
    modified = git(repo, "diff-files", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    new = git(repo, "ls-files", "-z", "--others", "--exclude-standard")
    touched = frozenset(f"{modified}{new}".split("\0"))
    unmodified = {path: blob for path, blob in staged.items() if path not in touched}
    on_disk = disk.regular_files(repo.root, touched)

    def read(path: str) -> bytes:
        return disk.read(repo.root, path) if path in on_disk else repo.blobs.read(unmodified[path], path)

    def grep(words: tuple[str, ...]) -> frozenset[str]:
        return (_grep(repo, words) & unmodified.keys()) | disk.grep(repo.root, on_disk, words)

    return Snapshot(name="work tree", commit=None, files=_Files(repo, unmodified, on_disk), read=read, grep=grep)


def empty_snapshot(name: str) -> Snapshot:
    """No files, e.g. HEAD of a repository without commits."""
    nothing: dict[str, bytes] = {}
    return Snapshot(name=name, commit=None, files={}, read=nothing.__getitem__, grep=lambda words: frozenset())


class _Files(Mapping[str, str]):
    """Path → blob id of a work tree. A file on disk is hashed when it is asked for: work trees hold data, too."""

    def __init__(self, repo: Repository, unmodified: Mapping[str, str], on_disk: Iterable[str]) -> None:
        self._repo = repo
        self._ids = {**unmodified, **dict.fromkeys(on_disk, "")}

    def __getitem__(self, path: str) -> str:
        self._ids[path] = self._ids[path] or disk.blob_id(self._repo.root, path, self._repo.object_format)
        return self._ids[path]

    def __contains__(self, path: object) -> bool:
        return path in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def _safe(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Path → blob id, without names that lead elsewhere."""
    return {path: blob for path, blob in entries if not UNSAFE.search(f"/{path}/")}


def _staged(repo: Repository) -> tuple[dict[str, str], list[str]]:
    """Path → blob id of the regular files in the index, and the paths in conflict.

    As a difference from the empty tree, since `ls-files` cannot tell an entry that is only intended from an empty file.
    """
    if repo.bare:
        raise InputError(f"{shown(repo.root)} has no index and no work tree", help="name a revision")
    nothing = hashlib.new(repo.object_format, b"tree 0\0", usedforsecurity=False).hexdigest()
    options = ("--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--ita-invisible-in-index")
    fields = git(repo, "diff-index", *options, nothing).split("\0")
    entries = [(path, *head.split(" ")) for head, path in zip(fields[::2], fields[1::2])]
    files = _safe((path, blob) for path, _, mode, _, blob, _ in entries if mode.startswith("100"))
    return files, [path for path, *_, status in entries if status == "U"]


def _grep(repo: Repository, words: tuple[str, ...], commit: str = "") -> frozenset[str]:
    """*.py paths of a commit, or of the index, that hold one of the words."""
    patterns = [
        argument for word in words if word.replace("\t", " ").isprintable() for argument in ("-e", word)
    ]  # no source holds others
    if not patterns:
        return frozenset()
    options = ("-l", "-z", "-F", "-a", "--full-name", "--no-color", "--no-textconv", "--no-recurse-submodules")
    place = [*patterns, commit] if commit else ["--cached", *patterns]
    found = git(repo, "grep", *options, *place, "--", "*.py", ok=(0, 1)).split("\0")
    return frozenset(path.removeprefix(f"{commit}:") if commit else path for path in found)
