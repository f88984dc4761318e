"""Builders that tests share: snapshots from a dict, git repositories in a temporary folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path

from costgate.model import Snapshot

GIT_ENV = {
    "GIT_AUTHOR_NAME": "Test Author",
    "GIT_AUTHOR_EMAIL": "author@example.invalid",
    "GIT_COMMITTER_NAME": "Test Author",
    "GIT_COMMITTER_EMAIL": "author@example.invalid",
    "GIT_AUTHOR_DATE": "2026-11-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_ALLOW_PROTOCOL": "file",
}


def dedent(text: str) -> str:
    """Text of a file as tests write it: indented, with a leading newline."""
    return textwrap.dedent(text).lstrip("\n")


def snapshot(
    files: Mapping[str, str | bytes], name: str = "memory", others: Mapping[str, str] | None = None
) -> Snapshot:
    """A Snapshot of these files, without git."""
    content = {path: text if isinstance(text, bytes) else dedent(text).encode() for path, text in files.items()}

    def grep(words: tuple[str, ...]) -> frozenset[str]:
        return frozenset(
            path for path, data in content.items() if path.endswith(".py") and any(w.encode() in data for w in words)
        )

    blobs = {path: hashlib.sha1(data).hexdigest() for path, data in content.items()}
    return Snapshot(name=name, commit=None, files=blobs, read=content.__getitem__, grep=grep, others=others or {})


class Repo:
    """A real git repository in a temporary folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *args: str, **env: str) -> str:
        return subprocess.run(
            ["git", *args],
            cwd=self.path,
            env={**os.environ, **GIT_ENV, **env},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write (or, for None, delete) files in the work tree."""
        for name, text in files.items():
            path = self.path / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())

    def commit(self, files: Mapping[str, str | bytes | None] | None = None, message: str = "change", **env: str) -> str:
        """Write files, stage everything, commit; the new commit's id."""
        self.write(files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, **env)
        return self.git("rev-parse", "HEAD")
