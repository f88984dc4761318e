"""The scenario end to end, on a real repository, through the command line."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests import scenario
from tests.run import Runner
from tests.support import Repo

ARGS = ("--base", "main", "--head", "change", "--as-of", scenario.AS_OF)


def change(repo: Repo, head: dict[str, str], **base: str | int) -> Path:
    """main has the base files, the branch `change` the head files on top."""
    repo.commit(scenario.files(**base))  # type: ignore[arg-type]
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(head)
    return repo.path


def report(runner: Runner, path: Path, *args: str) -> dict:
    result = runner("diff", *ARGS, *args, "--output", "json", cwd=path)
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_the_delta_is_exact_in_json(repo: Repo, runner: Runner) -> None:
    found = report(runner, change(repo, {"configs/prod.json": scenario.config(8)}))
    assert round(Decimal(found["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)
    (deployment,) = found["deployments"]
    train = next(step for step in deployment["steps"] if step["step"] == "train")
    assert [d["cause"] for d in train["drivers"]] == ["gpu"]
    assert Decimal(train["drivers"][0]["amount"]) == Decimal(found["totals"]["delta_monthly"])
    (line,) = train["head"]["lines"]
    assert Decimal(line["quantity"]) == 8000
    assert round(Decimal(line["unit_price"]), 7) == Decimal("0.6930263")
    assert train["head"]["locations"]["gpu"] == "configs/prod.json:1"


def test_metered_duration_and_frequency_give_the_same_delta(repo: Repo, runner: Runner) -> None:
    path = change(repo, {"configs/prod.json": scenario.config(8)}, costgate=scenario.METERED)
    repo.git("checkout", "-q", "main")
    repo.commit({".costgate/usage.json": scenario.usage()})
    repo.git("checkout", "-q", "change")
    repo.git("rebase", "-q", "main")
    found = report(runner, path)
    assert round(Decimal(found["totals"]["delta_monthly"]), 3) == Decimal(scenario.DELTA)
    train = next(step for step in found["deployments"][0]["steps"] if step["step"] == "train")
    assert train["head"]["inputs"]["duration_s"]["source"] == "metered"
    assert train["head"]["inputs"]["runs"]["source"] == "metered"


@pytest.mark.parametrize("output", ["text", "markdown"])
def test_people_read_the_delta_in_whole_dollars(repo: Repo, runner: Runner, output: str) -> None:
    path = change(repo, {"configs/prod.json": scenario.config(8)})
    result = runner("diff", *ARGS, "--output", output, cwd=path)
    assert result.code == 0
    assert "$2,772" in result.out
    assert "not billed" in result.out.lower()


def test_below_the_limit_it_passes(repo: Repo, runner: Runner) -> None:
    result = runner("check", *ARGS, cwd=change(repo, {"configs/prod.json": scenario.config(8)}))
    assert result.code == 0, result.out


def test_above_the_limit_it_exits_1_and_names_the_line(repo: Repo, runner: Runner) -> None:
    result = runner("check", *ARGS, cwd=change(repo, {"configs/prod.json": scenario.config(8)}, limit=2000))
    assert result.code == 1
    assert "configs/prod.json:1" in result.out
    assert "finance-approved" in result.out


def test_a_raised_limit_at_head_is_shown_and_not_used(repo: Repo, runner: Runner) -> None:
    head = {"configs/prod.json": scenario.config(8), "finance/policy.yml": scenario.policy(50_000)}
    path = change(repo, head, limit=2000)
    result = runner("check", *ARGS, cwd=path)
    assert result.code == 1
    assert "finance/policy.yml" in result.out
    assert "not used" in result.out
    assert report(runner, path)["changed_judges"] == [{"path": "finance/policy.yml", "outcome_with_it": "pass"}]


def test_a_second_config_variant_doubles_the_delta_and_names_both(repo: Repo, runner: Runner) -> None:
    repo.write({"configs/prod-us.json": scenario.config(4)})
    head = {"configs/prod.json": scenario.config(8), "configs/prod-us.json": scenario.config(8)}
    path = change(repo, head, costgate=scenario.TWO_VARIANTS)
    found = report(runner, path)
    assert round(Decimal(found["totals"]["delta_monthly"]), 3) == 2 * Decimal(scenario.DELTA)
    assert {d["name"] for d in found["deployments"]} == {"train-prod", "train-prod-us"}


def test_the_same_revisions_give_the_same_bytes(repo: Repo, runner: Runner) -> None:
    path = change(repo, {"configs/prod.json": scenario.config(8)})
    for output in ("text", "markdown", "json", "sarif", "annotations"):
        first = runner("check", *ARGS, "--output", output, cwd=path)
        assert runner("check", *ARGS, "--output", output, cwd=path) == first


def test_explain_prints_the_derivation(repo: Repo, runner: Runner) -> None:
    path = change(repo, {"configs/prod.json": scenario.config(8)})
    result = runner("explain", "TrainFlow/train", "--rev", "change", "--as-of", scenario.AS_OF, cwd=path)
    assert result.code == 0, result.err
    for part in ("4.5662", "0.7280", "5.5442", "0.6930", "configs/prod.json:1", "finance/ratecard.yml:"):
        assert part in result.out
