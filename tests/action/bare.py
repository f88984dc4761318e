"""A bare runner: the locked packages as files, so that tests of the Action's start need no network, and a checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = "costgate/action/start.py"
LOCK = ROOT / "costgate" / "action" / "requirements.txt"


def wheelhouse() -> Path:
    """What the lock names, for this Python; fetched by the first test run that reaches an index, else skipped."""
    name = f"wheels-{sys.implementation.cache_tag}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    place = ROOT / ".peers" / name
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"]
            options = ["--no-deps", "--retries=1", "-r", str(LOCK), "-d", str(Path(folder) / name)]
            result = subprocess.run([*command, *options], capture_output=True, text=True, timeout=200)
            if result.returncode:
                pytest.skip(f"the Action was not started: pip could not fetch its packages: {result.stderr[-300:]}")
            if not place.exists():
                os.rename(Path(folder) / name, place)
    return place


def offline() -> dict[str, str]:
    """pip's settings for installing from there only."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse()), "PIP_CONFIG_FILE": os.devnull}


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a machine on which nothing is set up: a home of its own, `python3` is this Python."""
    home.mkdir(parents=True, exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "GIT_CONFIG_GLOBAL": os.devnull, **more}


def checkout(place: Path) -> Path:
    """This repository as it is now, without what git ignores: what `uses:` brings."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    return place
