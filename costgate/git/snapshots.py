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
UNSAFE_LISTING = re.compile(r"[\t/](?:\.\.?|\.git)?[/\0]", re.IGNORECASE)  # the same in what `ls-tree -z` prints
FEW = 500  # files that are searched one by one rather than all files by git
NOT_FOLLOWED = {"120000": "symlink", "160000": "submodule"}  # by git's mode


def snapshot(repo: Repository, revision: str) -> Snapshot:
    """The files of a commit."""
    commit = resolve(repo, revision)
    if commit not in repo.trees:
        repo.trees[commit] = _tree(repo, commit)
    files, others, python = repo.trees[commit]
    return Snapshot(
        name=revision,
        commit=commit,
        files=files,
        read=lambda path: repo.blobs.read(files[path], path),
        grep=lambda words: _search(repo, words, commit, python),
        others=others,
    )


def _tree(repo: Repository, commit: str) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The files and the others of a commit, as by `_by_mode`, and which of the files are *.py."""
    listing = git(repo, "ls-tree", "-r", "-z", "--full-tree", commit)
    heads = (entry.partition("\t") for entry in listing.split("\0")[:-1])  # mode, type and id; path
    entries = ((path, head[:6], head.rpartition(" ")[2]) for head, _, path in heads)
    files, others = _by_mode(entries, are_safe=not UNSAFE_LISTING.search(listing))
    return files, others, {path: blob for path, blob in files.items() if path.endswith(".py")}


def index_snapshot(repo: Repository) -> Snapshot:
    """What is staged, without what `git add --intent-to-add` announces. InputError names every path in conflict."""
    files, others, conflicts = _staged(repo)
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
        others=others,
    )


def worktree_snapshot(repo: Repository) -> Snapshot:
    """The regular files on disk, tracked or new, without the ignored ones.

    What git knows to be unmodified (or leaves out of a sparse checkout) is read from its blobs, the rest from the disk.
    """
    staged, others, _ = _staged(repo)
    modified = git(repo, "diff-files", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    # `diff-files` looks into no submodule, and then misses neither one that is gone nor one that became something else.
    new_or_gone = git(repo, "ls-files", "-z", "--others", "--deleted", "--exclude-standard").split("\0")
    submodules = (path for path, kind in others.items() if kind == "submodule")
    touched = frozenset(modified.split("\0")) | (frozenset(new_or_gone) - staged.keys())
    touched |= disk.no_folders(repo.root, submodules)
    unmodified = {path: blob for path, blob in staged.items() if path not in touched}
    on_disk = disk.regular_files(repo.root, touched)

    def read(path: str) -> bytes:
        return disk.read(repo.root, path) if path in on_disk else repo.blobs.read(unmodified[path], path)

    def grep(words: tuple[str, ...]) -> frozenset[str]:
        return (_grep(repo, words) & unmodified.keys()) | disk.grep(repo.root, on_disk, words)

    return Snapshot(
        name="work tree",
        commit=None,
        files=_Files(repo, unmodified, on_disk),
        read=read,
        grep=grep,
        others={path: kind for path, kind in others.items() if path not in touched}
        | dict.fromkeys(disk.symlinks(repo.root, touched), "symlink"),
    )


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


def _by_mode(entries: Iterable[tuple[str, str, str]], are_safe: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """Of (path, mode, blob id): path → blob id of regular files, path → kind of the others; no name leads elsewhere."""
    files: dict[str, str] = {}
    others: dict[str, str] = {}
    for path, mode, blob in entries:
        if are_safe or not UNSAFE.search(f"/{path}/"):
            if mode[:3] == "100":
                files[path] = blob
            elif mode in NOT_FOLLOWED:
                others[path] = NOT_FOLLOWED[mode]
    return files, others


def _staged(repo: Repository) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """The regular files and the others in the index (as by `_by_mode`), and the paths in conflict.

    As a difference from the empty tree, since `ls-files` cannot tell an entry that is only intended from an empty file.
    """
    if repo.bare:
        raise InputError(f"{shown(repo.root)} has no index and no work tree", help="name a revision")
    nothing = hashlib.new(repo.object_format, b"tree 0\0", usedforsecurity=False).hexdigest()
    # .gitmodules of the change cannot hide a submodule by `ignore = all`.
    shape = ("--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
    options = ("--cached", *shape, "--ita-invisible-in-index")
    fields = git(repo, "diff-index", *options, nothing).split("\0")
    entries = [(path, *head.split(" ")) for head, path in zip(fields[::2], fields[1::2])]
    files, others = _by_mode((path, mode, blob) for path, _, mode, _, blob, _ in entries)
    return files, others, [path for path, *_, status in entries if status == "U"]


def _search(repo: Repository, words: tuple[str, ...], commit: str, files: Mapping[str, str]) -> frozenset[str]:
    """`_grep` of the *.py files of a commit. Of those that another commit has too, what was found there is known."""
    searched, found = repo.searches.get(words, ({}, frozenset()))
    if searched is files:
        return found
    unknown = [path for path, blob in files.items() if searched.get(path) != blob]
    if searched and len(unknown) <= FEW:
        texts = [word.encode("utf-8", "surrogateescape") for word in _printable(words)]
        fresh = {path for path in unknown if _holds(repo, files[path], path, texts)}
        return frozenset(fresh.union(path for path in found if files.get(path) == searched[path]))
    result = _grep(repo, words, commit) & files.keys()
    repo.searches[words] = files, result
    return result


def _holds(repo: Repository, blob: str, path: str, words: Iterable[bytes]) -> bool:
    try:
        text = repo.blobs.read(blob, path)
    except InputError:  # too large to be read; whoever looks for it is told
        return True
    return any(word in text for word in words)


def _printable(words: tuple[str, ...]) -> list[str]:
    """The words that a line of source may hold."""
    return [word for word in words if word.replace("\t", " ").isprintable()]


def _grep(repo: Repository, words: tuple[str, ...], commit: str = "") -> frozenset[str]:
    """*.py paths of a commit, or of the index, that hold one of the words."""
    patterns = [argument for word in _printable(words) for argument in ("-e", word)]
    if not patterns:
        return frozenset()
    options = ("-l", "-z", "-F", "-a", "--full-name", "--no-color", "--no-textconv", "--no-recurse-submodules")
    place = [*patterns, commit] if commit else ["--cached", *patterns]
    found = git(repo, "grep", *options, *place, "--", "*.py", ok=(0, 1)).split("\0")
    return frozenset(path.removeprefix(f"{commit}:") if commit else path for path in found)
