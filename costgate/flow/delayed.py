"""Config expressions become values once the configs are known, as Metaflow does before it initialises decorators."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, cast

from costgate.flow import elements
from costgate.flow.frame import Frame
from costgate.flow.source import Snippet, parse
from costgate.flow.values import MAX_ITEMS, Delayed, MetaflowObject, OpenError, RefusedError, known, made, plain
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator


def settled(ev: Evaluator, value: Value) -> Value:
    """An argument of a decorator or Parameter as plain data, with the config expressions inside it evaluated."""
    if isinstance(value, Unresolved):
        return value
    parts: list[Known] = []
    try:
        return made(_settled(ev, value, parts), *parts)
    except OpenError as error:
        return error.unresolved
    except RefusedError as error:
        return unresolved_at(ev, value, error.reason)


def _settled(ev: Evaluator, value: Known, parts: list[Known]) -> Any:
    """Metaflow looks for config expressions inside dict, list and tuple, and nowhere else."""
    parts.append(value)
    if len(parts) > MAX_ITEMS:
        raise RefusedError(f"has more than {MAX_ITEMS:,} elements")
    data = value.value
    if isinstance(data, Delayed):
        result = evaluated(ev, data)
        parts.append(result)
        return plain(result.value)
    if isinstance(data, dict):
        return {key: _settled(ev, known(item), parts) for key, item in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(_settled(ev, known(item), parts) for item in data)
    return plain(data)


def evaluated(ev: Evaluator, delayed: Delayed) -> Known:
    """The value of a config expression. OpenError where it has none."""
    snippet = Snippet(text=delayed.shown, place=delayed.location)
    nothing = ast.Constant(value=None)
    text = ".".join([delayed.text, *(_part(ev, part, snippet) for part in delayed.access or ())])
    try:
        tree = cast(ast.Expression, parse(text.lstrip(" \t"), "eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise OpenError(snippet.unresolved(nothing, f"Metaflow fails: {text[:80]!r} is no expression")) from None
    return ev.known(tree.body, Frame(text=snippet, module=delayed.module, outer=ev.configs))


def _part(ev: Evaluator, part: Any, snippet: Snippet) -> str:
    """What stands behind the dot: a name, or a nested config expression that gives one."""
    name = plain(evaluated(ev, part).value) if isinstance(part, Delayed) else part
    if isinstance(name, str):
        return name
    reason = f"Metaflow fails: a config expression takes no {type(name).__name__} index; write it inside config_expr"
    raise OpenError(snippet.unresolved(ast.Constant(value=None), reason))


def unpacked(ev: Evaluator, value: Known) -> dict[str, Value]:
    """What `**config` adds to the arguments. OpenError or RefusedError where that is not known."""
    source = value.value
    if isinstance(source, MetaflowObject):
        source = elements.extended(source, "", value.chain[0], "")
        source = Delayed(text=source.text, access=(), module=None, location=source.location, shown=f"**{source.text}")
    result = evaluated(ev, source)
    entries = elements.mapping(result)
    if not all(isinstance(key, str) for key in entries):
        raise RefusedError("unpacks keys that are no names")
    return {key: settled(ev, made(known(item).value, value, known(item))) for key, item in entries.items()}


def unresolved_at(ev: Evaluator, value: Known, reason: str) -> Unresolved:
    """A value that cannot be used, shown as the line on which it is used."""
    place = value.chain[0]
    module = ev.sources.module(place.path)
    line = "" if isinstance(module, Unresolved) else module.lines[place.line - 1]
    return Unresolved(expression=" ".join(line.split())[:120] or place.path, reason=reason, location=place)
