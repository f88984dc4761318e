"""What one task of a step asks for: the decorators of flow, command line and deploy target, merged.

The rules are Metaflow's, traps and all; see kubernetes.py and batch.py. What Metaflow would refuse is Unresolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from costgate.config import DecoratorRule
from costgate.errors import InputError
from costgate.flow import attributes as at
from costgate.flow import batch, kubernetes
from costgate.flow.decospec import parse_decospec
from costgate.flow.in_house import beside, elsewhere, translated
from costgate.model import NOTHING, Decorator, Known, Location, StepResources, Unresolved, Value

__all__ = ["default_decospecs", "merge", "parse_decospec"]

Merge = Callable[[Decorator, Decorator | None, Mapping[str, Known]], dict[str, Value]]
COMPUTE: Mapping[str, Merge] = {"kubernetes": kubernetes.merged, "batch": batch.merged}
# argo_workflows_cli.py and step_functions_cli.py attach it to every step that lacks it.
ATTACHED = {"argo-workflows": "kubernetes", "step-functions": "batch"}
FIELDS = {"memory": "memory_mb", "disk": "disk_mb", "shared_memory": "shared_memory_mb"}
ATTRIBUTES = (
    "cpu", "gpu", "memory", "disk", "shared_memory", "trainium", "inferentia", "queue", "node_selector", "compute_pool",
    "gpu_vendor", "extended_resources", "persistent_volume_claims",
)  # fmt: skip
LONGEST_TIMEOUT = 10**9  # seconds; more is a mistake that would only overflow


def merge(
    decorators: tuple[Decorator, ...],
    *,
    target: str,
    with_specs: tuple[Decorator, ...],
    metaflow_env: Mapping[str, Known],
    in_house: Mapping[str, DecoratorRule],
    location: Location,
) -> tuple[tuple[Decorator, ...], StepResources]:
    """A step's decorators after everything is attached, and what they ask for together.

    Numbers in Metaflow's units (memory and disk in its "MB"), `Known(None)` where Metaflow has none. `location` is the
    step's; it stands for what the deploy target attaches. Metaflow attaches `--with` first, then the setting
    METAFLOW_DEFAULT_DECOSPECS, then what the target needs.
    """
    defaults, mistake = default_decospecs(metaflow_env)
    late = (*with_specs, *defaults, *_of_target(target, location))
    attached = _attached(decorators, late, in_house)
    plain = translated(attached, in_house)
    found = _resources(attached, plain, metaflow_env, in_house)
    found = _with(found, beside(attached, in_house))
    if mistake:
        found = _fields(found.compute, dict.fromkeys(ATTRIBUTES, mistake))
    timeout = _timeout(plain, on_a_cluster=found.compute in COMPUTE)
    return attached, replace(found, retry_times=_retry(plain), timeout_s=timeout)


def default_decospecs(env: Mapping[str, Known]) -> tuple[list[Decorator], Unresolved | None]:
    """METAFLOW_DEFAULT_DECOSPECS: decospecs with blanks between them, and what is wrong with one."""
    name = "METAFLOW_DEFAULT_DECOSPECS"
    given = env.get(name, Known(value=""))
    place = (*given.chain, Location(path=name))[0]
    found: list[Decorator] = []
    for text in given.value.split():
        try:
            found.append(parse_decospec(text, place))
        except InputError as error:
            return found, at.refused(text, f"{name}: {error.problems[0].message}", place)
    return found, None


def _of_target(target: str, location: Location) -> tuple[Decorator, ...]:
    if target not in ATTACHED:
        return ()
    return (Decorator(name=ATTACHED[target], origin="target", location=location),)


def _attached(
    decorators: tuple[Decorator, ...], late: tuple[Decorator, ...], rules: Mapping[str, DecoratorRule]
) -> tuple[Decorator, ...]:
    """The step's own decorators, and each late one in its order where the step lacks it."""
    found = list(decorators)
    for decorator in late:
        if not _has(found, decorator.name, rules):
            found.append(decorator)
    return tuple(found)


def _has(decorators: list[Decorator], name: str, rules: Mapping[str, DecoratorRule]) -> bool:
    """Whether one of them is the decorator, or an in-house one that puts it, or another place to run, on the step."""
    if any(d.name == name for d in decorators):
        return True
    places = [rules[d.name].compute for d in decorators if d.name in rules]
    return name in COMPUTE and any(place == name or place not in (None, *COMPUTE) for place in places)


