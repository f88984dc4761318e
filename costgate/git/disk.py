"""Files of a work tree, read so that no symlink, pipe or device is ever opened in place of a file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from costgate.errors import InputError
from costgate.git.process import BLOB_LIMIT, MEGABYTE, shown, too_large


def regular_files(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """Those that are regular files, in folders that are no symlinks."""

    @cache
    def is_real(folder: bytes) -> bool:
        return os.path.realpath(folder) == folder

    def is_regular(path: str) -> bool:
        place = os.path.join(os.fsencode(root), _encoded(path))
        try:
            return stat.S_ISREG(os.lstat(place).st_mode) and is_real(os.path.dirname(place))
        except OSError:
            return False

    return frozenset(path for path in paths if is_regular(path))


def no_folders(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """Those that are there, but as something else than a folder."""

    def is_no_folder(path: str) -> bool:
        place = os.path.join(os.fsencode(root), _encoded(path))
        return os.path.lexists(place) and (os.path.islink(place) or not os.path.isdir(place))

    return frozenset(filter(is_no_folder, paths))


def symlinks(root: Path, paths: Iterable[str]) -> frozenset[str]:
    """The symlinks that these paths are or, where a folder on the way is one, lie behind."""

    @cache
    def is_symlink(path: str) -> bool:
        return os.path.islink(os.path.join(os.fsencode(root), _encoded(path)))

    def ways(path: str) -> Iterator[str]:
        parts = path.split("/")
        return ("/".join(parts[: end + 1]) for end in range(len(parts)))

    return frozenset(way for path in paths for way in islice(filter(is_symlink, ways(path)), 1))


def read(root: Path, path: str) -> bytes:
    """The content of a regular file. InputError if it is too large, or is not there as a regular file any more."""
    with _opened(root, path) as (file, size):
        if size > BLOB_LIMIT:
            raise too_large(path, size)
        return file.read(size)


def blob_id(root: Path, path: str, object_format: str) -> str:
    """The blob id that git would give the file as it is, in chunks: it may be larger than memory."""
    with _opened(root, path) as (file, size):
        digest = hashlib.new(object_format, f"blob {size}\0".encode(), usedforsecurity=False)
        while chunk := file.read(MEGABYTE):
            digest.update(chunk)
        return digest.hexdigest()


def grep(root: Path, paths: Iterable[str], words: tuple[str, ...]) -> frozenset[str]:
    """The *.py paths whose content holds a word; an unreadable one is among them, and whoever reads it is told."""
    wanted = [word.encode() for word in words if word.replace("\t", " ").isprintable()]

    def may_hold(path: str) -> bool:
        try:
            content = read(root, path)
        except InputError:
            return True
        return any(word in content for word in wanted)

    return frozenset(path for path in (paths if wanted else ()) if path.endswith(".py") and may_hold(path))


@contextmanager
def _opened(root: Path, path: str) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file and its size, opened folder by folder so that no symlink is followed, whenever it was made."""
    try:
        with os.fdopen(_open(root, _encoded(path).split(b"/")), "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=shown(path)) from error


def _open(root: Path, parts: list[bytes]) -> int:
    """A file descriptor. A pipe does not block, and is refused as all that is no regular file."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(0, "not a regular file")


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
