"""What a change renames, moves or makes unreadable is not cheaper for it."""

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
DEFAULTS = scenario.CONFIG.split("    deployments:")[0]
ONCE = scenario.CONFIG.replace("500", "1")
RENAMED = scenario.TRAIN.replace("TrainFlow", "FitFlow")
OTHER_STEP = scenario.TRAIN.replace("self.train)", "self.fit)").replace("def train", "def fit")
METERED = {**scenario.files(costgate=scenario.METERED), ".costgate/usage.json": scenario.usage()}


def increase(repo: Repo, runner: Runner, base: Mapping[str, str], head: Mapping[str, str | None], *args: str) -> str:
    """The increase a month, to whole dollars."""
    repo.commit(base)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(head)
    result = runner("check", *ARGS, *args, "--output", "json", cwd=repo.path)
    assert result.out, result.err
    return f"{Decimal(json.loads(result.out)['totals']['increase_monthly']):.0f}"


def in_project(name: str) -> str:
    flow = scenario.TRAIN.replace("FlowSpec, kubernetes", "FlowSpec, kubernetes, project")
    return flow.replace("class Train", f'@project(name="{name}")\n    class Train')


def scheduled(how: str) -> str:
    flow = scenario.TRAIN.replace("FlowSpec, kubernetes", "FlowSpec, kubernetes, schedule")
    return flow.replace("class Train", f"@schedule({how})\n    class Train")


def fanned_out(items: str) -> str:
    fan_out = f"self.x = {items}\n            self.next(self.train, foreach='x')"
    flow = scenario.TRAIN.replace("self.next(self.train)", fan_out)
    flow = flow.replace("self.next(self.end)", "self.next(self.join)")
    join = "@step\n        def join(self, inputs):\n            self.next(self.end)\n\n        @step\n        def end"
    return flow.replace("@step\n        def end", join)


@pytest.mark.parametrize(
    ("base", "head"),
    [
        (METERED, {"flows/train.py": RENAMED}),
        (scenario.files(), {"flows/train.py": RENAMED, "costgate.yml": ONCE}),
        (
            {**scenario.files(), "flows/train.py": in_project("one")},
            {"flows/train.py": in_project("two"), "costgate.yml": ONCE},
        ),
    ],
    ids=["a flow with history", "a flow with declarations that are lowered", "a project"],
)
def test_a_new_name_keeps_what_is_known(
    repo: Repo, runner: Runner, base: Mapping[str, str], head: Mapping[str, str]
) -> None:
    assert increase(repo, runner, base, {**head, **DOUBLED}) == "5544"  # the old one runs until it is undeployed


@pytest.mark.parametrize("base", [scenario.files(), METERED], ids=["declared", "metered"])
def test_a_step_under_a_new_name_costs_what_it_did(repo: Repo, runner: Runner, base: Mapping[str, str]) -> None:
    assert increase(repo, runner, base, {"flows/train.py": OTHER_STEP, **DOUBLED}) == "2772"


def test_a_new_step_name_without_any_other_change_costs_nothing(repo: Repo, runner: Runner) -> None:
    assert increase(repo, runner, METERED, {"flows/train.py": OTHER_STEP}) == "0"


def test_a_flow_that_is_renamed_and_excluded_is_counted(repo: Repo, runner: Runner) -> None:
    head = {"flows/train.py": RENAMED, "costgate.yml": f"{DEFAULTS}    exclude: [flows/**]\n", **DOUBLED}
    assert increase(repo, runner, scenario.files(costgate=DEFAULTS), head) == "166"  # 30 runs of one hour, 8 GPUs


def test_a_flow_that_leaves_its_file_for_one_outside_the_globs_is_counted(repo: Repo, runner: Runner) -> None:
    base = scenario.files(costgate=f'{DEFAULTS}    flows: ["flows/**"]\n')
    head = {"flows/train.py": "x = 1\n", "other/train.py": scenario.TRAIN, **DOUBLED}
    assert increase(repo, runner, base, head) == "83"


def test_a_width_that_can_no_longer_be_read_is_not_less(repo: Repo, runner: Runner) -> None:
    base = {**scenario.files(), "flows/train.py": fanned_out("list(range(100))")}
    assert increase(repo, runner, base, {"flows/train.py": fanned_out("load()"), **DOUBLED}) == "277211"


