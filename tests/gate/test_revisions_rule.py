"""Which revision speaks: a change cannot loosen its own gate, and what it drops is still counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from tests import scenario
from tests.run import Result, Runner
from tests.support import Repo, dedent

ARGS = ("--base", "main", "--head", "change", "--as-of", scenario.AS_OF)
DOUBLED = {"configs/prod.json": scenario.config(8)}


def branch(repo: Repo, base: Mapping[str, str | None], head: Mapping[str, str | None]) -> None:
    repo.commit(base)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(head)


def check(repo: Repo, runner: Runner, *args: str) -> tuple[Result, dict]:
    result = runner("check", *ARGS, *args, "--output", "json", cwd=repo.path)
    assert result.out, result.err
    return result, json.loads(result.out)


def test_nothing_changed_passes(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(), {"README": "hello"})
    result, report = check(repo, runner)
    assert (result.code, report["outcome"], report["deployments"]) == (0, "pass", [])
    assert report["totals"]["delta_monthly"] == "0"


def test_first_adoption_needs_an_admin(repo: Repo, runner: Runner) -> None:
    files = scenario.files()
    branch(
        repo,
        {"flows/train.py": files.pop("flows/train.py"), "configs/prod.json": files.pop("configs/prod.json")},
        files,
    )
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == (1, "approval-required")
    assert "first adoption" in runner("check", *ARGS, cwd=repo.path).out


def test_adoption_on_the_default_branch_is_no_first_adoption(repo: Repo, runner: Runner) -> None:
    files = scenario.files()
    branch(repo, {"flows/train.py": files["flows/train.py"], "configs/prod.json": files["configs/prod.json"]}, files)
    repo.git("update-ref", "refs/remotes/origin/main", "change")
    _, report = check(repo, runner)
    assert report["outcome"] != "approval-required"


def test_without_any_configuration_shipped_defaults_judge_and_say_so(repo: Repo, runner: Runner) -> None:
    files = {"flows/train.py": scenario.TRAIN, "configs/prod.json": scenario.config(1)}
    branch(repo, files, {"configs/prod.json": scenario.config(4)})
    result = runner("diff", *ARGS, cwd=repo.path)
    assert result.code == 0, result.err
    assert "shipped defaults" in result.out
    assert "list prices" in result.out


@pytest.mark.parametrize("path", ["costgate.yml", "finance/policy.yml", "finance/ratecard.yml"])
def test_a_broken_judging_file_is_incomplete_and_the_report_stands(repo: Repo, runner: Runner, path: str) -> None:
    branch(repo, {**scenario.files(), path: "version: [\n"}, DOUBLED)
    result = runner("check", *ARGS, cwd=repo.path)
    assert result.code == 1
    assert f"{path}:" in result.out
    assert "strict" in result.out


def test_a_missing_usage_profile_that_is_named_is_broken(repo: Repo, runner: Runner) -> None:
    costgate = scenario.CONFIG.replace("target: local", "target: local\n    usage: nowhere.json")
    branch(repo, scenario.files(costgate=costgate), DOUBLED)
    result = runner("check", *ARGS, cwd=repo.path)
    assert result.code == 1
    assert "nowhere.json" in result.out


def test_currencies_that_differ_are_named(repo: Repo, runner: Runner) -> None:
    policy = scenario.policy(5000).replace("currency: USD", "currency: EUR")
    branch(repo, {**scenario.files(), "finance/policy.yml": policy}, DOUBLED)
    result = runner("check", *ARGS, cwd=repo.path)
    assert result.code == 1
    assert "EUR" in result.out


def test_a_broken_configuration_at_head_does_not_hide_the_rest(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(), {**DOUBLED, "costgate.yml": "version: 1\nversion: 1\n"})
    result, report = check(repo, runner)
    assert result.code == 1
    assert report["outcome"] == "incomplete"
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)
    assert [u["location"] for u in report["unpriced"]] == ["costgate.yml:2"]


def test_what_head_excludes_is_still_compared(repo: Repo, runner: Runner) -> None:
    excluding = dedent(scenario.CONFIG).replace("target: local", 'target: local\nexclude: ["flows/**"]')
    without_list = excluding[: excluding.index("deployments:")]
    branch(repo, scenario.files(), {**DOUBLED, "costgate.yml": without_list})
    _, report = check(repo, runner)
    (deployment,) = report["deployments"]
    assert deployment["status"] == "changed"
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)
    assert "no longer covers" in runner("check", *ARGS, cwd=repo.path).out


@pytest.mark.parametrize(
    ("runs", "delta"),
    [("100", scenario.DELTA), ("1000", "8316.315")],
    ids=["a lowered frequency is not counted", "a raised frequency counts"],
)
def test_declared_frequency(repo: Repo, runner: Runner, runs: str, delta: str) -> None:
    head = scenario.CONFIG.replace("runs_per_month: 500", f"runs_per_month: {runs}")
    branch(repo, scenario.files(), {**DOUBLED, "costgate.yml": head})
    _, report = check(repo, runner)
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(delta)
    text = runner("check", *ARGS, cwd=repo.path).out
    assert ("lowered to 100" in text) == (runs == "100")


@pytest.mark.parametrize("declared", ["{duration: 1h}", "{tasks: 1}"], ids=["lowered", "removed"])
def test_declared_duration_that_head_lowers_is_not_counted(repo: Repo, runner: Runner, declared: str) -> None:
    base = scenario.CONFIG.replace("{duration: 2h}", "{duration: 2h, tasks: 1}")
    head = base.replace("{duration: 2h, tasks: 1}", declared)
    branch(repo, scenario.files(costgate=base), {**DOUBLED, "costgate.yml": head})
    _, report = check(repo, runner)
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)


def test_a_moved_flow_is_changed_not_removed_and_new(repo: Repo, runner: Runner) -> None:
    head = {
        "flows/train.py": None,
        "training/flow.py": scenario.TRAIN,
        "costgate.yml": scenario.CONFIG.replace("flows/train.py", "training/flow.py"),
    }
    branch(repo, scenario.files(), {**head, **DOUBLED})
    _, report = check(repo, runner)
    (deployment,) = report["deployments"]
    assert (deployment["status"], deployment["file"]) == ("changed", "training/flow.py")
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)


def test_a_removed_flow_offsets_nothing_and_the_report_says_why(repo: Repo, runner: Runner) -> None:
    head = {"flows/train.py": None, "costgate.yml": scenario.CONFIG.split("    deployments:")[0]}
    branch(repo, scenario.files(), head)
    _, report = check(repo, runner)
    assert [d["status"] for d in report["deployments"]] == ["removed"]
    assert report["totals"]["increase_monthly"] == "0"
    assert "until it is undeployed" in runner("check", *ARGS, cwd=repo.path).out


def test_two_flows_of_one_key_are_a_finding_that_names_both(repo: Repo, runner: Runner) -> None:
    costgate = scenario.CONFIG.split("    deployments:")[0]
    other = scenario.TRAIN.replace("TrainFlow", "OtherFlow")
    base = {**scenario.files(costgate=costgate), "flows/other.py": other}
    branch(repo, base, {"copies/train.py": scenario.TRAIN, **DOUBLED})
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == (1, "incomplete")
    (problem,) = [u for u in report["unpriced"] if u["step"] is None]
    assert "by copies/train.py:4 and by flows/train.py:4" in problem["reason"]
    assert [d["name"] for d in report["deployments"] if Decimal(d["delta_monthly"])] == ["OtherFlow"]
    validated = runner("validate", cwd=repo.path)
    assert validated.code == 2
    assert "copies/train.py" in validated.err


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("class OddFlow(FlowSpec:\n", 1),
        ("class OddFlow(FlowSpec):\n<<<<<<< HEAD\n    x = 2\n", 2),
        ("class OddFlow(FlowSpec):\n    x = '\0'\n", 1),
    ],
    ids=["syntax error", "merge conflict markers", "binary"],
)
def test_an_odd_flow_file_is_a_finding_and_the_rest_stands(repo: Repo, runner: Runner, text: str, line: int) -> None:
    costgate = scenario.CONFIG.replace("runs_per_month: 500", "runs_per_month: 500\n        name: train")
    branch(repo, scenario.files(costgate=costgate), {**DOUBLED, "flows/odd.py": text})
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == (1, "incomplete")
    assert [u["location"] for u in report["unpriced"]] == [f"flows/odd.py:{line}"]
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)


def test_creep_is_judged_against_the_commit_of_thirty_days_ago(repo: Repo, runner: Runner) -> None:
    policy = scenario.policy(2000).replace("limit: 2000,", "limit: 2000, window: 30d,")
    old = {"GIT_COMMITTER_DATE": "2026-10-01T00:00:00Z"}
    recent = {"GIT_COMMITTER_DATE": "2026-11-20T00:00:00Z"}
    repo.commit({**scenario.files(gpu=4), "finance/policy.yml": policy}, **old)
    repo.commit({"configs/prod.json": scenario.config(6)}, **recent)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(DOUBLED)
    result, report = check(repo, runner)
    assert result.code == 1
    (violation,) = [v for v in report["violations"] if v["rule"] == "max-monthly-increase"]
    assert round(Decimal(violation["actual"]), 3) == Decimal(scenario.DELTA)


def test_a_card_at_head_in_a_currency_that_the_callers_policy_has_not(repo: Repo, runner: Runner) -> None:
    card = scenario.CARD.replace("currency: USD", "currency: EUR")
    branch(repo, scenario.files(), {"finance/ratecard.yml": card})
    (repo.path / "mine.yml").write_text(dedent(scenario.policy(5000)))
    result, report = check(repo, runner, "--policy", "mine.yml")
    assert result.code == 0
    assert [each["outcome_with_it"] for each in report["changed_judges"]] == ["incomplete"]


ON_REQUEST = scenario.TRAIN.replace("@kubernetes(gpu", "@resources(gpu").replace("kubernetes, step", "resources, step")
WITH = scenario.CONFIG.replace("target: local", "target: local\n    with: [kubernetes]")


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "dropped, too"])
def test_a_step_is_not_free_because_head_calls_it_local(repo: Repo, runner: Runner, listed: bool) -> None:
    files = {**scenario.files(costgate=WITH), "flows/train.py": ON_REQUEST}
    head = scenario.CONFIG if listed else f"{scenario.CONFIG.split('    deployments:')[0]}    exclude: [flows/**]\n"
    cpu = {
        "finance/ratecard.yml": scenario.CARD.replace("{gpu: a100}", "{gpu: a100, cpu: c}").replace(
            "tiers:", "tiers:\n      c: {node: {cpus: 4, memory_gib: 16}, hourly: 0.000001}"
        )
    }
    branch(repo, {**files, **cpu}, {**DOUBLED, "costgate.yml": head})
    _, report = check(repo, runner)
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)
    said = " ".join(runner("check", *ARGS, cwd=repo.path).out.split())
    assert ("makes steps local that are not at base" in said) == listed


def test_another_target_under_which_nothing_becomes_local(repo: Repo, runner: Runner) -> None:
    head = scenario.CONFIG.replace("target: local", "target: local\n    with: [retry]")
    branch(repo, scenario.files(), {**DOUBLED, "costgate.yml": head})
    _, report = check(repo, runner)
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)


DEFAULTS = scenario.CONFIG.split("    deployments:")[0]


def test_adoption_compares_both_sides_by_the_same_configuration(repo: Repo, runner: Runner) -> None:
    files = scenario.files()
    repo.commit({"flows/train.py": files.pop("flows/train.py"), "configs/prod.json": files.pop("configs/prod.json")})
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(files)
    _, report = check(repo, runner)
    assert (report["deployments"], report["totals"]["delta_monthly"]) == ([], "0")


def test_deleting_the_configuration_changes_nothing_that_is_deployed(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(), {"costgate.yml": None, **DOUBLED})
    _, report = check(repo, runner)
    assert round(Decimal(report["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)


@pytest.mark.parametrize("listed", [True, False], ids=["listed under deployments", "found by a glob"])
def test_a_flow_that_moves_out_of_base_s_globs_is_still_counted(repo: Repo, runner: Runner, listed: bool) -> None:
    costgate = dedent(scenario.CONFIG if listed else DEFAULTS).replace(
        "target: local", 'target: local\nflows: ["flows/**"]'
    )
    moved = {"flows/train.py": None, "other/train.py": scenario.TRAIN, **DOUBLED}
    branch(repo, scenario.files(costgate=costgate), moved)
    _, report = check(repo, runner)
    (deployment,) = report["deployments"]
    assert (deployment["status"], deployment["file"]) == ("changed", "other/train.py")
    assert Decimal(report["totals"]["delta_monthly"]) > 0
    assert "no longer covers other/train.py" in runner("check", *ARGS, cwd=repo.path).out


def test_a_flow_that_becomes_a_symlink_is_a_finding(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(costgate=DEFAULTS), {"lib/impl.txt": scenario.TRAIN, **DOUBLED})
    (repo.path / "flows/train.py").unlink()
    (repo.path / "flows/train.py").symlink_to("../lib/impl.txt")
    repo.commit()
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == (1, "incomplete")
    assert "flows/train.py is a symlink" in report["unpriced"][0]["reason"]


def test_a_folder_of_flows_that_becomes_a_symlink_is_a_finding(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(costgate=DEFAULTS), {"flows/train.py": None, "elsewhere/train.txt": scenario.TRAIN})
    (repo.path / "flows").rmdir()
    (repo.path / "flows").symlink_to("elsewhere")
    repo.commit()
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == (1, "incomplete")
    assert "flows is a symlink" in report["unpriced"][0]["reason"]


@pytest.mark.parametrize("gpus", [4, 8], ids=["untouched, it stands", "with other resources, it is news"])
def test_a_step_without_a_price_on_both_sides(repo: Repo, runner: Runner, gpus: int) -> None:
    card = scenario.CARD.replace("    default_tier: {gpu: a100}\n", "")
    base = {**scenario.files(), "finance/ratecard.yml": card}
    branch(
        repo,
        base,
        {"configs/prod.json": scenario.config(gpus), "flows/train.py": f"# moved a line\n{dedent(scenario.TRAIN)}"},
    )
    result, report = check(repo, runner)
    assert report["outcome"] == ("incomplete" if gpus == 8 else "pass")
    assert [u["step"] for u in report["unpriced"]] == (["train"] if gpus == 8 else [])
    assert result.code == int(gpus == 8)


@pytest.mark.parametrize("gpus", [4, 8], ids=["untouched, it stands", "with other resources, it is news"])
def test_two_flows_of_one_key_on_both_sides(repo: Repo, runner: Runner, gpus: int) -> None:
    base = {**scenario.files(costgate=DEFAULTS), "copies/train.py": scenario.TRAIN}
    branch(repo, base, {"configs/prod.json": scenario.config(gpus), "README": "hello"})
    result, report = check(repo, runner)
    assert (result.code, report["outcome"]) == ((1, "incomplete") if gpus == 8 else (0, "pass"))


def test_a_total_rule_shows_the_totals_of_everything(repo: Repo, runner: Runner) -> None:
    policy = scenario.policy(10).replace("rule: max-monthly-increase", "rule: max-monthly-total")
    other = scenario.TRAIN.replace("TrainFlow", "OtherFlow").replace("gpu=config.train.gpu", "gpu=1")
    branch(repo, {**scenario.files(costgate=DEFAULTS), "finance/policy.yml": policy, "flows/other.py": other}, DOUBLED)
    _, report = check(repo, runner)
    totals = {key: Decimal(value) for key, value in report["totals"].items() if key.endswith("_monthly")}
    assert report["totals"]["scope"] == "all"
    assert [d["name"] for d in report["deployments"]] == ["TrainFlow"]
    assert totals["head_monthly"] - totals["base_monthly"] == totals["delta_monthly"]
    assert totals["base_monthly"] > Decimal(report["deployments"][0]["base_monthly"])


def test_the_report_says_how_much_crept_in(repo: Repo, runner: Runner) -> None:
    policy = scenario.policy(9000).replace("limit: 9000,", "limit: 9000, window: 30d,")
    branch(repo, {**scenario.files(), "finance/policy.yml": policy}, DOUBLED)
    _, report = check(repo, runner)
    assert round(Decimal(report["creep"]["30d"]), 3) == Decimal(scenario.DELTA)


def test_a_judging_file_that_judges_already_is_not_called_unused(repo: Repo, runner: Runner) -> None:
    branch(repo, scenario.files(), {"finance/policy.yml": scenario.policy(50_000), **DOUBLED})
    _, by_base = check(repo, runner)
    _, by_head = check(repo, runner, "--judge", "change")
    assert [judge["path"] for judge in by_base["changed_judges"]] == ["finance/policy.yml"]
    assert by_head["changed_judges"] == []
