"""The decorators of a flow class, inherited ones first: @project, @schedule, @costgate, and its mutators."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from costgate.flow.decorated import applied_mutator
from costgate.flow.frame import Frame, module_frame
from costgate.flow.metaflow_names import FLOW_DECORATORS, REPEATABLE
from costgate.flow.mutations import dotted
from costgate.flow.mutators_class import kind_of
from costgate.flow.specs import decorator_of
from costgate.flow.values import Applied, Arguments, Class, External, MetaflowObject, OpenError, RefusedError
from costgate.model import Decorator, Known, Owner, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator
    from costgate.flow.parse import FlowClass

HOOKS = ("__init_subclass__", "__new__")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLevel:
    """What the class statement says, beside its body."""

    decorators: Mapping[str, Decorator] = field(default_factory=dict)
    mutators: tuple[Applied, ...] = ()
    project: Value | None = None
    owner: Owner = Owner()
    touched: Unresolved | None = None  # something that may change any attribute of any step
    problems: tuple[Unresolved, ...] = ()


def read_flow_level(ev: Evaluator, flow_class: FlowClass) -> FlowLevel:
    """The decorators of a flow class. Never raises."""
    decorators: dict[str, Decorator] = {}
    mutators: list[Applied] = []
    problems = list(_hooks(ev, flow_class))
    touched = problems[0] if problems else None
    for cls, node in _nodes(flow_class):
        frame = module_frame(cls.module, before=(cls.node.lineno, cls.node.col_offset))
        found = _decorator(ev, node, frame)
        if isinstance(found, Unresolved):
            touched = touched or found
            problems.append(found)
        elif isinstance(found, Applied):
            mutators.append(found)
        elif found.name in decorators and found.name not in REPEATABLE:
            problems.append(frame.text.unresolved(node, f"Metaflow fails: @{found.name} stands twice on the flow"))
        else:
            decorators[found.name] = found
    level = FlowLevel(mutators=tuple(mutators), touched=touched, problems=tuple(problems))
    return with_decorators(level, decorators)


def with_decorators(level: FlowLevel, decorators: Mapping[str, Decorator]) -> FlowLevel:
    """The same with these decorators, and what they say."""
    project, owner = _project(decorators.get("project")), _owner(decorators.get("costgate"))
    return replace(level, decorators=decorators, project=project, owner=owner)


def _nodes(flow_class: FlowClass) -> Iterator[tuple[Class, ast.expr]]:
    """Inherited decorators first, then the class's own."""
    for cls in (*flow_class.bases[1:], flow_class.bases[0]):
        for node in reversed(cls.node.decorator_list):
            yield cls, node


def _decorator(ev: Evaluator, node: ast.expr, frame: Frame) -> Decorator | Applied | Unresolved:
    try:
        applied = applied_mutator(ev, node, frame)
    except OpenError as error:
        return _may_change(node, frame, error.unresolved.reason)
    except RefusedError as error:
        return _may_change(node, frame, error.reason)
    if applied is not None and kind_of(ev, applied.cls) == "FlowMutator":
        return applied
    result = ev.evaluate(node, frame)
    value = result.value if isinstance(result, Known) else None
    if isinstance(value, External) and value.name.removeprefix("metaflow.") in FLOW_DECORATORS:
        name = value.name.removeprefix("metaflow.")
        value = MetaflowObject(kind=name, arguments=Arguments(), location=frame.location(node))
    if isinstance(value, MetaflowObject) and value.kind in FLOW_DECORATORS:
        return decorator_of(ev, value)
    return _may_change(node, frame, result.reason if isinstance(result, Unresolved) else "its effect is not known")


def _may_change(node: ast.expr, frame: Frame, why: str) -> Unresolved:
    name = dotted(node.func if isinstance(node, ast.Call) else node) or "a decorator"
    reason = f"the flow decorator {name} may change any attribute of any step ({why}); use `resolver: auto`"
    return frame.text.unresolved(node, reason)


def _hooks(ev: Evaluator, flow_class: FlowClass) -> Iterator[Unresolved]:
    """Metaclasses and hooks that run when a class is made."""
    for cls in flow_class.bases:
        scope = ev.sources.class_scope(cls)
        for name in HOOKS:
            if name in scope.bindings:
                yield cls.module.unresolved(cls.node, f"{cls.name}.{name} may change any attribute")
        for keyword in cls.node.keywords:
            yield cls.module.unresolved(keyword.value, f"{cls.name} has a metaclass or class options")


def _project(decorator: Decorator | None) -> Value | None:
    if decorator is None:
        return None
    if decorator.rest is not None:
        return decorator.rest
    missing = Unresolved(
        expression="@project", reason="Metaflow fails: @project needs a name", location=decorator.location
    )
    return decorator.kwargs.get("name", missing)


def _owner(decorator: Decorator | None) -> Owner:
    """The literal arguments of @costgate."""
    given: dict[str, Any] = {}
    for name in ("team", "project", "cost_center", "experiment"):
        value = decorator.kwargs.get(name) if decorator else None
        if isinstance(value, Known) and isinstance(value.value, str) and value.value:
            given[name] = value.value
    return Owner(**given)
