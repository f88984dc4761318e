"""What head declares for the first time makes nothing cheaper before it is merged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

import pytest

from tests import scenario
from tests.run import Runner
from tests.support import Repo

ARGS = ("--base", "main", "--head", "change", "--as-of", scenario.AS_OF)
DOUBLED = {"configs/prod.json": scenario.config(8)}
UNDECLARED = scenario.METERED
STEPS = "name: train\n        steps: {{train: {{{}}}}}"
WIDE = (
    scenario.TRAIN.replace("next(self.train)", "next(self.train, foreach='items')")
    .replace("def train(self):\n            self.next(self.end)", "def train(self):\n            self.next(self.join)")
    .replace(
        "    @step\n        def end",
        "    @step\n        def join(self, inputs):\n            self.next(self.end)\n\n        @step\n        def end",
    )
)


def outcome(repo: Repo, runner: Runner, base: Mapping[str, str], head: Mapping[str, str]) -> tuple[str, str]:
    """The monthly delta to three places, and what is said for people."""
    repo.commit(base)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(head)
    report = json.loads(runner("diff", *ARGS, "--output", "json", cwd=repo.path).out)
    delta = round(Decimal(report["totals"]["delta_monthly"]), 3)
    return str(delta), " ".join(runner("diff", *ARGS, cwd=repo.path).out.split())


@pytest.mark.parametrize(
    ("runs", "delta", "is_noted"),
    [(1, scenario.DELTA, True), (1000, "8316.315", False)],
    ids=["fewer runs than were metered", "more runs than were metered"],
)
def test_a_new_frequency(repo: Repo, runner: Runner, runs: int, delta: str, is_noted: bool) -> None:
    head = UNDECLARED.replace("name: train", f"name: train\n        runs_per_month: {runs}")
    base = {**scenario.files(costgate=UNDECLARED), ".costgate/usage.json": scenario.usage()}
    found, text = outcome(repo, runner, base, {**DOUBLED, "costgate.yml": head})
    assert found == delta
    assert ("as 1 where base has 500 (metered); this is not counted" in text) == is_noted


@pytest.mark.parametrize("declared", ["duration: 1m", "tasks: 1", "duration: 1m, tasks: 1"])
def test_a_new_duration_or_number_of_tasks_below_what_was_assumed(repo: Repo, runner: Runner, declared: str) -> None:
    base = {**scenario.files(costgate=UNDECLARED), "flows/train.py": WIDE}
    head = UNDECLARED.replace("name: train", STEPS.format(declared))
    found, text = outcome(repo, runner, base, {**DOUBLED, "costgate.yml": head})
    assert found == "831.632"  # 4 GPUs × 30 runs × 10 tasks × 1 h × 0.6930263: assumptions on both sides
    assert "declared at head for the first time" in text


def test_a_declaration_for_a_step_that_is_new_counts(repo: Repo, runner: Runner) -> None:
    base = {
        **scenario.files(costgate=UNDECLARED),
        "flows/train.py": scenario.TRAIN.replace("self.train)", "self.end)").replace("def train", "def _train"),
    }
    base["flows/train.py"] = base["flows/train.py"].replace("@kubernetes(gpu=config.train.gpu)\n        @step\n", "")
    head = UNDECLARED.replace("name: train", STEPS.format("duration: 1m"))
    _, text = outcome(repo, runner, base, {"flows/train.py": scenario.TRAIN, "costgate.yml": head})
    assert "for the first time" not in text


@pytest.mark.parametrize("head", ["experiment: {name: sweep, runs: 1}", "name: train"], ids=["lowered", "removed"])
def test_fewer_runs_of_an_experiment_are_not_counted(repo: Repo, runner: Runner, head: str) -> None:
    declared = scenario.CONFIG.replace(
        "runs_per_month: 500", "runs_per_month: 500\n        experiment: {name: sweep, runs: 200}"
    )
    policy = scenario.policy(1000).replace("max-monthly-increase", "max-cost-per-experiment")
    files = {**scenario.files(costgate=declared), "finance/policy.yml": policy}
    _, text = outcome(
        repo, runner, files, {**DOUBLED, "costgate.yml": declared.replace("experiment: {name: sweep, runs: 200}", head)}
    )
    assert runner("check", *ARGS, cwd=repo.path).code == 1
    assert "declared experiment.runs of 200 is" in text


def test_more_runs_of_an_experiment_count(repo: Repo, runner: Runner) -> None:
    declared = scenario.CONFIG.replace(
        "runs_per_month: 500", "runs_per_month: 500\n        experiment: {name: sweep, runs: 2}"
    )
    head = {**DOUBLED, "costgate.yml": declared.replace("runs: 2}", "runs: 4}")}
    _, text = outcome(repo, runner, scenario.files(costgate=declared), head)
    assert "experiment.runs" not in text


def test_a_new_duration_above_what_was_assumed_counts(repo: Repo, runner: Runner) -> None:
    base = {**scenario.files(costgate=UNDECLARED), "flows/train.py": WIDE}
    head = UNDECLARED.replace("name: train", STEPS.format("duration: 2h"))
    found, text = outcome(repo, runner, base, {**DOUBLED, "costgate.yml": head})
    assert found == "2494.895"  # 30 runs × 10 tasks × (8 GPUs × 2 h − 4 GPUs × 1 h) × 0.6930263
    assert "not counted" not in text
