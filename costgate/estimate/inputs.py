"""Where the five inputs of a step come from: for each the first source that is known, never a silent default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from costgate.estimate.amounts import LARGEST, bounded, number, plain, span
from costgate.estimate.durations import duration_s
from costgate.estimate.evidence import Evidence, assumed, clip, day, declared, exact, measured
from costgate.model import Input, Known, Schedule, Step, StepUsage, Unresolved, UsageDeployment, Value
from costgate.units import Interval


def step_inputs(evidence: Evidence, step: Step, runs: Input) -> Mapping[str, Input]:
    """runs, tasks, attempts, duration_s and overhead_s of a step."""
    return {
        "runs": runs,
        "tasks": tasks_per_run(evidence, step),
        "attempts": attempts_per_task(evidence, step),
        "duration_s": duration_s(evidence, step),
        "overhead_s": overhead_s(evidence, step),
    }


def not_less(head: Input, base: Input | None) -> Input:
    """What is assumed at head only because it can no longer be read is not less than what base knows."""
    if base is None or base.assumed or not head.assumed or head.value.expected >= base.value.expected:
        return head
    return replace(base, detail=f"{base.detail} at base; at head {head.detail}", assumed=True)


def runs_per_month(evidence: Evidence) -> Input:
    """Declared · schedule and the metered runs beyond base's schedule · metered · assumption."""
    deployment, history = evidence.deployment, evidence.history
    schedule = deployment.flow.schedule
    if deployment.runs_per_month is not None and not _is_outrun(evidence, deployment.runs_per_month):
        return declared(deployment.runs_per_month, deployment.location)
    if isinstance(schedule, Schedule):
        return _scheduled_runs(evidence, schedule)
    if isinstance(schedule, Unresolved):
        return _runs_of_open_schedule(evidence, schedule)
    if history:
        return _metered_runs(evidence, history)
    if evidence.usage and evidence.usage.complete and not evidence.is_new:
        return _never_ran(evidence)
    return assumed(evidence, "runs_per_month", evidence.assumptions.runs_per_month, _no_history(evidence))


def _is_outrun(evidence: Evidence, declared_runs: float) -> bool:
    """Whether a change makes the schedule start more runs than were declared for the one before."""
    schedule, before = evidence.deployment.flow.schedule, evidence.base_schedule
    if evidence.is_new or not isinstance(schedule, Schedule):
        return False
    return schedule.runs_per_month > max(declared_runs, before.runs_per_month if before else 0.0)


def _scheduled_runs(evidence: Evidence, schedule: Schedule) -> Input:
    zone = f" {schedule.timezone}" if schedule.timezone else ""
    on_time = Input(
        value=exact(schedule.runs_per_month),
        source="schedule",
        detail=f"cron {schedule.cron}{zone}",
        location=schedule.location,
    )
    if not evidence.history:
        return on_time
    extra = _beyond_schedule(evidence.history, evidence.base_schedule)
    if not extra.high:
        return on_time
    seen = measured(evidence, extra, evidence.history.runs_count, "runs", evidence.history.location)
    return replace(
        on_time,
        value=clip(on_time.value + extra),
        source="schedule, metered",
        detail=f"{on_time.detail}, and {plain(extra.expected)} runs a month beyond it ({seen.detail})",
        n=seen.n,
        as_of=seen.as_of,
    )


def _beyond_schedule(history: UsageDeployment, base_schedule: Schedule | None) -> Interval[float]:
    """Metered runs a month that base's schedule did not start: by their trigger where that was seen, else the rest."""
    if history.scheduled:
        unscheduled = 1 - history.scheduled / history.runs_count
        return history.runs_per_month.map(lambda runs: runs * unscheduled)
    expected = base_schedule.runs_per_month if base_schedule else 0.0
    return history.runs_per_month.map(lambda runs: max(0.0, runs - expected))


def _runs_of_open_schedule(evidence: Evidence, schedule: Unresolved) -> Input:
    """A schedule that nobody can read may start more runs than any history: what is used instead is assumed."""
    note = f"the schedule {schedule.expression} ({schedule.location.short}) is not resolved: {schedule.reason}"
    if evidence.history and evidence.history.runs_per_month.high:
        found = measured(
            evidence, evidence.history.runs_per_month, evidence.history.runs_count, "runs", evidence.history.location
        )
        return replace(found, detail=f"{found.detail}; {note}", assumed=True)
    return assumed(evidence, "runs_per_month", evidence.assumptions.runs_per_month, note)


def _metered_runs(evidence: Evidence, history: UsageDeployment) -> Input:
    """All runs; without those of a schedule that base has and this side has not."""
    found = measured(evidence, history.runs_per_month, history.runs_count, "runs", history.location)
    if evidence.base_schedule is None:
        return found
    value = clip(_beyond_schedule(history, evidence.base_schedule))
    return replace(found, value=value, detail=f"{found.detail}, less those of the schedule that is gone")


def _never_ran(evidence: Evidence) -> Input:
    """Absence from a complete window is knowledge."""
    assert evidence.usage is not None
    first, last = day(evidence.usage.window_from), day(evidence.usage.window_to)
    detail = f"no run from {first.isoformat()} to {last.isoformat()} ({', '.join(evidence.usage.complete)} complete)"
    return Input(value=exact(0), source="metered", detail=detail, n=0, as_of=last)


