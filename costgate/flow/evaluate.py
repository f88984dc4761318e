"""Evaluates a closed subset of Python over a snapshot. What is outside of it is Unresolved, never a guess.

An evaluator serves one flow: it counts its steps, remembers what it computed and which files it looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from posixpath import join
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from costgate.flow import calls, classes, comprehensions, elements, names, operations
from costgate.flow.classes import Base
from costgate.flow.frame import Frame
from costgate.flow.mutations import dotted, prefixes
from costgate.flow.scope import Binding
from costgate.flow.source import Module
from costgate.flow.values import (
    MAX_ITEMS,
    TOO_LONG,
    Arguments,
    CheckoutPath,
    Class,
    Delayed,
    Function,
    Instance,
    Member,
    MetaflowObject,
    OpenError,
    PurePath,
    RefusedError,
    Tree,
    checked,
    derive,
    is_mutable,
    plain,
    results,
    used,
    work,
)
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.parse import Sources

Found = TypeVar("Found")

MAX_STEPS = 200_000
MAX_DEPTH = 60
MAKING = (ast.BinOp, ast.Call, ast.Dict, ast.JoinedStr, ast.List, ast.Subscript, ast.Tuple)  # large values in one step


class Evaluator:
    """Evaluates expressions of the modules that `script` can import."""

    def __init__(self, sources: Sources, script: str, cwd: str = ".", env: Mapping[str, str] | None = None) -> None:
        self.sources = sources
        self.script = script
        self.cwd = cwd
        self.env = env or {}  # METAFLOW_* settings of the deploying machine
        self.in_house: frozenset[str] = frozenset()  # decorators that costgate.yml describes
        self.steps = self.depth = 0
        self.memo: dict[Binding, Value] = {}
        self.reads: dict[str, str] = {}  # path → blob id of every file that was looked for, "" where there is none
        self.configs: Mapping[str, Value] = {}  # option name → value of the flow's Config, once they are read
        self.foreign: Mapping[tuple[str, str], bool] = {}  # what modules change in others, as in imports.Effects
        self.environment: frozenset[str] = frozenset()  # environment variables that they set
        self.mros: dict[Class, tuple[Base, ...]] = {}
        self.deriving: list[Class] = []  # classes whose bases are being looked at
        self.seen: dict[tuple[str, ast.AST], Any] = {}  # what was found out by reading a function or class
        self._active: set[Hashable] = set()

    def exists(self, path: str) -> str | None:
        """The path if the snapshot has it; either way the result depends on it."""
        blob = self.reads[path] = self.sources.snapshot.files.get(path, "")
        return path if blob else None

    def load(self, path: str) -> Module:
        """A module of the repository. OpenError if it cannot be read."""
        self.exists(path)
        module = self.sources.module(path)
        if isinstance(module, Unresolved):
            raise OpenError(module)
        return module

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        """The value of an expression. Never raises."""
        try:
            return self.known(node, frame)
        except OpenError as error:
            return error.unresolved

    def known(self, node: ast.expr, frame: Frame) -> Known:
        """The value of an expression; OpenError where it is not known."""
        self.steps += 1
        self.depth += 1
        try:
            if self.steps > MAX_STEPS or self.depth > MAX_DEPTH:
                raise RefusedError(TOO_LONG if self.depth <= MAX_DEPTH else "is nested too deeply")
            handler = EXPRESSIONS.get(type(node))
            if handler is None:
                raise RefusedError(f"is {NOT_EVALUATED.get(type(node), type(node).__name__)}, which is not evaluated")
            result = handler(self, node, frame)
            self.steps += work(result.value) if isinstance(node, MAKING) else 0
            return result
        except RefusedError as error:
            raise OpenError(frame.text.unresolved(node, error.reason)) from None
        except RecursionError:
            raise OpenError(frame.text.unresolved(node, "is nested too deeply")) from None
        finally:
            self.depth -= 1

    def refusing(self, node: ast.AST, frame: Frame, compute: Callable[[], Known]) -> Known:
        """A computation whose refusal is the node's."""
        try:
            return compute()
        except RefusedError as error:
            raise OpenError(frame.text.unresolved(node, error.reason)) from None

    def element(self, node: ast.expr, frame: Frame, index: tuple[int, ...]) -> Known:
        """An expression unpacked: the element at this path of indexes."""
        result = self.known(node, frame)
        try:
            for i in index:
                result = elements.item(self, result, Known(value=i), frame.location(node), frame.text.shown(node))
        except RefusedError as error:
            raise OpenError(frame.text.unresolved(node, error.reason)) from None
        return result

    def plain(self, value: Any) -> Any:
        """`values.plain`, whose work counts."""
        budget = [MAX_ITEMS]
        try:
            return plain(value, budget)
        finally:
            self.steps += MAX_ITEMS - budget[0] + (work(value) if isinstance(value, str) else 0)

    def truth(self, node: ast.expr, frame: Frame) -> tuple[bool, Known]:
        """Whether an expression counts as true, and its value."""
        result = self.known(node, frame)
        value = result.value
        if isinstance(value, (Delayed, MetaflowObject)):  # Metaflow's are mappings of length 1
            note = "a config counts as true outside of config_expr, whatever its value"
            return True, replace(result, notes=(*result.notes, note))
        if isinstance(value, Tree):
            return bool(value.data), result
        return bool(value if isinstance(value, (list, tuple, dict)) else self.plain(value)), result

    def once(self, what: str, node: ast.AST, find: Callable[[], Found]) -> Found:
        """What reading the whole of a function or class tells; large ones are read once."""
        if (what, node) not in self.seen:
            self.seen[what, node] = find()
        found: Found = self.seen[what, node]
        return found

    def invoke(self, function: Known, given: Arguments, node: ast.Call, frame: Frame) -> Known:
        """The result of calling something; `node` and `frame` say where."""
        return calls.invoke(self, function, given, node, frame)

    def arguments(self, node: ast.Call, frame: Frame) -> Arguments:
        """The evaluated arguments of a call."""
        return calls.arguments(self, node, frame)

    def call_function(self, function: Function, given: Arguments) -> Known:
        """The result of a function of the repository. RefusedError or OpenError where it is not known."""
        return calls.returned(self, function, given, None)

    def is_plain_class(self, cls: Class) -> bool:
        """Whether making an instance of a class runs no code of the repository."""
        return classes.custom_methods(self, cls) == frozenset()

    def returned(self, function: Function) -> ast.expr | None:
        """What a function returns if returning is all that it does."""
        node = function.node
        if isinstance(node, ast.Lambda):
            return node.body
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        is_plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
        return body[0].value if is_plain and len(body) == 1 and isinstance(body[0], ast.Return) else None

    @contextmanager
    def active(self, key: Hashable) -> Iterator[None]:
        """Marks something as being evaluated; RefusedError if it already is, or after too many steps."""
        self.steps += 5  # more work than an expression
        if key in self._active or self.steps > MAX_STEPS:
            raise RefusedError("is defined by itself" if key in self._active else TOO_LONG)
        self._active.add(key)
        try:
            yield
        finally:
            self._active.discard(key)


