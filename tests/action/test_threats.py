"""One test for each way to get past the gate that we know of. A green verdict in one of them is a hole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from costgate.errors import WorldError
from costgate.github.checks import NAME
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


def bring_back(scene: Scene, sha: str, parent: str) -> None:
    """Force the branch to a commit that it was at before, or to one beside it."""
    scene.origin.git("branch", "-f", "change", sha)
    if sha in scene.world.commits:
        scene.world.move("dev", "change", sha)
    else:
        scene.world.push("dev", "change", sha=sha, parents=[parent])


def test_a_dear_head_brought_back_while_finance_reads_about_a_cheap_one(scene: Scene) -> None:
    """The gate had told of the dear one before; what stood there when the label came was the cheap one."""
    main = scene.world.main.branches["main"]
    number = scene.open({"configs/prod.json": scenario.config(8)})
    dear = scene.world.head(number)
    scene.seen(number)
    scene.origin.git("checkout", "-q", "-B", "other", "main")
    scene.origin.commit({"configs/prod.json": scenario.config(4)})
    cheap = scene.origin.git("rev-parse", "HEAD").strip()
    scene.origin.git("checkout", "-q", "main")
    bring_back(scene, cheap, main)
    scene.seen(number)
    bring_back(scene, dear, main)
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))
    scene.world.unlabel("fiona", number, FINANCE)
    scene.seen(number)  # once the gate has told of it again, it can be approved
    scene.approve(number)
    assert scene.act(number).exit_code == 0


def test_an_old_run_of_the_dear_head_run_again_while_the_cheap_one_is_there(scene: Scene) -> None:
    """A run's record keeps its commit, but what it judges is the head of now."""
    main = scene.world.main.branches["main"]
    number = scene.open({"configs/prod.json": scenario.config(8)})
    dear, old = scene.world.head(number), scene.world.run("dev", number=1, conclusion="failure")
    scene.origin.git("checkout", "-q", "-B", "other", "main")
    scene.origin.commit({"configs/prod.json": scenario.config(4)})
    bring_back(scene, scene.origin.git("rev-parse", "HEAD").strip(), main)
    scene.origin.git("checkout", "-q", "main")
    scene.world.rerun("dev", old, conclusion=None)
    bring_back(scene, dear, main)
    scene.world.finish(old, "failure")
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


def test_a_branch_that_github_retargets_when_the_one_below_is_merged(scene: Scene) -> None:
    scene.push("below", {"finance/policy.yml": scenario.policy(10**6)})
    number = scene.open()
    scene.world.main.pulls[number].base_ref = "below"
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.world.retarget("dev", number, "main", event="automatic_base_change_succeeded")
    assert "the base branch was changed to main after it" in why(stopped(scene, number))


def test_the_same_commit_offered_to_a_lax_branch(scene: Scene) -> None:
    """A check belongs to a commit, whichever pull request it was made for: each branch needs one of its own."""
    number = scene.open()
    stopped(scene, number)
    scene.push("lax", {"finance/policy.yml": scenario.policy(10**6)})
    lax = scene.world.open("dev", "change", base="lax")
    assert scene.act(lax).exit_code == 0
    conclusions = {check.values["name"]: check.values["conclusion"] for check in scene.world.main.checks.values()}
    assert conclusions == {NAME: "action_required", f"{NAME} (lax)": "success"}


def test_a_lax_gate_of_the_same_repository(scene: Scene) -> None:
    lax = {"lax.yml": scenario.CONFIG.replace("finance/policy.yml", "lax-policy.yml")}
    scene.push("main", {**lax, "lax-policy.yml": scenario.policy(10**6)}, by="admin")
    number = scene.open()
    stopped(scene, number)
    assert scene.act(number, config="lax.yml").exit_code == 0
    conclusions = {check.values["name"]: check.values["conclusion"] for check in scene.world.main.checks.values()}
    assert conclusions == {NAME: "action_required", f"{NAME}, lax.yml": "success"}


def test_closed_and_opened_again(scene: Scene) -> None:
    """The result of the job stays on the head until the next run has one."""
    number = scene.open()
    scene.world.close("dev", number)
    stopped(scene, number, action="closed")


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


def test_a_run_of_the_gates_workflow_as_the_branch_has_it(scene: Scene) -> None:
    """Where the default branch's file judges, what another version of it said is what somebody pushed."""
    number = scene.open()
    scene.seen(number, event="pull_request")
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number, event="pull_request_target"))
    scene.world.unlabel("fiona", number, FINANCE)
    scene.seen(number, event="pull_request_target")
    scene.approve(number)
    assert scene.act(number, event="pull_request_target").exit_code == 0


def test_a_run_from_another_branch_with_the_same_head(scene: Scene) -> None:
    """GitHub names every pull request that the head belongs to now, whichever the run was of."""
    number = scene.open()
    other = scene.world.run("dev", number=number, conclusion="failure")
    scene.world.main.runs[other].head_branch = "other"
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


def test_a_run_from_before_the_pull_request(scene: Scene) -> None:
    scene.push("change", DOUBLED)
    before = scene.world.open("dev", "change", base="main")
    scene.seen(before)
    scene.world.close("dev", before)
    number = scene.world.open("dev", "change")
    for run in scene.world.main.runs.values():
        run.pulls = ()  # of those that are closed
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


