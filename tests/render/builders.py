"""Builders for reports. The numbers are those of the scenario: a flow of 500 runs a month doubles its GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from costgate.model import (
    Approval,
    Band,
    Cause,
    Change,
    ChangedJudge,
    Component,
    ConfigSource,
    CostLine,
    Cover,
    Decision,
    Delta,
    DeploymentDelta,
    DeploymentKey,
    Driver,
    Estimate,
    Flow,
    Foreach,
    Input,
    Known,
    Location,
    Node,
    NotBilled,
    Outcome,
    Owner,
    Quote,
    Rate,
    RateCard,
    Report,
    RequiredApproval,
    Schedule,
    Source,
    Status,
    Step,
    StepEstimate,
    StepResources,
    Tier,
    Unpriced,
    Unresolved,
    Violation,
)
from costgate.units import Interval, decimal

D = Decimal
ZERO = Interval.exact(D(0))
AMORTISATION = D(120000) / 36 / 730
POWER = D("6.5") * D("1.4") * D("0.08")
NODE_HOUR = AMORTISATION + POWER + D("0.25")
GPU_HOUR = NODE_HOUR / 8
GUESS = Band(low=0.25, bias=1, high=4, bucket="cold_start", n=0, calibrated=False)
LEARNED = Band(low=0.8, bias=1.1, high=1.5, bucket="has_history", n=24, calibrated=True)
EXACT = Band(low=1, bias=1, high=1, bucket="has_history", n=24, calibrated=True)
CARD_PATH = "finance/ratecard.yml"
HEAD = "def5678" + "0" * 33
MUCH = Interval.exact(1.0)


def at(path: str, line: int, column: int = 1) -> Location:
    return Location(path=path, line=line, column=column)


def known(value: Any, *places: Location) -> Known:
    return Known(value=value, chain=places)


def tier(**changes: Any) -> Tier:
    def part(name: str, amount: Decimal, formula: str, line: int) -> Component:
        return Component(name=name, amount=amount, formula=formula, location=at(CARD_PATH, line))

    missing = Component(name="staff", amount=D(0), formula="staff_per_hour is not given", location=None, missing=True)
    found = Tier(
        name="a100",
        node=Node(gpus=D(8), gpu_model="A100-80GB", cpus=D(96), memory_gib=D(1152)),
        node_hour=Interval.exact(NODE_HOUR),
        components=(
            part("amortisation", AMORTISATION, "120,000 ÷ (36 × 730)", 9),
            part("power", POWER, "6.5 kW × 1.4 × 0.08", 11),
            part("facility", D("0.25"), "0.25 an hour", 14),
            missing,
        ),
        location=at(CARD_PATH, 6),
    )
    return replace(found, **changes)


def card(*tiers: Tier) -> RateCard:
    return RateCard(
        name="acme-2026q4",
        currency="USD",
        as_of=date(2026, 10, 1),
        digest="sha256:" + "c0ffee" * 10,
        tiers={item.name: item for item in tiers or (tier(),)},
    )


def gpu_rate(count: float, price: Decimal = GPU_HOUR) -> Rate:
    return Rate(sku="a100 GPU-hour", unit="GPU-Hours", quantity=decimal(count), unit_price=Interval.exact(price))


def quote(*rates: Rate, **changes: Any) -> Quote:
    found = Quote(
        tier="a100",
        how=f"node_selector pool=a100 ({CARD_PATH}:16)",
        rates=rates,
        location=at(CARD_PATH, 6),
    )
    return replace(found, **changes)


def declared(value: float, line: int | None = None) -> Input:
    return Input(value=Interval.exact(value), source="declared", location=at("costgate.yml", line) if line else None)


def metered(value: float, n: int = 41) -> Input:
    return Input(
        value=Interval.exact(value),
        source="metered",
        detail=f"{n} attempts up to 2026-11-20",
        n=n,
        as_of=date(2026, 11, 20),
        location=at(".costgate/usage.json", 31),
    )


def assumed(value: float, detail: str, line: int | None = None) -> Input:
    location = at("costgate.yml", line) if line else None
    return Input(value=Interval.exact(value), source="assumption", detail=detail, assumed=True, location=location)


def inputs(runs: float = 500, hours: float = 2, tasks: float = 1) -> dict[str, Input]:
    return {
        "runs": declared(runs, 12),
        "tasks": Input(value=Interval.exact(tasks), source="static width"),
        "attempts": Input(value=MUCH, source="metered", detail="none failed", n=41),
        "duration_s": declared(hours * 3600, 13),
        "overhead_s": Input(value=Interval.exact(0.0), source="metered", n=41),
    }


def side(gpu: Any = 4, *, step: str = "train", band: Band = GUESS, **changes: Any) -> StepEstimate:
    """A step of `gpu` GPUs on a100; `rates`, `inputs`, `resources` and the rest may be given."""
    given = changes.pop("inputs", inputs())
    resources = StepResources(
        compute="kubernetes",
        gpu=known(gpu, at("flows/train.py", 13), at("configs/prod.json", 3)),
        cpu=known(1),
        memory_mb=known(4096),
        node_selector=known({"pool": "a100"}, at("flows/train.py", 13)),
    )
    price = changes.pop("quote", quote(gpu_rate(gpu)) if isinstance(gpu, (int, float)) else None)
    hours = D(1)
    for name in ("runs", "tasks", "attempts"):
        hours *= decimal(given[name].value.expected)
    hours *= decimal(given["duration_s"].value.expected + given["overhead_s"].value.expected) / 3600
    lines = tuple(
        CostLine(
            step=step,
            sku=found.sku,
            pricing_quantity=hours * found.quantity,
            pricing_unit=found.unit,
            list_unit_price=found.unit_price.expected,
            list_cost=hours * found.quantity * found.unit_price.expected,
        )
        for found in (price.rates if isinstance(price, Quote) else ())
    )
    raw = sum((line.list_cost for line in lines), D(0))
    found = StepEstimate(
        step=step,
        resources=resources,
        quote=price,
        inputs=given,
        lines=lines,
        monthly=Interval(low=raw * decimal(band.low), expected=raw * decimal(band.bias), high=raw * decimal(band.high)),
        raw_monthly=raw,
    )
    return replace(found, **changes)


def local(step: str = "start") -> StepEstimate:
    return side(0, step=step, quote=NotBilled(reason="local"), resources=StepResources(compute="local"))


def unpriced(step: str = "load", deployment: str = "EtlFlow", **changes: Any) -> Unpriced:
    found = Unpriced(
        deployment=deployment,
        step=step,
        reason="memory is unknown: `os.environ['MEM']`: an environment variable without a default",
        location=at("flows/etl.py", 31, 5),
        help="give it a default, or set the attribute in a config",
    )
    return replace(found, **changes)


def estimate(*steps: StepEstimate, name: str = "TrainFlow", band: Band = GUESS, **changes: Any) -> Estimate:
    total = sum((found.monthly for found in steps), ZERO)
    runs = steps[0].inputs["runs"] if steps else declared(500)
    found = Estimate(
        key=DeploymentKey(flow=name),
        name=name,
        file="flows/train.py",
        owner=Owner(team="reco"),
        runs=runs,
        steps=steps,
        monthly=total,
        raw_monthly=sum((found.raw_monthly for found in steps), D(0)),
        cost_per_run=total.expected / decimal(runs.value.expected or 1),
        band=band,
        unpriced=tuple(found.quote for found in steps if isinstance(found.quote, Unpriced)),
    )
    return replace(found, **changes)


def change(base: StepEstimate | None, head: StepEstimate | None, cause: Cause = "gpu") -> Change:
    found = head or base
    assert found is not None
    before, after = (item.monthly if item else ZERO for item in (base, head))
    expected = after.expected - before.expected
    bounds = sorted((after.low - before.low, after.high - before.high))
    low = D(0) if cause == "gpu" and expected > 0 else bounds[0]
    if any(item and isinstance(item.quote, Unpriced) for item in (base, head)):
        low, expected, bounds = D(0), D(0), [D(0), D(0)]  # what has no number on one side is not subtracted
    return Change(
        step=found.step,
        status=_status(base, head),
        base=base,
        head=head,
        drivers=(Driver(cause=cause, amount=expected),) if expected else (),
        delta=Interval(low=low, expected=expected, high=bounds[1]),
    )


def _status(base: object, head: object) -> Status:
    if base is None or head is None:
        return "removed" if base else "new"
    return "unchanged" if base == head else "changed"


def deployment(*changes: Change, name: str = "TrainFlow", band: Band = GUESS, **more: Any) -> DeploymentDelta:
    sides = [tuple(getattr(item, which) for item in changes if getattr(item, which)) for which in ("base", "head")]
    base, head = (estimate(*steps, name=name, band=band) if steps else None for steps in sides)
    is_same = all(item.status == "unchanged" for item in changes)
    status: Status = "new" if base is None else "removed" if head is None else "unchanged" if is_same else "changed"
    found = DeploymentDelta(
        key=DeploymentKey(flow=name),
        name=name,
        flow=name,
        file="flows/train.py",
        status=status,
        owner=Owner(team="reco"),
        base=base,
        head=head,
        changes=changes,
        delta=sum((item.delta for item in changes), ZERO),
    )
    return replace(found, **more)


def delta(*deployments: DeploymentDelta, gaps: Sequence[Unpriced] = (), standing: Sequence[Unpriced] = ()) -> Delta:
    return Delta(
        deployments=deployments,
        delta=sum((item.delta for item in deployments), ZERO),
        base_monthly=sum((item.base.monthly.expected for item in deployments if item.base), D(0)),
        head_monthly=sum((item.head.monthly.expected for item in deployments if item.head), D(0)),
        increase=sum((item.delta for item in deployments if item.delta.expected > 0), ZERO),
        unpriced=tuple(gaps),
        standing_unpriced=tuple(standing),
    )


def decision(outcome: Outcome = "pass", *violations: Violation, **more: Any) -> Decision:
    return Decision(outcome=outcome, violations=violations, **more)


def report(found: Delta, verdict: Decision | None = None, **changes: Any) -> Report:
    made = Report(
        as_of=datetime(2026, 11, 23, 12, tzinfo=timezone.utc),
        base="9f8e7d6" + "0" * 33,
        head=HEAD,
        judge="main",
        currency="USD",
        rate_card=Source(name="acme-2026q4", digest="sha256:c0ffee", as_of="2026-10-01", path=CARD_PATH),
        usage=Source(
            name=".costgate/usage.json", digest="sha256:0ddba11", as_of="2026-11-20", path=".costgate/usage.json"
        ),
        policy=Source(name="policies/ml.yml", digest="sha256:facade"),
        scope="changed",
        delta=found,
        decision=verdict or decision(),
    )
    return replace(made, **changes)


def doubled() -> DeploymentDelta:
    """gpu 4 → 8: $2,772 → $5,544."""
    ends = [change(local(name), local(name)) for name in ("start", "end")]
    return deployment(ends[0], change(side(4), side(8)), ends[1])


def dear(actual: str = "2772.105", /, **changes: Any) -> Violation:
    found = Violation(
        id="max-monthly-increase",
        rule="max-monthly-increase",
        action="require-approval",
        message="the change adds $2,772 a month, more than $2,000",
        actual=D(actual),
        limit=D(2000),
        per="pull-request",
        scope={},
        location=at("configs/prod.json", 3, 12),
        help="ask for fewer GPUs, or have it approved",
        approval="finance",
    )
    return replace(found, **changes)


def need(**changes: Any) -> RequiredApproval:
    found = RequiredApproval(
        name="finance",
        label="finance-approved",
        users=("fiona", "paul"),
        teams=("acme/finance",),
        count=1,
        notify="@acme/finance",
        violations=("max-monthly-increase",),
        given=False,
    )
    return replace(found, **changes)


def approval(**changes: Any) -> Approval:
    found = Approval(
        name="finance",
        by="fiona",
        id=4711,
        at=datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc),
        head=HEAD,
        covers=(Cover(rule="max-monthly-increase", scope={}, ceiling=D("2772.105")),),
        reason="budget FIN-812",
    )
    return replace(found, **changes)


def passes() -> Report:
    return report(delta(doubled()))


def needs_approval() -> Report:
    return report(delta(doubled()), decision("approval-required", dear(), required_approvals=(need(),)))


def approved() -> Report:
    given = need(given=True)
    verdict = decision("approved", dear(), required_approvals=(given,), approvals=(approval(),))
    return report(delta(doubled()), verdict)


def warns() -> Report:
    share = dear(
        "100", id="max-monthly-increase-percent", rule="max-monthly-increase-percent", action="warn", limit=D(20),
        message="the deployment TrainFlow costs 100 % more", per="deployment", scope={"deployment": "TrainFlow"},
        approval=None, help="",
    )  # fmt: skip
    judges = (ChangedJudge(path="finance/ratecard.yml", outcome_with_it="pass"),)
    return report(delta(doubled()), decision("warn", share), changed_judges=judges)


def added() -> Report:
    """A new deployment that rests on assumptions, with a bias."""
    given = {
        **inputs(30, 1, 10),
        "runs": assumed(30, "no history", 7),
        "tasks": assumed(10, "width 10 assumed: self.files is not known", 8),
    }
    texts = ("runs a month: no history", "tasks a run: width 10 assumed: self.files is not known")
    found = side(1, step="batch", inputs=given, band=LEARNED, assumptions=texts)
    return report(delta(deployment(change(None, found, "new"), name="ScoreFlow", band=LEARNED)))


def removed() -> Report:
    note = "TrainFlow: removed; Metaflow leaves it running until it is undeployed, so it offsets nothing"
    return report(delta(deployment(change(side(4), None, "removed"))), notes=(note,))


def incomplete() -> Report:
    gap = unpriced()
    head = side(0, step="load", quote=gap)
    etl = deployment(change(side(0.5, step="load"), head), name="EtlFlow")
    odd = unpriced(deployment="flows/odd.py", step="", reason="the file is not Python: invalid syntax", help="")
    blocked = dear(
        "2", id="no-unpriced", rule="no-unpriced", action="block", message="2 steps have no price", limit=None,
        location=at("flows/etl.py", 31), approval=None, help="",
    )  # fmt: skip
    broken = replace(odd, step=None, location=at("flows/odd.py", 4))
    found = delta(doubled(), etl, gaps=(gap, broken), standing=(unpriced(step="old"),))
    return report(found, decision("incomplete", blocked))


def many(count: int = 14) -> Report:
    def one(number: int) -> DeploymentDelta:
        given = inputs(runs=10 + number)
        return deployment(change(side(1, inputs=given), side(2, inputs=given)), name=f"Flow{number:04d}", band=GUESS)

    return report(delta(*(one(number) for number in range(count))))


def unchanged() -> Report:
    return report(delta())


HOSTILE = (
    "<img src=x onerror=alert(1)> @everyone `code` [link](https://evil.example) ![i](http://e.example/i.png)\n"
    "::error::owned\r\n# heading | cell \u202egnp.exe\u200b \x1b[31mred www.evil.example #12 GH-7 $x$ :tada: \udcff"
)


def hostile() -> Report:
    """The same evil text wherever a pull request can put one."""
    evil = HOSTILE
    place = at(evil, 3)
    resources = StepResources(compute="kubernetes", gpu=known(8, place), queue=known(evil, place))
    head = side(8, step=evil, resources=resources, assumptions=(evil,))
    gap = unpriced(deployment=evil, step=evil, reason=evil, location=place, help=evil)
    found = deployment(change(side(4, step=evil), head), name=evil)
    violation = dear(message=evil, help=evil, location=place, scope={"deployment": evil})
    waived = dear(id=evil, waived_until=date(2026, 12, 31), waiver_reason=evil)
    verdict = decision(
        "approval-required", violation, waived,
        required_approvals=(need(notify=evil, users=(evil,), teams=(evil,), label=evil, name=evil),),
        approvals=(approval(by=evil, reason=evil), approval(by=evil, valid=False, why=evil)),
    )  # fmt: skip
    return report(
        delta(replace(found, file=evil), gaps=(gap,), standing=(gap,)), verdict,
        base=evil, head=evil, judge=evil, notes=(evil,), resolver=evil,
        changed_judges=(ChangedJudge(path=evil, outcome_with_it=evil),), creep={evil: D(12)},
    )  # fmt: skip


def informational() -> Report:
    return replace(needs_approval(), judged=False)


REPORTS = {
    "pass": passes,
    "approval_required": needs_approval,
    "approved": approved,
    "warn": warns,
    "new": added,
    "removed": removed,
    "incomplete": incomplete,
    "many": many,
    "unchanged": unchanged,
    "hostile": hostile,
    "informational": informational,
}


def spot_tier() -> Tier:
    """A cloud tier bought on the spot market, on-demand price known."""
    spot = Component(
        name="spot price", amount=D("1.46"), formula="usually, between 1.41 and 12.24", location=at(CARD_PATH, 30)
    )
    return tier(
        name="aws/us-east-1/p3.8xlarge",
        node=Node(gpus=D(4), cpus=D(32), memory_gib=D(244)),
        node_hour=Interval(low=D("1.41"), expected=D("1.46"), high=D("12.24")),
        components=(spot,),
        location=at(CARD_PATH, 28),
        provider="aws",
        on_demand=D("12.24"),
    )


def spot_side(step: str = "score", band: Band = GUESS) -> StepEstimate:
    """One V100 on the spot market."""

    def v100(price: str) -> Rate:
        unit_price = Interval.exact(D(price))
        return Rate(sku="aws/us-east-1/p3.8xlarge GPU-hour", unit="GPU-Hours", quantity=D(1), unit_price=unit_price)

    price = quote(
        v100("0.365"),
        tier="aws/us-east-1/p3.8xlarge",
        how="the cheapest type that fits",
        on_demand_rates=(v100("3.06"),),
        spot_rates=(v100("0.365"),),
    )
    return side(1, step=step, quote=price, inputs=inputs(100, 1), band=band)


def deployed() -> Report:
    """What `costgate breakdown` shows: head alone, nothing judged."""
    guessed = {**inputs(30, 1), "duration_s": assumed(3600, "1h for a GPU step, no measured duration", 7)}
    guess = side(1, step="fit", inputs=guessed, assumptions=("duration: 1h for a GPU step, no measured duration",))
    gap = unpriced()
    load = side(0, step="load", quote=gap, inputs=inputs(0, 1))
    ends = (local("start"), local("end"))
    items = [
        ("TrainFlow", (ends[0], side(4), ends[1])),
        ("ScoreFlow", (spot_side(),)),
        ("FitFlow", (guess,)),
        ("EtlFlow", (load,)),
        ("MixFlow", (side(0.5, inputs=inputs(20, 1)), replace(load, inputs=inputs(20, 1)))),
    ]
    deployments = [
        deployment(*(change(step, step) for step in steps), name=name) for name, steps in items
    ]  # fmt: skip
    return report(
        delta(*deployments, standing=(gap, replace(gap, deployment="MixFlow"))),
        scope="all",
        judged=False,
        head="main",
        notes=("prices are list prices of the shipped card aws; set rate_card to use your own",),
    )


def flow(**changes: Any) -> Flow:
    """A resolved flow with a bit of everything."""
    here = at("flows/train.py", 9)
    open_ = Unresolved(
        expression="os.environ['GPUS']", reason="an environment variable without a default", location=here
    )
    train = StepResources(
        compute="kubernetes",
        cpu=known(8, at("flows/train.py", 14)),
        gpu=known(4.0, at("flows/train.py", 14), at("configs/prod.json", 3)),
        memory_mb=known(64000),
        disk_mb=known(10240),
        node_selector=known({"pool": "a100"}),
        retry_times=known(3),
        timeout_s=known(7200),
    )
    found = Flow(
        name="TrainFlow",
        file="flows/train.py",
        location=at("flows/train.py", 6, 7),
        project=known("ranker"),
        schedule=Schedule(cron="0 6 * * *", timezone="Europe/Berlin", runs_per_month=30.4167, location=here),
        steps=(
            Step(
                name="start", location=here, decorators=(), resources=StepResources(compute="local"), next=("train",),
                foreach=Foreach(artifact="shards", width=known(40)),
            ),
            Step(
                name="train", location=at("flows/train.py", 15), decorators=(), resources=train, next=("join",),
                num_parallel=known(2),
            ),
            Step(
                name="join", location=at("flows/train.py", 20), decorators=(), next=("end",),
                resources=StepResources(compute="batch", gpu=open_, queue=known("none-of-ours")),
                foreach=Foreach(artifact="files", width=open_), num_parallel=open_,
            ),
            Step(
                name="end", location=at("flows/train.py", 25), decorators=(), next=(),
                resources=StepResources(compute="local", touched_by=open_),
            ),
        ),
        configs=(
            ConfigSource(name="config", source="default", path="configs/prod.json", digest="c0ffee"),
            ConfigSource(name="tuning", source="value", path=None, digest=None),
        ),
    )  # fmt: skip
    return replace(found, **changes)
