"""The client against `emulate`, a GitHub that others wrote (npm), for what it covers.

It has no issue events for pull requests, no activity, lets any token read teams, and replaces annotations where GitHub
appends, and lists the base's commits as the pull request's; those stay with the fake.
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from costgate.github.client import GitHub
from costgate.github.records import Membership, TeamUnreadable
from costgate.http import Http, HttpError

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

PACKAGE = "emulate@0.11.2"
FOLDER = Path(__file__).parents[2] / ".peers" / PACKAGE
PROGRAM = FOLDER / "node_modules" / "emulate" / "dist" / "index.js"
SEED = """
tokens: {robot: {login: robot, scopes: [repo, "admin:org"]}}
github:
  users: [{login: robot}, {login: fiona}, {login: dev}]
  orgs: [{login: acme, members: [{login: robot, role: admin}, {login: fiona, role: member}]}]
  repos: [{owner: acme, name: flows, auto_init: true}]
"""
HERE = "repos/acme/flows"


def installed() -> Path:
    """The program, installed by the first test run that reaches npm; skipped with the reason where none can."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip(f"{PACKAGE} did not check the GitHub client: there is no node and npm on PATH")
    if not PROGRAM.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "package.json").write_text('{"private": true}\n')
        command = ["npm", "i", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", PACKAGE]
        result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=200)
        if result.returncode:
            pytest.skip(f"{PACKAGE} did not check the GitHub client: npm failed: {result.stderr.strip()[-300:]}")
    return PROGRAM


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, seed = installed(), tmp_path_factory.mktemp("emulate") / "seed.yaml"
    seed.write_text(SEED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    base = f"http://127.0.0.1:{port}"
    command = ["node", str(program), "start", "--service", "github", "--port", port, "--seed", str(seed)]
    with subprocess.Popen(
        [*command, "--base-url", base], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        yield base
        server.terminate()


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[Http]:
    with closing(Http(url, "robot")) as http:
        yield http


@pytest.fixture(scope="module")
def github(http: Http) -> GitHub:
    return GitHub(http, "acme/flows")


@pytest.fixture(scope="module")
def start(github: GitHub) -> str:
    """The first commit of main."""
    return github.ref("main")


@pytest.fixture(scope="module")
def number(http: Http, start: str) -> int:
    """A pull request with one commit, and main one commit further."""
    http.send("POST", f"{HERE}/git/refs", {"ref": "refs/heads/feature/gpus", "sha": start})
    for branch, path in (("feature/gpus", "flow.py"), ("main", "notes.txt")):
        content = base64.b64encode(b"x = 1\n").decode()
        http.send("PUT", f"{HERE}/contents/{path}", {"message": "Add", "content": content, "branch": branch})
    pull: Any = http.send(
        "POST", f"{HERE}/pulls", {"title": "Double the GPUs", "head": "feature/gpus", "base": "main"}
    ).body
    return int(pull["number"])


def test_a_pull_request_and_its_commits(github: GitHub, number: int) -> None:
    pull = github.pull(number)
    assert (pull.state, pull.title, pull.author.login, pull.merged) == ("open", "Double the GPUs", "robot", False)
    assert (pull.head.ref, pull.base.ref, pull.head.repository) == ("feature/gpus", "main", "acme/flows")
    assert pull.head.sha == github.ref("feature/gpus")
    assert github.commits(number)[-1].sha == pull.head.sha  # it lists what the base has, too


def test_the_merge_base(github: GitHub, number: int, start: str) -> None:
    pull = github.pull(number)
    compared = github.compare("main", pull.head.sha)
    assert (compared.status, compared.ahead_by, compared.behind_by) == ("diverged", 1, 1)
    assert github.merge_base("main", pull.head.sha) == start
    with pytest.raises(HttpError) as caught:
        github.ref("nothing")
    assert caught.value.status == 404


def test_comments_over_pages(github: GitHub, number: int) -> None:
    made = [github.create_comment(number, f"note {index}") for index in range(101)]
    listed = github.comments(number)
    assert [each.id for each in listed] == [each.id for each in made]
    assert listed[0].author is not None
    assert listed[0].author.login == "robot"
    assert github.update_comment(made[0].id, "changed").body == "changed"
    assert github.delete_comment(made[0].id)
    assert not github.delete_comment(made[0].id)
    assert len(github.comments(number)) == 100


def test_labels(http: Http, github: GitHub, number: int) -> None:
    http.send("POST", f"{HERE}/issues/{number}/labels", {"labels": ["finance approved/yes"]})
    assert github.pull(number).labels == ("finance approved/yes",)
    assert github.remove_label(number, "finance approved/yes")
    assert not github.remove_label(number, "finance approved/yes")
    assert github.pull(number).labels == ()


def test_check_runs(github: GitHub, number: int) -> None:
    sha = github.pull(number).head.sha
    note = {"path": "flow.py", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "dear"}
    going = github.create_check_run(name="costgate", head_sha=sha, conclusion=None, title="…", summary="working")
    assert going.status == "in_progress"
    done = github.update_check_run(
        going.id, conclusion="failure", title="+$4,310", summary="s", text="t", annotations=[note] * 50
    )
    assert (done.id, done.status, done.conclusion, done.title) == (going.id, "completed", "failure", "+$4,310")
    assert done.annotations_count == 50
    assert [each.id for each in github.check_runs(sha, "costgate")] == [going.id]
    assert github.check_runs(sha, "other") == ()
    assert {each.head_sha for each in github.check_suites(sha)} == {sha}


def test_teams_and_collaborators(http: Http, github: GitHub) -> None:
    http.send("POST", "orgs/acme/teams", {"name": "finance"})
    http.send("PUT", "orgs/acme/teams/finance/memberships/fiona", {})
    assert github.membership("acme", "finance", "fiona") == Membership(state="active", role="member")
    assert github.membership("acme", "finance", "dev") is None
    assert isinstance(github.membership("acme", "nothing", "fiona"), TeamUnreadable)
    robot = github.permission("robot")
    assert robot is not None
    assert robot.permission == "admin"


def test_the_repository_and_its_clock(github: GitHub) -> None:
    assert github.repository().default_branch == "main"
    assert abs(github.server_time().timestamp() - time.time()) < 60
