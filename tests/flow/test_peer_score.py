from __future__ import annotations

from typing import Any

import pytest

from tests.flow.peer import Case, compared
from tests.flow.peer_score import Score, score, total
from tests.flow.table import flow, resolve, step

CASES: dict[str, tuple[str, dict[str, Any], bool, tuple[int, int, list[str]]]] = {
    "the same value is equal": ("@kubernetes(cpu=2)", {"kubernetes": {"cpu": 2}}, False, (1, 0, [])),
    "a decorator without attributes is equal": ("@kubernetes", {"kubernetes": {}}, False, (1, 0, [])),
    "another value is wrong": ("@kubernetes(cpu=2)", {"kubernetes": {"cpu": 3}}, False, (0, 0, ["kubernetes.cpu"])),
    "a value too many is wrong": ("@kubernetes(cpu=2)", {"kubernetes": {}}, False, (0, 0, ["kubernetes.cpu"])),
    "a missing value is wrong": ("@kubernetes", {"kubernetes": {"cpu": 3}}, False, (0, 0, ["kubernetes.cpu"])),
    "a missing decorator is wrong": ("", {"kubernetes": {}}, False, (0, 0, ["kubernetes.itself"])),
    "a decorator too many is wrong": ("@kubernetes", {}, False, (0, 0, ["kubernetes.itself"])),
    "an open value is unresolved": ("@kubernetes(cpu=x())", {"kubernetes": {"cpu": 3}}, False, (0, 1, [])),
    "open arguments are unresolved": ("@kubernetes(**x())", {"kubernetes": {"cpu": 3}}, False, (0, 1, [])),
    "a star with a mutator is unresolved": ("@x()\n@kubernetes", {"kubernetes": {}}, True, (0, 1, [])),
    "a star that saves from a wrong value is unresolved": (
        "@x()\n@kubernetes(cpu=2)",
        {"kubernetes": {"cpu": 3}},
        False,
        (0, 1, []),
    ),
    "a star without a mutator is wrong": ("@x()\n@kubernetes", {"kubernetes": {}}, False, (0, 0, ["*"])),
}


@pytest.mark.parametrize(("decorators", "asked", "mutated", "expected"), CASES.values(), ids=CASES)
def test_an_attribute_is(
    decorators: str, asked: dict[str, Any], mutated: bool, expected: tuple[int, int, list[str]]
) -> None:
    found = score("f", step(resolve({"f.py": flow(decorators)})), asked, mutated=mutated)
    equal, unresolved, wrong = expected
    assert (found.flows, found.equal, len(found.unresolved)) == (1, equal, unresolved)
    assert found.wrong == tuple(f"f: {name}" for name in wrong)


KUBERNETES = {"cpu": "2.0", "memory": "4096", "disk": "10240", "gpu": None, "gpu_vendor": "nvidia"}
LOCAL: dict[str, Any] = {
    "decorators": {}, "timeout_s": None, "retries": None, "next": [], "kind": "end", "foreach": None,
}  # fmt: skip
# decorators of ours, Metaflow's changes of a local step, ours that are open, ours that are wrong
RESOLVED: dict[str, tuple[str, dict[str, Any], list[str], list[str]]] = {
    "a local step is equal": ("", {}, [], []),
    "a merged step is equal": ("@kubernetes(cpu=2)", {"decorators": {"kubernetes": KUBERNETES}}, [], []),
    "another number is wrong": (
        "@kubernetes(cpu=3)",
        {"decorators": {"kubernetes": KUBERNETES}},
        [],
        ["start.cpu"],
    ),
    "a missing number is wrong": ("@resources", {}, [], ["start.cpu", "start.memory_mb"]),
    "another step to go to is wrong": ("", {"next": ["other"]}, [], ["start.next"]),
    "an open attribute is unresolved": ("@retry(times=x)", {"retries": 1}, ["start.retry_times"], []),
    "a value that fails in the job may be open": (
        "@resources(cpu='x')",
        {"decorators": {"resources": {"cpu": "x", "memory": "4096"}}},
        [],
        [],
    ),
    "labels are texts": (
        "@kubernetes(cpu=2, node_selector={'a': 1})",
        {"decorators": {"kubernetes": {**KUBERNETES, "node_selector": {"a": 1}}}},
        [],
        [],
    ),
    "labels that fail in the job may be open": (
        "@kubernetes(cpu=2, node_selector=1)",
        {"decorators": {"kubernetes": {**KUBERNETES, "node_selector": 1}}},
        [],
        [],
    ),
    "negative retries are none": ("@retry(times=-1)", {"retries": -1}, [], []),
    "a star is wrong": ("@x()", {}, [], ["start.*"]),
}


@pytest.mark.parametrize(("decorators", "changes", "unresolved", "wrong"), RESOLVED.values(), ids=RESOLVED)
def test_a_resolved_step_is(decorators: str, changes: dict[str, Any], unresolved: list[str], wrong: list[str]) -> None:
    steps = {"start": {**LOCAL, "next": ["end"], "kind": "linear", **changes}, "end": LOCAL}
    theirs = {"steps": steps, "schedule": None, "project": None, "mutated": False}
    found = compared("f", Case(files={"f.py": flow(decorators)}, target="local"), theirs)
    assert [name.split()[1] for name in found.unresolved] == unresolved
    assert [name.split()[1] for name in found.wrong] == wrong


def test_a_mutator_that_metaflow_knows_excuses_a_star() -> None:
    steps = {"start": {**LOCAL, "next": ["end"], "kind": "linear"}, "end": LOCAL}
    theirs = {"steps": steps, "schedule": None, "project": None, "mutated": True}
    found = compared("f", Case(files={"f.py": flow("@x()")}, target="local"), theirs)
    assert {name.split()[1] for name in found.unresolved} == {"start.compute", "start.next"}
    assert found.wrong == ()


def test_steps_and_the_flow_itself_count() -> None:
    theirs = {"steps": {"start": LOCAL}, "schedule": ["0 0 * * ? *", None], "project": "p", "mutated": False}
    found = compared("f", Case(files={"f.py": flow(cls="@project(name='q')\n@schedule(cron=x)\n")}), theirs)
    names = [name.split()[1] for name in (*found.wrong, *found.unresolved)]
    assert {"end.itself", "project", "schedule"} <= set(names)


def test_a_total_says_its_shares() -> None:
    found = total([Score(flows=1, equal=6), Score(flows=1, unresolved=("f: a",), wrong=("f: *",))])
    assert str(found) == (
        "8 attributes of 2 flows that Metaflow loads: 6 equal (75.0%), 1 unresolved (12.5%), 1 wrong (12.5%)"
    )