def test_a_run_that_was_cancelled(scene: Scene) -> None:
    number = scene.open()
    scene.world.run("dev", number=number, conclusion="cancelled")
    scene.approve(number)
    assert "so there was nothing to approve yet" in why(stopped(scene, number))


@pytest.mark.parametrize(("status", "code"), [(404, 0), (410, None)])
def test_the_activity_of_a_fork_that_the_token_may_not_see(status: int, code: int | None, scene: Scene) -> None:
    """Check suites tell when its commits arrived; a server that fails tells nothing."""
    fork = scene.world.fork("dev").full_name
    scene.world.move("dev", "change", scene.push("change", DOUBLED), repository=fork)
    number = scene.world.open("dev", "change", repository=fork)
    scene.seen(number)
    scene.approve(number)
    scene.fake.faults.fail(f"{fork}/activity", status, times=99)
    if code is None:
        with pytest.raises(WorldError, match="answered 410"):
            scene.act(number)
    else:
        assert scene.act(number).exit_code == code


def test_the_activity_of_the_target_branch_after_a_limit_is_used_up(scene: Scene) -> None:
    """A rule that looks back only warns where no record reaches back; that nobody answers is no such record."""
    creep = scenario.policy(1000).replace("limit: 1000", "limit: 1000, window: 7d")
    scene.push("main", {"finance/policy.yml": creep}, by="admin")
    number = scene.open()
    scene.fake.faults.fail("/activity", 403, times=99)
    with pytest.raises(WorldError, match="answered 403"):
        scene.act(number)


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


def test_a_fork_that_goes_away_with_the_record_of_its_pushes(scene: Scene) -> None:
    """The dear commit was judged on another branch of the fork before the label, and came here after it."""
    fork = scene.world.fork("dev")
    cheap = scene.push("change", DOUBLED)
    dear = scene.push("change", {"configs/prod.json": scenario.config(8)})
    scene.world.main.suites.clear()
    scene.world.move("dev", "change", cheap, repository=fork.full_name)
    number = scene.world.open("dev", "change", repository=fork.full_name)
    scene.seen(number, event="pull_request_target")
    scene.world.move("dev", "other", dear, repository=fork.full_name)
    scene.seen(scene.world.open("dev", "other", repository=fork.full_name), event="pull_request_target")
    scene.approve(number)
    scene.wait(60)
    scene.world.move("dev", "change", dear, repository=fork.full_name)
    scene.world.delete_repository(fork.full_name)
    assert why(stopped(scene, number, event="pull_request_target")).startswith("the fork is gone")


# What was approved, by the target branch of that moment


def test_a_price_that_rises_after_the_yes(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    scene.push("main", {"finance/ratecard.yml": scenario.CARD.replace("120000", "1200000")}, by="admin")
    assert "approved was $1,386" in why(stopped(scene, number))


def test_a_price_that_is_known_to_rise_later(scene: Scene) -> None:
    later = "    versions: [{effective_from: 2026-12-01, tiers: {a100: {owned: {purchase_price: 1200000}}}}]\n"
    scene.push("main", {"finance/ratecard.yml": scenario.CARD + later}, by="admin")
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    assert scene.act(number).exit_code == 0
    scene.wait(30 * 86400)
    assert "approved was $1,386" in why(stopped(scene, number))


def test_a_rule_that_is_added_after_the_yes(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number)
    scene.wait(60)
    rule = "      - {rule: max-gpus-per-step, limit: 3, action: require-approval, approval: finance}\n    "
    scene.push("main", {"finance/policy.yml": scenario.policy(1000).rstrip() + "\n" + rule}, by="admin")
    assert "is new since" in why(stopped(scene, number))


def test_a_server_that_keeps_no_record_of_the_branch_leaves_todays_judge(scene: Scene) -> None:
    number = scene.open()
    scene.seen(number)
    scene.approve(number, by="fiona")
    scene.fake.faults.fail("/activity", 404, times=99)
    assert scene.act(number).exit_code == 0


# Runs whose record names the commit of the default branch


def seen_by_title(scene: Scene, number: int, title: str) -> str:
    main = scene.world.main.branches["main"]
    scene.world.run("dev", head_sha=main, event="pull_request_target", title=title, conclusion="failure")
    scene.approve(number)
    scene.act(number, event="pull_request_target")
    (approval,) = scene.report()["approvals"]
    return str(approval["why"])


def test_a_run_that_says_in_its_title_what_it_judged(scene: Scene) -> None:
    number = scene.open()
    assert seen_by_title(scene, number, f"costgate #{number} {scene.world.head(number)}") == ""


def test_a_run_that_judged_another_pull_request_or_head(scene: Scene) -> None:
    number = scene.open()
    assert "nothing to approve yet" in seen_by_title(
        scene, number, f"costgate #{number + 1} {scene.world.head(number)}"
    )


def test_a_title_that_a_pull_request_wrote(scene: Scene) -> None:
    number = scene.open()
    title = f"costgate #{number} {scene.world.head(number)}"
    main = scene.world.main.branches["main"]
    scene.world.run("dev", head_sha=main, event="pull_request", title=title, conclusion="failure")
    scene.approve(number)
    assert "nothing to approve yet" in why(stopped(scene, number, event="pull_request_target"))
