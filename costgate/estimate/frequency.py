"""How often a deployment runs: declared · schedule and the runs beside it · triggers, metered · assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from costgate.estimate.amounts import plain
from costgate.estimate.evidence import Evidence, assumed, clip, day, declared, exact, measured, no_history
from costgate.model import Deployment, Input, Schedule, Trigger, Unresolved, UsageDeployment
from costgate.units import Interval


def runs_per_month(evidence: Evidence) -> Input:
    """Declared · schedule and the runs beside it · what triggers start, metered · assumption."""
    deployment = evidence.deployment
    schedule = deployment.flow.schedule
    if deployment.runs_per_month is not None and not _is_outrun(evidence, deployment.runs_per_month):
        return declared(deployment.runs_per_month, deployment.location)
    if isinstance(schedule, Unresolved):
        return _runs_of_open_schedule(evidence, schedule)
    beside = _beside_schedule(evidence)
    if schedule is not None:
        return _scheduled_runs(schedule, beside)
    if beside is not None:
        return beside
    if evidence.usage and evidence.usage.complete and not evidence.is_new:
        return _never_ran(evidence)
    return assumed(evidence, "runs_per_month", evidence.assumptions.runs_per_month, no_history(evidence))


def started_by(deployment: Deployment, runs: Sequence[Input]) -> Input:
    """The runs that the upstream flows of a deployment start: as many as these have in sum."""
    trigger = deployment.flow.trigger
    assert isinstance(trigger, Trigger)
    value = sum((each.value for each in runs[1:]), runs[0].value)
    detail = "; ".join(dict.fromkeys(each.detail for each in runs))
    return Input(
        value=clip(value),
        source="trigger",
        detail=f"starts when {trigger.flow} finishes ({detail})",
        n=runs[0].n if len(runs) == 1 else None,
        as_of=max((each.as_of for each in runs if each.as_of), default=None),
        location=trigger.location,
        assumed=any(each.assumed for each in runs),
    )


def _is_outrun(evidence: Evidence, declared_runs: float) -> bool:
    """Whether a change makes schedule or upstream start more runs than were declared for the ones before."""
    schedule, before = evidence.deployment.flow.schedule, evidence.base_schedule
    if evidence.is_new:
        return False
    now = (schedule.runs_per_month if isinstance(schedule, Schedule) else 0.0) + _expected(evidence.upstream)
    then = (before.runs_per_month if before else 0.0) + _expected(evidence.base_upstream)
    return now > max(declared_runs, then)


def _expected(upstream: Input | Unresolved | None) -> float:
    return upstream.value.expected if isinstance(upstream, Input) and not upstream.assumed else 0.0


def _scheduled_runs(schedule: Schedule, beside: Input | None) -> Input:
    zone = f" {schedule.timezone}" if schedule.timezone else ""
    on_time = Input(
        value=exact(schedule.runs_per_month),
        source="schedule",
        detail=f"cron {schedule.cron}{zone}",
        location=schedule.location,
    )
    return _sum(on_time, beside) if beside else on_time


def _sum(known: Input, beside: Input) -> Input:
    """Runs that something starts, and those beyond them."""
    if not beside.value.high:
        return known
    return replace(
        known,
        value=clip(known.value + beside.value),
        source=f"{known.source}, {beside.source}",
        detail=f"{known.detail}, and {plain(beside.value.expected)} runs a month beyond it ({beside.detail})",
        n=beside.n,
        as_of=beside.as_of,
        assumed=known.assumed or beside.assumed,
    )


def _beside_schedule(evidence: Evidence) -> Input | None:
    """What triggers and people start; None where nothing is known of it."""
    history, upstream = evidence.history, evidence.upstream
    if history:
        return _metered_runs(evidence, history)
    if isinstance(upstream, Unresolved):
        unseen = evidence.usage and evidence.usage.complete and isinstance(evidence.base_upstream, Unresolved)
        return None if unseen else _assumed_runs(evidence, f"what starts it is open: {_open(upstream)}")
    return upstream


def _metered_runs(evidence: Evidence, history: UsageDeployment) -> Input:
    """All runs but those of base's schedule, as many times as often as what starts them now runs more often."""
    now, then = evidence.upstream, evidence.base_upstream
    found = measured(evidence, history.runs_per_month, history.runs_count, "runs", history.location)
    if isinstance(now, Unresolved) and not isinstance(then, Unresolved):  # as many as ever may come from it
        return replace(found, detail=f"{found.detail}; what starts it is open: {_open(now)}", assumed=True)
    if evidence.base_schedule is not None:
        gone = "" if evidence.deployment.flow.schedule else ", less those of the schedule that is gone"
        value = clip(_beyond_schedule(history, evidence.base_schedule))
        found = replace(found, value=value, detail=f"{found.detail}{gone}")
    elif history.scheduled and evidence.deployment.flow.schedule:
        found = replace(found, value=clip(_beyond_schedule(history, None)))
    return _triggered(found, now, then)


def _triggered(found: Input, now: Input | Unresolved | None, then: Input | Unresolved | None) -> Input:
    """What was metered beside the schedule, with the runs of upstream flows now in the place of those then."""
    if isinstance(now, Input) and isinstance(then, Input) and then.value.expected:
        return _scaled(found, now, then)
    if isinstance(now, Input) and isinstance(then, Unresolved):  # how many of the metered ones are gone, is open
        return (
            replace(now, assumed=True) if now.value.expected >= found.value.expected else replace(found, assumed=True)
        )
    if isinstance(now, Input):
        return _sum(now, found)
    if isinstance(then, Input):
        left = found.value.map(lambda runs: max(0.0, runs - then.value.expected))
        return replace(found, value=left, detail=f"{found.detail}, less those of the trigger that is gone")
    return found


def _scaled(found: Input, now: Input, then: Input) -> Input:
    if now.value.expected == then.value.expected:
        return found
    factor = now.value.expected / then.value.expected
    runs = f"{plain(now.value.expected)} runs a month now ÷ {plain(then.value.expected)} then"
    detail = f"{plain(found.value.expected)} runs a month ({found.detail}) × {runs} of what starts it"
    return replace(
        found,
        value=clip(found.value.map(lambda each: each * factor)),
        source="metered, trigger",
        detail=detail,
        assumed=now.assumed or then.assumed,
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
    history = evidence.history
    if history and history.runs_per_month.high:
        found = measured(evidence, history.runs_per_month, history.runs_count, "runs", history.location)
        return replace(found, detail=f"{found.detail}; {note}", assumed=True)
    return _assumed_runs(evidence, note)


def _assumed_runs(evidence: Evidence, note: str) -> Input:
    return assumed(evidence, "runs_per_month", evidence.assumptions.runs_per_month, note)


def _open(upstream: Unresolved) -> str:
    return f"{upstream.expression} ({upstream.location.short}): {upstream.reason}"


def _never_ran(evidence: Evidence) -> Input:
    """Absence from a complete window is knowledge."""
    assert evidence.usage is not None
    first, last = day(evidence.usage.window_from), day(evidence.usage.window_to)
    detail = f"no run from {first.isoformat()} to {last.isoformat()} ({', '.join(evidence.usage.complete)} complete)"
    return Input(value=exact(0), source="metered", detail=detail, n=0, as_of=last)
