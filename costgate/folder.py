"""A plain folder as a Snapshot: for flows outside a repository, or ignored by it. Looks at files only when asked."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from costgate.errors import InputError
from costgate.model import Snapshot

LIMIT = 20 * 2**20  # bytes; as for blobs of a repository


class Files(Mapping[str, str]):
    """path → sha1 of the content, as git would name it; regular files reached without a symlink."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __getitem__(self, path: str) -> str:
        data = self.read(path)
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self._regular(path)

    def __iter__(self) -> Iterator[str]:
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            relative = Path(folder).relative_to(self.root)
            yield from sorted(p for p in ((relative / name).as_posix() for name in names) if self._regular(p))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def read(self, path: str) -> bytes:
        """The content. KeyError where there is no regular file; InputError above the limit or where unreadable."""
        if not self._regular(path):
            raise KeyError(path)
        try:
            with (self.root / path).open("rb") as file:
                data = file.read(LIMIT + 1)
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=path, help="make it readable") from None
        if len(data) > LIMIT:
            raise InputError("is larger than 20 MB", where=path, help="flows and configs are small files")
        return data

    def _regular(self, path: str) -> bool:
        """A regular file below the root whose path holds no `..` and no symlink."""
        parts = path.split("/")
        if not path or "\0" in path or {"", ".", ".."} & set(parts):
            return False
        places = [self.root.joinpath(*parts[: n + 1]) for n in range(len(parts))]
        try:
            modes = [os.lstat(place).st_mode for place in places]
        except OSError:
            return False
        return stat.S_ISREG(modes[-1]) and all(stat.S_ISDIR(mode) for mode in modes[:-1])


def snapshot(root: Path) -> Snapshot:
    """The folder as it is now; hidden folders are found by name but not listed."""
    files = Files(root)

    def grep(words: tuple[str, ...]) -> frozenset[str]:
        wanted = tuple(word.encode() for word in words)
        return frozenset(p for p in files if p.endswith(".py") and any(w in files.read(p) for w in wanted))

    return Snapshot(name=str(root), commit=None, files=files, read=files.read, grep=grep)
