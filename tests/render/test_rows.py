"""Rows, reasons and sentences: what changed, said briefly and never wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from costgate.model import Driver, Known, NotBilled, Rate, Report, StepEstimate, StepResources, Unresolved
from costgate.render import assumed, formula, rows, words
from costgate.render.fmt import plain
from costgate.units import Interval
from tests.render import builders

OPEN = Unresolved(expression="cfg.n", reason="unknown parser", location=builders.at("flows/train.py", 9))


def with_resources(side: StepEstimate, **values: Any) -> StepEstimate:
    found = {name: value if isinstance(value, Unresolved) else Known(value=value) for name, value in values.items()}
    return replace(side, resources=replace(side.resources, **found))


@pytest.mark.parametrize(
    ("attributes", "what"),
    [
        ({"gpu": 8}, "gpu 4 → 8"),
        ({"gpu": None}, "gpu 4 → none"),
        ({"gpu": OPEN}, "gpu 4 → ?"),
        ({"memory_mb": 128000}, "memory 4,096 → 128,000 MB"),
        ({"timeout_s": 7200}, "timeout none → 2h"),
        ({"node_selector": {"pool": "h100", "az": "b"}}, "node selector pool=a100 → az=b,pool=h100"),
        ({"queue": "ml", "gpu_vendor": "amd"}, "gpu vendor none → amd, queue none → ml"),
        ({"cpu": True}, "cpu 1 → True"),
        ({"retry_times": 3, "cpu": 0.5}, "cpu 1 → 0.5, retries none → 3"),
    ],
    ids=str,
)
def test_changed_resources(attributes: Mapping[str, Any], what: str) -> None:
    base = builders.side(4)
    assert rows.what(builders.change(base, with_resources(base, **attributes))) == what


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        (builders.inputs(600), "runs/mo 500 → 600"),
        (builders.inputs(500, 1.5), "duration 2h → 1h30m"),
        (builders.inputs(500, 2, 40), "tasks 1 → 40"),
        ({**builders.inputs(), "overhead_s": builders.declared(120)}, "overhead 0s → 2m"),
        ({name: entry for name, entry in builders.inputs().items() if name != "tasks"}, "tasks 1 → –"),
    ],
    ids=["runs", "duration", "tasks", "overhead", "an input that is gone"],
)
def test_changed_inputs(inputs: Any, what: str) -> None:
    base = builders.side(4)
    assert rows.what(builders.change(base, replace(base, inputs=inputs))) == what


def test_changed_compute_and_tier() -> None:
    base = builders.side(4)
    other = replace(base.resources, compute="batch")
    head = replace(base, resources=other, quote=builders.quote(builders.gpu_rate(4), tier="h100"))
    assert rows.what(builders.change(base, head)) == "compute kubernetes → batch, tier a100 → h100"
    assert rows.tier(builders.local()) == "not billed"
    assert rows.tier(builders.side(0, quote=builders.unpriced())) == "?"


def test_a_difference_that_no_column_shows() -> None:
    base = builders.side(4)
    assert rows.what(builders.change(base, replace(base, assumptions=("x",)))) == "no visible difference"


def test_a_new_step_says_what_it_asks_for() -> None:
    head = with_resources(builders.side(4), gpu=0, trainium=OPEN, cpu=2)
    assert rows.what(builders.change(None, head)) == "new, trainium ?, cpu 2, memory 4,096 MB"


def test_rows_without_money_on_either_side_are_left_out() -> None:
    local, gap = builders.local(), builders.side(0, step="load", quote=builders.unpriced())
    changes = (
        builders.change(local, replace(local, assumptions=("x",))),
        builders.change(None, builders.local("new")),
        builders.change(builders.side(4, step="load"), gap),
        builders.change(builders.side(2, step="same"), builders.side(2, step="same")),
    )
    report = builders.report(builders.delta(builders.deployment(*changes)))
    assert rows.rows(report) == ()


def test_a_step_that_gets_a_price_has_no_known_difference() -> None:
    gap = builders.side(0, quote=builders.unpriced())
    report = builders.report(builders.delta(builders.deployment(builders.change(gap, builders.side(4)))))
    (row,) = rows.rows(report)
    assert (row.now, row.delta) == ("?", "?")
    assert row.new == builders.side(4).monthly.expected
    assert words.sentence(report) == "$0 + ? → $2,772 a month"


def test_a_step_that_moves_says_what_it_asks_for_and_no_defaults() -> None:
    local = builders.side(0, resources=StepResources(compute="local"), quote=NotBilled(reason="local"))
    asks = {"gpu": Known(value=4), "disk_mb": Known(value=10240), "gpu_vendor": Known(value="nvidia")}
    remote = builders.side(4, resources=StepResources(compute="kubernetes", **asks))
    assert rows.what(builders.change(local, remote)) == "compute local → kubernetes, gpu none → 4"
    assert rows.what(builders.change(remote, local)) == "compute kubernetes → local"


def test_a_step_that_is_billed_from_now_on() -> None:
    local = replace(builders.local(), step="train")
    report = builders.report(builders.delta(builders.deployment(builders.change(local, builders.side(4), "tier"))))
    (row,) = rows.rows(report)
    assert row.now == "not billed"
    assert row.delta == builders.side(4).monthly.expected


def test_a_deployment_that_base_could_not_read_has_a_row() -> None:
    unread = replace(builders.deployment(builders.change(None, builders.side(4))), changes=(), status="changed")
    report = builders.report(builders.delta(replace(unread, delta=builders.ZERO)))
    (row,) = rows.rows(report)
    assert (row.name, row.now, row.new, row.delta) == ("TrainFlow", "?", builders.side(4).monthly.expected, "?")


@pytest.mark.parametrize(
    ("cause", "place"),
    [
        ("gpu", "configs/prod.json:3"),
        ("runs", "costgate.yml:12"),
        ("duration", "costgate.yml:13"),
        ("tier", "flows/train.py:13"),
        ("cpu", "configs/prod.json:3"),
        ("new", "configs/prod.json:3"),
    ],
)
def test_a_reason_points_at_the_value_behind_it(cause: Any, place: str) -> None:
    change = replace(
        builders.change(builders.side(4), builders.side(8)), drivers=(Driver(cause=cause, amount=Decimal(1)),)
    )
    report = builders.report(builders.delta(builders.deployment(change)))
    (reason,) = rows.reasons(report)
    assert reason.location.short == place


def test_a_reason_points_at_base_where_head_has_nothing_and_else_at_the_file() -> None:
    driver = Driver(cause="gpu", amount=Decimal(-1))
    gone = replace(builders.change(builders.side(4), None), drivers=(driver, replace(driver, amount=Decimal(0))))
    bare = replace(
        builders.change(builders.side(4, step="b", resources=StepResources(compute="local")), None), drivers=(driver,)
    )
    report = builders.report(builders.delta(builders.deployment(gone, bare)))
    assert [reason.location.short for reason in rows.reasons(report)] == ["flows/train.py:1", "configs/prod.json:3"]


def test_basis_names_sources_or_guesses() -> None:
    given = {**builders.inputs(), "duration_s": builders.metered(7200)}
    assert rows.basis(builders.side(4, inputs=given)) == "declared, metered n=41"
    guessed = {**given, "overhead_s": builders.assumed(120, "2m")}
    assert rows.basis(builders.side(4, inputs=guessed)) == "assumed: overhead"


def test_assumptions_gather_and_keep_their_place() -> None:
    given = {**builders.inputs(), "runs": builders.assumed(30, "no history", 7)}
    one = builders.side(1, inputs=given, assumptions=("runs a month: no history", "cheapest fit", "cheapest fit"))
    two = builders.side(1, step="b", inputs=given, assumptions=("cheapest fit",))
    found = assumed.gather([None, builders.estimate(one, two)])
    assert [(item.text, item.steps, item.location and item.location.short) for item in found] == [
        ("cheapest fit", ("TrainFlow/train", "TrainFlow/b"), None),
        ("runs a month: no history", ("TrainFlow/train",), "costgate.yml:7"),
    ]


def test_unchanged_deployments_add_no_assumptions() -> None:
    same = builders.side(1, assumptions=("x",))
    assert assumed.of_changes(builders.report(builders.delta(builders.deployment(builders.change(same, same))))) == ()


def judged(outcome: Any, *violations: Any, **more: Any) -> Report:
    return builders.report(builders.delta(builders.doubled()), builders.decision(outcome, *violations, **more))


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (judged("pass"), "+$2,772/month, within policy"),
        (judged("blocked"), "+$2,772/month, blocked by policy"),
        (judged("warn"), "+$2,772/month, warning"),
        (judged("warn", builders.dear(action="warn"), builders.dear(action="notify")), "+$2,772/month, 1 warning"),
        (judged("incomplete"), "+$2,772/month, incomplete"),
        (judged("approval-required"), "+$2,772/month, needs approval"),
        (
            judged("approval-required", required_approvals=(builders.need(), builders.need(name="vp"))),
            "+$2,772/month, needs approval by finance, vp",
        ),
        (judged("approved"), "+$2,772/month, approved"),
        (
            judged("approved", approvals=(builders.approval(), builders.approval(by="eve", valid=False))),
            "+$2,772/month, approved by fiona",
        ),
        (builders.report(builders.delta()), "no cost change, within policy"),
        (
            builders.report(builders.delta(gaps=(builders.unpriced(),)), builders.decision("incomplete")),
            "cost change not known, 1 unknown price, incomplete",
        ),
        (builders.informational(), "+$2,772/month (informational, nothing was judged)"),
    ],
)
def test_headline(report: Report, line: str) -> None:
    assert words.headline(report) == line


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({}, "fiona, paul or a member of acme/finance adds the label finance-approved."),
        ({"users": ("fiona",), "teams": ()}, "fiona adds the label finance-approved."),
        ({"count": 2}, "2 of fiona, paul or a member of acme/finance add the label finance-approved."),
        (
            {"users": tuple("abcdefghijkl"), "teams": ()},
            "a, b, c, d, e, f, g, h, i, j or 2 others adds the label finance-approved.",
        ),
    ],
)
def test_how_to_approve(changes: Mapping[str, Any], who: str) -> None:
    line = words.how_to_approve(builders.passes(), builders.need(**changes), plain, plain)
    assert line == f"{who} It covers def5678 up to +$2,772 a month."


@pytest.mark.parametrize(
    ("changes", "words_"),
    [
        ({"via": ("review",)}, "fiona gives an approving review."),
        ({"via": ("label", "review")}, "fiona adds the label finance-approved or gives an approving review."),
        ({"via": ("label", "review"), "count": 2}, "fiona add the label finance-approved or give an approving review."),
    ],
)
def test_by_which_act_to_approve(changes: Mapping[str, Any], words_: str) -> None:
    need = builders.need(users=("fiona",), teams=(), **changes)
    assert words_ in words.how_to_approve(builders.passes(), need, plain, plain)


def test_nobody_is_sent_for_a_label_that_does_not_help() -> None:
    nobody, admin = builders.need(users=(), teams=()), builders.need(label="")
    line = words.how_to_approve(builders.passes(), nobody, plain, plain)
    assert line == "nobody can give it yet: name the approvers in the policy"
    line = words.how_to_approve(builders.passes(), admin, plain, plain)
    assert line == "whoever administers the repository merges it; no label helps"


def test_a_source_is_dated_by_its_day() -> None:
    assert "usage .costgate/usage.json of 2026-11-20" in words.sources(builders.passes(), plain)


def test_an_approval_of_no_increase_covers_the_commit() -> None:
    line = words.how_to_approve(builders.incomplete(), builders.need(), plain, plain)
    assert line.endswith("It covers def5678 up to +$2,772 a month.")
    line = words.how_to_approve(builders.unchanged(), builders.need(), plain, plain)
    assert line.endswith("It covers def5678.")


@pytest.mark.parametrize(
    ("rule", "amount", "text"),
    [
        ("max-monthly-increase", "5544", "$5,544"),
        ("max-monthly-increase-percent", "100", "100 %"),
        ("max-gpus-per-step", "16", "16"),
    ],
)
def test_a_figure_is_in_the_unit_of_its_rule(rule: str, amount: str, text: str) -> None:
    assert words.figure(rule, Decimal(amount), "USD") == text


def test_violations_stand_in_the_order_of_their_weight() -> None:
    found = [
        builders.dear("1", id="a", action="warn"),
        builders.dear("5", id="b", action="warn"),
        builders.dear(id="c", action="block", actual=None),
        builders.dear(id="d", action="notify"),
    ]
    assert [violation.id for violation in words.violations(judged("blocked", *found))] == ["c", "b", "a", "d"]


def test_sources_name_the_resolver_only_where_it_is_not_the_usual_one() -> None:
    report = replace(builders.passes(), resolver="metaflow", usage=None)
    assert list(words.sources(report, plain))[2:] == [
        "rate card acme-2026q4 of 2026-10-01", "no usage history", "policy policies/ml.yml", "resolved by metaflow",
        "as of 2026-11-23",
    ]  # fmt: skip


def test_total_of_rates() -> None:
    assert formula.total((builders.gpu_rate(4, Decimal(2)), builders.gpu_rate(1, Decimal(1)))) == 9


def test_a_disk_is_held_for_its_part_of_a_month() -> None:
    disk = Rate(
        sku="fast TB-month",
        unit="TB-Months",
        quantity=Decimal("0.5") / 730,
        unit_price=Interval.exact(Decimal(80)),
    )
    assert (formula.held(disk), formula.per_unit(disk)) == ("0.5 TB ÷ 730", "TB-month")
    gpus = builders.gpu_rate(4)
    assert (formula.held(gpus), formula.per_unit(gpus)) == ("4 GPUs", "GPU-hour")
