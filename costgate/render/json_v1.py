"""Report v1: the frozen JSON form of a report. It only ever grows, together with schemas/report.schema.json.

Money is a decimal string in plain notation with every digit; other numbers are numbers; what is unknown is null.
Output is ASCII, so that no name in it can upset a terminal or a decoder.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, TypeAlias

from costgate.model import (
    Approval,
    Band,
    Change,
    CostLine,
    Decision,
    DeploymentDelta,
    Estimate,
    Input,
    Known,
    Location,
    NotBilled,
    Quote,
    Report,
    RequiredApproval,
    Source,
    StepEstimate,
    StepResources,
    Unpriced,
    Unresolved,
    Value,
    Violation,
)
from costgate.render.words import bands

RESOURCES = (
    "cpu", "gpu", "memory_mb", "disk_mb", "shared_memory_mb", "trainium", "inferentia", "queue", "node_selector",
    "compute_pool", "gpu_vendor", "instance_type", "retry_times", "timeout_s",
)  # fmt: skip
OPTIONAL = ("extended_resources", "persistent_volume_claims")  # written where a step has them
INPUTS = ("runs", "tasks", "attempts", "duration_s", "overhead_s")
LARGEST = 2**53  # integers beyond it are not exact in JSON as most programs read it
# Escapes in JSON text: of a backslash, of a character by its two surrogates, of a surrogate alone (no Unicode text).
ESCAPES = re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|(?P<lone>\\ud[89a-f]..)")
Json: TypeAlias = dict[str, Any]


def render(report: Report, *, color: bool = False, width: int = 100) -> str:
    """Report v1 as text: sorted keys, indented, newline at the end."""
    return dump(_report(report))


def report(report: Report) -> Json:
    """Report v1 as data."""
    return _report(report)


def dump(data: Json) -> str:
    """Sorted, indented, ASCII. A byte of a file name that is no UTF-8 becomes the text `\\udc..`, as elsewhere."""
    text = json.dumps(data, sort_keys=True, indent=2, allow_nan=False)
    return ESCAPES.sub(lambda found: "\\" + found[0] if found["lone"] else found[0], text) + "\n"


def _report(report: Report) -> Json:
    calibrated = next((band for band in bands(report) if band.calibrated), None)
    return {
        "version": 1,
        "as_of": moment(report.as_of),
        "base": report.base,
        "head": report.head,
        "judge": report.judge,
        "currency": report.currency,
        "resolver": report.resolver,
        "judged": report.judged,
        "rate_card": _source(report.rate_card),
        "usage": _source(report.usage) if report.usage else None,
        "policy": {"name": report.policy.name, "digest": report.policy.digest},
        "calibration": _calibration(calibrated) if calibrated else None,
        "totals": _totals(report),
        "deployments": [_deployment(item) for item in sorted(report.delta.deployments, key=lambda item: item.key)],
        "unpriced": _gaps(report.delta.unpriced),
        "standing_unpriced": _gaps(report.delta.standing_unpriced),
        **_decision(report.decision),
        "changed_judges": [asdict(judge) for judge in report.changed_judges],
        "creep": {window: money(amount) for window, amount in report.creep.items()},
        "notes": list(report.notes),
    }


def money(amount: Decimal) -> str:
    """All digits, no exponent, no zeros at the end: `2772.105`."""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def number(value: float | Decimal) -> int | float | None:
    """A JSON number; whole ones without a point, null for what JSON cannot hold."""
    if isinstance(value, int) and abs(value) < LARGEST:
        return int(value)
    as_float = _float(value)
    if not math.isfinite(as_float):
        return None
    return int(as_float) if as_float.is_integer() and abs(as_float) < LARGEST else as_float


def plain(value: Any) -> Any:
    """A resolved value as JSON; what is no JSON is its text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float, Decimal)):
        return number(value)
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)


def resources(found: StepResources) -> Json:
    """Every resource attribute; null where Metaflow has none or where it is unresolved. OPTIONAL ones where set."""
    return {
        "compute": None if found.touched_by else found.compute,
        **{name: None if found.touched_by else _resource(getattr(found, name)) for name in attributes(found)},
    }


def attributes(found: StepResources) -> tuple[str, ...]:
    """Names of the resource attributes that are written of a step."""
    values = {} if found.touched_by else {name: getattr(found, name) for name in OPTIONAL}
    return (*RESOURCES, *(name for name, value in values.items() if isinstance(value, Unresolved) or value.value))


def _resource(value: Value) -> Any:
    return plain(value.value) if isinstance(value, Known) else None


def unresolved(found: StepResources) -> list[Json]:
    """What is open about a step's resources; `*` where a mutator may have changed anything."""
    if found.touched_by:
        return [gap("*", found.touched_by)]
    values = ((name, getattr(found, name)) for name in attributes(found))
    return [gap(name, value) for name, value in values if isinstance(value, Unresolved)]


def gap(attribute: str, value: Unresolved) -> Json:
    """One unresolved attribute: what stands there, why it is open, and where."""
    return {
        "attribute": attribute,
        "expression": value.expression,
        "reason": value.reason,
        "location": value.location.short,
    }


