"""A flow that another starts runs as often as that one: its cost follows a change of the other's schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from costgate.config import ProjectConfig
from costgate.gate.affected import FEW_FILES, narrow
from costgate.gate.triggered import triggers
from tests.run import Runner
from tests.support import Repo, snapshot

FLOW = """
from metaflow import FlowSpec, kubernetes, schedule, step, trigger, trigger_on_finish

{above}
class {name}(FlowSpec):
    @kubernetes(gpu=1)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
CARD = """
version: 1
name: acme
currency: USD
as_of: 2026-10-01
tiers: {a100: {node: {gpus: 8, cpus: 96, memory_gib: 1152}, hourly: 8, match: [{compute: kubernetes}]}}
"""
COSTGATE = """
version: 1
rate_card: card.yml
assumptions: {duration: {gpu: 1h}, runs_per_month: 30, startup_overhead: 0s}
with: ["kubernetes:gpu=1"]
"""


def flow(name: str, above: str = "") -> str:
    return FLOW.format(name=name, above=above)


UP = flow("Up", "@schedule(daily=True)")
DOWN = flow("Down", '@trigger_on_finish(flow="Up")')
FILES = {"card.yml": CARD, "costgate.yml": COSTGATE, "flows/up.py": UP, "flows/down.py": DOWN}
MANY = {f"elsewhere/module_{n}.py": "x = 1\n" for n in range(FEW_FILES)}


def diff(repo: Repo, runner: Runner, base: Mapping[str, str], head: Mapping[str, str | None]) -> dict[str, Any]:
    """Deployment → (runs a month at base and head, how they are known)."""
    repo.commit(base)
    repo.git("checkout", "-q", "-b", "change")
    repo.commit(head)
    result = runner(
        "diff", "--base", "main", "--head", "change", "--as-of", "2026-11-20", "--output", "json", cwd=repo.path
    )
    assert result.out, result.err
    return {d["name"]: d["steps"][0] for d in json.loads(result.out)["deployments"]}


def runs(step: dict[str, Any], side: str = "head") -> float:
    return round(step[side]["inputs"]["runs"]["expected"])


@pytest.mark.parametrize("more", [{}, MANY], ids=["a small repository", "a large one, which is narrowed"])
def test_an_upstream_schedule_that_changes(repo: Repo, runner: Runner, more: dict[str, str]) -> None:
    found = diff(repo, runner, FILES | more, {"flows/up.py": flow("Up", "@schedule(hourly=True)")})
    assert {name: (runs(step, "base"), runs(step)) for name, step in found.items()} == {
        "Up": (30, 730),
        "Down": (30, 730),
    }
    assert [driver["cause"] for driver in found["Down"]["drivers"]] == ["runs"]
    detail = found["Down"]["head"]["inputs"]["runs"]["detail"]
    assert detail == "starts when Up finishes (cron 0 * * * ? *)"


@pytest.mark.parametrize("more", [{}, MANY], ids=["small", "narrowed"])
@pytest.mark.parametrize(
    "above",
    ['@trigger_on_finish(flow="Up", options={})', "@trigger_on_finish(flow=NAME)", '@trigger_on_finish(flows=["Up"])'],
)
def test_a_flow_that_is_new_below_another(repo: Repo, runner: Runner, more: dict[str, str], above: str) -> None:
    text = flow("New", above).replace("\nclass", "\nclass", 1).replace("\n\n@", '\n\nNAME = "Up"\n@', 1)
    found = diff(repo, runner, FILES | more, {"flows/new.py": text})
    assert {name: runs(step) for name, step in found.items()} == {"New": 30}


def test_a_declared_frequency_above(repo: Repo, runner: Runner) -> None:
    before = f"{COSTGATE}deployments: [{{flow: flows/up.py, runs_per_month: 500}}]\n"
    found = diff(repo, runner, {**FILES, "costgate.yml": before}, {"flows/new.py": DOWN.replace("Down", "New")})
    assert {name: runs(step) for name, step in found.items()} == {"New": 500}


def test_a_circle_is_no_frequency_and_no_change(repo: Repo, runner: Runner) -> None:
    circle = {**FILES, "flows/up.py": flow("Up", '@trigger_on_finish(flow="Down")')}
    found = diff(repo, runner, circle, {"flows/down.py": DOWN.replace("gpu=1", "gpu=2")})
    assert {name: (runs(step, "base"), runs(step)) for name, step in found.items()} == {"Down": (30, 30)}
    assert found["Down"]["head"]["inputs"]["runs"]["source"] == "assumption"


def test_a_trigger_that_can_no_longer_be_read_is_not_less(repo: Repo, runner: Runner) -> None:
    hourly = {**FILES, "flows/up.py": flow("Up", "@schedule(hourly=True)")}
    head = {"flows/down.py": flow("Down", "@trigger_on_finish(flow=unknown())").replace("gpu=1", "gpu=2")}
    assert runs(diff(repo, runner, hourly, head)["Down"]) == 730


def both(head: Mapping[str, str]) -> set[str]:
    """The files that a change makes the gate look at."""
    base = {**FILES, **MANY, "flows/sub.py": "from down import Down\n", "flows/other.py": flow("Other")}
    narrowed = narrow(snapshot(base), snapshot({**base, **head}), ProjectConfig(), ProjectConfig())
    return {path for side in narrowed[:2] for path in side.grep(("",))} if narrowed else set()


TOUCHED = {
    "the flow above": ({"flows/up.py": UP + "#"}, {"flows/up.py", "flows/down.py", "flows/sub.py"}),
    "the flow below": ({"flows/down.py": DOWN + "#"}, {"flows/up.py", "flows/down.py", "flows/sub.py"}),
    "a subclass of it": ({"flows/sub.py": "from down import Down as D\n"}, {"flows/up.py", "flows/sub.py"}),
    "another flow": ({"flows/other.py": UP.replace("Up", "Other")}, {"flows/other.py"}),
    "a computed trigger, so everything": ({"flows/other.py": DOWN.replace('"Up"', "up()")}, set()),
    "a trigger under another name": ({"flows/x.py": "from metaflow import trigger_on_finish as t"}, set()),
    "a trigger that a mutator adds": ({"flows/x.py": 'flow.add_decorator("trigger_on_finish")'}, set()),
    "a file too large to search": ({"flows/x.py": "#" * 2_000_001 + "trigger_on_finish"}, set()),
}


@pytest.mark.parametrize(("head", "expected"), TOUCHED.values(), ids=TOUCHED)
def test_what_a_change_touches(head: dict[str, str], expected: set[str]) -> None:
    assert both(head) == expected


def test_without_triggers_nothing_is_above_or_below() -> None:
    found = triggers(snapshot({"a.py": UP}))
    assert found is not None
    assert (found.below({"a.py"}), found.above({"a.py"})) == (set(), set())
