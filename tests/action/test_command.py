"""What went wrong in a job stands where GitHub shows it: an error of the run, on one line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.action.scene import Scene
from tests.run import Runner


def test_what_is_wrong_with_the_runner(runner: Runner) -> None:
    result = runner("action")
    assert (result.code, result.err) == (2, "")
    assert result.out == (
        "::error title=costgate::GITHUB_EVENT_NAME is not set | "
        "`costgate action` runs in GitHub Actions; elsewhere: costgate check\n"
    )


def environ(tmp_path: Path, event: object, **more: str) -> dict[str, str]:
    (tmp_path / "event.json").write_text(json.dumps(event))
    return {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_REPOSITORY": "acme/flows",
        **more,
    }


def test_every_problem_is_one_line_whatever_is_in_it(runner: Runner, tmp_path: Path) -> None:
    hostile = "on-change\n::warning::owned %0A::notice::owned"
    result = runner("action", environ=environ(tmp_path, {}, INPUT_COMMENT=hostile))
    assert result.code == 2
    (line,) = result.out.splitlines()
    assert line.startswith("::error title=costgate::the input comment is 'on-change")
    assert "%250A" in line


def test_what_the_world_refuses(runner: Runner, scene: Scene, tmp_path: Path) -> None:
    scene.world.tokens.clear()
    event = scene.payload(scene.open(), "opened")
    more = {"GITHUB_API_URL": scene.fake.url, "INPUT_GITHUB_TOKEN": "ghs_wrong", "NO_PROXY": "127.0.0.1"}
    result = runner("action", environ=environ(tmp_path, event, **more))
    assert result.code == 3
    assert result.out.startswith("::error title=costgate::GET /repos/acme/flows/pulls/1: answered 401: Bad credentials")
    assert "ghs_wrong" not in result.out


def test_a_verdict(runner: Runner, scene: Scene, tmp_path: Path) -> None:
    event = scene.payload(scene.open(), "opened")
    run = scene.world.run("dev", number=1, conclusion=None)
    more = {"GITHUB_API_URL": scene.fake.url, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": str(run)}
    place = {"GITHUB_WORKSPACE": str(scene.origin.path), "RUNNER_TEMP": str(tmp_path)}
    token = {"INPUT_GITHUB_TOKEN": next(iter(scene.world.tokens)), "NO_PROXY": "127.0.0.1"}
    result = runner("action", environ=environ(tmp_path, event, **more, **place, **token))
    assert result.code == 1
    assert result.out.startswith("🔴 costgate: +$1,386/month, needs approval by finance\n")
