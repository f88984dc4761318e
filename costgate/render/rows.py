"""What a person looks at, row by row: one changed step, its money on both sides, what changed and on what ground.

Strings here are raw; whoever prints them escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from costgate.model import (
    Band,
    Change,
    DeploymentDelta,
    Driver,
    Estimate,
    Input,
    Known,
    Location,
    NotBilled,
    Report,
    Status,
    StepEstimate,
    Unpriced,
    Value,
)
from costgate.render import fmt

UNKNOWN: Final = "?"
ABSENT: Final = "–"
NOT_BILLED: Final = "not billed"
Cell: TypeAlias = Decimal | Literal["?", "–", "not billed"]

# Attribute of StepResources → how a table calls it and its unit.
ATTRIBUTES = {
    "gpu": ("gpu", ""),
    "trainium": ("trainium", ""),
    "inferentia": ("inferentia", ""),
    "cpu": ("cpu", ""),
    "memory_mb": ("memory", " MB"),
    "disk_mb": ("disk", " MB"),
    "shared_memory_mb": ("shared memory", " MB"),
    "instance_type": ("instance type", ""),
    "gpu_vendor": ("gpu vendor", ""),
    "queue": ("queue", ""),
    "compute_pool": ("compute pool", ""),
    "extended_resources": ("extended resources", ""),
    "persistent_volume_claims": ("volume claims", ""),
    "node_selector": ("node selector", ""),
    "retry_times": ("retries", ""),
    "timeout_s": ("timeout", ""),
}
INPUTS = {
    "runs": "runs/mo",
    "tasks": "tasks",
    "attempts": "attempts",
    "duration_s": "duration",
    "overhead_s": "overhead",
}
# Cause of a driver → where the value behind it may have been written.
BLAME = {
    "gpu": ("gpu", "extended_resources"),
    "accelerator": ("trainium", "inferentia"),
    "cpu": ("cpu",),
    "memory": ("memory_mb",),
    "storage": ("disk_mb",),
    "tier": ("node_selector", "queue", "compute_pool", "instance_type", "gpu_vendor"),
    "runs": ("runs",),
    "tasks": ("tasks",),
    "attempts": ("attempts",),
    "duration": ("duration_s",),
}
ANYWHERE = ("gpu", "trainium", "inferentia", "cpu", "memory_mb", "node_selector", "queue", "compute_pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table of changes."""

    name: str  # DEPLOYMENT/STEP, the form that `costgate explain` takes
    status: Status
    what: str
    now: Cell
    new: Cell
    delta: Cell
    basis: str
    base: StepEstimate | None = None
    head: StepEstimate | None = None
    bands: tuple[Band | None, Band | None] = (None, None)  # of the deployment's base and head
    location: Location | None = None
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One driver of one step, and the place to look at."""

    driver: Driver
    name: str
    what: str
    location: Location


def rows(report: Report) -> tuple[Row, ...]:
    """Changed steps that have a price, largest difference first."""
    found = [
        _row(deployment, change)
        for deployment in report.delta.deployments
        for change in deployment.changes
        if _is_priced(change) and (change.status != "unchanged" or change.delta.expected)
    ]
    found += [_unread(item, item.head) for item in report.delta.deployments if item.head and not item.changes]
    return tuple(sorted(found, key=lambda row: (-abs(_number(row.delta)), row.name)))


def _unread(deployment: DeploymentDelta, head: Estimate) -> Row:
    """A deployment that could not be read at base: what it costs now is known, what it cost before is not."""
    return Row(
        name=deployment.name,
        status=deployment.status,
        what="could not be read at base",
        now=UNKNOWN,
        new=head.monthly.expected,
        delta=UNKNOWN,
        basis="",
        location=Location(path=deployment.file),
    )


def not_priced(report: Report) -> tuple[Row, ...]:
    """What the delta cannot count, new or changed: shown as `?`, never as $0."""
    changes = {
        (deployment.name, change.step): change
        for deployment in report.delta.deployments
        for change in deployment.changes
    }
    gaps = sorted(report.delta.unpriced, key=lambda gap: (gap.deployment, gap.step or "", str(gap.location)))
    return tuple(_gap(gap, changes.get((gap.deployment, gap.step or ""))) for gap in gaps)


def _gap(gap: Unpriced, change: Change | None) -> Row:
    return Row(
        name=join(gap.deployment, gap.step),
        status=change.status if change else "changed",
        what=gap.reason,
        now=_cell(change.base) if change else UNKNOWN,
        new=UNKNOWN,
        delta=UNKNOWN,
        basis="",
        location=gap.location,
        help=gap.help,
    )


def not_billed(report: Report) -> tuple[str, ...]:
    """Steps of changed deployments that cost nothing by rule, as DEPLOYMENT/STEP."""
    return tuple(
        sorted(
            join(deployment.name, change.step)
            for deployment in report.delta.deployments
            if deployment.status != "unchanged"
            for change in deployment.changes
            if change.head and isinstance(change.head.quote, NotBilled)
        )
    )


def reasons(report: Report) -> tuple[Reason, ...]:
    """Every driver of every change, largest first."""
    found = [
        Reason(
            driver=driver,
            name=join(deployment.name, change.step),
            what=what(change),
            location=_blame(driver, change) or Location(path=deployment.file),
        )
        for deployment in report.delta.deployments
        for change in deployment.changes
        for driver in change.drivers
        if driver.amount
    ]
    return tuple(sorted(found, key=lambda reason: (-abs(reason.driver.amount), reason.name, reason.driver.cause)))


def join(deployment: str, step: str | None) -> str:
    """`DEPLOYMENT/STEP`, or the deployment alone."""
    return f"{deployment}/{step}" if step else deployment


def what(change: Change) -> str:
    """`gpu 4 → 8, memory 64,000 → 128,000 MB`; for a new step what it asks for."""
    base, head = change.base, change.head
    if head is None:
        return "removed"
    if base is None:
        return ", ".join(["new", *_asks(head)])
    return ", ".join(differences(base, head)) or "no visible difference"


def differences(base: StepEstimate, head: StepEstimate) -> Iterator[str]:
    """One phrase per resource, input or tier that differs."""
    moved = base.resources.compute != head.resources.compute
    if moved:
        yield f"compute {base.resources.compute} → {head.resources.compute}"
    for attribute, (label, unit) in ATTRIBUTES.items():
        before, after = (shown(attribute, getattr(side.resources, attribute)) for side in (base, head))
        if before != after and not (moved and _goes_without_saying(attribute, after)):
            yield f"{label} {before} → {after}{unit if _is_number(after) else ''}"
    for name, label in INPUTS.items():
        before, after = (_input(name, side.inputs) for side in (base, head))
        if before != after:
            yield f"{label} {before} → {after}"
    if tier(base) != tier(head) and NOT_BILLED not in (tier(base), tier(head)):  # that the money columns say
        yield f"tier {tier(base)} → {tier(head)}"


def _goes_without_saying(attribute: str, after: str) -> bool:
    """What another compute brings or takes by itself: its defaults, and resources that it does not know."""
    return after == "none" or attribute in ("disk_mb", "gpu_vendor")


def tier(side: StepEstimate) -> str:
    """The name of the tier; `?` or `not billed` where there is none."""
    if isinstance(side.quote, Unpriced):
        return UNKNOWN
    return NOT_BILLED if isinstance(side.quote, NotBilled) else side.quote.tier


def shown(attribute: str, value: Value) -> str:
    """A resource as a table shows it: `?` where it is unknown, `none` where Metaflow has none."""
    if not isinstance(value, Known):
        return UNKNOWN
    known = value.value
    if known is None:
        return "none"
    if isinstance(known, Mapping):
        return ",".join(f"{key}={known[key]}" for key in sorted(known, key=str))
    if isinstance(known, (int, float)) and not isinstance(known, bool):
        return fmt.duration(known) if attribute == "timeout_s" else fmt.quantity(known)
    return str(known)


def basis(side: StepEstimate) -> str:
    """What the estimate rests on, in a few words: `metered n=41`, `declared`, `assumed: duration`."""
    assumed = [INPUTS[name].removesuffix("/mo") for name, entry in side.inputs.items() if entry.assumed]
    if assumed:
        return "assumed: " + ", ".join(assumed)
    # Frequency and duration decide; of the other inputs only a guess is worth a word.
    entries = (side.inputs[name] for name in ("runs", "duration_s") if name in side.inputs)
    return ", ".join(dict.fromkeys(entry.source + (f" n={entry.n}" if entry.n else "") for entry in entries))


def place(side: StepEstimate) -> Location | None:
    """Where the first resource of a step that somebody wrote down was written."""
    values = (getattr(side.resources, attribute) for attribute in ANYWHERE)
    return next((value.chain[-1] for value in values if isinstance(value, Known) and value.chain), None)


def _row(deployment: DeploymentDelta, change: Change) -> Row:
    side = change.head or change.base
    return Row(
        name=join(deployment.name, change.step),
        status=change.status,
        what=what(change),
        now=_cell(change.base),
        new=_cell(change.head),
        delta=UNKNOWN if _cell(change.base) == UNKNOWN and not change.delta.expected else change.delta.expected,
        basis=basis(side) if side else "",
        base=change.base,
        head=change.head,
        bands=(_band(deployment.base), _band(deployment.head)),
        location=next((_blame(driver, change) for driver in _largest(change)), place(side) if side else None),
    )


def _band(estimate: Estimate | None) -> Band | None:
    return estimate.band if estimate else None


def _cell(side: StepEstimate | None) -> Cell:
    if side is None:
        return ABSENT
    if isinstance(side.quote, Unpriced):
        return UNKNOWN
    return NOT_BILLED if isinstance(side.quote, NotBilled) else side.monthly.expected


def _largest(change: Change) -> list[Driver]:
    return sorted(change.drivers, key=lambda driver: -abs(driver.amount))


def _is_priced(change: Change) -> bool:
    """Whether there is a sum to show: an unknown head has its own row, and nothing to nothing is no change."""
    new = _cell(change.head)
    return new != UNKNOWN and not {_cell(change.base), new} <= {ABSENT, NOT_BILLED}


def _number(cell: Cell) -> Decimal:
    return cell if isinstance(cell, Decimal) else Decimal(0)


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def _input(name: str, inputs: Mapping[str, Input]) -> str:
    entry = inputs.get(name)
    if entry is None:
        return ABSENT
    value = entry.value.expected
    return fmt.duration(value) if name.endswith("_s") else fmt.quantity(value)


def _asks(side: StepEstimate) -> Iterator[str]:
    """The resources that make a price: numbers above zero and unknown ones."""
    for attribute in ("gpu", "trainium", "inferentia", "cpu", "memory_mb"):
        label, unit = ATTRIBUTES[attribute]
        text = shown(attribute, getattr(side.resources, attribute))
        if text not in ("none", "0"):
            yield f"{label} {text}{unit if _is_number(text) else ''}"


def _blame(driver: Driver, change: Change) -> Location | None:
    """Where the value that drives the cost was written, at head if it is still there."""
    for side in (change.head, change.base):
        if side is None:
            continue
        for name in BLAME.get(driver.cause, ()):
            entry = side.inputs.get(name)
            value = getattr(side.resources, name, None)
            chain = value.chain if isinstance(value, Known) else ()
            found = entry.location if entry else (chain[-1] if chain else None)
            if found:
                return found
    side = change.head or change.base
    return place(side) if side else None
