"""Decorators of steps, applied bottom up as Python does. One that may change a step in ways unseen says so."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from costgate.flow import classes
from costgate.flow.frame import Frame, module_frame
from costgate.flow.metaflow_names import STEP_DECORATORS
from costgate.flow.mutations import dotted
from costgate.flow.mutators_class import kind_of
from costgate.flow.values import (
    Applied,
    Arguments,
    Class,
    Decorated,
    Delayed,
    External,
    Function,
    MetaflowObject,
    OpenError,
    Partial,
    RefusedError,
    known,
    plain,
    value_name,
)
from costgate.model import Known, Unresolved

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

INERT = "decorator without effect on resources"  # kind of the MetaflowObject that stands for one
WRAPPER = "UserStepDecorator"  # the same for one that Metaflow knows; its one argument is its name
HINT = "describe it under `decorators:` in costgate.yml if its effect is known, or use `resolver: auto`"
USER_STEP_DECORATOR = External(name="metaflow.user_step_decorator")
# Through these a step decorator of the user's could reach Metaflow's decorators.
TOUCHING = frozenset(
    {"decorators", "config_decorators", "_my_step", "_flow_cls", "_flow_state", "__dict__", "__globals__"}
)


def decorate_step(ev: Evaluator, function: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Decorated:
    """What the decorators of a function make of it."""
    target = Decorated()
    for node in reversed(function.decorator_list):
        target = _above(ev, node, frame, target)
    return target


def _above(ev: Evaluator, node: ast.expr, frame: Frame, target: Decorated) -> Decorated:
    try:
        applied = applied_mutator(ev, node, frame)
        if applied is not None:
            return _mutated(ev, applied, target)
        result = ev.evaluate(node, frame)
        if isinstance(result, Unresolved):
            return _unknown(ev, node, frame, target, result)
        return _applied(ev, result.value, target, node, frame)
    except RefusedError as error:
        return _touched(target, node, frame, error.reason)
    except OpenError as error:
        return _touched(target, node, frame, error.unresolved.reason)


def applied_mutator(ev: Evaluator, node: ast.expr, frame: Frame) -> Applied | None:
    """The mutator of the repository that a decorator is. RefusedError or OpenError where its arguments do not fit."""
    function = ev.evaluate(_function(node), frame)
    cls = function.value if isinstance(function, Known) else None
    if not isinstance(cls, Class) or kind_of(ev, cls) is None or _house_name(ev, cls):
        return None
    given = ev.arguments(node, frame) if isinstance(node, ast.Call) else Arguments()
    return Applied(cls=cls, arguments=given, location=frame.location(node), shown=frame.text.shown(node))


def _mutated(ev: Evaluator, applied: Applied, target: Decorated) -> Decorated:
    if kind_of(ev, applied.cls) != "StepMutator" or not target.is_step:
        raise RefusedError("Metaflow fails: it is no decorator of a step, or stands below @step")
    first = next(iter(applied.arguments.args), None)
    if isinstance(first, Known) and isinstance(first.value, Delayed) and first.value.access is not None:
        raise RefusedError("Metaflow fails: it takes a config as first positional argument for the step")
    return replace(target, mutators=(*target.mutators, applied))


def _unknown(ev: Evaluator, node: ast.expr, frame: Frame, target: Decorated, result: Unresolved) -> Decorated:
    name = dotted(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2]
    if name in ev.in_house:
        return _with(ev, target, MetaflowObject(kind=name, arguments=Arguments(), location=frame.location(node)))
    return _touched(target, node, frame, result.reason)


def _touched(target: Decorated, node: ast.expr, frame: Frame, reason: str) -> Decorated:
    name = dotted(node.func if isinstance(node, ast.Call) else node) or "a decorator"
    reason = f"the decorator {name} may change any attribute ({reason}); {HINT}"
    return replace(target, touched=(*target.touched, frame.text.unresolved(node, reason)))


def _applied(ev: Evaluator, value: Any, target: Decorated, node: ast.expr, frame: Frame) -> Decorated:
    """The step below one decorator whose value is known."""
    if isinstance(value, External) and (value.name == "metaflow.step" or _own_name(value) in STEP_DECORATORS):
        value = MetaflowObject(kind=_own_name(value), arguments=Arguments(), location=frame.location(node))
    if isinstance(value, MetaflowObject):
        return _with(ev, target, value)
    if _house_name(ev, value):
        place = frame.location(node)
        return _with(ev, target, MetaflowObject(kind=_house_name(ev, value), arguments=Arguments(), location=place))
    if is_user_step_decorator(ev, value):
        return replace(target, wrappers=(*target.wrappers, value_name(value)))
    if _is_inert(ev, value):
        return target
    if isinstance(value, (Function, Partial)):
        call = ast.copy_location(ast.Call(func=node, args=[], keywords=[]), node)
        result = ev.invoke(Known(value=value), Arguments(args=(Known(value=target),)), call, frame).value
        if isinstance(result, Decorated):
            return result
    raise RefusedError("its effect is not known")


def _with(ev: Evaluator, target: Decorated, spec: MetaflowObject) -> Decorated:
    if spec.kind == INERT:
        return target
    if spec.kind == WRAPPER:
        return replace(target, wrappers=(*target.wrappers, known(spec.arguments.args[0]).value))
    if spec.kind == "step":
        options = spec.arguments.kwargs
        start, end = (plain(known(options.get(name, Known(value=False))).value) for name in ("start", "end"))
        # What decorators below did is forgotten: @step starts a new list of them.
        return Decorated(is_step=True, start=bool(start), end=bool(end))
    if spec.kind not in STEP_DECORATORS and spec.kind not in ev.in_house:
        raise RefusedError(f"{spec.kind} is no decorator of steps")
    if not target.is_step:
        raise RefusedError("Metaflow fails: decorators stand above @step")
    return replace(target, specs=(*target.specs, spec))


def _own_name(value: Any) -> str:
    """The name of a decorator of Metaflow's own."""
    is_own = isinstance(value, External) and value.name.startswith("metaflow.") and value.name.count(".") == 1
    return value.name.removeprefix("metaflow.") if is_own else ""