def _constant(_: Evaluator, node: ast.Constant, frame: Frame) -> Known:
    if node.value is not None and not isinstance(node.value, (bool, int, float, str)):
        raise RefusedError("is neither a number nor text")
    return Known(value=checked(node.value), chain=(frame.location(node),))


def _name(ev: Evaluator, node: ast.Name, frame: Frame) -> Known:
    return used(names.lookup(ev, node.id, frame), frame.location(node))


def _attribute(ev: Evaluator, node: ast.Attribute, frame: Frame) -> Known:
    owner = ev.known(node.value, frame)
    changed = frame.module.changes.names if frame.module else frozenset()
    path = dotted(node)
    place = path.rpartition(".")[0]
    if path in changed or f"{place}.*" in changed or f"{place}.__dict__" in changed:
        raise RefusedError("is assigned or changed elsewhere in the module; give it one value where it is defined")
    result = elements.attribute(ev, owner, node.attr, frame.location(node), frame.text.shown(node))
    if is_mutable(result.value) and any(prefix in changed for prefix in prefixes(path)):
        raise RefusedError("is changed in place")
    return derive(result.value, frame.location(node), _without_place(owner), result)


def _without_place(owner: Known) -> Known:
    """A config that something is taken from: only the taken value's own place is of interest."""
    return replace(owner, chain=owner.chain[:-1]) if isinstance(owner.value, Tree) else owner


