"""One test for each way to get past the gate that we know of. A green verdict in one of them is a hole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import scenario
from tests.action.scene import FINANCE, Scene
from tests.github.fake.people import AppIdentity

DOUBLED = {"configs/prod.json": scenario.config(4)}
TEAM = scenario.policy(1000).replace("users: [fiona]", "teams: [acme/finance]")


def stopped(scene: Scene, number: int, outcome: str = "approval-required", **more: Any) -> dict[str, Any]:
    """The report of a run that has to stop the pull request."""
    result = scene.act(number, **more)
    report = scene.report()
    assert (result.exit_code, report["outcome"]) == (1, outcome)
    return report


def why(report: dict[str, Any]) -> str:
    """Why the only approval does not count."""
    (approval,) = report["approvals"]
    assert approval["valid"] is False
    return str(approval["why"])


def test_an_approval_passes_or_none_of_these_tests_shows_anything(scene: Scene) -> None:
    number = scene.open()
    stopped(scene, number)
    scene.seen(number)
    scene.approve(number)
    assert scene.act(number, action="labeled").exit_code == 0
    assert scene.report()["outcome"] == "approved"


# Who sets the label


def labelled_by(scene: Scene, login: str, **more: Any) -> str:
    number = scene.open(**more)
    scene.seen(number)
    scene.approve(number, by=login)
    return why(stopped(scene, number))


def test_the_author(scene: Scene) -> None:
    assert labelled_by(scene, "fiona", by="fiona") == "fiona opened the pull request"


def test_somebody_who_may_write_and_is_no_approver(scene: Scene) -> None:
    scene.world.role("mallory", "admin")
    assert labelled_by(scene, "mallory") == "not one of those who may give finance"


def test_a_committer(scene: Scene) -> None:
    number = scene.open()
    scene.push("change", {"configs/prod.json": scenario.config(8)}, by="fiona")
    scene.seen(number)
    scene.approve(number)
    assert why(stopped(scene, number)).startswith("fiona pushed ")


def test_the_author_of_a_commit_that_somebody_else_pushed(scene: Scene) -> None:
    scene.push("change", DOUBLED, author="fiona")
    number = scene.world.open("dev", "change")
    scene.seen(number)
    scene.approve(number)
    assert why(stopped(scene, number)).startswith("fiona wrote ")


def test_a_bot_by_an_approvers_name(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": scenario.policy(1000).replace("[fiona]", '["robot[bot]"]')}, by="admin")
    scene.world.user("robot[bot]", type="Bot")
    assert labelled_by(scene, "robot[bot]") == "robot[bot] is no person but a Bot"


def test_an_app_in_an_approvers_name(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.wait(60)
    scene.world.label("fiona", number, FINANCE, via_app=AppIdentity(id=5, slug="helper"))
    assert why(stopped(scene, number)) == "it was done by the app helper"


TEAMS: dict[str, tuple[Callable[[Scene], object], str]] = {
    "not a member": (lambda s: s.world.team("acme/finance", ["vera"]), "not one of those who may give finance"),
    "an invited member": (
        lambda s: s.world.team("acme/finance", [], pending=["fiona"]), "not one of those who may give finance",
    ),
    "a member whom the token may not see": (
        lambda s: s.world.team("acme/finance", ["fiona"], secret=True),
        "whether fiona is in acme/finance cannot be told",
    ),
    "no such team": (lambda s: None, "whether fiona is in acme/finance cannot be told"),
}  # fmt: skip


@pytest.mark.parametrize(("team", "words"), TEAMS.values(), ids=TEAMS)
def test_teams(team: Callable[[Scene], object], words: str, scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": TEAM}, by="admin")
    scene.world.token("org", "admin", teams=())
    scene.environ["INPUT_ORG_TOKEN"] = "org"
    team(scene)
    assert words in labelled_by(scene, "fiona")


def test_a_member_of_the_team_may(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": TEAM}, by="admin")
    scene.world.token("org", "admin")
    scene.environ["INPUT_ORG_TOKEN"] = "org"
    scene.world.team("acme/finance", ["fiona"])
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    assert scene.act(number).exit_code == 0


def test_the_workflows_own_token_reads_no_team(scene: Scene) -> None:
    scene.push("main", {"finance/policy.yml": TEAM}, by="admin")
    scene.world.team("acme/finance", ["fiona"])
    assert "members: read" in labelled_by(scene, "fiona")


def test_an_account_that_took_the_login_of_another(scene: Scene) -> None:
    fiona = scene.world.user("fiona")
    policy = scenario.policy(1000).replace("[fiona]", f"[{{login: fiona, id: {fiona.id}}}]")
    scene.push("main", {"finance/policy.yml": policy}, by="admin")
    scene.world.rename_user("fiona", "fiona-of-finance")
    scene.world.user("fiona")
    assert "the policy means another account that was called fiona" in labelled_by(scene, "fiona")
    number = scene.open(branch="other")
    scene.seen(number)
    scene.approve(number, by="fiona-of-finance")
    assert scene.act(number).exit_code == 0


# When


def test_before_the_report(scene: Scene) -> None:
    number = scene.open()
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_while_the_gate_was_running(scene: Scene) -> None:
    number = scene.open()
    run = scene.world.run("dev", number=number, conclusion=None)
    scene.approve(number)
    scene.wait(60)
    scene.world.finish(run, "failure")
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_a_dearer_push_after_the_label(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.push("change", {"configs/prod.json": scenario.config(8)})
    assert "now $4,158, approved was $1,386" in why(stopped(scene, number))


def test_a_push_that_costs_no_more_keeps_it(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.push("change", {"README.md": "hello"})
    assert scene.act(number).exit_code == 0


def test_any_push_where_an_approval_is_for_one_commit(scene: Scene) -> None:
    policy = scenario.policy(1000).replace("users: [fiona]", "users: [fiona], valid_for: commit")
    scene.push("main", {"finance/policy.yml": policy}, by="admin")
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.push("change", {"README.md": "hello"})
    assert "holds for one commit only" in why(stopped(scene, number))


def test_a_push_between_reading_and_labelling(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.wait(30)
    scene.push("change", {"configs/prod.json": scenario.config(8)})
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_the_approved_amount_moved_to_another_flow(scene: Scene) -> None:
    other = scenario.TRAIN.replace("TrainFlow", "OtherFlow").replace("prod.json", "other.json")
    per_deployment = scenario.policy(1000).replace("limit: 1000", "limit: 1000, per: deployment")
    listed = scenario.CONFIG + "      - {flow: flows/other.py, runs_per_month: 500, steps: {train: {duration: 2h}}}\n"
    base = {"flows/other.py": other, "configs/other.json": scenario.config(2), "costgate.yml": listed}
    scene.push("main", {**base, "finance/policy.yml": per_deployment}, by="admin")
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    moved = {"configs/prod.json": scenario.config(2), "configs/other.json": scenario.config(4)}
    scene.push("change", moved)
    assert "is new since" in why(stopped(scene, number))


def test_a_label_that_was_taken_off(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.world.unlabel("fiona", number, FINANCE)
    assert stopped(scene, number, action="unlabeled")["approvals"] == []


def test_another_label_that_was_renamed(scene: Scene) -> None:
    """GitHub's event keeps the name that a label had when it was set."""
    number = scene.open()
    scene.seen(number)
    scene.approve(number, label="looks-good")
    scene.world.main.pulls[number].labels[:] = [FINANCE]
    assert why(stopped(scene, number)).startswith("GitHub has no record of who did it")