def _house_name(ev: Evaluator, value: Any) -> str:
    """The name under which costgate.yml describes a decorator that is not Metaflow's own."""
    name = value_name(value).rpartition(".")[2]
    return name if name in ev.in_house and _own_name(value) not in STEP_DECORATORS else ""


def _target(given: Arguments) -> Decorated | None:
    """The step that a call decorates."""
    first = given.args[0] if len(given.args) == 1 else None
    return first.value if isinstance(first, Known) and isinstance(first.value, Decorated) else None


def is_decorating(ev: Evaluator, value: Any, given: Arguments) -> bool:
    """Whether a call applies a decorator to a step, or makes one that is not evaluated like other functions."""
    if not isinstance(value, (External, Function, Class, MetaflowObject)):
        return False
    return (
        (not isinstance(value, Function) and _target(given) is not None)
        or bool(_house_name(ev, value))
        or _is_inert(ev, value)
        or _is_inert_factory(ev, value)
    )


def decorate(ev: Evaluator, value: Any, given: Arguments, node: ast.Call, frame: Frame) -> Known:
    """The result of such a call."""
    target = _target(given)
    if target is not None and (given.kwargs or given.unpacked or given.rest):
        if _own_name(value) not in STEP_DECORATORS:
            raise RefusedError("decorates a step with arguments that are not evaluated")
        options = replace(given, args=())
        spec = MetaflowObject(kind=_own_name(value), arguments=options, location=frame.location(node))
        return Known(value=_with(ev, target, spec))
    if target is not None:
        return Known(value=_applied(ev, value, target, node.func, frame))
    if not _house_name(ev, value) and is_user_step_decorator(ev, value):
        name = Arguments(args=(Known(value=value_name(value)),))
        return Known(value=MetaflowObject(kind=WRAPPER, arguments=name, location=frame.location(node)))
    kind = _house_name(ev, value) or INERT
    return Known(value=MetaflowObject(kind=kind, arguments=given, location=frame.location(node)))


