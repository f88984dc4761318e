"""`costgate approvals`: who approved a pull request, by GitHub's own records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.action.scene import NAME, TOKEN, WORKFLOW, Scene
from tests.github.fake import Fake, World
from tests.run import Runner
from tests.support import Repo


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Fake(world=World(NAME)) as fake:
        yield Scene(tmp_path, fake)


@pytest.fixture
def ask(scene: Scene, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("GITHUB_API_URL", scene.fake.url)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    return runner


def test_what_holds_and_what_does_not(scene: Scene, ask: Runner) -> None:
    number = scene.open()
    head = scene.world.head(number)[:7]
    before = ask("approvals", str(number), "--repository", NAME, cwd=scene.origin.path)
    assert (before.code, before.out.splitlines()[0]) == (0, f"{NAME}#1: +$1,386/month, needs approval by finance")
    assert f"finance: needed for increase; fiona adds the label 'finance-approved'. It covers {head}" in before.out
    scene.seen(number, path=WORKFLOW)
    scene.approve(number)
    assert "reason" not in ask("approvals", str(number), "--repository", NAME, cwd=scene.origin.path).out
    scene.world.comment("fiona", number, "/costgate reason: budget FIN-812")
    given = ask("approvals", str(number), "--repository", NAME, cwd=scene.origin.path)
    lines = [line.strip() for line in given.out.splitlines()]
    assert lines[0].startswith(f"{NAME}#1: +$1,386/month, approved by fiona")
    assert "finance: given, for increase" in lines
    assert re.search(f"finance by fiona on 2026-11-23 12:0[0-9:]{{4}} UTC, for {head}: holds", given.out)
    assert "covers increase up to $1,386" in lines
    assert "reason: budget FIN-812" in lines
    scene.world.label("mallory", number, "finance-approved")
    other = ask("approvals", str(number), "--repository", NAME, "--workflow", "other.yml", cwd=scene.origin.path)
    assert "does not count: no run of the gate on" in " ".join(other.out.split())


def test_as_json(scene: Scene, ask: Runner) -> None:
    number = scene.open()
    found = ask("approvals", str(number), "--repository", NAME, "--output", "json", cwd=scene.origin.path)
    assert json.loads(found.out)["required_approvals"][0]["name"] == "finance"


def test_where_nothing_needs_approval(scene: Scene, ask: Runner) -> None:
    number = scene.open({"README.md": "hello"})
    assert "No approval is needed." in ask("approvals", str(number), "--repository", NAME, cwd=scene.origin.path).out


@pytest.mark.parametrize(
    "url", [f"https://github.com/{NAME}.git", f"git@github.com:{NAME}", f"ssh://git@host:22/{NAME}/", f"/srv/{NAME}"]
)
def test_the_repository_is_that_of_origin(url: str, scene: Scene, ask: Runner) -> None:
    number = scene.open()
    scene.origin.git("remote", "add", "origin", url)
    assert ask("approvals", str(number), cwd=scene.origin.path).out.startswith(f"{NAME}#1:")


def test_the_repository_is_that_of_the_environment(scene: Scene, ask: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    number = scene.open()
    monkeypatch.setenv("GITHUB_REPOSITORY", NAME)
    monkeypatch.setenv("COSTGATE_ORG_TOKEN", TOKEN)
    assert ask("approvals", str(number), cwd=scene.origin.path).code == 0


def test_no_repository(repo: Repo, runner: Runner) -> None:
    result = runner("approvals", "1", cwd=repo.path)
    assert result.code == 2
    assert "--repository OWNER/NAME" in result.err
