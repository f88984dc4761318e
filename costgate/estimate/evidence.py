"""What is known about one deployment when it is estimated: declarations, history, assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TypeAlias

from costgate.config import Assumptions
from costgate.estimate.amounts import bounded
from costgate.model import (
    Deployment,
    Input,
    Location,
    Schedule,
    StepUsage,
    Unresolved,
    UsageDeployment,
    UsageProfile,
)
from costgate.units import Interval
from costgate.usage import find

# Runs a month of the flows whose end starts this one; Unresolved where that is open, None where nothing does.
Upstream: TypeAlias = "Input | Unresolved | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that an input may come from."""

    deployment: Deployment
    usage: UsageProfile | None
    history: UsageDeployment | None
    assumptions: Assumptions
    base_schedule: Schedule | None
    is_new: bool
    upstream: Upstream
    base_upstream: Upstream

    def of_step(self, step: str) -> StepUsage | None:
        """What was measured of a step; None without an attempt."""
        measured = self.history.steps.get(step) if self.history else None
        return measured if measured and measured.n else None


def gather(
    deployment: Deployment,
    usage: UsageProfile | None,
    assumptions: Assumptions,
    base_schedule: Schedule | None,
    is_new: bool,
    upstream: Upstream = None,
    base_upstream: Upstream = None,
) -> Evidence:
    """The evidence of one deployment."""
    return Evidence(
        deployment=deployment,
        usage=usage,
        history=find(usage, deployment.key) if usage else None,
        assumptions=assumptions,
        base_schedule=base_schedule,
        is_new=is_new,
        upstream=upstream,
        base_upstream=base_upstream,
    )


def day(moment: datetime) -> date:
    """The UTC day of a moment."""
    return moment.astimezone(timezone.utc).date()


def last_day(usage: UsageProfile, history: UsageDeployment) -> date:
    """The day up to which a deployment was measured: its last run, else the end of the window."""
    return day(history.last_run or usage.window_to)


def measured(evidence: Evidence, value: Interval[float], n: int, what: str, location: Location | None) -> Input:
    """An input out of history: `n what up to DAY`."""
    assert evidence.usage is not None
    assert evidence.history is not None
    until = last_day(evidence.usage, evidence.history)
    detail = f"{n} {what if n != 1 else what.removesuffix('s')} up to {until.isoformat()}"
    return Input(value=clip(value), source="metered", detail=detail, n=n, as_of=until, location=location)


def declared(value: float, location: Location | None) -> Input:
    """An input that costgate.yml declares."""
    return Input(value=exact(value), source="declared", detail="declared in costgate.yml", location=location)


def assumed(evidence: Evidence, key: str, value: float, reason: str) -> Input:
    """An input that costgate.yml (or its default) assumes where nothing better is known; `key` as written there."""
    location = evidence.assumptions.locations.get(key)
    return Input(value=exact(value), source="assumption", detail=reason, location=location, assumed=True)


def exact(value: float) -> Interval[float]:
    """A known number as an interval, kept finite."""
    return Interval.exact(bounded(value))


def clip(value: Interval[float]) -> Interval[float]:
    """An interval, kept finite."""
    return value.map(bounded)


def no_history(evidence: Evidence) -> str:
    """Why nothing was metered of a deployment."""
    if evidence.is_new:
        return "new, so without history"
    return "not in the usage profile" if evidence.usage else "no usage profile"