def _no_history(evidence: Evidence) -> str:
    if evidence.is_new:
        return "new, so without history"
    return "not in the usage profile" if evidence.usage else "no usage profile"


def tasks_per_run(evidence: Evidence, step: Step) -> Input:
    """Metered × (static width now ÷ then) · static width · declared · assumption; `num_parallel` included."""
    history, plan = evidence.of_step(step.name), evidence.deployment.steps.get(step.name)
    if history and history.tasks_per_run is not None:
        return _metered_tasks(evidence, step, history, history.tasks_per_run)
    width, notes = _static_width(step)
    # a Parameter's default says what one may override: a declaration knows better, a literal width does not
    if plan and plan.tasks is not None and (width is None or notes or step.recursive):
        return declared(plan.tasks, plan.location)
    tasks = _static_tasks(step, width, notes) if width is not None else _assumed_tasks(evidence, step)
    return _branching(step, tasks)


def _metered_tasks(evidence: Evidence, step: Step, history: StepUsage, tasks: float) -> Input:
    found = measured(evidence, exact(tasks), history.n, "attempts", history.location)
    width, notes = _static_width(step)
    if width is None or notes or not history.width or width == history.width:
        return found
    ratio = f"{plain(tasks)} tasks a run × width {plain(width)} now ÷ {plain(history.width)} then"
    value = exact(tasks * width / history.width)
    return replace(found, value=value, source="metered, static width", detail=f"{ratio}, {found.detail}")


def _static_width(step: Step) -> tuple[float | None, tuple[str, ...]]:
    """The product of all widths around the step, None where one is open; and what each of them depends on."""
    widths = [_width(value) for value in step.fan_out]
    notes = tuple(note for value in step.fan_out if isinstance(value, Known) for note in value.notes)
    known = [width for width in widths if width is not None]
    return (bounded(math.prod(known)), notes) if len(known) == len(widths) else (None, notes)


def _width(value: Value) -> float | None:
    """A width; one beyond all bounds is as good as the bound."""
    if isinstance(value, Known) and isinstance(value.value, int) and value.value > LARGEST:
        return LARGEST
    width = number(value)
    return width if width is None else max(width, 0.0)


def _static_tasks(step: Step, width: float, notes: tuple[str, ...]) -> Input:
    if not step.fan_out:
        return Input(value=exact(1), source="static width", detail="once a run", location=step.location)
    factors = " × ".join(plain(_width(value) or 0) for value in step.fan_out)
    first = step.fan_out[0]
    return Input(
        value=exact(width),
        source="static width",
        detail="; ".join((f"width {factors} in the code", *notes)),
        location=first.chain[0] if isinstance(first, Known) and first.chain else step.location,
    )


def _assumed_tasks(evidence: Evidence, step: Step) -> Input:
    """The known widths times the assumed width for each open one, with the reason of each."""
    each = evidence.assumptions.foreach
    widths = [_width(value) for value in step.fan_out]
    product = math.prod(each if width is None else width for width in widths)
    reasons = [_open_width(value) for value, width in zip(step.fan_out, widths) if width is None]
    return assumed(evidence, "foreach", product, f"width {plain(each)} assumed: {'; '.join(reasons)}")


def _open_width(value: Value) -> str:
    if isinstance(value, Unresolved):
        return f"{value.expression} ({value.location.short}) is not resolved: {value.reason}"
    return f"{value.value!r} is no number"


def _branching(step: Step, tasks: Input) -> Input:
    """A step behind a switch may run not at all; how often a recursive one runs nobody can read."""
    if step.conditional:
        value = replace(tasks.value, low=0.0)
        tasks = replace(tasks, value=value, detail=f"{tasks.detail}; behind a switch, counted as if it runs")
    if step.recursive:
        tasks = replace(tasks, source="assumption", detail=f"{tasks.detail}; calls itself, counted once", assumed=True)
    return tasks


def attempts_per_task(evidence: Evidence, step: Step) -> Input:
    """Metered · 1."""
    history = evidence.of_step(step.name)
    if history and history.attempts_per_task is not None:
        return measured(evidence, exact(history.attempts_per_task), history.n, "attempts", history.location)
    return Input(value=exact(1), source="default", detail="no retries were measured")


def overhead_s(evidence: Evidence, step: Step) -> Input:
    """Metered · 0 where attempts were measured without it · assumption for steps without history."""
    history = evidence.of_step(step.name)
    if history and history.overhead_s is not None:
        return measured(evidence, exact(history.overhead_s), history.n, "attempts", history.location)
    if history:
        found = measured(evidence, exact(0), history.n, "attempts", history.location)
        return replace(found, detail="not measured; durations are what the scheduler billed")
    seconds = evidence.assumptions.startup_overhead_s
    found = assumed(evidence, "startup_overhead", seconds, f"{span(seconds)} to start, {_no_step_history(evidence)}")
    return replace(found, assumed=seconds > 0)


def _no_step_history(evidence: Evidence) -> str:
    return "this step was not measured" if evidence.history else _no_history(evidence)
