"""Functions of the repository whose bodies only assign local names, choose by `if` and return: they change nothing."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from costgate.flow.frame import Frame
from costgate.flow.mutations import nodes, stored
from costgate.flow.scope import Position
from costgate.flow.values import Function, RefusedError, describe, is_mutable, made
from costgate.model import Known, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

GENERATING = (ast.Yield, ast.YieldFrom, ast.Await)


@dataclass(slots=True, kw_only=True)
class _Call:
    """A function on its way through its body."""

    ev: Evaluator
    function: Function
    frame: Frame
    local: dict[str, Value]  # the frame's, which assignments change
    tests: list[Known] = field(default_factory=list)  # what the way that it took depends on


def returned(ev: Evaluator, function: Function, local: dict[str, Value], before: Position | None) -> Known:
    """What a function returns for its arguments; `before` as in Frame. RefusedError or OpenError where that is open."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return ev.known(node.body, Frame(text=function.module, module=function.module, local=local, before=before))
    if not ev.once("simple", node, lambda: is_simple(function)):
        raise RefusedError(f"calls {describe(function)} that does more than assign names, choose by `if` and return")
    unbound = function.module.unresolved(node, f"a local name of {node.name} is used before it is assigned")
    bound = ev.once("bound", node, lambda: _bound(node))
    ev.steps += len(bound)
    names: dict[str, Value] = {**function.closure, **dict.fromkeys(bound, unbound), **local}
    frame = Frame(text=function.module, module=function.module, local=names, before=before)
    call = _Call(ev=ev, function=function, frame=frame, local=names)
    result = _run(call, node.body) or Known(value=None, chain=(frame.location(node),))
    return made(result.value, result, *call.tests)


def is_simple(function: Function) -> bool:
    """Whether a function's body is of the kind that is evaluated here."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return True
    is_plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
    return is_plain and _are_simple(node.body) and not any(isinstance(n, GENERATING) for n in nodes(*node.body))


def _bound(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names that are local to a function, wherever it binds them; those of its inner functions too."""
    inside = list(nodes(*node.body))
    return {*stored(inside), *(n.name for n in inside if isinstance(n, ast.FunctionDef))}


def _are_simple(body: Sequence[ast.stmt]) -> bool:
    return all(_is_simple(statement, after) for statement, after in zip(body, [*body[1:], None]))


def _is_simple(statement: ast.stmt, after: ast.stmt | None) -> bool:
    if isinstance(statement, ast.If):
        return _are_simple(statement.body) and _are_simple(statement.orelse)
    if isinstance(statement, ast.FunctionDef):  # nothing that it sees may change later
        returned = after.value if isinstance(after, ast.Return) else None
        return isinstance(returned, ast.Name) and returned.id == statement.name
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, (ast.Pass, ast.Return)) or _target(statement) is not None


def _target(statement: ast.stmt) -> str | None:
    """The one name that an assignment binds."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)) and statement.value is not None:
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _run(call: _Call, body: Sequence[ast.stmt]) -> Known | None:
    """What a block returns; None where it ends without."""
    for statement in body:
        result: Known | None = None
        if isinstance(statement, ast.Return):
            nothing = Known(value=None, chain=(call.frame.location(statement),))
            return call.ev.known(statement.value, call.frame) if statement.value else nothing
        if isinstance(statement, ast.If):
            is_true, test = call.ev.truth(statement.test, call.frame)
            call.tests.append(test)
            result = _run(call, statement.body if is_true else statement.orelse)
        elif isinstance(statement, ast.FunctionDef):
            inner = Function(node=statement, module=call.function.module, closure=dict(call.local))
            call.local[statement.name] = Known(value=inner, chain=(call.frame.location(statement),))
        elif (name := _target(statement)) is not None:
            call.local[name] = _assigned(call, statement)
        if result is not None:
            return result
    return None


def _assigned(call: _Call, statement: ast.stmt) -> Value:
    if isinstance(statement, ast.AugAssign):
        old = ast.copy_location(ast.Name(id=_target(statement) or "", ctx=ast.Load()), statement)
        if is_mutable(call.ev.known(old, call.frame).value):
            raise RefusedError(f"calls {describe(call.function)} that changes a value in place")
        together = ast.BinOp(left=old, op=statement.op, right=statement.value)
        return call.ev.evaluate(ast.copy_location(together, statement), call.frame)
    assert isinstance(statement, (ast.Assign, ast.AnnAssign))
    assert statement.value is not None  # it has a target
    return call.ev.evaluate(statement.value, call.frame)
