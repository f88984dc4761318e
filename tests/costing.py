"""Builders for what estimates are made of: steps, deployments, histories, and a small rate card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from costgate.config import Assumptions
from costgate.model import (
    CalibrationBucket,
    Deployment,
    DeploymentKey,
    Durations,
    Flow,
    Input,
    Known,
    Location,
    Node,
    Owner,
    RateCard,
    Step,
    StepResources,
    StepUsage,
    Tier,
    Unresolved,
    UsageDeployment,
    UsageProfile,
)
from costgate.units import Interval

FLOW = Location(path="flows/train.py", line=10)
CONFIG = Location(path="costgate.yml", line=9)
HISTORY = Location(path="usage.json", line=20)
KEY = DeploymentKey(flow="TrainFlow")
LAST_RUN = datetime(2026, 11, 20, 6, tzinfo=timezone.utc)

NODE_HOUR = Decimal(120000) / 36 / 730 + Decimal("6.5") * Decimal("1.4") * Decimal("0.08") + Decimal("0.25")
GPU_HOUR = NODE_HOUR / 8


def tier(name: str, node_hour: Decimal | Interval[Decimal] | str, *, split: Any = "gpu_only", **node: int) -> Tier:
    price = node_hour if isinstance(node_hour, Interval) else Interval.exact(Decimal(node_hour))
    return Tier(
        name=name,
        node=Node(**{key: Decimal(value) for key, value in node.items()}),
        node_hour=price,
        components=(),
        location=Location(path="ratecard.yml", line=6),
        split=split,
        match=({"queue": name},),
    )


TIERS = (
    tier("a100", NODE_HOUR, gpus=8, cpus=96, memory_gib=1152),
    tier("h100", "21", gpus=8, cpus=192, memory_gib=2048),
    tier("mixed", "10", split={"gpu": Decimal("0.8"), "cpu": Decimal("0.1"), "memory": Decimal("0.1")},
         gpus=8, cpus=100, memory_gib=1000),
    tier("spot", Interval(low=Decimal(8), expected=Decimal(16), high=Decimal(80)), gpus=8, cpus=64, memory_gib=512),
    tier("cpu", "1", split="dominant", cpus=32, memory_gib=128),
    tier("trn", "16", trainium=16, cpus=128, memory_gib=512),
)  # fmt: skip
CARD = RateCard(
    name="acme",
    currency="USD",
    as_of=date(2026, 10, 1),
    digest="sha256:0",
    tiers={entry.name: entry for entry in TIERS},
    default_tier={"gpu": "a100", "cpu": "cpu", "trainium": "trn"},
)
FREE_START = Assumptions(startup_overhead_s=0)


def unresolved(expression: str = "self.config.xs", reason: str = "the config is not known") -> Unresolved:
    return Unresolved(expression=expression, reason=reason, location=FLOW)


def resources(compute: str = "kubernetes", **values: Any) -> StepResources:
    known = {
        k: v if isinstance(v, (Known, Unresolved)) or k == "touched_by" else Known(value=v) for k, v in values.items()
    }
    return StepResources(compute=compute, **known)


def a_step(name: str = "train", **values: Any) -> Step:
    """A step; fields of Step by their names, everything else is a resource."""
    fields = {key: values.pop(key) for key in ("fan_out", "conditional", "recursive", "location") if key in values}
    return Step(
        **{"name": name, "location": FLOW, "decorators": (), "next": (), "resources": resources(**values), **fields}
    )


START = a_step("start", compute="local")
END = a_step("end", compute="local")


def deployed(*steps: Step, schedule: Any = None, **fields: Any) -> Deployment:
    flow = Flow(name="TrainFlow", file="flows/train.py", location=FLOW, project=None, schedule=schedule, steps=steps)
    given: dict[str, Any] = {"key": KEY, "name": "train", "flow": flow, "owner": Owner(team="reco"), "location": CONFIG}
    return Deployment(**{**given, **fields})


def measured(n: int = 41, mean: float | None = 7200, **fields: Any) -> StepUsage:
    duration = None if mean is None else Durations(mean=mean)
    return StepUsage(n=n, duration_s=duration, location=HISTORY, **fields)


def history(steps: Mapping[str, StepUsage] | None = None, *, count: int = 1500, **fields: Any) -> UsageDeployment:
    given: dict[str, Any] = {
        "key": KEY,
        "last_run": LAST_RUN,
        "runs_count": count,
        "runs_per_month": Interval(low=400.0, expected=500.0, high=650.0),
        "scheduled": 0,
        "failed": 0,
        "steps": {"train": measured()} if steps is None else steps,
        "location": HISTORY,
    }
    return UsageDeployment(**{**given, **fields})


def profile(*deployments: UsageDeployment, **fields: Any) -> UsageProfile:
    given: dict[str, Any] = {
        "as_of": datetime(2026, 11, 21, tzinfo=timezone.utc),
        "window_from": datetime(2026, 8, 22, tzinfo=timezone.utc),
        "window_to": datetime(2026, 11, 20, tzinfo=timezone.utc),
        "complete": (),
        "deployments": {entry.key: entry for entry in deployments},
        "path": "usage.json",
        "digest": "sha256:1",
    }
    return UsageProfile(**{**given, **fields})


def calibrated(bucket: str, n: int = 20, *, low: float = 0.5, bias: float = 0.9, high: float = 2) -> CalibrationBucket:
    return CalibrationBucket(bucket=bucket, n=n, bias=bias, low=low, high=high, coverage=0.8, as_of=LAST_RUN)


def moved(step: Step, lines: int) -> Step:
    """The same step further down in its file."""
    return replace(step, location=replace(step.location, line=step.location.line + lines))


def value(entry: Input) -> float:
    assert entry.value.is_exact
    return entry.value.expected
