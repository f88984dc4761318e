"""Copies of snapshots on disk: written once, watched for changes, removed whatever somebody did to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from costgate.errors import InputError
from costgate.flow.answer import Failure
from costgate.model import Snapshot
from costgate.oracle.process import Limits


def is_same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots hold the same files with the same content."""
    if one.files is other.files:
        return True
    return one.files.keys() == other.files.keys() and all(one.files[path] == other.files[path] for path in one.files)


def is_inside(path: str) -> bool:
    """Whether a path of a repository stays in it."""
    return not path.startswith("/") and "\0" not in path and ".." not in path.split("/")


def export(snapshot: Snapshot, folder: Path, limits: Limits) -> Failure | None:
    """Write the regular files of a snapshot below a new folder; what is too large to be read is left out."""
    paths = tuple(snapshot.files)
    if len(paths) > limits.files:
        return _too_much(f"{len(paths):,} files, more than {limits.files:,}")
    folder.mkdir()
    room = limits.total_bytes
    for path in paths:
        if not is_inside(path):
            return Failure(reason=f"the file name {path!r:.100} leads out of the repository", everywhere=True)
        room -= _copied(snapshot, path, folder)
        if room < 0:
            return _too_much(f"more than {limits.total_bytes / 10**6:,g} MB")
    return None


def _copied(snapshot: Snapshot, path: str, folder: Path) -> int:
    """Write one file; its size, 0 where it cannot be read: too large, or gone since the work tree was listed."""
    try:
        data = snapshot.read(path)
    except (InputError, KeyError):
        return 0
    file = os.path.join(os.fsencode(folder), path.encode("utf-8", "surrogateescape"))
    os.makedirs(os.path.dirname(file), exist_ok=True)
    # The folder is new and nobody else's, so no link can be on the way; O_EXCL refuses two files of one name.
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as written:
        written.write(data)
    return len(data)


def _too_much(what: str) -> Failure:
    return Failure(reason=f"the repository holds {what}: too much to copy it for a run", everywhere=True)


def fingerprint(folder: Path) -> frozenset[tuple[object, ...]] | None:
    """Equal where nothing in a folder was changed: the time of a change cannot be set back. None if unreadable."""
    found: set[tuple[object, ...]] = set()
    folders = [os.fsencode(folder)]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    found.add((entry.path, about.st_ino, about.st_mode, about.st_size, about.st_ctime_ns))
                    if stat.S_ISDIR(about.st_mode):
                        folders.append(entry.path)
    except OSError:
        return None
    return frozenset(found)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, however deep or write-protected a flow left it."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwx", "--", str(folder)], ["rm", "-rf", "--", str(folder)]):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
