"""In-house decorators that set resources, expressed in Metaflow's own: `gpu_step: {gpu: n, compute: kubernetes}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from costgate.config import DecoratorRule
from costgate.flow import attributes as at
from costgate.flow import kubernetes
from costgate.model import NOTHING, Decorator, Unresolved, Value

COMPUTE = ("kubernetes", "batch")
COUNTED = ("cpu", "gpu", "memory", "disk", "shared_memory", "trainium", "inferentia")


def translated(decorators: tuple[Decorator, ...], rules: Mapping[str, DecoratorRule]) -> tuple[Decorator, ...]:
    """The decorators with each in-house one replaced by, or joined into, @kubernetes, @batch or @resources.

    One that says no place tells the place that the step has what only that place knows, such as a node selector.
    """
    found = [d for d in decorators if d.name not in rules]
    for decorator in (d for d in decorators if d.name in rules):
        given = arguments(decorator, rules[decorator.name])
        for name in _owners(rules[decorator.name], found):
            kwargs = {key: given.pop(key) for key in at.DEFAULTS[name] if key in given}
            _put(found, name, decorator, kwargs)
    return tuple(found)


def beside(decorators: tuple[Decorator, ...], rules: Mapping[str, DecoratorRule]) -> dict[str, Value]:
    """What in-house decorators say and Metaflow's own have no attribute for: rate cards match by it.

    An instance type anywhere, a queue on Kubernetes, all of it elsewhere.
    """
    plain = [d for d in decorators if d.name not in rules]
    found: dict[str, Value] = {}
    for decorator in (d for d in decorators if d.name in rules):
        owners = _owners(rules[decorator.name], plain)
        for name, value in arguments(decorator, rules[decorator.name]).items():
            if not any(name in at.DEFAULTS[owner] for owner in owners):
                read = _read(name, value, decorator)
                found[name] = read if found.get(name, read) == read else _twice(name, decorator, "another")
    return found


def elsewhere(decorators: tuple[Decorator, ...], rules: Mapping[str, DecoratorRule]) -> Decorator | None:
    """The in-house decorator that runs the step neither on Kubernetes nor on Batch."""
    places = (None, *COMPUTE)
    return next((d for d in decorators if d.name in rules and rules[d.name].compute not in places), None)


def arguments(decorator: Decorator, rule: DecoratorRule) -> dict[str, Value]:
    """Metaflow's attribute → what the in-house decorator was given for it."""
    names = {attribute.removesuffix("_mb"): argument for attribute, argument in rule.attributes.items()}
    if len(names) == 1 and len(decorator.args) == 1 and not decorator.kwargs and not decorator.rest:
        return dict.fromkeys(names, decorator.args[0])
    return {attribute: _argument(decorator, argument) for attribute, argument in names.items()}


def _argument(decorator: Decorator, argument: str) -> Value:
    if decorator.rest:
        return decorator.rest
    if argument in decorator.kwargs:
        return decorator.kwargs[argument]
    why = "cannot be told from positional arguments" if decorator.args else "is not given, and its default is not known"
    return Unresolved(
        expression=f"@{decorator.name}",
        reason=f"the argument {argument!r} of @{decorator.name} {why}",
        location=decorator.location,
    )


def _owners(rule: DecoratorRule, decorators: Iterable[Decorator]) -> list[str]:
    """Metaflow's decorators that take what an in-house one says; none of them where it runs the step elsewhere."""
    if rule.compute:
        return [rule.compute] if rule.compute in COMPUTE else []
    return ["resources", *dict.fromkeys(d.name for d in decorators if d.name in COMPUTE)]


def _read(name: str, value: Value, decorator: Decorator) -> Value:
    """As Metaflow's own decorators would read it."""
    if name == "node_selector":
        return kubernetes.selector(value, NOTHING, decorator, {})
    return at.number(name, value, decorator) if name in COUNTED else value


def _put(found: list[Decorator], name: str, decorator: Decorator, kwargs: Mapping[str, Value]) -> None:
    base = next((d for d in found if d.name == name), None)
    if base:
        found[found.index(base)] = _joined(base, decorator, kwargs)
    elif kwargs or name in COMPUTE:
        found.append(Decorator(name=name, kwargs=kwargs, origin=decorator.origin, location=decorator.location))


def _joined(base: Decorator, decorator: Decorator, kwargs: Mapping[str, Value]) -> Decorator:
    """Metaflow's decorator with the in-house one's attributes; which of two values wins is that one's secret."""
    both = {
        name: _twice(name, decorator, f"@{base.name}")
        for name, value in kwargs.items()
        if name in base.kwargs and base.kwargs[name] != value
    }
    return replace(base, kwargs={**base.kwargs, **kwargs, **both})


def _twice(name: str, decorator: Decorator, other: str) -> Unresolved:
    reason = f"{name!r} is set both by @{decorator.name} and by {other}"
    return Unresolved(expression=name, reason=reason, location=decorator.location)