# Against what


def test_a_retarget_to_a_lax_branch_and_back(scene: Scene) -> None:
    scene.push("lax", {"finance/policy.yml": scenario.policy(10**6)}, by="admin")
    number = scene.open()
    scene.world.retarget("dev", number, "lax")
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.world.retarget("dev", number, "main")
    assert "the base branch was changed to main after it" in why(stopped(scene, number, action="edited"))


def test_a_gate_run_of_another_pull_request_with_the_same_head(scene: Scene) -> None:
    number = scene.open()
    scene.push("lax", {}, by="admin")
    lax = scene.world.open("dev", "change", base="lax")
    scene.seen(lax)
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_a_run_of_another_workflow(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number, path=".github/workflows/fake.yml")
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_a_branch_that_was_cut_before_adoption(scene: Scene) -> None:
    files = dict.fromkeys(("costgate.yml", "finance/policy.yml", "finance/ratecard.yml"))
    scene.push("change", {**files, **DOUBLED})
    assert stopped(scene, scene.world.open("dev", "change"))["policy"]["name"] == "finance/policy.yml"


def test_a_branch_that_was_cut_before_the_policy_was_tightened(scene: Scene) -> None:
    scene.push("change", {"configs/prod.json": scenario.config(3)})
    number = scene.world.open("dev", "change")
    assert scene.act(number).exit_code == 0
    scene.push("main", {"finance/policy.yml": scenario.policy(500)}, by="admin")
    stopped(scene, number)


def test_a_target_branch_without_costgate(scene: Scene) -> None:
    scene.push("lax", {"costgate.yml": None}, by="admin")
    scene.push("change", {**DOUBLED, "costgate.yml": scenario.CONFIG.replace("policy.yml", "mine.yml")})
    scene.push("change", {"finance/mine.yml": scenario.policy(10**6)})
    number = scene.world.open("dev", "change", base="lax")
    scene.act(number)
    report = scene.report()
    assert (report["policy"]["name"], report["rate_card"]["name"]) == ("default", "aws")  # none of the head's own


