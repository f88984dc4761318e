"""In-house decorators that set resources, expressed in Metaflow's own: `gpu_step: {gpu: n, compute: kubernetes}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from costgate.config import DecoratorRule
from costgate.flow import attributes as at
from costgate.model import Decorator, Unresolved, Value

COMPUTE = ("kubernetes", "batch")


def translated(decorators: tuple[Decorator, ...], rules: Mapping[str, DecoratorRule]) -> tuple[Decorator, ...]:
    """The decorators with each in-house one replaced by, or joined into, @kubernetes, @batch or @resources."""
    found = [d for d in decorators if d.name not in rules]
    for decorator in (d for d in decorators if d.name in rules):
        rule = rules[decorator.name]
        name = rule.compute if rule.compute in COMPUTE else "resources"
        kwargs = {key: value for key, value in arguments(decorator, rule).items() if key in at.DEFAULTS[name]}
        base = next((d for d in found if d.name == name), None)
        if base is None:
            found.append(Decorator(name=name, kwargs=kwargs, origin=decorator.origin, location=decorator.location))
        else:
            found[found.index(base)] = _joined(base, decorator, kwargs)
    return tuple(found)


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


def _joined(base: Decorator, decorator: Decorator, kwargs: Mapping[str, Value]) -> Decorator:
    """Metaflow's decorator with the in-house one's attributes; which of two values wins is that one's secret."""
    both = {
        name: Unresolved(
            expression=name,
            reason=f"{name!r} is set both by @{decorator.name} and by @{base.name}",
            location=decorator.location,
        )
        for name, value in kwargs.items()
        if name in base.kwargs and base.kwargs[name] != value
    }
    return replace(base, kwargs={**base.kwargs, **kwargs, **both})
