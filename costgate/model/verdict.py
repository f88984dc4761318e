"""From cost to verdict: estimates, deltas, violations, approvals, and the report that renderers show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from costgate.model.deployed import DeploymentKey, Location, Owner, StepResources
from costgate.model.history import UsageProfile
from costgate.model.prices import NotBilled, Quote, Unpriced
from costgate.units import Interval

Status = Literal["new", "removed", "changed", "unchanged"]
Cause = Literal[
    "new", "removed", "runs", "tasks", "attempts", "duration", "gpu", "accelerator", "cpu", "memory", "storage",
    "tier", "rate",
]  # fmt: skip
Action = Literal["notify", "warn", "require-approval", "block"]
Outcome = Literal["blocked", "incomplete", "approval-required", "approved", "warn", "pass"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of the estimate (runs, tasks, attempts, duration_s, overhead_s) and where its number came from."""

    value: Interval[float]
    source: str  # declared | schedule | metered | static width | timeout | assumption | "metered, pooled with …"
    detail: str = ""  # one phrase for people: "41 runs up to 2026-11-20", "no history"
    n: int | None = None
    as_of: date | None = None
    location: Location | None = None
    assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """Step × SKU, per month."""

    step: str
    sku: str
    pricing_quantity: Decimal  # e.g. 4,000 GPU-Hours a month
    pricing_unit: str
    list_unit_price: Decimal
    list_cost: Decimal  # pricing_quantity × list_unit_price
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The calibrated factor f of the interval algebra: actual = f × estimate."""

    low: float
    bias: float  # 1 unless calibrated; the expected value is multiplied by it
    high: float
    bucket: str
    n: int
    calibrated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEstimate:
    """Monthly cost of one step of one deployment."""

    step: str
    resources: StepResources
    quote: Quote | NotBilled | Unpriced
    inputs: Mapping[str, Input]  # runs, tasks, attempts, duration_s, overhead_s
    lines: tuple[CostLine, ...]
    monthly: Interval[Decimal]  # corrected by bias, widened by the band; 0 where not billed or unpriced
    raw_monthly: Decimal  # before bias
    assumptions: tuple[str, ...] = ()
    gpu_util: tuple[float, int] | None = None  # metered (mean share, samples), for min-gpu-utilization


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Monthly cost of one deployment."""

    key: DeploymentKey
    name: str
    file: str
    owner: Owner
    runs: Input
    steps: tuple[StepEstimate, ...]
    monthly: Interval[Decimal]
    raw_monthly: Decimal
    cost_per_run: Decimal  # expected, for one run, independent of the number of runs
    band: Band
    experiment: tuple[str, int] | None = None
    unpriced: tuple[Unpriced, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Why a cost changed: one cause of the closed list and its share of the delta."""

    cause: Cause
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step's difference. Drivers sum to delta.expected."""

    step: str
    status: Status
    base: StepEstimate | None
    head: StepEstimate | None
    drivers: tuple[Driver, ...]
    delta: Interval[Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentDelta:
    """One deployment on both sides."""

    key: DeploymentKey
    name: str
    flow: str
    file: str
    status: Status
    owner: Owner
    base: Estimate | None
    head: Estimate | None
    changes: tuple[Change, ...]
    delta: Interval[Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The difference of two sets of deployments."""

    deployments: tuple[DeploymentDelta, ...]
    delta: Interval[Decimal]
    base_monthly: Decimal
    head_monthly: Decimal
    increase: Interval[Decimal]  # the sum of the positive changes of deployments
    unpriced: tuple[Unpriced, ...]  # at head, new or changed against base: what the delta cannot count
    standing_unpriced: tuple[Unpriced, ...] = ()  # at head as at base


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A rule that fired."""

    id: str
    rule: str
    action: Action
    message: str
    actual: Decimal | None
    limit: Decimal | None
    per: str  # pull-request | deployment | team | project
    scope: Mapping[str, str]  # the part of the world it is about, e.g. {"team": "reco"} or {"deployment": "train"}
    location: Location | None  # in the flow or config where one is to blame, else in the policy
    help: str = ""
    approval: str | None = None  # name of the approval that lifts it (action require-approval)
    waived_until: date | None = None  # set when a waiver of the judge's policy lifts it
    waiver_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What an approval covers of one violation: the ceiling is the actual value at the head that was approved."""

    rule: str  # violation id
    scope: Mapping[str, str]
    ceiling: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A human yes that was verified, or one that does not hold and why."""

    name: str  # of the approval in the policy
    by: str
    id: int | None
    at: datetime
    head: str
    covers: tuple[Cover, ...]
    reason: str = ""
    valid: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredApproval:
    """An approval that the violations ask for: who can give it and how."""

    name: str
    label: str
    users: tuple[str, ...]
    teams: tuple[str, ...]
    count: int
    notify: str
    violations: tuple[str, ...]  # ids that wait for it
    given: bool
    via: tuple[str, ...] = ("label",)  # label | review


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict."""

    outcome: Outcome
    violations: tuple[Violation, ...]
    required_approvals: tuple[RequiredApproval, ...] = ()
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedJudge:
    """A judging file that head changes: the outcome that it would give, unused."""

    path: str
    outcome_with_it: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a number was judged with: a name or path, its date and its digest."""

    name: str
    digest: str
    as_of: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a renderer may show."""

    as_of: datetime
    base: str  # as a person reads it, e.g. a short commit id, "HEAD"
    head: str
    judge: str
    currency: str
    rate_card: Source
    usage: Source | None
    policy: Source
    scope: Literal["changed", "all"]
    delta: Delta
    decision: Decision
    changed_judges: tuple[ChangedJudge, ...] = ()
    notes: tuple[str, ...] = ()  # for people: shipped defaults in use, a removed deployment keeps running, …
    resolver: str = "static"
    profile: UsageProfile | None = None
    judged: bool = True  # False for `diff` and `breakdown`: the outcome is shown, the exit code is 0
    creep: Mapping[str, Decimal] = field(default_factory=dict)  # window such as "30d" → increase since then
