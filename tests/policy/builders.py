"""Small estimates, deltas, policies and facts: only what a rule looks at has to be said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from costgate.model import (
    Approval,
    Band,
    Change,
    Cover,
    Decision,
    Delta,
    DeploymentDelta,
    DeploymentKey,
    Driver,
    Estimate,
    Input,
    Known,
    Location,
    NotBilled,
    Owner,
    Quote,
    RateCard,
    StepEstimate,
    StepResources,
    Unpriced,
    Unresolved,
    UsageProfile,
    Violation,
)
from costgate.policy.decide import Facts, decide
from costgate.policy.load import Policy, load
from costgate.units import Interval
from tests.support import dedent

AS_OF = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
HEAD = "a" * 40
OTHER_HEAD = "b" * 40
PLACE = Location(path="flows/train.py", line=7, column=5)
CALIBRATED = Band(low=0.5, bias=1.0, high=2.0, bucket="all", n=20, calibrated=True)
UNCALIBRATED = Band(low=0.25, bias=1.0, high=4.0, bucket="all", n=0, calibrated=False)
CARD = RateCard(name="acme", currency="USD", as_of=date(2026, 11, 1), digest="c", tiers={})
PRICED = Quote(tier="a100", how="queue", rates=(), location=Location(path="finance/ratecard.yml", line=9))
ASSUMED_PRICE = Quote(tier="a100", how="fit", rates=(), assumptions=("cheapest fitting type",), location=PLACE)
NO_PRICE = Unpriced(deployment="Train", step="fit", reason="gpu comes from `cfg.gpus`", location=PLACE)
LOCAL = NotBilled(reason="local")
UNKNOWN = Unresolved(expression="cfg.gpus", reason="unknown", location=PLACE)


def known(value: Any, line: int = 7) -> Known:
    """A value written in a config."""
    return Known(value=value, chain=(PLACE, Location(path="configs/prod.json", line=line, column=3)))


def read(value: float, *, assumed: bool = False, location: Location | None = None) -> Input:
    return Input(value=Interval.exact(value), source="declared", assumed=assumed, location=location)


def band_of(amount: int | str, band: Band) -> Interval[Decimal]:
    """An amount with the bounds of the band, sorted."""
    bounds = sorted(Decimal(amount) * Decimal(str(factor)) for factor in (band.low, band.high))
    return Interval(low=bounds[0], expected=Decimal(amount), high=bounds[1])


def step(
    name: str = "fit",
    *,
    compute: str = "kubernetes",
    quote: Quote | NotBilled | Unpriced = PRICED,
    inputs: Mapping[str, Input] | None = None,
    util: tuple[float, int] | None = None,
    **resources: Any,
) -> StepEstimate:
    return StepEstimate(
        step=name,
        resources=StepResources(compute=compute, **resources),
        quote=quote,
        inputs=inputs or {},
        lines=(),
        monthly=Interval.exact(Decimal(0)),
        raw_monthly=Decimal(0),
        gpu_util=util,
    )


def estimate(
    monthly: int | str = 0,
    *steps: StepEstimate,
    name: str = "Train",
    flow: str | None = None,
    project: str = "",
    branch: str = "",
    team: str | None = "reco",
    per_run: int | str = 0,
    experiment: tuple[str, int] | None = None,
    band: Band = CALIBRATED,
) -> Estimate:
    return Estimate(
        key=DeploymentKey(flow=flow or name, project=project, branch=branch),
        name=name,
        file="flows/train.py",
        owner=Owner(team=team),
        runs=read(1),
        steps=steps,
        monthly=band_of(monthly, band),
        raw_monthly=Decimal(monthly),
        cost_per_run=Decimal(per_run),
        band=band,
        experiment=experiment,
    )


def between(
    base: Estimate | None, head: Estimate | None, drivers: tuple[Driver, ...] = (), *, status: str = ""
) -> DeploymentDelta:
    """A deployment on both sides; all of its change is its first step's."""
    shown = head or base
    assert shown
    amount = (head.monthly.expected if head else Decimal(0)) - (base.monthly.expected if base else Decimal(0))
    told = "removed" if head is None else "new" if base is None else "unchanged" if base == head else "changed"
    moved = band_of(str(amount), shown.band)
    before, after = ({each.step: each for each in side.steps} if side else {} for side in (base, head))
    first = min({**before, **after}, default=None)
    changes = () if first is None else (
        Change(
            step=first, status="changed", base=before.get(first), head=after.get(first), drivers=drivers, delta=moved
        ),
    )  # fmt: skip
    return DeploymentDelta(
        key=shown.key,
        name=shown.name,
        flow=shown.key.flow,
        file=shown.file,
        status=status or told,  # type: ignore[arg-type]
        owner=shown.owner,
        base=base,
        head=head,
        changes=changes,
        delta=moved,
    )


