"""The expressions of mutators: values that the evaluator tells, and calls that change a step or a container."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from costgate.flow import elements
from costgate.flow.bodies import is_simple
from costgate.flow.frame import Frame
from costgate.flow.mutations import nodes
from costgate.flow.mutators_class import Mutator, MutatorView, method
from costgate.flow.mutators_effects import apply_effect
from costgate.flow.mutators_guard import check_expression, reaches
from costgate.flow.mutators_state import EFFECTS, Attached, FlowState, FlowView, StepState, StepView
from costgate.flow.operations import python
from costgate.flow.values import Arguments, External, Function, Myself, Partial, RefusedError, derive, known
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

NONE = Known(value=None)
Damaged = Callable[[list[StepState], Unresolved], None]
Run: TypeAlias = "Callable[[World, Mutator, Function, Arguments, Damaged | None], Value]"


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """What all methods of all mutators of a flow share."""

    ev: Evaluator
    flow: FlowState
    run: Run
    initialise: Callable[[Mutator], None]  # runs `init`
    statements: int = 0
    calls: int = 0
    owned: dict[int, Any] = field(default_factory=dict)  # containers that only the code of mutators holds, by identity
    looping: list[int] = field(default_factory=list)  # identities of containers that loops go through
    specs: dict[int, tuple[Attached, Mapping[str, Value]]] = field(
        default_factory=dict
    )  # and those that tell attributes

    def own(self, container: Any) -> None:
        """Remembers a container that may be changed in place."""
        self.owned[id(container)] = container

    def told(self, attached: Attached, attributes: dict[str, Value]) -> None:
        """Remembers whose attributes a container tells."""
        self.own(attributes)
        self.specs[id(attributes)] = (attached, dict(attributes))


@dataclass(slots=True, kw_only=True, eq=False)
class Body:
    """One call of a function on its way through its statements."""

    world: World
    mutator: Mutator
    function: Function
    frame: Frame
    local: dict[str, Value]  # the frame's
    damaged: Damaged | None  # takes what one round of a loop over steps may have done; None where that is not bounded
    result: Value = NONE

    @property
    def ev(self) -> Evaluator:
        return self.world.ev


def function_of(body: Body, node: ast.Call) -> tuple[Function, Arguments] | None:
    """The function of the repository that a call names, and the `self` that it is bound to."""
    if any(isinstance(n, ast.Call) for n in nodes(node.func)):
        return None
    result = body.ev.evaluate(node.func, body.frame)
    found = result.value if isinstance(result, Known) else None
    bound = Arguments()
    if isinstance(found, Partial):
        found, bound = found.function.value, found.arguments
    return (found, bound) if isinstance(found, Function) else None


def run_call(body: Body, node: ast.Call, found: tuple[Function, Arguments]) -> Value:
    """What such a function returns, once it has run."""
    function, bound = found
    given = arguments(body, node)
    together = replace(given, args=(*bound.args, *given.args))
    return body.world.run(body.world, body.mutator, function, together, body.damaged)


def arguments(body: Body, node: ast.Call) -> Arguments:
    """The evaluated arguments of a call."""
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        inner = argument.value if isinstance(argument, ast.Starred) else argument
        check_expression(body.ev, inner, body.frame, body.mutator)
    given = body.ev.arguments(node, body.frame)
    for value, argument in zip(given.args, node.args):
        _fresh(body, argument, value)
    for keyword in node.keywords:
        if keyword.arg is not None:
            _fresh(body, keyword.value, given.kwargs[keyword.arg])
    return given


def run_super(body: Body, node: ast.Call) -> bool:
    """`super().method(…)`: that of the next class; Metaflow's own methods do nothing."""
    function = node.func
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Call):
        return False
    maker = body.ev.evaluate(function.value.func, body.frame)
    is_super = isinstance(maker, Known) and maker.value == External(name="builtins.super")
    owner = body.function.body
    if not is_super or function.value.args or owner is None or function.attr not in ("init", "mutate", "pre_mutate"):
        return False
    found = method(body.ev, body.mutator.applied.cls, function.attr, after=owner)
    given = arguments(body, node)
    if found is not None:
        bound = replace(given, args=(Known(value=body.mutator.view), *given.args))
        body.world.run(body.world, body.mutator, found, bound, body.damaged)
    return True


def effect(body: Body, node: ast.expr) -> Known | None:
    """What `add_decorator` and its like return, once done; None for another expression."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in EFFECTS:
        return None
    receiver = known(value_of(body, node.func.value)).value
    if not isinstance(receiver, (FlowView, StepView)):
        raise RefusedError(f"calls {node.func.attr} of something that is neither the flow nor a step")
    given = arguments(body, node)
    if given.unpacked or given.rest:
        raise RefusedError("has arguments that are not known")
    return apply_effect(
        body.world, receiver, node.func.attr, given, body.frame.location(node), body.frame.text.shown(node)
    )


def changed(body: Body, node: ast.expr) -> Value | None:
    """What a method returns that changes a container in place; None for another expression."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in IN_PLACE:
        return None
    owner = owned(body, node.func.value)
    given = arguments(body, node)
    if given.unpacked or given.rest:
        raise RefusedError("has arguments that are not known")
    with python():
        return IN_PLACE[node.func.attr](body, owner, given)