def _subscript(ev: Evaluator, node: ast.Subscript, frame: Frame) -> Known:
    owner = ev.known(node.value, frame)
    if isinstance(node.slice, ast.Slice):
        bounds = [
            ev.known(b, frame) if b else Known(value=None)
            for b in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        key = derive(slice(*(ev.plain(bound.value) for bound in bounds)), frame.location(node), *bounds)
    else:
        key = ev.known(node.slice, frame)
    result = elements.item(ev, owner, key, frame.location(node), frame.text.shown(node))
    return derive(result.value, frame.location(node), _without_place(owner), key, result)


def _sequence(ev: Evaluator, node: ast.List | ast.Tuple, frame: Frame) -> Known:
    items: list[Value] = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            items += elements.iterate(ev.known(element.value, frame))
        else:
            items.append(ev.evaluate(element, frame))
    return Known(value=checked(items if isinstance(node, ast.List) else tuple(items)), chain=(frame.location(node),))


def _set(ev: Evaluator, node: ast.Set, frame: Frame) -> Known:
    items = [ev.known(element, frame) for element in node.elts]
    with operations.python():
        return derive({ev.plain(item.value) for item in items}, frame.location(node), *items)


def _dict(ev: Evaluator, node: ast.Dict, frame: Frame) -> Known:
    result: dict[Any, Value] = {}
    for key, value in zip(node.keys, node.values):
        if key is None:
            result |= elements.mapping(ev.known(value, frame))
        else:
            with operations.python():
                result[ev.plain(ev.known(key, frame).value)] = ev.evaluate(value, frame)
    return Known(value=checked(result), chain=(frame.location(node),))


def _joined(ev: Evaluator, node: ast.JoinedStr, frame: Frame) -> Known:
    parts = [
        _field(ev, part, frame) if isinstance(part, ast.FormattedValue) else ev.known(part, frame)
        for part in node.values
    ]
    if any(isinstance(part.value, CheckoutPath) for part in parts[1:]):
        raise RefusedError("depends on where the repository is checked out")
    kind = CheckoutPath if parts and isinstance(parts[0].value, CheckoutPath) else str
    return derive(kind(checked("".join(part.value for part in parts))), frame.location(node), *parts)


def _field(ev: Evaluator, node: ast.FormattedValue, frame: Frame) -> Known:
    result = ev.known(node.value, frame)
    spec = ev.known(node.format_spec, frame).value if node.format_spec else ""
    value = result.value.text if isinstance(result.value, PurePath) else result.value
    if isinstance(value, CheckoutPath) and node.conversion == -1 and not spec:
        return Known(value=value, chain=result.chain, notes=result.notes)
    return derive(operations.formatted(ev.plain(value), node.conversion, spec), frame.location(node), result)


def _binary(ev: Evaluator, node: ast.BinOp, frame: Frame) -> Known:
    left, right = ev.known(node.left, frame), ev.known(node.right, frame)
    return derive(_combined(ev, type(node.op), left.value, right.value), frame.location(node), left, right)


def _combined(ev: Evaluator, kind: type[ast.operator], left: Any, right: Any) -> Any:
    if any(isinstance(side, (Delayed, MetaflowObject, Tree)) for side in (left, right)):
        raise RefusedError("uses an operator on a config: Metaflow knows its value only inside config_expr")
    if isinstance(left, CheckoutPath) and isinstance(right, str) and kind is ast.Add:
        return CheckoutPath(checked(str(left) + right))
    if isinstance(left, PurePath) and kind is ast.Div:
        right = right.text if isinstance(right, PurePath) else right
        return PurePath(text=_like(left.text, join(left.text, right))) if isinstance(right, str) else ev.plain(left)
    is_container = isinstance(left, (list, tuple, dict)) and isinstance(right, (list, tuple, dict, int))
    if is_container and kind in (ast.Add, ast.Mult, ast.BitOr):
        return operations.binary(kind, left, right)  # the elements stay what they are
    return results(operations.binary(kind, ev.plain(left), ev.plain(right)))


def _like(path: str, text: str) -> str:
    return CheckoutPath(text) if isinstance(path, CheckoutPath) else text


def _unary(ev: Evaluator, node: ast.UnaryOp, frame: Frame) -> Known:
    if isinstance(node.op, ast.Not):
        is_true, part = ev.truth(node.operand, frame)
        return derive(not is_true, frame.location(node), part)
    operand = ev.known(node.operand, frame)
    return derive(operations.unary(type(node.op), ev.plain(operand.value)), frame.location(node), operand)


def _boolean(ev: Evaluator, node: ast.BoolOp, frame: Frame) -> Known:
    parts: list[Known] = []
    for operand in node.values:
        is_true, part = ev.truth(operand, frame)
        parts.append(part)
        if is_true != isinstance(node.op, ast.And):
            break
    return derive(parts[-1].value, frame.location(node), *parts)


def _conditional(ev: Evaluator, node: ast.IfExp, frame: Frame) -> Known:
    is_true, test = ev.truth(node.test, frame)
    result = ev.known(node.body if is_true else node.orelse, frame)
    return derive(result.value, frame.location(node), test, result)


def _compare(ev: Evaluator, node: ast.Compare, frame: Frame) -> Known:
    parts = [ev.known(node.left, frame)]
    outcome = True
    for kind, comparator in zip(node.ops, node.comparators):
        parts.append(ev.known(comparator, frame))
        outcome = operations.compare(type(kind), *(_comparable(ev, part.value) for part in parts[-2:]))
        if not outcome:
            break
    return derive(outcome, frame.location(node), *parts)


def _comparable(ev: Evaluator, value: Any) -> Any:
    if isinstance(value, (Delayed, MetaflowObject)):
        raise RefusedError("compares a config: Metaflow knows its value only inside config_expr")
    if isinstance(value, (Instance, Member)):
        raise RefusedError("compares objects")
    return ev.plain(value)


def _lambda(_: Evaluator, node: ast.Lambda, frame: Frame) -> Known:
    if frame.local or frame.outer or frame.module is None:
        raise RefusedError("is a lambda that may use local names")
    return Known(value=Function(node=node, module=frame.module, body=frame.body), chain=(frame.location(node),))


Handler: TypeAlias = Callable[[Evaluator, Any, Frame], Known]

NOT_EVALUATED: dict[type[ast.expr], str] = {
    ast.GeneratorExp: "a generator outside of a call",
    ast.NamedExpr: "an assignment inside an expression",
    ast.Await: "an `await`",
    ast.Yield: "a `yield`",
}
EXPRESSIONS: dict[type[ast.expr], Handler] = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: calls.call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: comprehensions.comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _joined,
    ast.Lambda: _lambda,
    ast.List: _sequence,
    ast.ListComp: comprehensions.comprehension,
    ast.Name: _name,
    ast.Set: _set,
    ast.SetComp: comprehensions.comprehension,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
    ast.UnaryOp: _unary,
}