def moment(when: datetime) -> str:
    """RFC 3339 in UTC."""
    return when.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _float(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _source(source: Source) -> Json:
    return {"name": source.name, "as_of": source.as_of, "digest": source.digest, "path": source.path}


def _calibration(band: Band) -> Json:
    return {
        "bucket": band.bucket,
        "n": band.n,
        "bias": number(band.bias),
        "low": number(band.low),
        "high": number(band.high),
    }


def _totals(report: Report) -> Json:
    delta = report.delta
    return {
        "scope": report.scope,
        "base_monthly": money(delta.base_monthly),
        "head_monthly": money(delta.head_monthly),
        "delta_monthly": money(delta.delta.expected),
        "delta_low": money(delta.delta.low),
        "delta_high": money(delta.delta.high),
        "increase_monthly": money(delta.increase.expected),
        "unpriced_count": len(delta.unpriced) + (len(delta.standing_unpriced) if report.scope == "all" else 0),
    }


def _deployment(item: DeploymentDelta) -> Json:
    base, head = item.base, item.head
    found = head or base
    return {
        "key": asdict(item.key),
        "name": item.name,
        "flow": item.flow,
        "file": item.file,
        "status": item.status,
        "owner": asdict(item.owner),
        "base_monthly": money(base.monthly.expected) if base else None,
        "head_monthly": money(head.monthly.expected) if head else None,
        "delta_monthly": money(item.delta.expected),
        "delta_low": money(item.delta.low),
        "delta_high": money(item.delta.high),
        "cost_per_run": {"base": _per_run(base), "head": _per_run(head)},
        "band": {**_calibration(found.band), "calibrated": found.band.calibrated} if found else None,
        "steps": [_change(change) for change in item.changes],
    }


def _per_run(estimate: Estimate | None) -> str | None:
    return money(estimate.cost_per_run) if estimate else None


def _change(change: Change) -> Json:
    return {
        "step": change.step,
        "status": change.status,
        "base": _side(change.base) if change.base else None,
        "head": _side(change.head) if change.head else None,
        "delta_monthly": money(change.delta.expected),
        "drivers": [{"cause": driver.cause, "amount": money(driver.amount)} for driver in change.drivers],
    }


def _side(side: StepEstimate) -> Json:
    is_priced = not isinstance(side.quote, Unpriced)
    return {
        **resources(side.resources),
        **_price(side.quote),
        "inputs": {name: _input(side.inputs[name]) for name in INPUTS if name in side.inputs},
        "lines": [_line(line) for line in side.lines],
        "monthly": money(side.monthly.expected) if is_priced else None,
        "low": money(side.monthly.low) if is_priced else None,
        "high": money(side.monthly.high) if is_priced else None,
        "raw_monthly": money(side.raw_monthly) if is_priced else None,
        "locations": _locations(side.resources),
        "unresolved": unresolved(side.resources),
        "assumptions": list(side.assumptions),
    }


def _price(quote: Quote | NotBilled | Unpriced) -> Json:
    if isinstance(quote, Quote):
        return {"billing": "priced", "tier": quote.tier, "tier_reason": quote.how}
    billing = "unpriced" if isinstance(quote, Unpriced) else "not-billed"
    return {"billing": billing, "tier": None, "tier_reason": quote.reason}


def _input(found: Input) -> Json:
    return {
        "low": number(found.value.low),
        "expected": number(found.value.expected),
        "high": number(found.value.high),
        "source": found.source,
        "detail": found.detail,
        "n": found.n,
        "as_of": day(found.as_of),
        "location": place(found.location),
        "assumed": found.assumed,
    }


def _line(line: CostLine) -> Json:
    return {
        "sku": line.sku,
        "quantity": number(line.pricing_quantity),
        "unit": line.pricing_unit,
        "unit_price": money(line.list_unit_price),
        "cost": money(line.list_cost),
    }


def _locations(found: StepResources) -> Json:
    values = ((name, getattr(found, name)) for name in attributes(found))
    return {name: value.chain[-1].short for name, value in values if isinstance(value, Known) and value.chain}


def _gaps(found: tuple[Unpriced, ...]) -> list[Json]:
    return [
        {
            "deployment": gap.deployment,
            "step": gap.step,
            "reason": gap.reason,
            "location": gap.location.short,
            "help": gap.help,
        }
        for gap in sorted(found, key=lambda gap: (gap.deployment, gap.step or "", str(gap.location), gap.reason))
    ]


def _decision(decision: Decision) -> Json:
    return {
        "outcome": decision.outcome,
        "violations": [_violation(violation) for violation in decision.violations],
        "required_approvals": [_required(need) for need in decision.required_approvals],
        "approvals": [_approval(approval) for approval in decision.approvals],
    }


def _violation(violation: Violation) -> Json:
    return {
        "id": violation.id,
        "rule": violation.rule,
        "action": violation.action,
        "message": violation.message,
        "actual": _maybe(violation.actual),
        "limit": _maybe(violation.limit),
        "per": violation.per,
        "scope": dict(violation.scope),
        "location": place(violation.location),
        "help": violation.help,
        "approval": violation.approval,
        "waived_until": day(violation.waived_until),
        "waiver_reason": violation.waiver_reason,
    }


def _required(need: RequiredApproval) -> Json:
    lists = {"users": list(need.users), "teams": list(need.teams), "violations": list(need.violations)}
    return {
        "name": need.name,
        "label": need.label,
        "count": need.count,
        "notify": need.notify,
        "given": need.given,
        **lists,
    }


def _approval(approval: Approval) -> Json:
    return {
        "name": approval.name,
        "by": approval.by,
        "id": approval.id,
        "at": moment(approval.at),
        "head": approval.head,
        "covers": [
            {"rule": cover.rule, "scope": dict(cover.scope), "ceiling": _maybe(cover.ceiling)}
            for cover in approval.covers
        ],
        "reason": approval.reason,
        "valid": approval.valid,
        "why": approval.why,
    }


def _maybe(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)


def place(location: Location | None) -> str | None:
    """`path:line`, or null."""
    return location.short if location else None


def day(when: date | None) -> str | None:
    """An ISO date, or null."""
    return when.isoformat() if when else None