def _resources(
    attached: tuple[Decorator, ...],
    plain: tuple[Decorator, ...],
    env: Mapping[str, Known],
    rules: Mapping[str, DecoratorRule],
) -> StepResources:
    other = elsewhere(attached, rules)
    if other:
        return StepResources(compute=str(rules[other.name].compute))
    places = sorted((d for d in plain if d.name in COMPUTE), key=lambda d: d.origin == "target")
    # Step Functions attaches @batch to a step with @kubernetes too and submits it to Batch; Argo refuses @batch.
    places = [d for d in places if d.origin == "target" and d.name == "batch"] or places
    asked = [d for d in plain if d.name == "resources"]
    compute = places[0].name if places else "local"
    refused = _refused(places, asked)
    if refused:
        return _fields(compute, dict.fromkeys(ATTRIBUTES, refused))
    if not places:
        return _fields(compute, _local(asked))
    return _fields(compute, COMPUTE[compute](places[0], asked[0] if asked else None, env))


def _refused(places: list[Decorator], asked: list[Decorator]) -> Unresolved | None:
    if len({d.name for d in places}) > 1:
        return at.refused("@batch @kubernetes", "both @batch and @kubernetes on a step", places[0].location)
    return next((_twice(group) for group in (places, asked) if len(group) > 1), None)


def _twice(group: list[Decorator]) -> Unresolved:
    return at.refused(f"@{group[1].name}", f"@{group[1].name} twice on a step", group[1].location)


def _local(asked: list[Decorator]) -> dict[str, Value]:
    """A step on the machine that runs the flow; @resources tells its size."""
    return {name: at.number(name, value, d) for d in asked for name, value in at.attributes(d).items()}


def _with(found: StepResources, more: Mapping[str, Value]) -> StepResources:
    """What in-house decorators add; what Metaflow would refuse stays so."""
    fields: dict[str, Any] = {FIELDS.get(name, name): value for name, value in more.items()}
    return replace(found, **{n: value for n, value in fields.items() if not isinstance(getattr(found, n), Unresolved)})


def _fields(compute: str, found: Mapping[str, Value]) -> StepResources:
    fields: dict[str, Any] = {FIELDS.get(name, name): value for name, value in found.items()}
    return StepResources(compute=compute, **fields)


def _only(name: str, decorators: tuple[Decorator, ...]) -> Decorator | Unresolved | None:
    """The step's @retry or @timeout."""
    found = [d for d in decorators if d.name == name]
    if len(found) > 1:
        return _twice(found)
    if found:
        return found[0].rest or at.misused(found[0]) or found[0]
    return None


def _retry(decorators: tuple[Decorator, ...]) -> Value:
    """Retries after the first attempt; Metaflow allows 4."""
    found = _only("retry", decorators)
    if not isinstance(found, Decorator):
        return found or NOTHING
    value = at.attributes(found)["times"]
    count = _integer("times", value, found)
    if isinstance(count, Unresolved):
        return count
    if count.value > 4:
        return at.refused_value("times", count, "4 retries are the most", found)
    return replace(count, value=max(count.value, 0))


def _timeout(decorators: tuple[Decorator, ...], *, on_a_cluster: bool) -> Value:
    """Seconds of an attempt: hours, minutes and seconds added up; a minute at least on Kubernetes and Batch."""
    found = _only("timeout", decorators)
    if not isinstance(found, Decorator):
        return found or NOTHING
    parts = at.attributes(found)
    counts = {name: _integer(name, value, found) for name, value in parts.items()}
    for count in counts.values():
        if isinstance(count, Unresolved):
            return count
    known = {name: count for name, count in counts.items() if isinstance(count, Known)}
    seconds = sum(known[name].value * unit for name, unit in (("seconds", 1), ("minutes", 60), ("hours", 3600)))
    written = [count.chain for name, count in known.items() if name in found.kwargs]
    if not (60 if on_a_cluster else 1) <= seconds <= LONGEST_TIMEOUT:
        return at.refused(f"timeout of {seconds!r:.30} s", f"a timeout of {seconds!r:.30} seconds", found.location)
    return Known(value=seconds, chain=written[0] if len(written) == 1 else (found.location,))


def _integer(name: str, value: Value, decorator: Decorator) -> Value:
    """As Metaflow's `int(...)`: 1.5 is 1, the text "1.5" is refused."""
    if isinstance(value, Unresolved):
        return value
    try:
        return replace(value, value=int(value.value))
    except (TypeError, ValueError, OverflowError):
        return at.refused_value(name, value, "it is no whole number", decorator)
