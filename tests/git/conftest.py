"""Programs named `git` that misbehave, and a second repository to clone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def fake_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script first on PATH as `git`."""

    def install(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture
def clone(tmp_path: Path) -> Callable[..., Path]:
    """Clone the test's repository with these options into a new folder."""

    def make(*options: str) -> Path:
        source, target = tmp_path / "repo", tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", *options, source.as_uri(), str(target)], check=True, capture_output=True)
        return target

    return make