def owned(body: Body, node: ast.expr) -> Any:
    """A container that may be changed in place. RefusedError if it is not this code's own or a loop goes through it."""
    owner = known(value_of(body, node)).value
    if id(owner) not in body.world.owned or id(owner) in body.world.looping:
        raise RefusedError("changes a container in place that may be used elsewhere, too")
    return owner


def _update(body: Body, owner: Any, given: Arguments) -> Value:
    if not isinstance(owner, dict) or len(given.args) > 1:
        raise RefusedError("updates in a way that is not evaluated")
    for value in given.args:
        owner.update(elements.mapping(known(value)))
    owner.update(given.kwargs)
    return NONE


def _pop(body: Body, owner: Any, given: Arguments) -> Value:
    if not isinstance(owner, dict) or given.kwargs or len(given.args) not in (1, 2):
        raise RefusedError("removes an element in a way that is not evaluated")
    key = body.ev.plain(known(given.args[0]).value)
    found: Value = owner.pop(key, *given.args[1:])
    return found


def _setdefault(body: Body, owner: Any, given: Arguments) -> Value:
    if not isinstance(owner, dict) or given.kwargs or len(given.args) != 2:
        raise RefusedError("sets a default in a way that is not evaluated")
    found: Value = owner.setdefault(body.ev.plain(known(given.args[0]).value), given.args[1])
    return found


def _append(body: Body, owner: Any, given: Arguments) -> Value:
    if not isinstance(owner, list) or given.kwargs or len(given.args) != 1:
        raise RefusedError("appends in a way that is not evaluated")
    owner.append(given.args[0])
    return NONE


IN_PLACE: Mapping[str, Callable[[Body, Any, Arguments], Value]] = {
    "append": _append,
    "pop": _pop,
    "setdefault": _setdefault,
    "update": _update,
}


def value_of(body: Body, node: ast.expr) -> Value:
    """The value of an expression; effects count where a call stands alone, behind an assignment or in a test."""
    if isinstance(node, ast.Call):
        done = effect(body, node) or changed(body, node) or _by_name(body, node) or _copied(body, node)
        if done is not None:
            return done
        found = function_of(body, node)
        if found is not None and not is_simple(found[0]) and _hands_over(body, node):
            return run_call(body, node, found)
    check_expression(body.ev, node, body.frame, body.mutator)
    result = body.ev.evaluate(node, body.frame)
    _fresh(body, node, result)
    return result


def _hands_over(body: Body, node: ast.Call) -> bool:
    """Whether a call is given something that it could change."""
    given = body.ev.arguments(node, body.frame)
    return any(map(reaches, (*given.args, *given.kwargs.values()))) or given.rest is not None


def _by_name(body: Body, node: ast.Call) -> Known | None:
    """`getattr(flow, name)`."""
    function = node.func
    is_getattr = (
        isinstance(function, ast.Name) and function.id == "getattr" and len(node.args) == 2 and not node.keywords
    )
    if not is_getattr or known(value_of(body, function)).value != External(name="builtins.getattr"):
        return None
    owner, name = known(value_of(body, node.args[0])), body.ev.plain(known(value_of(body, node.args[1])).value)
    if not isinstance(owner.value, (FlowView, StepView, MutatorView)) or not isinstance(name, str):
        raise RefusedError("asks for an attribute in a way that is not evaluated")
    return owner.value.attribute(name)


def _copied(body: Body, node: ast.Call) -> Known | None:
    """`x.copy()` of a dict or list."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "copy" or node.args or node.keywords:
        return None
    owner = known(value_of(body, node.func.value))
    if not isinstance(owner.value, (dict, list)):
        return None
    copy = owner.value.copy()
    body.world.own(copy)
    return derive(copy, body.frame.location(node), owner)


FRESH = (ast.Dict, ast.DictComp, ast.List, ast.ListComp)
MAKERS = (External(name="builtins.dict"), External(name="builtins.list"))


def _fresh(body: Body, node: ast.expr, value: Value) -> None:
    """Remembers a container that the expression made: nobody else holds it."""
    if not isinstance(value, Known) or not isinstance(value.value, (dict, list)):
        return
    made = isinstance(node, FRESH)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        maker = body.ev.evaluate(node.func, body.frame)
        made = isinstance(maker, Known) and maker.value in MAKERS
    if made:
        body.world.own(value.value)


def truth(body: Body, node: ast.expr) -> bool:
    """Whether an expression counts as true."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not truth(body, node.operand)
    done = effect(body, node)
    if done is not None:
        return done.value is True or isinstance(done.value, Myself)
    check_expression(body.ev, node, body.frame, body.mutator)
    return body.ev.truth(node, body.frame)[0]
