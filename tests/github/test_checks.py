"""The check run: one on a head, its verdict never waved through, its annotations on the lines to blame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from costgate.github.checks import NAME, conclusion, name_of, publish
from costgate.github.client import GitHub
from costgate.github.published import Published
from costgate.github.records import App
from costgate.http import Http
from costgate.model import Outcome, Report
from costgate.render import markdown
from tests.github.fake import ACTIONS, Fake, World
from tests.github.fake.state import AppIdentity, Check
from tests.render import builders

KEY = "0123456789ab"
ACTIONS_APP = App(id=ACTIONS.id, slug=ACTIONS.slug)


@pytest.fixture
def number(world: World) -> int:
    world.push("dev", "feature")
    return world.open("dev", "feature")


@pytest.fixture
def run(world: World, number: int) -> int:
    return world.run("dev", number=number, conclusion=None)


def check(github: GitHub, world: World, run: int, report: Report | None = None, **more: Any) -> Published:
    given = {"key": KEY, "run": (run, 1), **more}
    return publish(github, world.head(1), report or builders.needs_approval(), **given)


def ours(world: World) -> list[Check]:
    return [each for each in world.main.checks.values() if each.values["name"] == NAME and each.app == ACTIONS]


def judged(outcome: Outcome, *, unpriced: bool = False) -> Report:
    report = builders.report(builders.delta(builders.doubled()), builders.decision(outcome))
    return replace(report, delta=replace(report.delta, unpriced=(builders.unpriced(),))) if unpriced else report


@pytest.mark.parametrize(
    ("outcome", "fail_on", "unpriced", "expected"),
    [
        ("pass", "approval-required", False, "success"),
        ("warn", "approval-required", False, "success"),
        ("approved", "approval-required", False, "success"),
        ("approval-required", "approval-required", False, "action_required"),
        ("blocked", "approval-required", False, "failure"),
        ("incomplete", "approval-required", False, "failure"),
        ("approval-required", "blocked", False, "neutral"),
        ("approval-required", "blocked", True, "action_required"),
        ("blocked", "blocked", False, "failure"),
        ("incomplete", "blocked", True, "failure"),
        ("pass", "blocked", False, "success"),
    ],
)
def test_conclusions(outcome: Outcome, fail_on: str, unpriced: bool, expected: str) -> None:
    assert conclusion(judged(outcome, unpriced=unpriced), fail_on) == expected


def test_it_says_what_the_comment_says(github: GitHub, world: World, number: int, run: int) -> None:
    source = "https://github.example/acme/flows/blob/x"
    found = check(github, world, run, details_url="https://github.example/run", source_url=source)
    (made,) = ours(world)
    report = builders.needs_approval()
    assert (found.what, found.app, made.values["conclusion"]) == ("created", ACTIONS_APP, "action_required")
    assert (found.url, made.head_sha) == (f"https://github.example/runs/{made.id}", world.head(number))
    assert made.values["details_url"] == "https://github.example/run"
    output: Any = made.values["output"]
    assert output["title"] == "🔴 +$2,772/month, needs approval by finance"
    text = markdown.render(report, source_url=source)
    assert output["summary"] == text.replace("cc @acme", "cc @\u2060acme")  # a check run tells nobody


def test_lines_that_changed_the_cost(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run)
    (made,) = ours(world)
    assert made.annotations == [
        {
            "path": "configs/prod.json", "start_line": 3, "end_line": 3, "annotation_level": "warning",
            "title": "costgate: max-monthly-increase",
            "message": "the change adds $2,772 a month, more than $2,000"
            " | help: ask for fewer GPUs, or have it approved",
        },
        {
            "path": "configs/prod.json", "start_line": 3, "end_line": 3, "annotation_level": "notice",
            "title": "costgate: +$2,772 a month",
            "message": "TrainFlow/train: gpu 4 → 8, by its gpu +$2,772 a month",
        },
    ]  # fmt: skip


def test_what_has_no_price_fails_on_its_line(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run, builders.incomplete())
    (made,) = ours(world)
    levels = {(each["path"], each["annotation_level"]) for each in made.annotations}
    assert levels == {("flows/etl.py", "failure"), ("flows/odd.py", "failure"), ("configs/prod.json", "notice")}


def test_a_line_that_drives_many_steps_has_one_annotation(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run, builders.many(30))
    (made,) = ours(world)
    (found,) = made.annotations
    lines = str(found["message"]).splitlines()
    assert (len(lines), lines[-1], found["title"]) == (21, "and 10 more", "costgate: +$1,019 a month")


def test_a_hundred_annotations_go_in_two_requests(
    github: GitHub, world: World, number: int, run: int, fake: Fake
) -> None:
    report = builders.needs_approval()
    many = tuple(builders.dear(id=f"r{n}", message=f"m{n}") for n in range(300))
    check(github, world, run, replace(report, decision=replace(report.decision, violations=many)))
    (made,) = ours(world)
    assert len(made.annotations) == 100
    assert (fake.count("POST", "/check-runs"), fake.count("PATCH", "/check-runs")) == (1, 1)


def test_none_where_none_are_wanted(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run, annotate=False)
    assert ours(world)[0].annotations == []


def test_names_of_any_kind_fit(github: GitHub, world: World, number: int, run: int) -> None:
    found = check(github, world, run, builders.hostile())
    assert found.problem is None
    (made,) = ours(world)
    for each in made.annotations:
        assert len(str(each["title"])) <= 255
        assert "\x1b" not in str(each["message"])
    output: Any = made.values["output"]
    assert len(output["title"]) <= 255
    assert "\n" not in output["title"]


def test_a_long_report_fits(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run, builders.many(3000))
    output: Any = ours(world)[0].values["output"]
    assert len(output["summary"].encode("utf-16-le")) // 2 <= 65_535


# Runs again


def test_the_same_head_keeps_one_check_run(github: GitHub, world: World, number: int, run: int) -> None:
    first = check(github, world, run)
    again = check(github, world, run, builders.approved())
    (made,) = ours(world)
    assert (first.url, again.what, made.values["conclusion"]) == (again.url, "updated", "success")
    assert len(made.annotations) == 2  # an approval changes no line, and GitHub only ever adds annotations


def test_other_lines_are_added(github: GitHub, world: World, number: int, run: int) -> None:
    check(github, world, run)
    check(github, world, run, builders.incomplete())
    assert len(ours(world)[0].annotations) == 2 + 4


def test_a_later_runs_verdict_stays(github: GitHub, world: World, number: int, run: int) -> None:
    late = world.run("dev", number=number)
    first = check(github, world, late)
    found = check(github, world, run, builders.approved())
    assert (found.what, found.url, found.app) == ("skipped-newer", first.url, ACTIONS_APP)
    assert ours(world)[0].values["conclusion"] == "action_required"


def test_an_old_run_that_is_run_again_speaks_of_now(github: GitHub, world: World, number: int, run: int) -> None:
    late = world.run("dev", number=number)
    check(github, world, late)
    world.rerun("dev", run, conclusion=None)
    found = publish(github, world.head(1), builders.approved(), key=KEY, run=(run, 2))
    assert (found.what, ours(world)[0].values["conclusion"]) == ("updated", "success")
    assert check(github, world, late).what == "skipped-newer"  # what it saw is older


@pytest.mark.parametrize(
    ("branch", "config", "name"),
    [
        ("main", "", NAME),
        ("lax", "", f"{NAME} (lax)"),
        ("main", "ml/costgate.yml", f"{NAME}, ml/costgate.yml"),
        ("lax", "ml/costgate.yml", f"{NAME}, ml/costgate.yml (lax)"),
        ("a\u202e/b", "", f"{NAME} (a/b)"),
    ],
)
def test_each_gate_and_branch_has_a_name_of_its_own(branch: str, config: str, name: str) -> None:
    assert name_of(branch, "main", config) == name


def test_the_next_run_makes_up_for_two_at_once(github: GitHub, world: World, number: int, run: int) -> None:
    for _ in range(2):
        forge(github, world, f"costgate:v1 key={KEY} run={run}.1 lines=0")
    check(github, world, run, builders.needs_approval())
    assert [each.values["conclusion"] for each in ours(world)] == ["action_required"] * 2


def forge(github: GitHub, world: World, external_id: str) -> None:
    github.create_check_run(
        name=NAME, head_sha=world.head(1), conclusion="success", title="🟢", summary="s", external_id=external_id
    )


@pytest.mark.parametrize("claim", ["run=99999999999.1 lines=0", "run=x", ""])
def test_a_forged_success_gets_the_verdict(github: GitHub, world: World, number: int, run: int, claim: str) -> None:
    forge(github, world, f"costgate:v1 key={KEY} {claim}")
    assert check(github, world, run).what == "updated"
    assert [each.values["conclusion"] for each in ours(world)] == ["action_required"]


def test_what_does_not_say_that_it_is_ours_is_left_alone(github: GitHub, world: World, number: int, run: int) -> None:
    for said in ("", "costgate:v1 key=ba9876543210 run=1.1 lines=0"):
        forge(github, world, said)
    assert check(github, world, run).what == "created"
    assert [each.values["conclusion"] for each in ours(world)] == ["success", "success", "action_required"]


def test_another_apps_check_run_is_not_ours(
    github: GitHub, world: World, number: int, run: int, fake: Fake, connect: Callable[..., Http]
) -> None:
    world.token("other", app=AppIdentity(id=7, slug="other"), permissions={"checks": "write"})
    forge(GitHub(connect(fake.url, "other"), "acme/flows"), world, f"costgate:v1 key={KEY} run={run}.1 lines=0")
    assert check(github, world, run).what == "created"
    assert check(github, world, run).what == "updated"
    assert [each.values["conclusion"] for each in ours(world)] == ["action_required"]


# What stands in the way


def test_a_token_that_may_only_read(world: World, number: int, run: int, fake: Fake, connect: Any) -> None:
    world.token("fork", permissions={"contents": "read", "checks": "read"})
    found = check(GitHub(connect(fake.url, "fork"), "acme/flows"), world, run)
    assert found.what == "failed"
    assert found.problem == (
        "the check run could not be published: POST /repos/acme/flows/check-runs: answered 403: Resource not accessible"
        " by integration (request 0FA1:51CE); the token needs `checks: write` (in a workflow: under `permissions:`)"
    )


def test_a_persons_token_cannot_make_check_runs(world: World, number: int, run: int, fake: Fake, connect: Any) -> None:
    world.token("pat", "robot")
    found = check(GitHub(connect(fake.url, "pat"), "acme/flows"), world, run)
    assert found.problem is not None
    assert "You must authenticate via a GitHub App" in found.problem
    assert found.problem.endswith("; only apps make check runs: use the workflow's own token or a GitHub App's")


def test_a_server_that_fails_is_no_missing_permission(
    github: GitHub, world: World, number: int, run: int, fake: Fake
) -> None:
    check(github, world, run)
    fake.faults.fail("/check-runs/", 500, method="PATCH")
    found = check(github, world, run)
    assert found.problem is not None
    assert "permissions" not in found.problem
    assert len(ours(world)) == 1