LOOSENED = {
    "the policy": {"finance/policy.yml": scenario.policy(10**6)},
    "the approvers": {"finance/policy.yml": scenario.policy(1000).replace("[fiona]", "[dev]")},
    "the rate card": {"finance/ratecard.yml": scenario.CARD.replace("120000", "1")},
    "the usage profile": {
        "costgate.yml": scenario.METERED, ".costgate/usage.json": scenario.usage().replace("500", "1"),
    },
    "assumptions": {"costgate.yml": scenario.CONFIG.replace("overhead: 0s", "overhead: 0s, runs_per_month: 1")},
    "owners": {"costgate.yml": scenario.CONFIG + "    owners: [{match: '**', team: rich}]\n"},
    "decorators": {"costgate.yml": scenario.CONFIG + "    decorators: {kubernetes: {compute: local}}\n"},
    "exclude": {"costgate.yml": scenario.CONFIG.split("    deployments")[0] + "    exclude: [flows/**]\n"},
    "deployments": {"costgate.yml": scenario.CONFIG.split("    deployments")[0]},
    "the frequency": {"costgate.yml": scenario.CONFIG.replace("500", "1")},
    "the duration": {"costgate.yml": scenario.CONFIG.replace("2h", "1m")},
    "the target": {"costgate.yml": scenario.CONFIG.replace("rate_card", "exclude: ['**']\n    rate_card")},
    "everything, by deleting it": {"costgate.yml": None},
    "everything, by breaking it": {"costgate.yml": "version: 99"},
}  # fmt: skip


@pytest.mark.parametrize("files", LOOSENED.values(), ids=LOOSENED)
def test_the_pull_request_loosens_its_own_gate(files: dict[str, str | None], scene: Scene) -> None:
    number = scene.open({**DOUBLED, **files})
    result = scene.act(number)
    assert (result.exit_code, scene.report()["outcome"] in ("approval-required", "incomplete")) == (1, True)


def test_a_broken_policy_on_the_target_branch(scene: Scene) -> None:
    number = scene.open({"README.md": "hello"})
    scene.push("main", {"finance/policy.yml": "version: 1\nrules: ["}, by="admin")
    stopped(scene, number, "incomplete")


# What is forged on GitHub


def test_a_comment_with_our_marker(scene: Scene) -> None:
    number = scene.open()
    stopped(scene, number)
    ours = scene.comments[0]
    scene.world.main.comments.clear()
    scene.world.comment("mallory", number, ours.replace("needs approval by finance", "approved"))
    stopped(scene, number)
    assert len(scene.comments) == 2
    assert "approved" in scene.comments[0]  # mallory's, left alone
    assert "needs approval by finance" in scene.comments[1]


def test_a_check_run_by_our_name(scene: Scene) -> None:
    number = scene.open()
    head = scene.world.head(number)
    stopped(scene, number)
    mine = len(scene.world.main.checks)
    scene.world.run("dev", number=number, conclusion="success", path=".github/workflows/forged.yml")
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))
    assert head
    assert len(scene.world.main.checks) == mine


def test_a_fork_sees_its_verdict_and_is_told_that_it_cannot_be_approved(scene: Scene) -> None:
    fork = scene.world.fork("dev")
    sha = scene.push("change", DOUBLED)
    scene.world.move("dev", "change", sha, repository=fork.full_name)
    number = scene.world.open("dev", "change", repository=fork.full_name)
    scene.world.token(
        "read", permissions={"contents": "read", "pull_requests": "read", "actions": "read", "checks": "read"}
    )
    scene.environ["INPUT_GITHUB_TOKEN"] = "read"
    result = scene.act(number)
    assert result.exit_code == 1
    assert scene.comments == []
    assert "cannot be approved by a label" in result.text
    assert "pull-requests: write" in (scene.job / "summary.md").read_text()


def test_a_pull_request_whose_fork_is_gone(scene: Scene) -> None:
    fork = scene.world.fork("dev")
    sha = scene.push("change", DOUBLED)
    scene.world.move("dev", "change", sha, repository=fork.full_name)
    number = scene.world.open("dev", "change", repository=fork.full_name)
    scene.seen(number)
    scene.approve(number)
    scene.world.delete_repository(fork.full_name)
    assert scene.act(number, event="pull_request_target").exit_code in (0, 1)
    assert all(approval["valid"] or approval["why"] for approval in scene.report()["approvals"])