def in_house_call(ev: Evaluator, node: ast.Call, frame: Frame, function: Unresolved) -> Known:
    """A call of something unknown; fine if costgate.yml describes a decorator of that name."""
    name = dotted(node.func).rpartition(".")[2]
    if name not in ev.in_house:
        raise OpenError(function)
    given = ev.arguments(node, frame)
    return Known(value=MetaflowObject(kind=name, arguments=given, location=frame.location(node)))


def _is_inert(ev: Evaluator, value: Any) -> bool:
    """A step decorator of the user's that provably leaves Metaflow's decorators alone."""
    is_plain = isinstance(value, Function) and not isinstance(value.node, ast.Lambda) and not value.node.decorator_list
    return is_user_step_decorator(ev, value) or (is_plain and _is_wrapper(ev, value, value.node))


def is_user_step_decorator(ev: Evaluator, value: Any) -> bool:
    """Whether it is one of those that Metaflow wraps steps with, as a class or as a generator function."""
    if isinstance(value, Class):
        return _is_user_step_decorator(ev, value)
    if not isinstance(value, Function) or isinstance(value.node, ast.Lambda):
        return False
    found = [ev.evaluate(_function(node), module_frame(value.module)) for node in value.node.decorator_list]
    return [result.value for result in found if isinstance(result, Known)] == [USER_STEP_DECORATOR]


def _function(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_user_step_decorator(ev: Evaluator, cls: Class) -> bool:
    order = classes.mro(ev, cls)
    own = [base for base in order if isinstance(base, Class)]
    others = {base.name for base in order if isinstance(base, External)} | {
        "?" for b in order if isinstance(b, Unresolved)
    }
    if others != {"metaflow.UserStepDecorator"}:
        return False
    names = {node.attr for base in own for node in ast.walk(base.node) if isinstance(node, ast.Attribute)}
    return not names & TOUCHING


def _is_wrapper(ev: Evaluator, function: Function, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """`def deco(f): @functools.wraps(f) def wrapper(…): … return wrapper`: what wraps copies keeps the step a step."""
    parameters = node.args.args
    inner = _inner(node)
    if inner is None or len(parameters) != 1 or len(inner.decorator_list) != 1:
        return False
    wraps = inner.decorator_list[0]
    if not isinstance(wraps, ast.Call) or len(wraps.args) != 1 or wraps.keywords:
        return False
    result = ev.evaluate(wraps.func, module_frame(function.module))
    is_wraps = isinstance(result, Known) and result.value == External(name="functools.wraps")
    argument = wraps.args[0]
    names = {n.attr for n in ast.walk(inner) if isinstance(n, ast.Attribute)}
    return is_wraps and isinstance(argument, ast.Name) and argument.id == parameters[0].arg and not names & TOUCHING


def _is_inert_factory(ev: Evaluator, value: Any) -> bool:
    """A function that makes such a wrapper: `def timed(label): def deco(f): … return deco`."""
    if not isinstance(value, Function) or isinstance(value.node, ast.Lambda) or value.node.decorator_list:
        return False
    inner = _inner(value.node)
    return inner is not None and not inner.decorator_list and _is_wrapper(ev, value, inner)


def _inner(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The function that a function defines and returns, if that is all that it does."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if len(body) != 2 or not isinstance(body[0], (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    returned = body[1].value if isinstance(body[1], ast.Return) else None
    is_returned = isinstance(returned, ast.Name) and returned.id == body[0].name
    return body[0] if is_returned else None
