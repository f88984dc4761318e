"""What a deployment costs a month, and where each of its inputs comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.config import Assumptions
from costgate.estimate import estimate
from costgate.estimate.amounts import span
from costgate.estimate.frequency import started_by
from costgate.model import (
    Deployment,
    Estimate,
    Input,
    Known,
    Location,
    NotBilled,
    Owner,
    Quote,
    Schedule,
    SizeUsage,
    Step,
    StepDeclaration,
    StepEstimate,
    Trigger,
    Unpriced,
    UsageProfile,
)
from costgate.units import Interval
from tests.costing import (
    CARD,
    CONFIG,
    END,
    FLOW,
    FREE_START,
    GPU_HOUR,
    HISTORY,
    KEY,
    START,
    a_step,
    calibrated,
    deployed,
    history,
    measured,
    profile,
    unresolved,
)

DAILY = Schedule(cron="0 0 * * ? *", timezone=None, runs_per_month=30.4, location=FLOW)
TIMEOUT = Location(path="flows/train.py", line=14)
A_RUN = history(runs_per_month=Interval.exact(500.0))


def price(deployment: Deployment, usage: UsageProfile | None = None, **more: Any) -> Estimate:
    return estimate(deployment, **{"card": CARD, "usage": usage, "assumptions": Assumptions(), **more})


def train(step: Step, usage: UsageProfile | None = None, *, deployment: Any = (), **more: Any) -> StepEstimate:
    """The estimate of one step."""
    (found,) = price(deployed(step, **dict(deployment)), usage, **more).steps
    return found


def shown(entry: Input) -> tuple[Any, ...]:
    return entry.value.expected, entry.source, entry.detail, entry.n, entry.assumed


# The scenario: 500 runs a month, 2 hours, on an owned node of eight A100.

DECLARED = {"runs_per_month": 500, "steps": {"train": StepDeclaration(duration_s=7200)}}
SCENARIO = [
    pytest.param(DECLARED, None, id="declared"),
    pytest.param({}, profile(A_RUN), id="metered"),
]


@pytest.mark.parametrize(("declared", "usage"), SCENARIO)
@pytest.mark.parametrize("gpus", [4, 8])
def test_the_scenario_costs_gpu_hours_times_the_price_of_one(gpus: int, declared: dict[str, Any], usage: UsageProfile):
    found = price(deployed(START, a_step(gpu=gpus), END, **declared), usage, assumptions=FREE_START)
    (line,) = found.steps[1].lines
    assert (line.sku, line.pricing_unit) == ("a100 GPU-hour", "GPU-Hours")
    assert line.pricing_quantity == gpus * 500 * 2
    assert line.list_unit_price == GPU_HOUR
    assert round(line.list_unit_price, 10) == Decimal("0.6930262557")
    assert line.list_cost == round(gpus * 1000 * GPU_HOUR, 12)
    assert found.raw_monthly == found.monthly.expected == line.list_cost
    assert found.cost_per_run == round(gpus * 2 * GPU_HOUR, 12)
    assert [type(step.quote) for step in found.steps] == [NotBilled, Quote, NotBilled]
    assert not found.unpriced


def test_an_uncalibrated_estimate_is_a_quarter_to_four_times():
    found = price(deployed(a_step(gpu=4), **DECLARED), assumptions=FREE_START)
    assert found.monthly.low == round(found.raw_monthly / 4, 12)
    assert found.monthly.high == found.raw_monthly * 4
    assert (found.band.calibrated, found.band.bias, found.band.n) == (False, 1, 0)


def test_an_estimate_carries_what_the_deployment_is():
    found = price(deployed(a_step(gpu=1), experiment=("sweep", 200)))
    assert (found.key, found.name, found.file) == (KEY, "train", "flows/train.py")
    assert (found.owner, found.experiment) == (Owner(team="reco"), ("sweep", 200))


# Runs a month.

SEEN = {"n": 1500, "as_of": date(2026, 11, 20), "location": HISTORY}
BY_CRON = history(runs_per_month=Interval(low=30.0, expected=40.0, high=60.0), count=120, scheduled=90)
NOT_SEEN = profile(complete=("service", "sacct"))
CRON = "cron 0 0 * * ? *"
OF_120 = "120 runs up to 2026-11-20"
HOURLY, HALF = replace(DAILY, runs_per_month=730), replace(DAILY, runs_per_month=15)
UNTRIGGERED = replace(BY_CRON, scheduled=0)  # whatever started the runs was not seen
OPEN_SCHEDULE = "the schedule cfg.cron (flows/train.py:10) is not resolved: the config is not known"
RUNS = {
    "a declaration beats a schedule and history": (
        {"runs_per_month": 70, "schedule": DAILY}, profile(A_RUN), {},
        (70, "declared", "declared in costgate.yml", None, False),
    ),
    "a schedule without history": (
        {"schedule": DAILY}, None, {},
        (30.4, "schedule", "cron 0 0 * * ? *", None, False),
    ),
    "a schedule in another zone": (
        {"schedule": replace(DAILY, timezone="Europe/Oslo")}, None, {},
        (30.4, "schedule", "cron 0 0 * * ? * Europe/Oslo", None, False),
    ),
    "a schedule and the runs that no schedule started": (
        {"schedule": DAILY}, profile(BY_CRON), {"base_schedule": DAILY},
        (40.4, "schedule, metered", f"{CRON}, and 10 runs a month beyond it ({OF_120})", 120, False),
    ),
    "a schedule and the runs beyond base's, where triggers are unknown": (
        {"schedule": HOURLY}, profile(UNTRIGGERED), {"base_schedule": HALF},
        (755, "schedule, metered", f"{CRON}, and 25 runs a month beyond it ({OF_120})", 120, False),
    ),
    "a new schedule on top of what people start": (
        {"schedule": DAILY}, profile(UNTRIGGERED), {},
        (70.4, "schedule, metered", f"{CRON}, and 40 runs a month beyond it ({OF_120})", 120, False),
    ),
    "a schedule that comes back": (
        {"schedule": DAILY}, profile(BY_CRON), {},
        (40.4, "schedule, metered", f"{CRON}, and 10 runs a month beyond it ({OF_120})", 120, False),
    ),
    "a schedule that explains all runs": (
        {"schedule": DAILY}, profile(replace(BY_CRON, scheduled=120)), {"base_schedule": DAILY},
        (30.4, "schedule", "cron 0 0 * * ? *", None, False),
    ),
    "a schedule that head takes away": (
        {}, profile(BY_CRON), {"base_schedule": DAILY},
        (10, "metered", f"{OF_120}, less those of the schedule that is gone", 120, False),
    ),
    "history alone": (
        {}, profile(A_RUN), {},
        (500, "metered", "1500 runs up to 2026-11-20", 1500, False),
    ),
    "one run": (
        {}, profile(replace(A_RUN, runs_count=1, last_run=None)), {},
        (500, "metered", "1 run up to 2026-11-20", 1, False),
    ),
    "absence from a complete window": (
        {}, NOT_SEEN, {},
        (0, "metered", "no run from 2026-08-22 to 2026-11-20 (service, sacct complete)", 0, False),
    ),
    "absence of a new deployment": (
        {}, NOT_SEEN, {"is_new": True},
        (30, "assumption", "new, so without history", None, True),
    ),
    "absence from a window with holes": (
        {}, profile(), {},
        (30, "assumption", "not in the usage profile", None, True),
    ),
    "no profile": (
        {}, None, {},
        (30, "assumption", "no usage profile", None, True),
    ),
    "an open schedule with history": (
        {"schedule": unresolved("cfg.cron")}, profile(A_RUN), {},
        (500, "metered", f"1500 runs up to 2026-11-20; {OPEN_SCHEDULE}", 1500, True),
    ),
    "an open schedule is never a deployment that does not run": (
        {"schedule": unresolved("cfg.cron")}, NOT_SEEN, {},
        (30, "assumption", OPEN_SCHEDULE, None, True),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "usage", "more", "wanted"), RUNS.values(), ids=RUNS)
def test_runs_come_from(fields: dict[str, Any], usage: UsageProfile, more: dict[str, Any], wanted: tuple[Any, ...]):
    runs = price(deployed(a_step(gpu=4), **fields), usage, **more).runs
    assert shown(runs) == (pytest.approx(wanted[0]), *wanted[1:])


# What starts a flow beside its schedule. BY_CRON is metered 40 times a month; UNTRIGGERED did not see what started it.


def upstream(runs: float, *, is_assumed: bool = False) -> Input:
    detail = "starts when Up finishes (cron x)"
    return Input(value=Interval.exact(runs), source="trigger", detail=detail, location=FLOW, assumed=is_assumed)


EVENT = unresolved("@trigger", "no file tells")
OPEN_EVENT = "what starts it is open: @trigger (flows/train.py:10): no file tells"
STARTS = "starts when Up finishes (cron x)"
TRIGGERED = {
    "a declaration beats a trigger": (
        {"runs_per_month": 70}, None, {"upstream": upstream(30), "base_upstream": upstream(30)},
        (70, "declared", "declared in costgate.yml", None, False),
    ),
    "a declaration that the upstream outruns": (
        {"runs_per_month": 70}, None, {"upstream": upstream(700), "base_upstream": upstream(30)},
        (700, "trigger", STARTS, None, False),
    ),
    "as often as its upstream": ({}, None, {"upstream": upstream(30)}, (30, "trigger", STARTS, None, False)),
    "as often as an upstream of which that is assumed": (
        {}, None, {"upstream": upstream(30, is_assumed=True)}, (30, "trigger", STARTS, None, True),
    ),
    "a schedule and an upstream": (
        {"schedule": DAILY}, None, {"upstream": upstream(10)},
        (40.4, "schedule, trigger", f"{CRON}, and 10 runs a month beyond it ({STARTS})", None, False),
    ),
    "metered, where its upstream runs as before": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(30), "base_upstream": upstream(30)},
        (40, "metered", OF_120, 120, False),
    ),
    "metered, as many times as often as its upstream": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(60), "base_upstream": upstream(30)},
        (80, "metered, trigger",
         f"40 runs a month ({OF_120}) × 60 runs a month now ÷ 30 then of what starts it", 120, False),
    ),
    "metered, as many times as often as is assumed": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(60, is_assumed=True), "base_upstream": upstream(30)},
        (80, "metered, trigger",
         f"40 runs a month ({OF_120}) × 60 runs a month now ÷ 30 then of what starts it", 120, True),
    ),
    "metered, and a trigger that is new": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(30)},
        (70, "trigger, metered", f"{STARTS}, and 40 runs a month beyond it ({OF_120})", 120, False),
    ),
    "metered, and an upstream that did not run then": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(30), "base_upstream": upstream(0)},
        (70, "trigger, metered", f"{STARTS}, and 40 runs a month beyond it ({OF_120})", 120, False),
    ),
    "metered, and a trigger that is gone": (
        {}, profile(UNTRIGGERED), {"base_upstream": upstream(30)},
        (10, "metered", f"{OF_120}, less those of the trigger that is gone", 120, False),
    ),
    "a trigger in the place of a schedule": (
        {}, profile(BY_CRON), {"base_schedule": DAILY, "upstream": upstream(5)},
        (15, "trigger, metered",
         f"{STARTS}, and 10 runs a month beyond it ({OF_120}, less those of the schedule that is gone)", 120, False),
    ),
    "an event without history": (
        {}, None, {"upstream": EVENT}, (30, "assumption", OPEN_EVENT, None, True),
    ),
    "an event in the place of a schedule may start as many runs": (
        {}, profile(BY_CRON), {"base_schedule": DAILY, "upstream": EVENT},
        (40, "metered", f"{OF_120}; {OPEN_EVENT}", 120, True),
    ),
    "an event with history": (
        {}, profile(UNTRIGGERED), {"upstream": EVENT, "base_upstream": EVENT}, (40, "metered", OF_120, 120, False),
    ),
    "an event that never came": (
        {}, NOT_SEEN, {"upstream": EVENT, "base_upstream": EVENT},
        (0, "metered", "no run from 2026-08-22 to 2026-11-20 (service, sacct complete)", 0, False),
    ),
    "an upstream in the place of an event": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(30), "base_upstream": EVENT},
        (40, "metered", OF_120, 120, True),
    ),
    "a busier upstream in the place of an event": (
        {}, profile(UNTRIGGERED), {"upstream": upstream(50), "base_upstream": EVENT},
        (50, "trigger", STARTS, None, True),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "usage", "more", "wanted"), TRIGGERED.values(), ids=TRIGGERED)
def test_runs_that_triggers_start(
    fields: dict[str, Any], usage: UsageProfile, more: dict[str, Any], wanted: tuple[Any, ...]
):
    runs = price(deployed(a_step(gpu=4), **fields), usage, **more).runs
    assert shown(runs) == (pytest.approx(wanted[0]), *wanted[1:])


def test_two_flows_above_start_as_many_runs_as_both_have():
    flow = replace(deployed().flow, trigger=Trigger(flow="Up", location=FLOW))
    some, more = price(deployed(schedule=DAILY)).runs, price(deployed(schedule=HOURLY), profile(A_RUN)).runs
    found = started_by(deployed(flow=flow), [some, more])
    assert shown(found)[:3] == (
        pytest.approx(30.4 + 730 + 500),
        "trigger",
        f"starts when Up finishes ({some.detail}; {more.detail})",
    )
    assert (found.n, found.as_of) == (None, date(2026, 11, 20))
    assert started_by(deployed(flow=flow), [more]).n == 1500


def test_metered_runs_keep_their_interval():
    assert price(deployed(a_step(gpu=4)), profile(history())).runs.value == Interval(low=400, expected=500, high=650)


def test_runs_beyond_a_schedule_are_never_negative():
    schedule = replace(DAILY, runs_per_month=45)
    usage = profile(UNTRIGGERED)
    runs = price(deployed(a_step(gpu=4), schedule=schedule), usage, base_schedule=schedule).runs
    assert runs.value == Interval(low=45, expected=45, high=60)


def test_inputs_name_the_place_that_they_come_from():
    line = Location(path="costgate.yml", line=3)
    assumptions = Assumptions(locations={"runs_per_month": line, "startup_overhead": line, "duration.gpu": line})
    found = price(deployed(a_step(gpu=1)), assumptions=assumptions)
    assert found.runs.location == line
    assert found.steps[0].inputs["duration_s"].location == line
    assert found.steps[0].inputs["overhead_s"].location == line
    assert price(deployed(a_step(gpu=1), runs_per_month=3)).runs.location == CONFIG
    assert price(deployed(a_step(gpu=1), schedule=DAILY)).runs.location == FLOW


# Duration.

TWO_SIZES = (
    SizeUsage(gpu=4, cpu=8, memory_mb=0, n=10, duration_s=8000),
    SizeUsage(gpu=8, cpu=8, memory_mb=0, n=5, duration_s=5656.854249492381),
)
CORES = tuple(replace(size, gpu=0, cpu=size.gpu) for size in TWO_SIZES)


def sized(*sizes: SizeUsage, n: int = 41) -> UsageProfile:
    return profile(history({"train": measured(n, sizes=sizes)}))


def pooled(n: int, **pools: Any) -> UsageProfile:
    return profile(history({"train": measured(n, mean=1600)}), **pools)


FEW = "4 attempts up to 2026-11-20 averaging 26m40s, few, so drawn towards 1m40s of"
AT_8, AT_4 = "5 attempts up to 2026-11-20 at 8", "10 attempts up to 2026-11-20 at 4"
POWER = "by the measured power"
GUESSED = "1h for a step with accelerators, no measured duration"
FLOW_POOL, TEAM_POOL = {"TrainFlow": measured(mean=100)}, {"reco": measured(mean=100)}
NO_FLOW_POOL, NO_TEAM_POOL = {"TrainFlow": measured(mean=None)}, {"reco": measured(mean=0)}
DURATIONS = {
    "the mean of the attempts": (
        a_step(gpu=4), profile(history()),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "the mean of one attempt": (
        a_step(gpu=4), profile(history({"train": measured(1)})),
        (7200, "metered", "1 attempt up to 2026-11-20", 1, False),
    ),
    "few attempts drawn towards the flow's": (
        a_step(gpu=4), pooled(4, flow_pools=FLOW_POOL, team_pools=NO_TEAM_POOL),
        (400, "metered, pooled with flow TrainFlow", f"{FEW} flow TrainFlow", 4, False),
    ),
    "few attempts drawn towards the team's": (
        a_step(gpu=4), pooled(4, flow_pools=NO_FLOW_POOL, team_pools=TEAM_POOL),
        (400, "metered, pooled with team reco", f"{FEW} team reco", 4, False),
    ),
    "few attempts drawn towards everybody's": (
        a_step(gpu=4), pooled(4, team_pools=NO_TEAM_POOL, all_pool=measured(mean=100)),
        (400, "metered, pooled with all flows", f"{FEW} all flows", 4, False),
    ),
    "few attempts without pools": (
        a_step(gpu=4), pooled(4),
        (1600, "metered", "4 attempts up to 2026-11-20", 4, False),
    ),
    "enough attempts speak for themselves": (
        a_step(gpu=4), pooled(9, all_pool=measured(mean=100)),
        (1600, "metered", "9 attempts up to 2026-11-20", 9, False),
    ),
    "attempts that took no time": (
        a_step(gpu=4), profile(history({"train": measured(4, mean=0)}), all_pool=measured(mean=100)),
        (0, "metered", "4 attempts up to 2026-11-20", 4, False),
    ),
    "a size that was measured": (
        a_step(gpu=8), sized(*TWO_SIZES),
        (5656.854249492381, "metered", "5 attempts up to 2026-11-20 at 8 GPUs", 5, False),
    ),
    "a larger size by the measured power": (
        a_step(gpu=16), sized(*TWO_SIZES),
        (4000, "metered, scaled", f"{AT_8} GPUs, scaled to 16 {POWER} -0.50", 5, False),
    ),
    "a smaller size by the measured power": (
        a_step(gpu=1), sized(*TWO_SIZES),
        (16000, "metered, scaled", f"{AT_4} GPUs, scaled to 1 {POWER} -0.50", 10, False),
    ),
    "more cores where no GPUs differ": (
        a_step(cpu=16), sized(*CORES),
        (4000, "metered, scaled", f"{AT_8} cores, scaled to 16 {POWER} -0.50", 5, False),
    ),
    "never better than perfect scaling": (
        a_step(gpu=16), sized(TWO_SIZES[0], replace(TWO_SIZES[1], duration_s=1000)),
        (500, "metered, scaled", f"{AT_8} GPUs, scaled to 16 {POWER} -1.00", 5, False),
    ),
    "never much worse than constant": (
        a_step(gpu=32), sized(TWO_SIZES[0], replace(TWO_SIZES[1], duration_s=80000)),
        (160000, "metered, scaled", f"{AT_8} GPUs, scaled to 32 {POWER} 0.50", 5, False),
    ),
    "sizes that differ in memory only are one": (
        a_step(gpu=16), sized(TWO_SIZES[0], replace(TWO_SIZES[0], memory_mb=9)),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "one size with GPUs and one without say nothing": (
        a_step(gpu=16), sized(TWO_SIZES[0], CORES[0]),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "a size with two runs says nothing": (
        a_step(gpu=16), sized(TWO_SIZES[0], replace(TWO_SIZES[1], n=2)),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "an unknown size": (
        a_step(gpu=unresolved()), sized(*TWO_SIZES),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "a step that was seen without durations": (
        a_step(gpu=4), profile(history({"train": measured(mean=None)})),
        (3600, "assumption", GUESSED, None, True),
    ),
    "an assumption for a step without accelerators": (
        a_step(cpu=4), None,
        (300, "assumption", "5m for a step without accelerators, no measured duration", None, True),
    ),
    "an assumption for Trainium": (
        a_step(trainium=1), None,
        (3600, "assumption", GUESSED, None, True),
    ),
    "a timeout that cuts": (
        a_step(gpu=4, timeout_s=Known(value=600, chain=(TIMEOUT,))), profile(history()),
        (600, "metered, timeout", "41 attempts up to 2026-11-20; 2h is cut at the timeout of 10m", 41, False),
    ),
    "a slice of a GPU": (
        a_step(extended_resources={"nvidia.com/mig-3g.40gb": 1}), None, (3600, "assumption", GUESSED, None, True),
    ),
    "a timeout that cuts an assumption": (
        a_step(gpu=4, timeout_s=90), None,
        (90, "assumption, timeout", f"{GUESSED}; 1h is cut at the timeout of 1m30s", None, True),
    ),
    "a timeout that leaves alone": (
        a_step(gpu=4, timeout_s=7200), profile(history()),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "no timeout": (
        a_step(gpu=4, timeout_s=0), profile(history()),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
    "an unknown timeout": (
        a_step(gpu=4, timeout_s=unresolved()), profile(history()),
        (7200, "metered", "41 attempts up to 2026-11-20", 41, False),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("step", "usage", "wanted"), DURATIONS.values(), ids=DURATIONS)
def test_duration_is(step: Step, usage: UsageProfile, wanted: tuple[Any, ...]):
    found = train(step, usage).inputs["duration_s"]
    assert shown(replace(found, assumed=wanted[-1])) == (pytest.approx(wanted[0]), *wanted[1:])


def test_duration_is_declared_where_history_does_not_know():
    declared = {"steps": {"train": StepDeclaration(duration_s=60, location=CONFIG)}}
    found = train(a_step(gpu=4), deployment=declared).inputs["duration_s"]
    assert shown(found) == (60, "declared", "declared in costgate.yml", None, False)
    assert found.location == CONFIG
    assert train(a_step(gpu=4), profile(history()), deployment=declared).inputs["duration_s"].source == "metered"


def test_a_timeout_names_its_place_where_it_has_one():
    with_place = a_step(gpu=4, timeout_s=Known(value=600, chain=(TIMEOUT,)))
    assert train(with_place, profile(history())).inputs["duration_s"].location == TIMEOUT
    assert train(a_step(gpu=4, timeout_s=600), profile(history())).inputs["duration_s"].location == HISTORY


# Tasks a run.

FROM_PARAMETER = Known(value=20, notes=("default of the Parameter xs",))
IN_CODE = Location(path="flows/train.py", line=31)
TWELVE = profile(history({"train": measured(tasks_per_run=12, width=10)}))
DECLARES = {"train": StepDeclaration(tasks=40, location=CONFIG)}
SEEN_41 = "41 attempts up to 2026-11-20"
OPEN = "width 10 assumed: self.config.xs (flows/train.py:10) is not resolved: the config is not known"
TASKS = {
    "one without a fan-out": ({}, None, {}, (1, "static width", "once a run", None, False)),
    "the width in the code": (
        {"fan_out": (Known(value=7),)}, None, {},
        (7, "static width", "width 7 in the code", None, False),
    ),
    "the product of nested widths": (
        {"fan_out": (Known(value=7), Known(value=3))}, None, DECLARES,
        (21, "static width", "width 7 × 3 in the code", None, False),
    ),
    "a Parameter's default without history": (
        {"fan_out": (FROM_PARAMETER,)}, None, {},
        (20, "static width", "width 20 in the code; default of the Parameter xs", None, False),
    ),
    "a declaration beats a Parameter's default": (
        {"fan_out": (FROM_PARAMETER,)}, None, DECLARES,
        (40, "declared", "declared in costgate.yml", None, False),
    ),
    "a declaration of what the code does not tell": (
        {"fan_out": (unresolved(),)}, None, DECLARES,
        (40, "declared", "declared in costgate.yml", None, False),
    ),
    "ten for a width that the code does not tell": (
        {"fan_out": (unresolved(),)}, None, {},
        (10, "assumption", OPEN, None, True),
    ),
    "ten for each open width": (
        {"fan_out": (unresolved(), Known(value=3), Known(value="many"))}, None, {},
        (300, "assumption", f"{OPEN}; 'many' is no number", None, True),
    ),
    "what was measured": (
        {"fan_out": (unresolved(),)}, TWELVE, DECLARES,
        (12, "metered", SEEN_41, 41, False),
    ),
    "what was measured at this width": (
        {"fan_out": (Known(value=10),)}, TWELVE, {},
        (12, "metered", SEEN_41, 41, False),
    ),
    "what was measured, at twice the width": (
        {"fan_out": (Known(value=20),)}, TWELVE, {},
        (24, "metered, static width", f"12 tasks a run × width 20 now ÷ 10 then, {SEEN_41}", 41, False),
    ),
    "a Parameter's default never beats history": (
        {"fan_out": (FROM_PARAMETER,)}, TWELVE, {},
        (12, "metered", SEEN_41, 41, False),
    ),
    "what was measured at a width that nobody noted": (
        {"fan_out": (Known(value=20),)}, profile(history({"train": measured(tasks_per_run=12)})), {},
        (12, "metered", SEEN_41, 41, False),
    ),
    "the width in the code where no tasks were counted": (
        {"fan_out": (Known(value=7),)}, profile(history()), {},
        (7, "static width", "width 7 in the code", None, False),
    ),
    "a recursive step counted once": (
        {"recursive": True}, None, {},
        (1, "assumption", "once a run; calls itself, counted once", None, True),
    ),
    "a recursive step as declared": (
        {"recursive": True}, None, DECLARES,
        (40, "declared", "declared in costgate.yml", None, False),
    ),
    "no negative width": (
        {"fan_out": (Known(value=-3),)}, None, {},
        (0, "static width", "width 0 in the code", None, False),
    ),
    "a width beyond all bounds as the bound": (
        {"fan_out": (Known(value=10**400),)}, None, {},
        (1e15, "static width", "width 1e+15 in the code", None, False),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "usage", "steps", "wanted"), TASKS.values(), ids=TASKS)
def test_tasks_are(fields: dict[str, Any], usage: UsageProfile, steps: dict[str, Any], wanted: tuple[Any, ...]):
    found = train(a_step(gpu=4, **fields), usage, deployment={"steps": steps}).inputs["tasks"]
    assert shown(found) == wanted


def test_a_step_behind_a_switch_may_run_not_at_all():
    found = train(a_step(gpu=4, conditional=True))
    assert found.inputs["tasks"].value == Interval(low=0, expected=1, high=1)
    assert found.inputs["tasks"].detail == "once a run; behind a switch, counted as if it runs"
    assert found.monthly.low == 0
    assert found.monthly.expected > 0


def test_switch_branches_never_beat_history():
    usage = profile(history({"train": measured(tasks_per_run=0.25)}))
    assert train(a_step(gpu=4, conditional=True), usage).inputs["tasks"].value == Interval.exact(0.25)


def test_a_width_names_the_place_where_it_is_used():
    with_place = a_step(gpu=4, fan_out=(Known(value=7, chain=(IN_CODE, CONFIG)),))
    assert train(with_place).inputs["tasks"].location == IN_CODE
    assert train(a_step(gpu=4, fan_out=(Known(value=7),))).inputs["tasks"].location == FLOW


# Attempts and overhead.


def test_attempts_are_metered_or_one():
    usage = profile(history({"train": measured(attempts_per_task=1.25)}))
    assert shown(train(a_step(gpu=4), usage).inputs["attempts"]) == (1.25, "metered", SEEN_41, 41, False)
    assert shown(train(a_step(gpu=4)).inputs["attempts"]) == (1, "default", "no retries were measured", None, False)


UNMEASURED = "not measured; durations are what the scheduler billed"
OTHER = profile(history({"other": measured(), "train": measured(n=0)}))
OVERHEADS = {
    "metered": (profile(history({"train": measured(overhead_s=95)})), 120, (95, "metered", SEEN_41, 41, False)),
    "nothing where attempts were measured without it": (profile(history()), 120, (0, "metered", UNMEASURED, 41, False)),
    "assumed for a step without history": (
        OTHER, 120, (120, "assumption", "2m to start, this step was not measured", None, True),
    ),
    "assumed without a profile": (None, 2.5, (2.5, "assumption", "2.5s to start, no usage profile", None, True)),
    "no assumption where none is added": (None, 0, (0, "assumption", "0s to start, no usage profile", None, False)),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "assumed", "wanted"), OVERHEADS.values(), ids=OVERHEADS)
def test_overhead_is(usage: UsageProfile, assumed: float, wanted: tuple[Any, ...]):
    found = train(a_step(gpu=4), usage, assumptions=Assumptions(startup_overhead_s=assumed)).inputs["overhead_s"]
    assert shown(found) == wanted


def test_overhead_is_paid_in_every_attempt_of_every_task():
    steps = {"train": measured(mean=60, overhead_s=30, tasks_per_run=4, attempts_per_task=1.5)}
    found = train(a_step(gpu=8), profile(replace(A_RUN, steps=steps)))
    (line,) = found.lines
    assert line.pricing_quantity == Decimal(500 * 4 * 90 * 8) * Decimal("1.5") / 3600


# Not billed, unpriced, assumed.


def test_a_local_step_is_not_billed_and_assumes_nothing():
    found = price(deployed(START))
    (step,) = found.steps
    assert step.quote == NotBilled(reason="local")
    assert (step.lines, step.assumptions, step.monthly) == ((), (), Interval.exact(Decimal(0)))
    assert not any(entry.assumed for entry in step.inputs.values())
    assert not found.unpriced


def test_an_unpriced_step_is_listed_and_not_summed():
    found = price(deployed(a_step(gpu=unresolved()), a_step("eval", gpu=1)))
    (unpriced,) = found.unpriced
    assert isinstance(unpriced, Unpriced)
    assert (unpriced.deployment, unpriced.step, unpriced.location) == ("train", "train", FLOW)
    assert found.steps[0].quote is unpriced
    assert found.steps[0].assumptions == ()
    assert found.monthly == found.steps[1].monthly


def test_assumptions_are_phrases_with_the_name_of_the_input():
    found = train(a_step(gpu=4))
    assert found.assumptions == (
        "runs: no usage profile",
        "duration: 1h for a step with accelerators, no measured duration",
        "overhead: 2m to start, no usage profile",
    )
    assert found.lines[0].assumptions == found.assumptions


def test_assumptions_of_the_price_come_first():
    unknown_cpu = train(a_step(gpu=4, cpu=unresolved("cfg.cpu")))
    assert unknown_cpu.assumptions[0] == "cpu is unknown (`cfg.cpu`): assumed to fit a node of a100"


def test_a_step_carries_its_metered_gpu_utilisation():
    usage = profile(history({"train": measured(gpu_util=(0.35, 80))}))
    assert train(a_step(gpu=4), usage).gpu_util == (0.35, 80)
    assert train(a_step(gpu=4)).gpu_util is None


def test_a_step_priced_by_several_skus_has_a_line_for_each():
    found = train(a_step(queue="mixed", gpu=2, cpu=10, memory_mb=1024, compute="batch"))
    assert [line.sku for line in found.lines] == ["mixed GPU-hour", "mixed core-hour", "mixed GiB-hour"]
    assert found.raw_monthly == sum(line.list_cost for line in found.lines)


# The band.


def test_spot_prices_widen_the_band():
    found = train(a_step(queue="spot", gpu=8), assumptions=FREE_START, deployment={"runs_per_month": 1})
    assert found.monthly == Interval(low=Decimal(2), expected=Decimal(16), high=Decimal(320))


def test_runs_widen_the_band():
    found = train(a_step(queue="h100", gpu=8), profile(history()))
    assert found.monthly == Interval(low=Decimal(400 * 42) / 4, expected=Decimal(500 * 42), high=Decimal(650 * 42 * 4))


SIZE = SizeUsage(gpu=4, cpu=0, memory_mb=0, n=41, duration_s=7200)
BUCKETS = {
    "cold_start": [a_step(gpu=4), None],
    "cold_start for a deployment that never ran": [a_step(gpu=4), history(count=0)],
    "few_runs": [a_step(gpu=4), history(count=8)],
    "size_changed": [a_step(gpu=8), history({"train": measured(sizes=(SIZE,))})],
    "size_changed by cores": [a_step(gpu=4, cpu=2), history({"train": measured(sizes=(SIZE,))})],
    "has_history": [a_step(gpu=4, memory_mb=9), history({"train": measured(sizes=(SIZE,))})],
    "has_history without sizes": [a_step(gpu=8), history(count=9)],
}


@pytest.mark.parametrize(("bucket", "step", "past"), [(name, *case) for name, case in BUCKETS.items()])
def test_the_band_is_that_of(bucket: str, step: Step, past: Any):
    names = sorted({name.split()[0] for name in BUCKETS})
    usage = profile(*[past] if past else [], calibration=tuple(map(calibrated, names)))
    band = price(deployed(step), usage).band
    assert (band.bucket, band.calibrated) == (bucket.split()[0], True)


BANDS = {
    "the bucket's own": ({"has_history": 9, "overall": 20}, ("has_history", 9, True)),
    "overall where the bucket has too few": ({"has_history": 8, "overall": 9}, ("overall", 9, True)),
    "none where both have too few": ({"has_history": 8, "overall": 8}, ("has_history", 8, False)),
    "none without calibration": ({}, ("has_history", 0, False)),
}


@pytest.mark.parametrize(("calibration", "wanted"), BANDS.values(), ids=BANDS)
def test_the_calibration_used_is(calibration: dict[str, int], wanted: tuple[Any, ...]):
    buckets = tuple(calibrated(bucket, n) for bucket, n in calibration.items())
    band = price(deployed(a_step(gpu=4)), profile(history(), calibration=buckets)).band
    assert (band.bucket, band.n, band.calibrated) == wanted


def test_a_calibrated_estimate_is_corrected_and_keeps_the_raw_one():
    usage = profile(replace(A_RUN, steps={"train": measured()}), calibration=(calibrated("has_history"),))
    found = price(deployed(a_step(queue="h100", gpu=8)), usage)
    assert found.raw_monthly == 21000
    assert found.monthly == Interval(low=Decimal(10500), expected=Decimal(18900), high=Decimal(42000))
    assert found.cost_per_run == Decimal("37.8")


def test_calibration_can_be_left_out():
    usage = profile(A_RUN, calibration=(calibrated("has_history"),))
    found = price(deployed(a_step(gpu=4)), usage, calibrate=False)
    assert (found.band.calibrated, found.band.bias) == (False, 1)
    assert found.raw_monthly == found.monthly.expected


@pytest.mark.parametrize("bias", [0.1, 5], ids=["below the band", "above the band"])
def test_a_corrected_value_lies_in_its_band(bias: float):
    usage = profile(A_RUN, calibration=(calibrated("has_history", bias=bias),))
    monthly = price(deployed(a_step(gpu=4)), usage).monthly
    assert monthly.low <= monthly.expected <= monthly.high


# Laws.

MORE = st.integers(0, 8)


@given(
    queue=st.sampled_from(["a100", "h100", "mixed", "spot", "cpu", "trn"]),
    small=st.fixed_dictionaries({"gpu": MORE, "cpu": MORE, "memory_mb": st.integers(0, 60000), "trainium": MORE}),
    more=st.fixed_dictionaries({"gpu": MORE, "cpu": MORE, "memory_mb": st.integers(0, 60000), "trainium": MORE}),
)
def test_expected_cost_never_falls_when_a_resource_rises_on_a_fixed_tier(
    queue: str, small: dict[str, int], more: dict[str, int]
):
    usage = profile(history())
    before = train(a_step(queue=queue, **small), usage)
    after = train(a_step(queue=queue, **{name: amount + more[name] for name, amount in small.items()}), usage)
    if isinstance(before.quote, Quote) and isinstance(after.quote, Quote):
        assert before.quote.tier == after.quote.tier == queue
        assert after.raw_monthly >= before.raw_monthly
    else:
        assert Unpriced in {type(before.quote), type(after.quote)}


NUMBERS = st.floats() | st.just(1e308)


@given(runs=NUMBERS, duration=NUMBERS, tasks=NUMBERS, width=st.integers(-(10**400), 10**400))
def test_no_number_is_too_large_for_an_estimate(runs: float, duration: float, tasks: float, width: int):
    declared = {"train": StepDeclaration(duration_s=duration), "eval": StepDeclaration(tasks=tasks)}
    steps = (a_step(gpu=1, fan_out=(Known(value=width),) * 3), a_step("eval", gpu=1, fan_out=(unresolved(),)))
    found = price(deployed(*steps, runs_per_month=runs, steps=declared))
    assert found.monthly.low <= found.monthly.expected <= found.monthly.high
    assert found.monthly.high.is_finite()
    assert found.monthly.expected == sum(step.monthly.expected for step in found.steps)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (2.5, "2.5s"), (59.9, "59.9s"), (60, "1m"), (3600, "1h"), (5400.4, "1h30m"), (86461, "24h1m1s")],
)
def test_seconds_read_as(seconds: float, text: str):
    assert span(seconds) == text


def test_estimating_twice_gives_the_same():
    deployment = deployed(START, a_step(gpu=4, fan_out=(unresolved(),)), END)
    assert price(deployment, profile(history())) == price(deployment, profile(history()))
