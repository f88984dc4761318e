"""Runs the methods of mutators over a flow's state: loops over steps, conditions, decorators added and removed.

What is outside of that raises RefusedError or OpenError, and whoever called the method bounds the damage.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from costgate.flow import calls, elements, iterators, names
from costgate.flow.frame import Frame
from costgate.flow.mutations import nodes, stored
from costgate.flow.mutators_class import Mutator
from costgate.flow.mutators_guard import check_body, check_expression, is_isolated, is_quiet
from costgate.flow.mutators_state import StepState, StepView
from costgate.flow.mutators_values import (
    Body,
    Damaged,
    World,
    changed,
    effect,
    function_of,
    owned,
    run_call,
    run_super,
    truth,
    value_of,
)
from costgate.flow.operations import python
from costgate.flow.values import Arguments, External, Function, OpenError, RefusedError, describe, known
from costgate.model import Known, Value

MAX_STATEMENTS = 20_000  # of all mutators of a flow together
MAX_CALLS = 20  # functions inside of each other


def run(world: World, mutator: Mutator, function: Function, given: Arguments, damaged: Damaged | None) -> Value:
    """What a function of the repository returns. RefusedError or OpenError where its effect is not known."""
    node = function.node
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or world.calls >= MAX_CALLS:
        raise RefusedError(f"calls {describe(function)}, which is not evaluated")
    check_body(node)
    local = calls.parameters(world.ev, function, given)
    for name in set(stored(nodes(*node.body))) - local.keys():
        local[name] = function.module.unresolved(node, f"{name} is used before it is assigned")
    frame = Frame(text=function.module, module=function.module, local=local)
    body = Body(world=world, mutator=mutator, function=function, frame=frame, local=local, damaged=damaged)
    world.calls += 1
    try:
        _block(body, node.body)
    finally:
        world.calls -= 1
    return body.result


def _block(body: Body, statements: Sequence[ast.stmt]) -> str:
    """Runs statements; "break", "continue" or "return" where one of these ends them."""
    for statement in statements:
        body.world.statements += 1
        if body.world.statements > MAX_STATEMENTS:
            raise RefusedError("takes too long to evaluate")
        handler = STATEMENTS.get(type(statement))
        try:
            if handler is None:
                raise RefusedError(f"has a {type(statement).__name__} statement, which is not evaluated")
            signal = handler(body, statement)
        except RefusedError as error:
            raise OpenError(body.frame.text.unresolved(statement, error.reason)) from None
        if signal:
            return signal
    return ""


def _expression(body: Body, statement: ast.Expr) -> str:
    node = statement.value
    if not isinstance(node, ast.Call):
        known(value_of(body, node))
    elif not _called(body, node) and not _quiet(body, node):
        raise RefusedError("is a call whose effect is not known")
    return ""


def _called(body: Body, node: ast.Call) -> bool:
    """Whether a call that stands alone was carried out."""
    if effect(body, node) is not None or changed(body, node) is not None or run_super(body, node):
        return True
    found = function_of(body, node)
    if found is None:
        return False
    run_call(body, node, found)
    return True


def _quiet(body: Body, node: ast.Call) -> bool:
    if not is_quiet(body.ev, node, body.frame):
        return False
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        inner = argument.value if isinstance(argument, ast.Starred) else argument
        check_expression(body.ev, inner, body.frame, body.mutator)
    return True


def _assign(body: Body, statement: ast.Assign | ast.AnnAssign) -> str:
    if statement.value is None:
        return ""
    value = value_of(body, statement.value)
    for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
        _bind(body, target, value)
    return ""


def _bind(body: Body, target: ast.expr, value: Value) -> None:
    if isinstance(target, ast.Name):
        body.local[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(body, target.elts, elements.iterate(known(value)))
    elif isinstance(target, ast.Attribute) and _is_own_init(body, target):
        body.mutator.fields[target.attr] = value
    elif isinstance(target, ast.Subscript):
        owner = owned(body, target.value)
        if not isinstance(owner, dict):
            raise RefusedError("assigns to an element of a list")
        with python():
            owner[body.ev.plain(known(value_of(body, target.slice)).value)] = value
    else:
        raise RefusedError("assigns to more than names")


def _is_own_init(body: Body, target: ast.Attribute) -> bool:
    """Whether `init` assigns to an attribute of its mutator."""
    node = body.function.node
    is_init = isinstance(node, ast.FunctionDef) and node.name == "init"
    owner = body.ev.evaluate(target.value, body.frame)
    return is_init and isinstance(owner, Known) and owner.value is body.mutator.view


def _unpack(body: Body, targets: list[ast.expr], parts: list[Value]) -> None:
    stars = [i for i, target in enumerate(targets) if isinstance(target, ast.Starred)]
    if stars:
        first, behind = stars[0], len(targets) - stars[0] - 1
        if len(parts) < len(targets) - 1:
            raise RefusedError("Python fails here: there is too little to unpack")
        middle = Known(value=parts[first : len(parts) - behind])
        parts = [*parts[:first], middle, *parts[len(parts) - behind :]]
        targets = [t.value if isinstance(t, ast.Starred) else t for t in targets]
    if len(parts) != len(targets):
        raise RefusedError("Python fails here: what is unpacked does not fit")
    for target, part in zip(targets, parts):
        _bind(body, target, part)


def _augment(body: Body, statement: ast.AugAssign) -> str:
    target = statement.target
    if isinstance(target, ast.Attribute):
        raise RefusedError("assigns to more than names")
    load = ast.copy_location(_loaded(target), target)
    old = value_of(body, load)
    if isinstance(old, Known) and isinstance(old.value, (list, dict, set)):
        raise RefusedError("changes a container in place")
    together = ast.copy_location(ast.BinOp(left=load, op=statement.op, right=statement.value), statement)
    _bind(body, target, value_of(body, together))
    return ""


def _loaded(target: ast.Name | ast.Subscript) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(id=target.id, ctx=ast.Load())
    return ast.Subscript(value=target.value, slice=target.slice, ctx=ast.Load())


def _if(body: Body, statement: ast.If) -> str:
    return _block(body, statement.body if truth(body, statement.test) else statement.orelse)


def _for(body: Body, statement: ast.For) -> str:
    looping = body.world.looping
    depth = len(looping)
    looping += _mentioned(body, statement.iter)
    try:
        return _rounds(body, statement)
    finally:
        del looping[depth:]


def _mentioned(body: Body, node: ast.expr) -> Iterator[int]:
    """The identities of the containers that a loop may go through, and see changing."""
    for name in (n.id for n in nodes(node) if isinstance(n, ast.Name)):
        value = body.local.get(name)
        values = body.mutator.fields.values() if name == "self" else [value] if value is not None else []
        yield from (id(one.value) for one in values if isinstance(one, Known))


def _rounds(body: Body, statement: ast.For) -> str:
    for item in _items(body, statement.iter):
        _bind(body, statement.target, item)
        signal = _round(body, statement, item)
        if signal == "return":
            return signal
        if signal == "break":
            return ""
    return _block(body, statement.orelse)


def _items(body: Body, node: ast.expr) -> Iterable[Value]:
    """What a loop goes through; the decorators of a step one after the other, since the loop may change them."""
    if isinstance(node, ast.Attribute) and node.attr == "decorator_specs":
        owner = known(value_of(body, node.value)).value
        if isinstance(owner, StepView):
            return _counted(body, owner.step.specs(body.world.told))
    check_expression(body.ev, node, body.frame, body.mutator)
    return iterators.read(body.ev, node, body.frame)


def _counted(body: Body, items: Iterator[Known]) -> Iterator[Known]:
    for item in items:
        body.world.statements += 1
        yield item


def _round(body: Body, statement: ast.For, item: Value) -> str:
    """One round of a loop. What goes wrong in one over steps stays with the step, where that is certain."""
    steps = _steps(item)
    if body.damaged is None or not steps or not _isolated(body, statement):
        return _block(body, statement.body)
    try:
        return _block(body, statement.body)
    except OpenError as error:
        body.damaged(steps, error.unresolved)
        for name in stored(nodes(*statement.body)):
            body.local[name] = error.unresolved
        return ""


def _isolated(body: Body, statement: ast.For) -> bool:
    bound = set(stored(nodes(statement.target)))
    outside = {name: value for name, value in body.local.items() if name not in bound}
    return is_isolated(statement.body, outside, body.ev, body.frame)


def _steps(item: Value) -> list[StepState]:
    found = item.value if isinstance(item, Known) else None
    if isinstance(found, StepView):
        return [found.step]
    return [step for part in found for step in _steps(part)] if isinstance(found, tuple) else []


def _return(body: Body, statement: ast.Return) -> str:
    if statement.value is not None:
        body.result = value_of(body, statement.value)
    return "return"


def _import(body: Body, statement: ast.Import | ast.ImportFrom) -> str:
    module = body.function.module
    source = "." * getattr(statement, "level", 0) + (getattr(statement, "module", None) or "")
    for alias in statement.names:
        path = source if isinstance(statement, ast.ImportFrom) else alias.name
        found = names.import_module(body.ev, module, path)
        if not isinstance(found.value, External) or alias.name == "*":
            raise RefusedError("imports a module of the repository, which may do anything")
        if isinstance(statement, ast.ImportFrom):
            found = names.member(body.ev, found.value, alias.name)
        elif not alias.asname:
            found = Known(value=External(name=path.partition(".")[0]))
        name = alias.asname or (alias.name if isinstance(statement, ast.ImportFrom) else path.partition(".")[0])
        body.local[name] = found
    return ""


def _assert(body: Body, statement: ast.Assert) -> str:
    if not truth(body, statement.test):
        raise RefusedError("Metaflow fails: the assertion does not hold")
    return ""


def _raise(body: Body, statement: ast.Raise) -> str:
    raise RefusedError("Metaflow fails: the mutator raises an exception")


STATEMENTS: Mapping[type[ast.stmt], Callable[[Body, Any], str]] = {
    ast.AnnAssign: _assign,
    ast.Assert: _assert,
    ast.Assign: _assign,
    ast.AugAssign: _augment,
    ast.Break: lambda body, statement: "break",
    ast.Continue: lambda body, statement: "continue",
    ast.Expr: _expression,
    ast.For: _for,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Pass: lambda body, statement: "",
    ast.Raise: _raise,
    ast.Return: _return,
}
