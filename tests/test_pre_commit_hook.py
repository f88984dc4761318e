"""The hook under a real pre-commit, as a user installs it: `pre-commit try-repo` against this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import scenario
from tests.support import GIT_ENV, Repo

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hook_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as it is now, as one commit, so that uncommitted work is what is tried."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    repo = Repo(tmp_path_factory.mktemp("hook") / "costgate")
    present = {name.decode(): ROOT / name.decode() for name in names if name}
    repo.commit({name: path.read_bytes() for name, path in present.items() if path.is_file()})
    return repo.path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit-home")


def try_hook(hook: Path, cache: Path, repo: Repo, *args: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **GIT_ENV, "PRE_COMMIT_HOME": str(cache), "PRE_COMMIT_COLOR": "never"}
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(hook), "costgate", "--verbose", *args]
    return subprocess.run(command, cwd=repo.path, env=environ, capture_output=True, text=True, check=False)


def test_the_manifest_is_valid(cache: Path) -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_a_staged_change_that_needs_approval_warns(hook_repository: Path, cache: Path, repo: Repo) -> None:
    repo.commit(scenario.files(limit=2000))
    repo.write({"configs/prod.json": scenario.config(8)})
    repo.git("add", "-A")
    result = try_hook(hook_repository, cache, repo)
    assert result.returncode == 0, result.stdout
    assert "$2,772" in result.stdout
    assert "approval" in result.stdout


def test_a_block_rule_stops_the_commit(hook_repository: Path, cache: Path, repo: Repo) -> None:
    blocking = {"finance/policy.yml": scenario.policy(2000, action="block")}
    first = repo.commit({**scenario.files(), **blocking})
    repo.write({"configs/prod.json": scenario.config(8)})
    repo.git("add", "-A")
    result = try_hook(hook_repository, cache, repo)
    assert result.returncode == 1, result.stdout
    assert "configs/prod.json:1" in result.stdout
    second = repo.commit()
    ranged = try_hook(hook_repository, cache, repo, "--from-ref", first, "--to-ref", second)
    assert ranged.returncode == 1, ranged.stdout
    assert "$2,772" in ranged.stdout
