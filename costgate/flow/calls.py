"""Calls: of functions that only return an expression, of classes, partials, methods, decorators and known functions."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from costgate.flow import bodies, classes, decorated, elements, functions, iterators
from costgate.flow.frame import Frame, module_frame
from costgate.flow.scope import Position
from costgate.flow.values import (
    Arguments,
    Class,
    Delayed,
    External,
    Function,
    MetaflowObject,
    Method,
    Native,
    Partial,
    RefusedError,
    derive,
    describe,
)
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator


def call(ev: Evaluator, node: ast.Call, frame: Frame) -> Known:
    """The value of a call expression."""
    function = ev.evaluate(node.func, frame)
    if isinstance(function, Unresolved):
        return decorated.in_house_call(ev, node, frame, function)
    result = invoke(ev, function, _read(ev, function, node, frame) or arguments(ev, node, frame), node, frame)
    return derive(result.value, frame.location(node), result)


def _read(ev: Evaluator, function: Known, node: ast.Call, frame: Frame) -> Arguments | None:
    """The argument of `list(zip(…))` and its like: an iterator that the function reads."""
    value = function.value
    if not (
        isinstance(value, External) and value.name in iterators.READERS and len(node.args) == 1 and not node.keywords
    ):
        return None
    rows = iterators.rows(ev, node.args[0], frame)
    return None if rows is None else Arguments(args=(Known(value=rows, chain=(frame.location(node.args[0]),)),))


def arguments(ev: Evaluator, node: ast.Call, frame: Frame) -> Arguments:
    """The evaluated arguments of a call."""
    args: list[Value] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            args += elements.iterate(ev.known(argument.value, frame))
        elif isinstance(argument, ast.GeneratorExp):
            lazy = ast.copy_location(ast.ListComp(elt=argument.elt, generators=argument.generators), argument)
            args.append(ev.evaluate(lazy, frame))
        else:
            args.append(ev.evaluate(argument, frame))
    kwargs: dict[str, Value] = {}
    unpacked: list[Known] = []
    rest: Unresolved | None = None
    for keyword in node.keywords:
        value = ev.evaluate(keyword.value, frame)
        if keyword.arg is not None:
            _add(kwargs, {keyword.arg: value})
        elif isinstance(value, Unresolved):
            rest = rest or value
        elif isinstance(value.value, (Delayed, MetaflowObject)):
            unpacked.append(value)
        else:
            _add(kwargs, elements.mapping(value))
    return Arguments(args=tuple(args), kwargs=kwargs, unpacked=tuple(unpacked), rest=rest)


def _add(kwargs: dict[str, Value], more: dict[str, Value]) -> None:
    twice = kwargs.keys() & more.keys()
    if twice or not all(isinstance(name, str) for name in more):
        raise RefusedError(
            f"Python fails here: multiple values for {min(twice)}" if twice else "has keys that are no names"
        )
    kwargs |= more


def invoke(ev: Evaluator, function: Known, given: Arguments, node: ast.Call, frame: Frame) -> Known:
    """`function(**given)`, whatever kind of function it is."""
    value = function.value
    if isinstance(value, Partial):
        return invoke(ev, value.function, _merged(value.arguments, given), node, frame)
    if decorated.is_decorating(ev, value, given):
        return decorated.decorate(ev, value, given, node, frame)
    if isinstance(value, External):
        return functions.external(ev, value.name, given, node, frame)
    if isinstance(value, Function):
        is_same_file = frame.module is value.module
        return returned(ev, value, given, frame.before if is_same_file else None)
    if isinstance(value, Class):
        return classes.construct(ev, value, given)
    if isinstance(value, Method):
        return functions.method(ev, value, given, frame.location(node), frame.text.shown(node))
    if isinstance(value, Native):
        return value.result(given)
    raise RefusedError(f"calls {describe(value)}")


def _merged(first: Arguments, then: Arguments) -> Arguments:
    """The arguments of a partial and those of its call, which win."""
    return Arguments(
        args=first.args + then.args,
        kwargs={**first.kwargs, **then.kwargs},
        unpacked=first.unpacked + then.unpacked,
        rest=first.rest or then.rest,
    )


def returned(ev: Evaluator, function: Function, given: Arguments, before: Position | None) -> Known:
    """The result of a function whose body can be evaluated; `before` as in Frame."""
    return bodies.returned(ev, function, parameters(ev, function, given), before)


def parameters(ev: Evaluator, function: Function, given: Arguments) -> dict[str, Value]:
    """Parameter → argument or default. RefusedError where they do not fit."""
    spec = function.node.args
    if given.unpacked or given.rest:
        raise RefusedError("has arguments that are not evaluated")
    positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    names = positional + [a.arg for a in spec.kwonlyargs]
    local: dict[str, Value] = dict(zip(positional, given.args))
    by_name = set(names) - {a.arg for a in spec.posonlyargs}
    others = {name: value for name, value in given.kwargs.items() if name not in by_name}
    local_twice = local.keys() & (given.kwargs.keys() - others.keys())
    if local_twice or (others and not spec.kwarg) or (len(given.args) > len(positional) and not spec.vararg):
        raise RefusedError("the arguments do not fit the function")
    local |= {name: value for name, value in given.kwargs.items() if name in by_name}
    node = function.node
    at = module_frame(function.module, before=(node.lineno, node.col_offset), body=function.body)
    at = replace(at, local=function.closure)
    defaults = [
        *zip(reversed(positional), reversed(spec.defaults)),
        *zip((a.arg for a in spec.kwonlyargs), spec.kw_defaults),
    ]
    for name, default in defaults:
        if default is not None and name not in local:
            local[name] = ev.evaluate(default, at)
    if local.keys() != set(names):
        raise RefusedError("the arguments do not fit the function")
    if spec.vararg:
        local[spec.vararg.arg] = Known(value=given.args[len(positional) :])
    if spec.kwarg:
        local[spec.kwarg.arg] = Known(value=others)
    return local
