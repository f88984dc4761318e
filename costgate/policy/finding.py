"""What rules share: the shape of what they find, scopes, groups, names, and where a change comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol, TypeAlias, TypeVar

from costgate.model import Change, DeploymentDelta, DeploymentKey, Known, Location, Owner, Quote, StepEstimate, Value
from costgate.policy.values import Scope

Subject: TypeAlias = Mapping[str, str]  # team, project, flow, branch, deployment; "" where there is none
SCOPES = ("team", "project", "flow", "branch", "deployment")
NO_OWNER = "unallocated"  # the team (or project) of what nobody owns

DURATION_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
PRICED_BY: Mapping[str, tuple[str, ...]] = {  # driver → attributes of StepResources that it may come from
    "new": ("gpu", "trainium", "inferentia", "cpu", "memory_mb"),
    "gpu": ("gpu", "extended_resources"),
    "accelerator": ("trainium", "inferentia"),
    "cpu": ("cpu",),
    "memory": ("memory_mb",),
    "storage": ("disk_mb",),
    "tier": ("node_selector", "compute_pool", "queue", "instance_type", "gpu_vendor"),
}
INPUT_OF = {"runs": "runs", "tasks": "tasks", "attempts": "attempts", "duration": "duration_s"}


class Deployed(Protocol):
    """What a scope can be matched against: a deployment's delta or its estimate."""

    @property
    def key(self) -> DeploymentKey: ...
    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> Owner: ...


D = TypeVar("D", bound=Deployed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a rule found; the verdict makes a Violation of it."""

    message: str
    actual: Decimal | None = None
    scope: Mapping[str, str] = field(default_factory=dict)
    subjects: tuple[Subject, ...] = ()  # every deployment that it is about, on both sides
    location: Location | None = None  # None: the rule's own
    help: str
    warn_only: bool = False  # a stronger action is lowered to warn


def subject(item: Deployed) -> Subject:
    """What the globs of a scope are compared with."""
    return {
        "team": item.owner.team or "",
        "project": item.owner.project or item.key.project,
        "flow": item.key.flow,
        "branch": item.key.branch,
        "deployment": item.name,
    }


def subjects(item: DeploymentDelta) -> tuple[Subject, ...]:
    """A deployment as it is on each side: a change of owner or name leaves no rule and enters no waiver."""
    found = [subject(side) for side in (item, item.base, item.head) if side]
    return tuple(each for index, each in enumerate(found) if each not in found[:index])


def matches(scope: Scope, what: Subject) -> bool:
    """Whether one of the globs of every key fits. `*` fits what has no value too, so that nobody slips out."""
    return all(any(fnmatchcase(what.get(key, ""), glob) for glob in globs) for key, globs in scope.items())


def in_scope(scope: Scope, items: Iterable[DeploymentDelta]) -> tuple[DeploymentDelta, ...]:
    """The deployments that the scope covers on either side."""
    return tuple(item for item in items if any(matches(scope, each) for each in subjects(item)))


def labels(items: Iterable[Deployed]) -> Mapping[DeploymentKey, str]:
    """A name for each deployment that no other has: its own, with the rest of its key where two share one."""
    names: dict[str, set[DeploymentKey]] = {}
    for item in items:
        names.setdefault(item.name, set()).add(item.key)
    return {
        key: name if len(keys) == 1 else f"{name} ({'/'.join((key.flow, key.project, key.branch, key.template))})"
        for name, keys in names.items()
        for key in keys
    }


def grouped(
    items: Sequence[D], per: str, names: Mapping[DeploymentKey, str]
) -> Iterator[tuple[dict[str, str], list[D]]]:
    """(what the group is, its members) for `per`; one group without a name for the whole pull request."""
    groups: dict[str, list[D]] = {}
    for item in items:
        groups.setdefault(_group(item, per, names), []).append(item)
    for name, members in sorted(groups.items()):
        yield {per: name} if per != "pull-request" else {}, members


def _group(item: Deployed, per: str, names: Mapping[DeploymentKey, str]) -> str:
    if per == "deployment":
        return names[item.key]
    return (subject(item)[per] or NO_OWNER) if per in SCOPES else ""


def stated(scope: Scope) -> dict[str, str]:
    """The scope of a rule as the scope of what it finds."""
    return {key: ", ".join(globs) for key, globs in scope.items()}


def of_what(scope: Mapping[str, str]) -> str:
    """` of team reco`, or nothing for the whole pull request."""
    parts = [value if key == "deployment" else f"{key} {value}" for key, value in scope.items()]
    return f" of {', '.join(parts)}" if parts else ""


def origin(items: Iterable[DeploymentDelta]) -> Location | None:
    """Where the largest rise among these deployments was written: a line of a flow or a config, else of the flow."""
    rising = [item for item in items if item.head and item.delta.high > 0]
    if not rising:
        return None
    largest = max(rising, key=lambda item: (item.delta.expected, item.delta.high, item.key))
    changes = sorted(largest.changes, key=lambda change: (-change.delta.expected, change.step))
    places = (_place(change, change.head) for change in changes if change.head and change.delta.high > 0)
    return next((place for place in places if place), Location(path=largest.file))


def _place(change: Change, head: StepEstimate) -> Location | None:
    for driver in sorted(change.drivers, key=lambda driver: (-driver.amount, driver.cause)):
        if driver.amount > 0 and (place := _cause_place(driver.cause, change.base, head)):
            return place
    return None


def _cause_place(cause: str, base: StepEstimate | None, head: StepEstimate) -> Location | None:
    if cause in INPUT_OF:
        read = head.inputs.get(INPUT_OF[cause])
        return read.location if read else None
    if cause == "rate" and isinstance(head.quote, Quote):
        return head.quote.location
    for attribute in PRICED_BY.get(cause, ()):
        before = attribute_of(base, attribute) if base else None
        if (place := _written(attribute_of(head, attribute), before)) is not None:
            return place
    return None


def _written(value: Value, before: Value | None) -> Location | None:
    """Where a value that differs from the one before was written."""
    if not isinstance(value, Known) or not value.chain:
        return None
    same = isinstance(before, Known) and before.value == value.value
    return None if same else value.chain[-1]


def attribute_of(step: StepEstimate, attribute: str) -> Value:
    """A resource of a step; what a mutator may have touched is not known."""
    value: Value = step.resources.touched_by or getattr(step.resources, attribute)
    return value


def place_of(value: Value) -> Location | None:
    """Where a value was written, if anywhere."""
    return (value.chain[-1] if value.chain else None) if isinstance(value, Known) else value.location


def number_text(number: Decimal) -> str:
    """A number for people: one decimal below 10, none from there on, no trailing zero."""
    text = f"{number:,.1f}" if abs(number) < 10 else f"{number:,.0f}"
    return text.removesuffix(".0")


def duration_text(seconds: Decimal | int) -> str:
    """`30 days`, `1 hour`: whole units of the largest kind that fits, rounded down."""
    size, unit = next(((size, unit) for size, unit in DURATION_UNITS if seconds >= size), DURATION_UNITS[-1])
    count = int(seconds // size)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
