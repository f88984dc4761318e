"""Usage profile v1: what the meter learned, as the gate reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from costgate.model.deployed import DeploymentKey, Location
from costgate.units import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Seconds per attempt."""

    mean: float
    p50: float | None = None
    p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeUsage:
    """What was measured of a step at one size; the ground of an elasticity."""

    gpu: float
    cpu: float
    memory_mb: float
    n: int
    duration_s: float  # mean


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUsage:
    """What was measured of a step (or of a pool of steps). None was not measured."""

    n: int  # attempts
    duration_s: Durations | None = None
    overhead_s: float | None = None
    tasks_per_run: float | None = None
    attempts_per_task: float | None = None
    gpu_util: tuple[float, int] | None = None  # (mean share 0..1, number of samples)
    sizes: tuple[SizeUsage, ...] = ()
    width: float | None = None  # the static width when it was measured
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageDeployment:
    """History of one deployment."""

    key: DeploymentKey
    last_run: datetime | None
    runs_count: int
    runs_per_month: Interval[float]
    scheduled: int  # of runs_count
    failed: int  # of runs_count
    steps: Mapping[str, StepUsage]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBucket:
    """Past estimates against actuals: actual ÷ estimate lies in [low, high] with the given coverage."""

    bucket: str
    n: int
    bias: float  # geometric mean of actual ÷ estimate
    low: float
    high: float
    coverage: float
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageProfile:
    """One JSON file: window, deployments, pools and calibration."""

    as_of: datetime
    window_from: datetime
    window_to: datetime
    complete: tuple[str, ...]  # sources that are complete for the window: absence from them is knowledge
    deployments: Mapping[DeploymentKey, UsageDeployment]
    flow_pools: Mapping[str, StepUsage] = field(default_factory=dict)  # by flow class
    team_pools: Mapping[str, StepUsage] = field(default_factory=dict)  # by team
    all_pool: StepUsage | None = None
    calibration: tuple[CalibrationBucket, ...] = ()
    path: str
    digest: str