def steps(base: Any, head: Any, **options: Any) -> DeploymentDelta:
    """A deployment whose step changes; None on the left: the step is new in a deployment that was there."""
    before, after = (() if each is None else (each,) for each in (base, head))
    return between(estimate(10, *before, **options), estimate(10, *after, **options), status="changed")


def gpus(base: Any, head: Any, **options: Any) -> DeploymentDelta:
    return steps(step(gpu=known(base), **options), step(gpu=known(head), **options))


def assumed(*names: str) -> dict[str, Input]:
    every = ("runs", "tasks", "attempts", "duration_s", "overhead_s")
    return {name: read(1, assumed=name in names, location=PLACE if name == "runs" else None) for name in every}


def rises(amount: int | str, *, base: int | str = 1000, **options: Any) -> DeploymentDelta:
    """A deployment that costs `amount` more than `base`; `base=0` makes it new."""
    before = estimate(base, **options) if Decimal(base) else None
    return between(before, estimate(str(Decimal(base) + Decimal(amount)), **options))


def delta(*items: DeploymentDelta, unpriced: tuple[Unpriced, ...] = ()) -> Delta:
    total = Interval.exact(Decimal(0))
    increase = Interval.exact(Decimal(0))
    for item in items:
        total, increase = total + item.delta, increase + item.delta.map(lambda amount: max(amount, Decimal(0)))
    return Delta(
        deployments=items,
        delta=total,
        base_monthly=sum((item.base.monthly.expected for item in items if item.base), Decimal(0)),
        head_monthly=sum((item.head.monthly.expected for item in items if item.head), Decimal(0)),
        increase=increase,
        unpriced=unpriced,
    )


def facts(*items: DeploymentDelta, unpriced: tuple[Unpriced, ...] = (), **others: Any) -> Facts:
    return Facts(
        **{
            "delta": delta(*items, unpriced=unpriced),
            "card": CARD,
            "usage": None,
            "as_of": AS_OF,
            "head": HEAD,
            **others,
        }
    )


def usage(as_of: datetime) -> UsageProfile:
    return UsageProfile(
        as_of=as_of, window_from=as_of, window_to=as_of, complete=(), deployments={}, path="usage.json", digest="u"
    )


def policy(text: str, **files: str) -> Policy:
    """The policy of `policy.yml`; others by name, `team` for `team.yml`."""
    content = {f"{name}.yml": dedent(text).encode() for name, text in {**files, "policy": text}.items()}
    return load("policy.yml", read=content.__getitem__)


def ruled(*rules: str) -> Policy:
    """A policy of these rules, written as flow mappings, with approvals finance and vp, quiet about the unpriced."""
    approvals = "{finance: {users: [fiona], teams: [acme/finance]}, vp: {users: [vera], satisfies: [finance]}}"
    quiet = [] if any("no-unpriced" in rule for rule in rules) else ["{rule: no-unpriced, action: notify}"]
    lines = "\n".join(f"  - {rule}" for rule in (*rules, *quiet))
    return policy(f"version: 1\ncurrency: USD\napprovals: {approvals}\nrules:\n{lines}\n")


def judge(rule: str, about: Facts) -> Decision:
    return decide(ruled(rule), about)


def fired(rule: str, about: Facts) -> list[Violation]:
    name = rule.split(",")[0].removeprefix("{rule: ")
    return [each for each in judge(rule, about).violations if each.rule == name]


def approval(
    *covers: Cover, name: str = "finance", by: str = "fiona", id: int | None = 1, head: str = OTHER_HEAD, **others: Any
) -> Approval:
    at = others.pop("at", AS_OF)
    return Approval(name=name, by=by, id=id, at=at, head=head, covers=covers, **others)
