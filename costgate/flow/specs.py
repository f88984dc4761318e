"""Decorators with their final arguments: config expressions evaluated, `**config` merged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costgate.flow.delayed import settled, unpacked, unresolved_at
from costgate.flow.values import MetaflowObject, OpenError, RefusedError
from costgate.model import Decorator, Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator


def decorator_of(ev: Evaluator, spec: MetaflowObject) -> Decorator:
    """The decorator as Metaflow initialises it. Never raises."""
    given = spec.arguments
    kwargs = {name: settled(ev, value) for name, value in given.kwargs.items()}
    rest = given.rest
    from_config: set[str] = set()
    for value in given.unpacked:
        added = _unpacked(ev, value)
        if isinstance(added, Unresolved):
            rest = rest or added
        else:
            kwargs |= added  # whatever the order in the source, `**config` comes last
            from_config |= added.keys()
    return Decorator(
        name=spec.kind,
        args=tuple(settled(ev, value) for value in given.args),
        kwargs=kwargs,
        unpacked=frozenset(from_config),
        rest=rest,
        location=spec.location,
    )


def _unpacked(ev: Evaluator, value: Known) -> dict[str, Value] | Unresolved:
    try:
        return unpacked(ev, value)
    except OpenError as error:
        return error.unresolved
    except RefusedError as error:
        return unresolved_at(ev, value, error.reason)
