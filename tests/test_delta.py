"""The difference of two sets of deployments: how much, why, and what it cannot count."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import Assumptions
from costgate.delta import compare
from costgate.estimate import estimate
from costgate.model import (
    Change,
    Delta,
    Deployment,
    DeploymentDelta,
    DeploymentKey,
    Driver,
    Estimate,
    Known,
    RateCard,
    SizeUsage,
    Step,
    StepDeclaration,
    Unpriced,
    UsageProfile,
)
from costgate.units import Interval
from tests.costing import (
    CARD,
    END,
    FLOW,
    FREE_START,
    GPU_HOUR,
    START,
    a_step,
    calibrated,
    deployed,
    history,
    measured,
    moved,
    profile,
    tier,
    unresolved,
)

ZERO = Interval.exact(Decimal(0))
STEADY = profile(history(runs_per_month=Interval.exact(500.0)))
ONCE = {"runs_per_month": 1, "steps": {"train": StepDeclaration(duration_s=3600)}}


def price(deployment: Deployment, usage: UsageProfile | None = None, **more: Any) -> Estimate:
    return estimate(deployment, **{"card": CARD, "usage": usage, "assumptions": FREE_START, **more})


def an_hour(*steps: Step, **fields: Any) -> Estimate:
    """One run a month of one hour, so that costs are prices."""
    return price(deployed(*steps, **{**ONCE, **fields}))


def against(base: Estimate | None, head: Estimate | None, card: RateCard = CARD, **unpriced: Any) -> Delta:
    return compare((base,) if base else (), (head,) if head else (), card=card, **unpriced)


def only(delta: Delta) -> DeploymentDelta:
    (entry,) = delta.deployments
    return entry


def change(base: Estimate | None, head: Estimate | None, card: RateCard = CARD) -> Change:
    (entry,) = only(against(base, head, card)).changes
    return entry


def causes(entry: Change) -> dict[str, Decimal]:
    return {driver.cause: driver.amount for driver in entry.drivers}


# The scenario.

DECLARED = {"runs_per_month": 500, "steps": {"train": StepDeclaration(duration_s=7200)}}


@pytest.mark.parametrize(
    ("declared", "usage"), [(DECLARED, None), ({}, STEADY)], ids=["two hours declared", "two hours metered"]
)
def test_doubling_the_gpus_of_500_runs_costs_4000_gpu_hours_more(declared: dict[str, Any], usage: UsageProfile):
    base, head = (price(deployed(START, a_step(gpu=gpus), END, **declared), usage) for gpus in (4, 8))
    delta = against(base, head)
    exact = round(4000 * GPU_HOUR, 12)
    assert round(exact, 3) == Decimal("2772.105")
    assert delta.delta == delta.increase == Interval(low=Decimal(0), expected=exact, high=4 * exact)
    assert delta.head_monthly - delta.base_monthly == exact
    start, train, end = only(delta).changes
    assert (start.status, train.status, end.status) == ("unchanged", "changed", "unchanged")
    assert train.drivers == (Driver(cause="gpu", amount=exact),)
    assert train.head.lines[0].pricing_quantity - train.base.lines[0].pricing_quantity == 4000  # type: ignore[union-attr]
    assert not delta.unpriced


# Matching.


def test_what_only_head_has_is_new():
    head = an_hour(START, a_step(queue="h100", gpu=8))
    entry = only(against(None, head))
    assert (entry.status, entry.base, entry.head) == ("new", None, head)
    assert [change.status for change in entry.changes] == ["new", "new"]
    assert [causes(change) for change in entry.changes] == [{}, {"new": 21}]
    assert entry.delta == head.monthly


def test_what_only_base_has_is_removed():
    base = an_hour(START, a_step(queue="h100", gpu=8))
    delta = against(base, None)
    entry = only(delta)
    assert (entry.status, entry.base, entry.head) == ("removed", base, None)
    assert [causes(change) for change in entry.changes] == [{}, {"removed": -21}]
    assert entry.delta == -base.monthly
    assert delta.increase == ZERO
    assert (delta.base_monthly, delta.head_monthly) == (21, 0)


def test_a_moved_file_is_changed_and_costs_nothing_more():
    base = an_hour(a_step(gpu=4))
    entry = only(against(base, replace(base, file="flows/reco/train.py")))
    assert (entry.status, entry.file, entry.delta) == ("changed", "flows/reco/train.py", ZERO)
    assert [change.status for change in entry.changes] == ["unchanged"]


def test_another_flow_name_is_another_deployment():
    base = an_hour(a_step(gpu=4))
    other = an_hour(a_step(gpu=4), key=DeploymentKey(flow="ServeFlow"))
    delta = against(base, other)
    assert [(entry.flow, entry.status) for entry in delta.deployments] == [
        ("ServeFlow", "new"),
        ("TrainFlow", "removed"),
    ]
    assert delta.delta.expected == 0
    assert delta.increase.expected == other.monthly.expected


def test_lines_that_move_leave_a_deployment_unchanged():
    def at(lines: int) -> Estimate:
        place = replace(FLOW, line=FLOW.line + lines)
        gpus = Known(value=4, chain=(place,) * (1 + lines % 2), notes=(f"line {lines}",))
        width = replace(unresolved(), location=place)
        return an_hour(moved(a_step(gpu=gpus, fan_out=(width,), node_selector={"pool": "a"}), lines))

    assert at(0) != at(5)
    entry = only(against(at(0), at(5)))
    assert (entry.status, entry.changes[0].status) == ("unchanged", "unchanged")


def test_steps_follow_head_and_those_that_are_gone_come_last():
    base = an_hour(a_step("a", gpu=1), a_step("b", gpu=1), a_step("c", gpu=1))
    head = an_hour(a_step("d", gpu=1), a_step("c", gpu=2), a_step("a", gpu=1))
    changes = only(against(base, head)).changes
    assert [(change.step, change.status) for change in changes] == [
        ("d", "new"),
        ("c", "changed"),
        ("a", "unchanged"),
        ("b", "removed"),
    ]


def test_a_change_without_a_cost_is_a_change():
    entry = change(an_hour(a_step(gpu=4)), an_hour(a_step(gpu=4, cpu=8)))
    assert (entry.status, entry.drivers, entry.delta) == ("changed", (), ZERO)


def test_nothing_compared_with_nothing_is_nothing():
    delta = compare((), (), card=CARD)
    assert (delta.deployments, delta.delta, delta.increase, delta.base_monthly) == ((), ZERO, ZERO, 0)


# Drivers.

H100 = a_step(queue="h100", gpu=2)  # 21 ÷ 8 = 2.625 per GPU-hour
MIXED = a_step(queue="mixed", compute="batch", gpu=1, cpu=10, memory_mb=102400)  # 1 + 0.1 + 0.1 an hour
RETRIES = profile(history({"train": measured(mean=3600, attempts_per_task=1.5)}))
DRIVERS = {
    "runs": (an_hour(H100), an_hour(H100, runs_per_month=3), {"runs": "10.5"}),
    "tasks": (an_hour(H100), an_hour(replace(H100, fan_out=(Known(value=5),))), {"tasks": "21"}),
    "attempts": (an_hour(H100), price(deployed(H100, runs_per_month=1), RETRIES), {"attempts": "2.625"}),
    "duration": (
        an_hour(H100), an_hour(H100, steps={"train": StepDeclaration(duration_s=7200)}), {"duration": "5.25"},
    ),
    "overhead as part of the duration": (
        an_hour(H100), price(deployed(H100, **ONCE), assumptions=Assumptions(startup_overhead_s=1800)),
        {"duration": "2.625"},
    ),
    "fewer GPUs": (an_hour(H100), an_hour(a_step(queue="h100", gpu=1)), {"gpu": "-2.625"}),
    "accelerators": (an_hour(a_step(trainium=1)), an_hour(a_step(trainium=4)), {"accelerator": "3"}),
    "everything that a mixed tier charges": (
        an_hour(MIXED),
        an_hour(a_step(queue="mixed", compute="batch", gpu=2, cpu=30, memory_mb=51200)),
        {"gpu": "1", "cpu": "0.2", "memory": "-0.05"},
    ),
    "another tier": (an_hour(H100), an_hour(a_step(queue="spot", gpu=2)), {"tier": "-1.25"}),
    "more GPUs, then another tier": (
        an_hour(H100), an_hour(a_step(queue="spot", gpu=4)), {"gpu": "5.25", "tier": "-2.5"},
    ),
    "each with the earlier ones at head": (
        an_hour(H100),
        an_hour(replace(a_step(queue="spot", gpu=4), fan_out=(Known(value=2),)), runs_per_month=3),
        {"runs": "10.5", "tasks": "15.75", "gpu": "31.5", "tier": "-15"},
    ),
    "what base's tier cannot run is another tier": (
        an_hour(a_step(queue="cpu", cpu=16)), an_hour(a_step(queue="h100", cpu=64, gpu=8)), {"tier": "20.5"},
    ),
    "what base's tier cannot price is another tier": (
        an_hour(H100), an_hour(a_step(queue="cpu", gpu=0, cpu=32)), {"tier": "-4.25"},
    ),
    "a step that comes to be billed": (an_hour(a_step(compute="local", gpu=2)), an_hour(H100), {"tier": "5.25"}),
    "a step that is billed no more": (
        an_hour(H100), an_hour(a_step(compute="local", gpu=2), runs_per_month=2), {"runs": "5.25", "tier": "-10.5"},
    ),
    "the same memory in another platform's unit": (
        an_hour(MIXED),
        an_hour(a_step(queue="mixed", compute="kubernetes", gpu=1, cpu=10, memory_mb=102400)),
        {"tier": "-0.004632568359"},  # 102,400 × 10⁶ bytes are 95.367 GiB
    ),
}  # fmt: skip


@pytest.mark.parametrize(("base", "head", "wanted"), DRIVERS.values(), ids=DRIVERS)
def test_a_change_is_driven_by(base: Estimate, head: Estimate, wanted: dict[str, str]):
    entry = change(base, head)
    assert causes(entry) == {cause: Decimal(amount) for cause, amount in wanted.items()}
    assert list(causes(entry)) == list(wanted)
    assert sum(causes(entry).values()) == entry.delta.expected


def reference(gpu_hour: str, cpu_hour: str = "1") -> RateCard:
    tiers = (
        tier("h100", Decimal(gpu_hour) * 8, gpus=8),
        tier("cpu", Decimal(cpu_hour) * 32, split="dominant", cpus=32),
    )
    return replace(CARD, tiers={entry.name: entry for entry in tiers})


def test_another_price_of_the_same_tier_is_the_rate():
    old, new = reference("2"), reference("3")
    base, head = price(deployed(H100, **ONCE), card=old), price(deployed(a_step(queue="h100", gpu=5), **ONCE), card=new)
    assert causes(change(base, head, new)) == {"gpu": 6, "rate": 5}


def test_a_larger_disk_is_storage_where_disks_have_a_price():
    disks = replace(tier("h100", "21", gpus=8), disk_storage="fast", disk_tb_month=Decimal(730))
    card = replace(CARD, tiers={**CARD.tiers, "h100": disks})
    small = price(deployed(a_step(queue="h100", gpu=2, disk_mb=100000), **ONCE), card=card)
    large = price(deployed(a_step(queue="h100", gpu=4, disk_mb=600000), **ONCE), card=card)
    entry = change(small, large, card)
    assert causes(entry) == {"gpu": Decimal("5.25"), "storage": Decimal("0.5")}
    lines = [] if entry.head is None else [(one.sku, one.pricing_unit, one.list_cost) for one in entry.head.lines]
    assert lines == [("h100 GPU-hour", "GPU-Hours", Decimal("10.5")), ("fast TB-month", "TB-Months", Decimal("0.6"))]


def test_a_larger_disk_costs_nothing_where_it_is_part_of_the_node():
    entry = change(an_hour(H100), an_hour(a_step(queue="h100", gpu=2, disk_mb=600000)))
    assert (entry.status, entry.drivers, entry.delta) == ("changed", (), ZERO)


def test_a_larger_slice_of_a_gpu_is_more_of_the_gpu():
    sliced = replace(CARD.tiers["h100"], node=replace(CARD.tiers["h100"].node, gpu_model="H100-80GB"))
    card = replace(CARD, tiers={**CARD.tiers, "h100": sliced})
    half, whole = (
        price(deployed(a_step(queue="h100", extended_resources={f"nvidia.com/mig-{name}": 1}), **ONCE), card=card)
        for name in ("3g.40gb", "7g.80gb")
    )
    assert causes(change(half, whole, card)) == {"gpu": Decimal("1.3125")}


def test_a_tier_that_the_card_no_longer_has_cannot_be_told_apart():
    gone = replace(CARD, tiers={"cpu": CARD.tiers["cpu"]})
    dearer = price(deployed(H100, **ONCE), card=reference("3"))
    assert causes(change(an_hour(H100), dearer, gone)) == {"tier": Decimal("0.75")}


# The band around a difference.


def test_a_difference_errs_as_both_sides_do():
    entry = change(an_hour(H100), an_hour(H100, runs_per_month=5))
    assert entry.delta == Interval(low=Decimal("5.25"), expected=Decimal(21), high=Decimal(84))


def test_a_saving_is_as_uncertain_as_a_cost():
    entry = change(an_hour(H100, runs_per_month=5), an_hour(H100))
    assert entry.delta == Interval(low=Decimal(-84), expected=Decimal(-21), high=Decimal("-5.25"))


def test_fewer_gpus_may_save_nothing():
    entry = change(an_hour(a_step(queue="h100", gpu=4)), an_hour(H100))
    assert entry.delta == Interval(low=Decimal(-21), expected=Decimal("-5.25"), high=Decimal(0))


NOT_ONLY_GPUS = {
    "more GPUs and more runs": an_hour(a_step(queue="h100", gpu=4), runs_per_month=2),
    "more GPUs on another tier": an_hour(a_step(queue="spot", gpu=4)),
}


@pytest.mark.parametrize("head", NOT_ONLY_GPUS.values(), ids=NOT_ONLY_GPUS)
def test_scaling_explains_no_other_change(head: Estimate):
    assert change(an_hour(H100), head).delta.low != 0


def test_more_gpus_that_are_another_tier_one_way_are_not_only_gpus_the_other_way():
    card = replace(CARD, tiers={**CARD.tiers, "big": tier("big", "42", gpus=16, cpus=96)})
    small, large = (
        price(deployed(a_step(queue=queue, gpu=gpus), **ONCE), card=card) for queue, gpus in (("h100", 8), ("big", 16))
    )
    assert set(causes(change(small, large, card))) == {"tier"}
    assert set(causes(change(large, small, card))) == {"gpu"}
    assert change(small, large, card).delta == -change(large, small, card).delta
    assert change(small, large, card).delta.low > 0


def test_uncertain_runs_multiply_both_sides_alike():
    usage = profile(history({"train": measured(mean=3600)}, runs_per_month=Interval(low=2.0, expected=4.0, high=10.0)))
    cheap, dear = (price(deployed(a_step(queue=queue, gpu=8)), usage) for queue in ("spot", "h100"))
    assert change(price(deployed(H100), usage), price(deployed(H100), usage)).delta == ZERO
    assert change(cheap, dear).delta.expected == 4 * 5


SIZES = (SizeUsage(gpu=2, cpu=0, memory_mb=0, n=40, duration_s=3600),)


def two_bands(*, head_n: int = 20) -> tuple[Estimate, Estimate]:
    """Base at a size that was measured, head at another one, each with its own calibration."""
    known, other = calibrated("has_history"), calibrated("size_changed", head_n, low=0.25, bias=1.5, high=3)
    past = history({"train": measured(mean=3600, sizes=SIZES)}, runs_per_month=Interval.exact(1.0))
    usage = profile(past, calibration=(known, other))
    return price(deployed(H100), usage), price(deployed(a_step(queue="h100", gpu=4)), usage)


def test_both_sides_are_shown_under_the_less_certain_band():
    base, head = two_bands()
    assert (base.band.bucket, head.band.bucket) == ("has_history", "size_changed")
    delta = against(base, head)
    entry = only(delta)
    assert entry.base and entry.head  # noqa: PT018
    assert entry.base.band == entry.head.band == head.band
    assert entry.delta == Interval(low=Decimal(0), expected=Decimal("5.25") * Decimal("1.5"), high=Decimal("15.75"))
    assert (delta.base_monthly, delta.head_monthly) == (Decimal("7.875"), Decimal("15.75"))
    assert entry.base.cost_per_run == Decimal("7.875")
    assert entry.base.raw_monthly == Decimal("5.25")


def test_no_calibration_is_less_certain_than_any():
    base, head = two_bands(head_n=8)
    assert only(against(base, head)).base.band.calibrated is False  # type: ignore[union-attr]
    assert only(against(head, base)).head.band.bucket == "size_changed"  # type: ignore[union-attr]


def test_a_band_down_to_nothing_is_the_widest():
    base, head = two_bands()
    base = replace(base, band=replace(base.band, low=0))
    assert only(against(base, head)).head.band.low == 0  # type: ignore[union-attr]


# Sums over deployments.


def test_an_increase_is_the_sum_of_what_costs_more():
    key = DeploymentKey(flow="ServeFlow")
    base = (an_hour(H100), an_hour(a_step(queue="h100", gpu=8), key=key))
    head = (an_hour(H100, runs_per_month=3), an_hour(a_step(queue="h100", gpu=8), key=key, runs_per_month=0))
    delta = compare(base, head, card=CARD)
    assert delta.delta.expected == Decimal("10.5") - 21
    assert delta.increase == Interval(low=Decimal("2.625"), expected=Decimal("10.5"), high=Decimal(42))


def test_steps_that_cancel_out_may_still_increase():
    pair = a_step("a", queue="h100", gpu=2), a_step("b", queue="h100", gpu=2)
    swapped = a_step("a", queue="h100", gpu=1), a_step("b", queue="h100", gpu=3)
    plan = dict.fromkeys(("a", "b"), StepDeclaration(duration_s=3600))
    delta = against(an_hour(*pair, steps=plan), an_hour(*swapped, steps=plan))
    assert delta.delta == Interval(low=Decimal("-10.5"), expected=Decimal(0), high=Decimal("10.5"))
    assert delta.increase == Interval(low=Decimal(0), expected=Decimal(0), high=Decimal("10.5"))


# What cannot be counted.

OPEN = a_step(gpu=unresolved("cfg.gpu"))
BROKEN = Unpriced(deployment="flows/train.py", step=None, reason="invalid syntax", location=FLOW)


def test_a_step_that_loses_its_price_saves_nothing():
    entry = change(an_hour(H100), an_hour(OPEN))
    assert (entry.status, entry.drivers, entry.delta) == ("changed", (), ZERO)


def test_a_step_that_gets_its_first_price_counts_in_full():
    entry = change(an_hour(OPEN), an_hour(H100))
    assert (entry.status, entry.delta) == ("changed", an_hour(H100).monthly)
    assert entry.drivers == (Driver(cause="new", amount=entry.delta.expected),)


def test_a_step_without_a_price_is_no_saving():
    delta = against(
        an_hour(H100, a_step("eval", queue="h100", gpu=8)), an_hour(OPEN, a_step("eval", queue="h100", gpu=8))
    )
    assert delta.delta == ZERO
    assert [(entry.step, entry.deployment) for entry in delta.unpriced] == [("train", "train")]
    assert not delta.standing_unpriced


@pytest.mark.parametrize(("base", "head"), [(None, OPEN), (OPEN, None)], ids=["new", "removed"])
def test_a_step_without_a_price_has_no_cost_when_it_is(base: Step | None, head: Step | None):
    delta = against(an_hour(base) if base else None, an_hour(head) if head else None)
    assert delta.delta == ZERO
    assert len(delta.unpriced) == (1 if head else 0)


FURTHER_DOWN = a_step(gpu=replace(unresolved("cfg.gpu"), location=replace(FLOW, line=99)))
OTHER_REASON = a_step(gpu=unresolved("cfg.gpu", "the file is missing"))
UNPRICED = {
    "the same as at base is standing": (OPEN, OPEN, (0, 1)),
    "the same on another line is standing": (OPEN, moved(FURTHER_DOWN, 3), (0, 1)),
    "another reason is new": (OPEN, OTHER_REASON, (1, 0)),
    "what was priced is new": (H100, OPEN, (1, 0)),
    "what is priced now is gone": (OPEN, H100, (0, 0)),
}


@pytest.mark.parametrize(("base", "head", "wanted"), UNPRICED.values(), ids=UNPRICED)
def test_unpriced(base: Step, head: Step, wanted: tuple[int, int]):
    delta = against(an_hour(base), an_hour(head))
    assert (len(delta.unpriced), len(delta.standing_unpriced)) == wanted


def test_another_display_name_is_no_news():
    delta = against(an_hour(OPEN), an_hour(OPEN, name="train-prod"))
    assert not delta.unpriced
    assert [entry.deployment for entry in delta.standing_unpriced] == ["train-prod"]


def test_files_that_cannot_be_read_are_unpriced_or_standing():
    other = replace(BROKEN, location=replace(FLOW, line=1))
    assert against(None, None, head_unpriced=(BROKEN,)).unpriced == (BROKEN,)
    assert against(None, None, base_unpriced=(other,), head_unpriced=(BROKEN,)).standing_unpriced == (BROKEN,)
    assert against(None, None, base_unpriced=(BROKEN,)).unpriced == ()


@pytest.mark.parametrize("name", ["flows/train.py", "train"], ids=["by its file", "by its name"])
def test_a_deployment_that_head_cannot_read_is_no_saving(name: str):
    base, broken = an_hour(H100), replace(BROKEN, deployment=name)
    delta = against(base, None, head_unpriced=(broken,))
    entry = only(delta)
    assert (entry.status, entry.base, entry.head, entry.changes) == ("changed", base, None, ())
    assert (delta.delta, delta.unpriced) == (ZERO, (broken,))


def test_a_deployment_that_base_could_not_read_counts_in_full():
    head = an_hour(H100)
    entry = only(against(None, head, base_unpriced=(BROKEN,)))
    assert (entry.status, entry.base, entry.head, entry.delta) == ("changed", None, head, head.monthly)


@pytest.mark.parametrize(
    "other", [replace(BROKEN, deployment="flows/other.py"), replace(BROKEN, step="train")], ids=["file", "step"]
)
def test_another_unreadable_thing_explains_nothing(other: Unpriced):
    assert only(against(an_hour(H100), None, head_unpriced=(other,))).status == "removed"
    assert only(against(None, an_hour(H100), base_unpriced=(other,))).status == "new"


# Laws.

QUEUES = ("a100", "h100", "mixed", "spot", "cpu", "trn")
GPUS = st.sampled_from([None, 0, 1, 2, 3.5, 8, 9, unresolved("cfg.gpu")])
WIDTHS = st.sampled_from([(), (Known(value=7),), (Known(value=3), unresolved())])
STEPS = st.builds(
    a_step,
    st.sampled_from(["train", "eval", "report"]),
    compute=st.sampled_from(["kubernetes", "batch", "local"]),
    queue=st.sampled_from(QUEUES),
    gpu=GPUS,
    cpu=st.sampled_from([1, 8, 31]),
    memory_mb=st.integers(1, 60000),
    trainium=st.sampled_from([None, 2]),
    timeout_s=st.sampled_from([None, 600]),
    fan_out=WIDTHS,
    conditional=st.booleans(),
)
PAST = st.sampled_from(
    [
        None,
        profile(history()),
        profile(history({"train": measured(sizes=SIZES), "eval": measured(3, attempts_per_task=1.37, overhead_s=7.7)})),
        profile(complete=("service",)),
    ]
)
CALIBRATIONS = st.sampled_from(
    [
        (),
        (calibrated("has_history", bias=1.07),),
        (calibrated("size_changed", low=0.1, bias=0.7, high=1.3), calibrated("overall", bias=1.3)),
    ]
)


@st.composite
def sides(draw: st.DrawFn) -> tuple[tuple[Estimate, ...], tuple[Estimate, ...]]:
    """Two sets of up to two deployments, priced from one profile."""
    usage, calibration = draw(PAST), draw(CALIBRATIONS)
    usage = usage and replace(usage, calibration=calibration)

    def side() -> tuple[Estimate, ...]:
        flows = draw(st.lists(st.sampled_from(["TrainFlow", "ServeFlow"]), unique=True))
        return tuple(price(one(flow), usage, assumptions=Assumptions()) for flow in flows)

    def one(flow: str) -> Deployment:
        steps = draw(st.lists(STEPS, max_size=3, unique_by=lambda step: step.name))
        runs = draw(st.sampled_from([None, 0, 1 / 3, 500, 1e6]))
        return deployed(*steps, key=DeploymentKey(flow=flow), runs_per_month=runs)

    return side(), side()


@given(sides())
def test_a_set_compared_with_itself_changes_nothing(pair: tuple[tuple[Estimate, ...], ...]):
    delta = compare(pair[0], pair[0], card=CARD)
    assert (delta.delta, delta.increase, delta.unpriced) == (ZERO, ZERO, ())
    assert {entry.status for entry in delta.deployments} <= {"unchanged"}


@given(sides())
def test_swapping_the_sides_of_what_has_a_price_negates_the_delta(pair: tuple[tuple[Estimate, ...], ...]):
    base, head = (tuple(entry for entry in side if not entry.unpriced) for side in pair)
    there, back = compare(base, head, card=CARD), compare(head, base, card=CARD)
    assert there.delta == -back.delta
    assert (there.base_monthly, there.head_monthly) == (back.head_monthly, back.base_monthly)
    backwards = {entry.key: entry.delta for entry in back.deployments}
    assert {entry.key: -entry.delta for entry in there.deployments} == backwards


@given(sides())
def test_drivers_and_steps_and_deployments_sum_to_the_delta(pair: tuple[tuple[Estimate, ...], ...]):
    delta = compare(*pair, card=CARD)
    assert delta.delta == sum((entry.delta for entry in delta.deployments), ZERO)
    for entry in delta.deployments:
        assert entry.delta == sum((change.delta for change in entry.changes), ZERO)
        for one in entry.changes:
            assert sum(driver.amount for driver in one.drivers) == one.delta.expected
            assert all(driver.amount for driver in one.drivers)


@given(sides())
def test_bounds_lie_around_the_delta(pair: tuple[tuple[Estimate, ...], ...]):
    delta = compare(*pair, card=CARD)
    assert delta.delta.low <= delta.delta.expected <= delta.delta.high
    assert delta.increase.low <= delta.increase.expected <= delta.increase.high
    assert delta.increase.expected >= max(delta.delta.expected, Decimal(0))


@given(sides())
def test_the_sides_differ_by_the_delta_where_everything_has_a_price(pair: tuple[tuple[Estimate, ...], ...]):
    delta = compare(*pair, card=CARD)
    counted = not any(side.unpriced for sides in pair for side in sides)
    difference = delta.head_monthly - delta.base_monthly
    assert not counted or difference == delta.delta.expected
