"""The Action from event to verdict: pull requests, merge queues, merges, and a world that fails."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from costgate.action.run import run
from costgate.errors import InputError, WorldError
from tests import scenario
from tests.action.scene import FINANCE, NAME, Scene
from tests.support import Repo

CREEP = """
    version: 1
    currency: USD
    approvals: {finance: {label: finance-approved, users: [fiona]}}
    rules:
      - {id: creep, rule: max-monthly-increase, limit: 2000, window: 7d, action: require-approval, approval: finance}
"""
TOTAL = CREEP.replace("max-monthly-increase, limit: 2000, window: 7d", "max-monthly-total, limit: 3000")


def test_a_change_that_costs_little_passes(scene: Scene) -> None:
    number = scene.open({"configs/prod.json": scenario.config(3)})
    assert scene.act(number).exit_code == 0
    assert scene.report()["outcome"] == "pass"


def test_nothing_is_asked_about_people_where_nothing_needs_approval(scene: Scene) -> None:
    scene.act(scene.open({"configs/prod.json": scenario.config(3)}))
    assert scene.fake.count("GET", "/activity") == scene.fake.count("GET", "/events") == 0


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
def test_events_of_a_pull_request(event: str, scene: Scene) -> None:
    assert scene.act(scene.open(), event=event).exit_code == 1


def test_what_fails_the_job_is_an_input(scene: Scene) -> None:
    number = scene.open()
    assert scene.act(number, fail_on="blocked").exit_code == 0
    assert scene.report()["outcome"] == "approval-required"


def test_only_the_change_is_judged_not_what_the_target_branch_did_since(scene: Scene) -> None:
    number = scene.open({"configs/prod.json": scenario.config(3)})
    scene.push("main", {"configs/prod.json": scenario.config(8)}, by="admin")
    assert scene.act(number).exit_code == 0


def test_without_a_clone_the_commits_are_fetched_from_the_server(scene: Scene) -> None:
    number = scene.open()
    scene.environ |= {"GITHUB_WORKSPACE": str(scene.folder), "GITHUB_SERVER_URL": f"file://{scene.folder}"}
    served = scene.folder / f"{NAME}.git"
    served.parent.mkdir()
    shutil.copytree(scene.origin.path / ".git", served)
    scene.environ["INPUT_GITHUB_TOKEN"] = ""  # a token is for servers; a file is none
    assert scene.act(number).exit_code == 1
    assert scene.report()["outcome"] == "approval-required"


def test_a_folder_in_somebody_elses_clone_is_no_clone(scene: Scene) -> None:
    number = scene.open()
    outer = Repo(scene.folder / "outer")
    (outer.path / "inner").mkdir()
    scene.environ |= {"GITHUB_WORKSPACE": str(outer.path / "inner"), "GITHUB_SERVER_URL": "http://127.0.0.1:9"}
    with pytest.raises(WorldError, match="git could not fetch"):
        scene.act(number)


def test_a_workspace_that_looks_like_a_repository_is_none(scene: Scene) -> None:
    """A tree of a pull request may hold what git takes for a bare repository, with settings that run programs."""
    number = scene.open()
    bare = scene.folder / "bare"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    for key, value in {"url": f"file://{scene.origin.path}", "uploadpack": f"touch {scene.folder}/ran; false"}.items():
        subprocess.run(["git", "-C", str(bare), "config", f"remote.origin.{key}", value], check=True)
    scene.environ |= {"GITHUB_WORKSPACE": str(bare), "GITHUB_SERVER_URL": "http://127.0.0.1:9"}
    with pytest.raises(WorldError, match="git could not fetch"):
        scene.act(number)
    assert not (scene.folder / "ran").exists()


def test_costgate_yml_elsewhere(scene: Scene) -> None:
    moved = {"costgate.yml": "version: 99", "ci/costgate.yml": scenario.CONFIG}
    scene.push("main", moved, by="admin")
    number = scene.open()
    assert scene.act(number, config="./ci/costgate.yml").exit_code == 1
    assert scene.report()["outcome"] == "approval-required"
    with pytest.raises(InputError, match="neither main nor the change has such a file"):
        scene.act(number, config="nowhere.yml")


def test_first_adoption(scene: Scene) -> None:
    nothing = dict.fromkeys(("costgate.yml", "finance/policy.yml", "finance/ratecard.yml"))
    scene.push("main", nothing, by="admin")
    number = scene.open({**scenario.files(gpu=2, limit=10**6), "README.md": "hello"})
    scene.seen(number)
    scene.approve(number)
    assert scene.act(number).exit_code == 1
    assert scene.report()["outcome"] == "approval-required"


def test_small_steps_add_up_by_the_servers_record(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": CREEP}, by="admin")
    scene.wait(8 * 86400)
    scene.push("main", {"configs/prod.json": scenario.config(4)}, by="admin")
    number = scene.open({"configs/prod.json": scenario.config(5)})
    assert scene.act(number).exit_code == 1
    (violation,) = scene.report()["violations"]
    assert (violation["id"], violation["actual"].split(".")[0]) == ("creep", "2079")


def test_a_window_before_all_records_does_not_speak(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": CREEP.replace("7d", "3000d")}, by="admin")
    assert scene.act(scene.open()).exit_code == 0


@pytest.mark.parametrize("fault", ["activity", "fetch"])
def test_a_window_that_cannot_be_looked_up_does_not_speak(fault: str, scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": CREEP}, by="admin")
    scene.wait(8 * 86400)
    if fault == "activity":
        scene.fake.faults.fail("/activity", 404, times=99)
    else:
        scene.world.push("admin", "main", sha="d" * 40, parents=())
        scene.wait(8 * 86400)
        scene.push("main", {"x": "y"}, by="admin")
    assert scene.act(scene.open()).exit_code == 0


def test_all_deployments_count_where_a_rule_asks(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": TOTAL.replace("3000", "1500")}, by="admin")
    assert scene.act(scene.open()).exit_code == 1
    assert scene.report()["totals"]["scope"] == "all"


# When it ends


def test_closed_without_a_merge(scene: Scene) -> None:
    number = scene.open()
    scene.world.close("dev", number)
    result = scene.act(number, action="closed")
    assert (result.exit_code, scene.report()["outcome"]) == (1, "approval-required")  # it may be opened again


def test_merged_keeps_report_and_approvals(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.world.merge("dev", number)
    assert scene.act(number, action="closed").exit_code == 0
    report = scene.report()
    assert (report["outcome"], report["approvals"][0]["by"]) == ("approved", "fiona")


def test_merged_by_an_admin_is_recorded_as_it_was(scene: Scene) -> None:
    number = scene.open()
    scene.world.merge("admin", number)
    assert scene.act(number, action="closed").exit_code == 0
    assert scene.report()["outcome"] == "approval-required"


# The merge queue


def queue(scene: Scene, *numbers: int, squash: bool = False, named: bool = True) -> dict[str, Any]:
    """The event of a merge group of these pull requests."""
    base = scene.origin.git("rev-parse", "main").strip()
    scene.origin.git("checkout", "-q", "--detach", "main")
    for number in numbers:
        how = ("--squash",) if squash else ("--no-ff", "--no-edit")
        scene.origin.git("merge", "-q", *how, scene.world.head(number))
        if squash:
            scene.origin.git("commit", "-q", "--allow-empty", "-m", f"#{number}")
    lines = scene.origin.git("rev-list", "--reverse", "--parents", f"{base}..HEAD").splitlines()
    scene.origin.git("checkout", "-q", "main")
    for line in lines:
        sha, *parents = line.split()
        if sha not in scene.world.commits:
            scene.world.push("admin", "queue", sha=sha, parents=parents)
    ref = f"refs/heads/gh-readonly-queue/main/pr-{numbers[-1]}-{base}" if named else "refs/heads/queue"
    group = {"base_sha": base, "head_sha": lines[-1].split()[0], "base_ref": "refs/heads/main", "head_ref": ref}
    return {"action": "checks_requested", "repository": {"full_name": NAME}, "merge_group": group}


def approved(scene: Scene, branch: str = "change", gpu: int = 4, path: str = "configs/prod.json") -> int:
    number = scene.open({path: scenario.config(gpu)}, branch=branch)
    scene.seen(number)
    scene.approve(number)
    return number


def two_flows(scene: Scene) -> None:
    other = scenario.TRAIN.replace("TrainFlow", "OtherFlow").replace("prod.json", "other.json")
    listed = scenario.CONFIG + "      - {flow: flows/other.py, runs_per_month: 500, steps: {train: {duration: 2h}}}\n"
    files = {"flows/other.py": other, "configs/other.json": scenario.config(2), "costgate.yml": listed}
    scene.push("main", files, by="admin")


@pytest.mark.parametrize("squash", [False, True])
def test_an_approved_member(squash: bool, scene: Scene) -> None:
    number = approved(scene)
    result = scene.run("merge_group", queue(scene, number, squash=squash))
    assert (result.exit_code, scene.report()["outcome"]) == (0, "approved")
    assert f"pull request {number} on its own: approved" in scene.report()["notes"]


def test_an_unapproved_member(scene: Scene) -> None:
    two_flows(scene)
    numbers = approved(scene), scene.open({"configs/other.json": scenario.config(4)}, branch="second")
    result = scene.run("merge_group", queue(scene, *numbers))
    assert (result.exit_code, scene.report()["outcome"]) == (1, "approval-required")


def test_two_approved_members_that_together_exceed_what_either_was_approved_for(scene: Scene) -> None:
    two_flows(scene)
    numbers = approved(scene), approved(scene, "second", path="configs/other.json")
    result = scene.run("merge_group", queue(scene, *numbers))
    assert (result.exit_code, scene.report()["outcome"]) == (1, "approval-required")
    assert all(FINANCE in scene.world.main.pulls[number].labels for number in numbers)


def test_two_cheap_members_that_together_exceed(scene: Scene) -> None:
    two_flows(scene)
    first = scene.open({"configs/prod.json": scenario.config(3)})
    second = scene.open({"configs/other.json": scenario.config(3)}, branch="second")
    assert scene.run("merge_group", queue(scene, first, second)).exit_code == 1


def test_a_group_of_nobody(scene: Scene) -> None:
    payload = queue(scene, scene.open(), squash=True, named=False)
    with pytest.raises(WorldError, match="the pull requests of the merge group cannot be told"):
        scene.run("merge_group", payload)


# A world that fails


def test_a_failing_github_is_never_green(scene: Scene) -> None:
    number = scene.open()
    scene.fake.faults.fail(f"/pulls/{number}", 404)
    with pytest.raises(WorldError):
        scene.act(number)


def test_an_event_that_cannot_be_read(scene: Scene) -> None:
    scene.environ["GITHUB_EVENT_PATH"] = str(scene.folder / "nothing")
    with pytest.raises(InputError, match="the event cannot be read"):
        scene.act(scene.open())


def test_outside_of_github_actions() -> None:
    with pytest.raises(InputError, match="is not set"):
        run({})


def test_an_approved_commit_that_is_gone(scene: Scene) -> None:
    number = approved(scene)
    scene.wait(60)
    scene.origin.git("branch", "-q", "-D", "change")
    scene.push("change", {"configs/prod.json": scenario.config(4), "README.md": "hello"})
    scene.origin.git("reflog", "expire", "--expire=now", "--all")
    scene.origin.git("gc", "-q", "--prune=now")
    assert scene.act(number).exit_code == 1
    (approval,) = scene.report()["approvals"]
    assert "which was approved, cannot be judged again: git could not fetch" in approval["why"]