SCHEDULED = scenario.METERED.replace("target: local", "target: argo-workflows")
CPU = scenario.CARD.replace("{gpu: a100}", "{gpu: a100, cpu: c}").replace(
    "tiers:", "tiers:\n      c: {node: {cpus: 4, memory_gib: 16}, hourly: 0.000001}"
)


@pytest.mark.parametrize(
    ("runs", "before", "after", "rise"),
    [
        (None, "hourly=True", "cron=get()", "2024"),  # unreadable: still 730 runs of one hour, 4 GPUs more
        (30, "daily=True", "hourly=True", "1940"),  # 700 runs more
        (30, "hourly=True", "daily=True", "0"),
        (1000, "daily=True", "hourly=True", "0"),
    ],
    ids=["unreadable", "more than declared", "fewer", "fewer than declared"],
)
def test_a_schedule_that_changes(
    repo: Repo, runner: Runner, runs: int | None, before: str, after: str, rise: str
) -> None:
    costgate = SCHEDULED + (f"        runs_per_month: {runs}\n" if runs else "")
    base = {**scenario.files(costgate=costgate), "finance/ratecard.yml": CPU, "flows/train.py": scheduled(before)}
    assert increase(repo, runner, base, {"flows/train.py": scheduled(after), **({} if runs else DOUBLED)}) == rise


def test_a_deploy_job_is_not_free_because_head_calls_its_steps_local(repo: Repo, runner: Runner) -> None:
    flow = scenario.TRAIN.replace("@kubernetes(gpu", "@resources(gpu").replace("kubernetes, step", "resources, step")
    costgate = scenario.CONFIG.replace("target: local", "target: argo-workflows")
    base = {**scenario.files(costgate=costgate), "flows/train.py": flow, "finance/ratecard.yml": CPU}
    head = {**DOUBLED, "costgate.yml": scenario.CONFIG}
    assert increase(repo, runner, base, head, "--deployment", "TrainFlow") == "2772"


def test_a_moved_flow_is_the_same_by_the_name_of_its_old_file(repo: Repo, runner: Runner) -> None:
    moved = scenario.CONFIG.replace("flows/train", "flows/fit")
    head = {"flows/train.py": None, "flows/fit.py": scenario.TRAIN, "costgate.yml": moved, **DOUBLED}
    assert increase(repo, runner, scenario.files(), head, "flows/train.py") == "2772"


def test_a_deploy_job_of_a_new_branch_has_no_history_of_another_branch(repo: Repo, runner: Runner) -> None:
    other = "name: other, branch: other, runs_per_month: 1, steps: {train: {duration: 2h}}"
    head = {"costgate.yml": f"{scenario.CONFIG}      - {{flow: flows/train.py, {other}}}\n"}
    assert increase(repo, runner, scenario.files(), head, "--deployment", "other") == "6"  # 4 GPUs × 2 h


def test_a_schedule_that_is_removed_leaves_the_assumption(repo: Repo, runner: Runner) -> None:
    """Only what can no longer be read is held at what base knows; what is gone is gone."""
    hourly = scenario.TRAIN.replace("class TrainFlow", "@schedule(hourly=True)\n    class TrainFlow").replace(
        "import Config, FlowSpec, kubernetes, step", "import Config, FlowSpec, kubernetes, schedule, step"
    )
    costgate = scenario.METERED.replace("target: local", "target: argo-workflows")
    card = scenario.CARD.replace(
        "default_tier: {gpu: a100}",
        "  cpu: {node: {cpus: 32, memory_gib: 128}, hourly: 1.1}\n    default_tier: {gpu: a100, cpu: cpu}",
    )
    repo.commit({**scenario.files(costgate=costgate), "flows/train.py": hourly, "finance/ratecard.yml": card})
    repo.git("checkout", "-q", "-b", "change")
    repo.commit({"flows/train.py": scenario.TRAIN})
    args = ("--base", "main", "--head", "change", "--as-of", scenario.AS_OF, "--output", "json")
    (deployment,) = json.loads(runner("diff", *args, cwd=repo.path).out)["deployments"]
    runs = [deployment["steps"][0][side]["inputs"]["runs"]["expected"] for side in ("base", "head")]
    assert runs == [730, 30]
